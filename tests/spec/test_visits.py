"""What the clauses want of a visit: one doctor answers until somebody else accepts (SM-3-4c), and a notifiable disease, also a
suspected one, is met with measures, a report and an entry of the register (SM-3-4d)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from uuid import UUID

import pytest
from django.db import connections, transaction

from fenji.care.catalogue.queries import diagnosis, notifiable, notifiable_prefixes
from fenji.care.visits import actions, queries, rules
from fenji.care.visits.models import Handover, Infection, Visit, VisitEvent
from fenji.ground.access.models import AuditEvent
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import DutyCalendar, Span, local_day
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.policy.loader import shipped
from fenji.ground.tasks.actions import escalate_overdue
from fenji.ground.tasks.models import Notice, WorkItem
from fenji.world.county import Person
from tests.cast import a_resident, person, scope, token_for

MEASLES, HYPERTENSION = "B05.900", "I10.x00"


def a_visit(by: Actor, who: Person, code: str = HYPERTENSION, *, number: int = 300, suspected: bool = False) -> Visit:
    new = actions.NewVisit(diagnosis(code), "fever and rash for two days", False, None, suspected)
    return actions.register(a_resident(who, number), new, by=by, at=now())


def steps(visit: Visit, kind: str, alias: str = "load") -> list[WorkItem]:
    return list(WorkItem.objects.using(alias).filter(subject=f"{kind}:{visit.pk}", closed_at=None))


def fresh(visit: Visit) -> Visit:
    return Visit.objects.get(pk=visit.pk)


@pytest.fixture
def doctor(db: None) -> Iterator[Actor]:
    with scope(person("doctor")) as by:
        yield by


# --- SM-3-4c: one responsible doctor -----------------------------------------------------------------------------------------


def test_who_registers_a_visit_answers_for_it_and_a_colleague_cannot_close_it(db: None) -> None:
    with scope(person("doctor")) as by:
        visit = a_visit(by, person("doctor"))
        assert visit.doctor_id == by.account_id
    with scope(person("doctor2")) as other, pytest.raises(rules.NotResponsible) as refused:
        actions.close(fresh(visit), rules.TREATED, by=other, at=now())
    assert refused.value.detail["who"] == person("doctor").name
    assert fresh_row(visit).closed_at is None


def fresh_row(visit: Visit) -> Visit:
    with scope(person("doctor")):
        return Visit.objects.get(pk=visit.pk)


def test_until_the_other_doctor_accepts_the_first_stays_responsible(db: None) -> None:
    first, second = person("doctor"), person("doctor2")
    with scope(first) as by:
        visit = a_visit(by, first)
        actions.hand_over(visit.id, to=second.id, department_id=None, note="BP 182", version=1, by=by, at=now())
        assert fresh(visit).doctor_id == first.id
        assert [s.role for s in steps(visit, "handover", "default")] == ["doctor"]
    with scope(second) as by:
        actions.accept_hand_over(visit.id, version=2, by=by, at=now())
        taken = fresh(visit)
        assert (taken.doctor_id, taken.doctor_name) == (second.id, second.name)
        assert not steps(visit, "handover", "default")
        actions.close(taken, rules.TREATED, by=by, at=now())
        assert fresh(visit).closed_at is not None
    with scope(first) as by:
        assert [e.action for e in queries.events_of(visit.id)] == ["register", "hand_over", "hand_over.accept", "close"]


def test_a_declined_hand_over_leaves_the_first_doctor_responsible_and_may_be_tried_again(db: None) -> None:
    first, second = person("doctor"), person("doctor2")
    with scope(first) as by:
        visit = a_visit(by, first)
        actions.hand_over(visit.id, to=second.id, department_id=None, note="", version=1, by=by, at=now())
        with pytest.raises(rules.HandoverOpen):
            actions.hand_over(visit.id, to=second.id, department_id=None, note="", version=2, by=by, at=now())
    with scope(second) as by:
        actions.decline_hand_over(visit.id, "in theatre", version=2, by=by, at=now())
        with pytest.raises(rules.NotForYou):
            actions.accept_hand_over(visit.id, version=3, by=by, at=now())
    with scope(first) as by:
        assert fresh(visit).doctor_id == first.id
        actions.hand_over(visit.id, to=second.id, department_id=None, note="", version=3, by=by, at=now())
        actions.withdraw_hand_over(visit.id, version=4, by=by, at=now())
        actions.close(fresh(visit), rules.TREATED, by=by, at=now())


def test_who_proposed_cannot_accept_for_the_other_and_a_stranger_cannot_be_asked(db: None) -> None:
    first = person("doctor")
    with scope(first) as by:
        visit = a_visit(by, first)
        for wrong in (first.id, person("desk").id, person("reviewer").id):
            with pytest.raises(Unknown):
                actions.hand_over(visit.id, to=wrong, department_id=None, note="", version=1, by=by, at=now())
        with pytest.raises(Unknown):
            actions.hand_over(visit.id, to=None, department_id=302, note="", version=1, by=by, at=now())
        with pytest.raises(Unknown):
            actions.hand_over(visit.id, to=None, department_id=None, note="", version=1, by=by, at=now())
        actions.hand_over(visit.id, to=person("doctor2").id, department_id=None, note="", version=1, by=by, at=now())
        with pytest.raises(rules.NotForYou):
            actions.accept_hand_over(visit.id, version=2, by=by, at=now())


def test_any_doctor_of_a_department_that_was_asked_may_accept(db: None) -> None:
    specialist = person("specialist")
    with scope(specialist) as by:
        visit = a_visit_at_hospital(by)
        actions.hand_over(visit.id, to=None, department_id=302, note="", version=1, by=by, at=now())
        found = Handover.objects.get(visit=visit)
        view = rules.HandoverView(found.state, found.from_id, found.to_id)
        rules.check_answer(view, person("desk").id)
        with pytest.raises(rules.NotForYou):
            rules.check_answer(view, specialist.id)


def a_visit_at_hospital(by: Actor) -> Visit:
    from fenji.care.registry import actions as registry
    from fenji.care.registry.rules import unknown_person

    new = unknown_person("无名氏1", "1", 40, "road side", local_day(now()))
    resident = registry.register(new, by=by, at=now())
    return actions.register(resident, actions.NewVisit(diagnosis(HYPERTENSION), "x", False, 301), by=by, at=now())


def test_closing_ends_an_open_proposal(doctor: Actor) -> None:
    visit = a_visit(doctor, person("doctor"))
    actions.hand_over(visit.id, to=person("doctor2").id, department_id=None, note="", version=1, by=doctor, at=now())
    actions.close(fresh(visit), rules.TREATED, by=doctor, at=now())
    assert Handover.objects.get(visit=visit).state == rules.WITHDRAWN
    assert not steps(visit, "handover", "default")


def test_nobody_closes_a_visit_without_a_disposition(doctor: Actor) -> None:
    visit = a_visit(doctor, person("doctor"))
    for wrong in ("", rules.UNSTATED, "x"):
        with pytest.raises(Stale):
            actions.close(visit, wrong, by=doctor, at=now())
    assert fresh(visit).closed_at is None


def test_a_hand_over_that_nobody_answers_is_escalated_to_the_head(house_file: object) -> None:
    first = person("doctor")
    with transaction.atomic(), scope(first) as by:
        visit = a_visit(by, first, number=301)
        actions.hand_over(visit.id, to=person("doctor2").id, department_id=None, note="", version=1, by=by, at=now())
    (step,) = steps(visit, "handover")
    assert step.due_at <= now() + timedelta(hours=1)
    escalate_overdue(at=step.due_at, limit=100_000)
    assert Notice.objects.using("job").filter(subject=step.subject, role="manager", kind="escalated").exists()
    with transaction.atomic(), scope(first) as by:
        actions.close(fresh(visit), rules.TREATED, by=by, at=now())


# --- SM-3-4d: notifiable diseases --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suspected", [True, False])
def test_measles_also_suspected_cannot_be_closed_before_measures_report_and_entry(doctor: Actor, suspected: bool) -> None:
    visit = a_visit(doctor, person("doctor"), MEASLES, suspected=suspected)
    assert visit.grade == "B"
    for given in (
        actions.Parts(measures="isolated at home, mask"),
        actions.Parts(report_number="3504-1", reported_at=now()),
        actions.Parts(onset_on=local_day(now()), contacts="two siblings"),
    ):
        with pytest.raises(rules.IncompleteInfection), transaction.atomic():
            actions.close(fresh(visit), rules.TREATED, by=doctor, at=now())
        entry = queries.infection_of(visit.id)
        assert entry is not None
        actions.record_infection(visit.id, given, version=entry.version, by=doctor, at=now())
    assert not steps(visit, "infection", "default")
    actions.close(fresh(visit), rules.TREATED, by=doctor, at=now())
    assert fresh(visit).closed_at is not None
    done = [e.action for e in queries.events_of(visit.id)]
    assert [d for d in done if d.startswith("infection")] == ["infection.measures", "infection.report", "infection.entry"]


def test_the_clause_wants_three_steps_and_there_are_three_parts() -> None:
    assert [t.value for t in shipped().clauses["SM-3-4d"].targets] == [len(rules.PARTS)]


@pytest.mark.parametrize("there", range(8))
def test_each_of_the_three_parts_is_owed_until_it_is_there(there: int) -> None:
    owed = rules.missing_parts(
        measures="m" if there & 1 else "",
        reported_at=now() if there & 2 else None,
        report_number="1" if there & 2 else "",
        registered_at=now() if there & 4 else None,
    )
    assert owed == [part for bit, part in zip((1, 2, 4), rules.PARTS, strict=True) if not there & bit]


def test_who_is_sent_up_does_not_wait_and_the_visit_closes_with_the_third_part(doctor: Actor) -> None:
    visit = a_visit(doctor, person("doctor"), MEASLES, suspected=True)
    actions.close(visit, rules.REFERRED_UP, by=doctor, at=now())
    assert (fresh(visit).disposition, fresh(visit).closed_at) == (rules.REFERRED_UP, None)
    parts = actions.Parts("isolated", "3504-2", now(), local_day(now()), "none")
    actions.record_infection(visit.id, parts, version=1, by=doctor, at=now())
    assert fresh(visit).closed_at is not None


@pytest.mark.parametrize(("grade", "minutes"), [("A", 120), ("BA", 120), ("B", 1440), ("C", 1440)])
def test_the_report_is_due_by_class(grade: str, minutes: int) -> None:
    natural = lambda m: Span(m, "natural")  # noqa: E731
    policy = rules.VisitsPolicy(natural(60), natural(480), natural(120), natural(1440), natural(1440), ())
    found = now()
    assert rules.report_due(grade, found, policy, DutyCalendar((), {})) == found + timedelta(minutes=minutes)


def test_an_overdue_report_is_escalated_to_the_head(house_file: object) -> None:
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor) as by:
        visit = a_visit(by, doctor, MEASLES, number=302)
    (step,) = steps(visit, "infection")
    entry = Infection.objects.using("load").get(visit_id=visit.pk)
    assert step.due_at == entry.due_at
    assert entry.due_at - entry.found_at == timedelta(hours=24)
    escalate_overdue(at=step.due_at - timedelta(seconds=1), limit=100_000)
    assert not Notice.objects.using("job").filter(subject=step.subject).exists()
    escalate_overdue(at=step.due_at, limit=100_000)
    assert Notice.objects.using("job").filter(subject=step.subject, role="manager", kind="escalated").exists()
    with transaction.atomic(), scope(doctor) as by:
        actions.record_infection(visit.id, actions.Parts("m", "1", now(), local_day(now())), version=1, by=by, at=now())
        actions.close(fresh(visit), rules.TREATED, by=by, at=now())


def test_a_suspicion_that_is_ruled_out_leaves_the_register_unless_it_was_reported(doctor: Actor) -> None:
    visit = a_visit(doctor, person("doctor"), MEASLES, suspected=True)
    other = actions.NewVisit(diagnosis("L50.900"), "urticaria", False)
    actions.revise(visit.id, other, version=1, by=doctor, at=now())
    assert queries.infection_of(visit.id) is None
    assert not steps(visit, "infection", "default")
    actions.close(fresh(visit), rules.TREATED, by=doctor, at=now())
    reported = a_visit(doctor, person("doctor"), MEASLES, suspected=True, number=303)
    actions.record_infection(reported.id, actions.Parts(report_number="9", reported_at=now()), version=1, by=doctor, at=now())
    actions.revise(reported.id, other, version=1, by=doctor, at=now())
    assert queries.infection_of(reported.id) is not None
    with pytest.raises(rules.IncompleteInfection):
        actions.close(fresh(reported), rules.TREATED, by=doctor, at=now())


def test_a_diagnosis_that_turns_out_notifiable_opens_an_entry(doctor: Actor) -> None:
    visit = a_visit(doctor, person("doctor"), "L50.900")
    assert queries.infection_of(visit.id) is None
    actions.revise(visit.id, actions.NewVisit(diagnosis(MEASLES), "rash", False, None, True), version=1, by=doctor, at=now())
    assert queries.infection_of(visit.id) is not None
    assert steps(visit, "infection", "default")


def test_another_notifiable_disease_is_to_be_reported_anew(doctor: Actor) -> None:
    visit = a_visit(doctor, person("doctor"), MEASLES)
    actions.record_infection(visit.id, actions.Parts("m", "1", now(), local_day(now())), version=1, by=doctor, at=now())
    actions.revise(visit.id, actions.NewVisit(diagnosis("A01.000"), "typhoid", False), version=1, by=doctor, at=now())
    entry = queries.infection_of(visit.id)
    assert entry is not None
    assert (entry.disease, entry.report_number, entry.measures) == ("伤寒和副伤寒", "", "m")
    with pytest.raises(rules.IncompleteInfection):
        actions.close(fresh(visit), rules.TREATED, by=doctor, at=now())


@pytest.mark.parametrize(
    ("code", "grade"),
    [
        ("A20.900", "A"), ("A00.900", "A"), ("A22.100", "BA"), ("A22.000", "B"), ("B05.900", "B"), ("b05.900", "B"),
        ("J11.100", "C"), ("B08.400", "C"), ("B08.100", None), ("A75.300", None), ("A75.000", "C"), ("A98.500", "B"),
        ("A15.000", "B"), ("A98.000", None),
        ("I10.x00", None), ("J18.900", None), ("", None), ("A", None),
    ],
)  # fmt: skip
def test_the_class_of_a_diagnosis_is_that_of_the_longest_entry_that_fits(code: str, grade: str | None) -> None:
    found = notifiable(code)
    assert (found.grade if found else None) == grade


def test_the_list_of_notifiable_diseases_has_its_known_classes_only() -> None:
    table = notifiable_prefixes()
    assert {n.grade for n in table.values() if n} == set(rules.GRADES)
    assert {n.name_zh for n in table.values() if n and n.grade == "A"} == {"鼠疫", "霍乱"}


# --- who may what ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", ["reviewer", "desk", "officer", "audit", "head"])
def test_other_roles_write_no_visit(db: None, login: str) -> None:
    with scope(person("doctor")) as by:
        visit = a_visit(by, person("doctor"), MEASLES)
    with scope(person(login)) as other:
        with pytest.raises(NotPermitted):
            actions.close(visit, rules.TREATED, by=other, at=now())
        with pytest.raises((NotPermitted, Unknown)):
            actions.record_infection(visit.id, actions.Parts("x"), version=1, by=other, at=now())
        with pytest.raises((NotPermitted, Unknown)):
            actions.accept_hand_over(visit.id, version=1, by=other, at=now())


def test_the_head_hands_over_the_visit_of_a_doctor_who_is_gone(db: None) -> None:
    with scope(person("doctor")) as by:
        visit = a_visit(by, person("doctor"))
    with scope(person("head")) as head:
        actions.hand_over(visit.id, to=person("doctor2").id, department_id=None, note="on leave", version=1, by=head, at=now())
    with scope(person("doctor2")) as by:
        assert actions.accept_hand_over(visit.id, version=2, by=by, at=now()).doctor_id == person("doctor2").id


# --- races -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("guarded", [True, False])
def test_two_doctors_who_accept_and_close_at_once_are_told_apart(
    house_file: object, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first doctor closes while the second accepts: exactly one of them succeeds. The control: without the compare of versions
    both do, in some round."""
    first, second = person("doctor"), person("doctor2")
    tokens = {p.username: token_for(p) for p in (first, second)}
    if not guarded:
        from fenji.care.visits.actions import handovers, visits

        def unguarded(visit: Visit, version: int, using: str = "default", **changes: object) -> None:
            Visit.objects.using(using).filter(pk=visit.pk).update(**changes, version=version + 1)

        monkeypatch.setattr(visits, "swap", unguarded)
        monkeypatch.setattr(handovers, "swap", unguarded)
    seen = Counter[tuple[str, ...]]()
    for turn in range(6):
        with transaction.atomic(), scope(first, tokens["doctor"]) as by:
            visit = a_visit(by, first, number=280 + turn)
            actions.hand_over(visit.id, to=second.id, department_id=None, note="", version=1, by=by, at=now())
        seen[_race(visit.id, first, second, tokens)] += 1
        row = Visit.objects.using("load").get(pk=visit.pk)
        if guarded:
            assert (row.closed_at is not None) == (row.doctor_id == first.id)
            assert VisitEvent.objects.using("load").filter(visit_id=row.pk).count() == 3
            assert AuditEvent.objects.using("job").filter(subject=str(row.pk)).count() == 3
    if guarded:
        assert set(seen) <= {("done", "stale"), ("stale", "done"), ("done", "refused")}
    else:
        assert seen["done", "done"]


