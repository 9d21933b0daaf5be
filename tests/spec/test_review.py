"""Review of up-referrals (SM-3-5c, SM-3-5e, QZ-2-11g): who reviews where, and that nobody but a reviewer lets a case go up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from django.db import DatabaseError, connections, transaction
from django.db.models import Q

from fenji.care.catalogue.queries import diagnosis, group_of, listing
from fenji.care.referral import actions, queries, rules, texts
from fenji.care.referral.models import Case, CaseEvent, ReviewDecision
from fenji.care.referral.rules import ConsentGiven
from fenji.care.registry import actions as registry
from fenji.care.registry.rules import new_resident
from fenji.care.visits import actions as visits
from fenji.care.visits.models import Visit
from fenji.ground.access import rules as access
from fenji.ground.access.models import AuditEvent
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.edge import fresh_key, now, refusal_text
from fenji.ground.common.identity import identity_check
from fenji.ground.common.ids import case_number
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.network.models import DutyShift, Membership, Organisation, Post, Practitioner
from fenji.ground.network.queries import place_of
from fenji.ground.network.queries.people import community_lead
from fenji.ground.policy.queries import resolve
from fenji.ground.tasks.models import Notice, WorkItem
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL, Person
from tests.app.sessions import appointed
from tests.app.walks import Walk
from tests.app.wsgi import call
from tests.cast import a_case, everybody, finish, person, scope, token_for

MONDAY = datetime(2026, 9, 14, 9, 0, tzinfo=SHANGHAI)


def policy() -> rules.ReferralPolicy:
    """What binds in Sanming."""
    return resolve(rules.ReferralPolicy, ("35", "350400", "350405", "org:104"), date(2026, 9, 14))


def town_doctor() -> Person:
    """A doctor of a township in which no other test has business."""
    return person(sorted(name for name in everybody() if name.startswith("doctor."))[5])


# --- where it is reviewed ----------------------------------------------------------------------------------------------------


def unit(org: int, relation: str, eligible: int, roster: str = "") -> rules.Unit:
    return rules.Unit(org, relation, eligible, bool(roster), roster == "on", f"desk of {org}")


# fmt: off
ROUTES = [
    # own: people, roster   above: people   reviewed by   because
    ((2, ""),               1,              "own",        "review_own"),
    ((2, "on"),             1,              "own",        "review_own"),
    ((2, "off"),            1,              "above",      "review_nobody_on_duty"),
    ((1, ""),               1,              "above",      "review_too_few"),
    ((1, "on"),             1,              "above",      "review_too_few"),
    ((0, ""),               1,              "above",      "review_too_few"),
    ((0, "off"),            2,              "above",      "review_too_few"),
    ((1, ""),               0,              "own",        "review_no_upper"),
    ((1, ""),               None,           "own",        "review_no_upper"),
    ((3, "off"),            None,           "own",        "review_no_upper"),
    ((0, ""),               0,              None,         None),
    ((0, ""),               None,           None,         None),
]
# fmt: on


@pytest.mark.parametrize(("own", "above", "by", "why"), ROUTES)
@pytest.mark.parametrize("relation", [rules.OWN, rules.CENTRE])
def test_who_reviews_and_why(own: tuple[int, str], above: int | None, by: str | None, why: str | None, relation: str) -> None:
    units = [unit(1, relation, *own)] + ([] if above is None else [unit(2, rules.UPPER, above)])
    if by is None or why is None:
        with pytest.raises(rules.NoReviewer):
            rules.route(units, policy())
        return
    if relation == rules.CENTRE and why == "review_own":
        why = "review_centre"
    org = 1 if by == "own" else 2
    assert rules.route(units, policy()) == rules.Route(org, f"desk of {org}", why)


def test_how_many_reviewers_are_enough_is_the_policys() -> None:
    one = [unit(1, rules.OWN, 1), unit(2, rules.UPPER, 1)]
    assert rules.route(one, policy()).org_id == 2
    assert rules.route(one, replace(policy(), review_least=1)).org_id == 1


@pytest.mark.parametrize(
    ("start", "until", "why"),
    [
        (0, 0, None),
        (0, 30, None),
        (5, 10, None),
        (0, 31, "delegation_too_long"),
        (-1, 3, "begins_past"),
        (3, 2, "ends_before"),
    ],
)
def test_the_days_of_standing_in(start: int, until: int, why: str | None) -> None:
    today = date(2026, 9, 14)
    first, last = today + timedelta(days=start), today + timedelta(days=until)
    if why is None:
        assert rules.delegation_days(first, last, today, policy()) == (first, last + timedelta(days=1))
        return
    with pytest.raises(rules.WrongDelegation) as refused:
        rules.delegation_days(first, last, today, policy())
    assert refused.value.detail["why"] == why


# --- the house ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def one_reviewer() -> Iterator[Person]:
    """A doctor of a township whose head is not in post: one other person is left who may review."""
    who = town_doctor()
    head = Post.objects.using("load").filter(org_id=who.org_id, role=access.MANAGER)
    before = head.get().start
    head.update(start=now() + timedelta(days=900))
    yield who
    head.update(start=before)


def a_sent(who: Person, number: int, *, receiver: int = COUNTY_HOSPITAL, at: datetime | None = None) -> Case:
    with scope(who) as by:
        return a_case(by, who, number=number, receiver=receiver, at=at)


def test_from_draft_to_offered_the_paperwork_stays_with_the_sender(db: None) -> None:
    doctor = person("doctor")
    with scope(doctor) as by:
        case = a_case(by, doctor, number=20, send=False)
        assert (case.state, case.holder_id, case.visit.org_id) == (rules.DRAFT, doctor.org_id, doctor.org_id)
        case = actions.submit(case.number, version=case.version, by=by, at=now())
    assert (case.state, case.holder_id, case.review_org_id) == (rules.IN_REVIEW, doctor.org_id, doctor.org_id)
    assert case.review_route[0] | {"value": ""} == {
        "code": "review_own", "clause_id": "SM-3-5c", "key": "referral.review_catalogue", "value": "",
    }  # fmt: skip
    with scope(person("reviewer")) as by:
        case = actions.approve(case.number, version=case.version, by=by, at=now())
        step = WorkItem.objects.get(subject=case.number, closed_at=None)
    assert (case.state, case.holder_id, step.org_id) == (rules.OFFERED, COUNTY_HOSPITAL, COUNTY_HOSPITAL)


def test_the_requester_never_reviews_not_in_another_post_nor_for_a_colleague(db: None) -> None:
    doctor = person("doctor")
    case = a_sent(doctor, 21)
    second_post = replace_actor(doctor, access.REVIEWER)
    with scope(person("reviewer")) as by:
        today = local_day(now())
        actions.delegate(doctor.id, today, today, "on leave", by=by, at=now())
    with scope(doctor) as by:
        for who, refusal in ((by, rules.NotYourMove), (second_post(by), rules.OwnReview)):
            with pytest.raises(refusal):
                actions.approve(case.number, version=case.version, by=who, at=now())
        assert queries.case(case.number).state == rules.IN_REVIEW


def replace_actor(who: Person, role: str):
    """The same person in another post."""
    return lambda by: replace(by, role=role)


def test_too_few_at_home_the_referral_office_above_reviews_and_then_still_sees_it(db: None, one_reviewer: Person) -> None:
    case = a_sent(one_reviewer, 0, receiver=CITY_HOSPITAL)
    assert (case.review_org_id, case.holder_id) == (COUNTY_HOSPITAL, COUNTY_HOSPITAL)
    assert case.viewer_ids == [one_reviewer.org_id, COUNTY_HOSPITAL]
    assert (case.review_route[0]["code"], case.review_route[0]["clause_id"]) == ("review_too_few", "PF-referral-review-place")
    home = person(one_reviewer.username.replace("doctor", "reviewer"))
    with scope(home) as by, pytest.raises(rules.NotYourMove):
        actions.approve(case.number, version=case.version, by=by, at=now())
    with scope(person("specialist")) as by, pytest.raises(rules.NotYourMove):
        actions.approve(case.number, version=case.version, by=by, at=now())
    for outside in ("citydesk", "head", "doctor"):
        with scope(person(outside)) as by, pytest.raises(Unknown):
            queries.case(case.number)
    with scope(person("desk")) as by:
        assert WorkItem.objects.get(subject=case.number, closed_at=None).role == access.DESK
        assert case.number in [c.number for c in queries.waiting_for_review(by, now())]
        case = actions.approve(case.number, version=case.version, by=by, at=now())
    assert (case.state, case.holder_id) == (rules.OFFERED, CITY_HOSPITAL)
    with scope(person("desk")) as by:
        assert queries.case(case.number).review_org_id == COUNTY_HOSPITAL
        decided = queries.decisions_of(case)
        assert [(d.org_id, d.reviewer_id, d.role, d.route) for d in decided] == [
            (COUNTY_HOSPITAL, person("desk").id, access.DESK, "review_too_few")
        ]
        with pytest.raises(rules.NotYourMove):
            actions.accept(case.number, version=case.version, by=by, at=now())


def test_nobody_on_review_duty_only_counts_where_a_roster_is_kept(db: None) -> None:
    """At home there are three who may review; whether one is on duty decides as soon as anybody keeps a roster."""
    doctor, at = person("doctor"), MONDAY
    with scope(person("head")):
        place = Organisation.objects.get(pk=doctor.org_id)
        keeper = {"org": place, "path": place.path}
        names = {"name": "值班员", "category": "physician", "title": "none", "start": date(2026, 1, 1)}
        someone = Practitioner.objects.create(**keeper, number="R1", **names)
        mine = Practitioner.objects.create(**keeper, number="R2", account_id=doctor.id, **names)
    hour = timedelta(hours=1)

    def routed(*shifts: tuple[Practitioner, datetime, datetime]) -> str:
        with transaction.atomic():
            with scope(person("head")):
                for who, start, end in shifts:
                    DutyShift.objects.create(**keeper, practitioner=who, duty="referral_review", start=start, end=end)
            with scope(doctor):
                code = queries.route(place_of(doctor.org_id), {doctor.id}, at)[0].code
            transaction.set_rollback(True)
        return code

    tomorrow = (someone, at + 24 * hour, at + 26 * hour)
    assert routed() == "review_own"
    assert routed(tomorrow) == "review_nobody_on_duty"
    assert routed(tomorrow, (someone, at - hour, at + hour)) == "review_own"
    assert routed((mine, at - hour, at + hour)) == "review_nobody_on_duty"
    assert routed((someone, at + 200 * hour, at + 201 * hour)) == "review_own"


@pytest.fixture
def clinic(house_file: object) -> Organisation:
    """A village clinic of the demo centre's town: in no alliance itself, it is bound by the community of its centre."""
    town = Organisation.objects.using("load").get(pk=person("reviewer").org_id).path[:9]
    found = Organisation.objects.using("load").filter(care_tier="village", path__starts=town).order_by("id")[0]
    assert not Membership.objects.using("load").filter(org=found).exists()
    return found


