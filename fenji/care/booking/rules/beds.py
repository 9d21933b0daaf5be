"""Which bed a person may lie in, which are free and when the next is, and whose day in a shared ward it was. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from fenji.care.booking.rules.slots import CONFIRMED, HELD, RELEASED, USED, Want, queue
from fenji.ground.common.clock import Span, local_day
from fenji.ground.common.refusal import Refused

ACUTE, REHABILITATION, LONG_TERM = WARD_KINDS = ("acute", "rehabilitation", "long_term")
"""The chain that a patient goes down by (QZ-2-11j)."""
MALE, FEMALE = KNOWN_SEXES = ("1", "2")
"""Codes of GB/T 2261.1 that decide about a room; of the others nobody knows the sex."""
ANY = "any"
BED_SEXES = (MALE, FEMALE, ANY)
IN_USE, CLOSED = BED_STATES = ("in_use", "closed")
EXPIRED = "expired"
HOLD_STATES = (HELD, CONFIRMED, USED, RELEASED, EXPIRED)
LIES = "lies"
"""How a bed is taken, beside the two states of a live hold: somebody lies in it by the census."""


class BedClosed(Refused):
    """The bed or its ward is closed."""

    code = "bed_closed"


class BedTaken(Refused):
    """Somebody lies in the bed, or it is held for somebody."""

    code = "bed_taken"


class BedUnknown(Refused):
    """The hospital's own system has been silent for too long: only the ward can say whether the bed is free."""

    code = "bed_unknown"


class BedOtherSex(Refused):
    """The bed is for the other sex."""

    code = "bed_other_sex"


class RoomOtherSex(Refused):
    """Somebody of the other sex lies in the room, or has a bed there."""

    code = "room_other_sex"


class BedSexUnknown(Refused):
    """Nobody knows the patient's sex, and the bed or the room is for one."""

    code = "bed_sex_unknown"


class NoIsolation(Refused):
    """The patient needs isolation, and the bed has none."""

    code = "no_isolation"


class IsolationKept(Refused):
    """The bed is for patients who need isolation."""

    code = "isolation_kept"


class BedEmpty(Refused):
    """Nobody lies in the bed by the census, so that the hold cannot have been used."""

    code = "bed_empty"


class BedHoldEnded(Refused):
    """The bed is not held any more."""

    code = "bed_hold_ended"


class BedInUse(Refused):
    """A bed or ward with somebody in it, or held for somebody, cannot be closed."""

    code = "bed_in_use"


class BadWard(Refused):
    """A ward or bed that cannot be. detail: why."""

    code = "bad_ward"


@dataclass(frozen=True, slots=True)
class BedPolicy:
    """How long beds are held, and who may share a room, as they bind at the hospital whose beds they are."""

    bed_hold_within: Span
    bed_kept_within: Span
    bed_mixed_rooms: bool
    bed_isolation_for_all: bool


@dataclass(frozen=True, slots=True)
class BedPlace:
    """A bed as its ward set it up. `open`: neither it nor its ward is closed; `known`: not of a system that is silent."""

    id: UUID
    room: str
    name: str
    sex: str
    isolation: bool
    open: bool
    known: bool = True


@dataclass(frozen=True, slots=True)
class Taking:
    """Somebody who has a bed, without who it is. `how`: LIES, HELD or CONFIRMED. `bed`: None when the census names one that the
    ward does not know. `until`: when a hold ends."""

    bed: UUID | None
    how: str
    sex: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """What decides which bed somebody may have. `sex`: code of GB/T 2261.1."""

    sex: str
    isolation: bool = False


@dataclass(frozen=True, slots=True)
class BedFacts:
    """A bed with who has it, and of which sexes those are who have a bed in the same room."""

    place: BedPlace
    takings: tuple[Taking, ...]
    room_sexes: frozenset[str]


def may_lie(bed: BedFacts, need: Need, policy: BedPolicy) -> None:
    """Whether somebody may have a bed now.

    The bed's own sex decides; where it says any, those who have a bed in the same room do, unless the policy allows mixed rooms.
    Who needs isolation gets a bed with it, and nobody else does unless the policy says so.

    Raises BedClosed, BedTaken, BedUnknown, BedOtherSex, BedSexUnknown, RoomOtherSex, NoIsolation, IsolationKept.
    """
    if not bed.place.open:
        raise BedClosed
    if bed.takings:
        raise BedTaken
    if not bed.place.known:
        raise BedUnknown
    _sexes(bed, need, policy)
    if need.isolation and not bed.place.isolation:
        raise NoIsolation
    if bed.place.isolation and not need.isolation and not policy.bed_isolation_for_all:
        raise IsolationKept


