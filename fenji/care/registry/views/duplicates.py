"""Pairs of records that may be one person: the worklist, and the page on which two are compared, linked and told apart."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.care.registry import actions, queries, texts
from fenji.care.registry.models import Duplicate, Resident
from fenji.ground.common.clock import local_day, local_minute
from fenji.ground.common.edge import SignedRequest, as_uuid, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.lists import EXPORT_LIMIT, too_many
from fenji.ground.common.refusal import Refused, Unknown
from fenji.ground.common.text import mask_name

_PAGE = 50
Pair = tuple[Duplicate, Resident | None, Resident | None]


def _state(request: SignedRequest) -> str:
    wanted = request.GET.get("state", "")
    return wanted if wanted in texts.STATES else "proposed"


def _with_residents(rows: list[Duplicate]) -> list[Pair]:
    people = queries.residents_by_id(i for row in rows for i in (row.first_id, row.second_id))
    return [(row, people.get(row.first_id), people.get(row.second_id)) for row in rows]


@page("resident.link")
def listed(request: SignedRequest) -> HttpResponse:
    """The pairs of this institution in a state."""
    state = _state(request)
    pages = Paginator(queries.duplicates(request.actor, state), _PAGE).get_page(request.GET.get("page"))
    rows = [(*pair, texts.REASONS[pair[0].reason]) for pair in _with_residents(list(pages))]
    request.reads.append(("resident.duplicates", f"{len(rows)} shown"))
    context = {"rows": rows, "pages": pages, "state": state, "states": texts.STATES.items(), "query": f"state={state}&"}
    return render(request, "registry/duplicates.html", context)


@page("resident.link")
def list_workbook(request: SignedRequest) -> HttpResponse:
    """The list as a spreadsheet, names masked. More rows than the limit: a page that says so, never a cut list."""
    found = list(queries.duplicates(request.actor, _state(request))[: EXPORT_LIMIT + 1])
    if len(found) > EXPORT_LIMIT:
        return too_many(request, "/residents/duplicates/", EXPORT_LIMIT)
    request.reads.append(("resident.duplicates.export", f"{len(found)} rows"))

    def who(row: Resident | None) -> str:
        return mask_name(row.name) if row else ""

    columns = [
        Column(_("Reason"), lambda p: str(texts.REASONS[p[0].reason])),
        Column(_("Older record"), lambda p: who(p[1])),
        Column(_("Newer record"), lambda p: who(p[2])),
        Column(_("Born"), lambda p: f"{p[1].birth_date}" if p[1] else ""),
        Column(_("State"), lambda p: str(texts.STATES[p[0].state])),
        Column(_("Found"), lambda p: local_minute(p[0].found_at)),
        Column(_("Decided by"), lambda p: p[0].decided_by),
    ]
    return workbook(_("Duplicates"), columns, _with_residents(found))


@page("resident.link", ("GET", "POST"))
def compare(request: SignedRequest, duplicate_id: UUID) -> HttpResponse:
    """Two records side by side; linked, told apart, or the link undone."""
    found = queries.duplicate(duplicate_id)
    status, problem = 200, None
    if request.method == "POST":
        try:
            _decide(request, found)
            return HttpResponseRedirect(f"/residents/duplicates/{found.id}/", status=303)
        except Unknown:
            raise
        except Refused as refusal:
            status, problem = 409, refusal_text(refusal)
            found = queries.duplicate(duplicate_id)
    today = local_day(request.at)
    sides: list[dict[str, Any]] = []
    for row in _with_residents([found])[0][1:]:
        if row is not None:
            request.reads.append(("resident.compare", str(row.id)))
            sides.append({"resident": row, "particulars": queries.particulars(row, today)})
    for side in sides:
        side["document_kind"] = texts.DOCUMENTS.get(side["particulars"].kind, "")
        side["entry"] = texts.ENTRIES.get(side["resident"].entry, "")
    context = {"pair": found, "sides": sides, "reason": texts.REASONS[found.reason], "problem": problem, "key": fresh_key()}
    context |= {"state_text": texts.STATES[found.state], "may_act": len(sides) > 1}
    return render(request, "registry/compare.html", context, status=status)


def _decide(request: SignedRequest, found: Duplicate) -> None:
    common = {"version": posted_version(request), "by": request.actor, "at": request.at}
    decision = request.POST.get("decision", "")
    if decision == "apart":
        actions.tell_apart(found.id, **common)
        messages.success(request, _("Kept as two people. They are not proposed again."))
    elif decision == "undo":
        actions.unlink(found.id, **common)
        messages.success(request, _("Undone: each record stands for itself again."))
    else:
        kept = as_uuid(request.POST.get("kept", ""))
        if kept is None:
            raise actions.CannotLink
        actions.link(found.id, kept, **common)
        messages.success(request, _("Linked. Visits and referrals of both are now seen together."))
