"""What a team measures at home: which values can be, and how they stand against the target. Pure.

A value that cannot be is a slip of the finger and is asked for again; one outside the target is a finding and is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from fenji.ground.common.refusal import Refused


class BadMeasurement(Refused):
    """What was entered is no number of this measure: not a number, more decimals than it has, or one number of a pair. detail:
    example."""

    code = "measurement"


class NotPlausible(Refused):
    """No living patient has this value. detail: least, most, unit."""

    code = "not_plausible"


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure of the shipped table. `least`, `most`: the plausible range, both included. `second`: the range of the lower number
    of a pair (blood pressure), which is less than the first; None for a single number."""

    code: str
    unit: str
    decimals: int
    least: Decimal
    most: Decimal
    second: tuple[Decimal, Decimal] | None = None

    def __post_init__(self) -> None:
        if not self.least < self.most or self.decimals < 0 or (self.second and not self.second[0] < self.second[1]):
            raise ValueError(f"measure {self.code}: its ranges are not ascending")


_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)


def measured(measure: Measure, typed: str) -> tuple[Decimal, ...]:
    """The number, or the two of a pair ("136/82"), that somebody typed; full-width digits and signs must have been made half-width.

    Raises BadMeasurement, NotPlausible.
    """
    parts = [p.strip() for p in typed.split("/")]
    if len(parts) != (2 if measure.second else 1) or not all(_NUMBER.fullmatch(p) for p in parts):
        raise BadMeasurement(example=_example(measure))
    values = tuple(Decimal(p) for p in parts)
    if any(-int(v.as_tuple().exponent) > measure.decimals for v in values):
        raise BadMeasurement(example=_example(measure))
    ranges = [(measure.least, measure.most), *([measure.second] if measure.second else [])]
    for value, (least, most) in zip(values, ranges, strict=True):
        if not least <= value <= most:
            raise NotPlausible(least=str(least), most=str(most), unit=measure.unit)
    if measure.second and values[1] >= values[0]:
        raise BadMeasurement(example=_example(measure))
    return values


def _example(measure: Measure) -> str:
    """A value in the middle of the range, written as it is to be typed."""
    step = Decimal(1).scaleb(-measure.decimals)
    middles = [(measure.least + measure.most) / 2]
    if measure.second:
        middles.append(min((measure.second[0] + measure.second[1]) / 2, middles[0] - step))
    return "/".join(str(m.quantize(step)) for m in middles)


Standing = str
LOW, WITHIN, HIGH = "low", "within", "high"


def standing(value: Decimal, low: Decimal | None, high: Decimal | None) -> Standing:
    """How a value stands against the hospital's target; bounds belong to it, None is no bound on that side."""
    if low is not None and value < low:
        return LOW
    return HIGH if high is not None and value > high else WITHIN
