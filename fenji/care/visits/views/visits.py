"""Visits: written, closed, handed over; the list of the day; the register of notifiable diseases."""

from __future__ import annotations

from collections.abc import Callable
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
from fenji.care.visits import actions, queries, rules, texts
from fenji.care.visits.forms import HandoverForm, PartsForm, PeriodForm, SettleForm, VisitForm
from fenji.care.visits.models import Handover, Infection, Visit
from fenji.care.visits.views.shared import department_choices
from fenji.ground.access.queries import glass_on
from fenji.ground.common.clock import local_day, local_minute
from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.identity import age_on
from fenji.ground.common.lists import EXPORT_LIMIT, SIZES, too_many
from fenji.ground.common.refusal import Refused, Unknown
from fenji.ground.common.text import mask_name

ENDINGS = {"treated": rules.TREATED, "observe": rules.OBSERVE}


@page("visit.write", ("GET", "POST"))
def register(request: SignedRequest, resident_id: UUID) -> HttpResponse:
    """Write a visit and say how it ends: treated here, kept under observation, or on to an up-referral."""
    resident = resident_of(resident_id)
    form = VisitForm(request.POST or None, departments=department_choices(request))
    if request.method == "POST" and form.is_valid():
        visit = actions.register(resident, form.new(), by=request.actor, at=request.at)
        ending = ENDINGS.get(request.POST.get("ending", ""))
        if ending is None:
            return HttpResponseRedirect(f"/referrals/new/{visit.id}/", status=303)
        try:
            actions.close(visit, ending, by=request.actor, at=request.at)
        except rules.IncompleteInfection as refusal:
            messages.warning(request, " ".join(refusal_text(refusal)))
        where = f"/visits/{visit.id}/" if visit.grade else f"/residents/{resident.id}/"
        return HttpResponseRedirect(where, status=303)
    request.reads.append(("visit.form", str(resident.id)))
    status = 422 if request.method == "POST" else 200
    return render(request, "visits/register.html", {"form": form, "resident": resident, "key": fresh_key()}, status=status)


@page("visit.write", ("GET", "POST"))
def edit(request: SignedRequest, visit_id: UUID) -> HttpResponse:
    """Change an open visit: the diagnosis, whether it is still a suspicion, the findings."""
    found = queries.visit(visit_id)
    request.reads.append(("visit.form", str(found.id)))
    first = {
        "diagnosis": f"{found.diagnosis_code} {found.diagnosis_name}",
        "suspected": found.suspected,
        "complaint": found.complaint,
        "department": found.department_id,
        "emergency": found.emergency,
    }
    form = VisitForm(request.POST or None, initial=first, departments=department_choices(request))
    status, problem = 200, None
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                actions.revise(found.id, form.new(), version=posted_version(request), by=request.actor, at=request.at)
                return HttpResponseRedirect(f"/visits/{found.id}/", status=303)
            except Refused as refusal:
                status, problem = 409, refusal_text(refusal)
    context = {"form": form, "visit": found, "resident": found.resident, "problem": problem, "key": fresh_key()}
    return render(request, "visits/edit.html", context, status=status)


@page("visit.read", ("GET", "POST"))
def visit(request: SignedRequest, visit_id: UUID) -> HttpResponse:
    """One visit: who answers for it, what is owed, and, while it is open, how it ends."""
    found = queries.visit(visit_id)
    if request.method == "POST":
        found.version = posted_version(request)  # as the form showed it: a later change is not overwritten
        try:
            with transaction.atomic():
                actions.close(found, ENDINGS.get(request.POST.get("ending", ""), ""), by=request.actor, at=request.at)
        except (rules.IncompleteInfection, rules.NotResponsible) as refusal:
            return _show(request, queries.visit(visit_id), problem=refusal_text(refusal), status=409)
        return HttpResponseRedirect(f"/residents/{found.resident_id}/", status=303)
    return _show(request, found)


def _show(request: SignedRequest, found: Visit, *, problem: Any = None, status: int = 200, **typed: Any) -> HttpResponse:
    actor = request.actor
    request.reads.append(("visit.page", str(found.id)))
    glass = glass_on(actor, found.resident_id, request.at)
    if glass is not None:
        request.reads.append(("glass", str(found.id)))
    here = found.org_id == actor.org_id
    unended = here and found.closed_at is None and found.disposition != rules.REFERRED_UP
    mine = found.doctor_id == actor.account_id
    handovers = queries.handovers_of(found.id)
    waiting = next((h for h in handovers if h.state == rules.PROPOSED), None)
    entry = queries.infection_of(found.id)
    context = {
        "visit": found,
        "glass": glass,
        "problem": problem,
        "key": fresh_key(),
        "at": request.at,
        "mine": mine,
        "open": unended and mine,
        "here": here,
        "outcome": texts.DISPOSITIONS[found.disposition],
        "events": [(e, texts.EVENTS[e.action]) for e in queries.events_of(found.id)],
        "handovers": [(h, texts.HANDOVERS[h.state], _target(h)) for h in handovers],
        "waiting": waiting,
        "waiting_to": _target(waiting) if waiting else "",
        "may_answer": bool(waiting) and here and actor.may("visit.write") and _may_answer(waiting, actor.account_id),
        "alert": found.alert_at is not None and found.settled_at is None,
        "entry": entry,
        "may_fill": here and entry is not None and actor.may("visit.write"),
        **_infection(entry),
    }
    if unended and waiting is None and (mine or actor.may("visit.settle")):
        context["handover_form"] = typed.get("handover") or _handover_form(request, found)
    if context["may_fill"]:
        context["parts_form"] = typed.get("parts") or PartsForm(at=request.at, initial=_filled(entry))
    if context["alert"] and here and actor.may("visit.settle"):
        context["settle_form"] = typed.get("settle") or SettleForm()
    return render(request, "visits/visit.html", context, status=status)


