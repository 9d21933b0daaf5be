"""The funnel as a picture: where each unit and the limits around it lie, in the units of the drawing."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10

from fenji.ground.common.units import PERCENT
from fenji.measure.referral_quality.rules import LEVELS, Judged, Limits

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 380, 80, 44, 16, 24
_MARKS = 6


@dataclass(frozen=True, slots=True)
class Point:
    """One unit. `row`: its place in the table beside the picture."""

    x: float
    y: float
    row: int
    verdict: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis: where, and what it says."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """`lines`: (level, points of one limit). `middle`: the height of what is expected of all."""

    points: list[Point]
    lines: list[tuple[str, str]]
    middle: float
    across: list[Tick]
    up: list[Tick]


def _low(limits: Limits, level: str) -> tuple[float, float]:
    return (limits.warning_low, limits.warning_high) if level == LEVELS[0] else (limits.alarm_low, limits.alarm_high)


def _marks(highest: float) -> list[float]:
    """Round numbers from 0 up to a number above it: 1, 2 or 5 of a power of ten apart, and no more than an axis has room for."""
    power = 10.0 ** (floor(log10(highest)) - 1)
    step = next(s for m in (1, 2, 5, 10, 20) if highest / (s := m * power) < _MARKS)
    return [round(n * step, 6) for n in range(floor(highest / step) + 1)]


def picture(units: list[Judged], *, adjusted: bool) -> Picture | None:
    """Judged units as a funnel: unadjusted by contacts and rate, adjusted by what is expected and the ratio to it. None for none.

    The limits are drawn through those of the units themselves, so that the picture and the verdicts never differ.
    """
    shown = [(row, u) for row, u in enumerate(units) if u.limits is not None and u.expected > 0]
    if not shown:
        return None
    size = {row: u.expected if adjusted else float(u.contacts) for row, u in shown}
    widest = max(size.values())
    highest = max(max(u.observed, u.limits.alarm_high) / size[row] for row, u in shown if u.limits)

    def x(value: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * value / widest, 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / highest, 1)

    ordered = sorted(shown, key=lambda pair: size[pair[0]])
    lines = [
        (level, " ".join(f"{x(size[row])},{y(_low(u.limits, level)[side] / size[row])}" for row, u in ordered if u.limits))
        for level in LEVELS
        for side in (0, 1)
    ]
    rate = sum(u.expected for _, u in shown) / sum(size.values())
    up = [Tick(y(m), f"{m:g}" if adjusted else f"{m * PERCENT:g}%") for m in _marks(highest)]
    across = [Tick(x(m), f"{m:g}") for m in _marks(widest)]
    return Picture([Point(x(size[r]), y(u.observed / size[r]), r, u.verdict) for r, u in shown], lines, y(rate), across, up)
