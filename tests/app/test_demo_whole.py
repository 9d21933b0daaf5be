"""The demo's wards, ways down and half year: each page on them shows something to whoever signs in to it."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta

import pytest
from django.db import transaction

from fenji.care.booking.models import Bed, BedHold, Ward
from fenji.care.continuity.models import FollowUp, Package
from fenji.care.referral.models import Case
from fenji.care.visits.models import Stay, Visit
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.tasks.models import WorkItem
from fenji.measure.referral_quality import queries, rules
from fenji.measure.referral_quality.models import Bulletin, OutlierCase, ReviewCycle, SampledCase
from fenji.world import down, past, planted, wards
from fenji.world.county import COUNTY_HOSPITAL
from tests.app.wsgi import call
from tests.cast import everybody, person, scope, token_for


@pytest.fixture(scope="module")
def told(house_file: object) -> datetime:
    """The demo as it opens, but for the referrals that chance writes."""
    at = now()
    planted.plant(everybody(), at)
    there = wards.Wards(everybody(), at)
    there.open()
    down.tell(everybody(), there, at)
    past.tell(everybody(), at, lambda _done: None)
    return at


def page(login: str, path: str) -> str:
    answer = call("GET", path, token_for(person(login)))
    assert answer.status == 200, (login, path, answer.status)
    return answer.body


# --- beds --------------------------------------------------------------------------------------------------------------------


def test_each_centre_and_the_county_hospital_have_wards_with_patients_in_their_beds(told: datetime) -> None:
    centres = {p.org_id for login, p in everybody().items() if login.partition(".")[0] == "doctor"}
    assert set(Ward.objects.using("load").values_list("org_id", flat=True)) == {*centres, COUNTY_HOSPITAL}
    for org in (*centres, COUNTY_HOSPITAL):
        lying = Stay.objects.using("load").filter(org_id=org, discharged_at=None)
        assert lying.exclude(department=None).exclude(bed="").count() == lying.count() >= 2
    shared = Ward.objects.using("load").get(kind="rehabilitation")
    assert shared.partner_id == person("doctor").org_id


def test_nobody_lies_in_a_room_of_the_other_sex_and_no_two_in_one_bed(told: datetime) -> None:
    found = list(Stay.objects.using("load").filter(discharged_at=None).select_related("resident").exclude(department=None))
    assert not [k for k, n in Counter((s.department_id, s.bed) for s in found).items() if n > 1]
    beds = {(b.department_id, b.name): b.sex for b in Bed.objects.using("load")}
    assert not [s for s in found if beds[s.department_id, s.bed] not in (s.resident.sex, "any")]


@pytest.mark.parametrize("login", ["doctor", "nurse", "reviewer", "head", "desk", "specialist", "director"])
def test_the_board_shows_beds_that_are_taken_and_free(told: datetime, login: str) -> None:
    board = page(login, "/beds/")
    assert "病区" in board
    assert "taken" in board
    assert "free" in board


def test_two_beds_are_held_one_of_them_confirmed(told: datetime) -> None:
    assert Counter(BedHold.objects.using("load").values_list("state", flat=True)) == {"held": 1, "confirmed": 1}


# --- the way down ------------------------------------------------------------------------------------------------------------


def test_there_is_a_down_referral_in_each_state_that_people_bring_about(told: datetime) -> None:
    found = Case.objects.using("load").filter(direction="down")
    states = Counter(found.values_list("state", flat=True))
    assert {"draft", "offered", "accepted", "declined", "missed", "closed", "withdrawn"} <= set(states)
    assert found.filter(door_at__isnull=False).count() >= 4
    assert Case.objects.using("load").filter(returns__isnull=False).count() == 1


def test_the_team_finds_follow_ups_that_are_overdue_due_today_and_done(told: datetime) -> None:
    today = local_day(told)
    found = list(FollowUp.objects.using("load").filter(org_id=person("doctor").org_id))
    assert {"open", "done", "ended"} <= {f.state for f in found}
    open_ = [f for f in found if f.state == "open"]
    assert [f for f in open_ if f.due_on == today]
    assert [f for f in open_ if f.tries]
    for login in ("doctor", "nurse", "head"):
        listed = page(login, "/followups/")
        assert "overdue" in listed
        assert "Record it" in listed
    plan = Package.objects.using("load").filter(state="handed_over")[0]
    assert plan.warning_signs in page("nurse", f"/plans/{plan.subject}/")


def test_the_ward_finds_candidates_drafts_and_packages(told: datetime) -> None:
    listed = page("specialist", "/referrals/down/")
    assert "Send down" in listed
    assert "Draft" in listed
    draft = Package.objects.using("load").filter(state="draft")[0]
    assert page("specialist", f"/packages/new/{draft.stay_id}/")
    assert draft.warning_signs in page("specialist", f"/plans/{draft.subject}/")


# --- quality -----------------------------------------------------------------------------------------------------------------


def test_the_funnel_has_a_point_for_each_of_a_dozen_branches_and_one_outlier(told: datetime) -> None:
    for login in ("director", "officer"):
        shown = page(login, "/quality/")
        assert len(re.findall(r'<circle class="point', shown)) >= 12
        assert len(re.findall(r"point-alarm_high", shown)) == 1
        assert "Too few to judge" not in shown
    name = person("doctor").org_id
    assert {(o.kind, o.unit) for o in OutlierCase.objects.using("load")} >= {("branch", str(name))}


def test_cycles_are_closed_open_and_overdue_and_readers_have_something_to_read(told: datetime) -> None:
    own = person("reviewer").org_id
    cycles = list(ReviewCycle.objects.using("load"))
    assert {c.closed_at is not None for c in cycles if c.org_id == own} == {True, False}
    assert [c for c in cycles if c.overdue_at is not None and c.org_id != own]
    running = next(c for c in cycles if c.org_id == own and c.closed_at is None)
    for login in ("reviewer", "reviewer2", "head"):
        with transaction.atomic(), scope(person(login)) as by:
            assert queries.to_read(by, queries.sampled_of(queries.cycle(running.pk))), login
    assert SampledCase.objects.using("load").filter(told_at__isnull=False, appropriate=rules.NO).count() == 1
    assert 'class="code" href="/referrals/R' in page("doctor", "/quality/mine/")
    for login in ("reviewer", "head", "director", "officer"):
        assert "/quality/cycles/" in page(login, "/quality/cycles/").split("<tbody>")[1]


@pytest.mark.parametrize("login", ["head", "director", "officer"])
def test_the_outlier_waits_for_an_explanation_and_another_for_a_second_person(told: datetime, login: str) -> None:
    assert "/quality/outliers/" in page(login, "/quality/outliers/").split("<tbody>")[1]
    assert {o.state for o in OutlierCase.objects.using("load")} == {"opened", "explained"}


@pytest.mark.parametrize("login", ["director", "officer", "head"])
def test_the_bulletin_of_last_month_ranks_somebody(told: datetime, login: str) -> None:
    (found,) = Bulletin.objects.using("load")
    assert [line for line in found.lines["refusals"] if line["rank"]]
    assert [line for line in found.lines["late"] if line["rank"] and line["hits"]]
    assert found.lines["late"][0]["name"] in page(login, "/quality/bulletins/")


def test_what_is_over_waits_for_nobody(told: datetime) -> None:
    long_ago = told - timedelta(days=10)
    half_year = Case.objects.using("load").filter(direction="up", created_at__lt=long_ago)
    assert half_year.count() > 50
    assert set(half_year.values_list("state", flat=True)) == {"closed"}
    numbers = half_year.values_list("number", flat=True)
    assert not WorkItem.objects.using("load").filter(subject__in=list(numbers), closed_at=None).exists()


def test_the_same_county_has_the_same_half_year(told: datetime) -> None:
    """The number of contacts and referrals follows from the seed alone, whoever is drawn for them."""
    twice = [past.Past(everybody(), told).planned() for _ in range(2)]
    assert twice[0] == twice[1]
    seen = Visit.objects.using("load").filter(complaint__contains="，", org_id=person("doctor.102").org_id, opened_at__lt=told)
    assert seen.count() == len(next(days for doctor, days, _count, _early in twice[0] if doctor == "doctor.102"))
