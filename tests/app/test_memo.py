"""What a page asks twice it reads once, and what may change something remembers nothing."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from fenji.config.middleware import Scope
from fenji.ground.common import memo
from fenji.ground.common.memo import Known, reading, remembered
from fenji.ground.network.queries import place_of, places_of
from tests.app.wsgi import call
from tests.cast import person, scope, token_for


def test_a_read_is_made_once_while_a_page_is_made_and_each_time_outside() -> None:
    asked: list[int] = []

    @remembered
    def twice(number: int, *, more: int = 0) -> int:
        asked.append(number)
        return 2 * number + more

    with reading():
        assert [twice(3), twice(3), twice(3, more=1), twice(4)] == [6, 6, 7, 8]
    assert asked == [3, 3, 4]
    with reading():
        assert twice(3) == 6
    assert [twice(3), twice(3)] == [6, 6]
    assert asked == [3, 3, 4, 3, 3, 3]


def test_nothing_that_was_found_before_is_known_on_the_next_page() -> None:
    rows: Known[int, str] = Known()
    rows.keep({1: "lost"})
    with reading():
        assert rows.get({1, 2}) == {}
        rows.keep({1: "kept"})
        assert rows.get({1, 2}) == {1: "kept"}
    with reading():
        assert rows.get({1}) == {}


def test_an_institution_is_read_once_for_a_page(db: None) -> None:
    doctor = person("doctor")
    with scope(doctor), reading(), CaptureQueriesContext(connection) as said:
        assert place_of(doctor.org_id) == places_of([doctor.org_id])[0] == place_of(doctor.org_id)
    assert len([q for q in said if "network_organisation" in q["sql"]]) == 1


def test_what_may_change_something_reads_each_time(db: None) -> None:
    doctor = person("doctor")
    with scope(doctor), CaptureQueriesContext(connection) as said:
        assert place_of(doctor.org_id) == place_of(doctor.org_id)
    assert len([q for q in said if "network_organisation" in q["sql"]]) == 2


@pytest.mark.parametrize(("method", "remembers"), [("GET", True), ("POST", False)])
def test_pages_remember_and_forms_do_not(db: None, monkeypatch: pytest.MonkeyPatch, method: str, remembers: bool) -> None:
    """Whether an address is asked for or sent to decides, and nothing is left behind."""
    kept: list[bool] = []
    entered = Scope._entered

    def look(request: Any) -> Any:
        kept.append(memo._kept.get() is not None)
        return entered(request)

    monkeypatch.setattr(Scope, "_entered", staticmethod(look))
    fields = {"_key": str(uuid4()), "language": "zh-hans", "next": "/"} if method == "POST" else None
    call(method, "/language/" if fields else "/notices/", token_for(person("doctor")), fields)
    assert kept == [remembers]
    assert memo._kept.get() is None
