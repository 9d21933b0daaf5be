"""The parameters of this room. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from fenji.ground.common.clock import Span
from fenji.ground.common.units import PER_MILLE, PERCENT

ADDITIVE, MULTIPLICATIVE, NONE = MODELS = ("additive", "multiplicative", "none")
"""How limits are widened when units differ by more than chance."""
WARNING, ALARM = LEVELS = ("warning", "alarm")


@dataclass(frozen=True, slots=True)
class QualityPolicy:
    """Review cycles, limits of what is usual, time for explaining what is not, and the bulletin.

    sample_percent, sample_least: of the referrals of a cycle, rounded up, and at least so many. review_open_days: how long before
    its last day the sample of a cycle is drawn. outlier_days: over how many days rates are judged. warning_permille,
    alarm_permille: how much of what chance brings lies within the limits, both sides together. least_contacts: fewer are too few
    to judge. winsor_percent: how much of each end is drawn in before the spread between units is measured. alert_days: alerts of
    so many days are looked at again each night, for rows and files that come late.
    """

    review_asked: bool
    sample_percent: int
    sample_least: int
    review_cycle_days: int
    review_open_days: int
    outliers_watched: bool
    outlier_days: int
    warning_permille: int
    alarm_permille: int
    least_contacts: int
    winsor_percent: int
    dispersion: str
    outlier_opens: str
    explain_within: Span
    correct_days: int
    bulletin_least: int
    alert_days: int
    alert_answer_within: Span

    def __post_init__(self) -> None:
        """Limits nest and leave something outside; shares are shares; words are of those there are."""
        if not 0 < self.warning_permille < self.alarm_permille < PER_MILLE:
            raise ValueError(f"limits must nest: {self.warning_permille}, {self.alarm_permille}")
        if not 0 <= self.sample_percent <= PERCENT or self.sample_least < 0 or self.review_cycle_days < 1:
            raise ValueError("not a share, a number or a cycle")
        if not 0 <= self.review_open_days < self.review_cycle_days or self.outlier_days < 1:
            raise ValueError("the sample is drawn within the cycle, and rates are judged over a day or more")
        if (
            not 0 <= self.winsor_percent * 2 < PERCENT
            or self.least_contacts < 1
            or self.bulletin_least < 1
            or self.correct_days < 0
            or self.alert_days < 1
        ):
            raise ValueError("not a share below a half, or not a number of one or more")
        if self.dispersion not in MODELS or self.outlier_opens not in LEVELS:
            raise ValueError(f"not a model or a level: {self.dispersion}, {self.outlier_opens}")

    def outside(self, level: str) -> Fraction:
        """How much of chance lies outside one limit of a level: 950 ‰ → 1/40."""
        within = self.warning_permille if level == WARNING else self.alarm_permille
        return Fraction(PER_MILLE - within, PER_MILLE * 2)
