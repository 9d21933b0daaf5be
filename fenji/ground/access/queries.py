"""The only reads of this room offered to others: the session behind a token; what is open beyond a scope, and what was; traces."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.models import Count, Min, QuerySet
from django.db.models.functions import Now

from fenji.ground.access.models import Account, AuditEvent, ChainCheck, Glass, ReadLog
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


@dataclass(frozen=True, slots=True)
class Trace:
    """Which traces: in [since, until), of one of `accounts` and one of `organisations` (None: of any), on a subject, and with an
    action or purpose that begins as given."""

    since: datetime
    until: datetime
    accounts: tuple[UUID, ...] | None = None
    organisations: tuple[int, ...] | None = None
    subject: str = ""
    begins: str = ""


def audit_trail(trace: Trace) -> QuerySet[AuditEvent]:
    """Audit rows that the open scope sees, newest first."""
    found = AuditEvent.objects.filter(at__gte=trace.since, at__lt=trace.until).order_by("-at", "-id")
    if trace.accounts is not None:
        found = found.filter(actor_id__in=trace.accounts)
    if trace.begins:
        found = found.filter(action__starts=trace.begins)
    return _narrowed(found, trace)


def read_log(trace: Trace) -> QuerySet[ReadLog]:
    """Rows of the read log that the open scope sees, newest first."""
    found = ReadLog.objects.filter(at__gte=trace.since, at__lt=trace.until).order_by("-at", "-id")
    if trace.accounts is not None:
        found = found.filter(account_id__in=trace.accounts)
    if trace.begins:
        found = found.filter(purpose__starts=trace.begins)
    return _narrowed(found, trace)


def _narrowed(found: QuerySet[Any], trace: Trace) -> QuerySet[Any]:
    if trace.organisations is not None:
        found = found.filter(org_id__in=trace.organisations)
    return found.filter(subject=trace.subject) if trace.subject else found


@dataclass(frozen=True, slots=True)
class Name:
    """Who is behind an account id of a trace."""

    username: str
    name: str


def people_behind(ids: Iterable[UUID]) -> dict[UUID, Name]:
    """Names of the accounts in traces; for audit and security administrators alone."""
    return {row[0]: Name(row[1], row[2]) for row in _people(list(set(ids)), "")}


def people_called(typed: str) -> list[UUID]:
    """Accounts whose login or name is exactly what was typed; for audit and security administrators alone."""
    return [row[0] for row in _people([], typed)]


def _people(ids: list[UUID], typed: str) -> list[tuple[Any, ...]]:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT id, username, name FROM access_people(%s, %s)", [ids, typed])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


@dataclass(frozen=True, slots=True)
class Tail:
    """Audit rows that the open scope sees and no link covers yet: how many, and since when the oldest waits."""

    rows: int
    since: datetime | None


def unsealed_tail() -> Tail:
    """What is not chained yet."""
    found = AuditEvent.objects.filter(seal=None).aggregate(rows=Count("id"), since=Min("at"))
    return Tail(found["rows"], found["since"])


def chain_checks() -> QuerySet[ChainCheck]:
    """Verifications of the chain, newest first."""
    return ChainCheck.objects.order_by("-at", "-id")


@dataclass(frozen=True, slots=True)
class Locked:
    """An account that is locked after wrong passwords."""

    username: str
    name: str
    until: datetime


def locked_accounts() -> list[Locked]:
    """Locked accounts of people with a post within reach, the earliest to open first; for security administrators alone."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT username, name, until FROM access_locked()")
        return [Locked(*row) for row in cursor.fetchall()]
