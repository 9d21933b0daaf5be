"""Exact binomial tails and limits, held against whole fractions and against an incomplete beta function in long decimals."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from math import comb, factorial, sqrt

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fenji.measure.referral_quality.rules import at_least, at_most, limits

RATES = st.fractions(min_value=Fraction(1, 1000), max_value=Fraction(999, 1000), max_denominator=1000)
CHANCES = [Fraction(1, 40), Fraction(1, 1000)]


def whole(k: int, n: int, rate: Fraction) -> Fraction:
    """P(X ≥ k), term by term."""
    return sum((comb(n, j) * rate**j * (1 - rate) ** (n - j) for j in range(max(k, 0), n + 1)), Fraction(0))


# --- a second computation, by another way: the incomplete beta function as a continued fraction --------------------------------


def bernoulli(count: int) -> list[Fraction]:
    found = [Fraction(1)]
    for m in range(1, count):
        found.append(-sum((comb(m + 1, j) * found[j] for j in range(m)), Fraction(0)) / (m + 1))
    return found


BERNOULLI = bernoulli(25)
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")


def log_factorial(n: int) -> Decimal:
    if n < 300:
        return Decimal(factorial(n)).ln()
    x = Decimal(n)
    series = sum(
        Decimal(BERNOULLI[2 * j].numerator) / BERNOULLI[2 * j].denominator / (2 * j * (2 * j - 1)) / x ** (2 * j - 1)
        for j in range(1, 12)
    )
    return x * x.ln() - x + (2 * PI * x).ln() / 2 + series


def beta_tail(k: int, n: int, rate: Fraction) -> Decimal:
    """P(X ≥ k) = I_rate(k, n - k + 1), by Lentz's way through the continued fraction, in fifty digits."""
    with localcontext() as context:
        context.prec = 50
        a, b, x = k, n - k + 1, Decimal(rate.numerator) / rate.denominator
        if x * (n + 3) > a + 1:
            return 1 - _lentz(b, a, 1 - x)
        return _lentz(a, b, x)


def _lentz(a: int, b: int, x: Decimal) -> Decimal:
    front = a * x.ln() + b * (1 - x).ln() + log_factorial(a + b - 1) - log_factorial(a - 1) - log_factorial(b - 1)
    d = 1 / (1 - Decimal(a + b) * x / (a + 1))
    c, found = Decimal(1), d
    for m in range(1, 100_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d, c = 1 / (1 + even * d), 1 + even / c
        found *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d, c = 1 / (1 + odd * d), 1 + odd / c
        found *= d * c
        if abs(d * c - 1) < Decimal("1e-40"):
            return front.exp() * found / a
    raise AssertionError("does not converge")


def test_the_second_computation_agrees_with_whole_fractions() -> None:
    for n, rate in ((7, Fraction(1, 3)), (400, Fraction(1, 20)), (700, Fraction(1, 2))):
        for k in range(1, n + 1, 23):
            exact = whole(k, n, rate)
            assert abs(Fraction(beta_tail(k, n, rate)) / exact - 1) < Fraction(1, 10**30)


# --- tails --------------------------------------------------------------------------------------------------------------------


@given(n=st.integers(0, 60), k=st.integers(-2, 62), rate=RATES)
def test_tails_of_few_are_those_of_whole_fractions(n: int, k: int, rate: Fraction) -> None:
    exact = whole(k, n, rate)
    assert abs(Fraction(at_least(k, n, rate)) - exact) <= exact / 10**13
    other = 1 - whole(k + 1, n, rate)
    assert abs(Fraction(at_most(k, n, rate)) - other) <= other / 10**13


def check_large(n: int, rate: Fraction, z: float) -> None:
    k = round(float(n * rate) + z * sqrt(float(n * rate * (1 - rate))))
    assume(1 <= k <= n)
    exact = beta_tail(k, n, rate)
    assume(exact > Decimal("1e-290"))
    assert abs(Decimal(at_least(k, n, rate)) / exact - 1) < Decimal("1e-12"), (n, k, rate)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1_000, 1_000_000), rate=RATES, z=st.floats(-12, 34))
def test_tails_of_many_are_right_to_twelve_digits(n: int, rate: Fraction, z: float) -> None:
    check_large(n, rate, z)


