"""Which institutions can take a patient, and in which order they are proposed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

ALLIANCE, EARLIEST, DISTANCE, TIER = KEYS = ("alliance", "earliest", "distance", "tier")
"""What receivers can be ordered by: same alliance, earliest free slot, distance, nearest tier."""

NOT_ON_LIST, NO_DEPARTMENT, NOT_FOR_SEX, NOT_FOR_AGE = OBSTACLES = ("not_on_list", "no_department", "not_for_sex", "not_for_age")
"""What stands against a receiver; each may be overcome with a reason in words, for registers are never complete."""

FREE, FULL, UNKNOWN = "free", "none", "unknown"
"""States of an institution's slots: one is free, none is, or its feed is too old to say."""

FEMALE, MALE = "2", "1"
"""GB/T 2261.1."""
PAEDIATRICS = "paediatrics"


@dataclass(frozen=True, slots=True)
class Patient:
    """Sex as in GB/T 2261.1, age in completed years; `child`: below the policy's age."""

    sex: str
    age: int
    child: bool


@dataclass(frozen=True, slots=True)
class Able:
    """What an institution can do for one disease. `listed`: on its published list, None when it has published none.
    `specialties`: those its departments have, None when it has registered none. `women`, `children`: whom alone it takes."""

    listed: bool | None
    specialties: frozenset[str] | None
    women: bool = False
    children: bool = False


def wanted_specialties(seen_by: Sequence[str], patient: Patient) -> tuple[str, ...]:
    """The specialties that see a disease in this patient, best first: a child is seen by paediatrics before all others."""
    return (PAEDIATRICS, *(s for s in seen_by if s != PAEDIATRICS)) if patient.child else tuple(seen_by)


def best_specialty(wanted: Sequence[str], has: Iterable[str]) -> str:
    """The first of the wanted specialties that there is a department for; empty when there is none."""
    held = frozenset(has)
    return next((s for s in wanted if s in held), "")


def obstacles(able: Able, wanted: Sequence[str], patient: Patient) -> tuple[str, ...]:
    """What stands against an institution taking this patient with this disease. What is not on record is no obstacle.

    `wanted`: the specialties for the disease; empty: none is known, so no department is asked for.
    """
    limited = able.women or able.children
    fits = (able.women and patient.sex != MALE) or (able.children and patient.child)
    found = []
    if able.listed is False:
        found.append(NOT_ON_LIST)
    if wanted and able.specialties is not None and not best_specialty(wanted, able.specialties):
        found.append(NO_DEPARTMENT)
    if limited and not fits:
        found.append(NOT_FOR_SEX if able.women else NOT_FOR_AGE)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a receiver is ordered by. `feasible`: nothing stands against it. `slot_state`, `slot_at`: its earliest free slot."""

    org_id: int
    feasible: bool
    level: int
    alliance: bool
    slot_state: str
    slot_at: datetime | None
    distance_km: Decimal | None


_KEYED: dict[str, Callable[[Standing], Any]] = {
    ALLIANCE: lambda s: not s.alliance,
    # a known free slot first; "unknown" stands before "none": there may be one
    EARLIEST: lambda s: (s.slot_at is None, s.slot_at.timestamp() if s.slot_at else (FREE, UNKNOWN, FULL).index(s.slot_state)),
    DISTANCE: lambda s: (s.distance_km is None, s.distance_km or 0),
    TIER: lambda s: s.level,
}


def order(standings: Iterable[Standing], keys: Sequence[str]) -> list[Standing]:
    """Feasible ones first, each part by the policy's keys in turn; then the nearest tier, then by number, so that it is stable."""
    return sorted(standings, key=lambda s: (not s.feasible, *(_KEYED[k](s) for k in keys), s.level, s.org_id))
