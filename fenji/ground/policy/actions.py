"""The only writes of this room: the calendar."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from fenji.ground.access.actions import audit_all
from fenji.ground.access.rules import Actor
from fenji.ground.policy.models import CalendarDay
from fenji.ground.policy.queries import calendar_days, forget_calendars

_DAYS = Path(__file__).parent / "data" / "working_days.csv"
_BATCH = 1000


def load_calendar(using: str = "load", file: Path = _DAYS) -> int:
    """Put the shipped calendar in; rows that are there already stay. Returns the number of rows of the file."""
    with file.open(encoding="utf-8") as handle:
        rows = [
            CalendarDay(
                day=r["day"], working=r["working"] == "1", name=r["name"], basis=r["basis"], provisional=r["provisional"] == "1"
            )
            for r in csv.DictReader(line for line in handle if not line.startswith("#"))
        ]
    with transaction.atomic(using=using):
        CalendarDay.objects.using(using).bulk_create(rows, ignore_conflicts=True)
    forget_calendars()
    return len(rows)


def put_days(days: Mapping[date, Mapping[str, Any]], *, by: Actor, at: datetime, progress: Callable[[int], None]) -> None:
    """Write days of the calendar (working, name, basis, provisional), new or changed, in the caller's transaction over `load`."""
    stand = calendar_days(days, "load")
    chosen = list(days)
    for begin in range(0, len(chosen), _BATCH):
        batch = chosen[begin : begin + _BATCH]
        CalendarDay.objects.using("load").bulk_create(
            [CalendarDay(day=day, **days[day]) for day in batch],
            update_conflicts=True,
            unique_fields=["day"],
            update_fields=["working", "name", "basis", "provisional"],
        )
        changes = defaultdict(list)
        for day in batch:
            changes[_said(stand.get(day)), _said(days[day])].append(day.isoformat())
        for (before, after), subjects in changes.items():
            audit_all(subjects, by=by, at=at, action="calendar.put", before=before, after=after, using="load")
        progress(begin + len(batch))
    transaction.on_commit(forget_calendars, using="load")


def _said(day: Mapping[str, Any] | None) -> str:
    return "" if day is None else f"{'working' if day['working'] else 'off'}{' provisional' if day['provisional'] else ''}"
