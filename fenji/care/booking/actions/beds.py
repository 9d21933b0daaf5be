"""Wards and beds that are set up; a bed for one patient: held, confirmed by the ward, used, released."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import F, Model, Q

from fenji.care.booking import queries, rules
from fenji.care.booking.actions.bookings import Who, end_wait
from fenji.care.booking.models import Bed, BedHold, WaitEntry, Ward
from fenji.care.visits.queries import doctors_of
from fenji.ground.access.actions import audit
from fenji.ground.access.rules import DESK, DOCTOR, Actor
from fenji.ground.common.clock import deadline, local_day
from fenji.ground.common.refusal import NotPermitted, Refused, Stale, Unknown
from fenji.ground.common.rows import refused_as
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.models import Post
from fenji.ground.network.queries import departments_of, place, place_of
from fenji.ground.policy.queries import duty_calendar
from fenji.ground.tasks import actions as tasks

NAMED: Mapping[str, Callable[[], Refused]] = {
    "bedhold_one_on_a_bed": rules.BedTaken,
    "bedhold_nobody_lies": rules.BedTaken,
    "bedhold_open": rules.BedClosed,
    "bedhold_one_of_a_subject": Stale,  # the same patient, held elsewhere at this moment
    "ward_name_once": partial(rules.BadWard, why="ward_name"),
    "ward_shared_once": partial(rules.BadWard, why="ward_department"),
    "bed_name_once": partial(rules.BadWard, why="bed_name"),
}
"""What the database refuses of wards and beds, by the name of its constraint."""

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class NewWard:
    """A ward as its institution's head sets it up. `partner_*`: of the institution that shares it; `doctor_id`: an account."""

    name: str
    kind: str
    doctor_id: UUID | None = None
    partner_id: int | None = None
    partner_department_id: int | None = None
    partner_doctor_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class NewBed:
    """A bed as its institution's head sets it up."""

    room: str
    name: str
    sex: str = rules.ANY
    isolation: bool = False
    state: str = rules.IN_USE


def _saved(row: M) -> M:
    with refused_as(NAMED, within="default"):
        row.save(force_insert=True)
    return row


def _swapped(row: Any, version: int, **facts: Any) -> None:
    """Compare and swap. Raises Stale."""
    with refused_as(NAMED, within="default"):
        changed = type(row).objects.filter(pk=row.pk, version=version).update(version=version + 1, **facts)
    if not changed:
        raise Stale
    for name, value in (*facts.items(), ("version", version + 1)):
        setattr(row, name, value)


# --- wards and beds ----------------------------------------------------------------------------------------------------------


def _ward_facts(new: NewWard, org_id: int, at: datetime) -> dict[str, Any]:
    """The columns of a ward as they were asked for. Raises BadWard, Unknown."""
    named = (new.doctor_id is not None, new.partner_doctor_id is not None and new.partner_department_id is not None)
    rules.checked_ward(new.kind, org_id=org_id, partner_id=new.partner_id, doctors=named)
    facts = {"name": new.name, "kind": new.kind, **_doctor("doctor", new.doctor_id, org_id, at)}
    if new.partner_id is None:
        none = {"partner_id": None, "partner_department_id": None}
        return {**facts, **none, **_doctor("partner_doctor", None, org_id, at)}
    if new.partner_department_id not in {d.id for d in departments_of(new.partner_id)}:
        raise Unknown(what="department")
    own_there = Ward.objects.filter(department_id=new.partner_department_id, end=None)
    if own_there.exists():
        raise rules.BadWard(why="ward_department")
    both = {"partner_id": new.partner_id, "partner_department_id": new.partner_department_id}
    return {**facts, **both, **_doctor("partner_doctor", new.partner_doctor_id, new.partner_id, at)}


def _doctor(column: str, account_id: UUID | None, org_id: int, at: datetime) -> dict[str, Any]:
    if account_id is None:
        return {f"{column}_id": None, f"{column}_name": ""}
    known = doctors_of(org_id, at)
    if account_id not in known:
        raise Unknown(what="doctor")
    return {f"{column}_id": account_id, f"{column}_name": known[account_id]}


def _may_set_up(by: Actor, org_id: int) -> None:
    if not by.may("bed.write") or by.org_id != org_id:
        raise NotPermitted


