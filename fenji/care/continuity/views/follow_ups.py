"""Follow-ups of the team, made for a phone: today's list, one recorded, given to somebody, as a spreadsheet."""

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

from fenji.care.continuity import actions, queries, rules, texts
from fenji.care.continuity.forms import DelegateForm, RecordForm, measure_names
from fenji.care.continuity.models import FollowUp, PlanItem
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.identity import age_on
from fenji.ground.common.lists import EXPORT_LIMIT, SIZES, too_many
from fenji.ground.common.refusal import Refused, Unknown
from fenji.ground.network.queries import place_of

_SIZE, _LARGE, _YEAR = "fenji_size", "large", 365 * 24 * 3600


def is_large(request: SignedRequest) -> bool:
    """Whether whoever looks has switched to large letters."""
    return request.COOKIES.get(_SIZE) == _LARGE


@page("followup.read", ("POST",))
def size(request: SignedRequest) -> HttpResponse:
    """Large letters, or those of everybody; this browser remembers it."""
    answer = HttpResponseRedirect("/followups/", status=303)
    if is_large(request):
        answer.delete_cookie(_SIZE)
    else:
        answer.set_cookie(_SIZE, _LARGE, max_age=_YEAR, httponly=True, samesite="Lax", secure=request.is_secure())
    return answer


def _asked(request: SignedRequest) -> tuple[Any, bool]:
    """What is due today or was before, and whether only what was given to the actor."""
    mine = request.GET.get("mine") == "on"
    found = queries.followups_today(request.actor, local_day(request.at))
    return (found.filter(assigned_id=request.actor.account_id) if mine else found), mine


def what_is_due(found: FollowUp, lines: list[PlanItem]) -> str:
    """The lines that are due, in words."""
    words = [line.what for line in lines if line.number in found.items]
    return "；".join([*words, *([_("First follow-up after discharge")] if rules.ADDED in found.items else [])])


@page("followup.read")
def listed(request: SignedRequest) -> HttpResponse:
    """Who is to be followed up today: what was due longest comes first."""
    found, mine = _asked(request)
    pages = Paginator(found, SIZES[1]).get_page(request.GET.get("page"))
    today = local_day(request.at)
    lines = queries.lines_by_package([row.package_id for row in pages])
    policy = queries.policy_at(place_of(request.actor.org_id), today)
    rows = [
        {
            "row": row,
            "what": what_is_due(row, lines[row.package_id]),
            "age": age_on(row.package.patient_birth_date, today),
            "phone": queries.phone_of(row.package),
            "days": (today - row.due_on).days,
            "overdue": rules.is_overdue(row.due_on, today, policy),
            "mine": row.assigned_id == request.actor.account_id,
        }
        for row in pages
    ]
    request.reads.append(("followup.list", f"{len(rows)} shown"))
    context = {"rows": rows, "pages": pages, "mine": mine, "query": "mine=on&" if mine else "", "large": is_large(request)}
    return render(request, "continuity/list.html", {**context, "key": fresh_key(), "today": today})


@page("followup.read")
def list_workbook(request: SignedRequest) -> HttpResponse:
    """The list as a spreadsheet, with names and phones: it is what somebody takes along. More rows than the limit: a page that says
    so, never a cut list."""
    found, _mine = _asked(request)
    if found.count() > EXPORT_LIMIT:
        return too_many(request, "/followups/", EXPORT_LIMIT)
    rows = list(found)
    lines = queries.lines_by_package([row.package_id for row in rows])
    request.reads.append(("followup.export", f"{len(rows)} rows"))
    columns = [
        Column(_("Due on"), lambda r: r.due_on.isoformat()),
        Column(_("Name"), lambda r: r.package.patient_name),
        Column(_("Phone"), lambda r: queries.phone_of(r.package)),
        Column(_("Diagnosis"), lambda r: r.package.diagnosis_name),
        Column(_("What to do"), lambda r: what_is_due(r, lines[r.package_id])),
        Column(_("Tries"), lambda r: r.tries),
        Column(_("Who does it"), lambda r: r.assigned_name),
        Column(_("From hospital"), lambda r: r.package.origin.name),
    ]
    return workbook(_("Follow-ups"), columns, rows)


