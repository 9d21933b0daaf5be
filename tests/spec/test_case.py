"""The case in depth: green channel (QZ-2-11b, QZ-2-11h), overrides of the levels (SM-3-5b), consent, transfer, answer, and cases
that meet. Four quarters of tiered care (F64-3-1a) need that an emergency is told apart from everything else: it is, on each case.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from fenji.care.catalogue.queries import diagnosis, group_of
from fenji.care.referral import actions, queries, rules
from fenji.care.referral.models import Case, CaseEvent, Consent, Transfer
from fenji.care.registry.models import Resident
from fenji.care.visits import actions as visits
from fenji.ground.access import rules as access
from fenji.ground.access.models import AuditEvent
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import NotPermitted, Unknown
from fenji.ground.network.queries import contact_of
from fenji.ground.policy import queries as policy
from fenji.ground.tasks.actions import escalate_overdue
from fenji.ground.tasks.models import Notice, OutboxMessage, WorkItem
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL
from tests.app.forms import a_check
from tests.app.sessions import appointed
from tests.cast import CONSENT, a_case, a_resident, finish, other_doctor, person, scope

SANMING = ("35", "350400", "350405", "org:104")
QUANZHOU = ("35", "350500", "350582", "org:9")
TODAY = now().date()


@pytest.fixture
def made(house_file: object) -> Iterator[list[str]]:
    """Numbers of cases to end afterwards."""
    numbers: list[str] = []
    yield numbers
    for number in numbers:
        finish(number)


def sent(made: list[str], number: int, **more: object) -> Case:
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor) as by:
        case = a_case(by, doctor, number=number, **more)  # type: ignore[arg-type]
    made.append(case.number)
    return case


def row(case: Case) -> Case:
    return Case.objects.using("owner").get(pk=case.pk)


def told(case: Case, kind: str) -> set[tuple[int, str]]:
    """Who was written to about a case, or found a notice."""
    written = OutboxMessage.objects.using("owner").filter(subject=case.number, kind=kind)
    seen = Notice.objects.using("owner").filter(subject=case.number, kind=kind)
    return {*written.values_list("org_id", "role"), *seen.values_list("org_id", "role")}


def as_(login: str, action: object, case: Case, **fields: object) -> Case:
    with transaction.atomic(), scope(person(login)) as by:
        version = row(case).version
        return action(case.number, version=version, by=by, at=fields.pop("at", now()), **fields)  # type: ignore[operator]


# --- the green channel -------------------------------------------------------------------------------------------------------


def test_an_emergency_skips_levels_and_review_and_the_audit_trail_says_why(made: list[str]) -> None:
    case = sent(made, 236, emergency=True, receiver=CITY_HOSPITAL, reason="", green="stroke")
    assert case.state == rules.OFFERED
    assert [r["clause_id"] for r in case.reasons] == ["PF-referral-emergency"]
    offer = AuditEvent.objects.using("owner").get(subject=case.number, action="referral.offer")
    assert offer.detail == {"green": "stroke"}
    assert (case.due_at - case.offered_at) == timedelta(minutes=15)  # type: ignore[operator]


def test_without_an_emergency_the_city_is_blocked_unless_a_reason_overrides(made: list[str]) -> None:
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor) as by:
        with pytest.raises(rules.VerdictForbids), transaction.atomic():
            a_case(by, doctor, number=237, receiver=CITY_HOSPITAL, reason="")
        case = a_case(by, doctor, number=237, receiver=CITY_HOSPITAL, reason="the county has no such department")
    made.append(case.number)
    assert case.state == rules.IN_REVIEW, "the override opens the level, not the review"


def test_an_emergency_without_a_reason_for_the_channel_is_not_written(house_file: object) -> None:
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor) as by:
        for green in ("", "haste"):
            with pytest.raises(rules.GreenReasonMissing), transaction.atomic():
                a_case(by, doctor, number=238, emergency=True, green=green)


def test_quanzhou_names_the_channel_and_the_platform_elsewhere(house_file: object) -> None:
    there = policy.sources(rules.ReferralPolicy, QUANZHOU, TODAY)
    here = policy.sources(rules.ReferralPolicy, SANMING, TODAY)
    assert (there["emergency_skips"].clause_id, there["green_lapses"].clause_id) == ("QZ-2-11b", "QZ-2-11h")
    assert (here["emergency_skips"].clause_id, here["green_lapses"].clause_id) == ("PF-referral-emergency", "PF-referral-green")


T0 = datetime(2026, 9, 15, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("offered", "door", "accepted", "looked", "minutes"),
    [
        (0, None, None, 7, 7),
        (0, None, 9, 60, 9),
        (0, 20, 26, 60, 26),
        (20, 5, 26, 60, 21),
        (None, 5, 26, 60, 21),
        (0, None, None, 0, 0),
    ],
)
def test_the_clock_runs_from_the_offer_or_the_door_to_the_acceptance(
    offered: int | None, door: int | None, accepted: int | None, looked: int, minutes: int
) -> None:
    times = [None if t is None else T0 + timedelta(minutes=t) for t in (offered, door, accepted)]
    clock = rules.clock(*times, late=False)
    assert clock is not None
    assert clock.minutes(T0 + timedelta(minutes=looked)) == minutes
    assert rules.clock(*times, late=True) is None


def test_the_clock_of_a_case_stops_when_it_is_accepted_and_is_on_the_page_and_the_desk(made: list[str]) -> None:
    from tests.app.wsgi import call
    from tests.cast import token_for

    case = sent(made, 239, emergency=True, at=now() - timedelta(minutes=8))
    desk = token_for(person("desk"))
    assert "8 of 15 min" in call("GET", f"/referrals/{case.number}/", desk).body
    assert "door to accept: 8 min" in call("GET", "/?size=100", desk).body
    as_("desk", actions.accept, case)
    clock = queries.clock_of(row(case))
    assert clock is not None
    assert clock.minutes(now() + timedelta(hours=3)) == 8


def test_an_emergency_not_accepted_in_time_is_raised_with_both_heads_and_may_go_elsewhere_at_once(made: list[str]) -> None:
    case = sent(made, 240, emergency=True, at=now() - timedelta(minutes=16))
    plain = sent(made, 241, code="I21.900", at=now() - timedelta(days=9))
    with pytest.raises(rules.NotPossible):
        as_("doctor", actions.offer_again, case, receiver_id=CITY_HOSPITAL)
    actions.lapse_unaccepted(at=now() - timedelta(minutes=2))
    assert row(case).lapsed_at is None, "a minute too early"
    assert actions.lapse_unaccepted(at=now()) >= 1
    assert actions.lapse_unaccepted(at=now()) == 0
    origin = person("doctor").org_id
    assert told(case, "referral.lapse") == {
        (origin, access.DOCTOR), (origin, access.MANAGER), (COUNTY_HOSPITAL, access.DESK), (COUNTY_HOSPITAL, access.MANAGER),
    }  # fmt: skip
    assert (row(case).state, row(case).holder_id, row(plain).lapsed_at) == (rules.OFFERED, COUNTY_HOSPITAL, None)
    assert WorkItem.objects.using("owner").get(subject=case.number, closed_at=None).org_id == COUNTY_HOSPITAL
    offered_at = row(case).offered_at
    with pytest.raises(actions.WrongReceiver):
        as_("doctor", actions.offer_again, case, receiver_id=COUNTY_HOSPITAL)
    moved = as_("doctor", actions.offer_again, case, receiver_id=CITY_HOSPITAL)
    assert (moved.state, moved.receiver_id, moved.lapsed_at, moved.offered_at) == (
        rules.OFFERED, CITY_HOSPITAL, None, offered_at,
    )  # fmt: skip
    assert told(case, "referral.offer") == {(COUNTY_HOSPITAL, access.DESK)}


def test_the_first_receiver_may_still_accept_what_lapsed(made: list[str]) -> None:
    case = sent(made, 242, emergency=True, at=now() - timedelta(minutes=20))
    actions.lapse_unaccepted(at=now())
    assert as_("desk", actions.accept, case).state == rules.ACCEPTED


def test_no_clock_closes_an_emergency_but_it_closes_the_same_case_without_one(made: list[str]) -> None:
    for emergency, state in ((True, rules.DECLINED), (False, rules.EXPIRED)):
        case = sent(made, 243 + emergency, code="I21.900", emergency=emergency, at=now() - timedelta(days=80))
        as_("desk", actions.decline, case, note="no bed", at=now() - timedelta(days=79))
        actions.expire_forgotten(at=now())
        assert row(case).state == state


def test_an_emergency_may_arrive_before_anybody_accepted_it(made: list[str]) -> None:
    case = sent(made, 245, emergency=True, at=now() - timedelta(minutes=12))
    door = now() - timedelta(minutes=5)
    with pytest.raises(rules.TooLate):
        as_("desk", actions.arrive, case, door_at=now() + timedelta(minutes=5))
    there = as_("desk", actions.arrive, case, door_at=door)
    assert (there.state, there.came_unaccepted, there.door_at, there.duty_id) == (rules.ARRIVED, True, door, COUNTY_HOSPITAL)
    clock = queries.clock_of(there)
    assert clock is not None
    assert clock.minutes(now()) == 12
    plain = sent(made, 246, code="I21.900")
    with pytest.raises(rules.NotPossible):
        as_("desk", actions.arrive, plain)


def test_what_happened_without_a_signal_is_entered_afterwards_within_the_limit(made: list[str]) -> None:
    doctor, then = person("doctor"), now() - timedelta(hours=3)
    with transaction.atomic(), scope(doctor) as by:
        for wrong in (now() - timedelta(hours=25), now() + timedelta(minutes=5)):
            with pytest.raises(rules.TooLate), transaction.atomic():
                a_case(by, doctor, number=247, emergency=True, happened_at=wrong)
        kept = a_case(by, doctor, number=247, emergency=True, happened_at=now() - timedelta(hours=23), send=False)
        with pytest.raises(rules.TooLate), transaction.atomic():
            actions.submit(kept.number, version=kept.version, by=by, at=now() + timedelta(hours=2))
        actions.end(kept.number, "withdraw", version=kept.version, by=by, at=now())
    case = sent(made, 247, emergency=True, happened_at=then)
    assert (case.happened_at, case.created_at > then, queries.clock_of(case)) == (then, True, None)
    assert case.due_at - case.offered_at > timedelta(minutes=15), "nobody could have accepted it in time"  # type: ignore[operator]


# --- declined, died, missed, refused -----------------------------------------------------------------------------------------


def test_what_two_have_declined_is_raised_with_the_lead_and_the_health_authority(made: list[str]) -> None:
    case = sent(made, 248, code="I21.900")
    as_("desk", actions.decline, case, note="no bed")
    assert told(case, "referral.declined_by_all") == set(), "one is not all"
    as_("doctor", actions.offer_again, case, receiver_id=CITY_HOSPITAL)
    back = as_("citydesk", actions.decline, case, note="no bed either")
    assert (back.state, back.holder_id, back.declined_ids) == (
        rules.DECLINED, person("doctor").org_id, sorted([COUNTY_HOSPITAL, CITY_HOSPITAL]),
    )  # fmt: skip
    roles = {role for _, role in told(case, "referral.declined_by_all")}
    assert roles == {access.MANAGER, access.OFFICER}


def test_a_missed_patient_is_offered_anew_and_the_clock_begins_anew(made: list[str]) -> None:
    case = sent(made, 249, emergency=True, at=now() - timedelta(hours=5))
    as_("desk", actions.accept, case)
    missed = as_("desk", actions.miss, case, note="did not come")
    assert (missed.state, missed.offered_at, missed.accepted_at) == (rules.MISSED, None, None)
    again = as_("doctor", actions.offer_again, case, receiver_id=COUNTY_HOSPITAL)
    assert queries.clock_of(again).minutes(now()) == 0  # type: ignore[union-attr]


@pytest.mark.parametrize("action", ["chose_elsewhere", "died"])
def test_a_declined_case_ends_with_what_became_of_the_patient(made: list[str], action: str) -> None:
    case = sent(made, 250, code="I21.900")
    as_("desk", actions.decline, case, note="no bed")
    with transaction.atomic(), scope(person("doctor")) as by:
        ended = actions.end(case.number, action, version=row(case).version, by=by, at=now(), note="because")
    assert ended.state == action


def test_consent_is_asked_before_a_referral_is_sent(house_file: object) -> None:
    doctor = person("doctor")
    wrong = (None, rules.ConsentGiven("nobody"), rules.ConsentGiven("guardian"), rules.ConsentGiven("x"))
    with transaction.atomic(), scope(doctor) as by:
        for consent in wrong:
            with pytest.raises(rules.ConsentMissing), transaction.atomic():
                a_case(by, doctor, number=251, code="I21.900", consent=consent)


def test_nobody_able_to_consent_is_enough_in_an_emergency(made: list[str]) -> None:
    case = sent(made, 251, emergency=True, consent=rules.ConsentGiven("nobody"))
    assert Consent.objects.using("owner").get(case=case).who == "nobody"


def test_the_patients_own_choice_of_hospital_stands_beside_the_one_proposed(made: list[str]) -> None:
    said = rules.ConsentGiven("guardian", "written", None, "王芳", COUNTY_HOSPITAL)
    case = sent(made, 252, code="I21.900", receiver=CITY_HOSPITAL, consent=said)
    kept = Consent.objects.using("owner").get(case=case)
    assert (kept.guardian, kept.how, kept.proposed_id, case.receiver_id) == ("王芳", "written", COUNTY_HOSPITAL, CITY_HOSPITAL)
    same = sent(made, 253, code="I21.900", consent=replace(said, proposed_id=COUNTY_HOSPITAL))
    assert Consent.objects.using("owner").get(case=same).proposed_id is None, "the one proposed is no choice against it"


def test_a_refusal_ends_the_case_with_who_refused_and_why(made: list[str]) -> None:
    case = sent(made, 254, code="I21.900")
    with pytest.raises(rules.NoteRequired):
        as_("doctor", actions.refuse, case, said=CONSENT, note="")
    with pytest.raises(rules.ConsentMissing):
        as_("doctor", actions.refuse, case, said=rules.ConsentGiven("nobody"), note="x")
    ended = as_("doctor", actions.refuse, case, said=rules.ConsentGiven("guardian", "phone", None, "李强"), note="too far")
    kept = Consent.objects.using("owner").get(case=case)
    assert (ended.state, kept.answer, kept.guardian) == (rules.REFUSED_TRANSFER, rules.REFUSED, "李强")
    assert told(case, "referral.refuse") == {(COUNTY_HOSPITAL, access.DESK)}


# --- the transfer check ------------------------------------------------------------------------------------------------------

WELL = a_check(T0)


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({}, ()),
        ({"pulse": 19}, ("pulse",)),
        ({"pulse": 20}, ()),
        ({"pulse": 251}, ("pulse",)),
        ({"temperature": Decimal("43.1")}, ("temperature",)),
        ({"saturation": 101, "breaths": 3}, ("breaths", "saturation")),
        ({"systolic": 80, "diastolic": 80}, ("diastolic",)),
        ({"airway": "blue"}, ("airway",)),
        ({"escort_name": ""}, ("escort_name",)),
        ({"eta_at": T0}, ("eta_at",)),
        ({"eta_at": T0 + timedelta(hours=12)}, ()),
        ({"eta_at": T0 + timedelta(hours=12, minutes=1)}, ("eta_at",)),
    ],
)
def test_a_check_that_cannot_be_right_names_its_fields(
    house_file: object, change: dict[str, object], fields: tuple[str, ...]
) -> None:
    limits = policy.resolve(rules.TransferPolicy, SANMING, TODAY)
    assert rules.faults(replace(WELL, **change), limits) == fields  # type: ignore[arg-type]


def test_a_critical_patient_leaves_checked_and_escorted_and_the_receiver_is_told(made: list[str]) -> None:
    case = sent(made, 255, code="I21.900", critical=True)
    accepted = as_("desk", actions.accept, case)
    step = WorkItem.objects.using("owner").get(subject=case.number, closed_at=None)
    with pytest.raises(rules.ImplausibleCheck):
        as_("doctor", actions.leave, case, check=replace(a_check(now()), pulse=999))
    with pytest.raises(rules.TooLate):
        as_("doctor", actions.leave, case, check=a_check(now() + timedelta(hours=1)))
    assert not Transfer.objects.using("owner").filter(case=case).exists()
    left = as_("doctor", actions.leave, case, check=a_check(now()))
    assert (left.state, left.due_at) == (rules.ACCEPTED, accepted.due_at)
    assert WorkItem.objects.using("owner").get(subject=case.number, closed_at=None).id == step.id, "the same step goes on"
    with transaction.atomic(), scope(person("desk")):
        check = queries.transfer(queries.case(case.number))
        assert check is not None
        assert (check.pulse, check.escort) == (96, "nurse")
    assert told(case, "referral.leave") == {(COUNTY_HOSPITAL, access.DESK)}
    plain = sent(made, 256, code="I21.900")
    with pytest.raises(rules.NotPossible):
        as_("doctor", actions.leave, plain, check=a_check(now()))


# --- the answer --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent_as", "found", "agrees"),
    [("I10.x00", "I10.x00", "same"), ("I10.x00", "I11.900", "partly"), ("I10.x00", "I21.900", "different")],
)
def test_concordance_follows_from_code_and_group(house_file: object, sent_as: str, found: str, agrees: str) -> None:
    groups = [group_of(diagnosis(code)) for code in (sent_as, found)]
    assert rules.concordance(sent_as, groups[0], found, groups[1]) == agrees


def test_another_concordance_than_the_computed_one_needs_a_reason() -> None:
    assert rules.settled("partly", "", "") == "partly"
    assert rules.settled("partly", "partly", "") == "partly"
    assert rules.settled("partly", "same", "the finer code is new") == "same"
    with pytest.raises(rules.CorrectionUnexplained):
        rules.settled("partly", "same", "")


def test_the_answer_names_the_final_diagnosis_and_an_overdue_one_is_raised(made: list[str]) -> None:
    case = sent(made, 257, code="I21.900", at=now() - timedelta(days=20))
    for action in (actions.accept, actions.arrive):
        as_("desk", action, case, at=now() - timedelta(days=19))
    escalate_overdue(at=now())
    late = WorkItem.objects.using("owner").get(subject=case.number, closed_at=None)
    assert (late.kind, late.escalated_at is not None) == ("referral.arrived", True)
    with pytest.raises(rules.FinalMissing):
        as_("specialist", actions.answer, case, findings="f", advice="a", final=None)
    final = actions.Final(diagnosis("I10.x00"), "partly", "both are there")
    done = as_("specialist", actions.answer, case, findings="f", advice="a", final=final)
    assert (done.final_code, done.concordance, done.concordance_reason) == ("I10.x00", "partly", "both are there")


# --- cases that meet ---------------------------------------------------------------------------------------------------------


def test_an_emergency_takes_the_place_of_the_open_case_and_links_to_it(made: list[str]) -> None:
    old = sent(made, 258, code="I21.900")
    kept = None
    doctor = person("doctor2")
    with transaction.atomic(), scope(doctor) as by:
        with pytest.raises(actions.DuplicateOpen), transaction.atomic():
            a_case(by, doctor, number=258, code="I21.900")
        kept = a_case(by, doctor, number=258, code="I21.900", emergency=True, send=False)
    assert row(old).state == rules.OFFERED, "a draft ends nothing"
    with transaction.atomic(), scope(doctor) as by:
        new = actions.submit(kept.number, version=kept.version, by=by, at=now())
    made.append(new.number)
    assert (row(old).state, row(old).holder_id, row(new).supersedes_id) == (rules.SUPERSEDED, None, old.pk)
    assert not WorkItem.objects.using("owner").filter(subject=old.number, closed_at=None).exists()
    assert told(old, "referral.supersede") == {(doctor.org_id, access.DOCTOR), (COUNTY_HOSPITAL, access.DESK)}
    trace = AuditEvent.objects.using("owner").get(subject=old.number, action="referral.supersede")
    assert trace.detail == {"by": new.number}
    assert CaseEvent.objects.using("owner").get(case=old, action="supersede").actor_id == doctor.id
    with transaction.atomic(), scope(person("desk")):
        assert [c and c.number for c in queries.belonging(queries.case(new.number))] == [old.number, None]
        assert [c and c.number for c in queries.belonging(queries.case(old.number))] == [None, new.number]


def test_an_emergency_on_its_way_is_not_superseded_by_a_second_one(made: list[str]) -> None:
    first = sent(made, 259, emergency=True)
    doctor = person("doctor2")
    with transaction.atomic(), scope(doctor) as by, pytest.raises(actions.DuplicateOpen), transaction.atomic():
        a_case(by, doctor, number=259, emergency=True)
    assert row(first).state == rules.OFFERED


def _seen_at_b(resident_id: UUID, code: str) -> UUID:
    """A visit of somebody else's resident at institution B, whose doctor found them by the door."""
    doctor = other_doctor()
    found = Resident.objects.using("load").get(pk=resident_id)
    if doctor.org_id not in found.viewer_ids:
        Resident.objects.using("load").filter(pk=resident_id).update(viewer_ids=[*found.viewer_ids, doctor.org_id])
    with transaction.atomic(), scope(doctor) as by:
        resident = Resident.objects.get(pk=resident_id)
        return visits.register(resident, visits.NewVisit(diagnosis(code), "x", False), by=by, at=now()).pk


