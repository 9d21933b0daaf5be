"""Sampling, review, outliers, bulletin, and units against what is expected of them."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from math import exp, factorial, sqrt
from statistics import NormalDist, pvariance
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenji.ground.common.clock import DutyCalendar, Span
from fenji.measure.referral_quality import rules
from fenji.measure.referral_quality.rules import Act, Cell, Expected, Outlier, QualityPolicy, Tally

POLICY = QualityPolicy(
    review_asked=True,
    sample_percent=10,
    sample_least=5,
    review_cycle_days=90,
    review_open_days=14,
    outliers_watched=True,
    outlier_days=90,
    warning_permille=950,
    alarm_permille=998,
    least_contacts=30,
    winsor_percent=10,
    dispersion="additive",
    outlier_opens="alarm",
    explain_within=Span(600, "natural"),
    correct_days=30,
    bulletin_least=10,
    alert_days=60,
    alert_answer_within=Span(600, "natural"),
)
DAY = date(2026, 11, 20)
A, B, C = (UUID(int=n) for n in (1, 2, 3))

# --- expected numbers and the spread between units ----------------------------------------------------------------------------

KINDS = [("60-", "f"), ("60-", "m"), ("-59", "f")]
TALLIES = st.lists(
    st.builds(
        lambda b, d, o, k, n, r: Tally(b, d, o, k, n, min(n, r)),
        st.sampled_from("xyz"),
        st.sampled_from(["I10", "J44"]),
        st.sampled_from(["p", "q"]),
        st.sampled_from(KINDS),
        st.integers(0, 200),
        st.integers(0, 60),
    ),
    max_size=25,
)


@given(TALLIES, st.sampled_from(rules.SIDES))
def test_expected_numbers_are_those_of_the_slow_reading(tallies: list[Tally], side: str) -> None:
    def unit(t: Tally) -> str:
        return getattr(t, side)

    def stratum(t: Tally) -> tuple:
        return t.kind if side == rules.DISEASE else (t.disease, *t.kind)

    found = rules.expectations(rules.cells(tallies, side))
    assert [e.unit for e in found] == sorted({unit(t) for t in tallies})
    for e in found:
        expected = variance = Fraction(0)
        for t in (t for t in tallies if unit(t) == e.unit):
            alike = [o for o in tallies if stratum(o) == stratum(t)]
            rate = Fraction(sum(o.referred for o in alike), sum(o.contacts for o in alike)) if t.contacts else Fraction(0)
            expected += t.contacts * rate
            variance += t.contacts * rate * (1 - rate)
        assert e.contacts == sum(t.contacts for t in tallies if unit(t) == e.unit)
        assert e.observed == sum(t.referred for t in tallies if unit(t) == e.unit)
        assert e.expected == pytest.approx(float(expected), rel=1e-12, abs=1e-12)
        assert e.variance == pytest.approx(float(variance), rel=1e-12, abs=1e-12)
    assert sum(e.expected for e in found) == pytest.approx(sum(t.referred for t in tallies), abs=1e-9)


def test_a_mix_of_graver_patients_explains_a_higher_rate() -> None:
    light, grave = (100, 5), (100, 30)
    cells = [
        Cell("a", ("light",), *light),
        Cell("a", ("grave",), 900, 270),
        Cell("b", ("light",), 900, 45),
        Cell("b", ("grave",), *grave),
    ]
    judged, _ = rules.adjusted(cells, POLICY)
    assert [(j.verdict, round(j.ratio or 0, 9)) for j in judged] == [("within", 1.0)] * 2
    assert [j.verdict for j in rules.funnel(cells, POLICY)] == ["alarm_high", "alarm_low"]


@given(st.lists(st.floats(-50, 50), max_size=80), st.integers(0, 49))
def test_drawing_in_moves_the_ends_to_the_next_value_and_nothing_else(values: list[float], percent: int) -> None:
    found, share = rules.winsorised(values, percent)
    ends = next(n for n in range(51) if 100 * n >= len(values) * percent or 2 * (n + 1) >= len(values))
    assert share * len(values) == pytest.approx(ends)
    ordered = sorted(values)
    kept = ordered[ends : len(values) - ends]
    assert sorted(found) == [*kept[:1] * ends, *kept, *kept[-1:] * ends]
    assert all(f == v for f, v in zip(found, values, strict=True) if kept and kept[0] <= v <= kept[-1])


def test_drawing_in_is_given_back_so_that_chance_alone_measures_one() -> None:
    quantiles = [NormalDist().inv_cdf((n + 0.5) / 5000) for n in range(5000)]
    units = [Expected(str(n), 400, 0, 100.0, 64.0) for n in range(5000)]
    as_drawn = [replace(u, observed=100 + 8 * z) for u, z in zip(units, quantiles, strict=True)]  # type: ignore[arg-type]
    for percent in (0, 1, 10, 25, 49):
        found = rules.dispersion(as_drawn, replace(POLICY, winsor_percent=percent))
        assert found.phi == pytest.approx(1, abs=0.02), percent
        assert found.tau2 < 0.0002


def test_the_moment_estimate_is_that_of_dersimonian_and_laird() -> None:
    units = [Expected(str(n), 500, o, e, v) for n, (o, e, v) in enumerate([(90, 60.0, 50.0), (20, 50.0, 40.0), (75, 70.0, 60.0)])]
    found = rules.dispersion(units, replace(POLICY, winsor_percent=0))
    ratios, weights = [u.observed / u.expected for u in units], [u.expected**2 / u.variance for u in units]
    q = sum(w * (y - 1) ** 2 for w, y in zip(weights, ratios, strict=True))  # DerSimonian and Laird's Q, about the target 1
    assert found.q == pytest.approx(q)
    assert found.tau2 == pytest.approx((q - 2) / (sum(weights) - sum(w * w for w in weights) / sum(weights)))
    assert found.phi == pytest.approx(q / 3)
    assert found.p == pytest.approx(exp(-q / 2))  # two degrees of freedom


@given(st.floats(0.01, 80), st.integers(1, 24))
def test_chi_square_tails_are_the_integral(x: float, degrees: int) -> None:
    # Simpson over the density of the root of the variable, which has no pole
    def density(u: float) -> float:
        gamma = factorial(degrees // 2 - 1) if degrees % 2 == 0 else sqrt(3.141592653589793) * _odd(degrees)
        return 2 * u ** (degrees - 1) * exp(-u * u / 2) / (2 ** (degrees / 2) * gamma)

    steps, low, high = 4000, sqrt(x), sqrt(x) + 14
    h = (high - low) / steps
    total = sum((1 if n in (0, steps) else 4 if n % 2 else 2) * density(low + n * h) for n in range(steps + 1)) * h / 3
    assert rules.chi_square_tail(x, degrees) == pytest.approx(total, rel=1e-7, abs=1e-15)


def _odd(degrees: int) -> float:
    """Γ(degrees/2) / √π for odd degrees."""
    found = 1.0
    for n in range(1, degrees - 1, 2):
        found *= n / 2
    return found


def test_chi_square_tails_of_thousands_of_units_do_not_vanish() -> None:
    for degrees in (5000, 10_001):
        for z in (-2.0, 0.0, 1.0, 3.0):
            # Wilson and Hilferty's cube root is good to some 1e-4 here
            x = degrees * (1 - 2 / (9 * degrees) + z * sqrt(2 / (9 * degrees))) ** 3
            assert rules.chi_square_tail(x, degrees) == pytest.approx(NormalDist().cdf(-z), abs=1e-4)


# --- verdicts -----------------------------------------------------------------------------------------------------------------


def test_only_a_high_rate_has_to_be_explained() -> None:
    assert [v for v in rules.VERDICTS if rules.opens_case(v, POLICY)] == ["alarm_high"]
    warned = replace(POLICY, outlier_opens="warning")
    assert {v for v in rules.VERDICTS if rules.opens_case(v, warned)} == {"alarm_high", "warning_high"}
    assert not any(rules.opens_case(v, replace(POLICY, outliers_watched=False)) for v in rules.VERDICTS)


def test_too_few_are_not_judged_and_one_more_is() -> None:
    rest = [Cell(f"rest{n}", ("s",), 1000, 45 + n) for n in range(10)]
    for judge in (rules.funnel, lambda cells, policy: rules.adjusted(cells, policy)[0]):
        few = judge([*rest, Cell("few", ("s",), 29, 29)], POLICY)
        enough = judge([*rest, Cell("few", ("s",), 30, 30)], POLICY)
        assert few[0].verdict == "too_few"
        assert few[0].limits is None
        assert enough[0].verdict == "alarm_high"


@pytest.mark.parametrize("referred", [0, 100])
def test_where_nobody_or_everybody_is_referred_nothing_is_unusual(referred: int) -> None:
    cells = [Cell(u, ("s",), 100, referred) for u in "ab"]
    assert {j.verdict for j in rules.funnel(cells, POLICY)} == {"within"}
    assert {j.verdict for j in rules.adjusted(cells, POLICY)[0]} == {"too_few"}


def test_no_units_and_no_contacts_are_no_error() -> None:
    assert rules.funnel([], POLICY) == []
    assert rules.adjusted([], POLICY)[0] == []
    empty = [Cell("a", ("s",), 0, 0)]
    assert [j.verdict for j in rules.funnel(empty, POLICY)] == ["too_few"]
    assert [j.verdict for j in rules.adjusted(empty, POLICY)[0]] == ["too_few"]


@pytest.mark.parametrize(
    "bad",
    [
        {"warning_permille": 998},
        {"alarm_permille": 1000},
        {"winsor_percent": 50},
        {"dispersion": "other"},
        {"outlier_opens": "low"},
        {"sample_percent": 101},
        {"review_cycle_days": 0},
        {"least_contacts": 0},
    ],
)
def test_a_policy_that_cannot_be_used_is_refused(bad: dict) -> None:
    with pytest.raises(ValueError, match=r"not|nest"):
        replace(POLICY, **bad)


# --- simulation ---------------------------------------------------------------------------------------------------------------

STRATA = {"a": 0.05, "b": 0.12, "c": 0.3}


def world(seed: int, units: int, spread: float) -> list[Cell]:
    """Units with 300 to 1,200 contacts in three strata, whose true rates differ by a factor with this standard deviation."""
    chance, found = random.Random(seed), []
    for unit in range(units):
        factor = max(0.0, chance.gauss(1, spread))
        for name, rate in STRATA.items():
            contacts = chance.randint(100, 400)
            referred = sum(chance.random() < rate * factor for _ in range(contacts))
            found.append(Cell(str(unit), (name,), contacts, referred))
    return found


def shares_outside(worlds: int, units: int, spread: float, policy: QualityPolicy = POLICY) -> tuple[float, float]:
    """The shares of units outside the warning and the alarm limits where nothing is wrong with any."""
    verdicts = Counter(j.verdict for seed in range(worlds) for j in rules.adjusted(world(seed, units, spread), policy)[0])
    alarm = verdicts["alarm_high"] + verdicts["alarm_low"]
    assert verdicts["too_few"] == 0
    return (alarm + verdicts["warning_high"] + verdicts["warning_low"]) / verdicts.total(), alarm / verdicts.total()


def check_outside(worlds: int, units: int, spread: float) -> None:
    warning, alarm = shares_outside(worlds, units, spread)
    print(f"spread {spread}: {warning:.2%} outside the warning, {alarm:.3%} outside the alarm limits of {worlds * units} units")
    assert abs(warning - 0.05) < 0.01
    assert abs(alarm - 0.002) < 0.001


@pytest.mark.parametrize("spread", [0.0, 0.2])
def test_under_the_null_five_percent_and_two_per_mille_lie_outside(spread: float) -> None:
    # 20,000 units: the standard errors are 0.15 % and 0.03 %
    check_outside(40, 500, spread)


@pytest.mark.long
@pytest.mark.parametrize("spread", [0.0, 0.1, 0.2, 0.3])
def test_under_the_null_five_percent_and_two_per_mille_lie_outside_for_long(spread: float) -> None:
    check_outside(400, 500, spread)


def test_without_adjustment_a_natural_spread_would_flood_the_experts() -> None:
    warning, alarm = shares_outside(4, 500, 0.2, replace(POLICY, dispersion="none"))
    assert warning > 0.2
    assert alarm > 0.05


def test_unadjusted_limits_never_raise_more_false_alarms_than_they_say() -> None:
    chance, outside = random.Random(7), Counter()
    for _ in range(20):
        cells = [
            Cell(str(u), ("s",), n, sum(chance.random() < 0.08 for _ in range(n)))
            for u in range(500)
            for n in [chance.randint(30, 300)]
        ]
        outside.update(j.verdict for j in rules.funnel(cells, POLICY))
    alarms = outside["alarm_high"] + outside["alarm_low"]
    warnings = alarms + outside["warning_high"] + outside["warning_low"]
    assert 0.01 < warnings / 10_000 < 0.05
    assert alarms / 10_000 < 0.002


def test_a_planted_outlier_is_found_in_a_spread_world() -> None:
    cells = [
        *world(3, 200, 0.15),
        Cell("planted", ("a",), 400, 70),
        Cell("planted", ("b",), 400, 120),
        Cell("planted", ("c",), 400, 250),
    ]
    judged = {j.unit: j for j in rules.adjusted(cells, POLICY)[0]}
    assert judged["planted"].verdict == "alarm_high"
    assert judged["planted"].z > judged["planted"].adjusted > 3.09  # type: ignore[operator]


def test_both_ways_of_widening_measure_the_same_spread() -> None:
    cells = world(5, 500, 0.3)
    judged, found = rules.adjusted(cells, POLICY)
    assert found.tau2 == pytest.approx(0.09, rel=0.2)
    assert found.p < 1e-6
    assert pvariance([j.adjusted for j in judged]) == pytest.approx(1, rel=0.2)  # type: ignore[type-var]
    wide, _ = rules.adjusted(cells, replace(POLICY, dispersion="multiplicative"))
    assert pvariance([j.adjusted for j in wide]) == pytest.approx(1, rel=0.2)  # type: ignore[type-var]


# --- outliers -----------------------------------------------------------------------------------------------------------------

EXPLAIN = Act("explain", A, DAY, "one doctor sends every cough", "joint clinic on Mondays", DAY + timedelta(days=30))


def test_the_way_of_an_outlier() -> None:
    explained = rules.after(Outlier(), EXPLAIN, POLICY)
    assert (explained.state, explained.explained_by) == ("explained", A)
    assert rules.fault(explained, Act("confirm", A, DAY), POLICY) == "same_person"
    confirmed = rules.after(explained, Act("confirm", B, DAY), POLICY)
    closed = rules.after(confirmed, Act("close", A, DAY), POLICY)
    assert closed.state == "closed"
    assert closed.cause == EXPLAIN.cause
    back = rules.after(explained, Act("send_back", B, DAY, note="which doctor?"), POLICY)
    assert back.state == "opened"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"cause": " "}, "cause_missing"),
        ({"correction": ""}, "correction_missing"),
        ({"correct_by": None}, "due_missing"),
        ({"correct_by": DAY - timedelta(days=1)}, "due_past"),
        ({"correct_by": DAY}, ""),
        ({"correct_by": DAY + timedelta(days=31)}, "due_far"),
    ],
)
def test_an_explanation_has_cause_correction_and_a_day(change: dict, code: str) -> None:
    assert rules.fault(Outlier(), replace(EXPLAIN, **change), POLICY) == code


def test_nothing_is_closed_but_what_was_confirmed_with_cause_and_correction() -> None:
    for state in rules.STATES:
        whole = Outlier(state, "cause", "correction", DAY, A)
        assert (rules.fault(whole, Act("close", B, DAY), POLICY) == "") is (state == "confirmed")
        for gap in ({"cause": ""}, {"correction": ""}, {"correct_by": None}):
            assert rules.fault(replace(whole, **gap), Act("close", B, DAY), POLICY) != ""
    with pytest.raises(ValueError, match="no_such_step"):
        rules.after(Outlier(), Act("close", B, DAY), POLICY)


@given(st.lists(st.tuples(st.sampled_from(rules.ACTIONS), st.sampled_from([A, B]), st.booleans()), max_size=12))
def test_however_one_tries_a_closed_outlier_has_all_its_parts(tries: list[tuple[str, UUID, bool]]) -> None:
    outlier, confirmed_by = Outlier(), None
    for action, by, full in tries:
        act = replace(EXPLAIN, action=action, by=by, note="note") if full else Act(action, by, DAY)
        if not rules.fault(outlier, act, POLICY):
            outlier = rules.after(outlier, act, POLICY)
            confirmed_by = by if action == "confirm" else confirmed_by
    if outlier.state == "closed":
        assert outlier.cause
        assert outlier.correction
        assert outlier.correct_by is not None
        assert confirmed_by not in (None, outlier.explained_by)


def test_what_is_late_about_an_outlier() -> None:
    opened, calendar = datetime(2026, 11, 20, 1, tzinfo=UTC), DutyCalendar(((time(8), time(12)),), {})
    due = rules.explain_due(opened, POLICY, calendar)
    assert due == opened + timedelta(minutes=600)
    assert not rules.overdue(Outlier(), opened, due, POLICY, calendar)
    assert rules.overdue(Outlier(), opened, due + timedelta(minutes=1), POLICY, calendar)
    promised = Outlier("confirmed", "c", "c", date(2026, 11, 25), A)
    last_hour = datetime(2026, 11, 25, 15, 59, tzinfo=UTC)  # 23:59 in Fujian
    assert not rules.overdue(promised, opened, last_hour, POLICY, calendar)
    assert rules.overdue(promised, opened, last_hour + timedelta(minutes=1), POLICY, calendar)
    assert not rules.overdue(replace(promised, state="closed"), opened, last_hour + timedelta(days=9), POLICY, calendar)


# --- bulletin -----------------------------------------------------------------------------------------------------------------


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=12))
def test_a_rank_is_one_more_than_the_number_of_higher_shares(counts: dict[str, tuple[int, int]]) -> None:
    rows = [(org, min(a, b), max(a, b)) for org, (a, b) in counts.items()]
    lines = rules.ranked(rows, 10)
    assert sorted((line.org, line.hits, line.of) for line in lines) == sorted(rows)
    able = [(h, n) for _, h, n in rows if n >= 10]
    for line in lines:
        higher = sum(h * line.of > line.hits * n for h, n in able)
        assert line.rank == (higher + 1 if line.of >= 10 else None)
        assert line.share == (Fraction(line.hits, line.of) if line.of else None)
    ranks = [line.rank for line in lines]
    assert ranks == sorted(ranks, key=lambda r: (r is None, r))


def test_the_bulletin_counts_each_thing_against_its_own_number() -> None:
    found = rules.bulletin(
        [rules.Record("a", 20, 5, 100, 3), rules.Record("b", 9, 9, 40, 30), rules.Record("c", 40, 10, 0, 0)], POLICY
    )
    assert [(line.org, line.share, line.rank) for line in found.refusals] == [
        ("a", Fraction(1, 4), 1),
        ("c", Fraction(1, 4), 1),
        ("b", 1, None),
    ]
    assert [(line.org, line.rank) for line in found.late] == [("b", 1), ("a", 2), ("c", None)]
    with pytest.raises(ValueError, match="more hits"):
        rules.ranked([("a", 2, 1)], 1)
