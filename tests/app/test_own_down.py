"""The resident's own page on the way down: where to, by when, to which doctor, with what; then the days of follow-ups."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from fenji.care.continuity import actions as continuity
from fenji.care.continuity import rules as care
from fenji.care.continuity.models import FollowUp
from fenji.care.referral import actions, queries
from fenji.care.referral.models import Case
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import NotPermitted
from fenji.ground.tasks.models import OutboxMessage, PersonMessage
from tests.app.sessions import browser
from tests.app.test_own_page import NOBODYS, answered, four, seen
from tests.app.wsgi import call
from tests.cast import person, scope, token_for
from tests.down import a_down, offered_down

WARD, BRANCH = "specialist", "doctor"


def offered() -> Case:
    with transaction.atomic(), scope(person(WARD)) as by:
        return offered_down(by)


def do(login: str, case: Case, verb: str, **more: object) -> Case:
    row = Case.objects.using("owner").get(pk=case.pk)
    with transaction.atomic(), scope(person(login)) as by:
        return getattr(actions, verb)(case.number, version=row.version, by=by, at=now(), **more)  # type: ignore[no-any-return]


def arrived() -> Case:
    case = offered()
    do(BRANCH, case, "accept")
    return do(BRANCH, case, "arrive")


def address(case: Case) -> str:
    with transaction.atomic(), scope(person(WARD)):
        return queries.url_for(case)


def opened(case: Case) -> str:
    client, url = browser(), address(case)
    assert answered(client, url, four(case)) == (303, url)
    return client.get(url).content.decode()


def kinds(case: Case) -> list[str]:
    found = PersonMessage.objects.using("owner").filter(subject=case.number).order_by("at", "id")
    return list(found.values_list("kind", flat=True))


def test_a_draft_has_no_page_and_the_offer_makes_one_and_tells(house_file: object) -> None:
    with transaction.atomic(), scope(person(WARD)) as by:
        case = a_down(by)
    assert address(case) == ""
    assert kinds(case) == []
    case = offered()
    assert kinds(case) == ["referral.down_offered"]
    page = opened(case)
    assert "Waiting for the health centre&#x27;s answer" in page
    assert case.receiver.name in page
    assert case.origin.name in page
    assert "The summary of your stay and the plan" in page
    assert "Expected by" not in page


def test_once_accepted_it_says_by_when_and_to_which_doctor(house_file: object) -> None:
    case = offered()
    taken = do(BRANCH, case, "accept")
    assert kinds(case) == ["referral.down_offered", "referral.down_accepted"]
    page = opened(case)
    assert "The health centre expects you" in page
    assert taken.due_at is not None
    assert f"{local_day(taken.due_at):%Y-%m-%d}" in page.split("Expected by")[1].split("</section>")[0]
    assert person(BRANCH).name in page
    assert "I will come" in page


def test_after_arrival_it_lists_the_days_of_follow_ups_to_come_and_nothing_of_the_illness(house_file: object) -> None:
    case = arrived()
    assert kinds(case)[-1] == "referral.planned"
    page = opened(case)
    assert "The health centre takes care of you now" in page
    assert "Arrived at the health centre" in page
    days = list(
        FollowUp.objects.using("owner").filter(package__subject=case.number).order_by("due_on").values_list("due_on", flat=True)
    )
    assert days
    shown = page.split("Your next follow-ups")[1].split("</section>")[0]
    assert [d for d in days if f"{d:%Y-%m-%d}" not in shown] == []
    for secret in (case.patient_name, case.diagnosis_name, case.diagnosis_code, case.number, case.summary, "血压", "阿司匹林"):
        assert secret not in page


def test_follow_ups_that_are_done_or_past_are_not_listed(house_file: object) -> None:
    case = arrived()
    rows = FollowUp.objects.using("owner").filter(package__subject=case.number).order_by("due_on")
    first, second = rows[:2]
    FollowUp.objects.using("owner").filter(pk=first.pk).update(due_on=local_day(now()) - timedelta(days=1))
    FollowUp.objects.using("owner").filter(pk=second.pk).update(due_on=local_day(now()))
    shown = opened(case).split("Your next follow-ups")[1].split("</section>")[0]
    assert f"{local_day(now()) - timedelta(days=1):%Y-%m-%d}" not in shown
    assert f"{local_day(now()):%Y-%m-%d}" in shown


def test_the_page_stays_while_the_plan_runs_and_its_days_after_that(house_file: object) -> None:
    case = arrived()
    Case.objects.using("owner").filter(pk=case.pk).update(ended_at=now() - timedelta(days=31))
    assert "Your next follow-ups" in opened(case)
    with transaction.atomic(), scope(person(BRANCH)) as by:
        continuity.end_plan(case.number, care.RETURNED, by=by, at=now())
    assert seen(address(case), four(case)) == seen(NOBODYS, four(case))


def test_a_case_that_ended_without_arrival_says_that_it_is_finished_and_tells_of_no_plan(house_file: object) -> None:
    case = offered()
    do(BRANCH, case, "decline", note="no bed")
    do(WARD, case, "end", action="close", note="goes on as an out-patient")
    assert kinds(case) == ["referral.down_offered", "referral.changed"]
    page = opened(case)
    assert "This referral is finished" in page
    assert "takes care of you now" not in page


def test_who_cannot_come_tells_the_ward_and_the_doctors_of_a_branch_without_a_desk(house_file: object) -> None:
    case = offered()
    client, url = browser(), address(case)
    answered(client, url, four(case))
    client.post(url, {"say": "cannot_come"})
    left = OutboxMessage.objects.using("owner").filter(subject=case.number, kind="referral.cannot_come")
    assert {(m.org_id, m.role) for m in left} == {(case.origin_id, "doctor"), (case.receiver_id, "doctor")}


def test_the_ward_renews_the_address_and_the_branch_does_not(house_file: object) -> None:
    case = offered()
    with transaction.atomic(), scope(person(WARD)) as by:
        shown = queries.link_of(case)
        assert shown is not None
        actions.renew_link(case.number, str(shown.pk), by=by, at=now())
        assert queries.link_of(case) != shown
    with transaction.atomic(), scope(person(BRANCH)) as by, pytest.raises(NotPermitted):
        actions.renew_link(case.number, "", by=by, at=now())
    page = call("GET", f"/referrals/{case.number}/", token_for(person(WARD))).body
    assert "The resident's own page" in page.replace("&#x27;", "'")


def test_the_slip_of_the_way_down_is_called_so_and_says_what_to_bring(house_file: object) -> None:
    case = offered()
    body = call("GET", f"/referrals/{case.number}/slip/", token_for(person(WARD))).body
    assert "Referral slip, downwards" in body
    assert "upwards" not in body
    sheet = body.split("part-patient")[1]
    assert "The summary of your stay and the plan" in sheet
    assert case.receiver.name in sheet
