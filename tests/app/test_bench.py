"""What the benchmark asks at its end would find what must not be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from django.db import transaction

from fenji.care.booking.models import Booking, Slot
from fenji.care.referral.models import Case
from fenji.config.bench import slots
from fenji.ground.common.edge import now
from tests.app.test_referral_slots import free
from tests.cast import NOT_IN_CATALOGUE, a_case, finish, person, scope

_TURN = iter(range(170, 180))
SOUND = dict.fromkeys(slots.MUST_BE_NONE, 0)


@pytest.fixture
def began(house_file: object) -> datetime:
    return now()


@pytest.fixture
def case(began: datetime) -> Iterator[Case]:
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor) as by:
        made = a_case(by, doctor, number=next(_TURN), code=NOT_IN_CATALOGUE, slot=free().id)
    yield made
    finish(made.number)


def test_a_case_that_holds_its_slot_is_right(began: datetime, case: Case) -> None:
    assert slots.wrong(began) == {"cases_looked_at": 1, **SOUND}


def test_a_case_without_its_slot_is_found(began: datetime, case: Case) -> None:
    Booking.objects.using("owner").filter(subject=case.number).update(state="released", held_until=None, ended_at=now())
    assert slots.wrong(began) == {"cases_looked_at": 1, **SOUND, "cases_booked_wrongly": 1}


def test_a_case_whose_booking_is_a_step_ahead_is_found(began: datetime, case: Case) -> None:
    Booking.objects.using("owner").filter(subject=case.number).update(state="confirmed", held_until=None)
    assert slots.wrong(began)["cases_booked_wrongly"] == 1


def test_a_slot_that_is_free_although_somebody_has_it_is_found(began: datetime, case: Case) -> None:
    slot = Slot.objects.using("owner").filter(pk=Booking.objects.using("owner").get(subject=case.number).slot_id)
    slot.update(taken=False)
    assert slots.wrong(began)["slots_marked_wrongly"] == 1
    slot.update(taken=True)


def test_clinics_are_opened_once_and_more_only_where_they_are_used_up(house_file: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "_PLACES", 3)
    monkeypatch.setattr(slots, "_ENOUGH", 1)
    monkeypatch.setattr(slots, "_DAYS", 4)
    first = slots.open_clinics(now())
    assert first > 0
    assert slots.open_clinics(now()) == 0
    monkeypatch.setattr(slots, "_ENOUGH", slots._free(301, now()) + 1)
    assert slots.open_clinics(now()) > 0
