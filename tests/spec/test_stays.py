"""Stays in hospital, and who of a ward may go down today (SM-1-2b, SM-3-6a, SM-3-6b, QZ-2-11i)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from django.db import DatabaseError, IntegrityError, connections, transaction

from fenji.care.catalogue.models import DownEntry
from fenji.care.catalogue.queries import diagnosis, suggested_down
from fenji.care.registry.models import Resident
from fenji.care.visits import actions, queries, rules
from fenji.care.visits.models import Stay, StayEvent, Visit
from fenji.ground.access.models import AuditEvent
from fenji.ground.access.rules import DOCTOR
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.network.models import Organisation
from fenji.ground.network.queries import place_of
from fenji.ground.network.queries.directory import region_codes
from fenji.ground.policy.queries import resolve
from tests.cast import a_resident, everybody, other_doctor, person, scope
from tests.continuity import a_stay

SANMING, QUANZHOU = ("35", "350400", "350405", "org:104"), ("35", "350500", "350526", "org:1")
_NUMBERS = iter(range(60))


def policy(path: tuple[str, ...] = SANMING) -> rules.VisitsPolicy:
    return resolve(rules.VisitsPolicy, path, date(2026, 9, 14))


def new(code: str = "I63.900", phase: str = "", bed: str = "12") -> actions.NewStay:
    doctor = person("doctor")
    return actions.NewStay(diagnosis(code), (doctor.id, doctor.name), None, bed, phase)


def admitted(code: str = "I63.900", phase: str = "") -> Stay:
    """Somebody in a bed of the township's centre."""
    doctor = person("doctor")
    with scope(doctor) as by:
        return actions.admit(a_resident(doctor, next(_NUMBERS)), new(code, phase), by=by, at=now())


# --- who may go down ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phase", "sanming", "quanzhou"),
    [
        ("acute", False, False),
        ("acute_recovery", True, True),
        ("surgical_recovery", True, True),
        ("critical_stable", True, False),
        ("chronic", False, True),
        ("", False, False),
    ],
)
def test_the_phases_in_which_patients_go_down_are_those_of_the_citys_document(phase: str, sanming: bool, quanzhou: bool) -> None:
    """SM-1-2b names three groups, QZ-2-11i two phases."""
    for path, expected in ((SANMING, sanming), (QUANZHOU, quanzhou)):
        assert rules.reasons_to_go_down(phase, (), policy(path)) == ((rules.BY_PHASE,) if expected else ())


