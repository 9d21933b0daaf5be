"""Institutions and their departments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from fenji.ground.access.actions import audit_all
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.imports import Column, Judgement, Row
from fenji.ground.network import actions, rules, texts
from fenji.ground.network.imports.base import BATCH, Findings, by_code, differs, governs, in_batches
from fenji.ground.network.models import Department, Organisation, RegionName, Specialty

_CODE_WIDTHS = (6, 9, 12)
_PLACE = ("address", "phone", "hours", "longitude", "latitude")
_EAST, _NORTH = (73, 136), (3, 54)


def _choices(words: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(words.items())


def regions_by_code(codes: set[str]) -> dict[str, RegionName]:
    """Present regions by code; a code may be written with the zeros that follow it."""
    stems = {c: c.rstrip("0") for c in codes if c}
    wanted = {stem.ljust(width, "0") for c, stem in stems.items() for width in _CODE_WIDTHS if len(stem) <= width} | codes
    found = {r.code: r for r in RegionName.objects.using("load").filter(code__in=wanted, end=None).select_related("region")}
    forms = {c: [c, *(stems[c].ljust(w, "0") for w in _CODE_WIDTHS if len(stems[c]) <= w)] for c in stems}
    return {c: next(found[f] for f in tried if f in found) for c, tried in forms.items() if any(f in found for f in tried)}


class Institutions:
    """Organisations by their own code: new ones are founded, present ones changed from the day given."""

    code = "institutions"
    title = _("Institutions")
    permission = "network.write"
    key = ("code",)
    columns = (
        Column(
            "code",
            _("Institution code"),
            required=True,
            longest=40,
            sample="PDY00001X350405",
            note=_("The registration number, or another code that stays. Later files name the institution by it."),
        ),
        Column("name", _("Name"), required=True, longest=100, sample="某某镇卫生院"),
        Column("kind", _("Kind"), "choice", choices=_choices(texts.KINDS), sample="care", note=_("Empty: institution of care.")),
        Column(
            "region",
            _("Region code"),
            required=True,
            longest=12,
            sample="350405101",
            note=_("Statistical division code of the place: 6 digits for a county, 9 for a township, 12 for a village."),
        ),
        Column("care_tier", _("Care tier"), "choice", choices=_choices(texts.TIERS), sample="township"),
        Column("grade", _("Grade"), "choice", choices=_choices(texts.GRADES), sample="1A"),
        Column("ws218", _("WS 218 class"), longest=4, sample="C220"),
        Column("affiliation", _("Affiliation"), "choice", choices=_choices(texts.AFFILIATIONS), sample="county"),
        Column("ownership", _("Ownership"), "choice", choices=_choices(texts.OWNERSHIPS), sample="government"),
        Column("integrated", _("Integrated village clinic"), "yes_no"),
        Column("development", _("Type of private development"), "choice", choices=_choices(texts.DEVELOPMENTS)),
        Column("agency_kind", _("Kind of agency"), "choice", choices=_choices(texts.AGENCY_KINDS)),
        Column("force_kind", _("Kind of task force"), "choice", choices=_choices(texts.FORCE_KINDS)),
        Column(
            "parent",
            _("Belongs to"),
            longest=40,
            note=_("Code of the main hospital of a campus, or of the institution or group a task force or secretariat belongs to."),
        ),
        Column("uscc", _("Unified social credit code"), longest=18),
        Column("address", _("Address"), longest=200),
        Column("phone", _("Phone for the public"), longest=40),
        Column("hours", _("Opening hours"), longest=100),
        Column("longitude", _("Longitude"), "decimal", note=_("Empty when unknown.")),
        Column("latitude", _("Latitude"), "decimal"),
        Column(
            "since",
            _("First day"),
            "date",
            sample="2022-03-01",
            note=_("New: the day it began. Changed: the day from which the change counts; empty: today."),
        ),
    )

    def judge(self, rows: Sequence[Row], *, by: Actor, at: datetime) -> Judgement:
        """See Listing."""
        found = Findings()
        present = by_code(r.values["code"] for r in rows)
        parents = by_code(r.values["parent"] for r in rows)
        named = {r.values["code"] for r in rows} | parents.keys()
        regions = regions_by_code({str(r.values["region"]) for r in rows})
        for row in rows:
            region = regions.get(str(row.values["region"]))
            if region is None:
                found.fault(row, "region", "no_region", given=str(row.values["region"]))
                continue
            org = present.get(row.values["code"])
            _check(row, org, found)
            if row.values["parent"] and row.values["parent"] not in named:
                found.fault(row, "parent", "no_org", given=row.values["parent"])
            if not governs(by, org.path if org else rules.path_of(region.code, 0)[: len(region.code)]):
                found.fault(row, "region", "not_yours")
            elif org is not None and org.region_id != region.region_id:
                found.fault(row, "region", "moved")
            found.outcomes[row.line] = _outcome(org, row, parents)
        return found.done()

    def write(self, rows: Sequence[Row], *, by: Actor, at: datetime, progress: Callable[[int], None]) -> list[dict[str, str]]:
        """See Listing."""
        present = by_code(r.values["code"] for r in rows)
        regions = regions_by_code({str(r.values["region"]) for r in rows})
        today = local_day(at)
        for batch in in_batches(rows, BATCH, progress):
            fresh = [r for r in batch if r.values["code"] not in present]
            numbers = actions.next_numbers(len(fresh), "load") if fresh else []
            built = [_built(r, n, regions[str(r.values["region"])], today) for r, n in zip(fresh, numbers, strict=True)]
            actions.enter(built, today, "load")
            audit_all([f"org:{o.id}" for o in built], by=by, at=at, action="organisation.found", using="load")
            for row in batch:
                if row.values["code"] in present:
                    _change(present[row.values["code"]], row, by, at)
        _give_parents(rows)
        return []


def _give_parents(rows: Sequence[Row]) -> None:
    """After all are there: a parent may stand below its child in the file."""
    wanted = {r.values["code"]: r.values["parent"] for r in rows if r.values["parent"]}
    known = by_code([*wanted, *wanted.values()])
    for code, parent in wanted.items():
        Organisation.objects.using("load").filter(pk=known[code].pk).update(parent=known[parent])


_TEXTS = ("uscc", "care_tier", "grade", "ws218", "affiliation", "ownership", "development")


def _facts(row: Row) -> dict[str, Any]:
    """The particulars a row says something about: what a file has no column for stays as it stands."""
    v = row.values
    said: dict[str, Any] = {"name": v["name"], "code": v["code"], **{f: v[f] or "" for f in _TEXTS if f in v}}
    return {**said, "integrated": bool(v["integrated"])} if "integrated" in v else said


def _place(row: Row) -> dict[str, Any]:
    v = row.values
    said: dict[str, Any] = {f: v[f] or "" for f in ("address", "phone", "hours") if f in v}
    for axis in ("longitude", "latitude"):
        if axis in v:
            said[axis] = Decimal(v[axis]).quantize(Decimal("0.000001")) if v[axis] is not None else None
    return said


def _check(row: Row, org: Organisation | None, found: Findings) -> None:
    v = row.values
    present = {f: getattr(org, f) if org else "" for f in _TEXTS}
    will = {**present, "integrated": org.integrated if org else False, **_facts(row)}
    kind = org.kind if org else v["kind"] or "care"
    if kind == "care" and not will["care_tier"]:
        found.fault(row, "care_tier", "needs_tier")
    if kind != "care" and (will["care_tier"] or will["grade"] or will["ownership"]):
        found.fault(row, "care_tier", "no_tier")
    if v["agency_kind"] and kind != "agency":
        found.fault(row, "agency_kind", "agency_only")
    if v["force_kind"] and kind != "task_force":
        found.fault(row, "force_kind", "force_only")
    if will["ws218"] and not rules.WS218.match(will["ws218"]):
        found.fault(row, "ws218", "ws218")
    if will["integrated"] and will["care_tier"] != "village":
        found.fault(row, "integrated", "village_only")
    if will["development"] and will["ownership"] != "private":
        found.fault(row, "development", "private_only")
    if org is None or "longitude" in v or "latitude" in v:
        _check_place(row, kind == "care", found)
    if v["uscc"] and not rules.uscc_fits(v["uscc"]):
        found.note(row, "uscc", "uscc")


def _check_place(row: Row, care: bool, found: Findings) -> None:
    east, north = row.values["longitude"], row.values["latitude"]
    if east is None and north is None:
        if care:
            found.note(row, "longitude", "no_coordinates")
    elif east is None or north is None or not (_EAST[0] <= east <= _EAST[1] and _NORTH[0] <= north <= _NORTH[1]):
        found.fault(row, "longitude", "coordinates")


def _outcome(org: Organisation | None, row: Row, parents: Mapping[str, Organisation]) -> str:
    if org is None:
        return "new"
    parent = row.values["parent"]
    moved = bool(parent) and (parent not in parents or org.parent_id != parents[parent].id)
    return "changed" if moved or differs(org, {**_facts(row), **_place(row)}) else "same"


def _built(row: Row, number: int, region: RegionName, today: date) -> Organisation:
    return Organisation(
        id=number,
        kind=row.values["kind"] or "care",
        agency_kind=row.values["agency_kind"] or "",
        force_kind=row.values["force_kind"] or "",
        region_id=region.region_id,
        path=rules.path_of(region.code, number, _facts(row)["care_tier"]),
        start=row.values["since"] or today,
        **_facts(row),
        **_place(row),
    )


def _change(org: Organisation, row: Row, by: Actor, at: datetime) -> None:
    facts, place = _facts(row), _place(row)
    version = org.version
    if differs(org, facts):
        day = row.values["since"] or local_day(at)
        version = actions.change(org.id, version, facts, on=day, reason="", by=by, at=at, using="load").version
    if differs(org, place):
        actions.place_at(org.id, version, place, by=by, at=at, using="load")


class Departments:
    """Departments of institutions; those not named stay."""

    code = "departments"
    title = _("Departments")
    permission = "network.write"
    key = ("org", "name")
    columns = (
        Column("org", _("Institution code"), required=True, longest=40, sample="PDY00001X350405"),
        Column("name", _("Department"), required=True, longest=60, sample="心血管内科"),
        Column("name_en", _("Name in English"), longest=80, sample="Cardiology"),
        Column("specialty", _("Specialty"), longest=40, sample="cardiology", note=_("Code or name, if it is a clinical one.")),
        Column("since", _("First day"), "date", sample="2022-03-01"),
    )

    def judge(self, rows: Sequence[Row], *, by: Actor, at: datetime) -> Judgement:
        """See Listing."""
        found = Findings()
        present = by_code(r.values["org"] for r in rows)
        known = specialties()
        held = _departments(present)
        for row in rows:
            org = present.get(row.values["org"])
            if org is None:
                found.fault(row, "org", "no_org", given=row.values["org"])
                continue
            if not governs(by, org.path):
                found.fault(row, "org", "not_yours")
            if row.values["specialty"] and row.values["specialty"] not in known:
                found.fault(row, "specialty", "no_specialty", given=row.values["specialty"])
            old = held.get((org.id, row.values["name"]))
            facts = _said(row, known)
            found.outcomes[row.line] = "new" if old is None else "changed" if differs(old, facts) else "same"
        return found.done()

    def write(self, rows: Sequence[Row], *, by: Actor, at: datetime, progress: Callable[[int], None]) -> list[dict[str, str]]:
        """See Listing."""
        present = by_code(r.values["org"] for r in rows)
        known = specialties()
        held = _departments(present)
        for batch in in_batches(rows, BATCH, progress):
            numbers = iter(actions.next_numbers(len(batch), "load"))
            fresh = []
            for row in batch:
                org = present[row.values["org"]]
                facts = _said(row, known)
                old = held.get((org.id, row.values["name"]))
                if old is not None and facts:
                    Department.objects.using("load").filter(pk=old.pk).update(**facts)
                elif old is None:
                    start = row.values["since"] or local_day(at)
                    fresh.append(Department(id=next(numbers), org=org, name_zh=row.values["name"], start=start, **facts))
            subjects = sorted({f"org:{present[r.values['org']].id}" for r in batch})
            audit_all(subjects, by=by, at=at, action="departments.set", using="load")
            Department.objects.using("load").bulk_create(fresh)
        return []


def _said(row: Row, known: Mapping[str, str]) -> dict[str, str]:
    said = {"name_en": row.values["name_en"] or ""} if "name_en" in row.values else {}
    return {**said, "specialty": known.get(row.values["specialty"] or "", "")} if "specialty" in row.values else said


def _departments(present: Mapping[str, Organisation]) -> dict[tuple[int, str], Department]:
    rows = Department.objects.using("load").filter(org__in=[o.id for o in present.values()], end=None)
    return {(d.org_id, d.name_zh): d for d in rows}


def specialties() -> dict[str, str]:
    """Code, Chinese and English name of every specialty → its code."""
    found: dict[str, str] = {}
    for s in Specialty.objects.using("load").all():
        found |= {s.code: s.code, s.name_zh: s.code, s.name_en: s.code}
    return found
