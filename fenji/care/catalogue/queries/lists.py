"""The versions of the lists: which is in force, what it holds, how two differ, what the policy asks of one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Max, OuterRef, Q, QuerySet, Subquery

from fenji.care.catalogue import rules
from fenji.care.catalogue.models import (
    ENTRIES,
    DiseaseEntry,
    DownEntry,
    Entry,
    GuideEntry,
    ItemEntry,
    ListVersion,
    TechniqueEntry,
)
from fenji.ground.common.prepared import prepared
from fenji.ground.common.refusal import Unknown
from fenji.ground.common.units import REGION_PREFIXES
from fenji.ground.network.models import Organisation, Specialty
from fenji.ground.network.queries import (
    Place,
    alliances_of,
    branch_specialties,
    communities_within,
    place_of,
    public_primary,
)
from fenji.ground.network.queries.people import community_lead
from fenji.ground.policy.queries import resolve, sources

_CENTRAL_CENTRE = "C210"
"""WS 218: 中心卫生院."""
_CITY, _TOWNSHIP = REGION_PREFIXES["city"], REGION_PREFIXES["township"]


def _in_force(on: date, prefix: str = "") -> Q:
    start, end = f"{prefix}start", f"{prefix}end"
    return Q(**{f"{prefix}state": rules.PUBLISHED, f"{start}__lte": on}) & (Q(**{end: None}) | Q(**{f"{end}__gt": on}))


_ORDER = {
    DiseaseEntry: ("code", "group"),
    DownEntry: ("code", "group", "phase"),
    ItemEntry: ("code",),
    TechniqueEntry: ("code",),
    GuideEntry: ("code", "group", "document"),
}


# --- where a disease stands --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listing:
    """Where a disease group stands on a day for one institution, and the versions that say so.

    `in_catalogue`: on the community's first-contact catalogue, `level` being the lowest that can treat it. `treatable_here`: on the
    institution's own list. `treatable_nearby`: on that of another public primary institution of the township, and not here.
    """

    in_catalogue: bool
    treatable_here: bool
    treatable_nearby: bool = False
    level: str = ""
    catalogue_id: int | None = None
    treatable_id: int | None = None


def in_force(kind: str, org_id: int, on: date, using: str = "default") -> ListVersion | None:
    """The version of a list that is in force on a day; None when there is none."""
    return ListVersion.objects.using(using).filter(_in_force(on), kind=kind, org_id=org_id).first()


@prepared
def _both_lists(
    group: str, org_id: int, lead_id: int | None, on: date, *, led: bool
) -> QuerySet[ListVersion, tuple[str, int, str | None]]:
    theirs = Q(kind=rules.TREATABLE, org_id=org_id)
    if led:
        theirs |= Q(kind=rules.FIRST_CONTACT, org_id=lead_id)
    return ListVersion.objects.filter(_in_force(on), theirs).annotate(level=_level_of(group)).values_list("kind", "id", "level")


def _looked_up(group: str, org_id: int, lead_id: int | None, on: date) -> dict[str, tuple[int, str | None]]:
    """By kind of list the id of the version in force, and the level of its entry for a group, None for none: the community's
    catalogue and the institution's own list. One read: every referral asks."""
    found = _both_lists(group, org_id, lead_id, on, led=lead_id is not None)
    return {kind: (list_id, level) for kind, list_id, level in found}


def listing(group: str, org_id: int, on: date) -> Listing:
    """Look a disease group up for one institution on a day (SM-3-2b: judged by the version in force that day)."""
    lead = community_lead(org_id, on)
    found = _looked_up(group, org_id, lead.id if lead else None, on)
    catalogue_id, level = found.get(rules.FIRST_CONTACT, (None, None))
    treatable_id, own = found.get(rules.TREATABLE, (None, None))
    return Listing(
        in_catalogue=level is not None,
        treatable_here=own is not None,
        treatable_nearby=level is not None and own is None and treated_nearby(group, place_of(org_id), on),
        level=level or "",
        catalogue_id=catalogue_id,
        treatable_id=treatable_id,
    )


def _level_of(group: str) -> Subquery:
    return Subquery(DiseaseEntry.objects.filter(list=OuterRef("pk"), group=group).values("level")[:1])


