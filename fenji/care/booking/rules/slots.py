"""Who comes first, which slot may be taken by whom, when a hold ends, what a silent system means, who is next. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from fenji.ground.common.clock import DutyCalendar, Span, deadline
from fenji.ground.common.refusal import Refused
from fenji.ground.common.units import PERCENT, SECONDS_PER_MINUTE

EMERGENCY, UP_REFERRED, RETURNING, PUBLIC = PRIORITIES = ("emergency", "up_referred", "returning", "public")
CLINIC, EXAMINATION = KINDS = ("clinic", "examination")
BED = "bed"
SERVICES = (*KINDS, BED)
"""What a policy may name as given to up-referred patients first, and what somebody may wait for (SM-1-2c); beds are no sessions."""
TYPED, FED = SOURCES = ("typed", "fed")
OPEN, CANCELLED = SESSION_STATES = ("open", "cancelled")
HELD, CONFIRMED, USED, MISSED, RELEASED, TO_MOVE = STATES = ("held", "confirmed", "used", "missed", "released", "to_move")
LIVE = (HELD, CONFIRMED)
TAKING = (HELD, CONFIRMED, USED, MISSED)
"""States in which a booking has its slot for itself."""
UNSETTLED = (HELD, CONFIRMED, TO_MOVE)
"""States in which a patient still counts on it: one booking for each subject, kind and item."""
WAITING, PLACED, LEFT = WAIT_STATES = ("waiting", "placed", "left")
KNOWN, UNKNOWN = FEEDS = ("known", "unknown")
FREE, NONE = "free", "none"
NO_SLOT, SILENT = WHYS = ("none", "unknown")
"""Why somebody waits: nothing is free; or the hospital's system is silent, so that nobody knows."""


class SlotTaken(Refused):
    """Somebody else has this slot."""

    code = "slot_taken"


class SlotKept(SlotTaken):
    """The slot is kept for the first of those who wait (SM-1-2c). detail: until."""

    code = "slot_kept"


class QuotaOnly(Refused):
    """The slot is reserved for patients whom primary care refers, until it is released (SM-1-2c). detail: until."""

    code = "quota_only"


class SessionClosed(Refused):
    """The session was cancelled, or the slot's time has come."""

    code = "session_closed"


class FeedUnknown(Refused):
    """The hospital's own system has been silent for too long: only the hospital can say whether the slot is free."""

    code = "feed_unknown"


class HoldEnded(Refused):
    """The hold ran out or was given up; the slot may be somebody else's by now."""

    code = "hold_ended"


class AlreadyWaiting(Refused):
    """The patient is on a wait list for the same already."""

    code = "already_waiting"


class BadSession(Refused):
    """A session that cannot be. detail: why."""

    code = "bad_session"


@dataclass(frozen=True, slots=True)
class BookingPolicy:
    """Time limits, quota and order of booking, as they bind at the hospital whose slots they are."""

    hold_within: Span
    extend_within: Span
    release_ahead: Span
    kept_within: Span
    place_within: Span
    move_within: Span
    stale_after: Span
    reserved_percent: int
    most_places: int
    queue_order: tuple[str, ...]
    priority_services: tuple[str, ...]

    def __post_init__(self) -> None:
        if sorted(self.queue_order) != sorted(PRIORITIES):
            raise ValueError(f"the order must name each of {PRIORITIES} once")
        if not set(self.priority_services) <= set(SERVICES):
            raise ValueError(f"services are {SERVICES}")


@dataclass(frozen=True, slots=True)
class SlotFacts:
    """What taking a slot depends on. `taken`: by a booking of ours or of the hospital's own system; `kept_rank`: place in the order
    of the one it is kept for, while it is; `mine`: kept for this very patient."""

    start_at: datetime
    open: bool
    taken: bool
    reserved: bool
    release_at: datetime
    fed: bool = False
    heard_at: datetime | None = None
    kept_until: datetime | None = None
    kept_rank: int = 0
    mine: bool = False


def rank(priority: str, kind: str, policy: BookingPolicy) -> int:
    """Place in the queue, 0 first. Where the policy does not put up-referred patients first for this kind of service, they and
    returning ones stand with the public; an emergency is one everywhere."""
    if kind not in policy.priority_services and priority != EMERGENCY:
        priority = PUBLIC
    return policy.queue_order.index(priority)


def is_public(priority: str, kind: str, policy: BookingPolicy) -> bool:
    """True for those who may not take a reserved slot before it is released."""
    return priority != EMERGENCY and rank(priority, kind, policy) == policy.queue_order.index(PUBLIC)


