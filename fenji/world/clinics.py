"""Clinics and examinations of the invented hospitals in the next two weeks: made anew each time the house is built, so that the
demo always has free slots. The same day always has the same sessions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction

from fenji.care.booking import rules
from fenji.care.booking.actions.sessions import NewSession, write
from fenji.care.booking.models import ClinicSession, Slot
from fenji.ground.access.rules import house
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.units import SATURDAY
from fenji.ground.network.models import Department
from fenji.ground.network.queries import place_of
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL, PROVINCE_HOSPITAL, rates

_SURNAMES = "林陈黄张李王吴刘"
_EXAMINATIONS = (("SIM-CT", "增强 CT"), ("SIM-US", "心脏彩超"))


def _expert(room: Department, day: date, places: int) -> NewSession:
    n = room.pk + day.weekday()
    return NewSession(
        kind=rules.CLINIC,
        name=f"{room.name_zh}专家门诊",
        start_at=datetime.combine(day, time(8), SHANGHAI),
        end_at=datetime.combine(day, time(11, 30), SHANGHAI),
        places=places,
        department_id=room.pk,
        specialty=room.specialty,
        expert=True,
        doctor_name=f"{_SURNAMES[n % len(_SURNAMES)]}主任{'医师' if n % 2 else ''}",
        source_id=f"SIM-{room.pk}-{day:%Y%m%d}",
    )


def _examination(org_id: int, code: str, name: str, day: date, places: int) -> NewSession:
    return NewSession(
        kind=rules.EXAMINATION,
        name=name,
        start_at=datetime.combine(day, time(14), SHANGHAI),
        end_at=datetime.combine(day, time(17), SHANGHAI),
        places=places,
        item=code,
        source_id=f"{code}-{org_id}-{day:%Y%m%d}",
    )


def _planned(org_id: int, first: date, table: dict[str, Any]) -> Iterator[NewSession]:
    """The county hospital holds every clinic on every working day, the others on two days of the week each."""
    rooms = list(Department.objects.using("load").filter(org_id=org_id, end=None).order_by("pk"))
    for day in (first + timedelta(days=n) for n in range(table["days"])):
        if day.weekday() >= SATURDAY:
            continue
        for n, room in enumerate(rooms):
            if org_id == COUNTY_HOSPITAL or (n + day.weekday()) % 5 in (0, 2):
                yield _expert(room, day, table["places"])
        for code, name in _EXAMINATIONS:
            yield _examination(org_id, code, name, day, table["places"])


def open_clinics(at: datetime) -> int:
    """Open what is missing from tomorrow on; returns how many sessions. Some places have been given away by the hospitals."""
    table = rates()["clinics"]
    made = 0
    for org_id in (COUNTY_HOSPITAL, CITY_HOSPITAL, PROVINCE_HOSPITAL):
        where, by = place_of(org_id, "load"), house(org_id)
        there = set(ClinicSession.objects.using("load").filter(org_id=org_id).values_list("source_id", flat=True))
        wanted = [p for p in _planned(org_id, local_day(at) + timedelta(days=1), table) if p.source_id not in there]
        with transaction.atomic(using="load"):
            for n, plan in enumerate(wanted):
                session = write(where, plan, rules.TYPED, by=by, at=at, using="load")
                gone = Slot.objects.using("load").filter(session=session, reserved=False, position__lt=n % table["places"])
                gone.update(outside="SIM")
        made += len(wanted)
    return made
