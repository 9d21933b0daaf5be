"""The slot of a referral: held with the draft, kept while it is on its way, given back when it ends (SM-3-5j, QZ-2-11h)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from fenji.care.booking import actions as booking
from fenji.care.booking import queries as bookings
from fenji.care.booking import rules as slots
from fenji.care.referral import rules
from fenji.care.referral.models import Case
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.identity import age_on
from fenji.ground.common.text import mask_name


@dataclass(frozen=True, slots=True)
class Wish:
    """What the doctor wants at the receiver: a slot, the first that is free, a place on its wait list, or neither."""

    slot_id: UUID | None = None
    wait: bool = False
    first: bool = False


NO_WISH = Wish()


def _common(case: Case, by: Actor, at: datetime) -> dict[str, Any]:
    return {
        "subject": case.number,
        "url": f"/referrals/{case.number}/",
        "who": booking.Who(mask_name(case.patient_name), case.patient_sex, age_on(case.patient_birth_date, local_day(at))),
        "topic": case.diagnosis_name,
        "priority": slots.EMERGENCY if case.emergency else slots.UP_REFERRED,
        "viewer_ids": [case.origin_id],
        "origin_id": case.origin_id,
        "by": by,
        "at": at,
    }


def book(case: Case, wish: Wish, *, new: bool = False, submitted: bool = False, by: Actor, at: datetime) -> None:
    """Make a draft's booking what the form says. An emergency goes without a slot: it is seen at once. `new`: just written, so that
    nothing can be booked for it yet; `submitted`: and sent in the same change.

    Raises SlotTaken, QuotaOnly, SessionClosed, FeedUnknown: the form is shown again with what is free now.
    """
    held = [b for b in bookings.standings_of(case.number) if b.state == slots.HELD] if not new else []
    if wish.slot_id is not None and not case.emergency:
        if not any(b.slot_id == wish.slot_id for b in held):
            booking.hold(wish.slot_id, new=new, submitted=submitted, **_common(case, by, at))
        return
    waits = wish.wait and not case.emergency
    if not new:
        waiting = [w for w in bookings.waiting_of(case.number) if w.state == slots.WAITING and w.org_id == case.receiver_id]
        if waits and waiting and not held:
            return
        booking.release(case.number, "changed", by=by, at=at)
    if waits:
        booking.wait(case.receiver_id, department_id=case.department_id, why=_why(case, at), **_common(case, by, at))


def book_again(case: Case, wish: Wish, *, by: Actor, at: datetime) -> None:
    """A slot for a case that was just offered again; where none is free the hospital arranges one. An emergency needs none."""
    if case.emergency or wish == NO_WISH:
        return
    common = _common(case, by, at)
    first = bookings.earliest([case.receiver_id], department_id=case.department_id, priority=slots.UP_REFERRED, at=at)
    slot = first[case.receiver_id].slot if wish.first and first[case.receiver_id].state == slots.FREE else None
    if slot is None:
        booking.wait(case.receiver_id, department_id=case.department_id, why=_why(case, at), **common)
        return
    booking.hold(slot.id, **common)
    booking.extend(case.number, by=by, at=at)


def _why(case: Case, at: datetime) -> str:
    """Nothing is free, or nobody knows."""
    first = bookings.earliest([case.receiver_id], department_id=case.department_id, priority=slots.UP_REFERRED, at=at)
    return slots.SILENT if first[case.receiver_id].state == slots.UNKNOWN else slots.NO_SLOT


_ENDS_IT = frozenset({rules.DECLINED, *rules.ENDS})


def follow(case: Case, action: str, *, by: Actor, at: datetime) -> None:
    """After a step of the case. Raises HoldEnded when the slot that was chosen is not held any more as the case is sent."""
    if action in ("submit", "offer"):
        booking.extend(case.number, may_be_none=True, by=by, at=at)
    elif action == "ask_again":
        held = [b for b in bookings.standings_of(case.number) if b.state == slots.HELD]
        # who asks for review again cannot choose anew: a hold that ran out meanwhile is left to `_confirm`
        if held and all(b.held_until is not None and b.held_until > at for b in held):
            booking.extend(case.number, by=by, at=at)
    elif action == "redirect":
        booking.release(case.number, "redirected", by=by, at=at)
    elif case.state == rules.ACCEPTED:
        _confirm(case, by, at)
    elif case.state == rules.ARRIVED:
        booking.use(case.number, by=by, at=at)
        booking.release(case.number, "arrived", by=by, at=at)
    elif case.state == rules.MISSED:
        booking.miss(case.number, by=by, at=at)
    elif case.state in _ENDS_IT:
        booking.release(case.number, case.state, by=by, at=at)


def _confirm(case: Case, by: Actor, at: datetime) -> None:
    """The receiver takes the patient and the slot with them. A hold that ran out meanwhile becomes a place on the wait list, at the
    head of the up-referred: nobody is dropped because a reviewer took long."""
    mine = [b for b in bookings.standings_of(case.number) if b.org_id == case.receiver_id]
    if any(b.state == slots.HELD and b.held_until is not None and b.held_until > at for b in mine):
        booking.confirm(case.number, by=by, at=at)
        return
    settled = any(b.state in (slots.CONFIRMED, slots.TO_MOVE) for b in mine)
    waiting = any(w.state == slots.WAITING and w.org_id == case.receiver_id for w in bookings.waiting_of(case.number))
    ran_out = bool(mine) and (mine[0].state == slots.HELD or mine[0].end_reason == "expired")
    if ran_out and not settled and not waiting:
        booking.release(case.number, "expired", by=by, at=at)
        booking.wait(case.receiver_id, department_id=case.department_id, **_common(case, by, at))
