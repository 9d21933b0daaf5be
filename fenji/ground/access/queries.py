"""The only reads of this room offered to others: sessions, accounts; what is open beyond a scope, and what was; traces."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.models import Count, F, Min, Q, QuerySet
from django.db.models.functions import Now

from fenji.ground.access import rules
from fenji.ground.access.models import Account, AuditEvent, ChainCheck, Glass, ReadLog, ScopeHandle
from fenji.ground.access.rules import RECORDS, Actor, PasswordPolicy
from fenji.ground.common.pinyin import name_readings
from fenji.ground.common.refusal import Unknown

_ENTER = (
    "SELECT account_id, actor_name, role, post_id, org_id, org_name, orgs, reach, purpose, access_scope_health(),"
    " seen_at < now() - interval '1 minute' FROM access_enter(%s)"
)
_SESSION_ID = 16
_NOT_SHOWN = ("password", "activation_hash", "sessions_from")


def token_hash(token: str) -> bytes:
    """What the database keeps of a token."""
    return hashlib.sha256(token.encode()).digest()


def session_id(kept: bytes) -> str:
    """A name for a session in forms and in the audit trail; nothing can be opened with it."""
    return hashlib.sha256(b"session" + kept).hexdigest()[:_SESSION_ID]


def enter(token: str, using: str = "default") -> Actor | None:
    """Open the scope of `token` for the running transaction and say who acts; None when it has ended or never was.

    Must be called inside a transaction: the scope ends with it. That somebody is still there is noted once a minute, in a
    transaction of its own: a request that held the session's row could not end the session.
    """
    with connections[using].cursor() as cursor:
        cursor.execute(_ENTER, [token])
        row = cursor.fetchone()
    if row is None:
        return None
    account_id, name, role, post_id, org_id, org_name, orgs, reach, purpose, health, unseen = row
    if unseen:
        with connections["door"].cursor() as cursor:
            cursor.execute("UPDATE access_scopehandle SET seen_at = now() WHERE token_hash = %s", [token_hash(token)])
    return Actor(account_id, name, role, post_id, org_id, org_name, tuple(orgs), reach, purpose, health)


def leave(using: str = "default") -> None:
    """Close the scope before the transaction ends: unscoped reads after this fail loudly."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT set_config('fenji.scope', '', true)")


def account_by_id(account_id: UUID) -> Account:
    """An account, read through the door connection. Raises Account.DoesNotExist."""
    return Account.objects.using("door").get(pk=account_id)


def names_of(account_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Names of people by account, read through the door: colleagues who stand in for one another see whom they stand in for."""
    return dict(Account.objects.using("door").filter(pk__in=set(account_ids)).values_list("id", "name"))


# --- for administrators ------------------------------------------------------------------------------------------------------


def administered(by: Actor, kinds: Collection[str]) -> QuerySet[Account]:
    """Accounts of some kinds at home within an administrator's reach, by place and user name. No reach: none."""
    if not by.reach:
        return Account.objects.none()
    # the policy holds the reach; the range beside it is what an index can use
    lo, hi = by.reach, by.reach[:-1] + chr(ord(by.reach[-1]) + 1)
    found = Account.objects.defer(*_NOT_SHOWN).filter(kind__in=kinds, path__gte=lo, path__lt=hi)
    return found.order_by("path", "username")


def account(account_id: UUID, by: Actor, kinds: Collection[str]) -> Account:
    """One of them. Raises Unknown."""
    found = administered(by, kinds).filter(pk=account_id).first()
    if found is None:
        raise Unknown(what="account")
    return found


def matching(rows: QuerySet[Account], text: str) -> QuerySet[Account]:
    """Those whose name or user name begins with what was typed."""
    return rows.filter(Q(name__starts=text.strip()) | Q(username__starts=rules.plain_username(text)))


def in_state(rows: QuerySet[Account], state: str, at: datetime, policy: PasswordPolicy) -> QuerySet[Account]:
    """Those in one of rules.ACCOUNT_STATES."""
    locked = Q(active=True, locked_until__isnull=False, locked_until__gt=at)
    alive, fresh = Q(active=True) & ~locked, Q(activation_until__isnull=False, activation_until__gt=at)
    old = rules.password_dead_since(at, policy)
    expired = Q(password_set_at__lte=old) if old is not None else Q(pk=None)
    having = {
        rules.DEACTIVATED: Q(active=False),
        rules.LOCKED: locked,
        rules.INVITED: alive & Q(password_set_at=None) & fresh,
        rules.CODE_EXPIRED: alive & Q(password_set_at=None) & ~fresh,
        rules.PASSWORD_EXPIRED: alive & Q(password_set_at__isnull=False) & expired,
        rules.ACTIVE: alive & Q(password_set_at__isnull=False) & ~expired,
    }
    return rows.filter(having[state])


def state_of(found: Account, at: datetime, policy: PasswordPolicy) -> str:
    """In which of rules.ACCOUNT_STATES an account is."""
    return rules.account_state(
        active=found.active,
        password_set_at=found.password_set_at,
        activation_until=found.activation_until,
        locked_until=found.locked_until,
        at=at,
        policy=policy,
    )


def free_username(name: str) -> str:
    """A user name nobody has, from the pinyin of a name: `zhangwei`, else `zhangwei2` and so on."""
    stem = rules.username_stem(reading for reading, _ in name_readings(name))
    taken = set(Account.objects.using("door").filter(username__starts=stem).values_list("username", flat=True))
    return next(n for n in (stem, *(f"{stem}{i}" for i in range(2, len(taken) + 3))) if n not in taken)


# --- open sessions -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Session:
    """An open session, or a key of a machine. `id`: its name in forms."""

    id: str
    post_id: UUID
    org_name: str
    role: str
    purpose: str
    opened_at: datetime
    seen_at: datetime
    until: datetime
    mine: bool


def sessions_of(account_id: UUID, at: datetime, token: str = "") -> list[Session]:
    """Open sessions of an account, newest first; `token`: the one that asks. Read through the door."""
    rows = ScopeHandle.objects.using("door").filter(account_id=account_id, closed_at=None, until__gt=at, seen_at__gt=at - F("idle"))
    since = Q(account__sessions_from=None) | Q(opened_at__gte=F("account__sessions_from"))
    own = token_hash(token) if token else b""
    return [
        Session(
            *(session_id(bytes(h.token_hash)), h.post_id, h.org_name, h.role, h.purpose, h.opened_at, h.seen_at, h.until),
            mine=bytes(h.token_hash) == own,
        )
        for h in rows.filter(since).order_by("-opened_at")
    ]


# --- openings and traces -----------------------------------------------------------------------------------------------------


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
