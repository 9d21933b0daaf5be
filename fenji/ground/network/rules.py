"""Care tiers, paths and the scope of a post. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from fenji.ground.access.rules import CLINICAL, DESK, GOVERNING, REVIEWER, Scope
from fenji.ground.common.clock import SHANGHAI
from fenji.ground.common.refusal import Refused
from fenji.ground.common.units import (
    COUNTY_CODE_LENGTH,
    EARTH_RADIUS_KM,
    REGION_CODE_WIDTH,
    REGION_PREFIXES,
    TENTH,
    USCC_LENGTH,
    USCC_MODULUS,
    USCC_WEIGHT,
)

TIERS = ("village", "township", "county", "city", "province")
"""Care tiers, lowest first. "Up" means to a later one; grade (三甲 …) is another thing."""
PRIMARY = TIERS[:2]
ORGANISATION_KINDS = ("care", "agency", "task_force")
REGION_KINDS = ("province", "city", "county", "town", "township", "street", "zone", "village", "community")
AGENCY_KINDS = (
    *("health", "development_reform", "finance", "human_resources", "insurance", "education", "science", "staffing"),
    *("financial_supervision", "market_regulation", "civil_affairs", "disabled_persons", "digital"),
)
"""The kinds of government department that own tasks of the plan: every department the city's document names as responsible."""
FORCE_KINDS = ("leading_group", "secretariat", "task_force", "operations_committee", "management_committee")
FORCE_ROLES = ("head", "sanyi_leader", "deputy", "member", "secretary")
GRADES = ("3A", "3B", "3C", "3", "2A", "2B", "2C", "2", "1A", "1B", "1C", "1", "none")
"""Hospital grades: level and class (三级甲等 is 3A; a level alone: class not yet assessed)."""
AFFILIATIONS = ("central", "province", "city", "county", "township", "village", "other")
OWNERSHIPS = ("government", "public", "private")
"""Run by government (政府办), by another public body, or privately."""
DEVELOPMENTS = ("high_end", "specialised", "feature", "scarce", "third_party", "other")
"""Kinds of private provision that the city encourages (QZ-2-01d), or another."""
ALLIANCE_KINDS = ("county_community", "city_group", "specialty", "tele_network")
MEMBER_ROLES = ("lead", "central_branch", "branch", "member")
BRANCHES = ("central_branch", "branch")
RESOURCES = ("people", "money", "goods")
SUCCESSIONS = ("merged", "split", "continued")
RELATIONS = ("trusteeship", "agreement", "partnership")
CATEGORIES = ("physician", "nurse", "pharmacist", "technician", "village_doctor", "manager", "other")
TITLES = ("none", "junior", "intermediate", "deputy_senior", "senior")
"""Levels of professional titles, lowest first."""
ROLE_KINDS = ("employed", "sent_down", "multi_site")
REFERRAL_ROLES = (REVIEWER, DESK)
"""Roles whose holders review or manage referrals at an institution (SM-3-5e, QZ-2-11g)."""
DUTIES = ("referral_review", "referral_desk", "ward", "emergency", "on_call")
WS218 = re.compile(r"^[A-Z]\d{3}$")
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ARABIC_LEVEL = {"3": "tertiary", "2": "secondary", "1": "primary"}


def shift(day: date, begins: time, ends: time) -> tuple[datetime, datetime]:
    """When a duty shift of a day begins and ends; one that ends at or before the hour it began ends on the next day."""
    start, end = datetime.combine(day, begins, SHANGHAI), datetime.combine(day, ends, SHANGHAI)
    return start, end if end > start else end + timedelta(days=1)


def level(tier: str) -> int:
    """Rank of a care tier, 0 for village."""
    return TIERS.index(tier)


def is_hospital(tier: str) -> bool:
    """True above the primary tiers."""
    return tier not in ("", *PRIMARY)


def path_of(region_code: str, org_id: int, tier: str = "") -> str:
    """Fixed-width place of an organisation: `350405101000/00000017`. Rows carry it, so that one range covers a region.

    A hospital's is that of its county, whatever town it stands in: the health centre of the town reaches the rows of the town.
    """
    code = region_code[:COUNTY_CODE_LENGTH] if is_hospital(tier) else region_code
    return f"{code.ljust(REGION_CODE_WIDTH, '0')}/{org_id:08d}"


def prefix_range(prefix: str) -> tuple[str, str]:
    """The half-open range of all paths that begin with `prefix`."""
    return prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)


