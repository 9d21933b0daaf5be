"""Every request in one transaction with one scope; named permissions; forms that act once; headers.

A request that ends in anything but a redirect or a plain page changes nothing: a POST whose answer is not a redirect is rolled
back, so a page that says "not done" is always true. A request to the API changes something only when its answer is no error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import nullcontext
from time import monotonic
from typing import Any
from urllib.parse import unquote_to_bytes
from uuid import UUID

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.multipartparser import MultiPartParserError
from django.urls import resolve as address

from fenji.config import problems
from fenji.front.desk.views import errors
from fenji.ground.access import actions, queries
from fenji.ground.access.rules import API, PASSWORD_ONLY, Actor, MachinePolicy, lacking
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import OPEN, SignedRequest, as_uuid, now, posted_key
from fenji.ground.common.memo import reading
from fenji.ground.common.refusal import Refused
from fenji.ground.network.queries import place_of
from fenji.ground.policy.queries import resolve

API_ROOT = "/api/"
SCRIPT = "X-Form-Result"
"""With this header the page's script sends a form; in the answer to one that was taken it says what the form led to."""

Handler = Callable[[HttpRequest], HttpResponse]
_PIECE = 64 * 1024
_DRAIN_BYTES = 512 * 1024 * 1024
_DRAIN_SECONDS = 20
_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'"
)