def test_the_communitys_catalogue_binds_a_village_clinic_through_its_centre(db: None, clinic: Organisation) -> None:
    today = local_day(now())
    centre = Membership.objects.get(org_id=person("reviewer").org_id, kind="county_community", end=None)
    before = centre.start - timedelta(days=1)
    lead = community_lead(clinic.id, today)
    assert lead is not None
    assert lead.id == COUNTY_HOSPITAL
    group = group_of(diagnosis("I10.x00"))
    assert listing(group, clinic.id, today).in_catalogue
    assert community_lead(clinic.id, before) is None
    assert not listing(group, clinic.id, before).in_catalogue
    assert community_lead(CITY_HOSPITAL, today) is None, "only a village clinic is bound through another"


def test_a_village_clinics_referral_is_reviewed_by_its_centre(db: None, clinic: Organisation) -> None:
    centre = person("reviewer").org_id
    village = appointed("village.doctor", "村医", access.DOCTOR, clinic.id)
    stem = "35042719600101" + "021"
    with scope(village) as by:
        resident = registry.register(new_resident("村居民", stem + identity_check(stem), "", "", now().date()), by=by, at=now())
        illness = diagnosis("I10.x00")
        visit = visits.register(resident, visits.NewVisit(illness, "x", False), by=by, at=now())
        case = actions.draft(
            visit, actions.Plan(illness, centre, None, False, "x", "x", consent=ConsentGiven("patient")), by=by, at=now()
        )
        case = actions.submit(case.number, version=case.version, by=by, at=now())
    assert (case.review_org_id, case.review_route[0]["code"]) == (centre, "review_centre")
    with scope(person("reviewer")) as by:
        assert actions.approve(case.number, version=case.version, by=by, at=now()).state == rules.OFFERED


