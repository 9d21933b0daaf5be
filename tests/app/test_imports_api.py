"""Lists from other systems: the same judging and writing as for people, by key and in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from fenji.ground.access.models import Account, AuditEvent
from fenji.ground.common.edge import now
from fenji.ground.documents import actions, queries
from fenji.ground.documents.models import ImportRun
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL
from tests.app.listings import Lots, lots, offered
from tests.app.machine_keys import a_key, a_machine, fresh
from tests.app.wsgi import Answer, ask

_NUMBERS = count(200_001, 1000)


@pytest.fixture(scope="module")
def machine(house_file: object) -> Account:
    return a_machine(COUNTY_HOSPITAL, "县医院人事系统")


@pytest.fixture(scope="module")
def key(machine: Account) -> str:
    return a_key(machine)


@pytest.fixture
def listing(house_file: object) -> Iterator[Lots]:
    """A list that machines may send, because its permission is one that they have."""
    with offered() as found:
        found.permission = "api.use"
        yield found


@pytest.fixture
def first() -> int:
    return next(_NUMBERS)


def post(key: str, path: str, body: Any, once: str = "") -> Answer:
    return ask("POST", f"/api/v1/imports/{path}", key, json.dumps(body).encode(), IDEMPOTENCY_KEY=once or fresh())


def get(key: str, path: str) -> dict[str, Any]:
    answer = ask("GET", f"/api/v1/imports/{path}", key)
    assert answer.status == 200, answer.body
    return dict(json.loads(answer.body))


def sent(key: str, rows: list[dict[str, Any]]) -> str:
    answer = post(key, "lots", rows)
    assert answer.status == 202, answer.body
    run_id = str(json.loads(answer.body)["id"])
    assert answer.location == f"/api/v1/imports/runs/{run_id}"
    return run_id


def judged(key: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    run_id = sent(key, rows)
    actions.judge(ImportRun.objects.using("owner").get(pk=run_id).pk, at=now())
    return get(key, f"runs/{run_id}")


def written(key: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    run = judged(key, rows)
    assert post(key, f"runs/{run['id']}/write", {"version": run["version"]}).status == 202
    actions.carry_out(ImportRun.objects.using("owner").get(pk=run["id"]).pk, at=now())
    return get(key, f"runs/{run['id']}")


def test_a_list_is_sent_judged_and_written(listing: Lots, machine: Account, key: str, first: int) -> None:
    run_id = sent(key, [{"number": first, "title": "one", "kind": "b"}])
    assert get(key, f"runs/{run_id}")["state"] == "uploaded"
    run = written(
        key, [{"number": first, "title": "one", "kind": "b"}, {"number": str(first + 1), "title": "two", "colour": "red"}]
    )
    assert (run["state"], run["new"], run["faulty"], run["unknown"], run["error"]) == ("done", 2, 0, ["colour"], None)
    assert lots(first, 2) == {first: ("one", "b"), first + 1: ("two", "a")}
    assert AuditEvent.objects.using("owner").get(action="lot.put", subject=f"lot {first}").actor_id == machine.pk
    assert (again := judged(key, [{"number": first, "title": "one"}]))["same"] == 1, again


def test_a_key_that_a_row_does_not_have_says_nothing_and_null_is_empty(listing: Lots, key: str, first: int) -> None:
    written(key, [{"number": first, "title": "one", "kind": "b"}, {"number": first + 1, "title": "two", "kind": "b"}])
    run = written(key, [{"number": first, "title": "eins"}, {"number": first + 1, "title": "two", "kind": None}])
    assert (run["changed"], run["same"]) == (2, 0)
    assert lots(first, 2) == {first: ("eins", "b"), first + 1: ("two", "a")}


def test_faults_come_in_pages_with_their_place_and_words(
    listing: Lots, key: str, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "FAULTS_A_PAGE", 2)
    rows = [{"number": "x", "title": "t t"}, {"title": "t t"}, {"number": first, "title": "s"}, {"number": True, "title": 1.5}]
    run = judged(key, rows)
    assert (run["new"], run["faulty"], run["noted"]) == (1, 3, 1)
    seen, after = [], ""
    for _ in range(5):
        page = get(key, f"runs/{run['id']}/faults?after={after}")
        seen += [(f["line"], f["key"], f["code"], f["note"]) for f in page["faults"]]
        assert all(f["text"] for f in page["faults"])
        if page["next"] is None:
            break
        after = page["next"]
    assert seen == [
        (1, "number", "cell_whole", False),
        (2, "number", "cell_empty", False),
        (3, "title", "lot_short", True),
        (4, "number", "cell_whole", False),
    ]
    assert ask("GET", f"/api/v1/imports/runs/{run['id']}/faults?after=x", key).status == 404


def test_the_same_request_twice_is_one_import(listing: Lots, key: str, first: int) -> None:
    once, rows = fresh(), [{"number": first, "title": "one"}]
    a, b = post(key, "lots", rows, once), post(key, "lots", rows, once)
    assert (a.status, b.status) == (202, 303)
    assert a.location == b.location


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ([], 409, "file_empty"),
        ({}, 422, "invalid"),
        ([["number"]], 422, "invalid"),
        ([{"number": {"nested": 1}}], 422, "invalid"),
        ([{"number": "x" * 2_100_000}], 413, "too_large"),
    ],
)
def test_what_is_no_array_of_rows_is_refused(listing: Lots, key: str, body: object, status: int, code: str) -> None:
    answer = post(key, "lots", body)
    assert (answer.status, json.loads(answer.body)["code"]) == (status, code)


def test_a_run_that_failed_says_why(listing: Lots, key: str) -> None:
    run = judged(key, [{"title": "no number"}])
    assert (run["state"], run["error"]["code"]) == ("failed", "columns_missing")
    assert "Number" in run["error"]["title"]


def test_a_write_names_the_version_it_read(listing: Lots, key: str, first: int) -> None:
    run = judged(key, [{"number": first, "title": "one"}])
    answer = post(key, f"runs/{run['id']}/write", {"version": run["version"] - 1})
    assert (answer.status, json.loads(answer.body)["code"]) == (409, "stale")


def test_machines_send_only_lists_that_are_open_to_them_and_see_only_their_own(listing: Lots, key: str, first: int) -> None:
    assert post(key, "calendar", [{"day": "2042-01-01"}]).status == 403
    assert post(key, "nothing", [{"day": "2042-01-01"}]).status == 404
    run = judged(key, [{"number": first, "title": "one"}])
    for other in (a_key(a_machine(CITY_HOSPITAL)), a_key(a_machine(COUNTY_HOSPITAL))):
        for path in (f"runs/{run['id']}", f"runs/{run['id']}/faults"):
            assert ask("GET", f"/api/v1/imports/{path}", other).status == 404
        assert post(other, f"runs/{run['id']}/write", {"version": run["version"]}).status == 404


def test_numbers_beyond_what_a_number_keeps_are_at_fault(listing: Lots, key: str, first: int) -> None:
    run = judged(key, [{"number": 10**400, "title": "t t"}, {"number": first, "title": 10**17}])
    assert run["faulty"] == 2
    assert [f["code"] for f in get(key, f"runs/{run['id']}/faults")["faults"]] == ["cell_whole", "cell_lost_digits"]
