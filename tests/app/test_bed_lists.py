"""Wards and beds as lists and over the API: by number, changed in place, never taken from whoever has one; a silent system."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db import transaction

from fenji.care.booking import actions, queries, rules
from fenji.care.booking.imports import BEDS, WARDS
from fenji.care.booking.models import Bed, Feed, Ward
from fenji.ground.access.models import AuditEvent
from fenji.ground.common.edge import now
from fenji.ground.common.imports import Judgement, Listing, Row
from fenji.ground.documents import actions as documents
from fenji.ground.documents.models import ImportRun
from fenji.ground.documents.rules import Values
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL
from tests.app.import_walk import book, counts, judged, page, written
from tests.app.machine_keys import a_key, a_machine
from tests.app.test_beds import admitted
from tests.app.test_imports_api import post as send_rows
from tests.app.wsgi import Answer, ask
from tests.booking import CARDIOLOGY, a_bed, a_ward, hold_bed, nobody_has_a_bed, wait_for_bed
from tests.cast import client_for, person, scope

_NUMBERS = count(1)
DEPARTMENT = "心血管内科"


@pytest.fixture
def number(house_file: object) -> Iterator[str]:
    """A number of the hospital's own; afterwards no bed is held, and its system was never heard."""
    yield f"B.{next(_NUMBERS)}"
    nobody_has_a_bed()
    Feed.objects.using("owner").all().delete()


def take(listing: Listing, *records: dict[str, Any], login: str = "director") -> Judgement:
    """Judge and write, as the room of documents does."""
    rows = [Row(n, Values(r)) for n, r in enumerate(records, 2)]
    with transaction.atomic(), scope(person(login)) as by, transaction.atomic(using="load"):
        found = listing.judge(rows, by=by, at=now())
        keep = [r for r in rows if found.outcomes.get(r.line) in ("new", "changed")]
        told: list[int] = []
        listing.write(keep, by=by, at=now(), progress=told.append)
        assert not keep or told[-1] == len(keep)
    return found


def faults(found: Judgement) -> list[tuple[str, str]]:
    return [(f.column, f.code) for f in found.faults]


def a_listed_ward(number: str, **more: Any) -> Ward:
    row = {"number": number, "name": f"病区 {number}", "kind": "rehabilitation", "department": DEPARTMENT, **more}
    assert not take(WARDS, row).faults
    return Ward.objects.using("load").get(org_id=COUNTY_HOSPITAL, source_id=number, end=None)


def a_row(number: str, ward: str, **more: Any) -> dict[str, Any]:
    return {"number": number, "ward": ward, "room": "1", "bed": f"{number}床", "sex": "any", "isolation": False, **more}


def a_listed_bed(number: str, ward: Ward, **more: Any) -> Bed:
    assert not take(BEDS, a_row(number, ward.name, **more)).faults
    return Bed.objects.using("load").get(org_id=COUNTY_HOSPITAL, source_id=number)


def test_a_ward_is_written_once_and_changed_in_place(number: str) -> None:
    row = {"number": number, "name": f"病区 {number}", "kind": "acute", "department": DEPARTMENT, "doctor": "specialist"}
    assert take(WARDS, row).outcomes == {2: "new"}
    first = Ward.objects.using("load").get(source_id=number)
    assert (first.department_id, first.kind, first.doctor_id) == (CARDIOLOGY, "acute", person("specialist").id)
    assert take(WARDS, row).outcomes == {2: "same"}
    # without a column for the doctor, the doctor stays
    without = {k: v for k, v in row.items() if k != "doctor"} | {"kind": "long_term", "name": f"改名 {number}"}
    assert take(WARDS, without).outcomes == {2: "changed"}
    second = Ward.objects.using("load").get(source_id=number)
    assert (second.pk, second.kind, second.name, second.doctor_id) == (
        first.pk, "long_term", f"改名 {number}", person("specialist").id,
    )  # fmt: skip
    events = AuditEvent.objects.using("owner").filter(subject=f"ward:{first.pk}").order_by("at", "id")
    assert [e.action for e in events] == ["ward.open", "ward.change"]


def test_what_was_typed_becomes_the_lists_by_its_name(number: str) -> None:
    with transaction.atomic(), scope(person("director")) as by:
        ward = a_ward(by, now(), name=f"手工 {number}")
        bed = a_bed(ward, by, now(), name=f"{number}床")
    same = {"number": number, "name": ward.name, "kind": ward.kind, "department": DEPARTMENT}
    assert take(WARDS, same).outcomes == {2: "changed"}
    assert take(BEDS, a_row(number, number)).outcomes == {2: "changed"}, "the ward by its number"
    assert Bed.objects.using("load").get(source_id=number).pk == bed.pk
    assert take(BEDS, a_row(number, ward.name)).outcomes == {2: "same"}


