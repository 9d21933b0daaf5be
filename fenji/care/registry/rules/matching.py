"""Whether two records may be one person. Pure.

`match` looks at two records and names why they may be one, or says no; a person decides. Two records that match have the same name
or the same birth date: so candidates are found through two indexes, never by comparing all with all.

What separates twins, siblings, and fathers and sons of one name from one person entered twice: a number with one slip counts only
under the very same name; a name that only sounds the same counts only where no two numbers contradict each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from fenji.care.registry.rules.documents import CARD, OLD_CARD
from fenji.ground.common.units import IDENTITY_LENGTH

OLD_NEW, SLIP, SWAP, PHONE, ADDRESS, SOUND = REASONS = ("old_new", "slip", "swap", "phone", "address", "sound")
"""15 and 18 digits of one number; one digit mistyped; two neighbours swapped; name, birth, sex and phone; the same at one address;
a name that sounds the same at one address. The strongest first."""
_FOLDS = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ng", "n"), ("l", "n"))
"""Sounds that speakers here do not tell apart, or write for one another."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is compared of one resident. `number`: of a document of `kind`, empty when there is none."""

    name: str
    pinyin: str
    sex: str
    birth_date: date
    phone: str
    address: str
    kind: str
    number: str


def sounds_like(pinyin: str) -> str:
    """A reading with the sounds that are taken for one another made equal."""
    for written, heard in _FOLDS:
        pinyin = pinyin.replace(written, heard)
    return pinyin


def same_old_number(old: str, new: str) -> bool:
    """True when 15 digits are the first-generation form of 18."""
    return new[6:8] == "19" and new[:6] + new[8:17] == old


def slip(one: str, other: str) -> str:
    """`slip` when one digit of the first 17 differs, `swap` when two different neighbours changed places, else nothing.

    Both are valid numbers, so the check character, which follows from the rest, is not looked at.
    """
    if len(one) != IDENTITY_LENGTH or len(other) != IDENTITY_LENGTH:
        return ""
    apart = [i for i, (a, b) in enumerate(zip(one[:17], other[:17], strict=True)) if a != b]
    if len(apart) == 1:
        return SLIP
    if len(apart) == 2 and apart[1] - apart[0] == 1 and one[apart[0]] == other[apart[1]] and one[apart[1]] == other[apart[0]]:
        return SWAP
    return ""


def _numbers(one: Record, other: Record) -> str:
    """What two numbers say: the reason why they may be one, `apart` when they contradict each other, nothing when one is missing
    or the documents are of different series."""
    if not one.number or not other.number:
        return ""
    kinds = {one.kind, other.kind}
    if kinds == {CARD, OLD_CARD}:
        old, new = (one, other) if one.kind == OLD_CARD else (other, one)
        return OLD_NEW if same_old_number(old.number, new.number) else "apart"
    if len(kinds) > 1:
        return ""
    return slip(one.number, other.number) or "apart"


def match(one: Record, other: Record) -> str:
    """Why two records may be one person, strongest reason first; empty when nothing speaks for it."""
    numbers = _numbers(one, other)
    if numbers == OLD_NEW:
        return OLD_NEW
    same_name = one.name == other.name
    if numbers in (SLIP, SWAP) and same_name:
        return numbers
    if one.birth_date != other.birth_date or one.sex != other.sex:
        return ""
    if same_name and one.phone and one.phone == other.phone:
        return PHONE
    if numbers or not one.address or one.address != other.address:
        return ""
    if same_name:
        return ADDRESS
    return SOUND if sounds_like(one.pinyin) == sounds_like(other.pinyin) else ""
