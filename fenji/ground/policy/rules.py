"""Packs as frozen values, and the order in which their parameters bind. Pure.

Order (POLICY): in force on the day, then the most specific region, then authority (order > reply > platform), then the later start.
Two parameters that none of these tells apart are a load error, not a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

AUTHORITIES = ("platform", "reply", "order")
OVERRIDES = ("free", "tighten", "never")
BASES = ("text", "platform", "attested")
NATURES = ("switch", "number", "hours", "text")


class PackError(ValueError):
    """A pack that cannot be used. The message names the file, the clause and what to change."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number, switch or list of a clause, in force in one region from one day (to another)."""

    key: str
    value: object
    unit: str
    clause_id: str
    region: str
    authority: str
    start: date
    end: date | None
    override: str
    basis: str

    def in_force(self, path: Sequence[str], on: date) -> bool:
        """True when this parameter binds at `path` on the day."""
        return self.region in path and self.start <= on and (self.end is None or on < self.end)

    def rank(self, path: Sequence[str]) -> tuple[int, int, date]:
        """Higher binds first."""
        return (list(path).index(self.region), AUTHORITIES.index(self.authority), self.start)


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause of a document, in our own words."""

    id: str
    section: str
    kind: str
    title_zh: str
    title_en: str
    document: str
    region: str
    start: date


@dataclass(frozen=True, slots=True)
class Binding:
    """The parameter that binds, and what it was read from."""

    parameter: Parameter
    overruled: tuple[Parameter, ...]


def bind(parameters: Iterable[Parameter], key: str, path: Sequence[str], on: date) -> Binding:
    """The parameter `key` that binds at `path` on the day. Raises PackError when there is none or two of equal rank."""
    found = sorted((p for p in parameters if p.key == key and p.in_force(path, on)), key=lambda p: p.rank(path), reverse=True)
    if not found:
        raise PackError(f"{key}: no value in force at {'/'.join(path)} on {on}; give the platform pack a default")
    if len(found) > 1 and found[0].rank(path) == found[1].rank(path):
        a, b = found[0].clause_id, found[1].clause_id
        raise PackError(f"{key}: {a} and {b} bind equally at {'/'.join(path)} on {on}; end one of them")
    return Binding(found[0], tuple(found[1:]))