def test_a_doctor_elsewhere_learns_only_that_a_case_is_open_with_whom_and_a_phone_number(made: list[str]) -> None:
    case = sent(made, 260, code="I21.900", text="WORDSOFTHECASE")
    visit, group = _seen_at_b(case.resident_id, "I21.900"), group_of(diagnosis("I21.900"))
    from tests.app.wsgi import call
    from tests.cast import token_for

    with transaction.atomic(), scope(other_doctor()):
        assert queries.open_elsewhere(visit, group) == person("doctor").org_id
        assert queries.open_elsewhere(visit, "E11") is None
        with pytest.raises(Unknown):
            queries.case(case.number)
    body = call("GET", f"/referrals/new/{visit}/", token_for(other_doctor())).body
    assert "An open referral for the same disease lies with" in body
    assert contact_of(person("doctor").org_id).phone in body
    assert case.number not in body
    assert "WORDSOFTHECASE" not in body
    with transaction.atomic(), scope(person("specialist")), pytest.raises(Unknown):
        queries.case("R350405-260915-99998-7")
    # somebody else's visit is no way to ask
    with transaction.atomic(), scope(person("doctor2")):
        assert queries.open_elsewhere(visit, group) is None


@pytest.mark.parametrize("login", ["desk", "officer", "reviewer", "system"])
def test_nobody_but_doctors_and_nurses_may_ask_where_a_case_lies(house_file: object, login: str) -> None:
    refused = pytest.raises(DatabaseError, match="closed to this scope")
    with transaction.atomic(), scope(person(login)), refused, transaction.atomic():
        queries.open_elsewhere(UUID(int=7), "I21")


