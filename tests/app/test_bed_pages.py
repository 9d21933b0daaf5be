"""The bed board and its forms, as the browser sends them."""

from __future__ import annotations

import io
from datetime import date, timedelta
from uuid import UUID

import pytest
from django.db import transaction
from openpyxl import load_workbook

from fenji.care.booking import actions, rules
from fenji.care.booking.models import Bed, BedHold, Ward
from fenji.ground.common.edge import now
from fenji.ground.common.ids import case_number
from fenji.world.county import COUNTY_HOSPITAL
from tests.app.test_beds import admitted
from tests.booking import CARDIOLOGY, a_bed, a_ward, hold_bed
from tests.cast import client_for, form, person, scope

NUMBER, OTHER = (case_number("R", "350405", date(2026, 9, 15), n) for n in (42, 43))


@pytest.fixture
def ward(db: None) -> Ward:
    with scope(person("director")) as by:
        return a_ward(by, now())


@pytest.fixture
def bed(ward: Ward) -> Bed:
    with scope(person("director")) as by:
        return a_bed(ward, by, now(), room="1", name="B12")


def test_the_head_opens_a_ward_and_adds_changes_and_closes_beds(db: None) -> None:
    client = client_for(person("director"))
    sent = client.post("/beds/wards/new/", form(name="神经康复一病区", kind="rehabilitation", department=CARDIOLOGY))
    assert sent.status_code == 303
    page = sent["Location"]
    assert client.post(f"{page}add/", form(room="2", name="C1", sex="any")).status_code == 303
    again = client.post(f"{page}add/", form(room="2", name="C1", sex="any"))
    assert again.status_code == 409
    assert "the department has a bed of this name" in again.content.decode()
    assert client.post(f"{page}add/", form(room="", name="C2", sex="any")).status_code == 422
    row = Bed.objects.filter(name="C1").values_list("id", "version")
    with scope(person("director")):
        ((bed_id, version),) = row
    changed = form(room="2", name="C1", sex="1", closed="on", _version=version)
    assert client.post(f"/beds/one/{bed_id}/", changed).status_code == 303
    assert "closed" in client.get(page).content.decode()
    assert client.post(f"{page}close/", form(_version=1)).status_code == 303
    assert client_for(person("desk")).get(page).status_code == 403


def test_a_shared_ward_without_two_doctors_is_refused_in_words(db: None) -> None:
    client = client_for(person("director"))
    page = client.get("/beds/wards/new/").content.decode()
    assert person("specialist").name in page
    sent = client.post("/beds/wards/new/", form(name="x", kind="hotel", department=CARDIOLOGY))
    assert sent.status_code == 422


def test_a_doctor_holds_a_bed_and_the_ward_confirms_it_on_the_board(bed: Bed) -> None:
    doctor, desk = client_for(person("doctor")), client_for(person("desk"))
    found = doctor.get(f"/beds/hold/?org={COUNTY_HOSPITAL}&sex=2").content.decode()
    assert str(bed.id) in found
    patient = {"bed": bed.id, "subject": NUMBER, "name": "林小妹", "sex": "2", "age": 70, "topic": "脑梗死"}
    assert doctor.post("/beds/hold/", form(**patient | {"subject": "R1"})).status_code == 422
    sent = doctor.post("/beds/hold/", form(**patient))
    assert sent.status_code == 303, sent.content.decode()
    with scope(person("doctor")):
        held = BedHold.objects.get(subject=NUMBER)
    assert (held.who, held.url) == ("林××", f"/referrals/{NUMBER}/")
    assert doctor.post("/beds/hold/", form(**patient | {"subject": OTHER})).status_code == 409
    board = desk.get("/beds/").content.decode()
    assert "119 min left" in board or "120 min left" in board
    assert "林××" in board
    assert "林××" not in client_for(person("citydesk")).get(f"/beds/?org={COUNTY_HOSPITAL}").content.decode()
    assert desk.post(f"/beds/holds/{held.id}/confirm/", form(_version=1)).status_code == 303
    early = desk.post(f"/beds/holds/{held.id}/use/", form(_version=2))
    assert early.status_code == 409
    admitted(person("specialist"), bed.name, now())
    assert "The patient lies there" in desk.get("/beds/").content.decode()
    assert desk.post(f"/beds/holds/{held.id}/use/", form(_version=2)).status_code == 303
    assert _state(held.id) == "used"


def _state(hold_id: UUID) -> str:
    with scope(person("desk")):
        return BedHold.objects.get(pk=hold_id).state


def test_who_holds_gives_the_bed_back(bed: Bed) -> None:
    with scope(person("doctor")) as by:
        held = hold_bed(bed, by, now())
    doctor = client_for(person("doctor"))
    assert doctor.post(f"/beds/holds/{held.id}/release/", form(_version=1)).status_code == 404
    assert doctor.post(f"/beds/holds/{held.id}/release/", form(_version=1, reason="not_coming")).status_code == 303
    assert _state(held.id) == "released"


def test_the_board_is_a_workbook_too(bed: Bed) -> None:
    admitted(person("specialist"), bed.name, now() - timedelta(hours=1))
    answer = client_for(person("desk")).get("/beds/export.xlsx")
    rows = list(load_workbook(io.BytesIO(answer.getvalue())).worksheets[0].values)
    (row,) = [r for r in rows if r[3] == bed.name]
    assert (row[2], row[6], row[7]) == ("1", "taken", "陈××")


def test_the_board_says_how_many_lie_in_beds_that_no_ward_knows(ward: Ward) -> None:
    admitted(person("specialist"), "走廊 7", now())
    assert "走廊 7" in client_for(person("specialist")).get("/beds/").content.decode()
    other = client_for(person("doctor")).get(f"/beds/?org={COUNTY_HOSPITAL}").content.decode()
    assert "bed not known" in other
    assert "走廊 7" not in other


def test_a_closed_bed_is_shown_as_closed_and_not_as_free(bed: Bed) -> None:
    with scope(person("director")) as by:
        actions.change_bed(bed.id, actions.NewBed("1", bed.name, state=rules.CLOSED), version=1, by=by, at=now())
    with transaction.atomic():
        found = client_for(person("doctor")).get(f"/beds/hold/?org={COUNTY_HOSPITAL}&sex=2").content.decode()
    assert str(bed.id) not in found
