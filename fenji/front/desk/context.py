"""What every page's frame shows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from fenji.care.referral.queries import reviews
from fenji.ground.access.queries import unseen_openings
from fenji.ground.access.texts import ROLE_NAMES
from fenji.ground.publication.queries import unread
from fenji.ground.tasks.queries import desk_counts


def house(request: HttpRequest) -> dict[str, Any]:
    """`actor`, their role's name, how much waits for them, is unread or unseen, whether they review, and whether this is a demo."""
    actor = getattr(request, "actor", None)
    if actor is None:
        return {"actor": None, "demo": settings.DEMO}
    at = request.at
    return {
        "actor": actor,
        "role_name": ROLE_NAMES[actor.role],
        "badge": lambda: desk_counts(actor, at).waiting,
        "unread": lambda: unread(actor, at),
        "reviews": lambda: actor.may("referral.read") and reviews(actor, at),
        "unseen": lambda: unseen_openings(actor),
        "demo": settings.DEMO,
    }
