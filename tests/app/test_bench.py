"""What the benchmark asks at its end would find what must not be; and its way down leads to its end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import count
from queue import PriorityQueue

import pytest
from django.db import transaction

from fenji.care.booking.models import Booking, Slot
from fenji.care.continuity.models import FollowUp
from fenji.care.referral.models import Case
from fenji.config.bench import down, slots
from fenji.config.bench.load import Result, Sample
from fenji.config.bench.referral import Cast, Play, Steps, by_way, worst_of
from fenji.config.walker import Page
from fenji.ground.common.edge import now
from tests.app.test_referral_slots import free
from tests.app.wsgi import call
from tests.cast import NOT_IN_CATALOGUE, a_case, finish, person, scope, token_for

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


class InProcess(Cast):
    """The benchmark's people, who send their requests into the application without a server."""

    def __init__(self, centre: int, lying: int) -> None:
        self.turns, self.centres = count(), [centre]
        self.tokens = {
            "specialist": token_for(person("specialist")), f"doctor.{centre}": token_for(person(f"doctor.{centre}")),
        }  # fmt: skip
        self.wards = down.fill_wards(now(), [centre], lying)
        self.plays = PriorityQueue()
        play = Play(centre, "I10.x00")
        self.send_down(play)
        self.put(play)

    def exchange(self, number: int, token: str, method: str, path: str, fields: dict[str, str] | None = None) -> Page:
        answer = call(method, path, token, fields, language="zh-hans")
        return Page(answer.status, path, answer.body, {"location": answer.location})


@pytest.fixture
def centre(house_file: object) -> int:
    return person("doctor.102").org_id


def walked(cast: InProcess, steps: int) -> list[Sample]:
    moved = Steps(cast)
    return [moved(0, 0.0) for _ in range(steps)]


def test_a_patient_goes_the_whole_way_down_in_as_many_steps_as_there_are_kinds(centre: int) -> None:
    began = now()
    cast = InProcess(centre, 1)
    seen = walked(cast, len(down.KINDS))
    assert [s.error for s in seen] == [""] * len(down.KINDS)
    assert tuple(s.kind for s in seen) == down.KINDS
    assert {s.kind for s in seen if not s.post_ms} == {"down_form", "followups", "followup"}
    assert down.wrong(began) == {"arrived_below": 1, "arrived_without_plan": 0}
    *_, play = cast.plays.get()
    assert (play.stay, play.state) == ("", ""), "the next one goes up"


def test_who_arrived_without_a_plan_is_found(centre: int) -> None:
    began = now()
    walked(InProcess(centre, 1), 6)
    FollowUp.objects.using("owner").filter(package__handed_over_at__gte=began).delete()
    assert down.wrong(began) == {"arrived_below": 1, "arrived_without_plan": 1}


def test_patients_lie_ready_once_and_those_who_have_gone_are_replaced(centre: int) -> None:
    first = down.fill_wards(now(), [centre], 3)[centre]
    again = down.fill_wards(now(), [centre], 3)[centre]
    assert set(first.queue) == set(again.queue)
    walked(InProcess(centre, 3), 3)
    after = down.fill_wards(now(), [centre], 3)[centre]
    assert len(set(after.queue) & set(first.queue)) == 2
    assert after.qsize() == 3


def test_a_ward_without_patients_sends_nobody_down(centre: int) -> None:
    cast = InProcess(centre, 1)
    other = Play(centre, "I10.x00")
    cast.send_down(other)
    assert (other.stay, other.state) == ("", "")


def test_a_case_on_its_way_down_needs_no_slot(centre: int) -> None:
    began = now()
    walked(InProcess(centre, 1), 4)
    assert slots.wrong(began) == {"cases_looked_at": 0, **SOUND}


def test_both_ways_are_told_apart_and_together() -> None:
    up = [Sample("write", 10.0, 20.0), Sample("write", 12.0, 30.0)]
    below = [Sample("followups", 0, 50.0), Sample("package", 40.0, 45.0)]
    found = by_way(Result([*up, *below]))
    assert found["up"] == {"p95_ms": 12.0, "page_p95_ms": 30.0, "worst_step": "write", "worst_page": "write", "steps": 2}
    assert found["down"] == {"p95_ms": 40.0, "page_p95_ms": 50.0, "worst_step": "package", "worst_page": "followups", "steps": 2}
    assert worst_of(Result([*up, *below]))["worst_page"] == "followups"