def significant(code: str, kind: str) -> str:
    """The digits of a region's code that the codes of all regions below share: 350400, a city → "3504"."""
    return code[: REGION_PREFIXES.get(kind, REGION_CODE_WIDTH)]


def reach_of(role: str, kind: str, region_kind: str, region_code: str, org_id: int) -> str:
    """The beginning of the paths that a governing role administers; empty for other roles.

    An agency governs its region (350400 → "3504"), an institution of care only itself.
    """
    if role not in GOVERNING:
        return ""
    if kind == "care":
        return path_of(region_code, org_id)
    return significant(region_code, region_kind)


def scope_of(role: str, kind: str, tier: str, region_kind: str, region_code: str, org_id: int) -> Scope:
    """What a post reaches.

    A primary institution reaches the rows of its township or village; a hospital those of its own; roles that are not clinical
    reach no row about a patient.
    """
    reach = reach_of(role, kind, region_kind, region_code, org_id)
    if role not in CLINICAL or kind != "care":
        return Scope((org_id,), "", "", reach)
    prefix = region_code if tier in PRIMARY else path_of(region_code, org_id)
    return Scope((org_id,), *prefix_range(prefix))


class NotAlliance(Refused):
    """A membership that this kind of alliance does not allow. detail: why."""

    code = "not_alliance"


class CannotMerge(Refused):
    """These organisations cannot become one. detail: why."""

    code = "cannot_merge"


def hospital_level(grade: str) -> str:
    """tertiary, secondary, primary, or empty for none."""
    return _ARABIC_LEVEL.get(grade[:1], "")


def is_three_a(grade: str) -> bool:
    """三级甲等 (QZ-2-09d counts no other)."""
    return grade == "3A"


def title_at_least(title: str, wanted: str) -> bool:
    """True when a title is `wanted` or higher."""
    return TITLES.index(title) >= TITLES.index(wanted)


def uscc_fits(code: str) -> bool:
    """GB 32100-2015: whether the check character of a unified social credit code fits. A few real codes from before 2016 do not."""
    if len(code) != USCC_LENGTH or any(c not in _USCC_ALPHABET for c in code):
        return False
    weight, total = 1, 0
    for character in code[:-1]:
        total += weight * _USCC_ALPHABET.index(character)
        weight = weight * USCC_WEIGHT % USCC_MODULUS
    return _USCC_ALPHABET[(USCC_MODULUS - total % USCC_MODULUS) % USCC_MODULUS] == code[-1]


@dataclass(frozen=True, slots=True)
class MemberView:
    """What the rules of alliances look at."""

    org_id: int
    kind: str
    tier: str
    grade: str
    ownership: str
    role: str
    start: date
    end: date | None

    def overlaps(self, other: MemberView) -> bool:
        """True when both are members on some day."""
        return (self.end is None or other.start < self.end) and (other.end is None or self.start < other.end)


def check_member(kind: str, new: MemberView, present: Iterable[MemberView]) -> None:
    """Whether an organisation may join an alliance of this kind beside its present members. Raises NotAlliance.

    One lead at a time; a specialty alliance or tele-network is led by a tertiary hospital (F64-2-3a), a county community by one of
    the second level or higher (F64-3-1c); a city group has public hospitals and community centres (QZ-2-08c); branches belong to
    county communities.
    """
    if new.kind != "care":
        raise NotAlliance(why="only_care")
    if new.role == "lead":
        _check_lead(kind, new, present)
    if new.role in BRANCHES and kind != "county_community":
        raise NotAlliance(why="branches")
    if kind == "city_group" and (new.ownership == "private" or new.tier == TIERS[0]):
        raise NotAlliance(why="public_members")


def _check_lead(kind: str, new: MemberView, present: Iterable[MemberView]) -> None:
    if any(m.role == "lead" and m.org_id != new.org_id and m.overlaps(new) for m in present):
        raise NotAlliance(why="second_lead")
    wanted = {"specialty": ("tertiary",), "tele_network": ("tertiary",)}.get(kind, ("tertiary", "secondary"))
    # a grade nobody entered yet is a gap to fill, not a refusal
    if new.grade and hospital_level(new.grade) not in wanted:
        raise NotAlliance(why="lead_level")


def check_merge(predecessor: tuple[str, date | None], successor: tuple[str, date | None]) -> None:
    """(kind, end) of both. Raises CannotMerge: both must exist and be of one kind."""
    if predecessor[0] != successor[0]:
        raise CannotMerge(why="kinds")
    if predecessor[1] is not None or successor[1] is not None:
        raise CannotMerge(why="ended")


