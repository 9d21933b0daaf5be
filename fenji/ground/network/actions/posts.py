"""Posts: appointing, covering, ending."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import Q

from fenji.ground.access.actions import audit, end_sessions_of
from fenji.ground.access.models import Account
from fenji.ground.access.rules import ADMINISTERED_WITH, HOUSE_ACCOUNT, Actor, administers, conflicting_roles, kind_of
from fenji.ground.common.ids import uuid7
from fenji.ground.common.refusal import NotPermitted, Refused, Stale, Unknown
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.actions.reach import require_reach
from fenji.ground.network.models import Organisation, Post

_EXCLUDE = "FJ002"


class RolesExclude(Refused):
    """One person must not hold these roles together. detail: roles."""

    code = "roles_exclude"


class PostTaken(Refused):
    """The account holds this post already."""

    code = "post_taken"


class WrongKind(Refused):
    """The role needs an account of another kind: administrators and machines have accounts of their own."""

    code = "wrong_kind"


class BadCover(Refused):
    """A stand-in takes the role of somebody else, at the same institution, in days in which that post stands."""

    code = "bad_cover"


class PostDates(Refused):
    """A post must end after it starts; one that covers for somebody must end."""

    code = "post_dates"


def appoint(
    account_id: UUID,
    org_id: int,
    role: str,
    start: datetime,
    end: datetime | None = None,
    covers: UUID | None = None,
    *,
    by: Actor,
    at: datetime,
    using: str = "default",
    post_id: UUID | None = None,
) -> Post:
    """Give an account a post; `covers`: the post of a colleague on leave that it stands in for.

    Nobody appoints themselves, nor to a role that theirs does not give. Raises NotPermitted, Unknown, OutOfReach, WrongKind,
    RolesExclude, PostTaken, PostDates, BadCover.
    """
    if (end is not None and end <= start) or (covers is not None and end is None):
        raise PostDates
    org = Organisation.objects.using(using).filter(pk=org_id).first()
    if org is None:
        raise Unknown(what="organisation")
    require_reach(by, org.path)
    _check_account(account_id, role, by, using)
    post = Post(
        id=post_id or uuid7(), account_id=account_id, org=org, path=org.path, role=role, start=start, end=end, covers_id=covers
    )
    _check_roles(post, using)
    if covers is not None:
        _check_cover(post, using)
    try:
        with transaction.atomic(using=using):
            post.save(using=using, force_insert=True)
            audit(by=by, at=at, action="post.appoint", subject=f"post:{post.id}", after=role, using=using, org=org.id)
    except DatabaseError as error:
        raise _named(error, role) from error
    return post


def _check_account(account_id: UUID, role: str, by: Actor, using: str) -> None:
    kind = kind_of(role)
    if account_id == by.account_id or not (by.account_id == HOUSE_ACCOUNT or by.may(ADMINISTERED_WITH[kind])):
        raise NotPermitted
    account = Account.objects.using(using).filter(pk=account_id).only("kind", "path").first()
    if account is None or not administers(by, account.kind, account.path):
        raise Unknown(what="account")
    if account.kind != kind:
        raise WrongKind


def _check_cover(post: Post, using: str) -> None:
    covered = Post.objects.using(using).filter(pk=post.covers_id).first()
    if covered is None:
        raise Unknown(what="post")
    same = (covered.org_id, covered.role) == (post.org_id, post.role) and covered.account_id != post.account_id
    stands = covered.start <= post.start and (covered.end is None or (post.end is not None and post.end <= covered.end))
    if not (same and stands):
        raise BadCover


def _check_roles(post: Post, using: str) -> None:
    held = Post.objects.using(using).filter(account_id=post.account_id)
    held = held.filter(Q(end=None) | Q(end__gt=post.start))
    if post.end is not None:
        held = held.filter(start__lt=post.end)
    rows = list(held.values_list("role", "org_id", "end"))
    same = [end for role, org_id, end in rows if (role, org_id) == (post.role, post.org_id)]
    # a stand-in gains nothing from a role they have on those days anyway
    if same and (post.covers_id is not None or (post.end is None and None in same)):
        raise PostTaken
    clash = conflicting_roles([post.role, *(role for role, _, _ in rows)])
    if clash:
        raise RolesExclude(roles=", ".join(sorted(clash)))


def _named(error: DatabaseError, role: str) -> Exception:
    # two appointments at once passed the check together: the database holds the rule
    cause = error.__cause__
    if getattr(cause, "sqlstate", "") == _EXCLUDE:
        return RolesExclude(roles=role)
    if "post_once" in str(error):
        return PostTaken()
    return error


@all_or_nothing
def end_post(post_id: UUID, version: int, reason: str, *, by: Actor, at: datetime, end: datetime | None = None) -> Post:
    """End a post, now or at a later instant; its open sessions end with it.

    Raises Unknown, OutOfReach, NotPermitted, Stale, PostDates.
    """
    post = Post.objects.select_for_update().filter(pk=post_id).first()
    if post is None:
        raise Unknown(what="post")
    require_reach(by, post.path)
    if post.account_id == by.account_id or not administers(by, kind_of(post.role), post.path):
        raise NotPermitted
    if post.version != version or (post.end is not None and post.end <= at):
        raise Stale
    post.end = end or at
    if post.end <= post.start:
        raise PostDates
    post.version += 1
    post.ended_because = reason
    post.save(update_fields=["end", "version", "ended_because"])
    end_sessions_of(post_id=post.id, at=post.end)
    audit(by=by, at=at, action="post.end", subject=f"post:{post.id}", before=post.role, org=post.org_id)
    return post
