"""Regions: loading the shipped divisions; codes, names and parents that change; mergers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

from django.apps import apps
from django.db import connections, transaction
from django.db.models import Max

from fenji.ground.access.actions import audit, end_sessions_of
from fenji.ground.access.rules import Actor
from fenji.ground.common import shipped
from fenji.ground.common.clock import local_day
from fenji.ground.common.models import House
from fenji.ground.common.refusal import Refused, Stale, Unknown
from fenji.ground.network import rules
from fenji.ground.network.actions.reach import require_reach
from fenji.ground.network.actions.versions import write_version
from fenji.ground.network.models import Organisation, OrganisationVersion, Post, Region, RegionName, RegionSuccession, Specialty

_DIVISIONS = Path(__file__).parents[1] / "data" / "fujian_divisions.csv"
_SPECIALTIES = _DIVISIONS.with_name("specialties.csv")
_AS_OF = date(2023, 6, 30)


class BadRegionChange(Refused):
    """A change of a region that cannot be. detail: why."""

    code = "bad_region_change"


def _parents(rows: list[dict[str, str]]) -> dict[str, int]:
    """Code → id of the parent: the longest shorter code that begins this one."""
    by_code = {"35" if r["kind"] == "province" else r["code"][:4] if r["kind"] == "city" else r["code"]: int(r["id"]) for r in rows}
    parents = {}
    for r in rows:
        lengths = {"province": (), "city": (2,), "county": (4,), "village": (9,), "community": (9,)}.get(r["kind"], (6,))
        for n in lengths:
            parents[r["code"]] = by_code[r["code"][:n]]
    return parents


def load_divisions(using: str = "load", file: Path = _DIVISIONS) -> int:
    """Put the shipped divisions in, once. Returns how many regions the file has."""
    rows = list(shipped.rows(file))
    parents = _parents(rows)
    with transaction.atomic(using=using):
        if not Region.objects.using(using).exists():
            Region.objects.using(using).bulk_create(
                [Region(id=int(r["id"]), kind=r["kind"], parent_id=parents.get(r["code"])) for r in rows], batch_size=5000
            )
            names = [
                RegionName(region_id=int(r["id"]), code=r["code"], name=r["name"], parent_id=parents.get(r["code"]), start=_AS_OF)
                for r in rows
            ]
            RegionName.objects.using(using).bulk_create(names, batch_size=5000)
    return len(rows)


def load_specialties(using: str = "load", file: Path = _SPECIALTIES) -> int:
    """Put the shipped specialties in; those that are there already stay. Returns how many the file has."""
    rows = [Specialty(**r) for r in shipped.rows(file)]
    Specialty.objects.using(using).bulk_create(rows, ignore_conflicts=True)
    return len(rows)


_PLACED = ("path", "place")
"""Columns that hold a place, or how places begin: the same names in all rooms, see ADR 0017."""


def placed_columns() -> list[tuple[str, str]]:
    """Every (table, column) whose rows carry a place."""
    models = [m for m in apps.get_models() if issubclass(m, House)]
    return sorted((m._meta.db_table, f.column) for m in models for f in m._meta.concrete_fields if f.name in _PLACED)


def move_paths(old: str, new: str, using: str = "load") -> int:
    """Rewrite the beginning of every path below `old`; returns how many rows moved."""
    moved = 0
    with connections[using].cursor() as cursor:
        for table, column in placed_columns():
            cursor.execute(
                f"UPDATE {table} SET {column} = %s || substr({column}, %s) WHERE {column} ^@ %s", [new, len(old) + 1, old]
            )
            moved += cursor.rowcount
    return moved


def hand_rows(old: str, new: str, using: str = "load") -> int:
    """Give the rows of one organisation's place to another's; the organisations themselves stay. Returns how many rows."""
    moved = 0
    with connections[using].cursor() as cursor:
        for table, column in placed_columns():
            if not table.startswith("network_organisation"):
                cursor.execute(f"UPDATE {table} SET {column} = %s WHERE {column} = %s", [new, old])
                moved += cursor.rowcount
    return moved


def sign_out(post_ids: Iterable[UUID], at: datetime) -> None:
    """End the open sessions of posts once the change is written: a session keeps the reach it was opened with."""
    ids = list(post_ids)

    def end_all() -> None:
        for post_id in ids:
            end_sessions_of(post_id=post_id, at=at)

    transaction.on_commit(end_all, using="load")


def posts_below(path: str) -> list[UUID]:
    """The present posts at places that begin with `path`."""
    return list(Post.objects.using("load").filter(path__starts=path, end=None).values_list("pk", flat=True))


@transaction.atomic(using="load")
def change_region(
    region_id: int,
    *,
    on: date,
    by: Actor,
    at: datetime,
    code: str = "",
    name: str = "",
    parent_id: int | None = None,
    version: int | None = None,
) -> RegionName:
    """Give a region another code, name or parent from a day on, that day not after today. The former row stays with its end.

    A new code also moves the codes of all regions below and the paths of all rows there, in one transaction. Who administers a
    level above decides. `version`: of the row that the form showed. Raises BadRegionChange, Unknown, Stale, OutOfReach.
    """
    present = RegionName.objects.using("load").select_for_update().filter(region_id=region_id, end=None).first()
    if present is None:
        raise Unknown(what="region")
    if version is not None and version != present.pk:
        raise Stale
    kind = Region.objects.using("load").get(pk=region_id).kind
    code, name, parent_id = code or present.code, name or present.name, parent_id or present.parent_id
    _check_code(code, kind, len(present.code), parent_id, [region_id])
    old, new = rules.significant(present.code, kind), rules.significant(code, kind)
    _require_above(by, old, new)
    if on <= present.start or on > local_day(at):
        raise BadRegionChange(why="day")
    row = _succeed(present, code, name, parent_id, on)
    Region.objects.using("load").filter(pk=region_id).update(parent_id=parent_id)
    if code != present.code:
        _recode_below(old, new, on)
        sign_out(posts_below(new), at)
    audit(by=by, at=at, action="region.change", subject=f"region:{region_id}", before=present.code, after=code, using="load")
    return row


def _require_above(by: Actor, *stems: str) -> None:
    # nobody renames the region that they administer themselves, nor takes one out of it
    for stem in stems:
        require_reach(by, stem[:-1])


def _check_code(code: str, kind: str, width: int, parent_id: int | None, own: list[int]) -> None:
    """A code has the form of its level, lies under the parent's, and is nobody else's."""
    if len(code) != width or not (code.isascii() and code.isdigit()):
        raise BadRegionChange(why="code")
    parent = RegionName.objects.using("load").filter(region_id=parent_id, end=None).select_related("region").first()
    if parent is None or parent_id in own:
        raise BadRegionChange(why="parent")
    above = rules.significant(parent.code, parent.region.kind)
    if len(above) >= len(rules.significant(code, kind)) or not code.startswith(above):
        raise BadRegionChange(why="parent")
    if RegionName.objects.using("load").filter(code=code, end=None).exclude(region_id__in=own).exists():
        raise BadRegionChange(why="code_taken")


def _succeed(present: RegionName, code: str, name: str, parent_id: int | None, on: date) -> RegionName:
    RegionName.objects.using("load").filter(pk=present.pk).update(end=on)
    return RegionName.objects.using("load").create(region_id=present.region_id, code=code, name=name, parent_id=parent_id, start=on)


def _recode_below(old: str, new: str, on: date) -> None:
    below = list(RegionName.objects.using("load").filter(code__starts=old, end=None).exclude(start=on))
    for row in below:
        _succeed(row, new + row.code[len(old) :], row.name, row.parent_id, on)
    move_paths(old, new)


def _bring_under(child: RegionName, parent: Region, stem: str, taken: set[str], on: date) -> None:
    """Put a region with all below under a new parent; its last digits stay unless another child has them already."""
    kind = Region.objects.using("load").get(pk=child.region_id).kind
    old = rules.significant(child.code, kind)
    width = len(old) - len(stem)
    digits = old[len(stem) :]
    while digits in taken:
        digits = f"{int(digits) + 1:0{width}d}"
    taken.add(digits)
    Region.objects.using("load").filter(pk=child.region_id).update(parent=parent)
    _recode_below(old, stem + digits, on)
    RegionName.objects.using("load").filter(region_id=child.region_id, end=None).update(parent=parent)


@transaction.atomic(using="load")
def merge_regions(predecessors: list[int], *, code: str, name: str, on: date, by: Actor, at: datetime) -> Region:
    """Make one region of several of the same kind and parent: a new one with its own id; those below move under it.

    Who administers a level above decides. Raises BadRegionChange, OutOfReach.
    """
    old = list(RegionName.objects.using("load").select_for_update().filter(region_id__in=predecessors, end=None))
    kinds = set(Region.objects.using("load").filter(pk__in=predecessors).values_list("kind", "parent_id"))
    if len(old) != len(set(predecessors)) or len(old) < 2 or len(kinds) != 1:
        raise BadRegionChange(why="merge")
    kind, parent_id = kinds.pop()
    _check_code(code, kind, len(old[0].code), parent_id, predecessors)
    stem = rules.significant(code, kind)
    _require_above(by, stem, *(rules.significant(r.code, kind) for r in old))
    if on > local_day(at) or any(on <= r.start for r in old):
        raise BadRegionChange(why="day")
    RegionName.objects.using("load").filter(pk__in=[r.pk for r in old]).update(end=on)
    number = Region.objects.using("load").aggregate(last=Max("id"))["last"] + 1
    region = Region.objects.using("load").create(id=number, kind=kind, parent_id=parent_id)
    RegionName.objects.using("load").create(region=region, code=code, name=name, parent_id=parent_id, start=on)
    taken: set[str] = set()
    # the one that has the code already keeps the codes below
    for row in sorted(old, key=lambda r: (r.code != code, r.code)):
        RegionSuccession.objects.using("load").create(predecessor_id=row.region_id, successor=region, kind="merged", on=on)
        for child in RegionName.objects.using("load").filter(parent_id=row.region_id, end=None).order_by("code"):
            _bring_under(child, region, stem, taken, on)
        move_paths(rules.significant(row.code, kind), stem)
        _rehome(row.region_id, region, name, on)
    sign_out(posts_below(stem), at)
    audit(
        by=by,
        at=at,
        action="region.merge",
        subject=f"region:{number}",
        before=",".join(r.code for r in old),
        after=code,
        using="load",
    )
    return region


def _rehome(old_id: int, region: Region, reason: str, on: date) -> None:
    """Organisations of the region itself, not of one below, belong to the new one from the day on."""
    for org in Organisation.objects.using("load").filter(region_id=old_id, end=None):
        org.region, org.version = region, org.version + 1
        org.save(using="load", update_fields=["region", "version"])
        since = OrganisationVersion.objects.using("load").get(org_id=org.id, end=None).start
        write_version(org, max(on, since), reason, "load")
