"""Outliers: found by the house, explained by the institution, confirmed and closed by the lead of its community."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F

from fenji.ground.access.actions import audit
from fenji.ground.access.rules import MANAGER, Actor, house
from fenji.ground.common.clock import local_day
from fenji.ground.common.refusal import NotPermitted, Stale
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.models import Membership
from fenji.ground.network.queries import Place, in_force, place_of
from fenji.ground.policy.queries import duty_calendar
from fenji.ground.tasks import actions as tasks
from fenji.measure.referral_quality import queries, rules
from fenji.measure.referral_quality.models import OutlierCase, OutlierEvent
from fenji.measure.referral_quality.rules.refusals import OutlierStep


def subject_of(row: OutlierCase) -> str:
    """What an outlier is called on desks and in traces."""
    return f"O-{row.id.hex[-12:]}"


def judge_outliers(*, at: datetime, using: str = "job") -> int:
    """Judge branches, diseases and doctors of every county community (SM-3-5g), and open what has to be explained. Runs as the job
    role. Returns how many were opened."""
    led = Membership.objects.using(using).filter(in_force(local_day(at)), role="lead", alliance__kind="county_community")
    return sum(_judge(lead_id, at, using) for lead_id in sorted(led.values_list("org_id", flat=True)))


def _judge(lead_id: int, at: datetime, using: str) -> int:
    place, until = place_of(lead_id, using), local_day(at)
    policy = queries.policy_at(place, until)
    if not policy.outliers_watched:
        return 0
    since = until - timedelta(days=policy.outlier_days)
    counts = queries.counted(queries.community(lead_id, until, using), since, until, using)
    # what was explained once is not asked again over the same days
    known = OutlierCase.objects.using(using).filter(lead_id=lead_id)
    answered = set(known.exclude(closed_at__isnull=False, until__lte=since).values_list("kind", "unit"))
    opened = 0
    for side in rules.SIDES:
        for unit in queries.rates(counts, side, policy).adjusted:
            if rules.opens_case(unit.verdict, policy) and (side, unit.unit) not in answered:
                _open(place, side, unit, counts, (since, until), at, using)
                opened += 1
    return opened


def _open(
    lead: Place, side: str, unit: rules.Judged, counts: queries.Counts, period: tuple[date, date], at: datetime, using: str
) -> None:
    name, branch = counts.doctors[unit.unit] if side == rules.DOCTOR else ("", 0)
    asked = {rules.BRANCH: lambda: int(unit.unit), rules.DISEASE: lambda: lead.id, rules.DOCTOR: lambda: branch}[side]()
    policy = queries.policy_at(lead, period[1])
    row = OutlierCase(
        lead_id=lead.id, org_id=asked, path=lead.path, kind=side, unit=unit.unit, unit_name=name, since=period[0],
        until=period[1], contacts=unit.contacts, referred=unit.observed, expected=unit.expected,
        limits=asdict(unit.limits) if unit.limits else {}, verdict=unit.verdict, state=rules.OPENED, opened_at=at,
        due_at=rules.explain_due(at, policy, duty_calendar(lead.policy_path, period[1])),
    )  # fmt: skip
    by = house(asked)
    with transaction.atomic(using=using):
        row.save(force_insert=True, using=using)
        OutlierEvent.objects.using(using).create(outlier_id=row.id, at=at, actor_id=by.account_id, actor_name="", action="open")
        tasks.open_step(_step(row, rules.OPENED, at), at=at, using=using)
        audit(by=by, at=at, action="outlier.open", subject=subject_of(row), after=rules.OPENED, using=using, side=side)


def _step(row: OutlierCase, state: str, at: datetime) -> tasks.Step:
    """The step that waits in a state: the institution explains; the lead confirms and, when the correction is due, closes."""
    closing = row.correct_by if state == rules.CONFIRMED else None
    return tasks.Step(
        kind=f"outlier.{state}", subject=subject_of(row), url=f"/quality/outliers/{row.id}/", who="", sex="", age=0, topic="",
        org_id=row.org_id if state == rules.OPENED else row.lead_id, role=MANAGER, viewer_ids=(row.org_id, row.lead_id),
        due_at=queries.day_start(closing + timedelta(days=1)) if closing else _due(row, at),
    )  # fmt: skip


def _due(row: OutlierCase, at: datetime) -> datetime:
    if row.state == rules.OPENED and row.due_at > at:
        return row.due_at
    place, day = place_of(row.lead_id), local_day(at)
    return rules.explain_due(at, queries.policy_at(place, day), duty_calendar(place.policy_path, day))


@all_or_nothing
def act(outlier_id: UUID, wanted: rules.Act, *, version: int, by: Actor, at: datetime) -> OutlierCase:
    """Take one step with an outlier. `wanted.by` and `wanted.on` are the actor and the day.

    The institution explains; the lead sends back, confirms and closes. Raises NotPermitted, Unknown, OutlierStep, Stale.
    """
    row = queries.outlier(outlier_id)
    mine = row.org_id if wanted.action == rules.EXPLAIN else row.lead_id
    if not by.may("quality.review") or mine not in by.orgs or wanted.by != by.account_id:
        raise NotPermitted
    policy = queries.policy_at(place_of(row.lead_id), wanted.on)
    before = queries.view_of(row)
    if why := rules.fault(before, wanted, policy):
        raise OutlierStep(why=why, days=policy.correct_days)
    after = rules.after(before, wanted, policy)
    changes = {
        "state": after.state, "cause": after.cause, "correction": after.correction, "correct_by": after.correct_by,
        "explained_by": after.explained_by, "closed_at": at if after.state == rules.CLOSED else None,
    }  # fmt: skip
    if not OutlierCase.objects.filter(pk=row.pk, version=version).update(**changes, version=F("version") + 1):
        raise Stale
    OutlierEvent.objects.create(
        outlier_id=row.pk, at=at, actor_id=by.account_id, actor_name=by.name, action=wanted.action, note=wanted.note
    )
    audit(by=by, at=at, action=f"outlier.{wanted.action}", subject=subject_of(row), before=before.state, after=after.state)
    changed = queries.outlier(outlier_id)
    tasks.close_step(subject_of(row), at=at)
    if after.state != rules.CLOSED:
        tasks.open_step(_step(changed, after.state, at), at=at)
    return changed
