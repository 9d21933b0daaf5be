"""Openings beyond somebody's scope: the list, the second look, the list as a spreadsheet."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.front.watch.paging import paged
from fenji.ground.access import queries
from fenji.ground.access.actions import review_glass
from fenji.ground.access.models import Glass
from fenji.ground.access.rules import GLASS_KINDS, AccessPolicy
from fenji.ground.access.texts import GLASS_NAMES
from fenji.ground.common.clock import local_day, local_minute
from fenji.ground.common.edge import SignedRequest, fresh_key, page, refusal_text
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.lists import EXPORT_LIMIT, too_many
from fenji.ground.common.refusal import Refused, Unknown
from fenji.ground.network.queries import place_of
from fenji.ground.policy.queries import resolve

SHOWN = ("unseen", "open", "all")


def _wanted(request: SignedRequest) -> str:
    shown = request.GET.get("show", "")
    return shown if shown in SHOWN else SHOWN[0]


def _found(request: SignedRequest) -> QuerySet[Glass]:
    found, shown = queries.openings(), _wanted(request)
    if shown == "unseen":
        found = found.filter(review=None)
    if shown == "open":
        found = found.filter(closed_at=None, until__gt=request.at)
    kind = request.GET.get("kind", "")
    return found.filter(kind=kind) if kind in GLASS_KINDS else found


def _list(request: SignedRequest, *, problem: Any = None, typed: Any = None, status: int = 200) -> HttpResponse:
    request.reads.append(("glass.list", _wanted(request)))
    context = {
        "page": paged(_found(request), request.GET.dict()),
        "shown": _wanted(request),
        "kind": request.GET.get("kind", ""),
        "kinds": GLASS_NAMES.items(),
        "problem": problem,
        "typed": typed or {},
        "at": request.at,
        "key": fresh_key(),
    }
    return render(request, "watch/glass.html", context, status=status)


@page("glass.watch")
def openings(request: SignedRequest) -> HttpResponse:
    """What was opened within this administrator's reach: first what nobody has looked at."""
    return _list(request)


@page("glass.watch", ("POST",))
def review(request: SignedRequest, glass_id: UUID) -> HttpResponse:
    """The second look at one opening, with a note."""
    policy = resolve(AccessPolicy, place_of(request.actor.org_id).policy_path, local_day(request.at))
    note = request.POST.get("note", "")
    try:
        review_glass(glass_id, note, by=request.actor, at=request.at, policy=policy)
    except Unknown:
        raise
    except Refused as refusal:
        return _list(request, problem=refusal_text(refusal), typed={"id": glass_id, "note": note}, status=409)
    messages.success(request, _("Marked as reviewed."))
    return HttpResponseRedirect("/glass/", status=303)


@page("glass.watch")
def openings_workbook(request: SignedRequest) -> HttpResponse:
    """The list as a spreadsheet. More rows than the limit: a page that says so, never a cut list."""
    rows = list(_found(request)[: EXPORT_LIMIT + 1])
    if len(rows) > EXPORT_LIMIT:
        return too_many(request, "/glass/", EXPORT_LIMIT)
    request.reads.append(("glass.export", f"{len(rows)} rows"))
    columns = [
        Column(_("Opened"), lambda g: local_minute(g.at)),
        Column(_("Until"), lambda g: local_minute(g.closed_at or g.until)),
        Column(_("What"), lambda g: str(GLASS_NAMES[g.kind])),
        Column(_("Subject"), lambda g: g.subject),
        Column(_("Person"), lambda g: g.actor_name),
        Column(_("Institution"), lambda g: g.org_name),
        Column(_("Reason"), lambda g: g.reason),
        Column(_("Reviewed"), lambda g: local_minute(g.review.at) if hasattr(g, "review") else ""),
        Column(_("Reviewed by"), lambda g: g.review.actor_name if hasattr(g, "review") else ""),
        Column(_("Note"), lambda g: g.review.note if hasattr(g, "review") else ""),
    ]
    return workbook(_("Openings"), columns, rows)
