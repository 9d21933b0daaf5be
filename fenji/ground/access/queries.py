"""The only reads of this room offered to others: the session behind a token; what is open beyond a scope, and what was."""

from __future__ import annotations

import hashlib
from datetime import datetime
from uuid import UUID

from django.db import connections
from django.db.models import QuerySet
from django.db.models.functions import Now

from fenji.ground.access.models import Account, Glass
from fenji.ground.access.rules import RECORDS, Actor

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


def _open_now(actor: Actor, at: datetime | Now) -> QuerySet[Glass]:
    mine = Glass.objects.filter(kind=RECORDS, account_id=actor.account_id, org_id=actor.org_id, closed_at=None)
    return mine.filter(until__gt=at)


def has_glass(actor: Actor) -> bool:
    """True when the actor has anybody's records open at this moment; asks the database for those alone who may."""
    return actor.may("glass.break") and _open_now(actor, Now()).exists()


def glass_on(actor: Actor, resident_id: UUID, at: datetime) -> Glass | None:
    """What the actor has open on a resident's records at this moment; None, without a query, for roles that may open nothing."""
    if not actor.may("glass.break"):
        return None
    return _open_now(actor, at).filter(subject=str(resident_id)).order_by("-until").first()


def openings() -> QuerySet[Glass]:
    """Openings that the open scope sees, newest first, each with its review if there is one."""
    return Glass.objects.select_related("review").order_by("-at", "-id")


def unseen_openings(actor: Actor) -> int:
    """How many openings within the actor's reach nobody has looked at; 0 for everybody but security administrators."""
    return Glass.objects.filter(review=None).count() if actor.may("glass.watch") else 0
