"""Slots, holds, the wait list and cancelled sessions in the whole house."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import transaction

from fenji.care.booking import actions, queries, rules
from fenji.care.booking.models import Booking, ClinicSession, Slot, WaitEntry
from fenji.ground.access.models import AuditEvent
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.network import actions as network
from fenji.ground.network.queries import place_of
from fenji.ground.tasks.models import OutboxMessage, WorkItem
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL
from tests.booking import CARDIOLOGY, a_session, a_subject, hold, plan, slots, wait
from tests.cast import other_doctor, person, scope

HOUR = timedelta(hours=1)


@pytest.fixture
def at() -> datetime:
    return now().replace(second=0, microsecond=0)


def opened(at: datetime, **facts: object) -> ClinicSession:
    with scope(person("desk")) as by:
        return a_session(by, at, **facts)


def test_a_doctor_holds_a_slot_and_nobody_else_gets_it_until_it_is_given_back(db: None, at: datetime) -> None:
    session = opened(at)
    with scope(person("doctor")) as by:
        first = slots(session)[0]
        held = hold(first, by, at)
        assert (held.state, held.org_id, held.viewer_ids) == ("held", COUNTY_HOSPITAL, sorted([by.org_id, COUNTY_HOSPITAL]))
        assert held.held_until == at + timedelta(minutes=20)
    with scope(other_doctor()) as by:
        assert not queries.bookings_of(held.subject, at=at)
        with pytest.raises(rules.SlotTaken):
            hold(first, by, at)
        assert first.id not in {v.id for v in _free(at)}
    with scope(person("doctor")) as by:
        assert actions.release(held.subject, "cancelled", by=by, at=at) == 1
    with scope(other_doctor()) as by:
        assert first.id in {v.id for v in _free(at)}
        hold(first, by, at)


def _free(at: datetime, priority: str = rules.UP_REFERRED, **other: object) -> list[queries.SlotView]:
    until = at + timedelta(days=10)
    return queries.free_slots(COUNTY_HOSPITAL, priority=priority, since=at, until=until, limit=5000, **other)


def test_a_hold_is_extended_confirmed_and_used(db: None, at: datetime) -> None:
    session = opened(at)
    with scope(person("doctor")) as by:
        held = hold(slots(session)[0], by, at)
        (longer,) = actions.extend(held.subject, by=by, at=at)
        assert longer.held_until == at + timedelta(days=2)
        (until,) = actions.extend(held.subject, at + timedelta(days=30), by=by, at=at)
        assert until.held_until == held.start_at, "never past the slot's own time"
        with pytest.raises(NotPermitted):
            actions.confirm(held.subject, by=by, at=at)
    with scope(person("desk")) as by:
        (confirmed,) = actions.confirm(held.subject, by=by, at=at)
        assert (confirmed.state, confirmed.held_until) == ("confirmed", None)
        with pytest.raises(rules.HoldEnded):
            actions.confirm(held.subject, by=by, at=at)
        (used,) = actions.use(held.subject, by=by, at=at)
        assert used.state == "used"
        assert actions.miss(held.subject, by=by, at=at) == []
        assert actions.release(held.subject, "x", by=by, at=at) == 0


def test_a_hold_that_ran_out_can_neither_be_confirmed_nor_extended(db: None, at: datetime) -> None:
    session = opened(at)
    with scope(person("doctor")) as by:
        held = hold(slots(session)[0], by, at)
        with pytest.raises(rules.HoldEnded):
            actions.extend(held.subject, by=by, at=at + timedelta(minutes=20))
    with scope(person("desk")) as by, pytest.raises(rules.HoldEnded):
        actions.confirm(held.subject, by=by, at=at + timedelta(minutes=20))


def test_holding_another_slot_gives_the_first_one_up(db: None, at: datetime) -> None:
    session = opened(at)
    with scope(person("doctor")) as by:
        first, second, _third = slots(session)
        held = hold(first, by, at)
        again = hold(second, by, at, subject=held.subject)
        assert again.moved_from == held.id
        assert {b.state: b.end_reason for b in queries.bookings_of(held.subject, at=at)} == {"held": "", "released": "replaced"}
        hold(first, by, at)


def test_reserved_slots_are_for_the_referred_until_they_are_released(db: None, at: datetime) -> None:
    session = opened(at, places=10)
    with scope(person("doctor")) as by:
        assert len(slots(session, reserved=True)) == 3
        reserved = slots(session, reserved=True)[0]
        seen = {v.id for v in _free(at, rules.PUBLIC) if v.session_id == session.id}
        assert seen == {s.id for s in slots(session, reserved=False)}
        with pytest.raises(rules.QuotaOnly):
            hold(reserved, by, at, rules.PUBLIC)
        later = session.release_at
        assert reserved.id in {v.id for v in _free(later, rules.PUBLIC)}
        assert hold(reserved, by, later, rules.PUBLIC).state == "held"


def test_the_database_refuses_the_public_a_reserved_slot_whatever_the_action_thinks(
    db: None, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened(at)
    monkeypatch.setattr(rules, "may_take", lambda *a, **k: None)
    with scope(person("doctor")) as by:
        with pytest.raises(rules.QuotaOnly):
            hold(slots(session, reserved=True)[0], by, at, rules.PUBLIC)
        taken = slots(session, reserved=False)[0]
        hold(taken, by, at)
        with pytest.raises(rules.SlotTaken):
            hold(taken, by, at)
    with scope(person("desk")) as by:
        actions.cancel(session.id, "x", version=session.version, by=by, at=at)
    with scope(person("doctor")) as by, pytest.raises(rules.SessionClosed):
        hold(slots(session, reserved=False)[1], by, at)


def test_only_the_hospitals_desk_and_head_open_and_cancel_its_sessions(db: None, at: datetime) -> None:
    session = opened(at)
    for login in ("doctor", "reviewer", "specialist", "citydesk", "head"):
        with scope(person(login)) as by:
            with pytest.raises(NotPermitted):
                actions.cancel(session.id, "x", version=1, by=by, at=at)
            with pytest.raises(NotPermitted):
                actions.open_sessions(COUNTY_HOSPITAL, plan(at + timedelta(days=1)), by=by, at=at)
            changed = ClinicSession.objects.filter(pk=session.pk).update(reason="x")
            assert changed == 0, "row security says the same"
            assert Slot.objects.filter(session=session).update(outside="x") == 0
    with scope(person("director")) as by:
        assert actions.cancel(session.id, "x", version=1, by=by, at=at) == 0


def test_a_session_is_repeated_in_the_weeks_after_it(db: None, at: datetime) -> None:
    with scope(person("desk")) as by:
        made = actions.open_sessions(COUNTY_HOSPITAL, plan(at + timedelta(days=1)), weeks=4, by=by, at=at)
    assert [s.start_at for s in made] == [at + timedelta(days=1 + 7 * n) for n in range(4)]


def test_a_cancelled_session_drops_nobody(db: None, at: datetime) -> None:
    session, other = opened(at, places=4), opened(at, days=4)
    with scope(person("doctor")) as by:
        held, booked = (hold(s, by, at) for s in slots(session)[:2])
    with scope(person("desk")) as by:
        actions.confirm(booked.subject, by=by, at=at)
        assert actions.cancel(session.id, "医生外出进修", version=session.version, by=by, at=at) == 2
        assert {b.subject for b in queries.to_move(COUNTY_HOSPITAL)} == {held.subject, booked.subject}
        steps = WorkItem.objects.filter(kind="booking.to_move", closed_at=None)
        assert {w.subject for w in steps} == {f"{held.subject}/clinic/move", f"{booked.subject}/clinic/move"}
        assert all(w.org_id == COUNTY_HOSPITAL and w.role == "desk" for w in steps)
        lost = Booking.objects.get(subject=booked.subject)
        made = actions.move(lost.id, slots(other)[0].id, version=lost.version, by=by, at=at)
        assert (made.state, made.moved_from, made.start_at) == ("confirmed", lost.id, other.start_at)
        assert {b.subject for b in queries.to_move(COUNTY_HOSPITAL)} == {held.subject}
        with pytest.raises(Stale):
            actions.move(lost.id, slots(other)[1].id, version=lost.version, by=by, at=at)
    with scope(person("doctor")) as by:
        # the other one finds a slot by hand
        hold(slots(other)[1], by, at, subject=held.subject)
    with scope(person("desk")):
        assert not queries.to_move(COUNTY_HOSPITAL)
        assert not WorkItem.objects.filter(kind="booking.to_move", closed_at=None).exists()


def test_a_doctors_leave_cancels_the_sessions_of_those_days_and_no_others(db: None, at: datetime) -> None:
    with scope(person("citysystem")) as by:
        facts = {"number": "B1", "name": "郑国安", "category": "physician", "title": "senior", "specialties": ["cardiology"]}
        who = network.enter_practitioner(COUNTY_HOSPITAL, facts, on=local_day(at), by=by, at=at).id
    days = {n: opened(at, days=n, practitioner_id=who) for n in (1, 2, 3, 4)}
    elses = opened(at, days=2)
    with scope(person("doctor")) as by:
        hold(slots(days[3])[0], by, at)
    with scope(person("desk")) as by:
        first, last = local_day(days[2].start_at), local_day(days[3].start_at)
        assert actions.away(who, first, last, "休假", by=by, at=at) == (2, 1)
    with scope(person("doctor")):
        assert {n: queries.session(s.id).state for n, s in days.items()} == {1: "open", 2: "cancelled", 3: "cancelled", 4: "open"}
        assert queries.session(elses.id).state == "open"


def test_who_finds_nothing_free_waits_at_the_hospitals_desk_with_a_deadline(db: None, at: datetime) -> None:
    with scope(person("doctor")) as by:
        with pytest.raises(Unknown):
            wait(by, at, department_id=CITY_HOSPITAL * 100 + 1)
        entry = wait(by, at, department_id=CARDIOLOGY)
        with pytest.raises(rules.AlreadyWaiting):
            wait(by, at, subject=entry.subject)
        (view,) = queries.waiting_of(entry.subject)
        assert (view.state, view.why) == ("waiting", "none")
    session = opened(at)
    with scope(person("desk")) as by:
        step = WorkItem.objects.get(subject=f"{entry.subject}/clinic", closed_at=None)
        assert (step.kind, step.due_at, step.role, step.org_id) == ("booking.no_slot", entry.due_at, "desk", COUNTY_HOSPITAL)
        assert entry.due_at > at
        made = actions.place(entry.id, slots(session)[0].id, version=entry.version, by=by, at=at)
        assert made.state == "confirmed"
        assert not WorkItem.objects.filter(subject=step.subject, closed_at=None).exists()
    with scope(person("doctor")):
        assert [b.state for b in queries.bookings_of(entry.subject, at=at)] == ["confirmed"]
        assert [w.state for w in queries.waiting_of(entry.subject)] == ["placed"]


def test_a_case_that_is_cancelled_leaves_the_wait_list_too(db: None, at: datetime) -> None:
    with scope(person("doctor")) as by:
        entry = wait(by, at)
        assert actions.release(entry.subject, "withdrawn", by=by, at=at) == 1
        (view,) = queries.waiting_of(entry.subject)
        assert (view.state, view.end_reason) == ("left", "withdrawn")
    with scope(person("desk")) as by:
        assert not WorkItem.objects.filter(subject__startswith=entry.subject, closed_at=None).exists()
        with pytest.raises(Stale):
            actions.leave(entry.id, "full", version=entry.version, by=by, at=at)


def test_the_desk_sees_the_queue_in_its_order(db: None, at: datetime) -> None:
    with scope(person("doctor")) as by:
        made = [wait(by, at + timedelta(minutes=n), p) for n, p in enumerate(reversed(rules.PRIORITIES))]
        late = wait(by, at + HOUR, rules.UP_REFERRED)
    with scope(person("desk")):
        policy = queries.policy_at(place_of(COUNTY_HOSPITAL), local_day(at))
        shown = [w.id for w in queries.waiting_at(COUNTY_HOSPITAL, policy) if w.id in {m.id for m in (*made, late)}]
    assert shown == [made[3].id, made[2].id, late.id, made[1].id, made[0].id]


def test_waiting_ends_when_the_sender_finds_a_slot_by_hand(db: None, at: datetime) -> None:
    session = opened(at)
    with scope(person("doctor")) as by:
        entry = wait(by, at)
        hold(slots(session)[0], by, at, subject=entry.subject)
        assert [w.state for w in queries.waiting_of(entry.subject)] == ["placed"]


def test_a_desk_reaches_neither_bookings_nor_wishes_of_another_hospital(db: None, at: datetime) -> None:
    session = opened(at)
    with scope(person("doctor")) as by:
        held, entry = hold(slots(session)[0], by, at), wait(by, at)
    with scope(person("citydesk")) as by:
        for work in (
            lambda: actions.place(entry.id, slots(session)[1].id, version=1, by=by, at=at),
            lambda: actions.move(held.id, slots(session)[1].id, version=1, by=by, at=at),
            lambda: actions.leave(entry.id, "full", version=1, by=by, at=at),
        ):
            with pytest.raises(Unknown):
                work()
        assert actions.release(held.subject, "x", by=by, at=at) == 0


def test_a_desk_gives_nobody_a_slot_of_another_hospital(db: None, at: datetime) -> None:
    with scope(person("citydesk")) as by:
        theirs = a_session(by, at, department_id=CITY_HOSPITAL * 100 + 1)
    with scope(person("doctor")) as by:
        entry = wait(by, at)
    with scope(person("desk")) as by, pytest.raises(NotPermitted):
        actions.place(entry.id, slots(theirs)[0].id, version=entry.version, by=by, at=at)


def test_the_earliest_slot_of_each_hospital_is_one_statement_beside_theirs(db: None, at: datetime) -> None:
    session = opened(at, days=2 / 24)
    with scope(person("citydesk")) as by:
        a_session(by, at, days=9, department_id=CITY_HOSPITAL * 100 + 1)
    with scope(person("doctor")) as by:
        first = slots(session)[0]
        found = queries.earliest([COUNTY_HOSPITAL, CITY_HOSPITAL, by.org_id], priority=rules.UP_REFERRED, at=at)
        assert (found[by.org_id].slot, found[by.org_id].state) == (None, "none")
        assert found[CITY_HOSPITAL].state == "free"
        assert found[COUNTY_HOSPITAL].slot.id == first.id
        public = queries.earliest([COUNTY_HOSPITAL], priority=rules.PUBLIC, at=at)[COUNTY_HOSPITAL]
        assert public.slot.start_at >= first.start_at
        none = queries.earliest([COUNTY_HOSPITAL], specialty="no_such", priority=rules.UP_REFERRED, at=at)
        assert none[COUNTY_HOSPITAL].state == "none"


def test_every_change_leaves_an_audit_row_without_a_patient(house_file: object, at: datetime) -> None:
    subject = a_subject()
    with transaction.atomic():
        session = opened(at, days=30)
    with transaction.atomic(), scope(person("doctor")) as by:
        hold(slots(session)[0], by, at, subject=subject)
        actions.extend(subject, by=by, at=at)
    with transaction.atomic(), scope(person("desk")) as by:
        actions.confirm(subject, by=by, at=at)
        actions.cancel(session.id, "停诊", version=1, by=by, at=at)
    with transaction.atomic(), scope(person("doctor")) as by:
        actions.release(subject, "withdrawn", by=by, at=at)
    rows = list(AuditEvent.objects.using("owner").filter(subject=subject).order_by("at", "id"))
    assert [(r.action, r.after) for r in rows] == [
        ("booking.held", "held"), ("booking.change", "held"), ("booking.change", "confirmed"), ("booking.change", "released"),
    ]  # fmt: skip
    assert "陈" not in str([r.detail for r in rows])
    told = OutboxMessage.objects.using("owner").filter(subject=subject)
    assert [(m.kind, m.org_id) for m in told] == [("booking.lost", person("doctor").org_id)]


# --- sweeps --------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def clean(house_file: object):
    yield
    for table in ("booking", "waitentry"):
        _end_all(table)


def _end_all(table: str) -> None:
    model = Booking if table == "booking" else WaitEntry
    states = rules.UNSETTLED if table == "booking" else [rules.WAITING]
    more = {"held_until": None} if table == "booking" else {}
    state = rules.RELEASED if table == "booking" else rules.LEFT
    model.objects.using("owner").filter(state__in=states).update(state=state, ended_at=now(), **more)


def test_the_sweep_ends_holds_that_ran_out_and_tells_who_held(clean: None, at: datetime) -> None:
    with transaction.atomic():
        session = opened(at, days=40)
    with transaction.atomic(), scope(person("doctor")) as by:
        short, long = (hold(s, by, at) for s in slots(session)[:2])
        actions.extend(long.subject, by=by, at=at)
    assert actions.end_holds(at=at + timedelta(minutes=19)) == 0
    assert actions.end_holds(at=at + timedelta(minutes=20)) == 1
    states = {
        b.subject: (b.state, b.end_reason) for b in Booking.objects.using("owner").filter(subject__in=[short.subject, long.subject])
    }
    assert states == {short.subject: ("released", "expired"), long.subject: ("held", "")}
    assert not Slot.objects.using("owner").get(pk=short.slot_id).taken
    with transaction.atomic(), scope(person("doctor")) as by:
        from fenji.ground.tasks.queries import latest_notices

        assert ("booking.expired", short.subject) in [(n.kind, n.subject) for n in latest_notices(by)]


def test_a_freed_slot_is_kept_for_the_first_who_waits_and_then_for_the_next(clean: None, at: datetime) -> None:
    with transaction.atomic():
        session = opened(at, days=6, places=1, kind=rules.EXAMINATION, item="CT-T1", name="CT")
    only = {"kind": rules.EXAMINATION, "item": "CT-T1"}
    with transaction.atomic(), scope(person("doctor")) as by:
        (slot,) = slots(session)
        taken = hold(slot, by, at)
        walk_in = wait(by, at, rules.PUBLIC, **only)
        second = wait(by, at + timedelta(minutes=2), **only)
        first = wait(by, at + timedelta(minutes=1), **only)
    assert actions.propose(at=at) == 0
    with transaction.atomic(), scope(person("doctor")) as by:
        actions.release(taken.subject, "cancelled", by=by, at=at)
    assert actions.propose(at=at) == 1
    assert actions.propose(at=at) == 0
    with transaction.atomic(), scope(other_doctor()) as by, pytest.raises(rules.SlotKept):
        hold(slot, by, at)
    row = Slot.objects.using("owner").get(pk=slot.pk)
    assert (row.kept_for, row.kept_until) == (first.id, at + 2 * HOUR)
    # let go by: the next in the queue is asked
    later = at + 2 * HOUR
    assert actions.propose(at=later) == 1
    assert Slot.objects.using("owner").get(pk=slot.pk).kept_for == second.id
    with transaction.atomic(), scope(person("doctor")) as by:
        made = hold(slot, by, later, subject=second.subject)
        assert made.state == "held"
        assert [w.state for w in queries.waiting_of(walk_in.subject)] == ["waiting"]


def test_what_is_kept_for_somebody_who_left_is_free_again_at_the_next_sweep(clean: None, at: datetime) -> None:
    with transaction.atomic():
        session = opened(at, days=6, places=1, kind=rules.EXAMINATION, item="CT-T2", name="CT")
    with transaction.atomic(), scope(person("doctor")) as by:
        entry = wait(by, at, kind=rules.EXAMINATION, item="CT-T2")
    assert actions.propose(at=at) == 1
    with transaction.atomic(), scope(person("doctor")) as by:
        actions.release(entry.subject, "withdrawn", by=by, at=at)
    actions.propose(at=at)
    with transaction.atomic(), scope(other_doctor()) as by:
        assert hold(slots(session)[0], by, at).state == "held"


def test_the_house_gives_back_what_an_expired_case_held(clean: None, at: datetime) -> None:
    from fenji.ground.access.rules import house

    with transaction.atomic():
        session = opened(at, days=41)
    with transaction.atomic(), scope(person("doctor")) as by:
        held = hold(slots(session)[0], by, at)
        entry = wait(by, at, subject=held.subject, kind=rules.EXAMINATION, item="CT-T3")
    by = house(person("doctor").org_id)
    assert actions.release(held.subject, "expired", by=by, at=at, using="job") == 2
    assert Booking.objects.using("owner").get(pk=held.pk).state == "released"
    assert WaitEntry.objects.using("owner").get(pk=entry.pk).state == "left"


def test_sessions_and_bookings_go_along_when_a_hospital_goes_into_another(house_file: object, at: datetime) -> None:
    with transaction.atomic():
        session = opened(at, days=42)
    with transaction.atomic(), scope(person("doctor")) as by:
        held = hold(slots(session)[0], by, at)
    with transaction.atomic(using="load"):
        actions.inherit(COUNTY_HOSPITAL, CITY_HOSPITAL, "load")
        row = Booking.objects.using("load").get(pk=held.pk)
        assert (row.org_id, row.viewer_ids) == (CITY_HOSPITAL, [*held.viewer_ids, CITY_HOSPITAL])
        assert ClinicSession.objects.using("load").get(pk=session.pk).org_id == CITY_HOSPITAL
        transaction.set_rollback(True, using="load")
    with transaction.atomic(), scope(person("doctor")) as by:
        actions.release(held.subject, "x", by=by, at=at)
