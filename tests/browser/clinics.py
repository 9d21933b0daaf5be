"""Clinics: one half taken, one that was cancelled under its patients, people who wait, a system that is silent; and beds."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from fenji.care.booking import actions, rules
from fenji.care.booking.models import Bed, ClinicSession, Ward
from fenji.care.catalogue.queries import diagnosis
from fenji.care.referral import actions as referral
from fenji.care.registry import actions as registry
from fenji.care.registry.rules import new_resident
from fenji.care.visits import actions as visits
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.network import actions as network
from fenji.world.county import CITY_HOSPITAL
from tests.app.forms import new_card
from tests.booking import CARDIOLOGY, a_bed, a_session, a_ward, given, slots
from tests.cast import a_case, person, scope

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
    return beds_to_look_at() | {
        "clinic": str(session.id),
        "clinic_off": str(off.id),
        "clinic_week": str(local_day(session.start_at)),
    }


def beds_to_look_at() -> dict[str, str]:
    """A shared ward: some lie there, one in a bed that it does not know; one bed held, one confirmed, one closed."""
    at, specialist, doctor = now(), person("specialist"), person("doctor")
    with transaction.atomic(), scope(person("system")) as by:
        facts = {"name_zh": "康复病区", "name_en": "Rehabilitation", "specialty": ""}
        theirs = network.add_department(doctor.org_id, facts, on=local_day(at), by=by, at=at).id
    with transaction.atomic(), scope(person("director")) as by:
        shared = {"partner_id": doctor.org_id, "partner_department_id": theirs, "partner_doctor_id": doctor.id}
        ward = a_ward(by, at, name="联合康复病房", doctor_id=specialist.id, **shared)
        beds = [a_bed(ward, by, at, str(1 + n // 3), f"{n + 1}床", isolation=n == 8) for n in range(9)]
        beds.append(a_bed(ward, by, at, "4", "10床"))
        closed = actions.NewBed("3", "9床", isolation=True, state=rules.CLOSED)
        actions.change_bed(beds[8].id, closed, version=1, by=by, at=at)
    for n, (bed, phase) in enumerate((("1床", "acute_recovery"), ("2床", "chronic"), ("走廊 1", ""))):
        with transaction.atomic(), scope(specialist) as by:
            who = registry.register(new_resident("陈秀英", new_card(), "", "", local_day(at)), by=by, at=at)
            stay = visits.NewStay(diagnosis("I63.900"), (specialist.id, specialist.name), CARDIOLOGY, bed, phase)
            visits.admit(who, stay, by=by, at=at - timedelta(days=3 * n + 1))
    said = [given(f"R350405-261122-0010{n}-{n}", by, at) for n in range(2)]
    for one, bed, (name, _sex, age, topic) in zip(said, beds[3:], _PEOPLE, strict=False):
        del one["priority"]
        with transaction.atomic(), scope(doctor) as by:
            particulars = {"who": actions.Who(name, "2", age), "topic": topic, "isolation": False, "by": by}
            held = actions.hold_bed(bed.id, **one | particulars | {"origin_id": by.org_id, "viewer_ids": [by.org_id]})
    with transaction.atomic(), scope(person("desk")) as by:
        actions.confirm_bed(held.id, version=1, by=by, at=at)
    return {"ward": str(ward.id), "bed": str(beds[0].id), **_cases_with_beds(ward, beds[9])}


def _cases_with_beds(ward: Ward, bed: Bed) -> dict[str, str]:
    """Two up-referrals: a bed is held for the one, the other waits for one; and an emergency that waits for isolation."""
    doctor, at = person("doctor"), now()
    with transaction.atomic(), scope(doctor) as by:
        held, waits = (a_case(by, doctor, number=n, code="I21.900", text="活动后胸闷，需住院") for n in (254, 255))
        urgent = a_case(by, doctor, number=256, code="I21.900", emergency=True, text="胸痛 1 小时")
        referral.hold_bed(held.number, bed.id, False, by=by, at=at)
        referral.wait_for_bed(waits.number, ward.id, False, by=by, at=at)
        referral.wait_for_bed(urgent.number, ward.id, True, by=by, at=at)
    return {"bed_case": held.number, "bed_waits": waits.number}
