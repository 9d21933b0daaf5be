"""The hospital's own system: it feeds sessions, takes places, says the same twice to no effect, and learns nothing of patients."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db import transaction

from fenji.care.booking import actions, queries, rules
from fenji.care.booking.models import Booking, ClinicSession, Feed, Slot
from fenji.ground.access.models import AuditEvent
from fenji.ground.common.edge import now
from fenji.ground.documents import actions as documents
from fenji.ground.documents.models import ImportRun
from fenji.ground.tasks.models import OutboxMessage
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL
from tests.app.machine_keys import a_key, a_machine
from tests.app.test_imports_api import get as import_of
from tests.app.test_imports_api import post
from tests.app.wsgi import Answer, ask
from tests.booking import a_subject, hold
from tests.cast import person, scope

_NUMBERS = count(1)


@pytest.fixture(scope="module")
def key(house_file: object) -> str:
    return a_key(a_machine(COUNTY_HOSPITAL, "县医院预约系统"))


@pytest.fixture(scope="module")
def other(house_file: object) -> str:
    return a_key(a_machine(CITY_HOSPITAL))


@pytest.fixture
def number(key: str) -> Iterator[str]:
    """A number of the hospital's own; afterwards its session is gone, and the system was never heard."""
    found = f"HIS.{next(_NUMBERS)}"
    yield found
    ClinicSession.objects.using("owner").filter(source_id=found).update(state="cancelled")
    Feed.objects.using("owner").all().delete()


def body(**facts: Any) -> dict[str, Any]:
    start = (now() + timedelta(days=5)).replace(minute=0, second=0, microsecond=0)
    known = {"kind": "clinic", "name": "骨科专家门诊", "department": "骨科", "expert": True, "doctor": "吴某", "places": 4}
    return {**known, "start_at": start.isoformat(), "end_at": (start + timedelta(hours=2)).isoformat(), **facts}


def put(key: str, path: str, sent: Any) -> Answer:
    return ask("PUT", f"/api/v1/booking/{path}", key, json.dumps(sent).encode())


