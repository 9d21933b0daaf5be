"""Regions: what lies below, what a region was called, another name or code, several that become one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.refusal import Refused
from fenji.ground.network import actions, queries, texts
from fenji.ground.network.forms import MergeRegionsForm, RegionForm
from fenji.ground.network.queries import directory
from fenji.ground.network.queries.directory import RegionNow
from fenji.ground.network.views.shared import Problem, done, today_of

_CITY = 4
_LONGEST = 40


def _city_reach(request: SignedRequest) -> None:
    """Refuse whoever does not administer a city or more. Raises OutOfReach."""
    if not 0 < len(request.actor.reach) <= _CITY:
        raise actions.OutOfReach


def _region(request: SignedRequest, region_id: int) -> RegionNow:
    """A region at or below one's own. Raises OutOfReach, Unknown."""
    _city_reach(request)
    found = directory.region(region_id)
    actions.require_reach(request.actor, found.stem)
    return found


def _below_own(request: SignedRequest, found: RegionNow) -> bool:
    return found.ended is None and queries.within_reach(request.actor, found.stem[:-1])


@page("network.write")
def regions(request: SignedRequest) -> HttpResponse:
    """Where a region's page begins: the one that the person administers."""
    _city_reach(request)
    top = directory.regions_of_reach(request.actor).first()
    if top is None:
        raise actions.OutOfReach
    return HttpResponseRedirect(f"/regions/{top.region_id}/")


@page("network.write")
def region(request: SignedRequest, region_id: int) -> HttpResponse:
    """One region: what it is called and was called, what it came out of, what lies below."""
    found = _region(request, region_id)
    today = today_of(request)
    rows = directory.region_rows(region_id)
    succession = directory.region_successions(region_id)
    ids = {*(r.parent_id for r in rows), *(s.predecessor_id for s in succession), *(s.successor_id for s in succession)}
    names = directory.region_names((i for i in ids if i), today)
    above = directory.region(found.parent_id) if found.parent_id else None
    up = above if above and queries.within_reach(request.actor, above.stem) else None
    below = directory.regions_in(region_id)
    context = {
        "region": found,
        "kind": texts.REGION_KINDS[found.kind],
        "rows": [(r, names.get(r.parent_id, "")) for r in rows],
        "up": up,
        "successions": [
            {"row": s, "from": names[s.predecessor_id], "to": names[s.successor_id], "text": texts.SUCCESSIONS[s.kind]}
            for s in succession
        ],
        "below": [(r, texts.REGION_KINDS[r.kind]) for r in below],
        "institutions": directory.count_within(found.stem),
        "changes": _below_own(request, found),
        "merges": sum(1 for r in below if _below_own(request, r)) > 1,
    }
    return render(request, "network/region.html", context)


@page("network.write")
def suggest(request: SignedRequest) -> HttpResponse:
    """Options for what has been typed of a region's name or code, within one's own reach."""
    found = directory.suggest_regions(next(iter(request.GET.values()), "")[:_LONGEST], request.actor)
    names = directory.place_names((r.code for r in found), today_of(request))
    return render(request, "network/suggest_regions.html", {"found": [(r, names[r.code]) for r in found]})


@page("network.write", ("GET", "POST"))
def change(request: SignedRequest, region_id: int) -> HttpResponse:
    """Another name or code of a region from a day on."""
    found, today = _region(request, region_id), today_of(request)
    if not _below_own(request, found):
        raise actions.OutOfReach
    if request.method == "GET":
        first = {"name": found.name, "code": found.code, "on": today}
        return _form(request, "network/region_change.html", found, RegionForm(initial=first, today=today))
    form = RegionForm(request.POST, today=today)
    if not form.is_valid():
        return _form(request, "network/region_change.html", found, form)
    wanted = {**form.cleaned_data, "version": posted_version(request), "by": request.actor, "at": request.at}
    try:
        actions.change_region(region_id, **wanted)
    except Refused as refusal:
        return _form(request, "network/region_change.html", directory.region(region_id), form, refusal_text(refusal))
    return done(request, f"/regions/{region_id}/", _("Changed from %(day)s on.") % {"day": form.cleaned_data["on"]})


def _form(request: SignedRequest, template: str, found: RegionNow, form: Any, problem: Problem = None, **more: Any) -> HttpResponse:
    status = 409 if problem else 422 if form.is_bound and request.method == "POST" else 200
    return render(request, template, {"region": found, "form": form, "problem": problem, "key": fresh_key(), **more}, status=status)


@page("network.write", ("GET", "POST"))
def merge(request: SignedRequest, region_id: int) -> HttpResponse:
    """Make one of several regions below: chosen by GET, looked at, and confirmed by POST."""
    found, today = _region(request, region_id), today_of(request)
    among = {str(r.id): r for r in directory.regions_in(region_id) if _below_own(request, r)}
    posted = request.method == "POST"
    given = request.POST if posted else request.GET
    choices = [(i, f"{r.name} {r.code}") for i, r in among.items()]
    form = MergeRegionsForm(given if posted or "name" in given else None, today=today, among=choices, initial={"on": today})
    valid = form.is_valid()
    shown: dict[str, Any] = {}
    if valid and "edit" not in given:
        old = [among[str(i)] for i in form.cleaned_data["regions"]]
        typed = [(n, v) for n in ("name", "code", "on") for v in given.getlist(n)] + [("regions", r.id) for r in old]
        shown = {
            "confirm": form.cleaned_data,
            "old": [(r, directory.count_within(r.stem)) for r in old],
            "typed": typed,
            "again": urlencode([*typed, ("edit", "1")]),
        }
    if not (posted and valid):
        return _form(request, "network/region_merge.html", found, form, **shown)
    data = form.cleaned_data
    facts = {"code": data["code"], "name": data["name"], "on": data["on"], "by": request.actor, "at": request.at}
    try:
        new = actions.merge_regions(data["regions"], **facts)
    except Refused as refusal:
        return _form(request, "network/region_merge.html", found, form, refusal_text(refusal), **shown)
    return done(request, f"/regions/{new.id}/", _("One region now: %(name)s.") % {"name": data["name"]})