def test_a_bed_is_written_once_and_what_a_list_has_no_column_for_stays(number: str) -> None:
    ward = a_listed_ward(number)
    bed = a_listed_bed(number, ward, sex="1", isolation=True)
    assert (bed.source, bed.sex, bed.isolation, bed.state) == ("typed", "1", True, "in_use")
    short = {"number": number, "ward": ward.name, "room": "2", "bed": bed.name}
    assert take(BEDS, short).outcomes == {2: "changed"}
    moved = Bed.objects.using("load").get(pk=bed.pk)
    assert (moved.room, moved.sex, moved.isolation) == ("2", "1", True)
    assert take(BEDS, short).outcomes == {2: "same"}
    assert take(BEDS, {**short, "state": "closed"}).outcomes == {2: "changed"}
    assert take(BEDS, {**short, "state": "in_use"}).outcomes == {2: "changed"}


def test_a_list_never_takes_a_bed_away_from_whoever_has_it(number: str) -> None:
    ward = a_listed_ward(number)
    held, lain = a_listed_bed(f"{number}.1", ward), a_listed_bed(f"{number}.2", ward)
    with transaction.atomic(), scope(person("doctor")) as by:
        hold_bed(held, by, now())
    with transaction.atomic():
        admitted(person("specialist"), lain.name, now())
    for bed in (held, lain):
        closed = take(BEDS, a_row(bed.source_id, ward.name, state="closed"))
        assert (faults(closed), closed.outcomes) == ([("state", "bed_kept")], {})
        renamed = take(BEDS, a_row(bed.source_id, ward.name, bed=f"新 {bed.source_id}"))
        assert faults(renamed) == [("bed", "bed_kept")]
        assert take(BEDS, a_row(bed.source_id, ward.name, room="7")).outcomes == {2: "changed"}
        assert Bed.objects.using("load").get(pk=bed.pk).state == "in_use"


