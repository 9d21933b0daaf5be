"""Review cycles: drawn by the house, read and closed by the group."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from fenji.care.referral.queries import case as referral
from fenji.ground.access.actions import audit
from fenji.ground.access.rules import DOCTOR, MANAGER, REVIEWER, Actor, house
from fenji.ground.common.clock import local_day
from fenji.ground.common.refusal import NotPermitted, Stale
from fenji.ground.common.rows import violated
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.models import Organisation, Post
from fenji.ground.network.queries import alliance_lead, place_of
from fenji.ground.network.rules import TIERS
from fenji.ground.tasks import actions as tasks
from fenji.measure.referral_quality import queries, rules
from fenji.measure.referral_quality.models import Reading, ReviewCycle, SampledCase
from fenji.measure.referral_quality.rules.refusals import CycleNotDone, NotYourReading, ReadingNote

MINE = "/quality/mine/"
"""Where doctors find what cycles found of their referrals."""


_TWICE = ("reviewcycle_once", "reviewcycle_one_open")


def subject_of(cycle: ReviewCycle) -> str:
    """What a cycle is called on desks and in traces."""
    return f"Q{cycle.org_id}-{cycle.until:%Y%m%d}"


def open_cycles(*, seeds: Callable[[], str], at: datetime, using: str = "job") -> int:
    """Draw the samples of all groups whose cycle comes to its end (SM-3-5l). Runs as the job role. `seeds`: makes a new seed.

    A group comes under the clause with the first referral it sent. Village clinics have no group: what needs review is reviewed by
    their centre's, and drawn there. Returns how many cycles were opened.
    """
    today, first = local_day(at), queries.first_sent(using)
    present = Organisation.objects.using(using).filter(pk__in=first, kind="care", end=None).exclude(care_tier=TIERS[0])
    last = dict(ReviewCycle.objects.using(using).order_by("until").values_list("org_id", "until"))
    waiting = set(ReviewCycle.objects.using(using).filter(closed_at=None).values_list("org_id", flat=True))
    opened = 0
    for org_id in sorted(present.values_list("id", flat=True)):
        since = last.get(org_id) or local_day(first[org_id])
        policy = queries.policy_at(place_of(org_id, using), today)
        if policy.review_asked and org_id not in waiting and rules.cycle_opens(since, policy) <= today and since < today:
            opened += open_cycle(org_id, since, seed=seeds(), at=at, using=using) is not None
    return opened


def open_cycle(org_id: int, since: date, *, seed: str, at: datetime, using: str = "job") -> ReviewCycle | None:
    """Draw the sample of one group: of the referrals it sent from `since` to yesterday. None when another worker was faster.

    Where nothing was sent there is nothing to read, and the cycle is over at once.
    """
    until, place = local_day(at), place_of(org_id, using)
    policy = queries.policy_at(place, until)
    sent = {s.number: s for s in queries.sent_by(org_id, since, until, using)}
    chosen = rules.drawn(sent, seed, policy)
    lead = alliance_lead(org_id, until, using)
    cycle = ReviewCycle(
        org_id=org_id, lead_id=lead.id if lead else None, path=place.path, since=since, until=until,
        due_on=rules.cycle_due(since, policy), seed=seed, total=len(sent), size=len(chosen), opened_at=at,
        closed_at=None if chosen else at, found={} if chosen else _found([]),
    )  # fmt: skip
    try:
        with transaction.atomic(using=using):
            cycle.save(force_insert=True, using=using)
            SampledCase.objects.using(using).bulk_create(
                SampledCase(
                    cycle=cycle, org_id=org_id, origin_id=s.origin_id, number=s.number, requester_id=s.requester_id,
                    requester_name=s.requester_name, involved=list(s.involved), standing=rules.YES,
                )
                for s in (sent[number] for number in chosen)
            )  # fmt: skip
            if chosen:
                _wait(cycle, place.name, at, using)
            audit(by=house(org_id), at=at, action="quality.draw", subject=subject_of(cycle), using=using, seed=seed)
    except IntegrityError as refused:
        if violated(refused) not in _TWICE:
            raise
        return None
    return cycle


def _wait(cycle: ReviewCycle, name: str, at: datetime, using: str) -> None:
    held = Post.objects.using(using).filter(Q(end=None) | Q(end__gt=at), start__lte=at)
    there = held.filter(org_id=cycle.org_id, role=REVIEWER).exists()
    step = tasks.Step(
        kind="quality.review", subject=subject_of(cycle), url=f"/quality/cycles/{cycle.id}/", who="", sex="", age=0, topic=name,
        org_id=cycle.org_id, role=REVIEWER if there else MANAGER, viewer_ids=(cycle.org_id,),
        due_at=queries.day_start(cycle.due_on + timedelta(days=1)),
    )  # fmt: skip
    tasks.open_step(step, at=at, using=using)


def mark_overdue(*, at: datetime, using: str = "job") -> int:
    """Mark cycles that were not reviewed in time (SM-3-5l), and tell the lead of the community. Runs as the job role.

    The head of the group is told by the overdue step itself. Returns how many.
    """
    today, marked = local_day(at), 0
    late = ReviewCycle.objects.using(using).filter(closed_at=None, overdue_at=None, due_on__lt=today)
    for cycle in late.order_by("due_on", "id"):
        with transaction.atomic(using=using):
            row = ReviewCycle.objects.using(using).filter(pk=cycle.pk, version=cycle.version, closed_at=None)
            if not row.update(overdue_at=at, version=F("version") + 1):
                continue
            subject, url = subject_of(cycle), f"/quality/cycles/{cycle.id}/"
            audit(by=house(cycle.org_id), at=at, action="quality.overdue", subject=subject, using=using)
            if cycle.lead_id not in (None, cycle.org_id):
                tasks.notify("quality.overdue", org_id=cycle.lead_id, role=MANAGER, subject=subject, url=url, at=at, using=using)
            marked += 1
    return marked


@all_or_nothing
def read(sampled_id: UUID, appropriate: str, compliant: str, note: str, *, by: Actor, at: datetime) -> SampledCase:
    """Answer the two questions on one sampled referral (SM-3-5f). Raises NotPermitted, Unknown, Stale, NotYourReading, ReadingNote.

    `note`: what the doctor should know; without it no answer but yes is taken.
    """
    row = queries.sampled(sampled_id)
    _group(by, row.org_id)
    if row.cycle.closed_at is not None:
        raise Stale
    # two readers at once: the second one waits here, and then sees the first one's answer
    SampledCase.objects.select_for_update().get(pk=row.pk)
    if why := rules.reader_fault(queries.views_of([row])[row.pk], by.account_id):
        raise NotYourReading(why=why)
    if {appropriate, compliant} != {rules.YES} and not note.strip():
        raise ReadingNote
    referral(row.number)  # whoever judges a case can open it
    Reading.objects.create(
        sampled=row, reader_id=by.account_id, reader_name=by.name, appropriate=appropriate, compliant=compliant,
        note=note.strip(), at=at,
    )  # fmt: skip
    audit(by=by, at=at, action="quality.read", subject=row.number, cycle=subject_of(row.cycle))
    return row


def _group(by: Actor, org_id: int) -> None:
    if not by.may("quality.review") or org_id not in by.orgs:
        raise NotPermitted


@all_or_nothing
def close_cycle(cycle_id: UUID, *, version: int, by: Actor, at: datetime) -> ReviewCycle:
    """Close a cycle when every referral drawn is settled: each doctor sees the result of their own, the lead the score.

    Raises NotPermitted, Unknown, Stale, CycleNotDone.
    """
    cycle = queries.cycle(cycle_id)
    _group(by, cycle.org_id)
    drawn = queries.sampled_of(cycle)
    views = queries.views_of(drawn)
    left = sum(rules.needs_reader(v) for v in views.values())
    if left:
        raise CycleNotDone(left=left)
    found = _found(list(views.values()))
    running = ReviewCycle.objects.filter(pk=cycle.pk, version=version, closed_at=None)
    if not running.update(closed_at=at, closed_by=by.name, found=found, version=F("version") + 1):
        raise Stale
    notes = queries.readings_of(drawn)
    for row in drawn:
        said = "\n".join(r.note for r in notes[row.pk] if r.note)
        result = rules.result(views[row.pk])
        SampledCase.objects.filter(pk=row.pk).update(**result, advice=said, told_at=at, version=F("version") + 1)
    subject = subject_of(cycle)
    tasks.close_step(subject, at=at)
    for origin_id in sorted({row.origin_id for row in drawn}):
        tasks.send("quality.results", org_id=origin_id, role=DOCTOR, subject=subject, url=MINE, at=at, sender_id=by.org_id)
    if cycle.lead_id not in (None, cycle.org_id):
        url = f"/quality/cycles/{cycle.id}/"
        tasks.send("quality.closed", org_id=cycle.lead_id, role=MANAGER, subject=subject, url=url, at=at, sender_id=by.org_id)
    audit(by=by, at=at, action="quality.close", subject=subject)
    return queries.cycle(cycle_id)


def _found(views: list[rules.Sampled]) -> dict[str, dict[str, int]]:
    return {
        dimension: {"sampled": s.sampled, "yes": s.yes, "no": s.no, "unsure": s.unsure}
        for dimension, s in rules.scores(views).items()
    }
