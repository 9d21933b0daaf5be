"""Which diagnoses are notifiable infectious diseases, and of which class (SM-3-4d).

The list changes by law, so it comes with a release: `data/notifiable.csv`, with its source on top.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fenji.care.catalogue.rules import clean_code
from fenji.ground.common import shipped

_DATA = Path(__file__).resolve().parents[1] / "data" / "notifiable.csv"


@dataclass(frozen=True, slots=True)
class Notifiable:
    """A disease of the national list. `grade`: A, BA (class B handled as class A), B or C."""

    grade: str
    name_zh: str
    name_en: str


@cache
def _listed() -> dict[str, Notifiable | None]:
    return {r["prefix"]: Notifiable(r["class"], r["name_zh"], r["name_en"]) if r["class"] else None for r in shipped.rows(_DATA)}


def notifiable(code: str) -> Notifiable | None:
    """The notifiable disease that a diagnosis code stands for; None when it is none."""
    code, table = clean_code(code), _listed()
    return next((table[code[:end]] for end in range(len(code), 0, -1) if code[:end] in table), None)


def notifiable_prefixes() -> dict[str, Notifiable | None]:
    """The whole table, for checks and lists."""
    return dict(_listed())
