"""Wards, beds and holds in the whole house: who sets them up, who holds, what the database refuses, what others see."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from fenji.care.booking import actions, queries, rules
from fenji.care.booking.models import Bed, BedHold, Ward
from fenji.care.catalogue.queries import diagnosis
from fenji.care.registry import actions as registry
from fenji.care.registry.rules import new_resident
from fenji.care.visits import actions as visits
from fenji.care.visits.models import Stay
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import NotPermitted, Refused, Stale, Unknown
from fenji.ground.network import actions as network
from fenji.ground.tasks import actions as tasks
from fenji.ground.tasks.models import Notice, WorkItem
from fenji.world.county import COUNTY_HOSPITAL, Person
from tests.app.forms import new_card
from tests.booking import CARDIOLOGY, a_bed, a_subject, a_ward, given, hold_bed
from tests.cast import other_doctor, person, scope

HOUR = timedelta(hours=1)


@pytest.fixture
def at() -> datetime:
    return now().replace(second=0, microsecond=0)


def a_room(at: datetime, beds: int = 2, **facts: object) -> tuple[Ward, list[Bed]]:
    with scope(person("director")) as by:
        ward = a_ward(by, at)
        return ward, [a_bed(ward, by, at, **facts) for _ in range(beds)]


def a_department(who: Person, at: datetime) -> int:
    """A department for a shared ward at somebody's institution."""
    with scope(person("system")) as by:
        facts = {"name_zh": f"康复{uuid4().hex[:6]}", "name_en": "Rehabilitation", "specialty": ""}
        return network.add_department(who.org_id, facts, on=local_day(at), by=by, at=at).id


def admitted(who: Person, bed: str, at: datetime, department: int = CARDIOLOGY, days: int = 0) -> Stay:
    """Somebody new lies in a bed of somebody's institution."""
    with scope(who) as by:
        resident = registry.register(new_resident("陈住院", new_card(), "", "", local_day(at)), by=by, at=at)
        new = visits.NewStay(diagnosis("I63.900"), (who.id, who.name), department, bed, "chronic")
        return visits.admit(resident, new, by=by, at=at - timedelta(days=days))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, str]]:
    """What is sent to whom about what: the app role may write messages and not read them."""
    sent: list[tuple[str, int, str]] = []
    real = tasks.send

    def send(kind: str, *, org_id: int, subject: str, **other: Any) -> None:
        sent.append((kind, org_id, subject))
        real(kind, org_id=org_id, subject=subject, **other)

    monkeypatch.setattr(tasks, "send", send)
    return sent


def test_a_bed_is_held_confirmed_and_used_and_the_ward_is_asked(db: None, at: datetime, told: list[Any]) -> None:
    ward, (bed, _other) = a_room(at)
    with scope(person("doctor")) as by:
        held = hold_bed(bed, by, at)
        assert (held.state, held.viewer_ids) == ("held", sorted([by.org_id, COUNTY_HOSPITAL]))
        assert held.held_until == at + 2 * HOUR
        with pytest.raises(NotPermitted):
            actions.confirm_bed(held.id, version=1, by=by, at=at)
    with scope(person("desk")) as by:
        step = WorkItem.objects.get(subject=f"{held.subject}/bed", closed_at=None)
        assert (step.org_id, step.role, step.due_at) == (COUNTY_HOSPITAL, "desk", held.held_until)
        confirmed = actions.confirm_bed(held.id, version=1, by=by, at=at)
        assert (confirmed.state, confirmed.held_until) == ("confirmed", at + 24 * HOUR)
        assert not WorkItem.objects.filter(subject=f"{held.subject}/bed", closed_at=None).exists()
        with pytest.raises(Stale):
            actions.confirm_bed(held.id, version=1, by=by, at=at)
        with pytest.raises(rules.BedEmpty):
            actions.use_bed(held.id, version=2, by=by, at=at)
    admitted(person("specialist"), bed.name, at)
    with scope(person("specialist")) as by:
        used = actions.use_bed(held.id, version=2, by=by, at=at)
        assert (used.state, used.held_until, used.ended_at) == ("used", None, at)
        (taking,) = queries.bed_facts(queries.bed(bed.id), at).takings
        assert (taking.how, taking.until) == ("lies", None)
        with pytest.raises(rules.BedHoldEnded):
            actions.release_bed(held.id, "not_coming", version=3, by=by, at=at)
    with scope(person("doctor")):
        view = queries.bed_hold_of(held.subject)
        assert view is not None
        assert (view.state, view.ward, view.bed) == ("used", ward.name, bed.name)
    assert told == [("booking.bed_confirmed", person("doctor").org_id, held.subject)]


