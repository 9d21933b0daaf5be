"""Writing a case and sending it on its way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from fenji.care.booking import queries as bookings
from fenji.care.catalogue.models import Diagnosis
from fenji.care.catalogue.queries import group_of
from fenji.care.catalogue.rules import GROUP_VERSION
from fenji.care.referral import queries, rules
from fenji.care.referral.actions import slots
from fenji.care.referral.actions.consent import consent_of, keep_consent
from fenji.care.referral.actions.meeting import supersede
from fenji.care.referral.actions.slots import NO_WISH, Wish
from fenji.care.referral.actions.step import carry_out, due, record, step_for, swap
from fenji.care.referral.models import Case
from fenji.care.registry import queries as registry
from fenji.care.registry.models import Resident
from fenji.care.visits import actions as visits
from fenji.care.visits import rules as visit_rules
from fenji.care.visits.models import Visit
from fenji.ground.access import rules as access
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.decision import Decision
from fenji.ground.common.ids import case_number
from fenji.ground.common.refusal import NotPermitted, Refused, Unknown
from fenji.ground.common.rows import refused_as
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.models import Organisation
from fenji.ground.network.queries import Place, place, place_of
from fenji.ground.network.queries.directory import organisation
from fenji.ground.tasks import actions as tasks


class DuplicateOpen(Refused):
    """The resident already has an open referral for this disease group; of an emergency: one that is itself an emergency."""

    code = "duplicate_open"


class NoSuchDoctor(Refused):
    """A nurse writes in the name of somebody who is a doctor of the institution."""

    code = "no_such_doctor"


class NotInYourName(Refused):
    """A nurse entered the draft for another doctor, who alone sends it. detail: doctor."""

    code = "not_in_your_name"


class WrongReceiver(Refused):
    """The chosen institution cannot receive this referral."""

    code = "wrong_receiver"


@dataclass(frozen=True, slots=True)
class Plan:
    """What the doctor decides about a referral. Of an emergency: `green`, why it takes the green channel; `critical`, a check
    precedes the journey; `happened_at`, when the patient was sent, where it is entered afterwards."""

    diagnosis: Diagnosis
    receiver_id: int
    department_id: int | None
    emergency: bool
    summary: str
    override_reason: str
    wish: Wish = NO_WISH
    green: str = ""
    critical: bool = False
    happened_at: datetime | None = None
    consent: rules.ConsentGiven | None = None


def next_number(county: str, day: date, letter: str = "R") -> str:
    """The next case number; `letter`: R up, D down. The sequence runs through 1 to 99,999 and begins again: unique as long as the
    whole deployment writes fewer cases a day, three times a province's; gaps are left by drafts that were refused."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('referral_number_seq')")
        return case_number(letter, county, day, cursor.fetchone()[0])


ONE_OPEN = {"case_one_open": DuplicateOpen}
"""The database allows a resident one open referral for a disease and a way; its refusal ends the whole change."""


def receiver_above(org_id: int, origin: Place) -> Organisation:
    """The institution somebody chose to send to. Raises WrongReceiver when there is none, or none above the origin."""
    try:
        found = organisation(org_id)
    except Unknown:
        raise WrongReceiver from None
    if found.kind != "care" or found.end is not None or place(found).level <= origin.level:
        raise WrongReceiver
    return found


def _planned(plan: Plan, resident: Resident, origin: Place, at: datetime, *, returned: bool) -> dict[str, Any]:
    """The columns that follow from a plan, verdict included. Raises WrongReceiver, GreenReasonMissing, TooLate."""
    receiver = receiver_above(plan.receiver_id, origin)
    if plan.emergency and plan.green not in rules.GREEN_REASONS:
        raise rules.GreenReasonMissing
    happened_at = plan.happened_at if plan.emergency else None
    group = group_of(plan.diagnosis)
    override = bool(plan.override_reason)
    subject = queries.Subject(
        plan.diagnosis.code,
        group,
        resident.sex,
        resident.birth_date,
        emergency=plan.emergency,
        override=override,
        returned=returned,
    )
    judge = queries.judge_at(origin, subject, local_day(at))
    if happened_at is not None:
        rules.check_past(happened_at, at, judge.grounds.policy.late_within)
    candidate = judge.of([receiver])[0]
    return {
        **receiver_columns(candidate),
        **_department(plan, receiver.id),
        "diagnosis_code": plan.diagnosis.code,
        "diagnosis_name": plan.diagnosis.name_zh,
        "disease_group": group,
        "group_version": GROUP_VERSION,
        "emergency": plan.emergency,
        "summary": plan.summary,
        "override_reason": plan.override_reason,
        "green": plan.green if plan.emergency else "",
        "critical": plan.critical,
        "happened_at": happened_at,
        **_verdict_columns(judge, candidate.decision),
    }


