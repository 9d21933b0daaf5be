"""Past and open referrals in bulk, for benchmarks: rows as the actions leave them, written without the actions.

Only the speed of reading and of adding to them is measured; the demo's own cases come from `story`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connections, transaction

from fenji.care.booking import rules as booking
from fenji.care.catalogue.models import Diagnosis
from fenji.care.catalogue.queries import group_of
from fenji.care.catalogue.rules import GROUP_VERSION
from fenji.care.referral import rules
from fenji.ground.access import rules as access
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.ids import case_number, uuid7
from fenji.ground.common.text import mask_name
from fenji.ground.network.models import Department
from fenji.ground.network.rules import level
from fenji.ground.policy.queries import pack_hash
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL, PROVINCE_HOSPITAL, Person
from fenji.world.people import stage

_BATCH = 10_000
_OPEN_SHARE = 0.03
_TIERS = {COUNTY_HOSPITAL: "county", CITY_HOSPITAL: "city", PROVINCE_HOSPITAL: "province"}
_RESIDENTS = """
SELECT id, name, sex, birth_date, home_org_id, path FROM registry_resident ORDER BY md5(id::text) LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class _Batch:
    visits: list[tuple[Any, ...]]
    cases: list[tuple[Any, ...]]
    events: list[tuple[Any, ...]]
    items: list[tuple[Any, ...]]
    sessions: list[tuple[Any, ...]]
    slots: list[tuple[Any, ...]]
    bookings: list[tuple[Any, ...]]


_VISIT = (
    "id", "version", "resident_id", "org_id", "path", "doctor_id", "doctor_name", "diagnosis_code", "diagnosis_name",
    "disease_group", "group_version", "complaint", "emergency", "disposition", "opened_at", "closed_at",
)  # fmt: skip
_CASE = (
    "id", "version", "number", "direction", "state", "origin_id", "receiver_id", "holder_id", "duty_id", "origin_level",
    "receiver_level", "viewer_ids", "requester_id", "requester_name", "resident_id", "visit_id", "patient_name", "patient_sex",
    "patient_birth_date", "patient_phone", "diagnosis_code", "diagnosis_name", "disease_group", "group_version", "emergency",
    "summary", "override_reason", "verdict", "reasons", "pack_hash", "valid_until", "created_at", "due_at", "ended_at",
)  # fmt: skip
_EVENT = ("id", "case_id", "at", "actor_id", "actor_name", "role", "org_name", "action", "before", "after", "note")
_ITEM = (
    "id", "kind", "subject", "url", "who", "sex", "age", "topic", "org_id", "role", "viewer_ids", "urgent", "opened_at", "due_at",
    "closed_at",
)  # fmt: skip
_SESSION = (
    "id", "version", "org_id", "path", "department_id", "kind", "name", "specialty", "start_at", "end_at", "release_at", "source",
)  # fmt: skip
_SLOT = ("id", "version", "session_id", "org_id", "path", "start_at", "position", "reserved")
_BOOKING = (
    "id", "version", "org_id", "origin_id", "subject", "url", "viewer_ids", "who", "sex", "age", "topic", "priority", "kind",
    "state", "slot_id", "start_at", "made_at", "ended_at",
)  # fmt: skip
_PATH = (
    ("draft", "", "draft"),
    ("submit", "draft", "in_review"),
    ("approve", "in_review", "offered"),
    ("accept", "offered", "accepted"),
)


