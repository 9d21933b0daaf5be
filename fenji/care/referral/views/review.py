"""What waits for my review, several approved at once, and who stands in for whom."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.care.referral import actions, queries, rules, texts
from fenji.care.referral.forms import DelegationForm
from fenji.care.referral.models import Case
from fenji.ground.common.clock import local_day, local_minute
from fenji.ground.common.edge import SignedRequest, fresh_key, list_start, page, posted_version, refusal_text
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.identity import age_on
from fenji.ground.common.ids import BadCaseNumber, parse_case_number
from fenji.ground.common.lists import EXPORT_LIMIT, SIZES, size_of, too_many
from fenji.ground.common.refusal import NotPermitted, Refused, Stale, Unknown
from fenji.ground.common.text import mask_name

_PAGE = "/referrals/review/"
_NOTE_LENGTH = 2000
_PAST_SHOWN = 20
_TICK = re.compile(r"([A-Z0-9-]{10,30}):(\d{1,9})")
_NOBODYS = "-"
_RESULT = re.compile(r"([A-Z0-9-]{1,30})~([a-z_]{1,30})")
_APPROVED = "approved"


def _only_reviewers(request: SignedRequest) -> None:
    if not queries.reviews(request.actor, request.at):
        raise NotPermitted


def _row(request: SignedRequest, case: Case, again: dict[UUID, str], ticked: frozenset[str]) -> dict[str, Any]:
    return {
        "case": case,
        "masked": mask_name(case.patient_name),
        "age": age_on(case.patient_birth_date, local_day(request.at)),
        "reasons": [(r, texts.REASONS[r["code"]]) for r in case.reasons],
        "outcome_text": texts.OUTCOMES[case.verdict],
        "again": again.get(case.id, ""),
        "own": case.requester_id == request.actor.account_id,
        "ticked": f"{case.number}:{case.version}" in ticked,
    }


def _show(request: SignedRequest, problem: Any = None, status: int = 200) -> HttpResponse:
    actor, at = request.actor, request.at
    size = size_of(request.GET, SIZES)
    start = list_start(request.GET.get("from", ""))
    found = list(queries.waiting_for_review(actor, at)[start : start + size + 1])
    shown = found[:size]
    again = queries.asked_with(shown)
    ticked = frozenset(request.POST.getlist("case"))
    takable = list(queries.may_be_taken(actor)[: size + 1])
    request.reads += [("referral.review", c.number) for c in (*shown, *takable[:size])]
    context = {
        "rows": [_row(request, c, again, ticked) for c in shown],
        "tickable": any(c.requester_id != actor.account_id for c in shown),
        "takable": takable[:size],
        "more_takable": len(takable) > size,
        "results": _results(request),
        "delegation": queries.delegation_of(actor, at),
        "may_delegate": actions.may_delegate(actor),
        "may_export": actor.may("referral.export"),
        "problem": problem,
        "note": request.POST.get("note", ""),
        "at": at,
        "size": size,
        "sizes": SIZES,
        "more": start + size if len(found) > size else None,
        "before": max(start - size, 0) if start else None,
        "start": start,
        "key": fresh_key(),
    }
    return render(request, "referral/review.html", context, status=status)


@page("referral.read")
def waiting(request: SignedRequest) -> HttpResponse:
    """What waits for my review, worst deadline first, with what a decision needs; and what may be taken over from below."""
    _only_reviewers(request)
    return _show(request)


def _is_number(text: str) -> bool:
    try:
        return text == _NOBODYS or bool(parse_case_number(text))
    except BadCaseNumber:
        return False


def _results(request: SignedRequest) -> list[dict[str, Any]]:
    """What became of the cases that were ticked on the page before. The address names outcomes only; words are ours."""
    found = []
    for number, code in (m.groups() for m in map(_RESULT.fullmatch, request.GET.getlist("done")) if m):
        if not _is_number(number):
            continue
        if code == _APPROVED:
            found.append({"number": number, "approved": True, "text": texts.EVENTS["approve"], "remedy": ""})
        elif code in _REFUSED:
            happened, _remedy = refusal_text(_REFUSED[code])
            remedy = _("Open it to see its present state.")
            found.append({"number": number, "approved": False, "text": happened, "remedy": remedy})
    return found


# a case that somebody else decided meanwhile shows its present state behind the link
_REFUSED: dict[str, Refused] = {
    kind.code: kind()
    for kind in (Stale, Unknown, NotPermitted, rules.NotYourMove, rules.NotPossible, rules.OwnReview, rules.NoteRequired)
}


@page("referral.read", ("POST",))
def approve_ticked(request: SignedRequest) -> HttpResponse:
    """Approve the cases that were ticked, each on its own; the page that follows says of each what happened."""
    _only_reviewers(request)
    ticks = [_TICK.fullmatch(text) for text in request.POST.getlist("case")]
    note = request.POST.get("note", "").strip()
    if not ticks:
        return _show(request, (_("No case is ticked."), _("Tick those you approve, and send again.")), 422)
    if None in ticks or len(ticks) > max(SIZES) or len(note) > _NOTE_LENGTH:
        too_long = (_("One of the fields is too long or not a number."), _("Shorten it and send again."))
        return _show(request, too_long, 422)
    ticked = {m[1]: int(m[2]) for m in ticks if m}
    outcomes = actions.approve_several(ticked, by=request.actor, at=request.at, note=note)
    # what somebody may not see is not named again: the address is kept with the form's key
    named = [(_NOBODYS if isinstance(o.refused, Unknown) else o.number, o.refused) for o in outcomes]
    done = [("done", f"{number}~{refused.code if refused else _APPROVED}") for number, refused in named]
    return HttpResponseRedirect(f"{_PAGE}?{urlencode(done)}", status=303)


@page("referral.export")
def waiting_workbook(request: SignedRequest) -> HttpResponse:
    """What waits for my review as a spreadsheet, names masked. More rows than the limit: a page that says so, never a cut list."""
    _only_reviewers(request)
    rows = list(queries.waiting_for_review(request.actor, request.at)[: EXPORT_LIMIT + 1])
    if len(rows) > EXPORT_LIMIT:
        return too_many(request, _PAGE, EXPORT_LIMIT)
    request.reads.append(("referral.export", f"{len(rows)} rows"))
    columns = [
        Column(_("Case number"), lambda c: c.number),
        Column(_("Due"), lambda c: local_minute(c.due_at)),
        Column(_("Patient"), lambda c: mask_name(c.patient_name)),
        Column(_("Diagnosis code"), lambda c: c.diagnosis_code),
        Column(_("Diagnosis"), lambda c: c.diagnosis_name),
        Column(_("Verdict"), lambda c: "; ".join(f"{texts.REASONS[r['code']]} ({r['clause_id']})" for r in c.reasons)),
        Column(_("Summary"), lambda c: c.summary),
        Column(_("Reason given by the sender"), lambda c: c.override_reason),
        Column(_("From"), lambda c: c.origin.name),
        Column(_("Written by"), lambda c: c.requester_name),
        Column(_("To"), lambda c: c.receiver.name),
        Column(_("Times asked"), lambda c: c.review_no),
    ]
    return workbook(_("Waits for review"), columns, rows)


def _show_delegations(request: SignedRequest, form: DelegationForm, problem: Any = None, status: int = 200) -> HttpResponse:
    actor, at = request.actor, request.at
    past = list(queries.past_delegations(actor.org_id, at)[: _PAST_SHOWN + 1])
    context = {
        "form": form,
        "rows": queries.delegations(actor.org_id, at),
        "past": past[:_PAST_SHOWN],
        "more_past": len(past) > _PAST_SHOWN,
        "shown": _PAST_SHOWN,
        "colleagues": len(form.fields["to"].choices) > 1,
        "today": local_day(at),
        "problem": problem,
        "key": fresh_key(),
    }
    return render(request, "referral/delegations.html", context, status=status)


@page("referral.review", ("GET", "POST"))
def delegations(request: SignedRequest) -> HttpResponse:
    """Who reviews for whom, from which day to which; and asking a colleague to."""
    actor, at = request.actor, request.at
    colleagues = actions.delegates(actor, at)
    if request.method == "GET":
        return _show_delegations(request, DelegationForm(initial={"start": local_day(at)}, colleagues=colleagues))
    form = DelegationForm(request.POST, colleagues=colleagues)
    if not form.is_valid():
        return _show_delegations(request, form, status=422)
    data = form.cleaned_data
    try:
        made = actions.delegate(data["to"], data["start"], data["until"], data["reason"], by=actor, at=at)
    except Refused as refusal:
        return _show_delegations(request, form, refusal_text(refusal), 409)
    messages.success(request, _("%(name)s reviews on these days.") % {"name": made.to_name})
    return HttpResponseRedirect("/referrals/review/delegations/", status=303)


@page("referral.review", ("POST",))
def end_delegation(request: SignedRequest, delegation_id: UUID) -> HttpResponse:
    """End a delegation before its last day."""
    actions.end_delegation(delegation_id, version=posted_version(request), by=request.actor, at=request.at)
    messages.success(request, _("The delegation has ended."))
    return HttpResponseRedirect("/referrals/review/delegations/", status=303)
