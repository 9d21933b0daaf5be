"""Pages for everybody: no signing in, no cookie, no script, kept by caches for a few minutes. They read public tables only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import get_conditional_response
from django.utils.http import http_date, quote_etag

from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import OPEN, SignedRequest, View, absolute, page
from fenji.ground.common.qr import picture
from fenji.ground.common.refusal import Unknown
from fenji.ground.common.units import REGION_PREFIXES
from fenji.ground.network.queries import Place, contact_of, place_of, region_names
from fenji.ground.network.queries.history import as_today
from fenji.ground.network.queries.people import community_lead
from fenji.ground.network.rules import PRIMARY
from fenji.ground.publication import kinds, queries, rules
from fenji.ground.publication.models import Published

_FRESH = "public, max-age=300"
_LONGEST = 40
_CITY, _COUNTY, _TOWN = (REGION_PREFIXES[kind] for kind in ("city", "county", "township"))
_MANY = 30
"""So many results of a search are shown; if there are more the page says so."""


def public(view: Callable[..., HttpResponse]) -> View:
    """Mark a view as public: the language is the address's, not the browser's, so that one address has one content."""

    @page(OPEN)
    @wraps(view)
    def inner(request: SignedRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        language = "en" if request.GET.get("lang") == "en" else "zh-hans"
        with translation.override(language):
            try:
                response = view(request, *args, **kwargs)
            except Unknown:
                response = render(request, "publication/missing.html", status=404)
        response.headers["Content-Language"] = language
        if response.status_code != 200:
            return response
        response.headers["Cache-Control"] = _FRESH
        response.headers["ETag"] = quote_etag(hashlib.sha256(response.content).hexdigest())
        return get_conditional_response(request, etag=response.headers["ETag"], response=response)

    return inner


@public
def find(request: SignedRequest) -> HttpResponse:
    """Find where something is treated, or an institution: by words, or by place."""
    on = local_day(request.at)
    at, typed = rules.region_in(request.GET.get("at", "")), request.GET.get("q", "").strip()
    context: dict[str, Any] = {"at": at, "typed": typed, "where": queries.where_is(at), "too_long": len(typed) > _LONGEST}
    if typed and not context["too_long"]:
        diseases = queries.diseases(typed, on, _MANY + 1)
        found, more = queries.institutions(typed, at, on, _MANY)
        context |= {"diseases": diseases[:_MANY], "found": found, "more": more or len(diseases) > _MANY, "searched": True}
    elif len(at) > _COUNTY:
        context["here"] = queries.institutions_in(at, on)
    elif at:
        context |= _county(at, queries.institutions_in(at, on)) | {"authorities": queries.authorities(at, on)}
    else:
        context["cities"] = queries.counties()
    return render(request, "publication/find.html", context)


def _county(at: str, found: list[queries.Found]) -> dict[str, Any]:
    """A county: its hospitals, and its township units with their centres (village clinics stand a step further down)."""
    towns = sorted({f.place.path[:_TOWN] for f in found if f.place.tier in PRIMARY})
    names = region_names(towns)
    centres = {t: [f for f in found if f.place.path.startswith(t) and f.place.tier == PRIMARY[-1]] for t in towns}
    return {
        "hospitals": [f for f in found if f.place.tier not in PRIMARY],
        "towns": [(t, names.get(t, t), centres[t]) for t in towns],
    }


@public
def disease(request: SignedRequest, code: str) -> HttpResponse:
    """Where a disease group is treated, nearest first."""
    on = local_day(request.at)
    found = queries.disease(code, on)
    counties = queries.counties_treating(code, on)
    at = rules.region_in(request.GET.get("at", "")) or (counties[0][0] if len(counties) == 1 else "")
    where = queries.where_is(at)
    treating = queries.treating(code, at, on) if at else []
    context = {
        "disease": found,
        "at": at,
        "where": where,
        "counties": counties,
        "near": [f for f in treating if f.near == 0],
        "county": [f for f in treating if f.near == 1],
        "further": [f for f in treating if f.near > 1],
        "elsewhere": [c for c in counties if c[0][:_CITY] != at[:_CITY]],
    }
    return render(request, "publication/disease.html", context)


def _sections(copies: list[Published]) -> list[dict[str, Any]]:
    """What the institution's page shows of each copy; of one with a page of its own, how much that holds."""
    return [_section(c) for c in sorted(copies, key=lambda c: (kinds.rank(c.kind), c.key))]


