"""Signing in and out, switching post and language."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from fenji.front.desk.views.errors import PENDING
from fenji.front.desk.views.names import names_on, with_names
from fenji.ground.access import actions
from fenji.ground.access.models import Account
from fenji.ground.access.queries import account_by_id
from fenji.ground.access.rules import PASSWORD_ONLY, WORK, AccessPolicy, PasswordPolicy, password_is_due
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.crypto import Unreadable
from fenji.ground.common.edge import OPEN, SignedRequest, fresh_key, page, refusal_text
from fenji.ground.common.refusal import Refused, Unknown
from fenji.ground.network.models import Post
from fenji.ground.network.queries import place, place_of, posts_of, seat_of
from fenji.ground.policy.queries import resolve


class NoPost(Refused):
    """The account holds no post at present."""

    code = "no_post"


def safe(target: str) -> str:
    """An address of this house, or the desk."""
    return target if target.startswith("/") and url_has_allowed_host_and_scheme(target, None) else "/"


def access_policy(request: SignedRequest, post: Post | None = None) -> AccessPolicy:
    """What binds for signing in; before anybody is known, the province's."""
    return resolve(AccessPolicy, place(post.org).policy_path if post else ("35",), local_day(request.at))


def password_policy(org_id: int | None, at: datetime) -> PasswordPolicy:
    """What binds for passwords of an account at home in an institution; without a home, the province's."""
    return resolve(PasswordPolicy, place_of(org_id).policy_path if org_id else ("35",), local_day(at))


def with_session(response: HttpResponse, token: str) -> HttpResponse:
    """The same answer, carrying the session's cookie."""
    response.set_cookie(settings.SESSION_COOKIE, token, httponly=True, samesite="Lax", secure=settings.SECURE)
    return response


def open_post(request: SignedRequest, account: Account, post: Post, purpose: str = WORK) -> str:
    """A session of an account in one of its posts."""
    return actions.open_session(account, seat_of(post), at=request.at, policy=access_policy(request, post), purpose=purpose)


def go_on(request: SignedRequest, account: Account, post: Post, target: str) -> HttpResponse:
    """Signed in: on to where somebody was going, or first to the form that was on its way when the session ended."""
    token = open_post(request, account, post)
    parcel = _parcel(request.POST.get("pending", ""), account.pk)
    if parcel is not None:
        return with_session(render(request, "desk/resume.html", parcel), token)
    return with_session(HttpResponseRedirect(target, status=303), token)


@page(OPEN, ("GET", "POST"))
def login(request: SignedRequest) -> HttpResponse:
    """Sign in. A form that was being sent when the session ended goes on from here."""
    names = names_on(request)
    if request.method == "GET":
        username, name = names.chosen(request.GET.get("name", ""))
        context = {"username": username, "name": name, "people": names.people, "remember": names.remember}
        return render(request, "desk/login.html", {**context, "next": safe(request.GET.get("next", "/"))})
    username, pending = request.POST.get("username", "").strip(), request.POST.get("pending", "")
    try:
        account = actions.authenticate(username, request.POST.get("password", ""), at=request.at, policy=access_policy(request))
        posts = posts_of(account.pk, request.at)
        if not posts:
            raise NoPost
        passwords = password_policy(account.org_id, request.at)
        if password_is_due(account.must_change, account.password_set_at, request.at, passwords):
            answer = _password_first(request, open_post(request, account, posts[0], PASSWORD_ONLY), passwords)
        else:
            answer = go_on(request, account, posts[0], safe(request.POST.get("next", "/")))
    except Refused as refusal:
        return _again(request, refusal, username, pending)
    return with_names(answer, names.after(account, bool(request.POST.get("remember"))))


@page(OPEN, ("POST",))
def forget(request: SignedRequest) -> HttpResponse:
    """Take a name off this computer's sign-in page."""
    left = names_on(request).without(request.POST.get("username", ""))
    return with_names(HttpResponseRedirect("/login/", status=303), left)


def _password_first(request: SignedRequest, token: str, policy: PasswordPolicy) -> HttpResponse:
    """Signed in for choosing a new password only; what was on its way waits in that page."""
    target, pending = safe(request.POST.get("next", "/")), request.POST.get("pending", "")
    if not pending:
        return with_session(HttpResponseRedirect("/account/password/?" + urlencode({"next": target}), status=303), token)
    context = {"next": target, "pending": pending, "policy": policy, "due": True, "key": fresh_key()}
    return with_session(render(request, "desk/password.html", context), token)


def told(refusal: Refused) -> tuple[str, str]:
    """A refusal in words, its instant as a clock shows it."""
    if "until" in refusal.detail:
        refusal.detail["until"] = f"{refusal.detail['until'].astimezone(SHANGHAI):%H:%M}"
    return refusal_text(refusal)


def _again(request: SignedRequest, refusal: Refused, username: str, pending: str) -> HttpResponse:
    happened, remedy = told(refusal)
    context = {
        "happened": happened,
        "remedy": remedy,
        "username": username,
        "pending": pending,
        "next": safe(request.POST.get("next", "/")),
        "remember": bool(request.POST.get("remember")),
    }
    return render(request, "desk/login.html", context, status=422)


def _parcel(sealed: str, account_id: UUID) -> dict[str, Any] | None:
    """The form that was being sent; None when there is none, it is damaged, or it was somebody else's."""
    try:
        parcel = json.loads(settings.DATABASE_KEYS.open(bytes.fromhex(sealed), PENDING))
    except (Unreadable, ValueError):
        return None
    return {"path": safe(parcel["path"]), "fields": parcel["fields"]} if parcel["who"] == str(account_id) else None


@page(OPEN, ("POST",))
def logout(request: SignedRequest) -> HttpResponse:
    """Sign out."""
    return _left(request, "logout", "/login/?out=1")


@page(OPEN, ("POST",))
def switch(request: SignedRequest) -> HttpResponse:
    """Leave the keyboard to a colleague: the session ends here and now, and the sign-in page shows who was here lately."""
    return _left(request, "switch", "/login/?switch=1")


def _left(request: SignedRequest, action: str, target: str) -> HttpResponse:
    actions.sign_out(request.COOKIES.get(settings.SESSION_COOKIE, ""), action=action, at=request.at)
    response = HttpResponseRedirect(target, status=303)
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
    token = open_post(request, account_by_id(request.actor.account_id), chosen)
    return with_session(HttpResponseRedirect("/", status=303), token)


@page(OPEN, ("POST",))
def language(request: HttpRequest) -> HttpResponse:
    """Switch the language of the pages."""
    wanted = request.POST.get("language", "")
    response = HttpResponseRedirect(safe(request.POST.get("next", "/")), status=303)
    if wanted in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, wanted, max_age=365 * 24 * 3600, httponly=True, samesite="Lax", secure=settings.SECURE
        )
    return response
