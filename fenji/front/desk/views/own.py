"""One's own account: posts, open sessions, the password; and the first password, with the code on a slip."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.front.desk import queries
from fenji.front.desk.views.session import NoPost, access_policy, go_on, password_policy, safe, told
from fenji.ground.access import actions
from fenji.ground.access.queries import account_by_id, sessions_of
from fenji.ground.access.rules import PASSWORD_ONLY
from fenji.ground.common.edge import OPEN, SignedRequest, fresh_key, page
from fenji.ground.common.refusal import Refused
from fenji.ground.network.queries import names_of, posts_of


@page("account.own")
def account(request: SignedRequest) -> HttpResponse:
    """Who I am here, which posts I hold, who stands in for whom, where I am signed in."""
    actor = request.actor
    found = account_by_id(actor.account_id)
    context = {
        "account": found,
        "home": names_of([found.org_id]).get(found.org_id, "") if found.org_id else "",
        "posts": queries.posts_with_covers(actor.account_id, request.at),
        "sessions": sessions_of(actor.account_id, request.at, request.token),
        "policy": password_policy(found.org_id, request.at),
        "key": fresh_key(),
    }
    return render(request, "desk/account.html", context)


@page("account.own", ("POST",))
def end_session(request: SignedRequest) -> HttpResponse:
    """End one of my open sessions; ending this one is signing out."""
    actions.end_session(request.actor.account_id, request.POST.get("session", ""), at=request.at)
    messages.success(request, _("The session has ended."))
    return HttpResponseRedirect("/account/", status=303)


@page("account.password", ("GET", "POST"))
def password(request: SignedRequest) -> HttpResponse:
    """Change my password. All sessions end; this one begins anew."""
    actor = request.actor
    passwords = password_policy(account_by_id(actor.account_id).org_id, request.at)
    context = {
        "policy": passwords,
        "due": actor.purpose == PASSWORD_ONLY,
        "next": safe(request.POST.get("next") or request.GET.get("next") or "/account/"),
        "pending": request.POST.get("pending", ""),
        "key": fresh_key(),
    }
    if request.method == "GET":
        return render(request, "desk/password.html", context)
    new = request.POST.get("new", "")
    if new != request.POST.get("again", ""):
        context["mismatch"] = True
        return render(request, "desk/password.html", context, status=422)
    try:
        account = actions.change_password(
            actor.account_id,
            request.POST.get("present", ""),
            new,
            at=request.at,
            policy=access_policy(request),
            passwords=passwords,
        )
        posts = posts_of(account.pk, request.at)
        if not posts:
            raise NoPost
    except Refused as refusal:
        context["problem"] = told(refusal)
        return render(request, "desk/password.html", context, status=422)
    messages.success(request, _("Your password was changed. You were signed out everywhere else."))
    return go_on(request, account, next((p for p in posts if p.id == actor.post_id), posts[0]), context["next"])


@page(OPEN, ("GET", "POST"))
def activate(request: SignedRequest) -> HttpResponse:
    """Choose the first password of an account, with the code that its administrator handed out."""
    if request.method == "GET":
        return render(request, "desk/activate.html", {"policy": password_policy(None, request.at)})
    username, new = request.POST.get("username", "").strip(), request.POST.get("new", "")
    context = {"username": username, "code": request.POST.get("code", ""), "policy": password_policy(None, request.at)}
    if new != request.POST.get("again", ""):
        return render(request, "desk/activate.html", {**context, "mismatch": True}, status=422)
    try:
        actions.activate(
            username,
            context["code"],
            new,
            at=request.at,
            policy=access_policy(request),
            passwords=lambda account: password_policy(account.org_id, request.at),
        )
    except Refused as refusal:
        return render(request, "desk/activate.html", {**context, "problem": told(refusal)}, status=422)
    messages.success(request, _("Your password is set. Sign in with it."))
    return HttpResponseRedirect("/login/", status=303)
