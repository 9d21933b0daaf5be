"""The only writes of this room: signing in and out, audit and read log rows, idempotency keys, closing and reviewing openings."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import check_password, make_password
from django.db import DatabaseError, IntegrityError, connections, transaction
from django.db.models import F
from procrastinate.contrib.django import app as queue

from fenji.ground.access import rules
from fenji.ground.access.models import (
    Account,
    AuditEvent,
    ChainCheck,
    Glass,
    GlassReview,
    IdempotencyKey,
    ReadLog,
    ScopeHandle,
)
from fenji.ground.access.queries import token_hash
from fenji.ground.access.rules import AccessPolicy, Actor, Scope
from fenji.ground.common.refusal import NotPermitted, Refused, Stale, Unknown

_TOKEN_BYTES = 32
_TOO_MANY = "FJ002"
_CHECK = "fenji.ground.access.jobs.check_chain"  # by name: jobs stand above actions
_CHECK_TAKES = timedelta(minutes=10)


class WrongPassword(Refused):
    """No such login, or the password does not fit: the two are not told apart."""

    code = "wrong_password"


class AccountLocked(Refused):
    """Too many wrong passwords in a row. detail: until."""

    code = "account_locked"


class CheckRunning(Refused):
    """Somebody has asked for a verification of the chain that is still running."""

    code = "check_running"


class TooManyOpenings(Refused):
    """One person opened more beyond their scope in an hour than the policy allows."""

    code = "too_many_openings"


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


@cache
def _decoy() -> str:
    return make_password(secrets.token_hex())


def authenticate(username: str, password: str, *, at: datetime, policy: AccessPolicy) -> Account:
    """Check a password, count failures, lock after too many. Unknown names cost the same time as known ones.

    Raises WrongPassword, AccountLocked.
    """
    refused: Refused | None = None
    with transaction.atomic(using="door"):
        account = Account.objects.using("door").select_for_update().filter(username=username, active=True).first()
        if account is None:
            check_password(password, _decoy())
            refused = WrongPassword()
        elif account.locked_until is not None and account.locked_until > at:
            refused = AccountLocked(until=account.locked_until)
        elif not check_password(password, account.password):
            refused = _count_failure(account, at, policy)
        elif account.failures:
            Account.objects.using("door").filter(pk=account.pk).update(failures=0, locked_until=None)
        if account is not None:
            _door_event(account, at, "login.refused" if refused else "login")
    if refused is not None:
        raise refused
    if account is None:  # pragma: no cover - refused above
        raise WrongPassword
    return account


def _count_failure(account: Account, at: datetime, policy: AccessPolicy) -> Refused:
    # a lock that has run out starts a new count, or one slip would lock the account again at once
    failures = 1 if account.locked_until is not None else account.failures + 1
    until = rules.locked_until(failures, at, policy)
    Account.objects.using("door").filter(pk=account.pk).update(failures=failures, locked_until=until)
    return AccountLocked(until=until) if until is not None else WrongPassword()


def _door_event(account: Account, at: datetime, action: str) -> None:
    AuditEvent.objects.using("door").create(at=at, actor_id=account.pk, role="", org_id=0, action=action, subject="account")


def open_session(account: Account, seat: Seat, *, at: datetime, policy: AccessPolicy, purpose: str = "work") -> str:
    """Mint a scope handle for one post and return its token: 256 bits that only the caller ever holds."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    ScopeHandle.objects.using("door").create(
        token_hash=token_hash(token),
        account=account,
        actor_name=account.name,
        role=seat.role,
        post_id=seat.post_id,
        org_id=seat.org_id,
        org_name=seat.org_name,
        orgs=list(seat.scope.orgs),
        path_lo=seat.scope.path_lo,
        path_hi=seat.scope.path_hi,
        reach=seat.scope.reach,
        purpose=purpose,
        opened_at=at,
        seen_at=at,
        until=min(t for t in (at + timedelta(hours=policy.session_hours), seat.end) if t is not None),
        idle=timedelta(minutes=policy.idle_minutes),
        door_per_hour=policy.door_per_hour,
        glass_minutes=policy.glass_minutes,
        glass_per_hour=policy.glass_per_hour,
        identify_per_hour=policy.identify_per_hour,
    )
    return token


