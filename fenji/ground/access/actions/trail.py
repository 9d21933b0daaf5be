"""Rows of the audit trail and the read log."""

from __future__ import annotations

import json
from datetime import datetime
from uuid import UUID

from django.db import connections

from fenji.ground.access.models import AuditEvent, ReadLog
from fenji.ground.access.rules import Actor
from fenji.ground.common.ids import uuid7


def audit(
    *,
    by: Actor,
    at: datetime,
    action: str,
    subject: str,
    before: str = "",
    after: str = "",
    using: str = "default",
    **detail: object,
) -> None:
    """Write one audit row in the caller's transaction. `subject` and `detail`: ids and codes, never patient data."""
    audit_all([subject], by=by, at=at, action=action, before=before, after=after, using=using, **detail)


def audit_all(
    subjects: list[str],
    *,
    by: Actor,
    at: datetime,
    action: str,
    before: str = "",
    after: str = "",
    using: str = "default",
    **detail: object,
) -> None:
    """The same for many subjects of one action, in one statement: an import writes tens of thousands."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "INSERT INTO access_auditevent (id, at, actor_id, role, org_id, action, subject, before, after, detail)"
            " SELECT u.id, %s, %s, %s, %s, %s, u.subject, %s, %s, %s::jsonb FROM unnest(%s::uuid[], %s::text[]) AS u (id, subject)",
            [
                *(at, by.account_id, by.role, by.org_id, action, before, after, json.dumps(detail)),
                *([uuid7() for _ in subjects], subjects),
            ],
        )


def audit_at_door(account_id: UUID, action: str, *, at: datetime) -> None:
    """What an account does before a scope is open, or beyond it: signing in, its password, its sessions."""
    AuditEvent.objects.using("door").create(at=at, actor_id=account_id, role="", org_id=0, action=action, subject="account")


def log_read(*, by: Actor, at: datetime, purpose: str, subject: str) -> None:
    """Record that a person's record was looked at."""
    ReadLog.objects.create(at=at, account_id=by.account_id, org_id=by.org_id, purpose=purpose, subject=subject)
