"""What the pages of this room share: lists by pages and as spreadsheets, days that are asked for, the way back after a change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from fenji.ground.common import lists
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import SignedRequest, list_start
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.lists import EXPORT_LIMIT, SIZES, size_of
from fenji.ground.network import texts
from fenji.ground.network.forms import Day, DayForm, PastDay
from fenji.ground.network.models import Department, Relation, Specialty

Problem = tuple[str, str] | None
"""What happened, and what to do now."""


@dataclass(frozen=True, slots=True)
class Pager:
    """Where in a list one is. `query`: the filters, as they stand in an address; `before`, `more`: where the next pages begin."""

    query: str
    size: int
    start: int
    before: int | None
    more: int | None
    sizes: tuple[int, ...] = SIZES


def listed(request: SignedRequest, found: QuerySet[Any] | Sequence[Any], **filters: str) -> tuple[list[Any], Pager]:
    """One page of a list, and where it stands."""
    size = size_of(request.GET, SIZES)
    start = list_start(request.GET.get("from", ""), 6)
    rows = list(found[start : start + size + 1])
    query = urlencode({name: value for name, value in filters.items() if value})
    before = max(start - size, 0) if start else None
    return rows[:size], Pager(query, size, start, before, start + size if len(rows) > size else None)


def too_many(request: SignedRequest, found: QuerySet[Any] | Sequence[Any], back: str) -> HttpResponse | None:
    """The page that says a list has more rows than a spreadsheet is made of; None when it has not. Never a cut list."""
    if not list(found[EXPORT_LIMIT : EXPORT_LIMIT + 1]):
        return None
    hint = _("A cut list would look complete. Narrow it with its filters first, then export again.")
    return lists.too_many(request, back, EXPORT_LIMIT, hint)


def sheet(
    request: SignedRequest, title: str, columns: Sequence[Column], found: QuerySet[Any] | Sequence[Any], back: str
) -> HttpResponse:
    """A whole list as a spreadsheet, or the page that says it is too long."""
    return too_many(request, found, back) or workbook(title, columns, found)


@dataclass(frozen=True, slots=True)
class Asked:
    """The day a page is asked for. `then`: another one than today; `wrong`: what was typed is no such day."""

    day: date
    then: bool
    typed: str
    wrong: str


def day_asked(request: SignedRequest, *, future: bool = False) -> Asked:
    """The day in `?on=`, today when there is none."""
    today = local_day(request.at)
    typed = request.GET.get("on", "")
    if not typed:
        return Asked(today, False, "", "")
    field = Day() if future else PastDay(today=today)
    try:
        day = field.clean(typed)
    except ValidationError as problem:
        return Asked(today, False, typed, " ".join(problem.messages))
    return Asked(day or today, day != today, typed, "")


def done(request: SignedRequest, address: str, told: str) -> HttpResponse:
    """After a change: on to a page, which says what was done."""
    messages.success(request, told)
    return HttpResponseRedirect(address, status=303)


def in_chinese() -> bool:
    """Whether the page speaks Chinese: names that have two languages are chosen by it."""
    return (get_language() or "").startswith("zh")


def today_of(request: SignedRequest) -> date:
    """The calendar day of the request."""
    return local_day(request.at)


def no_day(form: DayForm) -> Problem:
    """What is wrong with the day on which something is to end; None when nothing is."""
    if form.is_valid():
        return None
    return " ".join(form.errors["on"]), _("Choose the day in the calendar and send again.")


def department_shown(row: Department, specialties: Mapping[str, Specialty]) -> dict[str, Any]:
    """A department with its name and specialty in the page's language."""
    chinese = in_chinese()
    specialty = specialties.get(row.specialty)
    named = (specialty.name_zh if chinese else specialty.name_en) if specialty else row.specialty
    return {"row": row, "name": row.name_zh if chinese or not row.name_en else row.name_en, "specialty": named}


def relation_shown(row: Relation, org_id: int) -> dict[str, Any]:
    """A tie as it reads on the page of one of the two organisations."""
    mine = row.source_id == org_id
    return {"row": row, "text": texts.relation_text(row.kind, mine), "other": row.target if mine else row.source}
