"""The clinics of the benchmark's county hospital, and what must hold of slots and bookings when it has run."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta
from datetime import time as hour
from typing import Any

from fenji.config.bench.load import percentile

_DAYS = 28
_AHEAD = 14
"""So many days ahead a referral form offers slots."""
_ROUNDS = 2
"""So many doctors of each department hold clinics every working day, in the morning and in the afternoon."""
_PLACES = 20
_ENOUGH = 500
"""So many slots are free in each department before a run begins; a run takes some hundred in all."""
_TIMED = 200
OF_STATE = {
    "in_review": "held",
    "offered": "held",
    "accepted": "confirmed",
    "arrived": "used",
    "answered": "used",
    "closed": "used",
}
"""State of a case → the state of its booking."""
MUST_BE_NONE = ("slots_given_twice", "slots_marked_wrongly", "cases_booked_wrongly")


def open_clinics(at: datetime) -> int:
    """Open the clinics of four weeks at the county hospital, and more of them where earlier runs have used them up.

    Returns how many sessions it opened.
    """
    from fenji.ground.network.models import Department
    from fenji.world.county import COUNTY_HOSPITAL

    made = 0
    for room in Department.objects.using("load").filter(org_id=COUNTY_HOSPITAL, end=None).order_by("pk"):
        turn = 0
        while turn < _ROUNDS or _free(room.pk, at) < _ENOUGH:
            made += _open(room, turn, at)
            turn += 1
    return made


def _free(department: int, at: datetime) -> int:
    from fenji.care.booking.models import Slot

    free = Slot.objects.using("load").filter(taken=False, outside="", voided_at=None, session__department_id=department)
    return free.filter(start_at__gt=at, start_at__lt=at + timedelta(days=_AHEAD), session__state="open").count()


def _open(room: Any, turn: int, at: datetime) -> int:
    """One doctor's clinics, those that are not there yet."""
    from django.db import transaction

    from fenji.care.booking import rules
    from fenji.care.booking.actions.sessions import NewSession, write
    from fenji.care.booking.models import ClinicSession
    from fenji.ground.access.rules import house
    from fenji.ground.common.clock import SHANGHAI, local_day
    from fenji.ground.network.queries import place_of

    where = place_of(room.org_id, "load")
    there = set(ClinicSession.objects.using("load").filter(department_id=room.pk).values_list("source_id", flat=True))
    made = 0
    with transaction.atomic(using="load"):
        for day in _working_days(local_day(at)):
            for begin in (8, 14):
                source_id = f"BENCH-{room.pk}-{turn}-{day:%Y%m%d}-{begin}"
                if source_id in there:
                    continue
                start = datetime.combine(day, hour(begin), SHANGHAI)
                plan = NewSession(
                    kind=rules.CLINIC, name=f"{room.name_zh}专家门诊", start_at=start, end_at=start + timedelta(hours=3),
                    places=_PLACES, department_id=room.pk, specialty=room.specialty, expert=True, doctor_name=f"医生{turn}",
                    source_id=source_id,
                )  # fmt: skip
                write(where, plan, rules.TYPED, by=house(room.org_id), at=at, using="load")
                made += 1
    return made


def _working_days(today: date) -> list[date]:
    from fenji.ground.common.units import SATURDAY

    return [day for n in range(1, _DAYS) if (day := today + timedelta(days=n)).weekday() < SATURDAY]


def timed(doctor: str) -> dict[str, float]:
    """The 95th percentile, in milliseconds, of the two queries about free slots, asked in a doctor's scope without a page around.

    `doctor`: session token.
    """
    from django.db import transaction

    from fenji.care.booking import queries
    from fenji.care.booking.rules import UP_REFERRED
    from fenji.ground.access import queries as access
    from fenji.ground.common.edge import now
    from fenji.ground.network.models import Department
    from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL, PROVINCE_HOSPITAL

    taken: dict[str, list[float]] = {"free_slots_p95_ms": [], "earliest_p95_ms": []}
    with transaction.atomic():
        if access.enter(doctor) is None:
            raise RuntimeError("the doctor's session has ended")
        rooms = list(Department.objects.filter(org_id=COUNTY_HOSPITAL, end=None).order_by("pk"))
        for n in range(_TIMED):
            room, at = rooms[n % len(rooms)], now()
            until = at + timedelta(days=_AHEAD)
            began = time.perf_counter()
            queries.free_slots(COUNTY_HOSPITAL, department_id=room.pk, priority=UP_REFERRED, since=at, until=until, limit=6)
            between = time.perf_counter()
            hospitals = (COUNTY_HOSPITAL, CITY_HOSPITAL, PROVINCE_HOSPITAL)
            queries.earliest(hospitals, specialty=room.specialty, priority=UP_REFERRED, at=at)
            taken["free_slots_p95_ms"].append((between - began) * 1000)
            taken["earliest_p95_ms"].append((time.perf_counter() - between) * 1000)
        access.leave()
    return {name: round(percentile(values, 0.95), 1) for name, values in taken.items()}


def wrong(since: datetime) -> dict[str, int]:
    """What must not be, counted: slots given twice; slots whose mark does not say whether somebody has them; cases written `since`
    whose booking is not in the state that belongs to theirs. And how many cases were looked at."""
    from django.db import connections

    pairs = ", ".join(f"('{case}', '{booking}')" for case, booking in OF_STATE.items())
    has = "SELECT slot_id FROM booking_booking WHERE state IN ('held', 'confirmed', 'used', 'missed')"
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({has} GROUP BY slot_id HAVING count(*) > 1) t")
        twice = cursor.fetchone()[0]
        cursor.execute(
            f"SELECT count(*) FROM booking_slot s LEFT JOIN ({has}) b ON b.slot_id = s.id WHERE s.taken <> (b.slot_id IS NOT NULL)"
        )
        marked = cursor.fetchone()[0]
        cursor.execute(
            "SELECT count(*), count(*) FILTER (WHERE e.booking IS NULL OR seen.states <> ARRAY[e.booking])"
            " FROM referral_case c CROSS JOIN LATERAL"
            " (SELECT coalesce(array_agg(b.state), '{}') AS states FROM booking_booking b WHERE b.subject = c.number) seen"
            f" LEFT JOIN (VALUES {pairs}) e (state, booking) ON e.state = c.state"
            " WHERE c.direction = 'up' AND c.created_at >= %s",
            [since],
        )
        looked, booked = cursor.fetchone()
    return dict(zip(("cases_looked_at", *MUST_BE_NONE), (looked, twice, marked, booked), strict=True))
