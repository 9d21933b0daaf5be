"""The bulletins of the county: refusals and late steps, ranked, with their denominators."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.ground.access.rules import OFFICER
from fenji.ground.common.edge import SignedRequest, page
from fenji.ground.common.excel import Column, Sheet, workbook_of
from fenji.ground.common.refusal import Unknown
from fenji.ground.common.units import COUNTY_CODE_LENGTH
from fenji.ground.network.queries import place_of, region_names
from fenji.measure.referral_quality import queries
from fenji.measure.referral_quality.models import Bulletin

_MONTHS = 24


def _counties(request: SignedRequest) -> list[str]:
    """The own county; of an officer, those within reach that have a bulletin."""
    actor = request.actor
    if actor.role != OFFICER:
        return [place_of(actor.org_id).county]
    return queries.bulletin_counties(actor.reach[:COUNTY_CODE_LENGTH])


def _chosen(request: SignedRequest) -> tuple[list[str], str, list[Bulletin], Bulletin | None]:
    counties = _counties(request)
    asked = request.GET.get("county", "")
    county = asked if asked in counties else next(iter(counties), "")
    found = list(queries.bulletins(county)[:_MONTHS])
    month = request.GET.get("month", "")
    shown = next((b for b in found if f"{b.month:%Y-%m}" == month), None) if month else next(iter(found), None)
    return counties, county, found, shown


def _tables(shown: Bulletin) -> list[tuple[str, str, list[dict[str, Any]]]]:
    def rows(table: str) -> list[dict[str, Any]]:
        return [{**r, "share": f"{r['hits'] / r['of']:.1%}" if r["of"] else "–"} for r in shown.lines[table]]

    return [("refusals", _("Refusals"), rows("refusals")), ("late", _("Late steps"), rows("late"))]


@page("bulletin.read")
def bulletin(request: SignedRequest) -> HttpResponse:
    """The bulletin of a month, the latest unless one is asked for."""
    counties, county, found, shown = _chosen(request)
    context = {
        "counties": list(region_names(counties).items()) if len(counties) > 1 else [],
        "county": county,
        "months": [f"{b.month:%Y-%m}" for b in found],
        "shown": shown,
        "month": f"{shown.month:%Y-%m}" if shown else "",
        "tables": _tables(shown) if shown else [],
    }
    return render(request, "quality/bulletin.html", context)


@page("bulletin.read")
def bulletin_workbook(request: SignedRequest) -> HttpResponse:
    """Both tables of a month as a spreadsheet. Raises Unknown."""
    shown = _chosen(request)[-1]
    if shown is None:
        raise Unknown(what="bulletin")
    columns = [
        Column(_("Rank"), lambda r: r["rank"]),
        Column(_("Institution"), lambda r: r["name"]),
        Column(_("Number"), lambda r: r["hits"]),
        Column(_("Of"), lambda r: r["of"]),
        Column(_("Share"), lambda r: r["share"]),
    ]
    sheets = [Sheet(title, columns, rows) for _table, title, rows in _tables(shown)]
    return workbook_of(f"{_('Bulletin')} {shown.month:%Y-%m}", sheets)
