"""What decides whether an institution can take a patient: departments, whom its class takes, who is allied, how far it is."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from django.db.models import Q, QuerySet

from fenji.ground.common import shipped
from fenji.ground.common.prepared import prepared
from fenji.ground.common.units import REGION_PREFIXES
from fenji.ground.network import rules
from fenji.ground.network.models import Department, Membership, Organisation
from fenji.ground.network.queries import Place, in_force

_LIMITS = Path(__file__).parent.parent / "data" / "class_limits.csv"


@lru_cache(maxsize=1)
def _limits() -> dict[str, rules.Takes]:
    return {r["ws218"]: rules.Takes(r["women"] == "1", r["children"] == "1") for r in shipped.rows(_LIMITS)}


def takes(ws218: str) -> rules.Takes:
    """Whom institutions of a WS 218 class take; both False: everybody."""
    return _limits().get(ws218, rules.Takes())


@prepared
def _receiving(org_ids: list[int], on: date) -> QuerySet[Department]:
    held = (Q(start=None) | Q(start__lte=on)) & (Q(end=None) | Q(end__gt=on))
    return Department.objects.filter(held, org_id__among=org_ids).exclude(specialty="").order_by("id")


def departments_by(org_ids: Collection[int], on: date) -> dict[int, list[Department]]:
    """The departments on a day that patients are sent to, by institution; those without any are missing."""
    found: dict[int, list[Department]] = {}
    for row in _receiving(list(org_ids), on):
        found.setdefault(row.org_id, []).append(row)
    return found


@prepared
def _allied(org_id: int, on: date) -> QuerySet[Membership, int]:
    mine = Membership.objects.filter(in_force(on), org_id=org_id).values("alliance")
    found = Membership.objects.filter(in_force(on), alliance__in=mine).exclude(org_id=org_id)
    return found.values_list("org_id", flat=True)


def allied(org_id: int, on: date) -> frozenset[int]:
    """The institutions that are in an alliance with one on a day, itself not among them."""
    return frozenset(_allied(org_id, on))


def distance_km(origin: Organisation, there: Organisation) -> Decimal | None:
    """Kilometres as the crow flies when both places are known, else the registered distance; None: unknown."""
    here = origin.longitude, origin.latitude
    other = there.longitude, there.latitude
    if None in (*here, *other):
        return there.distance_km
    return rules.great_circle_km((float(here[0]), float(here[1])), (float(other[0]), float(other[1])))  # type: ignore[arg-type]


def lower_care(origin: Place, tiers: Collection[str]) -> list[Organisation]:
    """Institutions of lower tiers among `tiers` that a hospital serves: of its county, its city or the province; by id."""
    lower = [t for t in tiers if rules.level(t) < origin.level]
    common = origin.path[: REGION_PREFIXES.get(origin.tier, len(origin.path))]
    found = Organisation.objects.filter(kind="care", care_tier__in=lower, path__startswith=common, end=None)
    return list(found.exclude(pk=origin.id).order_by("id"))
