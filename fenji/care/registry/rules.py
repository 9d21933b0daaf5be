"""A resident as typed, normalised and checked. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from fenji.ground.common.identity import IdentityNumber, parse_identity
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


@dataclass(frozen=True, slots=True)
class NewResident:
    """A resident ready to be written."""

    name: str
    identity: IdentityNumber
    phone: str
    address: str


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


def new_resident(name: str, identity: str, phone: str, address: str, today: date) -> NewResident:
    """All fields together. Raises BadField, BadIdentityNumber."""
    place = half_width(address)
    if has_control_characters(place):
        raise BadField("address", "characters")
    return NewResident(clean_name(name), parse_identity(identity, today), clean_phone(phone), place)