def test_nobody_gets_a_bed_that_is_held_or_that_somebody_lies_in(db: None, at: datetime) -> None:
    ward, (held, lain, free) = a_room(at, 3)
    admitted(person("specialist"), lain.name, at)
    (sex,) = _sexes(ward, at)
    with scope(other_doctor()) as by:
        hold_bed(held, by, at, sex=sex)
    with scope(person("doctor")) as by:
        for bed in (held, lain):
            with pytest.raises(rules.BedTaken):
                hold_bed(bed, by, at, sex=sex)
        (found,) = [f for f in _free(at, sex) if f.ward.id == ward.id]
        assert (found.free, found.first and found.first.id) == (1, free.id)
        hold_bed(free, by, at, sex=sex)
        (found,) = [f for f in _free(at, sex) if f.ward.id == ward.id]
        assert (found.free, found.first, found.next_at) == (0, None, at + 2 * HOUR)


def _sexes(ward: Ward, at: datetime) -> set[str]:
    with scope(person("desk")):
        return {t.sex for b in queries.ward_board(queries.ward(ward.id), at).beds for t in b.facts.takings}


def _free(at: datetime, sex: str, isolation: bool = False, kind: str | None = None) -> list[queries.WardBeds]:
    return queries.free_beds([COUNTY_HOSPITAL], kind=kind, sex=sex, isolation=isolation, at=at)


@pytest.mark.parametrize(
    ("facts", "need", "refusal"),
    [
        ({"sex": "1"}, {"sex": "2"}, rules.BedOtherSex),
        ({"sex": "1"}, {"sex": "9"}, rules.BedSexUnknown),
        ({"isolation": True}, {"sex": "2"}, rules.IsolationKept),
        ({}, {"sex": "2", "isolation": True}, rules.NoIsolation),
        ({"state": rules.CLOSED}, {"sex": "2"}, rules.BedClosed),
    ],
)
def test_a_hold_is_refused_by_name(
    db: None, at: datetime, facts: dict[str, object], need: dict[str, object], refusal: type[Refused]
) -> None:
    ward, (bed,) = a_room(at, 1, **facts)
    with scope(person("doctor")) as by:
        with pytest.raises(refusal):
            hold_bed(bed, by, at, **need)
        assert [f.free for f in _free(at, **need) if f.ward.id == ward.id] == [0]


def test_a_room_is_for_the_sex_of_those_who_have_a_bed_in_it(db: None, at: datetime) -> None:
    _ward, (first, second) = a_room(at)
    with scope(person("doctor")) as by:
        woman = hold_bed(first, by, at, sex="2")
        with pytest.raises(rules.RoomOtherSex):
            hold_bed(second, by, at, sex="1")
        actions.release_bed(woman.id, "not_coming", version=1, by=by, at=at)
        assert hold_bed(second, by, at, sex="1").state == "held"
    with scope(other_doctor()) as by, pytest.raises(rules.RoomOtherSex):
        hold_bed(first, by, at, sex="2")


def test_holding_another_bed_gives_the_first_one_up(db: None, at: datetime) -> None:
    _ward, (first, second) = a_room(at)
    with scope(person("doctor")) as by:
        held = hold_bed(first, by, at)
        again = hold_bed(second, by, at, subject=held.subject)
        old = queries.hold(held.id)
        assert (old.state, old.end_reason, again.state) == ("released", "replaced", "held")
        assert WorkItem.objects.filter(subject=f"{held.subject}/bed", closed_at=None).count() == 1
    with scope(other_doctor()) as by:
        hold_bed(first, by, at)
        with pytest.raises(Unknown):
            queries.hold(held.id)
        assert queries.bed_hold_of(held.subject) is None


