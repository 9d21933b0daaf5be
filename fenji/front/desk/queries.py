"""What the desk reads about accounts and their posts together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from fenji.ground.access.queries import names_of
from fenji.ground.network.models import Organisation, Post


@dataclass(frozen=True, slots=True)
class Held:
    """A post as a page shows it. `covers`: the name of the colleague it stands in for; `stand_ins`: posts that stand in for this
    one, with names. `state`: past, present or future."""

    post: Post
    state: str
    covers: str
    stand_ins: tuple[tuple[str, Post], ...]


def _state(post: Post, at: datetime) -> str:
    if post.start > at:
        return "future"
    return "past" if post.end is not None and post.end <= at else "present"


def posts_with_covers(account_id: UUID, at: datetime, *, past: bool = False) -> list[Held]:
    """Posts of an account, present ones first, then those to come, then (if asked for) past ones, the latest first."""
    rows = Post.objects.filter(account_id=account_id).select_related("org", "covers").order_by("-start", "id")
    posts = list(rows if past else rows.filter(Q(end=None) | Q(end__gt=at)))
    covering: dict[UUID, list[Post]] = {}
    for stand_in in Post.objects.filter(covers__in=[p.id for p in posts], end__gt=at).order_by("start"):
        covering.setdefault(stand_in.covers_id, []).append(stand_in)
    people = {p.covers.account_id for p in posts if p.covers} | {s.account_id for found in covering.values() for s in found}
    names = names_of(people)
    held = [
        Held(
            post,
            _state(post, at),
            names.get(post.covers.account_id, "") if post.covers else "",
            tuple((names.get(s.account_id, ""), s) for s in covering.get(post.id, ())),
        )
        for post in posts
    ]
    return sorted(held, key=lambda h: ("present", "future", "past").index(h.state))


def posts_now(account_ids: Iterable[UUID], at: datetime) -> dict[UUID, list[Post]]:
    """Posts that several accounts hold at an instant."""
    found: dict[UUID, list[Post]] = {}
    held = Post.objects.filter(account_id__in=list(account_ids), start__lte=at).filter(Q(end=None) | Q(end__gt=at))
    for post in held.select_related("org").order_by("start", "id"):
        found.setdefault(post.account_id, []).append(post)
    return found


def holders(role: str, at: datetime) -> QuerySet[Post, UUID]:
    """Accounts that hold a role at an instant, for use in a filter."""
    held = Post.objects.filter(role=role, start__lte=at).filter(Q(end=None) | Q(end__gt=at))
    return held.values_list("account_id", flat=True)


def present_organisation(org_id: int) -> Organisation | None:
    """An organisation that has not ended."""
    return Organisation.objects.filter(pk=org_id, end=None).first()
