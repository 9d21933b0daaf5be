"""The only reads of this room offered to others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, Model, Q, QuerySet
from django.db.models.functions import Left

from fenji.ground.access.actions import Seat
from fenji.ground.access.rules import HOUSE_ACCOUNT, SECURITY_ADMIN, Actor
from fenji.ground.common.clock import SHANGHAI
from fenji.ground.common.memo import Known, remembered
from fenji.ground.common.prepared import prepared
from fenji.ground.common.refusal import Unknown
from fenji.ground.common.rows import one
from fenji.ground.common.units import COUNTY_CODE_LENGTH, REGION_PREFIXES
from fenji.ground.network import rules
from fenji.ground.network.models import (
    Department,
    Directions,
    DutyShift,
    ForceMember,
    Membership,
    NamedList,
    NamedListEntry,
    Organisation,
    OrganisationVersion,
    Post,
    PractitionerRole,
    RegionName,
    Relation,
    TitleHeld,
)
from fenji.ground.policy import queries as policy


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


_SEEN: Known[int, Organisation] = Known()


@prepared
def _numbered(org_ids: list[int]) -> QuerySet[Organisation]:
    return Organisation.objects.filter(pk__among=org_ids)


def _by_id(org_ids: Iterable[int]) -> dict[int, Organisation]:
    """Organisations by id; those that this page has come by are not read again."""
    wanted = set(org_ids)
    found = _SEEN.get(wanted)
    if left := wanted - set(found):
        read = {o.id: o for o in _numbered(list(left))}
        _SEEN.keep(read)
        found |= read
    return found


def place_of(org_id: int, using: str = "default") -> Place:
    """An institution by id. Raises Unknown."""
    org = _by_id([org_id]).get(org_id) if using == "default" else one(Organisation.objects.using(using).filter(pk=org_id))
    if org is None:
        raise Unknown(what="organisation")
    return place(org)


def attach_organisations(row: Model, *names: str) -> None:
    """Read the organisations that a row's foreign keys of these names point to, in one statement."""
    ids = {name: getattr(row, f"{name}_id") for name in names}
    found = _by_id(i for i in ids.values() if i is not None)
    for name, org_id in ids.items():
        setattr(row, name, found[org_id] if org_id is not None else None)


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


def places_of(org_ids: Iterable[int]) -> list[Place]:
    """Organisations by id, by place."""
    return [place(o) for o in sorted(_by_id(org_ids).values(), key=lambda o: o.path)]


def care_within(prefix: str) -> list[Place]:
    """Present institutions of care whose path begins with `prefix` ("35" the province, "350405" a county), by place."""
    return [place(o) for o in organisations_within(prefix, kinds=("care",))]


def care_names() -> list[tuple[int, str, str, str]]:
    """(id, name, tier, path) of all present institutions of care, for searching through names."""
    return list(Organisation.objects.filter(kind="care", end=None).values_list("id", "name", "care_tier", "path"))


def care_counties() -> list[str]:
    """Codes of the counties in which there is an institution of care, ascending."""
    found = Organisation.objects.filter(kind="care", end=None).annotate(county=Left("path", COUNTY_CODE_LENGTH))
    return sorted(found.values_list("county", flat=True).distinct())


def led_members(org_id: int, on: date) -> list[Place]:
    """The members of all alliances that an organisation leads on a day, without itself, by place."""
    led = Membership.objects.filter(in_force(on), org_id=org_id, role="lead").values("alliance")
    joined = Membership.objects.filter(in_force(on), alliance__in=led).exclude(org_id=org_id)
    return places_of(joined.values_list("org_id", flat=True))


def leads(org_id: int, member_id: int, on: date) -> bool:
    """True when `org_id` leads the county community that `member_id` belongs to on a day."""
    lead = alliance_lead(member_id, on)
    return lead is not None and lead.id == org_id