def _section(copy: Published) -> dict[str, Any]:
    kind = kinds.kind(copy.kind)
    parts = kind.parts(copy.body) if kind.parts else []
    return {"copy": copy, "template": kind.template, "parts": parts, "entries": sum(len(found) for _heading, found in parts)}


def _shown(request: SignedRequest, org_id: int) -> dict[str, Any]:
    place, on = place_of(org_id), local_day(request.at)
    policy = queries.policy_at(place, on)
    contact = contact_of(org_id)
    shown, planned = queries.shown(org_id, on), queries.planned(org_id, on)
    if place.kind != "care" and not shown and not planned:
        raise Unknown(what="institution")
    lead = community_lead(org_id, on)
    return {
        "place": place,
        "contact": contact,
        "successor": _successor(org_id) if contact.end is not None and contact.end <= on else None,
        "care": place.kind == "care",
        "primary": place.tier in PRIMARY,
        "where": queries.where_is(queries.region_of(place)),
        "sections": _sections([c for c in shown if not kinds.has_page(c.kind)]),
        "planned": _sections([c for c in planned if not kinds.has_page(c.kind)]),
        "lists": _sections([c for c in (*shown, *planned) if kinds.has_page(c.kind)]),
        "checked_on": min((c.checked_on for c in shown), default=None),
        "stale": any(rules.is_stale(c.checked_on, on, policy) for c in shown),
        "lead": lead if lead is not None and lead.id != org_id else None,
        "changed": max((c.published_at for c in shown), default=None),
        "treats": any(c.kind == rules.TREATABLE for c in shown),
        "today": on,
        "page_path": f"/p/{org_id}/",
        "notice_path": f"/p/{org_id}/notice/",
    }


def _successor(org_id: int) -> Place | None:
    """The institution that goes on with the work of one that is no more."""
    heir = as_today([org_id])[org_id]
    return place_of(heir) if heir != org_id else None


@public
def institution(request: SignedRequest, org_id: int) -> HttpResponse:
    """One institution: what it treats, since when, how to be referred, where it is (SM-3-2g)."""
    context = _shown(request, org_id)
    response = render(request, "publication/institution.html", context)
    if context["changed"]:
        response.headers["Last-Modified"] = http_date(context["changed"].timestamp())
    return response


@public
def one_list(request: SignedRequest, org_id: int, kind: str) -> HttpResponse:
    """One list of an institution or agency, whole, to read or to print; what will follow it stands below."""
    place, on = place_of(org_id), local_day(request.at)
    if not kinds.has_page(kind):
        raise Unknown(what="copy")
    shown = queries.in_force(org_id, kind, on)
    planned = [c for c in queries.planned(org_id, on) if c.kind == kind]
    if not shown and not planned:
        raise Unknown(what="copy")
    checked_on = min((c.checked_on for c in shown), default=None)
    context = {
        "place": place,
        "sections": _sections(shown),
        "planned": _sections(planned),
        "checked_on": checked_on,
        "stale": checked_on is not None and rules.is_stale(checked_on, on, queries.policy_at(place, on)),
        "page_path": f"/p/{org_id}/",
    }
    return render(request, "publication/list.html", context)


@public
def notice(request: SignedRequest, org_id: int) -> HttpResponse:
    """A notice of A4 for the board: big, in columns, with a QR code that leads to the page."""
    context = _shown(request, org_id)
    address = absolute(request, context["page_path"])
    treated = [s["copy"] for s in context["sections"] if s["copy"].kind == rules.TREATABLE]
    return render(request, "publication/notice.html", {**context, "address": address, "qr": picture(address), "copies": treated})