@all_or_nothing
def open_ward(department_id: int, new: NewWard, *, by: Actor, at: datetime) -> Ward:
    """A ward of a department of one's own institution, from today on (SM-1-2a). Raises NotPermitted, Unknown, BadWard."""
    _may_set_up(by, by.org_id)
    if department_id not in {d.id for d in departments_of(by.org_id)}:
        raise Unknown(what="department")
    if Ward.objects.filter(partner_department_id=department_id, end=None).exists():
        raise rules.BadWard(why="ward_department")
    here = place_of(by.org_id)
    facts = _ward_facts(new, here.id, at)
    made = _saved(Ward(org_id=here.id, path=here.path, department_id=department_id, start=local_day(at), **facts))
    audit(by=by, at=at, action="ward.open", subject=f"ward:{made.pk}", after=made.kind, org=here.id)
    return made


@all_or_nothing
def change_ward(ward_id: UUID, new: NewWard, *, version: int, by: Actor, at: datetime) -> Ward:
    """Another name, kind, doctor or partner. Raises NotPermitted, Unknown, Stale, BadWard."""
    row = _open(ward_id, by, at)
    before = row.kind
    _swapped(row, version, **_ward_facts(new, row.org_id, at))
    audit(by=by, at=at, action="ward.change", subject=f"ward:{row.pk}", before=before, after=row.kind, org=row.org_id)
    return row


@all_or_nothing
def close_ward(ward_id: UUID, *, version: int, by: Actor, at: datetime) -> Ward:
    """The ward ends today, with its beds; who waits for it waits for another of its kind. Raises NotPermitted, Unknown, Stale,
    BedInUse while somebody has a bed there."""
    row = _open(ward_id, by, at)
    for found in queries.beds_of([row.id]).get(row.id, []):
        if found.state == rules.IN_USE:
            _lock(found)
            _close_bed(found, at)
            _swapped(found, found.version, state=rules.CLOSED)
    _swapped(row, version, end=local_day(at))
    _wait_elsewhere(row, at)
    audit(by=by, at=at, action="ward.close", subject=f"ward:{row.pk}", before=row.kind, org=row.org_id)
    return row


def _wait_elsewhere(row: Ward, at: datetime) -> None:
    """Who waits for a ward that closes waits for any other of its kind, where they stood in the queue; who asked is told."""
    waiting = list(WaitEntry.objects.filter(ward=row, state=rules.WAITING))
    WaitEntry.objects.filter(pk__in=[w.pk for w in waiting]).update(ward=None, version=F("version") + 1)
    for entry in waiting:
        tasks.send("booking.ward_closed", org_id=entry.origin_id, role=DOCTOR, subject=entry.subject, url=entry.url, at=at)


def _open(ward_id: UUID, by: Actor, at: datetime) -> Ward:
    row = queries.ward(ward_id)
    _may_set_up(by, row.org_id)
    if row.end is not None:
        raise Stale
    return row


@all_or_nothing
def add_bed(ward_id: UUID, new: NewBed, *, by: Actor, at: datetime) -> Bed:
    """One more bed in a ward. Raises NotPermitted, Unknown, Stale, BadWard (why=bed_name: the department has one of this name)."""
    row = _open(ward_id, by, at)
    facts = _bed_facts(new)
    made = _saved(Bed(ward=row, org_id=row.org_id, path=row.path, department_id=row.department_id, **facts))
    audit(by=by, at=at, action="bed.add", subject=f"bed:{made.pk}", after=made.state, org=row.org_id)
    return made


@all_or_nothing
def change_bed(bed_id: UUID, new: NewBed, *, version: int, by: Actor, at: datetime) -> Bed:
    """Another room, name or use of a bed; closed, or taken into use again. Raises NotPermitted, Unknown, Stale, BadWard, BedInUse
    when somebody has the bed and it would be closed or called otherwise."""
    row = queries.bed(bed_id)
    _open(row.ward_id, by, at)
    _lock(row)
    if new.state == rules.CLOSED or new.name != row.name:
        _close_bed(row, at)
    before = row.state
    _swapped(row, version, **_bed_facts(new))
    audit(by=by, at=at, action="bed.change", subject=f"bed:{row.pk}", before=before, after=row.state, org=row.org_id)
    return row


def _bed_facts(new: NewBed) -> dict[str, Any]:
    if new.sex not in rules.BED_SEXES or new.state not in rules.BED_STATES or not new.room or not new.name:
        raise rules.BadWard(why="bed_fields")
    return {"room": new.room, "name": new.name, "sex": new.sex, "isolation": new.isolation, "state": new.state}


def _close_bed(row: Bed, at: datetime) -> None:
    if queries.bed_facts(row, at).takings:
        raise rules.BedInUse


# --- holds -------------------------------------------------------------------------------------------------------------------


