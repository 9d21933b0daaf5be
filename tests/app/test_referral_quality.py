"""Review cycles in the house: drawn by a stored seed, read by two where one is not enough, closed, overdue (SM-3-5f, SM-3-5l)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, connections, transaction

from fenji.care.referral.models import Case
from fenji.ground.access.models import AuditEvent
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.tasks.actions import deliver_left_over, escalate_overdue
from fenji.ground.tasks.models import Notice, WorkItem
from fenji.measure.referral_quality import actions, queries, rules
from fenji.measure.referral_quality.models import Reading, ReviewCycle, SampledCase
from fenji.measure.referral_quality.rules.refusals import CycleNotDone, NotYourReading, ReadingNote
from fenji.world.county import COUNTY_HOSPITAL
from tests.cast import NOT_IN_CATALOGUE, a_case, finish, other_reviewer, person, scope

SEED = "a seed of the test"


@pytest.fixture(scope="module")
def sent(house_file: object) -> list[str]:
    """Three referrals of township A that went up without review."""
    numbers = []
    for n in (301, 302, 303):
        with transaction.atomic(), scope(person("doctor")) as by:
            case = a_case(by, person("doctor"), number=n, code=NOT_IN_CATALOGUE)
        numbers.append(case.number)
        finish(case.number)
    return numbers


@pytest.fixture
def at() -> datetime:
    """Tomorrow: what was sent today lies in the period."""
    return now() + timedelta(days=1)


@pytest.fixture
def cycle(sent: list[str], at: datetime) -> Iterator[ReviewCycle]:
    found = actions.open_cycle(person("doctor").org_id, local_day(now()), seed=SEED, at=at)
    assert found is not None
    yield found
    forget()


def forget() -> None:
    for model in (Reading, SampledCase, ReviewCycle):
        model.objects.using("owner").all().delete()
    WorkItem.objects.using("owner").filter(kind="quality.review").delete()


def answer(row: SampledCase, who: str, at: datetime, appropriate: str = "yes", compliant: str = "yes", note: str = "") -> None:
    with transaction.atomic(), scope(person(who)) as by:
        actions.read(row.pk, appropriate, compliant, note, by=by, at=at)


def drawn(cycle: ReviewCycle) -> list[SampledCase]:
    return list(SampledCase.objects.using("owner").filter(cycle=cycle).order_by("number"))


def test_a_cycle_draws_what_was_sent_and_keeps_its_seed(cycle: ReviewCycle, sent: list[str], at: datetime) -> None:
    assert (cycle.total, cycle.size, cycle.seed) == (len(sent), len(sent), SEED)
    assert [s.number for s in drawn(cycle)] == sorted(sent)
    assert cycle.due_on == cycle.since + timedelta(days=90)
    assert cycle.lead_id == COUNTY_HOSPITAL
    item = WorkItem.objects.using("owner").get(kind="quality.review", closed_at=None)
    assert (item.org_id, item.role, item.url) == (cycle.org_id, "reviewer", f"/quality/cycles/{cycle.id}/")
    assert AuditEvent.objects.using("owner").filter(action="quality.draw", subject=item.subject).count() == 1


def test_the_same_seed_draws_the_same_sample_again_and_another_seed_another(sent: list[str], at: datetime) -> None:
    org, since, until = person("doctor").org_id, local_day(now()), local_day(at)
    numbers = [s.number for s in queries.sent_by(org, since, until)]
    assert set(sent) <= set(numbers)
    assert rules.sample(numbers, 2, SEED) == rules.sample(list(reversed(numbers)), 2, SEED)
    assert len({tuple(rules.sample(numbers, 2, f"seed {n}")) for n in range(30)}) > 1


def test_nobody_opens_a_second_cycle_over_the_same_days(cycle: ReviewCycle, at: datetime) -> None:
    assert actions.open_cycle(cycle.org_id, cycle.since, seed="another", at=at) is None
    assert ReviewCycle.objects.using("owner").count() == 1


def test_the_night_opens_cycles_that_come_to_their_end_and_no_others(sent: list[str], at: datetime) -> None:
    mine = person("doctor").org_id
    seeds = iter(f"seed {n}" for n in range(1000))
    actions.open_cycles(seeds=lambda: next(seeds), at=at)
    early = set(ReviewCycle.objects.using("owner").values_list("org_id", flat=True))
    forget()
    first = queries.first_sent()[mine]
    comes = first + timedelta(days=90 - 14)
    actions.open_cycles(seeds=lambda: next(seeds), at=comes - timedelta(days=1))
    assert not ReviewCycle.objects.using("owner").filter(org_id=mine).exists()
    actions.open_cycles(seeds=lambda: next(seeds), at=comes)
    opened = ReviewCycle.objects.using("owner").get(org_id=mine)
    assert (opened.since, opened.due_on) == (local_day(first), local_day(first) + timedelta(days=90))
    again = actions.open_cycles(seeds=lambda: next(seeds), at=comes + timedelta(days=1))
    assert again == 0 or mine not in early
    assert ReviewCycle.objects.using("owner").filter(org_id=mine).count() == 1
    forget()


def test_one_reader_is_enough_who_agrees_and_a_no_needs_a_second(cycle: ReviewCycle, at: datetime) -> None:
    one, two, _ = drawn(cycle)
    answer(one, "reviewer", at)
    with pytest.raises(NotYourReading, match="not_your_reading"):
        answer(one, "head", at)
    with pytest.raises(ReadingNote):
        answer(two, "reviewer", at, appropriate="no")
    answer(two, "reviewer", at, appropriate="no", note="could be treated here")
    with pytest.raises(NotYourReading) as refused:
        answer(two, "reviewer", at)
    assert refused.value.detail == {"why": rules.SAME_READER}
    answer(two, "head", at, appropriate="no", note="agreed")
    with transaction.atomic(), scope(person("head")):
        views = queries.views_of([one, two])
    assert rules.result(views[two.pk])["appropriate"] == "no"
    assert rules.result(views[one.pk]) == {"appropriate": "yes", "compliant": "yes"}


def test_who_asked_for_a_referral_never_reads_it_not_even_past_the_action(cycle: ReviewCycle, at: datetime) -> None:
    row = drawn(cycle)[0]
    reviewer = person("reviewer").id
    SampledCase.objects.using("owner").filter(pk=row.pk).update(requester_id=reviewer, involved=[reviewer])
    with pytest.raises(NotYourReading) as refused:
        answer(row, "reviewer", at)
    assert refused.value.detail == {"why": rules.OWN_REFERRAL}
    with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic(), scope(person("reviewer")) as by:
        Reading.objects.create(
            sampled=row, reader_id=by.account_id, reader_name=by.name, appropriate="yes", compliant="yes", note="", at=at
        )


def test_others_neither_read_nor_see_a_sample(cycle: ReviewCycle, at: datetime) -> None:
    row = drawn(cycle)[0]
    with pytest.raises(Unknown), transaction.atomic(), scope(other_reviewer()) as by:
        actions.read(row.pk, "yes", "yes", "", by=by, at=at)
    with pytest.raises(Unknown):
        answer(row, "doctor", at)
    with pytest.raises(Unknown), transaction.atomic(), scope(person("doctor")) as by:
        actions.close_cycle(cycle.pk, version=1, by=by, at=at)


def test_a_cycle_closes_when_all_is_settled_and_tells_doctors_and_the_lead(cycle: ReviewCycle, at: datetime) -> None:
    rows = drawn(cycle)
    for row in rows[:-1]:
        answer(row, "reviewer", at)
    with pytest.raises(CycleNotDone), transaction.atomic(), scope(person("head")) as by:
        actions.close_cycle(cycle.pk, version=1, by=by, at=at)
    answer(rows[-1], "reviewer", at, appropriate="no", note="could be treated here")
    answer(rows[-1], "head", at, appropriate="no", note="yes, here")
    with transaction.atomic(), scope(person("doctor")) as by:
        assert not queries.judged_of(by).exists()
    with pytest.raises(Stale), transaction.atomic(), scope(person("head")) as by:
        actions.close_cycle(cycle.pk, version=7, by=by, at=at)
    with transaction.atomic(), scope(person("head")) as by:
        closed = actions.close_cycle(cycle.pk, version=1, by=by, at=at)
    assert closed.found["appropriate"] == {"sampled": 3, "yes": 2, "no": 1, "unsure": 0}
    assert not WorkItem.objects.using("owner").filter(kind="quality.review", closed_at=None).exists()
    with transaction.atomic(), scope(person("doctor")) as by:
        mine = {s.number: (s.appropriate, s.advice) for s in queries.judged_of(by)}
        assert mine[rows[-1].number] == ("no", "could be treated here\nyes, here")
        assert not Reading.objects.exists()
    with transaction.atomic(), scope(person("doctor2")) as by:
        assert not queries.judged_of(by).exists()
    deliver_left_over(at=at + timedelta(hours=1), older_than=timedelta(0))
    told = set(Notice.objects.using("owner").filter(kind__starts="quality.").values_list("kind", "org_id", "role"))
    assert told >= {("quality.results", cycle.org_id, "doctor"), ("quality.closed", COUNTY_HOSPITAL, "manager")}
    with pytest.raises(Stale):
        answer(rows[0], "head", at)


def test_a_cycle_that_is_not_reviewed_in_time_is_overdue_once_and_its_head_is_told(cycle: ReviewCycle, at: datetime) -> None:
    last = at + timedelta(days=89)
    assert local_day(last) == cycle.due_on
    assert actions.mark_overdue(at=last) == 0
    assert actions.mark_overdue(at=last + timedelta(days=1)) == 1
    assert actions.mark_overdue(at=last + timedelta(days=2)) == 0
    assert ReviewCycle.objects.using("owner").get(pk=cycle.pk).overdue_at is not None
    assert Notice.objects.using("owner").filter(kind="quality.overdue", org_id=COUNTY_HOSPITAL, role="manager").count() == 1
    assert escalate_overdue(at=last + timedelta(days=1)) >= 1


def test_an_officer_of_the_county_sees_the_outcome_and_no_referral(cycle: ReviewCycle) -> None:
    with transaction.atomic(), scope(person("officer")) as by:
        assert [c.pk for c in queries.cycles()] == [cycle.pk]
        assert not SampledCase.objects.exists()
        with pytest.raises(NotPermitted):
            actions.close_cycle(cycle.pk, version=1, by=by, at=now())
    with transaction.atomic(), scope(other_reviewer()):
        assert not queries.cycles().exists()


def test_the_worker_counts_without_seeing_a_patient(sent: list[str]) -> None:
    with connections["job"].cursor() as cursor, pytest.raises(DatabaseError, match="permission denied"), transaction.atomic("job"):
        cursor.execute("SELECT patient_name FROM referral_case")
    assert Case.objects.using("owner").filter(number__in=sent).count() == len(sent)
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic(), scope(person("head")):
        connections["default"].cursor().execute("SELECT * FROM referral_quality_first()")
