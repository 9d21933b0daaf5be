"""One row of the table carried out: state, event, audit, task and message change together."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from fenji.care.referral import queries, rules
from fenji.care.referral.actions import beds, links, slots
from fenji.care.referral.models import Case, CaseEvent
from fenji.ground.access import rules as access
from fenji.ground.access.actions import audit
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import deadline, local_day
from fenji.ground.common.identity import age_on
from fenji.ground.common.refusal import NotPermitted, Stale
from fenji.ground.common.text import mask_name
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import Place, place, place_of
from fenji.ground.policy.queries import duty_calendar
from fenji.ground.tasks import actions as tasks

_PERMISSIONS = {
    rules.ORIGIN: "referral.write",
    rules.REVIEW: "referral.review",
    rules.RECEIVER: "referral.receive",
    rules.WARD: "referral.answer",
    rules.UPPER: "referral.review",
}


def swap(case: Case, version: int, changes: dict[str, Any]) -> None:
    """Compare and swap: the row changes only if it is still at `version`. Raises Stale."""
    changed = Case.objects.filter(pk=case.pk, version=version).update(**changes, version=version + 1)
    if not changed:
        raise Stale
    case.version = version + 1
    for name, value in changes.items():
        setattr(case, name, value)


def due(place: Place, limit: str, at: datetime) -> datetime:
    """The deadline that starts now at a place. `limit`: a field of the policy."""
    day = local_day(at)
    span = getattr(queries.grounds(place, day).policy, limit)
    return deadline(at, span, duty_calendar(place.policy_path, day))


def _limit(case: Case, move: rules.Move) -> str:
    if move.limit == "accept_within" and case.emergency and case.happened_at is None:
        return "accept_emergency_within"
    return move.limit


def record(
    case: Case,
    by: Actor,
    at: datetime,
    action: str,
    before: str,
    after: str,
    note: str,
    *,
    using: str = "default",
    **detail: object,
) -> None:
    """One line of the timeline, with its audit row. `detail`: ids and codes for the audit row alone."""
    CaseEvent.objects.using(using).create(
        case_id=case.pk,
        at=at,
        actor_id=by.account_id,
        actor_name=by.name,
        role=by.role,
        org_name=by.org_name,
        action=action,
        before=before,
        after=after,
        note=note,
    )
    audit(by=by, at=at, action=f"referral.{action}", subject=case.number, before=before, after=after, using=using, **detail)


def step_for(case: Case, org_id: int, role: str, at: datetime) -> tasks.Step:
    """The waiting step of a case as it stands now."""
    return tasks.Step(
        kind=f"referral.{case.state}",
        subject=case.number,
        url=f"/referrals/{case.number}/",
        who=mask_name(case.patient_name),
        sex=case.patient_sex,
        age=age_on(case.patient_birth_date, local_day(at)),
        topic=case.diagnosis_name,
        org_id=org_id,
        role=role,
        viewer_ids=tuple(case.viewer_ids),
        due_at=case.due_at or at,
        urgent=case.emergency,
    )


@all_or_nothing
def carry_out(
    case: Case,
    action: str,
    *,
    version: int,
    by: Actor,
    at: datetime,
    note: str = "",
    changes: dict[str, Any] | None = None,
    role: str = "",
    new: bool = False,
) -> Case:
    """Carry out one row of the table. Raises the refusals of `rules`, Stale, NotPermitted.

    `changes`: columns besides; a `due_at` among them stands in place of the deadline that the table sets. `role`: on whose desk
    the next step goes, where that is not the table's. `new`: the case was written in this same change: no step of it is open, and
    its slot is held as for a case that is sent.
    """
    view = queries.view_of(case)
    party = queries.party_of(case, by, at)
    # whoever reviews for a colleague does so without the role's permission
    if party is not None and not by.may(_PERMISSIONS[party]) and not (party == rules.REVIEW and queries.delegation_of(by, at)):
        raise NotPermitted
    if version != case.version:
        raise Stale
    move = rules.step(view, party, action)
    if move.note and not note:
        raise rules.NoteRequired
    told_before = case.receiver_id
    before = case.state
    swap(case, version, _changes(case, move, at, changes or {}))
    # why somebody goes past the levels and the reviewer stands in the audit trail with the step that did it (QZ-2-11b)
    why = {"green": case.green} if case.emergency and move.state == rules.OFFERED else {}
    record(case, by, at, action, before, case.state, note, **why)
    if move.limit != rules.RUNNING:
        if not new:
            tasks.close_step(case.number, at=at)
        if case.holder_id is not None:
            tasks.open_step(step_for(case, case.holder_id, role or _role(case, move, at), at), at=at)
    if case.holder_id is None:
        close_meeting(case.number, case.met, at=at)
    _tell(case, move, action, told_before, by, at)
    if not new:
        beds.follow(case, told_before, by=by, at=at)
    if case.direction == rules.UP and not new:
        slots.follow(case, action, by=by, at=at)
    links.follow(case, by=by, at=at)
    return case


def _role(case: Case, move: rules.Move, at: datetime) -> str:
    """On whose desk the next step goes. A branch below may have no referral desk."""
    down = case.direction == rules.DOWN and move.holder == rules.RECEIVER
    return queries.receiving_role(case.receiver_id, at) if down else move.role


def close_meeting(number: str, met: str, *, at: datetime, using: str = "default") -> None:
    """When one of two cases of one person ends, nobody has to look at the two any more."""
    if met:
        for subject in (f"{number} + {met}", f"{met} + {number}"):
            tasks.close_step(subject, at=at, using=using)


def _changes(case: Case, move: rules.Move, at: datetime, extra: dict[str, Any]) -> dict[str, Any]:
    receiver_id = extra.get("receiver_id", case.receiver_id)
    reviewer_id = extra.get("review_org_id", case.review_org_id)
    parties = {rules.ORIGIN: case.origin_id, rules.RECEIVER: receiver_id, rules.REVIEW: reviewer_id}
    holder_id = parties.get(move.holder)
    viewers = [*case.viewer_ids]
    if holder_id is not None and holder_id not in viewers:
        viewers.append(holder_id)
    changes = {
        **_times(case, move, at),
        **extra,
        "state": move.state,
        "holder_id": holder_id,
        "duty_id": parties[rules.duty_after(case.state, move.state)],
        "viewer_ids": viewers,
    }
    if move.limit != rules.RUNNING:
        ends = due(_party_place(case, holder_id), _limit(case, move), at) if holder_id else None
        changes["due_at"] = extra.get("due_at") or ends
    if move.state == rules.OFFERED:
        day = local_day(at)
        changes["valid_until"] = day + timedelta(days=queries.grounds(place(case.origin), day).policy.slip_valid_days)
    if move.state in rules.ENDS:
        changes["ended_at"] = at
    return changes


def _party_place(case: Case, org_id: int) -> Place:
    """Where a party of a case is, from what was read with the case where that names it."""
    if org_id == case.origin_id:
        return place(case.origin)
    return place(case.receiver) if org_id == case.receiver_id else place_of(org_id)


def _times(case: Case, move: rules.Move, at: datetime) -> dict[str, Any]:
    """The instants of one journey that a step begins or ends; a patient who did not come begins another."""
    if move.limit == rules.RUNNING:
        return {}
    if move.state == rules.OFFERED:
        return {"offered_at": case.offered_at or at, "lapsed_at": None}
    if move.state == rules.ACCEPTED:
        return {"accepted_at": at}
    if move.state == rules.ARRIVED:
        return {
            "door_at": at,
            "accepted_at": case.accepted_at or at,
            "came_unaccepted": case.emergency and case.state == rules.OFFERED,
        }
    if rules.arrives_below(case.state, move.state):
        return {"door_at": at}
    return dict.fromkeys(("offered_at", "accepted_at", "door_at")) if move.state == rules.MISSED else {}


def _tell(case: Case, move: rules.Move, action: str, receiver_before: int, by: Actor, at: datetime) -> None:
    url = f"/referrals/{case.number}/"
    down = case.direction == rules.DOWN and move.tells == rules.RECEIVER
    desk = queries.receiving_role(receiver_before, at) if down else access.DESK
    for org_id, role in told(move, case.origin_id, receiver_before, desk):
        tasks.send(f"referral.{action}", org_id=org_id, role=role, subject=case.number, url=url, at=at, sender_id=by.org_id)


def told(move: rules.Move, origin_id: int, receiver_id: int, desk: str = access.DESK) -> list[tuple[int, str]]:
    """Who gets the notice of a step: (organisation, role). `desk`: the role at the receiver."""
    origin, receiver = (origin_id, access.DOCTOR), (receiver_id, desk)
    return {"": [], rules.ORIGIN: [origin], rules.RECEIVER: [receiver], rules.BOTH: [origin, receiver]}[move.tells]
