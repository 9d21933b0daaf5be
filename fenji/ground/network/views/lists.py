"""Named lists: the institutions and regions that a clause counts on and its text does not name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.ground.common.edge import SignedRequest, page
from fenji.ground.common.excel import Column
from fenji.ground.network import texts
from fenji.ground.network.models import NamedList, NamedListEntry, Organisation
from fenji.ground.network.queries import directory
from fenji.ground.network.views.shared import Asked, day_asked, in_chinese, listed, sheet, too_many


def _name(row: NamedList) -> str:
    return row.name_zh if in_chinese() or not row.name_en else row.name_en


def _standing(row: Any) -> str:
    """met, short or long: how many entries stand beside the number that the clause names; empty where it names none."""
    if row.expected is None:
        return ""
    return "met" if row.held == row.expected else "short" if row.held < row.expected else "long"


@page("network.read")
def listing(request: SignedRequest) -> HttpResponse:
    """All named lists, by clause, each held against the number that its clause names."""
    asked = day_asked(request)
    rows, pager = listed(request, directory.named_lists(asked.day), on=asked.typed if asked.then else "")
    context = {
        "rows": [(row, _name(row), _standing(row)) for row in rows],
        "pager": pager,
        "asked": asked,
        "imports": request.actor.may("network.write") and request.actor.may("import.open"),
    }
    return render(request, "network/lists.html", context, status=422 if asked.wrong else 200)


@page("network.read")
def listing_workbook(request: SignedRequest) -> HttpResponse:
    """The same as a spreadsheet."""
    asked = day_asked(request)
    columns = [
        Column(_("List"), lambda r: r.code),
        Column(_("Name of the list"), _name),
        Column(_("Clause"), lambda r: r.clause_id),
        Column(_("Number named by the clause"), lambda r: r.expected),
        Column(_("On the list"), lambda r: r.held),
    ]
    return sheet(request, f"{_('Named lists')} {asked.day}", columns, directory.named_lists(asked.day), "/institutions/lists/")


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as it reads: an institution with its kind, or a region."""

    row: NamedListEntry
    org: Organisation | None
    name: str
    kind: str
    code: str
    place: str


def _lines(found: Iterable[NamedListEntry], asked: Asked) -> list[Line]:
    rows = list(found)
    regions = directory.regions_on((r.region_id for r in rows if r.region_id), asked.day)
    places = directory.place_names([*(r.org.path for r in rows if r.org), *(code for code, _n in regions.values())], asked.day)
    lines = []
    for row in rows:
        if row.org is not None:
            lines.append(Line(row, row.org, row.org.name, texts.kind_text(row.org), row.org.code, places[row.org.path]))
        else:
            code, name = regions.get(row.region_id, ("", ""))
            lines.append(Line(row, None, name, _("Region"), code, places.get(code, "")))
    return lines


@page("network.read")
def entries(request: SignedRequest) -> HttpResponse:
    """The list named by `?list=` with what stands on it today, or `?on=` a day."""
    asked = day_asked(request)
    found = directory.named_list(request.GET.get("list", ""), asked.day)
    on = asked.typed if asked.then else ""
    rows, pager = listed(request, directory.entries_of(found.code, asked.day), list=found.code, on=on)
    context = {
        "list": found,
        "name": _name(found),
        "standing": _standing(found),
        "rows": _lines(rows, asked),
        "pager": pager,
        "asked": asked,
    }
    return render(request, "network/list.html", context, status=422 if asked.wrong else 200)


@page("network.read")
def entries_workbook(request: SignedRequest) -> HttpResponse:
    """The list on a day as a spreadsheet."""
    asked = day_asked(request)
    found = directory.named_list(request.GET.get("list", ""), asked.day)
    rows = directory.entries_of(found.code, asked.day)
    back = f"/institutions/lists/entries/?{urlencode({'list': found.code})}"
    columns = [
        Column(_("Institution or region"), lambda r: r.name),
        Column(_("Code"), lambda r: r.code),
        Column(_("Kind"), lambda r: r.kind),
        Column(_("Where it lies"), lambda r: r.place),
        Column(_("On the list since"), lambda r: str(r.row.start)),
        Column(_("Until"), lambda r: str(r.row.end or "")),
    ]
    return too_many(request, rows, back) or sheet(request, f"{_name(found)} {asked.day}", columns, _lines(rows, asked), back)
