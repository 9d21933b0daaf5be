"""Who may act for a resident: relatives whom an adult names, guardians with a document; as many at once as the policy says."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenji.care.registry import rules
from fenji.care.registry.rules import BadField, NewProxy, ProxyPolicy, Term

TODAY = date(2026, 11, 23)
ADULT, CHILD = date(1950, 6, 7), date(2016, 11, 24)
POLICY = ProxyPolicy(proxies_at_once=2, adult_years=18)
TYPED = NewProxy(" 林 小芳", "child", "139 1234 5678", False, "", False, "oral", Term(TODAY))


def test_a_proxy_is_kept_folded_and_a_document_without_guardianship_is_not_kept() -> None:
    kept = rules.new_proxy(replace(TYPED, document="户口簿"), ADULT, TODAY, POLICY)
    assert (kept.name, kept.phone, kept.document) == ("林小芳", "13912345678", "")


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"name": " "}, "name", "required"),
        ({"phone": "0598-5822120"}, "phone", "mobile"),
        ({"phone": ""}, "phone", "mobile"),
        ({"relation": "friend"}, "relation", "required"),
        ({"how": ""}, "how", "required"),
        ({"guardian": True}, "document", "required"),
        ({"guardian": True, "document": "a\nb"}, "document", "characters"),
        ({"term": Term(TODAY - timedelta(days=1))}, "start", "past"),
        ({"term": Term(TODAY, TODAY)}, "end", "order"),
    ],
)
def test_what_cannot_be_a_proxy_names_the_field(change: dict[str, object], field: str, code: str) -> None:
    with pytest.raises(BadField) as wrong:
        rules.new_proxy(replace(TYPED, **change), ADULT, TODAY, POLICY)  # type: ignore[arg-type]
    assert (wrong.value.field, wrong.value.code) == (field, code)


def test_a_child_names_nobody_until_the_birthday_on_which_it_is_of_age() -> None:
    born = date(TODAY.year - 18, TODAY.month, TODAY.day + 1)
    with pytest.raises(BadField) as wrong:
        rules.new_proxy(TYPED, born, TODAY, POLICY)
    assert (wrong.value.field, wrong.value.code) == ("guardian", "child")
    assert rules.new_proxy(TYPED, born - timedelta(days=1), TODAY, POLICY).guardian is False
    by_law = replace(TYPED, guardian=True, document="出生医学证明")
    assert rules.new_proxy(by_law, CHILD, TODAY, POLICY).document == "出生医学证明"


def test_days_are_half_open() -> None:
    term = Term(TODAY, TODAY + timedelta(days=2))
    covered = [term.covers(TODAY + timedelta(days=n)) for n in (-1, 0, 1, 2)]
    assert covered == [False, True, True, False]
    assert Term(TODAY).covers(date(2199, 1, 1))


def test_as_many_act_at_once_as_the_policy_says_and_others_before_and_after() -> None:
    first, second = Term(TODAY, TODAY + timedelta(days=10)), Term(TODAY + timedelta(days=5))
    with pytest.raises(rules.TooManyProxies):
        rules.check_room(Term(TODAY), [first, second], POLICY)
    rules.check_room(Term(TODAY + timedelta(days=10)), [first, second], POLICY)
    rules.check_room(Term(TODAY, TODAY + timedelta(days=5)), [first, second], POLICY)


_TERMS = st.tuples(st.integers(0, 12), st.one_of(st.none(), st.integers(1, 12))).map(
    lambda t: Term(TODAY + timedelta(days=t[0]), None if t[1] is None else TODAY + timedelta(days=t[0] + t[1]))
)


@given(_TERMS, st.lists(_TERMS, max_size=6), st.integers(1, 3))
def test_there_is_room_exactly_when_no_day_has_as_many_already(new: Term, others: list[Term], most: int) -> None:
    days = [TODAY + timedelta(days=n) for n in range(40)]
    full = any(new.covers(d) and sum(o.covers(d) for o in others) >= most for d in days)
    try:
        rules.check_room(new, others, replace(POLICY, proxies_at_once=most))
        assert not full
    except rules.TooManyProxies:
        assert full
