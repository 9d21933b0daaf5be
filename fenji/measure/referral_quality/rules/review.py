"""The periodic review of sampled referrals: two questions, a second reader where one is not enough, the score, the cycle. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from uuid import UUID

from fenji.measure.referral_quality.rules.policy import QualityPolicy

YES, NO, UNSURE = ANSWERS = ("yes", "no", "unsure")
OPEN = ""
"""Nobody's answer stands yet."""
APPROPRIATE, COMPLIANT = DIMENSIONS = ("appropriate", "compliant")
"""合理性, 规范性 (SM-3-5f)."""

OWN_REFERRAL, SAME_READER, ENOUGH_READ = "own_referral", "same_reader", "enough_read"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reader says of one referral: a word of ANSWERS for each dimension."""

    reader: UUID
    appropriate: str
    compliant: str

    def __post_init__(self) -> None:
        """Both questions are answered."""
        if not {self.appropriate, self.compliant} <= set(ANSWERS):
            raise ValueError(f"not an answer: {self.appropriate!r}, {self.compliant!r}")

    def of(self, dimension: str) -> str:
        """The answer to one question."""
        return self.appropriate if dimension == APPROPRIATE else self.compliant


@dataclass(frozen=True, slots=True)
class Sampled:
    """A referral that was drawn. `standing`: for a dimension, what was decided when it was sent (YES of one that a reviewer
    approved or the policy let through); nothing where nobody decided. `involved`: who asked for it or decided it then."""

    number: str
    standing: Mapping[str, str]
    involved: Collection[UUID]
    readings: Sequence[Reading] = ()


def settled(standing: str, answers: Sequence[str]) -> str:
    """The answer that stands in one dimension, OPEN while another reader is needed.

    One reader is enough who is sure and does not contradict what was decided at the time. Else a second one reads, and that answer
    stands: it is two against one, or the first could not say. A second one who cannot say leaves it at UNSURE.
    """
    if not answers:
        return OPEN
    first, *others = answers
    if first != UNSURE and standing in ("", first):
        return first
    return others[0] if others else OPEN


def result(sampled: Sampled) -> dict[str, str]:
    """The settled answer of each dimension; OPEN where another reader is needed."""
    return {d: settled(sampled.standing.get(d, ""), [r.of(d) for r in sampled.readings]) for d in DIMENSIONS}


def needs_reader(sampled: Sampled) -> bool:
    """True while an answer is open in some dimension."""
    return OPEN in result(sampled).values()


def reader_fault(sampled: Sampled, reader: UUID) -> str:
    """Why a person may not read this referral; empty when they may. Nobody reads what they asked for or decided, and nobody
    twice."""
    if reader in sampled.involved:
        return OWN_REFERRAL
    if any(r.reader == reader for r in sampled.readings):
        return SAME_READER
    return "" if needs_reader(sampled) else ENOUGH_READ


@dataclass(frozen=True, slots=True)
class Score:
    """What a cycle found in one dimension. `open`: drawn and not settled yet."""

    sampled: int
    yes: int
    no: int
    unsure: int
    open: int

    @property
    def share(self) -> Fraction | None:
        """Yes among yes and no (50 drawn, 3 unreasonable: 47/50). None when nothing was judged, which is not 0."""
        judged = self.yes + self.no
        return Fraction(self.yes, judged) if judged else None


def scores(drawn: Iterable[Sampled]) -> dict[str, Score]:
    """The score of each dimension."""
    results = [result(s) for s in drawn]

    def count(dimension: str, answer: str) -> int:
        return sum(r[dimension] == answer for r in results)

    return {d: Score(len(results), count(d, YES), count(d, NO), count(d, UNSURE), count(d, OPEN)) for d in DIMENSIONS}


def cycle_due(since: date, policy: QualityPolicy) -> date:
    """The last day of the cycle (SM-3-5l). `since`: day of the review before, or when the institution came under the clause."""
    return since + timedelta(days=policy.review_cycle_days)


def cycle_opens(since: date, policy: QualityPolicy) -> date:
    """The first day on which the sample of a cycle may be drawn: so that there is time left to read it."""
    return cycle_due(since, policy) - timedelta(days=policy.review_open_days)


def cycle_overdue(since: date, today: date, policy: QualityPolicy) -> bool:
    """True from the day after the last day of a cycle without a review; never where no clause asks for one."""
    return policy.review_asked and today > cycle_due(since, policy)


def cycle_done(drawn: Iterable[Sampled]) -> bool:
    """A cycle is reviewed when every referral drawn is settled in both dimensions; one with nothing to draw from, too."""
    return not any(needs_reader(s) for s in drawn)
