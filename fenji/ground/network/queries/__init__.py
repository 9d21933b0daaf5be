"""The only reads of this room offered to others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from fenji.ground.access.actions import Seat
from fenji.ground.access.rules import HOUSE_ACCOUNT, Actor
from fenji.ground.common.refusal import Unknown
from fenji.ground.common.units import COUNTY_CODE_LENGTH
from fenji.ground.network import rules
from fenji.ground.network.models import (
    Department,
    DutyShift,
    Membership,
    Organisation,
    OrganisationVersion,
    Post,
    PractitionerRole,
    Region,
    RegionName,
    Succession,
    TitleHeld,
)


@dataclass(frozen=True, slots=True)
class Place:
    """An institution as rules see it. `policy_path`: ("35", "350400", "350405", "org:17")."""

    id: int
    name: str
    kind: str
    tier: str
    level: int
    path: str
    county: str
    policy_path: tuple[str, ...]


def in_force(day: date) -> Q:
    """Rows with `start` and `end` that hold on a day."""
    return Q(start__lte=day) & (Q(end=None) | Q(end__gt=day))


def _county(org: Organisation) -> str:
    # the county is the first six digits of the place, whatever the region's kind
    return org.path[:COUNTY_CODE_LENGTH]


def within_reach(by: Actor, path: str) -> bool:
    """Whether somebody administers a place; the house itself may everything."""
    return by.account_id == HOUSE_ACCOUNT or bool(by.reach and path.startswith(by.reach))


def place(org: Organisation) -> Place:
    """A row as a frozen value."""
    county = _county(org)
    level = rules.level(org.care_tier) if org.care_tier else -1
    path = ("35", county[:4] + "00", county, f"org:{org.id}")
    return Place(org.id, org.name, org.kind, org.care_tier, level, org.path, county, path)


def place_of(org_id: int, using: str = "default") -> Place:
    """An institution by id. Raises Unknown."""
    org = Organisation.objects.using(using).filter(pk=org_id).first()
    if org is None:
        raise Unknown(what="organisation")
    return place(org)


def names_of(org_ids: Iterable[int]) -> dict[int, str]:
    """Names by id."""
    return dict(Organisation.objects.filter(pk__in=set(org_ids)).values_list("id", "name"))


def organisations_within(reach: str, text: str = "", kinds: Iterable[str] = ()) -> QuerySet[Organisation]:
    """Present organisations whose place begins with `reach`, by place; `text`: part of the name, or the code. No reach: none."""
    found = Organisation.objects.filter(path__starts=reach, end=None) if reach else Organisation.objects.none()
    if kinds:
        found = found.filter(kind__in=list(kinds))
    if text:
        found = found.filter(Q(name__contains=text) | Q(code=text))
    return found.order_by("path")


def posts_within(reach: str) -> QuerySet[Post]:
    """Posts at organisations whose place begins with `reach`, latest first."""
    found = Post.objects.filter(path__starts=reach) if reach else Post.objects.none()
    return found.select_related("org").order_by("-start", "id")


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


def members(alliance_id: int, on: date, using: str = "default") -> list[Membership]:
    """Members of an alliance on a day, lead first, then by place."""
    rows = Membership.objects.using(using).filter(in_force(on), alliance_id=alliance_id).select_related("org")
    return sorted(rows, key=lambda m: (m.role != "lead", m.org.path))


def alliances_of(org_id: int, on: date) -> list[Membership]:
    """An organisation's memberships on a day, with their alliances."""
    rows = Membership.objects.filter(in_force(on), org_id=org_id)
    return list(rows.select_related("alliance").order_by("alliance__kind", "alliance_id"))


def community_of(org_id: int, on: date, using: str = "default") -> int | None:
    """The county community an institution belongs to on a day; None when to none."""
    row = Membership.objects.using(using).filter(in_force(on), org_id=org_id, kind="county_community").first()
    return row.alliance_id if row else None


def branch_specialties(community: int, on: date, using: str = "default") -> frozenset[str]:
    """Specialties of the people who work at a branch of a county community on a day, employed or sent down (SM-3-3b)."""
    branches = Membership.objects.using(using).filter(in_force(on), alliance_id=community, role__in=rules.BRANCHES).values("org_id")
    found = (
        PractitionerRole.objects.using(using)
        .filter(in_force(on), org_id__in=branches)
        .values_list("practitioner__specialties", flat=True)
    )
    return frozenset(s for many in found for s in many)