@prepared
def _own_lists(group: str, org_ids: list[int], on: date) -> QuerySet[ListVersion, tuple[int, str | None]]:
    found = ListVersion.objects.filter(_in_force(on), kind=rules.TREATABLE, org_id__among=org_ids).annotate(level=_level_of(group))
    return found.values_list("org_id", "level")


def on_their_lists(group: str, org_ids: Collection[int], on: date) -> dict[int, bool]:
    """Of institutions with a list of what they treat in force on a day: whether a disease group is on it."""
    return {org: level is not None for org, level in _own_lists(group, list(org_ids), on)}


def treated_nearby(group: str, where: Place, on: date) -> bool:
    """True when another public primary institution of the same township has a disease group on its own list that day (SM-3-4b)."""
    near = public_primary(where.path[:_TOWNSHIP]).exclude(pk=where.id)
    found = DiseaseEntry.objects.filter(_in_force(on, "list__"), list__kind=rules.TREATABLE, group=group)
    return found.filter(list__org__in=near).exists()


def suggested_down(groups: Collection[str], org_id: int, on: date) -> dict[str, list[DownEntry]]:
    """By disease group the entries, in the order of their phases, by which it may be suggested for down-referral in the community
    of an institution: those whose criteria and guide are both written (SM-3-6b). Groups without any are missing."""
    lead = community_lead(org_id, on)
    version = in_force(rules.DOWN, lead.id, on) if lead else None
    if version is None or lead is None:
        return {}
    policy, _ = policy_at(place_of(lead.id), on)
    found: dict[str, list[DownEntry]] = {}
    for entry in DownEntry.objects.filter(list=version, group__in=groups).order_by("group", "phase"):
        if not rules.blocked_from_suggestion(_down(entry), policy):
            found.setdefault(entry.group, []).append(entry)
    return found


def is_devolved(code: str, path: str, on: date) -> bool:
    """True when primary institutions of the city that `path` lies in may charge a service item that day (SM-3-3a)."""
    found = ItemEntry.objects.filter(_in_force(on, "list__"), list__kind=rules.DEVOLVED, code=code)
    return found.filter(list__org__path__starts=path[:_CITY]).exists()


# --- versions ----------------------------------------------------------------------------------------------------------------


def owner_of(org_id: int, on: date) -> rules.Owner:
    """An organisation as a keeper of lists."""
    found = Organisation.objects.get(pk=org_id)
    return rules.Owner(found.kind, role_of(org_id, on) == "lead", found.agency_kind == "insurance")


def version(version_id: int, org_id: int) -> ListVersion:
    """A version: those that were published for everybody, the others for people of the keeper. Raises Unknown."""
    found = ListVersion.objects.select_related("org", "based_on").filter(pk=version_id).first()
    if found is None or (found.start is None and found.org_id != org_id):
        raise Unknown(what="list")
    return found


def open_version(kind: str, org_id: int, using: str = "default") -> ListVersion | None:
    """The version that is being worked on; None when there is none."""
    return ListVersion.objects.using(using).filter(kind=kind, org_id=org_id, state__in=rules.OPEN).first()


def latest_published(kind: str, org_id: int, using: str = "default") -> ListVersion | None:
    """The published version that begins last: the one in force, or one that is to come."""
    found = ListVersion.objects.using(using).filter(kind=kind, org_id=org_id, state=rules.PUBLISHED)
    return found.order_by("-start").first()


def next_number(kind: str, org_id: int, using: str = "default") -> int:
    """The number a new version gets."""
    taken = ListVersion.objects.using(using).filter(kind=kind, org_id=org_id).aggregate(last=Max("number"))
    return (taken["last"] or 0) + 1


def history(kind: str, org_id: int) -> list[ListVersion]:
    """Versions that were published, newest first."""
    return list(ListVersion.objects.filter(kind=kind, org_id=org_id, start__isnull=False).order_by("-number"))


# --- entries -----------------------------------------------------------------------------------------------------------------


def entries(found: ListVersion, using: str = "default") -> list[Entry]:
    """What a version holds, in the order of its pages."""
    model = ENTRIES[found.kind]
    return list(model.objects.using(using).filter(list=found).order_by(*_ORDER[model]))


def size(found: ListVersion) -> int:
    """How many entries a version holds."""
    return ENTRIES[found.kind].objects.filter(list=found).count()


