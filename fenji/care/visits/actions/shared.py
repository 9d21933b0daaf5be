"""What all writes of this room share: compare and swap, events, and steps on the desk."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F

from fenji.care.catalogue.models import Diagnosis
from fenji.care.catalogue.queries import group_of
from fenji.care.catalogue.rules import GROUP_VERSION
from fenji.care.registry.actions import resident_rows
from fenji.care.registry.models import Resident
from fenji.care.registry.rules import NewResident
from fenji.care.visits.models import Infection, Stay, Visit, VisitEvent
from fenji.ground.access.actions import audit
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.identity import age_on
from fenji.ground.common.ids import uuid7
from fenji.ground.common.refusal import Stale, Unknown
from fenji.ground.common.text import mask_name
from fenji.ground.network.queries import Place, departments_of
from fenji.ground.tasks import actions as tasks


def swap(row: Visit | Stay, version: int, using: str = "default", **changes: Any) -> None:
    """Compare and swap: the row changes only if it is still at `version`. Raises Stale."""
    found = type(row).objects.using(using).filter(pk=row.pk, version=version)
    if not found.update(**changes, version=F("version") + 1):
        raise Stale
    row.version = version + 1
    for name, value in changes.items():
        setattr(row, name, value)


def illness(found: Diagnosis) -> dict[str, str]:
    """The columns of a visit or a stay that follow from a diagnosis."""
    return {
        "diagnosis_code": found.code,
        "diagnosis_name": found.name_zh,
        "disease_group": group_of(found),
        "group_version": GROUP_VERSION,
    }


def check_department(department_id: int | None, org_id: int) -> None:
    """Raises Unknown for a department of another institution."""
    if department_id is not None and department_id not in {d.id for d in departments_of(org_id)}:
        raise Unknown(what="department")


def record(visit: Visit, action: str, *, by: Actor, at: datetime, note: str = "", using: str = "default", **states: str) -> None:
    """One event of the visit and one audit row."""
    VisitEvent.objects.using(using).create(visit=visit, at=at, actor_id=by.account_id, actor_name=by.name, action=action, note=note)
    audit(by=by, at=at, action=f"visit.{action}", subject=str(visit.pk), using=using, **states)


def wait(visit: Visit, kind: str, role: str, due_at: datetime, *, at: datetime, topic: str = "", using: str = "default") -> None:
    """Put a step on the institution's desk: `kind` is handover, infection or refusal; there is one of each on a visit."""
    resident = visit.resident
    step = tasks.Step(
        kind=f"visit.{kind}",
        subject=f"{kind}:{visit.pk}",
        url=f"/visits/{visit.pk}/",
        who=mask_name(resident.name),
        sex=resident.sex,
        age=age_on(resident.birth_date, local_day(at)),
        topic=topic or visit.diagnosis_name,
        org_id=visit.org_id,
        role=role,
        viewer_ids=(visit.org_id,),
        due_at=due_at,
        urgent=visit.emergency,
    )
    tasks.open_step(step, at=at, using=using)


def done(visit: Visit, kind: str, *, at: datetime, using: str = "default") -> None:
    """Take such a step off the desk."""
    tasks.close_step(f"{kind}:{visit.pk}", at=at, using=using)


def infection_of(visit: Visit, using: str = "default") -> Infection | None:
    """The entry of the register for a visit, but for one that was ruled out."""
    return Infection.objects.using(using).filter(visit=visit, voided_at=None).first()


def fed_resident(who: UUID | NewResident | None, place: Place, by: Actor, at: datetime) -> Resident:
    """The resident a record is about, registered when nobody has the document; one of elsewhere is opened to the institution."""
    if isinstance(who, NewResident):
        row, identity = resident_rows(uuid7(), who, place.id, place.path)
        row.save(force_insert=True, using="load")
        if identity:
            identity.save(force_insert=True, using="load")
        audit(by=by, at=at, action="resident.register", subject=str(row.pk), using="load")
        return row
    found = Resident.objects.using("load").get(pk=who)
    if found.home_org_id != place.id and place.id not in found.viewer_ids:
        Resident.objects.using("load").filter(pk=found.pk).update(viewer_ids=[*found.viewer_ids, place.id])
        audit(by=by, at=at, action="resident.open", subject=str(found.pk), using="load")
    return found
