"""The way down: who may go (SM-1-2b, QZ-2-11i), to which branch, with what (SM-3-6c), who goes on (SM-3-6d), and back up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from fenji.care.continuity import actions as continuity
from fenji.care.continuity import queries as packages
from fenji.care.continuity.rules import IncompletePackage
from fenji.care.referral import actions, queries, rules
from fenji.care.referral.models import Case, CaseEvent
from fenji.care.registry.queries import resident as resident_of
from fenji.care.visits import actions as visits
from fenji.care.visits.queries import stay as stay_of
from fenji.ground.access import rules as access
from fenji.ground.common.decision import Reason
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.network.queries import place_of
from fenji.ground.tasks.models import WorkItem
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL
from tests.cast import CONSENT, a_case, other_doctor, person, scope
from tests.continuity import PLAN, SIGNS, WHOLE, a_stay
from tests.down import a_down, offered_down

WARD, BRANCH = "specialist", "doctor"


def as_(login: str, verb: Callable[..., Case], case: Case, *args: object, **more: object) -> Case:
    """Carry out a verb as somebody; the case as it stands is read by its sender."""
    with scope(person(WARD)):
        version = queries.case(case.number).version
    with scope(person(login)) as by:
        return verb(case.number, *args, version=version, by=by, at=now(), **more)


def offered() -> Case:
    with scope(person(WARD)) as by:
        return offered_down(by)


def arrived() -> Case:
    case = offered()
    as_(BRANCH, actions.accept, case)
    return as_(BRANCH, actions.arrive, case)


# --- who may go down ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["acute_recovery", "surgical_recovery", "critical_stable"])
def test_the_three_groups_go_down_for_the_clause_that_names_them(db: None, phase: str) -> None:
    with scope(person(WARD)) as by:
        case = a_down(by, phase=phase)
    assert (case.direction, case.state, case.verdict) == (rules.DOWN, rules.DRAFT, rules.ALLOWED)
    assert ("down_phase", "SM-1-2b") in {(r["code"], r["clause_id"]) for r in case.reasons}
    assert case.number.startswith("D")


def test_an_acute_patient_does_not_go_down_not_even_with_a_reason(db: None) -> None:
    with scope(person(WARD)) as by, pytest.raises(rules.MayNotGoDown):
        a_down(by, phase="acute", reason="no bed left")


def test_a_patient_who_got_worse_after_the_draft_is_not_offered(db: None) -> None:
    with scope(person(WARD)) as by:
        case = a_down(by)
        stay = stay_of(case.stay_id)
        visits.judge(stay.pk, "acute", version=stay.version, by=by, at=now())
        with pytest.raises(rules.MayNotGoDown), transaction.atomic():
            actions.offer_again(case.number, case.receiver_id, version=case.version, by=by, at=now())
        assert queries.case(case.number).state == rules.DRAFT


def test_the_verdict_names_each_clause_it_rests_on() -> None:
    clauses = {"phase": ("SM-1-2b",), "list": ("SM-3-6a", "SM-3-6b")}
    against = (Reason("not_for_age", "PF-x"),)
    both = rules.judge_down(("phase", "list"), clauses, against, "h")
    assert (both.outcome, [(r.code, r.clause_id) for r in both.reasons]) == (
        rules.ALLOWED,
        [("down_phase", "SM-1-2b"), ("down_list", "SM-3-6a"), ("down_list", "SM-3-6b"), ("not_for_age", "PF-x")],
    )
    none = rules.judge_down((), clauses, against, "h")
    assert (none.outcome, {r.code for r in none.reasons}) == (rules.NOT_ALLOWED, {rules.NOT_FOR_DOWN})


# --- to which branch ---------------------------------------------------------------------------------------------------------


def test_the_residents_own_centre_comes_first_then_the_own_community_then_the_lowest_tier() -> None:
    far = rules.Branch(1, True, home=False, allied=False, level=1, open=0, distance_km=None)
    county = rules.Branch(2, True, home=False, allied=True, level=2, open=0, distance_km=None)
    busy = rules.Branch(3, True, home=False, allied=True, level=1, open=3, distance_km=None)
    calm = rules.Branch(4, True, home=False, allied=True, level=1, open=0, distance_km=None)
    home = rules.Branch(5, True, home=True, allied=False, level=1, open=9, distance_km=None)
    unfit = rules.Branch(6, False, home=True, allied=True, level=1, open=0, distance_km=None)
    assert [b.org_id for b in rules.order_down([unfit, far, county, busy, calm, home])] == [5, 4, 3, 2, 1, 6]


def test_branches_are_lower_tiers_that_the_hospital_serves_with_what_is_on_its_way_to_them(db: None) -> None:
    branch = person(BRANCH).org_id
    with scope(person(WARD)) as by:
        stay = a_stay(by, now())
        before = {b.place.id: b.open for b in queries.branches(stay, now())}
        offered_down(by)
        after = {b.place.id: b for b in queries.branches(stay, now())}
    assert {b.place.tier for b in after.values()} == {"township"}, "of the policy's tiers the county hospital is above townships"
    assert after[branch].open == before[branch] + 1
    assert COUNTY_HOSPITAL not in after


@pytest.mark.parametrize("receiver", [COUNTY_HOSPITAL, CITY_HOSPITAL, 1001, 999_999])
def test_nobody_goes_down_to_the_same_level_a_higher_one_a_village_or_nowhere(db: None, receiver: int) -> None:
    with scope(person(WARD)) as by, pytest.raises(actions.WrongReceiver):
        a_down(by, receiver=receiver)


def test_a_ward_sends_down_its_own_patients_only_and_none_that_has_left(db: None) -> None:
    with scope(person(WARD)) as by:
        stay = a_stay(by, now())
        down = actions.Down(person(BRANCH).org_id, "x", consent=CONSENT)
    with scope(person(BRANCH)) as by, pytest.raises(NotPermitted):
        actions.draft_down(stay, down, by=by, at=now())
    with scope(person(WARD)) as by:
        left = visits.discharge(stay.pk, "home", version=stay.version, by=by, at=now())
        with pytest.raises(rules.NotPossible):
            actions.draft_down(left, down, by=by, at=now())


# --- with what ---------------------------------------------------------------------------------------------------------------


def test_without_summary_or_plan_it_cannot_be_sent_and_with_both_the_branch_can_read_them(db: None) -> None:
    with scope(person(WARD)) as by:
        case = a_down(by, whole=False)

        def offer() -> Case:
            return actions.offer_again(case.number, case.receiver_id, version=case.version, by=by, at=now())

        with pytest.raises(IncompletePackage) as refused, transaction.atomic():
            offer()
        assert refused.value.detail["parts"] == ("summary", "plan")
        stay = stay_of(case.stay_id)
        made = continuity.write_package(case.number, stay, WHOLE, "", (), by=by, at=now())
        with pytest.raises(IncompletePackage), transaction.atomic():
            offer()
        continuity.write_package(case.number, stay, WHOLE, SIGNS, PLAN, version=made.version, by=by, at=now())
    with scope(person(BRANCH)):
        assert packages.package_of(case.number) is None
        with pytest.raises(Unknown):
            queries.case(case.number)
    with scope(person(WARD)) as by:
        assert offer().state == rules.OFFERED
    with scope(person(BRANCH)):
        assert packages.package_of(case.number).course == WHOLE.course  # type: ignore[union-attr]
        assert queries.case(case.number).patient_name


def test_what_was_written_for_the_stay_before_there_was_a_case_goes_with_it(db: None) -> None:
    with scope(person(WARD)) as by:
        stay = a_stay(by, now())
        stay = visits.judge(stay.pk, "acute_recovery", version=stay.version, by=by, at=now())
        continuity.write_package(f"stay:{stay.pk}", stay, WHOLE, SIGNS, PLAN, by=by, at=now())
        case = actions.draft_down(stay, actions.Down(person(BRANCH).org_id, "x", consent=CONSENT), by=by, at=now())
        assert packages.parts_missing_of(case.number) == ()


def test_consent_is_asked_on_the_way_down_too(db: None) -> None:
    with scope(person(WARD)) as by, pytest.raises(rules.ConsentMissing):
        offered_down(by, consent=None)


def test_nobody_reviews_the_way_down(db: None) -> None:
    case = offered()
    assert (case.state, case.holder_id, case.review_org_id) == (rules.OFFERED, person(BRANCH).org_id, None)
    assert not {rules.IN_REVIEW, rules.RETURNED, rules.LOCAL, rules.ARRIVED, rules.ANSWERED} & set(rules.DOWN_STATES)


# --- a draft is finished before it is offered ---------------------------------------------------------------------------------


def other_plan(**more: object) -> actions.Down:
    return actions.Down(other_doctor().org_id, "watch the wound", consent=CONSENT, **more)  # type: ignore[arg-type]


def test_a_draft_is_changed_by_its_ward_and_judged_as_when_it_was_written(db: None) -> None:
    with scope(person(WARD)) as by:
        case = a_down(by)
        kept = actions.revise_down(case.number, other_plan(), version=case.version, by=by, at=now())
        assert (kept.state, kept.receiver_id, kept.summary) == (rules.DRAFT, other_doctor().org_id, "watch the wound")
        assert kept.version == case.version + 1
        for receiver in (COUNTY_HOSPITAL, 1001):
            with pytest.raises(actions.WrongReceiver), transaction.atomic():
                actions.revise_down(case.number, actions.Down(receiver, "x"), version=kept.version, by=by, at=now())
        with pytest.raises(Stale), transaction.atomic():
            actions.revise_down(case.number, other_plan(), version=case.version, by=by, at=now())
        stay = stay_of(case.stay_id)
        visits.judge(stay.pk, "acute", version=stay.version, by=by, at=now())
        for verb in (actions.revise_down, actions.revise_and_offer):
            with pytest.raises(rules.MayNotGoDown), transaction.atomic():
                verb(case.number, other_plan(), version=kept.version, by=by, at=now())
        found = queries.case(case.number)
        assert (found.state, found.receiver_id, found.version) == (rules.DRAFT, other_doctor().org_id, kept.version)
        assert CaseEvent.objects.filter(case=case, action="revise").count() == 1
    with scope(other_doctor()), pytest.raises(Unknown):
        queries.case(case.number)


def test_a_draft_is_changed_and_offered_in_one_step_once_its_package_is_whole(db: None) -> None:
    with scope(person(WARD)) as by:
        bare, ready = a_down(by, whole=False), a_down(by)
        with pytest.raises(IncompletePackage), transaction.atomic():
            actions.revise_and_offer(bare.number, other_plan(), version=bare.version, by=by, at=now())
        assert queries.case(bare.number).receiver_id == bare.receiver_id, "what is refused is not kept"
        sent = actions.revise_and_offer(ready.number, other_plan(), version=ready.version, by=by, at=now())
        assert (sent.state, sent.receiver_id, sent.summary) == (rules.OFFERED, other_doctor().org_id, "watch the wound")
        with pytest.raises(rules.NotPossible), transaction.atomic():
            actions.revise_down(ready.number, other_plan(), version=sent.version, by=by, at=now())
    with scope(other_doctor()):
        assert packages.package_of(ready.number) is not None
    with scope(person(BRANCH)), pytest.raises(Unknown):
        queries.case(ready.number)


@pytest.mark.parametrize("ending", ["decline", "miss"])
def test_what_was_asked_in_vain_is_changed_with_its_plan_and_offered_again(db: None, ending: str) -> None:
    case = offered()
    if ending == "miss":
        as_(BRANCH, actions.accept, case)
    back = as_(BRANCH, getattr(actions, ending), case, note="no bed")
    with scope(person(WARD)) as by:
        with pytest.raises(rules.NotPossible), transaction.atomic():
            actions.revise_down(case.number, other_plan(), version=back.version, by=by, at=now())
        stay, made = stay_of(case.stay_id), packages.package(case.number)
        continuity.write_package(case.number, stay, WHOLE, "another sign", PLAN, version=made.version, by=by, at=now())
    again = as_(WARD, actions.revise_and_offer, case, other_plan())
    assert (again.state, again.receiver_id, again.summary) == (rules.OFFERED, other_doctor().org_id, "watch the wound")
    with scope(other_doctor()):
        assert packages.package(case.number).warning_signs == "another sign"


@pytest.mark.parametrize("login", [BRANCH, "nurse", "desk", "director"])
def test_nobody_but_the_ward_changes_its_draft(db: None, login: str) -> None:
    with scope(person(WARD)) as by:
        case = a_down(by)
    with scope(person(login)) as by:
        for verb in (actions.revise_down, actions.revise_and_offer):
            with pytest.raises((Unknown, rules.NotYourMove)), transaction.atomic():
                verb(case.number, other_plan(), version=case.version, by=by, at=now())


def test_the_form_of_the_way_up_changes_no_draft_of_the_way_down_and_the_other_way_round(db: None) -> None:
    with scope(person(BRANCH)) as by:
        up = a_case(by, person(BRANCH), send=False)
        for verb in (actions.revise_down, actions.revise_and_offer):
            with pytest.raises(rules.NotPossible), transaction.atomic():
                verb(up.number, other_plan(), version=up.version, by=by, at=now())


# --- at the branch -----------------------------------------------------------------------------------------------------------


def test_a_branch_without_a_desk_finds_it_on_the_doctors_desks_and_its_head_may_answer_too(db: None) -> None:
    case = offered()
    with scope(person(BRANCH)):
        step = WorkItem.objects.get(subject=case.number, closed_at=None)
        assert (step.org_id, step.role) == (person(BRANCH).org_id, access.DOCTOR)
    taken = as_("head", actions.accept, case)
    assert (taken.state, taken.duty_id) == (rules.ACCEPTED, COUNTY_HOSPITAL)
    with scope(person(BRANCH)):
        assert WorkItem.objects.get(subject=case.number, closed_at=None).role == access.DOCTOR


def test_on_arrival_the_case_closes_the_branch_answers_for_the_patient_and_the_team_follows_the_plan(db: None) -> None:
    case = arrived()
    branch = person(BRANCH).org_id
    assert (case.state, case.holder_id, case.duty_id) == (rules.CLOSED, None, branch)
    assert case.door_at is not None
    with scope(person(BRANCH)):
        plan = packages.plan_of(case.number)
        assert plan is not None
        assert (plan.package.receiver_id, plan.package.state) == (branch, "handed_over")
        assert plan.follow_ups
        assert plan.services_missing == (), "rehabilitation, follow-up and health management (SM-3-6d)"
        assert resident_of(case.resident_id).name == case.patient_name, "the record is open to those who treat"
    with scope(person("doctor.102")), pytest.raises(Unknown):
        resident_of(case.resident_id)


def test_before_arrival_the_record_stays_closed_to_the_branch(db: None) -> None:
    case = offered()
    as_(BRANCH, actions.accept, case)
    with scope(person(BRANCH)), pytest.raises(Unknown):
        resident_of(case.resident_id)


def test_what_a_branch_declines_goes_elsewhere_with_the_same_package(db: None) -> None:
    case = offered()
    back = as_(BRANCH, actions.decline, case, note="no bed")
    assert (back.state, back.holder_id) == (rules.DECLINED, COUNTY_HOSPITAL)
    other = other_doctor()
    again = as_(WARD, actions.offer_again, case, other.org_id)
    assert (again.state, again.receiver_id, again.receiver_level) == (rules.OFFERED, other.org_id, 1)
    with scope(other) as by:
        actions.accept(case.number, version=again.version, by=by, at=now())
        assert packages.package_of(case.number) is not None


def test_who_does_not_come_goes_back_to_the_ward(db: None) -> None:
    case = offered()
    as_(BRANCH, actions.accept, case)
    missed = as_(BRANCH, actions.miss, case, note="stayed at home")
    assert (missed.state, missed.holder_id, missed.duty_id) == (rules.MISSED, COUNTY_HOSPITAL, COUNTY_HOSPITAL)
    assert as_(WARD, actions.end, case, "close", note="goes on as an out-patient").state == rules.CLOSED


def test_a_resident_has_one_open_case_a_disease_and_a_way_at_most(db: None) -> None:
    with scope(person(WARD)) as by:
        case = a_down(by)
        down = actions.Down(person(BRANCH).org_id, "x", consent=CONSENT)
        with pytest.raises(actions.DuplicateOpen), transaction.atomic():
            actions.draft_down(stay_of(case.stay_id), down, by=by, at=now())


def test_the_database_itself_keeps_the_two_ways_apart(db: None) -> None:
    with scope(person(WARD)) as by:
        case = a_down(by)
        for changes in ({"receiver_level": 5}, {"emergency": True, "green": "other"}, {"state": "answered"}):
            with pytest.raises(IntegrityError), transaction.atomic():
                Case.objects.filter(pk=case.pk).update(**changes)


# --- back up -----------------------------------------------------------------------------------------------------------------


def test_the_branch_sends_a_patient_back_with_the_whole_history_and_no_review(db: None) -> None:
    case = arrived()
    up = as_(BRANCH, actions.return_up, case, CONSENT, note="fever for two days")
    assert (up.direction, up.state, up.receiver_id) == (rules.UP, rules.OFFERED, COUNTY_HOSPITAL)
    assert (up.returns_id, up.diagnosis_code) == (case.pk, case.diagnosis_code)
    assert "fever for two days" in up.summary
    assert WHOLE.course in up.summary
    with scope(person(BRANCH)):
        plan = packages.plan_of(case.number)
        assert plan is not None
        assert (plan.package.state, plan.package.end_reason) == ("ended", "returned")
        assert "return_up" in set(CaseEvent.objects.filter(case=case).values_list("action", flat=True))
        assert queries.returned(queries.case(case.number)) == up
        with pytest.raises(rules.NotReturned), transaction.atomic():
            as_(BRANCH, actions.return_up, case, CONSENT, note="again")
    with scope(person("desk")):
        assert queries.case(up.number).returns_id == case.pk
        assert queries.case(case.number).number == case.number, "the hospital reads the case it comes from"


def test_nobody_is_sent_back_before_arrival_without_a_reason_or_by_somebody_else(db: None) -> None:
    case = offered()
    as_(BRANCH, actions.accept, case)
    with pytest.raises(rules.NotReturned), transaction.atomic():
        as_(BRANCH, actions.return_up, case, CONSENT, note="x")
    there = as_(BRANCH, actions.arrive, case)
    for login, note, refusal in (
        (BRANCH, "", rules.NoteRequired),
        (WARD, "x", rules.NotYourMove),
        ("head", "x", rules.NotYourMove),
    ):
        with pytest.raises(refusal), transaction.atomic():
            as_(login, actions.return_up, there, CONSENT, note=note)
    with scope(person(BRANCH)) as by, pytest.raises(Stale), transaction.atomic():
        actions.return_up(case.number, CONSENT, version=1, by=by, at=now(), note="x")


def returning(*, reviewed: bool) -> rules.Grounds:
    with scope(person(BRANCH)) as by:
        held = queries.grounds(place_of(by.org_id), now().date())
    return replace(held, policy=replace(held.policy, return_reviewed=reviewed))


def test_whether_a_return_is_reviewed_is_the_policys_switch(db: None) -> None:
    facts = rules.Facts(
        emergency=False, in_catalogue=True, treatable_here=True, origin_is_primary=True, origin_level=1, receiver_level=2,
        override=True, returned=True,
    )  # fmt: skip
    free, held = rules.judge(facts, returning(reviewed=False)), rules.judge(facts, returning(reviewed=True))
    assert (free.outcome, [(r.code, r.clause_id) for r in free.reasons]) == (
        rules.ALLOWED, [("returned_up", "PF-referral-down")],
    )  # fmt: skip
    assert held.outcome == rules.NEEDS_REVIEW


def test_a_forgotten_draft_expires_on_the_way_down_too(house_file: object) -> None:
    long_ago = now() - timedelta(days=90)
    with transaction.atomic(), scope(person(WARD)) as by:
        case = a_down(by, at=long_ago, whole=False)
    assert actions.expire_forgotten(at=now()) >= 1
    assert Case.objects.using("owner").get(pk=case.pk).state == rules.EXPIRED
    with transaction.atomic(), scope(person(WARD)) as by:
        stay = stay_of(case.stay_id)
        visits.discharge(stay.pk, "home", version=stay.version, by=by, at=now())


def test_a_branch_that_was_offered_a_patient_in_vain_reads_the_package_of_the_next_attempt_no_more(db: None) -> None:
    first = offered()
    with scope(person(BRANCH)):
        assert packages.package_of(first.number) is not None
    as_(WARD, actions.end, first, "withdraw", note="stays some days more")
    with scope(person(WARD)) as by:
        stay = stay_of(first.stay_id)
        down = actions.Down(other_doctor().org_id, "please watch the left leg", consent=CONSENT)
        second = actions.draft_down(stay, down, by=by, at=now())
        assert packages.package_of(second.number) is not None
    with scope(person(BRANCH)):
        assert packages.package_of(second.number) is None
        assert packages.package_of(first.number) is None
