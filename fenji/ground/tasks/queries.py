"""The only reads of this room offered to others: what waits on a desk, and the notices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from fenji.ground.access.rules import MANAGER, Actor
from fenji.ground.common.clock import SHANGHAI
from fenji.ground.tasks.models import Notice, WorkItem


@dataclass(frozen=True, slots=True)
class DeskCounts:
    """How much waits for one person's role. `today`: due before midnight in Fujian and not overdue."""

    waiting: int
    today: int
    overdue: int


def _mine(actor: Actor) -> Q:
    mine = Q(role=actor.role)
    if actor.role == MANAGER:
        mine |= Q(escalated_at__isnull=False)
    return mine


def desk_items(actor: Actor) -> QuerySet[WorkItem]:
    """Open steps of the actor's institution and role, soonest deadline first."""
    found = WorkItem.objects.filter(_mine(actor), org_id=actor.org_id, closed_at=None)
    return found.order_by("due_at", "id")


def desk_counts(actor: Actor, at: datetime) -> DeskCounts:
    """The three numbers on top of the desk."""
    return DeskCounts(*_counted(WorkItem.objects.filter(_mine(actor), org_id=actor.org_id, closed_at=None), at))


def _counted(items: QuerySet[WorkItem], at: datetime) -> tuple[int, int, int]:
    local = at.astimezone(SHANGHAI)
    midnight = local.replace(hour=23, minute=59, second=59, microsecond=999999)
    counted = items.aggregate(
        all=Count("id"),
        today=Count("id", filter=Q(due_at__gt=at, due_at__lte=midnight)),
        overdue=Count("id", filter=Q(due_at__lte=at)),
    )
    return counted["all"], counted["today"], counted["overdue"]


@dataclass(frozen=True, slots=True)
class UnitCounts:
    """What waits in the whole institution, whatever the role: open steps, those due before midnight, those overdue."""

    open: int
    today: int
    overdue: int


def unit_counts(actor: Actor, at: datetime) -> UnitCounts:
    """The numbers of the actor's institution."""
    return UnitCounts(*_counted(WorkItem.objects.filter(org_id=actor.org_id, closed_at=None), at))


def open_step_of(subject: str) -> WorkItem | None:
    """The one open step on a subject."""
    return WorkItem.objects.filter(subject=subject, closed_at=None).first()


def latest_notices(actor: Actor, limit: int = 8) -> list[Notice]:
    """The newest notices for the actor's institution and role."""
    return list(Notice.objects.filter(org_id=actor.org_id, role=actor.role).order_by("-at")[:limit])
