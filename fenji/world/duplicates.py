"""Invented people entered twice, and people who only look like it: what the finding of duplicates is measured on.

In memory and deterministic by seed.
"""

from __future__ import annotations

import calendar
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from fenji.care.registry.rules import Record
from fenji.ground.common.identity import identity_check
from fenji.ground.common.pinyin import name_readings
from fenji.world.people import Names

KINDS = ("old_new", "slip", "swap", "phone", "address", "sound")
_TWO_FAULTS = 40
_FIRST_YEAR, _LAST_YEAR, _OLD_CARDS_UNTIL = 1935, 2020, 1984
_LIKE = {
    "明": "敏民",
    "华": "花桦",
    "英": "瑛莹",
    "国": "果",
    "芳": "方",
    "伟": "玮炜",
    "秀": "绣",
    "兰": "岚",
    "文": "雯",
    "志": "智",
}
"""A character → others that sound the same, as a clerk hears them."""


@dataclass(frozen=True, slots=True)
class County:
    """`pairs`: two places in `records` → in which way the second was made of the first; `negatives`: pairs that are two people."""

    records: list[Record]
    pairs: dict[tuple[int, int], str]
    negatives: list[tuple[int, int]]


def _with_check(stem: str) -> str:
    return stem + identity_check(stem)


def _day(stem: str) -> date | None:
    try:
        return date(int(stem[6:10]), int(stem[10:12]), int(stem[12:14]))
    except ValueError:
        return None


def of_stem(record: Record, stem: str) -> Record:
    """The record under another number, with what that says of birth and sex."""
    return replace(record, number=_with_check(stem), birth_date=_day(stem), sex="1" if int(stem[16]) % 2 else "2")


class _County:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self.names = Names(self.rng)
        self.turn: dict[tuple[date, str], int] = {}

    def somebody(self) -> Record:
        rng = self.rng
        year, month = rng.randrange(_FIRST_YEAR, _LAST_YEAR), rng.randrange(1, 13)
        born = date(year, month, rng.randrange(1, calendar.monthrange(year, month)[1] + 1))
        sex = rng.choice("12")
        (surname,) = self.names.pick(1)
        name = surname + self.names.given(sex, year)
        address = f"第{rng.randrange(60)}村{rng.randrange(1, 200)}号"
        return self.make(name, sex, born, f"1{rng.choice('3578')}{rng.randrange(10**9):09d}", address)

    def make(self, name: str, sex: str, born: date, phone: str, address: str) -> Record:
        turn = self.turn[born, sex] = self.turn.get((born, sex), -1) + 1
        stem = f"350427{born:%Y%m%d}{turn * 2 + (1 if sex == '1' else 0):03d}"
        return Record(name, name_readings(name)[0][0], sex, born, phone, address, "identity", _with_check(stem))

    def old_new(self, one: Record) -> Record | None:
        if one.birth_date.year >= _OLD_CARDS_UNTIL:
            return None
        return replace(one, kind="old_card", number=one.number[:6] + one.number[8:17], phone="")

    def slip(self, one: Record) -> Record | None:
        place, digit = self.rng.randrange(17), self.rng.choice("0123456789")
        stem = one.number[:place] + digit + one.number[place + 1 : 17]
        born = _day(stem)
        if stem == one.number[:17] or born is None or not _FIRST_YEAR <= born.year <= _LAST_YEAR:
            return None
        return of_stem(one, stem)

    def swap(self, one: Record) -> Record | None:
        place = self.rng.randrange(16)
        a, b = one.number[place], one.number[place + 1]
        stem = one.number[:place] + b + a + one.number[place + 2 : 17]
        born = _day(stem)
        if a == b or born is None or not _FIRST_YEAR <= born.year <= _LAST_YEAR:
            return None
        return of_stem(one, stem)

    def phone(self, one: Record) -> Record | None:
        return replace(one, kind="passport", number=f"CHNE{self.rng.randrange(10**8):08d}", address="")

    def address(self, one: Record) -> Record | None:
        return replace(one, kind="", number="", phone="")

    def sound(self, one: Record) -> Record | None:
        for at, character in enumerate(one.name[1:], 1):
            if character in _LIKE:
                name = one.name[:at] + self.rng.choice(_LIKE[character]) + one.name[at + 1 :]
                return replace(one, kind="", number="", phone="", name=name, pinyin=name_readings(name)[0][0])
        return None

    def twin(self, one: Record) -> Record:
        """Born the same day at the same address, mostly of one sex; a name of its own, one character apart."""
        sex = one.sex if self.rng.random() < 0.7 else "21"[int(one.sex) - 1]
        return self.make(self._named(one, sex), sex, one.birth_date, one.phone, one.address)

    def son(self, one: Record) -> Record:
        """A younger man of the father's very name, at his address, with his phone."""
        born = date(min(one.birth_date.year + self.rng.randrange(20, 35), _LAST_YEAR), one.birth_date.month, 1)
        return self.make(one.name, "1", born, one.phone, one.address)

    def sibling(self, one: Record) -> Record:
        """A brother or sister at the same address, some years apart."""
        born = date(min(one.birth_date.year + self.rng.randrange(1, 6), _LAST_YEAR), self.rng.randrange(1, 13), 1)
        sex = self.rng.choice("12")
        return self.make(self._named(one, sex), sex, born, one.phone, one.address)

    def _named(self, one: Record, sex: str) -> str:
        while (name := one.name[:1] + self.names.given(sex, one.birth_date.year)) == one.name:
            pass
        return name


def planted(count: int, pairs: int, seed: int) -> County:
    """At least `count` people; `pairs` of them entered twice, in all ways alike, one in forty with a second fault in the name; and
    as many pairs of twins, fathers and sons of one name, and siblings at one address."""
    county = _County(seed)
    records = [county.somebody() for _ in range(count)]
    order = county.rng.sample(range(count), count)
    made: dict[tuple[int, int], str] = {}
    negatives: list[tuple[int, int]] = []
    ways: dict[str, Callable[[Record], Record | None]] = {kind: getattr(county, kind) for kind in KINDS}
    for one in order:
        if len(made) == pairs:
            break
        kind = KINDS[len(made) % len(KINDS)]
        twice = ways[kind](records[one])
        if twice is not None and len(made) % _TWO_FAULTS == _TWO_FAULTS - 1:
            twice = replace(twice, name=twice.name + "儿", pinyin=twice.pinyin + "er")
        if twice is not None:
            made[one, len(records)] = kind
            records.append(twice)
    others = (county.twin, county.son, county.sibling)
    for turn, one in enumerate(order[-pairs:]):
        negatives.append((one, len(records)))
        records.append(others[turn % len(others)](records[one]))
    return County(records, made, negatives)