def test_an_emergency_at_another_institution_ends_a_case_its_doctor_cannot_see(made: list[str]) -> None:
    old = sent(made, 261, code="I21.900")
    visit_id = _seen_at_b(old.resident_id, "I21.900")
    from fenji.care.visits.queries import visit as visit_of

    with transaction.atomic(), scope(other_doctor()) as by:
        plan = actions.Plan(diagnosis("I21.900"), COUNTY_HOSPITAL, None, False, "s", "r", consent=CONSENT)
        with pytest.raises(actions.DuplicateOpen), transaction.atomic():
            actions.draft(visit_of(visit_id), plan, by=by, at=now())
        plan = replace(plan, emergency=True, green="chest_pain")
        new = actions.draft(visit_of(visit_id), plan, by=by, at=now())
        new = actions.submit(new.number, version=new.version, by=by, at=now())
        with pytest.raises(Unknown):
            queries.case(old.number)
        assert queries.belonging(queries.case(new.number)) == (None, None), "the link shows only what may be seen"
        actions.end(new.number, "withdraw", version=new.version, by=by, at=now(), note="end of the test")
    assert row(old).state == rules.SUPERSEDED


def test_the_function_that_supersedes_serves_nobody_but_the_sender_of_an_emergency(made: list[str]) -> None:
    plain, urgent = sent(made, 262, code="I21.900"), sent(made, 263, emergency=True)
    for who, number in ((person("doctor"), plain.number), (person("doctor"), urgent.number), (other_doctor(), urgent.number)):
        refused = pytest.raises(DatabaseError, match="only an emergency that is being sent")
        with transaction.atomic(), scope(who), refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT * FROM referral_supersede(%s, now(), gen_random_uuid(), gen_random_uuid())", [number])


