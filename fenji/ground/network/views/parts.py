"""What belongs to an institution, one row at a time: departments, ties to other institutions, seats of a group."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.refusal import NotPermitted, Refused
from fenji.ground.network import actions, queries, texts
from fenji.ground.network.forms import DayForm, DepartmentForm, DirectionsForm, RelationForm, SeatForm
from fenji.ground.network.models import Department, Organisation
from fenji.ground.network.queries import directory, people
from fenji.ground.network.views.changes import own
from fenji.ground.network.views.shared import Problem, department_shown, done, in_chinese, no_day, relation_shown, today_of

# --- departments -------------------------------------------------------------------------------------------------------------


def _department_form(*args: Any, **kwargs: Any) -> DepartmentForm:
    return DepartmentForm(*args, specialties=directory.specialty_names(), chinese=in_chinese(), **kwargs)


@page("network.write", ("GET", "POST"))
def departments(request: SignedRequest, org_id: int) -> HttpResponse:
    """The departments of an institution; a new one is added here."""
    org = own(request, org_id)
    form = _department_form(request.POST or None)
    if request.method == "GET" or not form.is_valid():
        return _departments(request, org, form)
    try:
        row = actions.add_department(org_id, form.cleaned_data, on=today_of(request), by=request.actor, at=request.at)
    except Refused as refusal:
        return _departments(request, org, form, refusal_text(refusal))
    return done(request, f"/institutions/{org_id}/departments/", _("Added: %(name)s.") % {"name": row.name_zh})


def _departments(request: SignedRequest, org: Organisation, form: DepartmentForm, problem: Problem = None) -> HttpResponse:
    specialties = directory.specialty_names()
    rows = [department_shown(d, specialties) for d in queries.departments_of(org.id)]
    context = {"org": org, "form": form, "rows": rows, "problem": problem, "key": fresh_key()}
    return render(request, "network/departments.html", context, status=_status(form, problem))


def _status(form: Any, problem: Problem) -> int:
    return 409 if problem else 422 if form.is_bound else 200


@page("network.write", ("GET", "POST"))
def department(request: SignedRequest, department_id: int) -> HttpResponse:
    """One department: its names and specialty."""
    row = directory.department(department_id)
    own(request, row.org_id)
    if request.method == "GET":
        first = {"name_zh": row.name_zh, "name_en": row.name_en, "specialty": row.specialty}
        return _department(request, row, _department_form(initial=first))
    form = _department_form(request.POST)
    if not form.is_valid():
        return _department(request, row, form)
    version = posted_version(request)
    try:
        actions.change_department(department_id, version, form.cleaned_data, by=request.actor, at=request.at)
    except Refused as refusal:
        return _department(request, directory.department(department_id), form, refusal_text(refusal))
    return done(request, f"/institutions/{row.org_id}/departments/", _("The department was changed."))


def _department(request: SignedRequest, row: Department, form: DepartmentForm, problem: Problem = None) -> HttpResponse:
    context = {"row": row, "org": row.org, "form": form, "problem": problem, "today": today_of(request), "key": fresh_key()}
    return render(request, "network/department.html", context, status=_status(form, problem))


@page("network.write", ("POST",))
def department_end(request: SignedRequest, department_id: int) -> HttpResponse:
    """Close a department on a day."""
    row = directory.department(department_id)
    own(request, row.org_id)
    asked = DayForm(request.POST)
    problem = no_day(asked)
    if problem is None:
        try:
            version, on = posted_version(request), asked.cleaned_data["on"]
            actions.end_department(department_id, version, on=on, by=request.actor, at=request.at)
            return done(request, f"/institutions/{row.org_id}/departments/", _("The department was ended."))
        except Refused as refusal:
            problem = refusal_text(refusal)
    first = {"name_zh": row.name_zh, "name_en": row.name_en, "specialty": row.specialty}
    return _department(request, directory.department(department_id), _department_form(initial=first), problem)


# --- how patients get there --------------------------------------------------------------------------------------------------


@page("directions.write", ("GET", "POST"))
def directions(request: SignedRequest, org_id: int) -> HttpResponse:
    """How patients get here and find the referral desk: shown on their own page, and printed for them."""
    org = directory.organisation(org_id)
    if org.id != request.actor.org_id:
        raise NotPermitted
    kept, problem = queries.directions_of(org_id), None
    if request.method == "GET":
        form = DirectionsForm(initial={name: getattr(kept, name) for name in DirectionsForm.base_fields})
    else:
        form = DirectionsForm(request.POST)
        if form.is_valid():
            version = posted_version(request)
            try:
                actions.set_directions(org_id, form.cleaned_data, version=version, by=request.actor, at=request.at)
                return done(request, f"/institutions/{org_id}/", _("Kept. Patients see it from now on."))
            except Refused as refusal:
                problem = refusal_text(refusal)
    context = {"org": org, "form": form, "version": kept.version, "problem": problem, "key": fresh_key()}
    return render(request, "network/directions.html", context, status=_status(form, problem))


# --- ties --------------------------------------------------------------------------------------------------------------------


@page("network.write", ("GET", "POST"))
def relations(request: SignedRequest, org_id: int) -> HttpResponse:
    """Trusteeships, agreements and partnerships of an institution; a new one is entered here."""
    org = own(request, org_id)
    form = RelationForm(request.POST or None, initial={"on": today_of(request)})
    if request.method == "GET" or not form.is_valid():
        return _relations(request, org, form)
    data = form.cleaned_data
    tie = {"on": data["on"], "document": data["document"], "by": request.actor, "at": request.at}
    try:
        actions.open_relation(data["kind"], data["source"].id, org_id, **tie)
    except Refused as refusal:
        return _relations(request, org, form, refusal_text(refusal))
    return done(request, f"/institutions/{org_id}/relations/", _("Entered: %(name)s.") % {"name": data["source"].name})


def _relations(request: SignedRequest, org: Organisation, form: RelationForm, problem: Problem = None) -> HttpResponse:
    actor, found = request.actor, directory.relations_of(org.id)
    rows = [{**relation_shown(r, org.id), "mine": queries.within_reach(actor, r.target.path)} for r in found]
    context = {"org": org, "form": form, "rows": rows, "problem": problem, "today": today_of(request), "key": fresh_key()}
    return render(request, "network/relations.html", context, status=_status(form, problem))


@page("network.write", ("POST",))
def relation_end(request: SignedRequest, org_id: int, relation_id: int) -> HttpResponse:
    """End a tie on a day; `org_id`: on whose page."""
    org = own(request, org_id)
    asked = DayForm(request.POST)
    problem = no_day(asked)
    if problem is None:
        try:
            actions.end_relation(relation_id, on=asked.cleaned_data["on"], by=request.actor, at=request.at)
            return done(request, f"/institutions/{org_id}/relations/", _("It ends on %(day)s.") % {"day": asked.cleaned_data["on"]})
        except Refused as refusal:
            problem = refusal_text(refusal)
    return _relations(request, org, RelationForm(initial={"on": today_of(request)}), problem)


# --- seats -------------------------------------------------------------------------------------------------------------------


@page("network.write", ("GET", "POST"))
def seats(request: SignedRequest, org_id: int) -> HttpResponse:
    """Who sits in a leading group, secretariat, task force or committee; a seat is given here."""
    org = own(request, org_id)
    form = SeatForm(request.POST or None, initial={"on": today_of(request)})
    if request.method == "GET" or not form.is_valid():
        return _seats(request, org, form)
    try:
        actions.seat_in_force(org_id, **form.cleaned_data, by=request.actor, at=request.at)
    except Refused as refusal:
        return _seats(request, org, form, refusal_text(refusal))
    return done(request, f"/institutions/{org_id}/seats/", _("Entered: %(name)s.") % {"name": form.cleaned_data["name"]})


def _seats(request: SignedRequest, org: Organisation, form: SeatForm, problem: Problem = None) -> HttpResponse:
    rows = [(m, texts.FORCE_ROLES[m.role]) for m in people.seats_of(org.id)]
    context = {"org": org, "form": form, "rows": rows, "problem": problem, "today": today_of(request), "key": fresh_key()}
    return render(request, "network/seats.html", context, status=_status(form, problem))


@page("network.write", ("POST",))
def seat_end(request: SignedRequest, member_id: UUID) -> HttpResponse:
    """End a seat on a day."""
    org = own(request, people.seat(member_id).org_id)
    asked = DayForm(request.POST)
    problem = no_day(asked)
    if problem is None:
        try:
            on = asked.cleaned_data["on"]
            actions.end_seat(member_id, posted_version(request), on=on, by=request.actor, at=request.at)
            return done(request, f"/institutions/{org.id}/seats/", _("It ends on %(day)s.") % {"day": on})
        except Refused as refusal:
            problem = refusal_text(refusal)
    return _seats(request, org, SeatForm(initial={"on": today_of(request)}), problem)