def _lock(row: Bed) -> None:
    """Wait for whoever else wants a bed in this room; what is read after it is what they have written."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT booking_room_lock(%s)", [row.pk])


def bed_step(subject: str) -> str:
    """What the step is about that asks a ward to confirm a hold."""
    return f"{subject}/bed"


def desk_of(org_id: int, at: datetime, using: str = "default") -> str:
    """Who in an institution is asked about beds: its referral desk, where there is none the doctors."""
    held = Post.objects.using(using).filter(Q(end=None) | Q(end__gt=at), org_id=org_id, role=DESK, start__lte=at)
    return DESK if held.exists() else DOCTOR


@all_or_nothing
def hold_bed(
    bed_id: UUID,
    *,
    subject: str,
    url: str,
    who: Who,
    topic: str,
    isolation: bool,
    viewer_ids: Iterable[int],
    origin_id: int,
    by: Actor,
    at: datetime,
) -> BedHold:
    """Hold a bed for a patient until the ward confirms it, for the time of the policy. Another live hold of the same subject is
    given up for it. `viewer_ids`: parties of the subject; the institutions of the ward are added. The ward's desk gets a step.

    Who waits for a bed keeps the place in the queue until a ward has confirmed one.

    Raises NotPermitted, Unknown, BedClosed, BedTaken, BedUnknown, BedOtherSex, RoomOtherSex, BedSexUnknown, NoIsolation,
    IsolationKept.
    """
    if not by.may("bed.hold") or by.org_id != origin_id:
        raise NotPermitted
    row = queries.bed(bed_id)
    _lock(row)
    row = queries.bed(bed_id)
    where, today = place(row.org), local_day(at)
    policy = queries.bed_policy_at(where, today)
    rules.may_lie(queries.bed_facts(row, at), rules.Need(who.sex, isolation), policy)
    until = deadline(at, policy.bed_hold_within, duty_calendar(where.policy_path, today))
    for old in BedHold.objects.filter(subject=subject, state__in=rules.LIVE):
        _party(old, by)
        change_hold(old, rules.RELEASED, by, at, reason="replaced")
    parties = {*viewer_ids, origin_id, *sides(row.ward)}
    made = _saved(
        BedHold(
            bed=row, org_id=row.org_id, origin_id=origin_id, subject=subject, url=url, viewer_ids=sorted(parties),
            who=who.name_masked, sex=who.sex, age=who.age, topic=topic, isolation=isolation, state=rules.HELD, made_at=at,
            held_until=until,
        )
    )  # fmt: skip
    return asked(made, by=by, at=at)


def asked(made: BedHold, *, by: Actor, at: datetime, using: str = "default") -> BedHold:
    """Ask the ward to confirm a hold that was just written."""
    tasks.open_step(
        tasks.Step(
            kind="booking.bed_held", subject=bed_step(made.subject), url=board_of(made.org_id), who=made.who, sex=made.sex,
            age=made.age, topic=made.topic, org_id=made.org_id, role=desk_of(made.org_id, at, using),
            viewer_ids=tuple(made.viewer_ids), due_at=made.held_until or at,
        ),
        at=at,
        using=using,
    )  # fmt: skip
    audit(
        by=by, at=at, action="bed.held", subject=made.subject, after=rules.HELD, using=using, bed=str(made.bed_id),
        hold=str(made.pk),
    )  # fmt: skip
    return made


def board_of(org_id: int) -> str:
    """The address of the board of an institution."""
    return f"/beds/?org={org_id}"


def sides(row: Ward) -> Collection[int]:
    """The institution of a ward, and the one that shares it."""
    return {row.org_id} if row.partner_id is None else {row.org_id, row.partner_id}


def change_hold(
    row: BedHold,
    state: str,
    by: Actor,
    at: datetime,
    *,
    reason: str = "",
    held_until: datetime | None = None,
    using: str = "default",
) -> None:
    """Compare and swap on state and version, with an audit row; the ward's step is closed. Raises Stale, BedTaken, BedClosed."""
    before = row.state
    ended = None if state in rules.LIVE else at
    with refused_as(NAMED, within=using):
        changed = (
            BedHold.objects.using(using)
            .filter(pk=row.pk, version=row.version, state=before)
            .update(state=state, version=row.version + 1, held_until=held_until, ended_at=ended, end_reason=reason)
        )
    if not changed:
        raise Stale
    tasks.close_step(bed_step(row.subject), at=at, using=using)
    audit(
        by=by, at=at, action=f"bed.{state}", subject=row.subject, before=before, after=state, using=using, hold=str(row.pk),
        reason=reason,
    )  # fmt: skip
    row.state, row.version, row.held_until, row.ended_at, row.end_reason = state, row.version + 1, held_until, ended, reason


def _party(row: BedHold, by: Actor, *, ward: bool = False) -> None:
    """Raise NotPermitted unless the actor is of the institution that holds, or of the ward."""
    of_ward = by.may("bed.confirm") and by.org_id in sides(row.bed.ward)
    holds = not ward and by.may("bed.hold") and by.org_id == row.origin_id
    if not (of_ward or holds):
        raise NotPermitted


