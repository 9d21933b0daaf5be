"""The tables of the case, looked at as graphs."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from fenji.care.referral import rules, texts
from fenji.ground.access import rules as access

WAYS = {rules.UP: rules.STATES, rules.DOWN: rules.DOWN_STATES}
MOVES = [move for table in rules.TABLES.values() for move in table.values()]


def reached(way: str, state: str) -> set[str]:
    seen, todo = set(), [state]
    while todo:
        here = todo.pop()
        seen.add(here)
        todo += [m.state for (s, _, _), m in rules.TABLES[way].items() if s == here and m.state not in seen]
    return seen


@pytest.mark.parametrize("way", rules.DIRECTIONS)
def test_every_open_state_leads_to_an_end_and_every_end_is_final(way: str) -> None:
    for state in set(rules.OPEN_STATES) & set(WAYS[way]):
        assert reached(way, state) & set(rules.ENDS), state
    assert not [s for s, _, _ in rules.TABLES[way] if s in rules.ENDS]


@pytest.mark.parametrize("way", rules.DIRECTIONS)
def test_every_state_is_reached_from_a_draft(way: str) -> None:
    assert reached(way, rules.DRAFT) == set(WAYS[way])
    assert {s for s, _, _ in rules.TABLES[way]} <= set(WAYS[way])


def test_open_states_have_a_holder_with_a_role_and_a_deadline_and_ends_have_none() -> None:
    for move in MOVES:
        if move.state in rules.ENDS:
            assert (move.holder, move.role, move.limit) == ("", "", "")
        else:
            assert move.holder in (rules.ORIGIN, rules.REVIEW, rules.RECEIVER)
            assert move.role in access.CLINICAL
            assert move.limit == rules.RUNNING or move.limit in rules.ReferralPolicy.__dataclass_fields__


def test_the_holder_of_every_open_state_can_act_on_it() -> None:
    roles = {
        rules.ORIGIN: (access.DOCTOR,),
        rules.REVIEW: rules.OFFICE,
        rules.RECEIVER: (access.DESK,),
        rules.WARD: (access.DOCTOR,),
    }
    for way, table in rules.TABLES.items():
        for move in table.values():
            if move.state in rules.ENDS:
                continue
            # on the way down the receiver's step lies on the desk's or the doctors' list, as the branch has a desk or not
            below = (access.DESK, access.DOCTOR) if way == rules.DOWN and move.holder == rules.RECEIVER else (move.role,)
            for role in below:
                able = {p for (s, p, _) in table if s == move.state and role in roles.get(p, ())}
                assert able, f"{way}: {move.state} waits for {role}, who has no action there"


def test_every_state_action_reason_and_outcome_has_a_name() -> None:
    assert set(texts.STATES) == set(rules.STATES)
    assert set(texts.ACTIONS) >= set(rules.ACTIONS)
    assert set(texts.EVENTS) == {*rules.ACTIONS, "draft", "revise", "return", "file", "return_up", *rules.WORDS}
    assert set(texts.OUTCOMES) == set(rules.OUTCOMES)
    assert set(texts.KINDS) == {*(f"referral.{s}" for s in rules.OPEN_STATES), "referral.met"}
    assert set(texts.ROUTES) == set(rules.ROUTES)
    assert set(texts.NOTICES) >= {f"referral.{a}" for table in rules.TABLES.values() for (_, _, a), m in table.items() if m.tells}


REQUESTER, OTHER = uuid4(), uuid4()
CASE = rules.CaseView(rules.IN_REVIEW, 1, 2, REQUESTER, review_id=1)
ABOVE = rules.CaseView(rules.IN_REVIEW, 1, 2, REQUESTER, review_id=3)
LATE = rules.CaseView(rules.IN_REVIEW, 1, 2, REQUESTER, review_id=1, upper_id=3)


@pytest.mark.parametrize(
    ("account", "role", "org", "party"),
    [
        (OTHER, access.DOCTOR, 1, rules.ORIGIN),
        (OTHER, access.REVIEWER, 1, rules.REVIEW),
        (OTHER, access.MANAGER, 1, rules.REVIEW),
        (OTHER, access.DESK, 2, rules.RECEIVER),
        (OTHER, access.MANAGER, 2, rules.RECEIVER),
        (OTHER, access.DOCTOR, 2, rules.WARD),
        (OTHER, access.DESK, 1, None),
        (OTHER, access.REVIEWER, 2, None),
        (OTHER, access.DOCTOR, 3, None),
        (OTHER, access.OFFICER, 1, None),
    ],
)
def test_who_meets_a_case_as_which_party(account: object, role: str, org: int, party: str | None) -> None:
    assert rules.party_of(CASE, account, role, org) == party  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("case", "role", "org", "delegated", "party"),
    [
        # reviewed above: the office there, not the own reviewers; what it receives otherwise plays no part yet
        (ABOVE, access.DESK, 3, False, rules.REVIEW),
        (ABOVE, access.MANAGER, 3, False, rules.REVIEW),
        (ABOVE, access.DOCTOR, 3, False, None),
        (ABOVE, access.REVIEWER, 1, False, None),
        (ABOVE, access.MANAGER, 1, False, None),
        (ABOVE, access.DOCTOR, 1, False, rules.ORIGIN),
        # too late: the unit above may take it over; who was to review still may decide
        (LATE, access.DESK, 3, False, rules.UPPER),
        (LATE, access.DOCTOR, 3, False, None),
        (LATE, access.REVIEWER, 1, False, rules.REVIEW),
        # standing in
        (CASE, access.DOCTOR, 1, True, rules.REVIEW),
        (CASE, access.DESK, 1, True, rules.REVIEW),
        (CASE, access.DOCTOR, 3, True, None),
        (ABOVE, access.DOCTOR, 3, True, rules.REVIEW),
        (ABOVE, access.DOCTOR, 1, True, rules.ORIGIN),
    ],
)
def test_who_reviews_where_it_is_reviewed(case: rules.CaseView, role: str, org: int, delegated: bool, party: str | None) -> None:
    assert rules.party_of(case, OTHER, role, org, delegated=delegated) == party


@pytest.mark.parametrize(
    ("case", "role", "org"),
    [
        (CASE, access.REVIEWER, 1),
        (CASE, access.MANAGER, 1),
        (CASE, access.DESK, 1),
        (ABOVE, access.DESK, 3),
        (ABOVE, access.REVIEWER, 1),
        (LATE, access.DESK, 3),
    ],
)
def test_the_requester_is_never_the_reviewer(case: rules.CaseView, role: str, org: int) -> None:
    """Not in another post either, nor elsewhere, nor for a colleague."""
    with pytest.raises(rules.OwnReview):
        rules.party_of(case, REQUESTER, role, org, delegated=role == access.DESK and org == 1)


def test_a_doctor_who_stands_in_remains_the_sender_of_their_own_referral() -> None:
    assert rules.party_of(CASE, REQUESTER, access.DOCTOR, 1, delegated=True) == rules.ORIGIN


def test_nothing_but_a_reviewer_leads_from_a_review_to_an_offer() -> None:
    """Never approved by itself: however late it is, the house only lets more people review."""
    out = {
        (party, action)
        for (state, party, action), move in rules.TABLE.items()
        if state == rules.IN_REVIEW and move.state == rules.OFFERED
    }
    assert out == {(rules.REVIEW, "approve")}
    house = [move.state for (state, party, _), move in rules.TABLE.items() if state == rules.IN_REVIEW and party == rules.HOUSE]
    assert house == [rules.IN_REVIEW, rules.SUPERSEDED]


def test_a_missing_row_is_told_apart_from_somebody_elses_move() -> None:
    with pytest.raises(rules.NotYourMove):
        rules.step(CASE, rules.ORIGIN, "approve")
    with pytest.raises(rules.NotPossible):
        rules.step(CASE, rules.REVIEW, "accept")


def test_duty_passes_on_arrival_and_stays_there() -> None:
    steps = {
        ("offered", "accepted"): rules.ORIGIN,
        ("accepted", "arrived"): rules.RECEIVER,
        ("arrived", "answered"): rules.RECEIVER,
        ("arrived", "died"): rules.RECEIVER,
        ("answered", "closed"): rules.RECEIVER,
        ("declined", "closed"): rules.ORIGIN,
        ("accepted", "died"): rules.ORIGIN,
        # down: arrival is what closes a case that was accepted
        ("accepted", "closed"): rules.RECEIVER,
        ("missed", "closed"): rules.ORIGIN,
    }
    assert {step: rules.duty_after(*step) for step in steps} == steps


def test_the_reference_shows_the_table_row_by_row() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "case-table.md").read_text(encoding="utf-8")
    shown = [line for line in page.splitlines() if line.startswith("| `") and line.count("|") == 10]
    assert shown == [_line(key, move) for table in rules.TABLES.values() for key, move in table.items()]


def test_accepted_leads_to_closed_by_arrival_alone() -> None:
    """Who is responsible follows from the two states, so no other step may lead from one to the other."""
    found = {(way, a) for way, t in rules.TABLES.items() for (s, _, a), m in t.items() if rules.arrives_below(s, m.state)}
    assert found == {(rules.DOWN, "arrive")}


def test_on_the_way_down_nobody_reviews_and_desk_head_and_doctors_of_the_branch_may_do_the_same() -> None:
    parties = {p for _, p, _ in rules.DOWN_TABLE}
    assert parties == {rules.ORIGIN, rules.RECEIVER, rules.WARD, rules.HOUSE}
    mine = {p: {(s, a): m for (s, q, a), m in rules.DOWN_TABLE.items() if q == p} for p in (rules.RECEIVER, rules.WARD)}
    assert mine[rules.RECEIVER] == mine[rules.WARD]


def _line(key: tuple[str, str, str], move: rules.Move) -> str:
    holder = f"{move.holder} · {move.role}" if move.holder else "—"
    limit = {"": "—", rules.RUNNING: "as it runs"}.get(move.limit, f"`{move.limit}`")
    cells = (f"`{key[0]}`", key[1], f"`{key[2]}`", f"`{move.state}`", holder, limit, "yes" if move.note else "")
    return f"| {' | '.join((*cells, move.tells, move.only))} |"


def test_rows_that_ask_something_of_the_case_are_open_only_where_it_holds() -> None:
    offered = rules.CaseView(rules.OFFERED, 1, 2, REQUESTER)
    urgent = rules.CaseView(rules.OFFERED, 1, 2, REQUESTER, emergency=True, critical=True, lapsed=True)
    assert {"arrive"} == {*rules.open_actions(urgent, rules.RECEIVER)} - {*rules.open_actions(offered, rules.RECEIVER)}
    assert {"offer", "leave"} == {*rules.open_actions(urgent, rules.ORIGIN)} - {*rules.open_actions(offered, rules.ORIGIN)}
    with pytest.raises(rules.NotPossible):
        rules.step(offered, rules.RECEIVER, "arrive")


def test_every_open_case_can_be_ended_by_an_emergency_but_one_on_its_way() -> None:
    for state in rules.OPEN_STATES:
        for emergency in (False, True):
            case = rules.CaseView(state, 1, 2, REQUESTER, emergency=emergency)
            able = "supersede" in rules.open_actions(case, rules.HOUSE)
            assert able != (emergency and state in (rules.OFFERED, rules.ACCEPTED))
