"""What is shown once: an activation code, a machine's key. It travels from the form to the next page in a sealed cookie.

The page that shows it takes the cookie away; it is in no address, no log and no table.
"""

from __future__ import annotations

import json

from django.conf import settings
from django.http import HttpResponse

from fenji.ground.access.rules import Actor
from fenji.ground.common.crypto import Unreadable
from fenji.ground.common.edge import SignedRequest
from fenji.ground.common.refusal import Refused

_COOKIE = "fenji_slip"
_SECONDS = 600


class SlipGone(Refused):
    """The slip was shown already, or was never made."""

    code = "slip_gone"


def _context(by: Actor) -> str:
    return f"slip:{by.account_id}"


def hand_over(response: HttpResponse, by: Actor, **slip: str) -> HttpResponse:
    """The same answer, carrying a slip to the page it leads to."""
    sealed = settings.DATABASE_KEYS.seal(json.dumps(slip), _context(by)).hex()
    response.set_cookie(_COOKIE, sealed, max_age=_SECONDS, httponly=True, samesite="Lax", secure=settings.SECURE)
    return response


def take(request: SignedRequest) -> dict[str, str]:
    """The slip that was carried here. Raises SlipGone."""
    try:
        slip: dict[str, str] = json.loads(
            settings.DATABASE_KEYS.open(bytes.fromhex(request.COOKIES.get(_COOKIE, "")), _context(request.actor))
        )
    except (Unreadable, ValueError):
        raise SlipGone from None
    return slip


def shown(response: HttpResponse) -> HttpResponse:
    """The answer that shows the slip, after which it is gone."""
    response.delete_cookie(_COOKIE)
    return response
