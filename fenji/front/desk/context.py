"""What every page's frame shows."""

from __future__ import annotations

import base64
from datetime import datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from fenji.care.referral.queries import reviews
from fenji.ground.access.queries import unseen_openings
from fenji.ground.access.rules import Actor
from fenji.ground.access.texts import ROLE_NAMES
from fenji.ground.common.clock import local_day
from fenji.ground.network.queries import place_of
from fenji.ground.policy.queries import resolve, to_decide
from fenji.ground.publication.queries import unread
from fenji.ground.tasks.queries import dead_count, frame_counts
from fenji.ground.tasks.rules import MessagePolicy

_TYPED, _MARK = "typed in a tab", 2


def house(request: HttpRequest) -> dict[str, Any]:
    """`actor`, the name of their role, how much waits for them, is unread, unseen or not sent, whether they review, what seals
    their typing, and whether this is a demo."""
    actor = getattr(request, "actor", None)
    if actor is None:
        return {"actor": None, "demo": settings.DEMO}
    at = request.at
    counts = cache(lambda: frame_counts(actor, at, _counted_days(actor, at)))
    return {
        "actor": actor,
        "role_name": ROLE_NAMES[actor.role],
        "badge": lambda: counts()[0] + len(to_decide(actor)),
        "unread": lambda: unread(actor, at),
        "reviews": lambda: actor.may("referral.read") and reviews(actor, at),
        "untold": lambda: counts()[1],
        "unsent": dead_count,
        "unseen": lambda: unseen_openings(actor),
        "typing_key": lambda: typing_key(actor),
        "demo": settings.DEMO,
    }


def typing_key(actor: Actor) -> str:
    """The key, base64 of 256 bits, that seals what this person types in a tab: the same for each of their sessions, and in no page
    of anybody else's."""
    return base64.b64encode(settings.INDEX_KEYS.index(str(actor.account_id), _TYPED)[_MARK:]).decode()


def _counted_days(actor: Actor, at: datetime) -> int:
    return resolve(MessagePolicy, place_of(actor.org_id).policy_path, local_day(at)).unread_days
