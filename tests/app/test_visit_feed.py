"""Visits that another system feeds: over the API and as a list, once by source id, and what a record may not do."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.conf import settings
from django.db import connections, transaction

from fenji.care.registry.models import Identity, Resident
from fenji.care.visits import actions, queries
from fenji.care.visits.imports import VISITS
from fenji.care.visits.models import Infection, Visit, VisitEvent
from fenji.ground.common.clock import SHANGHAI
from fenji.ground.common.edge import now
from fenji.ground.common.imports import Row
from fenji.ground.documents.rules import Values
from fenji.ground.tasks.models import WorkItem
from tests.app.forms import new_card
from tests.app.machine_keys import a_key, a_machine, fresh
from tests.app.wsgi import Answer, ask, call
from tests.cast import form, person, scope, token_for

_NUMBERS = count(1)


@pytest.fixture(scope="module")
def key(house_file: object) -> str:
    return a_key(a_machine(person("doctor").org_id, "卫生院HIS"))


@pytest.fixture
def record() -> dict[str, Any]:
    """A whole record of an open visit of somebody new."""
    return {
        "source_id": f"MZ-{next(_NUMBERS)}",
        "opened_at": an_hour_ago(),
        "doctor": "doctor",
        "document": new_card(),
        "name": "陈喂入",
        "diagnosis": "I10.x00",
        "complaint": "头痛两天",
    }


def an_hour_ago(minutes: int = 60) -> str:
    return f"{(now() - timedelta(minutes=minutes)).astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


def send(key: str, record: dict[str, Any]) -> Answer:
    return ask("POST", "/api/v1/visits", key, json.dumps(record).encode(), IDEMPOTENCY_KEY=fresh())


def taken(key: str, record: dict[str, Any]) -> dict[str, Any]:
    answer = send(key, record)
    assert answer.status == 200, answer.body
    return dict(json.loads(answer.body))


def row_of(record: dict[str, Any]) -> Visit:
    return Visit.objects.using("load").get(org_id=person("doctor").org_id, source_id=record["source_id"])


def test_a_record_is_written_once_and_the_same_again_changes_nothing(key: str, record: dict[str, Any]) -> None:
    first = taken(key, record)
    assert first["outcome"] == "new"
    before = row_of(record)
    assert (before.doctor_id, before.diagnosis_name, before.disposition) == (person("doctor").id, "原发性高血压", "")
    for _ in range(2):
        assert taken(key, record) == {**first, "outcome": "same"}
    assert row_of(record).version == before.version
    assert VisitEvent.objects.using("load").filter(visit_id=before.pk).count() == 1
    index = settings.INDEX_KEYS.index(record["document"], "identity.number")
    assert Identity.objects.using("load").filter(number_index=index).count() == 1


def test_the_same_request_again_is_led_to_how_the_visit_stands(key: str, record: dict[str, Any]) -> None:
    once = fresh()
    body = json.dumps(record).encode()
    first, again = (ask("POST", "/api/v1/visits", key, body, IDEMPOTENCY_KEY=once) for _ in range(2))
    assert (first.status, again.status, again.location) == (200, 303, first.location)
    stands = json.loads(ask("GET", again.location, key).body)
    assert stands == {"id": str(row_of(record).pk), "source_id": record["source_id"], "disposition": "", "closed_at": None} | {
        "alert": False,
        "owed": False,
    }
    other = a_key(a_machine(person("specialist").org_id, "县医院HIS"))
    assert ask("GET", again.location, other).status == 404


def test_a_later_version_updates_and_an_older_one_does_not(key: str, record: dict[str, Any]) -> None:
    taken(key, record | {"source_at": an_hour_ago(50)})
    later = record | {"source_at": an_hour_ago(40), "diagnosis": "J18.900", "complaint": "咳嗽"}
    assert taken(key, later)["outcome"] == "changed"
    assert row_of(record).diagnosis_code == "J18.900"
    older = taken(key, record | {"source_at": an_hour_ago(45)})
    assert (older["outcome"], [n["code"] for n in older["notes"]]) == ("same", ["visit_older"])
    assert row_of(record).diagnosis_code == "J18.900"


def test_what_a_later_version_leaves_out_stays(key: str, record: dict[str, Any]) -> None:
    taken(key, record | {"emergency": True})
    assert taken(key, {"source_id": record["source_id"], "complaint": "new words"})["outcome"] == "changed"
    row = row_of(record)
    assert (row.complaint, row.emergency, row.diagnosis_code) == ("new words", True, "I10.x00")


def test_the_same_source_id_at_another_institution_is_another_visit(key: str, record: dict[str, Any]) -> None:
    taken(key, record)
    other = a_key(a_machine(person("specialist").org_id, "县医院HIS"))
    assert taken(other, record | {"doctor": "specialist"})["outcome"] == "new"
    rows = Visit.objects.using("load").filter(source_id=record["source_id"])
    assert {r.org_id for r in rows} == {person("doctor").org_id, person("specialist").org_id}
    assert len({r.resident_id for r in rows}) == 1
    resident = Resident.objects.using("load").get(pk=rows[0].resident_id)
    assert resident.viewer_ids == [person("specialist").org_id]


def test_a_record_closed_without_a_disposition_raises_the_alert_and_the_head_settles_it(key: str, record: dict[str, Any]) -> None:
    told = taken(key, record | {"closed_at": an_hour_ago(10)})
    assert [n["code"] for n in told["notes"]] == ["visit_silent"]
    row = row_of(record)
    assert (row.disposition, row.alert_at is not None, row.settled_at) == ("unstated", True, None)
    steps = WorkItem.objects.using("load").filter(subject=f"refusal:{row.pk}")
    assert [(s.role, s.org_id, s.closed_at) for s in steps] == [("manager", row.org_id, None)]
    assert taken(key, record | {"closed_at": an_hour_ago(10)})["outcome"] == "same"
    head = token_for(person("head"))
    page = f"/visits/{row.pk}/"
    assert "closed without a disposition" in call("GET", page, head).body
    assert call("POST", f"{page}do/settle/", head, form(_version=row.version, reason=" ")).status == 422
    doctor = token_for(person("doctor"))
    assert call("POST", f"{page}do/settle/", doctor, form(_version=row.version, reason="x")).status in (403, 409)
    assert call("POST", f"{page}do/settle/", head, form(_version=row.version, reason="left before treatment")).status == 303
    assert row_of(record).settled_at is not None
    assert steps.get().closed_at is not None
    assert call("POST", f"{page}do/settle/", head, form(_version=row.version + 1, reason="again")).status == 409


def test_a_disposition_sent_later_takes_the_alert_back(key: str, record: dict[str, Any]) -> None:
    taken(key, record | {"closed_at": an_hour_ago(10)})
    assert taken(key, record | {"closed_at": an_hour_ago(10), "disposition": "treated"})["outcome"] == "changed"
    row = row_of(record)
    assert (row.disposition, row.settled_at is not None) == ("treated", True)
    assert not WorkItem.objects.using("load").filter(subject=f"refusal:{row.pk}", closed_at=None).exists()


def test_a_fed_visit_for_a_notifiable_disease_stays_open_until_the_parts_are_there(key: str, record: dict[str, Any]) -> None:
    whole = record | {"diagnosis": "B05.900", "suspected": True, "disposition": "treated", "closed_at": an_hour_ago(5)}
    assert [n["code"] for n in taken(key, whole)["notes"]] == ["visit_parts"]
    row = row_of(record)
    assert (row.disposition, row.closed_at, row.grade) == ("", None, "B")
    assert taken(key, whole)["outcome"] == "same"
    entry = Infection.objects.using("load").get(visit_id=row.pk)
    # the time for the report runs from when the patient was seen, not from when the record came
    assert (entry.found_at, entry.due_at) == (row.opened_at, row.opened_at + timedelta(hours=24))
    with transaction.atomic(), scope(person("doctor")) as by:
        parts = actions.Parts("isolated", "1", now(), now().date())
        actions.record_infection(row.pk, parts, version=1, by=by, at=now())
    assert taken(key, whole)["outcome"] == "changed"
    assert row_of(record).disposition == "treated"


def test_another_system_changes_no_responsibility_and_reopens_nothing(key: str, record: dict[str, Any]) -> None:
    taken(key, record)
    told = taken(key, record | {"doctor": "doctor2"})
    assert (told["outcome"], [n["code"] for n in told["notes"]]) == ("same", ["visit_doctor_kept"])
    row = row_of(record)
    assert row.doctor_id == person("doctor").id
    with transaction.atomic(), scope(person("doctor")) as by:
        actions.close(queries.visit(row.pk), "treated", by=by, at=now())
    assert taken(key, record)["outcome"] == "same"
    assert row_of(record).disposition == "treated"


BAD = [
    ({"source_id": ""}, 422, "string_too_short"),
    ({"source_id": "x" * 101}, 422, "string_too_long"),
    ({"source_id": "a b"}, 422, "string_pattern_mismatch"),
    ({"opened_at": None}, 422, "visit_needed"),
    ({"opened_at": "yesterday"}, 422, "visit_time"),
    ({"opened_at": "2099-01-01 00:00"}, 422, "visit_future"),
    ({"closed_at": "2020-01-01 00:00", "disposition": "treated"}, 422, "visit_order"),
    ({"disposition": "treated"}, 422, "visit_ending"),
    ({"disposition": "died"}, 422, "literal_error"),
    ({"doctor": "nobody"}, 422, "visit_doctor"),
    ({"doctor": "specialist"}, 422, "visit_doctor"),
    ({"doctor": "head"}, 422, "visit_doctor"),
    ({"department": "火星科"}, 422, "visit_department"),
    ({"diagnosis": "Z99.x99"}, 422, "visit_diagnosis"),
    ({"document": "110105194912310021"}, 422, "visit_document"),
    ({"document_kind": "passport", "document": "E1"}, 422, "visit_document"),
    ({"document_kind": "passport", "document": "CHNE12345678"}, 422, "visit_field"),
    ({"name": "陈<b>"}, 422, "visit_field"),
    ({"phone": "123"}, 422, "visit_field"),
    ({"complaint": "x\x1b"}, 422, "visit_field"),
    ({"suspected": "maybe"}, 422, "bool_type"),
    ({"sex": "x"}, 422, "literal_error"),
]


@pytest.mark.parametrize(("changes", "status", "code"), BAD, ids=range(len(BAD)))
def test_a_record_that_cannot_be_right_is_refused_by_field_and_writes_nothing(
    key: str, record: dict[str, Any], changes: dict[str, Any], status: int, code: str
) -> None:
    before = (Visit.objects.using("load").count(), Resident.objects.using("load").count())
    answer = send(key, record | changes)
    assert answer.status == status, answer.body
    assert code in [e["code"] for e in json.loads(answer.body)["errors"]]
    assert (Visit.objects.using("load").count(), Resident.objects.using("load").count()) == before


def test_somebody_elses_name_under_a_known_number_is_refused(key: str, record: dict[str, Any]) -> None:
    taken(key, record)
    answer = send(key, record | {"source_id": "other-name", "name": "林别人"})
    assert (answer.status, "visit_name" in answer.body, record["name"] in answer.body) == (422, True, False)


def test_only_machines_with_the_permission_feed(record: dict[str, Any]) -> None:
    assert send("", record).status == 401
    answer = call("POST", "/api/v1/visits", token_for(person("doctor")), form(**record))
    assert answer.status in (401, 403, 415)


def test_twenty_requests_with_one_record_make_one_visit(key: str, record: dict[str, Any]) -> None:
    barrier = threading.Barrier(20)

    def one(_: int) -> str:
        try:
            barrier.wait(timeout=120)
            return str(taken(key, record)["outcome"])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        assert Counter(pool.map(one, range(20))) == {"new": 1, "same": 19}


def test_the_list_says_the_same_as_the_api(house_file: object, record: dict[str, Any]) -> None:
    """As a file: new residents once, however many rows name them, and the dry run changes nothing."""
    with transaction.atomic(), scope(person("head")) as by:
        assert by.may(VISITS.permission)
    second = record | {"source_id": f"{record['source_id']}-b", "diagnosis": "J18.900"}
    wrong = record | {"source_id": f"{record['source_id']}-c", "doctor": "nobody"}
    rows = [Row(i, Values(r)) for i, r in enumerate((record, second, wrong), 2)]
    before = Visit.objects.using("load").count()
    found = VISITS.judge(rows, by=by, at=now())
    assert (found.outcomes, [(f.line, f.column, f.code) for f in found.faults]) == (
        {2: "new", 3: "new"},
        [(4, "doctor", "visit_doctor")],
    )
    assert Visit.objects.using("load").count() == before
    with transaction.atomic(using="load"):
        VISITS.write(rows[:2], by=by, at=now(), progress=lambda n: None)
    assert VISITS.judge(rows[:2], by=by, at=now()).outcomes == {2: "same", 3: "same"}
    assert len({v.resident_id for v in Visit.objects.using("load").filter(source_id__startswith=record["source_id"])}) == 1


@pytest.fixture(scope="module", autouse=True)
def _tidy(house_file: object) -> Iterator[None]:
    yield
    WorkItem.objects.using("load").filter(subject__startswith="refusal:").update(closed_at=now())
