"""Slots that can be had, and the bookings and wait entries of one subject: what other rooms ask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery

from fenji.care.booking import rules
from fenji.care.booking.models import Booking, Feed, Slot, WaitEntry
from fenji.ground.common.clock import local_day
from fenji.ground.common.memo import remembered
from fenji.ground.common.prepared import prepared
from fenji.ground.common.refusal import Unknown
from fenji.ground.common.rows import one
from fenji.ground.network.queries import Place, place_of, places_of
from fenji.ground.policy.queries import resolve


@dataclass(frozen=True, slots=True)
class SlotView:
    """A slot as others see it. `feed`: `known`, or `unknown` when the hospital's system is silent, so that it may be gone."""

    id: UUID
    session_id: UUID
    org_id: int
    department_id: int | None
    department: str
    kind: str
    name: str
    item: str
    expert: bool
    doctor: str
    start_at: datetime
    reserved: bool
    feed: str


@dataclass(frozen=True, slots=True)
class Earliest:
    """The first slot a hospital has. `state`: free, none, or unknown: its system is silent, and `slot` is what it said last."""

    slot: SlotView | None
    state: str


@dataclass(frozen=True, slots=True)
class BookingView:
    """A booking as its parties see it. `held_until`: only while it is held."""

    id: UUID
    subject: str
    state: str
    kind: str
    priority: str
    held_until: datetime | None
    end_reason: str
    slot: SlotView


@dataclass(frozen=True, slots=True)
class Standing:
    """How a booking stands, without what a page shows of its slot."""

    slot_id: UUID
    org_id: int
    state: str
    held_until: datetime | None
    end_reason: str


@dataclass(frozen=True, slots=True)
class WaitView:
    """A wish on a wait list as its parties see it."""

    id: UUID
    subject: str
    org_id: int
    state: str
    kind: str
    item: str
    priority: str
    why: str
    asked_at: datetime
    due_at: datetime
    end_reason: str


def policy_at(where: Place, on: date) -> rules.BookingPolicy:
    """The booking policy that binds at a hospital on a day."""
    return resolve(rules.BookingPolicy, where.policy_path, on)


@remembered
def heard(org_id: int) -> datetime | None:
    """When a hospital's own system was last heard; None: never."""
    return Feed.objects.filter(pk=org_id).values_list("heard_at", flat=True).first()


def known_until(org_id: int, heard_at: datetime) -> datetime:
    """Until when what a hospital's system fed counts as known, if it was heard at an instant."""
    policy = policy_at(place_of(org_id), local_day(heard_at))
    return heard_at + timedelta(minutes=policy.stale_after.minutes)


_HEARD = Subquery(Feed.objects.filter(pk=OuterRef("org_id")).values("heard_at"))


def slot_view(row: Slot, policy: rules.BookingPolicy, heard_at: datetime | None, at: datetime) -> SlotView:
    """A row as others see it."""
    session = row.session
    silent = session.source == rules.FED and rules.is_stale(heard_at, at, policy)
    return SlotView(
        row.id,
        session.id,
        row.org_id,
        session.department_id,
        session.department.name_zh if session.department else "",
        session.kind,
        session.name,
        session.item,
        session.expert,
        session.doctor_name,
        row.start_at,
        row.reserved,
        rules.UNKNOWN if silent else rules.KNOWN,
    )


def facts_of(row: Slot, heard_at: datetime | None, mine: Iterable[UUID] = ()) -> rules.SlotFacts:
    """What the rules look at. `mine`: wait entries of the patient who is to have it."""
    session = row.session
    gone = row.taken or bool(row.outside) or row.voided_at is not None
    return rules.SlotFacts(
        start_at=row.start_at,
        open=session.state == rules.OPEN,
        taken=gone,
        reserved=row.reserved,
        release_at=session.release_at,
        fed=session.source == rules.FED,
        heard_at=heard_at,
        kept_until=row.kept_until,
        kept_rank=row.kept_rank,
        mine=row.kept_for is not None and row.kept_for in set(mine),
    )


