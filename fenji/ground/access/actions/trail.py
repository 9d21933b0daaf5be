"""Rows of the audit trail and the read log."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fenji.ground.access.models import AuditEvent, ReadLog
from fenji.ground.access.rules import Actor


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
    """The same for many subjects of one action."""
    AuditEvent.objects.using(using).bulk_create(
        [
            AuditEvent(
                at=at,
                actor_id=by.account_id,
                role=by.role,
                org_id=by.org_id,
                action=action,
                subject=subject,
                before=before,
                after=after,
                detail=detail,
            )
            for subject in subjects
        ],
        batch_size=5000,
    )


def audit_at_door(account_id: UUID, action: str, *, at: datetime) -> None:
    """What an account does before a scope is open, or beyond it: signing in, its password, its sessions."""
    AuditEvent.objects.using("door").create(at=at, actor_id=account_id, role="", org_id=0, action=action, subject="account")


def log_read(*, by: Actor, at: datetime, purpose: str, subject: str) -> None:
    """Record that a person's record was looked at."""
    ReadLog.objects.create(at=at, account_id=by.account_id, org_id=by.org_id, purpose=purpose, subject=subject)