def test_the_ward_gives_a_bed_back_and_who_held_it_is_told(db: None, at: datetime, told: list[Any]) -> None:
    _ward, (bed, _other) = a_room(at)
    with scope(person("doctor")) as by:
        held = hold_bed(bed, by, at)
    with scope(other_doctor()) as by, pytest.raises(Unknown):
        actions.release_bed(held.id, "needed", version=1, by=by, at=at)
    with scope(person("specialist")) as by:
        assert actions.release_bed(held.id, "needed", version=1, by=by, at=at).end_reason == "needed"
    assert told == [("booking.bed_released", person("doctor").org_id, held.subject)]


def test_only_a_doctor_holds_and_only_in_the_name_of_the_own_institution(db: None, at: datetime) -> None:
    _ward, (bed, _other) = a_room(at)
    for login in ("nurse", "reviewer", "desk", "director"):
        with scope(person(login)) as by, pytest.raises(NotPermitted):
            hold_bed(bed, by, at)
    with scope(person("doctor")) as by:
        said = given(a_subject(), by, at) | {"origin_id": other_doctor().org_id, "isolation": False}
        del said["priority"]
        with pytest.raises(NotPermitted):
            actions.hold_bed(bed.id, **said)


def test_only_the_head_of_the_institution_sets_wards_and_beds_up(db: None, at: datetime) -> None:
    ward, (bed, _other) = a_room(at)
    for login in ("doctor", "desk", "specialist", "head"):
        with scope(person(login)) as by:
            with pytest.raises(NotPermitted):
                actions.add_bed(ward.id, actions.NewBed("1", "x"), by=by, at=at)
            with pytest.raises(NotPermitted):
                actions.change_bed(bed.id, actions.NewBed("1", "x"), version=1, by=by, at=at)
            assert Bed.objects.filter(pk=bed.id).update(version=9) == 0, "row security says the same"
            assert Ward.objects.filter(pk=ward.id).update(version=9) == 0
    with scope(person("director")) as by:
        with pytest.raises(Unknown):
            actions.open_ward(101, actions.NewWard("x", "acute"), by=by, at=at)
        with pytest.raises(rules.BadWard):
            a_ward(by, at, name=ward.name)
        with pytest.raises(rules.BadWard):
            a_bed(ward, by, at, name=bed.name)


def test_a_bed_or_ward_is_not_closed_over_a_patient(db: None, at: datetime) -> None:
    ward, (bed, other) = a_room(at)
    with scope(person("doctor")) as by:
        held = hold_bed(bed, by, at)
    with scope(person("director")) as by:
        closed = actions.NewBed("1", bed.name, state=rules.CLOSED)
        with pytest.raises(rules.BedInUse):
            actions.change_bed(bed.id, closed, version=1, by=by, at=at)
        with pytest.raises(rules.BedInUse):
            actions.change_bed(bed.id, actions.NewBed("1", "another"), version=1, by=by, at=at)
        with pytest.raises(rules.BedInUse):
            actions.close_ward(ward.id, version=1, by=by, at=at)
        assert queries.bed(other.id).state == "in_use", "all or nothing"
        assert actions.change_bed(bed.id, actions.NewBed("2", bed.name), version=1, by=by, at=at).room == "2"
    with scope(person("doctor")) as by:
        actions.release_bed(held.id, "not_coming", version=1, by=by, at=at)
    with scope(person("director")) as by:
        assert actions.close_ward(ward.id, version=1, by=by, at=at).end == local_day(at)
        assert {b.state for b in queries.beds_of([ward.id])[ward.id]} == {"closed"}
        assert ward.id not in {w.id for w in queries.wards_of([COUNTY_HOSPITAL], local_day(at))}
        assert a_ward(by, at, name=ward.name).name == ward.name