def entry(found: ListVersion, entry_id: int) -> Entry:
    """One entry of a version. Raises Unknown."""
    one = ENTRIES[found.kind].objects.filter(list=found, pk=entry_id).first()
    if one is None:
        raise Unknown(what="entry")
    return one


def key_of(one: Entry) -> rules.Key:
    """What tells an entry apart from the others of its version."""
    return tuple(getattr(one, name) for name in one.key)


def values_of(one: Entry) -> dict[str, Any]:
    """What an entry says: all its fields but where it stands."""
    return {f.name: getattr(one, f.name) for f in one._meta.concrete_fields if f.name not in ("id", "list", "removed")}


def contents(found: Sequence[Entry]) -> dict[rules.Key, dict[str, Any]]:
    """Entries by key, as `rules.diff` compares them."""
    return {key_of(e): values_of(e) for e in found}


def changes(found: ListVersion) -> rules.Diff[dict[str, Any]]:
    """What a version changes of the one it is based on; everything is added in a first one."""
    before = contents(entries(found.based_on)) if found.based_on else {}
    return rules.diff(before, contents(entries(found)))


def levels_of(found: ListVersion) -> dict[str, str]:
    """Disease group → lowest level, of a first-contact catalogue."""
    return dict(DiseaseEntry.objects.filter(list=found).exclude(level="").values_list("group", "level"))


def moved_down(found: ListVersion) -> tuple[str, ...]:
    """Groups that a lower level treats since this version of a first-contact catalogue (SM-3-2c)."""
    if found.kind != rules.FIRST_CONTACT or found.based_on is None:
        return ()
    return rules.moved_down(levels_of(found.based_on), levels_of(found))


# --- against the policy ------------------------------------------------------------------------------------------------------


def policy_at(where: Place, on: date) -> tuple[rules.CataloguePolicy, dict[str, str]]:
    """The policy of lists at a place on a day, and the clause of each of its fields."""
    policy = resolve(rules.CataloguePolicy, where.policy_path, on)
    return policy, {n: p.clause_id for n, p in sources(rules.CataloguePolicy, where.policy_path, on).items()}


def is_central(org: Organisation, role: str) -> bool:
    """True for the central township centres and the community hospitals of a community, of which SM-3-2d asks more than SM-3-2e:
    central branches, and whoever is registered as 中心卫生院."""
    return role == "central_branch" or org.ws218 == _CENTRAL_CENTRE


def role_of(org_id: int, on: date) -> str:
    """What an institution is in its county community; empty when it belongs to none."""
    return next((m.role for m in alliances_of(org_id, on) if m.alliance.kind == "county_community"), "")


def posted_specialties(prefix: str, on: date) -> frozenset[str]:
    """Specialties with somebody at a branch, of all county communities below a place, on a day."""
    return frozenset[str]().union(*(branch_specialties(m.alliance_id, on) for m in communities_within(prefix, on)))


def specialty_names() -> dict[str, tuple[str, str]]:
    """Code → (Chinese, English) name of the specialties the network knows."""
    return {s.code: (s.name_zh, s.name_en) for s in Specialty.objects.order_by("code")}


def catalogue_groups(prefix: str, on: date) -> frozenset[str]:
    """Disease groups on the first-contact catalogues in force below a place."""
    found = DiseaseEntry.objects.filter(_in_force(on, "list__"), list__kind=rules.FIRST_CONTACT)
    return frozenset(found.filter(list__org__path__starts=prefix).values_list("group", flat=True))


def missing_focus(found: ListVersion, on: date) -> tuple[str, ...]:
    """The focus diseases that a down-referral list does not name (SM-3-6a)."""
    policy, _ = policy_at(place_of(found.org_id), on)
    return rules.missing_focus(list(DownEntry.objects.filter(list=found).values_list("code", flat=True)), policy)


@dataclass(frozen=True, slots=True)
class Assessment:
    """A version held against the policy: counts, findings, and the clause of each field they name."""

    counts: tuple[rules.Count, ...]
    findings: tuple[rules.Finding, ...]
    clauses: Mapping[str, str]

    @property
    def refusing(self) -> tuple[rules.Finding, ...]:
        """What stands against submitting it."""
        return tuple(f for f in self.findings if f.refuses)


