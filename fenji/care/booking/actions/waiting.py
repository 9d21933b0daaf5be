"""The wait list: who finds nothing free goes to the hospital's desk as a step with a deadline, and is placed from there.

Who waits for a bed is on the same list; `bedwait` puts them on it and offers what becomes free.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from fenji.care.booking import queries, rules
from fenji.care.booking.actions.bookings import Who, booked_by_hospital, end_wait, step_of
from fenji.care.booking.models import Booking, WaitEntry
from fenji.ground.access.actions import audit
from fenji.ground.access.rules import DESK, DOCTOR, Actor
from fenji.ground.common.clock import deadline, local_day
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.common.rows import refused_as
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import departments_of, place_of
from fenji.ground.policy.queries import duty_calendar
from fenji.ground.tasks import actions as tasks

WORKLIST = "/booking/waiting/"


@all_or_nothing
def wait(
    org_id: int,
    *,
    kind: str = rules.CLINIC,
    department_id: int | None = None,
    item: str = "",
    why: str = rules.NO_SLOT,
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
    """Ask a hospital for a slot where none is free, or where nobody knows (`why`). Its desk gets a step with a deadline.

    Raises NotPermitted, Unknown, AlreadyWaiting.
    """
    if not by.may("booking.hold"):
        raise NotPermitted
    where = place_of(org_id)
    if department_id is not None and department_id not in {d.id for d in departments_of(org_id)}:
        raise Unknown(what="department")
    today = local_day(at)
    due = deadline(at, queries.policy_at(where, today).place_within, duty_calendar(where.policy_path, today))
    entry = WaitEntry(
        org_id=org_id, origin_id=origin_id, subject=subject, url=url, viewer_ids=sorted({*viewer_ids, origin_id, org_id}),
        who=who.name_masked, sex=who.sex, age=who.age, topic=topic, priority=priority, kind=kind, item=item,
        department_id=department_id, why=why, state=rules.WAITING, asked_at=at, due_at=due,
    )  # fmt: skip
    return enlist(entry, "booking.no_slot", WORKLIST, DESK, by=by, at=at)


def enlist(entry: WaitEntry, step: str, url: str, role: str, *, by: Actor, at: datetime) -> WaitEntry:
    """Put an entry on its list, and a step of a kind on a desk. Raises AlreadyWaiting."""
    with refused_as({"waitentry_one_of_a_kind": rules.AlreadyWaiting}, within="default"):
        entry.save(force_insert=True)
    tasks.open_step(
        tasks.Step(
            kind=step, subject=step_of(entry.subject, entry.kind, entry.item), url=url, who=entry.who, sex=entry.sex,
            age=entry.age, topic=entry.topic, org_id=entry.org_id, role=role, viewer_ids=tuple(entry.viewer_ids),
            due_at=entry.due_at, urgent=entry.priority == rules.EMERGENCY,
        ),
        at=at,
    )  # fmt: skip
    audit(by=by, at=at, action="booking.wait", subject=entry.subject, after=entry.why, org=entry.org_id, kind=entry.kind)
    return entry


@all_or_nothing
def place(entry_id: UUID, slot_id: UUID, *, version: int, by: Actor, at: datetime) -> Booking:
    """The desk gives somebody who waits a slot; their institution is told.

    Raises NotPermitted, Unknown, Stale, SlotTaken, QuotaOnly, SessionClosed.
    """
    found = queries.entry(entry_id)
    if found.version != version or found.state != rules.WAITING:
        raise Stale
    made = booked_by_hospital(slot_id, found, given_up=[], wishes=[found], by=by, at=at)
    tasks.send("booking.placed", org_id=found.origin_id, role=DOCTOR, subject=found.subject, url=found.url, at=at)
    return made


@all_or_nothing
def leave(entry_id: UUID, reason: str, *, version: int, by: Actor, at: datetime) -> None:
    """The desk, or the ward, cannot give a slot or a bed, and says why (`reason`: a code); who asked is told.

    Raises NotPermitted, Unknown, Stale.
    """
    found = queries.entry(entry_id)
    keeps = "bed.confirm" if found.kind == rules.BED else "booking.write"
    if not by.may(keeps) or by.org_id != found.org_id:
        raise NotPermitted
    if found.version != version or found.state != rules.WAITING:
        raise Stale
    end_wait(found, rules.LEFT, reason, by, at)
    told = "booking.no_bed_found" if found.kind == rules.BED else "booking.not_placed"
    tasks.send(told, org_id=found.origin_id, role=DOCTOR, subject=found.subject, url=found.url, at=at)
