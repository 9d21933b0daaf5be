"""Handing a visit over: proposed, then accepted or declined. Until it is accepted the first doctor answers for it (SM-3-4c)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from fenji.care.visits import queries, rules
from fenji.care.visits.actions.shared import done, record, swap, wait
from fenji.care.visits.models import Handover, Visit
from fenji.ground.access.rules import DOCTOR, Actor
from fenji.ground.common.clock import deadline, local_day
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import departments_of, place_of
from fenji.ground.policy.queries import duty_calendar, resolve


@all_or_nothing
def hand_over(
    visit_id: UUID, *, to: UUID | None, department_id: int | None, note: str, version: int, by: Actor, at: datetime
) -> Handover:
    """Propose that another doctor of the institution, or any of a department, takes a visit over.

    The responsible doctor proposes; the head of the institution may, for one who is gone. Raises NotPermitted, NotResponsible,
    HandoverOpen, Stale, Unknown.
    """
    visit = queries.visit(visit_id)
    if visit.org_id != by.org_id or not (by.may("visit.write") or by.may("visit.settle")):
        raise NotPermitted
    if visit.doctor_id != by.account_id and not by.may("visit.settle"):
        raise rules.NotResponsible(who=visit.doctor_name)
    if visit.closed_at is not None or visit.disposition == rules.REFERRED_UP:
        raise Stale
    name = queries.doctors_of(visit.org_id, at).get(to, "") if to else ""
    if (to and not name) or to == visit.doctor_id:
        raise Unknown(what="doctor")
    if department_id is not None and department_id not in {d.id for d in departments_of(visit.org_id)}:
        raise Unknown(what="department")
    if to is None and department_id is None:
        raise Unknown(what="doctor")
    swap(visit, version)
    made = Handover(
        visit=visit,
        from_id=visit.doctor_id,
        from_name=visit.doctor_name,
        to_id=to,
        to_name=name,
        department_id=department_id,
        note=note,
        proposed_at=at,
    )
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError:
        raise rules.HandoverOpen from None
    place, day = place_of(visit.org_id), local_day(at)
    within = resolve(rules.VisitsPolicy, place.policy_path, day).handover_within
    record(visit, "hand_over", by=by, at=at, note=note, after=str(to or department_id))
    wait(visit, "handover", DOCTOR, deadline(at, within, duty_calendar(place.policy_path, day)), at=at)
    return made


def _waiting(visit_id: UUID, by: Actor) -> tuple[Visit, Handover]:
    visit = queries.visit(visit_id)
    if not by.may("visit.write") or visit.org_id != by.org_id:
        raise NotPermitted
    found = Handover.objects.filter(visit=visit, state=rules.PROPOSED).first()
    if found is None:
        raise rules.NotForYou
    return visit, found


def _answer(found: Handover, state: str, by_name: str, at: datetime, answer: str = "") -> None:
    # the visit's version was swapped before: nobody else can be answering
    Handover.objects.filter(pk=found.pk).update(
        state=state, answered_at=at, answered_by=by_name, answer=answer, version=found.version + 1
    )


@all_or_nothing
def accept_hand_over(visit_id: UUID, *, version: int, by: Actor, at: datetime) -> Visit:
    """Take a visit over: the actor answers for it from now on. Raises NotPermitted, NotForYou, Stale, Unknown."""
    visit, found = _waiting(visit_id, by)
    rules.check_answer(rules.HandoverView(found.state, found.from_id, found.to_id), by.account_id)
    before = visit.doctor_id
    changes = {"department_id": found.department_id} if found.department_id else {}
    swap(visit, version, doctor_id=by.account_id, doctor_name=by.name, **changes)
    _answer(found, rules.ACCEPTED, by.name, at)
    record(visit, "hand_over.accept", by=by, at=at, before=str(before), after=str(by.account_id))
    done(visit, "handover", at=at)
    return visit


@all_or_nothing
def decline_hand_over(visit_id: UUID, answer: str, *, version: int, by: Actor, at: datetime) -> Visit:
    """Decline: the first doctor stays responsible. Raises NotPermitted, NotForYou, Stale, Unknown."""
    visit, found = _waiting(visit_id, by)
    rules.check_answer(rules.HandoverView(found.state, found.from_id, found.to_id), by.account_id)
    swap(visit, version)
    _answer(found, rules.DECLINED, by.name, at, answer)
    record(visit, "hand_over.decline", by=by, at=at, note=answer)
    done(visit, "handover", at=at)
    return visit


@all_or_nothing
def withdraw_hand_over(visit_id: UUID, *, version: int, by: Actor, at: datetime) -> Visit:
    """Take a proposal back, as the doctor who made it. Raises NotPermitted, NotForYou, Stale, Unknown."""
    visit, found = _waiting(visit_id, by)
    if visit.doctor_id != by.account_id:
        raise rules.NotForYou
    swap(visit, version)
    _answer(found, rules.WITHDRAWN, by.name, at)
    record(visit, "hand_over.withdraw", by=by, at=at)
    done(visit, "handover", at=at)
    return visit


def drop_hand_over(visit: Visit, *, at: datetime, using: str = "default") -> None:
    """A visit that closes needs no hand-over any more."""
    dropped = Handover.objects.using(using).filter(visit=visit, state=rules.PROPOSED)
    if dropped.update(state=rules.WITHDRAWN, answered_at=at):
        done(visit, "handover", at=at, using=using)
