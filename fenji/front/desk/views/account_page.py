"""One account: its state, its posts, and what its administrator may do with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.front.desk import queries
from fenji.front.desk.forms import CoverForm, EndForm, PostForm, ReasonForm
from fenji.front.desk.views.accounts import Realm, found_account, say, to_slip
from fenji.front.desk.views.session import password_policy
from fenji.ground.access import actions
from fenji.ground.access import queries as access
from fenji.ground.access.models import Account
from fenji.ground.access.rules import CODE_EXPIRED, DEACTIVATED, INVITED, LOCKED, STAFF_KIND
from fenji.ground.common.edge import SignedRequest, fresh_key, posted_version, refusal_text
from fenji.ground.common.refusal import Refused, Unknown
from fenji.ground.network.actions import appoint, end_post
from fenji.ground.network.models import Post
from fenji.ground.network.queries import names_of


def show(request: SignedRequest, realm: Realm, account_id: UUID) -> HttpResponse:
    """One account within my reach."""
    return _page(request, realm, found_account(realm, account_id, request.actor))


def _page(request: SignedRequest, realm: Realm, account: Account, status: int = 200, tried: str = "", **more: Any) -> HttpResponse:
    actor, at = request.actor, request.at
    policy = password_policy(account.org_id, at)
    held = queries.posts_with_covers(account.pk, at, past=True)
    context = {
        "realm": realm,
        "account": account,
        "home": names_of([account.org_id]).get(account.org_id, "") if account.org_id else "",
        "state": access.state_of(account, at, policy),
        "posts": [{"held": h, "mine": bool(actor.reach) and h.post.path.startswith(actor.reach)} for h in held],
        "covers": realm.kind == STAFF_KIND,
        "is_me": account.pk == actor.account_id,
        "waiting": (INVITED, CODE_EXPIRED),
        "locked": LOCKED,
        "off": DEACTIVATED,
        "policy": policy,
        "appoint_form": PostForm(by=actor, roles=realm.roles, at=at, initial={"org": _home(account)}),
        "tried": tried,
        "key": fresh_key(),
        **more,
    }
    return render(request, "desk/account_page.html", context, status=status)


def _home(account: Account) -> str:
    return f"{account.org_id} {names_of([account.org_id]).get(account.org_id, '')}" if account.org_id else ""


def act(request: SignedRequest, realm: Realm, account_id: UUID, action: str) -> HttpResponse:
    """One action on an account within my reach."""
    work = _ACTIONS.get(action)
    account = found_account(realm, account_id, request.actor)
    if work is None or account.pk == request.actor.account_id:
        raise Unknown(what="action")
    try:
        return work(request, realm, account)
    except _Invalid as invalid:
        return _page(request, realm, account, 422, action, **{invalid.name: invalid.form, "tried_post": invalid.post})
    except Refused as refusal:
        # what stands now, not what this request changed before it was refused
        fresh = found_account(realm, account_id, request.actor)
        return _page(request, realm, fresh, 409, action, problem=refusal_text(refusal))


class _Invalid(Exception):
    """A form with something wrong in it. `name`: what the page calls it."""

    def __init__(self, name: str, form: forms.Form) -> None:
        super().__init__(name)
        self.name = name
        self.form = form
        self.post = form.data.get("post", "")


def _checked(name: str, form: forms.Form) -> dict[str, Any]:
    if not form.is_valid():
        raise _Invalid(name, form)
    return form.cleaned_data


def _reset(request: SignedRequest, realm: Realm, account: Account) -> HttpResponse:
    policy = password_policy(account.org_id, request.at)
    code = actions.reset(account.pk, posted_version(request), by=request.actor, at=request.at, policy=policy)
    return to_slip(request, realm, account, code, names_of([account.org_id or 0]).get(account.org_id or 0, ""))


def _unlock(request: SignedRequest, realm: Realm, account: Account) -> HttpResponse:
    actions.unlock(account.pk, posted_version(request), by=request.actor, at=request.at)
    return say(request, _("The lock was lifted."), account, realm)


def _deactivate(request: SignedRequest, realm: Realm, account: Account) -> HttpResponse:
    reason = _checked("reason_form", ReasonForm(request.POST))["reason"]
    actions.deactivate(account.pk, posted_version(request), reason, by=request.actor, at=request.at)
    return say(request, _("The account was switched off; its sessions have ended."), account, realm)


def _reactivate(request: SignedRequest, realm: Realm, account: Account) -> HttpResponse:
    actions.reactivate(account.pk, posted_version(request), by=request.actor, at=request.at)
    return say(request, _("The account was switched on again."), account, realm)


def _appoint(request: SignedRequest, realm: Realm, account: Account) -> HttpResponse:
    form = PostForm(request.POST, by=request.actor, roles=realm.roles, at=request.at)
    data = _checked("appoint_form", form)
    appoint(account.pk, data["org"].id, data["role"], *form.span, by=request.actor, at=request.at)
    return say(request, _("The post was given."), account, realm)


def _cover(request: SignedRequest, realm: Realm, account: Account) -> HttpResponse:
    form = CoverForm(request.POST, by=request.actor, at=request.at)
    data = _checked("cover_form", form)
    post = Post.objects.filter(pk=data["post"], account_id=account.pk).first()
    if post is None:
        raise Unknown(what="post")
    start, end = form.span
    appoint(data["stand_in"].pk, post.org_id, post.role, start, end, post.id, by=request.actor, at=request.at)
    return say(request, _("%(name)s stands in; it ends by itself.") % {"name": data["stand_in"].name}, account, realm)


def _end(request: SignedRequest, realm: Realm, account: Account) -> HttpResponse:
    form = EndForm(request.POST, at=request.at)
    data = _checked("end_form", form)
    if not Post.objects.filter(pk=data["post"], account_id=account.pk).exists():
        raise Unknown(what="post")
    _begin, end = form.span
    end_post(data["post"], posted_version(request), data["reason"], by=request.actor, at=request.at, end=end)
    return say(request, _("The end of the post was set."), account, realm)


_ACTIONS: dict[str, Callable[[SignedRequest, Realm, Account], HttpResponse]] = {
    "reset": _reset,
    "unlock": _unlock,
    "deactivate": _deactivate,
    "reactivate": _reactivate,
    "appoint": _appoint,
    "cover": _cover,
    "end": _end,
}
