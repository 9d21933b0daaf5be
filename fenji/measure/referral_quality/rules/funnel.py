"""Units that refer unusually often or seldom: by branch, disease or doctor (SM-3-5g). Unadjusted limits, and verdicts. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from fenji.measure.referral_quality.rules.binomial import limits
from fenji.measure.referral_quality.rules.policy import ALARM, LEVELS, QualityPolicy

BRANCH, DISEASE, DOCTOR = SIDES = ("branch", "disease", "doctor")
PLAIN, ADJUSTED = VIEWS = ("plain", "adjusted")
"""Against the rate of all, with exact limits; or against the own mix, with the usual spread."""
WITHIN, TOO_FEW = "within", "too_few"
WARNING_HIGH, ALARM_HIGH, WARNING_LOW, ALARM_LOW = "warning_high", "alarm_high", "warning_low", "alarm_low"
VERDICTS = (WITHIN, WARNING_HIGH, ALARM_HIGH, WARNING_LOW, ALARM_LOW, TOO_FEW)


@dataclass(frozen=True, slots=True)
class Tally:
    """Contacts alike in everything, and how many of them were referred up. `kind`: whatever else is adjusted for, age band and
    sex."""

    branch: str
    disease: str
    doctor: str
    kind: tuple[str, ...]
    contacts: int
    referred: int

    def __post_init__(self) -> None:
        """Nobody is referred without having been seen."""
        if not 0 <= self.referred <= self.contacts:
            raise ValueError(f"{self.referred} of {self.contacts}")


@dataclass(frozen=True, slots=True)
class Cell:
    """Contacts of one unit in one stratum, and how many were referred up."""

    unit: str
    stratum: tuple[str, ...]
    contacts: int
    referred: int


def cells(tallies: Iterable[Tally], side: str) -> list[Cell]:
    """Tallies as units seen from one side, summed. Diseases are not adjusted for the disease, which would explain everything
    away."""
    found: dict[tuple[str, tuple[str, ...]], tuple[int, int]] = {}
    for t in tallies:
        unit = {BRANCH: t.branch, DISEASE: t.disease, DOCTOR: t.doctor}[side]
        key = unit, t.kind if side == DISEASE else (t.disease, *t.kind)
        contacts, referred = found.get(key, (0, 0))
        found[key] = contacts + t.contacts, referred + t.referred
    return [Cell(*key, *sums) for key, sums in sorted(found.items())]


@dataclass(frozen=True, slots=True)
class Limits:
    """Between which numbers of referrals a unit is as usual, at the two levels. Over the contacts they are rates, over the expected
    number ratios."""

    alarm_low: float
    warning_low: float
    warning_high: float
    alarm_high: float


@dataclass(frozen=True, slots=True)
class Judged:
    """A unit against what is expected of it. `ratio`: observed to expected, None when nothing is expected. `z`: how many standard
    deviations above, `adjusted`: the same when units differ by more than chance; None where there are none. `limits`: None when
    there are too few contacts to judge."""

    unit: str
    contacts: int
    observed: int
    expected: float
    ratio: float | None
    z: float | None
    adjusted: float | None
    limits: Limits | None
    verdict: str


def opens_case(verdict: str, policy: QualityPolicy) -> bool:
    """Whether experts look into it. Only a high rate (转出率偏高) has to be explained; a low one is shown as unusual (异常)."""
    opening = {ALARM_HIGH} if policy.outlier_opens == ALARM else {ALARM_HIGH, WARNING_HIGH}
    return policy.outliers_watched and verdict in opening


def verdict_of(count: int, limits: Limits) -> str:
    """On which side of which limits a count lies."""
    if count > limits.warning_high:
        return ALARM_HIGH if count > limits.alarm_high else WARNING_HIGH
    if count < limits.warning_low:
        return ALARM_LOW if count < limits.alarm_low else WARNING_LOW
    return WITHIN


def funnel(counted: Iterable[Cell], policy: QualityPolicy) -> list[Judged]:
    """Each unit against the rate of all together, with exact binomial limits and nothing adjusted for. In order of the units.

    The rate is that of all units, those with too few contacts and the unit itself included. A unit is outside a limit when a count
    like its own or farther out has less than the chance that the level leaves on that side; see `limits`.
    """
    sums: dict[str, tuple[int, int]] = {}
    for cell in counted:
        contacts, referred = sums.get(cell.unit, (0, 0))
        sums[cell.unit] = contacts + cell.contacts, referred + cell.referred
    total, referred = (sum(s) for s in zip(*sums.values(), strict=True)) if sums else (0, 0)
    if not total:
        return [Judged(unit, 0, 0, 0.0, None, None, None, None, TOO_FEW) for unit in sorted(sums)]
    rate = Fraction(referred, total)
    outside = [policy.outside(level) for level in LEVELS]
    drawn: dict[int, Limits] = {}
    found = []
    for unit, (n, k) in sorted(sums.items()):
        expected = float(n * rate)
        ratio = float(k / (n * rate)) if n * rate else None
        if n < policy.least_contacts:
            found.append(Judged(unit, n, k, expected, ratio, None, None, None, TOO_FEW))
            continue
        if n not in drawn:
            warning, alarm = limits(n, rate, outside)
            drawn[n] = Limits(alarm[0], warning[0], warning[1], alarm[1])
        found.append(Judged(unit, n, k, expected, ratio, None, None, drawn[n], verdict_of(k, drawn[n])))
    return found
