"""Sessions and their slots: typed, imported, or fed by the hospital's own system; cancelled, and what that moves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import F, Q

from fenji.care.booking import queries, rules
from fenji.care.booking.actions.bookings import step_of
from fenji.care.booking.models import Booking, ClinicSession, Feed, Slot
from fenji.ground.access.actions import audit
from fenji.ground.access.rules import DESK, DOCTOR, MACHINE, Actor
from fenji.ground.common.clock import SHANGHAI, deadline, local_day
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.common.units import DAYS_PER_WEEK
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import Place, place_of
from fenji.ground.policy.queries import duty_calendar
from fenji.ground.tasks import actions as tasks

TO_MOVE = "/booking/to-move/"


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session to be opened. `reserved`: places for patients whom primary care refers; None: the share the policy sets.

    `item`: code of the examination. `practitioner_id`: who holds it, as far as the house knows them.
    """

    kind: str
    name: str
    start_at: datetime
    end_at: datetime
    places: int
    department_id: int | None = None
    specialty: str = ""
    item: str = ""
    expert: bool = False
    practitioner_id: UUID | None = None
    doctor_name: str = ""
    reserved: int | None = None
    source_id: str = ""


def require_writer(org_id: int, by: Actor) -> None:
    """Raise NotPermitted for whoever does not keep the sessions of a hospital."""
    if not by.may("booking.write") or by.org_id != org_id:
        raise NotPermitted


@all_or_nothing
def open_sessions(org_id: int, new: NewSession, *, weeks: int = 1, by: Actor, at: datetime) -> list[ClinicSession]:
    """Open a session, and the same one in the weeks after it. Raises NotPermitted, BadSession."""
    require_writer(org_id, by)
    where = place_of(org_id)
    made = []
    for week in range(weeks):
        days = timedelta(days=week * DAYS_PER_WEEK)
        made.append(write(where, new, rules.TYPED, by=by, at=at, later=days))
    return made


def write(
    where: Place, new: NewSession, source: str, *, by: Actor, at: datetime, later: timedelta = timedelta(0), using: str = "default"
) -> ClinicSession:
    """One session with its slots and its audit row. Raises BadSession."""
    policy = queries.policy_at(where, local_day(at))
    start, end = new.start_at + later, new.end_at + later
    reserved = rules.reserved_of(new.places, policy) if new.reserved is None else new.reserved
    rules.checked(start, end, new.places, reserved, policy, at)
    session = ClinicSession(
        org_id=where.id, path=where.path, department_id=new.department_id, kind=new.kind, name=new.name, item=new.item,
        specialty=new.specialty, expert=new.expert, practitioner_id=new.practitioner_id, doctor_name=new.doctor_name,
        start_at=start, end_at=end, release_at=rules.released_at(start, policy), source=source, source_id=new.source_id,
    )  # fmt: skip
    session.save(force_insert=True, using=using)
    marks = rules.quota(new.places, reserved)
    Slot.objects.using(using).bulk_create(
        Slot(session=session, org_id=where.id, path=where.path, start_at=when, position=n, reserved=marks[n])
        for n, when in enumerate(rules.spread(start, end, new.places))
    )
    audit(by=by, at=at, action="booking.open", subject=f"session:{session.id}", after=source, using=using, places=new.places)
    return session


@all_or_nothing
def cancel(session_id: UUID, reason: str, *, version: int, by: Actor, at: datetime) -> int:
    """Cancel a session. Who is booked goes to the list of those to be moved, and their institutions are told: nobody is dropped.

    Returns how many. Raises NotPermitted, Unknown, Stale.
    """
    session = queries.session(session_id)
    require_writer(session.org_id, by)
    return _cancelled(session, reason, version, by, at)


