"""Who waits for a bed: put on the wait list where none suits, offered what becomes free, one after the other (SM-1-2c)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from fenji.care.booking import queries, rules
from fenji.care.booking.actions.beds import NAMED, asked, desk_of, sides
from fenji.care.booking.actions.bookings import Who
from fenji.care.booking.actions.waiting import enlist
from fenji.care.booking.models import Bed, BedHold, WaitEntry, Ward
from fenji.ground.access.rules import DOCTOR, Actor, house
from fenji.ground.common.clock import deadline, local_day
from fenji.ground.common.ids import uuid7
from fenji.ground.common.refusal import NotPermitted, Stale
from fenji.ground.common.rows import refused_as
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import in_force, place, place_of
from fenji.ground.policy.queries import duty_calendar
from fenji.ground.tasks import actions as tasks

WORKLIST = "/beds/waiting/"


@all_or_nothing
def wait_for_bed(
    ward_id: UUID,
    *,
    isolation: bool,
    subject: str,
    url: str,
    who: Who,
    topic: str,
    priority: str,
    viewer_ids: Iterable[int],
    origin_id: int,
    by: Actor,
    at: datetime,
) -> WaitEntry:
    """Ask a ward for a bed where none suits, or where nobody knows. Its desk gets a step with a deadline; the sweep offers what
    becomes free. `viewer_ids`: parties of the subject; the institutions of the ward are added.

    Raises NotPermitted, Unknown, BedClosed, AlreadyWaiting.
    """
    if not by.may("bed.hold") or by.org_id != origin_id:
        raise NotPermitted
    row, today = queries.ward(ward_id), local_day(at)
    if row.end is not None:
        raise rules.BedClosed
    where = place(row.org)
    known = all(f.place.known for f in queries.ward_facts(row, at).values())
    entry = WaitEntry(
        org_id=row.org_id, origin_id=origin_id, subject=subject, url=url,
        viewer_ids=sorted({*viewer_ids, origin_id, *sides(row)}), who=who.name_masked, sex=who.sex, age=who.age, topic=topic,
        priority=priority, kind=rules.BED, item=row.kind, ward=row, isolation=isolation,
        why=rules.NO_SLOT if known else rules.SILENT, state=rules.WAITING, asked_at=at,
        due_at=deadline(at, queries.policy_at(where, today).place_within, duty_calendar(where.policy_path, today)),
    )  # fmt: skip
    return enlist(entry, "booking.no_bed", WORKLIST, desk_of(row.org_id, at), by=by, at=at)


def offer_beds(*, at: datetime, using: str = "load") -> int:
    """Hold beds that are free for the first who wait for them and whom they suit; the wards are asked, and who asked is told.

    Over `load`, as lists are written: whom a bed suits follows from the sexes of those in the room, which the job role does not
    read. Returns how many.
    """
    waiting = list(WaitEntry.objects.using(using).filter(kind=rules.BED, state=rules.WAITING))
    live = BedHold.objects.using(using).filter(subject__in=[w.subject for w in waiting], state__in=rules.LIVE)
    served = set(live.values_list("subject", flat=True)) if waiting else set()
    wards = Ward.objects.using(using).filter(in_force(local_day(at)), org_id__in={w.org_id for w in waiting})
    made = 0
    for row in wards.order_by("id") if waiting else ():
        mine = [e for e in waiting if _is_for(e, row)]
        for bed in _free_in(row, at, using) if mine else ():
            left = [e for e in mine if e.subject not in served]
            entry = _offered(row, bed, left, at, using) if left else None
            if entry is not None:
                served.add(entry.subject)
                made += 1
    return made


def _is_for(entry: WaitEntry, row: Ward) -> bool:
    """Whether somebody waits for a ward: for it, or, because theirs has closed, for any of its kind that the institution keeps."""
    if entry.ward_id is not None:
        return entry.ward_id == row.id
    return (entry.org_id, entry.item) == (row.org_id, row.kind)


def _free_in(row: Ward, at: datetime, using: str) -> list[Bed]:
    facts = queries.ward_facts(row, at, using)
    free = {f.place.id for f in rules.free(facts)}
    return [b for b in queries.beds_of([row.id], using).get(row.id, []) if b.id in free]


def _offered(row: Ward, bed: Bed, waiting: Sequence[WaitEntry], at: datetime, using: str) -> WaitEntry | None:
    """Hold one bed for the first whom it suits. None: it suits nobody, or somebody was quicker."""
    where = place_of(row.org_id, using)
    policy, order = queries.bed_policy_at(where, local_day(at)), queries.policy_at(where, local_day(at))
    entries = {e.id: e for e in waiting}
    try:
        with transaction.atomic(using=using):
            # in the order of `booking_room_lock`: whoever wants a bed in this room by another way waits, or is seen below
            list(Bed.objects.using(using).select_for_update().filter(ward=row, room=bed.room).order_by("id"))
            facts = queries.ward_facts(row, at, using)[bed.id]
            wants = [queries.want_of(e, order) for e in waiting]
            needs = {e.id: rules.Need(e.sex, e.isolation) for e in waiting}
            want = rules.first_waiting(facts, wants, needs, policy)
            if want is None:
                return None
            entry = entries[want.id]
            _hold_for(entry, row, bed, policy, at, using)
    except (rules.BedTaken, rules.BedClosed, Stale):
        return None
    return entry


def _hold_for(entry: WaitEntry, row: Ward, bed: Bed, policy: rules.BedPolicy, at: datetime, using: str) -> None:
    """The hold, the step of the ward, and word to who asked. Raises BedTaken, BedClosed, Stale."""
    calendar = duty_calendar(place_of(row.org_id, using).policy_path, local_day(at))
    made = BedHold(
        id=uuid7(), bed=bed, org_id=row.org_id, origin_id=entry.origin_id, subject=entry.subject, url=entry.url,
        viewer_ids=sorted({*entry.viewer_ids, *sides(row)}), who=entry.who, sex=entry.sex, age=entry.age, topic=entry.topic,
        isolation=entry.isolation, state=rules.HELD, made_at=at, held_until=deadline(at, policy.bed_hold_within, calendar),
    )  # fmt: skip
    with refused_as(NAMED, within=using):
        made.save(force_insert=True, using=using)
    still = WaitEntry.objects.using(using).filter(pk=entry.pk, version=entry.version, state=rules.WAITING)
    if not still.update(offered=bed.id, version=entry.version + 1):
        raise Stale
    asked(made, by=house(row.org_id), at=at, using=using)
    tasks.notify(
        "booking.bed_offered", org_id=entry.origin_id, role=DOCTOR, subject=entry.subject, url=entry.url, at=at, using=using
    )