def test_where_nobody_can_review_it_is_refused_in_words_and_stays_a_draft(db: None, one_reviewer: Person) -> None:
    able = Q(org_id=one_reviewer.org_id, role=access.REVIEWER) | Q(org_id=COUNTY_HOSPITAL, role__in=rules.OFFICE)
    posts = Post.objects.using("load").filter(able, end=None)
    before = dict(posts.values_list("id", "start"))
    posts.update(start=now() + timedelta(days=900))
    try:
        with scope(one_reviewer) as by:
            case = a_case(by, one_reviewer, number=1, send=False)
            with pytest.raises(rules.NoReviewer) as refused, transaction.atomic():
                actions.submit(case.number, version=case.version, by=by, at=now())
            assert queries.case(case.number).state == rules.DRAFT
        assert all(refusal_text(refused.value))
    finally:
        for post, start in before.items():
            Post.objects.using("load").filter(pk=post).update(start=start)


# --- two ways back -----------------------------------------------------------------------------------------------------------


def test_completed_it_is_the_same_request_and_its_deadline_is_kept(db: None) -> None:
    doctor = person("doctor")
    case = a_sent(doctor, 22, at=MONDAY)
    first_due = case.due_at
    assert case.review_no == 1
    with scope(person("reviewer")) as by:
        with pytest.raises(rules.NoteRequired), transaction.atomic():
            actions.complete(case.number, version=case.version, by=by, at=MONDAY, note="")
        case = actions.complete(case.number, version=case.version, by=by, at=MONDAY + timedelta(minutes=10), note="home readings?")
    assert (case.state, case.holder_id) == (rules.RETURNED, doctor.org_id)
    with scope(doctor) as by:
        soon = actions.submit(case.number, version=case.version, by=by, at=MONDAY + timedelta(minutes=20))
    assert (soon.review_no, soon.due_at, soon.review_due_at) == (1, first_due, first_due)
    with scope(person("reviewer")) as by:
        case = actions.complete(soon.number, version=soon.version, by=by, at=MONDAY + timedelta(minutes=30), note="and the pulse")
    with scope(doctor) as by:
        late = actions.submit(case.number, version=case.version, by=by, at=first_due + timedelta(hours=4))
    assert (late.review_no, late.review_due_at) == (1, first_due)
    assert late.due_at == datetime(2026, 9, 14, 16, 0, tzinfo=SHANGHAI), "an hour of duty time is left, whatever the first deadline"


