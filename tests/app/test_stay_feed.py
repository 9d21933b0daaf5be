"""The census that another system feeds: once by record number, brought up to date, and what a record may not do."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db import transaction

from fenji.care.catalogue.queries import diagnosis
from fenji.care.registry.models import Identity
from fenji.care.visits import actions, queries
from fenji.care.visits.imports import STAYS
from fenji.care.visits.models import Stay, StayEvent
from fenji.ground.common.clock import SHANGHAI
from fenji.ground.common.edge import now
from fenji.ground.common.imports import Judgement, Row
from fenji.ground.documents import actions as documents
from fenji.ground.documents.rules import Values
from tests.app.forms import new_card
from tests.app.machine_keys import a_key, a_machine, fresh
from tests.app.wsgi import Answer, ask
from tests.cast import other_doctor, person, scope

_NUMBERS = count(1)


def ago(hours: float) -> str:
    return f"{(now() - timedelta(hours=hours)).astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


@pytest.fixture
def record(house_file: object) -> dict[str, Any]:
    """Somebody new who has lain here since yesterday."""
    return {
        "source_id": f"ZY-{next(_NUMBERS)}",
        "admitted_at": ago(30),
        "doctor": "doctor",
        "bed": "12",
        "document": new_card(),
        "name": "陈住院",
        "diagnosis": "I63.900",
        "phase": "acute",
    }


def judged(*records: dict[str, Any]) -> Judgement:
    rows = [Row(n, Values(r)) for n, r in enumerate(records, 2)]
    with transaction.atomic(), scope(person("head")) as by:
        return STAYS.judge(rows, by=by, at=now())


def fed(*records: dict[str, Any]) -> Stay:
    """The stay of the last one."""
    rows = [Row(n, Values(r)) for n, r in enumerate(records, 2)]
    with transaction.atomic(), scope(person("head")) as by:
        assert not (faults := STAYS.judge(rows, by=by, at=now()).faults), faults
        with transaction.atomic(using="load"):
            STAYS.write(rows, by=by, at=now(), progress=lambda n: None)
    return Stay.objects.using("load").get(source_id=records[-1]["source_id"])


def faults(*records: dict[str, Any]) -> list[tuple[str, str]]:
    return [(f.column, f.code) for f in judged(*records).faults]


def test_a_record_is_written_once_and_brought_up_to_date(record: dict[str, Any]) -> None:
    assert judged(record).outcomes == {2: "new"}
    first = fed(record)
    assert (first.bed, first.phase, first.doctor_id, first.discharged_at) == ("12", "acute", person("doctor").id, None)
    assert judged(record).outcomes == {2: "same"}
    moved = {"source_id": record["source_id"], "bed": "31", "phase": "acute_recovery", "doctor": "doctor2"}
    assert judged(moved).outcomes == {2: "changed"}
    second = fed(moved)
    assert (second.pk, second.bed, second.phase, second.doctor_id) == (first.pk, "31", "acute_recovery", person("doctor2").id)
    assert second.phase_at is not None
    assert second.phase_at > first.phase_at
    assert judged(moved).outcomes == {2: "same"}
    with transaction.atomic(), scope(person("doctor")) as by:
        assert second.pk in {s.pk for s in queries.census(by)}


def test_what_a_later_version_does_not_say_stays_and_an_older_one_is_left_out(record: dict[str, Any]) -> None:
    fed(record | {"source_at": ago(5)})
    kept = fed({"source_id": record["source_id"], "source_at": ago(4)})
    assert (kept.bed, kept.phase, kept.diagnosis_code) == ("12", "acute", "I63.900")
    older = {"source_id": record["source_id"], "source_at": ago(9), "bed": "99"}
    found = judged(older)
    assert (found.outcomes, [n.code for n in found.notes]) == ({2: "same"}, ["stay_older"])
    assert fed(older).bed == "12"
    emptied = fed({"source_id": record["source_id"], "bed": None, "phase": None})
    assert (emptied.bed, emptied.phase) == ("", "")


def test_a_discharge_comes_with_its_way_or_takes_it_later(record: dict[str, Any]) -> None:
    fed(record)
    silent = {"source_id": record["source_id"], "discharged_at": ago(2)}
    assert [n.code for n in judged(silent).notes] == ["stay_silent"]
    assert fed(silent).way_out == "unstated"
    assert fed(silent | {"way_out": "home"}).way_out == "home"
    assert fed(silent | {"way_out": "died"}).way_out == "home", "what is known is not said otherwise by a record"
    back = fed(record | {"source_id": record["source_id"] + "-b", "admitted_at": ago(1)})
    assert back.discharged_at is None


def test_a_discharge_that_was_typed_stands(record: dict[str, Any]) -> None:
    stay = fed(record)
    with transaction.atomic(), scope(person("doctor")) as by:
        actions.discharge(stay.pk, "against_advice", version=stay.version, by=by, at=now())
    assert fed(record | {"discharged_at": ago(1), "way_out": "home"}).way_out == "against_advice"


def test_what_was_typed_for_somebody_who_lies_here_becomes_the_records(record: dict[str, Any]) -> None:
    gone = fed(record | {"discharged_at": ago(20), "way_out": "home"})
    with transaction.atomic(), scope(person("doctor")) as by:
        doctor = person("doctor")
        new = actions.NewStay(diagnosis("I10.x00"), (doctor.id, doctor.name), None, "typed", "")
        typed = actions.admit(gone.resident, new, by=by, at=now())
    taken = fed(record | {"source_id": record["source_id"] + "-c", "admitted_at": ago(3)})
    assert (taken.pk, taken.bed, taken.diagnosis_code) == (typed.pk, "12", "I63.900")
    assert [e.action for e in StayEvent.objects.using("load").filter(stay=taken).order_by("at", "id")] == ["admit", "feed"]


def test_two_records_of_one_resident_at_once_are_at_fault(record: dict[str, Any]) -> None:
    fed(record)
    other = record | {"source_id": record["source_id"] + "-d"}
    assert faults(other) == [("source_id", "stay_other")]
    ended = {"source_id": record["source_id"], "discharged_at": ago(1), "way_out": "transferred"}
    fed(ended)
    assert fed(other).discharged_at is None


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"doctor": "nobody"}, ("doctor", "visit_doctor")),
        ({"doctor": None}, ("doctor", "visit_needed")),
        ({"department": "不存在的科"}, ("department", "visit_department")),
        ({"diagnosis": "Q99.999"}, ("diagnosis", "visit_diagnosis")),
        ({"document": "350427196001010211"}, ("document", "visit_document")),
        ({"admitted_at": "yesterday"}, ("admitted_at", "visit_time")),
        ({"admitted_at": "2999-01-01 08:00"}, ("admitted_at", "visit_future")),
        ({"discharged_at": "2020-01-01 08:00", "way_out": "home"}, ("discharged_at", "stay_order")),
        ({"way_out": "home"}, ("discharged_at", "stay_ending")),
        ({"bed": "1\u200b2"}, ("bed", "visit_field")),
    ],
)
def test_a_record_that_cannot_be_is_named_and_nothing_is_written(
    record: dict[str, Any], change: dict[str, Any], fault: tuple[str, str]
) -> None:
    before = Stay.objects.using("load").count()
    assert faults(record | change) == [fault]
    assert Stay.objects.using("load").count() == before


def test_somebody_else_with_this_document_is_no_new_resident(record: dict[str, Any]) -> None:
    fed(record)
    before = Identity.objects.using("load").count()
    assert faults(record | {"source_id": record["source_id"] + "-e", "name": "别人"}) == [("name", "visit_name")]
    assert Identity.objects.using("load").count() == before


def test_a_ward_system_sends_it_over_the_api_and_another_house_sees_nothing(record: dict[str, Any]) -> None:
    key = a_key(a_machine(person("doctor").org_id, "病区系统"))
    body = json.dumps([record]).encode()
    answer = ask("POST", "/api/v1/imports/stays", key, body, IDEMPOTENCY_KEY=fresh())
    assert answer.status == 202, answer.body
    run = json.loads(answer.body)["id"]
    documents.judge(run, at=now())
    shown = json.loads(ask("GET", f"/api/v1/imports/runs/{run}", key).body)
    assert (shown["new"], shown["faulty"]) == (1, 0)
    asked = json.dumps({"version": shown["version"]}).encode()
    assert ask("POST", f"/api/v1/imports/runs/{run}/write", key, asked, IDEMPOTENCY_KEY=fresh()).status == 202
    documents.carry_out(run, at=now())
    stay = Stay.objects.using("load").get(source_id=record["source_id"])
    with transaction.atomic(), scope(other_doctor()):
        assert not Stay.objects.filter(pk=stay.pk).exists()


def test_a_system_sends_one_stay_a_request_and_the_same_again_changes_nothing(record: dict[str, Any]) -> None:
    key = a_key(a_machine(person("head").org_id))

    def send(**changes: Any) -> Answer:
        body = {k: v for k, v in (record | changes).items() if k != "source_id"}
        return ask("PUT", f"/api/v1/stays/{record['source_id']}", key, json.dumps(body).encode())

    outcomes = [json.loads(send(**changes).body)["outcome"] for changes in ({}, {}, {"bed": "7"})]
    assert outcomes == ["new", "same", "changed"]
    assert Stay.objects.using("load").get(source_id=record["source_id"]).bed == "7"
    silent = json.loads(send(bed="7", discharged_at=ago(1)).body)
    assert [n["code"] for n in silent["notes"]] == ["stay_silent"]
    wrong = send(doctor="nobody")
    assert (wrong.status, json.loads(wrong.body)["errors"][0]["code"]) == (422, "visit_doctor")
    assert send(phase="tired").status == 422
