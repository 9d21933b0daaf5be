"""The only writes of this room: loading divisions; posts."""

from __future__ import annotations

import csv
from datetime import date, datetime
from pathlib import Path

from django.db import transaction

from fenji.ground.access.rules import conflicting_roles
from fenji.ground.common.refusal import Refused
from fenji.ground.network.models import Post, Region, RegionName

_DIVISIONS = Path(__file__).parent / "data" / "fujian_divisions.csv"
_AS_OF = date(2023, 6, 30)


class RolesExclude(Refused):
    """One person must not hold these roles together. detail: roles."""

    code = "roles_exclude"


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
    with file.open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(line for line in handle if not line.startswith("#")))
    parents = _parents(rows)
    with transaction.atomic(using=using):
        if not Region.objects.using(using).exists():
            Region.objects.using(using).bulk_create(
                [Region(id=int(r["id"]), kind=r["kind"], parent_id=parents.get(r["code"])) for r in rows], batch_size=5000
            )
            RegionName.objects.using(using).bulk_create(
                [RegionName(region_id=int(r["id"]), code=r["code"], name=r["name"], start=_AS_OF) for r in rows], batch_size=5000
            )
    return len(rows)


@transaction.atomic(using="load")
def appoint(post: Post, *, at: datetime) -> Post:
    """Give an account a post. Raises RolesExclude when its roles together would not be allowed."""
    held = Post.objects.using("load").select_for_update().filter(account_id=post.account_id, end=None)
    clash = conflicting_roles([post.role, *held.values_list("role", flat=True)])
    if clash:
        raise RolesExclude(roles=", ".join(sorted(clash)))
    post.start = at
    post.save(using="load", force_insert=True)
    return post
