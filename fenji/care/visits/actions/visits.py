"""Opening, changing and closing a visit; the alert of refusal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from fenji.care.catalogue.models import Diagnosis
from fenji.care.catalogue.queries import notifiable
from fenji.care.registry.models import Resident
from fenji.care.visits import queries, rules
from fenji.care.visits.actions.handovers import drop_hand_over
from fenji.care.visits.actions.infections import follow, parts_missing
from fenji.care.visits.actions.shared import check_department, done, illness, record, swap
from fenji.care.visits.models import Visit
from fenji.ground.access.rules import Actor
from fenji.ground.common.refusal import NotPermitted, Stale
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import place_of


@dataclass(frozen=True, slots=True)
class NewVisit:
    """What the doctor enters. `suspected`: the diagnosis is not confirmed."""

    diagnosis: Diagnosis
    complaint: str
    emergency: bool
    department_id: int | None = None
    suspected: bool = False


def facts_of(new: NewVisit) -> dict[str, Any]:
    """The columns that follow from what was entered."""
    listed = notifiable(new.diagnosis.code)
    return {
        **illness(new.diagnosis),
        "suspected": new.suspected,
        "grade": listed.grade if listed else "",
        "complaint": new.complaint,
        "emergency": new.emergency,
        "department_id": new.department_id,
    }


@all_or_nothing
def register(resident: Resident, new: NewVisit, *, by: Actor, at: datetime) -> Visit:
    """Open a visit; the actor becomes its responsible doctor (SM-3-4c). A notifiable disease, also a suspected one, opens its entry
    in the register and the step that waits for its three parts (SM-3-4d). Raises NotPermitted, Unknown."""
    if not by.may("visit.write"):
        raise NotPermitted
    place = place_of(by.org_id)
    check_department(new.department_id, place.id)
    visit = Visit(
        resident=resident,
        org_id=place.id,
        path=place.path,
        doctor_id=by.account_id,
        doctor_name=by.name,
        opened_at=at,
        **facts_of(new),
    )
    visit.save(force_insert=True)
    record(visit, "register", by=by, at=at)
    follow(visit, found_at=at, by=by, at=at)
    return visit


@all_or_nothing
def revise(visit_id: UUID, new: NewVisit, *, version: int, by: Actor, at: datetime) -> Visit:
    """Change an open visit: another diagnosis, a suspicion confirmed or ruled out. Raises NotPermitted, NotResponsible, Stale,
    Unknown."""
    visit = queries.visit(visit_id)
    check_responsible(visit, by)
    if visit.closed_at is not None or visit.disposition not in (rules.OPEN, rules.OBSERVE):
        raise Stale
    check_department(new.department_id, visit.org_id)
    before = visit.diagnosis_code
    swap(visit, version, **facts_of(new))
    record(visit, "revise", by=by, at=at, before=before, after=visit.diagnosis_code)
    follow(visit, found_at=at, by=by, at=at)
    return visit


def check_responsible(visit: Visit, by: Actor) -> None:
    """Raises NotPermitted, NotResponsible."""
    if not by.may("visit.write") or visit.org_id != by.org_id:
        raise NotPermitted
    if visit.doctor_id != by.account_id:
        raise rules.NotResponsible(who=visit.doctor_name)


@all_or_nothing
def close(visit: Visit, disposition: str, *, by: Actor, at: datetime) -> None:
    """Close a visit with a disposition. `visit.version` is the one that was read.

    The responsible doctor closes it; whoever writes its up-referral may close it with that. Raises NotPermitted, NotResponsible,
    Stale, IncompleteInfection.
    """
    if not by.may("visit.write") or visit.org_id != by.org_id:
        raise NotPermitted
    if disposition != rules.REFERRED_UP:
        check_responsible(visit, by)
    if not rules.may_close(visit.disposition, disposition):
        raise Stale
    ended = rules.ends(disposition, parts_missing=parts_missing(visit))
    swap(visit, visit.version, disposition=disposition, closed_at=at if ended else None)
    record(visit, "close", by=by, at=at, after=disposition)
    if disposition != rules.OBSERVE:
        drop_hand_over(visit, at=at)


@all_or_nothing
def kept_here(visit: Visit, disposition: str, *, by: Actor, at: datetime) -> None:
    """A visit that ended as referred up ends otherwise, because the referral came back: whoever may write referrals of the
    institution may say so. `visit.version` is the one that was read. Raises NotPermitted, Stale, IncompleteInfection."""
    if not by.may("visit.write") or visit.org_id != by.org_id:
        raise NotPermitted
    if disposition not in rules.KEPT_HERE or visit.disposition != rules.REFERRED_UP:
        raise Stale
    ended = rules.ends(disposition, parts_missing=parts_missing(visit))
    swap(visit, visit.version, disposition=disposition, closed_at=at if ended else None)
    record(visit, "kept", by=by, at=at, before=rules.REFERRED_UP, after=disposition)


@all_or_nothing
def settle(visit_id: UUID, reason: str, *, version: int, by: Actor, at: datetime) -> Visit:
    """Answer, as the head of the institution, for a visit that was closed without a disposition (SM-3-4c).

    Raises NotPermitted, NothingToSettle, Stale, Unknown.
    """
    visit = queries.visit(visit_id)
    if not by.may("visit.settle") or visit.org_id != by.org_id:
        raise NotPermitted
    if visit.alert_at is None or visit.settled_at is not None or not reason.strip():
        raise rules.NothingToSettle
    swap(visit, version, settled_at=at)
    record(visit, "settle", by=by, at=at, note=reason.strip())
    done(visit, "refusal", at=at)
    return visit