class Headers:
    """Content security policy, and no caching of pages that may show patients."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Permissions-Policy", "camera=(self), geolocation=(), microphone=()")
        return response


class Reused(Refused):
    """A form key was sent again with other contents."""

    code = "key_reused"


class SomebodyElse(Refused):
    """A form of one person, sent while another is signed in on that computer."""

    code = "somebody_else"


class Scope:
    """Opens the scope handle around the view and closes it again. Pages take it from the cookie, the API from a bearer's key; a
    session opens no API, and a key no page."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: SignedRequest) -> HttpResponse:
        request.at = now()
        request.api = request.path.startswith(API_ROOT)
        # a quoted cookie can spell a NUL, which PostgreSQL does not take; no token has one
        request.token = (_bearer(request) if request.api else request.COOKIES.get(settings.SESSION_COOKIE, "")).replace("\0", "")
        request.claimed = None
        request.settled = False
        request.reads = []
        request.unread = False
        with transaction.atomic(), reading() if request.method in ("GET", "HEAD") else nullcontext():
            request.actor = self._entered(request)
            response = self._turned_away(request) or self._answered(request)
            if response.status_code >= 500:
                transaction.set_rollback(True)
            elif request.actor is not None:
                if request.claimed is not None:
                    actions.keep_result(request.claimed, response.headers["Location"])
                    request.settled = True
                for purpose, subject in request.reads:
                    actions.log_read(by=request.actor, at=request.at, purpose=purpose, subject=subject)
                queries.leave()
        if request.unread:
            _drain(request)
        return _to_script(response) if request.settled and not request.api and SCRIPT in request.headers else response

    @staticmethod
    def _turned_away(request: SignedRequest) -> HttpResponse | None:
        """What must not go further. The length comes first: whatever looks at a form reads its whole body."""
        if answer := _too_many(request):
            return answer
        if refused := _refused_length(request):
            request.unread = True
            lost = request.actor is None and _taking_files(request) is not None
            return errors.signed_out(request, carry=False) if lost else _answers(request).too_long(request, refused)
        try:
            unreadable = _is_unreadable(request)
        except (BadRequest, MultiPartParserError, SuspiciousOperation):  # no form, too many fields, too long a field
            unreadable = True
        return _answers(request).bad_request(request) if unreadable else None

    @staticmethod
    def _entered(request: SignedRequest) -> Actor | None:
        actor = queries.enter(request.token) if request.token else None
        if actor is not None and (actor.purpose == API) != request.api:
            queries.leave()
            return None
        return actor

    def _answered(self, request: SignedRequest) -> HttpResponse:
        """The view's answer. What a POST wrote is taken back unless it led on, what an API request wrote unless it succeeded; what
        was shown stays in the read log."""
        if request.method != "POST" and not request.api:
            return self.get_response(request)
        with transaction.atomic():
            response = self.get_response(request)
            if request.api:
                response = problems.as_problem(response)
            done = response.status_code < 400 if request.api else 300 <= response.status_code < 400
            if not done:
                request.claimed = None
                transaction.set_rollback(True)
        return response

    def process_view(self, request: SignedRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Deny by default: no permission named, nobody signed in, or a role without it."""
        if request.api:
            return self._guarded(request, getattr(view, "permissions", {}))
        permission = getattr(view, "permission", None)
        if permission is None:
            return errors.forbidden(request)
        if permission == OPEN:
            return None
        if request.actor is None:
            return errors.signed_out(request)
        if not request.actor.may(permission):
            if request.actor.purpose == PASSWORD_ONLY:
                return errors.password_first(request)
            return errors.refused(request, lacking(request.actor, permission))
        if request.method != "POST":
            return None
        if request.POST.get("_who", str(request.actor.account_id)) != str(request.actor.account_id):
            return errors.refused(request, SomebodyElse())
        return self._once(request, posted_key(request), _body(request))

    def _guarded(self, request: SignedRequest, permissions: dict[str, str | None]) -> HttpResponse | None:
        """The same for an operation of the API; its body must be JSON that PostgreSQL can keep, and a POST acts once."""
        if request.actor is None:
            return problems.signed_out(request)
        if request.method not in permissions:
            return None  # the view says which methods it has
        permission = permissions[request.method]
        if permission is None or not request.actor.may(permission):
            return problems.forbidden(request)
        if request.method not in ("POST", "PUT", "PATCH"):
            return None
        if request.content_type != "application/json":
            return problems.problem(415)
        try:
            body = request.body
        except RequestDataTooBig:
            return problems.problem(413)
        if b"\0" in body or b"\\u0000" in body:
            return problems.problem(400)
        if request.method != "POST":
            return None
        key = as_uuid(request.headers.get("Idempotency-Key", ""))
        return self._once(request, key, body) if key else problems.problem(428)

    def process_exception(self, request: SignedRequest, exception: Exception) -> HttpResponse | None:
        """A refusal that a view did not turn into its own page."""
        return _answers(request).refused(request, exception) if isinstance(exception, Refused) else None

    def _once(self, request: SignedRequest, key: UUID | None, sent: bytes) -> HttpResponse | None:
        if key is None:
            return errors.bad_request(request)
        print_ = hashlib.sha256(request.path.encode() + b"\0" + sent).digest()
        first = actions.claim_key(key, print_, by=request.actor, at=request.at)
        if first is None:
            request.claimed = key
            return None
        if bytes(first.fingerprint) == print_ and first.location:
            request.settled = True
            return HttpResponseRedirect(first.location, status=303)
        return _answers(request).refused(request, Reused())


def _to_script(response: HttpResponse) -> HttpResponse:
    """What a form led to, for a script that sent it: a script that is redirected would not learn whether the form was taken, and
    would read, and log, the next page twice."""
    response.status_code = 204
    response.headers[SCRIPT] = response.headers["Location"]
    del response.headers["Location"]
    return response


def _answers(request: SignedRequest) -> Any:
    return problems if request.api else errors


def _bearer(request: HttpRequest) -> str:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _too_many(request: SignedRequest) -> HttpResponse | None:
    """Counts an API request; 429 when there were too many in this minute, before anything is done for it."""
    if not request.api or request.actor is None:
        return None
    policy = resolve(MachinePolicy, place_of(request.actor.org_id).policy_path, local_day(request.at))
    wait = actions.count_request(request.actor.account_id, policy.machine_per_minute, at=request.at)
    return problems.problem(429, {"Retry-After": str(wait)}) if wait else None


def _body(request: HttpRequest) -> bytes:
    # the CSRF token differs each time a form is shown; the rest is what the person sent
    items = [(k, v) for k, values in sorted(request.POST.lists()) for v in values if k != "csrfmiddlewaretoken"]
    files = [(k, f.name, _digest(f)) for k, sent in sorted(request.FILES.lists()) for f in sent]
    return repr(items + files).encode()


def _digest(sent: UploadedFile) -> str:
    hasher = hashlib.sha256()
    for piece in sent.chunks():
        hasher.update(piece)
    sent.seek(0)
    return hasher.hexdigest()


def _refused_length(request: SignedRequest) -> int:
    """The status for a body that is not to be read: 413 too long, 411 of no stated length; 0 for one that may come in."""
    stated = request.META.get("CONTENT_LENGTH") or ""
    if "HTTP_TRANSFER_ENCODING" in request.META and not stated:
        return 411
    length = int(stated) if stated.isascii() and stated.isdigit() else 0
    return 413 if length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE and length > _largest(request) else 0


def _taking_files(request: HttpRequest) -> Any:
    """The view at this address, if it takes more than a form."""
    try:
        view = address(request.path_info).func
    except Http404:
        return None
    return view if getattr(view, "largest", None) is not None else None


def _largest(request: SignedRequest) -> int:
    view = _taking_files(request)
    return int(view.largest(request)) if view and request.actor and request.actor.may(view.permission) else 0


def _drain(request: HttpRequest) -> None:
    """Throw the body away piece by piece: a browser that is still sending would not see the answer, only a broken line."""
    stream, until, left = request.META["wsgi.input"], monotonic() + _DRAIN_SECONDS, _DRAIN_BYTES
    while left > 0 and monotonic() < until and (piece := stream.read(_PIECE)):
        left -= len(piece)


def _is_unreadable(request: HttpRequest) -> bool:
    # PostgreSQL stores no NUL; nobody types one. Bytes that are no UTF-8 would be stored as question marks
    if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
        return True
    if request.method != "POST":
        return False
    if request.content_type == "application/x-www-form-urlencoded" and not _is_utf8(request.body):
        return True
    return any("\0" in v for values in request.POST.lists() for v in values[1])


def _is_utf8(body: bytes) -> bool:
    try:
        unquote_to_bytes(body).decode()
    except UnicodeDecodeError:
        return False
    return True