def _cancelled(session: ClinicSession, reason: str, version: int, by: Actor, at: datetime) -> int:
    changed = ClinicSession.objects.filter(pk=session.pk, version=version, state=rules.OPEN).update(
        state=rules.CANCELLED, reason=reason, version=version + 1
    )
    if not changed:
        raise Stale
    with connection.cursor() as cursor:
        cursor.execute("SELECT origin_id, subject, url FROM booking_move_out(%s)", [session.pk])
        moved = cursor.fetchall()
    # a machine sees no patient and can open no step about one: its desk is told, and finds them on the list
    if by.role == MACHINE and moved:
        tasks.send("booking.cancelled", org_id=session.org_id, role=DESK, subject=_label(session), url=TO_MOVE, at=at)
    else:
        _open_moves(session, at)
    for origin_id, subject, url in moved:
        tasks.send("booking.lost", org_id=origin_id, role=DOCTOR, subject=subject, url=url, at=at)
    audit(by=by, at=at, action="booking.cancel", subject=f"session:{session.pk}", after=rules.CANCELLED, moved=len(moved))
    return len(moved)


def _label(session: ClinicSession) -> str:
    return f"{session.name} {session.start_at.astimezone(SHANGHAI):%m-%d %H:%M}"


def _open_moves(session: ClinicSession, at: datetime) -> None:
    where = place_of(session.org_id)
    span = queries.policy_at(where, local_day(at)).move_within
    due = min(deadline(at, span, duty_calendar(where.policy_path, local_day(at))), max(session.start_at, at))
    for b in Booking.objects.filter(slot__session=session, state=rules.TO_MOVE):
        tasks.open_step(
            tasks.Step(
                kind="booking.to_move", subject=step_of(b.subject, b.kind, b.item, move=True), url=TO_MOVE, who=b.who, sex=b.sex,
                age=b.age, topic=b.topic, org_id=b.org_id, role=DESK, viewer_ids=tuple(b.viewer_ids), due_at=due,
                urgent=b.priority == rules.EMERGENCY,
            ),
            at=at,
        )  # fmt: skip


@all_or_nothing
def away(practitioner_id: UUID, first: date, last: date, reason: str, *, by: Actor, at: datetime) -> tuple[int, int]:
    """Cancel the coming sessions that somebody holds at the actor's hospital from one day to another, both included.

    Returns how many sessions, and how many booked patients are to be moved. Raises NotPermitted.
    """
    require_writer(by.org_id, by)
    since = datetime.combine(first, time(), SHANGHAI)
    until = datetime.combine(last + timedelta(days=1), time(), SHANGHAI)
    found = ClinicSession.objects.filter(
        org_id=by.org_id, practitioner_id=practitioner_id, state=rules.OPEN, start_at__gte=max(since, at), start_at__lt=until
    )
    rows = list(found.order_by("start_at"))
    return len(rows), sum(_cancelled(row, reason, row.version, by, at) for row in rows)


# --- the hospital's own system -------------------------------------------------------------------------------------------------


@all_or_nothing
def heard(*, by: Actor, at: datetime) -> None:
    """The hospital's own system is there: what it fed is known again. Raises NotPermitted."""
    require_writer(by.org_id, by)
    if by.role != MACHINE:
        raise NotPermitted
    if not Feed.objects.filter(pk=by.org_id).update(heard_at=at):
        Feed.objects.bulk_create([Feed(org_id=by.org_id, path=place_of(by.org_id).path, heard_at=at)], ignore_conflicts=True)


@all_or_nothing
def feed(source_id: str, new: NewSession | None, *, by: Actor, at: datetime) -> ClinicSession:
    """What the hospital's own system says of one session; None: it is cancelled. The same again changes nothing.

    A session whose time, kind or item changes is cancelled and opened anew, so that those booked are asked and told.
    Raises NotPermitted, Unknown, BadSession.
    """
    heard(by=by, at=at)
    present = ClinicSession.objects.filter(org_id=by.org_id, source_id=source_id, state=rules.OPEN).first()
    if new is None:
        if present is not None:
            _cancelled(present, "", present.version, by, at)
        return queries.fed_session(by.org_id, source_id)
    if present is not None and (present.start_at, present.end_at, present.kind, present.item) != (
        *(new.start_at, new.end_at, new.kind, new.item),
    ):
        _cancelled(present, "", present.version, by, at)
        present = None
    if present is None:
        return write(place_of(by.org_id), new, rules.FED, by=by, at=at)
    changed = amend(present, new, rules.FED, by=by, at=at)
    return queries.session(present.pk) if changed else present


