"""Identifiers: UUIDv7, the printed case number with its check digit, the printed secret code. Pure but for the random bytes.

Sources: RFC 9562 section 5.7 (UUIDv7), ISO/IEC 7064 hybrid systems (check digit and character), Crockford's base 32 (codes).
"""

from __future__ import annotations

import re
import secrets
import time
from datetime import date
from uuid import UUID

from fenji.ground.common.text import compact, half_width

_DIGITS = "0123456789"
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letter that reads like a digit."""
_MISREAD = str.maketrans("OIL", "011")
_CODE_LENGTH = 27
_CODE_GROUP = 4
_BITS_PER_LETTER = 5
CODE_BITS = _CODE_LENGTH * _BITS_PER_LETTER
_CASE_NUMBER = re.compile(r"^([RD])(\d{6})-?(\d{6})-?(\d{5})-?(\d)$")


class BadCaseNumber(ValueError):
    """Not a case number, or its check digit does not fit: somebody mistyped it."""


class BadCode(ValueError):
    """Not a printed code ("form"), or its check character does not fit ("check_character"): somebody mistyped it."""


def uuid7(millis: int | None = None, random: bytes | None = None) -> UUID:
    """A time-ordered identifier. `millis`: Unix time in ms; `random`: 10 bytes. Both default to now and to chance."""
    stamp = time.time_ns() // 1_000_000 if millis is None else millis
    noise = int.from_bytes(secrets.token_bytes(10) if random is None else random, "big")
    rand_a, rand_b = noise >> 68, noise & ((1 << 62) - 1)
    return UUID(int=(stamp & ((1 << 48) - 1)) << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b)


def _check_character(text: str, alphabet: str) -> str:
    """The hybrid system MOD n+1,n of ISO/IEC 7064 over n characters: finds every single slip and nearly all swapped neighbours."""
    n = len(alphabet)
    remainder = n
    for c in text:
        remainder = (remainder + alphabet.index(c)) % n or n
        remainder = remainder * 2 % (n + 1)
    return alphabet[(n + 1 - remainder) % n]


def check_digit(digits: str) -> str:
    """ISO/IEC 7064 MOD 11,10 over decimal digits."""
    return _check_character("".join(str(int(d)) for d in digits), _DIGITS)


def secret_code(bits: int | None = None) -> str:
    """A code to be printed and typed in once: `K7QM-3XRT-…`, seven groups of four; 135 random bits and a check character.

    `bits`: 0 to 2¹³⁵ − 1; defaults to chance. Raises ValueError when out of range.
    """
    number = secrets.randbits(CODE_BITS) if bits is None else bits
    if not 0 <= number < 1 << CODE_BITS:
        raise ValueError("a code has 135 bits")
    places = range(_BITS_PER_LETTER * (_CODE_LENGTH - 1), -1, -_BITS_PER_LETTER)
    stem = "".join(_LETTERS[number >> place & (len(_LETTERS) - 1)] for place in places)
    whole = stem + _check_character(stem, _LETTERS)
    return "-".join(whole[i : i + _CODE_GROUP] for i in range(0, len(whole), _CODE_GROUP))


def parse_secret_code(text: str) -> str:
    """A typed code without its dashes; small and full-width letters, O for 0, I and L for 1 are forgiven. Raises BadCode."""
    code = compact(text).upper().translate(_MISREAD)
    if len(code) != _CODE_LENGTH + 1 or not set(code) <= set(_LETTERS):
        raise BadCode("form")
    if _check_character(code[:-1], _LETTERS) != code[-1]:
        raise BadCode("check_character")
    return code


def case_number(direction: str, region: str, day: date, sequence: int) -> str:
    """`R350405-260915-00042-7`: R up or across, D down; county; day; running number; check digit.

    Raises ValueError when the running number has more than five digits.
    """
    if not 0 < sequence <= 99_999:
        raise ValueError(f"case sequence out of range: {sequence}")
    stem = f"{region}{day:%y%m%d}{sequence:05d}"
    return f"{direction}{region}-{day:%y%m%d}-{sequence:05d}-{check_digit(stem)}"


def parse_case_number(text: str) -> str:
    """The canonical form of a typed case number; full-width and missing dashes are forgiven. Raises BadCaseNumber."""
    match = _CASE_NUMBER.match(half_width(text).upper().replace(" ", ""))
    if match is None:
        raise BadCaseNumber("form")
    direction, region, day, sequence, digit = match.groups()
    if check_digit(region + day + sequence) != digit:
        raise BadCaseNumber("check_digit")
    return f"{direction}{region}-{day}-{sequence}-{digit}"
