"""Pages of those who publish: what my institution shows, which channels are logged, missing or stale (SM-3-2g)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import SignedRequest, fresh_key, list_start, page, posted_version, refusal_text
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.lists import SIZES, size_of
from fenji.ground.common.pictures import album
from fenji.ground.common.refusal import Refused
from fenji.ground.network.queries import Place
from fenji.ground.network.rules import PRIMARY
from fenji.ground.policy.queries import sources
from fenji.ground.publication import actions, kinds, queries, rules, texts
from fenji.ground.publication.forms import ChannelForm

LOG_SHOWN = 20
_CHANNELS = [(code, texts.CHANNELS[code]) for code in ("board", "app", "web")]


@page("publication.log")
def overview(request: SignedRequest) -> HttpResponse:
    """An officer is led to the list of the region, everybody else to the own institution."""
    actor = request.actor
    return HttpResponseRedirect("/publication/board/" if actor.reach else f"/publication/{actor.org_id}/")


def _largest_body(request: SignedRequest) -> int:
    return album().largest_body(request)


@page("publication.log", ("GET", "POST"), largest=_largest_body)
def institution(request: SignedRequest, org_id: int) -> HttpResponse:
    """What an institution has made public, and its log of channels; a POST adds a line to the log."""
    place = queries.managed(org_id, request.actor, local_day(request.at))
    if request.method == "GET":
        return _show(request, place, None)
    form = ChannelForm(request.POST, request.FILES, channels=_CHANNELS)
    if not form.is_valid():
        return _show(request, place, form, status=422)
    try:
        actions.log_channel(form.cleaned_data["copy"], form.entry(), by=request.actor, at=request.at)
    except Refused as refusal:
        return _show(request, place, form, refusal_text(refusal), status=409)
    messages.success(request, _("Logged: %(channel)s.") % {"channel": texts.CHANNELS[form.cleaned_data["channel"]]})
    return HttpResponseRedirect(f"/publication/{place.id}/", status=303)


def _show(request: SignedRequest, place: Place, form: ChannelForm | None, problem: Any = None, status: int = 200) -> HttpResponse:
    on = local_day(request.at)
    standing = queries.stale(place.id, on, queries.policy_at(place, on))
    listed = queries.treatable_copy(place.id, on)
    log = queries.log_of(place.id)
    wanted = next((c.kind for c in standing.channels if c.kind != "web" and c.state != "ok"), "board")
    first = {"copy": listed.id if listed else None, "day": on, "channel": wanted}
    shown = [(kinds.kind(c.kind).title, c) for c in queries.shown(place.id, on)]
    context = {
        "place": place,
        "primary": place.tier in PRIMARY,
        "shown": shown,
        "planned": [(kinds.kind(c.kind).title, c) for c in queries.planned(place.id, on)],
        "ended": [(kinds.kind(c.kind).title, c) for c in queries.ended(place.id, on)],
        "listed": listed,
        "standing": standing,
        "clause": sources(rules.PublicationPolicy, place.policy_path, on)["channels_needed"].clause_id,
        "log": log[:LOG_SHOWN],
        "largest": album().largest(request),
        "megabytes": album().largest(request) >> 20,
        "log_more": max(len(log) - LOG_SHOWN, 0),
        "form": form or ChannelForm(initial=first, channels=_CHANNELS),
        "problem": problem,
        "key": fresh_key(),
        "watches": bool(request.actor.reach) or bool(queries.watched(request.actor, on)),
    }
    return render(request, "publication/staff.html", context, status=status)


@page("publication.log", ("POST",))
def confirm(request: SignedRequest, copy_id: UUID) -> HttpResponse:
    """Say that a copy is still right today."""
    copy = actions.confirm_copy(copy_id, by=request.actor, at=request.at)
    messages.success(request, _("Noted: the page was looked at today and is right."))
    return HttpResponseRedirect(f"/publication/{copy.org_id}/", status=303)


@page("publication.log", ("POST",))
def void(request: SignedRequest, event_id: UUID) -> HttpResponse:
    """Take a line of the log back."""
    event = actions.void_channel(event_id, version=posted_version(request), by=request.actor, at=request.at)
    messages.success(request, _("Taken back: %(channel)s.") % {"channel": texts.CHANNELS[event.channel]})
    return HttpResponseRedirect(f"/publication/{event.org_id}/", status=303)


def _filtered(request: SignedRequest) -> tuple[str, str, list[queries.BoardRow]]:
    tier, outcome = request.GET.get("tier", PRIMARY[-1]), request.GET.get("outcome", "")
    tier, outcome = tier if tier in PRIMARY else "", outcome if outcome in texts.OUTCOMES else ""
    return tier, outcome, queries.board(request.actor, tier, outcome, local_day(request.at))


@page("publication.log")
def board(request: SignedRequest) -> HttpResponse:
    """The institutions of my region, or of the alliance we lead, and where each stands; those not met first."""
    tier, outcome, rows = _filtered(request)
    size = size_of(request.GET, SIZES)
    start = list_start(request.GET.get("from", ""))
    counts = {code: sum(r.standing.outcome == code for r in rows) for code in texts.OUTCOMES}
    context = {
        "rows": rows[start : start + size],
        "all": len(rows),
        "counts": counts.items(),
        "tier": tier,
        "tiers": PRIMARY[::-1],
        "outcome": outcome,
        "outcomes": texts.OUTCOMES.items(),
        "size": size,
        "sizes": SIZES,
        "before": max(start - size, 0) if start else None,
        "more": start + size if len(rows) > start + size else None,
        "clauses": sorted({_clause(r.place, request) for r in rows}),
    }
    return render(request, "publication/board.html", context)


def _clause(place: Place, request: SignedRequest) -> str:
    return sources(rules.PublicationPolicy, place.policy_path, local_day(request.at))["channels_needed"].clause_id


@page("publication.log")
def board_workbook(request: SignedRequest) -> HttpResponse:
    """The same list as a spreadsheet."""
    _tier, _outcome, rows = _filtered(request)

    def of(kind: str) -> Column:
        def value(row: queries.BoardRow) -> str:
            channel = next(c for c in row.standing.channels if c.kind == kind)
            state = str(texts.CHANNEL_STATES[channel.state])
            return f"{state} {channel.day:%Y-%m-%d}" if channel.day else state

        return Column(str(texts.CHANNELS[kind]), value)

    columns = [
        Column(_("Institution"), lambda r: r.place.name),
        Column(_("State"), lambda r: str(texts.OUTCOMES[r.standing.outcome])),
        Column(_("Channels needed"), lambda r: r.standing.needed),
        *(of(kind) for kind in rules.CHANNELS),
        Column(_("Clause"), lambda r: _clause(r.place, request)),
    ]
    return workbook(_("Public lists"), columns, rows)
