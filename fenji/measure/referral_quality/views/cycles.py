"""Review cycles: those of the own group and those below, one with what I am to read, one referral with its two questions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.care.referral import texts as referral_texts
from fenji.care.referral.queries import case as referral
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import SignedRequest, fresh_key, list_start, page, posted_version, refusal_text
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.identity import age_on
from fenji.ground.common.lists import EXPORT_LIMIT, SIZES, too_many
from fenji.ground.common.refusal import NotPermitted, Refused, Unknown
from fenji.ground.common.text import mask_name
from fenji.measure.referral_quality import actions, queries, rules, texts
from fenji.measure.referral_quality.forms import ReadingForm
from fenji.measure.referral_quality.models import ReviewCycle, SampledCase
from fenji.measure.referral_quality.views.shared import only_health

_SIZE = SIZES[0]


def _percent(found: dict[str, int]) -> str:
    judged = found["yes"] + found["no"]
    return f"{found['yes'] / judged:.1%}" if judged else "–"


def _row(cycle: ReviewCycle, request: SignedRequest) -> dict[str, Any]:
    shares = {d: _percent(cycle.found[d]) for d in rules.DIMENSIONS} if cycle.found else {}
    late = cycle.closed_at is None and local_day(request.at) > cycle.due_on
    return {"cycle": cycle, "late": late, **shares}


@page("quality.read")
def cycle_list(request: SignedRequest) -> HttpResponse:
    """Cycles of the own group, of those the own hospital leads, or of an officer's region; latest first."""
    only_health(request)
    start = list_start(request.GET.get("from", ""))
    found = list(queries.cycles()[start : start + _SIZE + 1])
    context = {
        "rows": [_row(c, request) for c in found[:_SIZE]],
        "more": start + _SIZE if len(found) > _SIZE else None,
        "before": max(start - _SIZE, 0) if start else None,
    }
    return render(request, "quality/cycles.html", context)


def _sampled_rows(request: SignedRequest, cycle: ReviewCycle) -> list[dict[str, Any]]:
    drawn = queries.sampled_of(cycle)
    views, readings = queries.views_of(drawn), queries.readings_of(drawn)
    found = []
    for row in drawn:
        result = rules.result(views[row.pk])
        mine = cycle.closed_at is None and not rules.reader_fault(views[row.pk], request.actor.account_id)
        found.append(
            {
                "sampled": row,
                "mine": mine and request.actor.may("quality.review"),
                "readers": [r.reader_name for r in readings.get(row.pk, [])],
                "notes": [r.note for r in readings.get(row.pk, []) if r.note],
                **{d: texts.ANSWERS[result[d]] for d in rules.DIMENSIONS},
                "open": rules.OPEN in result.values(),
            }
        )
    return found


def _show(request: SignedRequest, cycle: ReviewCycle, problem: Any = None, status: int = 200) -> HttpResponse:
    rows = _sampled_rows(request, cycle)
    request.reads.append(("quality.cycle", actions.subject_of(cycle)))
    own = request.actor.may("quality.review") and cycle.org_id in request.actor.orgs
    left = sum(r["open"] for r in rows)
    context = {
        **_row(cycle, request),
        "found": [(texts.DIMENSIONS[d], cycle.found[d], _percent(cycle.found[d])) for d in rules.DIMENSIONS if cycle.found],
        "rows": rows,
        "next": next((r["sampled"] for r in rows if r["mine"]), None),
        "mine": sum(r["mine"] for r in rows),
        "left": left,
        "may_close": own and cycle.closed_at is None and not left,
        "own": own,
        "problem": problem,
        "key": fresh_key(),
    }
    return render(request, "quality/cycle.html", context, status=status)


@page("quality.read")
def cycle_page(request: SignedRequest, cycle_id: UUID) -> HttpResponse:
    """One cycle: what was drawn, what is mine to read, what was found."""
    only_health(request)
    return _show(request, queries.cycle(cycle_id))