def slot(slot_id: UUID) -> Slot:
    """A slot with its session, and when the hospital's own system was last heard (`heard_at`). Raises Unknown."""
    found = one(Slot.objects.filter(pk=slot_id).select_related("session__department", "org").annotate(heard_at=_HEARD))
    if found is None:
        raise Unknown(what="slot")
    return found


def department_of(slot_id: UUID) -> tuple[int, int | None]:
    """The hospital of a slot, and its department there. Raises Unknown."""
    for found in Slot.objects.filter(pk=slot_id).values_list("org_id", "session__department_id"):
        return found
    raise Unknown(what="slot")


def _untaken(since: datetime, kind: str) -> QuerySet[Slot]:
    free = Slot.objects.filter(taken=False, outside="", voided_at=None, start_at__gt=since)
    return free.filter(session__state=rules.OPEN, session__kind=kind).select_related("session__department")


def _open_to(rank: int, at: datetime, *, public: bool) -> Q:
    """Slots that somebody of this rank may take at an instant, the feed apart."""
    mine = Q(kept_until=None) | Q(kept_until__lte=at) | Q(kept_rank__gt=rank)
    if public:
        mine &= Q(reserved=False) | Q(session__release_at__lte=at)
    return mine


@prepared
def _next_free(
    org_id: int,
    since: datetime,
    until: datetime,
    rank: int,
    at: datetime,
    department_id: int | None,
    item: str,
    *,
    kind: str,
    public: bool,
    narrowed: tuple[bool, bool],
    limit: int,
) -> QuerySet[Slot]:
    found = _untaken(since, kind).filter(_open_to(rank, at, public=public), org_id=org_id, start_at__lt=until)
    # said of the session too, though it follows: see `_firsts`
    found = found.filter(session__end_at__gt=since, session__start_at__lt=until)
    if narrowed[0]:
        found = found.filter(session__department_id=department_id)
    if narrowed[1]:
        found = found.filter(session__item=item)
    return found.annotate(heard_at=_HEARD).order_by("start_at", "session_id", "position")[:limit]


def free_slots(
    org_id: int,
    *,
    department_id: int | None = None,
    kind: str = rules.CLINIC,
    item: str = "",
    priority: str,
    since: datetime,
    until: datetime,
    limit: int,
    at: datetime | None = None,
) -> list[SlotView]:
    """Slots of a hospital in (since, until) that a patient of this priority may take, earliest first, at most `limit`.

    `at`: the instant of asking, `since` unless given. Slots whose state nobody knows are among them, with `feed="unknown"`.
    """
    at = at or since
    policy = policy_at(place_of(org_id), local_day(at))
    rows = _next_free(
        *(org_id, max(since, at), until, rules.rank(priority, kind, policy), at, department_id, item),
        kind=kind,
        public=rules.is_public(priority, kind, policy),
        narrowed=(department_id is not None, bool(item)),
        limit=limit,
    )
    return [slot_view(row, policy, row.heard_at, at) for row in rows]


@prepared
def _firsts(
    org_ids: list[int],
    rank: int,
    at: datetime,
    specialty: str,
    department_id: int | None,
    item: str,
    *,
    kind: str,
    public: bool,
    narrowed: tuple[bool, bool, bool],
) -> QuerySet[Slot]:
    # said of the session too, though it follows: the sessions ahead of these hospitals are few, and have an index
    ahead = {"org_id__among": org_ids, "session__org_id__among": org_ids, "session__end_at__gt": at}
    found = _untaken(at, kind).filter(_open_to(rank, at, public=public), **ahead)
    if narrowed[0]:
        found = found.filter(session__specialty=specialty)
    if narrowed[1]:
        found = found.filter(session__department_id=department_id)
    if narrowed[2]:
        found = found.filter(session__item=item)
    # the first of each are found by themselves: what a view needs besides is read for these alone, not for all that are free
    firsts = found.order_by("org_id", "session__source", "start_at", "id").distinct("org_id", "session__source").values("pk")
    rows = Slot.objects.filter(pk__in=firsts).select_related("session__department").annotate(heard_at=_HEARD)
    return rows.order_by("org_id", "start_at", "id")


