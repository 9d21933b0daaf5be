"""How often units refer, with the funnel; outliers and what becomes of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from fenji.care.catalogue.queries import group_names
from fenji.ground.access.rules import OFFICER
from fenji.ground.common.clock import local_day, local_minute
from fenji.ground.common.edge import SignedRequest, fresh_key, list_start, page, posted_version, refusal_text
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.lists import EXPORT_LIMIT, SIZES, too_many
from fenji.ground.common.refusal import NotPermitted, Refused, Unknown
from fenji.ground.common.units import PER_MILLE
from fenji.ground.network.queries import names_of, place_of
from fenji.measure.referral_quality import actions, queries, rules, texts
from fenji.measure.referral_quality.forms import BackForm, ExplainForm, RatesForm
from fenji.measure.referral_quality.models import OutlierCase
from fenji.measure.referral_quality.views.picture import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, picture
from fenji.measure.referral_quality.views.shared import only_health

_SIZE = SIZES[0]
_LONGEST_PERIOD = timedelta(days=366)


def _form(request: SignedRequest) -> RatesForm:
    today = local_day(request.at)
    policy = queries.policy_at(place_of(request.actor.org_id), today)
    first = {
        "side": rules.BRANCH,
        "since": (today - timedelta(days=policy.outlier_days)).isoformat(),
        "until": (today - timedelta(days=1)).isoformat(),
        "limits": rules.ADJUSTED,
    }
    form = RatesForm({**first, **{k: v for k, v in request.GET.dict().items() if v}})
    if request.actor.role == OFFICER:
        form.fields["side"].choices = [c for c in form.fields["side"].choices if c[0] != rules.DOCTOR]
    if form.is_valid():
        days = form.cleaned_data
        if not timedelta(0) <= days["until"] - days["since"] <= _LONGEST_PERIOD:
            form.add_error("until", _("Choose a period that ends after it begins, of a year at most."))
    return form


def _rates(request: SignedRequest, form: RatesForm) -> list[tuple[str, rules.Judged]]:
    data = form.cleaned_data
    counts = queries.counted_here(data["since"], data["until"] + timedelta(days=1))
    policy = queries.policy_at(place_of(request.actor.org_id), local_day(request.at))
    found = queries.rates(counts, data["side"], policy)
    names = queries.unit_names(counts, data["side"], english=get_language() == "en")
    units = found.adjusted if data["limits"] == rules.ADJUSTED else found.plain
    order = {v: n for n, v in enumerate((rules.ALARM_HIGH, rules.WARNING_HIGH, rules.ALARM_LOW, rules.WARNING_LOW, rules.WITHIN))}
    rows = [(names.get(u.unit, u.unit), u) for u in units]
    return sorted(rows, key=lambda r: (order.get(r[1].verdict, len(order)), -r[1].observed / (r[1].contacts or 1), r[0]))


@page("quality.read")
def rates(request: SignedRequest) -> HttpResponse:
    """How often branches, diseases or doctors refer up, against what is usual: a funnel, and the table beside it."""
    only_health(request)
    form = _form(request)
    found = _rates(request, form) if form.is_valid() else []
    adjusted = form.is_valid() and form.cleaned_data["limits"] == rules.ADJUSTED
    shown = picture([u for _name, u in found], adjusted=adjusted)
    request.reads.append(("quality.rates", f"{len(found)} rows"))
    rows = [
        {
            "name": name,
            "unit": u,
            "rate": f"{u.observed / u.contacts:.1%}" if u.contacts else "–",
            "expected": f"{u.expected:.1f}",
            "verdict": texts.VERDICTS[u.verdict],
        }
        for name, u in found
    ]
    policy = queries.policy_at(place_of(request.actor.org_id), local_day(request.at))
    context = {
        "form": form,
        "rows": rows,
        "warning": f"{policy.warning_permille / PER_MILLE:.1%}",
        "alarm": f"{policy.alarm_permille / PER_MILLE:.1%}",
        "picture": shown,
        "points": [(p, found[p.row][0], rows[p.row]) for p in shown.points] if shown else [],
        "adjusted": adjusted,
        "frame": {
            "width": WIDTH,
            "height": HEIGHT,
            "left": LEFT,
            "floor": HEIGHT - BOTTOM,
            "top": TOP,
            "end": WIDTH - RIGHT,
            "half": WIDTH / 2,
        },
        "keep": request.GET.urlencode(),
    }
    return render(request, "quality/rates.html", context, status=200 if form.is_valid() else 422)


@page("quality.read")
def rates_workbook(request: SignedRequest) -> HttpResponse:
    """The table of rates as a spreadsheet."""
    only_health(request)
    form = _form(request)
    if not form.is_valid():
        return rates(request)
    found = _rates(request, form)
    if len(found) > EXPORT_LIMIT:
        return too_many(request, "/quality/", EXPORT_LIMIT)
    request.reads.append(("quality.export", f"{len(found)} rows"))
    columns = [
        Column(str(texts.SIDE[form.cleaned_data["side"]]), lambda r: r[0]),
        Column(_("Contacts"), lambda r: r[1].contacts),
        Column(_("Referred up"), lambda r: r[1].observed),
        Column(_("Expected"), lambda r: round(r[1].expected, 2)),
        Column(_("Lower limit"), lambda r: round(r[1].limits.alarm_low, 2) if r[1].limits else None),
        Column(_("Upper limit"), lambda r: round(r[1].limits.alarm_high, 2) if r[1].limits else None),
        Column(_("Verdict"), lambda r: str(texts.VERDICTS[r[1].verdict])),
    ]
    return workbook(_("Referral rates"), columns, found)


# --- outliers ------------------------------------------------------------------------------------------------------------------


def _named(rows: list[OutlierCase]) -> list[dict[str, Any]]:
    orgs = names_of(int(r.unit) for r in rows if r.kind == rules.BRANCH)
    groups = group_names({r.unit for r in rows if r.kind == rules.DISEASE}, english=get_language() == "en")
    return [
        {
            "outlier": r,
            "side": texts.SIDE[r.kind],
            "name": {rules.BRANCH: lambda r=r: orgs.get(int(r.unit), ""), rules.DISEASE: lambda r=r: groups[r.unit]}.get(
                r.kind, lambda r=r: r.unit_name
            )(),
            "state": texts.STATES[r.state],
            "verdict": texts.VERDICTS[r.verdict],
            "rate": f"{r.referred / r.contacts:.1%}" if r.contacts else "–",
            "last": r.until - timedelta(days=1),
        }
        for r in rows
    ]


@page("quality.read")
def outlier_list(request: SignedRequest) -> HttpResponse:
    """Outliers to explain, to confirm, and those that are over."""
    only_health(request)
    start = list_start(request.GET.get("from", ""))
    found = list(queries.outliers()[start : start + _SIZE + 1])
    before, more = max(start - _SIZE, 0) if start else None, start + _SIZE if len(found) > _SIZE else None
    return render(request, "quality/outliers.html", {"rows": _named(found[:_SIZE]), "more": more, "before": before})


@page("quality.read")
def outliers_workbook(request: SignedRequest) -> HttpResponse:
    """Outliers as a spreadsheet."""
    only_health(request)
    rows = list(queries.outliers()[: EXPORT_LIMIT + 1])
    if len(rows) > EXPORT_LIMIT:
        return too_many(request, "/quality/outliers/", EXPORT_LIMIT)
    columns = [
        Column(_("What"), lambda r: f"{r['side']} {r['name']}"),
        Column(_("Institution"), lambda r: r["outlier"].org.name),
        Column(_("From day"), lambda r: r["outlier"].since.isoformat()),
        Column(_("To day"), lambda r: r["last"].isoformat()),
        Column(_("Contacts"), lambda r: r["outlier"].contacts),
        Column(_("Referred up"), lambda r: r["outlier"].referred),
        Column(_("Expected"), lambda r: round(r["outlier"].expected, 2)),
        Column(_("State"), lambda r: str(r["state"])),
        Column(_("Cause"), lambda r: r["outlier"].cause),
        Column(_("Correction"), lambda r: r["outlier"].correction),
        Column(_("Opened"), lambda r: local_minute(r["outlier"].opened_at)),
    ]
    return workbook(_("Outliers"), columns, _named(rows))


def _show(
    request: SignedRequest, row: OutlierCase, forms: dict[str, Any] | None = None, problem: Any = None, status: int = 200
) -> HttpResponse:
    actor = request.actor
    able = actor.may("quality.review")
    first = {"cause": row.cause, "correction": row.correction, "correct_by": row.correct_by}

    def mine(action: str) -> bool:
        return (row.org_id if action == rules.EXPLAIN else row.lead_id) in actor.orgs

    steps = {action: able and (row.state, action) in rules.TABLE and mine(action) for action in rules.ACTIONS}
    context = {
        **_named([row])[0],
        "events": [(e, texts.STEPS[e.action]) for e in queries.events_of(row)],
        "steps": steps,
        "own": row.explained_by == actor.account_id,
        "limits": row.limits,
        "form": ExplainForm(initial=first),
        "back": BackForm(),
        "problem": problem,
        "key": fresh_key(),
        **(forms or {}),
    }
    return render(request, "quality/outlier.html", context, status=status)


@page("quality.read")
def outlier_page(request: SignedRequest, outlier_id: UUID) -> HttpResponse:
    """One outlier with its numbers, what was written about it, and the step that comes next."""
    only_health(request)
    return _show(request, queries.outlier(outlier_id))


@page("quality.review", ("POST",))
def step(request: SignedRequest, outlier_id: UUID, action: str) -> HttpResponse:
    """Take one step with an outlier."""
    row, actor = queries.outlier(outlier_id), request.actor
    if action not in rules.ACTIONS:
        raise Unknown(what="action")
    data: dict[str, Any] = {}
    kinds = {rules.EXPLAIN: ("form", ExplainForm), rules.SEND_BACK: ("back", BackForm)}
    if action in kinds:
        name, kind = kinds[action]
        form = kind(request.POST)
        if not form.is_valid():
            return _show(request, row, {name: form}, status=422)
        data = form.cleaned_data
    wanted = rules.Act(action, actor.account_id, local_day(request.at), **data)
    try:
        actions.act(outlier_id, wanted, version=posted_version(request), by=actor, at=request.at)
    except NotPermitted:
        raise
    except Refused as refusal:
        return _show(request, row, {kinds[action][0]: form} if action in kinds else None, refusal_text(refusal), 409)
    messages.success(request, texts.STEPS[action])
    return HttpResponseRedirect(f"/quality/outliers/{outlier_id}/", status=303)
