"""The leak matrix, addresses: every one tried as every role for a canary of institution B.

A cell leaks when a page, a header, a file, an export, a search, a count or a suggestion shows the canary, or when the answer
differs from that for an id that does not exist. Every address also has a positive cell: the role that may see it does.
"""

from __future__ import annotations

import pytest
from django.db import connections, transaction
from django.urls import get_resolver

from fenji.ground.common.ids import parse_case_number
from tests.app.addresses import FACTORIES
from tests.app.canary import Canary, planted
from tests.app.cells import _cell, _readable, _request
from tests.app.wsgi import call
from tests.architecture.test_code import _views
from tests.cast import person, scope


@pytest.fixture(scope="module")
def canary(house_file: object) -> Canary:
    return planted()


def test_every_address_has_an_object_factory() -> None:
    assert {address for address, _ in _views(get_resolver().url_patterns)} == set(FACTORIES)


def test_no_address_shows_the_canary_to_anybody_outside(canary: Canary, capsys: pytest.CaptureFixture[str]) -> None:
    leaks: list[str] = []
    cells = 0
    for factory in FACTORIES.values():
        for tries in factory(canary):
            for role in tries.roles:
                cells += 1
                leaks += _cell(canary, tries, role)
    with capsys.disabled():
        print(f"\nleak matrix, addresses: {cells} cells, {len(leaks)} leaks")
    assert cells > 350
    assert not leaks, "\n".join(leaks[:40])


def test_every_address_shows_it_to_those_who_may(canary: Canary, capsys: pytest.CaptureFixture[str]) -> None:
    dark = []
    cells = 0
    for factory in FACTORIES.values():
        for tries in factory(canary):
            if tries.positive and tries.shows:
                cells += 1
                answer = _request(tries, canary.tokens[tries.positive], False)
                if tries.shows not in _readable(answer):
                    dark.append(f"{tries.positive} {tries.path}: {answer.status} without {tries.shows!r}")
    with capsys.disabled():
        print(f"\nleak matrix, positive addresses: {cells} cells, {len(dark)} dark")
    assert not dark, dark


def test_officers_see_that_the_canary_was_referred_and_no_sign_of_who_it_is(canary: Canary) -> None:
    """Pages, files, and all that the functions hand out to raw SQL."""
    token = canary.tokens["officer"]
    paths = ("/facts/referrals/", "/facts/referrals/export.xlsx", f"/facts/referrals/{canary.case}/")
    shown = {path: _readable(call("GET", path, token)) for path in paths}
    functions = (
        "referral_facts(now() - interval '1 day', now() + interval '1 day', '', '', '', '', now(), '', 1000)",
        f"referral_fact_steps('{canary.case}')",
    )
    with transaction.atomic(), scope(person("officer"), token), connections["default"].cursor() as cursor:
        for function in functions:
            cursor.execute(f"SELECT * FROM {function}")
            shown[function] = str(cursor.fetchall())
    who = [s for s in canary.signs if s != canary.case]
    leaks = [f"{where}: {sign!r}" for where, text in shown.items() for sign in (*who, "1950-06-07", "1950, 6, 7") if sign in text]
    assert not leaks, leaks
    assert all(canary.case in text for where, text in shown.items() if "steps" not in where)


def test_the_matrix_can_fail(canary: Canary) -> None:
    """The control: for a role that may see the canary, the same cells must report it."""
    tries = FACTORIES["referrals/<case:number>/"](canary)[0]
    assert _cell(canary, tries, "B doctor")
    assert parse_case_number(canary.missing_case) == canary.missing_case
