"""The pages of the way down: who may go today, writing it, the case at the ward and at the branch, and the return."""

from __future__ import annotations

import io
import re

import pytest
from django.db import transaction
from openpyxl import load_workbook

from fenji.care.continuity import actions as continuity
from fenji.care.continuity import queries as packages
from fenji.care.referral import queries
from fenji.care.referral.models import Case
from fenji.care.visits import actions as visits
from fenji.care.visits.models import Stay
from fenji.care.visits.queries import stay as stay_of
from fenji.ground.common.edge import now
from tests.cast import client_for, form, other_doctor, person, scope
from tests.continuity import PLAN, SIGNS, WHOLE, a_stay

WARD, BRANCH = "specialist", "doctor"


def in_ward(phase: str) -> Stay:
    with transaction.atomic(), scope(person(WARD)) as by:
        stay = a_stay(by, now(), "韦下转")
        return visits.judge(stay.pk, phase, version=stay.version, by=by, at=now()) if phase else stay


def body(login: str, path: str, status: int = 200) -> str:
    answer = client_for(person(login)).get(path)
    assert answer.status_code == status, (path, answer.status_code)
    return answer.content.decode()


def post(login: str, path: str, **fields: object) -> str:
    """Where a form that worked leads."""
    answer = client_for(person(login)).post(path, form(**fields))
    assert answer.status_code == 303, answer.content.decode()[:3000]
    return str(answer["Location"])


def version(number: str) -> int:
    return Case.objects.using("owner").get(number=number).version


def written(stay: Stay) -> str:
    to = post(
        WARD, f"/referrals/down/{stay.pk}/", receiver=person(BRANCH).org_id, summary="watch the leg", consent_who="patient",
        consent_how="oral",
    )  # fmt: skip
    return to.split("/")[-2]


def whole(number: str, stay: Stay) -> None:
    with transaction.atomic(), scope(person(WARD)) as by:
        continuity.write_package(number, stay_of(stay.pk), WHOLE, SIGNS, PLAN, by=by, at=now())


def do(login: str, number: str, action: str, **fields: object) -> str:
    return post(login, f"/referrals/{number}/do/{action}/", _version=version(number), **fields)


def test_the_wards_list_names_who_may_go_down_today_with_the_clause_and_leads_to_the_case(house_file: object) -> None:
    recovering, acute = in_ward("surgical_recovery"), in_ward("acute")
    page = body(WARD, "/referrals/down/")
    assert f"/referrals/down/{recovering.pk}/" in page
    assert "SM-1-2b" in page
    assert str(acute.pk) not in page
    number = written(recovering)
    assert f"/referrals/{number}/" in body(WARD, "/referrals/down/")
    assert body(WARD, f"/stays/{acute.pk}/").count("/referrals/down/") == 0
    answer = client_for(person(WARD)).get(f"/referrals/down/{recovering.pk}/")
    assert (answer.status_code, answer["Location"]) == (303, f"/referrals/{number}/")


def test_the_form_shows_the_verdict_what_is_missing_and_the_branches_best_first(house_file: object) -> None:
    stay = in_ward("acute_recovery")
    page = body(WARD, f"/referrals/down/{stay.pk}/")
    assert "May go down today" in page
    assert "SM-1-2b" in page
    assert "the summary of the stay" in page
    assert "On their way there" in page
    with transaction.atomic(), scope(person(WARD)):
        best = [b.place.name for b in queries.branches(stay_of(stay.pk), now())]
    options = re.findall(r'<option value="\d+">([^<]+)</option>', page.split('name="receiver"')[1].split("</select>")[0])
    assert options == best
    refused = client_for(person(WARD)).post(f"/referrals/down/{stay.pk}/", form(receiver=person(BRANCH).org_id))
    assert refused.status_code == 422, "nobody consented"
    assert "State the phase" in body(WARD, f"/referrals/down/{in_ward('acute').pk}/")


@pytest.mark.parametrize("login", [BRANCH, "nurse", "desk", "officer"])
def test_nobody_else_sends_a_wards_patient_down(house_file: object, login: str) -> None:
    stay = in_ward("chronic")
    answer = client_for(person(login)).get(f"/referrals/down/{stay.pk}/")
    assert answer.status_code in (403, 404)


def test_summary_and_plan_that_are_written_after_the_case_are_the_cases(house_file: object) -> None:
    stay = in_ward("acute_recovery")
    number = written(stay)
    words = {"admitted_for": "x", "course": "x", "condition": "x", "medicines": "x", "warning_signs": "x"}
    line = {"kind": "visit", "service": "follow_up", "what": "x", "first": "0", "every": "1"}
    plan = {"line-TOTAL_FORMS": "1", "line-INITIAL_FORMS": "0", **{f"line-0-{name}": value for name, value in line.items()}}
    stages = {"stage_from": "treatment", "stage": "rehabilitation"}
    to = post(WARD, f"/packages/new/{stay.pk}/", **words, **plan, **stages)
    assert to == f"/plans/{number}/"
    assert "It cannot be sent yet" not in body(WARD, f"/referrals/{number}/")
    do(WARD, number, "offer", receiver=person(BRANCH).org_id)


