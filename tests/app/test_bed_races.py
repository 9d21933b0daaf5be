"""Fifty at once want the last free bed, on as many real connections: one gets it, the others are told so by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID

import pytest
from django.db import connections, transaction

from fenji.care.booking import actions, queries, rules
from fenji.care.booking.actions import beds
from fenji.care.booking.models import Bed, BedHold, WaitEntry, Ward
from fenji.care.referral import actions as referral
from fenji.care.referral.models import Case
from fenji.ground.common.edge import now
from tests.booking import a_bed, a_subject, a_ward, at_once, crowd_of, deadlocks, hold_bed, nobody_has_a_bed, wait_for_bed
from tests.cast import NOT_IN_CATALOGUE, a_case, finish, other_doctor, person, scope, token_for

CROWD = 50
ROUNDS = 3


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
    nobody_has_a_bed()


def a_room(count: int = 1) -> list[Bed]:
    """A new ward with so many beds in one room."""
    with transaction.atomic(), scope(person("director")) as by:
        ward = a_ward(by, now())
        return [a_bed(ward, by, now()) for _ in range(count)]


def holder(bed: Bed, tokens: list[str]) -> Callable[[int], str]:
    def hold(i: int) -> str:
        with scope(person("doctor"), tokens[i % len(tokens)]) as by:
            hold_bed(bed, by, now())
        return "held"

    return hold


def holders_of(bed_id: UUID) -> int:
    return BedHold.objects.using("owner").filter(bed_id=bed_id, state__in=rules.LIVE).count()


def test_the_last_free_bed_is_held_once_by_fifty_and_without_deadlock(crowd: ThreadPoolExecutor, tokens: list[str]) -> None:
    before = deadlocks()
    for _ in range(ROUNDS):
        (bed,) = a_room()
        assert at_once(crowd, holder(bed, tokens), CROWD) == {"held": 1, "bed_taken": CROWD - 1}
        assert holders_of(bed.id) == 1
    assert deadlocks() == before


@contextmanager
def unguarded() -> Iterator[None]:
    """Without what the database holds about beds: only the action's own look at the bed is left."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE booking_bedhold DISABLE TRIGGER booking_bed_take")
        cursor.execute("DROP INDEX bedhold_one_on_a_bed")
    try:
        yield
    finally:
        nobody_has_a_bed()
        constraint = next(c for c in BedHold._meta.constraints if c.name == "bedhold_one_on_a_bed")
        with connections["owner"].schema_editor() as editor:
            editor.execute(constraint.create_sql(BedHold, editor))
        with connections["owner"].cursor() as cursor:
            cursor.execute("ALTER TABLE booking_bedhold ENABLE TRIGGER booking_bed_take")


