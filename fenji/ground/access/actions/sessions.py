"""Minting and ending scope handles: sessions of people, keys of machines. All through the door."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connections, transaction

from fenji.ground.access.actions.passwords import WrongPassword
from fenji.ground.access.actions.trail import audit, audit_at_door
from fenji.ground.access.models import Account, ScopeHandle
from fenji.ground.access.queries import session_id, token_hash
from fenji.ground.access.rules import API, MACHINE, MACHINE_KIND, PASSWORD_ONLY, WORK, AccessPolicy, Actor, MachinePolicy, Scope
from fenji.ground.common.refusal import NotPermitted, Refused, Unknown

_TOKEN_BYTES = 32
_MACHINE, _MACHINE_BYTES = "api.", 6


class KeyTooLong(Refused):
    """A machine's key that would live longer than the policy allows, or has ended already. detail: days."""

    code = "key_too_long"


@dataclass(frozen=True, slots=True)
class Seat:
    """The post a session is opened for: ids and names as the handle keeps them."""

    post_id: UUID
    role: str
    org_id: int
    org_name: str
    scope: Scope
    end: datetime | None = None
    """When the post ends, if that is known: no session outlives it."""


def open_session(account: Account, seat: Seat, *, at: datetime, policy: AccessPolicy, purpose: str = WORK) -> str:
    """Mint a scope handle for one post and return its token: 256 bits that only the caller ever holds.

    Raises WrongPassword when the account has been changed since it was read: its password may just have died.
    """
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    until = min(t for t in (at + timedelta(hours=policy.session_hours), seat.end) if t is not None)
    # somebody who is to choose a password reaches nothing until they have
    scope = Scope((), "", "") if purpose == PASSWORD_ONLY else seat.scope
    with transaction.atomic(using="door"):
        unchanged = (
            Account.objects.using("door").select_for_update(no_key=True).filter(pk=account.pk, version=account.version, active=True)
        )
        if unchanged.first() is None:
            raise WrongPassword
        _mint(
            token,
            account,
            seat,
            scope,
            purpose=purpose,
            opened_at=at,
            until=until,
            idle=timedelta(minutes=policy.idle_minutes),
            door_per_hour=policy.door_per_hour,
            glass_minutes=policy.glass_minutes,
            glass_per_hour=policy.glass_per_hour,
            identify_per_hour=policy.identify_per_hour,
        )
    return token


def _mint(token: str, account: Account, seat: Seat, scope: Scope, **times: object) -> None:
    ScopeHandle.objects.using("door").create(
        token_hash=token_hash(token),
        account=account,
        actor_name=account.name,
        role=seat.role,
        post_id=seat.post_id,
        org_id=seat.org_id,
        org_name=seat.org_name,
        orgs=list(scope.orgs),
        path_lo=scope.path_lo,
        path_hi=scope.path_hi,
        reach=scope.reach,
        seen_at=times["opened_at"],
        **times,
    )


def close_session(token: str, *, at: datetime) -> None:
    """Sign out: the token opens nothing any more."""
    ScopeHandle.objects.using("door").filter(token_hash=token_hash(token), closed_at=None).update(closed_at=at)


def sign_out(token: str, *, action: str = "logout", at: datetime) -> None:
    """End the session somebody leaves, and say so in the trail: `logout`, or `switch` where a colleague takes the keyboard."""
    handles = ScopeHandle.objects.using("door").filter(token_hash=token_hash(token), closed_at=None)
    with transaction.atomic(using="door"):
        account_id = handles.values_list("account_id", flat=True).first()
        if account_id is not None and handles.update(closed_at=at):
            audit_at_door(account_id, action, at=at)


def end_sessions_of(*, post_id: UUID, at: datetime) -> None:
    """Let no session of a post last longer than `at`."""
    ScopeHandle.objects.using("door").filter(post_id=post_id, closed_at=None, until__gt=at).update(until=at)


def end_session(account_id: UUID, wanted: str, *, at: datetime) -> None:
    """End one open session of one's own, named as `queries.sessions_of` names it. Raises Unknown."""
    _close(account_id, wanted, at)
    audit_at_door(account_id, "session.end", at=at)


def _close(account_id: UUID, wanted: str, at: datetime) -> None:
    handles = ScopeHandle.objects.using("door").filter(account_id=account_id, closed_at=None)
    found = [h for h in handles.values_list("token_hash", flat=True) if session_id(bytes(h)) == wanted]
    if not found:
        raise Unknown(what="session")
    handles.filter(token_hash__in=found).update(closed_at=at)


def machine_username() -> str:
    """A user name for a machine account, drawn by chance: nobody types it, but its keys carry it and tell whose they are."""
    return f"{_MACHINE}{secrets.token_hex(_MACHINE_BYTES)}"


def issue_key(account: Account, seat: Seat, *, until: datetime, policy: MachinePolicy, by: Actor, at: datetime) -> str:
    """Mint a key for a machine account: a token like a session's, with a long life, that reaches no row about a patient.

    Shown once by the caller; the database keeps its hash. It ends at `until`, with the post, with the account, or when revoked.
    Raises NotPermitted, KeyTooLong.
    """
    if not by.may("machine.write") or account.kind != MACHINE_KIND or seat.role != MACHINE:
        raise NotPermitted
    if not at < until <= at + timedelta(days=policy.machine_key_days):
        raise KeyTooLong(days=policy.machine_key_days)
    token = f"fj_{account.username.removeprefix(_MACHINE)}_{secrets.token_urlsafe(_TOKEN_BYTES)}"
    end = min(t for t in (until, seat.end) if t is not None)
    scope = Scope((), "", "", seat.scope.reach)
    with transaction.atomic(using="door"):
        _mint(token, account, seat, scope, purpose=API, opened_at=at, until=end, idle=end - at, door_per_hour=0)
    audit(by=by, at=at, action="machine.key", subject=str(account.pk), key=session_id(token_hash(token)))
    return token


def revoke_key(account: Account, wanted: str, *, by: Actor, at: datetime) -> None:
    """End one key of a machine account, at once. Raises NotPermitted, Unknown."""
    if not by.may("machine.write") or account.kind != MACHINE_KIND:
        raise NotPermitted
    _close(account.pk, wanted, at)
    audit(by=by, at=at, action="machine.revoke", subject=str(account.pk), key=wanted)


def count_request(account_id: UUID, limit: int, *, at: datetime) -> int:
    """Count one request of a machine in its present minute. Returns 0, or for how many seconds it has to wait.

    In a transaction of its own: what is refused later counts all the same.
    """
    minute = at.replace(second=0, microsecond=0)
    with connections["door"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO access_machineminute AS m (account_id, minute, requests) VALUES (%s, %s, 1)"
            " ON CONFLICT (account_id) DO UPDATE SET"
            " requests = CASE WHEN excluded.minute > m.minute THEN 1 ELSE m.requests + 1 END,"
            " minute = greatest(excluded.minute, m.minute) RETURNING requests, minute",
            [account_id, minute],
        )
        requests, counted = cursor.fetchone()
    if requests <= limit:
        return 0
    return max(1, -(-int((counted + timedelta(minutes=1) - at).total_seconds()) // 1))
