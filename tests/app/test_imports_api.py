"""Lists from other systems: the same judging and writing as for people, by key and in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from fenji.config import middleware
from fenji.ground.access.models import Account, AuditEvent
from fenji.ground.access.rules import MACHINE, PERMISSIONS, MachinePolicy
from fenji.ground.common.edge import now
from fenji.ground.common.imports import listings
from fenji.ground.documents import actions, queries
from fenji.ground.documents.models import ImportRun
from fenji.ground.network.models import DutyShift
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


# --- what machines feed of their own organisation -----------------------------------------------------------------------------

OWN, OTHER = f"SIM{COUNTY_HOSPITAL:06d}", f"SIM{CITY_HOSPITAL:06d}"
DOCTOR = {"org": OWN, "number": "HIS-1", "name": "邱志远", "category": "physician", "title": "junior", "since": "2022-03-01"}
FEED = {
    "departments": ({"org": OWN, "name": "接口科"}, {"name_en": "Interfaces"}),
    "staff": (DOCTOR, {"title": "intermediate"}),
    "duty": (
        {"org": OWN, "number": "HIS-1", "duty": "emergency", "day": "2041-05-01", "begins": "20:00", "ends": "08:00"},
        {"ends": "9:30"},
    ),
}


def fed(key: str, listing: str, rows: list[dict[str, Any]], *, write: bool = True) -> dict[str, Any]:
    """Send, judge, and have written what is good."""
    answer = post(key, listing, rows)
    assert answer.status == 202, answer.body
    run_id = json.loads(answer.body)["id"]
    actions.judge(run_id, at=now())
    run = get(key, f"runs/{run_id}")
    if not write or not run["new"] + run["changed"]:
        return run
    assert post(key, f"runs/{run_id}/write", {"version": run["version"]}).status == 202
    actions.carry_out(run_id, at=now())
    return get(key, f"runs/{run_id}")


def counts(run: dict[str, Any]) -> tuple[int, int, int, int]:
    return run["new"], run["changed"], run["same"], run["faulty"]


@pytest.mark.parametrize("listing", FEED)
def test_a_system_feeds_the_lists_of_its_own_institution_and_a_second_time_changes_nothing(key: str, listing: str) -> None:
    fed(key, "staff", [DOCTOR])
    row, change = FEED[listing]
    first, again = fed(key, listing, [row]), fed(key, listing, [row])
    assert first["state"] == "done" or listing == "staff"
    assert counts(again) == (0, 0, 1, 0)
    assert counts(fed(key, listing, [{**row, **change}])) == (0, 1, 0, 0)
    assert counts(fed(key, listing, [{**row, **change}])) == (0, 0, 1, 0)
    fed(key, listing, [row])


def test_what_a_system_fed_stands_in_its_name(key: str, machine: Account) -> None:
    fed(key, "staff", [DOCTOR])
    fed(key, "duty", [FEED["duty"][0]])
    (shift,) = DutyShift.objects.using("owner").filter(practitioner__number="HIS-1", practitioner__org_id=COUNTY_HOSPITAL)
    assert (shift.org_id, shift.start.hour, (shift.end - shift.start).total_seconds()) == (COUNTY_HOSPITAL, 12, 12 * 3600)
    assert AuditEvent.objects.using("owner").filter(action="duty.add", subject=f"duty:{shift.pk}").get().actor_id == machine.pk


@pytest.mark.parametrize("listing", FEED)
def test_rows_of_another_institution_are_at_fault_and_stay_out(key: str, listing: str) -> None:
    row, _change = FEED[listing]
    run = fed(key, listing, [{**row, "org": OTHER}, {**row, "org": "NOBODY"}])
    assert counts(run) == (0, 0, 0, 2)
    codes = [f["code"] for f in get(key, f"runs/{run['id']}/faults")["faults"]]
    assert codes == ["not_yours", "no_org"]
    assert post(key, f"runs/{run['id']}/write", {"version": run["version"]}).status == 409
    other = a_key(a_machine(CITY_HOSPITAL))
    assert counts(fed(other, listing, [row], write=False)) == (0, 0, 0, 1)


def test_a_system_changes_nobodys_shift_by_its_number_elsewhere(key: str) -> None:
    """The same staff number means another person in another institution."""
    fed(key, "staff", [DOCTOR])
    other = a_key(a_machine(CITY_HOSPITAL))
    theirs = {**FEED["duty"][0], "org": OTHER}
    run = fed(other, "duty", [theirs])
    assert [f["code"] for f in get(other, f"runs/{run['id']}/faults")["faults"]] == ["no_staff"]


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"begins": "24:00"}, ["no_time"]),
        ({"begins": "8"}, ["no_time"]),
        ({"ends": "٨:٠٠"}, ["no_time"]),
        ({"number": "HIS-99"}, ["no_staff"]),
        ({"day": "2020-01-01"}, ["no_staff"]),
        ({"day": "9999-12-31"}, ["no_staff"]),
        ({"duty": "sleeping"}, ["cell_choice"]),
    ],
)
def test_a_shift_that_cannot_be_is_named(key: str, change: dict[str, str], codes: list[str]) -> None:
    fed(key, "staff", [DOCTOR])
    run = fed(key, "duty", [{**FEED["duty"][0], **change}])
    assert [f["code"] for f in get(key, f"runs/{run['id']}/faults")["faults"]] == codes


def test_one_shift_written_in_two_ways_is_taken_once(key: str) -> None:
    fed(key, "staff", [DOCTOR])
    row = {**FEED["duty"][0], "day": "2041-06-01"}
    run = fed(key, "duty", [{**row, "begins": "8:00"}, {**row, "begins": "08:00"}])
    assert counts(run) == (1, 0, 0, 1)


# visits, stays, clinic sessions, wards and beds have tests of their own
OPEN = {*FEED, "visits", "stays", "clinic_sessions", "wards", "beds"}


@pytest.mark.parametrize("listing", sorted(set(listings()) - {*OPEN, "lots"}))
def test_no_other_list_is_open_to_systems(key: str, listing: str) -> None:
    assert post(key, listing, [{"x": "y"}]).status == 403


def test_requests_with_lists_are_counted_like_all_others(machine: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    own = a_key(a_machine(COUNTY_HOSPITAL, "慢系统"))
    policy = MachinePolicy(machine_per_minute=2, machine_key_days=366)
    monkeypatch.setattr(middleware, "resolve", lambda *_: policy)
    middle = now().replace(second=20, microsecond=0)
    monkeypatch.setattr(middleware, "now", lambda: middle)
    answers = [post(own, "departments", [{"org": OWN, "name": "接口科"}]) for _ in range(3)]
    assert [a.status for a in answers] == [202, 202, 429]


def test_people_do_not_get_what_machines_feed() -> None:
    assert {role for role, held in PERMISSIONS.items() if "import.feed" in held} == {MACHINE}