@pytest.mark.parametrize("rate", [Fraction(1, 2), Fraction(1, 20), Fraction(123_457, 1_000_003), Fraction(1, 10_000)])
@pytest.mark.parametrize("z", [-9, -1, 0, 2, 3.1, 8, 30])
def test_tails_of_a_million_are_right_to_twelve_digits(rate: Fraction, z: float) -> None:
    k = round(float(10**6 * rate) + z * sqrt(float(10**6 * rate * (1 - rate))))
    exact = beta_tail(max(k, 1), 10**6, rate)
    assert abs(Decimal(at_least(max(k, 1), 10**6, rate)) / exact - 1) < Decimal("1e-12")


@pytest.mark.long
@settings(max_examples=1500, deadline=None)
@given(n=st.integers(1_000, 1_000_000), rate=RATES, z=st.floats(-30, 36))
def test_tails_of_many_are_right_to_twelve_digits_for_long(n: int, rate: Fraction, z: float) -> None:
    check_large(n, rate, z)


def test_a_tail_too_small_for_a_number_is_nought_and_no_error() -> None:
    assert at_least(1_000_000, 1_000_000, Fraction(1, 20)) == 0.0
    assert at_most(0, 1_000_000, Fraction(1, 2)) == 0.0


@pytest.mark.parametrize(("rate", "k", "chance"), [(0, 0, 1.0), (0, 1, 0.0), (1, 5, 1.0), (1, 6, 0.0)])
def test_where_nobody_or_everybody_is_referred_there_is_no_chance(rate: int, k: int, chance: float) -> None:
    assert at_least(k, 5, Fraction(rate)) == chance
    assert limits(5, Fraction(rate), CHANCES) == [(5.0 * rate, 5.0 * rate)] * 2


# --- limits -------------------------------------------------------------------------------------------------------------------


@given(n=st.integers(0, 60), rate=RATES, chance=st.fractions(Fraction(1, 2000), Fraction(49, 100), max_denominator=2000))
def test_a_count_is_outside_a_limit_exactly_when_the_plain_test_says_so(n: int, rate: Fraction, chance: Fraction) -> None:
    [(low, high)] = limits(n, rate, [chance])
    assert 0 <= low <= n
    assert 0 <= high <= n
    for k in range(n + 1):
        upper, lower = whole(k, n, rate), 1 - whole(k + 1, n, rate)
        if abs(upper - chance) > Fraction(1, 10**12):
            assert (k > high) == (upper < chance), k
        if abs(lower - chance) > Fraction(1, 10**12):
            assert (k < low) == (lower < chance), k


@given(n=st.integers(1, 60), rate=RATES, chance=st.fractions(Fraction(1, 2000), Fraction(49, 100), max_denominator=2000))
def test_the_lower_limit_is_interpolated_and_the_upper_its_mirror_image(n: int, rate: Fraction, chance: Fraction) -> None:
    def interpolated(theta: Fraction) -> float:
        """The least r with P(X ≤ r) > p, moved back by its share of the step."""
        r = next(r for r in range(n + 1) if 1 - whole(r + 1, n, theta) > chance)
        at_r = 1 - whole(r + 1, n, theta)
        return max(0.0, r - float((at_r - chance) / (whole(r, n, theta) - whole(r + 1, n, theta))))

    [(low, high)] = limits(n, rate, [chance])
    assert low == pytest.approx(interpolated(rate), abs=1e-9)
    assert high == pytest.approx(n - interpolated(1 - rate), abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1_000, 200_000), rate=RATES)
def test_limits_of_many_lie_where_the_tail_says_and_the_alarm_outside_the_warning(n: int, rate: Fraction) -> None:
    warning, alarm = limits(n, rate, CHANCES)
    assert alarm[0] <= warning[0] <= float(n * rate) <= warning[1] <= alarm[1]
    for (low, high), chance in zip((warning, alarm), CHANCES, strict=True):
        if high < n:
            assert at_least(int(high) + 1, n, rate) < chance <= at_least(int(high), n, rate)
        if low > 0:
            assert at_most(int(-(-low // 1)) - 1, n, rate) < chance <= at_most(int(-(-low // 1)), n, rate)