def amend(session: ClinicSession, new: NewSession, source: str, *, by: Actor, at: datetime, using: str = "default") -> bool:
    """Bring an open session to what is said of it: words, doctor, number of places. Places that are taken stay. True if changed."""
    facts = {
        "department_id": new.department_id, "name": new.name, "specialty": new.specialty, "expert": new.expert,
        "practitioner_id": new.practitioner_id, "doctor_name": new.doctor_name, "source": source,
    }  # fmt: skip
    policy = queries.policy_at(place_of(session.org_id, using), local_day(at))
    reserved = rules.reserved_of(new.places, policy) if new.reserved is None else new.reserved
    moved = _places(session, new.places, reserved, policy, at, using)
    same = all(getattr(session, name) == value for name, value in facts.items())
    if same and not moved:
        return False
    found = ClinicSession.objects.using(using).filter(pk=session.pk, version=session.version, state=rules.OPEN)
    if not found.update(**facts, version=session.version + 1):
        raise Stale
    audit(by=by, at=at, action="booking.amend", subject=f"session:{session.pk}", after=source, using=using, places=new.places)
    return True


def _places(session: ClinicSession, places: int, reserved: int, policy: rules.BookingPolicy, at: datetime, using: str) -> bool:
    """Add or take out places. Returns whether anything changed. Raises BadSession."""
    slots = {s.position: s for s in Slot.objects.using(using).filter(session=session)}
    present = [s for s in slots.values() if s.voided_at is None]
    marks = dict(enumerate(rules.quota(places, reserved)))
    if {s.position: s.reserved for s in present} == marks:
        return False
    rules.checked(session.start_at, session.end_at, places, reserved, policy, min(at, session.start_at - timedelta(minutes=1)))
    free = Q(taken=False, outside="")
    rows = Slot.objects.using(using).filter(session=session)
    changed = rows.filter(free, position__gte=places, voided_at=None).update(voided_at=at, version=F("version") + 1)
    for n, when in enumerate(rules.spread(session.start_at, session.end_at, places)):
        old = slots.get(n)
        if old is None:
            row = Slot(session=session, org_id=session.org_id, path=session.path, start_at=when, position=n, reserved=marks[n])
            row.save(force_insert=True, using=using)
            changed += 1
        elif old.voided_at is not None or old.reserved != marks[n]:
            changed += rows.filter(position=n).update(voided_at=None, reserved=marks[n], version=F("version") + 1)
    return bool(changed)


@all_or_nothing
def take_outside(source_id: str, position: int, outside: str, *, priority: str, by: Actor, at: datetime) -> Slot:
    """The hospital's own system gives a place to a booking of its own, or (empty `outside`) has it free again. The same again
    changes nothing. Of the patient nothing comes here. `position`: from 1.

    Raises NotPermitted, Unknown, SlotTaken, QuotaOnly, SessionClosed.
    """
    heard(by=by, at=at)
    found = Slot.objects.filter(org_id=by.org_id, session__source_id=source_id, session__state=rules.OPEN, voided_at=None)
    slot = found.filter(position=position - 1).select_related("session", "org").first()
    if slot is None:
        raise Unknown(what="slot")
    if slot.outside == outside and not slot.taken:
        return slot
    if not outside:
        if slot.taken:
            raise rules.SlotTaken
        _outside(slot, "", by, at)
        return slot
    policy = queries.policy_at(place_of(by.org_id), local_day(at))
    rules.may_take(queries.facts_of(slot, at), priority, slot.session.kind, policy, at, sure=True)
    _outside(slot, outside, by, at)
    return slot


def _outside(slot: Slot, outside: str, by: Actor, at: datetime) -> None:
    """Compare and swap against our own bookings: the row waits for whoever takes it at this moment. Raises SlotTaken."""
    rows = Slot.objects.filter(pk=slot.pk, taken=False, voided_at=None, outside=slot.outside)
    if not rows.update(outside=outside, version=F("version") + 1):
        raise rules.SlotTaken
    audit(by=by, at=at, action="booking.outside", subject=f"slot:{slot.pk}", before=slot.outside, after=outside)
    slot.outside = outside
