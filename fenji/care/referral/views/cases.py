"""Writing, judging, showing and moving a referral."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.care.catalogue.queries import diagnosis as diagnosis_of
from fenji.care.catalogue.queries import group_of
from fenji.care.referral import actions, queries, rules, texts
from fenji.care.referral.forms import ActionForm, ReferralForm
from fenji.care.referral.models import Case
from fenji.care.visits.models import Visit
from fenji.care.visits.queries import visit as visit_of
from fenji.ground.access.queries import glass_on
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.identity import age_on
from fenji.ground.common.refusal import NotPermitted, Refused, Unknown
from fenji.ground.common.text import half_width, mask_name
from fenji.ground.network.queries import Place, higher_care, place_of
from fenji.ground.tasks.queries import open_step_of

SIZES = (20, 50, 100)
EXPORT_LIMIT = 5000


def _judged(request: SignedRequest, visit: Visit, data: dict[str, Any]) -> dict[str, Any]:
    """The receivers, each with its verdict, and the verdict on the chosen one."""
    origin = place_of(visit.org_id)
    code = str(data.get("diagnosis") or visit.diagnosis_code).split(" ")[0]
    try:
        group = group_of(diagnosis_of(code))
    except Unknown:
        group = visit.disease_group
    override = bool(half_width(str(data.get("override_reason") or "")))
    found = queries.candidates(
        origin, group=group, emergency=bool(data.get("emergency")), override=override, on=local_day(request.at)
    )
    chosen = next((c for c in found if str(c.place.id) == str(data.get("receiver", ""))), found[0] if found else None)
    decision = chosen.decision if chosen else None
    return {
        "candidates": found,
        "chosen": chosen,
        "decision": decision,
        "outcome_text": texts.OUTCOMES[decision.outcome] if decision else "",
        "reasons": [(r, texts.REASONS[r.code]) for r in decision.reasons] if decision else [],
        "reason_asked": decision is not None and rules.reason_asked(r.code for r in decision.reasons),
    }


def _higher(origin: Place) -> list[tuple[int, str]]:
    """Institutions above a place, as choices."""
    return [(o.id, o.name) for o in higher_care(origin)]


def _show_form(
    request: SignedRequest, visit: Visit, form: ReferralForm, case: Case | None, problem: Any = None, status: int = 200
) -> HttpResponse:
    request.reads.append(("referral.form", case.number if case else str(visit.id)))
    data = {name: form[name].value() for name in form.fields}
    context = {
        "form": form,
        "visit": visit,
        "case": case,
        "resident": visit.resident,
        "age": age_on(visit.resident.birth_date, local_day(request.at)),
        "problem": problem,
        "key": fresh_key(),
        **_judged(request, visit, data),
    }
    return render(request, "referral/new.html", context, status=status)


def _own_visit(request: SignedRequest, visit_id: UUID) -> Visit:
    """A visit of the actor's institution: one that is seen from elsewhere begins no referral. Raises Unknown, NotPermitted."""
    found = visit_of(visit_id)
    if found.org_id != request.actor.org_id:
        raise NotPermitted
    return found


@page("referral.write", ("GET", "POST"))
def new(request: SignedRequest, visit_id: UUID) -> HttpResponse:
    """An up-referral from a visit: written, judged and sent on one page."""
    visit = _own_visit(request, visit_id)
    if request.method == "GET":
        first = {
            "diagnosis": f"{visit.diagnosis_code} {visit.diagnosis_name}",
            "emergency": visit.emergency,
            "summary": visit.complaint,
        }
        return _show_form(request, visit, ReferralForm(initial=first, receivers=_higher(place_of(visit.org_id))), None)
    form = ReferralForm(request.POST, receivers=_higher(place_of(visit.org_id)))
    if not form.is_valid():
        return _show_form(request, visit, form, None, status=422)
    try:
        with transaction.atomic():
            case = actions.draft(visit, form.plan(), by=request.actor, at=request.at)
            return _sent_or_kept(request, case)
    except Refused as refusal:
        return _show_form(request, visit, form, None, refusal_text(refusal), status=409)