def _sexes(bed: BedFacts, need: Need, policy: BedPolicy) -> None:
    known = need.sex in KNOWN_SEXES
    if bed.place.sex != ANY:
        if not known:
            raise BedSexUnknown
        if bed.place.sex != need.sex:
            raise BedOtherSex
        return
    if policy.bed_mixed_rooms or not bed.room_sexes:
        return
    if not known:
        raise BedSexUnknown
    if bed.room_sexes != {need.sex}:
        raise RoomOtherSex


def fits_bed(bed: BedFacts, need: Need, policy: BedPolicy) -> bool:
    """True when `may_lie` raises nothing."""
    try:
        may_lie(bed, need, policy)
    except Refused:
        return False
    return True


def occupancy(beds: Iterable[BedPlace], takings: Iterable[Taking]) -> tuple[dict[UUID, BedFacts], list[Taking]]:
    """The beds of one ward with who has them; and those of whom nobody knows in which of its beds they lie."""
    places = {b.id: b for b in beds}
    on: dict[UUID, list[Taking]] = {}
    sexes: dict[str, set[str]] = {}
    unplaced = []
    for taking in takings:
        if taking.bed is None or taking.bed not in places:
            unplaced.append(taking)
            continue
        on.setdefault(taking.bed, []).append(taking)
        sexes.setdefault(places[taking.bed].room, set()).add(taking.sex)
    facts = {b.id: BedFacts(b, tuple(on.get(b.id, ())), frozenset(sexes.get(b.room, ()))) for b in places.values()}
    return facts, unplaced


def free(facts: Mapping[UUID, BedFacts]) -> list[BedFacts]:
    """The open beds that nobody lies in and that are not held, in the order given; none of which nobody knows."""
    return [f for f in facts.values() if f.place.open and f.place.known and not f.takings]


def first_waiting(bed: BedFacts, wants: Iterable[Want], needs: Mapping[UUID, Need], policy: BedPolicy) -> Want | None:
    """Who of those who wait for its ward is offered a free bed: the first in the queue whom it suits (SM-1-2c).

    Whom it was offered last comes after all others, and is asked again where there is nobody else: nobody is dropped because a
    ward was slow. `needs`: by the id of the want.
    """
    suits: Sequence[Want] = [w for w in queue(wants) if fits_bed(bed, needs[w.id], policy)]
    return next((w for w in suits if w.offered != bed.place.id), suits[0] if suits else None)


def next_free(facts: Mapping[UUID, BedFacts], need: Need, policy: BedPolicy) -> datetime | None:
    """When the first hold runs out of a bed that somebody might have then, all others as they are; None when none does."""
    ends = []
    for f in facts.values():
        if len(f.takings) == 1 and (until := f.takings[0].until) is not None:
            others = (o for o in facts.values() if o.place.room == f.place.room and o is not f)
            alone = frozenset(t.sex for o in others for t in o.takings)
            if fits_bed(BedFacts(f.place, (), alone), need, policy):
                ends.append(until)
    return min(ends, default=None)


def day_after(day: date) -> date:
    """The end of a half-open range whose last day this is."""
    return day + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class WardStay:
    """A stay in a shared ward. `person`: any mark that is the same for all stays of one patient; `org_id`: the institution that is
    responsible for it; `discharged_at`: None while it lasts."""

    person: int
    org_id: int
    admitted_at: datetime
    discharged_at: datetime | None


def split_days(stays: Iterable[WardStay], since: date, until: date) -> dict[int, int]:
    """Bed days of a shared ward in [since, until) by responsible institution.

    A patient counts for each day at whose end they are there, and for the day of admission when they leave on it. Where two stays
    of one patient cover a day, because the second began before the first was ended, the one that began last has it: so each day
    of each patient is counted once, and the shares add up to the ward's occupied days.
    """
    owner: dict[tuple[int, date], tuple[datetime, int]] = {}
    for stay in stays:
        first = local_day(stay.admitted_at)
        last = max(local_day(stay.discharged_at), first + timedelta(days=1)) if stay.discharged_at else until
        day = max(first, since)
        while day < min(last, until):
            mine = (stay.admitted_at, stay.org_id)
            owner[stay.person, day] = max(owner.get((stay.person, day), mine), mine)
            day += timedelta(days=1)
    shares: dict[int, int] = {}
    for _, org_id in owner.values():
        shares[org_id] = shares.get(org_id, 0) + 1
    return shares


def checked_ward(kind: str, *, org_id: int, partner_id: int | None, doctors: Collection[bool]) -> None:
    """Raise BadWard for what cannot be a ward: why = ward_kind, ward_partner, ward_doctors. `doctors`: whether each of the two is
    named."""
    if kind not in WARD_KINDS:
        raise BadWard(why="ward_kind")
    if partner_id is not None and (partner_id == org_id or kind != REHABILITATION):
        raise BadWard(why="ward_partner")
    if partner_id is not None and not all(doctors):
        raise BadWard(why="ward_doctors")