def test_treat_locally_ends_with_a_disposition_or_is_asked_once_more(db: None) -> None:
    doctor, reviewer = person("doctor"), person("reviewer")
    case = a_sent(doctor, 23)
    with scope(reviewer) as by:
        case = actions.treat_locally(case.number, version=case.version, by=by, at=now(), note="within your list")
        assert (case.state, case.holder_id) == (rules.LOCAL, doctor.org_id)
    with scope(doctor) as by:
        with pytest.raises(rules.NotPossible), transaction.atomic():
            actions.submit(case.number, version=case.version, by=by, at=now())
        with pytest.raises(rules.NoteRequired), transaction.atomic():
            actions.ask_again(case.number, version=case.version, by=by, at=now(), note="")
        case = actions.ask_again(case.number, version=case.version, by=by, at=now(), note="creatinine has doubled")
    assert (case.state, case.review_no) == (rules.IN_REVIEW, 2)
    with scope(reviewer) as by:
        assert queries.asked_with([case]) == {case.id: "creatinine has doubled"}
        case = actions.treat_locally(case.number, version=case.version, by=by, at=now(), note="still")
    with scope(doctor) as by:
        with pytest.raises(rules.AskedEnough), transaction.atomic():
            actions.ask_again(case.number, version=case.version, by=by, at=now(), note="please")
        for wrong in ("", "referred_up", "nonsense"):
            with pytest.raises(rules.DispositionRequired), transaction.atomic():
                actions.treat_here(case.number, wrong, version=case.version, by=by, at=now())
        case = actions.treat_here(case.number, "observe", version=case.version, by=by, at=now())
        visit = Visit.objects.get(pk=case.visit_id)
    assert (case.state, case.holder_id, visit.disposition, visit.closed_at) == (rules.CLOSED, None, "observe", None)
    with scope(reviewer):
        kept = [(d.request, d.decision, d.reviewer_id) for d in ReviewDecision.objects.filter(case=case).order_by("at")]
    assert kept == [(1, "treat_locally", reviewer.id), (2, "treat_locally", reviewer.id)]


