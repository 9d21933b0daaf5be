"""The institution's referrals as a list and as a workbook."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.care.referral import queries, rules, texts
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.edge import SignedRequest, page
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.identity import age_on
from fenji.ground.common.text import mask_name

SIZES = (20, 50, 100)


EXPORT_LIMIT = 5000


@page("referral.read")
def case_list(request: SignedRequest) -> HttpResponse:
    """All referrals of this institution, newest first, by pages that follow the number."""
    size = next((s for s in SIZES if str(s) == request.GET.get("size")), SIZES[0])
    state = request.GET.get("state", "")
    before = request.GET.get("before", "")
    found = _filtered(request, state)
    if before:
        found = found.filter(number__lt=before)
    rows = list(found[: size + 1])
    context = {
        "rows": [
            (c, texts.STATES[c.state], mask_name(c.patient_name), age_on(c.patient_birth_date, local_day(request.at)))
            for c in rows[:size]
        ],
        "states": texts.STATES.items(),
        "state": state,
        "size": size,
        "sizes": SIZES,
        "next": rows[size - 1].number if len(rows) > size else None,
        "later": bool(before),
    }
    return render(request, "referral/list.html", context)


def _filtered(request: SignedRequest, state: str) -> Any:
    found = queries.cases_of_institution(request.actor)
    return found.filter(state=state) if state in rules.STATES else found


@page("referral.export")
def list_workbook(request: SignedRequest) -> HttpResponse:
    """The list as a spreadsheet, names masked. More rows than the limit: a page that says so, never a cut list."""
    rows = list(_filtered(request, request.GET.get("state", ""))[: EXPORT_LIMIT + 1])
    if len(rows) > EXPORT_LIMIT:
        return render(request, "desk/too_many.html", {"limit": EXPORT_LIMIT, "back": "/referrals/"}, status=422)
    request.reads.append(("referral.export", f"{len(rows)} rows"))
    columns = [
        Column(_("Case number"), lambda c: c.number),
        Column(_("State"), lambda c: str(texts.STATES[c.state])),
        Column(_("Patient"), lambda c: mask_name(c.patient_name)),
        Column(_("Diagnosis code"), lambda c: c.diagnosis_code),
        Column(_("Diagnosis"), lambda c: c.diagnosis_name),
        Column(_("From"), lambda c: c.origin.name),
        Column(_("To"), lambda c: c.receiver.name),
        Column(_("Written"), lambda c: f"{c.created_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"),
    ]
    return workbook(_("Referrals"), columns, rows)
