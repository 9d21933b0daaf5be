"""One referral: how it stands, and the actions open to the person who looks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.care.booking.queries import bookings_of, waiting_of
from fenji.care.booking.rules import UNSETTLED, WAITING
from fenji.care.referral import actions, queries, rules, texts
from fenji.care.referral.forms import ActionForm, LeaveForm
from fenji.care.referral.models import Case, Transfer
from fenji.care.referral.views.beds import bed_beside
from fenji.care.referral.views.down import beside, branch_choices
from fenji.care.referral.views.shared import receiver_choices
from fenji.care.registry.texts import proxy_text
from fenji.ground.access.queries import glass_on
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.identity import age_on
from fenji.ground.common.refusal import Refused, Unknown
from fenji.ground.network.queries import place
from fenji.ground.tasks import actions as tasks
from fenji.ground.tasks.models import WorkItem
from fenji.ground.tasks.queries import open_step_of


@page("referral.read")
def case_page(request: SignedRequest, number: str) -> HttpResponse:
    """One referral: who holds it, the story, the timeline, and the actions open to this person. Opening it is the receipt of
    notices about it."""
    return _show_case(request, queries.case_shown(number))


def _my_actions(request: SignedRequest, case: Case) -> tuple[str, ...]:
    try:
        party = queries.party_of(case, request.actor, request.at)
    except rules.OwnReview:
        return ()
    if party is None:
        return ()
    found = rules.open_actions(queries.view_of(case), party)
    left = set(found) - {a for a, state in _ON_THE_FORM if (state, rules.UP) == (case.state, case.direction)}
    if "ask_again" in left:
        policy = queries.grounds(place(case.origin), local_day(request.at)).policy
        left -= set() if rules.may_ask_again(case.review_no, policy) else {"ask_again"}
    return tuple(a for a in found if a in left)


_ON_THE_FORM = {("submit", "draft"), ("offer", "draft"), ("submit", "returned"), ("offer", "returned")}
_FIRST = ("treat_here", "take", "approve", "accept", "arrive", "answer", "acknowledge", "offer")
"""What a person came to the page for; everything else stands folded up below."""


def _ordered(case: Case, able: tuple[str, ...], left: Transfer | None, lacking: bool) -> tuple[list[str], list[str]]:
    """The actions to be shown open, and those folded up. A critical patient who has not left yet leaves first. `lacking`: what goes
    down with the patient is not complete, so that nothing can be offered yet."""
    first = [a for a in able if a in _FIRST and (a, case.state) != ("arrive", rules.OFFERED) and not (a == "offer" and lacking)]
    if "leave" in able and left is None and not first:
        first = ["leave"]
    return first, [a for a in able if a not in first]


def _may_edit(request: SignedRequest, case: Case) -> bool:
    actor = request.actor
    if case.origin_id != actor.org_id or not actor.may("referral.draft"):
        return False
    if case.direction == rules.DOWN:
        return case.state in rules.DOWN_UNSENT and actor.may("referral.write")
    own_entry = case.state == rules.DRAFT and case.entered_by_id == actor.account_id
    return own_entry or (case.state in (rules.DRAFT, rules.RETURNED) and actor.may("referral.write"))


def _told(request: SignedRequest, case: Case) -> dict[str, Any]:
    """What stands beside the story: the clock, consent, the transfer check, cases that belong together, the final diagnosis."""
    consent, left = queries.consent(case), queries.transfer(case) if case.critical else None
    running = queries.clock_of(case)
    receiver = queries.grounds(place(case.receiver), local_day(request.at)).policy
    before, after = queries.belonging(case)
    return {
        "clock": running,
        "clock_minutes": running.minutes(request.at) if running else None,
        "clock_limit": receiver.accept_emergency_within.minutes,
        "green_text": texts.GREEN.get(case.green, ""),
        "consent": consent,
        "consent_who": texts.CONSENTERS[consent.who] if consent else "",
        "consent_how": texts.WAYS[consent.how] if consent else "",
        "left": left,
        "left_texts": {
            "consciousness": texts.CONSCIOUSNESS[left.consciousness],
            "airway": texts.AIRWAY[left.airway],
            "oxygen": texts.OXYGEN[left.oxygen],
            "escort": texts.ESCORTS[left.escort],
            "vehicle": texts.VEHICLES[left.vehicle],
        }
        if left
        else {},
        "before": before,
        "after": after,
        "concordance_text": texts.CONCORDANCES.get(case.concordance, ""),
    }


def _show_case(
    request: SignedRequest,
    case: Case,
    problem: Any = None,
    typed: Any = None,
    status: int = 200,
    leaving: LeaveForm | None = None,
) -> HttpResponse:
    request.reads.append(("referral.page", case.number))
    glass = glass_on(request.actor, case.resident_id, request.at)
    if glass is not None:
        request.reads.append(("glass", case.number))
    open_actions = _my_actions(request, case)
    told, down = _told(request, case), beside(request, case)
    first, folded = _ordered(case, open_actions, told["left"], bool(down.get("missing")))
    # a draft is offered to the one it names; another is chosen on its form
    choosing = "redirect" in open_actions or ("offer" in open_actions and case.state != rules.DRAFT)
    line = rules.LINES[case.direction]
    at_line = line.index(case.state) if case.state in line else -1
    context = {
        "case": case,
        "age": age_on(case.patient_birth_date, local_day(request.at)),
        "phone": queries.phone_of(case),
        "events": [(e, texts.EVENTS[e.action]) for e in queries.timeline(case)],
        "step": _step(request, case),
        "line": [(s, texts.STATES[s], i < at_line, i == at_line) for i, s in enumerate(line)],
        "state_text": texts.STATES[case.state],
        "reasons": [(r, texts.REASONS[r["code"]]) for r in case.reasons],
        "route": [(r, texts.ROUTES[r["code"]]) for r in case.review_route],
        "decisions": queries.decisions_of(case),
        "outcome_text": texts.OUTCOMES[case.verdict],
        "actions": open_actions,
        "bookings": [b for b in bookings_of(case.number, at=request.at) if b.state in UNSETTLED],
        "waiting": [w for w in waiting_of(case.number) if w.state == WAITING],
        "first": first,
        "folded": folded,
        "leaving": leaving or (LeaveForm(initial={"left_at": request.at}) if "leave" in open_actions else None),
        "answering": ActionForm(),
        "editable": _may_edit(request, case),
        **told,
        "may_file": case.ended_at is None and case.origin_id == request.actor.org_id and request.actor.may("referral.write"),
        "others": _others(request, case) if choosing else [],
        "own": _own_page(request, case),
        "acting": [(p, proxy_text(p.relation, guardian=p.guardian)) for p in queries.acting(case)],
        "problem": problem,
        "glass": glass,
        "typed": typed or {},
        "at": request.at,
        "key": fresh_key(),
        **down,
        **bed_beside(request, case),
    }
    return render(request, "referral/case.html", context, status=status)


def _others(request: SignedRequest, case: Case) -> list[tuple[int, str]]:
    """Where a case may be sent instead of its present receiver."""
    if case.direction == rules.DOWN:
        return branch_choices(case, request)
    return [c for c in receiver_choices(place(case.origin)) if c[0] != case.receiver_id]


def _step(request: SignedRequest, case: Case) -> WorkItem | None:
    """The open step of a case. Whoever opened the page has seen it; a form that was refused is no opening."""
    if request.method == "GET":
        return tasks.saw(case.number, by=request.actor, at=request.at)
    return open_step_of(case.number)


def _own_page(request: SignedRequest, case: Case) -> dict[str, Any] | None:
    """What the sender's people see of the resident's own page; None for others, and before there can be one."""
    if case.origin_id != request.actor.org_id:
        return None
    if case.state in (rules.DRAFT, rules.IN_REVIEW, rules.RETURNED, rules.LOCAL):
        return None
    link = queries.link_of(case)
    locked = link is not None and link.tries >= link.most_tries
    over = link is not None and case.ended_at is not None and case.ended_at + timedelta(days=link.days_after) <= request.at
    is_open = link is not None and not locked and not over
    address = (settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")) + queries.address_of(link) if is_open else ""
    may = request.actor.may("referral.write") and not over
    return {"link": link, "locked": locked, "open": is_open, "address": address, "may": may}


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
    "arrive": lambda n, d, k: actions.arrive(n, note=d["note"], door_at=d["door_at"], **k),
    "miss": lambda n, d, k: actions.miss(n, note=d["note"], **k),
    "answer": lambda n, d, k: actions.answer(n, d["findings"], d["advice"], d["final_said"], **k),
    "acknowledge": lambda n, d, k: actions.acknowledge(n, note=d["note"], **k),
    "offer": lambda n, d, k: actions.offer_again(n, d["receiver"] or 0, note=d["note"], wish=d["booking"], **k),
    "withdraw": lambda n, d, k: actions.end(n, "withdraw", note=d["note"], **k),
    "close": lambda n, d, k: actions.end(n, "close", note=d["note"], **k),
    "chose_elsewhere": lambda n, d, k: actions.end(n, "chose_elsewhere", note=d["note"], **k),
    "died": lambda n, d, k: actions.end(n, "died", note=d["note"], **k),
    "return_up": lambda n, d, k: actions.return_up(n, d["refusal"], note=d["note"], **k),
    "refuse": lambda n, d, k: actions.refuse(n, d["refusal"], note=d["note"], **k),
}


@page("referral.read", ("POST",))
def act(request: SignedRequest, number: str, action: str) -> HttpResponse:
    """Carry out one action. A refusal shows the present state with what was typed still in the field."""
    if action == "leave":
        return _leave(request, number)
    form = ActionForm(request.POST)
    doer = _DOERS.get(action)
    if doer is None:
        raise Unknown(what="action")
    if not form.is_valid():
        return _show_case(request, queries.case(number), _wrong(form), request.POST, 422)
    common = {"version": posted_version(request), "by": request.actor, "at": request.at}
    said = {"final_said": form.final_diagnosis(), "refusal": form.refusal()}
    try:
        doer(number, {**form.cleaned_data, **said}, common)
    except Unknown:
        raise
    except Refused as refusal:
        return _show_case(request, queries.case(number), refusal_text(refusal), request.POST, 409)
    return _done(request, number, action)


def _wrong(form: ActionForm) -> tuple[str, str]:
    """What is wrong with a form whose fields stand each on its own: the first that says more than a length."""
    for name in ("final", "door_at"):
        if name in form.errors:
            return str(form[name].label), " ".join(form.errors[name])
    return _("One of the fields is too long or not a number."), _("Shorten it and send again.")


def _done(request: SignedRequest, number: str, action: str) -> HttpResponse:
    messages.success(request, _("Done: %(action)s.") % {"action": texts.ACTIONS[action]})
    return HttpResponseRedirect(f"/referrals/{number}/", status=303)


def _leave(request: SignedRequest, number: str) -> HttpResponse:
    """A critical patient leaves: the check with its own form, marked where it cannot be right."""
    form = LeaveForm(request.POST)
    case = queries.case(number)
    if not form.is_valid():
        wrong = (_("The transfer check is not complete."), _("Look at the fields that are marked."))
        return _show_case(request, case, wrong, request.POST, 422, form)
    try:
        actions.leave(number, form.check(), version=posted_version(request), by=request.actor, at=request.at)
    except Unknown:
        raise
    except Refused as refusal:
        if isinstance(refusal, rules.ImplausibleCheck):
            form.mark(str(refusal.detail["fields"]).split(", "))
        return _show_case(request, queries.case(number), refusal_text(refusal), request.POST, 409, form)
    return _done(request, number, "leave")