def _race(visit_id: UUID, first: Person, second: Person, tokens: dict[str, str]) -> tuple[str, ...]:
    barrier = threading.Barrier(2)

    def close() -> None:
        with transaction.atomic(), scope(first, tokens["doctor"]) as by:
            visit = queries.visit(visit_id)
            barrier.wait(timeout=60)
            actions.close(visit, rules.TREATED, by=by, at=now())

    def accept() -> None:
        with transaction.atomic(), scope(second, tokens["doctor2"]) as by:
            version = queries.visit(visit_id).version
            barrier.wait(timeout=60)
            actions.accept_hand_over(visit_id, version=version, by=by, at=now())

    def told(work: object) -> str:
        try:
            work()  # type: ignore[operator]
        except Stale:
            return "stale"
        except (rules.NotForYou, rules.NotResponsible):
            return "refused"
        finally:
            connections.close_all()
        return "done"

    with ThreadPoolExecutor(2) as pool:
        return tuple(pool.map(told, (close, accept)))


def test_dates_of_onset_and_reports_are_kept_as_given(doctor: Actor) -> None:
    visit = a_visit(doctor, person("doctor"), MEASLES)
    entry = actions.record_infection(visit.id, actions.Parts(onset_on=date(2026, 9, 1)), version=1, by=doctor, at=now())
    assert (entry.onset_on, entry.registered_by, entry.reported_at) == (date(2026, 9, 1), doctor.name, None)
    with pytest.raises(Stale):
        actions.record_infection(visit.id, actions.Parts("x"), version=1, by=doctor, at=now())