def test_who_reviewed_how_long_it_took_and_which_way_is_kept(db: None) -> None:
    case = a_sent(person("doctor"), 24, at=MONDAY)
    late = MONDAY + timedelta(days=1)
    with scope(person("reviewer")) as by:
        actions.approve(case.number, version=case.version, by=by, at=late)
        kept = ReviewDecision.objects.get(case=case)
        assert (kept.asked_at, kept.due_at, kept.at, kept.decision) == (MONDAY, case.due_at, late, "approve")
        assert (kept.reviewer_name, kept.org_id, kept.route, kept.delegation_id) == (by.name, by.org_id, "review_own", None)
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            ReviewDecision.objects.filter(case=case).update(decision="complete")


# --- standing in -------------------------------------------------------------------------------------------------------------


def test_a_colleague_reviews_while_it_lasts_and_no_longer(db: None) -> None:
    doctor, colleague, day = person("doctor"), person("doctor2"), timedelta(days=1)
    today = local_day(MONDAY)
    case = a_sent(doctor, 25, at=MONDAY)

    def tries(at: datetime) -> bool:
        with scope(colleague) as by, transaction.atomic():
            try:
                actions.approve(case.number, version=case.version, by=by, at=at)
            except rules.NotYourMove:
                return False
            asked_by = ReviewDecision.objects.get(case=case).delegation
            assert asked_by is not None
            assert asked_by.from_id == person("reviewer").id
            transaction.set_rollback(True)
            return True

    assert not tries(MONDAY)
    with scope(person("reviewer")) as by:
        made = actions.delegate(colleague.id, today + day, today + 2 * day, "training", by=by, at=MONDAY)
    assert [tries(MONDAY + n * day) for n in range(4)] == [False, True, True, False]
    with scope(colleague) as by, pytest.raises(NotPermitted):
        actions.end_delegation(made.id, version=1, by=by, at=MONDAY)
    with scope(person("head")) as by:
        actions.end_delegation(made.id, version=1, by=by, at=MONDAY)
        with pytest.raises(Stale), transaction.atomic():
            actions.end_delegation(made.id, version=1, by=by, at=MONDAY)
    assert not tries(MONDAY + day)


def test_who_may_be_asked_and_by_whom(db: None) -> None:
    today = local_day(MONDAY)
    with scope(person("reviewer")) as by:
        assert set(actions.delegates(by, MONDAY)) == {person("doctor").id, person("doctor2").id}
        for nobody in (person("reviewer").id, person("head").id, person("specialist").id, person("clerk").id, UUID(int=7)):
            with pytest.raises(rules.WrongDelegate), transaction.atomic():
                actions.delegate(nobody, today, today, "x", by=by, at=MONDAY)
        actions.delegate(person("doctor").id, today, today, "x", by=by, at=MONDAY)
        with pytest.raises(rules.WrongDelegation), transaction.atomic():
            actions.delegate(person("doctor").id, today, today, "x", by=by, at=MONDAY)
    with scope(person("doctor")) as by, pytest.raises(NotPermitted):
        actions.delegate(person("doctor2").id, today, today, "x", by=by, at=MONDAY)


def test_a_doctor_cannot_write_a_delegation_past_the_action(db: None) -> None:
    statement = (
        'INSERT INTO referral_reviewdelegation (id, version, org_id, from_id, from_name, to_id, to_name, start, "end", reason,'
        " created_at) VALUES (gen_random_uuid(), 1, %s, %s, 'x', %s, 'x', current_date, current_date + 1, 'x', now())"
    )
    doctor = person("doctor")
    refused = pytest.raises(DatabaseError, match="row-level security")
    with scope(doctor), connections["default"].cursor() as cursor, refused, transaction.atomic():
        cursor.execute(statement, [doctor.org_id, person("reviewer").id, doctor.id])


# --- what else may happen while the patient stays ----------------------------------------------------------------------------


@pytest.fixture
def local(house_file: object) -> Iterator[Case]:
    """A case of the demo centre that came back to be treated there."""
    with transaction.atomic():
        case = a_sent(person("doctor"), 84)
    with transaction.atomic(), scope(person("reviewer")) as by:
        case = actions.treat_locally(case.number, version=case.version, by=by, at=now(), note="two weeks of treatment first")
    yield case
    if Case.objects.using("owner").get(pk=case.pk).ended_at is None:
        finish(case.number)


