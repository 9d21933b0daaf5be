"""The working-day calendar: dated rows, importable, provisional until decreed."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from fenji.ground.common.models import CText, House


class CalendarDay(House):
    """A day that is not as its weekday says: a holiday, or a weekend worked in exchange."""

    day = models.DateField(primary_key=True)
    working = models.BooleanField()
    name = CText()
    basis = CText()
    provisional = models.BooleanField(default=False)

    privacy: ClassVar = dict.fromkeys(("day", "working", "name", "basis", "provisional"), "public")