def test_two_open_cases_that_a_link_brings_together_become_a_step_for_their_origins(made: list[str]) -> None:
    one, two = sent(made, 264, code="I21.900"), sent(made, 265, code="I21.900")
    third = sent(made, 266)
    with transaction.atomic(), scope(person("doctor")) as by:
        alone = a_resident(person("doctor"), 267)
        assert actions.met_by_link(third.resident_id, alone.pk, by=by, at=now()) == 0
        assert actions.met_by_link(one.resident_id, two.resident_id, by=by, at=now()) == 1, "one origin, one step"
        assert actions.met_by_link(one.resident_id, two.resident_id, by=by, at=now()) == 0, "a second link adds none"
    step = WorkItem.objects.using("owner").get(kind="referral.met", subject=f"{one.number} + {two.number}", closed_at=None)
    assert (step.org_id, step.role, step.url) == (person("doctor").org_id, access.DOCTOR, f"/referrals/{one.number}/")
    assert step.who.endswith("×")
    with transaction.atomic(), scope(person("doctor")) as by:
        actions.end(two.number, "withdraw", version=row(two).version, by=by, at=now(), note="the same person")
    assert WorkItem.objects.using("owner").get(pk=step.pk).closed_at is not None
    with transaction.atomic(), scope(other_doctor()) as by, pytest.raises(Unknown):
        actions.met_by_link(one.resident_id, two.resident_id, by=by, at=now())


