"""Who waits for a bed of one's wards, in the order of the queue."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.care.booking import actions, queries, rules, texts
from fenji.care.booking.forms import LeaveBedForm
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.refusal import NotPermitted, Refused, Unknown
from fenji.ground.network.queries import place_of

Problem = tuple[str, str] | None


@page("bed.confirm")
def waiting(request: SignedRequest) -> HttpResponse:
    """Who waits for a bed here: the first whom a free bed suits is offered it by itself."""
    return _show(request)


def _show(request: SignedRequest, problem: Problem = None, status: int = 0) -> HttpResponse:
    own = request.actor.org_id
    found = queries.waiting_for_beds(own, queries.policy_at(place_of(own), local_day(request.at)))
    rows: list[dict[str, Any]] = []
    for n, entry in enumerate(found, 1):
        request.reads.append(("booking.waiting_bed", entry.subject))
        held = queries.bed_hold_of(entry.subject)
        live = held if held is not None and held.state in rules.LIVE else None
        words = {"priority": texts.PRIORITIES[entry.priority], "why": texts.NO_BED_WHYS[entry.why]}
        rows.append(
            {"n": n, "row": entry, "kind": texts.WARD_KINDS[entry.item], "held": live, "mine": entry.org_id == own, **words}
        )
    context = {"rows": rows, "leaving": texts.NO_BED_LEAVING.items(), "at": request.at, "problem": problem, "key": fresh_key()}
    return render(request, "beds/waiting.html", context, status=status or (409 if problem else 200))


@page("bed.confirm", ("POST",))
def leave(request: SignedRequest, entry_id: UUID) -> HttpResponse:
    """Take somebody off the wait list, with the reason; who asked is told."""
    entry, form = queries.entry(entry_id), LeaveBedForm(request.POST)
    if entry.kind != rules.BED:
        raise Unknown(what="waiting")
    if entry.org_id != request.actor.org_id:
        raise NotPermitted
    if not form.is_valid():
        return _show(request, (" ".join(form.errors["reason"]), _("Choose a reason and send again.")), 422)
    try:
        actions.leave(entry_id, form.cleaned_data["reason"], version=posted_version(request), by=request.actor, at=request.at)
    except Refused as refusal:
        return _show(request, refusal_text(refusal))
    messages.success(request, _("%(who)s was taken off the wait list; the sender is told.") % {"who": entry.who})
    return HttpResponseRedirect("/beds/waiting/", status=303)
