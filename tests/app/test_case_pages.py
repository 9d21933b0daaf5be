"""Forms of the case in depth: what is missing or cannot be right is said at its place, and nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import transaction

from fenji.care.catalogue.queries import diagnosis
from fenji.care.referral import rules
from fenji.care.referral.models import Case
from fenji.care.visits import actions as visits
from fenji.ground.access import rules as access
from fenji.ground.common.clock import SHANGHAI
from fenji.ground.common.edge import now
from fenji.world.county import COUNTY_HOSPITAL
from tests.app.forms import LEAVING, a_visit, case_row, post, written
from tests.app.sessions import appointed
from tests.app.wsgi import call
from tests.cast import a_case, a_resident, finish, person, scope, token_for


def minute(minutes: int) -> str:
    """So many minutes from now, as a browser sends it."""
    return f"{now().astimezone(SHANGHAI) + timedelta(minutes=minutes):%Y-%m-%dT%H:%M}"


@pytest.fixture
def critical(house_file: object) -> Iterator[str]:
    """An emergency that is critical, offered to the county hospital."""
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor) as by:
        case = a_case(by, doctor, number=155, emergency=True, critical=True)
    yield case.number
    finish(case.number)


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"pulse": ""}, 422, "The transfer check is not complete"),
        ({"pulse": "fast"}, 422, "The transfer check is not complete"),
        ({"temperature": "36.85"}, 422, "The transfer check is not complete"),
        ({"escort": "x"}, 422, "The transfer check is not complete"),
        ({"left_at": "yesterday"}, 422, "Enter day and time as 2026-03-31 14:05."),
        ({"left_at": "1899-01-01T10:00"}, 422, "Choose a day between 2000 and 2199."),
        ({"pulse": "260"}, 409, "This cannot be right. Look again."),
        ({"diastolic": "120"}, 409, "This cannot be right. Look again."),
        ({"left_at": "2026-01-01T08:00", "eta_at": "2026-01-01T09:00"}, 409, "too long ago to be entered now"),
    ],
)
def test_a_check_that_is_not_right_is_not_written(
    critical: str, doctor: str, change: dict[str, str], status: int, words: str
) -> None:
    _, version, _, _ = case_row(critical)
    before = written()
    fields = {**LEAVING, "left_at": minute(-2), "eta_at": minute(50), "_version": str(version), **change}
    answer = post(doctor, f"/referrals/{critical}/do/leave/", **fields)
    assert answer.status == status
    assert words in answer.body
    assert written() == before


def test_a_check_that_is_right_leaves_and_stands_on_the_page(critical: str, doctor: str) -> None:
    _, version, _, _ = case_row(critical)
    fields = {**LEAVING, "left_at": minute(-2), "eta_at": minute(50), "_version": str(version)}
    assert post(doctor, f"/referrals/{critical}/do/leave/", **fields).status == 303
    body = call("GET", f"/referrals/{critical}/", token_for(person("desk"))).body
    assert "Transfer check" in body
    assert "120/70" in body


@pytest.mark.parametrize(
    ("typed", "status", "words"),
    [("junk", 422, "Enter day and time"), ("2199-12-31T23:59", 409, "This time lies in the future"), ("", 303, "")],
)
def test_when_somebody_was_at_the_door_is_a_time_that_has_been(
    critical: str, desk: str, typed: str, status: int, words: str
) -> None:
    _, version, _, _ = case_row(critical)
    answer = post(desk, f"/referrals/{critical}/do/arrive/", _version=str(version), door_at=typed)
    assert answer.status == status
    assert words in answer.body
    assert (case_row(critical)[0] == rules.ARRIVED) == (status == 303)


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({}, 409, "The answer needs your final diagnosis"),
        ({"final": "no such thing"}, 422, "Choose a diagnosis from the list"),
        ({"final": "I10.x00", "concordance": "different"}, 409, "otherwise than computed"),
        ({"final": "I10.x00", "concordance": "x"}, 422, "One of the fields"),
        ({"final": "I10.x00", "concordance": "different", "concordance_reason": "secondary"}, 303, ""),
    ],
)
def test_an_answer_names_a_diagnosis_and_a_correction_its_reason(
    critical: str, desk: str, fields: dict[str, str], status: int, words: str
) -> None:
    post(desk, f"/referrals/{critical}/do/arrive/", _version=str(case_row(critical)[1]))
    version = str(case_row(critical)[1])
    typed = {"findings": "kept findings", "_version": version, **fields}
    answer = post(token_for(person("specialist")), f"/referrals/{critical}/do/answer/", **typed)
    assert answer.status == status
    assert words in answer.body
    assert status == 303 or "kept findings" in answer.body


def test_a_guardian_who_refuses_has_a_name(critical: str, doctor: str) -> None:
    version = str(case_row(critical)[1])
    path = f"/referrals/{critical}/do/refuse/"
    nameless = post(doctor, path, _version=version, note="too far", refuses="guardian")
    assert (nameless.status, "a guardian with the name" in nameless.body) == (409, True)
    nobody = post(doctor, path, _version=version, note="too far", refuses="nobody")
    assert nobody.status == 422
    assert post(doctor, path, _version=version, note="too far", refuses="guardian", guardian="王芳").status == 303
    assert "Transfer refused by" in call("GET", f"/referrals/{critical}/", doctor).body


FORM = {"diagnosis": "I10.x00", "summary": "kept", "receiver": str(COUNTY_HOSPITAL), "override_reason": "because"}


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"emergency": "on", "consent_who": "patient"}, 422, "Choose the reason; it is kept in the audit trail."),
        ({"emergency": "on", "green": "x", "consent_who": "patient"}, 422, "Select a valid choice"),
        ({"emergency": "on", "green": "stroke", "consent_who": "patient", "happened_at": "x"}, 422, "Enter day and time"),
        ({"emergency": "on", "green": "stroke", "consent_who": "patient", "happened_at": "2026-01-01T08:00"}, 409, "too long ago"),
        ({}, 422, "This field is required"),
        ({"consent_who": "guardian"}, 409, "a guardian with the name"),
        ({"consent_who": "nobody"}, 409, "The consent to the transfer is not on record"),
        ({"consent_who": "patient", "proposed": "999"}, 422, "Select a valid choice"),
    ],
)
def test_a_referral_without_reason_time_or_consent_is_not_written(
    doctor: str, fields: dict[str, str], status: int, words: str
) -> None:
    visit, before = a_visit(156), written()
    answer = post(doctor, f"/referrals/new/{visit}/", **FORM, **fields)
    assert answer.status == status
    assert words in answer.body
    assert "kept" in answer.body
    assert written() == before


def test_a_draft_may_wait_for_the_consent(doctor: str) -> None:
    visit = a_visit(157)
    answer = post(doctor, f"/referrals/new/{visit}/", **FORM, keep="1")
    assert answer.status == 303
    number = answer.location.strip("/").split("/")[-1]
    form = {**FORM, "_version": str(case_row(number)[1])}
    assert post(doctor, f"/referrals/{number}/edit/", **form).status == 422
    assert post(doctor, f"/referrals/{number}/edit/", **form, consent_who="patient").status == 303
    finish(number)


def test_a_nurse_hands_a_draft_to_the_doctor_and_sends_nothing(house_file: object) -> None:
    doctor = person("doctor")
    nurse = token_for(appointed("nurse.pages", "陈护士", access.NURSE, doctor.org_id))
    with transaction.atomic(), scope(doctor) as by:
        new = visits.NewVisit(diagnosis("I10.x00"), "x", False)
        visit = visits.register(a_resident(doctor, 158), new, by=by, at=now())
    assert f"/referrals/new/{visit.pk}/" in call("GET", f"/residents/{visit.resident_id}/", nurse).body
    page = call("GET", f"/referrals/new/{visit.pk}/", nurse).body
    assert "Hand to the doctor" in page
    assert 'id="send"' not in page
    stranger = post(nurse, f"/referrals/new/{visit.pk}/", **FORM, doctor=str(person("desk").id))
    assert stranger.status == 422
    answer = post(nurse, f"/referrals/new/{visit.pk}/", **FORM, doctor=str(doctor.id), consent_who="patient")
    assert answer.status == 303
    number = answer.location.strip("/").split("/")[-1]
    case = Case.objects.using("load").get(number=number)
    assert (case.state, case.requester_id, case.entered_by_name) == (rules.DRAFT, doctor.id, "陈护士")
    assert "entered by 陈护士, nurse" in call("GET", f"/referrals/{number}/", token_for(doctor)).body
    version = str(case.version)
    assert post(nurse, f"/referrals/{number}/edit/", **FORM, doctor=str(doctor.id), _version=version).status == 303
    assert post(nurse, f"/referrals/{number}/do/withdraw/", _version=str(case.version + 1)).status == 409
    finish(number)


def test_an_emergency_of_a_resident_with_an_open_case_says_so_on_the_form(doctor: str) -> None:
    who = person("doctor")
    with transaction.atomic(), scope(who) as by:
        case = a_case(by, who, number=159)
        new = visits.NewVisit(diagnosis("I10.x00"), "x", True)
        visit = visits.register(a_resident(who, 159), new, by=by, at=now())
    assert case.number in call("GET", f"/referrals/new/{visit.pk}/", doctor).body
    refused = post(doctor, f"/referrals/new/{visit.pk}/", **FORM, consent_who="patient")
    assert (refused.status, case.number in refused.body) == (409, True)
    sent = post(doctor, f"/referrals/new/{visit.pk}/", **FORM, consent_who="nobody", emergency="on", green="other")
    assert sent.status == 303
    body = call("GET", sent.location, doctor).body
    assert "It took the place of" in body
    assert "Replaced by an emergency" in call("GET", f"/referrals/{case.number}/", doctor).body
    finish(sent.location.strip("/").split("/")[-1])