@page("quality.read")
def cycle_workbook(request: SignedRequest, cycle_id: UUID) -> HttpResponse:
    """The sample of a cycle with its answers as a spreadsheet."""
    only_health(request)
    cycle = queries.cycle(cycle_id)
    rows = _sampled_rows(request, cycle)
    if len(rows) > EXPORT_LIMIT:
        return too_many(request, f"/quality/cycles/{cycle.id}/", EXPORT_LIMIT)
    request.reads.append(("quality.export", f"{len(rows)} rows"))
    columns = [
        Column(_("Case number"), lambda r: r["sampled"].number),
        Column(_("Written by"), lambda r: r["sampled"].requester_name),
        Column(str(texts.DIMENSIONS[rules.APPROPRIATE]), lambda r: str(r[rules.APPROPRIATE])),
        Column(str(texts.DIMENSIONS[rules.COMPLIANT]), lambda r: str(r[rules.COMPLIANT])),
        Column(_("Read by"), lambda r: "; ".join(r["readers"])),
        Column(_("What the doctor should know"), lambda r: "; ".join(r["notes"])),
    ]
    return workbook(_("Sampled referrals"), columns, rows)


@page("quality.review", ("POST",))
def close(request: SignedRequest, cycle_id: UUID) -> HttpResponse:
    """Close a cycle: doctors and the lead are told."""
    cycle = queries.cycle(cycle_id)
    try:
        actions.close_cycle(cycle_id, version=posted_version(request), by=request.actor, at=request.at)
    except NotPermitted:
        raise
    except Refused as refusal:
        return _show(request, cycle, refusal_text(refusal), 409)
    messages.success(request, _("The cycle is closed. The doctors see the results of their own referrals."))
    return HttpResponseRedirect(f"/quality/cycles/{cycle_id}/", status=303)


def _show_sampled(
    request: SignedRequest, row: SampledCase, form: ReadingForm, problem: Any = None, status: int = 200
) -> HttpResponse:
    case = referral(row.number)
    request.reads.append(("quality.read", case.number))
    view = queries.views_of([row])[row.pk]
    fault = rules.reader_fault(view, request.actor.account_id)
    context = {
        "sampled": row,
        "case": case,
        "masked": mask_name(case.patient_name),
        "age": age_on(case.patient_birth_date, local_day(case.created_at)),
        "reasons": [(r, referral_texts.REASONS[r["code"]]) for r in case.reasons],
        "outcome_text": referral_texts.OUTCOMES[case.verdict],
        "form": form,
        "readable": not fault and row.cycle.closed_at is None and request.actor.may("quality.review"),
        "second": bool(view.readings),
        "problem": problem,
        "key": fresh_key(),
    }
    return render(request, "quality/sampled.html", context, status=status)


@page("quality.review", ("GET", "POST"))
def sampled(request: SignedRequest, sampled_id: UUID) -> HttpResponse:
    """One sampled referral: what was written, and the two questions; then on to the next one."""
    row = queries.sampled(sampled_id)
    if row.org_id not in request.actor.orgs:
        raise Unknown(what="sampled")
    form = ReadingForm(request.POST or None)
    if request.method != "POST":
        return _show_sampled(request, row, ReadingForm())
    if not form.is_valid():
        return _show_sampled(request, row, form, status=422)
    data = form.cleaned_data
    try:
        actions.read(row.pk, data["appropriate"], data["compliant"], data["note"], by=request.actor, at=request.at)
    except Refused as refusal:
        return _show_sampled(request, row, form, refusal_text(refusal), 409)
    following = next(iter(queries.to_read(request.actor, queries.sampled_of(row.cycle))), None)
    messages.success(request, _("Read: %(number)s") % {"number": row.number})
    to = f"/quality/sampled/{following.id}/" if following else f"/quality/cycles/{row.cycle_id}/"
    return HttpResponseRedirect(to, status=303)


@page("quality.own")
def mine(request: SignedRequest) -> HttpResponse:
    """What reviews found of my own referrals."""
    start = list_start(request.GET.get("from", ""))
    found = list(queries.judged_of(request.actor)[start : start + _SIZE + 1])
    request.reads += [("quality.own", s.number) for s in found[:_SIZE]]
    rows = [
        {"sampled": s, **{d: texts.ANSWERS[getattr(s, d)] for d in rules.DIMENSIONS}} for s in found[:_SIZE]
    ]  # what is told is settled
    before = max(start - _SIZE, 0) if start else None
    more = start + _SIZE if len(found) > _SIZE else None
    return render(request, "quality/mine.html", {"rows": rows, "more": more, "before": before})
