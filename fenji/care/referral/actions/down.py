"""The way down: from a ward to a branch, with summary and plan; and back up to the hospital that sent the patient (SM-3-6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from fenji.care.catalogue.queries import diagnosis
from fenji.care.continuity import actions as continuity
from fenji.care.continuity import queries as packages
from fenji.care.continuity import rules as care
from fenji.care.referral import queries, rules
from fenji.care.referral.actions.beds import lies_below
from fenji.care.referral.actions.consent import consent_of, keep_consent
from fenji.care.referral.actions.step import carry_out, due, record, step_for, swap
from fenji.care.referral.actions.writing import ONE_OPEN, Plan, WrongReceiver, next_number, patient_columns, write_and_send
from fenji.care.referral.models import Case
from fenji.care.registry import queries as registry
from fenji.care.visits import actions as visits
from fenji.care.visits import queries as stays
from fenji.care.visits.models import Stay
from fenji.ground.access import rules as access
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.ids import uuid7
from fenji.ground.common.refusal import NotPermitted
from fenji.ground.common.rows import refused_as
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import place
from fenji.ground.tasks import actions as tasks


@dataclass(frozen=True, slots=True)
class Down:
    """What the ward decides: which branch, what it should know beside the package, why there where something stands against it."""

    receiver_id: int
    summary: str
    reason: str = ""
    consent: rules.ConsentGiven | None = None


def _there(stay: Stay, receiver_id: int, reason: str, at: datetime) -> dict[str, Any]:
    """The columns that follow from a branch, verdict included. Raises WrongReceiver, MayNotGoDown, NoteRequired."""
    org = next((o for o in queries.below(place(stay.org), local_day(at)) if o.id == receiver_id), None)
    if org is None:
        raise WrongReceiver
    branch = queries.branches(stay, at, [org])[0]
    if branch.decision.outcome == rules.NOT_ALLOWED:
        raise rules.MayNotGoDown
    if branch.obstacles and not reason:
        raise rules.NoteRequired
    return {
        "receiver_id": org.id,
        "receiver_level": branch.place.level,
        "verdict": branch.decision.outcome,
        "reasons": branch.decision.as_rows(),
        "pack_hash": branch.decision.pack_hash,
    }


@all_or_nothing
def draft_down(stay: Stay, down: Down, *, by: Actor, at: datetime) -> Case:
    """Write a draft that sends somebody of the actor's ward down; it is offered once its package is complete.

    What was written of the package before there was a case is the case's. Raises NotPermitted, NotPossible for a stay that has
    ended, DuplicateOpen, and what `_there` and `keep_consent` raise.
    """
    if not by.may("referral.write") or stay.org_id != by.org_id:
        raise NotPermitted
    if stay.discharged_at is not None:
        raise rules.NotPossible(state=rules.DRAFT)
    origin = place(stay.org)
    number = next_number(origin.county, local_day(at), "D")
    case = Case(
        number=number,
        direction=rules.DOWN,
        state=rules.DRAFT,
        origin=stay.org,
        holder=stay.org,
        duty=stay.org,
        origin_level=origin.level,
        viewer_ids=[origin.id],
        requester_id=by.account_id,
        requester_name=by.name,
        stay=stay,
        **patient_columns(stay.resident, number),
        diagnosis_code=stay.diagnosis_code,
        diagnosis_name=stay.diagnosis_name,
        disease_group=stay.disease_group,
        group_version=stay.group_version,
        emergency=False,
        summary=down.summary,
        override_reason=down.reason,
        created_at=at,
        due_at=due(origin, "draft_within", at),
        **_there(stay, down.receiver_id, down.reason, at),
    )
    with refused_as(ONE_OPEN):
        case.save(force_insert=True)
    keep_consent(case, down.consent, at=at)
    continuity.put_under(stay.pk, number, by=by, at=at)
    record(case, by, at, "draft", "", rules.DRAFT, "")
    tasks.open_step(step_for(case, origin.id, access.DOCTOR, at), at=at)
    return case


def _decided(case: Case, down: Down, at: datetime) -> dict[str, Any]:
    """The columns that follow from what the ward decides anew. Raises what `_there` raises."""
    there = _there(stays.stay(case.stay_id), down.receiver_id, down.reason, at)
    return {**there, "summary": down.summary, "override_reason": down.reason}


def changeable(case: Case, by: Actor, at: datetime) -> None:
    """Whether somebody may change what the ward wrote, before it asks a branch or when it asked in vain.

    Raises NotYourMove, NotPossible.
    """
    if case.direction != rules.DOWN:
        raise rules.NotPossible(state=case.state)
    rules.step(queries.view_of(case), queries.party_of(case, by, at), "offer")


@all_or_nothing
def revise_down(number: str, down: Down, *, version: int, by: Actor, at: datetime) -> Case:
    """Change a draft before it is offered; judged as when it was written.

    Raises NotYourMove, NotPossible for what was offered already, Stale, and what `_there` and `keep_consent` raise.
    """
    case = queries.case(number)
    changeable(case, by, at)
    if case.state != rules.DRAFT:
        raise rules.NotPossible(state=case.state)
    swap(case, version, _decided(case, down, at))
    keep_consent(case, down.consent, at=at)
    record(case, by, at, "revise", case.state, case.state, "")
    return case


@all_or_nothing
def revise_and_offer(number: str, down: Down, *, version: int, by: Actor, at: datetime) -> Case:
    """Change a draft, or what was declined or missed, and offer it as one step. Raises what `offer_down` raises."""
    return offer_down(queries.case(number), down, version=version, by=by, at=at)


@all_or_nothing
def offer_down(case: Case, down: Down, *, version: int, by: Actor, at: datetime, note: str = "") -> Case:
    """Offer a draft, or what was declined or missed, to a branch, which sees the package from then on.

    Raises IncompletePackage (SM-3-6c), ConsentMissing, and what `_there` raises; the refusals of the table come first.
    """
    changeable(case, by, at)
    continuity.check(case.number)
    policy = queries.grounds(place(case.origin), local_day(at)).policy
    rules.check_consent(down.consent or consent_of(case), emergency=False, required=policy.consent_required)
    offered = carry_out(case, "offer", version=version, by=by, at=at, note=note, changes=_decided(case, down, at))
    keep_consent(offered, down.consent, at=at)
    continuity.let_see(case.number, down.receiver_id, by=by, at=at)
    return offered


def taken_over(case: Case, *, by: Actor, at: datetime) -> None:
    """The patient has arrived below: the branch may open their record, follows the plan from this day on (SM-3-6d), and they have
    the bed that was held."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT referral_welcome(%s, %s, %s)", [case.number, at, uuid7()])
    continuity.hand_over(case.number, case.receiver_id, local_day(at), by=by, at=at)
    lies_below(case, by=by, at=at)


