"""Wards and beds as a list states them: judged by `imports`, written here over `load`, inside the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fenji.care.booking import queries, rules
from fenji.care.booking.models import Bed, Ward
from fenji.ground.access.actions import audit
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.refusal import Stale
from fenji.ground.network.queries import place_of

_USING = "load"


@dataclass(frozen=True, slots=True)
class FedWard:
    """A ward as a row states it. `ward`: the one it changes; `facts`: its columns."""

    department_id: int
    facts: dict[str, Any]
    ward: Ward | None = None


@dataclass(frozen=True, slots=True)
class FedBed:
    """A bed as a row states it. `bed`: the one it changes; `facts`: its columns."""

    ward: Ward
    facts: dict[str, Any]
    bed: Bed | None = None


def takes_away(fed: FedBed) -> bool:
    """Whether a row takes a bed away from whoever has it: closes it, or calls it otherwise than the census does."""
    old = fed.bed
    if old is None or old.state != rules.IN_USE:
        return False
    return fed.facts.get("state", old.state) == rules.CLOSED or fed.facts["name"] != old.name


def feed_ward(fed: FedWard, *, by: Actor, at: datetime) -> Ward:
    """Open or change a ward. Raises Stale when it changed meanwhile."""
    if fed.ward is None:
        here = place_of(by.org_id, _USING)
        made = Ward(org_id=here.id, path=here.path, department_id=fed.department_id, start=local_day(at), **fed.facts)
        made.save(force_insert=True, using=_USING)
        audit(by=by, at=at, action="ward.open", subject=f"ward:{made.pk}", after=made.kind, using=_USING, org=here.id)
        return made
    row, before = fed.ward, fed.ward.kind
    _swapped(row, fed.facts)
    audit(
        by=by, at=at, action="ward.change", subject=f"ward:{row.pk}", before=before, after=row.kind, using=_USING, org=row.org_id
    )  # fmt: skip
    return row


def feed_bed(fed: FedBed, *, by: Actor, at: datetime) -> Bed:
    """Add or change a bed. Raises BedInUse when somebody came to have it since the row was judged, Stale when it changed."""
    ward = fed.ward
    if fed.bed is None:
        made = Bed(ward=ward, org_id=ward.org_id, path=ward.path, department_id=ward.department_id, **fed.facts)
        made.save(force_insert=True, using=_USING)
        audit(by=by, at=at, action="bed.add", subject=f"bed:{made.pk}", after=made.state, using=_USING, org=ward.org_id)
        return made
    row, before = fed.bed, fed.bed.state
    # whoever holds it at this moment waits for this, and finds it closed; or is seen
    list(Bed.objects.using(_USING).select_for_update().filter(pk=row.pk))
    if takes_away(fed) and queries.ward_facts(ward, at, _USING)[row.pk].takings:
        raise rules.BedInUse
    _swapped(row, fed.facts)
    audit(
        by=by, at=at, action="bed.change", subject=f"bed:{row.pk}", before=before, after=row.state, using=_USING, org=row.org_id
    )  # fmt: skip
    return row


def _swapped(row: Ward | Bed, facts: dict[str, Any]) -> None:
    found = type(row).objects.using(_USING).filter(pk=row.pk, version=row.version)
    if not found.update(**facts, version=row.version + 1):
        raise Stale
    for name, value in (*facts.items(), ("version", row.version + 1)):
        setattr(row, name, value)
