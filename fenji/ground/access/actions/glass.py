"""Opening what lies beyond one's scope, closing and reviewing it; asking for a verification of the chain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import DatabaseError, IntegrityError, connections, transaction
from procrastinate.contrib.django import app as queue

from fenji.ground.access import rules
from fenji.ground.access.actions.trail import audit
from fenji.ground.access.models import ChainCheck, Glass, GlassReview
from fenji.ground.access.rules import AccessPolicy, Actor
from fenji.ground.common.refusal import NotPermitted, Refused, Stale, Unknown
from fenji.ground.common.whole import all_or_nothing

_TOO_MANY = "FJ003"
_CHECK = "fenji.ground.access.jobs.check_chain"  # by name: jobs stand above actions
_CHECK_TAKES = timedelta(minutes=10)


class CheckRunning(Refused):
    """Somebody has asked for a verification of the chain that is still running."""

    code = "check_running"


class TooManyOpenings(Refused):
    """One person opened more beyond their scope in an hour than the policy allows."""

    code = "too_many_openings"


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


@all_or_nothing
def close_glass(kind: str, subject: str, *, by: Actor, at: datetime) -> int:
    """Close what the actor has open on a subject; returns how many openings that were. None is no error: time may have run out."""
    mine = Glass.objects.filter(kind=kind, subject=subject, account_id=by.account_id, org_id=by.org_id, closed_at=None)
    closed = mine.update(closed_at=at)
    if closed:
        audit(by=by, at=at, action="glass.close", subject=subject)
    return closed


@all_or_nothing
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


@all_or_nothing
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
