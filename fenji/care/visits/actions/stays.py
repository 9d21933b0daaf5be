"""Stays in hospital: admitted, moved, judged by phase, discharged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from fenji.care.catalogue.models import Diagnosis
from fenji.care.registry.models import Resident
from fenji.care.registry.rules import NewResident
from fenji.care.visits import queries, rules
from fenji.care.visits.actions.shared import check_department, fed_resident, illness, swap
from fenji.care.visits.models import Stay, StayEvent
from fenji.ground.access.actions import audit
from fenji.ground.access.rules import Actor
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.common.rows import refused_as
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import place_of


@dataclass(frozen=True, slots=True)
class NewStay:
    """What the ward enters on admission. `doctor`: account and name of whoever is responsible."""

    diagnosis: Diagnosis
    doctor: tuple[UUID, str]
    department_id: int | None = None
    bed: str = ""
    phase: str = ""


def _record(stay: Stay, action: str, *, by: Actor, at: datetime, before: str = "", after: str = "", using: str = "default") -> None:
    StayEvent.objects.using(using).create(
        stay=stay, at=at, actor_id=by.account_id, actor_name=by.name, action=action, before=before, after=after
    )
    audit(by=by, at=at, action=f"stay.{action}", subject=str(stay.pk), before=before, after=after, using=using)


def _check(by: Actor, org_id: int, department_id: int | None) -> None:
    if not by.may("stay.write") or org_id != by.org_id:
        raise NotPermitted
    check_department(department_id, org_id)


@all_or_nothing
def admit(resident: Resident, new: NewStay, *, by: Actor, at: datetime) -> Stay:
    """A resident is in hospital from now on. Raises NotPermitted, Unknown, AlreadyIn."""
    _check(by, by.org_id, new.department_id)
    here = place_of(by.org_id)
    doctor_id, doctor_name = new.doctor
    stay = Stay(
        resident=resident,
        org_id=here.id,
        path=here.path,
        department_id=new.department_id,
        bed=new.bed,
        doctor_id=doctor_id,
        doctor_name=doctor_name,
        **illness(new.diagnosis),
        phase=new.phase,
        phase_at=at if new.phase else None,
        admitted_at=at,
    )
    with refused_as({"stay_one_open": rules.AlreadyIn}, within="default"):
        stay.save(force_insert=True)
    _record(stay, "admit", by=by, at=at, after=new.phase)
    return stay


@all_or_nothing
def place_in(stay_id: UUID, department_id: int | None, bed: str, *, version: int, by: Actor, at: datetime) -> Stay:
    """Another department or bed of the same institution. Raises NotPermitted, Unknown, Stale."""
    stay = _lasting(stay_id, by, department_id)
    before = stay.bed
    swap(stay, version, department_id=department_id, bed=bed)
    _record(stay, "place", by=by, at=at, before=before, after=bed)
    return stay


@all_or_nothing
def judge(stay_id: UUID, phase: str, *, version: int, by: Actor, at: datetime) -> Stay:
    """Say in which phase the illness is (SM-1-2b). Raises NotPermitted, Unknown, Stale."""
    stay = _lasting(stay_id, by)
    if phase not in rules.PHASES:
        raise Unknown(what="phase")
    before = stay.phase
    swap(stay, version, phase=phase, phase_at=at)
    _record(stay, "judge", by=by, at=at, before=before, after=phase)
    return stay


@all_or_nothing
def discharge(stay_id: UUID, way_out: str, *, version: int, by: Actor, at: datetime) -> Stay:
    """The stay ends, with how it ended. Raises NotPermitted, Unknown, Stale."""
    stay = _lasting(stay_id, by)
    if way_out not in rules.WAYS_OUT:
        raise Unknown(what="way out")
    swap(stay, version, discharged_at=at, way_out=way_out)
    _record(stay, "discharge", by=by, at=at, before=stay.phase, after=way_out)
    return stay


def _lasting(stay_id: UUID, by: Actor, department_id: int | None = None) -> Stay:
    stay = queries.stay(stay_id)
    _check(by, stay.org_id, department_id)
    if stay.discharged_at is not None:
        raise Stale
    return stay


@dataclass(frozen=True, slots=True)
class FedStay:
    """A record of another system that was judged. `stay`: the one it updates; else `resident` (an id on file, or somebody new).

    `facts`: columns as the record states them, the responsible doctor and the admission among them. `way_out` empty beside a
    `discharged_at`: the record does not say how the stay ended.
    """

    source_id: str
    facts: dict[str, Any]
    discharged_at: datetime | None
    way_out: str
    stay: Stay | None = None
    resident: UUID | NewResident | None = None


def feed_stay(fed: FedStay, *, by: Actor, at: datetime) -> Stay:
    """Write a judged record over `load`, inside the caller's transaction. Raises Stale when the stay changed meanwhile.

    What was typed for somebody who lies here becomes this record's. A discharge that was typed stands; one that a record left
    without a way out takes the way from a later version.
    """
    stay = fed.stay or _fed(fed, by, at)
    if fed.stay is not None:
        changed = {name: value for name, value in fed.facts.items() if getattr(stay, name) != value}
        if "phase" in changed:
            changed["phase_at"] = at
        if changed:
            swap(stay, stay.version, "load", **changed)
            _record(stay, "feed", by=by, at=at, using="load")
    if ends := ending(stay, fed):
        swap(stay, stay.version, "load", **ends)
        _record(stay, "discharge", by=by, at=at, after=stay.way_out, using="load")
    return stay


def _fed(fed: FedStay, by: Actor, at: datetime) -> Stay:
    here = place_of(by.org_id, "load")
    resident = fed_resident(fed.resident, here, by, at)
    typed = Stay.objects.using("load").filter(org_id=here.id, resident=resident, discharged_at=None, source_id="").first()
    if typed is not None:
        swap(typed, typed.version, "load", source_id=fed.source_id, **fed.facts)
        _record(typed, "feed", by=by, at=at, using="load")
        return typed
    stay = Stay(resident=resident, org_id=here.id, path=here.path, source_id=fed.source_id, **fed.facts)
    stay.phase_at = at if stay.phase else None
    stay.save(force_insert=True, using="load")
    _record(stay, "feed", by=by, at=at, after=stay.phase, using="load")
    return stay


def ending(stay: Stay, fed: FedStay) -> dict[str, Any]:
    """The columns by which a record ends a stay; nothing when it does not, or when it has ended otherwise already."""
    if fed.discharged_at is None:
        return {}
    if stay.discharged_at is None:
        return {"discharged_at": fed.discharged_at, "way_out": fed.way_out or rules.UNSTATED}
    return {"way_out": fed.way_out} if stay.way_out == rules.UNSTATED and fed.way_out else {}