@page("followup.read", ("GET", "POST"))
def record(request: SignedRequest, followup_id: UUID) -> HttpResponse:
    """One follow-up: whom to call, what to do, and how it went. Saved with the button that says how."""
    found = queries.follow_up(followup_id)
    lines = queries.lines_of(found)
    form = RecordForm(request.POST or None, lines=lines)
    if request.method != "POST":
        return _show(request, found, form)
    if not form.is_valid():
        return _show(request, found, form, status=422)
    data = form.cleaned_data
    said = {"version": posted_version(request), "by": request.actor, "at": request.at}
    try:
        with transaction.atomic():
            actions.record(found.pk, data["outcome"], form.typed(), data["note"], **said)
    except Refused as refusal:
        return _show(request, queries.follow_up(followup_id), form, problem=refusal_text(refusal), status=409)
    messages.success(request, _("Recorded."))
    return HttpResponseRedirect("/followups/", status=303)


@page("followup.write", ("POST",))
def delegate(request: SignedRequest, followup_id: UUID) -> HttpResponse:
    """Give it to somebody of the team, or back to all."""
    found = queries.follow_up(followup_id)
    team = queries.team_of(request.actor.org_id, request.at)
    form = DelegateForm(request.POST, team=team)
    lines = queries.lines_of(found)
    if not form.is_valid():
        return _show(request, found, RecordForm(lines=lines), to=form, status=422)
    said = {"version": posted_version(request), "by": request.actor, "at": request.at}
    try:
        with transaction.atomic():
            actions.delegate(found.pk, form.account(), **said)
    except Unknown:
        raise
    except Refused as refusal:
        shown = queries.follow_up(followup_id)
        return _show(request, shown, RecordForm(lines=lines), to=form, problem=refusal_text(refusal), status=409)
    messages.success(request, _("Done."))
    return HttpResponseRedirect("/followups/", status=303)


def _show(
    request: SignedRequest,
    found: FollowUp,
    form: RecordForm,
    *,
    to: DelegateForm | None = None,
    problem: Any = None,
    status: int = 200,
) -> HttpResponse:
    today = local_day(request.at)
    request.reads.append(("followup.page", str(found.pk)))
    may = found.state == rules.OPEN and found.org_id == request.actor.org_id and request.actor.may("followup.write")
    context: dict[str, Any] = {
        "row": found,
        "package": found.package,
        "what": _lines(found),
        "age": age_on(found.package.patient_birth_date, today),
        "phone": queries.phone_of(found.package),
        "overdue": found.state == rules.OPEN and _overdue(found, today),
        "state": texts.STATES[found.state],
        "outcome": texts.OUTCOMES.get(found.outcome, ""),
        "values": shown_values(found),
        "form": form,
        "may": may,
        "problem": problem,
        "key": fresh_key(),
        "large": is_large(request),
    }
    if may:
        team = queries.team_of(found.org_id, request.at)
        context["delegate_form"] = to or DelegateForm(initial={"to": str(found.assigned_id or "")}, team=team)
    return render(request, "continuity/followup.html", context, status=status)


def _overdue(found: FollowUp, today: date) -> bool:
    return rules.is_overdue(found.due_on, today, queries.policy_at(place_of(found.org_id), today))


def _lines(found: FollowUp) -> list[tuple[Any, str]]:
    """(kind, words) of what is due."""
    lines = [(texts.KINDS[line.kind], line.what) for line in queries.lines_of(found)]
    added = [(texts.KINDS["visit"], _("First follow-up after discharge"))] if rules.ADDED in found.items else []
    return [*lines, *added]


def shown_values(found: FollowUp) -> list[tuple[str, str, Any]]:
    """(measure, value, how it stands) of what was measured."""
    names = measure_names()
    return [(names[v["measure"]], "/".join(v["values"]), texts.STANDINGS[v["standing"]]) for v in found.values]
