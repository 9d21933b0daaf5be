"""Who works at an institution, and the page of one of the staff."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.ground.access.rules import MANAGER
from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.excel import Column
from fenji.ground.common.refusal import Refused, Stale
from fenji.ground.network import actions, rules, texts
from fenji.ground.network.forms import AssignForm, DayForm, PractitionerForm
from fenji.ground.network.models import Organisation, Practitioner
from fenji.ground.network.queries import directory, people
from fenji.ground.network.views.shared import Problem, done, in_chinese, listed, no_day, sheet, today_of

_LONGEST = 60


def kept_by(request: SignedRequest, org: Organisation) -> Organisation:
    """The institution, when the person enters its staff and duty: its own head, or who administers it. Raises OutOfReach."""
    if not people.keeps_staff(request.actor, org):
        raise actions.OutOfReach
    return org


def _filtered(request: SignedRequest, org: Organisation) -> tuple[Any, dict[str, str]]:
    text = request.GET.get("q", "").strip()[:_LONGEST]
    category = request.GET.get("category", "") if request.GET.get("category") in rules.CATEGORIES else ""
    return people.staff_listed(org.id, today_of(request), text=text, category=category), {"q": text, "category": category}


def _specialties(codes: list[str], names: Any) -> str:
    chinese = in_chinese()
    called = [(names[c].name_zh if chinese else names[c].name_en) if c in names else c for c in codes]
    return ("、" if chinese else ", ").join(called)


@page("network.read")
def staff(request: SignedRequest, org_id: int) -> HttpResponse:
    """The staff of an institution today, by name."""
    org = directory.organisation(org_id)
    found, filters = _filtered(request, org)
    rows, pager = listed(request, found, **filters)
    names = directory.specialty_names()
    context = {
        "org": org,
        "rows": [
            {
                "row": r,
                "person": r.practitioner,
                "category": texts.CATEGORIES[r.practitioner.category],
                "title": texts.TITLES[r.practitioner.title],
                "kind": texts.ROLE_KINDS[r.kind],
                "specialties": _specialties(r.practitioner.specialties, names),
            }
            for r in rows
        ],
        "pager": pager,
        "filters": filters,
        "categories": texts.CATEGORIES.items(),
        "keeps": request.actor.may("staff.write") and people.keeps_staff(request.actor, org),
    }
    return render(request, "network/staff.html", context)


@page("network.read")
def staff_workbook(request: SignedRequest, org_id: int) -> HttpResponse:
    """The filtered staff list as a spreadsheet."""
    org = directory.organisation(org_id)
    found, _filters = _filtered(request, org)
    names = directory.specialty_names()
    columns = [
        Column(_("Staff number"), lambda r: r.practitioner.number),
        Column(_("Name"), lambda r: r.practitioner.name),
        Column(_("Category"), lambda r: str(texts.CATEGORIES[r.practitioner.category])),
        Column(_("Title"), lambda r: str(texts.TITLES[r.practitioner.title])),
        Column(_("Title since"), lambda r: str(r.practitioner.titled_on or "")),
        Column(_("Specialties"), lambda r: _specialties(r.practitioner.specialties, names)),
        Column(_("Department"), lambda r: r.department.name_zh if r.department else ""),
        Column(_("Works here as"), lambda r: str(texts.ROLE_KINDS[r.kind])),
        Column(_("Works here since"), lambda r: str(r.start)),
        Column(_("Until"), lambda r: str(r.end or "")),
        Column(_("Licence valid until"), lambda r: str(r.practitioner.licence_until or "")),
    ]
    return sheet(request, _("Staff of %(name)s") % {"name": org.name}, columns, found, f"/institutions/{org_id}/staff/")


def _form(*args: Any, **kwargs: Any) -> PractitionerForm:
    return PractitionerForm(*args, specialties=directory.specialty_names(), chinese=in_chinese(), **kwargs)


def _answer(request: SignedRequest, form: PractitionerForm, problem: Problem = None, **more: Any) -> HttpResponse:
    status = 409 if problem else 422 if form.is_bound else 200
    context = {"form": form, "problem": problem, "key": fresh_key(), **more}
    return render(request, "network/person_form.html", context, status=status)


@page("staff.write", ("GET", "POST"))
def new(request: SignedRequest, org_id: int) -> HttpResponse:
    """Enter somebody at their employer."""
    org = kept_by(request, directory.organisation(org_id))
    form = _form(request.POST or None)
    if request.method == "GET" or not form.is_valid():
        return _answer(request, form, org=org)
    try:
        person = actions.enter_practitioner(org_id, form.facts(), on=form.cleaned_data["on"], by=request.actor, at=request.at)
    except Refused as refusal:
        return _answer(request, form, refusal_text(refusal), org=org)
    return done(request, f"/staff/{person.id}/", _("Entered: %(name)s.") % {"name": person.name})


@page("network.read")
def person(request: SignedRequest, practitioner_id: UUID) -> HttpResponse:
    """One of the staff: titles by date, and where they work."""
    return _person(request, people.practitioner(practitioner_id))


def _person(request: SignedRequest, found: Practitioner, form: AssignForm | None = None, problem: Problem = None) -> HttpResponse:
    actor = request.actor
    writes = actor.may("staff.write")
    today = today_of(request)
    works = [
        (w, texts.ROLE_KINDS[w.kind], writes and (w.end is None or w.end > today) and people.keeps_staff(actor, w.org))
        for w in people.works_of(found.id)
    ]
    context = {
        "person": found,
        "category": texts.CATEGORIES[found.category],
        "title": texts.TITLES[found.title],
        "specialties": _specialties(found.specialties, directory.specialty_names()),
        "titles": [(t, texts.TITLES[t.title]) for t in people.titles_of(found.id)],
        "works": works,
        "keeps": writes and found.end is None and people.keeps_staff(actor, found.org),
        "form": form or (_assign_form(request) if writes and found.end is None else None),
        "today": today,
        "problem": problem,
        "key": fresh_key(),
    }
    status = 409 if problem else 422 if form is not None and form.is_bound else 200
    return render(request, "network/person.html", context, status=status)


def _assign_form(request: SignedRequest, data: Any = None) -> AssignForm:
    anywhere = request.actor.role != MANAGER
    return AssignForm(data, anywhere=anywhere, initial={"start": today_of(request)})


@page("staff.write", ("GET", "POST"))
def change(request: SignedRequest, practitioner_id: UUID) -> HttpResponse:
    """Change what is known of one of the staff."""
    found = people.practitioner(practitioner_id)
    kept_by(request, found.org)
    first = {f: getattr(found, f) for f in ("name", "category", "title", "titled_on", "licence_until", "specialties")}
    form = _form(request.POST or None, present=first)
    version, today = posted_version(request), today_of(request)
    if request.method == "POST" and version != found.version:
        # what was typed must not be judged by a title that the form did not show
        return _answer(request, form, refusal_text(Stale()), org=found.org, person=found)
    if request.method == "GET" or not form.is_valid():
        return _answer(request, form, org=found.org, person=found)
    try:
        actions.change_practitioner(practitioner_id, version, form.facts(), on=today, by=request.actor, at=request.at)
    except Refused as refusal:
        return _answer(request, form, refusal_text(refusal), org=found.org, person=people.practitioner(practitioner_id))
    return done(request, f"/staff/{practitioner_id}/", _("Saved."))


@page("staff.write", ("POST",))
def work(request: SignedRequest, practitioner_id: UUID) -> HttpResponse:
    """Somebody works at a further place: a head takes them on at the own institution, an administrator at any in reach."""
    found = people.practitioner(practitioner_id)
    form = _assign_form(request, request.POST)
    if not form.is_valid():
        return _person(request, found, form)
    data = form.cleaned_data
    place = data["place"].id if "place" in data else request.actor.org_id
    try:
        actions.assign(
            *(practitioner_id, place, data["kind"]), start=data["start"], end=data["end"], by=request.actor, at=request.at
        )
    except Refused as refusal:
        return _person(request, found, form, refusal_text(refusal))
    return done(request, f"/staff/{practitioner_id}/", _("The place of work was entered."))


@page("staff.write", ("POST",))
def work_end(request: SignedRequest, work_id: UUID) -> HttpResponse:
    """Somebody no longer works at a place from a day on."""
    row = people.work(work_id)
    kept_by(request, row.org)
    asked = DayForm(request.POST)
    problem = no_day(asked)
    if problem is None:
        try:
            on = asked.cleaned_data["on"]
            actions.end_work(work_id, posted_version(request), on=on, by=request.actor, at=request.at)
            return done(request, f"/staff/{row.practitioner_id}/", _("It ends on %(day)s.") % {"day": on})
        except Refused as refusal:
            problem = refusal_text(refusal)
    return _person(request, people.practitioner(row.practitioner_id), problem=problem)
