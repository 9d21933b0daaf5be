"""The bed of a referral: what suits at the receiver, held with one click, or waited for."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.care.booking import queries as bookings
from fenji.care.booking import texts as words
from fenji.care.booking.rules import LIVE, USED
from fenji.care.referral import actions, queries, rules
from fenji.care.referral.forms import BedForm, BedNeedForm
from fenji.care.referral.models import Case
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import SignedRequest, fresh_key, page, refusal_text
from fenji.ground.common.identity import age_on
from fenji.ground.common.refusal import NotPermitted, Refused, Unknown

Problem = tuple[str, str] | None


def _may(request: SignedRequest, case: Case) -> bool:
    """Whether this person looks for a bed for the case now."""
    try:
        party = queries.party_of(case, request.actor, request.at)
        rules.may_want_bed(queries.view_of(case), party)
    except Refused:
        return False
    return request.actor.may("bed.hold")


def bed_beside(request: SignedRequest, case: Case) -> dict[str, Any]:
    """What the page of a case shows of its bed: how it is held or waited for, and whether this person looks for one."""
    if case.state in (rules.DRAFT, rules.IN_REVIEW, rules.RETURNED, rules.LOCAL):
        return {}
    held = bookings.bed_hold_of(case.number)
    return {
        "bed": held,
        "bed_text": words.HOLD_STATES[held.state] if held else "",
        "bed_lasts": held is not None and held.state in (*LIVE, USED),
        "bed_wait": bookings.bed_wait_of(case.number) if case.ended_at is None else None,
        "may_bed": _may(request, case),
    }


@page("bed.hold", ("GET", "POST"))
def bed(request: SignedRequest, number: str) -> HttpResponse:
    """The wards of the receiver with the beds that suit the patient: hold one, or wait for a ward."""
    case = queries.case(number)
    if not _may(request, case) and request.method == "GET":
        return HttpResponseRedirect(f"/referrals/{number}/", status=303)
    if request.method != "POST":
        return _show(request, case)
    form = BedForm(request.POST)
    if not form.is_valid():
        return _show(request, case, (_("Nothing was chosen."), _("Choose a bed or a ward.")), 422)
    data, common = form.cleaned_data, {"by": request.actor, "at": request.at}
    try:
        if data["bed"]:
            actions.hold_bed(number, data["bed"], data["isolation"], **common)
            said = _("The bed is held. The ward has been asked to confirm it.")
        else:
            actions.wait_for_bed(number, data["ward"], data["isolation"], **common)
            said = _("The patient waits for the ward. The first bed that suits is held for them, and you are told.")
    except (NotPermitted, Unknown):
        raise
    except Refused as refusal:
        return _show(request, case, refusal_text(refusal), 409)
    messages.success(request, said)
    return HttpResponseRedirect(f"/referrals/{number}/", status=303)


def _show(request: SignedRequest, case: Case, problem: Problem = None, status: int = 200) -> HttpResponse:
    need = BedNeedForm(request.POST or request.GET)
    isolation = need.is_valid() and need.cleaned_data["isolation"]
    found = bookings.free_beds([case.receiver_id], sex=case.patient_sex, isolation=isolation, at=request.at)
    request.reads.append(("referral.bed", case.number))
    context = {
        "case": case,
        "age": age_on(case.patient_birth_date, local_day(request.at)),
        "isolation": isolation,
        "found": [(w, words.WARD_KINDS[w.ward.kind]) for w in found],
        **bed_beside(request, case),
        "problem": problem,
        "key": fresh_key(),
    }
    return render(request, "referral/bed.html", context, status=status)