# --- who writes --------------------------------------------------------------------------------------------------------------


def test_a_nurse_enters_for_a_doctor_who_alone_sends_it_and_both_names_stay(made: list[str]) -> None:
    doctor = person("doctor")
    nurse = appointed("nurse.a", "林护士", access.NURSE, doctor.org_id)
    with transaction.atomic(), scope(doctor) as by:
        visit = visits.register(a_resident(doctor, 268), visits.NewVisit(diagnosis("I21.900"), "x", False), by=by, at=now())
    plan = actions.Plan(diagnosis("I21.900"), COUNTY_HOSPITAL, None, False, "s", "r", consent=CONSENT)
    with transaction.atomic(), scope(nurse) as by:
        with pytest.raises(actions.NoSuchDoctor), transaction.atomic():
            actions.draft(visit, plan, by=by, at=now(), doctor_id=nurse.id)
        case = actions.draft(visit, plan, by=by, at=now())
        case = actions.revise(case.number, replace(plan, summary="fuller"), version=case.version, by=by, at=now())
        with pytest.raises((rules.NotYourMove, NotPermitted)), transaction.atomic():
            actions.submit(case.number, version=case.version, by=by, at=now())
    made.append(case.number)
    assert (case.requester_id, case.requester_name, case.entered_by_id, case.entered_by_name) == (
        doctor.id, doctor.name, nurse.id, "林护士",
    )  # fmt: skip
    with transaction.atomic(), scope(person("doctor2")) as by, pytest.raises(actions.NotInYourName), transaction.atomic():
        actions.submit(case.number, version=case.version, by=by, at=now())
    with transaction.atomic(), scope(doctor) as by:
        case = actions.submit(case.number, version=case.version, by=by, at=now())
    assert case.state == rules.OFFERED
    assert row(case).entered_by_name == "林护士"


