"""The only writes of this room: opening and closing steps, sending and delivering messages, escalating."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from procrastinate.contrib.django import app as queue

from fenji.ground.access import rules as access_rules
from fenji.ground.access.actions import audit
from fenji.ground.common.ids import uuid7
from fenji.ground.tasks import kinds
from fenji.ground.tasks.models import Notice, OutboxMessage, WorkItem

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


def open_step(step: Step, *, at: datetime) -> None:
    """Put a step on a desk. The database refuses a second open step on the same subject."""
    kinds.kind(step.kind)
    WorkItem.objects.create(
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


def send(kind: str, *, org_id: int, role: str, subject: str, url: str, at: datetime) -> None:
    """Write a message in the caller's transaction and defer the job that delivers it."""
    message = OutboxMessage.objects.create(kind=kind, org_id=org_id, role=role, subject=subject, url=url, at=at)
    queue.configure_task(_DELIVER).defer(message_id=str(message.id))


def notify(kind: str, org_id: int, role: str, *, subject: str, url: str, at: datetime, using: str) -> None:
    """A notice from a sweep, which needs no outbox: it already runs as the job role."""
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


def inherit(predecessor: int, successor: int, using: str) -> None:
    """Open steps and notices of an institution wait at its successor from now on."""
    WorkItem.objects.using(using).filter(org_id=predecessor, closed_at=None).update(org_id=successor)
    Notice.objects.using(using).filter(org_id=predecessor).update(org_id=successor)
