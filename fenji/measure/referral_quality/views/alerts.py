"""Alerts on the way of a patient: the list, how many each institution has, one with its rows and the step that comes next."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from fenji.care.catalogue.queries import group_names
from fenji.care.visits.texts import WAYS_OUT
from fenji.ground.common.clock import local_day, local_minute
from fenji.ground.common.edge import SignedRequest, fresh_key, list_start, page, posted_version, refusal_text
from fenji.ground.common.excel import Column, Sheet, workbook_of
from fenji.ground.common.lists import EXPORT_LIMIT, SIZES, too_many
from fenji.ground.common.refusal import NotPermitted, Refused, Unknown
from fenji.ground.common.text import mask_name
from fenji.ground.common.units import MONTHS_PER_YEAR
from fenji.ground.network.queries import names_of, region_names
from fenji.measure.referral_quality import actions, queries, texts
from fenji.measure.referral_quality.forms import AlertsForm, AnswerForm, JudgeForm
from fenji.measure.referral_quality.models import Alert
from fenji.measure.referral_quality.rules import alerts as rules
from fenji.measure.referral_quality.views.shared import only_health

_SIZE = SIZES[0]


def _months(today: date) -> list[str]:
    """This month and those of a year before it, latest first."""
    found, first = [], today.replace(day=1)
    for _n in range(MONTHS_PER_YEAR + 1):
        found.append(f"{first:%Y-%m}")
        first = (first - timedelta(days=1)).replace(day=1)
    return found


def _form(request: SignedRequest) -> AlertsForm:
    counties = region_names(queries.alert_counties())
    return AlertsForm(request.GET.dict(), _months(local_day(request.at)), counties, queries.alert_orgs())


def _shown(rows: list[Alert], at: datetime) -> list[dict[str, Any]]:
    groups = group_names({r.disease_group for r in rows}, english=get_language() == "en")
    return [
        {
            "alert": r,
            "kind": texts.ALERTS[r.kind],
            "disease": groups.get(r.disease_group, r.disease_group),
            "state": texts.ALERT_STATES[r.state],
            "overdue": rules.overdue(queries.alert_view(r), at),
        }
        for r in rows
    ]


def _kept(form: AlertsForm) -> str:
    from urllib.parse import urlencode

    return urlencode({name: value for name in form.fields if (value := form.data.get(name))})


@page("quality.read")
def alert_list(request: SignedRequest) -> HttpResponse:
    """The alerts of a month that the own institution is asked about, of those it leads, or of an officer's region."""
    only_health(request)
    form, start = _form(request), list_start(request.GET.get("from", ""))
    found = list(queries.alerts(form.asked(request.at))[start : start + _SIZE + 1]) if form.is_valid() else []
    context = {
        "form": form,
        "keep": _kept(form) if form.is_valid() else "",
        "rows": _shown(found[:_SIZE], request.at),
        "more": start + _SIZE if len(found) > _SIZE else None,
        "before": max(start - _SIZE, 0) if start else None,
        "key": fresh_key(),
    }
    return render(request, "quality/alerts.html", context, status=200 if form.is_valid() else 422)


def _tallies(asked: queries.Asked) -> list[dict[str, Any]]:
    found = queries.alert_tallies(asked.since, asked.until, asked.county)
    found = [t for t in found if asked.kind in ("", t.kind) and asked.org in (None, t.org)]
    names = names_of({t.org for t in found})
    return [
        {
            "tally": t,
            "name": names[t.org],
            "kind": texts.ALERTS[t.kind],
            "base": texts.BASES[t.kind],
            "share": f"{t.hits / t.of:.1%}" if t.of else "–",
        }
        for t in found
    ]


@page("quality.read")
def counts(request: SignedRequest) -> HttpResponse:
    """How many alerts each institution has in a month, against how much it did."""
    only_health(request)
    form = _form(request)
    del form.fields["state"]
    rows = _tallies(form.asked(request.at)) if form.is_valid() else []
    context = {"form": form, "keep": _kept(form) if form.is_valid() else "", "rows": rows}
    return render(request, "quality/alert_counts.html", context, status=200 if form.is_valid() else 422)


@page("quality.read")
def alerts_workbook(request: SignedRequest) -> HttpResponse:
    """The alerts of a month and their numbers as a spreadsheet."""
    only_health(request)
    form = _form(request)
    if not form.is_valid():
        return alert_list(request)
    asked = form.asked(request.at)
    found = list(queries.alerts(asked)[: EXPORT_LIMIT + 1])
    if len(found) > EXPORT_LIMIT:
        return too_many(request, "/quality/alerts/", EXPORT_LIMIT)
    request.reads.append(("quality.export", f"{len(found)} rows"))
    each = [
        Column(_("Time"), lambda r: local_minute(r["alert"].at)),
        Column(_("Kind"), lambda r: str(r["kind"])),
        Column(_("Institution"), lambda r: r["alert"].org.name),
        Column(_("Disease"), lambda r: r["disease"]),
        Column(_("Clause"), lambda r: r["alert"].reason["clause_id"]),
        Column(_("State"), lambda r: str(r["state"])),
        Column(_("Explain until"), lambda r: local_minute(r["alert"].due_at)),
        Column(_("Overdue"), lambda r: _("Yes") if r["overdue"] else ""),
        Column(_("How it came to it"), lambda r: r["alert"].cause),
        Column(_("What is to be corrected"), lambda r: r["alert"].note),
        Column(_("Withdrawn because"), lambda r: str(texts.WITHDRAWALS.get(r["alert"].withdrawn_for, ""))),
    ]
    numbers = [
        Column(_("Institution"), lambda r: r["name"]),
        Column(_("Kind"), lambda r: str(r["kind"])),
        Column(_("Number"), lambda r: r["tally"].hits),
        Column(_("Of"), lambda r: r["tally"].of),
        Column(_("Counted against"), lambda r: str(r["base"])),
        Column(_("Share"), lambda r: r["share"]),
        Column(_("Not judged yet"), lambda r: r["tally"].waiting),
        Column(_("To be corrected"), lambda r: r["tally"].to_correct),
    ]
    sheets = [Sheet(_("Alerts"), each, _shown(found, request.at)), Sheet(_("By institution"), numbers, _tallies(asked))]
    return workbook_of(f"{_('Alerts')} {asked.since:%Y-%m}", sheets)