@dataclass(frozen=True, slots=True)
class Contact:
    """How an institution is reached, as far as it is on record; `end`: the day from which it exists no more."""

    address: str
    phone: str
    hours: str
    longitude: Decimal | None
    latitude: Decimal | None
    end: date | None


def directions_of(org_id: int) -> Directions:
    """How patients get to an institution; empty fields where it has not said so yet."""
    return one(Directions.objects.filter(pk=org_id)) or Directions(org_id=org_id, version=0)


def contact_of(org_id: int) -> Contact:
    """How an institution is reached. Raises Unknown."""
    fields = Organisation.objects.filter(pk=org_id).values_list("address", "phone", "hours", "longitude", "latitude", "end").first()
    if fields is None:
        raise Unknown(what="organisation")
    return Contact(*fields)


@prepared
def _leads(org_id: int, on: date, *, using: str) -> QuerySet[Membership]:
    held = Membership.objects.using(using).filter(in_force(on))
    mine = held.filter(org_id=org_id, alliance__kind="county_community")
    return held.filter(role="lead", alliance__in=mine.values("alliance")).select_related("org")[:1]


def alliance_lead(org_id: int, on: date, using: str = "default") -> Organisation | None:
    """The lead of the county community an institution belongs to on a day; None when it belongs to none."""
    return next((m.org for m in _leads(org_id, on, using=using)), None)


def health_authority(origin: Place) -> Organisation | None:
    """The health authority an institution answers to: its county's, or else its city's; None when neither is registered."""
    stems = (origin.county, origin.county[: REGION_PREFIXES["city"]])
    agencies = Organisation.objects.filter(kind="agency", agency_kind="health", end=None)
    for stem in stems:
        found = agencies.filter(path__starts=stem.ljust(rules.REGION_CODE_WIDTH, "0")).order_by("path").first()
        if found is not None:
            return found
    return None


def communities_within(prefix: str, on: date) -> list[Membership]:
    """County communities on a day whose lead lies below `prefix`, by place: the lead's membership of each."""
    led = Membership.objects.filter(in_force(on), role="lead", alliance__kind="county_community", org__path__starts=prefix)
    return list(led.select_related("org").order_by("org__path"))


@prepared
def _higher(lo: str, hi: str, *, tiers: tuple[str, ...]) -> QuerySet[Organisation]:
    return Organisation.objects.filter(kind="care", care_tier__in=tiers, path__gte=lo, path__lt=hi, end=None)


@remembered
def higher_care(origin: Place) -> list[Organisation]:
    """Institutions of a higher tier that serve a place: of its county, its city or the province; nearest tier first."""
    higher = tuple(t for t in rules.TIERS if rules.level(t) > origin.level)
    near = [o for o in _higher(*rules.prefix_range(origin.county[:2]), tiers=higher) if _serves(o, origin)]
    _SEEN.keep({o.id: o for o in near})
    return sorted(near, key=lambda o: (rules.level(o.care_tier), o.distance_km or 0, o.id))


def _serves(org: Organisation, origin: Place) -> bool:
    common = REGION_PREFIXES[org.care_tier]
    return org.path[:common] == origin.path[:common]


def departments_of(org_id: int, on: date | None = None) -> list[Department]:
    """Departments of an institution at present or on a day, in the order of their ids."""
    held = Q(end=None) if on is None else (Q(start=None) | Q(start__lte=on)) & (Q(end=None) | Q(end__gt=on))
    return list(Department.objects.filter(held, org_id=org_id).order_by("id"))


def posts_of(account_id: UUID, at: datetime) -> list[Post]:
    """Posts an account holds at an instant. Read through the door connection: nobody is signed in yet."""
    held = Post.objects.using("door").filter(account_id=account_id, start__lte=at)
    return list(held.filter(Q(end=None) | Q(end__gt=at)).select_related("org__region").order_by("start", "id"))


def holders_of(org_id: int, role: str, at: datetime) -> list[UUID]:
    """Accounts that hold a role at an institution at an instant."""
    held = Post.objects.filter(org_id=org_id, role=role, start__lte=at).filter(Q(end=None) | Q(end__gt=at))
    return list(held.order_by("start", "id").values_list("account_id", flat=True))


