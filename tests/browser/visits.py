"""Visits and residents to look at: a suspected infection, a hand-over, an alert, records that may be one person."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from django.db import transaction

from fenji.care.catalogue.queries import diagnosis
from fenji.care.registry import actions as registry
from fenji.care.registry.models import Duplicate, Resident
from fenji.care.registry.rules import NewResident, new_resident, unknown_person, with_document
from fenji.care.visits import actions
from fenji.care.visits.actions import Fed
from fenji.care.visits.actions.visits import facts_of
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.common.identity import identity_check
from tests.cast import a_resident, person, scope


def visit_things() -> dict[str, str]:
    """Ids by what they are."""
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor) as by:
        measles = actions.NewVisit(diagnosis("B05.900"), "发热三天，面部及躯干红色斑丘疹，口腔黏膜斑", False, None, True)
        infected = actions.register(a_resident(doctor, 205), measles, by=by, at=now())
        actions.record_infection(infected.id, actions.Parts("单间隔离，佩戴口罩，告知家属居家观察"), version=1, by=by, at=now())
        plain = actions.NewVisit(diagnosis("I10.x00"), "头晕，血压 176/102", False)
        handed = actions.register(a_resident(doctor, 206), plain, by=by, at=now())
        to = person("doctor2").id
        actions.hand_over(handed.id, to=to, department_id=None, note="已用硝苯地平，两小时后复测", version=1, by=by, at=now())
        fed = Fed("MZ20261122-0007", {**facts_of(plain), "opened_at": now() - timedelta(hours=2)}, "", now())
        silent = _silent(fed, a_resident(doctor, 207), by)
        unknown = registry.register(
            unknown_person("无名氏1122-0915", "1", 60, "汽车站广场，左臂有纹身", local_day(now())), by=by, at=now()
        )
        pairs = [_pair(f"35018119{year}0607", by) for year in (61, 62)]
        joined = registry.link(pairs[1].pk, pairs[1].first_id, version=1, by=by, at=now())
        mother = registry.register(_mother(), by=by, at=now())
    with transaction.atomic(), scope(doctor) as by:
        mine = (doctor.id, doctor.name)
        beds = (("I63.900", "acute_recovery", "3"), ("J44.900", "chronic", "5"), ("J18.900", "acute", "6"), ("I10.x00", "", ""))
        stays = [
            actions.admit(a_resident(doctor, 208 + n), actions.NewStay(diagnosis(code), mine, None, bed, phase), by=by, at=now())
            for n, (code, phase, bed) in enumerate(beds)
        ]
        left = actions.discharge(stays.pop().id, "against_advice", version=1, by=by, at=now())
    return {
        "stay": str(stays[0].id),
        "left": str(left.id),
        "infected": str(infected.id),
        "handed": str(handed.id),
        "silent": silent,
        "unknown": str(unknown.id),
        "pair": str(pairs[0].pk),
        "joined": str(joined.pk),
        "mother": str(mother.id),
    }


def _silent(fed: Fed, resident: Resident, by: Actor) -> str:
    with transaction.atomic(using="load"):
        return str(actions.feed(replace(fed, resident=resident.id, doctor=(by.account_id, by.name)), by=by, at=now()).id)


def _mother() -> NewResident:
    stem = "35018119950607002"
    return new_resident("林秀兰", stem + identity_check(stem), "13900000090", "凤岗街道府前路 18 号", local_day(now()))


def _pair(stem: str, by: Actor) -> Duplicate:
    """Somebody with an identity card, and once more with a passport."""
    number = stem + "001"
    born = date(int(stem[6:10]), 6, 7)
    card = new_resident("陈国华", number + identity_check(number), "13900000091", "凤岗街道府前路 20 号", local_day(now()))
    one = registry.register(card, by=by, at=now())
    paper = with_document("陈国华", "passport", f"CHNE{born:%Y%m%d}", "1", born, "13900000091", "", local_day(now()))
    other = registry.register(paper, by=by, at=now())
    return registry.compare(one.pk, other.pk, by=by, at=now())
