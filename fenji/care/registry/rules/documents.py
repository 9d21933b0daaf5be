"""Documents that say who somebody is, each checked by its own form. Pure.

The text a document is kept and found by (`index_text`) names the kind, so that a passport and a permit with the same characters
are two documents. Numbers of the form GB 11643 stand for themselves whatever card they are printed on: there is one series.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from fenji.ground.common.identity import BadIdentityNumber, parse_identity
from fenji.ground.common.text import compact
from fenji.ground.common.units import IDENTITY_LENGTH

CARD, OLD_CARD, PASSPORT = "identity", "old_card", "passport"
RESIDENCE, HK_MACAU, TAIWAN, HMT_RESIDENCE = "residence", "hk_macau", "taiwan", "hmt_residence"
KINDS = (CARD, HMT_RESIDENCE, HK_MACAU, TAIWAN, PASSPORT, RESIDENCE, OLD_CARD)
"""Identity card; residence permit, and travel permits, of Hong Kong, Macau and Taiwan residents; passport; permanent residence
card of foreigners; identity card of the first generation (15 digits, as old files hold it)."""
_HMT_PLACES = ("810000", "820000", "830000")
_FOREIGN = "9"
_FORMS = {
    # three letters of the issuing state, then the number as printed
    PASSPORT: re.compile(r"[A-Z]{3}[A-Z0-9]{5,9}"),
    # before 2023: state in three letters, twelve digits
    RESIDENCE: re.compile(r"[A-Z]{3}\d{12}"),
    # one letter and eight digits; two more, on older cards, count the re-issues and are not part of who it is
    HK_MACAU: re.compile(r"([HM]\d{8})(?:\d\d)?"),
    TAIWAN: re.compile(r"(\d{8})(?:\d\d)?"),
    OLD_CARD: re.compile(r"\d{15}"),
}


class BadDocument(ValueError):
    """A document number that cannot be right. `code`: form, date, future, check_digit, place or kind; see the texts by kind."""

    def __init__(self, kind: str, code: str) -> None:
        super().__init__(f"{kind}: {code}")
        self.kind = kind
        self.code = code


@dataclass(frozen=True, slots=True)
class Document:
    """A checked document. `birth_date`, `sex`: what the number itself says; None where it says nothing."""

    kind: str
    value: str
    birth_date: date | None = None
    sex: str = ""

    @property
    def index_text(self) -> str:
        """What is sealed, and what the blind index is made of."""
        return self.value if len(self.value) == IDENTITY_LENGTH else f"{self.kind}:{self.value}"

    @property
    def masked(self) -> str:
        """As pages show it: the last four characters, of a long number the first three as well."""
        return masked(self.value)


def masked(value: str) -> str:
    """A number with all but its ends hidden; of a short one only the end shows."""
    head = value[:3] if value[14:] else ""
    return f"{head}{'*' * len(value[len(head) : -4])}{value[-4:]}"


def parse_document(kind: str, text: str, today: date) -> Document:
    """Normalise and check one number; full-width letters, blanks and dashes are forgiven. Raises BadDocument."""
    value = compact(text).upper()
    if kind in (CARD, HMT_RESIDENCE) or (kind == RESIDENCE and value.startswith(_FOREIGN)):
        return _numbered(kind, value, today)
    if kind not in _FORMS:
        raise BadDocument(kind, "kind")
    fits = _FORMS[kind].fullmatch(value)
    if fits is None or not value.isascii():
        raise BadDocument(kind, "form")
    if kind == OLD_CARD:
        return _old(value)
    return Document(kind, fits.group(1) if fits.groups() else value)


def _numbered(kind: str, value: str, today: date) -> Document:
    try:
        number = parse_identity(value, today)
    except BadIdentityNumber as problem:
        raise BadDocument(kind, problem.code) from None
    if kind == HMT_RESIDENCE and not number.value.startswith(_HMT_PLACES):
        raise BadDocument(kind, "place")
    return Document(kind, number.value, number.birth_date, number.sex)


def _old(value: str) -> Document:
    # six digits of the place, six of the birth date in the twentieth century, three in order of registration
    try:
        born = date(int("19" + value[6:8]), int(value[8:10]), int(value[10:12]))
    except ValueError:
        raise BadDocument(OLD_CARD, "date") from None
    return Document(OLD_CARD, value, born, "1" if int(value[-1]) % 2 else "2")


def parse_index_text(text: str) -> tuple[str, str]:
    """(kind, value) of a text as it was sealed; a number without a kind is one of GB 11643."""
    kind, sep, value = text.partition(":")
    return (kind, value) if sep else (CARD, text)
