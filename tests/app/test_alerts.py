"""Alerts in the house: found in real rows to the instant, kept, withdrawn, answered, judged, and seen by whom."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connections, transaction

from fenji.care.referral.models import Case
from fenji.care.registry.models import Resident
from fenji.care.visits.imports import STAYS
from fenji.care.visits.models import Stay
from fenji.ground.access.models import AuditEvent
from fenji.ground.access.rules import MANAGER, REVIEWER
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.edge import now
from fenji.ground.common.imports import Row
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.documents.rules import Values
from fenji.ground.network.models import Organisation
from fenji.ground.tasks.actions import deliver_left_over
from fenji.ground.tasks.models import Notice, WorkItem
from fenji.measure.referral_quality import actions, queries
from fenji.measure.referral_quality.models import Alert, AlertRow
from fenji.measure.referral_quality.rules import alerts as rules
from fenji.measure.referral_quality.rules.refusals import AlertStep
from fenji.world.county import CITY_HOSPITAL, COMMISSION, COUNTY_HOSPITAL, Person
from tests.alerts import a_stay, a_visit, alert_on, discharged_instead, forget_alerts, noon, somebody
from tests.app.forms import new_card
from tests.app.sessions import appointed
from tests.cast import a_case, finish, other_reviewer, person, scope

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def forgotten(house_file: object) -> Iterator[None]:
    yield
    forget_alerts()


def lead() -> Person:
    return appointed("manager.county", "管总院", MANAGER, COUNTY_HOSPITAL)


def looked() -> actions.Looked:
    return actions.look_for_alerts(at=now())


def steps(row: Alert) -> list[tuple[str, int, str]]:
    found = WorkItem.objects.using("owner").filter(subject=f"A-{row.id.hex[-12:]}", closed_at=None)
    return [(s.kind, s.org_id, s.role) for s in found]


def traced(row: Alert) -> list[str]:
    found = AuditEvent.objects.using("owner").filter(subject=f"A-{row.id.hex[-12:]}").order_by("at", "id")
    return list(found.values_list("action", flat=True))


def again(row: Alert) -> Alert:
    return Alert.objects.using("owner").get(pk=row.pk)


# --- found in rows ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (timedelta(0), True),
        (2 * DAY, True),  # the last instant of the window counts
        (2 * DAY + timedelta(microseconds=1), False),
        (-12 * HOUR, True),  # discharged on paper half a day late
        (-12 * HOUR - timedelta(microseconds=1), False),
    ],
)
def test_discharged_and_admitted_higher_up_within_the_window(after: timedelta, found: bool) -> None:
    first, second = discharged_instead(0, after=after)
    looked()
    row = alert_on(first)
    assert (row is not None) is found
    if row is None:
        return
    assert (row.kind, row.org_id, row.lead_id, row.state) == ("discharge_instead", first.org_id, COUNTY_HOSPITAL, "open")
    assert (row.at, row.disease_group, row.reason["clause_id"], bool(row.pack_hash)) == (
        second.admitted_at,
        "hypertension",
        "SM-3-5k",
        True,
    )
    named = AlertRow.objects.using("owner").filter(alert=row).order_by("position")
    assert [(r.kind, r.key, r.resident_id) for r in named] == [("stay", str(s.pk), s.resident_id) for s in (first, second)]
    assert steps(row) == [("alert.open", first.org_id, "manager")]
    assert traced(row) == ["alert.open"]


def fed(who: Person, record: dict[str, Any]) -> Stay:
    """A stay as the ward's own system sends it."""
    rows = [Row(2, Values(record))]
    with transaction.atomic(), scope(who) as by:
        assert not (faults := STAYS.judge(rows, by=by, at=now()).faults), faults
        with transaction.atomic(using="load"):
            STAYS.write(rows, by=by, at=now(), progress=lambda n: None)
    return Stay.objects.using("load").get(source_id=record["source_id"])


def ago(hours: float) -> str:
    return f"{(now() - timedelta(hours=hours)).astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


