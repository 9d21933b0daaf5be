"""The only reads of this room offered to others: what waits on a desk, notices and who has read them, messages to residents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery

from fenji.ground.access.rules import MANAGER, Actor
from fenji.ground.common.clock import SHANGHAI
from fenji.ground.common.prepared import prepared
from fenji.ground.common.refusal import Unknown
from fenji.ground.tasks.models import Notice, NoticeReceipt, PersonMessage, WorkItem
from fenji.ground.tasks.rules import DEAD


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


@prepared
def _open_steps(subject: str) -> QuerySet[WorkItem]:
    return WorkItem.objects.filter(subject=subject, closed_at=None)[:1]


def open_step_of(subject: str) -> WorkItem | None:
    """The one open step on a subject."""
    return next(iter(_open_steps(subject)), None)


_MANY = 100
"""So many unread notices are counted; a badge says that there are more."""


def received(actor: Actor) -> QuerySet[Notice]:
    """Notices to the actor's institution and role, newest first, each with `mine` (whether they have read it)."""
    mine = NoticeReceipt.objects.filter(notice=OuterRef("pk"), account_id=actor.account_id)
    found = Notice.objects.filter(org_id=actor.org_id, role=actor.role).annotate(mine=Exists(mine))
    return found.order_by("-at", "message_id")


def latest_notices(actor: Actor, limit: int = 8) -> list[Notice]:
    """The newest of them, for the desk."""
    return list(received(actor)[:limit])


def unread(actor: Actor) -> QuerySet[Notice]:
    """Of these the ones that the actor has not read."""
    return received(actor).filter(mine=False)


@prepared
def _unread(subject: str, org_id: int, role: str, account_id: UUID) -> QuerySet[Notice, UUID]:
    mine = NoticeReceipt.objects.filter(notice=OuterRef("pk"), account_id=account_id)
    found = Notice.objects.filter(~Exists(mine), subject=subject, org_id=org_id, role=role)
    return found.values_list("pk", flat=True)


def unread_about(subject: str, actor: Actor) -> list[UUID]:
    """The notices about a subject to the actor's institution and role that the actor has not read, by their keys."""
    return _unread(subject, actor.org_id, actor.role, actor.account_id)


_FRAME = """
SELECT (SELECT count(*) FROM tasks_workitem w WHERE w.closed_at IS NULL AND w.org_id = %(org)s
          AND (w.role = %(role)s OR (%(role)s = %(manager)s AND w.escalated_at IS NOT NULL))),
       (SELECT count(*) FROM (
          SELECT 1 FROM tasks_notice n WHERE n.org_id = %(org)s AND n.role = %(role)s AND n.at > %(since)s
             AND NOT EXISTS (SELECT 1 FROM tasks_noticereceipt r
                              WHERE r.notice_id = n.message_id AND r.account_id = %(account)s OFFSET 0)
          LIMIT %(many)s) unread)
"""


def frame_counts(actor: Actor, at: datetime, days: int) -> tuple[int, int]:
    """How many steps wait for the actor, as `desk_counts` counts them, and how many notices of the last `days` days they have not
    read, of which not more than a hundred are counted.

    In SQL, unlike all other reads of this room: every page of the house asks both. OFFSET 0 keeps the planner from joining: who may
    see a receipt hangs on its notice, and joined, that would be found out for all notices of the house instead of these few.
    """
    asked = {
        "org": actor.org_id,
        "role": actor.role,
        "manager": MANAGER,
        "since": at - timedelta(days=days),
        "account": actor.account_id,
        "many": _MANY,
    }
    with connection.cursor() as cursor:
        cursor.execute(_FRAME, asked)
        waiting, unread = cursor.fetchone()
    return int(waiting), int(unread)


def sent(actor: Actor) -> QuerySet[Notice]:
    """Notices that the actor's institution has caused elsewhere, newest first, each with `read_at` and `read_by`: when somebody
    there first opened it, and who."""
    first = NoticeReceipt.objects.filter(notice=OuterRef("pk")).order_by("at", "id")
    found = Notice.objects.filter(sender_id=actor.org_id).exclude(org_id=actor.org_id)
    found = found.annotate(read_at=Subquery(first.values("at")[:1]), read_by=Subquery(first.values("name")[:1]))
    return found.order_by("-at", "message_id")


def notice(notice_id: UUID, actor: Actor) -> Notice:
    """A notice to the actor's institution. Raises Unknown."""
    found = Notice.objects.filter(pk=notice_id, org_id=actor.org_id).first()
    if found is None:
        raise Unknown(what="notice")
    return found


def messages() -> QuerySet[PersonMessage]:
    """Messages to residents that the open scope watches over, newest first. Nobody reads the phone or the link of one."""
    return PersonMessage.objects.defer("phone", "link").order_by("-at", "id")


def dead_count() -> int:
    """How many messages wait for a person to decide."""
    return PersonMessage.objects.filter(state=DEAD)[:_MANY].count()
