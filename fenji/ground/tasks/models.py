"""Work items; messages to institutions, the notices made of them and who has read them; messages to residents."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from fenji.ground.access.rules import MANAGER, SYSTEM_ADMIN
from fenji.ground.common import rls
from fenji.ground.common.ids import uuid7
from fenji.ground.common.models import CText, House, Keyed, org_array
from fenji.ground.tasks.rules import DEAD, MESSAGE_STATES, OVER, TO_SEND


class WorkItem(House):
    """One step that waits: at which organisation, for which role, on what, until when.

    `who`: the masked patient; `topic`: the disease. `viewer_ids`: the parties of the subject, so that any of them
    can close the step by acting. `seen_at`, `seen_by`: when somebody it waits for first opened its subject, and who.
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
    seen_at = models.DateTimeField(null=True)
    seen_by = models.TextField(null=True)

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
        "seen_at": "internal",
        "seen_by": "person",
    }
    shape: ClassVar = rls.viewers("tasks_workitem")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subject"], condition=Q(closed_at=None), name="workitem_one_next_step"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["org_id", "role", "due_at"], condition=Q(closed_at=None), name="workitem_desk"),
            models.Index(fields=["due_at"], condition=Q(closed_at=None, escalated_at=None), name="workitem_overdue"),
        ]


class OutboxMessage(House):
    """A message to an institution, written with the change it tells of, delivered by a job. Ids and codes only. `sender_id`: the
    institution that sees when it was read; empty when the house itself tells."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = CText()
    org_id = models.IntegerField()
    role = CText()
    subject = CText()
    url = CText()
    at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)
    sender_id = models.IntegerField(null=True)

    privacy: ClassVar = dict.fromkeys(
        ("id", "kind", "org_id", "role", "subject", "url", "at", "delivered_at", "sender_id"), "internal"
    )
    shape: ClassVar = rls.Shape("post_box", "false", "(SELECT access_scope_account()) IS NOT NULL")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["at"], condition=Q(delivered_at=None), name="outbox_undelivered")]


class Notice(House):
    """A delivered message, as the receiving institution sees it; the sender sees it too, for its receipts."""

    message_id = models.UUIDField(primary_key=True)
    kind = CText()
    org_id = models.IntegerField()
    role = CText()
    subject = CText()
    url = CText()
    at = models.DateTimeField()
    sender_id = models.IntegerField(null=True)

    privacy: ClassVar = dict.fromkeys(("message_id", "kind", "org_id", "role", "subject", "url", "at", "sender_id"), "internal")
    shape: ClassVar = rls.of_org("tasks_notice")
    readers: ClassVar = (rls.Reader("sender", "tasks_notice.sender_id = ANY ((SELECT access_scope_orgs())::int[])"),)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["org_id", "role", "-at"], name="notice_latest"),
            models.Index(fields=["sender_id", "-at"], condition=~Q(sender_id=None), name="notice_sent"),
            models.Index(fields=["subject"], name="notice_subject"),
        ]


_ITS_NOTICE = "SELECT 1 FROM tasks_notice parent WHERE parent.message_id = tasks_noticereceipt.notice_id"


class NoticeReceipt(House):
    """That a person of the receiving institution has opened a notice. Written once, in one's own name; whoever sees the notice,
    the sender too, sees it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="receipts", db_index=False)
    account_id = models.UUIDField()
    name = models.TextField()
    at = models.DateTimeField()

    privacy: ClassVar = {"id": "internal", "notice": "internal", "account_id": "person", "name": "person", "at": "internal"}
    shape: ClassVar = rls.Shape(
        "receipt",
        "tasks_noticereceipt.account_id = (SELECT access_scope_account())"
        f" AND EXISTS ({_ITS_NOTICE} AND parent.org_id = ANY ((SELECT access_scope_orgs())::int[]))",
        read=f"EXISTS ({_ITS_NOTICE})",
    )

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["notice", "account_id"], name="noticereceipt_once")]


_WATCHED = (
    "((SELECT access_scope_role()) = '{manager}' AND tasks_personmessage.org_id = ANY ((SELECT access_scope_orgs())::int[]))"
    " OR ({within})"
).format(manager=MANAGER, within=rls.within("tasks_personmessage", {SYSTEM_ADMIN}))


class PersonMessage(Keyed):
    """A message to a resident's phone: which template, on behalf of which institution, about which subject. No word about the
    patient. `phone` and `link` (it holds a token) are sealed, and wiped when the message is over.

    `until`: after it the message is not worth sending; `latest`: after it this person must not be told any more. `about`: what the
    link opens, as the room that wrote the message knows it. `problem`: why the last try failed (rules.PROBLEMS), `status`: what the
    gateway answered; `receipt`: the gateway's id of it. `reason`: why somebody gave it up.
    """

    kind = CText()
    org_id = models.IntegerField()
    path = CText()
    subject = CText()
    phone = models.BinaryField()
    link = models.BinaryField()
    at = models.DateTimeField()
    until = models.DateTimeField()
    latest = models.DateTimeField(null=True)
    about = models.UUIDField(null=True)
    state = CText(default=TO_SEND)
    tries = models.SmallIntegerField(default=0)
    next_at = models.DateTimeField()
    problem = CText(default="")
    status = models.SmallIntegerField(default=0)
    receipt = CText(default="")
    sent_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.TextField(default="")
    reason = models.TextField(default="")

    privacy: ClassVar = {
        **dict.fromkeys(
            ("id", "version", "kind", "org_id", "path", "subject", "at", "until", "latest", "about", "state", "tries", "next_at"),
            "internal",
        ),
        **dict.fromkeys(("problem", "status", "receipt", "sent_at", "decided_at"), "internal"),
        "decided_by": "person",
        **dict.fromkeys(("phone", "link", "reason"), "patient"),
    }
    shape: ClassVar = rls.Shape("post_box_watched", _WATCHED, "(SELECT access_scope_account()) IS NOT NULL", _WATCHED)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=MESSAGE_STATES), name="personmessage_state"),
            models.CheckConstraint(condition=~Q(state__in=OVER) | Q(phone=b"", link=b""), name="personmessage_wiped"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_at"], condition=Q(state=TO_SEND), name="personmessage_due"),
            models.Index(fields=["org_id", "-at"], name="personmessage_org"),
            models.Index(fields=["path", "-at"], condition=Q(state=DEAD), name="personmessage_dead"),
            models.Index(fields=["about"], condition=Q(state__in=(TO_SEND, DEAD)), name="personmessage_about"),
        ]
