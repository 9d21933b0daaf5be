"""Who finds no slot, and who lost one: the desk's two lists, each line with the slots that fit."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.care.booking import actions, queries, rules, texts
from fenji.care.booking.forms import LeaveForm, SlotForm
from fenji.care.booking.models import Slot
from fenji.ground.common.clock import local_day, local_minute
from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.refusal import NotPermitted, Refused, Unknown
from fenji.ground.network.queries import place_of

Problem = tuple[str, str] | None
_WEEKS = 4
_OFFERED = 40
"""So many sessions stand in the choice of a line; the page says when there are more."""


class _Free:
    """What is free at the actor's hospital in the coming weeks, read once for all lines."""

    def __init__(self, request: SignedRequest) -> None:
        self.at: datetime = request.at
        self.policy = queries.policy_at(place_of(request.actor.org_id), local_day(request.at))
        self.slots = list(queries.free_at(request.actor.org_id, request.at, _WEEKS))

    def for_one(self, kind: str, item: str, priority: str, department_id: int | None = None) -> tuple[list[Slot], bool]:
        """The first slot that fits of each session, at most so many, and whether there are more."""
        public = rules.is_public(priority, kind, self.policy)
        first: dict[UUID, Slot] = {}
        for slot in self.slots:
            session = slot.session
            fits = session.kind == kind and item in ("", session.item) and department_id in (None, session.department_id)
            if fits and not (public and slot.reserved and self.at < session.release_at):
                first.setdefault(session.id, slot)
        found = list(first.values())
        return found[:_OFFERED], len(found) > _OFFERED


def _shown(request: SignedRequest, problem: Problem) -> dict[str, Any]:
    return {"problem": problem, "at": request.at, "key": fresh_key(), "leaving": texts.LEAVING.items()}


@page("booking.write")
def waiting(request: SignedRequest) -> HttpResponse:
    """Who waits for a slot, in the order of the queue."""
    return _waiting(request)


def _waiting(request: SignedRequest, problem: Problem = None, status: int = 0) -> HttpResponse:
    free = _Free(request)
    rows = []
    for n, entry in enumerate(queries.waiting_at(request.actor.org_id, free.policy), 1):
        slots, more = free.for_one(entry.kind, entry.item, entry.priority, entry.department_id)
        request.reads.append(("booking.waiting", entry.subject))
        words = {"priority": texts.PRIORITIES[entry.priority], "why": texts.WHYS[entry.why], "kind": texts.KINDS[entry.kind]}
        rows.append({"n": n, "row": entry, "slots": slots, "more": more, **words})
    context = {**_shown(request, problem), "rows": rows, "tab": "waiting"}
    return render(request, "booking/waiting.html", context, status=status or (409 if problem else 200))


@page("booking.write")
def waiting_workbook(request: SignedRequest) -> HttpResponse:
    """The wait list as a spreadsheet, names masked."""
    policy = queries.policy_at(place_of(request.actor.org_id), local_day(request.at))
    rows = queries.waiting_at(request.actor.org_id, policy)
    request.reads.append(("booking.export", f"{len(rows)} rows"))
    columns = [
        Column(_("Case number"), lambda w: w.subject),
        Column(_("Patient"), lambda w: w.who),
        Column(_("Diagnosis"), lambda w: w.topic),
        Column(_("Priority"), lambda w: str(texts.PRIORITIES[w.priority])),
        Column(_("Kind"), lambda w: str(texts.KINDS[w.kind])),
        Column(_("Department"), lambda w: w.department.name_zh if w.department else ""),
        Column(_("Asked"), lambda w: local_minute(w.asked_at)),
        Column(_("Due"), lambda w: local_minute(w.due_at)),
    ]
    return workbook(_("Wait list"), columns, rows)


def _mine(request: SignedRequest, org_id: int) -> None:
    if org_id != request.actor.org_id:
        raise NotPermitted


@page("booking.write", ("POST",))
def place(request: SignedRequest, entry_id: UUID) -> HttpResponse:
    """Give somebody who waits a slot."""
    entry, form = queries.entry(entry_id), SlotForm(request.POST)
    _mine(request, entry.org_id)
    if not form.is_valid():
        return _waiting(request, _no_slot(form), 422)
    try:
        made = actions.place(entry_id, form.cleaned_data["slot"], version=posted_version(request), by=request.actor, at=request.at)
    except Unknown:
        return _waiting(request, refusal_text(rules.SlotTaken()))
    except Refused as refusal:
        return _waiting(request, refusal_text(refusal))
    messages.success(request, _given(made))
    return HttpResponseRedirect("/booking/waiting/", status=303)


def _no_slot(form: SlotForm) -> Problem:
    return " ".join(form.errors["slot"]), _("Choose a slot from the line's list and send again.")


def _given(made: Any) -> str:
    return _("%(who)s has the slot of %(when)s; the sender is told.") % {"who": made.who, "when": local_minute(made.start_at)}


@page("booking.write", ("POST",))
def leave(request: SignedRequest, entry_id: UUID) -> HttpResponse:
    """Take somebody off the wait list, with the reason."""
    entry, form = queries.entry(entry_id), LeaveForm(request.POST)
    if entry.kind == rules.BED:
        raise Unknown(what="waiting")
    _mine(request, entry.org_id)
    if not form.is_valid():
        return _waiting(request, (" ".join(form.errors["reason"]), _("Choose a reason and send again.")), 422)
    try:
        actions.leave(entry_id, form.cleaned_data["reason"], version=posted_version(request), by=request.actor, at=request.at)
    except Refused as refusal:
        return _waiting(request, refusal_text(refusal))
    messages.success(request, _("%(who)s was taken off the wait list; the sender is told.") % {"who": entry.who})
    return HttpResponseRedirect("/booking/waiting/", status=303)


@page("booking.write")
def to_move(request: SignedRequest) -> HttpResponse:
    """Who lost the slot and has no other yet."""
    return _to_move(request)


def _to_move(request: SignedRequest, problem: Problem = None, status: int = 0) -> HttpResponse:
    free = _Free(request)
    rows = []
    for booking in queries.to_move(request.actor.org_id):
        said = (booking.kind, booking.item, booking.priority)
        slots, more = free.for_one(*said, booking.slot.session.department_id)
        if not slots:
            slots, more = free.for_one(*said)
        request.reads.append(("booking.to_move", booking.subject))
        rows.append({"row": booking, "slots": slots, "more": more, "priority": texts.PRIORITIES[booking.priority]})
    context = {**_shown(request, problem), "rows": rows, "tab": "to_move"}
    return render(request, "booking/to_move.html", context, status=status or (409 if problem else 200))


@page("booking.write", ("POST",))
def move(request: SignedRequest, booking_id: UUID) -> HttpResponse:
    """Give somebody who lost the slot another one."""
    booking, form = queries.booking(booking_id), SlotForm(request.POST)
    _mine(request, booking.org_id)
    if not form.is_valid():
        return _to_move(request, _no_slot(form), 422)
    try:
        made = actions.move(booking_id, form.cleaned_data["slot"], version=posted_version(request), by=request.actor, at=request.at)
    except Unknown:
        return _to_move(request, refusal_text(rules.SlotTaken()))
    except Refused as refusal:
        return _to_move(request, refusal_text(refusal))
    messages.success(request, _given(made))
    return HttpResponseRedirect("/booking/to-move/", status=303)