def test_stays_that_two_hospitals_systems_sent_are_found_and_taken_back_alike() -> None:
    somebody_new = {"document": new_card(), "name": "陈住院", "diagnosis": "I10.x00"}
    left = {"source_id": "ALERT-1", "admitted_at": ago(60), "doctor": "doctor", "discharged_at": ago(20), "way_out": "home"}
    came = {"source_id": "ALERT-2", "admitted_at": ago(8), "doctor": "specialist"}
    first, second = fed(person("head"), left | somebody_new), fed(lead(), came | somebody_new)
    assert first.resident_id == second.resident_id
    looked()
    row = alert_on(first)
    assert row is not None
    assert (row.kind, row.org_id) == ("discharge_instead", first.org_id)
    fed(lead(), {"source_id": "ALERT-2", "diagnosis": "J18.900"})
    looked()
    assert (again(row).state, again(row).withdrawn_for) == ("withdrawn", "changed")


def test_neither_an_emergency_nor_another_disease_nor_a_death_is_one() -> None:
    urgent, other, dead = discharged_instead(0), discharged_instead(1), discharged_instead(2)
    a_visit(urgent[1].resident, COUNTY_HOSPITAL, urgent[1].admitted_at - DAY, emergency=True, group="acute-coronary-syndrome")
    Stay.objects.using("owner").filter(pk=other[1].pk).update(disease_group="copd")
    Stay.objects.using("owner").filter(pk=dead[0].pk).update(way_out="died")
    late = discharged_instead(3)
    a_visit(late[1].resident, COUNTY_HOSPITAL, late[1].admitted_at - DAY - timedelta(microseconds=1), emergency=True)
    looked()
    assert [alert_on(first) is not None for first, _ in (urgent, other, dead, late)] == [False, False, False, True]


def test_records_that_were_linked_are_one_person() -> None:
    one, two, over = somebody(0), somebody(1), noon(9)
    first = a_stay(one, person("doctor").org_id, over - DAY, over)
    a_stay(two, COUNTY_HOSPITAL, over + HOUR)
    looked()
    assert alert_on(first) is None
    Resident.objects.using("owner").filter(pk=two.pk).update(canonical=one)
    looked()
    assert alert_on(first) is not None
    Resident.objects.using("owner").filter(pk=two.pk).update(canonical=None)


def test_who_goes_past_primary_care_is_found_and_who_went_there_first_is_not() -> None:
    direct = a_visit(somebody(0), COUNTY_HOSPITAL, noon(9))
    a_visit(somebody(1), person("doctor").org_id, noon(9) - 30 * DAY)  # ended 30 days less an hour before
    after_it = a_visit(somebody(1), COUNTY_HOSPITAL, noon(9) + HOUR)
    a_visit(somebody(2), person("doctor").org_id, noon(9) - 30 * DAY)
    too_late = a_visit(somebody(2), COUNTY_HOSPITAL, noon(9) + HOUR + timedelta(microseconds=1))
    city, urgent = a_visit(somebody(3), CITY_HOSPITAL, noon(9)), a_visit(somebody(4), COUNTY_HOSPITAL, noon(9), emergency=True)
    looked()
    found = [alert_on(v) is not None for v in (direct, after_it, too_late, city, urgent)]
    assert found == [True, False, True, True, False]
    row = alert_on(direct)
    assert row is not None
    assert (row.kind, row.org_id, row.reason["clause_id"]) == ("bypass", COUNTY_HOSPITAL, "SM-3-4a")
    beyond = alert_on(city)
    assert beyond is not None
    assert (beyond.org_id, beyond.lead_id) == (CITY_HOSPITAL, None)


def test_an_easily_treated_disease_sent_up_without_a_reason() -> None:
    with transaction.atomic(), scope(person("doctor")) as by:
        case = a_case(by, person("doctor"), number=291)
    looked()
    assert alert_on(case.number) is None
    Case.objects.using("owner").filter(pk=case.pk).update(override_reason=" ", offered_at=now())
    looked()
    row = alert_on(case.number)
    assert row is not None
    assert (row.kind, row.org_id, row.reason["clause_id"]) == ("easily_treated", person("doctor").org_id, "SM-3-5h")
    assert row.facts[0]["to"] == COUNTY_HOSPITAL
    finish(case.number)


