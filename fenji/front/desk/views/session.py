"""Signing in and out, switching post and language."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from fenji.front.desk.views.errors import PENDING
from fenji.ground.access import actions
from fenji.ground.access.models import Account
from fenji.ground.access.queries import account_by_id
from fenji.ground.access.rules import AccessPolicy
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.crypto import Unreadable
from fenji.ground.common.edge import OPEN, SignedRequest, fresh_key, page, refusal_text
from fenji.ground.common.refusal import Refused, Unknown
from fenji.ground.network.models import Post
from fenji.ground.network.queries import place, posts_of, seat_of
from fenji.ground.policy.queries import resolve


class NoPost(Refused):
    """The account holds no post at present."""

    code = "no_post"


def _safe(target: str) -> str:
    return target if target.startswith("/") and url_has_allowed_host_and_scheme(target, None) else "/"


def _policy(request: SignedRequest, post: Post | None = None) -> AccessPolicy:
    path = place(post.org).policy_path if post else ("35",)
    return resolve(AccessPolicy, path, local_day(request.at))


def _seal_cookie(response: HttpResponse, token: str) -> HttpResponse:
    response.set_cookie(settings.SESSION_COOKIE, token, httponly=True, samesite="Lax", secure=settings.SECURE)
    return response


def _open(request: SignedRequest, account: Account, post: Post) -> str:
    return actions.open_session(account, seat_of(post), at=request.at, policy=_policy(request, post))


@page(OPEN, ("GET", "POST"))
def login(request: SignedRequest) -> HttpResponse:
    """Sign in. A form that was being sent when the session ended goes on from here."""
    if request.method == "GET":
        return render(request, "desk/login.html", {"next": _safe(request.GET.get("next", "/"))})
    username, pending = request.POST.get("username", "").strip(), request.POST.get("pending", "")
    try:
        account = actions.authenticate(username, request.POST.get("password", ""), at=request.at, policy=_policy(request))
        posts = posts_of(account.pk, request.at)
        if not posts:
            raise NoPost
    except Refused as refusal:
        return _again(request, refusal, username, pending)
    token = _open(request, account, posts[0])
    parcel = _parcel(pending, account.pk)
    if parcel is not None:
        return _seal_cookie(render(request, "desk/resume.html", parcel), token)
    return _seal_cookie(HttpResponseRedirect(_safe(request.POST.get("next", "/")), status=303), token)


def _again(request: SignedRequest, refusal: Refused, username: str, pending: str) -> HttpResponse:
    if "until" in refusal.detail:
        refusal.detail["until"] = f"{refusal.detail['until'].astimezone(SHANGHAI):%H:%M}"
    happened, remedy = refusal_text(refusal)
    context = {
        "happened": happened,
        "remedy": remedy,
        "username": username,
        "pending": pending,
        "next": _safe(request.POST.get("next", "/")),
    }
    return render(request, "desk/login.html", context, status=422)


def _parcel(sealed: str, account_id: UUID) -> dict[str, Any] | None:
    """The form that was being sent; None when there is none, it is damaged, or it was somebody else's."""
    try:
        parcel = json.loads(settings.DATABASE_KEYS.open(bytes.fromhex(sealed), PENDING))
    except (Unreadable, ValueError):
        return None
    return {"path": _safe(parcel["path"]), "fields": parcel["fields"]} if parcel["who"] == str(account_id) else None


@page(OPEN, ("POST",))
def logout(request: SignedRequest) -> HttpResponse:
    """Sign out."""
    actions.close_session(request.COOKIES.get(settings.SESSION_COOKIE, ""), at=request.at)
    response = HttpResponseRedirect("/login/?out=1", status=303)
    response.delete_cookie(settings.SESSION_COOKIE)
    return response


@page("desk.open", ("GET", "POST"))
def posts(request: SignedRequest) -> HttpResponse:
    """Choose another of one's posts."""
    held = posts_of(request.actor.account_id, request.at)
    if request.method == "GET":
        return render(request, "desk/posts.html", {"posts": held, "key": fresh_key()})
    chosen = next((p for p in held if str(p.id) == request.POST.get("post")), None)
    if chosen is None:
        raise Unknown(what="post")
    actions.close_session(request.COOKIES[settings.SESSION_COOKIE], at=request.at)
    token = _open(request, account_by_id(request.actor.account_id), chosen)
    return _seal_cookie(HttpResponseRedirect("/", status=303), token)


@page(OPEN, ("POST",))
def language(request: HttpRequest) -> HttpResponse:
    """Switch the language of the pages."""
    wanted = request.POST.get("language", "")
    response = HttpResponseRedirect(_safe(request.POST.get("next", "/")), status=303)
    if wanted in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, wanted, max_age=365 * 24 * 3600, httponly=True, samesite="Lax", secure=settings.SECURE
        )
    return response