def _live(hold_id: UUID, version: int, at: datetime) -> BedHold:
    row = queries.hold(hold_id)
    if row.state not in rules.LIVE or row.held_until is None or row.held_until <= at:
        raise rules.BedHoldEnded
    if row.version != version:
        raise Stale
    return row


@all_or_nothing
def confirm_bed(hold_id: UUID, *, version: int, by: Actor, at: datetime) -> BedHold:
    """The ward takes the patient: the bed is kept for the time of the policy, who asked is told, and waits for no other.

    Raises NotPermitted, Unknown, Stale, BedHoldEnded, BedTaken when somebody lies there meanwhile, BedClosed.
    """
    row = _live(hold_id, version, at)
    _party(row, by, ward=True)
    if row.state != rules.HELD:
        raise Stale
    _lock(row.bed)
    change_hold(row, rules.CONFIRMED, by, at, held_until=_kept_until(row, at))
    _waits_no_more(row.subject, rules.PLACED, "booked", by, at)
    tasks.send("booking.bed_confirmed", org_id=row.origin_id, role=DOCTOR, subject=row.subject, url=row.url, at=at)
    return row


def _kept_until(row: BedHold, at: datetime) -> datetime:
    where, today = place(row.org), local_day(at)
    return deadline(at, queries.bed_policy_at(where, today).bed_kept_within, duty_calendar(where.policy_path, today))


def _waits_no_more(subject: str, state: str, reason: str, by: Actor, at: datetime) -> int:
    found = list(WaitEntry.objects.filter(subject=subject, kind=rules.BED, state=rules.WAITING))
    for entry in found:
        end_wait(entry, state, reason, by, at)
    return len(found)


@all_or_nothing
def use_bed(hold_id: UUID, *, version: int, by: Actor, at: datetime) -> BedHold:
    """The patient lies in the bed. The census must say so first, or the bed would count as free.

    Raises NotPermitted, Unknown, Stale, BedHoldEnded, BedEmpty.
    """
    row = _live(hold_id, version, at)
    _party(row, by, ward=True)
    if not _lain_in(row, at):
        raise rules.BedEmpty
    change_hold(row, rules.USED, by, at)
    return row


def _lain_in(row: BedHold, at: datetime) -> bool:
    """Whether somebody lies in a held bed by the census."""
    return any(t.how == rules.LIES for t in queries.bed_facts(queries.bed(row.bed_id), at).takings)


def _live_of(subject: str) -> list[BedHold]:
    return list(BedHold.objects.filter(subject=subject, state__in=rules.LIVE).select_related("bed__ward", "org"))


@all_or_nothing
def settle_beds(subject: str, *, by: Actor, at: datetime) -> int:
    """The patient has come. A held bed is theirs: used where the census says that somebody lies in it, else kept for them as from
    now, until the ward has put them into it. For rooms above, which know that the actor may say so; none is no error."""
    _waits_no_more(subject, rules.PLACED, "arrived", by, at)
    held = _live_of(subject)
    for row in held:
        _lock(row.bed)
        if _lain_in(row, at):
            change_hold(row, rules.USED, by, at)
        else:
            change_hold(row, rules.CONFIRMED, by, at, held_until=_kept_until(row, at))
    return len(held)


@all_or_nothing
def release_beds(subject: str, reason: str, *, by: Actor, at: datetime) -> int:
    """Give a subject's bed back and take it off the wait list for beds: it has ended, or goes elsewhere. `reason`: a code.

    For rooms above, which know that the actor may say so. Returns how many there were; none is no error. Raises Stale when a bed is
    offered at this moment.
    """
    # who waits first: an offer that is made meanwhile changes the entry, and is seen here or refuses this
    waits = _waits_no_more(subject, rules.LEFT, reason, by, at)
    held = _live_of(subject)
    for row in held:
        change_hold(row, rules.RELEASED, by, at, reason=reason)
    return waits + len(held)


@all_or_nothing
def release_bed(hold_id: UUID, reason: str, *, version: int, by: Actor, at: datetime) -> BedHold:
    """Give a bed back: by the institution that holds, or by the ward, which then tells it. `reason`: a code.

    Raises NotPermitted, Unknown, Stale, BedHoldEnded.
    """
    row = _live(hold_id, version, at)
    _party(row, by)
    change_hold(row, rules.RELEASED, by, at, reason=reason)
    if by.org_id != row.origin_id:
        tasks.send("booking.bed_released", org_id=row.origin_id, role=DOCTOR, subject=row.subject, url=row.url, at=at)
    return row
