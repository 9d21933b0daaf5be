"""Review cycles, what they drew, and who has read what."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q, QuerySet

from fenji.ground.access.rules import Actor
from fenji.ground.common.refusal import Unknown
from fenji.measure.referral_quality import rules
from fenji.measure.referral_quality.models import Reading, ReviewCycle, SampledCase


def cycles() -> QuerySet[ReviewCycle]:
    """The cycles that the scope sees, latest first: of the own group, of those the own hospital leads, of an officer's region."""
    return ReviewCycle.objects.select_related("org").order_by("-until", "org_id")


def cycle(cycle_id: UUID) -> ReviewCycle:
    """One cycle. Raises Unknown."""
    found = cycles().filter(pk=cycle_id).first()
    if found is None:
        raise Unknown(what="cycle")
    return found


def sampled(sampled_id: UUID) -> SampledCase:
    """One referral that was drawn, with its cycle. Raises Unknown."""
    found = SampledCase.objects.select_related("cycle", "cycle__org").filter(pk=sampled_id).first()
    if found is None:
        raise Unknown(what="sampled")
    return found


def sampled_of(of: ReviewCycle) -> list[SampledCase]:
    """What a cycle drew, by number; empty for whoever sees the outcome alone."""
    return list(SampledCase.objects.filter(cycle=of, org_id=of.org_id).order_by("number"))


def readings_of(drawn: Iterable[SampledCase]) -> dict[UUID, list[Reading]]:
    """The readings of some sampled referrals, first reader first; seen by the group alone."""
    found: dict[UUID, list[Reading]] = {}
    for reading in Reading.objects.filter(sampled__in=[s.pk for s in drawn]).order_by("at", "id"):
        found.setdefault(reading.sampled_id, []).append(reading)
    return found


def views_of(drawn: Iterable[SampledCase]) -> dict[UUID, rules.Sampled]:
    """Sampled referrals as the rules see them, by id."""
    rows = list(drawn)
    readings = readings_of(rows)
    return {s.pk: _view(s, readings.get(s.pk, [])) for s in rows}


def _view(row: SampledCase, readings: Iterable[Reading]) -> rules.Sampled:
    read = tuple(rules.Reading(r.reader_id, r.appropriate, r.compliant) for r in readings)
    standing = {rules.APPROPRIATE: row.standing} if row.standing else {}
    return rules.Sampled(row.number, standing, frozenset(row.involved), read)


def to_read(by: Actor, drawn: Iterable[SampledCase]) -> list[SampledCase]:
    """Those that this person may read now, in the order given."""
    rows = list(drawn)
    views = views_of(rows)
    return [s for s in rows if not rules.reader_fault(views[s.pk], by.account_id)]


def judged_of(by: Actor) -> QuerySet[SampledCase]:
    """What cycles found of the referrals that this person asked for, latest first."""
    told = Q(told_at__isnull=False, requester_id=by.account_id)
    return SampledCase.objects.filter(told).order_by("-told_at", "number")