def seat_of(post: Post) -> Seat:
    """What a session in this post reaches."""
    org = post.org
    code = org.path[: rules.REGION_CODE_WIDTH]
    if org.care_tier == "township":
        code = code[:9]
    scope = rules.scope_of(post.role, org.kind, org.care_tier, org.region.kind, code, org.id)
    return Seat(post.id, post.role, org.id, org.name, scope, post.end)


def watchers(path: str, at: datetime) -> list[int]:
    """Ids of the organisations whose security administrators watch over a place: the nearest that reach it; none may do so."""
    held = Post.objects.filter(Q(end=None) | Q(end__gt=at), role=SECURITY_ADMIN, start__lte=at).select_related("org__region")
    reaches = {post.org_id: seat_of(post).scope.reach for post in held}
    near = {org_id: len(reach) for org_id, reach in reaches.items() if reach and path.startswith(reach)}
    return sorted(org_id for org_id, width in near.items() if width == max(near.values()))


def region_id(code: str, using: str = "default") -> int:
    """Permanent id of the region that has this code at present. Raises RegionName.DoesNotExist."""
    return RegionName.objects.using(using).get(code=code, end=None).region_id


def region_names(codes: Iterable[str]) -> dict[str, str]:
    """Names of present regions by policy code: 35, 350400, 350405. Codes that nothing has are left out."""
    full = {code.ljust(COUNTY_CODE_LENGTH, "0"): code for code in codes}
    rows = RegionName.objects.filter(code__in=full, end=None).values_list("code", "name")
    return {full[code]: name for code, name in rows}


def regions_below(code: str, kinds: Iterable[str], using: str = "default") -> list[tuple[int, str, str, str]]:
    """(id, code, name, kind) of the present regions whose code begins with `code`, by code."""
    lo, hi = rules.prefix_range(code)
    rows = RegionName.objects.using(using).filter(code__gte=lo, code__lt=hi, end=None, region__kind__in=list(kinds))
    return [(r.region_id, r.code, r.name, r.region.kind) for r in rows.select_related("region").order_by("code")]


def register_within(reach: str, on: date) -> rules.Register:
    """What the registry held on a day in the regions whose codes begin with `reach`: particulars as they were then."""
    versions = OrganisationVersion.objects.filter(in_force(on), path__starts=reach).values_list(
        *("org_id", "name", "care_tier", "grade", "ownership", "development", "path")
    )
    kinds = {
        o.pk: o for o in Organisation.objects.filter(path__starts=reach).only("kind", "agency_kind", "force_kind", "parent_id")
    }
    orgs = {v[0]: _org_view(v, kinds[v[0]]) for v in versions if v[0] in kinds}
    seats = ForceMember.objects.filter(in_force(on), org_id__in=orgs).values_list("org_id", "role")
    ties = Relation.objects.filter(in_force(on), kind__in=("partnership", "agreement")).values_list("source_id", "target_id")
    partners = frozenset((a, b) for a, b in ties if a in orgs or b in orgs)
    return rules.Register(
        counties=_named_regions(reach, ("county",), on),
        towns=_named_regions(reach, ("town", "township", "street"), on),
        orgs=(*orgs.values(), *_elsewhere({o for pair in partners for o in pair if o not in orgs}, on)),
        alliances=_alliance_views(orgs, on),
        seats=frozenset(seats),
        partners=partners,
        lists=_list_sizes(on),
        referral_posts=_referral_posts(orgs, on),
    )


def _referral_posts(orgs: Iterable[int], on: date) -> frozenset[tuple[int, str, UUID]]:
    """Who held which role where at some time of the day."""
    begins = datetime.combine(on, time.min, SHANGHAI)
    held = Post.objects.filter(Q(end=None) | Q(end__gt=begins), org_id__in=list(orgs), role__in=rules.REFERRAL_ROLES)
    held = held.filter(start__lt=begins + timedelta(days=1))
    return frozenset(held.values_list("org_id", "role", "account_id"))


