"""Announcements inside the house: list, read, confirm, write, and who has read them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.ground.common.clock import local_day, local_minute
from fenji.ground.common.edge import SignedRequest, fresh_key, list_start, page, posted_version, refusal_text
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.refusal import NotPermitted, Refused, Stale
from fenji.ground.network.rules import PRIMARY
from fenji.ground.publication import actions, queries, rules, texts
from fenji.ground.publication.forms import AnnouncementForm
from fenji.ground.publication.models import Announcement

SIZE = 20


@page("notice.read")
def inbox(request: SignedRequest) -> HttpResponse:
    """Announcements to my organisation, newest first; `?sent=1`: those it sent."""
    actor = request.actor
    sent = bool(request.GET.get("sent")) and actor.may("notice.write")
    start = list_start(request.GET.get("from", ""))
    found = queries.sent(actor) if sent else queries.received(actor, request.at)
    rows = list(found[start : start + SIZE + 1])
    context = {
        "rows": rows[:SIZE],
        "sent": sent,
        "on": local_day(request.at),
        "more": start + SIZE if len(rows) > SIZE else None,
        "before": max(start - SIZE, 0) if start else None,
    }
    return render(request, "announcements/list.html", context)


@page("notice.read")
def read(request: SignedRequest, announcement_id: UUID) -> HttpResponse:
    """One announcement. Opening it is the receipt; the sender's people see who has."""
    return _read(request, queries.announcement(announcement_id, request.actor, request.at))


def _read(request: SignedRequest, row: Announcement, problem: Any = None, status: int = 200) -> HttpResponse:
    actor = request.actor
    addressed = actor.org_id in queries.addressees(row)
    if addressed and row.withdrawn_at is None and request.method == "GET":
        actions.mark_seen(row, by=actor, at=request.at)
    sender = row.org_id == actor.org_id and actor.may("notice.write")
    lines = queries.readings(row) if sender else []
    start = list_start(request.GET.get("from", ""))
    context = {
        "row": row,
        "addressed": addressed,
        "receipt": queries.my_receipt(row, actor),
        "sender": sender,
        "lines": [(r, r.done(row.must_confirm)) for r in lines[start : start + SIZE]],
        "done": sum(r.done(row.must_confirm) for r in lines),
        "outstanding": sum(not r.done(row.must_confirm) for r in lines),
        "more": start + SIZE if len(lines) > start + SIZE else None,
        "before": max(start - SIZE, 0) if start else None,
        "key": fresh_key(),
        "problem": problem,
        "on": local_day(request.at),
    }
    return render(request, "announcements/read.html", context, status=status)


@page("notice.read", ("POST",))
def confirm(request: SignedRequest, announcement_id: UUID) -> HttpResponse:
    """Confirm having read it."""
    row = actions.confirm(announcement_id, by=request.actor, at=request.at)
    messages.success(request, _("Confirmed. The sender sees that you have read it."))
    return HttpResponseRedirect(f"/announcements/{row.id}/", status=303)


@page("notice.write", ("POST",))
def withdraw(request: SignedRequest, announcement_id: UUID) -> HttpResponse:
    """Take an announcement back."""
    try:
        row = actions.withdraw(announcement_id, version=posted_version(request), by=request.actor, at=request.at)
    except Stale as refusal:
        row = queries.announcement(announcement_id, request.actor, request.at)
        return _read(request, row, refusal_text(refusal), status=409)
    messages.success(request, _("Withdrawn: those addressed see it no more."))
    return HttpResponseRedirect(f"/announcements/{row.id}/", status=303)


@page("notice.write", ("GET", "POST"))
def new(request: SignedRequest) -> HttpResponse:
    """Write an announcement and send it."""
    on = local_day(request.at)
    reached = {code: queries.audience(code, request.actor, on) for code in rules.AUDIENCES}
    open_ = {"audiences": _choices(reached), "listable": reached["listed"]}
    if request.method == "GET":
        first = {"start": on, "audience": "below" if request.actor.reach else "own", **_prefilled(request)}
        return _form(request, AnnouncementForm(initial=first, **open_), len(reached["listed"]))
    form = AnnouncementForm(request.POST, **open_)
    if not form.is_valid():
        return _form(request, form, len(reached["listed"]), status=422)
    try:
        row = actions.announce(form.announcement(), by=request.actor, at=request.at)
    except Refused as refusal:
        return _form(request, form, len(reached["listed"]), refusal_text(refusal), 409)
    messages.success(request, _("Sent."))
    return HttpResponseRedirect(f"/announcements/{row.id}/", status=303)


def _choices(reached: dict[str, list[Any]]) -> list[tuple[str, str]]:
    """The audiences that hold anybody, each with how many institutions."""
    several = _("%(audience)s (%(n)s)")
    counted = {"below", "alliance"}
    return [
        (code, several % {"audience": texts.AUDIENCES[code], "n": len(places)} if code in counted else str(texts.AUDIENCES[code]))
        for code, places in reached.items()
        if places
    ]


def _prefilled(request: SignedRequest) -> dict[str, Any]:
    """From the list of channels: a reminder to the institutions that the list shows."""
    outcome, tier = request.GET.get("outcome", ""), request.GET.get("tier", "")
    if outcome not in texts.OUTCOMES or not request.actor.may("publication.log"):
        return {}
    rows = queries.board(request.actor, tier if tier in PRIMARY else "", outcome, local_day(request.at))
    title = _("Please make your list of treatable diseases public and log the channels")
    return {"audience": "listed", "listed": "\n".join(r.place.name for r in rows), "title": title, "must_confirm": True}


def _form(request: SignedRequest, form: AnnouncementForm, listable: int, problem: Any = None, status: int = 200) -> HttpResponse:
    context = {"form": form, "key": fresh_key(), "problem": problem, "listable": listable}
    return render(request, "announcements/new.html", context, status=status)


@page("notice.write")
def receipts_workbook(request: SignedRequest, announcement_id: UUID) -> HttpResponse:
    """Who has read it, and who has not, as a spreadsheet: one line for each institution."""
    row = queries.announcement(announcement_id, request.actor, request.at)
    if row.org_id != request.actor.org_id:
        raise NotPermitted
    columns = [
        Column(_("Institution"), lambda r: r.place.name),
        Column(_("Read by (people)"), lambda r: r.readers),
        Column(_("First read"), lambda r: local_minute(r.first_seen)),
        Column(_("Confirmed"), lambda r: local_minute(r.confirmed_at)),
        Column(_("Confirmed by"), lambda r: r.confirmed_by),
        Column(_("Outstanding"), lambda r: "" if r.done(row.must_confirm) else _("yes")),
    ]
    return workbook(_("Receipts"), columns, queries.readings(row))
