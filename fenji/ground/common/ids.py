"""Identifiers: UUIDv7 and the printed case number with its check digit. Pure but for the random bytes.

Sources: RFC 9562 section 5.7 (UUIDv7), ISO/IEC 7064 MOD 11,10 (check digit).
"""

from __future__ import annotations

import re
import secrets
import time
from datetime import date
from uuid import UUID

from fenji.ground.common.text import half_width

_CASE_NUMBER = re.compile(r"^([RD])(\d{6})-?(\d{6})-?(\d{5})-?(\d)$")


class BadCaseNumber(ValueError):
    """Not a case number, or its check digit does not fit: somebody mistyped it."""


def uuid7(millis: int | None = None, random: bytes | None = None) -> UUID:
    """A time-ordered identifier. `millis`: Unix time in ms; `random`: 10 bytes. Both default to now and to chance."""
    stamp = time.time_ns() // 1_000_000 if millis is None else millis
    noise = int.from_bytes(secrets.token_bytes(10) if random is None else random, "big")
    rand_a, rand_b = noise >> 68, noise & ((1 << 62) - 1)
    return UUID(int=(stamp & ((1 << 48) - 1)) << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b)


def check_digit(digits: str) -> str:
    """ISO/IEC 7064 MOD 11,10 over decimal digits: finds every single slip and nearly all swapped neighbours."""
    remainder = 10
    for d in digits:
        remainder = (remainder + int(d)) % 10 or 10
        remainder = remainder * 2 % 11
    return str((11 - remainder) % 10)


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