def _target(handover: Handover) -> str:
    return handover.to_name or (handover.department.name_zh if handover.department else "")


def _may_answer(waiting: Any, account: UUID) -> bool:
    try:
        rules.check_answer(rules.HandoverView(waiting.state, waiting.from_id, waiting.to_id), account)
    except rules.NotForYou:
        return False
    return True


def _infection(entry: Infection | None) -> dict[str, Any]:
    if entry is None:
        return {"parts": [], "owed": []}
    owed = rules.missing_parts(
        measures=entry.measures,
        reported_at=entry.reported_at,
        report_number=entry.report_number,
        registered_at=entry.registered_at,
    )
    done = {
        rules.MEASURES: (entry.measures_at, entry.measures_by),
        rules.REPORT: (entry.reported_at, entry.reported_by),
        rules.ENTRY: (entry.registered_at, entry.registered_by),
    }
    parts = [(texts.PARTS[part], part not in owed, *done[part]) for part in rules.PARTS]
    return {"parts": parts, "owed": owed, "grade": texts.GRADES[entry.grade]}


def _filled(entry: Infection | None) -> dict[str, Any]:
    if entry is None:
        return {}
    return {name: getattr(entry, name) for name in ("measures", "reported_at", "report_number", "onset_on", "contacts")}


def _handover_form(request: SignedRequest, found: Visit, data: Any = None) -> HandoverForm:
    doctors = {a: n for a, n in queries.doctors_of(found.org_id, request.at).items() if a != found.doctor_id}
    return HandoverForm(data, doctors=doctors, departments=department_choices(request))


Doer = Callable[[UUID, SignedRequest, dict[str, Any]], Any]
_ANSWERS: dict[str, Doer] = {
    "accept": lambda i, r, k: actions.accept_hand_over(i, **k),
    "decline": lambda i, r, k: actions.decline_hand_over(i, r.POST.get("answer", "")[:2000].strip(), **k),
    "withdraw": lambda i, r, k: actions.withdraw_hand_over(i, **k),
}


@page("visit.read", ("POST",))
def act(request: SignedRequest, visit_id: UUID, action: str) -> HttpResponse:
    """Propose a hand-over, answer it, fill in the parts of a notifiable disease, or settle an alert.

    A refusal shows the present state with what was typed.
    """
    found = queries.visit(visit_id)
    common = {"version": posted_version(request), "by": request.actor, "at": request.at}
    form: Any = None
    try:
        with transaction.atomic():
            if action == "hand-over":
                form = _handover_form(request, found, request.POST)
                if not form.is_valid():
                    return _show(request, found, status=422, handover=form)
                actions.hand_over(found.id, **form.target(), note=form.cleaned_data["note"], **common)
            elif action == "infection":
                form = PartsForm(request.POST, at=request.at)
                if not form.is_valid():
                    return _show(request, found, status=422, parts=form)
                actions.record_infection(found.id, form.parts(), **common)
            elif action == "settle":
                form = SettleForm(request.POST)
                if not form.is_valid():
                    return _show(request, found, status=422, settle=form)
                actions.settle(found.id, form.cleaned_data["reason"], **common)
            elif action in _ANSWERS:
                _ANSWERS[action](found.id, request, common)
            else:
                raise Unknown(what="action")
    except Unknown:
        raise
    except Refused as refusal:
        typed = {"hand-over": "handover", "infection": "parts", "settle": "settle"}.get(action)
        return _show(
            request, queries.visit(visit_id), problem=refusal_text(refusal), status=409, **({typed: form} if typed and form else {})
        )
    messages.success(request, _("Done."))
    return HttpResponseRedirect(f"/visits/{found.id}/", status=303)


# --- lists -------------------------------------------------------------------------------------------------------------------


def _period(request: SignedRequest, *, month: bool = False) -> PeriodForm:
    today = local_day(request.at)
    return PeriodForm(request.GET, first=date(today.year, today.month, 1) if month else today, today=today)


def _visits(request: SignedRequest, form: PeriodForm) -> Any:
    data = form.cleaned_data
    found = queries.visits_between(request.actor, data["since"], data["until"])
    if data["outcome"]:
        found = found.filter(disposition="" if data["outcome"] == "open" else data["outcome"])
    return found.filter(doctor_id=request.actor.account_id) if data["mine"] else found


