"""Identifiers, identity numbers, text, time, pinyin, encryption: against plain references and published vectors."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenji.ground.common import ids, text
from fenji.ground.common.clock import SHANGHAI, DutyCalendar, Span, deadline
from fenji.ground.common.crypto import Keyring, Unreadable, digest
from fenji.ground.common.identity import BadIdentityNumber, age_on, identity_check, parse_identity
from fenji.ground.common.pinyin import initials_of, name_readings

TODAY = date(2026, 11, 22)
PUBLISHED = "11010519491231002X"  # the example number of GB 11643


def test_the_published_identity_number_fits() -> None:
    found = parse_identity(PUBLISHED, TODAY)
    assert (found.birth_date, found.sex, found.masked) == (date(1949, 12, 31), "2", "110***********002X")


@pytest.mark.parametrize(
    "typed",
    [
        "１１０１０５１９４９１２３１００２Ｘ",
        "110105 19491231 002x",
        "110105-19491231-002X",
        " 110105\u300019491231002X\n",
        "110105.19491231.002x",
    ],
)
def test_full_width_digits_and_separators_are_forgiven(typed: str) -> None:
    assert parse_identity(typed, TODAY).value == PUBLISHED


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "form"),
        ("1101051949123100", "form"),
        ("11010519491231002A", "form"),
        ("110105194912310021", "check_digit"),
        ("11010519491331002X", "date"),
        ("11010519490230002X", "date"),
        ("110105189912310021", "date"),
        ("①②③④⑤⑥⑦⑧⑨①②③④⑤⑥⑦⑧", "form"),
        ("١١٠١٠٥١٩٤٩١٢٣١٠٠٢X", "form"),
        ("110105194912310020" * 3, "form"),
    ],
)
def test_numbers_that_cannot_exist_are_named(typed: str, code: str) -> None:
    with pytest.raises(BadIdentityNumber) as problem:
        parse_identity(typed, TODAY)
    assert problem.value.code == code


def test_a_birth_date_in_the_future_is_named() -> None:
    stem = "35042720990101001"
    with pytest.raises(BadIdentityNumber) as problem:
        parse_identity(stem + identity_check(stem), TODAY)
    assert problem.value.code == "future"


@given(st.integers(0, 10**17 - 1), st.integers(0, 16), st.integers(1, 9))
def test_every_single_slip_in_an_identity_number_is_found(number: int, place: int, shift: int) -> None:
    stem = f"{number:017d}"
    slipped = stem[:place] + str((int(stem[place]) + shift) % 10) + stem[place + 1 :]
    assert identity_check(stem) != identity_check(slipped)


@given(st.text(max_size=40))
def test_any_text_is_a_number_or_a_named_problem(typed: str) -> None:
    try:
        found = parse_identity(typed, TODAY).value
    except BadIdentityNumber as problem:
        found = problem.code
    assert found in {"form", "date", "future", "check_digit"} or len(found) == 18


def test_age_turns_on_the_birthday() -> None:
    assert [age_on(date(2000, 2, 29), d) for d in (date(2026, 2, 28), date(2026, 3, 1))] == [25, 26]


def _mod_11_10_reference(digits: str) -> str:
    """ISO/IEC 7064 MOD 11,10 by trying all check digits against its definition."""
    for candidate in "0123456789":
        p = 10
        for d in digits:
            p = (p + int(d)) % 10
            p = (10 if p == 0 else p) * 2 % 11
        if (p + int(candidate)) % 10 == 1:
            return candidate
    raise AssertionError


@given(st.text("0123456789", min_size=1, max_size=20))
def test_the_case_check_digit_is_the_standards(digits: str) -> None:
    assert ids.check_digit(digits) == _mod_11_10_reference(digits)


@given(st.integers(0, 999999), st.dates(date(2020, 1, 1), date(2068, 1, 1)), st.integers(1, 99_999))
def test_case_numbers_survive_printing_and_typing(region: int, day: date, sequence: int) -> None:
    number = ids.case_number("R", f"{region:06d}", day, sequence)
    wide = number.translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789R"})
    assert ids.parse_case_number(number) == ids.parse_case_number(wide.lower().replace("-", "")) == number


@given(st.integers(1, 99_999), st.integers(0, 16), st.integers(1, 9))
def test_a_slip_in_a_case_number_is_found(sequence: int, place: int, shift: int) -> None:
    number = ids.case_number("R", "350405", date(2026, 9, 15), sequence)
    digits = [i for i, c in enumerate(number) if c.isdigit()]
    at = digits[place]
    slipped = number[:at] + str((int(number[at]) + shift) % 10) + number[at + 1 :]
    with pytest.raises(ids.BadCaseNumber):
        ids.parse_case_number(slipped)


def test_the_hundred_thousandth_case_of_a_day_is_refused() -> None:
    with pytest.raises(ValueError, match="sequence"):
        ids.case_number("R", "350405", TODAY, 100_000)


def test_uuid7_is_ordered_and_well_formed() -> None:
    made = [ids.uuid7(millis, b"\xff" * 10) for millis in (1, 2, 1_800_000_000_000)]
    assert made == sorted(made)
    assert {u.version for u in made} == {7}
    assert {u.variant for u in made} == {"specified in RFC 4122"}
    assert made[2].int >> 80 == 1_800_000_000_000


HOURS = ((time(8), time(12)), (time(14, 30), time(17, 30)))
CALENDAR = DutyCalendar(HOURS, {date(2026, 10, 1): False, date(2026, 10, 10): True})


def _deadline_reference(start: datetime, minutes: int) -> datetime:
    """Walk minute by minute: slow and plain."""
    at, left = start, minutes
    while True:
        inside = any(a <= at <= b for a, b in CALENDAR.periods(at.astimezone(SHANGHAI).date()))
        if left == 0 and inside:
            return at
        nxt = at + timedelta(minutes=1)
        if any(a <= at and nxt <= b for a, b in CALENDAR.periods(at.astimezone(SHANGHAI).date())):
            left -= 1
            if left == 0:
                return nxt
        at = nxt


@given(st.integers(0, 14 * 24 * 60), st.integers(1, 900))
def test_duty_deadlines_equal_the_minute_by_minute_walk(offset: int, minutes: int) -> None:
    start = datetime(2026, 9, 28, tzinfo=SHANGHAI) + timedelta(minutes=offset)
    assert deadline(start, Span(minutes, "duty"), CALENDAR) == _deadline_reference(start, minutes)


def test_deadlines_run_over_holidays_and_worked_weekends() -> None:
    wednesday = datetime(2026, 9, 30, 17, 0, tzinfo=SHANGHAI)
    assert deadline(wednesday, Span(60, "duty"), CALENDAR) == datetime(2026, 10, 2, 8, 30, tzinfo=SHANGHAI)
    assert deadline(wednesday, Span(60, "natural"), CALENDAR) == datetime(2026, 9, 30, 18, 0, tzinfo=SHANGHAI)
    friday = datetime(2026, 10, 9, 17, 0, tzinfo=SHANGHAI)
    assert deadline(friday, Span(60, "duty"), CALENDAR) == datetime(2026, 10, 10, 8, 30, tzinfo=SHANGHAI)


def test_a_calendar_without_duty_time_is_an_error() -> None:
    with pytest.raises(ValueError, match="no duty time"):
        deadline(datetime(2026, 1, 1, tzinfo=UTC), Span(1, "duty"), DutyCalendar((), {}))


@pytest.mark.parametrize(
    ("name", "readings"),
    [
        ("曾小明", [("zengxiaoming", "zxm")]),
        ("单田芳", [("shantianfang", "stf")]),
        ("欧阳文", [("ouyangwen", "oyw")]),
        ("陈小明", [("chenxiaoming", "cxm")]),
        ("仇英", [("qiuying", "qy")]),
    ],
)
def test_surnames_are_read_as_surnames(name: str, readings: list) -> None:
    assert name_readings(name)[:1] == readings


def test_every_known_reading_of_a_surname_is_kept() -> None:
    assert [r for r, _ in name_readings("覃小明")] == ["qinxiaoming", "tanxiaoming"]


def test_initials_skip_signs() -> None:
    assert initials_of("高血压2级（极高危）") == "gxy2jjgw"


@given(st.text(max_size=12))
def test_any_name_has_a_reading(name: str) -> None:
    for full, first in name_readings(name):
        assert isinstance(full, str)
        assert isinstance(first, str)


@pytest.mark.parametrize("suite", ["intl", "gm"])
def test_what_is_sealed_opens_only_in_its_place_and_whole(suite: str) -> None:
    ring = Keyring(suite, "1", {"1": bytes(range(32))})
    sealed = ring.seal("350427194005011234", "identity.number:7")
    assert ring.open(sealed, "identity.number:7") == "350427194005011234"
    for wrong, context in ((sealed, "identity.number:8"), (sealed[:-1] + bytes([sealed[-1] ^ 1]), "identity.number:7"), (b"x", "")):
        with pytest.raises(Unreadable):
            ring.open(wrong, context)
    with pytest.raises(Unreadable):
        Keyring(suite, "2", {"2": bytes(32)}).open(sealed, "identity.number:7")


def test_an_older_key_and_suite_still_open() -> None:
    old = Keyring("gm", "1", {"1": bytes(range(32))})
    both = Keyring("intl", "2", {"1": bytes(range(32)), "2": bytes(32)})
    assert both.open(old.seal("甲", "c"), "c") == "甲"
    assert both.seal("甲", "c")[:2] == b"i2"


@pytest.mark.parametrize("suite", ["intl", "gm"])
def test_blind_indexes_are_equal_for_equal_texts_only(suite: str) -> None:
    ring = Keyring(suite, "1", {"1": bytes(range(32))})
    assert ring.index("a", "p") == ring.index("a", "p")
    assert len({ring.index(t, p) for t in "ab" for p in "pq"}) == 4


def test_digests_are_the_published_functions() -> None:
    import hashlib

    framed = (3).to_bytes(8, "big") + b"abc"
    assert digest([b"abc"], "intl") == hashlib.sha256(framed).digest()
    # GB/T 32905 example 1: SM3("abc"), through the same library call
    from cryptography.hazmat.primitives import hashes

    sm3 = hashes.Hash(hashes.SM3())
    sm3.update(b"abc")
    assert sm3.finalize().hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert digest([b"ab", b"c"], "gm") != digest([b"a", b"bc"], "gm")


def test_masks_and_controls() -> None:
    assert [text.mask_name(n) for n in ("陈", "陈明", "欧阳小明")] == ["陈×", "陈×", "欧×××"]
    assert text.has_control_characters("a\x00")
    assert not text.has_control_characters("两行\n字")
