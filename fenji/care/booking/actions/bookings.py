"""One slot for one patient: held, extended, confirmed, used, missed, released, moved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from fenji.care.booking import queries, rules
from fenji.care.booking.models import Booking, Slot, WaitEntry
from fenji.ground.access.actions import audit
from fenji.ground.access.rules import DOCTOR, HOUSE_ACCOUNT, Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.prepared import prepared
from fenji.ground.common.refusal import NotPermitted, Refused, Stale, Unknown
from fenji.ground.common.rows import refused_as
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import place
from fenji.ground.policy.queries import duty_calendar
from fenji.ground.tasks import actions as tasks

_QUICKER: dict[str, Callable[[], Refused]] = {
    "booking_one_on_a_slot": rules.SlotTaken,
    "booking_slot_taken": rules.SlotTaken,
    "booking_session_open": rules.SessionClosed,
    "booking_one_of_a_kind": Stale,  # the same patient, booked elsewhere at this moment
}


Given = Callable[..., None]
_GIVEN: list[Given] = []


def register_given(hook: Given) -> None:
    """Be told, with `subject` and `at=`, when a desk has given somebody a slot. Called at start-up by rooms above."""
    _GIVEN.append(hook)


@dataclass(frozen=True, slots=True)
class Who:
    """The patient as a hospital's desk may know them beforehand. `sex`: code of GB/T 2261.1; `age`: years."""

    name_masked: str
    sex: str
    age: int


def step_of(subject: str, kind: str, item: str, *, move: bool = False) -> str:
    """What a step of this room is about: one case may wait for a clinic and for an examination at once."""
    return "/".join(part for part in (subject, kind, item, "move" if move else "") if part)


@all_or_nothing
def hold(
    slot_id: UUID,
    *,
    subject: str,
    url: str,
    who: Who,
    topic: str,
    priority: str,
    viewer_ids: Iterable[int],
    origin_id: int,
    new: bool = False,
    submitted: bool = False,
    by: Actor,
    at: datetime,
) -> Booking:
    """Hold a slot for a patient, for the minutes of the policy. Another booking of the same subject, kind and item is given up for
    it, and a wait for the same ends. `viewer_ids`: parties of the subject; the hospital is added. `new`: the subject was written in
    this same change, so that it can have neither. `submitted`: it is also sent in it, and held as long as `extend` would.

    Raises NotPermitted, Unknown, SlotTaken, SlotKept, QuotaOnly, SessionClosed, FeedUnknown (SM-3-5j, QZ-2-11h).
    """
    if not by.may("booking.hold"):
        raise NotPermitted
    slot = queries.slot(slot_id)
    wishes = _wishes(subject, slot) if not new else []
    _asked(slot, priority, [w.id for w in wishes], at, sure=False)
    given_up = list(Booking.objects.filter(subject=subject, state__in=rules.UNSETTLED, **_same(slot))) if not new else []
    policy = queries.policy_at(place(slot.org), local_day(at))
    calendar = duty_calendar(place(slot.org).policy_path, local_day(at))
    made = Booking(
        **_particulars(slot, subject, url, who, topic, priority, viewer_ids, origin_id),
        state=rules.HELD,
        slot=slot,
        start_at=slot.start_at,
        made_at=at,
        held_until=rules.ends(at, policy.extend_within if submitted else policy.hold_within, calendar, slot.start_at),
        moved_from=given_up[0].id if given_up else None,
    )
    return _written(made, slot, given_up, wishes, by, at)


def _particulars(
    slot: Slot, subject: str, url: str, who: Who, topic: str, priority: str, viewer_ids: Iterable[int], origin_id: int
) -> dict[str, object]:
    return {
        "org_id": slot.org_id,
        "origin_id": origin_id,
        "subject": subject,
        "url": url,
        "viewer_ids": sorted({*viewer_ids, origin_id, slot.org_id}),
        "who": who.name_masked,
        "sex": who.sex,
        "age": who.age,
        "topic": topic,
        "priority": priority,
        **_same(slot),
    }


def _same(slot: Slot) -> dict[str, str]:
    return {"kind": slot.session.kind, "item": slot.session.item}


def _wishes(subject: str, slot: Slot) -> list[WaitEntry]:
    """What the subject waits for and has with this slot."""
    same = _same(slot)
    waiting = WaitEntry.objects.filter(subject=subject, state=rules.WAITING, kind=same["kind"])
    return [w for w in waiting if w.item in ("", same["item"])]


