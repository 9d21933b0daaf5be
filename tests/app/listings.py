"""A list that exists in tests only. Its entries lie far in the future of the calendar, where no other test looks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

from fenji.ground.access.actions import audit_all
from fenji.ground.access.rules import Actor
from fenji.ground.common import imports
from fenji.ground.common.imports import Column, Fault, Judgement, Row
from fenji.ground.policy.models import CalendarDay

_BEGIN = date(2500, 1, 1)


class Lots:
    """Numbered lots with a title and a kind. `pause`: called in mid-write; a lot called "forbidden" is refused by the room."""

    code = "lots"
    title = "Lots"
    permission = "network.write"
    key = ("number",)
    columns = (
        Column("number", "Number", "whole", required=True, sample="1"),
        Column("title", "Title", required=True, sample="A sample lot", longest=30),
        Column("kind", "Kind", "choice", choices=(("a", "Apple"), ("b", "Pear")), sample="a", note="What it is"),
        Column("locked", "Locked", "yes_no", sample="0"),
    )

    def __init__(self) -> None:
        self.pause: Callable[[], None] = lambda: None
        self.slips = False

    def _stand(self, rows: Sequence[Row]) -> dict[date, CalendarDay]:
        return CalendarDay.objects.using("load").in_bulk([self.day(r) for r in rows])

    @staticmethod
    def day(row: Row) -> date:
        return _BEGIN + timedelta(days=row.values["number"])

    @staticmethod
    def _values(row: Row, there: CalendarDay | None) -> dict[str, Any]:
        kind, locked = row.values.get("kind"), row.values.get("locked")
        return {
            "name": row.values["title"],
            "basis": (kind or "a") if "kind" in row.values else there.basis if there else "a",
            "working": bool(locked) if "locked" in row.values else there.working if there else False,
        }

    def judge(self, rows: Sequence[Row], *, by: Actor, at: datetime) -> Judgement:
        stand = self._stand(rows)
        faults = tuple(Fault(r.line, "title", "lot_forbidden") for r in rows if r.values["title"] == "forbidden")
        outcomes = {}
        for row in rows:
            there = stand.get(self.day(row))
            same = there is not None and all(getattr(there, k) == v for k, v in self._values(row, there).items())
            outcomes[row.line] = "new" if there is None else "same" if same else "changed"
        for fault in faults:
            del outcomes[fault.line]
        notes = tuple(Fault(r.line, "title", "lot_short") for r in rows if len(r.values["title"]) == 1)
        return Judgement(outcomes, faults, notes)

    def write(self, rows: Sequence[Row], *, by: Actor, at: datetime, progress: Callable[[int], None]) -> list[dict[str, str]]:
        stand = self._stand(rows)
        half = len(rows) // 2
        for done, row in enumerate(rows, 1):
            CalendarDay(day=self.day(row), **self._values(row, stand.get(self.day(row)))).save(using="load")
            progress(done)
            if done == half:
                self.pause()
        audit_all([f"lot {r.values['number']}" for r in rows], by=by, at=at, action="lot.put", using="load")
        return [{"Number": str(r.values["number"]), "Secret": f"secret-{r.values['number']}"} for r in rows] if self.slips else []


@contextmanager
def offered() -> Iterator[Lots]:
    """The list, on offer while this lasts."""
    lots = Lots()
    imports.register_listing(lots)
    imports.register_faults({"lot_forbidden": "Lots may not be called so.", "lot_short": "A short title."})
    try:
        yield lots
    finally:
        del imports._LISTINGS[lots.code]


def lots(first: int, count: int) -> dict[int, tuple[str, str]]:
    """What stands: number → title, kind."""
    days = {_BEGIN + timedelta(days=first + i): first + i for i in range(count)}
    found = CalendarDay.objects.using("owner").in_bulk(list(days))
    return {days[day]: (row.name, row.basis) for day, row in sorted(found.items())}


def waiting(barrier: threading.Barrier) -> Callable[[], None]:
    """A pause that waits for others."""
    return lambda: barrier.wait(timeout=60) and None