def public_primary(county: str) -> QuerySet[Organisation]:
    """Present primary institutions of a county that are not private (SM-3-4b)."""
    lo, hi = rules.prefix_range(county)
    found = Organisation.objects.filter(kind="care", care_tier__in=rules.PRIMARY, path__gte=lo, path__lt=hi, end=None)
    return found.exclude(ownership="private").order_by("path")


def staff_of(org_id: int, on: date) -> QuerySet[PractitionerRole]:
    """Who works at an institution on a day, by name."""
    found = PractitionerRole.objects.filter(in_force(on), org_id=org_id)
    return found.select_related("practitioner", "department").order_by("practitioner__name", "id")


def on_duty(org_id: int, at: datetime, duty: str = "") -> list[DutyShift]:
    """Who is on duty at an institution at an instant, optionally for one duty."""
    found = DutyShift.objects.filter(org_id=org_id, start__lte=at, end__gt=at, voided_at=None)
    if duty:
        found = found.filter(duty=duty)
    return list(found.select_related("practitioner", "department").order_by("duty", "start"))


def title_on(practitioner_id: UUID, on: date, using: str = "default") -> str:
    """The professional title somebody held on a day; "none" before the first."""
    row = TitleHeld.objects.using(using).filter(practitioner_id=practitioner_id, start__lte=on).order_by("-start").first()
    return row.title if row else "none"


def alliance_lead(org_id: int, on: date) -> Organisation | None:
    """The lead of the county community an institution belongs to on a day; None when it belongs to none."""
    mine = Membership.objects.filter(in_force(on), org_id=org_id, alliance__kind="county_community")
    lead = Membership.objects.filter(in_force(on), role="lead", alliance__in=mine.values("alliance")).select_related("org")
    found = lead.first()
    return found.org if found else None


def higher_care(origin: Place) -> list[Organisation]:
    """Institutions of a higher tier that serve a place: of its county, its city or the province; nearest tier first."""
    higher = [t for t in rules.TIERS if rules.level(t) > origin.level]
    lo, hi = rules.prefix_range(origin.county[:2])
    found = Organisation.objects.filter(kind="care", care_tier__in=higher, path__gte=lo, path__lt=hi, end=None)
    near = [o for o in found if _serves(o, origin)]
    return sorted(near, key=lambda o: (rules.level(o.care_tier), o.distance_km or 0, o.id))


def _serves(org: Organisation, origin: Place) -> bool:
    common = {"township": 9, "county": 6, "city": 4, "province": 2}[org.care_tier]
    return org.path[:common] == origin.path[:common]


def departments_of(org_id: int, on: date | None = None) -> list[Department]:
    """Departments of an institution at present or on a day, in the order of their ids."""
    held = Q(end=None) if on is None else (Q(start=None) | Q(start__lte=on)) & (Q(end=None) | Q(end__gt=on))
    return list(Department.objects.filter(held, org_id=org_id).order_by("id"))


def posts_of(account_id: UUID, at: datetime) -> list[Post]:
    """Posts an account holds at an instant. Read through the door connection: nobody is signed in yet."""
    held = Post.objects.using("door").filter(account_id=account_id, start__lte=at)
    return list(held.filter(Q(end=None) | Q(end__gt=at)).select_related("org__region").order_by("start", "id"))


def seat_of(post: Post) -> Seat:
    """What a session in this post reaches."""
    org = post.org
    code = org.path[: rules.REGION_CODE_WIDTH]
    if org.care_tier == "township":
        code = code[:9]
    scope = rules.scope_of(post.role, org.kind, org.care_tier, org.region.kind, code, org.id)
    return Seat(post.id, post.role, org.id, org.name, scope, post.end)


def region_id(code: str, using: str = "default") -> int:
    """Permanent id of the region that has this code at present. Raises RegionName.DoesNotExist."""
    return RegionName.objects.using(using).get(code=code, end=None).region_id


def regions_below(code: str, kinds: Iterable[str], using: str = "default") -> list[tuple[int, str, str, str]]:
    """(id, code, name, kind) of the present regions whose code begins with `code`, by code."""
    lo, hi = rules.prefix_range(code)
    rows = RegionName.objects.using(using).filter(code__gte=lo, code__lt=hi, end=None, region__kind__in=list(kinds))
    return [(r.region_id, r.code, r.name, r.region.kind) for r in rows.select_related("region").order_by("code")]


def count_regions(using: str = "default") -> int:
    """Number of regions loaded."""
    return Region.objects.using(using).count()
