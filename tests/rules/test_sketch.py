"""The sketch of the way: where things stand in it, how long its bar is, in which direction it goes."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fenji.ground.common import sketch

HERE = (117.79, 26.40)
WORDS = sketch.Words("in a straight line", "start", "goal", "N", "km", "m")
POINTS = st.tuples(st.floats(73, 136), st.floats(3, 54))


@pytest.mark.parametrize(
    ("east", "north", "wind"),
    [(0, 1, 0), (1, 1, 1), (1, 0, 2), (1, -1, 3), (0, -1, 4), (-1, -1, 5), (-1, 0, 6), (-1, 1, 7), (0, 0, 0)],
)
def test_eight_directions_clockwise_from_north(east: int, north: int, wind: int) -> None:
    assert sketch.wind(HERE, (HERE[0] + east * 0.0112, HERE[1] + north * 0.01)) == wind


@given(st.floats(1e-3, 4000))
def test_the_bar_is_the_longest_of_one_two_or_five_that_fits(per_km: float) -> None:
    bar = sketch.bar_of(per_km)
    assert f"{bar:e}"[0] in "125"
    assert bar * per_km <= 180.0001
    assert bar * 2.5001 * per_km > 180


@given(POINTS, POINTS)
@example(HERE, HERE)
@example(HERE, (HERE[0], HERE[1] + 1e-9))
def test_both_places_stand_inside_the_picture_north_up(here: sketch.Point, there: sketch.Point) -> None:
    drawn = sketch.picture(here, there, WORDS)
    x1, y1, x2, y2 = (float(n) for n in re.search(r'x1="(.*?)" y1="(.*?)" x2="(.*?)" y2="(.*?)"', drawn).groups())  # type: ignore[union-attr]
    assert all(100 <= x <= 500 for x in (x1, x2))
    assert all(60 <= y <= 260 for y in (y1, y2))
    assert (y2 <= y1) == (there[1] >= here[1]) or abs(y2 - y1) < 0.2


def test_words_of_others_are_escaped_and_nothing_is_fetched() -> None:
    drawn = sketch.picture(HERE, (118.0, 26.5), sketch.Words("<b>", "a&b", "c", "N", "km", "m"))
    assert "<b>" not in drawn
    assert "a&amp;b" in drawn
    assert not re.search(r"href|url\(|style=|<script", drawn)
