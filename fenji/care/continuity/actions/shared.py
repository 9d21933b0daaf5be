"""What all writes of this room share: compare and swap, events, the plan's next step, and its end."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from django.db import connections
from django.db.models import F

from fenji.care.continuity import queries, rules
from fenji.care.continuity.models import FollowUp, Package, PackageEvent
from fenji.ground.access.actions import audit
from fenji.ground.access.rules import DOCTOR, Actor
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.identity import age_on
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.common.rows import one
from fenji.ground.common.text import mask_name
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import place_of
from fenji.ground.tasks import actions as tasks


def swap(row: Package | FollowUp, version: int, **changes: Any) -> None:
    """Compare and swap: the row changes only if it is still at `version` and in its state. Raises Stale."""
    found = type(row).objects.filter(pk=row.pk, version=version, state=row.state)
    if not found.update(**changes, version=F("version") + 1):
        raise Stale
    row.version = version + 1
    for name, value in changes.items():
        setattr(row, name, value)


def note_down(
    package: Package, action: str, *, by: Actor, at: datetime, day: date | None = None, outcome: str = "", note: str = ""
) -> None:
    """One line of what happened, with its audit row."""
    PackageEvent.objects.create(
        package=package,
        at=at,
        actor_id=by.account_id,
        actor_name=by.name,
        org_name=by.org_name,
        action=action,
        day=day,
        outcome=outcome,
        note=note,
    )
    audit(by=by, at=at, action=f"continuity.{action}", subject=package.subject, after=outcome, day=day.isoformat() if day else "")


def step_of(follow_up: FollowUp) -> str:
    """What the step of a follow-up is about."""
    return f"followup:{follow_up.pk}"


def _next(package: Package) -> FollowUp | None:
    """The open follow-up that comes first. It has the plan's one step: what is recorded only moves others behind it."""
    return one(FollowUp.objects.filter(package=package, state=rules.OPEN).order_by("due_on", "planned_on", "id"))


def open_next(package: Package, *, by: Actor, at: datetime) -> None:
    """Put the next follow-up on the team's desk; a plan with none left is complete.

    Its step is due when the follow-up begins to be overdue: from then on the head of the institution sees it too.
    """
    coming = _next(package)
    if coming is None:
        over(package, rules.COMPLETE, by=by, at=at)
        return
    policy = queries.policy_at(place_of(coming.org_id), local_day(at))
    step = tasks.Step(
        kind="continuity.follow_up",
        subject=step_of(coming),
        url=f"/followups/{coming.pk}/",
        who=mask_name(package.patient_name),
        sex=package.patient_sex,
        age=age_on(package.patient_birth_date, local_day(at)),
        topic=package.diagnosis_name,
        org_id=coming.org_id,
        role=DOCTOR,
        viewer_ids=tuple(package.viewer_ids),
        due_at=datetime.combine(rules.late_from(coming.due_on, policy), time.min, SHANGHAI),
    )
    tasks.open_step(step, at=at)


def over(package: Package, reason: str, *, by: Actor, at: datetime) -> None:
    """End a package, with its open follow-ups and its step. Raises Stale."""
    coming = _next(package)
    if coming is not None:
        tasks.close_step(step_of(coming), at=at)
    FollowUp.objects.filter(package=package, state=rules.OPEN).update(state=rules.ENDED, version=F("version") + 1)
    swap(package, package.version, state=rules.OVER, ended_at=at, end_reason=reason)
    note_down(package, "end", by=by, at=at, outcome=reason)


@all_or_nothing
def end_plan(subject: str, reason: str, *, by: Actor, at: datetime) -> Package:
    """The case goes another way: the patient went up again (`rules.RETURNED`), or never went down (`rules.CANCELLED`).

    Nothing left to end is no error. Raises Unknown, NotPermitted, Stale.
    """
    found = queries.package(subject)
    if reason not in rules.END_REASONS:
        raise Unknown(what="reason")
    if by.org_id not in found.viewer_ids:
        raise NotPermitted
    if found.state != rules.OVER:
        over(found, reason, by=by, at=at)
    return found


_SEEN = "UPDATE {} SET viewer_ids = viewer_ids || %(heir)s WHERE viewer_ids @> ARRAY[%(org)s] AND NOT viewer_ids @> ARRAY[%(heir)s]"


def inherit(predecessor: int, successor: int, using: str) -> None:
    """Packages and follow-ups of an institution that went into another go on there."""
    both = {"org": predecessor, "heir": successor}
    with connections[using].cursor() as cursor:
        for table in ("continuity_package", "continuity_followup"):
            cursor.execute(_SEEN.format(table), both)
        for column in ("origin_id", "receiver_id"):
            cursor.execute(f"UPDATE continuity_package SET {column} = %(heir)s WHERE {column} = %(org)s AND ended_at IS NULL", both)
        cursor.execute("UPDATE continuity_followup SET org_id = %(heir)s WHERE org_id = %(org)s AND state = 'open'", both)
