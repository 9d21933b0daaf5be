"""Packages that go down, plans and their dates, what is measured, the chain of care (SM-3-6c, SM-3-6d, QZ-2-11d, QZ-2-11j)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fenji.care.continuity as room
from fenji.care.continuity import rules
from fenji.care.continuity.rules import ContinuityPolicy, Item, Measure, Summary
from fenji.care.continuity.rules.measured import HIGH, LOW, WITHIN
from fenji.care.continuity.rules.plan import DIED, DONE, ENDED, IN_HOSPITAL, LOST, MOVED, OPEN, REFUSED, UNREACHABLE
from fenji.ground.common import shipped

POLICY = ContinuityPolicy(first_within_days=7, grace_days=2, retry_days=3, tries=3, most_days_of_item=400)
START = date(2026, 2, 20)
WHOLE = Summary("脑梗死", "溶栓后肌力恢复", "左侧肌力四级", "阿司匹林 100mg 每日一次")
ITEM = Item("visit", "follow_up", "复查肌力", 3, 30, 9)


# --- the package (SM-3-6c) ---------------------------------------------------------------------------------------------------


def test_nobody_is_sent_down_without_both_packages() -> None:
    rules.check_package(WHOLE, [ITEM], "肢体无力加重")
    for summary, items, signs, missing in (
        (None, [], "", ("summary", "plan")),
        (Summary(), [ITEM], "x", ("summary",)),
        (WHOLE, [], "", ("plan",)),
        (WHOLE, [], "x", ("plan.items",)),
        (WHOLE, [ITEM], " ", ("plan.warning_signs",)),
        (Summary("a", "b", "c"), [ITEM], "x", ("summary.medicines",)),
        (Summary("a", " ", "c", no_medicine=True), [ITEM], "x", ("summary.course",)),
    ):
        assert rules.parts_missing(summary, items, signs) == missing
        with pytest.raises(rules.IncompletePackage) as refused:
            rules.check_package(summary, items, signs)
        assert refused.value.detail["parts"] == missing
    assert rules.parts_missing(Summary("a", "b", "c", no_medicine=True), [ITEM], "x") == ()


# --- the plan (SM-3-6d, QZ-2-11d) --------------------------------------------------------------------------------------------


def test_an_item_every_nine_days_from_the_third_to_the_thirtieth_has_four_dates() -> None:
    assert [d.isoformat() for d in rules.due_days(ITEM, START, POLICY)] == ["2026-02-23", "2026-03-04", "2026-03-13", "2026-03-22"]


items = st.builds(
    Item,
    kind=st.sampled_from(rules.KINDS),
    service=st.sampled_from(rules.SERVICES),
    what=st.just("x"),
    first=st.integers(0, 60),
    last=st.integers(60, 120),
    every=st.integers(1, 40),
)


@given(item=items, start=st.dates(date(2020, 1, 1), date(2040, 1, 1)))
def test_the_dates_of_an_item_are_those_that_counting_day_by_day_finds(item: Item, start: date) -> None:
    slow, wait = [], 0
    for n in range(item.last + 1):
        if n >= item.first:
            if wait == 0:
                slow.append(start + timedelta(days=n))
                wait = item.every
            wait -= 1
    assert list(rules.due_days(item, start, POLICY)) == slow


@given(plan=st.lists(items, max_size=6), start=st.dates(date(2020, 1, 1), date(2040, 1, 1)))
def test_a_schedule_has_each_date_of_each_item_once_and_something_within_the_first_days(plan: list[Item], start: date) -> None:
    found = rules.schedule(plan, start, POLICY)
    days = [day for day, _ in found]
    assert days == sorted(set(days))
    pairs = {(day, number) for day, numbers in found for number in numbers if number >= 0}
    assert pairs == {(day, n) for n, item in enumerate(plan) for day in rules.due_days(item, start, POLICY)}
    assert days[0] <= start + timedelta(days=POLICY.first_within_days)
    added = [(day, numbers) for day, numbers in found if -1 in numbers]
    assert added in ([], [(start + timedelta(days=7), (-1,))])
    assert bool(added) == all(day > start + timedelta(days=7) for day, _ in pairs)


@pytest.mark.parametrize(("first", "last", "every"), [(-1, 5, 1), (5, 4, 1), (0, 5, 0), (0, 400, 1), (0, 10**9, 1)])
def test_an_item_that_cannot_be_dated_is_refused_before_a_date_is_made(first: int, last: int, every: int) -> None:
    with pytest.raises(rules.BadItem):
        rules.due_days(Item("visit", "health", "x", first, last, every), START, POLICY)


def test_as_many_dates_as_the_policy_allows_are_taken() -> None:
    assert len(rules.due_days(Item("visit", "health", "x", 0, 399), START, POLICY)) == 400


def test_the_services_a_plan_leaves_out_are_named() -> None:
    assert rules.services_missing([]) == ("rehabilitation", "follow_up", "health")
    assert rules.services_missing([ITEM, Item("exercise", "rehabilitation", "x", 0, 1)]) == ("health",)


@pytest.mark.parametrize(("late", "overdue"), [(0, False), (2, False), (3, True)])
def test_a_follow_up_is_overdue_after_its_day_and_the_days_of_grace(late: int, overdue: bool) -> None:
    assert rules.is_overdue(START, START + timedelta(days=late), POLICY) is overdue


@pytest.mark.parametrize(
    ("outcome", "tries", "state", "again", "ends"),
    [
        (DONE, 1, DONE, None, False),
        (UNREACHABLE, 1, OPEN, 3, False),
        (UNREACHABLE, 2, OPEN, 3, False),
        (UNREACHABLE, 3, LOST, None, False),
        (IN_HOSPITAL, 9, OPEN, 3, False),
        (REFUSED, 1, ENDED, None, True),
        (MOVED, 1, ENDED, None, True),
        (DIED, 1, ENDED, None, True),
    ],
)
def test_what_an_outcome_brings_about(outcome: str, tries: int, state: str, again: int | None, ends: bool) -> None:
    found = rules.after(outcome, START, tries, POLICY)
    assert (found.state, found.ends_plan) == (state, ends)
    assert found.again == (None if again is None else START + timedelta(days=again))


def test_words_that_are_no_outcome_no_kind_and_no_policy_are_refused() -> None:
    with pytest.raises(ValueError, match="outcome"):
        rules.after("fine", START, 1, POLICY)
    with pytest.raises(ValueError, match="an item"):
        Item("walk", "health", "x", 0, 1)
    with pytest.raises(ValueError, match="count from"):
        ContinuityPolicy(7, 2, 0, 3, 400)


# --- what is measured --------------------------------------------------------------------------------------------------------

PRESSURE = Measure("blood_pressure", "mmHg", 0, Decimal(50), Decimal(300), (Decimal(20), Decimal(200)))
GLUCOSE = Measure("glucose", "mmol/L", 1, Decimal("0.5"), Decimal(60))


@pytest.mark.parametrize(
    ("measure", "typed", "values"),
    [
        (PRESSURE, "136/82", (136, 82)),
        (PRESSURE, " 300 / 200 ", (300, 200)),
        (GLUCOSE, "7.8", (Decimal("7.8"),)),
        (GLUCOSE, "0.5", (Decimal("0.5"),)),
        (GLUCOSE, "60", (60,)),
    ],
)
def test_a_value_that_can_be_is_taken(measure: Measure, typed: str, values: tuple[Decimal, ...]) -> None:
    assert rules.measured(measure, typed) == values


@pytest.mark.parametrize(
    ("measure", "typed"),
    [(PRESSURE, "301/80"), (PRESSURE, "49/30"), (PRESSURE, "120/19"), (GLUCOSE, "0.4"), (GLUCOSE, "60.1"), (GLUCOSE, "78")],
)
def test_a_value_that_no_living_patient_has_is_asked_for_again_with_its_range(measure: Measure, typed: str) -> None:
    with pytest.raises(rules.NotPlausible) as refused:
        rules.measured(measure, typed)
    assert {"least", "most", "unit"} <= set(refused.value.detail)


@pytest.mark.parametrize(
    "typed", ["", "136", "136/", "/82", "136/82/7", "82/136", "120/120", "abc", "-136/82", "1e2/80", "136.5/82"]
)
def test_what_is_no_blood_pressure_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(rules.BadMeasurement) as refused:
        rules.measured(PRESSURE, typed)
    assert refused.value.detail["example"] == "175/110"


def test_the_shipped_measures_are_sound_and_each_example_can_be() -> None:
    found = list(shipped.rows(Path(room.__file__).parent / "data" / "measures.csv"))
    assert len({row["code"] for row in found}) == len(found) >= 10
    for row in found:
        pair = (Decimal(row["second_least"]), Decimal(row["second_most"])) if row["second_least"] else None
        measure = Measure(row["code"], row["unit"], int(row["decimals"]), Decimal(row["least"]), Decimal(row["most"]), pair)
        with pytest.raises(rules.BadMeasurement) as refused:
            rules.measured(measure, "x")
        assert rules.measured(measure, str(refused.value.detail["example"]))
        assert row["zh"]
        assert row["en"]


@given(st.decimals(0, 400, places=1), st.none() | st.decimals(0, 200, places=1), st.none() | st.decimals(200, 400, places=1))
def test_a_value_stands_low_within_or_high_and_never_two_of_them(value: Decimal, low: Decimal | None, high: Decimal | None) -> None:
    found = rules.standing(value, low, high)
    assert (found == LOW) == (low is not None and value < low)
    assert (found == HIGH) == (high is not None and value > high)
    assert found in (LOW, WITHIN, HIGH)


# --- the chain (QZ-2-11j) ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("present", "wanted", "reason", "taken"),
    [
        ("treatment", "rehabilitation", "", True),
        ("rehabilitation", "long_term_care", "", True),
        ("treatment", "long_term_care", "", False),
        ("treatment", "long_term_care", "  ", False),
        ("treatment", "long_term_care", "no capacity for exercise", True),
        ("rehabilitation", "treatment", "", False),
        ("long_term_care", "treatment", "fever for three days", True),
        ("treatment", "treatment", "x", False),
        ("treatment", "home", "x", False),
    ],
)
def test_the_chain_goes_forward_freely_and_skips_or_turns_back_with_a_reason(
    present: str, wanted: str, reason: str, taken: bool
) -> None:
    if taken:
        assert rules.next_stage(present, wanted, reason) == wanted
    else:
        with pytest.raises((rules.SkipsRehabilitation, rules.WrongStage)):
            rules.next_stage(present, wanted, reason)