def test_what_the_database_holds_whatever_the_action_thinks(db: None, at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    _ward, (held, lain, closed) = a_room(at, 3)
    admitted(person("specialist"), lain.name, at)
    with scope(person("director")) as by:
        actions.change_bed(closed.id, actions.NewBed("1", closed.name, state=rules.CLOSED), version=1, by=by, at=at)
    monkeypatch.setattr(rules, "may_lie", lambda *a, **k: None)
    with scope(person("doctor")) as by:
        first = hold_bed(held, by, at)
        for bed, refusal in ((held, rules.BedTaken), (lain, rules.BedTaken), (closed, rules.BedClosed)):
            with pytest.raises(refusal):
                hold_bed(bed, by, at)
        actions.release_bed(first.id, "x", version=1, by=by, at=at)
        with pytest.raises(DatabaseError, match="keeps its bed"), transaction.atomic():
            BedHold.objects.filter(pk=first.id).update(state="held", held_until=at, ended_at=None)


def test_a_bed_in_which_somebody_came_to_lie_meanwhile_is_not_confirmed(db: None, at: datetime) -> None:
    _ward, (bed, _other) = a_room(at)
    with scope(person("doctor")) as by:
        held = hold_bed(bed, by, at)
    admitted(person("specialist"), bed.name, at)
    with scope(person("desk")) as by, pytest.raises(rules.BedTaken):
        actions.confirm_bed(held.id, version=1, by=by, at=at)


@pytest.fixture
def clean(house_file: object) -> Iterator[None]:
    """The sweep has a connection of its own, so these tests write for good; afterwards nothing is held."""
    yield
    live = BedHold.objects.using("owner").filter(state__in=rules.LIVE)
    live.update(state="released", ended_at=now(), held_until=None)


def test_holds_that_ran_out_end_by_themselves_confirmed_ones_too(clean: None, at: datetime) -> None:
    with transaction.atomic():
        _ward, (first, second) = a_room(at)
    with transaction.atomic(), scope(person("doctor")) as by:
        held, kept = hold_bed(first, by, at), hold_bed(second, by, at)
    with transaction.atomic(), scope(person("desk")) as by:
        actions.confirm_bed(kept.id, version=1, by=by, at=at)
        with pytest.raises(rules.BedHoldEnded):
            actions.confirm_bed(held.id, version=1, by=by, at=at + 2 * HOUR)
    assert actions.end_bed_holds(at=at + 2 * HOUR - timedelta(minutes=1)) == 0
    assert actions.end_bed_holds(at=at + 2 * HOUR) == 1
    assert _states(held, kept) == [("expired", "expired"), ("confirmed", "")]
    assert actions.end_bed_holds(at=at + 24 * HOUR) == 1
    assert _states(held, kept) == [("expired", "expired"), ("expired", "expired")]
    notices = Notice.objects.using("owner").filter(subject=held.subject, kind="booking.bed_expired")
    assert {(n.org_id, n.role) for n in notices} == {(person("doctor").org_id, "doctor"), (COUNTY_HOSPITAL, "desk")}
    assert not WorkItem.objects.using("owner").filter(subject=f"{held.subject}/bed", closed_at=None).exists()
    with transaction.atomic(), scope(person("doctor")) as by:
        assert hold_bed(first, by, at).state == "held"


def _states(*holds: BedHold) -> list[tuple[str, str]]:
    found = BedHold.objects.using("owner").in_bulk([h.id for h in holds])
    return [(found[h.id].state, found[h.id].end_reason) for h in holds]


def test_a_patient_whose_bed_the_ward_does_not_know_is_shown_and_never_dropped(db: None, at: datetime) -> None:
    ward, beds = a_room(at)
    lost = admitted(person("specialist"), "走廊加床", at)
    with scope(person("specialist")):
        board = queries.ward_board(queries.ward(ward.id), at)
        assert lost.id in {s.id for s in board.lost}
        assert board.unplaced == len(board.lost)
        assert board.free == len(beds)
    with scope(person("doctor")):
        away = queries.ward_board(queries.ward(ward.id), at)
        assert (away.unplaced, away.lost) == (board.unplaced, ()), "others see how many, not who"


def test_others_see_that_a_bed_is_taken_and_not_by_whom(db: None, at: datetime) -> None:
    ward, (bed, _other) = a_room(at)
    admitted(person("specialist"), bed.name, at)
    with scope(person("specialist")):
        shown = next(b for b in queries.ward_board(queries.ward(ward.id), at).beds if b.bed.id == bed.id)
        assert [s.bed for s in shown.stays] == [bed.name]
    with scope(person("doctor")):
        shown = next(b for b in queries.ward_board(queries.ward(ward.id), at).beds if b.bed.id == bed.id)
        assert (shown.stays, shown.hold, len(shown.facts.takings)) == ((), None, 1)
    with scope(person("officer")), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM booking_taken(%s)", [[ward.id]])
        assert cursor.fetchall() == [], "no clinical role"


def test_a_shared_ward_shows_both_the_days_of_each_and_others_none(db: None) -> None:
    at = datetime.fromisoformat("2026-11-22T12:00:00+08:00")
    doctor, specialist = person("doctor"), person("specialist")
    theirs = a_department(doctor, at)
    with scope(person("director")) as by:
        shared = {"partner_id": doctor.org_id, "partner_department_id": theirs, "partner_doctor_id": doctor.id}
        with pytest.raises(rules.BadWard):
            a_ward(by, at, **shared)
        ward = a_ward(by, at, doctor_id=specialist.id, **shared)
        assert (ward.doctor_name, ward.partner_doctor_name) == (specialist.name, doctor.name)
        first, second = (a_bed(ward, by, at, room=str(n)) for n in (1, 2))
    admitted(specialist, first.name, at, days=4)
    admitted(doctor, second.name, at, department=theirs, days=9)
    with scope(specialist):
        board = queries.ward_board(queries.ward(ward.id), at)
        assert {b.bed.id: len(b.facts.takings) for b in board.beds} == {first.id: 1, second.id: 1}
        mine, partners = board.days[COUNTY_HOSPITAL], board.days[doctor.org_id]
        assert partners >= 10
        assert mine >= 5
    with scope(doctor) as by:
        assert queries.ward_board(queries.ward(ward.id), at).days == board.days
        with pytest.raises(rules.BedTaken):
            hold_bed(first, by, at)
    with scope(other_doctor()):
        assert queries.ward_board(queries.ward(ward.id), at).days == {}


def test_the_partner_of_a_shared_ward_confirms_too(db: None, at: datetime) -> None:
    doctor, specialist = person("doctor"), person("specialist")
    theirs = a_department(doctor, at)
    with scope(person("director")) as by:
        shared = {"partner_id": doctor.org_id, "partner_department_id": theirs, "partner_doctor_id": doctor.id}
        ward = a_ward(by, at, doctor_id=specialist.id, **shared)
        bed = a_bed(ward, by, at)
    with scope(other_doctor()) as by:
        held = hold_bed(bed, by, at)
        assert doctor.org_id in held.viewer_ids
    with scope(person("nurse")) as by:
        assert actions.confirm_bed(held.id, version=1, by=by, at=at).state == "confirmed"


def test_the_kinds_of_wards_are_told_apart_where_beds_are_looked_for(db: None, at: datetime) -> None:
    ward, _beds = a_room(at)
    with scope(person("doctor")):
        assert ward.id in {f.ward.id for f in _free(at, "2", kind="rehabilitation")}
        assert ward.id not in {f.ward.id for f in _free(at, "2", kind="long_term")}


def test_wards_beds_and_holds_go_along_when_a_hospital_goes_into_another(clean: None, at: datetime) -> None:
    theirs = person("doctor").org_id
    with transaction.atomic():
        department = a_department(person("doctor"), at)
        with scope(person("director")) as by:
            shared = {"partner_id": theirs, "partner_department_id": department, "partner_doctor_id": person("doctor").id}
            ward = a_ward(by, at, doctor_id=person("specialist").id, **shared)
            bed = a_bed(ward, by, at)
    with transaction.atomic(), scope(other_doctor()) as by:
        held = hold_bed(bed, by, at)
    wards = Ward.objects.using("load")
    with transaction.atomic(using="load"):
        wards.create(
            org_id=theirs, path="x", department_id=department, name=ward.name, kind=rules.ACUTE, start=local_day(at)
        )  # fmt: skip
        actions.inherit(COUNTY_HOSPITAL, theirs, "load")
        row, moved = BedHold.objects.using("load").get(pk=held.pk), wards.get(pk=ward.pk)
        assert (row.org_id, Bed.objects.using("load").get(pk=bed.pk).org_id) == (theirs, theirs)
        assert (moved.org_id, moved.name) == (theirs, f"{ward.name} ({COUNTY_HOSPITAL})")
        assert (moved.partner_id, moved.partner_department_id, moved.partner_doctor_name) == (None, None, "")
        transaction.set_rollback(True, using="load")