def is_tight(unified: Collection[str], wanted: int) -> bool:
    """Whether a community runs enough of people, money and goods as one (F64-1-3a; 2 of 3 is not tight)."""
    return len(set(unified) & set(RESOURCES)) >= wanted


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """Parameters of the registry. Numbers of things unless the name says otherwise."""

    unified_resources: int
    review_officers: int
    referral_managers: int


@dataclass(frozen=True, slots=True)
class OrgView:
    """An organisation on the day that is looked at. `place`: its region's code."""

    id: int
    name: str
    kind: str
    agency_kind: str
    force_kind: str
    tier: str
    grade: str
    ownership: str
    development: str
    place: str
    parent_id: int | None


@dataclass(frozen=True, slots=True)
class AllianceView:
    """An alliance on the day: its lead (None: without), members by id, and which resources it runs as one."""

    id: int
    name: str
    kind: str
    unified: frozenset[str]
    lead: OrgView | None
    members: frozenset[int]


@dataclass(frozen=True, slots=True)
class Register:
    """What the registry held on a day. Codes of regions without the zeros at their end; `seats`: (group, role)."""

    counties: tuple[tuple[str, str], ...]
    towns: tuple[tuple[str, str], ...]
    orgs: tuple[OrgView, ...]
    alliances: tuple[AllianceView, ...]
    seats: frozenset[tuple[int, str]]
    partners: frozenset[tuple[int, int]]
    lists: tuple[tuple[str, str, int | None, int], ...]
    """Named lists: (clause, name, expected, held)."""
    referral_posts: frozenset[tuple[int, str, UUID]] = frozenset()
    """(organisation, role, account) of each person who reviews referrals or works at a referral desk."""


@dataclass(frozen=True, slots=True)
class Gap:
    """What a clause wants of the registry and does not find. `place`: code of the region it concerns."""

    clause_id: str
    code: str
    place: str
    name: str
    org_id: int | None = None


def gaps(register: Register, policy: NetworkPolicy) -> list[Gap]:
    """Everything the clauses of the registry miss, by clause and place. Which clauses bind at a place is for the caller."""
    found = [*_leadership(register), *_committees(register), *_alliances(register, policy)]
    found += [*_institutions(register), *_lists(register), *_referral_posts(register, policy)]
    return sorted(found, key=lambda g: (g.clause_id, g.place, g.name))


def _of_kind(register: Register, force_kind: str) -> list[OrgView]:
    return [o for o in register.orgs if o.force_kind == force_kind]


def _leadership(register: Register) -> list[Gap]:
    """SM-0-4: one leading group with a secretariat in each county. F64-1-1a: a head, and one leader for the three sectors."""
    found = []
    groups = _of_kind(register, "leading_group")
    offices = {o.parent_id for o in _of_kind(register, "secretariat")}
    for code, name in register.counties:
        mine = [g for g in groups if g.place.startswith(code)]
        if not mine:
            found.append(Gap("SM-0-4", "no_leading_group", code, name))
        found += [Gap("SM-0-4", "second_leading_group", code, g.name, g.id) for g in mine[1:]]
        found += [Gap("SM-0-4", "no_secretariat", code, g.name, g.id) for g in mine if g.id not in offices]
    for group in groups:
        for role, code in (("head", "no_head"), ("sanyi_leader", "no_sanyi_leader")):
            if (group.id, role) not in register.seats:
                found.append(Gap("F64-1-1a", code, group.place, group.name, group.id))
    return found


def _committees(register: Register) -> list[Gap]:
    """QZ-2-13a: an operations committee in each public hospital.

    XZ-4-1a: a task force with at least one member in each health authority, hospital and centre.
    """
    operated = {o.parent_id for o in _of_kind(register, "operations_committee")}
    seated = {org for org, _role in register.seats}
    forces = {o.parent_id for o in _of_kind(register, "task_force") if o.id in seated}
    found = []
    for org in register.orgs:
        hospital = org.kind == "care" and org.tier not in PRIMARY
        if hospital and org.ownership in ("government", "public") and org.id not in operated:
            found.append(Gap("QZ-2-13a", "no_operations_committee", org.place, org.name, org.id))
        concerned = hospital or org.agency_kind == "health" or org.tier == "township"
        if concerned and org.id not in forces:
            found.append(Gap("XZ-4-1a", "no_task_force", org.place, org.name, org.id))
    return found


