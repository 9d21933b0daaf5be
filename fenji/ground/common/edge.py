"""What all pages share: named permissions, the texts of refusals, form keys and versions.

A view that names no permission is refused by the middleware, and a test walks all addresses for one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.views.decorators.http import require_http_methods

from fenji.ground.common.refusal import Refused

if TYPE_CHECKING:
    from fenji.ground.access.rules import Actor

View = Callable[..., HttpResponse]
OPEN = "open"
"""The permission of pages that need no signing in."""


class SignedRequest(HttpRequest):
    """A request after the middleware: who acts, when it arrived, and what it shows of whom (purpose, subject).

    The middleware writes `reads` to the read log, also when the rest of the request is taken back.
    """

    actor: Actor
    at: datetime
    reads: list[tuple[str, str]]


def now() -> datetime:
    """The present instant. Only edges, jobs and commands call this."""
    return datetime.now(UTC)


def page(permission: str, methods: tuple[str, ...] = ("GET",)) -> Callable[[View], View]:
    """Mark a view with the one permission it needs and the methods it answers."""

    def mark(view: View) -> View:
        guarded = require_http_methods([*methods, "HEAD"] if "GET" in methods else list(methods))(view)

        @wraps(view)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            return guarded(request, *args, **kwargs)

        inner.permission = permission
        inner.methods = methods
        return inner

    return mark


def job(work: Callable[..., None]) -> Callable[..., None]:
    """Mark a job: like a request, it begins by dropping database connections that were cut, and does not fail on them."""

    @wraps(work)
    def inner(*args: Any, **kwargs: Any) -> None:
        close_old_connections()
        work(*args, **kwargs)

    return inner


_TEXTS: dict[str, tuple[str | Promise, str | Promise]] = {}


def register_refusals(texts: Mapping[str, tuple[str | Promise, str | Promise]]) -> None:
    """Name refusals: code → (what happened, what to do now)."""
    _TEXTS.update(texts)


def known_refusals() -> frozenset[str]:
    """All codes that have texts."""
    return frozenset(_TEXTS)


def refusal_text(refused: Refused) -> tuple[str, str]:
    """What to tell the person: (what happened, what to do now), in their language."""
    happened, remedy = _TEXTS[refused.code]
    return str(happened) % refused.detail, str(remedy) % refused.detail


def fresh_key() -> str:
    """A new idempotency key for a form about to be shown."""
    return str(uuid4())


def posted_key(request: HttpRequest) -> UUID | None:
    """The idempotency key of a posted form; None when it carries none or it is not one."""
    return as_uuid(request.POST.get("_key", ""))


def posted_version(request: HttpRequest) -> int:
    """The version of the row as the form showed it; 0, which fits nothing, when missing or not a number."""
    text = request.POST.get("_version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def cursor_of(at: datetime, row: object) -> str:
    """The row after which the next page of a list goes on, for its address; the list is ordered by instant and then by `row`."""
    return f"{at.isoformat()}_{row}"


def after_cursor(text: str) -> tuple[datetime, str] | None:
    """What `cursor_of` wrote, as (instant, row); None for anything else: then the list begins at its beginning."""
    at, _sep, row = text.partition("_")
    try:
        instant = datetime.fromisoformat(at).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return (instant, row) if row else None


def as_uuid(text: str) -> UUID | None:
    """An id as it stands in an address or a field; None when it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None