def _asked(slot: Slot, priority: str, mine: Sequence[UUID], at: datetime, *, sure: bool) -> None:
    """Raise what speaks against taking a slot."""
    policy = queries.policy_at(place(slot.org), local_day(at))
    facts = queries.facts_of(slot, slot.heard_at, mine)
    rules.may_take(facts, priority, slot.session.kind, policy, at, sure=sure)


def _written(
    made: Booking, slot: Slot, given_up: Sequence[Booking], wishes: Sequence[WaitEntry], by: Actor, at: datetime
) -> Booking:
    """The new booking in place of older ones and of the wait, with audit rows."""
    # somebody was quicker than the reading before
    with refused_as(_QUICKER | {"booking_quota": partial(rules.QuotaOnly, until=slot.session.release_at)}):
        for old in given_up:
            change(old, rules.RELEASED, by, at, reason="replaced")
            tasks.close_step(step_of(old.subject, old.kind, old.item, move=True), at=at)
        made.save(force_insert=True)
    for wish in wishes:
        end_wait(wish, rules.PLACED, "booked", by, at)
    audit(by=by, at=at, action=f"booking.{made.state}", subject=made.subject, after=made.state, slot=str(slot.id))
    return made


def change(
    row: Booking,
    state: str,
    by: Actor,
    at: datetime,
    *,
    reason: str = "",
    held_until: datetime | None = None,
    using: str = "default",
) -> None:
    """Compare and swap on state and version, with an audit row. Raises Stale."""
    ended = None if state in rules.UNSETTLED else at
    changed = (
        Booking.objects.using(using)
        .filter(pk=row.pk, version=row.version, state=row.state)
        .update(state=state, version=row.version + 1, held_until=held_until, ended_at=ended, end_reason=reason)
    )
    if not changed:
        raise Stale
    audit(
        by=by, at=at, action="booking.change", subject=row.subject, before=row.state, after=state, using=using,
        booking=str(row.pk), reason=reason,
    )  # fmt: skip
    row.state, row.version, row.held_until, row.ended_at, row.end_reason = state, row.version + 1, held_until, ended, reason


def _party(row: Booking, by: Actor, *, hospital: bool) -> None:
    """Raise NotPermitted unless the actor's institution is a party of the booking, or the hospital where that is asked."""
    if by.account_id == HOUSE_ACCOUNT:
        return
    if not by.may("booking.hold") or by.org_id not in ([row.org_id] if hospital else row.viewer_ids):
        raise NotPermitted


@prepared
def _of(subject: str, *, states: tuple[str, ...]) -> QuerySet[Booking]:
    return Booking.objects.filter(subject=subject, state__in=states).select_related("org").order_by("start_at", "id")


@all_or_nothing
def extend(subject: str, until: datetime | None = None, *, may_be_none: bool = False, by: Actor, at: datetime) -> list[Booking]:
    """Hold a subject's slots longer: until an instant, or as long as the policy says once a referral has been submitted; never past
    the slot's own time. `may_be_none`: where no slot was ever chosen there is nothing to do. Raises HoldEnded when there is nothing
    to hold any more, NotPermitted."""
    rows = _of(subject, states=(rules.HELD,))
    held = [b for b in rows if b.held_until is not None and b.held_until > at]
    if not rows and may_be_none:
        return []
    if not held:
        raise rules.HoldEnded
    for row in held:
        _party(row, by, hospital=False)
        here = place(row.org)
        span = queries.policy_at(here, local_day(at)).extend_within
        ends = rules.ends(at, span, duty_calendar(here.policy_path, local_day(at)), row.start_at)
        change(row, rules.HELD, by, at, held_until=min(until, row.start_at) if until else ends)
    return held


@all_or_nothing
def confirm(subject: str, *, by: Actor, at: datetime) -> list[Booking]:
    """The hospital takes the patient: holds become bookings. Raises HoldEnded when one ran out meanwhile, NotPermitted."""
    held = _of(subject, states=(rules.HELD,))
    if not held or any(b.held_until is None or b.held_until <= at for b in held):
        raise rules.HoldEnded
    for row in held:
        _party(row, by, hospital=True)
        change(row, rules.CONFIRMED, by, at)
    return held


def _ended(subject: str, state: str, by: Actor, at: datetime) -> list[Booking]:
    found = _of(subject, states=(rules.CONFIRMED, rules.HELD))
    for row in found:
        _party(row, by, hospital=True)
        change(row, state, by, at)
    return found