def test_a_visit_without_a_disposition_is_counted_and_no_second_step_is_made() -> None:
    mute = a_visit(somebody(0), person("doctor").org_id, noon(9), "unstated")
    stay = a_stay(somebody(1), person("doctor").org_id, noon(9), noon(8), "unstated")
    looked()
    counted, asked = alert_on(mute), alert_on(stay)
    assert counted is not None
    assert asked is not None
    assert (counted.state, steps(counted)) == ("counted", [])
    assert (asked.state, steps(asked)) == ("open", [("alert.open", person("doctor").org_id, "manager")])


def test_what_lies_longer_ago_than_the_policy_looks_back_is_left_as_it_is() -> None:
    old, edge = discharged_instead(0, days_ago=62), discharged_instead(1, days_ago=60, after=timedelta(0))
    looked()
    assert alert_on(old[0]) is None
    row = alert_on(edge[0])
    assert row is not None
    Alert.objects.using("owner").filter(pk=row.pk).update(at=row.at - 2 * DAY)
    Stay.objects.using("owner").filter(pk=edge[1].pk).delete()
    looked()
    assert again(row).state == "open"


# --- kept and withdrawn ---------------------------------------------------------------------------------------------------------


def test_what_is_found_again_stays_as_it_is() -> None:
    first, _ = discharged_instead(0)
    assert looked().opened >= 1
    row = alert_on(first)
    assert row is not None
    assert looked() == actions.Looked(0, 0, 0)
    assert again(row).version == 1
    assert traced(row) == ["alert.open"]
    with pytest.raises(IntegrityError, match="alert_once"), transaction.atomic("owner"):
        Alert.objects.using("owner").create(
            kind=row.kind, key=row.key, org_id=row.org_id, path="x", disease_group="x", at=row.at, facts=[], reason={},
            pack_hash="", state="open", opened_at=row.at, due_at=row.at,
        )  # fmt: skip


def test_a_referral_entered_afterwards_withdraws_it_and_its_step() -> None:
    with transaction.atomic(), scope(person("doctor")) as by:
        case = a_case(by, person("doctor"), number=292)
    mine, admitted = Resident.objects.using("load").get(pk=case.resident_id), now() - 3 * HOUR
    first = a_stay(mine, case.origin_id, admitted - 2 * DAY, admitted - HOUR)
    a_stay(mine, COUNTY_HOSPITAL, admitted)
    Case.objects.using("owner").filter(pk=case.pk).update(offered_at=None)
    looked()
    row = alert_on(first)
    assert row is not None
    assert row.state == "open"
    Case.objects.using("owner").filter(pk=case.pk).update(offered_at=now(), created_at=now())
    looked()
    gone = again(row)
    assert (gone.state, gone.withdrawn_for, gone.withdrawn_at is not None) == ("withdrawn", "covered", True)
    assert steps(row) == []
    assert traced(row) == ["alert.open", "alert.withdraw"]
    finish(case.number)


def test_rows_that_change_withdraw_it_and_when_they_change_back_it_goes_on() -> None:
    first, second = discharged_instead(0)
    looked()
    row = alert_on(first)
    assert row is not None
    Stay.objects.using("owner").filter(pk=second.pk).update(disease_group="copd")
    looked()
    assert (again(row).state, again(row).withdrawn_for) == ("withdrawn", "changed")
    Stay.objects.using("owner").filter(pk=second.pk).update(disease_group="hypertension")
    assert looked().again == 1
    back = again(row)
    assert (back.state, back.withdrawn_for, back.withdrawn_at) == ("open", "", None)
    assert steps(row) == [("alert.open", first.org_id, "manager")]
    assert traced(row) == ["alert.open", "alert.withdraw", "alert.again"]


def test_what_was_answered_goes_on_as_answered_and_what_was_judged_is_not_taken_back() -> None:
    first, second = discharged_instead(0)
    looked()
    row = alert_on(first)
    assert row is not None
    answered(row)
    Stay.objects.using("owner").filter(pk=second.pk).update(disease_group="copd")
    looked()
    Stay.objects.using("owner").filter(pk=second.pk).update(disease_group="hypertension")
    looked()
    assert again(row).state == "answered"
    assert steps(row) == [("alert.answered", COUNTY_HOSPITAL, "manager")]
    judged(row, "justify", again(row).version)
    Stay.objects.using("owner").filter(pk=second.pk).update(disease_group="copd")
    looked()
    assert again(row).state == "justified"


