"""One referral: how it stands, and the actions open to the person who looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.care.referral import actions, queries, rules, texts
from fenji.care.referral.forms import ActionForm
from fenji.care.referral.models import Case
from fenji.care.referral.views.shared import receiver_choices
from fenji.ground.access.queries import glass_on
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.identity import age_on
from fenji.ground.common.refusal import Refused, Unknown
from fenji.ground.network.queries import place_of
from fenji.ground.tasks.queries import open_step_of


@page("referral.read")
def case_page(request: SignedRequest, number: str) -> HttpResponse:
    """One referral: who holds it, the story, the timeline, and the actions open to this person."""
    return _show_case(request, queries.case(number))


def _my_actions(request: SignedRequest, case: Case) -> tuple[str, ...]:
    try:
        party = queries.party_of(case, request.actor, request.at)
    except rules.OwnReview:
        return ()
    if party is None:
        return ()
    found = rules.open_actions(queries.view_of(case), party)
    left = set(found) - {a for a, state in _ON_THE_FORM if state == case.state}
    if "ask_again" in left:
        policy = queries.grounds(place_of(case.origin_id), local_day(request.at)).policy
        left -= set() if rules.may_ask_again(case.review_no, policy) else {"ask_again"}
    return tuple(a for a in found if a in left)


_ON_THE_FORM = {("submit", "draft"), ("offer", "draft"), ("submit", "returned"), ("offer", "returned")}


def _show_case(request: SignedRequest, case: Case, problem: Any = None, typed: Any = None, status: int = 200) -> HttpResponse:
    request.reads.append(("referral.page", case.number))
    glass = glass_on(request.actor, case.resident_id, request.at)
    if glass is not None:
        request.reads.append(("glass", case.number))
    open_actions = _my_actions(request, case)
    origin = place_of(case.origin_id)
    choosing = "redirect" in open_actions or "offer" in open_actions
    at_line = rules.MAIN_LINE.index(case.state) if case.state in rules.MAIN_LINE else -1
    context = {
        "case": case,
        "age": age_on(case.patient_birth_date, local_day(request.at)),
        "phone": queries.phone_of(case),
        "events": [(e, texts.EVENTS[e.action]) for e in queries.timeline(case)],
        "step": open_step_of(case.number),
        "line": [(s, texts.STATES[s], i < at_line, i == at_line) for i, s in enumerate(rules.MAIN_LINE)],
        "state_text": texts.STATES[case.state],
        "reasons": [(r, texts.REASONS[r["code"]]) for r in case.reasons],
        "route": [(r, texts.ROUTES[r["code"]]) for r in case.review_route],
        "decisions": queries.decisions_of(case),
        "outcome_text": texts.OUTCOMES[case.verdict],
        "actions": open_actions,
        "editable": case.state in (rules.DRAFT, rules.RETURNED)
        and case.origin_id == request.actor.org_id
        and request.actor.may("referral.write"),
        "others": [c for c in receiver_choices(origin) if c[0] != case.receiver_id] if choosing else [],
        "problem": problem,
        "glass": glass,
        "typed": typed or {},
        "at": request.at,
        "key": fresh_key(),
    }
    return render(request, "referral/case.html", context, status=status)


Doer = Callable[[str, dict[str, Any], dict[str, Any]], Case]


_DOERS: dict[str, Doer] = {
    "approve": lambda n, d, k: actions.approve(n, note=d["note"], **k),
    "complete": lambda n, d, k: actions.complete(n, note=d["note"], **k),
    "treat_locally": lambda n, d, k: actions.treat_locally(n, note=d["note"], **k),
    "take": lambda n, d, k: actions.take(n, note=d["note"], **k),
    "treat_here": lambda n, d, k: actions.treat_here(n, d["disposition"], note=d["note"], **k),
    "ask_again": lambda n, d, k: actions.ask_again(n, note=d["note"], **k),
    "accept": lambda n, d, k: actions.accept(n, note=d["note"], **k),
    "decline": lambda n, d, k: actions.decline(n, note=d["note"], **k),
    "redirect": lambda n, d, k: actions.redirect(n, d["receiver"] or 0, note=d["note"], **k),
    "arrive": lambda n, d, k: actions.arrive(n, note=d["note"], **k),
    "miss": lambda n, d, k: actions.miss(n, note=d["note"], **k),
    "answer": lambda n, d, k: actions.answer(n, d["findings"], d["advice"], **k),
    "acknowledge": lambda n, d, k: actions.acknowledge(n, note=d["note"], **k),
    "offer": lambda n, d, k: actions.offer_again(n, d["receiver"] or 0, note=d["note"], **k),
    "withdraw": lambda n, d, k: actions.end(n, "withdraw", note=d["note"], **k),
    "close": lambda n, d, k: actions.end(n, "close", note=d["note"], **k),
    "chose_elsewhere": lambda n, d, k: actions.end(n, "chose_elsewhere", note=d["note"], **k),
    "died": lambda n, d, k: actions.end(n, "died", note=d["note"], **k),
}


@page("referral.read", ("POST",))
def act(request: SignedRequest, number: str, action: str) -> HttpResponse:
    """Carry out one action. A refusal shows the present state with what was typed still in the field."""
    form = ActionForm(request.POST)
    doer = _DOERS.get(action)
    if doer is None:
        raise Unknown(what="action")
    if not form.is_valid():
        too_long = (_("One of the fields is too long or not a number."), _("Shorten it and send again."))
        return _show_case(request, queries.case(number), too_long, request.POST, 422)
    common = {"version": posted_version(request), "by": request.actor, "at": request.at}
    try:
        doer(number, form.cleaned_data, common)
    except Unknown:
        raise
    except Refused as refusal:
        return _show_case(request, queries.case(number), refusal_text(refusal), request.POST, 409)
    messages.success(request, _("Done: %(action)s.") % {"action": texts.ACTIONS[action]})
    return HttpResponseRedirect(f"/referrals/{number}/", status=303)