def close_session(token: str, *, at: datetime) -> None:
    """Sign out: the token opens nothing any more."""
    ScopeHandle.objects.using("door").filter(token_hash=token_hash(token), closed_at=None).update(closed_at=at)


def set_password(account: Account, password: str) -> None:
    """Give an account a new password (Argon2id), lift a lock and end its open sessions."""
    hashed = make_password(password)
    with transaction.atomic(using="door"):
        Account.objects.using("door").filter(pk=account.pk).update(
            password=hashed, failures=0, locked_until=None, version=F("version") + 1
        )
        ScopeHandle.objects.using("door").filter(account=account, closed_at=None).update(closed_at=F("seen_at"))


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
    AuditEvent.objects.using(using).create(
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


def log_read(*, by: Actor, at: datetime, purpose: str, subject: str) -> None:
    """Record that a person's record was looked at."""
    ReadLog.objects.create(at=at, account_id=by.account_id, org_id=by.org_id, purpose=purpose, subject=subject)


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
    return IdempotencyKey.objects.filter(pk=key).first() or IdempotencyKey(key=key, fingerprint=b"")


def keep_result(key: UUID, location: str) -> None:
    """Remember where the first sender was led."""
    IdempotencyKey.objects.filter(pk=key).update(location=location)


@contextmanager
def opening() -> Iterator[Any]:
    """A cursor for one of the DEFINER functions that open what lies beyond the scope, in a transaction of its own.

    Raises TooManyOpenings when the function says that this person's hour is full.
    """
    try:
        with transaction.atomic(), connections["default"].cursor() as cursor:
            yield cursor
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", "") == _TOO_MANY:
            raise TooManyOpenings from None
        raise


@transaction.atomic
def close_glass(kind: str, subject: str, *, by: Actor, at: datetime) -> int:
    """Close what the actor has open on a subject; returns how many openings that were. None is no error: time may have run out."""
    mine = Glass.objects.filter(kind=kind, subject=subject, account_id=by.account_id, org_id=by.org_id, closed_at=None)
    closed = mine.update(closed_at=at)
    if closed:
        audit(by=by, at=at, action="glass.close", subject=subject)
    return closed


@transaction.atomic
def review_glass(glass_id: UUID, note: str, *, by: Actor, at: datetime, policy: AccessPolicy) -> None:
    """A security administrator's second look at one opening within their reach.

    Raises NotPermitted, Unknown, ReasonTooShort for the note, Stale when somebody has looked already.
    """
    if not by.may("glass.watch"):
        raise NotPermitted
    if not Glass.objects.filter(pk=glass_id).exists():
        raise Unknown(what="opening")
    words = rules.reason_given(note, policy)
    try:
        with transaction.atomic():
            GlassReview.objects.create(glass_id=glass_id, account_id=by.account_id, actor_name=by.name, at=at, note=words)
    except IntegrityError:
        raise Stale from None
    audit(by=by, at=at, action="glass.review", subject=str(glass_id))


@transaction.atomic
def ask_for_check(*, by: Actor, at: datetime) -> None:
    """Have the chain of the audit trail verified by a job. Raises NotPermitted, CheckRunning (a check that has not ended after ten
    minutes has died, and hinders nobody)."""
    if not by.may("audit.verify"):
        raise NotPermitted
    if ChainCheck.objects.filter(finished_at=None, at__gt=at - _CHECK_TAKES).exists():
        raise CheckRunning
    check = ChainCheck.objects.create(at=at, account_id=by.account_id, actor_name=by.name)
    audit(by=by, at=at, action="audit.verify", subject=str(check.id))
    queue.configure_task(_CHECK).defer(check_id=str(check.id))