def _query(form: PeriodForm) -> str:
    from urllib.parse import urlencode

    data = form.cleaned_data
    return urlencode({k: "on" if v is True else v for k, v in data.items() if v}) + "&"


@page("visit.read")
def listed(request: SignedRequest) -> HttpResponse:
    """Visits of this institution: today's, or of any days."""
    form = _period(request)
    context: dict[str, Any] = {"form": form, "today": local_day(request.at)}
    if not form.is_valid():
        return render(request, "visits/list.html", context, status=422)
    pages = Paginator(_visits(request, form), SIZES[1]).get_page(request.GET.get("page"))
    request.reads.append(("visit.list", f"{len(pages)} shown"))
    today = local_day(request.at)
    rows = [(v, mask_name(v.resident.name), age_on(v.resident.birth_date, today)) for v in pages]
    return render(request, "visits/list.html", context | {"rows": rows, "pages": pages, "query": _query(form)})


@page("visit.read")
def list_workbook(request: SignedRequest) -> HttpResponse:
    """The list as a spreadsheet, names masked. More rows than the limit: a page that says so, never a cut list."""
    form = _period(request)
    if not form.is_valid():
        return render(request, "visits/list.html", {"form": form, "today": local_day(request.at)}, status=422)
    rows = list(_visits(request, form)[: EXPORT_LIMIT + 1])
    if len(rows) > EXPORT_LIMIT:
        return too_many(request, "/visits/", EXPORT_LIMIT)
    request.reads.append(("visit.export", f"{len(rows)} rows"))
    columns = [
        Column(_("Seen"), lambda v: local_minute(v.opened_at)),
        Column(_("Name"), lambda v: mask_name(v.resident.name)),
        Column(_("Department"), lambda v: v.department.name_zh if v.department else ""),
        Column(_("Doctor"), lambda v: v.doctor_name),
        Column(_("Diagnosis code"), lambda v: v.diagnosis_code),
        Column(_("Diagnosis"), lambda v: v.diagnosis_name),
        Column(_("Suspected"), lambda v: _("yes") if v.suspected else ""),
        Column(_("Outcome"), lambda v: str(texts.DISPOSITIONS[v.disposition])),
        Column(_("Closed"), lambda v: local_minute(v.closed_at)),
    ]
    return workbook(_("Visits"), columns, rows)


def _infections(request: SignedRequest, form: PeriodForm) -> Any:
    data = form.cleaned_data
    found = queries.infections_between(request.actor, data["since"], data["until"])
    return found.filter(grade=data["grade"]) if data["grade"] else found


@page("visit.read")
def register_of_infections(request: SignedRequest) -> HttpResponse:
    """The register of notifiable diseases of this institution, of this month or of any days."""
    form = _period(request, month=True)
    if not form.is_valid():
        return render(request, "visits/infections.html", {"form": form}, status=422)
    pages = Paginator(_infections(request, form), SIZES[1]).get_page(request.GET.get("page"))
    request.reads.append(("visit.infections", f"{len(pages)} shown"))
    rows = [(e, e.visit, mask_name(e.visit.resident.name), texts.GRADES[e.grade], _infection(e)["owed"]) for e in pages]
    context = {"form": form, "rows": rows, "pages": pages, "query": _query(form), "at": request.at}
    return render(request, "visits/infections.html", context)


@page("visit.read")
def infections_workbook(request: SignedRequest) -> HttpResponse:
    """The register as a spreadsheet, as it is kept: with the names in full, for the institution itself."""
    form = _period(request, month=True)
    if not form.is_valid():
        return render(request, "visits/infections.html", {"form": form}, status=422)
    rows = list(_infections(request, form)[: EXPORT_LIMIT + 1])
    if len(rows) > EXPORT_LIMIT:
        return too_many(request, "/visits/infections/", EXPORT_LIMIT)
    request.reads.append(("visit.infections.export", f"{len(rows)} rows"))
    sexes = {"1": _("male"), "2": _("female")}
    columns = [
        Column(_("Found"), lambda e: local_minute(e.found_at)),
        Column(_("Name"), lambda e: e.visit.resident.name),
        Column(_("Sex"), lambda e: sexes.get(e.visit.resident.sex, "")),
        Column(_("Born"), lambda e: f"{e.visit.resident.birth_date}"),
        Column(_("Address"), lambda e: e.visit.resident.address),
        Column(_("Disease"), lambda e: e.disease),
        Column(_("Class"), lambda e: str(texts.GRADES[e.grade])),
        Column(_("Suspected"), lambda e: _("yes") if e.visit.suspected else ""),
        Column(_("Day of onset"), lambda e: f"{e.onset_on or ''}"),
        Column(_("Doctor"), lambda e: e.visit.doctor_name),
        Column(_("Control measures taken"), lambda e: e.measures),
        Column(_("Report due"), lambda e: local_minute(e.due_at)),
        Column(_("Reported at"), lambda e: local_minute(e.reported_at)),
        Column(_("Number of the report card"), lambda e: e.report_number),
        Column(_("Contacts and other notes"), lambda e: e.contacts),
        Column(_("Entered"), lambda e: local_minute(e.registered_at)),
    ]
    return workbook(_("Register of notifiable diseases"), columns, rows)
