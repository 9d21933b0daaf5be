"""Bodies, personal data, days of copies and named addressees, without a database."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenji.ground.common.identity import identity_check
from fenji.ground.publication import rules

DAY = date(2026, 9, 15)


def body(**changes: Any) -> dict[str, Any]:
    groups = [{"code": "I10", "zh": "高血压", "en": "Hypertension", "level": "township"}]
    return {"groups": groups, "version": 3, "clauses": ["SM-3-2g"], **changes}


def group(**changes: Any) -> dict[str, Any]:
    return {"code": "J06", "zh": "感冒", "en": "Common cold", "level": "village", **changes}


def test_a_good_body_passes() -> None:
    rules.disease_list(body())
    rules.disease_list(body(groups=[group(), group(code="type2-diabetes", icd="E11")], clauses=[]))


WRONG = [
    (body(extra=1), "body.extra", "unknown"),
    ({"groups": [group()], "version": 1}, "body.clauses", "missing"),
    (body(groups=[]), "body.groups", "list"),
    (body(groups="I10"), "body.groups", "list"),
    (body(version="3"), "body.version", "number"),
    (body(version=True), "body.version", "number"),
    (body(version=-1), "body.version", "number"),
    (body(groups=[group(), {"code": "I10"}]), "body.groups[1].en", "missing"),
    (body(groups=[group(patient="陈某")]), "body.groups[0].patient", "unknown"),
    (body(groups=[group(zh="  ")]), "body.groups[0].zh", "text"),
    (body(groups=[group(zh=7)]), "body.groups[0].zh", "text"),
    (body(groups=[group(zh="高\x00血压")]), "body.groups[0].zh", "text"),
    (body(groups=[group(level="hospital")]), "body.groups[0].level", "tier"),
    (body(groups=[group(code="a/b")]), "body.groups[0].code", "code"),
    (body(groups=[group(code="")]), "body.groups[0].code", "code"),
    (body(groups=[group(), group()]), "body.groups.J06", "twice"),
    ([], "body", "mapping"),
    (None, "body", "mapping"),
]


@pytest.mark.parametrize(("wrong", "where", "why"), WRONG)
def test_a_body_of_another_shape_is_refused_by_name(wrong: Any, where: str, why: str) -> None:
    with pytest.raises(rules.BadBody) as caught:
        rules.disease_list(wrong)
    assert (caught.value.detail["where"], caught.value.detail["why"]) == (where, why)


def _card(stem: str) -> str:
    return stem + identity_check(stem)


PERSONAL = [
    _card("35042719500607123"),
    "11010519491231002X",
    "11010519491231002x",
    "350427 19500607 123 4",
    "3504-2719-5006-0712-34",
    "３５０４２７１９５００６０７１２３４",
    "350427500607123",
    "13912345678",
    "139 1234 5678",
    "139-1234-5678",
    "+86 13912345678",
    "8613912345678",
    "电话：１３９１２３４５６７８。",
]
HARMLESS = [
    "0598-5822222",
    "0598-5822222 0598-5822333",
    "2026-09-15 08:00-12:00",
    "明医改组〔2022〕4号",
    "I10 E11 J06",
    "120",
    "913504057051234567",
    "26.396812, 117.789012",
    "",
]


@pytest.mark.parametrize("text", PERSONAL)
def test_what_looks_like_a_persons_number_is_refused_wherever_it_stands(text: str) -> None:
    assert rules.looks_personal(f"联系人 {text}，谢谢")
    for where in (body(groups=[group(zh=text)]), body(clauses=[text]), {text: 1}, [[text]]):
        with pytest.raises(rules.PersonalData):
            rules.refuse_personal(where)


@pytest.mark.parametrize("text", HARMLESS)
def test_landlines_dates_and_document_numbers_may_be_published(text: str) -> None:
    assert not rules.looks_personal(text)
    rules.refuse_personal(body(clauses=[text]))


def test_a_number_that_is_no_text_is_looked_at_too() -> None:
    with pytest.raises(rules.PersonalData) as caught:
        rules.refuse_personal({"groups": [{"n": 13912345678}]})
    assert caught.value.detail["where"] == "body.groups[0].n"


_LEAVES = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=20)
_JSON = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4))


@given(_JSON)
def test_the_digest_depends_on_the_contents_and_not_on_the_writing(value: Any) -> None:
    again = json.loads(json.dumps(value, indent=3, sort_keys=False))
    assert rules.digest(value) == rules.digest(again)
    assert rules.digest(value) != rules.digest([value])


@given(st.text(max_size=400))
def test_looking_for_personal_data_ends_on_any_text(text: str) -> None:
    assert rules.looks_personal(text) in (True, False)


# --- days --------------------------------------------------------------------------------------------------------------------


def _day(n: int) -> date:
    return DAY + timedelta(days=n)


def _as_of(held: list[rules.Days], on: date) -> list[int]:
    return [i for i, (start, end) in enumerate(held) if start <= on and (end is None or on < end)]


def _placed(held: list[rules.Days], start: date, today: date) -> list[date | None] | date:
    """The new ends, or the first day on which a copy may start."""
    try:
        return rules.place_copy(held, start, today)
    except rules.StartsTooEarly as refusal:
        return refusal.detail["first"]  # type: ignore[return-value]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(-30, 30)), min_size=1, max_size=8))
def test_on_every_day_at_most_one_copy_is_in_force_and_earlier_days_keep_theirs(plans: list[tuple[int, int]]) -> None:
    """Copies are made on ascending days, each to start some days before or after that; only days from its start on change."""
    held: list[rules.Days] = []
    today = DAY
    for later, shift in plans:
        today += timedelta(days=later)
        start = today + timedelta(days=shift)
        before = {on: _as_of(held, on) for on in (_day(n) for n in range(-60, 400))}
        ends = _placed(held, start, today)
        if isinstance(ends, date):
            assert start < ends <= today
            continue
        held = [*((begun, end) for (begun, _), end in zip(held, ends, strict=True)), (start, None)]
        newest = len(held) - 1
        for on, former in before.items():
            now = _as_of(held, on)
            assert len(now) <= 1
            assert now == ([newest] if on >= start else former)


def test_the_former_copy_ends_where_the_new_one_starts() -> None:
    held: list[rules.Days] = [(date(2026, 1, 1), None)]
    assert rules.place_copy(held, date(2026, 10, 1), DAY) == [date(2026, 10, 1)]


def test_a_planned_copy_that_is_overtaken_never_comes_into_force() -> None:
    held: list[rules.Days] = [(date(2026, 1, 1), date(2026, 12, 1)), (date(2026, 12, 1), None)]
    assert rules.place_copy(held, date(2026, 10, 1), DAY) == [date(2026, 10, 1), date(2026, 12, 1)]


def test_a_correction_on_the_same_day_replaces_the_copy_of_that_day() -> None:
    assert rules.place_copy([(DAY, None)], DAY, DAY) == [DAY]


def test_no_copy_that_was_in_force_is_wiped_out() -> None:
    for start in (date(2026, 1, 1), date(2025, 1, 1)):
        with pytest.raises(rules.StartsTooEarly) as caught:
            rules.place_copy([(date(2026, 1, 1), None)], start, DAY)
        assert caught.value.detail["first"] == date(2026, 1, 2)
    with pytest.raises(rules.StartsTooEarly):
        rules.place_copy([(date(2026, 1, 1), date(2026, 3, 1))], date(2026, 2, 1), DAY)
    assert rules.place_copy([(date(2026, 1, 1), date(2026, 3, 1))], date(2026, 4, 1), DAY) == [date(2026, 3, 1)]


def test_a_channel_is_logged_for_a_day_that_has_come_and_not_before_the_list() -> None:
    copy = rules.Copy(1, date(2026, 9, 1), date(2026, 8, 20))
    for day in (date(2026, 8, 20), date(2026, 9, 1), DAY):
        rules.check_day(day, copy, DAY)
    for day in (date(2026, 8, 19), DAY + timedelta(days=1)):
        with pytest.raises(rules.BadDay):
            rules.check_day(day, copy, DAY)


# --- words -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "part"),
    [
        ({"code": "I10"}, "heart"),
        ({"code": "hypertension", "icd": "I10"}, "heart"),
        ({"code": "hypertension"}, "other"),
        ({"code": "E11"}, "metabolism"),
        ({"code": "U07"}, "other"),
    ],
)
def test_a_disease_stands_under_a_part_of_the_body(entry: dict[str, str], part: str) -> None:
    assert rules.part_of(entry) == part
    assert rules.part_of(entry) in rules.ORDER


def test_every_part_has_a_place_in_the_order() -> None:
    assert {*rules.PARTS.values(), "other"} == set(rules.ORDER)
    assert len(rules.ORDER) == len(set(rules.ORDER))


@pytest.mark.parametrize("typed", ["", "35", "3504051", "350405101001", "x", "35040５", "350405 ", "-350405"])
def test_only_counties_and_township_units_are_places(typed: str) -> None:
    assert rules.region_in(typed) == ""
    assert rules.region_in("350405") == "350405"
    assert rules.region_in("350405101") == "350405101"


NAMES = {104: "夏茂镇卫生院（模拟）", 105: "高砂镇卫生院（模拟）", 1001: "夏茂村卫生所（模拟）"}


def test_addressees_are_named_by_number_name_or_a_part_that_only_one_has() -> None:
    assert rules.named("104\n 高砂 \n\n夏茂村卫生所（模拟）\n高砂镇", NAMES) == ((104, 105, 1001), [])


def test_a_line_that_fits_several_or_nobody_is_named() -> None:
    found, unclear = rules.named("夏茂\n不存在\n高砂", NAMES)
    assert found == (105,)
    assert unclear == [("夏茂", (NAMES[104], NAMES[1001])), ("不存在", ())]


def test_an_agency_writes_to_its_region_a_centre_to_its_township_and_a_hospital_to_its_alliance() -> None:
    assert rules.below("agency", "", "350405000000/00000004", "350405") == "350405"
    assert rules.below("agency", "", "350405000000/00000004", "") == ""
    assert rules.below("care", "township", "350405101000/00000104", "") == "350405101"
    assert rules.below("care", "county", "350405001000/00000003", "") == ""