def earliest(
    org_ids: Iterable[int],
    *,
    specialty: str = "",
    department_id: int | None = None,
    kind: str = rules.CLINIC,
    item: str = "",
    priority: str,
    at: datetime,
) -> dict[int, Earliest]:
    """The first slot of each hospital for a patient of this priority, in one statement for all to whom one policy gives one rank.

    A slot of a silent system is `unknown`, never `free`, and comes only where no other is free.
    """
    policies = {where.id: policy_at(where, local_day(at)) for where in places_of(org_ids)}
    alike: dict[tuple[int, bool], list[int]] = defaultdict(list)
    for org_id, policy in policies.items():
        alike[rules.rank(priority, kind, policy), rules.is_public(priority, kind, policy)].append(org_id)
    narrowed = bool(specialty), department_id is not None, bool(item)
    views: dict[int, list[SlotView]] = defaultdict(list)
    for (rank, public), orgs in alike.items():
        asked = orgs, rank, at, specialty, department_id, item
        for row in _firsts(*asked, kind=kind, public=public, narrowed=narrowed):
            views[row.org_id].append(slot_view(row, policies[row.org_id], row.heard_at, at))
    return {org_id: _first(views[org_id]) for org_id in policies}


def _first(views: list[SlotView]) -> Earliest:
    free = [v for v in views if v.feed == rules.KNOWN]
    if free:
        return Earliest(min(free, key=lambda v: v.start_at), rules.FREE)
    return Earliest(views[0], rules.UNKNOWN) if views else Earliest(None, rules.NONE)


def booking(booking_id: UUID) -> Booking:
    """A booking that the open scope reaches. Raises Unknown."""
    found = Booking.objects.filter(pk=booking_id).select_related("slot__session__department", "org").first()
    if found is None:
        raise Unknown(what="booking")
    return found


def entry(entry_id: UUID) -> WaitEntry:
    """A wait entry that the open scope reaches. Raises Unknown."""
    found = WaitEntry.objects.filter(pk=entry_id).select_related("org", "department").first()
    if found is None:
        raise Unknown(what="waiting")
    return found


@prepared
def _bookings(subject: str) -> QuerySet[Booking]:
    rows = Booking.objects.filter(subject=subject).select_related("slot__session__department").annotate(heard_at=_HEARD)
    return rows.order_by("-made_at", "-id")


def bookings_of(subject: str, *, at: datetime) -> list[BookingView]:
    """All bookings of a subject that the open scope reaches, newest first."""
    found = []
    for row in _bookings(subject):
        view = slot_view(row.slot, policy_at(place_of(row.org_id), local_day(at)), row.heard_at, at)
        held = (row.id, row.subject, row.state, row.kind, row.priority, row.held_until, row.end_reason)
        found.append(BookingView(*held, view))
    return found


@prepared
def _standings(subject: str) -> QuerySet[Booking, tuple[UUID, int, str, datetime | None, str]]:
    rows = Booking.objects.filter(subject=subject).order_by("-made_at", "-id")
    return rows.values_list("slot_id", "org_id", "state", "held_until", "end_reason")


def standings_of(subject: str) -> list[Standing]:
    """How all bookings of a subject stand that the open scope reaches, newest first."""
    return [Standing(*row) for row in _standings(subject)]


@prepared
def _waiting(subject: str) -> QuerySet[WaitEntry]:
    return WaitEntry.objects.filter(subject=subject, kind__in=rules.KINDS).order_by("-asked_at", "-id")


def waiting_of(subject: str) -> list[WaitView]:
    """All wishes of a subject for slots that the open scope reaches, newest first."""
    return [wait_view(row) for row in _waiting(subject)]


def wait_view(w: WaitEntry) -> WaitView:
    """A row as its parties see it."""
    return WaitView(*(w.id, w.subject, w.org_id, w.state, w.kind, w.item, w.priority, w.why, w.asked_at, w.due_at, w.end_reason))
