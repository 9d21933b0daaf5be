"""Identity numbers of residents (GB 11643-1999): normalise, then check. Pure.

A number carries its holder's birth date and sex, so that typing them again is not needed and a slip is seen at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from fenji.ground.common.text import compact

_FORM = re.compile(r"^\d{17}[\dX]$")
_WEIGHTS = tuple(2 ** (17 - i) % 11 for i in range(17))
_CHECKS = "10X98765432"
_OLDEST = date(1900, 1, 1)


class BadIdentityNumber(ValueError):
    """An identity number that cannot exist. `code` is one of form, date, future, check_digit."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class IdentityNumber:
    """A checked 18-character identity number; build it with `parse_identity`."""

    value: str
    birth_date: date
    sex: str

    @property
    def masked(self) -> str:
        """First three and last four characters, as slips and lists print it."""
        return f"{self.value[:3]}***********{self.value[-4:]}"


def identity_check(stem: str) -> str:
    """Check character of the first 17 digits (ISO/IEC 7064 MOD 11-2)."""
    return _CHECKS[sum(int(d) * w for d, w in zip(stem, _WEIGHTS, strict=True)) % 11]


def parse_identity(text: str, today: date) -> IdentityNumber:
    """Normalise and check one number. Full-width digits, blanks, dashes and a small x are forgiven.

    Raises BadIdentityNumber: form (not 17 digits and a digit or X), date (no such day), future, check_digit.
    """
    value = compact(text).upper()
    if _FORM.match(value) is None or not value.isascii():
        raise BadIdentityNumber("form")
    try:
        born = date(int(value[6:10]), int(value[10:12]), int(value[12:14]))
    except ValueError:
        raise BadIdentityNumber("date") from None
    if born < _OLDEST:
        raise BadIdentityNumber("date")
    if born > today:
        raise BadIdentityNumber("future")
    if identity_check(value[:17]) != value[17]:
        raise BadIdentityNumber("check_digit")
    return IdentityNumber(value=value, birth_date=born, sex="1" if int(value[16]) % 2 else "2")


def age_on(born: date, day: date) -> int:
    """Completed years of life."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
