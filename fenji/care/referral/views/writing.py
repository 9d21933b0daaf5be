"""Writing an up-referral, with the verdict beside it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.care.booking.queries import SlotView, bookings_of
from fenji.care.booking.rules import HELD, KNOWN
from fenji.care.catalogue.queries import diagnosis as diagnosis_of
from fenji.care.catalogue.queries import group_of
from fenji.care.referral import actions, queries, rules, texts
from fenji.care.referral.forms import WAIT, WITHOUT, ReferralForm
from fenji.care.referral.models import Case
from fenji.care.referral.views import down
from fenji.care.referral.views.shared import consented, receiver_choices
from fenji.care.visits.models import Visit
from fenji.care.visits.queries import visit as visit_of
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.identity import age_on
from fenji.ground.common.refusal import NotPermitted, Refused, Unknown
from fenji.ground.common.text import half_width
from fenji.ground.network.queries import contact_of, place, place_of


def _judged(request: SignedRequest, visit: Visit, data: dict[str, Any], case: Case | None = None) -> dict[str, Any]:
    """The receivers, each with its verdict, and the verdict on the chosen one with its next slots."""
    code = str(data.get("diagnosis") or visit.diagnosis_code).split(" ")[0]
    try:
        group = group_of(diagnosis_of(code))
    except Unknown:
        code, group = visit.diagnosis_code, visit.disease_group
    resident = visit.resident
    override = bool(half_width(str(data.get("override_reason") or "")))
    subject = queries.Subject(
        code, group, resident.sex, resident.birth_date, emergency=bool(data.get("emergency")), override=override
    )
    found = queries.candidates(visit.org, subject, request.at)
    chosen = next((c for c in found if str(c.place.id) == str(data.get("receiver", ""))), found[0] if found else None)
    decision = chosen.decision if chosen else None
    slots = queries.slots_at(chosen, subject.emergency, request.at) if chosen else []
    return {
        **_slots(slots, data, case, request.at),
        "emergency": subject.emergency,
        "at": request.at,
        "group": group,
        "candidates": found,
        "chosen": chosen,
        "decision": decision,
        "questions": [(q, texts.QUESTIONS[q.code]) for q in chosen.questions] if chosen else [],
        "outcome_text": texts.OUTCOMES[decision.outcome] if decision else "",
        "reasons": [(r, texts.REASONS[r.code]) for r in decision.reasons] if decision else [],
        "reason_asked": decision is not None and rules.reason_asked(r.code for r in decision.reasons),
    }


def _slots(free: list[SlotView], data: dict[str, Any], case: Case | None, at: datetime) -> dict[str, Any]:
    """The slots to choose from, the one that is held first, and which of them is ticked: the earliest until something else is."""
    held = [b for b in bookings_of(case.number, at=at) if b.state == HELD] if case else []
    mine = [b.slot for b in held if free and b.slot.org_id == free[0].org_id]
    shown = [*mine, *(s for s in free if s.id not in {m.id for m in mine})]
    known = {str(s.id) for s in shown if s.feed == KNOWN or s in mine}
    ticked = str(data.get("slot") or "")
    if ticked not in known | {WAIT, WITHOUT}:
        ticked = next((str(s.id) for s in shown if str(s.id) in known), WAIT)
    return {
        "slots": shown,
        "ticked": ticked,
        "held_until": held[0].held_until if held else None,
        "held_slot": mine[0].id if mine else None,
    }


_FORMER = 5
"""How many ended referrals are offered to copy from."""


def _in_the_way(request: SignedRequest, visit: Visit, group: str, case: Case | None) -> dict[str, Any]:
    """An open referral of the same disease: the page of one that is seen here; of another only whose it is and their phone."""
    here = queries.open_here(visit.resident_id, group)
    if here is not None:
        return {"open_here": here if case is None or here.pk != case.pk else None}
    elsewhere = queries.open_elsewhere(visit.pk, group)
    if elsewhere is None:
        return {}
    request.reads.append(("referral.elsewhere", str(visit.pk)))
    return {"open_elsewhere": place_of(elsewhere).name, "open_phone": contact_of(elsewhere).phone}


def _form(request: SignedRequest, visit: Visit, *data: Any, **kwargs: Any) -> ReferralForm:
    nurse = not request.actor.may("referral.write")
    doctors = queries.doctors_of(visit.org_id, request.at) if nurse else {}
    origin = place(visit.org)
    form = ReferralForm(*data, receivers=receiver_choices(origin), doctors=doctors, **kwargs)
    asked = queries.grounds(origin, local_day(request.at)).policy.consent_required
    form.fields["consent_who"].required = asked and "keep" not in request.POST and not nurse
    return form


def _copied(request: SignedRequest, visit: Visit) -> dict[str, Any]:
    """What an ended referral of the same resident fills in; nothing when none was chosen. Raises Unknown."""
    if not request.GET.get("from"):
        return {}
    former = queries.case(request.GET["from"])
    if former.resident_id != visit.resident_id or former.state not in rules.ENDS:
        raise Unknown(what="case")
    request.reads.append(("referral.copy", former.number))
    return {
        "diagnosis": f"{former.diagnosis_code} {former.diagnosis_name}",
        "summary": former.summary,
        "receiver": former.receiver_id,
        "override_reason": former.override_reason,
    }


def _show_form(
    request: SignedRequest, visit: Visit, form: ReferralForm, case: Case | None, problem: Any = None, status: int = 200
) -> HttpResponse:
    request.reads.append(("referral.form", case.number if case else str(visit.id)))
    data = {name: form[name].value() for name in form.fields}
    judged = _judged(request, visit, data, case)
    context = {
        "form": form,
        "visit": visit,
        "case": case,
        "resident": visit.resident,
        "age": age_on(visit.resident.birth_date, local_day(request.at)),
        "problem": problem,
        "key": fresh_key(),
        "nurse": not request.actor.may("referral.write"),
        "former": queries.ended_of(visit.resident_id, _FORMER) if case is None else [],
        **_in_the_way(request, visit, judged["group"], case),
        **judged,
    }
    return render(request, "referral/new.html", context, status=status)


def _own_visit(request: SignedRequest, visit_id: UUID) -> Visit:
    """A visit of the actor's institution: one that is seen from elsewhere begins no referral. Raises Unknown, NotPermitted."""
    found = visit_of(visit_id)
    if found.org_id != request.actor.org_id:
        raise NotPermitted
    return found