def _told(plan: packages.Plan, note: str) -> str:
    """What the hospital reads first: why the patient comes back, then its own words of before, and what was followed up since."""
    package = plan.package
    words = (note, package.admitted_for, package.course, package.condition, package.medicines)
    since = (f"{f.planned_on:%Y-%m-%d} {f.note}" for f in plan.follow_ups if f.note)
    return "\n".join(w.strip() for w in (*words, *since) if w.strip())


@all_or_nothing
def return_up(number: str, consent: rules.ConsentGiven | None, *, version: int, by: Actor, at: datetime, note: str) -> Case:
    """Send a patient back to the hospital they were sent down from, with all that is on record; the plan ends.

    `note`: why. Raises NotYourMove for anybody but a doctor of the branch, NotReturned while the patient has not arrived or after
    the plan has ended, NoteRequired, and what writing an up-referral raises.
    """
    down = queries.case(number)
    if down.direction != rules.DOWN or down.receiver_id != by.org_id or by.role != access.DOCTOR:
        raise rules.NotYourMove(state=down.state)
    plan = packages.plan_of(number)
    if down.door_at is None or plan is None or plan.package.state != care.HANDED_OVER:
        raise rules.NotReturned
    if not note:
        raise rules.NoteRequired
    swap(down, version, {})
    found = diagnosis(down.diagnosis_code)
    visit = visits.register(registry.resident(down.resident_id), visits.NewVisit(found, note, False), by=by, at=at)
    up = Plan(found, down.origin_id, None, False, _told(plan, note), note, consent=consent)
    case = write_and_send(visit, up, by=by, at=at, returns=down)
    record(down, by, at, "return_up", down.state, down.state, note, to=case.number)
    continuity.end_plan(number, care.RETURNED, by=by, at=at)
    return case