def assess(found: ListVersion, on: date) -> Assessment:
    """Hold a version against the policy of a day at its keeper's place."""
    where = place_of(found.org_id)
    policy, clauses = policy_at(where, on)
    held = entries(found)
    counts, findings = _ASSESS[found.kind](held, where, on, policy)
    empty = () if held else (rules.Finding("list_empty", refuses=True),)
    return Assessment(counts, (*empty, *(f for f in findings if f.subjects)), clauses)


Assessed = tuple[tuple[rules.Count, ...], Sequence[rules.Finding]]


def _down(e: DownEntry) -> rules.Down:
    return rules.Down(e.group, e.code, {"criteria": e.criteria_zh, "guide": e.guide_zh})


def _named(e: Any, parts: tuple[str, ...] = ()) -> rules.Subject:
    return rules.Subject(e.name_zh or getattr(e, "group", ""), e.name_en, parts)


def _first_contact(held: Sequence[Any], where: Place, on: date, policy: rules.CataloguePolicy) -> Assessed:
    unplaced = tuple(_named(e) for e in held if not e.level)
    uncoded = tuple(_named(e) for e in held if rules.code_fault(e.code, None))
    return (), (rules.Finding("without_level", True, unplaced), rules.Finding("without_code", True, uncoded))


def _treatable(held: Sequence[Any], where: Place, on: date, policy: rules.CataloguePolicy) -> Assessed:
    lead = community_lead(where.id, on)
    catalogue = in_force(rules.FIRST_CONTACT, lead.id, on) if lead else None
    beyond = rules.beyond_catalogue([e.group for e in held], levels_of(catalogue)) if catalogue else ()
    central = is_central(Organisation.objects.get(pk=where.id), role_of(where.id, on))
    count = rules.count_diseases((e.group for e in held), central=central, policy=policy)
    noted = tuple(_named(e) for e in held if e.group in beyond)
    return (count,) if where.tier == "township" else (), (rules.Finding("beyond_catalogue", False, noted),)


def _down_list(held: Sequence[Any], where: Place, on: date, policy: rules.CataloguePolicy) -> Assessed:
    missing = tuple(rules.Subject(span) for span in rules.missing_focus([e.code for e in held], policy))
    lacking = [(e, rules.blocked_from_suggestion(_down(e), policy)) for e in held]
    blocked = tuple(_named(e, parts) for e, parts in lacking if parts)
    return (), (
        rules.Finding("focus_missing", True, missing, "focus_diseases"),
        rules.Finding("not_suggested", False, blocked, "down_documents"),
    )


def _devolved(held: Sequence[Any], where: Place, on: date, policy: rules.CataloguePolicy) -> Assessed:
    city = where.path[:_CITY]
    items = [rules.Item(e.code, e.specialty, tuple(e.groups)) for e in held]
    review = set(rules.unlinked(items, catalogue_groups(city, on), posted_specialties(city, on)))
    unlinked = tuple(_named(e) for e in held if e.code in review)
    return (rules.count_items([e.code for e in held], policy),), (rules.Finding("unlinked", False, unlinked),)


def _own_techniques(held: Sequence[Any], where: Place, on: date, policy: rules.CataloguePolicy) -> Assessed:
    counts = rules.count_techniques([e.category_zh for e in held], promoted=False, policy=policy)
    return counts if where.tier == "township" else (), ()


def _promoted_techniques(held: Sequence[Any], where: Place, on: date, policy: rules.CataloguePolicy) -> Assessed:
    return rules.count_techniques([e.category_zh for e in held], promoted=True, policy=policy), ()


def _guides(held: Sequence[Any], where: Place, on: date, policy: rules.CataloguePolicy) -> Assessed:
    catalogue = in_force(rules.FIRST_CONTACT, where.id, on)
    diseases: dict[str, Any] = {e.group: e for e in entries(catalogue)} if catalogue else {}
    missing = rules.missing_documents(diseases, {(e.group, e.document) for e in held}, policy)
    lacking = tuple(_named(diseases[group], documents) for group, documents in missing.items())
    return (), (rules.Finding("documents_missing", False, lacking, "guide_documents"),)


_ASSESS = {
    rules.FIRST_CONTACT: _first_contact,
    rules.TREATABLE: _treatable,
    rules.DOWN: _down_list,
    rules.DEVOLVED: _devolved,
    rules.TECHNIQUE: _own_techniques,
    rules.PROMOTED: _promoted_techniques,
    rules.GUIDE: _guides,
}
