"""The only writes of this room. Each verb is one row of the table: state, event, audit, task and message change together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, connections, transaction

from fenji.care.catalogue.models import Diagnosis
from fenji.care.catalogue.queries import group_of
from fenji.care.catalogue.rules import GROUP_VERSION
from fenji.care.referral import queries, rules
from fenji.care.referral.models import Case, CaseEvent
from fenji.care.registry import queries as registry
from fenji.care.visits import actions as visits
from fenji.care.visits import rules as visit_rules
from fenji.care.visits.models import Visit
from fenji.ground.access import rules as access
from fenji.ground.access.actions import audit, opening
from fenji.ground.access.rules import AccessPolicy, Actor, reason_given
from fenji.ground.common.clock import deadline, local_day
from fenji.ground.common.decision import Decision
from fenji.ground.common.identity import age_on
from fenji.ground.common.ids import case_number, uuid7
from fenji.ground.common.refusal import NotPermitted, Refused, Stale, Unknown
from fenji.ground.common.text import mask_name
from fenji.ground.network.queries import Place, place_of
from fenji.ground.network.rules import CannotMerge
from fenji.ground.policy.queries import duty_calendar, resolve
from fenji.ground.tasks import actions as tasks

_PERMISSIONS = {
    rules.ORIGIN: "referral.write",
    rules.REVIEW: "referral.review",
    rules.RECEIVER: "referral.receive",
    rules.WARD: "referral.answer",
}


class DuplicateOpen(Refused):
    """The resident already has an open referral for this disease group."""

    code = "duplicate_open"


class WrongReceiver(Refused):
    """The chosen institution cannot receive this referral."""

    code = "wrong_receiver"


@dataclass(frozen=True, slots=True)
class Plan:
    """What the doctor decides about a referral."""

    diagnosis: Diagnosis
    receiver_id: int
    department_id: int | None
    emergency: bool
    summary: str
    override_reason: str


def _next_number(county: str, day: date) -> str:
    """The next case number. The sequence runs through 1 to 99,999 and begins again: unique as long as the whole deployment
    writes fewer cases a day, three times a province's; gaps are left by drafts that were refused."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('referral_number_seq')")
        return case_number("R", county, day, cursor.fetchone()[0])