def test_a_bed_that_is_held_between_judging_and_writing_fails_the_list_and_stays(
    number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fenji.care.booking.imports import beds

    ward = a_listed_ward(number)
    bed = a_listed_bed(number, ward)
    monkeypatch.setattr(beds, "takes_away", lambda fed: False)  # judged before the hold
    with transaction.atomic(), scope(person("doctor")) as by:
        hold_bed(bed, by, now())
    with pytest.raises(rules.BedInUse):
        take(BEDS, a_row(number, ward.name, state="closed"))
    assert Bed.objects.using("load").get(pk=bed.pk).state == "in_use"


def test_rows_that_cannot_be_are_named(number: str) -> None:
    ward = a_listed_ward(number)
    bed = a_listed_bed(number, ward)
    row = {"number": f"{number}.9", "name": f"又一 {number}", "kind": "acute", "department": DEPARTMENT}
    for change, fault in (
        ({"department": "没有的科"}, ("department", "session_department")),
        ({"doctor": "nobody"}, ("doctor", "ward_doctor")),
        ({"doctor": "doctor"}, ("doctor", "ward_doctor")),  # of another institution
        ({"name": ward.name}, ("name", "ward_named")),
        ({"number": number, "department": "骨科"}, ("department", "ward_moved")),
    ):
        assert faults(take(WARDS, row | change)) == [fault]
    other = a_listed_ward(f"{number}.8")
    for change, fault in (
        ({"ward": "没有的病区"}, ("ward", "bed_ward")),
        ({"bed": bed.name}, ("bed", "bed_named")),
        ({"number": number, "ward": other.name}, ("ward", "bed_moved")),
    ):
        assert faults(take(BEDS, a_row(f"{number}.7", ward.name) | change)) == [fault]
    twice = take(BEDS, a_row(f"{number}.5", ward.name, bed="x"), a_row(f"{number}.6", ward.name, bed="x"))
    assert faults(twice) == [("bed", "bed_named")] * 2


def test_the_head_sends_the_lists_in_excel_and_takes_the_faults_home(number: str) -> None:
    client = client_for(person("director"))
    assert client.get("/imports/beds/template.xlsx").status_code == 200
    head = ("Ward number", "Name of the ward", "Kind", "Department")
    run = written(client, judged(client, book(head, (number, f"病区 {number}", "Acute ward", DEPARTMENT)), "w.xlsx", "wards"))
    assert counts(run) == (1, 0, 0, 0)
    head = ("Bed number", "Ward", "Sickroom", "Bed", "Bed for", "State")
    rows = [(f"{number}.{n}", f"病区 {number}", "101", f"{number}-{n}", "women", "in use") for n in range(3)]
    run = written(client, judged(client, book(head, *rows), "b.xlsx", "beds"))
    assert counts(run) == (3, 0, 0, 0)
    bed = Bed.objects.using("load").get(source_id=f"{number}.0")
    assert bed.sex == "2"
    with transaction.atomic(), scope(person("doctor")) as by:
        hold_bed(bed, by, now(), sex="2")
    rows[0] = (*rows[0][:5], "closed")
    run = judged(client, book(head, *rows), "b.xlsx", "beds")
    assert counts(run) == (0, 0, 2, 1)
    assert "give the bed back" in page(client, run)
    assert client_for(person("doctor")).get("/imports/beds/").status_code == 403


# --- the hospital's own system -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def key(house_file: object) -> str:
    return a_key(a_machine(COUNTY_HOSPITAL, "县医院床位系统"))


def put(key: str, path: str, body: dict[str, Any]) -> Answer:
    return ask("PUT", f"/api/v1/booking/{path}", key, json.dumps(body).encode())


def ok(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer.body
    return dict(json.loads(answer.body))


def a_fed_bed(key: str, number: str, **more: Any) -> dict[str, Any]:
    ward = {"name": f"接口 {number}", "kind": "rehabilitation", "department": DEPARTMENT}
    ok(put(key, f"wards/{number}", ward))
    return ok(put(key, f"beds/{number}", {"ward": number, "room": "1", "name": f"{number}床", **more}))


def test_a_system_feeds_wards_and_beds_and_the_same_again_changes_nothing(key: str, number: str) -> None:
    first = a_fed_bed(key, number)
    assert (first["outcome"], first["state"], first["version"]) == ("new", "free", 1)
    again = a_fed_bed(key, number)
    assert (again["id"], again["outcome"], again["version"]) == (first["id"], "same", 1)
    changed = a_fed_bed(key, number, isolation=True)
    assert (changed["outcome"], changed["version"]) == ("changed", 2)
    assert Bed.objects.using("load").get(pk=first["id"]).source == "fed"
    assert Feed.objects.using("load").filter(pk=COUNTY_HOSPITAL).exists(), "the system was heard"
    other = a_key(a_machine(CITY_HOSPITAL))
    assert ask("GET", f"/api/v1/booking/beds/{number}", other).status == 404
    named = put(other, f"beds/{number}", {"ward": number, "room": "1", "name": "x"})
    assert (named.status, json.loads(named.body)["errors"][0]["code"]) == (422, "bed_ward")


def test_a_system_learns_that_a_bed_is_held_and_cannot_close_it(key: str, number: str) -> None:
    fed = a_fed_bed(key, number)
    with transaction.atomic(), scope(person("doctor")) as by:
        held = hold_bed(queries.bed(fed["id"]), by, now())
    answer = ok(ask("GET", f"/api/v1/booking/beds/{number}", key))
    assert (answer["state"], answer["outcome"]) == ("held", "")
    assert held.who not in json.dumps(answer, ensure_ascii=False)
    closing = put(key, f"beds/{number}", {"ward": number, "room": "1", "name": f"{number}床", "state": "closed"})
    assert closing.status == 422
    assert "give the bed back" in closing.body
    with transaction.atomic(), scope(person("desk")) as by:
        actions.release_bed(held.id, "needed", version=1, by=by, at=now())
    assert a_fed_bed(key, number, state="closed")["state"] == "closed"


def test_a_bed_of_a_silent_system_is_unknown_and_never_free(key: str, number: str) -> None:
    fed = a_fed_bed(key, number)
    ward = Ward.objects.using("load").get(source_id=number)
    doctor = client_for(person("doctor"))

    def offered() -> tuple[int, int]:
        with transaction.atomic(), scope(person("doctor")):
            (found,) = [w for w in queries.free_beds([COUNTY_HOSPITAL], sex="2", at=now()) if w.ward.pk == ward.pk]
            has = queries.capacity([COUNTY_HOSPITAL], sex="2", at=now())[COUNTY_HOSPITAL]
            assert has.unknown >= found.unknown
            return found.free, found.unknown

    assert offered() == (1, 0)
    Feed.objects.using("owner").update(heard_at=now() - timedelta(hours=2))
    assert offered() == (0, 1)
    with transaction.atomic(), scope(person("doctor")) as by:
        with pytest.raises(rules.BedUnknown):
            hold_bed(queries.bed(fed["id"]), by, now())
        entry = wait_for_bed(ward, by, now())
        assert entry.why == "unknown"
    assert actions.offer_beds(at=now()) == 0
    board = doctor.get(f"/beds/?org={COUNTY_HOSPITAL}").content.decode()
    assert "state unknown" in board
    ok(put(key, "heartbeat", {}))
    assert offered() == (1, 0)
    assert actions.offer_beds(at=now()) == 1
    with transaction.atomic(), scope(person("doctor")) as by:
        actions.release_beds(entry.subject, "x", by=by, at=now())


def test_a_typed_bed_never_becomes_unknown(key: str, number: str) -> None:
    ward = a_listed_ward(number)
    bed = a_listed_bed(number, ward)
    with transaction.atomic(), scope(person("doctor")) as by:
        assert hold_bed(bed, by, now()).state == "held"


def test_the_lists_are_open_to_systems_as_arrays_too(key: str, number: str) -> None:
    ward = {"number": number, "name": f"数组 {number}", "kind": "acute", "department": DEPARTMENT}
    answer = send_rows(key, "wards", [ward])
    assert answer.status == 202, answer.body
    run = ImportRun.objects.using("owner").get(pk=json.loads(answer.body)["id"])
    documents.judge(run.pk, at=now())
    run.refresh_from_db(using="owner")
    assert (run.new, run.faulty) == (1, 0)
