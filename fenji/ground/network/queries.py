"""The only reads of this room offered to others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Q

from fenji.ground.access.actions import Seat
from fenji.ground.common.refusal import Unknown
from fenji.ground.network import rules
from fenji.ground.network.models import Department, Membership, Organisation, Post, Region, RegionName


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


def _in_force(day: date) -> Q:
    return Q(start__lte=day) & (Q(end=None) | Q(end__gt=day))


def _county(org: Organisation) -> str:
    # the county is the first six digits of the place, whatever the region's kind
    return org.path[:6]


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


def alliance_lead(org_id: int, on: date) -> Organisation | None:
    """The lead of the county community an institution belongs to on a day; None when it belongs to none."""
    mine = Membership.objects.filter(_in_force(on), org_id=org_id, alliance__kind="county_community")
    lead = Membership.objects.filter(_in_force(on), role="lead", alliance__in=mine.values("alliance")).select_related("org")
    found = lead.first()
    return found.org if found else None


def alliance_role(org_id: int, on: date) -> str:
    """What an institution is in its county community on a day: lead, central_branch, branch or member; empty when in none."""
    mine = Membership.objects.filter(_in_force(on), org_id=org_id, alliance__kind="county_community")
    return mine.values_list("role", flat=True).first() or ""


def community_leads(prefix: str, on: date) -> list[Organisation]:
    """The leads of county communities on a day whose path begins with `prefix`, by place."""
    led = Membership.objects.filter(_in_force(on), role="lead", alliance__kind="county_community", org__path__starts=prefix)
    return [m.org for m in led.select_related("org").order_by("org__path")]


def community_members(lead_ids: Iterable[int], on: date) -> list[tuple[Organisation, str]]:
    """The members, each with its role, of the county communities that these organisations lead on a day, by place."""
    led = Membership.objects.filter(_in_force(on), role="lead", alliance__kind="county_community", org_id__in=set(lead_ids))
    found = Membership.objects.filter(_in_force(on), alliance__in=led.values("alliance")).exclude(role="lead")
    return [(m.org, m.role) for m in found.select_related("org").order_by("org__path")]


def higher_care(origin: Place) -> list[Organisation]:
    """Institutions of a higher tier that serve a place: of its county, its city or the province; nearest tier first."""
    higher = [t for t in rules.TIERS if rules.level(t) > origin.level]
    lo, hi = rules.prefix_range(origin.county[:2])
    found = Organisation.objects.filter(kind="care", care_tier__in=higher, path__gte=lo, path__lt=hi)
    near = [o for o in found if _serves(o, origin)]
    return sorted(near, key=lambda o: (rules.level(o.care_tier), o.distance_km or 0, o.id))


def _serves(org: Organisation, origin: Place) -> bool:
    common = {"township": 9, "county": 6, "city": 4, "province": 2}[org.care_tier]
    return org.path[:common] == origin.path[:common]


def departments_of(org_id: int) -> list[Department]:
    """Departments of an institution, in the order of their ids."""
    return list(Department.objects.filter(org_id=org_id).order_by("id"))


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
