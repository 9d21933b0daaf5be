"""Answers to machines when something cannot be done: RFC 9457 problems. The same names as the pages of `desk.views.errors`.

`code` is stable and documented (docs/reference/refusals.md); title and detail are for people, in the language asked for.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from fenji.ground.common.edge import refusal_text
from fenji.ground.common.refusal import NotPermitted, Refused, Unknown

MEDIA_TYPE = "application/problem+json"

_TEXTS: dict[int, tuple[str, str | Promise, str | Promise]] = {
    400: ("unreadable", _("This request can't be read."), _("Compare it with the description at /api/v1/openapi.json.")),
    401: (
        "no_key",
        _("No valid key came with this request."),
        _("Send “Authorization: Bearer <key>”. The security administrator makes and renews keys."),
    ),
    405: (
        "method_not_allowed",
        _("This address does not answer this method."),
        _("The header Allow names those that it answers."),
    ),
    411: ("no_length", _("This request does not say how long it is."), _("Send the header Content-Length.")),
    413: ("too_large", _("The body of the request is too large."), _("Send it in smaller parts.")),
    415: ("not_json", _("The body of the request is not JSON."), _("Send it with Content-Type: application/json.")),
    422: ("invalid", _("Some of the fields can't be taken."), _("Mend the fields named under “errors” and send it again.")),
    428: (
        "no_idempotency_key",
        _("This request has no idempotency key."),
        _("Send a fresh UUID in the header Idempotency-Key, and the same one when you repeat the request."),
    ),
    429: (
        "too_many_requests",
        _("More requests than this account may make in a minute."),
        _("Wait as long as the header Retry-After says."),
    ),
    500: ("broken", _("Something broke on our side. Nothing was changed."), _("Try again later with the same idempotency key.")),
}


def problem(status: int, headers: dict[str, str] | None = None, **more: Any) -> HttpResponse:
    """The problem of a status, with what else there is to say of it."""
    code, title, detail = _TEXTS[status]
    return _answer(status, code, str(title), str(detail), headers, **more)


def _answer(status: int, code: str, title: str, detail: str, headers: dict[str, str] | None = None, **more: Any) -> HttpResponse:
    body = {"type": f"urn:fenji:problem:{code}", "title": title, "status": status, "detail": detail, "code": code, **more}
    return JsonResponse(body, status=status, content_type=MEDIA_TYPE, headers=headers, json_dumps_params={"ensure_ascii": False})


def refused(request: HttpRequest, refusal: Refused) -> HttpResponse:
    """409 for a named refusal, 404 for what does not exist or is not to be seen, 403 for a missing permission."""
    status = 404 if isinstance(refusal, Unknown) else 403 if isinstance(refusal, NotPermitted) else 409
    return _answer(status, refusal.code, *refusal_text(refusal))


def bad_request(request: HttpRequest) -> HttpResponse:
    """400."""
    return problem(400)


def too_long(request: HttpRequest, status: int) -> HttpResponse:
    """413 for a body longer than an address takes, 411 for one of no stated length; it was not read."""
    return problem(status)


def forbidden(request: HttpRequest) -> HttpResponse:
    """403: the role lacks the permission."""
    return refused(request, NotPermitted())


def signed_out(request: HttpRequest) -> HttpResponse:
    """401: no key, or one that has ended."""
    return problem(401, {"WWW-Authenticate": "Bearer"})


def as_problem(response: HttpResponse) -> HttpResponse:
    """Whatever else answered with an error (no such address, a method, an exception), as a problem."""
    status = response.status_code
    if status < 400 or response.headers.get("Content-Type") == MEDIA_TYPE:
        return response
    if status in (403, 404):
        return refused(HttpRequest(), NotPermitted() if status == 403 else Unknown())
    allowed = {"Allow": response.headers["Allow"]} if "Allow" in response.headers else None
    return problem(status if status in _TEXTS else 500 if status >= 500 else 400, allowed)
