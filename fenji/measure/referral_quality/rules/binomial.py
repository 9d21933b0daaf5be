"""Exact binomial tails and limits in plain Python. Pure.

Terms are taken relative to the one at the mode: neighbours differ by the exact ratio of two whole numbers, rounded once, and all
that is added up is positive. Nothing cancels and no logarithm of a large number is taken, so the relative error grows with the
root of the number of steps, which is of the order of the standard deviation. The tests hold it to 1e-12 up to a million, for
tails above 1e-290.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate, takewhile
from math import fsum

_FAINT = sys.float_info.epsilon
"""A term this small beside the first of its side: all that come after it, a geometric series at most, are lost in rounding."""


def _rising(n: int, rate: Fraction, k: int) -> Iterator[float]:
    """Ratios of the terms above k to the term at k: k+1, k+2, … n."""
    yes, no = rate.numerator, rate.denominator - rate.numerator
    term = 1.0
    for j in range(k, n):
        term *= (n - j) * yes / ((j + 1) * no)
        yield term


def _counting(terms: Iterator[float]) -> list[float]:
    """The falling terms after 1, until they no longer count."""
    return list(takewhile(lambda term: term >= _FAINT, terms))


def _around(n: int, rate: Fraction) -> tuple[int, list[float], list[float], float]:
    """The mode; the terms above it and those below it, outwards, in units of the one at the mode; the sum of all."""
    mode = min(n, (n + 1) * rate.numerator // rate.denominator)
    above = _counting(_rising(n, rate, mode))
    below = _counting(_rising(n, 1 - rate, n - mode))  # the terms above the mirror image of the mode
    return mode, above, below, fsum((1, *above, *below))


def at_least(k: int, n: int, rate: Fraction) -> float:
    """P(X ≥ k) for X binomial of n at `rate` (0 to 1)."""
    if k <= 0 or k > n:
        return float(k <= 0)
    if rate in (0, 1):
        return float(rate)
    mode, above, below, total = _around(n, rate)
    if k <= mode:
        return min(1.0, fsum((1, *above, *below[: mode - k])) / total)
    at_k = next((term for j, term in enumerate(_rising(n, rate, mode), start=mode + 1) if j == k or term == 0), 0.0)
    return at_k / total * fsum((1, *_counting(_rising(n, rate, k))))


def at_most(k: int, n: int, rate: Fraction) -> float:
    """P(X ≤ k): at least n - k of the others."""
    return at_least(n - k, n, 1 - rate)


def limits(n: int, rate: Fraction, outside: Sequence[Fraction]) -> list[tuple[float, float]]:
    """(lower, upper) for each chance in `outside` (below a half): a count below the lower or above the upper limit is unusual.

    A count k is above the limit exactly when P(X ≥ k) is below the chance, and below it when P(X ≤ k) is: the plain exact test,
    which never raises more false alarms than it says (mid-P would, at small n).

    Between two counts the limit is placed linearly in the tail, after D. J. Spiegelhalter, "Funnel plots for comparing
    institutional performance", Statistics in Medicine 24 (2005) 1185-1202: the lower one at r - (P(X ≤ r) - p) / P(X = r), with r
    the least count for which P(X ≤ r) > p; the upper one is its mirror image, the lower limit of those not counted. The formula
    at 1 - p instead would lie one count lower, and make a count unusual that is a little more likely than p.
    """
    if rate in (0, 1):
        return [(float(n * rate), float(n * rate)) for _ in outside]
    mode, above, below, total = _around(n, rate)
    masses = [*reversed(below), 1, *above]
    first, last = mode - len(below), mode + len(above)
    high = [t / total for t in accumulate(reversed(masses))]  # P(X ≥ last), P(X ≥ last - 1), …
    low = [t / total for t in accumulate(masses)]
    return [(max(0.0, first - _crossing(low, float(p))), min(float(n), last + _crossing(high, float(p)))) for p in outside]


def _crossing(tails: Sequence[float], p: float) -> float:
    """How far outside the first of the rising tails the limit lies: where the tail is p, with 0 one step before the first."""
    inside = next(i for i, tail in enumerate(tails) if tail >= p)
    outer = tails[inside - 1] if inside else 0.0
    return 1 - inside - (p - outer) / (tails[inside] - outer)
