"""The package of a way down, the plan and its follow-ups in the whole house (SM-3-6c, SM-3-6d, QZ-2-11d, QZ-2-11j)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fenji.care.continuity import actions, queries, rules
from fenji.care.continuity.models import FollowUp, Package
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.documents import actions as documents
from fenji.ground.tasks.actions import escalate_overdue
from fenji.ground.tasks.models import Notice, OutboxMessage, WorkItem
from tests.cast import other_doctor, person, scope
from tests.continuity import MEDICINE, PLAN, PRESSURE, SIGNS, VISIT, WHOLE, a_package, a_stay, a_subject, handed_over

DAY = timedelta(days=1)


@pytest.fixture
def at() -> datetime:
    return now().replace(second=0, microsecond=0)


def days_of(package: Package) -> list[FollowUp]:
    return list(FollowUp.objects.filter(package=package).order_by("planned_on"))


# --- the package (SM-3-6c) ---------------------------------------------------------------------------------------------------


def test_nobody_goes_down_without_both_packages_and_with_both_the_branch_can_read_them(db: None, at: datetime) -> None:
    receiver = person("doctor")
    with scope(person("specialist")) as by:
        subject, stay = a_subject(), a_stay(by, at)
        assert queries.parts_missing_of(subject) == ("summary", "plan")
        made = actions.write_package(subject, stay, rules.Summary("x"), "", [], by=by, at=at)
        lacks = ("summary.course", "summary.condition", "summary.medicines", "plan")
        assert queries.parts_missing_of(subject) == lacks
        with pytest.raises(rules.IncompletePackage) as refused:
            actions.check(subject)
        assert refused.value.detail == {"parts": lacks}
        with pytest.raises(rules.IncompletePackage):
            actions.hand_over(subject, receiver.org_id, local_day(at), by=by, at=at)
        made = actions.write_package(subject, stay, WHOLE, SIGNS, PLAN, version=made.version, by=by, at=at)
        actions.check(subject)
        assert queries.phone_of(made) == "13800001111"
    with scope(receiver):
        assert queries.package_of(subject) is None
    with scope(person("specialist")) as by:
        actions.let_see(subject, receiver.org_id, by=by, at=at)
    with scope(receiver):
        seen = queries.plan_of(subject)
        assert seen is not None
        assert (seen.package.course, seen.package.warning_signs) == (WHOLE.course, SIGNS)
        assert [queries.as_item(i) for i in seen.items] == list(PLAN)
        assert queries.phone_of(seen.package) == "13800001111"
    with scope(other_doctor()):
        assert queries.package_of(subject) is None


def test_a_draft_is_written_anew_with_its_version_and_never_after_it_was_handed_over(db: None, at: datetime) -> None:
    with scope(person("specialist")) as by:
        made = a_package(by, at)
        stay = made.stay
        again = actions.write_package(made.subject, stay, WHOLE, "发热", [MEDICINE], version=made.version, by=by, at=at)
        assert [i.what for i in queries.items_of(again.pk)] == [MEDICINE.what]
        for version in (None, made.version - 1, again.version + 5):
            with pytest.raises(Stale):
                actions.write_package(made.subject, stay, WHOLE, SIGNS, PLAN, version=version, by=by, at=at)
        actions.hand_over(made.subject, person("doctor").org_id, local_day(at), by=by, at=at)
        version = queries.package(made.subject).version
        with pytest.raises(Stale):
            actions.write_package(made.subject, stay, WHOLE, SIGNS, PLAN, version=version, by=by, at=at)
        with pytest.raises(DatabaseError, match="keeps its words"), transaction.atomic():
            Package.objects.filter(pk=made.pk).update(course="x")


def test_only_doctors_of_the_hospital_write_its_packages(db: None, at: datetime) -> None:
    with scope(person("specialist")) as by:
        stay = a_stay(by, at)
    for who in ("doctor", "desk", "director"):
        with scope(person(who)) as by, pytest.raises(NotPermitted):
            actions.write_package(a_subject(), stay, WHOLE, SIGNS, PLAN, by=by, at=at)


def test_a_line_that_cannot_be_dated_or_measured_is_refused_when_it_is_written(db: None, at: datetime) -> None:
    with scope(person("specialist")) as by:
        stay = a_stay(by, at)
        for item, refusal in (
            (rules.Item("visit", "health", "x", 5, 3), rules.BadItem),
            (rules.Item("visit", "health", "x", 0, 401), rules.BadItem),
            (rules.Item("measurement", "health", "x", 0, 1), Unknown),
            (rules.Item("measurement", "health", "x", 0, 1, measure="no such"), Unknown),
        ):
            with pytest.raises(refusal):
                actions.write_package(a_subject(), stay, WHOLE, SIGNS, [item], by=by, at=at)


def test_a_draft_written_for_a_stay_is_put_under_the_number_of_its_case(db: None, at: datetime) -> None:
    with scope(person("specialist")) as by:
        made = a_package(by, at)
        number = a_subject()
        assert actions.put_under(made.stay_id, number, by=by, at=at).pk == made.pk
        assert queries.parts_missing_of(number) == ()
        assert actions.put_under(uuid4(), number, by=by, at=at) is None


PICTURE = b"\x89PNG\r\n\x1a\n" + b"x" * 20


def test_a_file_goes_with_the_package_and_is_opened_by_the_receiver_and_by_nobody_else(db: None, at: datetime) -> None:
    doctor = person("doctor")
    with scope(person("specialist")) as by:
        made = a_package(by, at)
        wrong = actions.attach(made.subject, "a.png", PICTURE, "错", by=by, at=at)
        actions.detach(wrong.pk, by=by, at=at)
        first = actions.attach(made.subject, "b.png", PICTURE, "头颅CT", by=by, at=at)
        actions.let_see(made.subject, doctor.org_id, by=by, at=at)
        second = actions.attach(made.subject, "c.png", PICTURE, "心电图", by=by, at=at)
        with pytest.raises(documents.FileKind), transaction.atomic():
            actions.attach(made.subject, "d.png", b"MZ no picture", "x", by=by, at=at)
        with pytest.raises(documents.TooLargeToKeep), transaction.atomic():
            actions.attach(made.subject, "e.png", PICTURE + b"x" * (64 << 20), "x", by=by, at=at)
    with scope(doctor) as by:
        assert [a.pk for a in queries.attachments_of(made.pk)] == [first.pk, second.pk]
        assert documents.open_file(first.file_id, by=by, at=at).content == PICTURE
        assert documents.open_file(second.file_id, by=by, at=at).content == PICTURE
        with pytest.raises(NotPermitted):
            actions.detach(first.pk, by=by, at=at)
        actions.hand_over(made.subject, doctor.org_id, local_day(at), by=by, at=at)
    with scope(other_doctor()) as by:
        with pytest.raises(Unknown):
            queries.attachment(first.pk)
        with pytest.raises(Unknown):
            documents.open_file(first.file_id, by=by, at=at)
    with scope(person("specialist")) as by:
        for late in (
            lambda: actions.attach(made.subject, "f.png", PICTURE, "x", by=by, at=at),
            lambda: actions.detach(first.pk, by=by, at=at),
        ):
            with pytest.raises(Stale):
                late()


# --- the chain of care (QZ-2-11j) ---------------------------------------------------------------------------------------------


def test_the_chain_keeps_provider_and_date_of_each_hand_over_and_passes_rehabilitation_over_only_with_a_reason(
    db: None, at: datetime
) -> None:
    doctor = person("doctor")
    with scope(person("specialist")) as by:
        stay = a_stay(by, at)
        with pytest.raises(rules.SkipsRehabilitation):
            actions.write_package(a_subject(), stay, WHOLE, SIGNS, PLAN, stage="long_term_care", by=by, at=at)
        with pytest.raises(rules.WrongStage):
            actions.write_package(a_subject(), stay, WHOLE, SIGNS, PLAN, stage="treatment", by=by, at=at)
        first = actions.write_package(a_subject(), stay, WHOLE, SIGNS, PLAN, by=by, at=at)
        actions.hand_over(first.subject, doctor.org_id, local_day(at), by=by, at=at)
        third = {"stage_from": "rehabilitation", "stage": "long_term_care", "by": by, "at": at + DAY}
        second = actions.write_package(a_subject(), stay, WHOLE, SIGNS, PLAN, **third)
        actions.hand_over(second.subject, doctor.org_id, local_day(at) + DAY, by=by, at=at + DAY)
        chain = queries.chain_of([stay.resident_id])
        assert [(p.stage_from, p.stage) for p in chain] == [("treatment", "rehabilitation"), ("rehabilitation", "long_term_care")]
        assert [(p.origin_id, p.receiver_id) for p in chain] == [(by.org_id, doctor.org_id)] * 2
        assert [p.discharged_on for p in chain] == [local_day(at), local_day(at) + DAY]


# --- dates (SM-3-6d, QZ-2-11d) ------------------------------------------------------------------------------------------------


def test_the_plan_becomes_dated_follow_ups_of_the_team_with_the_three_services(db: None, at: datetime) -> None:
    package = handed_over(at, start=date(2026, 2, 20))
    with scope(person("doctor")) as by:
        found = {f.planned_on.isoformat(): f.items for f in days_of(package)}
        assert found == {
            **{f"2026-02-{day}": [1] for day in (21, 22, 24, 26, 27)},
            "2026-02-23": [0, 1],
            "2026-02-25": [1, 2],
            **{day: [0] for day in ("2026-03-04", "2026-03-13", "2026-03-22")},
        }
        plan = queries.plan_of(package.subject)
        assert plan is not None
        assert plan.services_missing == ()
        assert {f.org_id for f in plan.follow_ups} == {by.org_id}


def test_a_plan_that_begins_too_late_gets_a_visit_on_the_seventh_day(db: None, at: datetime) -> None:
    package = handed_over(at, [rules.Item("visit", "health", "x", 20, 20)], date(2026, 2, 20))
    with scope(person("doctor")):
        assert [(f.planned_on.isoformat(), f.items) for f in days_of(package)] == [("2026-02-27", [-1]), ("2026-03-12", [0])]


@pytest.mark.parametrize(("late", "escalated"), [(0, False), (2, False), (3, True)])
def test_what_is_not_done_two_days_after_its_day_goes_to_the_head_of_the_institution(
    house_file: object, at: datetime, late: int, escalated: bool
) -> None:
    doctor = person("doctor")
    with transaction.atomic():
        package = handed_over(at, [MEDICINE], local_day(at) - MEDICINE.first * DAY)
        with scope(doctor):
            first = days_of(package)[0]
            assert first.due_on == local_day(at)
    escalate_overdue(at=at.astimezone(SHANGHAI).replace(hour=12) + late * DAY, limit=10_000)
    step = WorkItem.objects.using("owner").get(subject=f"followup:{first.pk}")
    assert (step.escalated_at is not None) == escalated
    told = Notice.objects.using("owner").filter(subject=f"followup:{first.pk}", role="manager", org_id=doctor.org_id)
    assert told.exists() == escalated


# --- what is recorded ---------------------------------------------------------------------------------------------------------


def test_a_measurement_is_kept_with_how_it_stands_and_a_slip_of_the_finger_is_refused(db: None, at: datetime) -> None:
    package = handed_over(at, [PRESSURE], local_day(at) - DAY)
    with scope(person("doctor")) as by:
        (first,) = queries.followups_today(by, local_day(at)).filter(package=package)
        for typed, refusal in (("", rules.BadMeasurement), ("136", rules.BadMeasurement), ("1360/80", rules.NotPlausible)):
            with pytest.raises(refusal), transaction.atomic():
                actions.record(first.pk, "done", {0: typed}, "", version=first.version, by=by, at=at)
        done = actions.record(first.pk, "done", {0: "152/８２"}, " 头晕 ", version=first.version, by=by, at=at)
        assert (done.state, done.outcome, done.note) == ("done", "done", "头晕")
        assert done.values == [{"number": 0, "measure": "blood_pressure", "values": ["152", "82"], "standing": "high"}]
        assert not queries.followups_today(by, local_day(at)).filter(package=package)
        with pytest.raises(Stale):
            actions.record(first.pk, "done", {0: "120/80"}, "", version=first.version, by=by, at=at)
        events = [(e.action, e.outcome) for e in queries.history_of(package.subject)]
        assert events == [("write", ""), ("show", ""), ("hand_over", ""), ("record", "done")]
        steps = [f"followup:{f.pk}" for f in days_of(package)]
        assert [w.subject for w in WorkItem.objects.filter(subject__in=steps, closed_at=None)] == [steps[1]]


def test_who_is_not_reached_is_due_again_two_days_later_and_lost_after_three_tries(house_file: object, at: datetime) -> None:
    with transaction.atomic():
        package = handed_over(at, [MEDICINE, VISIT], local_day(at) - 5 * DAY)
        with scope(person("doctor")) as by:
            found = next(f for f in days_of(package) if f.items == [0])
            for tries, day in ((1, 0), (2, 2)):
                found = actions.record(found.pk, "unreachable", {}, "", version=found.version, by=by, at=at + day * DAY)
                assert (found.state, found.tries, found.due_on) == ("open", tries, local_day(at) + (day + 2) * DAY)
            again = actions.record(found.pk, "in_hospital", {}, "", version=found.version, by=by, at=at + 4 * DAY)
            assert (again.state, again.tries, again.due_on) == ("open", 2, local_day(at) + 6 * DAY)
            lost = actions.record(found.pk, "unreachable", {}, "", version=again.version, by=by, at=at + 6 * DAY)
            assert (lost.state, lost.tries) == ("lost", 3)
            assert queries.package(package.subject).state == rules.HANDED_OVER
    (told,) = OutboxMessage.objects.using("owner").filter(subject=package.subject)
    assert (told.kind, told.role, told.org_id) == ("continuity.lost", "manager", person("doctor").org_id)


@pytest.mark.parametrize("outcome", ["died", "moved", "refused"])
def test_death_a_move_and_a_refusal_end_the_plan_and_the_hospital_is_told(house_file: object, at: datetime, outcome: str) -> None:
    with transaction.atomic():
        package = handed_over(at)
    with transaction.atomic(), scope(person("doctor")) as by:
        first = days_of(package)[0]
        actions.record(first.pk, outcome, {}, "x", version=first.version, by=by, at=at)
        ended = queries.package(package.subject)
        assert (ended.state, ended.end_reason) == ("ended", outcome)
        assert {f.state for f in days_of(package)} == {"ended"}
        assert not WorkItem.objects.filter(subject__in=[f"followup:{f.pk}" for f in days_of(package)], closed_at=None)
    (told,) = OutboxMessage.objects.using("owner").filter(subject=package.subject)
    assert (told.kind, told.role, told.org_id) == (f"continuity.{outcome}", "doctor", person("specialist").org_id)


def test_going_up_again_ends_the_plan_and_the_number_can_be_used_for_a_new_package(db: None, at: datetime) -> None:
    package = handed_over(at)
    with scope(other_doctor()) as by, pytest.raises(Unknown):
        actions.end_plan(package.subject, rules.RETURNED, by=by, at=at)
    with scope(person("doctor")) as by:
        with pytest.raises(Unknown):
            actions.end_plan(package.subject, "no such", by=by, at=at)
        actions.end_plan(package.subject, rules.RETURNED, by=by, at=at)
        actions.end_plan(package.subject, rules.RETURNED, by=by, at=at)
        assert queries.package(package.subject).end_reason == "returned"
        assert queries.parts_missing_of(package.subject) == ("summary", "plan")
    with scope(person("specialist")) as by:
        actions.write_package(package.subject, a_stay(by, at), WHOLE, SIGNS, PLAN, by=by, at=at + DAY)
        assert queries.package(package.subject).state == "draft"


def test_a_follow_up_is_given_to_a_colleague_of_the_team_and_to_nobody_else(db: None, at: datetime) -> None:
    package = handed_over(at)
    colleague = person("doctor2")
    with scope(person("doctor")) as by:
        first = days_of(package)[0]
        given_to = actions.delegate(first.pk, colleague.id, version=first.version, by=by, at=at)
        assert (given_to.assigned_id, given_to.assigned_name) == (colleague.id, colleague.name)
        for stranger in (other_doctor().id, person("reviewer").id):
            with pytest.raises(Unknown):
                actions.delegate(first.pk, stranger, version=given_to.version, by=by, at=at)
        back = actions.delegate(first.pk, None, version=given_to.version, by=by, at=at)
        assert (back.assigned_id, back.assigned_name) == (None, "")
    with scope(person("specialist")) as by, pytest.raises(NotPermitted):
        actions.delegate(first.pk, None, version=back.version, by=by, at=at)
    with scope(person("head")) as by, pytest.raises(NotPermitted):
        actions.record(first.pk, "done", {}, "", version=back.version, by=by, at=at)


_ITEMS = st.builds(
    lambda kind, first, length, every: rules.Item(kind, "health", "x", first, first + length, every),
    st.sampled_from(["visit", "medicine"]), st.integers(0, 12), st.integers(0, 6), st.integers(1, 4),
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    items=st.lists(_ITEMS, min_size=1, max_size=3), picks=st.lists(st.tuples(st.integers(0, 40), st.sampled_from(rules.OUTCOMES)))
)
def test_every_plan_has_a_next_step_or_is_over(house_file: object, items: list[rules.Item], picks: list[tuple[int, str]]) -> None:
    at = now().replace(second=0, microsecond=0)
    with transaction.atomic():
        package = handed_over(at, items)
        with scope(person("doctor")) as by:
            for number, (pick, outcome) in enumerate(picks):
                waiting = [f for f in days_of(package) if f.state == rules.OPEN]
                if waiting:
                    one = waiting[pick % len(waiting)]
                    actions.record(one.pk, outcome, {}, "", version=one.version, by=by, at=at + number * DAY)
                _holds(package)
        transaction.set_rollback(True)


def _holds(package: Package) -> None:
    found = days_of(package)
    waiting = [f for f in found if f.state == rules.OPEN]
    steps = WorkItem.objects.filter(subject__in=[f"followup:{f.pk}" for f in found], closed_at=None)
    now_it_is = queries.package(package.subject)
    if now_it_is.state == rules.OVER:
        assert (waiting, list(steps)) == ([], [])
        return
    (step,) = steps
    coming = min(waiting, key=lambda f: (f.due_on, f.planned_on))
    assert step.subject == f"followup:{coming.pk}", "the step is the follow-up that comes first"


def test_a_merged_institution_hands_its_open_plans_on(house_file: object, at: datetime) -> None:
    heir = other_doctor()
    with transaction.atomic():
        package = handed_over(at)
    actions.inherit(package.receiver_id, heir.org_id, "load")
    with transaction.atomic(), scope(heir) as by:
        assert queries.package(package.subject).receiver_id == heir.org_id
        assert {f.org_id for f in days_of(package)} == {heir.org_id}
        first = days_of(package)[0]
        assert actions.record(first.pk, "died", {}, "", version=first.version, by=by, at=at).state == "ended"
