"""Alerts: what is new, found again and gone; how one is answered and judged; admissions out of an emergency."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fenji.ground.common.decision import Reason
from fenji.measure.journeys.rules import STAY, VISIT, Contact, Found, Referral, admitted_as_emergency
from fenji.measure.referral_quality.rules import alerts as rules
from fenji.measure.referral_quality.rules.alerts import Alert, Period, Wanted, Way
from tests.rules.test_journeys import CATALOGUE, HOUR, PLACES, POLICY, T0, asking, case, contacts, on, referrals, stay

ONE, TWO = UUID(int=1), UUID(int=2)
TOWN, GENERAL = PLACES[2], PLACES[4]
KEYS = st.frozensets(st.sampled_from("abcdef"))
KNOWN = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(rules.STATES))


def test_the_places_of_this_file_are_a_township_and_the_county_general_hospital() -> None:
    assert (TOWN.tier, GENERAL.tier, GENERAL.county_general) == ("township", "county", True)


# --- what a night changes -----------------------------------------------------------------------------------------------------


@given(KEYS, KNOWN)
def test_a_night_opens_what_is_new_withdraws_what_is_gone_and_never_what_was_judged(
    now: frozenset[str], known: dict[str, str]
) -> None:
    change = rules.changes(now, known)
    assert change.fresh == now - known.keys()
    assert change.again == {k for k in now if known.get(k) == rules.WITHDRAWN}
    assert change.gone == {k for k, s in known.items() if k not in now and s in (rules.OPEN, rules.ANSWERED, rules.COUNTED)}


@given(KEYS, KNOWN)
def test_the_same_night_twice_changes_nothing_the_second_time(now: frozenset[str], known: dict[str, str]) -> None:
    change = rules.changes(now, known)
    after = {**known, **dict.fromkeys(change.fresh | change.again, rules.OPEN), **dict.fromkeys(change.gone, rules.WITHDRAWN)}
    assert rules.changes(now, after) == rules.Changes(frozenset(), frozenset(), frozenset())


def way(*rows: Contact | Referral) -> Way:
    contacts = [r for r in rows if isinstance(r, Contact)]
    cases = [r for r in rows if isinstance(r, Referral)]
    return Way(contacts, cases, lambda home, day: CATALOGUE, lambda org, day: {"I10"} if org == TOWN.org else set())


def period(since: float, until: float) -> Period:
    return Period(T0 + since * HOUR, T0 + until * HOUR, on(), asking())


def codes(found: list[tuple[Found, str]]) -> list[str]:
    return [f.code for f, _hash in found]


def test_all_four_kinds_are_looked_for() -> None:
    out, into = stay("x", TOWN, 0, 10), stay("y", GENERAL, 11, None)
    assert codes(rules.found(way(out, into), [period(0, 40)])) == ["discharge_instead"]
    direct = Contact("v", "a", GENERAL, "I10", VISIT, T0 + 30 * HOUR)
    assert codes(rules.found(way(direct), [period(0, 40)])) == ["bypass"]
    assert codes(rules.found(way(replace(case(5), group="I10", origin=TOWN, receiver=GENERAL)), [period(0, 40)])) == [
        "easily_treated"
    ]
    mute = Contact("v", "a", TOWN, "I10", VISIT, T0, T0 + HOUR, "unstated")
    assert codes(rules.found(way(mute), [period(0, 40)])) == ["turned_away"]


def test_each_day_is_judged_by_what_was_in_force_on_it() -> None:
    rows = way(stay("x", TOWN, 0, 10), stay("y", GENERAL, 20, None))
    quiet = replace(on(), policy=replace(POLICY, discharge_watched=False))
    before, after_it = period(0, 20), period(20, 40)
    assert codes(rules.found(rows, [replace(before, grounds=quiet), after_it])) == ["discharge_instead"]
    assert codes(rules.found(rows, [before, replace(after_it, grounds=quiet)])) == []
    # the first instant of a period is its own, the last is the next one's
    assert codes(rules.found(rows, [period(0, 20)])) == []


def test_an_alert_is_known_again_by_its_kind_and_its_rows_and_names_none_of_them() -> None:
    [(one, _)] = rules.found(way(stay("x", TOWN, 0, 10), stay("y", GENERAL, 11, None)), [period(0, 40)])
    again = replace(one, at=one.at + HOUR, reason=Reason("x", "y"))
    assert rules.key_of(again) == rules.key_of(one)
    others = [replace(one, code="bypass"), replace(one, rows=one.rows[:1]), replace(one, rows=one.rows[::-1])]
    assert len({rules.key_of(o) for o in (one, *others)}) == 4
    assert "x" not in rules.key_of(one)


def test_a_visit_without_a_disposition_is_counted_and_a_stay_is_asked_about() -> None:
    for kind, state in ((VISIT, rules.COUNTED), (STAY, rules.OPEN)):
        [(found, _)] = rules.found(way(Contact("v", "a", TOWN, "J00", kind, T0, T0 + HOUR, "unstated")), [period(0, 40)])
        assert rules.first_state(found) == state
        assert rules.state_again(found, "") == state
        assert rules.state_again(found, "a cause") == rules.ANSWERED


def test_why_an_alert_is_withdrawn() -> None:
    late = replace(case(12), person="a", group="I10")
    assert rules.withdrawal("a", "I10", T0 + 12 * HOUR, [late]) == rules.COVERED
    assert rules.withdrawal("a", "I10", T0 + 12.01 * HOUR, [late]) == rules.CHANGED
    assert rules.withdrawal("b", "I10", T0, [late]) == rules.withdrawal("a", "J00", T0, [late]) == rules.CHANGED


# --- admitted out of an emergency ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours_before", "there", "urgent", "marked"),
    [(0, GENERAL, True, True), (6, GENERAL, True, True), (6.01, GENERAL, True, False), (-0.01, GENERAL, True, False),
     (1, TOWN, True, False), (1, GENERAL, False, False)],
)  # fmt: skip
def test_an_admission_soon_after_an_emergency_visit_at_the_same_place_is_one(
    hours_before: float, there: object, urgent: bool, marked: bool
) -> None:
    into = stay("y", GENERAL, 20, None)
    visit = Contact("v", "a", there, "J00", VISIT, into.start - hours_before * HOUR, emergency=urgent)  # type: ignore[arg-type]
    found = {c.key: c.emergency for c in admitted_as_emergency([into, visit], POLICY)}
    assert found == {"y": marked, "v": urgent}
    other = {c.key: c.emergency for c in admitted_as_emergency([into, replace(visit, person="b")], POLICY)}
    assert other["y"] is False


def test_rows_are_needed_from_as_long_before_as_two_of_them_may_lie_apart() -> None:
    assert POLICY.look_back == 20 * HOUR
    assert replace(POLICY, episode_gap=POLICY.case_late).look_back == 15 * HOUR


@settings(max_examples=300, deadline=None)
@given(contacts((VISIT, STAY)), referrals(), st.integers(0, 60))
def test_rows_that_ended_longer_ago_than_that_change_nothing(rows: list[Contact], cases: list[Referral], since: int) -> None:
    asked, from_there = [period(since, 100)], T0 + since * HOUR - POLICY.look_back
    recent = [c for c in rows if (c.end or c.start) >= from_there]
    assert rules.found(way(*recent, *cases), asked) == rules.found(way(*rows, *cases), asked)


# --- answered and judged ------------------------------------------------------------------------------------------------------


def wanted(action: str, words: str = "because", by: UUID = TWO, at: datetime = T0) -> Wanted:
    return Wanted(action, by, at, words)


ANSWERED = Alert(rules.ANSWERED, T0, "because", ONE)


@pytest.mark.parametrize(
    ("alert", "act", "fault"),
    [
        (Alert(), wanted("answer"), ""),
        (Alert(), wanted("answer", "  "), rules.CAUSE_MISSING),
        (Alert(), wanted("justify"), rules.NO_SUCH_STEP),
        (Alert(), wanted("withdraw"), rules.NO_SUCH_STEP),
        (Alert(due_at=T0), wanted("correct"), rules.NOT_OVERDUE),
        (Alert(due_at=T0), wanted("correct", at=T0 + timedelta(microseconds=1)), ""),
        (ANSWERED, wanted("justify", ""), ""),
        (ANSWERED, wanted("correct"), ""),
        (ANSWERED, wanted("correct", " "), rules.NOTE_MISSING),
        (ANSWERED, wanted("justify", by=ONE), rules.SAME_PERSON),
        (ANSWERED, wanted("correct", by=ONE), rules.SAME_PERSON),
        (ANSWERED, wanted("answer"), rules.NO_SUCH_STEP),
        (Alert(rules.COUNTED), wanted("answer"), rules.NO_SUCH_STEP),
        (Alert(rules.WITHDRAWN), wanted("answer"), rules.NO_SUCH_STEP),
    ],
)
def test_who_may_do_what_when(alert: Alert, act: Wanted, fault: str) -> None:
    assert rules.fault(alert, act) == fault
    if fault:
        with pytest.raises(ValueError, match=fault):
            rules.after(alert, act)


class AlertMachine(RuleBasedStateMachine):
    """An alert under whatever people and nights do with it."""

    def __init__(self) -> None:
        super().__init__()
        self.alert, self.at, self.judged = Alert(due_at=T0 + 5 * HOUR), T0, ""

    @rule(hours=st.integers(0, 4))
    def time_passes(self, hours: int) -> None:
        self.at += hours * HOUR

    @rule(
        action=st.sampled_from((*rules.ACTIONS, rules.WITHDRAW)),
        words=st.sampled_from(("", " ", "x")),
        by=st.sampled_from((ONE, TWO)),
    )
    def somebody_acts(self, action: str, words: str, by: UUID) -> None:
        act = Wanted(action, by, self.at, words)
        if rules.fault(self.alert, act):
            return
        self.alert = rules.after(self.alert, act)
        if self.alert.state in rules.JUDGED:
            assert not self.judged
            assert by != self.alert.answered_by
            self.judged = self.alert.state

    @rule(found=st.booleans())
    def a_night_passes(self, found: bool) -> None:
        change = rules.changes({"k"} if found else set(), {"k": self.alert.state})
        if change.gone:
            self.alert = replace(self.alert, state=rules.TABLE[self.alert.state, rules.WITHDRAW])
        if change.again:
            self.alert = replace(self.alert, state=rules.ANSWERED if self.alert.cause else rules.OPEN)

    @invariant()
    def it_is_in_a_known_state_and_what_was_judged_stays(self) -> None:
        assert self.alert.state in rules.STATES
        assert not self.judged or self.alert.state == self.judged

    @invariant()
    def no_answer_without_a_cause_and_no_correction_without_words(self) -> None:
        if self.alert.state in (rules.ANSWERED, rules.JUSTIFIED):
            assert self.alert.cause.strip()
            assert self.alert.answered_by is not None
        if self.alert.state == rules.TO_CORRECT:
            assert self.alert.note.strip()

    @precondition(lambda self: self.alert.state == rules.TO_CORRECT and not self.alert.cause)
    @rule()
    def without_an_answer_only_after_its_time(self) -> None:
        assert self.at > T0 + 5 * HOUR


TestAlertMachine = AlertMachine.TestCase
