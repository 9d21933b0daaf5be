"""Clinics to look at: one half taken, one that was cancelled under its patients, people who wait, a system that is silent."""

from __future__ import annotations

from django.db import transaction

from fenji.care.booking import actions, rules
from fenji.care.booking.models import ClinicSession
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.world.county import CITY_HOSPITAL
from tests.booking import CARDIOLOGY, a_session, given, slots
from tests.cast import person, scope

_PEOPLE = (("林××", "1", 71, "不稳定型心绞痛"), ("陈××", "2", 58, "高血压 3 级"), ("黄×", "1", 66, "心房颤动"))


def clinics_to_look_at() -> dict[str, str]:
    """Written for good, once a run."""
    at = now()
    with transaction.atomic(), scope(person("desk")) as by:
        session = a_session(by, at, days=5, places=10, doctor_name="郑国安", department_id=CARDIOLOGY)
        off = a_session(by, at, days=6, places=4, doctor_name="郑国安", department_id=CARDIOLOGY)
    with transaction.atomic(), scope(person("doctor")) as by:
        said = [
            given(f"R350405-261122-0009{n}-{n}", by, at, p) | {"who": actions.Who(name, sex, age), "topic": topic}
            for n, (p, (name, sex, age, topic)) in enumerate(zip(rules.PRIORITIES, _PEOPLE, strict=False))
        ]
        for n, one in enumerate(said):
            actions.hold(slots(session)[2 * n].id, **one)
            actions.hold(slots(off)[n].id, **one | {"subject": one["subject"] + "-1"})
            actions.wait(person("desk").org_id, **one | {"subject": one["subject"] + "-2"}, department_id=CARDIOLOGY)
    with transaction.atomic(), scope(person("desk")) as by:
        actions.confirm(said[1]["subject"], by=by, at=at)
        actions.cancel(off.id, "医生外出会诊", version=1, by=by, at=at)
    ClinicSession.objects.using("load").filter(org_id=CITY_HOSPITAL).update(source=rules.FED)
    return {"clinic": str(session.id), "clinic_off": str(off.id), "clinic_week": str(local_day(session.start_at))}
