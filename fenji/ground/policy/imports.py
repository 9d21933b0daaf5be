"""The working-day calendar as a list that comes in: the year's decree, typed into Excel once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from fenji.ground.access.rules import Actor
from fenji.ground.common.imports import Column, Fault, Judgement, Row, register_faults, register_listing
from fenji.ground.common.units import SATURDAY
from fenji.ground.policy import actions, queries


class CalendarListing:
    """Days that are not as their weekday says. Days the file does not name stay as they are."""

    code = "calendar"
    title = _("Working-day calendar")
    permission = "network.write"
    key = ("day",)
    columns = (
        Column("day", _("Day"), "date", required=True, sample="2026-10-01"),
        Column(
            "working", _("Working day?"), "yes_no", required=True, sample="0", note=_("No for a holiday; yes for a worked weekend.")
        ),
        Column("name", _("Occasion"), required=True, sample="国庆节", longest=40),
        Column("basis", _("Basis"), required=True, sample="国务院办公厅放假安排", note=_("The decree that says so."), longest=100),
        Column("provisional", _("Provisional?"), "yes_no", sample="0", note=_("Yes until the decree is out. Left empty: no.")),
    )

    def judge(self, rows: Sequence[Row], *, by: Actor, at: datetime) -> Judgement:
        """Compare with the days on file. A row that says what the weekday says anyway is noted."""
        stand = queries.calendar_days([r.values["day"] for r in rows], "load")
        outcomes = {}
        for row in rows:
            there = stand.get(row.values["day"])
            outcomes[row.line] = "new" if there is None else "same" if there == _wanted(row, there) else "changed"
        idle = [r for r in rows if r.values["working"] and r.values["day"].weekday() < SATURDAY]
        return Judgement(outcomes, (), tuple(Fault(r.line, "working", "day_as_usual") for r in idle))

    def write(self, rows: Sequence[Row], *, by: Actor, at: datetime, progress: Callable[[int], None]) -> list[dict[str, str]]:
        """Put the days in."""
        stand = queries.calendar_days([r.values["day"] for r in rows], "load")
        days = {r.values["day"]: _wanted(r, stand.get(r.values["day"])) for r in rows}
        actions.put_days(days, by=by, at=at, progress=progress)
        return []


def _wanted(row: Row, there: dict[str, Any] | None) -> dict[str, Any]:
    """A day as the row wants it; what the file has no column for stays."""
    provisional = row.values.get("provisional", there["provisional"] if there else False)
    return {**{k: row.values[k] for k in ("working", "name", "basis")}, "provisional": bool(provisional)}


def register() -> None:
    """Called once at start-up."""
    register_listing(CalendarListing())
    register_faults({"day_as_usual": _("says what the weekday says anyway; it may stay, and changes nothing.")})
