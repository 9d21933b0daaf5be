"""Stays in hospital: admitted, moved, judged, discharged; the census, and who of it may go down today."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.care.registry.queries import resident as resident_of
from fenji.care.visits import actions, queries, texts
from fenji.care.visits.forms import CensusForm, DischargeForm, PhaseForm, PlaceForm, StayForm
from fenji.care.visits.models import Stay
from fenji.care.visits.queries import InWard
from fenji.care.visits.views.shared import department_choices
from fenji.ground.access.queries import glass_on
from fenji.ground.common.clock import local_day, local_minute
from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.identity import age_on
from fenji.ground.common.lists import EXPORT_LIMIT, SIZES, too_many
from fenji.ground.common.refusal import Refused, Unknown
from fenji.ground.common.text import mask_name
from fenji.ground.network.queries import place, place_of


@page("stay.write", ("GET", "POST"))
def admit(request: SignedRequest, resident_id: UUID) -> HttpResponse:
    """A resident is admitted: for what, where they lie, who is responsible, in which phase the illness is."""
    resident = resident_of(resident_id)
    doctors = queries.doctors_of(request.actor.org_id, request.at)
    form = StayForm(request.POST or None, departments=department_choices(request), doctors=doctors, me=request.actor.account_id)
    status, problem = 200, None
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                stay = actions.admit(resident, form.new(), by=request.actor, at=request.at)
                return HttpResponseRedirect(f"/stays/{stay.id}/", status=303)
            except Refused as refusal:
                status, problem = 409, refusal_text(refusal)
    request.reads.append(("stay.form", str(resident.id)))
    context = {"form": form, "resident": resident, "problem": problem, "key": fresh_key(), "alone": not doctors}
    return render(request, "stays/new.html", context, status=status)


@page("stay.read")
def stay(request: SignedRequest, stay_id: UUID) -> HttpResponse:
    """One stay: where the patient lies, the phase and whether they may go down today; while it lasts, what may be done."""
    return _show(request, queries.stay(stay_id))


def _show(request: SignedRequest, found: Stay, *, problem: Any = None, status: int = 200, **typed: Any) -> HttpResponse:
    request.reads.append(("stay.page", str(found.id)))
    glass = glass_on(request.actor, found.resident_id, request.at)
    if glass is not None:
        request.reads.append(("glass", str(found.id)))
    today, where = local_day(request.at), place(found.org)
    lasts = found.discharged_at is None
    may = lasts and found.org_id == request.actor.org_id and request.actor.may("stay.write")
    context: dict[str, Any] = {
        "stay": found,
        "glass": glass,
        "problem": problem,
        "key": fresh_key(),
        "age": age_on(found.resident.birth_date, today),
        "day": _day(found, today),
        "phase": texts.PHASES[found.phase],
        "way_out": texts.WAYS_OUT.get(found.way_out, ""),
        "lasts": lasts,
        "down": _told(queries.judged([found], where, today)[0], queries.down_clauses(where, today)) if lasts else [],
        "events": [(e, texts.STAY_EVENTS[e.action], _changed(e)) for e in queries.stay_events(found.id)],
    }
    if may:
        context["phase_form"] = typed.get("judge") or PhaseForm(initial={"phase": found.phase})
        first = {"department": found.department_id, "bed": found.bed}
        context["place_form"] = typed.get("place") or PlaceForm(initial=first, departments=department_choices(request))
        context["discharge_form"] = typed.get("discharge") or DischargeForm()
    return render(request, "stays/stay.html", context, status=status)


def _day(found: Stay, today: date) -> int:
    """The how manieth day of the stay it is, or was at its end; the day of admission is the first."""
    return ((local_day(found.discharged_at) if found.discharged_at else today) - local_day(found.admitted_at)).days + 1


def _told(found: InWard, clauses: dict[str, tuple[str, ...]]) -> list[tuple[Any, tuple[str, ...]]]:
    return [(texts.GOES_DOWN[reason], clauses[reason]) for reason in found.reasons]


def _changed(event: Any) -> str:
    names = {"judge": texts.PHASES, "admit": texts.PHASES, "discharge": texts.WAYS_OUT}.get(event.action)
    return str(names.get(event.after, "")) if names else event.after


@page("stay.write", ("POST",))
def act(request: SignedRequest, stay_id: UUID, action: str) -> HttpResponse:
    """State the phase, move, or discharge. A refusal shows the present state with what was typed."""
    found = queries.stay(stay_id)
    common = {"version": posted_version(request), "by": request.actor, "at": request.at}
    forms: dict[str, Any] = {
        "judge": lambda: PhaseForm(request.POST),
        "place": lambda: PlaceForm(request.POST, departments=department_choices(request)),
        "discharge": lambda: DischargeForm(request.POST),
    }
    if action not in forms:
        raise Unknown(what="action")
    form = forms[action]()
    if not form.is_valid():
        return _show(request, found, status=422, **{action: form})
    data = form.cleaned_data
    try:
        with transaction.atomic():
            if action == "judge":
                actions.judge(found.id, data["phase"], **common)
            elif action == "place":
                actions.place_in(found.id, data["department"], data["bed"], **common)
            else:
                actions.discharge(found.id, data["way"], **common)
    except Unknown:
        raise
    except Refused as refusal:
        return _show(request, queries.stay(stay_id), problem=refusal_text(refusal), status=409, **{action: form})
    messages.success(request, _("Done."))
    return HttpResponseRedirect(f"/stays/{found.id}/", status=303)


# --- the census --------------------------------------------------------------------------------------------------------------


def _census(request: SignedRequest, form: CensusForm) -> list[InWard]:
    data = form.cleaned_data
    where, today = place_of(request.actor.org_id), local_day(request.at)
    found = queries.judged(list(queries.census(request.actor, data["department"])), where, today)
    return [row for row in found if row.reasons] if data["down"] else found


@page("stay.read")
def listed(request: SignedRequest) -> HttpResponse:
    """Who is in hospital here now, and who of them may go down today."""
    form = CensusForm(request.GET, departments=department_choices(request))
    if not form.is_valid():
        return render(request, "stays/list.html", {"form": form}, status=422)
    found = _census(request, form)
    pages = Paginator(found, SIZES[1]).get_page(request.GET.get("page"))
    request.reads.append(("stay.list", f"{len(pages)} shown"))
    today = local_day(request.at)
    rows = [
        {
            "stay": row.stay,
            "who": mask_name(row.stay.resident.name),
            "age": age_on(row.stay.resident.birth_date, today),
            "phase": texts.PHASES[row.stay.phase],
            "day": _day(row.stay, today),
            "down": bool(row.reasons),
        }
        for row in pages
    ]
    return render(request, "stays/list.html", {"form": form, "rows": rows, "pages": pages, "query": _asked(form)})


def _asked(form: CensusForm) -> str:
    data = form.cleaned_data
    return (f"department={data['department']}&" if data["department"] else "") + ("down=on&" if data["down"] else "")


@page("stay.read")
def census_workbook(request: SignedRequest) -> HttpResponse:
    """The census as a spreadsheet, names masked. More rows than the limit: a page that says so, never a cut list."""
    form = CensusForm(request.GET, departments=department_choices(request))
    if not form.is_valid():
        return render(request, "stays/list.html", {"form": form}, status=422)
    found = _census(request, form)
    if len(found) > EXPORT_LIMIT:
        return too_many(request, "/stays/", EXPORT_LIMIT)
    request.reads.append(("stay.export", f"{len(found)} rows"))
    columns = [
        Column(_("Department"), lambda r: r.stay.department.name_zh if r.stay.department else ""),
        Column(_("Bed"), lambda r: r.stay.bed),
        Column(_("Name"), lambda r: mask_name(r.stay.resident.name)),
        Column(_("Admitted"), lambda r: local_minute(r.stay.admitted_at)),
        Column(_("Diagnosis code"), lambda r: r.stay.diagnosis_code),
        Column(_("Diagnosis"), lambda r: r.stay.diagnosis_name),
        Column(_("Doctor"), lambda r: r.stay.doctor_name),
        Column(_("Phase of the illness"), lambda r: str(texts.PHASES[r.stay.phase])),
        Column(_("May go down today"), lambda r: _("yes") if r.reasons else ""),
    ]
    return workbook(_("In hospital"), columns, found)