def _department(plan: Plan, receiver_id: int) -> dict[str, int | None]:
    """The department that was chosen, or that of the slot. Raises WrongReceiver for a slot of another institution."""
    if plan.wish.slot_id is None:
        return {"department_id": plan.department_id} if plan.department_id else {}
    org_id, department_id = bookings.department_of(plan.wish.slot_id)
    if org_id != receiver_id:
        raise WrongReceiver
    return {"department_id": department_id}


def receiver_columns(candidate: queries.Candidate) -> dict[str, Any]:
    """Where a case goes: the institution, and the department there that sees the disease."""
    department = candidate.department
    return {
        "receiver_id": candidate.place.id,
        "receiver_level": candidate.place.level,
        "department_id": department.id if department else None,
    }


def _verdict_columns(judge: queries.Judge, decision: Decision) -> dict[str, Any]:
    return {
        "verdict": decision.outcome,
        "reasons": decision.as_rows(),
        "pack_hash": decision.pack_hash,
        "catalogue_version_id": judge.listing.catalogue_id,
        "treatable_version_id": judge.listing.treatable_id,
    }


def judged_again(
    case: Case, origin: Place, receiver: Organisation, *, override: bool, at: datetime
) -> tuple[queries.Candidate, dict[str, Any]]:
    """Sending a case that is on file from its origin to a receiver, under the policy and the lists of this day: the candidate,
    and the columns of its verdict."""
    subject = queries.Subject(
        case.diagnosis_code,
        case.disease_group,
        case.patient_sex,
        case.patient_birth_date,
        emergency=case.emergency,
        override=override,
        returned=case.returns_id is not None,
    )
    judge = queries.judge_at(origin, subject, local_day(at))
    candidate = judge.of([receiver])[0]
    return candidate, _verdict_columns(judge, candidate.decision)


def patient_columns(resident: Resident, number: str) -> dict[str, Any]:
    """What is copied of the patient onto the case of a number: the receiver reads the case, not the register."""
    return {
        "resident": resident,
        "patient_name": resident.name,
        "patient_sex": resident.sex,
        "patient_birth_date": resident.birth_date,
        "patient_phone": settings.DATABASE_KEYS.seal(registry.phone_of(resident), f"case.phone:{number}"),
    }


@all_or_nothing
def draft(visit: Visit, plan: Plan, *, by: Actor, at: datetime, doctor_id: UUID | None = None) -> Case:
    """Write a draft for a visit of the actor's institution; a nurse writes it in the name of a doctor there, the visit's unless
    told otherwise. Raises NotPermitted, DuplicateOpen, WrongReceiver, GreenReasonMissing, TooLate, ConsentMissing.
    """
    case = _drafted(visit, plan, by, at, doctor_id, None)
    tasks.open_step(step_for(case, case.origin_id, access.DOCTOR, at), at=at)
    slots.book(case, plan.wish, new=True, by=by, at=at)
    return case


@all_or_nothing
def write_and_send(visit: Visit, plan: Plan, *, by: Actor, at: datetime, returns: Case | None = None) -> Case:
    """Write a referral and send it on its way as one change: what is drafted and submitted in the same moment lies on nobody's desk
    in between. `returns`: the down-referral after which the patient goes back. Raises what `draft` and `submit` raise."""
    case = _drafted(visit, plan, by, at, None, returns)
    slots.book(case, plan.wish, new=True, submitted=True, by=by, at=at)
    return _send(
        case, {"verdict": case.verdict, "reasons": case.reasons}, plan.consent, version=case.version, new=True, by=by, at=at
    )


def _drafted(visit: Visit, plan: Plan, by: Actor, at: datetime, doctor_id: UUID | None, returns: Case | None) -> Case:
    """The draft without its step and its slot."""
    if not by.may("referral.draft") or visit.org_id != by.org_id:
        raise NotPermitted
    requester_id, requester_name = by.account_id, by.name
    if by.role == access.NURSE:
        requester_id = doctor_id or visit.doctor_id
        requester_name = queries.doctors_of(by.org_id, at).get(requester_id, "")
        if not requester_name:
            raise NoSuchDoctor
    origin, resident = place(visit.org), visit.resident
    number = next_number(origin.county, local_day(at))
    case = Case(
        number=number,
        state=rules.DRAFT,
        origin=visit.org,
        holder=visit.org,
        duty=visit.org,
        origin_level=origin.level,
        viewer_ids=[origin.id],
        requester_id=requester_id,
        requester_name=requester_name,
        entered_by_id=by.account_id if by.role == access.NURSE else None,
        entered_by_name=by.name if by.role == access.NURSE else "",
        visit=visit,
        **patient_columns(resident, number),
        created_at=at,
        due_at=due(origin, "draft_within", at),
        returns=returns,
        **_planned(plan, resident, origin, at, returned=returns is not None),
    )
    with refused_as(ONE_OPEN):
        case.save(force_insert=True)
    keep_consent(case, plan.consent, at=at)
    record(case, by, at, "draft", "", rules.DRAFT, "")
    return case