# --- answered and judged --------------------------------------------------------------------------------------------------------


def found(number: int = 0) -> Alert:
    first, _ = discharged_instead(number)
    looked()
    row = alert_on(first)
    assert row is not None
    return row


def answered(row: Alert, who: str = "head", cause: str = "no CT here", version: int = 1, at: datetime | None = None) -> Alert:
    with transaction.atomic(), scope(person(who)) as by:
        return actions.answer(row.pk, cause, version=version, by=by, at=at or now())


def judged(row: Alert, action: str, version: int, who: Person | None = None, note: str = "", at: datetime | None = None) -> Alert:
    with transaction.atomic(), scope(who or lead()) as by:
        return actions.judge(row.pk, action, note, version=version, by=by, at=at or now())


def test_the_institution_answers_and_the_lead_judges() -> None:
    row = found()
    with pytest.raises(AlertStep) as refused:
        answered(row, cause="  ")
    assert refused.value.detail["why"] == rules.CAUSE_MISSING
    with pytest.raises(Stale):
        answered(row, version=7)
    with pytest.raises(AlertStep) as refused:
        judged(row, "correct", 1, note="x")
    assert refused.value.detail["why"] == rules.NOT_OVERDUE
    assert answered(row, who="reviewer").state == "answered"
    assert steps(row) == [("alert.answered", COUNTY_HOSPITAL, "manager")]
    with pytest.raises(NotPermitted):
        judged(row, "justify", 2, person("head"))
    with pytest.raises(AlertStep) as refused:
        judged(row, "correct", 2)
    assert refused.value.detail["why"] == rules.NOTE_MISSING
    done = judged(row, "correct", 2, note="refer next time")
    assert (done.state, done.note, done.judged_by) == ("to_correct", "refer next time", "管总院")
    assert steps(row) == []
    assert traced(row) == ["alert.open", "alert.answer", "alert.correct"]
    deliver_left_over(at=now() + HOUR, older_than=timedelta(0))
    told = Notice.objects.using("owner").filter(kind="alert.judged", subject=f"A-{row.id.hex[-12:]}")
    assert [(n.org_id, n.role) for n in told] == [(row.org_id, "manager")]


def test_nobody_judges_their_own_institution_and_the_health_authority_judges_the_leads() -> None:
    direct = a_visit(somebody(0), COUNTY_HOSPITAL, noon(9))
    looked()
    row = alert_on(direct)
    assert row is not None
    with transaction.atomic(), scope(lead()) as by:
        actions.answer(row.pk, "walked in", version=1, by=by, at=now())
    assert steps(row) == [("alert.answered", COMMISSION, "officer")]
    for who in (lead(), appointed("reviewer.county", "核总院", REVIEWER, COUNTY_HOSPITAL)):
        with pytest.raises(NotPermitted):
            judged(row, "justify", 2, who)
    assert judged(row, "justify", 2, person("officer")).state == "justified"
    assert steps(row) == []


def test_an_alert_that_is_not_answered_in_time_is_overdue_and_may_be_judged() -> None:
    row = found()
    with transaction.atomic(), scope(lead()):
        asked = queries.Asked(local_day(row.at) - DAY, local_day(row.at) + DAY, overdue=row.due_at)
        assert not queries.alerts(asked).exists()
        after_it = queries.Asked(asked.since, asked.until, overdue=row.due_at + timedelta(microseconds=1))
        assert [a.pk for a in queries.alerts(after_it)] == [row.pk]
    with pytest.raises(AlertStep):
        judged(row, "correct", 1, note="x", at=row.due_at)
    assert judged(row, "correct", 1, note="x", at=row.due_at + timedelta(microseconds=1)).state == "to_correct"


def test_the_deadline_is_five_working_days_of_the_policy() -> None:
    row = found()
    assert row.due_at > row.opened_at + 4 * DAY
    assert row.due_at < row.opened_at + 20 * DAY


# --- who sees what --------------------------------------------------------------------------------------------------------------


