"""The only reads of this room offered to others: the session behind a token, unsealed and sealed audit rows."""

from __future__ import annotations

import hashlib
from uuid import UUID

from django.db import connections

from fenji.ground.access.models import Account
from fenji.ground.access.rules import Actor

_ENTER = "SELECT account_id, actor_name, role, post_id, org_id, org_name, orgs, reach FROM access_enter(%s)"


def token_hash(token: str) -> bytes:
    """What the database keeps of a token."""
    return hashlib.sha256(token.encode()).digest()


def enter(token: str, using: str = "default") -> Actor | None:
    """Open the scope of `token` for the running transaction and say who acts; None when it has ended or never was.

    Must be called inside a transaction: the scope ends with it.
    """
    with connections[using].cursor() as cursor:
        cursor.execute(_ENTER, [token])
        row = cursor.fetchone()
    if row is None:
        return None
    account_id, name, role, post_id, org_id, org_name, orgs, reach = row
    return Actor(account_id, name, role, post_id, org_id, org_name, tuple(orgs), reach)


def leave(using: str = "default") -> None:
    """Close the scope before the transaction ends: unscoped reads after this fail loudly."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT set_config('fenji.scope', '', true)")


def account_by_id(account_id: UUID) -> Account:
    """An account, read through the door connection. Raises Account.DoesNotExist."""
    return Account.objects.using("door").get(pk=account_id)