def ok(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer.body
    return dict(json.loads(answer.body))


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, json.loads(answer.body)["code"]


def test_a_session_is_fed_and_the_same_again_changes_nothing(key: str, number: str) -> None:
    first = ok(put(key, f"sessions/{number}", body()))
    assert [s["state"] for s in first["slots"]] == ["free"] * 4
    assert sum(s["reserved"] for s in first["slots"]) == 2
    assert ok(put(key, f"sessions/{number}", body())) == first
    assert ok(ask("GET", f"/api/v1/booking/sessions/{number}", key)) == first
    rows = AuditEvent.objects.using("owner").filter(subject=f"session:{first['id']}")
    assert [r.action for r in rows] == ["booking.open"]


def test_words_and_places_change_in_place_and_taken_places_stay(key: str, number: str) -> None:
    first = ok(put(key, f"sessions/{number}", body()))
    ok(put(key, f"sessions/{number}/slots/4", {"external_id": "A-77", "priority": "emergency"}))
    fewer = ok(put(key, f"sessions/{number}", body(places=2, doctor="林某")))
    assert fewer["id"] == first["id"]
    assert fewer["version"] == 2
    assert [(s["position"], s["state"]) for s in fewer["slots"]] == [(1, "free"), (2, "free"), (4, "outside")]
    more = ok(put(key, f"sessions/{number}", body(places=5, reserved=0)))
    assert [s["position"] for s in more["slots"]] == [1, 2, 3, 4, 5]
    assert not any(s["reserved"] for s in more["slots"])


def test_another_time_is_another_session_and_who_was_booked_is_moved(key: str, number: str) -> None:
    first = ok(put(key, f"sessions/{number}", body()))
    with transaction.atomic(), scope(person("doctor")) as by:
        slot = Slot.objects.filter(session_id=first["id"]).order_by("position")[0]
        held = hold(slot, by, now())
    later = body(start_at=body()["end_at"], end_at=(now() + timedelta(days=5, hours=6)).isoformat())
    second = ok(put(key, f"sessions/{number}", later))
    assert second["id"] != first["id"]
    assert Booking.objects.using("owner").get(pk=held.pk).state == "to_move"
    told = OutboxMessage.objects.using("owner").filter(url__in=(held.url, "/booking/to-move/"), at__gte=held.made_at)
    assert {(m.kind, m.org_id, m.role) for m in told} == {
        ("booking.lost", person("doctor").org_id, "doctor"), ("booking.cancelled", COUNTY_HOSPITAL, "desk"),
    }  # fmt: skip
    with transaction.atomic(), scope(person("desk")):
        assert held.subject in {b.subject for b in queries.to_move(COUNTY_HOSPITAL)}
    with transaction.atomic(), scope(person("doctor")) as by:
        assert actions.release(held.subject, "x", by=by, at=now()) == 1


def test_a_session_is_cancelled_twice_and_once_only_counts(key: str, number: str) -> None:
    ok(put(key, f"sessions/{number}", body()))
    once, twice = (ok(put(key, f"sessions/{number}", {"state": "cancelled"})) for _ in range(2))
    assert once == twice
    assert once["state"] == "cancelled"
    assert code(put(key, "sessions/never.fed", {"state": "cancelled"})) == (404, "unknown")
    assert ok(put(key, f"sessions/{number}", body()))["state"] == "open", "the number may be used again"


def test_places_are_taken_and_given_back_by_the_systems_own_number(key: str, number: str) -> None:
    ok(put(key, f"sessions/{number}", body(reserved=1)))
    open_ = next(s["position"] for s in ok(ask("GET", f"/api/v1/booking/sessions/{number}", key))["slots"] if not s["reserved"])
    for _ in range(2):
        taken = ok(put(key, f"sessions/{number}/slots/{open_}", {"external_id": "A-1"}))
        assert {s["position"]: s["external_id"] for s in taken["slots"]}[open_] == "A-1"
    assert code(put(key, f"sessions/{number}/slots/{open_}", {"external_id": "A-2"})) == (409, "slot_taken")
    with transaction.atomic(), scope(person("doctor")) as by, pytest.raises(rules.SlotTaken):
        hold(Slot.objects.get(session__source_id=number, session__state="open", position=open_ - 1), by, now())
    for _ in range(2):
        ok(put(key, f"sessions/{number}/slots/{open_}", {"external_id": None}))
    assert code(put(key, f"sessions/{number}/slots/99", {"external_id": "A-1"})) == (404, "unknown")


def test_a_reserved_place_and_one_booked_here_are_not_the_systems_to_give(key: str, number: str) -> None:
    ok(put(key, f"sessions/{number}", body(reserved=4)))
    assert code(put(key, f"sessions/{number}/slots/1", {"external_id": "A-1"})) == (409, "quota_only")
    ok(put(key, f"sessions/{number}/slots/1", {"external_id": "A-1", "priority": "up_referred"}))
    subject = a_subject()
    with transaction.atomic(), scope(person("doctor")) as by:
        hold(Slot.objects.get(session__source_id=number, session__state="open", position=1), by, now(), subject=subject)
    for sent in ({"external_id": "A-2", "priority": "emergency"}, {"external_id": ""}):
        assert code(put(key, f"sessions/{number}/slots/2", sent)) == (409, "slot_taken")
    shown = ask("GET", f"/api/v1/booking/sessions/{number}", key)
    assert "booked" in shown.body
    assert not [sign for sign in (subject, "陈", "高血压") if sign in shown.body]
    with transaction.atomic(), scope(person("doctor")) as by:
        actions.release(subject, "x", by=by, at=now())


def test_a_silent_system_makes_its_slots_unknown_and_a_heartbeat_makes_them_known(key: str, number: str) -> None:
    first = ok(put(key, f"sessions/{number}", body()))
    with transaction.atomic(), scope(person("doctor")) as by:
        at = now() + timedelta(minutes=31)
        slot = Slot.objects.filter(session_id=first["id"]).order_by("position")[0]
        asked = {"priority": rules.UP_REFERRED, "since": at, "until": at + timedelta(days=9), "limit": 5000}
        shown = [v for v in queries.free_slots(COUNTY_HOSPITAL, **asked) if v.id == slot.id]
        assert [v.feed for v in shown] == ["unknown"]
        with pytest.raises(rules.FeedUnknown):
            hold(slot, by, at)
        entry = actions.wait(
            COUNTY_HOSPITAL, why=rules.SILENT, subject=a_subject(), url="/", who=actions.Who("陈××", "1", 50), topic="骨折",
            priority=rules.UP_REFERRED, viewer_ids=[by.org_id], origin_id=by.org_id, by=by, at=at,
        )  # fmt: skip
    assert actions.propose(at=at + timedelta(days=300)) == 0
    with transaction.atomic(), scope(person("desk")) as by:
        made = actions.place(entry.id, slot.id, version=1, by=by, at=at)
        assert made.state == "confirmed", "the hospital itself knows"
    with transaction.atomic(), scope(person("doctor")) as by:
        actions.release(entry.subject, "x", by=by, at=at)
    known = ok(put(key, "heartbeat", {}))
    assert known["known_until"] > known["heard_at"]
    with transaction.atomic(), scope(person("doctor")):
        at = now()
        asked |= {"since": at}
        assert [v.feed for v in queries.free_slots(COUNTY_HOSPITAL, **asked) if v.id == slot.id] == ["known"]


def test_the_earliest_slot_of_a_silent_system_is_unknown_never_free(key: str, number: str) -> None:
    with transaction.atomic(), scope(person("doctor")):
        asked = {"kind": rules.EXAMINATION, "item": number, "priority": rules.UP_REFERRED}
        assert queries.earliest([COUNTY_HOSPITAL], at=now(), **asked)[COUNTY_HOSPITAL].state == "none"
    ok(put(key, f"sessions/{number}", body(kind="examination", item=number)))
    with transaction.atomic(), scope(person("doctor")):
        assert queries.earliest([COUNTY_HOSPITAL], at=now(), **asked)[COUNTY_HOSPITAL].state == "free"
        late = queries.earliest([COUNTY_HOSPITAL], at=now() + timedelta(hours=1), **asked)[COUNTY_HOSPITAL]
        assert (late.state, late.slot is not None) == ("unknown", True)


def test_a_system_reaches_the_sessions_of_its_own_hospital_alone(key: str, other: str, number: str) -> None:
    first = ok(put(key, f"sessions/{number}", body()))
    assert code(ask("GET", f"/api/v1/booking/sessions/{number}", other)) == (404, "unknown")
    assert code(put(other, f"sessions/{number}", {"state": "cancelled"})) == (404, "unknown")
    assert code(put(other, f"sessions/{number}/slots/1", {"external_id": "A"})) == (404, "unknown")
    assert ok(put(other, f"sessions/{number}", body()))["id"] != first["id"]


@pytest.mark.parametrize(
    ("facts", "status", "why"),
    [
        ({"end_at": "2020-01-01T00:00:00+08:00"}, 409, "bad_session"),
        ({"start_at": "2020-01-01T00:00:00+08:00"}, 409, "bad_session"),
        ({"start_at": "2026-12-01T00:00:00"}, 422, "invalid"),
        ({"start_at": "9999-12-31T23:59:59Z"}, 422, "invalid"),
        ({"places": 0}, 422, "invalid"),
        ({"places": 900}, 409, "bad_session"),
        ({"places": "4"}, 422, "invalid"),
        ({"reserved": 5}, 409, "bad_session"),
        ({"department": "没有这个科"}, 404, "unknown"),
        ({"kind": "examination"}, 409, "bad_session"),
        ({"kind": "bed"}, 422, "invalid"),
        ({"name": ""}, 422, "invalid"),
        ({"name": "x" * 61}, 422, "invalid"),
        ({"doctor": "a\nb"}, 422, "invalid"),
        ({"item": "陈小明"}, 422, "invalid"),
    ],
)
def test_what_cannot_be_a_session_is_refused_and_nothing_is_written(
    key: str, number: str, facts: dict[str, Any], status: int, why: str
) -> None:
    assert code(put(key, f"sessions/{number}", body(**facts))) == (status, why)
    assert not ClinicSession.objects.using("owner").filter(source_id=number).exists()
    assert not Feed.objects.using("owner").exists()


@pytest.mark.parametrize("sent", [{"external_id": "陈小明"}, {"external_id": 7}, {}, [], {"external_id": "x" * 65}])
def test_a_booking_of_the_system_is_a_number_and_no_name(key: str, number: str, sent: Any) -> None:
    ok(put(key, f"sessions/{number}", body()))
    assert code(put(key, f"sessions/{number}/slots/1", sent)) == (422, "invalid")


# --- the same as a list --------------------------------------------------------------------------------------------------------


def row(number: str, **facts: Any) -> dict[str, Any]:
    day = (now() + timedelta(days=6)).date().isoformat()
    known = {"number": number, "kind": "clinic", "name": "骨科专家门诊", "department": "骨科", "day": day, "places": 4}
    return {**known, "begins": "8:00", "ends": "11:30", "reserved": 1, **facts}


def lists(key: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    answer = post(key, "clinic_sessions", rows)
    run_id = json.loads(answer.body)["id"]
    documents.judge(ImportRun.objects.using("owner").get(pk=run_id).pk, at=now())
    run = import_of(key, f"runs/{run_id}")
    if run["new"] or run["changed"]:
        assert post(key, f"runs/{run_id}/write", {"version": run["version"]}).status == 202
        documents.carry_out(ImportRun.objects.using("owner").get(pk=run_id).pk, at=now())
        run = import_of(key, f"runs/{run_id}")
    return run


def test_sessions_come_in_as_a_list_and_again_as_changes(key: str, number: str) -> None:
    run = lists(key, [row(number)])
    assert (run["state"], run["new"], run["faulty"]) == ("done", 1, 0), run
    made = ClinicSession.objects.using("owner").get(source_id=number)
    assert (made.specialty, made.source) == ("orthopaedics", "fed")
    assert lists(key, [row(number)])["same"] == 1
    assert lists(key, [row(number, places=6)])["changed"] == 1
    assert Slot.objects.using("owner").filter(session=made, voided_at=None).count() == 6


@pytest.mark.parametrize(
    ("facts", "fault"),
    [
        ({"begins": "8h"}, "session_clock"),
        ({"department": "没有这个科"}, "session_department"),
        ({"specialty": "nothing"}, "session_specialty"),
        ({"kind": "examination"}, "session_item"),
        ({"ends": "7:00"}, "session_refused"),
        ({"day": "2020-01-01"}, "session_refused"),
        ({"places": 300}, "session_refused"),
        ({"places": 0}, "session_refused"),
        ({"reserved": 9}, "session_refused"),
    ],
)
def test_a_row_that_cannot_be_a_session_is_at_fault_with_words(key: str, number: str, facts: dict[str, Any], fault: str) -> None:
    run = lists(key, [row(number, **facts)])
    found = import_of(key, f"runs/{run['id']}/faults")["faults"]
    assert [f["code"] for f in found] == [fault]
    assert found[0]["text"]


def test_a_list_moves_no_session_and_reopens_none(key: str, number: str) -> None:
    lists(key, [row(number)])
    run = lists(key, [row(number, begins="9:00")])
    assert [f["code"] for f in import_of(key, f"runs/{run['id']}/faults")["faults"]] == ["session_moved"]
    ok(put(key, f"sessions/{number}", {"state": "cancelled"}))
    run = lists(key, [row(number)])
    assert [f["code"] for f in import_of(key, f"runs/{run['id']}/faults")["faults"]] == ["session_over"]
