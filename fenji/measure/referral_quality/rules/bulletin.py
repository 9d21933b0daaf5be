"""The bulletin: refusals and late steps of each institution, with what they are counted against. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from fenji.measure.referral_quality.rules.policy import QualityPolicy


@dataclass(frozen=True, slots=True)
class Record:
    """What an institution did in the period. `offered`: referrals that it answered, of which `declined`; `steps`: steps that fell
    due, of which `late` were taken late or not at all."""

    org: str
    offered: int
    declined: int
    steps: int
    late: int


@dataclass(frozen=True, slots=True)
class Line:
    """One institution in one table. `share`: None when there was nothing to count against; `rank`: 1 for the highest share, the
    same for equal ones, the next one after them counting them all (1, 2, 2, 4); None for too few to rank."""

    org: str
    hits: int
    of: int
    share: Fraction | None
    rank: int | None


@dataclass(frozen=True, slots=True)
class Bulletin:
    """Both tables: ranked lines first, in order, then those with too few, by name."""

    refusals: tuple[Line, ...]
    late: tuple[Line, ...]


def ranked(rows: Iterable[tuple[str, int, int]], least: int) -> tuple[Line, ...]:
    """(institution, hits, of) as lines. Shares are compared as fractions, so that equal ones are equal."""
    ordered = sorted(rows)
    if any(not 0 <= hits <= of for _, hits, of in ordered):
        raise ValueError("more hits than there was to count")
    able = sorted(((org, hits, of) for org, hits, of in ordered if of >= least), key=lambda r: -Fraction(r[1], r[2]))
    places: dict[Fraction, int] = {}
    for place, (_, hits, of) in enumerate(able, start=1):
        places.setdefault(Fraction(hits, of), place)
    few = [(org, hits, of) for org, hits, of in ordered if of < least]
    first = [Line(org, hits, of, Fraction(hits, of), places[Fraction(hits, of)]) for org, hits, of in able]
    return (*first, *(Line(org, hits, of, Fraction(hits, of) if of else None, None) for org, hits, of in few))


def bulletin(records: Iterable[Record], policy: QualityPolicy) -> Bulletin:
    """Both tables of a period."""
    known, least = list(records), policy.bulletin_least
    return Bulletin(
        ranked(((r.org, r.declined, r.offered) for r in known), least), ranked(((r.org, r.late, r.steps) for r in known), least)
    )
