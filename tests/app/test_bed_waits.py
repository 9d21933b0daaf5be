"""Who finds no bed waits for the ward: in which order beds are offered, what ends an offer, and nobody is dropped (SM-1-2c)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction

from fenji.care.booking import actions, queries, rules
from fenji.care.booking.models import Bed, BedHold, WaitEntry, Ward
from fenji.ground.access.models import AuditEvent
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import NotPermitted, Unknown
from fenji.ground.tasks.models import Notice, OutboxMessage, WorkItem
from fenji.world.county import COUNTY_HOSPITAL
from tests.app.test_beds import admitted
from tests.booking import a_bed, a_ward, hold_bed, nobody_has_a_bed, wait_for_bed
from tests.cast import client_for, form, other_doctor, person, scope

HOUR = timedelta(hours=1)


@pytest.fixture
def at(house_file: object) -> Iterator[datetime]:
    """Now, to the minute. The sweep has a connection of its own: these tests write for good; afterwards nobody waits or holds."""
    nobody_has_a_bed()
    yield now().replace(second=0, microsecond=0)
    nobody_has_a_bed()


def a_room(at: datetime, beds: int = 1, kind: str = rules.REHABILITATION, **facts: object) -> tuple[Ward, list[Bed]]:
    with transaction.atomic(), scope(person("director")) as by:
        ward = a_ward(by, at, kind=kind)
        return ward, [a_bed(ward, by, at, **facts) for _ in range(beds)]


def waits(ward: Ward, at: datetime, priority: str = rules.UP_REFERRED, **other: object) -> WaitEntry:
    with transaction.atomic(), scope(person("doctor")) as by:
        return wait_for_bed(ward, by, at, priority, **other)


def held_for(entry: WaitEntry) -> BedHold | None:
    return BedHold.objects.using("owner").filter(subject=entry.subject, state__in=rules.LIVE).first()


def row(entry: WaitEntry) -> WaitEntry:
    return WaitEntry.objects.using("owner").get(pk=entry.pk)


def steps(entry: WaitEntry) -> set[str]:
    found = WorkItem.objects.using("owner").filter(subject__startswith=entry.subject, closed_at=None)
    return set(found.values_list("kind", flat=True))


def confirm(held: BedHold, at: datetime) -> None:
    with transaction.atomic(), scope(person("desk")) as by:
        actions.confirm_bed(held.id, version=held.version, by=by, at=at)


def test_what_becomes_free_is_offered_by_priority_and_time_and_the_ward_is_asked(at: datetime) -> None:
    ward, (bed,) = a_room(at)
    stay = admitted_for_good(bed, at)
    down = waits(ward, at, rules.RETURNING)
    later, sooner = waits(ward, at + timedelta(minutes=1)), waits(ward, at)
    urgent = waits(ward, at + 2 * HOUR, rules.EMERGENCY)
    with transaction.atomic(), scope(person("specialist")):
        order = [w.id for w in queries.waiting_for_beds(COUNTY_HOSPITAL, _policy(ward, at))]
    assert order == [urgent.id, sooner.id, later.id, down.id]
    assert actions.offer_beds(at=at) == 0, "somebody lies there"
    discharged(stay, at)
    assert actions.offer_beds(at=at) == 1
    held = held_for(urgent)
    assert held is not None
    assert (held.bed_id, held.state, held.held_until) == (bed.id, "held", at + 2 * HOUR)
    assert (held.who, held.topic, held.origin_id) == (urgent.who, urgent.topic, urgent.origin_id)
    assert set(held.viewer_ids) == set(urgent.viewer_ids)
    assert (row(urgent).state, row(urgent).offered) == ("waiting", bed.id)
    assert steps(urgent) == {"booking.no_bed", "booking.bed_held"}
    told = Notice.objects.using("owner").get(subject=urgent.subject, kind="booking.bed_offered")
    assert (told.org_id, told.role) == (urgent.origin_id, "doctor")
    assert actions.offer_beds(at=at) == 0, "each is offered one bed, and a bed to one"
    confirm(held, at)
    assert (row(urgent).state, row(urgent).end_reason) == ("placed", "booked")
    assert steps(urgent) == set()
    assert {row(w).state for w in (down, later, sooner)} == {"waiting"}
    actors = AuditEvent.objects.using("owner").filter(subject=urgent.subject, action="bed.held").values_list("role", flat=True)
    assert list(actors) == ["house"]


def admitted_for_good(bed: Bed, at: datetime) -> object:
    with transaction.atomic():
        return admitted(person("specialist"), bed.name, at - HOUR)


def discharged(stay: object, at: datetime) -> None:
    from fenji.care.visits import actions as visits

    with transaction.atomic(), scope(person("specialist")) as by:
        visits.discharge(stay.pk, "home", version=stay.version, by=by, at=at)  # type: ignore[attr-defined]


def _policy(ward: Ward, at: datetime) -> rules.BookingPolicy:
    from fenji.ground.common.clock import local_day
    from fenji.ground.network.queries import place_of

    return queries.policy_at(place_of(ward.org_id), local_day(at))


def test_an_offer_that_runs_out_goes_to_the_next_and_comes_back_where_there_is_nobody_else(at: datetime) -> None:
    ward, (bed,) = a_room(at)
    first, second = waits(ward, at), waits(ward, at + timedelta(minutes=1))
    assert actions.offer_beds(at=at) == 1
    assert held_for(first) is not None
    over = at + 2 * HOUR
    assert actions.end_bed_holds(at=over) == 1
    assert actions.offer_beds(at=over) == 1
    assert held_for(second) is not None
    assert (held_for(first), row(first).state) == (None, "waiting"), "the place in the queue is kept"
    confirm(held_for(second), over)  # type: ignore[arg-type]
    with transaction.atomic(), scope(person("desk")) as by:
        kept = BedHold.objects.get(subject=second.subject, state="confirmed")
        actions.release_bed(kept.id, "not_coming", version=kept.version, by=by, at=over)
    assert actions.offer_beds(at=over) == 1
    again = held_for(first)
    assert again is not None
    assert again.bed_id == bed.id


def test_a_bed_is_offered_to_whom_it_suits(at: datetime) -> None:
    ward, beds = a_room(at, 2)
    with transaction.atomic(), scope(other_doctor()) as by:
        hold_bed(beds[0], by, at, sex="2")
    man, isolated = waits(ward, at, sex="1"), waits(ward, at, isolation=True)
    woman = waits(ward, at + HOUR)
    assert actions.offer_beds(at=at) == 1
    assert held_for(woman) is not None
    assert held_for(man) is None
    assert held_for(isolated) is None


def test_a_bed_is_not_offered_across_a_room_that_the_same_sweep_has_filled(at: datetime) -> None:
    ward, _beds = a_room(at, 2)
    woman, man = waits(ward, at, sex="2"), waits(ward, at + timedelta(minutes=1), sex="1")
    second = waits(ward, at + timedelta(minutes=2), sex="2")
    assert actions.offer_beds(at=at) == 2
    assert [held_for(e) is not None for e in (woman, man, second)] == [True, False, True]


def test_who_holds_a_bed_already_is_not_offered_another_and_keeps_the_place_until_it_is_confirmed(at: datetime) -> None:
    ward, _beds = a_room(at)
    _other, (taken,) = a_room(at)
    entry = waits(ward, at)
    with transaction.atomic(), scope(person("doctor")) as by:
        held = hold_bed(taken, by, at, subject=entry.subject)
    assert actions.offer_beds(at=at) == 0
    assert row(entry).state == "waiting"
    confirm(held, at)
    assert row(entry).state == "placed"


def test_nobody_is_dropped_when_the_ward_closes(at: datetime) -> None:
    ward, (bed,) = a_room(at, kind=rules.LONG_TERM)  # of which the hospital has no other
    with transaction.atomic(), scope(person("director")) as by:
        changed = actions.NewBed("1", bed.name, sex="1")
        actions.change_bed(bed.id, changed, version=1, by=by, at=at)
    entry = waits(ward, at)
    with transaction.atomic(), scope(person("director")) as by:
        actions.close_ward(ward.id, version=1, by=by, at=at)
    assert (row(entry).state, row(entry).ward_id, row(entry).item) == ("waiting", None, "long_term")
    assert steps(entry) == {"booking.no_bed"}
    told = OutboxMessage.objects.using("owner").filter(subject=entry.subject)
    assert [(m.kind, m.org_id) for m in told] == [("booking.ward_closed", entry.origin_id)]
    assert actions.offer_beds(at=at) == 0
    a_room(at, kind=rules.LONG_TERM)
    assert actions.offer_beds(at=at) == 1
    assert held_for(entry) is not None, "any ward of its kind will do"


def test_only_a_doctor_waits_in_the_name_of_the_own_institution_and_once(at: datetime) -> None:
    ward, _beds = a_room(at, 0)
    for login in ("nurse", "desk", "director"):
        with transaction.atomic(), scope(person(login)) as by, pytest.raises(NotPermitted):
            wait_for_bed(ward, by, at)
    entry = waits(ward, at)
    with transaction.atomic(), scope(person("doctor")) as by, pytest.raises(rules.AlreadyWaiting):
        wait_for_bed(ward, by, at, subject=entry.subject)
    with transaction.atomic(), scope(person("director")) as by:
        actions.close_ward(ward.id, version=1, by=by, at=at)
    with transaction.atomic(), scope(person("doctor")) as by, pytest.raises(rules.BedClosed):
        wait_for_bed(ward, by, at)


def test_the_ward_takes_somebody_off_its_list_with_a_reason_and_others_see_nothing(at: datetime) -> None:
    ward, _beds = a_room(at, 0)
    entry = waits(ward, at)
    with transaction.atomic(), scope(other_doctor()) as by:
        with pytest.raises(Unknown):
            actions.leave(entry.id, "full", version=1, by=by, at=at)
        assert queries.bed_wait_of(entry.subject) is None
    with transaction.atomic(), scope(person("director")) as by, pytest.raises(NotPermitted):
        actions.leave(entry.id, "full", version=1, by=by, at=at)
    desk = client_for(person("desk"))
    page = desk.get("/beds/waiting/").content.decode()
    assert ward.name in page
    assert "Waiting for a bed" in desk.get("/beds/").content.decode()
    assert entry.subject not in desk.get("/booking/waiting/").content.decode(), "slots have a list of their own"
    assert desk.post(f"/booking/waiting/{entry.id}/leave/", form(_version=1, reason="full")).status_code == 404
    assert desk.post(f"/beds/waiting/{entry.id}/leave/", form(_version=1, reason="")).status_code == 422
    assert desk.post(f"/beds/waiting/{entry.id}/leave/", form(_version=9, reason="full")).status_code == 409
    assert desk.post(f"/beds/waiting/{entry.id}/leave/", form(_version=1, reason="full")).status_code == 303
    assert (row(entry).state, row(entry).end_reason) == ("left", "full")
    assert steps(entry) == set()
    assert ward.name not in client_for(person("citydesk")).get("/beds/waiting/").content.decode()


def test_slots_and_beds_are_waited_for_apart(at: datetime) -> None:
    ward, _beds = a_room(at, 0)
    entry = waits(ward, at)
    with transaction.atomic(), scope(person("doctor")) as by:
        assert queries.waiting_of(entry.subject) == []
        assert actions.release(entry.subject, "changed", by=by, at=at) == 0
        view = queries.bed_wait_of(entry.subject)
        assert view is not None
        assert (view.kind, view.item) == ("bed", "rehabilitation")
        assert actions.release_beds(entry.subject, "withdrawn", by=by, at=at) == 1
    assert actions.propose(at=at) >= 0
    assert row(entry).state == "left"


def test_the_job_role_reads_neither_the_sex_nor_the_isolation_of_who_waits(at: datetime) -> None:
    with connection.cursor() as cursor:
        for column in ("sex", "isolation", "who", "topic", "age"):
            cursor.execute("SELECT has_column_privilege('fenji_job', 'booking_waitentry', %s, 'SELECT')", [column])
            assert cursor.fetchone() == (False,), column


def test_the_partner_of_a_shared_ward_sees_who_waits_for_it(at: datetime) -> None:
    from tests.app.test_beds import a_department

    doctor, specialist = person("doctor"), person("specialist")
    with transaction.atomic():
        theirs = a_department(doctor, at)
        with scope(person("director")) as by:
            shared = {"partner_id": doctor.org_id, "partner_department_id": theirs, "partner_doctor_id": doctor.id}
            ward = a_ward(by, at, doctor_id=specialist.id, **shared)
            a_bed(ward, by, at)
    with transaction.atomic(), scope(other_doctor()) as by:
        entry = wait_for_bed(ward, by, at)
        assert doctor.org_id in entry.viewer_ids
    assert actions.offer_beds(at=at) == 1
    with transaction.atomic(), scope(person("nurse")) as by:
        assert [w.id for w in queries.waiting_for_beds(doctor.org_id, _policy(ward, at))] == [entry.id]
        held = BedHold.objects.get(subject=entry.subject)
        actions.confirm_bed(held.id, version=1, by=by, at=at)
    assert row(entry).state == "placed"