@page("referral.write", ("GET", "POST"))
def edit(request: SignedRequest, number: str) -> HttpResponse:
    """Change a draft or a returned referral, and send it again."""
    case = queries.case(number)
    if case.origin_id != request.actor.org_id:
        raise NotPermitted
    visit = case.visit
    if request.method == "GET":
        first = {
            "diagnosis": f"{case.diagnosis_code} {case.diagnosis_name}",
            "emergency": case.emergency,
            "summary": case.summary,
            "receiver": case.receiver_id,
            "override_reason": case.override_reason,
        }
        return _show_form(request, visit, ReferralForm(initial=first, receivers=_higher(place_of(visit.org_id))), case)
    form = ReferralForm(request.POST, receivers=_higher(place_of(visit.org_id)))
    if not form.is_valid():
        return _show_form(request, visit, form, case, status=422)
    try:
        with transaction.atomic():
            changed = actions.revise(number, form.plan(), version=posted_version(request), by=request.actor, at=request.at)
            return _sent_or_kept(request, changed)
    except Refused as refusal:
        return _show_form(request, visit, form, queries.case(number), refusal_text(refusal), status=409)


def _sent_or_kept(request: SignedRequest, case: Case) -> HttpResponse:
    if "keep" in request.POST:
        messages.success(request, _("Kept as a draft. It waits on your desk."))
    else:
        sent = actions.send_just_written(case, by=request.actor, at=request.at)
        kept = _("Sent to your reviewer.") if sent.state == rules.IN_REVIEW else _("Offered to the receiver.")
        messages.success(request, kept)
    return HttpResponseRedirect(f"/referrals/{case.number}/", status=303)


@page("referral.write")
def verdict(request: SignedRequest, visit_id: UUID) -> HttpResponse:
    """The verdict card and the receivers for what the form holds now."""
    visit = _own_visit(request, visit_id)
    return render(request, "referral/_verdict.html", _judged(request, visit, request.GET.dict()))


@page("referral.read")
def case_page(request: SignedRequest, number: str) -> HttpResponse:
    """One referral: who holds it, the story, the timeline, and the actions open to this person."""
    return _show_case(request, queries.case(number))


def _my_actions(request: SignedRequest, case: Case) -> tuple[str, ...]:
    view = queries.view_of(case)
    actor = request.actor
    try:
        party = rules.party_of(view, actor.account_id, actor.role, actor.org_id)
    except rules.OwnReview:
        return ()
    if party is None:
        return ()
    return tuple(a for a in rules.open_actions(view, party) if (a, case.state) not in _ON_THE_FORM)


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
        "outcome_text": texts.OUTCOMES[case.verdict],
        "actions": open_actions,
        "editable": case.state in (rules.DRAFT, rules.RETURNED)
        and case.origin_id == request.actor.org_id
        and request.actor.may("referral.write"),
        "others": [c for c in _higher(origin) if c[0] != case.receiver_id] if choosing else [],
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
    "return": lambda n, d, k: actions.send_back(n, note=d["note"], **k),
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


@page("referral.read")
def case_list(request: SignedRequest) -> HttpResponse:
    """All referrals of this institution, newest first, by pages that follow the number."""
    size = next((s for s in SIZES if str(s) == request.GET.get("size")), SIZES[0])
    state = request.GET.get("state", "")
    before = request.GET.get("before", "")
    found = _filtered(request, state)
    if before:
        found = found.filter(number__lt=before)
    rows = list(found[: size + 1])
    context = {
        "rows": [
            (c, texts.STATES[c.state], mask_name(c.patient_name), age_on(c.patient_birth_date, local_day(request.at)))
            for c in rows[:size]
        ],
        "states": texts.STATES.items(),
        "state": state,
        "size": size,
        "sizes": SIZES,
        "next": rows[size - 1].number if len(rows) > size else None,
        "later": bool(before),
    }
    return render(request, "referral/list.html", context)


def _filtered(request: SignedRequest, state: str) -> Any:
    found = queries.cases_of_institution(request.actor)
    return found.filter(state=state) if state in rules.STATES else found


@page("referral.export")
def list_workbook(request: SignedRequest) -> HttpResponse:
    """The list as a spreadsheet, names masked. More rows than the limit: a page that says so, never a cut list."""
    rows = list(_filtered(request, request.GET.get("state", ""))[: EXPORT_LIMIT + 1])
    if len(rows) > EXPORT_LIMIT:
        return render(request, "desk/too_many.html", {"limit": EXPORT_LIMIT, "back": "/referrals/"}, status=422)
    request.reads.append(("referral.export", f"{len(rows)} rows"))
    columns = [
        Column(_("Case number"), lambda c: c.number),
        Column(_("State"), lambda c: str(texts.STATES[c.state])),
        Column(_("Patient"), lambda c: mask_name(c.patient_name)),
        Column(_("Diagnosis code"), lambda c: c.diagnosis_code),
        Column(_("Diagnosis"), lambda c: c.diagnosis_name),
        Column(_("From"), lambda c: c.origin.name),
        Column(_("To"), lambda c: c.receiver.name),
        Column(_("Written"), lambda c: f"{c.created_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"),
    ]
    return workbook(_("Referrals"), columns, rows)
