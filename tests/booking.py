"""Sessions and patients for the tests of booking: as the county hospital's desk and a township's doctor make them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connections, transaction

from fenji.care.booking import actions, rules
from fenji.care.booking.models import Bed, BedHold, Booking, ClinicSession, Slot, WaitEntry, Ward
from fenji.ground.access.rules import Actor
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import Refused
from fenji.ground.tasks.models import WorkItem
from fenji.world.county import COUNTY_HOSPITAL

WHO = actions.Who("陈××", "2", 61)
CARDIOLOGY = COUNTY_HOSPITAL * 100 + 1


def plan(start_at: datetime, places: int = 3, **facts: Any) -> actions.NewSession:
    """A session of half a day."""
    known = {"kind": rules.CLINIC, "name": "心血管内科专家门诊", "expert": True, "department_id": CARDIOLOGY, **facts}
    return actions.NewSession(start_at=start_at, end_at=start_at + timedelta(hours=3), places=places, **known)


def a_session(by: Actor, at: datetime, *, days: float = 3, places: int = 3, **facts: Any) -> ClinicSession:
    """A session some days from now; call inside the desk's scope."""
    start = (at + timedelta(days=days)).replace(minute=0, second=0, microsecond=0)
    (made,) = actions.open_sessions(by.org_id, plan(start, places, **facts), by=by, at=at)
    return made


def slots(session: ClinicSession, *, reserved: bool | None = None) -> list[Slot]:
    """Places of a session in order."""
    found = Slot.objects.filter(session=session, voided_at=None).order_by("position")
    return list(found if reserved is None else found.filter(reserved=reserved))


def a_subject() -> str:
    """Something to book for, of which booking knows nothing."""
    return f"T-{uuid4().hex[:12]}"


def given(subject: str, by: Actor, at: datetime, priority: str = rules.UP_REFERRED, **other: Any) -> dict[str, Any]:
    """What every asking says."""
    return {
        "subject": subject, "url": f"/referrals/{subject}/", "who": WHO, "topic": "高血压", "priority": priority,
        "viewer_ids": [by.org_id], "origin_id": by.org_id, "by": by, "at": at, **other,
    }  # fmt: skip


def hold(slot: Slot | UUID, by: Actor, at: datetime, priority: str = rules.UP_REFERRED, subject: str = "") -> Booking:
    """A slot held for somebody new; call inside the scope of `by`."""
    slot_id = slot.id if isinstance(slot, Slot) else slot
    return actions.hold(slot_id, **given(subject or a_subject(), by, at, priority))


def wait(by: Actor, at: datetime, priority: str = rules.UP_REFERRED, subject: str = "", **other: Any) -> WaitEntry:
    """Somebody new on the county hospital's wait list."""
    return actions.wait(COUNTY_HOSPITAL, **given(subject or a_subject(), by, at, priority, **other))


# --- beds --------------------------------------------------------------------------------------------------------------------


def a_ward(by: Actor, at: datetime, *, department: int = CARDIOLOGY, name: str = "", **facts: Any) -> Ward:
    """A ward of the actor's institution; call inside the scope of its head."""
    known = {"kind": rules.REHABILITATION, **facts}
    return actions.open_ward(department, actions.NewWard(name or f"病区{uuid4().hex[:6]}", **known), by=by, at=at)


def a_bed(ward: Ward, by: Actor, at: datetime, room: str = "1", name: str = "", **facts: Any) -> Bed:
    """One more bed in a ward, of a name that its department has not."""
    return actions.add_bed(ward.id, actions.NewBed(room, name or uuid4().hex[:8], **facts), by=by, at=at)


def hold_bed(bed: Bed, by: Actor, at: datetime, *, sex: str = "2", isolation: bool = False, subject: str = "") -> BedHold:
    """A bed held for somebody new; call inside the scope of `by`."""
    said = given(subject or a_subject(), by, at)
    del said["priority"]
    return actions.hold_bed(bed.id, **said | {"who": actions.Who("陈××", sex, 61)}, isolation=isolation)


def wait_for_bed(ward: Ward, by: Actor, at: datetime, priority: str = rules.UP_REFERRED, **other: Any) -> WaitEntry:
    """Somebody new on the wait list of a ward; call inside the scope of `by`."""
    known = {"sex": "2", "isolation": False, "subject": a_subject(), **other}
    said = given(known["subject"], by, at, priority) | {"who": actions.Who("陈××", known["sex"], 61)}
    return actions.wait_for_bed(ward.id, **said, isolation=known["isolation"])


def nobody_has_a_bed() -> None:
    """End all holds of beds and all waiting for one, for good: sweeps look at everything that earlier tests have left."""
    asked = WorkItem.objects.using("owner").filter(kind__in=("booking.bed_held", "booking.no_bed"), closed_at=None)
    asked.update(closed_at=now())
    live = BedHold.objects.using("owner").filter(state__in=rules.LIVE)
    live.update(state=rules.RELEASED, ended_at=now(), held_until=None)
    WaitEntry.objects.using("owner").filter(kind=rules.BED, state=rules.WAITING).update(state=rules.LEFT, ended_at=now())


# --- many at once ------------------------------------------------------------------------------------------------------------


@contextmanager
def crowd_of(count: int) -> Iterator[ThreadPoolExecutor]:
    """So many threads, each of which closes its connections in the end."""
    with ThreadPoolExecutor(count) as pool:
        yield pool
        barrier = threading.Barrier(count)

        def end() -> None:
            barrier.wait()
            connections.close_all()

        for ending in [pool.submit(end) for _ in range(count)]:
            ending.result()


def at_once(crowd: ThreadPoolExecutor, work: Callable[[int], str], count: int) -> Counter[str]:
    """What `count` threads that begin together come to: what they return, or the code of the refusal."""
    barrier = threading.Barrier(count)

    def entrant(i: int) -> str:
        try:
            with transaction.atomic():
                barrier.wait(timeout=120)
                return work(i)
        except Refused as refusal:
            return refusal.code

    return Counter(crowd.map(entrant, range(count)))


def deadlocks() -> int:
    """How many the database has had to break since it was started."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])