def _org_view(version: tuple[Any, ...], org: Organisation) -> rules.OrgView:
    number, name, tier, grade, ownership, development, path = version
    place = path[: rules.REGION_CODE_WIDTH]
    return rules.OrgView(
        number, name, org.kind, org.agency_kind, org.force_kind, tier, grade, ownership, development, place, org.parent_id
    )


def _named_regions(reach: str, kinds: tuple[str, ...], on: date) -> tuple[tuple[str, str], ...]:
    rows = RegionName.objects.filter(in_force(on), code__starts=reach, region__kind__in=kinds).order_by("code")
    return tuple(rows.values_list("code", "name"))


def _elsewhere(ids: Iterable[int], on: date) -> list[rules.OrgView]:
    rows = OrganisationVersion.objects.filter(in_force(on), org_id__in=set(ids)).select_related("org")
    return [_org_view((v.org_id, v.name, v.care_tier, v.grade, v.ownership, v.development, v.path), v.org) for v in rows]


def _alliance_views(orgs: dict[int, rules.OrgView], on: date) -> tuple[rules.AllianceView, ...]:
    """Alliances with a member here, each with its lead wherever that is."""
    here = Membership.objects.filter(in_force(on), org_id__in=orgs).values("alliance_id")
    rows = list(Membership.objects.filter(in_force(on), alliance__in=here).select_related("alliance"))
    far = {v.id: v for v in _elsewhere([m.org_id for m in rows if m.role == "lead" and m.org_id not in orgs], on)}
    views = []
    for number in sorted({m.alliance_id for m in rows}):
        mine = [m for m in rows if m.alliance_id == number]
        alliance = mine[0].alliance
        lead = next((orgs.get(m.org_id) or far.get(m.org_id) for m in mine if m.role == "lead"), None)
        members = frozenset(m.org_id for m in mine)
        views.append(rules.AllianceView(number, alliance.name, alliance.kind, frozenset(alliance.unified), lead, members))
    return tuple(views)


def _list_sizes(on: date) -> tuple[tuple[str, str, int | None, int], ...]:
    counted = NamedListEntry.objects.filter(in_force(on)).values("list_id").annotate(n=Count("id"))
    held = {row["list_id"]: row["n"] for row in counted}
    return tuple((one.clause_id, one.name_zh, one.expected, held.get(one.code, 0)) for one in NamedList.objects.order_by("code"))


Missing = Callable[[rules.Register, date], list[rules.Gap]]
_MISSING: list[Missing] = []


def also_missing(find: Missing) -> None:
    """Have `find(register, day)` look for what rooms above keep and clauses want. Called at start-up by `texts.register_gaps`."""
    _MISSING.append(find)


def gaps_within(reach: str, on: date) -> list[rules.Gap]:
    """What the registry misses in a region on a day, by the clauses that bind there then."""
    if not reach:
        return []
    try:
        # for a wider region than a city the platform's numbers; a city's document binds from the city down
        path = ("35", *(f"{reach[:n]:0<6}" for n in (4, COUNTY_CODE_LENGTH) if len(reach) >= n))
        wanted = policy.resolve(rules.NetworkPolicy, path, on)
    except policy.PackError:  # before the first document nothing was wanted
        return []
    register = register_within(reach, on)
    found = [*rules.gaps(register, wanted), *(gap for find in _MISSING for gap in find(register, on))]
    return sorted((g for g in found if _binds(g, reach, on)), key=lambda g: (g.clause_id, g.place, g.name))


def _binds(gap: rules.Gap, reach: str, on: date) -> bool:
    clause = policy.clause(gap.clause_id)
    if clause is None or on < clause.start:
        return False
    region = clause.region.rstrip("0")
    return (gap.place or reach).startswith(region) or (not gap.place and region.startswith(reach))