@pytest.mark.parametrize(
    ("phase", "on_list", "expected"),
    [
        ("acute", ("acute_recovery", "surgical_recovery", "critical_stable"), ()),
        ("acute_recovery", ("acute_recovery",), (rules.BY_PHASE, rules.BY_LIST)),
        ("acute_recovery", ("critical_stable",), (rules.BY_PHASE,)),
        ("chronic", ("acute_recovery",), (rules.BY_LIST,)),
        ("", ("acute_recovery",), (rules.BY_LIST,)),
        ("", (), ()),
    ],
)
def test_the_list_is_a_reason_of_its_own_but_never_in_the_acute_phase(
    phase: str, on_list: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert rules.reasons_to_go_down(phase, on_list, policy()) == expected


def test_a_policy_that_lets_acute_patients_go_down_is_refused() -> None:
    with pytest.raises(ValueError, match="never acute"):
        replace(policy(), phases_down=("acute", "chronic"))


def test_an_in_patient_recovering_from_surgery_is_suggested_and_an_acute_one_is_not(db: None) -> None:
    recovering, acute = admitted(phase="surgical_recovery"), admitted(phase="acute")
    with scope(person("doctor")) as by:
        where, today = place_of(by.org_id), local_day(now())
        found = {row.stay.id: row.reasons for row in queries.judged(list(queries.census(by)), where, today)}
        assert rules.BY_PHASE in found[recovering.id]
        assert found[acute.id] == ()
        assert queries.down_clauses(where, today)[rules.BY_PHASE] == ("SM-1-2b",)
        judged = actions.judge(acute.id, "critical_stable", version=acute.version, by=by, at=now())
        assert queries.judged([judged], where, today)[0].reasons


def test_a_disease_of_the_recommended_list_is_suggested_when_its_entry_is_complete(db: None) -> None:
    """SM-3-6b: criteria and guide are both there; the demo's list has hypertension with both."""
    today = local_day(now())
    with scope(person("doctor")) as by:
        where = place_of(by.org_id)
        listed = suggested_down(set(DownEntry.objects.values_list("group", flat=True)), where.id, today)
        assert listed, "the demo's list has no complete entry"
        group, entries = next(iter(listed.items()))
        stay = admitted()
        for phase, expected in ((entries[0].phase, True), ("acute", False), ("", True)):
            seen = replace_row(stay, group, phase)
            assert (rules.BY_LIST in queries.judged([seen], where, today)[0].reasons) is expected


def replace_row(stay: Stay, group: str, phase: str) -> Stay:
    """The same stay with another disease and phase, not written."""
    stay.disease_group, stay.phase = group, phase
    return stay


# --- admitted, moved, discharged ---------------------------------------------------------------------------------------------


def test_a_stay_from_admission_to_discharge_with_its_events_and_audit_rows(db: None) -> None:
    stay = admitted()
    with scope(person("doctor")) as by:
        stay = actions.place_in(stay.id, None, "31", version=1, by=by, at=now())
        stay = actions.judge(stay.id, "acute_recovery", version=2, by=by, at=now())
        stay = actions.discharge(stay.id, "home", version=3, by=by, at=now() + timedelta(days=3))
        assert (stay.bed, stay.phase, stay.way_out, stay.version) == ("31", "acute_recovery", "home", 4)
        assert stay not in list(queries.census(by))
        kept = [(e.action, e.before, e.after) for e in queries.stay_events(stay.id)]
        assert kept == [
            ("admit", "", ""),
            ("place", "12", "31"),
            ("judge", "", "acute_recovery"),
            ("discharge", "acute_recovery", "home"),
        ]
        for action in (
            lambda: actions.judge(stay.id, "chronic", version=4, by=by, at=now()),
            lambda: actions.place_in(stay.id, None, "1", version=4, by=by, at=now()),
            lambda: actions.discharge(stay.id, "home", version=4, by=by, at=now()),
        ):
            with pytest.raises(Stale), transaction.atomic():
                action()
    written = AuditEvent.objects.using("owner").filter(subject=str(stay.id))
    assert not written.exists(), "another connection sees nothing of a transaction that has not ended"


def test_who_is_in_hospital_here_is_not_admitted_again_until_discharged(db: None) -> None:
    stay = admitted()
    with scope(person("doctor")) as by:
        with pytest.raises(rules.AlreadyIn):
            actions.admit(stay.resident, new(), by=by, at=now())
        actions.discharge(stay.id, "transferred", version=1, by=by, at=now())
        again = actions.admit(stay.resident, new(), by=by, at=now())
        assert [s.id for s in queries.stays_of(stay.resident_id, 10)] == [again.id, stay.id]


def test_a_change_that_another_has_overtaken_is_stale(db: None) -> None:
    stay = admitted()
    with scope(person("doctor")) as by:
        actions.judge(stay.id, "acute", version=1, by=by, at=now())
        with pytest.raises(Stale), transaction.atomic():
            actions.judge(stay.id, "chronic", version=1, by=by, at=now())
        assert queries.stay(stay.id).phase == "acute"


def test_words_that_are_no_phase_no_way_and_no_department_are_refused(db: None) -> None:
    stay = admitted()
    with scope(person("doctor")) as by:
        for action in (
            lambda: actions.judge(stay.id, "better", version=1, by=by, at=now()),
            lambda: actions.judge(stay.id, "", version=1, by=by, at=now()),
            lambda: actions.discharge(stay.id, "", version=1, by=by, at=now()),
            lambda: actions.place_in(stay.id, 999_999, "1", version=1, by=by, at=now()),
        ):
            with pytest.raises(Unknown), transaction.atomic():
                action()


# --- who may, who sees -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", ["specialist", "desk", "officer", "editor"])
def test_other_institutions_and_other_roles_change_nothing(db: None, login: str) -> None:
    stay = admitted()
    with scope(person(login)) as by:
        with pytest.raises((NotPermitted, Unknown)), transaction.atomic():
            actions.discharge(stay.id, "home", version=1, by=by, at=now())
        if login != "specialist":
            with pytest.raises(NotPermitted), transaction.atomic():
                actions.admit(stay.resident, new(), by=by, at=now())


def test_a_doctor_elsewhere_sees_no_stay_and_writes_none_for_another_house(db: None) -> None:
    stay = admitted()
    with scope(other_doctor()):
        assert not Stay.objects.filter(pk=stay.pk).exists()
        assert not StayEvent.objects.filter(stay=stay.pk).exists()
        planted = Stay(
            resident_id=stay.resident_id, org_id=stay.org_id, path=stay.path, doctor_id=stay.doctor_id, doctor_name="x",
            diagnosis_code="x", diagnosis_name="x", disease_group="x", group_version="x", admitted_at=now(),
        )  # fmt: skip
        with pytest.raises(DatabaseError), transaction.atomic():
            planted.save(force_insert=True)


def test_the_health_centre_of_the_hospitals_own_town_sees_nobody_of_it(db: None) -> None:
    """A centre reaches the rows of its town's clinics by place, and the county's hospital stands in some town."""
    hospital = Organisation.objects.using("load").get(pk=person("specialist").org_id)
    town = region_codes([hospital.region_id])[hospital.region_id][:9]
    with scope(person("specialist")) as by:
        stay = a_stay(by, now())
        visit = actions.register(stay.resident, actions.NewVisit(diagnosis("I10.x00"), "x", False), by=by, at=now())
    doctors = [p for p in everybody().values() if p.role == DOCTOR and p.org_id != stay.org_id]
    neighbour = next(p for p in doctors if place_of(p.org_id, "load").path.startswith(town))

    def seen() -> list[bool]:
        of_the_patient = (
            Stay.objects.filter(pk=stay.pk),
            StayEvent.objects.filter(stay=stay.pk),
            Visit.objects.filter(pk=visit.pk),
        )
        return [rows.exists() for rows in (*of_the_patient, Resident.objects.filter(pk=stay.resident_id))]

    with scope(neighbour):
        assert seen() == [False] * 4
    with scope(person("specialist")):
        assert seen() == [True] * 4


def test_the_database_itself_keeps_a_stay_whole(db: None) -> None:
    stay = admitted()
    with scope(person("doctor")):
        for changes in (
            {"discharged_at": now()},
            {"way_out": "home"},
            {"phase": "better"},
            {"discharged_at": stay.admitted_at - timedelta(hours=1), "way_out": "home"},
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                Stay.objects.filter(pk=stay.pk).update(**changes)


def test_of_twenty_who_admit_one_patient_at_once_one_does(house_file: object) -> None:
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor):
        resident = a_resident(doctor, next(_NUMBERS))
    together = threading.Barrier(20)

    def one_of_them(_number: int) -> str:
        try:
            with transaction.atomic(), scope(doctor) as by:
                mine = Resident.objects.get(pk=resident.pk)
                together.wait(timeout=30)
                actions.admit(mine, new(), by=by, at=now())
            return "admitted"
        except rules.AlreadyIn:
            return "already in"
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        outcomes = sorted(pool.map(one_of_them, range(20)))
    assert outcomes == ["admitted", *["already in"] * 19]
    found: list[UUID] = list(Stay.objects.using("load").filter(resident=resident).values_list("id", flat=True))
    assert len(found) == 1
