"""The case as a state machine: random people try random actions. What is forbidden is refused and changes nothing."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.db.models import F
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from fenji.care.catalogue.queries import diagnosis
from fenji.care.referral import actions, rules
from fenji.care.referral.models import Case, CaseEvent, ReviewDecision
from fenji.ground.access.models import AuditEvent
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import Refused
from fenji.ground.tasks.models import OutboxMessage, WorkItem
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL
from tests.app.forms import a_check
from tests.cast import a_case, other_doctor, other_reviewer, person, scope, token_for

# who may do what when, written down a second time, in plain words: login → state → actions
REVIEWERS = {"in_review": {"approve", "complete", "treat_locally"}}
AWAY = {"chose_elsewhere", "refuse", "died"}
DOCTORS = {
    "draft": {"submit", "withdraw", "refuse"},
    "in_review": {"withdraw", *AWAY},
    "returned": {"submit", "withdraw", *AWAY},
    "local": {"treat_here", "ask_again", *AWAY},
    "offered": {"withdraw", *AWAY},
    "accepted": {"withdraw", *AWAY},
    "answered": {"acknowledge"},
    "declined": {"offer", "close", *AWAY},
    "missed": {"offer", "close", *AWAY},
}
DESKS = {"offered": {"accept", "decline", "redirect"}, "accepted": {"arrive", "miss"}}
WARDS = {"arrived": {"answer", "died"}}
PLAIN = {
    "doctor": DOCTORS,
    "doctor2": DOCTORS,
    "reviewer": REVIEWERS,
    "reviewer2": REVIEWERS,
    "head": REVIEWERS,
    "specialist": WARDS,
}
LOGINS = (
    "doctor",
    "doctor2",
    "reviewer",
    "reviewer2",
    "head",
    "director",
    "desk",
    "citydesk",
    "specialist",
    "officer",
    "audit",
    "outsider",
    "outside reviewer",
)
ACTIONS = (
    *("submit", "withdraw", "approve", "complete", "treat_locally", "take", "treat_here", "ask_again", "accept", "decline"),
    *("redirect", "arrive", "miss", "answer", "acknowledge", "offer", "close", "chose_elsewhere", "died", "refuse", "leave"),
)


def allowed(login: str, case: Case, stands_in: bool) -> set[str]:
    """What is open to somebody. `stands_in`: doctor2 reviews for a colleague."""
    state = case.state
    if state == "in_review":
        return _in_review(login, case, stands_in)
    desks = {"desk": COUNTY_HOSPITAL, "director": COUNTY_HOSPITAL, "citydesk": CITY_HOSPITAL}
    here = {**desks, "specialist": COUNTY_HOSPITAL}.get(login)
    if here is not None and here != case.receiver_id:
        return set()
    if login in desks:
        early = {"arrive"} if state == "offered" and case.emergency else set()
        return DESKS.get(state, set()) | early
    able = set(PLAIN.get(login, {}).get(state, set()))
    if login in ("doctor", "doctor2"):
        able |= {"leave"} if case.critical and state in ("offered", "accepted") else set()
        able |= {"offer"} if case.lapsed_at is not None and state == "offered" else set()
    return able - {"ask_again"} if case.review_no > 1 else able


def _in_review(login: str, case: Case, stands_in: bool) -> set[str]:
    """The own reviewers and whoever stands in for one, until the office above has taken it over."""
    above = case.review_org_id == COUNTY_HOSPITAL
    if login in ("desk", "director"):
        return REVIEWERS["in_review"] if above else {"take"} if case.review_upper_id == COUNTY_HOSPITAL else set()
    if login in ("reviewer", "reviewer2", "head"):
        return set() if above else REVIEWERS["in_review"]
    if login == "doctor2" and stands_in and not above:
        return REVIEWERS["in_review"]
    return DOCTORS["in_review"] if login in ("doctor", "doctor2") else set()


def do(case: Case, action: str, common: dict) -> Case:
    number, receiver = case.number, case.receiver_id
    simple = {
        "approve": actions.approve,
        "take": actions.take,
        "accept": actions.accept,
        "arrive": actions.arrive,
        "acknowledge": actions.acknowledge,
    }
    with_note = {"complete": actions.complete, "treat_locally": actions.treat_locally, "ask_again": actions.ask_again}
    with_note |= {"decline": actions.decline, "miss": actions.miss}
    if action == "submit":
        return actions.submit(number, **common)
    if action in simple:
        return simple[action](number, **common)
    if action in with_note:
        return with_note[action](number, note="because", **common)
    if action == "redirect":
        other = CITY_HOSPITAL if receiver == COUNTY_HOSPITAL else COUNTY_HOSPITAL
        return actions.redirect(number, other, note="they have the device", **common)
    if action == "offer":
        other = CITY_HOSPITAL if receiver == COUNTY_HOSPITAL else COUNTY_HOSPITAL
        return actions.offer_again(number, other if case.state == "offered" else receiver, note="again", **common)
    if action == "treat_here":
        return actions.treat_here(number, "treated", **common)
    if action == "answer":
        return actions.answer(number, "findings", "advice", actions.Final(diagnosis("I11.900")), **common)
    if action == "refuse":
        return actions.refuse(number, rules.ConsentGiven("patient"), note="because", **common)
    if action == "leave":
        return actions.leave(number, a_check(common["at"]), **common)
    return actions.end(number, action, note="because", **common)


class Machine(RuleBasedStateMachine):
    tokens: dict[str, str]

    @initialize(code=st.sampled_from(["I10.x00", "I21.900"]), emergency=st.booleans(), critical=st.booleans())
    def begin(self, code: str, emergency: bool, critical: bool) -> None:
        self.outer = transaction.atomic()
        self.outer.__enter__()
        doctor = person("doctor")
        with scope(doctor, self.tokens["doctor"]) as by:
            case = a_case(by, doctor, number=90, code=code, emergency=emergency, critical=critical, send=False)
        self.number, self.code, self.done, self.stands_in = case.number, code, 1, False

    def row(self) -> Case:
        return Case.objects.using("default").get(number=self.number)

    def seen(self) -> Case:
        with scope(person("doctor"), self.tokens["doctor"]):
            return self.row()

    @precondition(lambda self: hasattr(self, "number"))
    @rule(login=st.sampled_from(LOGINS), action=st.sampled_from(ACTIONS), stale=st.integers(0, 9))
    def somebody_tries(self, login: str, action: str, stale: int) -> None:
        self.attempt(login, action, stale == 0)

    @precondition(lambda self: hasattr(self, "number"))
    @rule(pick=st.integers(0, 1000))
    def somebody_does_what_is_open_to_them(self, pick: int) -> None:
        before = self.seen()
        able = [(who, a) for who in LOGINS for a in sorted(allowed(who, before, self.stands_in))]
        if able:
            self.attempt(*able[pick % len(able)], False)

    @precondition(lambda self: hasattr(self, "number") and not self.stands_in)
    @rule()
    def a_colleague_is_asked_to_stand_in(self) -> None:
        today = local_day(now())
        with scope(person("reviewer"), self.tokens["reviewer"]) as by:
            actions.delegate(person("doctor2").id, today, today, "on leave", by=by, at=now())
        self.stands_in = True

    @precondition(lambda self: hasattr(self, "number") and self.seen().state == "in_review")
    @rule()
    def it_lies_too_long(self) -> None:
        """As the sweep leaves it; that runs on a connection of its own, see tests/spec/test_review.py."""
        with scope(person("doctor"), self.tokens["doctor"]):
            row = self.row()
            if row.review_org_id != COUNTY_HOSPITAL:
                viewers = sorted({*row.viewer_ids, COUNTY_HOSPITAL})
                Case.objects.filter(pk=row.pk).update(review_upper_id=COUNTY_HOSPITAL, viewer_ids=viewers)

    def attempt(self, login: str, action: str, stale: bool) -> None:
        before = self.seen()
        who = {"outsider": other_doctor, "outside reviewer": other_reviewer}.get(login, lambda: person(login))()
        with scope(who, self.tokens[login]) as by:
            version = before.version - 1 if stale else before.version
            try:
                with transaction.atomic():
                    do(before, action, {"version": version, "by": by, "at": now()})
                worked = True
            except Refused:
                worked = False
        may = action in allowed(login, before, self.stands_in) and not stale
        assert worked == may, (login, action, before.state, stale, worked)
        after = self.seen()
        if worked:
            self.done += 1
            assert after.version == before.version + 1
        else:
            assert (after.version, after.state, after.holder_id) == (before.version, before.state, before.holder_id)

    @precondition(lambda self: hasattr(self, "number"))
    @rule()
    def nobody_accepts_in_time(self) -> None:
        # the sweep itself runs on a connection of its own, which does not see what is not committed: see test_case.py
        with scope(person("doctor"), self.tokens["doctor"]):
            waiting = Case.objects.filter(number=self.number, state="offered", emergency=True)
            waiting.update(lapsed_at=now(), version=F("version") + 1)

    @precondition(lambda self: hasattr(self, "number"))
    @rule()
    def an_emergency_of_the_same_disease_is_sent(self) -> None:
        before, doctor = self.seen(), person("doctor2")
        live = before.emergency and before.state in ("offered", "accepted")
        with scope(doctor, self.tokens["doctor2"]) as by:
            try:
                with transaction.atomic():
                    new = a_case(by, doctor, number=90, code=self.code, emergency=True)
            except actions.DuplicateOpen:
                assert live
                return
            assert not live
            counted = before.state in rules.OPEN_STATES and not (before.state == "draft" and before.emergency)
            assert (Case.objects.get(pk=new.pk).supersedes_id == before.pk) == counted
            self.done += counted
            actions.end(new.number, "withdraw", version=new.version, by=by, at=now(), note="end")
        assert (self.seen().state == "superseded") == counted or before.state == "superseded"

    @precondition(lambda self: hasattr(self, "number"))
    @invariant()
    def one_holder_one_next_step_or_closed(self) -> None:
        with scope(person("doctor"), self.tokens["doctor"]):
            case = self.row()
            steps = list(WorkItem.objects.filter(subject=self.number, closed_at=None))
            events = CaseEvent.objects.filter(case=case).count()
            decided = CaseEvent.objects.filter(case=case, action__in=rules.DECISIONS).count()
            decisions = list(ReviewDecision.objects.filter(case=case))
        if case.state in rules.ENDS:
            assert (case.holder_id, steps, case.ended_at is None) == (None, [], False)
        else:
            assert case.holder_id in (
                case.origin_id,
                case.receiver_id,
                *([case.review_org_id] if case.state == "in_review" else []),
            )
            assert [s.org_id for s in steps] == [case.holder_id]
            assert steps[0].kind == f"referral.{case.state}"
        assert case.review_no <= 2
        assert decided == len(decisions)
        assert case.receiver_level > case.origin_level
        assert events == self.done
        assert case.origin_id in case.viewer_ids
        assert case.holder_id is None or case.holder_id in case.viewer_ids
        self.arrived = (getattr(self, "arrived", False) and case.state != "draft") or case.state == "arrived"
        assert case.duty_id == (case.receiver_id if self.arrived else case.origin_id)
        assert case.reasons
        assert case.pack_hash

    def teardown(self) -> None:
        if hasattr(self, "outer"):
            transaction.set_rollback(True)
            self.outer.__exit__(None, None, None)


def _run(examples: int, steps: int) -> None:
    names = {n: (other_doctor() if n == "outsider" else other_reviewer() if n == "outside reviewer" else person(n)) for n in LOGINS}
    Machine.tokens = {n: token_for(p) for n, p in names.items()}
    limits = settings(max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Machine, settings=limits)


def test_every_forbidden_action_is_refused_and_the_allowed_ones_keep_the_invariants(house_file: object) -> None:
    _run(60, 25)


@pytest.mark.long
def test_the_same_for_longer(house_file: object) -> None:
    _run(1000, 40)


def test_state_audit_task_and_message_change_together(house_file: object) -> None:
    doctor, reviewer = person("doctor"), person("reviewer")
    with transaction.atomic(), scope(doctor) as by:
        case = a_case(by, doctor, number=91)
    before = _rows_about(case.number)
    with transaction.atomic():
        with scope(reviewer) as by:
            actions.approve(case.number, version=case.version, by=by, at=now())
        transaction.set_rollback(True)
    assert _rows_about(case.number) == before, "an action that is taken back leaves nothing"
    with transaction.atomic(), scope(reviewer) as by:
        case = actions.approve(case.number, version=case.version, by=by, at=now())
    # in the audit trail also that the resident's own page has an address now
    assert _rows_about(case.number) == {name: count + (2 if name == "audit" else 1) for name, count in before.items()}
    with transaction.atomic(), scope(doctor) as by:
        actions.end(case.number, "withdraw", version=case.version, by=by, at=now(), note="end")


def _rows_about(number: str) -> dict[str, int]:
    """Counted as the owner of the database: what the app role wrote but may not read."""
    return {
        "events": CaseEvent.objects.using("owner").filter(case__number=number).count(),
        "steps": WorkItem.objects.using("owner").filter(subject=number).count(),
        "audit": AuditEvent.objects.using("owner").filter(subject=number).count(),
        "messages": OutboxMessage.objects.using("owner").filter(subject=number).count(),
    }
