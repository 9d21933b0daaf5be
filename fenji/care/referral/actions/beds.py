"""The bed of a referral: held or waited for at the receiver, theirs when the patient comes, given back when the case ends."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fenji.care.booking import actions as booking
from fenji.care.booking import queries as bookings
from fenji.care.booking import rules as beds
from fenji.care.booking.models import BedHold, WaitEntry, Ward
from fenji.care.catalogue.queries import diagnosis
from fenji.care.referral import queries, rules
from fenji.care.referral.models import Case
from fenji.care.registry import queries as registry
from fenji.care.visits import actions as visits
from fenji.care.visits import queries as stays
from fenji.ground.access.rules import DOCTOR, Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.identity import age_on
from fenji.ground.common.refusal import NotPermitted, Unknown
from fenji.ground.common.rows import one
from fenji.ground.common.text import mask_name
from fenji.ground.common.whole import all_or_nothing

_ENDS_IT = frozenset({rules.DECLINED, rules.MISSED, *rules.ENDS})


def _wanting(number: str, by: Actor, at: datetime) -> Case:
    """The case, for which the actor may look for a bed; nobody moves it until this change is written. Raises Unknown, NotPermitted,
    NotYourMove, NotPossible."""
    if one(Case.objects.select_for_update().filter(number=number)) is None:
        raise Unknown(what="case")
    case = queries.case(number)
    rules.may_want_bed(queries.view_of(case), queries.party_of(case, by, at))
    if not by.may("bed.hold"):
        raise NotPermitted
    return case


def _common(case: Case, isolation: bool, by: Actor, at: datetime) -> dict[str, Any]:
    return {
        "isolation": isolation,
        "subject": case.number,
        "url": f"/referrals/{case.number}/",
        "who": booking.Who(mask_name(case.patient_name), case.patient_sex, age_on(case.patient_birth_date, local_day(at))),
        "topic": case.diagnosis_name,
        "viewer_ids": [case.origin_id, case.receiver_id],
        "origin_id": case.origin_id,
        "by": by,
        "at": at,
    }


def _at_receiver(case: Case, ward: Ward) -> None:
    if case.receiver_id not in (ward.org_id, ward.partner_id):
        raise Unknown(what="ward")


@all_or_nothing
def hold_bed(number: str, bed_id: UUID, isolation: bool, *, by: Actor, at: datetime) -> BedHold:
    """Hold a bed of the receiver for the patient of a case, in the place of one that is held already; the ward is asked to confirm.

    Raises NotYourMove, NotPossible, Unknown, and what holding a bed raises.
    """
    case = _wanting(number, by, at)
    _at_receiver(case, bookings.bed(bed_id).ward)
    return booking.hold_bed(bed_id, **_common(case, isolation, by, at))


@all_or_nothing
def wait_for_bed(number: str, ward_id: UUID, isolation: bool, *, by: Actor, at: datetime) -> WaitEntry:
    """Put the patient of a case on the wait list of a ward of the receiver. Who goes down stands with those who come back, after
    emergencies and those who go up (SM-1-2c).

    Raises NotYourMove, NotPossible, Unknown, BedClosed, AlreadyWaiting.
    """
    case = _wanting(number, by, at)
    _at_receiver(case, bookings.ward(ward_id))
    priority = beds.EMERGENCY if case.emergency else beds.UP_REFERRED if case.direction == rules.UP else beds.RETURNING
    return booking.wait_for_bed(ward_id, priority=priority, **_common(case, isolation, by, at))


def follow(case: Case, receiver_before: int, *, by: Actor, at: datetime) -> None:
    """After a step of the case. Whoever goes elsewhere, or does not come, needs no bed there; who is there has it."""
    if case.state == rules.ARRIVED:
        booking.settle_beds(case.number, by=by, at=at)
    elif case.receiver_id != receiver_before or (case.state in _ENDS_IT and not _is_below(case)):
        booking.release_beds(case.number, case.state if case.state in _ENDS_IT else "redirected", by=by, at=at)


def _is_below(case: Case) -> bool:
    """Arrival is what closes a down-referral: `lies_below` follows."""
    return case.direction == rules.DOWN and case.door_at is not None


def lies_below(case: Case, *, by: Actor, at: datetime) -> None:
    """Somebody who was sent down is there. Where a doctor of the branch receives them and a bed is held in a ward of the branch,
    they lie in it from now on, in the branch's census."""
    held = bookings.bed_hold_of(case.number)
    if held is not None and held.held_until is not None and by.role == DOCTOR:
        ward = bookings.ward(held.ward_id)
        departments = {ward.org_id: ward.department_id, ward.partner_id: ward.partner_department_id}
        department_id = departments.get(by.org_id)
        here = stays.census(by).filter(resident_id=case.resident_id)
        if department_id is not None and not here.exists():
            lies = visits.NewStay(diagnosis(case.diagnosis_code), (by.account_id, by.name), department_id, held.bed)
            visits.admit(registry.resident(case.resident_id), lies, by=by, at=at)
    booking.settle_beds(case.number, by=by, at=at)
