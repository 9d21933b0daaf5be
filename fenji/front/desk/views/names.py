"""Who signed in on this computer lately: a sealed cookie of names, so that a colleague is one click and a password away.

User names and names, nothing else; no password and no token. The cookie goes to the sign-in page alone.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from fenji.ground.access.models import Account
from fenji.ground.common.crypto import Unreadable

COOKIE = "fenji_names"
PATH = "/login/"
_PLACE = "names on this computer"
_MOST = 5
_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Names:
    """What this computer knows: (user name, name), the latest first; and whether the last one to choose wished to be known."""

    people: tuple[tuple[str, str], ...] = ()
    remember: bool = True

    def after(self, account: Account, remember: bool) -> Names:
        """After somebody signed in: first in the list, or not in it at all."""
        others = tuple(p for p in self.people if p[0] != account.username)
        return Names(((account.username, account.name), *others)[:_MOST] if remember else others, remember)

    def without(self, username: str) -> Names:
        """After somebody was taken off the list."""
        return Names(tuple(p for p in self.people if p[0] != username), self.remember)

    def chosen(self, place: str) -> tuple[str, str]:
        """User name and name at a place of the list, counted from 1 as an address says it; empty when there is none."""
        return {str(n): person for n, person in enumerate(self.people, 1)}.get(place, ("", ""))


def names_on(request: HttpRequest) -> Names:
    """The names this computer shows; none when its cookie is missing, altered or another house's."""
    try:
        sealed = base64.urlsafe_b64decode(request.COOKIES.get(COOKIE, "").encode())
        found = json.loads(settings.DATABASE_KEYS.open_bytes(sealed, _PLACE))
    except (Unreadable, ValueError):
        return Names()
    return Names(tuple((username, name) for username, name in found["people"]), found["remember"])


def with_names(response: HttpResponse, names: Names) -> HttpResponse:
    """The same answer, leaving these names on the computer."""
    found = json.dumps({"people": names.people, "remember": names.remember}, ensure_ascii=False)
    sealed = base64.urlsafe_b64encode(settings.DATABASE_KEYS.seal(found, _PLACE)).decode()
    response.set_cookie(COOKIE, sealed, max_age=_SECONDS, path=PATH, httponly=True, samesite="Lax", secure=settings.SECURE)
    return response