def test_a_nurse_who_entered_a_case_does_not_review_it() -> None:
    view = rules.CaseView(rules.IN_REVIEW, 1, 2, UUID(int=1), entered_by=UUID(int=2))
    with pytest.raises(rules.OwnReview):
        rules.party_of(view, UUID(int=2), access.REVIEWER, 1)


def test_an_ended_referral_of_the_same_resident_is_copied_into_the_form(made: list[str]) -> None:
    from tests.app.wsgi import call
    from tests.cast import token_for

    former = sent(made, 269, code="I21.900", text="what was written then")
    other = sent(made, 270, code="I21.900", text="somebody else's words")
    finish(former.number)
    finish(other.number)
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor) as by:
        new = visits.NewVisit(diagnosis("I10.x00"), "now", False)
        visit = visits.register(a_resident(doctor, 269), new, by=by, at=now())
    token = token_for(doctor)
    assert f"?from={former.number}" in call("GET", f"/referrals/new/{visit.pk}/", token).body
    body = call("GET", f"/referrals/new/{visit.pk}/?from={former.number}", token).body
    assert "what was written then" in body
    assert "I21.900" in body
    for wrong in (other.number, "R350405-260915-99998-7", "x"):
        assert call("GET", f"/referrals/new/{visit.pk}/?from={wrong}", token).status == 404