class _Writer:
    def __init__(self, doctors: dict[int, Person], at: datetime, share_at_county: float) -> None:
        self.rng = random.Random(7)  # noqa: S311 - repeatable on purpose
        self.doctors = doctors
        self.at = at
        self.share = share_at_county
        self.diagnoses = [(d.code, d.name_zh, group_of(d)) for d in Diagnosis.objects.using("load").order_by("code")]
        self.hash = pack_hash()
        self.turn: dict[Any, int] = {}
        self.rooms = _rooms()
        self.sessions: dict[tuple[int, date], tuple[UUID, int]] = {}

    def one(self, row: tuple[Any, ...], batch: _Batch) -> None:
        resident, name, sex, born, org, path = row
        rng, doctor = self.rng, self.doctors[org]
        began = self.at - timedelta(minutes=rng.randrange(2 * 24 * 60, 700 * 24 * 60))
        day = local_day(began)
        self.turn[day] = self.turn.get(day, 0) + 1
        number = case_number("R", "350405", day, self.turn[day])
        receiver = COUNTY_HOSPITAL if rng.random() < self.share else rng.choice((CITY_HOSPITAL, PROVINCE_HOSPITAL))
        is_open = rng.random() < _OPEN_SHARE
        code, diagnosis, group = rng.choice(self.diagnoses)
        visit, case = (uuid7(int(began.timestamp() * 1000), rng.randbytes(10)) for _ in range(2))
        batch.visits.append(
            (visit, 1, resident, org, path, doctor.id, doctor.name, code, diagnosis, group, GROUP_VERSION, "既往就诊", False,
             "referred_up", began, began)
        )  # fmt: skip
        due = began + timedelta(days=3)
        state = rules.ACCEPTED if is_open else rules.CLOSED
        batch.cases.append(
            (case, 4, number, "up", state, org, receiver, receiver if is_open else None, org, level("township"),
             level(_TIERS[receiver]), [org, receiver], doctor.id, doctor.name, resident, visit, name, sex, born,
             settings.DATABASE_KEYS.seal("", f"case.phone:{number}"), code, diagnosis, group, GROUP_VERSION, False, "既往转诊", "",
             rules.ALLOWED, "[]", self.hash, day + timedelta(days=30), began, due if is_open else None, None if is_open else due)
        )  # fmt: skip
        self._trail(batch, case, number, doctor, began)
        if not is_open:
            self._booked(batch, number, receiver, org, (mask_name(name), sex, diagnosis), began)
        # residents are drawn at most once, so no two open cases meet
        batch.items.append(
            (uuid7(int(began.timestamp() * 1000), rng.randbytes(10)), "referral.accepted", number, f"/referrals/{number}/",
             mask_name(name), sex, 50, diagnosis, receiver, access.DESK, [org, receiver], False, began, due,
             None if is_open else due)
        )  # fmt: skip

    def _trail(self, batch: _Batch, case: UUID, number: str, doctor: Person, began: datetime) -> None:
        for i, (action, before, after) in enumerate(_PATH):
            at = began + timedelta(minutes=20 * i)
            event = uuid7(int(at.timestamp() * 1000), self.rng.randbytes(10))
            batch.events.append((event, case, at, doctor.id, doctor.name, doctor.role, "", action, before, after, ""))

    def _booked(self, batch: _Batch, number: str, receiver: int, org: int, who: tuple[str, str, str], began: datetime) -> None:
        """The clinic that the patient came to on the next day, and the place in it."""
        room = self.rng.choice(self.rooms[receiver])
        day = local_day(began) + timedelta(days=1)
        start = datetime.combine(day, time(8), SHANGHAI)
        session, position = self.sessions.get((room.pk, day), (UUID(int=0), 0))
        if not position:
            session = self._id(began)
            batch.sessions.append(
                (session, 1, receiver, room.org.path, room.pk, booking.CLINIC, room.name_zh, room.specialty, start,
                 start + timedelta(hours=9), start - timedelta(days=1), booking.TYPED)
            )  # fmt: skip
        self.sessions[room.pk, day] = session, position + 1
        slot, at = self._id(began), start + timedelta(minutes=5 * position)
        batch.slots.append((slot, 1, session, receiver, room.org.path, at, position, False))
        name, sex, topic = who
        batch.bookings.append(
            (self._id(began), 1, receiver, org, number, f"/referrals/{number}/", [org, receiver], name, sex, 50, topic,
             booking.UP_REFERRED, booking.CLINIC, booking.USED, slot, at, began, at)
        )  # fmt: skip

    def _id(self, began: datetime) -> UUID:
        return uuid7(int(began.timestamp() * 1000), self.rng.randbytes(10))


def _rooms() -> dict[int, list[Department]]:
    found: dict[int, list[Department]] = {}
    for room in Department.objects.using("load").filter(org_id__in=_TIERS, end=None).select_related("org").order_by("pk"):
        found.setdefault(room.org_id, []).append(room)
    return found


def _residents(count: int) -> Iterator[tuple[Any, ...]]:
    with connections["load"].cursor() as cursor:
        cursor.execute(_RESIDENTS, [count])
        yield from cursor.fetchall()


def write(
    count: int, staff: list[Person], at: datetime, *, share_at_county: float, progress: Callable[[int], None] | None = None
) -> int:
    """Write `count` referrals of as many residents, a given share of them sent to the county hospital."""
    doctors = {p.org_id: p for p in staff if p.role == access.DOCTOR}
    writer = _Writer(doctors, at, share_at_county)
    source = _residents(count)
    written = 0
    while rows := list(islice(source, _BATCH)):
        batch = _Batch([], [], [], [], [], [], [])
        for row in rows:
            writer.one(row, batch)
        with transaction.atomic(using="load"), connections["load"].cursor() as cursor:
            stage(cursor, "visits_visit", _VISIT, batch.visits)
            stage(cursor, "referral_case", _CASE, batch.cases)
            stage(cursor, "referral_caseevent", _EVENT, batch.events)
            stage(cursor, "tasks_workitem", _ITEM, batch.items)
            stage(cursor, "booking_clinicsession", _SESSION, batch.sessions)
            stage(cursor, "booking_slot", _SLOT, batch.slots)
            stage(cursor, "booking_booking", _BOOKING, batch.bookings)
        written += len(rows)
        if progress:
            progress(written)
    return written