@contextmanager
def _one_open_only() -> Iterator[None]:
    """The database allows a resident one open referral for a disease; its refusal gets its name here."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if getattr(error.__cause__, "diag", None) is None or error.__cause__.diag.constraint_name != "case_one_open":
            raise
        raise DuplicateOpen from None


def _receiver(org_id: int, origin: Place) -> Place:
    """The institution somebody chose to send to. Raises WrongReceiver when there is none, or none above the origin."""
    try:
        found = place_of(org_id)
    except Unknown:
        raise WrongReceiver from None
    if found.kind != "care" or found.level <= origin.level:
        raise WrongReceiver
    return found


def _planned(plan: Plan, origin: Place, at: datetime) -> dict[str, Any]:
    """The columns that follow from a plan, verdict included. Raises WrongReceiver."""
    receiver = _receiver(plan.receiver_id, origin)
    group = group_of(plan.diagnosis)
    judge = queries.judge_at(origin, group, local_day(at))
    decision = judge(receiver, emergency=plan.emergency, override=bool(plan.override_reason))
    return {
        "receiver_id": receiver.id,
        "receiver_level": receiver.level,
        "department_id": plan.department_id,
        "diagnosis_code": plan.diagnosis.code,
        "diagnosis_name": plan.diagnosis.name_zh,
        "disease_group": group,
        "group_version": GROUP_VERSION,
        "emergency": plan.emergency,
        "summary": plan.summary,
        "override_reason": plan.override_reason,
        **_verdict_columns(judge, decision),
    }


def _verdict_columns(judge: queries.Judge, decision: Decision) -> dict[str, Any]:
    return {
        "verdict": decision.outcome,
        "reasons": decision.as_rows(),
        "pack_hash": decision.pack_hash,
        "catalogue_version_id": judge.listing.catalogue_id,
        "treatable_version_id": judge.listing.treatable_id,
    }


def _judged_again(case: Case, origin: Place, receiver: Place, *, override: bool, at: datetime) -> dict[str, Any]:
    """The verdict on sending a case that is on file from its origin to a receiver, under the policy and the lists of this day."""
    judge = queries.judge_at(origin, case.disease_group, local_day(at))
    return _verdict_columns(judge, judge(receiver, emergency=case.emergency, override=override))


@transaction.atomic
def draft(visit: Visit, plan: Plan, *, by: Actor, at: datetime) -> Case:
    """Write a draft for a visit of the actor's institution. Raises NotPermitted, DuplicateOpen, WrongReceiver."""
    if not by.may("referral.write") or visit.org_id != by.org_id:
        raise NotPermitted
    origin = place_of(by.org_id)
    resident = visit.resident
    phone = registry.phone_of(resident)
    number = _next_number(origin.county, local_day(at))
    case = Case(
        number=number,
        state=rules.DRAFT,
        origin_id=origin.id,
        holder_id=origin.id,
        duty_id=origin.id,
        origin_level=origin.level,
        viewer_ids=[origin.id],
        requester_id=by.account_id,
        requester_name=by.name,
        resident=resident,
        visit=visit,
        patient_name=resident.name,
        patient_sex=resident.sex,
        patient_birth_date=resident.birth_date,
        patient_phone=settings.DATABASE_KEYS.seal(phone, f"case.phone:{number}"),
        created_at=at,
        due_at=_due(origin, "draft_within", at),
        **_planned(plan, origin, at),
    )
    with _one_open_only():
        case.save(force_insert=True)
    _record(case, by, at, "draft", "", rules.DRAFT, "")
    tasks.open_step(_step_for(case, origin.id, access.DOCTOR, at), at=at)
    return case


@transaction.atomic
def revise(number: str, plan: Plan, *, version: int, by: Actor, at: datetime) -> Case:
    """Change a draft or returned referral before it is sent. Raises NotYourMove, Stale, WrongReceiver, DuplicateOpen."""
    case = queries.case(number)
    party = rules.party_of(queries.view_of(case), by.account_id, by.role, by.org_id)
    if party != rules.ORIGIN or not by.may("referral.write"):
        raise rules.NotYourMove(state=case.state)
    if case.state not in (rules.DRAFT, rules.RETURNED):
        raise rules.NotPossible(state=case.state)
    planned = _planned(plan, place_of(case.origin_id), at)
    with _one_open_only():
        _swap(case, version, planned)
    _record(case, by, at, "revise", case.state, case.state, "")
    return case


def _swap(case: Case, version: int, changes: dict[str, Any]) -> None:
    """Compare and swap: the row changes only if it is still at `version`. Raises Stale."""
    changed = Case.objects.filter(pk=case.pk, version=version).update(**changes, version=version + 1)
    if not changed:
        raise Stale
    case.version = version + 1
    for name, value in changes.items():
        setattr(case, name, value)


def _due(place: Place, limit: str, at: datetime) -> datetime:
    day = local_day(at)
    span = getattr(queries.grounds(place, day).policy, limit)
    return deadline(at, span, duty_calendar(place.policy_path, day))


def _limit(case: Case, move: rules.Move) -> str:
    if move.limit == "accept_within" and case.emergency:
        return "accept_emergency_within"
    return move.limit