def test_without_lock_and_constraint_the_last_bed_is_given_twice(
    crowd: ThreadPoolExecutor, tokens: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: if a look before the write were enough, the test above would prove nothing."""
    monkeypatch.setattr(beds, "_lock", lambda bed: None)
    connections["owner"].close()
    with unguarded():
        given = []
        for _ in range(ROUNDS):
            (bed,) = a_room()
            at_once(crowd, holder(bed, tokens), CROWD)
            given.append(holders_of(bed.id))
    assert max(given) > 1, given


def test_a_man_and_a_woman_never_both_get_a_bed_in_an_empty_room(crowd: ThreadPoolExecutor, tokens: list[str]) -> None:
    for _ in range(ROUNDS):
        room = a_room(4)

        def work(i: int, room: list[Bed] = room) -> str:
            with scope(person("doctor"), tokens[i % 2]) as by:
                hold_bed(room[i % 4], by, now(), sex=str(1 + i % 2))
            return "held"

        found = at_once(crowd, work, 12)
        assert found["held"] >= 1
        assert set(found) <= {"held", "bed_taken", "room_other_sex"}
        held = BedHold.objects.using("owner").filter(bed__in=room, state__in=rules.LIVE)
        assert len(set(held.values_list("sex", flat=True))) == 1


def test_one_patient_holds_one_bed_however_many_ask(crowd: ThreadPoolExecutor, tokens: list[str]) -> None:
    room, subject = a_room(6), a_subject()

    def work(i: int) -> str:
        with scope(person("doctor"), tokens[0]) as by:
            hold_bed(room[i], by, now(), subject=subject)
        return "held"

    found = at_once(crowd, work, 6)
    assert found["held"] >= 1
    assert set(found) <= {"held", "stale"}
    assert BedHold.objects.using("owner").filter(subject=subject, state__in=rules.LIVE).count() == 1


def test_a_bed_is_held_or_closed_and_never_both(crowd: ThreadPoolExecutor, tokens: list[str]) -> None:
    head, ends = token_for(person("director")), set()
    for _ in range(ROUNDS):
        (bed,) = a_room()

        def work(i: int, bed: Bed = bed) -> str:
            if i:
                return holder(bed, tokens)(i)
            with scope(person("director"), head) as by:
                actions.change_bed(bed.id, actions.NewBed("1", bed.name, state=rules.CLOSED), version=1, by=by, at=now())
            return "closed"

        found = at_once(crowd, work, 4)
        assert found["held"] + found["closed"] == 1, found
        with transaction.atomic(), scope(person("doctor"), tokens[0]):
            facts = queries.bed_facts(queries.bed(bed.id), now())
        assert facts.place.open == bool(facts.takings)
        ends |= set(found)
    assert ends & {"held", "closed"}


# --- the wait list and a case, for one bed ---------------------------------------------------------------------------------------


def waits(ward: Ward, token: str, **other: object) -> WaitEntry:
    with transaction.atomic(), scope(person("doctor"), token) as by:
        return wait_for_bed(ward, by, now(), **other)


def live_of(subject: str) -> int:
    return BedHold.objects.using("owner").filter(subject=subject, state__in=rules.LIVE).count()


def test_a_bed_is_offered_to_who_waits_or_held_by_a_doctor_and_never_both(crowd: ThreadPoolExecutor, tokens: list[str]) -> None:
    before, ends = deadlocks(), Counter()
    for _ in range(8):
        (bed,) = a_room()
        entry = waits(bed.ward, tokens[0])

        def work(i: int, bed: Bed = bed) -> str:
            if i:
                return holder(bed, tokens)(i)
            return "offered" if actions.offer_beds(at=now()) else "nothing free"

        found = at_once(crowd, work, 4)
        assert found["held"] + found["offered"] == 1, found
        assert found["bed_taken"] == 3 - found["held"], found
        assert holders_of(bed.id) == 1
        row = WaitEntry.objects.using("owner").get(pk=entry.pk)
        assert (row.state, row.offered) == ("waiting", bed.id if found["offered"] else None), "nobody is dropped"
        ends += found
        nobody_has_a_bed()
    assert deadlocks() == before


def test_two_sweeps_at_once_offer_one_bed_once_and_two_beds_to_two(crowd: ThreadPoolExecutor, tokens: list[str]) -> None:
    before = deadlocks()
    for _ in range(ROUNDS):
        room = a_room(2)
        entries = [waits(room[0].ward, tokens[0]) for _ in range(3)]
        found = at_once(crowd, lambda i: str(actions.offer_beds(at=now())), 4)
        assert sum(int(made) * times for made, times in found.items()) == 2, found
        assert [live_of(e.subject) for e in entries] == [1, 1, 0], "in the order of asking"
        nobody_has_a_bed()
    assert deadlocks() == before


def test_who_holds_a_bed_while_the_sweep_offers_another_has_one(crowd: ThreadPoolExecutor, tokens: list[str]) -> None:
    for _ in range(ROUNDS):
        (free,), (other,) = a_room(), a_room()
        entry = waits(free.ward, tokens[0])

        def work(i: int, other: Bed = other, entry: WaitEntry = entry) -> str:
            if i:
                return f"offered {actions.offer_beds(at=now())}"
            with scope(person("doctor"), tokens[0]) as by:
                hold_bed(other, by, now(), subject=entry.subject)
            return "held"

        found = at_once(crowd, work, 2)
        assert set(found) <= {"held", "stale", "offered 0", "offered 1"}, found
        assert live_of(entry.subject) == 1
        nobody_has_a_bed()


def test_who_leaves_while_a_bed_is_offered_has_none_afterwards(crowd: ThreadPoolExecutor, tokens: list[str]) -> None:
    """Whichever comes first: the bed is offered and given back, or never offered; or the leaving is refused, and tried again."""
    for _ in range(8):
        (bed,) = a_room()
        entry = waits(bed.ward, tokens[0])

        def leave(entry: WaitEntry = entry) -> str:
            with scope(person("doctor"), tokens[0]) as by:
                actions.release_beds(entry.subject, "withdrawn", by=by, at=now())
            return "left"

        def work(i: int, leave: Callable[[], str] = leave) -> str:
            return f"offered {actions.offer_beds(at=now())}" if i else leave()

        found = at_once(crowd, work, 2)
        assert set(found) <= {"left", "stale", "offered 0", "offered 1"}, found
        if found["stale"]:
            with transaction.atomic():
                leave()
        assert live_of(entry.subject) == 0
        assert WaitEntry.objects.using("owner").get(pk=entry.pk).state == "left"


@pytest.fixture
def case(clean: None) -> Iterator[Case]:
    """An up-referral that is offered to the county hospital."""
    with transaction.atomic(), scope(person("doctor")) as by:
        made = a_case(by, person("doctor"), number=next(_TURN), code=NOT_IN_CATALOGUE)
    yield made
    finish(made.number)


_TURN = iter(range(263, 280))


def held_from(case: Case, bed: Bed, token: str) -> str:
    with scope(person("doctor"), token) as by:
        referral.hold_bed(case.number, bed.id, False, by=by, at=now())
    return "held"


def test_a_bed_is_offered_to_who_waits_or_held_from_a_case_and_never_both(
    crowd: ThreadPoolExecutor, tokens: list[str], case: Case
) -> None:
    before = deadlocks()
    for _ in range(8):
        (bed,) = a_room()
        entry = waits(bed.ward, tokens[0], sex=case.patient_sex)

        def work(i: int, bed: Bed = bed) -> str:
            return f"offered {actions.offer_beds(at=now())}" if i else held_from(case, bed, tokens[0])

        found = at_once(crowd, work, 2)
        assert found in ({"held": 1, "offered 0": 1}, {"bed_taken": 1, "offered 1": 1}), found
        assert (live_of(case.number), live_of(entry.subject)) == (found["held"], found["offered 1"])
        nobody_has_a_bed()
    assert deadlocks() == before


def test_a_case_that_ends_while_a_bed_is_held_for_it_has_none(crowd: ThreadPoolExecutor, tokens: list[str], case: Case) -> None:
    before, (bed,) = deadlocks(), a_room()

    def work(i: int) -> str:
        if i:
            return held_from(case, bed, tokens[0])
        with scope(person("doctor"), tokens[0]) as by:
            referral.end(case.number, "withdraw", version=case.version, by=by, at=now(), note="x")
        return "withdrawn"

    found = at_once(crowd, work, 2)
    assert found in ({"withdrawn": 1, "held": 1}, {"withdrawn": 1, "not_possible": 1}), found
    assert live_of(case.number) == 0
    assert deadlocks() == before
