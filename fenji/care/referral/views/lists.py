"""The institution's referrals as a list and as a workbook."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.care.referral import queries, rules, texts
from fenji.care.referral.models import Case
from fenji.care.referral.rules import register as book
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.edge import SignedRequest, after_cursor, cursor_of, list_start, page
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.identity import age_on
from fenji.ground.common.lists import EXPORT_LIMIT, SIZES, size_of, too_many
from fenji.ground.common.text import mask_name
from fenji.ground.network.queries import names_of


@dataclass(frozen=True, slots=True)
class _Filter:
    """What of the institution's referrals is shown. `way` and `other`: sent to or received from one institution in a month, as the
    month's register counts them."""

    state: str
    month: date | None
    way: str
    other: int
    direction: str = ""

    @property
    def query(self) -> str:
        """The same filter, for an address."""
        direction = {"direction": self.direction} if self.direction else {}
        return urlencode(
            {"state": self.state} | direction | ({"month": f"{self.month:%Y-%m}"} if self.month else {}) | self._counterpart
        )

    @property
    def _counterpart(self) -> dict[str, Any]:
        return {"way": self.way, "with": self.other} if self.way else {}

    @classmethod
    def of(cls, request: SignedRequest) -> _Filter:
        """As it stands in the address; what is not known is left out."""
        asked = request.GET
        state = asked.get("state", "") if asked.get("state") in rules.STATES else ""
        month = book.first_day(asked["month"], local_day(request.at)) if asked.get("month") else None
        other = list_start(asked.get("with", ""), digits=9)
        way = asked.get("way", "") if asked.get("way") in book.WAYS and other else ""
        direction = asked.get("direction", "") if asked.get("direction") in rules.DIRECTIONS else ""
        return cls(state, month, way, other if way else 0, direction)

    def rows(self, actor: Actor) -> QuerySet[Case]:
        """The referrals, newest first."""
        found = queries.in_month(actor, self.month) if self.month else queries.cases_of_institution(actor)
        if self.state:
            found = found.filter(state=self.state)
        if self.direction:
            found = found.filter(direction=self.direction)
        if self.way == book.OUT:
            found = found.filter(origin_id=actor.org_id, receiver_id=self.other)
        elif self.way == book.IN:
            found = found.exclude(origin_id=actor.org_id).filter(origin_id=self.other)
        return found


@page("referral.read")
def case_list(request: SignedRequest) -> HttpResponse:
    """All referrals of this institution, newest first, by pages that follow the day of writing."""
    size = size_of(request.GET, SIZES)
    chosen = _Filter.of(request)
    before = after_cursor(request.GET.get("before", ""))
    found = chosen.rows(request.actor)
    if before:
        at, number = before
        found = found.filter(Q(created_at__lt=at) | Q(number__lt=number), created_at__lte=at)
    rows = list(found[: size + 1])
    context = {
        "rows": [
            (c, texts.STATES[c.state], mask_name(c.patient_name), age_on(c.patient_birth_date, local_day(request.at)))
            for c in rows[:size]
        ],
        "states": texts.STATES.items(),
        "directions": texts.DIRECTIONS.items(),
        "chosen": chosen,
        "other": names_of([chosen.other]).get(chosen.other, "") if chosen.other else "",
        "size": size,
        "sizes": SIZES,
        "next": cursor_of(rows[size - 1].created_at, rows[size - 1].number) if len(rows) > size else None,
        "later": bool(before),
    }
    return render(request, "referral/list.html", context)


@page("referral.export")
def list_workbook(request: SignedRequest) -> HttpResponse:
    """The list as a spreadsheet, names masked. More rows than the limit: a page that says so, never a cut list."""
    rows = list(_Filter.of(request).rows(request.actor)[: EXPORT_LIMIT + 1])
    if len(rows) > EXPORT_LIMIT:
        return too_many(request, "/referrals/", EXPORT_LIMIT)
    request.reads.append(("referral.export", f"{len(rows)} rows"))
    columns = [
        Column(_("Case number"), lambda c: c.number),
        Column(_("Direction"), lambda c: str(texts.DIRECTIONS[c.direction])),
        Column(_("State"), lambda c: str(texts.STATES[c.state])),
        Column(_("Patient"), lambda c: mask_name(c.patient_name)),
        Column(_("Diagnosis code"), lambda c: c.diagnosis_code),
        Column(_("Diagnosis"), lambda c: c.diagnosis_name),
        Column(_("From"), lambda c: c.origin.name),
        Column(_("To"), lambda c: c.receiver.name),
        Column(_("Written"), lambda c: f"{c.created_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"),
    ]
    return workbook(_("Referrals"), columns, rows)
