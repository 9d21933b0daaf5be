"""Readings of Chinese text for search: full pinyin and initials, the surname read as a surname. Pure."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_SURNAMES = Path(__file__).parent / "data" / "surname_readings.csv"
_MAX_READINGS = 2


@cache
def _surnames() -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    with _SURNAMES.open(encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            table[row["surname"]] = (*table.get(row["surname"], ()), row["reading"])
    return table


@cache
def _syllable(character: str) -> str:
    from pypinyin import Style, lazy_pinyin  # 0.4 s to import: only where names are read

    return (
        lazy_pinyin(character, style=Style.NORMAL, v_to_u=False, errors="ignore")[0] if character >= "\u3400" else character.lower()
    )


def _safe_syllable(character: str) -> str:
    try:
        return _syllable(character)
    except IndexError:  # a character pypinyin does not know
        return ""


def syllables(text: str) -> list[str]:
    """One reading per character; Latin letters and digits stand for themselves, signs fall away."""
    return [s for s in map(_safe_syllable, text) if s.isalnum()]


def initials_of(text: str) -> str:
    """`高血压` → `gxy`."""
    return "".join(s[0] for s in syllables(text))


def term_readings(text: str, terms: Mapping[str, str]) -> list[tuple[str, str]]:
    """(full pinyin, initials) of a text: as its terms are read, and, where that differs, character by character, as people type
    who do not know a term's reading.

    `terms`: term → a syllable per character, `cu zhong`. At each place the longest term that fits is read. `脑卒中` with
    `卒中` → [("naocuzhong", "ncz"), ("naozuzhong", "nzz")].
    """
    longest = max(map(len, terms), default=0)
    read: list[str] = []
    at = 0
    while at < len(text):
        term = next((text[at:end] for end in range(min(len(text), at + longest), at, -1) if text[at:end] in terms), text[at])
        read += terms[term].split() if term in terms else syllables(term)
        at += len(term)
    return list(dict.fromkeys(("".join(found), "".join(s[0] for s in found)) for found in (read, syllables(text))))


def name_readings(name: str) -> list[tuple[str, str]]:
    """(full pinyin, initials) of a person's name, every known reading of the surname, commonest first; at most two.

    `曾小明` → [("zengxiaoming", "zxm")].
    """
    table = _surnames()
    size = 2 if name[:2] in table and len(name) > 2 else 1
    given = syllables(name[size:])
    readings = []
    for reading in table.get(name[:size], ())[:_MAX_READINGS] or ("".join(syllables(name[:size])),):
        first = [s[0] for s in syllables(name[:size])] if size > 1 else [reading[:1]]
        if size > 1:
            first = [reading[0], *first[1:]]
        readings.append((reading + "".join(given), "".join(first) + "".join(s[0] for s in given)))
    return readings
