"""What the demo plants is there for the people who sign in to it."""

from __future__ import annotations

import pytest
from django.db import transaction

from fenji.care.booking.models import Booking, WaitEntry
from fenji.care.referral import queries
from fenji.care.referral.models import Case
from fenji.care.registry.models import Duplicate, Resident
from fenji.care.visits.queries import census, judged
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.network.queries import place_of
from fenji.world import planted
from fenji.world.county import SHOWN
from tests.app.wsgi import call
from tests.cast import everybody, person, scope, token_for


@pytest.fixture(scope="module")
def shown(house_file: object) -> None:
    planted.plant(everybody(), now())


def only(**wanted: object) -> Case:
    return Case.objects.using("load").get(**wanted)


def page(login: str, path: str) -> str:
    answer = call("GET", path, token_for(person(login)))
    assert answer.status == 200
    return answer.body


def test_the_ward_has_some_who_may_go_down_and_some_who_may_not(shown: None) -> None:
    with transaction.atomic(), scope(person("doctor")) as by:
        found = judged(list(census(by)), place_of(by.org_id), local_day(now()))
    assert {bool(row.reasons) for row in found} == {True, False}


def test_as_many_cases_are_planted_as_the_count_of_the_demo_says(shown: None) -> None:
    assert Case.objects.using("load").count() == planted.CASES


def test_the_nurse_finds_the_draft_she_entered_and_the_doctor_finds_it_waiting(shown: None) -> None:
    draft = only(entered_by_id=person("nurse").id)
    assert "nurse" in SHOWN
    assert draft.state == "draft"
    assert draft.number in page("nurse", "/referrals/")
    assert f'data-waits="{draft.number}"' in page("doctor", "/")


def test_the_county_desk_finds_a_patient_who_waits_and_slots_held_and_confirmed(shown: None) -> None:
    (waiting,) = WaitEntry.objects.using("load").filter(state="waiting")
    assert waiting.topic in page("desk", "/booking/waiting/")
    assert sorted(Booking.objects.using("load").values_list("state", flat=True)) == ["confirmed", "held"]


def test_the_clock_of_an_emergency_runs(shown: None) -> None:
    urgent = only(emergency=True)
    clock = queries.clock_of(urgent)
    assert urgent.state == "offered"
    assert clock is not None
    assert 5 <= clock.minutes(now()) <= 60
    assert "door to accept" in page("desk", "/")


@pytest.mark.parametrize(("state", "why"), [("declined", "本周床位已满"), ("refused_transfer", "家属暂不同意转诊")])
def test_a_refusal_says_why(shown: None, state: str, why: str) -> None:
    assert why in page("doctor", f"/referrals/{only(state=state).number}/")


def test_records_that_may_be_one_person_are_proposed(shown: None) -> None:
    reasons = sorted(Duplicate.objects.using("load").filter(state="proposed").values_list("reason", flat=True))
    assert reasons == ["phone", "phone", "slip"]
    unknown = Resident.objects.using("load").get(entry="unknown")
    assert unknown.name.startswith("无名氏")
    assert page("doctor", "/residents/duplicates/").count('href="/residents/duplicates/') >= len(reasons)
