"""What the clauses miss in the register, on a day, in the region one answers for."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.ground.common.edge import SignedRequest, page
from fenji.ground.common.excel import Column
from fenji.ground.network import queries, texts
from fenji.ground.network.rules import Gap
from fenji.ground.network.views.shared import Asked, day_asked, listed, sheet


def _found(request: SignedRequest) -> tuple[list[Gap], list[tuple[str, int]], str, Asked]:
    """The gaps of the clause that is asked for, each clause with the number of its gaps, the clause, and the day."""
    asked = day_asked(request)
    found = queries.gaps_within(request.actor.reach, asked.day)
    counted: dict[str, int] = {}
    for gap in found:
        counted[gap.clause_id] = counted.get(gap.clause_id, 0) + 1
    clause = request.GET.get("clause", "")
    chosen = [g for g in found if g.clause_id == clause] if clause in counted else found
    return chosen, sorted(counted.items()), clause if clause in counted else "", asked


@page("network.gaps")
def gaps(request: SignedRequest) -> HttpResponse:
    """Everything that is missing, by clause and place."""
    found, counted, clause, asked = _found(request)
    rows, pager = listed(request, found, clause=clause, on=asked.typed)
    context = {
        "rows": [(g, texts.GAPS[g.code]) for g in rows],
        "total": len(found),
        "counted": counted,
        "chosen": clause,
        "asked": asked,
        "pager": pager,
    }
    return render(request, "network/gaps.html", context, status=422 if asked.wrong else 200)


@page("network.gaps")
def gaps_workbook(request: SignedRequest) -> HttpResponse:
    """The same as a spreadsheet."""
    found, _counted, _clause, _asked = _found(request)
    columns = [
        Column(_("Clause"), lambda g: g.clause_id),
        Column(_("What is missing"), lambda g: str(texts.GAPS[g.code])),
        Column(_("Where"), lambda g: g.name),
        Column(_("Region code"), lambda g: g.place),
    ]
    return sheet(request, _("What the register misses"), columns, found, "/institutions/gaps/")