@all_or_nothing
def use(subject: str, *, by: Actor, at: datetime) -> list[Booking]:
    """The patient came. Returns the bookings that were meant; none is no error: many come without one. Raises NotPermitted."""
    return _ended(subject, rules.USED, by, at)


@all_or_nothing
def miss(subject: str, *, by: Actor, at: datetime) -> list[Booking]:
    """The patient did not come. Returns the bookings that were meant. Raises NotPermitted."""
    return _ended(subject, rules.MISSED, by, at)


@all_or_nothing
def release(subject: str, reason: str, *, by: Actor, at: datetime, using: str = "default") -> int:
    """Give a subject's slots back and take it off their wait list: it was cancelled, or goes elsewhere (SM-3-5j). `reason`: a code.

    Returns how many there were; none is no error. `using="job"`: for sweeps of the house, which end holds and waits alone.
    """
    states = [rules.HELD] if using == "job" else rules.UNSETTLED
    columns = ("id", "version", "state", "subject", "org_id", "kind", "viewer_ids", "item")
    narrow = columns[:6] if using == "job" else columns
    found = list(Booking.objects.using(using).filter(subject=subject, state__in=states).only(*narrow))
    wishes = WaitEntry.objects.using(using).filter(subject=subject, state=rules.WAITING, kind__in=rules.KINDS)
    waits = list(wishes.only(*narrow))
    with transaction.atomic(using=using):
        for row in found:
            _party(row, by, hospital=False)
            moving = row.state == rules.TO_MOVE
            change(row, rules.RELEASED, by, at, reason=reason, using=using)
            if moving:
                tasks.close_step(step_of(row.subject, row.kind, row.item, move=True), at=at, using=using)
        for wait in waits:
            end_wait(wait, rules.LEFT, reason, by, at, using=using)
    return len(found) + len(waits)


def end_wait(row: WaitEntry, state: str, reason: str, by: Actor, at: datetime, using: str = "default") -> None:
    """Take an entry off the wait list, with its step and the slot kept for it. Raises Stale."""
    changed = (
        WaitEntry.objects.using(using)
        .filter(pk=row.pk, version=row.version, state=rules.WAITING)
        .update(state=state, version=row.version + 1, ended_at=at, end_reason=reason)
    )
    if not changed:
        raise Stale
    tasks.close_step(step_of(row.subject, row.kind, row.item), at=at, using=using)
    audit(by=by, at=at, action="booking.unwait", subject=row.subject, after=state, using=using, reason=reason)


def booked_by_hospital(
    slot_id: UUID,
    source: Booking | WaitEntry,
    *,
    given_up: Sequence[Booking],
    wishes: Sequence[WaitEntry],
    by: Actor,
    at: datetime,
) -> Booking:
    """A slot the hospital's desk gives: confirmed at once, also while its own system is silent, because the hospital says so."""
    slot = queries.slot(slot_id)
    if not by.may("booking.write") or by.org_id != slot.org_id or source.org_id != slot.org_id:
        raise NotPermitted
    if slot.session.kind != source.kind:
        raise Unknown(what="slot")  # a clinic is no examination
    _asked(slot, source.priority, [w.id for w in wishes], at, sure=True)
    who = Who(source.who, source.sex, source.age)
    same = (source.subject, source.url, who, source.topic, source.priority, source.viewer_ids, source.origin_id)
    made = Booking(
        **_particulars(slot, *same),
        state=rules.CONFIRMED,
        slot=slot,
        start_at=slot.start_at,
        made_at=at,
        moved_from=given_up[0].id if given_up else None,
    )
    others = [b for b in _of(source.subject, states=rules.UNSETTLED) if (b.kind, b.item) == (made.kind, made.item)]
    written = _written(made, slot, [*given_up, *(b for b in others if b not in given_up)], wishes, by, at)
    for hook in _GIVEN:
        hook(source.subject, at=at)
    return written


@all_or_nothing
def move(booking_id: UUID, slot_id: UUID, *, version: int, by: Actor, at: datetime) -> Booking:
    """Give somebody who lost their slot another one of the same kind, in one action; their institution is told.

    Raises NotPermitted, Unknown, Stale, SlotTaken, QuotaOnly, SessionClosed.
    """
    old = queries.booking(booking_id)
    if old.version != version or old.state != rules.TO_MOVE:
        raise Stale
    made = booked_by_hospital(slot_id, old, given_up=[old], wishes=[], by=by, at=at)
    tasks.send("booking.moved", org_id=old.origin_id, role=DOCTOR, subject=old.subject, url=old.url, at=at)
    return made
