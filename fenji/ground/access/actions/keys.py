"""Idempotency keys: a form or a request sent twice acts once."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connections

from fenji.ground.access.models import IdempotencyKey
from fenji.ground.access.rules import Actor
from fenji.ground.common.rows import one


def claim_key(key: UUID, fingerprint: bytes, *, by: Actor, at: datetime) -> IdempotencyKey | None:
    """Claim a form's key for this transaction. None: claimed. Otherwise the row of the first sender.

    A second sender waits here until the first has committed or failed.
    """
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO access_idempotencykey (key, account_id, fingerprint, location, at) VALUES (%s, %s, %s, '', %s)"
            " ON CONFLICT (key) DO NOTHING",
            [key, by.account_id, fingerprint, at],
        )
        if cursor.rowcount == 1:
            return None
    return one(IdempotencyKey.objects.filter(pk=key)) or IdempotencyKey(key=key, fingerprint=b"")


def keep_result(key: UUID, location: str) -> None:
    """Remember where the first sender was led."""
    IdempotencyKey.objects.filter(pk=key).update(location=location)