def seen_by(who: Person, row: Alert) -> tuple[bool, int, int]:
    """Whether somebody sees the alert, how many of its rows by id, and how many patients."""
    with transaction.atomic(), scope(who):
        return (
            Alert.objects.filter(pk=row.pk).exists(),
            AlertRow.objects.filter(alert_id=row.pk).count(),
            len(queries.alert_rows(row)),
        )


def test_the_institution_asked_sees_its_own_patient_and_the_others_facts_alone() -> None:
    row = found()
    assert seen_by(person("head"), row) == (True, 2, 1)
    assert seen_by(person("reviewer"), row) == (True, 2, 1)
    assert seen_by(lead(), row) == (True, 0, 0)
    assert seen_by(person("officer"), row) == (True, 0, 0)
    for nobody in (person("doctor"), person("desk"), other_reviewer(), person("system")):
        assert seen_by(nobody, row) == (False, 0, 0)
        with pytest.raises((Unknown, NotPermitted)), transaction.atomic(), scope(nobody) as by:
            actions.answer(row.pk, "x", version=1, by=by, at=now())


def test_a_village_clinics_alerts_are_its_centres() -> None:
    orgs = Organisation.objects.using("load")
    town = orgs.get(pk=person("doctor").org_id).path[:9]
    clinic = orgs.filter(care_tier="village", path__starts=town, end=None).order_by("path")[0]
    mute = a_visit(somebody(0), clinic.pk, noon(9), "unstated")
    looked()
    row = alert_on(mute)
    assert row is not None
    assert (row.org_id, row.facts[0]["org"]) == (person("doctor").org_id, clinic.pk)
    assert seen_by(person("head"), row) == (True, 1, 1)


def test_an_alert_holds_nothing_of_a_patient() -> None:
    row = found()
    held = " ".join(str(v) for v in Alert.objects.using("owner").filter(pk=row.pk).values()[0].values())
    who = somebody(0)
    for row_id in AlertRow.objects.using("owner").filter(alert=row).values_list("key", flat=True):
        assert row_id not in held
    assert str(who.pk) not in held
    assert who.name not in held


def test_nobody_but_the_worker_opens_an_alert_or_takes_one_back() -> None:
    row = found()
    for statement in (
        f"UPDATE referral_quality_alert SET withdrawn_for = 'changed' WHERE id = '{row.pk}'",
        f"UPDATE referral_quality_alert SET facts = '[]' WHERE id = '{row.pk}'",
        f"DELETE FROM referral_quality_alert WHERE id = '{row.pk}'",
        "INSERT INTO referral_quality_alertrow DEFAULT VALUES",
        "SELECT * FROM referral_quality_contacts('3504', now(), now(), now())",
        "SELECT * FROM referral_quality_cases('3504', now(), now())",
    ):
        with (
            pytest.raises(DatabaseError, match="permission denied"),
            transaction.atomic(),
            scope(person("head")),
            connections["default"].cursor() as cursor,
        ):
            cursor.execute(statement)


def test_alerts_are_counted_by_institution_with_what_they_are_counted_against() -> None:
    month = noon(9)
    since, until = local_day(month) - DAY, local_day(month) + 2 * DAY

    def counted() -> dict[tuple[int, str], queries.Tally]:
        with transaction.atomic(), scope(lead()):
            return {(t.org, t.kind): t for t in queries.alert_tallies(since, until)}

    mine = person("doctor").org_id
    row = found()
    before = counted()[mine, "discharge_instead"]
    a_stay(somebody(5), mine, month - DAY, month)
    a_stay(somebody(6), mine, month - DAY, month, "died")
    after = counted()[mine, "discharge_instead"]
    assert (after.hits, after.of) == (before.hits, before.of + 1)
    assert (after.waiting, after.to_correct) == (before.waiting, 0)
    Alert.objects.using("owner").filter(pk=row.pk).update(state="withdrawn", withdrawn_at=now(), withdrawn_for="changed")
    assert counted().get((mine, "discharge_instead"), None) is None or before.hits > 1
    with pytest.raises(DatabaseError, match="closed to this scope"), transaction.atomic(), scope(person("doctor")):
        queries.alert_tallies(since, until)
