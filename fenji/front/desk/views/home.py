"""The desk itself, the search in the top bar, and the desk as a spreadsheet."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.care.referral.queries import clocks
from fenji.front.desk.views.policy import change_rows
from fenji.ground.access.rules import MANAGER
from fenji.ground.common.clock import local_day, local_minute
from fenji.ground.common.edge import SignedRequest, list_start, page
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.ids import BadCaseNumber, parse_case_number
from fenji.ground.common.lists import EXPORT_LIMIT, SIZES, size_of, too_many
from fenji.ground.network.queries import place_of
from fenji.ground.network.queries.directory import directory
from fenji.ground.policy.queries import TasksPolicy, decided_since, resolve
from fenji.ground.policy.queries import to_decide as to_decide_by
from fenji.ground.tasks import kinds, queries
from fenji.ground.tasks.rules import urgency

CHANGES_SHOWN = 5
OUTCOME_DAYS = 14
"""For so long the desk says what became of somebody's proposals; afterwards they stand on the page of the parameter."""


@page("desk.open")
def desk(request: SignedRequest) -> HttpResponse:
    """What waits for me, soonest deadline first, each with its one next action."""
    actor = request.actor
    policy = resolve(TasksPolicy, place_of(actor.org_id).policy_path, local_day(request.at))
    size = size_of(request.GET, SIZES)
    start = list_start(request.GET.get("from", ""))
    found = list(queries.desk_items(actor)[start : start + size + 1])
    rows = [
        {"item": i, "kind": kinds.kind(i.kind), "urgency": urgency(i.due_at, request.at, policy.due_soon_minutes)}
        for i in found[:size]
    ]
    waiting = [r["item"].subject for r in rows if r["item"].urgent and r["item"].kind == "referral.offered"]
    running = clocks(waiting)
    for row in rows:
        clock = running.get(row["item"].subject)
        row["minutes"] = clock.minutes(request.at) if clock else None
    notices = [{"notice": n, "text": kinds.notice_text(n.kind, n.subject)} for n in queries.latest_notices(actor)]
    to_decide, decided = to_decide_by(actor), decided_since(actor, request.at - timedelta(days=OUTCOME_DAYS))
    counts = queries.desk_counts(actor, request.at)
    context = {
        "rows": rows,
        "counts": replace(counts, waiting=counts.waiting + len(to_decide)),
        "to_decide": change_rows(to_decide[:CHANGES_SHOWN], actor),
        "to_decide_more": max(len(to_decide) - CHANGES_SHOWN, 0),
        "decided": change_rows(list(decided) if actor.may("policy.propose") else [], actor),
        "notices": notices,
        "unit": queries.unit_counts(actor, request.at) if actor.may("referral.read") else None,
        "at": request.at,
        "start": start,
        "size": size,
        "sizes": SIZES,
        "more": start + size if len(found) > size else None,
        "before": max(start - size, 0) if start else None,
        "clinical": actor.may("referral.read"),
        "sees_escalated": actor.role == MANAGER,
    }
    return render(request, "desk/desk.html", context)


@page("desk.open")
def search(request: SignedRequest) -> HttpResponse:
    """One field for everything: a case number leads to the case, anything else to residents, or to institutions of that name."""
    typed = request.GET.get("q", "")
    try:
        return HttpResponseRedirect(f"/referrals/{parse_case_number(typed)}/")
    except BadCaseNumber as problem:
        if str(problem) == "check_digit":
            return render(request, "desk/search.html", {"typed": typed, "slip": True}, status=404)
    if request.actor.may("resident.find"):
        return HttpResponseRedirect("/residents/?" + urlencode({"q": typed}))
    if typed.strip() and directory("", text=typed.strip()).exists():
        return HttpResponseRedirect("/institutions/?" + urlencode({"q": typed.strip()}))
    return render(request, "desk/search.html", {"typed": typed, "slip": False}, status=404)


@page("desk.open")
def desk_workbook(request: SignedRequest) -> HttpResponse:
    """The desk's list as a spreadsheet. More rows than the limit: a page that says so, never a cut list."""
    items = list(queries.desk_items(request.actor)[: EXPORT_LIMIT + 1])
    if len(items) > EXPORT_LIMIT:
        return too_many(request, "/", EXPORT_LIMIT)
    request.reads.append(("desk.export", f"{len(items)} rows"))
    columns = [
        Column(_("Case number"), lambda i: i.subject),
        Column(_("Patient"), lambda i: i.who),
        Column(_("Diagnosis"), lambda i: i.topic),
        Column(_("Waits for"), lambda i: str(kinds.kind(i.kind).waiting)),
        Column(_("Since"), lambda i: local_minute(i.opened_at)),
        Column(_("Due"), lambda i: local_minute(i.due_at)),
    ]
    return workbook(_("Desk"), columns, items)
