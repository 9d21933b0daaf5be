"""The counts of a month's register against a slow plain reference."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from fenji.care.referral.rules import register

DAY = datetime(2026, 9, 15, tzinfo=UTC)
STATES = ("offered", "accepted", "declined", "arrived", "missed", "answered")
lines = st.builds(
    register.Line,
    way=st.sampled_from(register.WAYS),
    other_id=st.integers(1, 3),
    emergency=st.booleans(),
    reached=st.dictionaries(st.sampled_from(STATES), st.integers(0, 5000).map(lambda m: DAY + timedelta(minutes=m))),
)


@given(st.lists(lines, max_size=30))
def test_the_counts_are_those_of_counting_each_line(found: list[register.Line]) -> None:
    rows = register.tally(found)
    assert len({(t.way, t.other_id) for t in rows}) == len(rows)
    assert sum(t.referrals for t in rows) == len(found)
    assert [t.way for t in rows] == sorted((t.way for t in rows), key=["out", "in"].index)
    for t in rows:
        mine = [x for x in found if x.way == t.way and x.other_id == t.other_id]
        assert t.referrals == len(mine)
        assert t.emergencies == len([x for x in mine if x.emergency])
        for name, state in (("accepted",) * 2, ("declined",) * 2, ("arrived",) * 2, ("missed",) * 2, ("answered",) * 2):
            assert getattr(t, name) == len([x for x in mine if state in x.reached])
        took = [
            (x.reached["accepted"] - x.reached["offered"]) / timedelta(minutes=1)
            for x in mine
            if {"accepted", "offered"} <= x.reached.keys()
        ]
        assert t.to_accept == (median(took) if took else None)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_the_next_month_begins_the_day_after_the_last_of_this_one(day: date) -> None:
    following = register.next_month(day)
    assert following.day == 1
    assert (following - timedelta(days=1)).month == day.month
    assert following > day


def test_a_month_that_is_none_is_the_present_one() -> None:
    today = date(2026, 9, 15)
    assert register.first_day("2026-02", today) == date(2026, 2, 1)
    for odd in ("", "2026-13", "x", "2026-09-01", "２０２６-02"):
        assert register.first_day(odd, today) == date(2026, 9, 1)
