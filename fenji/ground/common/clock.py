"""Time as the field counts it: instants in UTC, days in Asia/Shanghai, deadlines in natural or duty minutes. Pure.

Only the edge asks what time it is (`now`); everything below gets `at` as an argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from fenji.ground.common.units import SATURDAY

SHANGHAI = ZoneInfo("Asia/Shanghai")
_FARTHEST_DAYS = 3660


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time that says how it is counted: `natural` minutes run always, `duty` minutes only in duty hours."""

    minutes: int
    counted: str

    def __post_init__(self) -> None:
        if self.counted not in ("natural", "duty") or self.minutes < 0:
            raise ValueError(f"not a span: {self.minutes} {self.counted}")


@dataclass(frozen=True, slots=True)
class DutyCalendar:
    """Which days are working days and which hours are duty hours.

    `exceptions`: day → working?; days not named are working from Monday to Friday.
    `hours`: (start, end) pairs of local times, ascending, not overlapping.
    """

    hours: tuple[tuple[time, time], ...]
    exceptions: Mapping[date, bool]

    def is_working(self, day: date) -> bool:
        """True when duty hours run on this day."""
        return self.exceptions.get(day, day.weekday() < SATURDAY)

    def periods(self, day: date) -> list[tuple[datetime, datetime]]:
        """The duty periods of one day as instants."""
        if not self.is_working(day):
            return []
        return [(datetime.combine(day, a, SHANGHAI), datetime.combine(day, b, SHANGHAI)) for a, b in self.hours]


def local_day(at: datetime) -> date:
    """The calendar day in Fujian of an instant."""
    return at.astimezone(SHANGHAI).date()


def local_minute(at: datetime | None) -> str:
    """An instant as the clocks in Fujian show it, to the minute, for spreadsheets; empty for none."""
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" if at else ""


def deadline(start: datetime, span: Span, calendar: DutyCalendar) -> datetime:
    """The instant at which `span` has passed since `start`.

    Duty minutes are consumed period by period; a deadline that falls on the end of a period stays there and
    does not slip to the next morning. Raises ValueError when the calendar offers no duty time for ten years.
    """
    if span.counted == "natural":
        return start + timedelta(minutes=span.minutes)
    left = timedelta(minutes=span.minutes)
    day = local_day(start)
    for _ in range(_FARTHEST_DAYS):
        for opening, end in calendar.periods(day):
            begin = max(opening, start)
            if begin <= end and left <= end - begin:
                return (begin + left).astimezone(start.tzinfo)
            left -= max(end - begin, timedelta(0))
        day += timedelta(days=1)
    raise ValueError("the calendar has no duty time for ten years")
