"""The month's register of referrals: what each institution sent and received, counted. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from statistics import median

from fenji.care.referral.rules.table import ACCEPTED, ANSWERED, ARRIVED, DECLINED, MISSED, OFFERED
from fenji.ground.common.units import MONTHS_PER_YEAR, SECONDS_PER_MINUTE

OUT, IN = WAYS = ("out", "in")
"""Sent by the institution whose register it is, or received by it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One referral of the register. `reached`: the first time each state was reached."""

    way: str
    other_id: int
    emergency: bool
    reached: dict[str, datetime]


@dataclass(frozen=True, slots=True)
class Tally:
    """What went one way between the institution and another one. `to_accept`: median minutes from offered to accepted, of those
    that were accepted; None when none was."""

    way: str
    other_id: int
    referrals: int
    emergencies: int
    accepted: int
    declined: int
    arrived: int
    missed: int
    answered: int
    to_accept: float | None


def first_day(text: str, today: date) -> date:
    """The first day of the month that was asked for as 2026-09; of the present one when that is no month."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return today.replace(day=1)


def next_month(day: date) -> date:
    """The first day of the month after that of `day`."""
    return date(day.year + day.month // MONTHS_PER_YEAR, day.month % MONTHS_PER_YEAR + 1, 1)


def minutes_to_accept(line: Line) -> float | None:
    """Minutes from offered to accepted; None when it was not."""
    if OFFERED not in line.reached or ACCEPTED not in line.reached:
        return None
    return (line.reached[ACCEPTED] - line.reached[OFFERED]).total_seconds() / SECONDS_PER_MINUTE


def tally(lines: Iterable[Line]) -> list[Tally]:
    """One row for each way and other institution, sent ones first, most referrals first."""
    groups: dict[tuple[str, int], list[Line]] = {}
    for line in lines:
        groups.setdefault((line.way, line.other_id), []).append(line)
    rows = [_tally(way, other, found) for (way, other), found in groups.items()]
    return sorted(rows, key=lambda t: (WAYS.index(t.way), -t.referrals, t.other_id))


def _tally(way: str, other: int, found: list[Line]) -> Tally:
    def reached(state: str) -> int:
        return sum(state in line.reached for line in found)

    waited = [m for m in map(minutes_to_accept, found) if m is not None]
    return Tally(
        way,
        other,
        referrals=len(found),
        emergencies=sum(line.emergency for line in found),
        accepted=reached(ACCEPTED),
        declined=reached(DECLINED),
        arrived=reached(ARRIVED),
        missed=reached(MISSED),
        answered=reached(ANSWERED),
        to_accept=median(waited) if waited else None,
    )
