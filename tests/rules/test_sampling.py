"""Referrals drawn for review, and who judges them."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenji.measure.referral_quality import rules
from fenji.measure.referral_quality.rules import Reading, Sampled
from tests.rules.test_referral_quality import DAY, POLICY, A, B, C

# --- sampling -----------------------------------------------------------------------------------------------------------------

NUMBERS = st.lists(st.text("0123456789", min_size=1, max_size=6), max_size=60)


@given(NUMBERS, st.integers(0, 70), st.text(max_size=8), st.randoms())
def test_a_sample_depends_on_the_set_and_the_seed_alone_and_grows(
    numbers: list[str], size: int, seed: str, chance: random.Random
) -> None:
    drawn = rules.sample(numbers, size, seed)
    assert len(drawn) == len(set(drawn)) == min(size, len(set(numbers)))
    assert set(drawn) <= set(numbers)
    shuffled = [*numbers, *numbers[:3]]
    chance.shuffle(shuffled)
    assert rules.sample(shuffled, size, seed) == drawn
    assert rules.sample(numbers, size + 1, seed)[:size] == drawn
    kept = [n for n in numbers if n not in drawn[:1]]
    assert rules.sample(kept, max(len(drawn) - 1, 0), seed) == drawn[1:]


def test_a_sample_is_the_same_on_every_machine_and_in_every_release() -> None:
    # written down once: HMAC-SHA-256 ranks of these numbers under this seed, as `openssl dgst -sha256 -hmac` gives them
    numbers = [f"R2026-{n:04}" for n in range(100)]
    assert rules.sample(numbers, 5, "2026Q4/104") == ["R2026-0060", "R2026-0048", "R2026-0079", "R2026-0080", "R2026-0034"]


def test_every_number_is_drawn_about_as_often_as_any_other() -> None:
    numbers = [str(n) for n in range(50)]
    times = Counter(n for seed in range(4000) for n in rules.sample(numbers, 10, str(seed)))
    # 4000 draws of a fifth: 800 each, standard deviation 25
    assert all(abs(times[n] - 800) < 5 * 25.3 for n in numbers)
    together = sum({"3", "4"} <= set(rules.sample(numbers, 10, str(seed))) for seed in range(4000))
    assert abs(together - 4000 * 10 * 9 / 50 / 49) < 5 * 12


@pytest.mark.parametrize(("total", "size"), [(0, 0), (3, 3), (5, 5), (50, 5), (51, 6), (60, 6), (61, 7), (1000, 100)])
def test_a_cycle_draws_its_share_rounded_up_and_a_least_number(total: int, size: int) -> None:
    assert rules.sample_size(total, POLICY) == size
    assert len(rules.drawn([str(n) for n in range(total)] * 2, "seed", POLICY)) == size


# --- review -------------------------------------------------------------------------------------------------------------------

YES, NO, UNSURE, OPEN = rules.YES, rules.NO, rules.UNSURE, rules.OPEN


@pytest.mark.parametrize(
    ("standing", "answers", "stands"),
    [
        ("", [], OPEN),
        ("", [YES], YES),
        ("", [NO], NO),
        (YES, [YES], YES),
        (YES, [NO], OPEN),  # contradicts who approved it: a second reader
        (YES, [NO, NO], NO),
        (YES, [NO, YES], YES),
        (YES, [NO, UNSURE], UNSURE),
        (NO, [YES], OPEN),
        ("", [UNSURE], OPEN),
        (YES, [UNSURE], OPEN),
        ("", [UNSURE, YES], YES),
        ("", [UNSURE, NO], NO),
        (YES, [UNSURE, UNSURE], UNSURE),
        (YES, [YES, NO], YES),  # read again for the other dimension: this one was settled
    ],
)
def test_which_answer_stands(standing: str, answers: list[str], stands: str) -> None:
    assert rules.settled(standing, answers) == stands


def sampled(*readings: tuple[UUID, str, str], standing: str = YES) -> Sampled:
    return Sampled("R1", {rules.APPROPRIATE: standing}, {C}, [Reading(*r) for r in readings])


def test_a_second_reader_is_another_person_and_nobody_reads_their_own() -> None:
    assert rules.reader_fault(sampled(), C) == "own_referral"
    assert rules.reader_fault(sampled(), A) == ""
    assert rules.reader_fault(sampled((A, NO, YES)), A) == "same_reader"
    assert rules.reader_fault(sampled((A, NO, YES)), B) == ""
    assert rules.reader_fault(sampled((A, YES, YES)), B) == "enough_read"
    assert rules.reader_fault(sampled((A, YES, UNSURE)), B) == ""


def test_two_readers_always_settle_a_referral() -> None:
    for a, b, c, d, standing in product(rules.ANSWERS, rules.ANSWERS, rules.ANSWERS, rules.ANSWERS, ("", YES, NO)):
        assert not rules.needs_reader(sampled((A, a, b), (B, c, d), standing=standing))


def test_nothing_judged_is_not_nought_percent() -> None:
    nothing = rules.scores([])[rules.APPROPRIATE]
    assert nothing.share is None
    assert rules.scores([sampled((A, UNSURE, YES), (B, UNSURE, YES))])[rules.APPROPRIATE] == rules.Score(1, 0, 0, 1, 0)
    assert rules.scores([sampled((A, UNSURE, YES), (B, UNSURE, YES))])[rules.APPROPRIATE].share is None
    none_good = rules.scores([sampled((A, NO, YES), (B, NO, YES))])
    assert none_good[rules.APPROPRIATE].share == 0
    assert none_good[rules.COMPLIANT].share == 1
    assert rules.scores([sampled((A, NO, YES))])[rules.APPROPRIATE] == rules.Score(1, 0, 0, 0, 1)


def test_an_answer_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not an answer"):
        Reading(A, "", YES)


def test_a_cycle_is_overdue_from_the_day_after_its_last() -> None:
    last = rules.cycle_due(DAY, POLICY)
    assert last == DAY + timedelta(days=90)
    assert not rules.cycle_overdue(DAY, last, POLICY)
    assert rules.cycle_overdue(DAY, last + timedelta(days=1), POLICY)
    assert not rules.cycle_overdue(DAY, last + timedelta(days=1), replace(POLICY, review_asked=False))
    assert rules.cycle_done([])
    assert not rules.cycle_done([sampled((A, YES, YES)), sampled((A, NO, YES))])
