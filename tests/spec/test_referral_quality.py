"""The quality of referrals by its clauses: SM-3-5f, 3-5g, 3-5h, 3-5l."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from uuid import UUID

import pytest

from fenji.ground.policy import queries
from fenji.measure.referral_quality import rules
from fenji.measure.referral_quality.rules import Act, Cell, Outlier, QualityPolicy, Reading, Sampled, Tally
from tests.spec.test_verdict import QUANZHOU, SANMING

DAY = date(2026, 9, 15)
READER, SECOND, DOCTOR = (UUID(int=n) for n in (1, 2, 3))


@pytest.fixture
def policy() -> QualityPolicy:
    return queries.resolve(QualityPolicy, SANMING, DAY)


def test_each_number_comes_from_its_clause() -> None:
    there = {name: p.clause_id for name, p in queries.sources(QualityPolicy, SANMING, DAY).items()}
    assert (there["review_asked"], there["review_cycle_days"]) == ("SM-3-5l", "SM-3-5l")
    assert (there["outliers_watched"], there["outlier_opens"]) == ("SM-3-5g", "SM-3-5g")
    elsewhere = {p.clause_id for p in queries.sources(QualityPolicy, QUANZHOU, DAY).values()}
    assert elsewhere == {"PF-quality-review", "PF-quality-outliers", "PF-quality-alerts", "PF-quality-bulletin"}


# --- SM-3-5f: fifty sampled, three unreasonable → 94 % ---------------------------------------------------------------------------


def test_fifty_sampled_and_three_unreasonable_are_94_percent(policy: QualityPolicy) -> None:
    numbers = rules.drawn([f"R{n}" for n in range(500)], "seed of the cycle", policy)
    assert len(numbers) == 50
    approved = dict.fromkeys(rules.DIMENSIONS, rules.YES)
    bad = [Reading(READER, rules.NO, rules.YES), Reading(SECOND, rules.NO, rules.YES)]
    good = [Reading(READER, rules.YES, rules.YES)]
    cycle = [Sampled(number, approved, {DOCTOR}, bad if n < 3 else good) for n, number in enumerate(numbers)]
    scores = rules.scores(cycle)
    assert set(scores) == {"appropriate", "compliant"}
    assert scores["appropriate"].share == Fraction(94, 100)
    assert scores["compliant"].share == 1
    assert rules.cycle_done(cycle)


# --- SM-3-5l: no review inside the cycle → overdue -------------------------------------------------------------------------------


def test_the_sample_is_drawn_while_there_is_time_to_read_it(policy: QualityPolicy) -> None:
    opens, last = rules.cycle_opens(DAY, policy), rules.cycle_due(DAY, policy)
    assert (opens, last) == (DAY + timedelta(days=76), DAY + timedelta(days=90))


def test_a_cycle_without_review_is_overdue(policy: QualityPolicy) -> None:
    last = DAY + timedelta(days=policy.review_cycle_days)
    assert [rules.cycle_overdue(DAY, day, policy) for day in (last, last + timedelta(days=1))] == [False, True]
    assert not rules.cycle_overdue(DAY, DAY + timedelta(days=5000), queries.resolve(QualityPolicy, QUANZHOU, DAY))


# --- SM-3-5g: 12 % against a mean of 5 % with a spread of 2 % (z = 3.5) → outlier; 5 % is not ------------------------------------


def consortium() -> list[Cell]:
    """Twenty-eight branches of 1,000 contacts around 5 %, spread by 2 %, and one with 12 %."""
    rates = [50 + step for step in (-40, -30, -24, -20, -16, -12, -8, -4, 0)] + [
        50 + step for step in (4, 8, 12, 16, 20, 24, 30, 40)
    ]
    usual = [*rates, *[50 + step for step in (-18, -14, -10, -6, -2, 0, 2, 6, 10, 14, 18)]]
    return [Cell(f"b{n:02}", ("all",), 1000, referred) for n, referred in enumerate(usual)] + [Cell("high", ("all",), 1000, 120)]


def test_a_branch_with_twelve_percent_is_an_outlier_and_one_with_five_is_not(policy: QualityPolicy) -> None:
    judged = {j.unit: j for j in rules.adjusted(consortium(), policy)[0]}
    assert judged["high"].adjusted == pytest.approx(3.5, abs=0.5)
    assert judged["high"].verdict == "alarm_high"
    assert [u for u, j in judged.items() if rules.opens_case(j.verdict, policy)] == ["high"]
    assert judged["b08"].verdict == "within"


def test_branch_disease_and_doctor_are_each_watched(policy: QualityPolicy) -> None:
    usual = [Tally(f"branch{n}", d, f"doctor{n}", ("a", "f"), 200, 10) for n in range(20) for d in ("I10", "J44", "E11")]
    odd = Tally("branch0", "R05", "doctor0", ("a", "f"), 400, 160)
    for side, unit in (("branch", "branch0"), ("disease", "R05"), ("doctor", "doctor0")):
        more = [Tally(f"branch{n}", f"K{n}", f"doctor{n}", ("a", "f"), 200, 10) for n in range(20)]
        spread = [odd, Tally("branch1", "R05", "doctor1", ("a", "f"), 4000, 200)] if side != "disease" else [odd]
        judged = rules.adjusted(rules.cells([*usual, *more, *spread], side), policy)[0]
        assert [j.unit for j in judged if rules.opens_case(j.verdict, policy)] == [unit], side


def test_closing_an_outlier_needs_cause_and_correction(policy: QualityPolicy) -> None:
    due = DAY + timedelta(days=14)
    for cause, correction in (("", "training"), ("no ultrasound", "")):
        assert rules.fault(Outlier(), Act("explain", READER, DAY, cause, correction, due), policy).endswith("_missing")
        assert rules.fault(Outlier("confirmed", cause, correction, due, READER), Act("close", SECOND, DAY), policy).endswith(
            "_missing"
        )
    explained = rules.after(Outlier(), Act("explain", READER, DAY, "no ultrasound", "buy one", due), policy)
    confirmed = rules.after(explained, Act("confirm", SECOND, DAY), policy)
    assert rules.after(confirmed, Act("close", READER, DAY), policy).state == "closed"
