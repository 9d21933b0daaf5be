"""What all pages share: named permissions, the texts of refusals, form keys and versions.

A view that names no permission is refused by the middleware, and a test walks all addresses for one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from django.conf import settings
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


def page(
    permission: str, methods: tuple[str, ...] = ("GET",), largest: Callable[[SignedRequest], int] | None = None
) -> Callable[[View], View]:
    """Mark a view with the one permission it needs and the methods it answers.

    `largest`: how many bytes a signed-in person may send it, where that is more than a form needs.
    """

    def mark(view: View) -> View:
        guarded = require_http_methods([*methods, "HEAD"] if "GET" in methods else list(methods))(view)

        @wraps(view)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            return guarded(request, *args, **kwargs)

        inner.permission = permission
        inner.methods = methods
        inner.largest = largest
        return inner

    return mark


def permits(permission: str) -> Callable[[View], View]:
    """Mark an operation of the API with the one permission it needs: `@router.get("/x")` above, `@permits("x.read")` below."""

    def mark(work: View) -> View:
        work.permission = permission
        return work

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


_WORDS: dict[str, str | Promise] = {}


def register_words(words: Mapping[str, str | Promise]) -> None:
    """Name codes that refusals carry in their detail: pure rules say `why="second_lead"`, people read words."""
    _WORDS.update(words)


def known_refusals() -> frozenset[str]:
    """All codes that have texts."""
    return frozenset(_TEXTS)


def refusal_text(refused: Refused) -> tuple[str, str]:
    """What to tell the person: (what happened, what to do now), in their language."""
    happened, remedy = _TEXTS[refused.code]
    detail = {k: str(_WORDS.get(v, v)) if isinstance(v, str) else v for k, v in refused.detail.items()}
    return str(happened) % detail, str(remedy) % detail


def list_start(text: str, digits: int = 5) -> int:
    """Where a page of a list begins, as an address says it: 0 for anything but a number of at most so many digits."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else 0


def absolute(request: HttpRequest, path: str) -> str:
    """The full address of a page: as the house is set up (FENJI_URL), else as the reader reached it."""
    return f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else request.build_absolute_uri(path)


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
