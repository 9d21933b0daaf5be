"""The only writes of this room: loading the calendar."""

from __future__ import annotations

import csv
from pathlib import Path

from django.db import transaction

from fenji.ground.policy.models import CalendarDay
from fenji.ground.policy.queries import forget_calendars

_DAYS = Path(__file__).parent / "data" / "working_days.csv"


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