def test_an_emergency_takes_the_place_of_a_case_that_came_back(local: Case) -> None:
    with transaction.atomic(), scope(person("doctor2")) as by:
        new = a_case(by, person("doctor2"), number=84, emergency=True)
    rows = Case.objects.using("owner")
    assert (rows.get(pk=local.pk).state, rows.get(pk=new.pk).supersedes_id) == (rules.SUPERSEDED, local.pk)
    finish(new.number)


@pytest.mark.parametrize("action", ["refuse", "chose_elsewhere", "died"])
def test_what_becomes_of_the_patient_can_be_said_of_a_case_that_came_back(local: Case, action: str) -> None:
    with transaction.atomic(), scope(person("doctor")) as by:
        common = {"version": local.version, "by": by, "at": now(), "note": "as the patient says"}
        if action == "refuse":
            ended = actions.refuse(local.number, ConsentGiven("patient"), **common)
        else:
            ended = actions.end(local.number, action, **common)
    assert (ended.state, ended.holder_id) == (rules.TABLE[rules.LOCAL, rules.ORIGIN, action].state, None)


def test_a_case_that_came_back_and_was_forgotten_expires(local: Case) -> None:
    actions.expire_forgotten(at=now() + timedelta(days=60))
    assert Case.objects.using("owner").get(pk=local.pk).state == rules.EXPIRED
    assert not WorkItem.objects.using("owner").filter(subject=local.number, closed_at=None).exists()


def test_who_entered_a_case_for_the_doctor_is_not_counted_among_those_who_may_review_it(db: None) -> None:
    doctor, one, two = person("doctor"), person("reviewer"), person("reviewer2")
    with scope(doctor):
        place = place_of(doctor.org_id)
        assert queries.route(place, {doctor.id, one.id}, now())[0].code == "review_own"
        assert queries.route(place, {doctor.id, one.id, two.id}, now())[0].code == "review_too_few"


# --- too late ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def late(house_file: object) -> Iterator[Case]:
    """A case sent some days ago that nobody has reviewed; committed, for the sweep runs on a connection of its own."""
    with transaction.atomic():
        case = a_sent(person("doctor"), 83, receiver=CITY_HOSPITAL, at=now() - timedelta(days=20))
    yield case
    row = Case.objects.using("owner").get(pk=case.pk)
    if row.ended_at is None:
        finish(case.number)


def test_a_late_review_is_opened_to_the_unit_above_never_approved(late: Case) -> None:
    at, due = now(), late.due_at
    assert due is not None
    assert actions.open_to_upper(at=due + timedelta(minutes=1)) == 0, "before the second limit"
    row = Case.objects.using("owner").get(pk=late.pk)
    assert row.review_upper_id is None
    actions.open_to_upper(at=at)
    row = Case.objects.using("owner").get(pk=late.pk)
    assert (row.state, row.holder_id, row.review_upper_id) == (rules.IN_REVIEW, late.origin_id, COUNTY_HOSPITAL)
    assert COUNTY_HOSPITAL in row.viewer_ids
    events = CaseEvent.objects.using("owner").filter(case=late).order_by("at", "id").values_list("action", flat=True)
    assert list(events)[-1] == "escalate"
    told = Notice.objects.using("job").filter(subject=late.number, kind="referral.escalate")
    assert [(n.org_id, n.role) for n in told] == [(COUNTY_HOSPITAL, access.DESK)]
    actions.open_to_upper(at=at)
    assert Notice.objects.using("job").filter(subject=late.number, kind="referral.escalate").count() == 1
    with transaction.atomic(), scope(person("desk")) as by:
        assert late.number in [c.number for c in queries.may_be_taken(by)]
        with pytest.raises(rules.NotYourMove), transaction.atomic():
            actions.approve(late.number, version=row.version, by=by, at=at)
        taken = actions.take(late.number, version=row.version, by=by, at=at)
    assert (taken.state, taken.holder_id, taken.review_route[0]["code"]) == (rules.IN_REVIEW, COUNTY_HOSPITAL, "review_taken")
    with transaction.atomic(), scope(person("reviewer")) as by, pytest.raises(rules.NotYourMove):
        actions.approve(late.number, version=taken.version, by=by, at=at)
    with transaction.atomic(), scope(person("director")) as by:
        assert actions.approve(late.number, version=taken.version, by=by, at=at).state == rules.OFFERED


