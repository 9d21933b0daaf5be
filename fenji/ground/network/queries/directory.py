"""What the pages of institutions, alliances and regions read: lists, finding by name or code, history."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Q, QuerySet

from fenji.ground.access.rules import Actor
from fenji.ground.common.refusal import Unknown
from fenji.ground.common.rows import one
from fenji.ground.common.text import half_width, has_hidden_characters
from fenji.ground.common.units import COUNTY_CODE_LENGTH, REGION_CODE_WIDTH
from fenji.ground.network import rules
from fenji.ground.network.models import (
    Alliance,
    Department,
    Membership,
    NamedList,
    NamedListEntry,
    Organisation,
    OrganisationVersion,
    Post,
    PractitionerRole,
    RegionName,
    RegionSuccession,
    Relation,
    Specialty,
    Succession,
)
from fenji.ground.network.queries import departments_of, in_force

SUGGESTED = 12
_CITY, _TOWN = 4, 9
_CODE_WIDTHS = (COUNTY_CODE_LENGTH, _TOWN, REGION_CODE_WIDTH)
_NUMBERED = re.compile(r"#(\d{1,9})$", re.ASCII)


def directory(under: str, *, text: str = "", kind: str = "", tier: str = "", ended: bool = False) -> QuerySet[Organisation]:
    """Organisations whose place begins with `under`, by place. `text`: part of the name, or the code; `ended`: those too."""
    found = Organisation.objects.filter(path__starts=under)
    if not ended:
        found = found.filter(end=None)
    if kind:
        found = found.filter(kind=kind)
    if tier:
        found = found.filter(care_tier=tier)
    if has_hidden_characters(text):
        return found.none()
    if text:
        found = found.filter(Q(name__contains=text) | Q(code=half_width(text)))
    return found.order_by("path")


def organisation(org_id: int) -> Organisation:
    """One organisation, present or ended. Raises Unknown."""
    found = one(Organisation.objects.filter(pk=org_id).select_related("parent"))
    if found is None:
        raise Unknown(what="organisation")
    return found


def parts_of(org_id: int) -> list[Organisation]:
    """Campuses of a hospital, task forces of an agency: present organisations that belong to this one."""
    return list(Organisation.objects.filter(parent_id=org_id, end=None).order_by("path"))


def find_organisation(typed: str) -> Organisation | None:
    """The present organisation that is meant: `name #17` as suggestions write it, a code, a whole name, or what only one has."""
    text = typed.strip()
    if not text or has_hidden_characters(text):
        return None
    present = Organisation.objects.filter(end=None)
    numbered = _NUMBERED.search(text)
    if numbered:
        return present.filter(pk=int(numbered[1])).first()
    for condition in (Q(code=half_width(text)), Q(name=text), Q(name__contains=text)):
        found = list(present.filter(condition)[:2])
        if found:
            return found[0] if len(found) == 1 else None
    return None


def suggest_organisations(typed: str) -> list[Organisation]:
    """The first present organisations that fit what was typed so far, by place."""
    text = _NUMBERED.sub("", typed.strip()).strip()
    return list(directory("", text=text)[:SUGGESTED]) if text else []


def regions_of_reach(by: Actor) -> QuerySet[RegionName]:
    """Present regions that somebody administers, by code; none for those who administer an institution only."""
    found = RegionName.objects.filter(end=None).select_related("region").order_by("code")
    return found.filter(code__starts=by.reach) if by.reach and "/" not in by.reach else found.none()


def find_region(typed: str, by: Actor) -> RegionName | None:
    """The region within reach that is meant: its code, with or without the zeros that follow, or its whole name."""
    text = half_width(typed)
    code, _, _ = text.partition(" ")
    within = regions_of_reach(by)
    if code.isascii() and code.isdigit() and len(code) <= REGION_CODE_WIDTH:
        stem = code.rstrip("0")
        forms = {code, *(stem.ljust(w, "0") for w in _CODE_WIDTHS if len(stem) <= w)}
        found = {r.code: r for r in within.filter(code__in=forms)}
        return found.get(code) or next((found[f] for f in sorted(forms) if f in found), None)
    if not text or has_hidden_characters(text):
        return None
    named = list(within.filter(name=text)[:2])
    return named[0] if len(named) == 1 else None


def suggest_regions(typed: str, by: Actor) -> list[RegionName]:
    """The first regions within reach that fit what was typed so far."""
    text = half_width(typed)
    if not text or has_hidden_characters(text):
        return []
    condition = Q(code__starts=text) if text.isascii() and text.isdigit() else Q(name__contains=text)
    return list(regions_of_reach(by).filter(condition)[:SUGGESTED])


def region_codes(region_ids: Iterable[int]) -> dict[int, str]:
    """The present codes of regions, at the width of a path, by id."""
    rows = RegionName.objects.filter(region_id__in=set(region_ids), end=None)
    return {region: code.ljust(REGION_CODE_WIDTH, "0") for region, code in rows.values_list("region_id", "code")}


def place_names(places: Iterable[str], on: date) -> dict[str, str]:
    """Region code, or a path that begins with one → the names it had on a day, county first: `沙县区 高桥镇`."""
    wanted = {place: _prefixes(place[:REGION_CODE_WIDTH]) for place in places}
    codes = {code for prefixes in wanted.values() for code in prefixes}
    names = _named_on(RegionName.objects.filter(code__in=codes), "code", on)
    return {place: " ".join(names[c] for c in prefixes if c in names) for place, prefixes in wanted.items()}


def _prefixes(code: str) -> list[str]:
    full = code.ljust(REGION_CODE_WIDTH, "0")
    return [full[:width] for width in _CODE_WIDTHS]


def _named_on(rows: QuerySet[RegionName], key: str, on: date) -> dict[Any, str]:
    return {known: row.name for known, row in _dated(rows, key, on).items()}


def _dated(rows: QuerySet[RegionName], key: str, on: date) -> dict[Any, RegionName]:
    # before the first dated row of a region its oldest is the best that is known
    oldest = {getattr(r, key): r for r in rows.order_by("-start")}
    return oldest | {getattr(r, key): r for r in rows.filter(in_force(on))}


def region_names(region_ids: Iterable[int], on: date) -> dict[int, str]:
    """Names of regions on a day."""
    return _named_on(RegionName.objects.filter(region_id__in=set(region_ids)), "region_id", on)


def regions_on(region_ids: Iterable[int], on: date) -> dict[int, tuple[str, str]]:
    """Code and name of regions on a day; of one that has none then, the oldest."""
    rows = RegionName.objects.filter(region_id__in=set(region_ids))
    return {region: (row.code, row.name) for region, row in _dated(rows, "region_id", on).items()}


def history(org_id: int) -> list[OrganisationVersion]:
    """The dated particulars of an organisation, oldest first."""
    return list(OrganisationVersion.objects.filter(org_id=org_id).order_by("start"))


def successions(org_id: int) -> list[Succession]:
    """What an organisation came out of and went into, by day."""
    found = Succession.objects.filter(Q(predecessor_id=org_id) | Q(successor_id=org_id))
    return list(found.select_related("predecessor", "successor").order_by("on", "id"))


def successor(org_id: int) -> Organisation | None:
    """What an organisation went into; None when into nothing."""
    row = Succession.objects.filter(predecessor_id=org_id, kind="merged").select_related("successor").first()
    return row.successor if row else None


def relations_of(org_id: int, on: date | None = None) -> list[Relation]:
    """Trusteeships, agreements and partnerships of an organisation, from whichever side: on a day, or all not ended."""
    found = Relation.objects.filter(Q(end=None) if on is None else in_force(on), Q(source_id=org_id) | Q(target_id=org_id))
    return list(found.select_related("source", "target").order_by("kind", "start", "id"))


def department(department_id: int) -> Department:
    """One department. Raises Unknown."""
    found = Department.objects.filter(pk=department_id).select_related("org").first()
    if found is None:
        raise Unknown(what="department")
    return found


@dataclass(frozen=True, slots=True)
class Along:
    """What goes along when an organisation ends or goes into another: numbers of present rows."""

    staff: int
    posts: int
    memberships: int
    departments: int
    relations: int


def goes_along(org_id: int) -> Along:
    """Count what hangs on an organisation at present. Residents and open cases are counted by the rooms that keep them."""
    return Along(
        PractitionerRole.objects.filter(org_id=org_id, end=None).count(),
        Post.objects.filter(org_id=org_id, end=None).count(),
        Membership.objects.filter(org_id=org_id, end=None).count(),
        len(departments_of(org_id)),
        Relation.objects.filter(Q(source_id=org_id) | Q(target_id=org_id), end=None).count(),
    )


def alliances(on: date, kind: str = "") -> QuerySet[Alliance]:
    """Alliances that stand on a day, each with its number of `members` then, by kind."""
    found = Alliance.objects.filter(Q(start=None) | Q(start__lte=on), Q(end=None) | Q(end__gt=on))
    if kind:
        found = found.filter(kind=kind)
    then = Q(membership__start__lte=on) & (Q(membership__end=None) | Q(membership__end__gt=on))
    return found.annotate(members=Count("membership", filter=then)).order_by("kind", "name")


def leads(alliance_ids: Iterable[int], on: date) -> dict[int, Organisation]:
    """The leads of alliances on a day."""
    rows = Membership.objects.filter(in_force(on), role="lead", alliance_id__in=list(alliance_ids)).select_related("org")
    return {m.alliance_id: m.org for m in rows}


def alliance(alliance_id: int) -> Alliance:
    """One alliance. Raises Unknown."""
    found = Alliance.objects.filter(pk=alliance_id).first()
    if found is None:
        raise Unknown(what="alliance")
    return found


@dataclass(frozen=True, slots=True)
class RegionNow:
    """A region with its present name and code; those that were merged away keep their last."""

    id: int
    kind: str
    parent_id: int | None
    code: str
    name: str
    ended: date | None
    version: int
    """Changes with every dated row: what a form must have seen."""

    @property
    def stem(self) -> str:
        """The digits that the codes of all regions below share."""
        return rules.significant(self.code, self.kind)


def region(region_id: int) -> RegionNow:
    """One region. Raises Unknown."""
    row = RegionName.objects.filter(region_id=region_id).select_related("region").order_by("-start").first()
    if row is None:
        raise Unknown(what="region")
    return _region(row)


def _region(row: RegionName) -> RegionNow:
    return RegionNow(row.region_id, row.region.kind, row.region.parent_id, row.code, row.name, row.end, row.pk)


def regions_in(region_id: int) -> list[RegionNow]:
    """Present regions one level below, by code."""
    rows = RegionName.objects.filter(region__parent_id=region_id, end=None).select_related("region").order_by("code")
    return [_region(r) for r in rows]


def region_rows(region_id: int) -> list[RegionName]:
    """The dated codes, names and parents of a region, oldest first."""
    return list(RegionName.objects.filter(region_id=region_id).order_by("start"))


def region_successions(region_id: int) -> list[RegionSuccession]:
    """What a region came out of and went into."""
    found = RegionSuccession.objects.filter(Q(predecessor_id=region_id) | Q(successor_id=region_id))
    return list(found.order_by("on", "id"))


def count_within(stem: str) -> int:
    """Present organisations in a region."""
    return Organisation.objects.filter(path__starts=stem, end=None).count()


def specialty_names() -> dict[str, Specialty]:
    """Every specialty by code, in the order of the list."""
    return {s.code: s for s in Specialty.objects.order_by("pk")}


def named_lists(on: date) -> QuerySet[NamedList]:
    """The lists that clauses count on, by clause, each with `held`: how many entries it has on a day."""
    then = Q(namedlistentry__start__lte=on) & (Q(namedlistentry__end=None) | Q(namedlistentry__end__gt=on))
    return NamedList.objects.annotate(held=Count("namedlistentry", filter=then)).order_by("clause_id", "code")


def named_list(code: str, on: date) -> NamedList:
    """One of them. Raises Unknown."""
    found = None if has_hidden_characters(code) else named_lists(on).filter(code=code).first()
    if found is None:
        raise Unknown(what="list")
    return found


def entries_of(code: str, on: date) -> QuerySet[NamedListEntry]:
    """What stands on a list on a day: institutions by place, then regions."""
    found = NamedListEntry.objects.filter(in_force(on), list_id=code).select_related("org")
    return found.order_by("org__path", "region_id", "id")
