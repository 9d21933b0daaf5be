"""Outliers in the house (SM-3-5g): counted, judged, explained, confirmed, closed; and the bulletin of a month (SM-3-5h)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from fenji.care.visits import actions as visits
from fenji.ground.access.models import AuditEvent
from fenji.ground.access.rules import REVIEWER
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.tasks.models import WorkItem
from fenji.measure.referral_quality import actions, queries, rules
from fenji.measure.referral_quality.models import Bulletin, OutlierCase, OutlierEvent
from fenji.measure.referral_quality.rules.refusals import OutlierStep
from fenji.world.county import COUNTY_HOSPITAL, Person
from tests.app.sessions import appointed
from tests.cast import NOT_IN_CATALOGUE, a_case, a_resident, diagnosis, finish, other_doctor, other_reviewer, person, scope


@pytest.fixture(scope="module")
def county_reviewer(house_file: object) -> Person:
    return appointed("reviewer.county", "核总院", REVIEWER, COUNTY_HOSPITAL)


@pytest.fixture(autouse=True)
def forgotten(house_file: object) -> Iterator[None]:
    yield
    OutlierEvent.objects.using("owner").all().delete()
    OutlierCase.objects.using("owner").all().delete()
    Bulletin.objects.using("owner").all().delete()
    WorkItem.objects.using("owner").filter(kind__starts="outlier.").delete()


def counts(high: int, org: int) -> queries.Counts:
    """Thirty branches that refer 50 of 1,000, and one that refers `high`."""
    few = [rules.Tally(str(900 + n), "I10", "", ("60", "1"), 1000, 45 + n % 11) for n in range(30)]
    return queries.Counts([*few, rules.Tally(str(org), "I10", "", ("60", "1"), 1000, high)], {"": ("", org)})


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> OutlierCase:
    monkeypatch.setattr(queries, "counted", lambda *a: counts(120, person("doctor").org_id))
    assert actions.judge_outliers(at=now()) == 1
    return OutlierCase.objects.using("owner").get()


def step(row: OutlierCase, who: Person, action: str, version: int, **more: Any) -> OutlierCase:
    with transaction.atomic(), scope(who) as by:
        wanted = rules.Act(action, by.account_id, local_day(now()), **more)
        return actions.act(row.pk, wanted, version=version, by=by, at=now())


def explained(row: OutlierCase) -> OutlierCase:
    due = local_day(now()) + timedelta(days=20)
    return step(row, person("head"), "explain", 1, cause="no ECG here", correction="ECG bought", correct_by=due)


def test_contacts_and_referrals_are_counted_by_branch_disease_and_doctor(house_file: object) -> None:
    today = local_day(now())
    doctor = person("doctor")

    def seen(who: str) -> dict[tuple[str, str, str], tuple[int, int]]:
        with transaction.atomic(), scope(person(who)):
            found: dict[tuple[str, str, str], tuple[int, int]] = {}
            for t in queries.counted_here(today, today + timedelta(days=1)).tallies:
                n, k = found.get((t.branch, t.disease, t.doctor), (0, 0))
                found[t.branch, t.disease, t.doctor] = n + t.contacts, k + t.referred
            return found

    before = seen("head")
    with transaction.atomic(), scope(doctor) as by:
        case = a_case(by, doctor, number=261, code=NOT_IN_CATALOGUE)
        visits.register(a_resident(doctor, 262), visits.NewVisit(diagnosis(NOT_IN_CATALOGUE), "x", False), by=by, at=now())
    finish(case.number)
    after = seen("head")
    key = (str(doctor.org_id), case.disease_group, str(doctor.id))
    n, k = before.get(key, (0, 0))
    assert after[key] == (n + 2, k + 1)
    with transaction.atomic(), scope(other_reviewer()):
        assert key not in {(t.branch, t.disease, t.doctor) for t in queries.counted_here(today, today + timedelta(days=1)).tallies}
    # the county's officer sees the branch, and no doctor
    of_county = seen("officer")
    assert {doctor for _, _, doctor in of_county} == {""}
    assert of_county[str(doctor.org_id), case.disease_group, ""][0] >= n + 2
    with pytest.raises(DatabaseError, match="closed to this scope"):
        seen("doctor")
    worker = queries.counted([doctor.org_id], today, today + timedelta(days=1))
    assert worker.doctors[str(doctor.id)] == (doctor.name, doctor.org_id)


def test_a_branch_of_12_percent_among_5_is_opened_and_a_usual_one_is_not(
    opened: OutlierCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (opened.kind, opened.unit, opened.verdict) == ("branch", str(person("doctor").org_id), "alarm_high")
    assert (opened.contacts, opened.referred, opened.lead_id) == (1000, 120, COUNTY_HOSPITAL)
    item = WorkItem.objects.using("owner").get(kind="outlier.opened", closed_at=None)
    assert (item.org_id, item.role) == (person("doctor").org_id, "manager")
    # it is not opened a second time
    assert actions.judge_outliers(at=now() + timedelta(days=1)) == 0
    monkeypatch.setattr(queries, "counted", lambda *a: counts(50, other_doctor().org_id))
    assert actions.judge_outliers(at=now()) == 0


def test_closing_needs_cause_correction_and_a_second_person(opened: OutlierCase, county_reviewer: Person) -> None:
    for action in ("confirm", "close", "send_back"):
        with pytest.raises(OutlierStep) as refused:
            step(opened, county_reviewer, action, 1, note="x")
        assert refused.value.detail["why"] == rules.NO_SUCH_STEP
    with pytest.raises(OutlierStep) as refused:
        step(opened, person("head"), "explain", 1, correction="x", correct_by=local_day(now()))
    assert refused.value.detail["why"] == rules.CAUSE_MISSING
    assert explained(opened).state == "explained"
    with pytest.raises(NotPermitted):
        step(opened, person("head"), "confirm", 2)
    with pytest.raises(Stale):
        step(opened, county_reviewer, "confirm", 1)
    assert step(opened, county_reviewer, "send_back", 2, note="which ECG?").state == "opened"
    assert WorkItem.objects.using("owner").get(kind="outlier.opened", closed_at=None).org_id == opened.org_id
    step(opened, person("head"), "explain", 3, cause="no ECG", correction="x", correct_by=local_day(now()))
    assert step(opened, county_reviewer, "confirm", 4).state == "confirmed"
    waits = WorkItem.objects.using("owner").get(kind="outlier.confirmed", closed_at=None)
    assert waits.org_id == COUNTY_HOSPITAL
    closed = step(opened, county_reviewer, "close", 5)
    assert (closed.state, closed.closed_at is not None) == ("closed", True)
    assert not WorkItem.objects.using("owner").filter(kind__starts="outlier.", closed_at=None).exists()
    told = list(OutlierEvent.objects.using("owner").order_by("at", "id").values_list("action", flat=True))
    assert told == ["open", "explain", "send_back", "explain", "confirm", "close"]
    assert AuditEvent.objects.using("owner").filter(action="outlier.close").count() == 1


def test_what_was_closed_is_asked_again_only_over_other_days(
    opened: OutlierCase, county_reviewer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    explained(opened)
    step(opened, county_reviewer, "confirm", 2)
    step(opened, county_reviewer, "close", 3)
    assert actions.judge_outliers(at=now() + timedelta(days=30)) == 0
    assert actions.judge_outliers(at=now() + timedelta(days=90)) == 1


def test_the_database_closes_no_outlier_without_a_cause(opened: OutlierCase) -> None:
    with pytest.raises(IntegrityError, match="outliercase_closed_with_a_cause"), transaction.atomic("owner"):
        OutlierCase.objects.using("owner").filter(pk=opened.pk).update(state="closed", closed_at=now(), correct_by=date(2026, 1, 1))


def test_another_branch_a_doctor_and_the_officer_of_another_kind_do_not_see_it(opened: OutlierCase) -> None:
    for who in (other_reviewer(), person("doctor"), person("desk")):
        with transaction.atomic(), scope(who) as by, pytest.raises(Unknown):
            actions.act(opened.pk, rules.Act("explain", by.account_id, local_day(now())), version=1, by=by, at=now())
    with transaction.atomic(), scope(person("officer")) as by:
        assert queries.outlier(opened.pk).pk == opened.pk
        with pytest.raises(NotPermitted):
            actions.act(opened.pk, rules.Act("close", by.account_id, local_day(now())), version=1, by=by, at=now())


def test_an_officer_sees_no_outlier_that_is_a_doctor(opened: OutlierCase) -> None:
    OutlierCase.objects.using("owner").filter(pk=opened.pk).update(kind="doctor", unit=str(UUID(int=1)), unit_name="郑某某")
    with transaction.atomic(), scope(person("officer")):
        assert not queries.outliers().exists()


# --- the bulletin ---------------------------------------------------------------------------------------------------------------


def test_the_bulletin_counts_refusals_and_late_steps_with_their_denominators(house_file: object) -> None:
    month = date(2020, 3, 1)
    inside = datetime(2020, 3, 5, 4, tzinfo=now().tzinfo)
    for n in range(12):
        action = "referral.decline" if n < 3 else "referral.accept"
        AuditEvent.objects.using("owner").create(
            at=inside, actor_id=person("desk").id, role="desk", org_id=COUNTY_HOSPITAL, action=action, subject=f"x{n}"
        )
        closed = inside + timedelta(hours=2 if n < 4 else 0)
        WorkItem.objects.using("owner").create(
            kind="referral.offered", subject=f"bulletin {n}", url="/", who="", sex="", age=0, topic="", role="desk",
            org_id=COUNTY_HOSPITAL, viewer_ids=[], opened_at=inside, due_at=inside + timedelta(hours=1), closed_at=closed,
        )  # fmt: skip
    with pytest.raises(ValueError, match="not over"):
        actions.publish_bulletins(local_day(now()).replace(day=1), at=now())
    assert actions.publish_bulletins(month, at=now()) == 1
    assert actions.publish_bulletins(month, at=now()) == 0
    with transaction.atomic(), scope(person("doctor")):
        shown = queries.bulletin("350405", month)
    (refused,), (late,) = shown.lines["refusals"], shown.lines["late"]
    assert (refused["org"], refused["hits"], refused["of"], refused["rank"]) == (COUNTY_HOSPITAL, 3, 12, 1)
    assert (late["hits"], late["of"], late["rank"]) == (4, 12, 1)