def _alliances(register: Register, policy: NetworkPolicy) -> list[Gap]:
    found = []
    communities = [a for a in register.alliances if a.kind == "county_community"]
    supervised = {o.parent_id for o in _of_kind(register, "management_committee")}
    top = {o.id for o in register.orgs if is_three_a(o.grade)}
    top |= {a.lead.id for a in register.alliances if a.lead is not None and is_three_a(a.lead.grade)}
    for alliance in communities:
        if alliance.lead is None:
            found.append(Gap("F64-3-1c", "no_lead", "", alliance.name))
            continue
        place, lead = alliance.lead.place, alliance.lead
        if not _has_partner(alliance, register, top):
            found.append(Gap("QZ-2-09d", "no_three_a_partner", place, alliance.name, lead.id))
        if not is_tight(alliance.unified, policy.unified_resources):
            found.append(Gap("F64-1-3a", "not_tight", place, alliance.name, lead.id))
        if lead.id not in supervised:
            found.append(Gap("QZ-2-09b", "no_management_committee", place, alliance.name, lead.id))
    for code, name in register.counties:
        if not any(a.lead is not None and a.lead.place.startswith(code) for a in communities):
            found.append(Gap("F64-3-1c", "no_community", code, name))
    for alliance in register.alliances:
        if alliance.kind == "city_group" and alliance.lead is None:
            found.append(Gap("QZ-2-08a", "no_lead", "", alliance.name))
    return found


def _has_partner(community: AllianceView, register: Register, top: Collection[int]) -> bool:
    """QZ-2-09d: a partner of class 三甲, by agreement of the lead, or in another alliance that such a hospital leads."""
    lead = community.lead.id if community.lead else 0
    by_agreement = any(set(top) & {a, b} - {lead} for a, b in register.partners if lead in (a, b))
    others = [a for a in register.alliances if a.id != community.id and a.lead is not None and lead in a.members]
    return by_agreement or any(a.lead.id in top and a.lead.id != lead for a in others if a.lead is not None)


def _institutions(register: Register) -> list[Gap]:
    """QZ-2-01d: each private institution has a type of development. QZ-2-01b: each town has a primary institution."""
    found = [
        Gap("QZ-2-01d", "no_development", o.place, o.name, o.id)
        for o in register.orgs
        if o.kind == "care" and o.ownership == "private" and not o.development
    ]
    served = [o.place for o in register.orgs if o.tier == "township"]
    found += [
        Gap("QZ-2-01b", "town_without_institution", code, name)
        for code, name in register.towns
        if not any(p.startswith(code) for p in served)
    ]
    return found


def _referral_posts(register: Register, policy: NetworkPolicy) -> list[Gap]:
    """SM-3-5e: whoever reviews referrals, group or officer, full or part time. QZ-2-11g: who manages them, review or desk.

    Village clinics are not asked: what they send is reviewed and received by their centre.
    """
    reviewers = Counter(org for org, role, _who in register.referral_posts if role == REVIEWER)
    managers = Counter(org for org, _who in {(org, who) for org, _role, who in register.referral_posts})
    asked = [o for o in register.orgs if o.kind == "care" and o.tier and o.tier != TIERS[0]]
    found = [Gap("SM-3-5e", "no_referral_review", o.place, o.name, o.id) for o in asked if reviewers[o.id] < policy.review_officers]
    return found + [
        Gap("QZ-2-11g", "no_referral_manager", o.place, o.name, o.id) for o in asked if managers[o.id] < policy.referral_managers
    ]


def _lists(register: Register) -> list[Gap]:
    """Lists the texts give only a number for: fewer or more entries than named is shown."""
    return [
        Gap(clause, "list_short" if held < expected else "list_long", "", name)
        for clause, name, expected, held in register.lists
        if expected is not None and held != expected
    ]


# --- whom an institution takes, and how far it is --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Takes:
    """Whom an institution takes; both False: everybody. Both True: women and children."""

    women: bool = False
    children: bool = False


def great_circle_km(here: tuple[float, float], there: tuple[float, float]) -> Decimal:
    """Distance of two points (longitude, latitude in degrees) on a sphere, in kilometres with one decimal place."""
    (lon1, lat1), (lon2, lat2) = (tuple(map(math.radians, p)) for p in (here, there))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return Decimal(2 * EARTH_RADIUS_KM * math.asin(math.sqrt(half))).quantize(TENTH)
