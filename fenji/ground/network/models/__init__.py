"""Regions, organisations, alliances, departments, staff, posts."""

from fenji.ground.network.models.alliances import Alliance, Membership
from fenji.ground.network.models.organisations import (
    PARTICULARS,
    Department,
    Directions,
    NamedList,
    NamedListEntry,
    Organisation,
    OrganisationVersion,
    Relation,
    Specialty,
    Succession,
)
from fenji.ground.network.models.regions import Region, RegionName, RegionSuccession
from fenji.ground.network.models.staff import DutyShift, ForceMember, Post, Practitioner, PractitionerRole, TitleHeld

__all__ = [
    "PARTICULARS",
    "Alliance",
    "Department",
    "Directions",
    "DutyShift",
    "ForceMember",
    "Membership",
    "NamedList",
    "NamedListEntry",
    "Organisation",
    "OrganisationVersion",
    "Post",
    "Practitioner",
    "PractitionerRole",
    "Region",
    "RegionName",
    "RegionSuccession",
    "Relation",
    "Specialty",
    "Succession",
    "TitleHeld",
]
