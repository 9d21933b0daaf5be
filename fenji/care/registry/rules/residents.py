"""A resident as typed, normalised and checked. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from fenji.care.registry.rules.documents import Document, parse_document
from fenji.ground.common.identity import parse_identity
from fenji.ground.common.text import compact, half_width, has_control_characters, has_hidden_characters

SEXES = ("0", "1", "2", "9")
"""GB/T 2261.1: 0 unknown, 1 male, 2 female, 9 not stated."""

_PHONE = re.compile(r"^(?:\+?86)?(1\d{10}|0\d{2,3}\d{7,8})$")
_DOTS = dict.fromkeys(map(ord, "•‧・∙⋅．"), "·")
_NAME = re.compile(r"^[^\d<>\"'&;=]+$")


class BadField(ValueError):
    """A field that cannot be right. `field` names it, `code` says why."""

    def __init__(self, field: str, code: str) -> None:
        super().__init__(f"{field}: {code}")
        self.field = field
        self.code = code


KNOWN, UNKNOWN, NEWBORN = ENTRIES = ("", "unknown", "newborn")
"""How a record began, until a document is added to it: with one, as somebody nobody knows yet, as a child without a number."""
CARD = "identity"


@dataclass(frozen=True, slots=True)
class NewResident:
    """A resident ready to be written. `document` is None for those entered without one; `mother`: id of a newborn's mother.

    `birth_estimated`: the birth date stands for an age that was guessed.
    """

    name: str
    sex: str
    birth_date: date
    phone: str
    address: str
    document: Document | None = None
    entry: str = KNOWN
    birth_estimated: bool = False
    mother: UUID | None = None


def fold_name(text: str) -> str:
    """A name as it is kept and searched: half-width, inner blanks removed when it is Chinese, and one kind of middle dot."""
    name = half_width(text.translate(_DOTS)).translate(_DOTS)
    return name.replace(" ", "").replace(".", "·") if any(c >= "\u3400" for c in name) else name


def clean_name(text: str) -> str:
    """A name, folded. Raises BadField."""
    name = fold_name(text)
    if not name:
        raise BadField("name", "required")
    if _NAME.match(name) is None or has_hidden_characters(name):
        raise BadField("name", "characters")
    return name


def clean_phone(text: str) -> str:
    """A mainland mobile or landline number as digits; empty when none was given. Raises BadField."""
    digits = compact(text).replace("(", "").replace(")", "")
    if not digits:
        return ""
    match = _PHONE.match(digits)
    if match is None or not digits.isascii():
        raise BadField("phone", "form")
    return match.group(1)


def _place(text: str) -> str:
    place = half_width(text)
    if has_control_characters(place):
        raise BadField("address", "characters")
    return place


def _sex(code: str) -> str:
    if code not in SEXES:
        raise BadField("sex", "required")
    return code


def _born(born: date | None, today: date) -> date:
    if born is None:
        raise BadField("birth_date", "required")
    if born > today:
        raise BadField("birth_date", "future")
    return born


def new_resident(name: str, identity: str, phone: str, address: str, today: date) -> NewResident:
    """Somebody with an identity card. Raises BadField, BadIdentityNumber."""
    place, name = _place(address), clean_name(name)
    number = parse_identity(identity, today)
    card = Document(CARD, number.value, number.birth_date, number.sex)
    return NewResident(name, number.sex, number.birth_date, clean_phone(phone), place, card)


def with_document(
    name: str, kind: str, number: str, sex: str, born: date | None, phone: str, address: str, today: date
) -> NewResident:
    """Somebody with a document of any kind; what the number itself says of sex and birth counts. Raises BadField, BadDocument."""
    place, name = _place(address), clean_name(name)
    document = parse_document(kind, number, today)
    birth_date = document.birth_date or _born(born, today)
    return NewResident(name, document.sex or _sex(sex), birth_date, clean_phone(phone), place, document)


def unknown_person(mark: str, sex: str, years: int | None, found_at: str, today: date) -> NewResident:
    """Somebody who cannot say who they are, under a name that says so; `years`: the age as it looks. Raises BadField.

    `mark`: what the person is called until then, `无名氏` and when they came.
    """
    if years is None:
        raise BadField("years", "required")
    return NewResident(mark, _sex(sex), born_about(years, today), "", _place(found_at), None, UNKNOWN, True)


def born_about(years: int, today: date) -> date:
    """The birth date that stands for a guessed age: the first of January of that year."""
    return date(today.year - years, 1, 1)


def newborn(name: str, sex: str, born: date | None, mother: UUID, phone: str, address: str, today: date) -> NewResident:
    """A child without a number of its own yet, under its mother's record. Raises BadField."""
    place, name = _place(address), clean_name(name)
    return NewResident(name, _sex(sex), _born(born, today), clean_phone(phone), place, None, NEWBORN, False, mother)