def test_from_the_draft_to_the_team_and_back_up_by_the_pages_alone(house_file: object) -> None:
    stay = in_ward("critical_stable")
    number = written(stay)
    page = body(WARD, f"/referrals/{number}/")
    assert "It cannot be sent yet (SM-3-6c)" in page
    assert f"/packages/new/{stay.pk}/" in page
    refused = client_for(person(WARD)).post(
        f"/referrals/{number}/do/offer/", form(_version=version(number), receiver=person(BRANCH).org_id)
    )
    assert refused.status_code == 409
    assert "the summary of the stay or the plan is not complete" in refused.content.decode()
    whole(number, stay)
    assert "It cannot be sent yet" not in body(WARD, f"/referrals/{number}/")
    body(BRANCH, f"/referrals/{number}/", 404)
    do(WARD, number, "offer", receiver=person(BRANCH).org_id)
    assert "waits to be accepted" in body(BRANCH, "/?size=100")
    seen = body(BRANCH, f"/referrals/{number}/")
    assert WHOLE.course in seen
    assert "/packages/new/" not in seen
    do(BRANCH, number, "accept")
    do(BRANCH, number, "arrive")
    there = body(BRANCH, f"/referrals/{number}/")
    assert "Send back up to the hospital" in there
    assert "Send back up to the hospital" not in body(WARD, f"/referrals/{number}/")
    without = client_for(person(BRANCH)).post(f"/referrals/{number}/do/return_up/", form(_version=version(number)))
    assert without.status_code == 409
    do(BRANCH, number, "return_up", note="fever since yesterday", refuses="patient")
    back = re.search(r"Sent back up with (R[\d-]+)", body(BRANCH, f"/referrals/{number}/"))
    assert back is not None
    up = body("desk", f"/referrals/{back.group(1)}/")
    assert f"Comes back after the down-referral {number}" in up
    assert "fever since yesterday" in up
    assert WHOLE.course in up
    assert WHOLE.course in body("desk", f"/referrals/{number}/"), "the history behind it"
    with transaction.atomic(), scope(person(BRANCH)):
        assert packages.package_of(number).state == "ended"  # type: ignore[union-attr]
    # the register and the list tell the two ways apart
    mine = body(BRANCH, "/referrals/?direction=down")
    assert number in mine
    assert back.group(1) not in mine
    assert number not in body(BRANCH, "/referrals/?direction=up&size=100")
    book = load_workbook(io.BytesIO(client_for(person(BRANCH)).get("/referrals/register.xlsx").content))
    rows = {row[0]: row for sheet in book.worksheets for row in sheet.iter_rows(values_only=True)}
    names = next(row for row in book.worksheets[1].iter_rows(values_only=True) if "Direction" in row)
    assert rows[number][names.index("Direction")] == "Down"
    assert rows[number][names.index("Arrived")]


def test_a_draft_is_changed_on_the_form_it_was_written_with_and_offered_from_there(house_file: object) -> None:
    stay = in_ward("acute_recovery")
    number = written(stay)
    page = body(WARD, f"/referrals/{number}/")
    assert "Offer again" not in page, "nobody was asked yet"
    assert f'href="/referrals/{number}/edit/"' in page
    edit = body(WARD, f"/referrals/{number}/edit/")
    assert "watch the leg" in edit
    assert 'name="offer"' not in edit, "the package is not complete"
    fields = {"receiver": other_doctor().org_id, "summary": "watch the wound", "consent_who": "patient", "consent_how": "oral"}
    stale = client_for(person(WARD)).post(f"/referrals/{number}/edit/", form(_version=version(number) - 1, **fields))
    assert stale.status_code == 409
    assert "watch the wound" in stale.content.decode()
    unsaid = client_for(person(WARD)).post(
        f"/referrals/{number}/edit/", form(_version=version(number), **{**fields, "consent_who": ""})
    )
    assert unsaid.status_code == 422
    post(WARD, f"/referrals/{number}/edit/", _version=version(number), **fields)
    row = Case.objects.using("owner").get(number=number)
    assert (row.state, row.receiver_id, row.summary) == ("draft", other_doctor().org_id, "watch the wound")
    whole(number, stay)
    assert 'name="offer"' in body(WARD, f"/referrals/{number}/edit/")
    post(WARD, f"/referrals/{number}/edit/", _version=version(number), offer="1", **{**fields, "receiver": person(BRANCH).org_id})
    assert "waits to be accepted" in body(BRANCH, "/?size=100")
    body(WARD, f"/referrals/{number}/edit/", 409)
    do(BRANCH, number, "decline", note="no bed")
    again = body(WARD, f"/referrals/{number}/")
    assert "Offer again" in again
    assert "Change it and offer again" in again
    post(WARD, f"/referrals/{number}/edit/", _version=version(number), offer="1", **fields)
    row = Case.objects.using("owner").get(number=number)
    assert (row.state, row.receiver_id) == ("offered", other_doctor().org_id)


@pytest.mark.parametrize(("login", "status"), [(BRANCH, 404), ("nurse", 404), ("desk", 403), ("officer", 403)])
def test_the_form_of_a_wards_draft_opens_to_nobody_else(house_file: object, login: str, status: int) -> None:
    number = written(in_ward("chronic"))
    body(login, f"/referrals/{number}/edit/", status)