def may_take(slot: SlotFacts, priority: str, kind: str, policy: BookingPolicy, at: datetime, *, sure: bool = False) -> None:
    """Whether a patient of this priority may have a slot now. `sure`: the hospital itself says that it is free.

    Raises SessionClosed, SlotTaken, SlotKept, QuotaOnly, FeedUnknown.
    """
    if not slot.open or slot.start_at <= at:
        raise SessionClosed
    if slot.taken:
        raise SlotTaken
    if slot.reserved and at < slot.release_at and is_public(priority, kind, policy):
        raise QuotaOnly(until=slot.release_at)
    kept = slot.kept_until is not None and slot.kept_until > at and not slot.mine
    if kept and not sure and rank(priority, kind, policy) >= slot.kept_rank:
        raise SlotKept(until=slot.kept_until)
    if slot.fed and not sure and is_stale(slot.heard_at, at, policy):
        raise FeedUnknown


def is_stale(heard_at: datetime | None, at: datetime, policy: BookingPolicy) -> bool:
    """True when the hospital's system was last heard too long ago, or never: what it feeds is unknown, not free."""
    return heard_at is None or at - heard_at > timedelta(minutes=policy.stale_after.minutes)


def ends(at: datetime, span: Span, calendar: DutyCalendar, before: datetime) -> datetime:
    """When a hold ends: after the span, at the latest when the slot's time comes. Every hold ends."""
    return min(deadline(at, span, calendar), before)


def released_at(start_at: datetime, policy: BookingPolicy) -> datetime:
    """From when on the public may take the reserved slots of a session."""
    return start_at - timedelta(minutes=policy.release_ahead.minutes)


def reserved_of(places: int, policy: BookingPolicy) -> int:
    """How many of so many places are reserved, rounded up."""
    return -(-places * policy.reserved_percent // PERCENT)


def quota(places: int, reserved: int) -> tuple[bool, ...]:
    """Which places are reserved: as many as said, spread over the session, so that no hour is for the public alone."""
    return tuple((n + 1) * reserved // places > n * reserved // places for n in range(places))


def spread(start_at: datetime, end_at: datetime, places: int) -> tuple[datetime, ...]:
    """The times of so many places in a session, to the minute, in even steps from its beginning."""
    minutes = int((end_at - start_at).total_seconds()) // SECONDS_PER_MINUTE
    return tuple(start_at + timedelta(minutes=n * minutes // places) for n in range(places))


def checked(start_at: datetime, end_at: datetime, places: int, reserved: int, policy: BookingPolicy, at: datetime) -> None:
    """Raise BadSession for what cannot be a session: why = times, past, long, places, reserved."""
    if end_at <= start_at:
        raise BadSession(why="session_times")
    if start_at <= at:
        raise BadSession(why="session_past")
    if (end_at - start_at).days:
        raise BadSession(why="session_long")
    minutes = int((end_at - start_at).total_seconds()) // SECONDS_PER_MINUTE
    if not 1 <= places <= min(policy.most_places, minutes):
        raise BadSession(why="session_places")
    if not 0 <= reserved <= places:
        raise BadSession(why="session_reserved")


@dataclass(frozen=True, slots=True)
class Want:
    """What somebody on the wait list waits for. `offered`: the slot that was kept for them and that they let go by."""

    id: UUID
    rank: int
    asked_at: datetime
    org_id: int
    kind: str
    item: str = ""
    department_id: int | None = None
    offered: UUID | None = None
    public: bool = True


@dataclass(frozen=True, slots=True)
class Opening:
    """A free slot, as the wait list looks at it. `quota`: reserved and not released yet."""

    id: UUID
    start_at: datetime
    org_id: int
    kind: str
    item: str
    department_id: int | None
    quota: bool = False


def queue(wants: Iterable[Want]) -> list[Want]:
    """The wait list in its order: by priority, then by the time of asking (SM-1-2c)."""
    return sorted(wants, key=lambda w: (w.rank, w.asked_at, w.id))


def fits(want: Want, opening: Opening) -> bool:
    """True when a slot is what somebody waits for."""
    return (
        (opening.org_id, opening.kind) == (want.org_id, want.kind)
        and want.item in ("", opening.item)
        and want.department_id in (None, opening.department_id)
        and not (want.public and opening.quota)
        and want.offered != opening.id
    )


def proposals(wants: Iterable[Want], openings: Sequence[Opening]) -> list[tuple[Want, Opening]]:
    """Who is offered which free slot: the first in the queue the earliest that fits, and so on."""
    left = sorted(openings, key=lambda o: (o.start_at, o.id))
    found = []
    for want in queue(wants):
        opening = next((o for o in left if fits(want, o)), None)
        if opening is not None:
            left.remove(opening)
            found.append((want, opening))
    return found
