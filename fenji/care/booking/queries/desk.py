"""What the hospital's desk reads: sessions of a week, one session, who waits, who is to be moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from fenji.care.booking import rules
from fenji.care.booking.models import Booking, ClinicSession, Slot, WaitEntry
from fenji.care.booking.queries.slots import heard, policy_at
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.refusal import Unknown
from fenji.ground.common.units import DAYS_PER_WEEK
from fenji.ground.network.queries import place_of

_FREE = Q(slot__taken=False, slot__outside="", slot__voided_at=None)


@dataclass(frozen=True, slots=True)
class Day:
    """A session with its numbers: places, free ones, free ones that are reserved."""

    session: ClinicSession
    places: int
    free: int
    reserved: int


def session(session_id: UUID) -> ClinicSession:
    """A session. Raises Unknown."""
    found = ClinicSession.objects.filter(pk=session_id).select_related("department", "org", "practitioner").first()
    if found is None:
        raise Unknown(what="session")
    return found


def fed_session(org_id: int, source_id: str) -> ClinicSession:
    """What the hospital's own system calls by this number: the open session, else the latest cancelled one. Raises Unknown."""
    found = ClinicSession.objects.filter(org_id=org_id, source_id=source_id).exclude(source_id="")
    # cancelled < open
    latest = found.order_by("-state", "-start_at", "-id").first()
    if latest is None:
        raise Unknown(what="session")
    return latest


def sessions_between(org_id: int, since: datetime, until: datetime, *, department_id: int | None = None) -> list[Day]:
    """Sessions of a hospital that begin in [since, until), cancelled ones too, by time, with their numbers."""
    found = ClinicSession.objects.filter(org_id=org_id, start_at__gte=since, start_at__lt=until)
    if department_id is not None:
        found = found.filter(department_id=department_id)
    counted = found.select_related("department").annotate(
        places=Count("slot", filter=Q(slot__voided_at=None)),
        free=Count("slot", filter=_FREE),
        free_reserved=Count("slot", filter=_FREE & Q(slot__reserved=True)),
    )
    return [Day(s, s.places, s.free, s.free_reserved) for s in counted.order_by("start_at", "name", "id")]


def slots_of(session_id: UUID) -> list[Slot]:
    """Places of a session in their order, without those taken out."""
    return list(Slot.objects.filter(session_id=session_id, voided_at=None).order_by("position"))


def of_session(session_id: UUID) -> dict[UUID, Booking]:
    """The booking on each slot of a session, as far as the open scope reaches; `to_move` ones too."""
    shown = (*rules.TAKING, rules.TO_MOVE)
    return {b.slot_id: b for b in Booking.objects.filter(slot__session_id=session_id, state__in=shown).order_by("made_at")}


def waiting_at(org_id: int, policy: rules.BookingPolicy) -> list[WaitEntry]:
    """Who waits for a slot at a hospital, in the order of the queue (SM-1-2c)."""
    found = WaitEntry.objects.filter(org_id=org_id, state=rules.WAITING, kind__in=rules.KINDS)
    rows = {w.id: w for w in found.select_related("department")}
    wants = [want_of(w, policy) for w in rows.values()]
    return [rows[w.id] for w in rules.queue(wants)]


def want_of(row: WaitEntry, policy: rules.BookingPolicy) -> rules.Want:
    """A row as the rules see it."""
    return rules.Want(
        row.id,
        rules.rank(row.priority, row.kind, policy),
        row.asked_at,
        row.org_id,
        row.kind,
        row.item,
        row.department_id,
        row.offered,
        rules.is_public(row.priority, row.kind, policy),
    )


def free_at(org_id: int, at: datetime, weeks: int, using: str = "default") -> QuerySet[Slot]:
    """Free slots of a hospital in the coming weeks, earliest first: those too that are kept for somebody, or of a silent system."""
    found = Slot.objects.using(using).filter(org_id=org_id, taken=False, outside="", voided_at=None, session__state=rules.OPEN)
    found = found.filter(start_at__gt=at, start_at__lt=at + timedelta(days=weeks * DAYS_PER_WEEK))
    return found.select_related("session__department").order_by("start_at", "id")


def not_kept(at: datetime) -> Q:
    """Slots about which nobody who waits is being asked."""
    return Q(kept_until=None) | Q(kept_until__lte=at)


def to_move(org_id: int) -> list[Booking]:
    """Who lost their slot at a hospital and has no other yet, the nearest first."""
    found = Booking.objects.filter(org_id=org_id, state=rules.TO_MOVE)
    return list(found.select_related("slot__session__department").order_by("start_at", "id"))


def free_for_referrers(org_id: int, at: datetime) -> int:
    """How many clinic slots of a hospital are free for referred patients in the rest of this day; unknown ones not."""
    tomorrow = datetime.combine(local_day(at) + timedelta(days=1), time(), SHANGHAI)
    found = free_at(org_id, at, 1).filter(not_kept(at), session__kind=rules.CLINIC, start_at__lt=tomorrow)
    if rules.is_stale(heard(org_id), at, policy_at(place_of(org_id), local_day(at))):
        found = found.exclude(session__source=rules.FED)
    return found.count()