@page("referral.draft", ("GET", "POST"))
def new(request: SignedRequest, visit_id: UUID) -> HttpResponse:
    """An up-referral from a visit: written, judged and sent on one page."""
    visit = _own_visit(request, visit_id)
    if request.method == "GET":
        first = {
            "diagnosis": f"{visit.diagnosis_code} {visit.diagnosis_name}",
            "emergency": visit.emergency,
            "summary": visit.complaint,
            "doctor": str(visit.doctor_id),
            **_copied(request, visit),
        }
        return _show_form(request, visit, _form(request, visit, initial=first), None)
    form = _form(request, visit, request.POST)
    if not form.is_valid():
        return _show_form(request, visit, form, None, status=422)
    try:
        if _sends(request):
            return _sent(request, actions.write_and_send(visit, form.plan(), by=request.actor, at=request.at))
        return _kept(request, actions.draft(visit, form.plan(), by=request.actor, at=request.at, doctor_id=form.doctor_id()))
    except Refused as refusal:
        return _show_form(request, visit, form, None, refusal_text(refusal), status=409)


@page("referral.draft", ("GET", "POST"))
def edit(request: SignedRequest, number: str) -> HttpResponse:
    """Change a draft or a returned referral, and send it again; on the way down a draft, or what was offered in vain."""
    case = queries.case(number)
    if case.direction == rules.DOWN:
        return down.edit(request, case)
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
            "green": case.green,
            "critical": case.critical,
            "happened_at": case.happened_at,
            "doctor": str(case.requester_id),
            **consented(case),
        }
        return _show_form(request, visit, _form(request, visit, initial=first), case)
    form = _form(request, visit, request.POST)
    if not form.is_valid():
        return _show_form(request, visit, form, case, status=422)
    common = {"version": posted_version(request), "by": request.actor, "at": request.at}
    try:
        if _sends(request):
            return _sent(request, actions.revise_and_send(number, form.plan(), **common))
        return _kept(request, actions.revise(number, form.plan(), **common))
    except Refused as refusal:
        return _show_form(request, visit, form, queries.case(number), refusal_text(refusal), status=409)


def _sends(request: SignedRequest) -> bool:
    """Whether a form is sent on its way, and not kept as a draft: by a doctor, who did not press "keep"."""
    return request.actor.may("referral.write") and "keep" not in request.POST


def _kept(request: SignedRequest, case: Case) -> HttpResponse:
    own = request.actor.may("referral.write")
    waits = _("It waits on the desk of %(doctor)s.") % {"doctor": case.requester_name}
    return _done(request, case, _("Kept as a draft. It waits on your desk.") if own else waits)


def _sent(request: SignedRequest, case: Case) -> HttpResponse:
    return _done(request, case, _("Sent to your reviewer.") if case.state == rules.IN_REVIEW else _("Offered to the receiver."))


def _done(request: SignedRequest, case: Case, said: str) -> HttpResponse:
    messages.success(request, said)
    return HttpResponseRedirect(f"/referrals/{case.number}/", status=303)


@page("referral.draft")
def verdict(request: SignedRequest, visit_id: UUID) -> HttpResponse:
    """The verdict card and the receivers for what the form holds now."""
    visit = _own_visit(request, visit_id)
    return render(request, "referral/_verdict.html", _judged(request, visit, request.GET.dict()))
