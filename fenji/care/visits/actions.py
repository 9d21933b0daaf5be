"""The only writes of this room."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F

from fenji.care.catalogue.models import Diagnosis
from fenji.care.catalogue.queries import group_of
from fenji.care.catalogue.rules import GROUP_VERSION
from fenji.care.registry.models import Resident
from fenji.care.visits import rules
from fenji.care.visits.models import Visit
from fenji.ground.access.actions import audit
from fenji.ground.access.rules import Actor
from fenji.ground.common.refusal import NotPermitted, Stale
from fenji.ground.network.queries import place_of


@dataclass(frozen=True, slots=True)
class NewVisit:
    """What the doctor enters."""

    diagnosis: Diagnosis
    complaint: str
    emergency: bool


@transaction.atomic
def register(resident: Resident, new: NewVisit, *, by: Actor, at: datetime) -> Visit:
    """Open a visit; the actor becomes its responsible doctor. Raises NotPermitted."""
    if not by.may("visit.write"):
        raise NotPermitted
    place = place_of(by.org_id)
    visit = Visit(
        resident=resident,
        org_id=place.id,
        path=place.path,
        doctor_id=by.account_id,
        doctor_name=by.name,
        diagnosis_code=new.diagnosis.code,
        diagnosis_name=new.diagnosis.name_zh,
        disease_group=group_of(new.diagnosis),
        group_version=GROUP_VERSION,
        complaint=new.complaint,
        emergency=new.emergency,
        opened_at=at,
    )
    visit.save(force_insert=True)
    audit(by=by, at=at, action="visit.register", subject=str(visit.id))
    return visit


@transaction.atomic
def close(visit: Visit, disposition: str, *, by: Actor, at: datetime) -> None:
    """Close a visit with a disposition. `visit.version` is the one that was read. Raises NotPermitted, Stale."""
    if not by.may("visit.write") or visit.org_id != by.org_id:
        raise NotPermitted
    if not rules.may_close(visit.disposition, disposition):
        raise Stale
    closed_at = None if disposition == rules.OBSERVE else at
    changed = Visit.objects.filter(pk=visit.pk, version=visit.version).update(
        disposition=disposition, closed_at=closed_at, version=F("version") + 1
    )
    if not changed:
        raise Stale
    audit(by=by, at=at, action="visit.close", subject=str(visit.id), after=disposition)


@transaction.atomic
def kept_here(visit: Visit, disposition: str, *, by: Actor, at: datetime) -> None:
    """A visit that ended as referred up ends otherwise, because the referral came back. Raises NotPermitted, Stale."""
    if not by.may("visit.write") or visit.org_id != by.org_id:
        raise NotPermitted
    if disposition not in rules.KEPT_HERE:
        raise Stale
    sent_up = Visit.objects.filter(pk=visit.pk, disposition=rules.REFERRED_UP)
    closed_at = None if disposition == rules.OBSERVE else at
    if not sent_up.update(disposition=disposition, closed_at=closed_at, version=F("version") + 1):
        raise Stale
    audit(by=by, at=at, action="visit.kept", subject=str(visit.id), before=rules.REFERRED_UP, after=disposition)