@all_or_nothing
def revise(number: str, plan: Plan, *, version: int, by: Actor, at: datetime) -> Case:
    """Change a draft or returned referral before it is sent; a nurse changes the drafts she entered.

    Raises NotYourMove, Stale, and what `draft` raises.
    """
    case = queries.case(number)
    party = rules.party_of(queries.view_of(case), by.account_id, by.role, by.org_id)
    own_entry = by.role == access.NURSE and case.entered_by_id == by.account_id and case.state == rules.DRAFT
    if not own_entry and (party != rules.ORIGIN or not by.may("referral.write")):
        raise rules.NotYourMove(state=case.state)
    if case.direction != rules.UP or case.state not in (rules.DRAFT, rules.RETURNED):
        raise rules.NotPossible(state=case.state)
    planned = _planned(plan, case.resident, place(case.origin), at, returned=case.returns_id is not None)
    with refused_as(ONE_OPEN):
        swap(case, version, planned)
    keep_consent(case, plan.consent, at=at)
    record(case, by, at, "revise", case.state, case.state, "")
    slots.book(case, plan.wish, by=by, at=at)
    return case


@all_or_nothing
def submit(number: str, *, version: int, by: Actor, at: datetime) -> Case:
    """Send a draft or returned referral on its way: to review when the verdict asks for it, else to the receiver.

    Raises VerdictForbids when a level is skipped without a reason, NoteRequired when the verdict asks for a reason in words.
    """
    case = queries.case(number)
    if case.direction != rules.UP or case.state not in (rules.DRAFT, rules.RETURNED):
        raise rules.NotPossible(state=case.state)  # offering again after a refusal is another verb
    receiver = organisation(case.receiver_id)
    _, verdict = judged_again(case, place(case.origin), receiver, override=bool(case.override_reason), at=at)
    return _send(case, verdict, consent_of(case), version=version, by=by, at=at)


@all_or_nothing
def revise_and_send(number: str, plan: Plan, *, version: int, by: Actor, at: datetime) -> Case:
    """Change a draft or returned referral and send it: its verdict is of this moment. Raises what `revise` and `submit` raise."""
    case = revise(number, plan, version=version, by=by, at=at)
    verdict = {"verdict": case.verdict, "reasons": case.reasons}
    return _send(case, verdict, consent_of(case), version=case.version, by=by, at=at)


def asking(case: Case, origin: Place, at: datetime) -> tuple[dict[str, Any], str]:
    """The columns of a case that is sent to review now, and on whose desk it goes. Raises NoReviewer.

    Sent again after it was completed it is the same request: it is due when it was due, or a little later when that is near.
    """
    route, why = queries.route(origin, {case.requester_id, case.entered_by_id}, at)
    place = origin if route.org_id == origin.id else place_of(route.org_id)
    same = case.state == rules.RETURNED and case.review_due_at is not None
    due_at = max(case.review_due_at, due(place, "review_again_within", at)) if same else due(place, "review_within", at)
    asked = {
        "review_org_id": route.org_id,
        "review_upper_id": None,
        "review_route": [why],
        "review_due_at": case.review_due_at if same else due_at,
        "review_no": case.review_no if same else case.review_no + 1,
        "due_at": due_at,
    }
    return asked, route.role


def _send(
    case: Case,
    verdict: dict[str, Any],
    consent: rules.ConsentGiven | None,
    *,
    version: int,
    new: bool = False,
    by: Actor,
    at: datetime,
) -> Case:
    if verdict["verdict"] == rules.NOT_ALLOWED:
        raise rules.VerdictForbids
    if rules.reason_asked(r["code"] for r in verdict["reasons"]) and not case.override_reason:
        raise rules.NoteRequired
    if case.entered_by_id is not None and by.may("referral.write") and by.account_id != case.requester_id:
        raise NotInYourName(doctor=case.requester_name)
    policy = queries.grounds(place(case.origin), local_day(at)).policy
    rules.check_consent(consent, emergency=case.emergency, required=policy.consent_required)
    if case.happened_at is not None:
        rules.check_past(case.happened_at, at, policy.late_within)
    action, asked, role = "offer", {}, ""
    if verdict["verdict"] == rules.NEEDS_REVIEW:
        action = "submit"
        asked, role = asking(case, place(case.origin), at)
    with refused_as(ONE_OPEN):
        if case.emergency:
            supersede(case, version=version, by=by, at=at)
        sent = carry_out(case, action, version=version, by=by, at=at, changes={**verdict, **asked}, role=role, new=new)
    visit = sent.visit
    if visit.disposition in (visit_rules.OPEN, visit_rules.OBSERVE):
        visits.close(visit, visit_rules.REFERRED_UP, by=by, at=at)
    return sent