def _record(case: Case, by: Actor, at: datetime, action: str, before: str, after: str, note: str) -> None:
    CaseEvent.objects.create(
        case=case,
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
    audit(by=by, at=at, action=f"referral.{action}", subject=case.number, before=before, after=after)


def _step_for(case: Case, org_id: int, role: str, at: datetime) -> tasks.Step:
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


@transaction.atomic
def _move(
    case: Case, action: str, *, version: int, by: Actor, at: datetime, note: str = "", changes: dict[str, Any] | None = None
) -> Case:
    """Carry out one row of the table. Raises the refusals of `rules`, Stale, NotPermitted."""
    view = queries.view_of(case)
    party = rules.party_of(view, by.account_id, by.role, by.org_id)
    if party is not None and not by.may(_PERMISSIONS[party]):
        raise NotPermitted
    if version != case.version:
        raise Stale
    move = rules.step(view, party, action)
    if move.note and not note:
        raise rules.NoteRequired
    told_before = case.receiver_id
    before = case.state
    _swap(case, version, _changes(case, move, at, changes or {}))
    _record(case, by, at, action, before, case.state, note)
    tasks.close_step(case.number, at=at)
    if case.holder_id is not None:
        tasks.open_step(_step_for(case, case.holder_id, move.role, at), at=at)
    _tell(case, move, action, told_before, at)
    return case


def _changes(case: Case, move: rules.Move, at: datetime, extra: dict[str, Any]) -> dict[str, Any]:
    receiver_id = extra.get("receiver_id", case.receiver_id)
    parties = {rules.ORIGIN: case.origin_id, rules.RECEIVER: receiver_id}
    holder_id = parties.get(move.holder)
    viewers = [*case.viewer_ids]
    if move.state == rules.OFFERED and receiver_id not in viewers:
        viewers.append(receiver_id)
    changes = {
        **extra,
        "state": move.state,
        "holder_id": holder_id,
        "duty_id": parties[rules.duty_after(case.state, move.state)],
        "viewer_ids": viewers,
        "due_at": _due(place_of(holder_id), _limit(case, move), at) if holder_id else None,
    }
    if move.state in rules.ENDS:
        changes["ended_at"] = at
    return changes


def _tell(case: Case, move: rules.Move, action: str, receiver_before: int, at: datetime) -> None:
    if not move.tells:
        return
    org_id, role = (case.origin_id, access.DOCTOR) if move.tells == rules.ORIGIN else (receiver_before, access.DESK)
    url = f"/referrals/{case.number}/"
    tasks.send(f"referral.{action}", org_id=org_id, role=role, subject=case.number, url=url, at=at)


@transaction.atomic
def submit(number: str, *, version: int, by: Actor, at: datetime) -> Case:
    """Send a draft or returned referral on its way: to review when the verdict asks for it, else to the receiver.

    Raises VerdictForbids when a level is skipped without a reason, NoteRequired when the verdict asks for a reason in words.
    """
    case = queries.case(number)
    if case.state not in (rules.DRAFT, rules.RETURNED):
        raise rules.NotPossible(state=case.state)  # offering again after a refusal is another verb
    origin, receiver = place_of(case.origin_id), place_of(case.receiver_id)
    verdict = _judged_again(case, origin, receiver, override=bool(case.override_reason), at=at)
    return _send(case, verdict, version=version, by=by, at=at)


@transaction.atomic
def send_just_written(case: Case, *, by: Actor, at: datetime) -> Case:
    """Send a case that `draft` or `revise` has returned in this same transaction: its verdict is of this moment.

    Raises what `submit` raises.
    """
    return _send(case, {"verdict": case.verdict, "reasons": case.reasons}, version=case.version, by=by, at=at)


def _send(case: Case, verdict: dict[str, Any], *, version: int, by: Actor, at: datetime) -> Case:
    if verdict["verdict"] == rules.NOT_ALLOWED:
        raise rules.VerdictForbids
    if rules.reason_asked(r["code"] for r in verdict["reasons"]) and not case.override_reason:
        raise rules.NoteRequired
    action = "submit" if verdict["verdict"] == rules.NEEDS_REVIEW else "offer"
    sent = _move(case, action, version=version, by=by, at=at, changes=verdict)
    visit = sent.visit
    if visit.disposition in (visit_rules.OPEN, visit_rules.OBSERVE):
        visits.close(visit, visit_rules.REFERRED_UP, by=by, at=at)
    return sent


def approve(number: str, *, version: int, by: Actor, at: datetime, note: str = "") -> Case:
    """The reviewer lets it go up."""
    return _move(queries.case(number), "approve", version=version, by=by, at=at, note=note)


def send_back(number: str, *, version: int, by: Actor, at: datetime, note: str) -> Case:
    """The reviewer returns it: treat locally, or complete it."""
    return _move(queries.case(number), "return", version=version, by=by, at=at, note=note)


def accept(number: str, *, version: int, by: Actor, at: datetime, note: str = "") -> Case:
    """The receiving desk takes the patient."""
    return _move(queries.case(number), "accept", version=version, by=by, at=at, note=note)


def decline(number: str, *, version: int, by: Actor, at: datetime, note: str) -> Case:
    """The receiving desk does not take the patient, and says why."""
    return _move(queries.case(number), "decline", version=version, by=by, at=at, note=note)


@transaction.atomic
def redirect(number: str, receiver_id: int, *, version: int, by: Actor, at: datetime, note: str) -> Case:
    """The receiving desk passes it to another institution above the origin. Raises WrongReceiver.

    The verdict is taken anew for the new way; the note, which is required, stands as the reason for a level that is skipped.
    """
    case = queries.case(number)
    origin = place_of(case.origin_id)
    receiver = _receiver(receiver_id, origin)
    if receiver.id == case.receiver_id:
        raise WrongReceiver
    verdict = _judged_again(case, origin, receiver, override=True, at=at)
    changes = {"receiver_id": receiver.id, "receiver_level": receiver.level, "department_id": None, **verdict}
    return _move(case, "redirect", version=version, by=by, at=at, note=note, changes=changes)


def arrive(number: str, *, version: int, by: Actor, at: datetime, note: str = "") -> Case:
    """The patient is there; the receiver is clinically responsible from now on."""
    return _move(queries.case(number), "arrive", version=version, by=by, at=at, note=note)


def miss(number: str, *, version: int, by: Actor, at: datetime, note: str) -> Case:
    """The patient did not come."""
    return _move(queries.case(number), "miss", version=version, by=by, at=at, note=note)


def answer(number: str, findings: str, advice: str, *, version: int, by: Actor, at: datetime) -> Case:
    """The receiving doctor tells the sender what was found. Raises NoteRequired when the findings are empty."""
    changes = {"findings": findings, "advice": advice}
    return _move(queries.case(number), "answer", version=version, by=by, at=at, note=findings, changes=changes)


def acknowledge(number: str, *, version: int, by: Actor, at: datetime, note: str = "") -> Case:
    """The sender has read the answer; the case is closed."""
    return _move(queries.case(number), "acknowledge", version=version, by=by, at=at, note=note)


@transaction.atomic
def offer_again(number: str, receiver_id: int, *, version: int, by: Actor, at: datetime, note: str = "") -> Case:
    """After a refusal or a missed appointment: to the same or another institution. The levels are judged anew.

    Raises WrongReceiver, VerdictForbids.
    """
    case = queries.case(number)
    origin = place_of(case.origin_id)
    receiver = _receiver(receiver_id, origin)
    verdict = _judged_again(case, origin, receiver, override=bool(case.override_reason or note), at=at)
    if verdict["verdict"] == rules.NOT_ALLOWED:
        raise rules.VerdictForbids
    if case.state not in (rules.DECLINED, rules.MISSED):
        raise rules.NotPossible(state=case.state)
    changes = {"receiver_id": receiver.id, "receiver_level": receiver.level, **verdict}
    return _move(case, "offer", version=version, by=by, at=at, note=note, changes=changes)


def end(number: str, action: str, *, version: int, by: Actor, at: datetime, note: str = "") -> Case:
    """The endings a party may choose: withdraw, close, chose_elsewhere, died."""
    return _move(queries.case(number), action, version=version, by=by, at=at, note=note)


def expire_forgotten(*, at: datetime, using: str = "job", limit: int = 200) -> int:
    """End cases whose origin has let its move lie past the policy's limit. Runs as the job role; returns how many."""
    forgotten = Case.objects.using(using).filter(state__in=rules.EXPIRING, due_at__lt=at)
    rows = forgotten.order_by("due_at").values_list("id", "number", "state", "version", "origin_id", "due_at")[:limit]
    return sum(_expire(*row, at=at, using=using) for row in rows)


def _expire(
    case_id: object, number: str, state: str, version: int, origin_id: int, due_at: datetime, *, at: datetime, using: str
) -> bool:
    origin = place_of(origin_id, using)
    day = local_day(at)
    limit = queries.grounds(origin, day).policy.expires_after
    if deadline(due_at, limit, duty_calendar(origin.policy_path, day)) > at:
        return False
    house = access.house(origin_id)
    with transaction.atomic(using=using):
        changed = (
            Case.objects.using(using)
            .filter(pk=case_id, version=version, state=state)
            .update(state=rules.EXPIRED, holder_id=None, due_at=None, ended_at=at, version=version + 1)
        )
        if not changed:
            return False
        CaseEvent.objects.using(using).create(
            case_id=case_id, at=at, actor_id=house.account_id, actor_name="", role=house.role, org_name="", action="expire",
            before=state, after=rules.EXPIRED,
        )  # fmt: skip
        tasks.close_step(number, at=at, using=using)
        audit(by=house, at=at, action="referral.expire", subject=number, before=state, after=rules.EXPIRED, using=using)
    return True


def identify(number: str, reason: str, *, by: Actor, at: datetime) -> UUID:
    """Ask for the identity behind a referral, as an officer; returns the opening against which `handed_out` gives it, once.

    Raises NotPermitted, ReasonTooShort, TooManyOpenings. `number`: a referral whose facts the actor sees.
    """
    if not by.may("facts.identify"):
        raise NotPermitted
    words = reason_given(reason, resolve(AccessPolicy, place_of(by.org_id).policy_path, local_day(at)))
    glass_id = uuid7()
    with opening() as cursor:
        cursor.execute("SELECT referral_identify(%s, %s, %s, %s, %s)", [number, words, glass_id, uuid7(), uuid7()])
    return glass_id


def handed_out(number: str, glass_id: UUID, *, by: Actor) -> queries.Identity | None:
    """Who is behind a referral, against an opening of the actor's own; None when it was used, is over, or never was."""
    if not by.may("facts.identify"):
        raise NotPermitted
    with connection.cursor() as cursor:
        cursor.execute("SELECT number, name, sex, birth_date, phone FROM referral_identity(%s)", [glass_id])
        row = cursor.fetchone()
    if row is None or row[0] != number:
        return None
    phone = settings.DATABASE_KEYS.open(bytes(row[4]), f"case.phone:{number}")
    return queries.Identity(row[1], row[2], row[3], phone)


_SEEN = (
    "UPDATE referral_case SET viewer_ids = viewer_ids || %(heir)s WHERE viewer_ids @> ARRAY[%(org)s]"
    " AND NOT viewer_ids @> ARRAY[%(heir)s]"
)
_PARTIES = "UPDATE referral_case SET {} WHERE %(org)s IN (origin_id, receiver_id) AND ended_at IS NULL".format(
    ", ".join(
        f"{c} = CASE {c} WHEN %(org)s THEN %(heir)s ELSE {c} END" for c in ("origin_id", "receiver_id", "holder_id", "duty_id")
    )
)


def inherit(predecessor: int, successor: int, using: str) -> None:
    """Open cases of an institution that went into another move on there; ended ones stay as they were, and can be read there.

    Raises CannotMerge while one of the two has an open referral to the other: nobody could be both its parties.
    """
    both = (predecessor, successor)
    if Case.objects.using(using).filter(origin_id__in=both, receiver_id__in=both, ended_at=None).exists():
        raise CannotMerge(why="open_between")
    with connections[using].cursor() as cursor:
        for statement in (_SEEN, _PARTIES):
            cursor.execute(statement, {"org": predecessor, "heir": successor})
