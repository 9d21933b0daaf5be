"""Many take the last slot at once, on as many real connections: one gets it, the others are told so by name (SM-3-5j)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID

import pytest
from django.db import connections, transaction

from fenji.care.booking import actions, queries, rules
from fenji.care.booking.actions import bookings
from fenji.care.booking.models import Booking, ClinicSession, Slot
from fenji.ground.common.edge import now
from fenji.world.county import COUNTY_HOSPITAL
from tests.app.machine_keys import a_key, a_machine
from tests.booking import a_session, a_subject, at_once, crowd_of, deadlocks, hold, slots
from tests.cast import other_doctor, person, scope, token_for

CROWD = 20
ROUNDS = 15


@pytest.fixture(scope="module")
def crowd(house_file: object) -> Iterator[ThreadPoolExecutor]:
    with crowd_of(CROWD) as pool:
        yield pool


@pytest.fixture(scope="module")
def tokens(house_file: object) -> list[str]:
    return [token_for(who) for who in (person("doctor"), other_doctor())]


@pytest.fixture(autouse=True)
def clean(house_file: object) -> Iterator[None]:
    yield
    held = Booking.objects.using("owner").filter(state__in=rules.UNSETTLED)
    held.update(state="released", ended_at=now(), held_until=None)


def last_slot() -> UUID:
    with transaction.atomic(), scope(person("desk")) as by:
        return slots(a_session(by, now(), places=1, days=50))[0].id


def taker(slot_id: UUID, tokens: list[str]) -> Callable[[int], str]:
    def take(i: int) -> str:
        with scope(person("doctor"), tokens[i % len(tokens)]) as by:
            hold(slot_id, by, now())
        return "held"

    return take


def takers_of(slot_id: UUID) -> int:
    return Booking.objects.using("owner").filter(slot_id=slot_id, state__in=rules.TAKING).count()


def test_the_last_slot_is_taken_once_by_two_at_once(crowd: ThreadPoolExecutor, tokens: list[str]) -> None:
    for _ in range(ROUNDS):
        slot_id = last_slot()
        assert at_once(crowd, taker(slot_id, tokens), 2) == {"held": 1, "slot_taken": 1}
        assert takers_of(slot_id) == 1


def test_the_last_slot_is_taken_once_by_a_crowd_and_without_deadlock(crowd: ThreadPoolExecutor, tokens: list[str]) -> None:
    before = deadlocks()
    for _ in range(ROUNDS):
        slot_id = last_slot()
        assert at_once(crowd, taker(slot_id, tokens), CROWD) == {"held": 1, "slot_taken": CROWD - 1}
        assert takers_of(slot_id) == 1
    assert deadlocks() == before


@contextmanager
def unguarded() -> Iterator[None]:
    """Without what the database holds: only the action's own look at the slot is left, with the mark it then sets."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE booking_booking DISABLE TRIGGER booking_take")
        cursor.execute("DROP INDEX booking_one_on_a_slot")
    try:
        yield
    finally:
        Booking.objects.using("owner").filter(state__in=rules.TAKING).update(state="released", ended_at=now(), held_until=None)
        constraint = next(c for c in Booking._meta.constraints if c.name == "booking_one_on_a_slot")
        with connections["owner"].schema_editor() as editor:
            editor.execute(constraint.create_sql(Booking, editor))
        with connections["owner"].cursor() as cursor:
            cursor.execute("ALTER TABLE booking_booking ENABLE TRIGGER booking_take")


def test_without_the_constraint_the_last_slot_is_given_twice(
    crowd: ThreadPoolExecutor, tokens: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: if a look before the write were enough, the tests above would prove nothing."""
    looked = bookings._asked

    def also_looks_for_bookings(slot: Slot, *args: object, **kwargs: object) -> None:
        looked(slot, *args, **kwargs)
        if Booking.objects.filter(slot=slot, state__in=rules.TAKING).exists():
            raise rules.SlotTaken

    monkeypatch.setattr(bookings, "_asked", also_looks_for_bookings)
    connections["owner"].close()
    with unguarded():
        given = []
        for _ in range(ROUNDS):
            slot_id = last_slot()
            at_once(crowd, taker(slot_id, tokens[:1]), CROWD)  # one institution: each sees the other's bookings
            given.append(takers_of(slot_id))
    assert max(given) > 1, given


def test_a_slot_is_taken_or_its_session_cancelled_and_nobody_is_left_behind(crowd: ThreadPoolExecutor, tokens: list[str]) -> None:
    desk = token_for(person("desk"))
    ends = set()
    for _ in range(ROUNDS):
        slot_id = last_slot()
        session = ClinicSession.objects.using("owner").get(slot=slot_id)

        def work(i: int, slot_id: UUID = slot_id, session: ClinicSession = session) -> str:
            if i:
                return taker(slot_id, tokens)(i)
            with scope(person("desk"), desk) as by:
                return f"cancelled {actions.cancel(session.pk, 'x', version=session.version, by=by, at=now())}"

        found = at_once(crowd, work, 4)
        assert sum(n for end, n in found.items() if end.startswith("cancelled")) == 1
        states = list(Booking.objects.using("owner").filter(slot_id=slot_id).values_list("state", flat=True))
        assert states == (["to_move"] if found["held"] else []), found
        ends |= set(found)
    assert ends & {"cancelled 0", "cancelled 1"}


def test_the_hospitals_own_system_and_a_doctor_never_both_get_a_place(crowd: ThreadPoolExecutor, tokens: list[str]) -> None:
    key = a_key(a_machine(COUNTY_HOSPITAL))
    winners = Counter()
    for n in range(ROUNDS):
        slot_id, source = last_slot(), f"RACE.{n}"
        ClinicSession.objects.using("owner").filter(slot=slot_id).update(source_id=source)

        def work(i: int, slot_id: UUID = slot_id, source: str = source) -> str:
            if i % 2:
                return taker(slot_id, tokens)(i)
            with scope(person("desk"), key) as by:
                actions.take_outside(source, 1, f"A-{i}", priority=rules.EMERGENCY, by=by, at=now())
            return "outside"

        found = at_once(crowd, work, 6)
        assert found["outside"] + found["held"] == 1, found
        slot = Slot.objects.using("owner").get(pk=slot_id)
        assert slot.taken != bool(slot.outside)
        winners += found
        ClinicSession.objects.using("owner").filter(slot=slot_id).update(source_id="")
    assert winners["slot_taken"] == 5 * ROUNDS


def test_one_patient_holds_one_slot_of_a_kind_however_many_ask(crowd: ThreadPoolExecutor, tokens: list[str]) -> None:
    with transaction.atomic(), scope(person("desk")) as by:
        free = [s.id for s in slots(a_session(by, now(), places=4, days=51))]
    subject = a_subject()

    def work(i: int) -> str:
        with scope(person("doctor"), tokens[0]) as by:
            hold(free[i], by, now(), subject=subject)
        return "held"

    found = at_once(crowd, work, 4)
    assert found["held"] >= 1
    assert set(found) <= {"held", "stale", "slot_taken"}
    assert Booking.objects.using("owner").filter(subject=subject, state__in=rules.UNSETTLED).count() == 1
    with transaction.atomic(), scope(person("doctor")):
        assert len(queries.bookings_of(subject, at=now())) == found["held"]
