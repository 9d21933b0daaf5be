"""Pages for what went wrong: each says what happened and what to do now."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.front.desk.views.names import names_on
from fenji.ground.common.edge import refusal_text
from fenji.ground.common.refusal import NotPermitted, Refused, Unknown

PENDING = "pending form"


def _page(request: HttpRequest, status: int, happened: str, remedy: str) -> HttpResponse:
    return render(request, "desk/problem.html", {"happened": happened, "remedy": remedy, "status": status}, status=status)


def refused(request: HttpRequest, refusal: Refused) -> HttpResponse:
    """409 for a named refusal, 404 for something that does not exist or is not to be seen, 403 for a missing permission."""
    status = 404 if isinstance(refusal, Unknown) else 403 if isinstance(refusal, NotPermitted) else 409
    return _page(request, status, *refusal_text(refusal))


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: the request is not one that a page of ours makes."""
    return _page(request, 400, _("This request can't be read."), _("Go back, load the page afresh and send the form from there."))


def too_long(request: HttpRequest, status: int) -> HttpResponse:
    """413 for more than this address takes, 411 when the length was not stated: nothing of it was read."""
    if status == 411:
        happened, remedy = _("This request does not say how long it is."), _("Send the file with a browser, from its page here.")
    else:
        happened = _("That is more than can be sent here. Nothing of it was read.")
        remedy = _("Copy the rows of the list alone into its template, without pictures; or divide it into several files.")
    return _page(request, status, happened, remedy)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: the role lacks the permission."""
    return _page(request, 403, *refusal_text(NotPermitted()))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: no such address, record, or none that may be seen."""
    return _page(request, 404, *refusal_text(Unknown()))


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form did not come from a page of this house, or that page was too old."""
    remedy = _("Load the page afresh; what you typed is kept in this tab and put back. Then send it again.")
    return _page(request, 403, _("The form was not accepted because its page was too old."), remedy)


def server_error(request: HttpRequest) -> HttpResponse:
    """500, without touching the database."""
    happened, remedy = _("Something broke on our side. Nothing was changed."), _("Try again; if it stays, tell your administrator.")
    context = {"happened": happened, "remedy": remedy, "status": 500}
    return HttpResponse(render_plain(context), status=500)


def render_plain(context: dict[str, Any]) -> str:
    """The problem page without the frame, for when nothing else may be relied on."""
    from django.template.loader import render_to_string

    return render_to_string("desk/problem_plain.html", context)


def signed_out(request: HttpRequest, *, carry: bool = True) -> HttpResponse:
    """Nobody is signed in, or the session ended: sign in and go on. What was being sent is carried along, sealed, but for files."""
    if request.method != "POST" or not carry or request.FILES:
        part = bool(request.headers.get("HX-Request"))
        back = _page_around(request) if part else request.get_full_path()
        target = "/login/?" + urlencode({"next": back}) if back else "/login/"
        return HttpResponse(status=204, headers={"HX-Redirect": target}) if part else HttpResponseRedirect(target)
    fields = [(k, v) for k, values in request.POST.lists() for v in values if k != "csrfmiddlewaretoken"]
    parcel = json.dumps({"path": request.get_full_path(), "who": request.POST.get("_who", ""), "fields": fields})
    sealed = settings.DATABASE_KEYS.seal(parcel, PENDING).hex()
    context = {"pending": sealed, "expired": True, "next": "", "actor": None, "remember": names_on(request).remember}
    return render(request, "desk/login.html", context, status=401)


def _page_around(request: HttpRequest) -> str:
    """The page that asked for a part of itself, as its script says; "" when that is no page of ours. What was typed there is put
    back when the person returns to it."""
    try:
        said = urlsplit(request.headers.get("HX-Current-URL", ""))
    except ValueError:
        return ""
    if said.netloc != request.get_host() or not said.path.startswith("/"):
        return ""
    return f"{said.path}?{said.query}" if said.query else said.path


def password_first(request: HttpRequest) -> HttpResponse:
    """A session that is good for choosing a new password only is led there, whatever it asked for."""
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": "/account/password/"})
    return HttpResponseRedirect("/account/password/", status=303)
