"""Machine accounts: made by the security administrator, each for one institution, with keys that are shown once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.front.desk import slips
from fenji.front.desk.forms import KeyForm, MachineForm, ReasonForm, evening_of
from fenji.ground.access import actions
from fenji.ground.access import queries as access
from fenji.ground.access.models import Account
from fenji.ground.access.rules import MACHINE, MACHINE_KIND, Actor, BadField, MachinePolicy, Scope, new_account
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import SignedRequest, absolute, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.refusal import Refused, Unknown
from fenji.ground.network.actions import appoint
from fenji.ground.network.queries import names_of, place_of, posts_of, seat_of
from fenji.ground.policy.queries import resolve

SIZE = 50


def _policy(account: Account, request: SignedRequest) -> MachinePolicy:
    return resolve(MachinePolicy, place_of(account.org_id or 0).policy_path, local_day(request.at))


def _found(account_id: UUID, by: Actor) -> Account:
    return access.account(account_id, by, (MACHINE_KIND,))


@page("machine.write")
def machines(request: SignedRequest) -> HttpResponse:
    """Machine accounts within my reach, with the keys that are good."""
    typed = request.GET.get("from", "")
    start = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 6 else 0
    rows = list(access.administered(request.actor, (MACHINE_KIND,))[start : start + SIZE + 1])
    homes = names_of([a.org_id for a in rows if a.org_id])
    lines = [
        {"account": a, "home": homes.get(a.org_id or 0, ""), "keys": access.sessions_of(a.pk, request.at)} for a in rows[:SIZE]
    ]
    context = {
        "lines": lines,
        "start": start,
        "before": max(start - SIZE, 0) if start else None,
        "more": start + SIZE if len(rows) > SIZE else None,
    }
    return render(request, "desk/machines.html", context)


@page("machine.write", ("GET", "POST"))
def new(request: SignedRequest) -> HttpResponse:
    """Make a machine account; its page then makes keys."""
    actor = request.actor
    form = MachineForm(request.POST if request.method == "POST" else None, by=actor)
    problem, status = None, 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            org = form.cleaned_data["org"]
            try:
                wanted = new_account(form.cleaned_data["name"], actions.machine_username(), MACHINE_KIND, org.id, org.path)
                (account,) = actions.create_accounts([wanted], by=actor, at=request.at)
                appoint(account.pk, org.id, MACHINE, request.at, by=actor, at=request.at)
                return HttpResponseRedirect(f"/machines/{account.pk}/", status=303)
            except BadField:
                form.add_error("name", _("A name has at most 60 characters, and none that cannot be seen."))
            except Refused as refusal:
                status, problem = 409, refusal_text(refusal)
    return render(request, "desk/machine_new.html", {"form": form, "problem": problem, "key": fresh_key()}, status=status)


@page("machine.write")
def machine(request: SignedRequest, account_id: UUID) -> HttpResponse:
    """One machine account: its keys, and whether it is switched on."""
    return _page(request, _found(account_id, request.actor))


def _page(request: SignedRequest, account: Account, status: int = 200, **more: Any) -> HttpResponse:
    context = {
        "account": account,
        "home": names_of([account.org_id or 0]).get(account.org_id or 0, ""),
        "keys": access.sessions_of(account.pk, request.at),
        "policy": _policy(account, request),
        "form": KeyForm(),
        "key": fresh_key(),
        **more,
    }
    return render(request, "desk/machine.html", context, status=status)


@page("machine.write", ("POST",))
def act(request: SignedRequest, account_id: UUID, action: str) -> HttpResponse:
    """Make or revoke a key, switch the account off or on."""
    account, by, at = _found(account_id, request.actor), request.actor, request.at
    try:
        if action == "key":
            return _issue(request, account)
        if action == "revoke":
            actions.revoke_key(account, request.POST.get("session", ""), by=by, at=at)
            messages.success(request, _("The key is dead."))
        elif action == "deactivate":
            form = ReasonForm(request.POST)
            if not form.is_valid():
                return _page(request, account, 422, reason_form=form)
            actions.deactivate(account.pk, posted_version(request), form.cleaned_data["reason"], by=by, at=at)
        elif action == "reactivate":
            # keys that were made before stay dead, as sessions of people do
            actions.reactivate(account.pk, posted_version(request), by=by, at=at)
        else:
            raise Unknown(what="action")
    except Refused as refusal:
        return _page(request, _found(account_id, by), 409, problem=refusal_text(refusal))
    return HttpResponseRedirect(f"/machines/{account.pk}/", status=303)


def _issue(request: SignedRequest, account: Account) -> HttpResponse:
    form = KeyForm(request.POST)
    if not form.is_valid():
        return _page(request, account, 422, form=form)
    post = next((p for p in posts_of(account.pk, request.at) if p.role == MACHINE), None)
    if post is None or not account.active:
        raise Unknown(what="post")
    # a machine reaches no row about a patient; what it administers is its own institution
    seat = replace(seat_of(post), scope=Scope((), "", "", post.org.path))
    until = evening_of(form.cleaned_data["until"])
    key = actions.issue_key(account, seat, until=until, policy=_policy(account, request), by=request.actor, at=request.at)
    answer = HttpResponseRedirect("/machines/slip/", status=303)
    return slips.hand_over(answer, request.actor, machine=str(account.pk), name=account.name, secret=key)


@page("machine.write")
def slip(request: SignedRequest) -> HttpResponse:
    """A new key, shown once."""
    found = slips.take(request)
    return slips.shown(render(request, "desk/machine_slip.html", {**found, "address": absolute(request, "/api/v1/")}))
