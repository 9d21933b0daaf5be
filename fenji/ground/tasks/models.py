"""Work items, outbox messages, notices."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from fenji.ground.common import rls
from fenji.ground.common.ids import uuid7
from fenji.ground.common.models import CText, House, org_array


class WorkItem(House):
    """One step that waits: at which organisation, for which role, on what, until when.

    `who`: the masked patient; `topic`: the disease. `viewer_ids`: the parties of the subject, so that any of them
    can close the step by acting.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = CText()
    subject = CText()
    url = CText()
    who = models.TextField()
    sex = CText()
    age = models.SmallIntegerField()
    topic = models.TextField()
    org_id = models.IntegerField()
    role = CText()
    viewer_ids = org_array()
    urgent = models.BooleanField(default=False)
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    escalated_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    privacy: ClassVar = {
        "id": "internal",
        "kind": "internal",
        "subject": "internal",
        "url": "internal",
        "who": "patient",
        "sex": "patient",
        "age": "patient",
        "topic": "patient",
        "org_id": "internal",
        "role": "internal",
        "viewer_ids": "internal",
        "urgent": "internal",
        "opened_at": "internal",
        "due_at": "internal",
        "escalated_at": "internal",
        "closed_at": "internal",
    }
    shape: ClassVar = rls.viewers("tasks_workitem")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subject"], condition=Q(closed_at=None), name="workitem_one_next_step"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["org_id", "role", "due_at"], condition=Q(closed_at=None), name="workitem_desk"),
            models.Index(fields=["due_at"], condition=Q(closed_at=None, escalated_at=None), name="workitem_overdue"),
            GinIndex(fields=["viewer_ids"], name="workitem_viewers", condition=Q(closed_at=None)),
        ]


class OutboxMessage(House):
    """A message to an institution, written with the change it tells of, delivered by a job. Ids and codes only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = CText()
    org_id = models.IntegerField()
    role = CText()
    subject = CText()
    url = CText()
    at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)

    privacy: ClassVar = dict.fromkeys(("id", "kind", "org_id", "role", "subject", "url", "at", "delivered_at"), "internal")
    shape: ClassVar = rls.Shape("post_box", "false", "(SELECT access_scope_account()) IS NOT NULL")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["at"], condition=Q(delivered_at=None), name="outbox_undelivered")]


class Notice(House):
    """A delivered message, as the receiving institution sees it."""

    message_id = models.UUIDField(primary_key=True)
    kind = CText()
    org_id = models.IntegerField()
    role = CText()
    subject = CText()
    url = CText()
    at = models.DateTimeField()

    privacy: ClassVar = dict.fromkeys(("message_id", "kind", "org_id", "role", "subject", "url", "at"), "internal")
    shape: ClassVar = rls.of_org("tasks_notice")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["org_id", "role", "-at"], name="notice_latest")]
