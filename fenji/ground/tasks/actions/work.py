"""Steps on desks; messages to institutions, and that they were read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from procrastinate.contrib.django import app as queue

from fenji.ground.access import rules as access_rules
from fenji.ground.access.actions import audit
from fenji.ground.access.rules import Actor
from fenji.ground.common.ids import uuid7
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.tasks import kinds, queries
from fenji.ground.tasks.models import Notice, NoticeReceipt, OutboxMessage, PersonMessage, WorkItem

_DELIVER = "fenji.ground.tasks.jobs.deliver_message"  # by name: jobs stand above actions


@dataclass(frozen=True, slots=True)
class Step:
    """A step to open. See WorkItem for the fields."""

    kind: str
    subject: str
    url: str
    who: str
    sex: str
    age: int
    topic: str
    org_id: int
    role: str
    viewer_ids: tuple[int, ...]
    due_at: datetime
    urgent: bool = False


def open_step(step: Step, *, at: datetime, using: str = "default") -> None:
    """Put a step on a desk. The database refuses a second open step on the same subject."""
    kinds.kind(step.kind)
    WorkItem.objects.using(using).create(
        kind=step.kind,
        subject=step.subject,
        url=step.url,
        who=step.who,
        sex=step.sex,
        age=step.age,
        topic=step.topic,
        org_id=step.org_id,
        role=step.role,
        viewer_ids=list(step.viewer_ids),
        urgent=step.urgent,
        opened_at=at,
        due_at=step.due_at,
    )


def close_step(subject: str, *, at: datetime, using: str = "default") -> int:
    """Take the open step on a subject off its desk; returns how many there were (0 or 1)."""
    return WorkItem.objects.using(using).filter(subject=subject, closed_at=None).update(closed_at=at)


def show_step(subject: str, org_id: int, *, using: str) -> None:
    """Let one more organisation see the open step on a subject, and close it by acting. From sweeps, as the job role."""
    items = WorkItem.objects.using(using).filter(subject=subject, closed_at=None)
    for item in items.exclude(viewer_ids__contains=[org_id]).only("id", "viewer_ids"):
        WorkItem.objects.using(using).filter(pk=item.pk).update(viewer_ids=[*item.viewer_ids, org_id])


def send(kind: str, *, org_id: int, role: str, subject: str, url: str, at: datetime, sender_id: int | None = None) -> None:
    """Write a message in the caller's transaction and defer the job that delivers it. `sender_id`: the institution whose people see
    when it is read."""
    message = OutboxMessage.objects.create(
        kind=kind, org_id=org_id, role=role, subject=subject, url=url, at=at, sender_id=sender_id
    )
    queue.configure_task(_DELIVER).defer(message_id=str(message.id))


def notify(kind: str, *, org_id: int, role: str, subject: str, url: str, at: datetime, using: str = "job") -> None:
    """Leave a notice at once, without the outbox: for sweeps, which are jobs already and have no scope to send from."""
    Notice.objects.using(using).create(message_id=uuid7(), kind=kind, org_id=org_id, role=role, subject=subject, url=url, at=at)


def deliver(message_id: UUID, *, at: datetime, using: str = "job") -> bool:
    """Turn one message into a notice; false when that was done before. Message and notice change together."""
    with transaction.atomic(using=using):
        message = (
            OutboxMessage.objects.using(using).select_for_update(skip_locked=True).filter(pk=message_id, delivered_at=None).first()
        )
        if message is None:
            return False
        Notice.objects.using(using).create(
            message_id=message.id,
            kind=message.kind,
            org_id=message.org_id,
            role=message.role,
            subject=message.subject,
            url=message.url,
            at=message.at,
            sender_id=message.sender_id,
        )
        OutboxMessage.objects.using(using).filter(pk=message.id).update(delivered_at=at)
    return True


def deliver_left_over(*, at: datetime, older_than: timedelta, using: str = "job", limit: int = 500) -> int:
    """Deliver messages whose job never came to its end. Returns how many."""
    waiting = OutboxMessage.objects.using(using).filter(delivered_at=None, at__lt=at - older_than)
    ids = list(waiting.order_by("at").values_list("id", flat=True)[:limit])
    return sum(deliver(message_id, at=at, using=using) for message_id in ids)


def escalate_overdue(*, at: datetime, using: str = "job", limit: int = 500) -> int:
    """Show overdue steps to the head of the institution as well, and tell them. Nothing is decided for anybody."""
    with transaction.atomic(using=using):
        overdue = list(
            WorkItem.objects.using(using)
            .select_for_update(skip_locked=True)
            .filter(closed_at=None, escalated_at=None, due_at__lte=at)
            .only("id", "org_id", "subject", "url", "kind")
            .order_by("due_at")[:limit]
        )
        for item in overdue:
            _escalate(item, at, using)
    return len(overdue)


def _escalate(item: WorkItem, at: datetime, using: str) -> None:
    WorkItem.objects.using(using).filter(pk=item.id).update(escalated_at=at)
    Notice.objects.using(using).create(
        message_id=item.id,
        kind="escalated",
        org_id=item.org_id,
        role=access_rules.MANAGER,
        subject=item.subject,
        url=item.url,
        at=at,
    )
    audit(by=access_rules.house(item.org_id), at=at, action=f"escalate.{item.kind}", subject=item.subject, using=using)


@all_or_nothing
def read(notice_id: UUID, *, by: Actor, at: datetime) -> Notice:
    """Open a notice of the actor's institution: the receipt, if it is meant for their role. Raises Unknown."""
    notice = queries.notice(notice_id, by)
    if notice.role == by.role:
        _receipts([notice.pk], by, at)
    return notice


def saw(subject: str, *, by: Actor, at: datetime) -> WorkItem | None:
    """Somebody has opened the page of a subject: notices to them about it are read, and a step that waits for them has been seen.
    The first time counts. Returns the open step on the subject."""
    told = queries.unread_about(subject, by)
    step = queries.open_step_of(subject)
    waits = step is not None and step.seen_at is None and (step.org_id, step.role) == (by.org_id, by.role)
    if not told and not waits:
        return step
    _see(subject, told, by, at)
    return queries.open_step_of(subject) if waits else step


@all_or_nothing
def _see(subject: str, told: list[UUID], by: Actor, at: datetime) -> None:
    _receipts(told, by, at)
    waiting = WorkItem.objects.filter(subject=subject, closed_at=None, seen_at=None, org_id=by.org_id, role=by.role)
    waiting.update(seen_at=at, seen_by=by.name)


def _receipts(notice_ids: list[UUID], by: Actor, at: datetime) -> None:
    rows = [NoticeReceipt(notice_id=i, account_id=by.account_id, name=by.name, at=at) for i in notice_ids]
    NoticeReceipt.objects.bulk_create(rows, ignore_conflicts=True)


def inherit(predecessor: int, successor: int, using: str) -> None:
    """Open steps, notices and messages of an institution are its successor's from now on."""
    WorkItem.objects.using(using).filter(org_id=predecessor, closed_at=None).update(org_id=successor)
    Notice.objects.using(using).filter(org_id=predecessor).update(org_id=successor)
    Notice.objects.using(using).filter(sender_id=predecessor).update(sender_id=successor)
    PersonMessage.objects.using(using).filter(org_id=predecessor).update(org_id=successor)
