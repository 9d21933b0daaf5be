"""Organisations as they were, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from fenji.ground.common.units import COUNTY_CODE_LENGTH
from fenji.ground.network.models import OrganisationVersion, RegionName, Succession
from fenji.ground.network.queries import in_force


@dataclass(frozen=True, slots=True)
class Then:
    """An organisation as it was on a day: its particulars then, and the county that it lay in then.

    `since`, `until`: the days in which just these particulars held.
    """

    org_id: int
    name: str
    care_tier: str
    grade: str
    ownership: str
    integrated: bool
    region_id: int
    region_name: str
    region_code: str
    county_code: str
    code: str
    uscc: str
    ws218: str
    affiliation: str
    development: str
    since: date
    until: date | None


def as_then(org_id: int, on: date, using: str = "default") -> Then | None:
    """What an organisation was on a day; None when it did not exist then. Codes and names of regions are those of the day."""
    version = OrganisationVersion.objects.using(using).filter(in_force(on), org_id=org_id).first()
    if version is None:
        return None
    name = RegionName.objects.using(using).filter(in_force(on), region_id=version.region_id).first()
    # before the first dated row of a region its oldest is the best that is known
    name = name or RegionName.objects.using(using).filter(region_id=version.region_id).order_by("start").first()
    code, called = (name.code, name.name) if name else ("", "")
    return Then(
        org_id,
        version.name,
        version.care_tier,
        version.grade,
        version.ownership,
        version.integrated,
        version.region_id,
        called,
        code,
        code[:COUNTY_CODE_LENGTH],
        version.code,
        version.uscc,
        version.ws218,
        version.affiliation,
        version.development,
        version.start,
        version.end,
    )


def as_today(org_ids: Iterable[int], using: str = "default") -> dict[int, int]:
    """Each organisation's present successor, itself when it goes on: history counted where it belongs today."""
    merged = dict(Succession.objects.using(using).filter(kind="merged").values_list("predecessor_id", "successor_id"))

    def last(org: int) -> int:
        while org in merged:
            org = merged[org]
        return org

    return {org: last(org) for org in org_ids}


def predecessors(org_id: int, using: str = "default") -> list[int]:
    """Organisations that went into this one, directly or through others."""
    found: list[int] = []
    front = [org_id]
    while front:
        front = list(
            Succession.objects.using(using).filter(kind="merged", successor_id__in=front).values_list("predecessor_id", flat=True)
        )
        found += front
    return found