def test_the_job_role_cannot_offer_a_case_in_review(late: Case) -> None:
    for state in (rules.OFFERED, rules.ACCEPTED):
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic(using="job"):
            Case.objects.using("job").filter(pk=late.pk).update(state=state)


def test_in_the_database_only_in_review_is_the_holder_a_third_institution(late: Case) -> None:
    third = {"review_org_id": COUNTY_HOSPITAL, "holder_id": COUNTY_HOSPITAL}
    for changes in ({"holder_id": COUNTY_HOSPITAL}, {**third, "state": rules.RETURNED}, {"review_org_id": None}):
        with pytest.raises(DatabaseError, match=r"case_holder_is_party|case_review_has_a_place"), transaction.atomic(using="owner"):
            Case.objects.using("owner").filter(pk=late.pk).update(**changes)


# --- several at once ---------------------------------------------------------------------------------------------------------


@contextmanager
def waiting(*numbers: int) -> Iterator[list[Case]]:
    """Cases that wait for the demo centre's reviewers, committed."""
    with transaction.atomic():
        found = [a_sent(person("doctor"), n) for n in numbers]
    try:
        yield found
    finally:
        for case in found:
            finish(case.number)


def _state(case: Case) -> str:
    return Case.objects.using("owner").get(pk=case.pk).state


def test_one_that_is_stale_takes_no_other_back(house_file: object) -> None:
    with waiting(84, 85, 86) as cases:
        first, second, third = cases
        with transaction.atomic(), scope(person("reviewer2")) as by:
            actions.complete(second.number, version=second.version, by=by, at=now(), note="x")
        walk = Walk("reviewer")
        page = walk.get("/referrals/review/?size=100")
        assert all(c.number in page.body for c in (first, third))
        assert f'value="{second.number}:' not in page.body
        ticks = [f"{c.number}:{c.version}" for c in cases]
        nobodys = case_number("R", "350405", date(2026, 9, 15), 99_998)
        page = walk.send(page, "/referrals/review/approve/", case=[*ticks, f"{nobodys}:1"], note="as discussed")
        assert "What became of those you ticked" in page.text
        assert page.body.count("not done") == 2
        assert "Somebody else acted" in page.text or "not waiting for you" in page.text
        assert [_state(c) for c in cases] == [rules.OFFERED, rules.RETURNED, rules.OFFERED]
        notes = CaseEvent.objects.using("owner").filter(case__in=[first, third], action="approve").values_list("note", flat=True)
        assert list(notes) == ["as discussed", "as discussed"]


def test_the_page_shows_what_a_decision_needs_the_worst_deadline_first(house_file: object) -> None:
    with waiting(87, 88) as cases:
        Case.objects.using("owner").filter(pk=cases[1].pk).update(due_at=now() - timedelta(days=3))
        page = Walk("reviewer").get("/referrals/review/?size=100")
        assert page.body.index(cases[1].number) < page.body.index(cases[0].number)
        for needed in ("SM-3-5c", "SM-3-4a", cases[0].diagnosis_name, "two drugs did not bring it down", "沙县区总医院"):
            assert needed in page.text, needed
        sheet = Walk("reviewer").sheet("/referrals/review/export.xlsx")
        numbers = [row[0] for row in sheet]
        assert numbers.index(cases[1].number) < numbers.index(cases[0].number)
        assert cases[0].patient_name not in str(sheet)


@pytest.mark.parametrize(
    ("ticks", "status"),
    [([], 422), (["x"], 422), (["R350405-260915-99998-7"], 422), (["R350405-260915-99998-7:1"] * 101, 422)],
)
def test_nothing_ticked_or_nonsense_is_said_and_changes_nothing(house_file: object, ticks: list[str], status: int) -> None:
    with waiting(89) as (case,):
        answer = Walk("reviewer").client.post("/referrals/review/approve/", {"_key": fresh_key(), "case": ticks})
        assert answer.status_code == status
        assert _state(case) == rules.IN_REVIEW


def test_results_in_an_address_that_nobody_wrote_so_are_not_shown(house_file: object) -> None:
    walk = Walk("reviewer")
    for made_up in ("x", "R350405-260915-99998-7~<b>", "R350405-260915-99998-7~password_short", "R350405-260915-00000-0~approved"):
        assert "What became" not in walk.client.get("/referrals/review/", {"done": made_up}).content.decode()


