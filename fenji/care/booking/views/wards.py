"""Wards and their beds, as the head of the institution sets them up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.care.booking import actions, queries, rules, texts
from fenji.care.booking.forms import BedForm, WardForm
from fenji.care.booking.models import Bed, Ward
from fenji.care.visits.queries import doctors_of
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.refusal import NotPermitted, Refused, Unknown
from fenji.ground.network.queries import alliances_of, departments_of, members

Problem = tuple[str, str] | None


def _choices(request: SignedRequest, *, new: bool) -> dict[str, Any]:
    """What may be chosen: own departments and doctors; of the alliances' other members those that have departments."""
    own, today = request.actor.org_id, local_day(request.at)
    others = {m.org_id: m.org.name for a in alliances_of(own, today) for m in members(a.alliance_id, today) if m.org_id != own}
    partners, partner_doctors = {}, {}
    for org_id, name in others.items():
        rooms = departments_of(org_id)
        partners |= {d.id: (org_id, f"{name} · {d.name_zh}") for d in rooms}
        if rooms:
            partner_doctors |= {k: f"{name} · {who}" for k, who in doctors_of(org_id, request.at).items()}
    return {
        "departments": {d.id: d.name_zh for d in departments_of(own)} if new else {},
        "doctors": doctors_of(own, request.at),
        "partners": partners,
        "partner_doctors": partner_doctors,
    }


def _sent(work: Callable[[], Any]) -> Problem:
    """Do what was asked; the text of a refusal, or None."""
    try:
        work()
    except (NotPermitted, Unknown):
        raise
    except Refused as refusal:
        return refusal_text(refusal)
    return None


@page("bed.write", ("GET", "POST"))
def new(request: SignedRequest) -> HttpResponse:
    """A new ward of the own institution."""
    form = WardForm(request.POST if request.method == "POST" else None, **_choices(request, new=True))
    status, problem = 200, None
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = actions.open_ward(form.cleaned_data["department"], form.ward(), by=request.actor, at=request.at)
                return HttpResponseRedirect(f"/beds/wards/{made.id}/", status=303)
            except (NotPermitted, Unknown):
                raise
            except Refused as refusal:
                status, problem = 409, refusal_text(refusal)
    alone = not departments_of(request.actor.org_id)
    context = {"form": form, "problem": problem, "alone": alone, "key": fresh_key()}
    return render(request, "beds/new.html", context, status=status)


def _own(request: SignedRequest, ward_id: UUID) -> Ward:
    found = queries.ward(ward_id)
    if found.org_id != request.actor.org_id:
        raise NotPermitted
    return found


@page("bed.write", ("GET", "POST"))
def ward(request: SignedRequest, ward_id: UUID) -> HttpResponse:
    """One ward: its particulars and its beds."""
    found = _own(request, ward_id)
    if request.method != "POST":
        return _show(request, found)
    form = WardForm(request.POST, **_choices(request, new=False))
    if not form.is_valid():
        return _show(request, found, form=form)
    common = {"version": posted_version(request), "by": request.actor, "at": request.at}
    problem = _sent(lambda: actions.change_ward(found.id, form.ward(), **common))
    return _show(request, queries.ward(ward_id), form=form, problem=problem) if problem else _done(found)


def _done(found: Ward) -> HttpResponse:
    return HttpResponseRedirect(f"/beds/wards/{found.id}/", status=303)


def _show(
    request: SignedRequest, found: Ward, *, form: WardForm | None = None, bed_form: BedForm | None = None, problem: Problem = None
) -> HttpResponse:
    first = {
        "name": found.name,
        "kind": found.kind,
        "doctor": found.doctor_id,
        "partner": found.partner_department_id,
        "partner_doctor": found.partner_doctor_id,
    }
    beds = queries.beds_of([found.id]).get(found.id, [])
    context = {
        "ward": found,
        "form": form or WardForm(initial=first, **_choices(request, new=False)),
        "beds": [(b, texts.BED_SEXES[b.sex], texts.BED_STATES[b.state]) for b in beds],
        "bed_form": bed_form or BedForm(auto_id="bed-%s"),
        "problem": problem,
        "key": fresh_key(),
    }
    bound = any(f is not None and f.is_bound for f in (form, bed_form))
    return render(request, "beds/ward.html", context, status=409 if problem else 422 if bound else 200)


@page("bed.write", ("POST",))
def close(request: SignedRequest, ward_id: UUID) -> HttpResponse:
    """A ward ends, with its beds."""
    found = _own(request, ward_id)
    common = {"version": posted_version(request), "by": request.actor, "at": request.at}
    if problem := _sent(lambda: actions.close_ward(found.id, **common)):
        return _show(request, queries.ward(ward_id), problem=problem)
    messages.success(request, _("Done."))
    return HttpResponseRedirect("/beds/", status=303)


@page("bed.write", ("POST",))
def add(request: SignedRequest, ward_id: UUID) -> HttpResponse:
    """One more bed."""
    found = _own(request, ward_id)
    form = BedForm(request.POST, auto_id="bed-%s")
    if not form.is_valid():
        return _show(request, found, bed_form=form)
    problem = _sent(lambda: actions.add_bed(found.id, form.bed(), by=request.actor, at=request.at))
    return _show(request, found, bed_form=form, problem=problem) if problem else _done(found)


@page("bed.write", ("GET", "POST"))
def bed(request: SignedRequest, bed_id: UUID) -> HttpResponse:
    """One bed: its room, its name, whom it is for, whether it is in use."""
    found = queries.bed(bed_id)
    _own(request, found.ward_id)
    form = BedForm(request.POST if request.method == "POST" else None, initial=_first(found))
    status, problem = 200, None
    if request.method == "POST":
        status = 422
        if form.is_valid():
            common = {"version": posted_version(request), "by": request.actor, "at": request.at}
            problem = _sent(lambda: actions.change_bed(found.id, form.bed(), **common))
            if problem is None:
                return _done(found.ward)
            status, found = 409, queries.bed(bed_id)
    return render(request, "beds/bed.html", {"bed": found, "form": form, "problem": problem, "key": fresh_key()}, status=status)


def _first(found: Bed) -> dict[str, Any]:
    closed = found.state == rules.CLOSED
    return {"room": found.room, "name": found.name, "sex": found.sex, "isolation": found.isolation, "closed": closed}
