"""The way down as a state machine: random people try random actions. What is forbidden is refused and changes nothing."""

from __future__ import annotations

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from fenji.care.continuity import queries as packages
from fenji.care.referral import actions, rules
from fenji.care.referral.models import Case, CaseEvent
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import Refused
from fenji.ground.tasks.models import WorkItem
from fenji.world.county import COUNTY_HOSPITAL
from tests.cast import CONSENT, person, scope, token_for
from tests.down import a_down

BRANCH, OTHER_BRANCH = 104, 102
# who may do what when, written down a second time, in plain words
AWAY = {"chose_elsewhere", "refuse", "died"}
WARD = {
    "draft": {"offer", "revise", "withdraw", "refuse", "died"},
    "offered": {"withdraw", *AWAY},
    "accepted": {"withdraw", *AWAY},
    "declined": {"offer", "close", *AWAY},
    "missed": {"offer", "close", *AWAY},
}
BELOW = {"offered": {"accept", "decline"}, "accepted": {"arrive", "miss"}}
AT = {"doctor": BRANCH, "head": BRANCH, "doctor.102": OTHER_BRANCH, "head.102": OTHER_BRANCH}
LOGINS = ("specialist", "desk", "director", "reviewer", "nurse", "officer", *AT)
ACTIONS = (
    *(
        "offer",
        "revise",
        "withdraw",
        "refuse",
        "died",
        "chose_elsewhere",
        "accept",
        "decline",
        "arrive",
        "miss",
        "close",
        "return_up",
    ),
    *("submit", "approve", "redirect", "answer", "acknowledge", "ask_again", "take"),
)


def allowed(login: str, case: Case, returned: bool) -> set[str]:
    if login == "specialist":
        return WARD.get(case.state, set())
    if AT.get(login) != case.receiver_id:
        return set()
    back = case.state == "closed" and case.door_at is not None and login.startswith("doctor") and not returned
    return BELOW.get(case.state, set()) | ({"return_up"} if back else set())


def do(case: Case, action: str, other: bool, common: dict) -> object:
    number = case.number
    if action in ("accept", "arrive", "approve", "take", "acknowledge"):
        return getattr(actions, action)(number, **common)
    if action in ("decline", "miss", "ask_again"):
        return getattr(actions, action)(number, note="because", **common)
    if action == "offer":
        return actions.offer_again(number, OTHER_BRANCH if other else BRANCH, **common)
    if action == "revise":
        return actions.revise_down(number, actions.Down(OTHER_BRANCH if other else BRANCH, "x"), **common)
    if action == "submit":
        return actions.submit(number, **common)
    if action == "redirect":
        return actions.redirect(number, COUNTY_HOSPITAL, note="because", **common)
    if action == "answer":
        return actions.answer(number, "findings", "advice", None, **common)
    if action == "refuse":
        return actions.refuse(number, rules.ConsentGiven("patient"), note="because", **common)
    if action == "return_up":
        return actions.return_up(number, CONSENT, note="worse", **common)
    return actions.end(number, action, note="because", **common)


class Machine(RuleBasedStateMachine):
    tokens: dict[str, str]

    @initialize()
    def begin(self) -> None:
        self.outer = transaction.atomic()
        self.outer.__enter__()
        with scope(person("specialist"), self.tokens["specialist"]) as by:
            self.number = a_down(by).number
        self.done, self.returned = 1, False

    def seen(self) -> Case:
        with scope(person("specialist"), self.tokens["specialist"]):
            return Case.objects.get(number=self.number)

    @precondition(lambda self: hasattr(self, "number"))
    @rule(login=st.sampled_from(LOGINS), action=st.sampled_from(ACTIONS), other=st.booleans(), stale=st.integers(0, 9))
    def somebody_tries(self, login: str, action: str, other: bool, stale: int) -> None:
        self.attempt(login, action, other, stale == 0)

    @precondition(lambda self: hasattr(self, "number"))
    @rule(pick=st.integers(0, 1000), other=st.booleans())
    def somebody_does_what_is_open_to_them(self, pick: int, other: bool) -> None:
        before = self.seen()
        able = [(who, a) for who in LOGINS for a in sorted(allowed(who, before, self.returned))]
        if able:
            self.attempt(*able[pick % len(able)], other, False)

    def attempt(self, login: str, action: str, other: bool, stale: bool) -> None:
        before = self.seen()
        with scope(person(login), self.tokens[login]) as by:
            try:
                with transaction.atomic():
                    do(before, action, other, {"version": before.version - stale, "by": by, "at": now()})
                worked = True
            except Refused:
                worked = False
        may = action in allowed(login, before, self.returned) and not stale
        assert worked == may, (login, action, before.state, before.receiver_id, stale, worked)
        after = self.seen()
        assert after.version == before.version + worked
        if worked:
            self.done += 1
            self.returned = self.returned or action == "return_up"
        else:
            assert (after.state, after.holder_id) == (before.state, before.holder_id)

    @precondition(lambda self: hasattr(self, "number"))
    @invariant()
    def one_holder_one_next_step_or_closed(self) -> None:
        with scope(person("specialist"), self.tokens["specialist"]):
            case = Case.objects.get(number=self.number)
            steps = list(WorkItem.objects.filter(subject=self.number, closed_at=None))
            plan = packages.plan_of(self.number)
            events = CaseEvent.objects.filter(case=case).count()
        if case.state in rules.ENDS:
            assert (case.holder_id, steps, case.ended_at is None) == (None, [], False)
        else:
            assert case.holder_id == (case.receiver_id if case.state in ("offered", "accepted") else case.origin_id)
            assert [s.org_id for s in steps] == [case.holder_id]
            assert steps[0].role == "doctor", "neither the ward nor a township has its step on a referral desk"
        arrived = case.state == "closed" and case.door_at is not None
        assert case.duty_id == (case.receiver_id if arrived else case.origin_id)
        assert case.receiver_level < case.origin_level
        assert events == self.done
        assert plan is not None
        # nobody follows a plan before the patient is there, and somebody does from then on until they are sent back
        assert plan.package.state == ("ended" if self.returned else "handed_over" if arrived else "draft")
        assert bool(plan.follow_ups) == arrived

    def teardown(self) -> None:
        if hasattr(self, "outer"):
            transaction.set_rollback(True)
            self.outer.__exit__(None, None, None)


def _run(examples: int, steps: int) -> None:
    Machine.tokens = {n: token_for(person(n)) for n in LOGINS}
    limits = settings(max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Machine, settings=limits)


def test_every_forbidden_action_is_refused_and_the_allowed_ones_keep_the_invariants(house_file: object) -> None:
    _run(30, 20)


@pytest.mark.long
def test_the_same_for_longer(house_file: object) -> None:
    _run(600, 40)