@page("alert.judge", ("POST",))
def look(request: SignedRequest) -> HttpResponse:
    """Have the ways of patients looked through now instead of at night."""
    only_health(request)
    actions.ask_for_look(by=request.actor, at=request.at)
    messages.success(request, _("The ways of patients are being looked through. Open this page again in a few minutes."))
    return HttpResponseRedirect("/quality/alerts/", status=303)


# --- one ------------------------------------------------------------------------------------------------------------------------

_PAGES = {"visit": ("visit.read", "/visits/{}/"), "stay": ("stay.read", "/stays/{}/"), "case": ("referral.read", "/referrals/{}/")}


def _facts(request: SignedRequest, row: Alert) -> list[dict[str, Any]]:
    """The rows of an alert: institutions and times for everybody, the patient for those who see the row itself."""
    names = names_of({f[side] for f in row.facts for side in ("org", "to") if f[side] is not None})
    seen = queries.alert_rows(row)
    request.reads += [("quality.alert", str(resident)) for resident in sorted({r.resident for r in seen.values()})]

    def link(position: int) -> str:
        found = seen.get(position)
        permission, address = _PAGES[row.facts[position]["kind"]]
        return address.format(found.key) if found and request.actor.may(permission) else ""

    return [
        {
            "what": texts.ROWS[f["kind"]],
            "org": names[f["org"]],
            "to": names.get(f["to"], ""),
            "start": datetime.fromisoformat(f["start"]),
            "end": datetime.fromisoformat(f["end"]) if f["end"] else None,
            "ending": WAYS_OUT.get(f["ending"], ""),
            "emergency": f["emergency"],
            "patient": mask_name(seen[n].patient) if n in seen else "",
            "diagnosis": seen[n].diagnosis if n in seen else "",
            "link": link(n),
        }
        for n, f in enumerate(row.facts)
    ]


def _show(
    request: SignedRequest, row: Alert, forms: dict[str, Any] | None = None, problem: Any = None, status: int = 200
) -> HttpResponse:
    actor, view = request.actor, queries.alert_view(row)
    late = rules.overdue(view, request.at)
    judges = actions.may_judge(row, actor) and (row.state == rules.ANSWERED or late)
    context = {
        **_shown([row], request.at)[0],
        "facts": _facts(request, row),
        "answers": row.state == rules.OPEN and actions.may_answer(row, actor),
        "judges": judges,
        "justifies": judges and row.state == rules.ANSWERED,
        "own": row.answered_id == actor.account_id,
        "withdrawn": texts.WITHDRAWALS.get(row.withdrawn_for, ""),
        "form": AnswerForm(),
        "verdict": JudgeForm(),
        "problem": problem,
        "key": fresh_key(),
        **(forms or {}),
    }
    return render(request, "quality/alert.html", context, status=status)


@page("quality.read")
def alert_page(request: SignedRequest, alert_id: UUID) -> HttpResponse:
    """One alert with its rows, its clause, what was said of it, and the step that comes next."""
    only_health(request)
    return _show(request, queries.alert(alert_id))


@page("quality.review", ("POST",))
def answer(request: SignedRequest, alert_id: UUID) -> HttpResponse:
    """The institution asked says how it came to it."""
    row, form = queries.alert(alert_id), AnswerForm(request.POST)
    if not form.is_valid():
        return _show(request, row, {"form": form}, status=422)
    try:
        actions.answer(row.pk, form.cleaned_data["cause"], version=posted_version(request), by=request.actor, at=request.at)
    except NotPermitted:
        raise
    except Refused as refusal:
        return _show(request, row, {"form": form}, refusal_text(refusal), 409)
    return _done(request, row, rules.ANSWER)


@page("alert.judge", ("POST",))
def judge(request: SignedRequest, alert_id: UUID, action: str) -> HttpResponse:
    """The lead or the health authority judges it: justified, or to be corrected."""
    only_health(request)
    row, form = queries.alert(alert_id), JudgeForm(request.POST)
    if action not in (rules.JUSTIFY, rules.CORRECT):
        raise Unknown(what="action")
    if action == rules.CORRECT and not form.is_valid():
        return _show(request, row, {"verdict": form}, status=422)
    note = form.cleaned_data["note"] if action == rules.CORRECT else ""
    try:
        actions.judge(row.pk, action, note, version=posted_version(request), by=request.actor, at=request.at)
    except NotPermitted:
        raise
    except Refused as refusal:
        return _show(request, row, {"verdict": form if note else JudgeForm()}, refusal_text(refusal), 409)
    return _done(request, row, action)


def _done(request: SignedRequest, row: Alert, action: str) -> HttpResponse:
    messages.success(request, texts.ALERT_STEPS[action])
    return HttpResponseRedirect(f"/quality/alerts/{row.pk}/", status=303)
