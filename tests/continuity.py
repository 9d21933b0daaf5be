"""Stays, packages and plans for the tests of continuity: as the county hospital's ward and a township's team make them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from itertools import count
from typing import Any
from uuid import uuid4

from fenji.care.catalogue.queries import diagnosis
from fenji.care.continuity import actions, rules
from fenji.care.continuity.models import Package
from fenji.care.registry import actions as registry
from fenji.care.registry.rules import new_resident
from fenji.care.visits import actions as visits
from fenji.care.visits.models import Stay
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.identity import identity_check
from tests.cast import person, scope

WHOLE = rules.Summary("突发左侧肢体无力", "溶栓后肌力恢复", "左侧肌力四级", "阿司匹林 100mg 每日一次")
SIGNS = "肢体无力加重、言语不清"
VISIT = rules.Item("visit", "rehabilitation", "复查肌力", 3, 30, 9)
PRESSURE = rules.Item("measurement", "follow_up", "血压", 1, 7, 1, None, 140, "blood_pressure")
MEDICINE = rules.Item("medicine", "health", "核对服药", 5, 5)
PLAN = (VISIT, PRESSURE, MEDICINE)
_NUMBERS = count(1)


def a_subject() -> str:
    """Something to go down for, of which the room knows nothing."""
    return f"T-{uuid4().hex[:12]}"


def a_stay(by: Actor, at: datetime, name: str = "林秀英") -> Stay:
    """Somebody new in a bed of the actor's hospital."""
    number = next(_NUMBERS)
    stem = f"350427{1930 + number // 900 % 60}0607{number % 900 + 100}"
    resident = registry.register(new_resident(name, stem + identity_check(stem), "13800001111", "x", local_day(at)), by=by, at=at)
    return visits.admit(resident, visits.NewStay(diagnosis("I63.900"), (by.account_id, by.name), None, "12"), by=by, at=at)


def a_package(by: Actor, at: datetime, items: Sequence[rules.Item] = PLAN, **more: Any) -> Package:
    """A whole package of the hospital, not handed over; call inside its doctor's scope."""
    return actions.write_package(a_subject(), a_stay(by, at), WHOLE, SIGNS, items, by=by, at=at, **more)


def handed_over(at: datetime, items: Sequence[rules.Item] = PLAN, start: date | None = None) -> Package:
    """A package that the team of the doctor's township follows."""
    doctor = person("doctor")
    with scope(person("specialist")) as by:
        made = a_package(by, at, items)
        actions.let_see(made.subject, doctor.org_id, by=by, at=at)
    with scope(doctor) as by:
        return actions.hand_over(made.subject, doctor.org_id, start or local_day(at), by=by, at=at)