def test_two_who_tick_the_same_cases_at_once_approve_each_once(house_file: object) -> None:
    tokens = [token_for(person("reviewer")), token_for(person("reviewer2"))]
    with waiting(84, 85, 86, 87) as cases, ThreadPoolExecutor(2) as pool:
        barrier = threading.Barrier(2)
        ticks = [f"{c.number}:{c.version}" for c in cases]

        def entrant(token: str, order: list[str]) -> str:
            barrier.wait(timeout=60)
            answer = call("POST", "/referrals/review/approve/", token, {"_key": fresh_key(), "case": order})
            connections.close_all()
            assert answer.status == 303, answer.body[:300]
            return answer.location

        results = list(pool.map(entrant, tokens, (ticks, ticks[::-1])))
        for case in cases:
            outcomes = sorted(r.split(f"{case.number}~")[1].split("&")[0] for r in results)
            assert outcomes[0] == "approved", outcomes
            assert outcomes[1] in ("stale", "not_your_move", "not_possible"), outcomes
            assert CaseEvent.objects.using("owner").filter(case=case, action="approve").count() == 1
            assert ReviewDecision.objects.using("owner").filter(case=case).count() == 1


# --- pages -------------------------------------------------------------------------------------------------------------------


def test_a_colleague_is_asked_and_reviews_by_the_pages(house_file: object) -> None:
    today = local_day(now())
    head, colleague = Walk("head"), Walk("doctor2")
    assert colleague.get("/referrals/review/").status == 403
    page = head.get("/referrals/review/delegations/")
    wrong = head.send(page, "/referrals/review/delegations/", to=str(person("doctor2").id), start="2026-02-31", until="", reason="")
    assert wrong.status == 422
    far = {"start": f"{today}", "until": f"{today + timedelta(days=400)}", "reason": "leave"}
    wrong = head.send(page, "/referrals/review/delegations/", to=str(person("doctor2").id), **far)
    assert (wrong.status, "more days than the policy allows" in wrong.text) == (409, True)
    asked = {"start": f"{today}", "until": f"{today}", "reason": "at a congress"}
    page = head.send(
        head.get("/referrals/review/delegations/"), "/referrals/review/delegations/", to=str(person("doctor2").id), **asked
    )
    assert "at a congress" in page.text
    with waiting(88) as (case,):
        page = colleague.get("/referrals/review/?size=100")
        assert "You review for 张守田" in page.text
        assert "/referrals/review/" in colleague.get("/").body
        page = colleague.send(page, "/referrals/review/approve/", case=f"{case.number}:{case.version}")
        assert _state(case) == rules.OFFERED
        assert "standing in" in Walk("doctor").get(f"/referrals/{case.number}/").text
    page = head.get("/referrals/review/delegations/")
    page = head.send(page, "/end/")
    assert "The delegation has ended." in page.text
    kept = AuditEvent.objects.using("job").filter(action__in=("review.delegate", "review.delegation_end"))
    assert {(e.actor_id, e.detail.get("to")) for e in kept} >= {(person("head").id, str(person("doctor2").id))}
    assert colleague.get("/referrals/review/").status == 403


def test_the_case_says_why_it_is_reviewed_where_it_is(house_file: object, one_reviewer: Person) -> None:
    with transaction.atomic():
        case = a_sent(one_reviewer, 2, receiver=CITY_HOSPITAL)
    try:
        page = Walk("desk").get(f"/referrals/{case.number}/")
        assert str(texts.ROUTES["review_too_few"]) in page.text
        assert Walk("citydesk").get(f"/referrals/{case.number}/").status == 404
        assert Walk("reviewer").get(f"/referrals/{case.number}/").status == 404
        done = Walk("desk").send(page, "/do/treat_locally/", note="can stay")
        assert done.status == 200
        back = Walk(one_reviewer.username).get(f"/referrals/{case.number}/")
        refused = Walk(one_reviewer.username).send(back, "/do/treat_here/", disposition="nonsense")
        assert (refused.status, "what becomes of the patient" in refused.text) == (409, True)
        Walk(one_reviewer.username).send(back, "/do/treat_here/", disposition="treated")
        assert _state(case) == rules.CLOSED
        assert "can stay" in Walk("desk").get(f"/referrals/{case.number}/").text, "who reviewed it still sees it"
    finally:
        if _state(case) not in rules.ENDS:
            Case.objects.using("owner").filter(pk=case.pk).update(state="expired", holder=None, due_at=None, ended_at=now())
