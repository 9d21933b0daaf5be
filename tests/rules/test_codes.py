"""The printed secret code: how it is made, typed back, and what slips its check character finds."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenji.ground.common.ids import CODE_BITS, BadCode, parse_secret_code, secret_code

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
bits = st.integers(min_value=0, max_value=(1 << CODE_BITS) - 1)


def slow_check(stem: str) -> str:
    """The one letter with which the hybrid system's sum ends at 1, found by trying them all."""
    fitting = []
    for letter in LETTERS:
        remainder = 32
        for c in stem:
            remainder = ((remainder + LETTERS.index(c)) % 32 or 32) * 2 % 33
        if (remainder + LETTERS.index(letter)) % 32 == 1:
            fitting.append(letter)
    (only,) = fitting
    return only


@given(bits)
def test_a_code_has_seven_groups_of_four_and_comes_back_without_its_dashes(number: int) -> None:
    code = secret_code(number)
    assert [len(group) for group in code.split("-")] == [4] * 7
    plain = code.replace("-", "")
    assert parse_secret_code(code) == plain
    assert sum(LETTERS.index(c) << 5 * (26 - i) for i, c in enumerate(plain[:-1])) == number
    assert plain[-1] == slow_check(plain[:-1])


@given(bits, st.integers(0, 27), st.sampled_from(LETTERS))
def test_every_single_slip_is_found(number: int, place: int, letter: str) -> None:
    plain = secret_code(number).replace("-", "")
    slipped = plain[:place] + letter + plain[place + 1 :]
    if slipped == plain:
        assert parse_secret_code(slipped) == plain
    else:
        with pytest.raises(BadCode, match="check_character"):
            parse_secret_code(slipped)


@given(bits)
def test_small_and_wide_letters_blanks_and_letters_read_as_digits_are_forgiven(number: int) -> None:
    code = secret_code(number)
    wide = "".join(chr(ord(c) + 0xFEE0) for c in code)
    for typed in (code.lower(), wide, f"  {code.replace('-', ' ')} ", code.replace("0", "o").replace("1", "l")):
        assert parse_secret_code(typed) == code.replace("-", "")


@given(st.text(alphabet=string.printable + "汉字０１\u202e\x00", max_size=40))
def test_anything_else_is_refused_by_name(typed: str) -> None:
    with pytest.raises(BadCode, match=r"form|check_character"):
        parse_secret_code(typed)


def test_codes_are_drawn_from_135_bits_and_none_comes_twice() -> None:
    assert CODE_BITS == 135
    assert len({secret_code() for _ in range(2000)}) == 2000
    with pytest.raises(ValueError, match="135 bits"):
        secret_code(1 << CODE_BITS)
