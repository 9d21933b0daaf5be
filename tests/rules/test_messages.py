"""Messages to residents: when they are tried again, and that no template can speak of a patient."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from fenji.care.referral import rules as referral
from fenji.care.referral import texts
from fenji.ground.tasks import kinds, rules

POLICY = rules.MessagePolicy(
    unread_days=30, message_tries=9, message_first_minutes=2, message_longest_minutes=240, message_hours=48
)  # fmt: skip


def test_each_wait_is_twice_the_one_before_up_to_the_longest() -> None:
    waits = [rules.wait_after(n, POLICY) // timedelta(minutes=1) for n in range(1, 11)]
    assert waits == [2, 4, 8, 16, 32, 64, 128, 240, 240, 240]


@given(st.integers(1, 30000), st.integers(1, 10_000), st.integers(1, 10_000))
def test_no_wait_is_shorter_than_the_first_or_longer_than_the_longest(tries: int, first: int, longest: int) -> None:
    policy = rules.MessagePolicy(30, 9, first, longest, 48)
    wait = rules.wait_after(tries, policy)
    assert timedelta(minutes=min(first, longest)) <= wait <= timedelta(minutes=longest)


def _holds_more_than_a_link(words: str) -> bool:
    named = re.findall(r"%\((\w+)\)s", words) != ["link"] or "%" in words.replace("%(link)s", "")
    return named or "{" in words or re.search(r"\d", words) is not None


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_template_holds_a_link_and_nothing_else(language: str) -> None:
    """A text may name one thing, the link: whatever is known of a patient has no place to stand in."""
    assert set(kinds.templates()) >= {"referral.offered", "referral.accepted"}
    with override(language):
        assert not [code for code, text in kinds.templates().items() if _holds_more_than_a_link(str(text))]


@pytest.mark.parametrize("words", ["%(name)s: %(link)s", "%(link)s %s", "no link", "{name} %(link)s", "I10 %(link)s"])
def test_a_template_that_holds_more_would_be_found(words: str) -> None:
    assert _holds_more_than_a_link(words)


@pytest.mark.parametrize("url", ["/r/ab-_9", "/r/AAAAAAAAAAAAAAAAAAAAAA", "/x/y"])
def test_an_opaque_address_is_a_plain_link(url: str) -> None:
    assert rules.is_plain_link(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/",
        "r/x",
        "/r/",
        "/r/x?name=陈",
        "/r/陈小明",
        "https://e.test/r/x",
        "//e.test/x",
        "/r/x/y",
        "/r/x y",
        "/r/x#y",
        "/r/x\n",
    ],
)
def test_an_address_that_could_carry_words_is_no_plain_link(url: str) -> None:
    assert not rules.is_plain_link(url)


@pytest.mark.parametrize(
    ("phone", "may"),
    [("13912345678", True), ("05981234567", False), ("", False), ("1391234567", False), ("１３９１２３４５６７８", False)],
)
def test_only_a_mobile_number_takes_a_text_message(phone: str, may: bool) -> None:
    assert rules.may_be_texted(phone) is may


@pytest.mark.parametrize(
    ("typed", "four"),
    [
        ("123X", "123X"), ("123x", "123X"), (" 12 3x ", "123X"), ("１２３Ｘ", "123X"), ("35042719500607123X", "123X"),
        ("1234", "1234"), ("13912345678", "5678"), ("123", ""), ("", ""), ("12X4", ""), ("abcd", ""), ("١٢٣٤", ""), ("12345X6", ""),
    ],
)  # fmt: skip
def test_the_last_four_characters_are_read_as_people_type_them(typed: str, four: str) -> None:
    assert referral.last_four(typed) == four


def test_a_token_has_128_bits_and_its_answer_is_bound_to_it() -> None:
    one, other = referral.new_token(), referral.new_token()
    assert one != other
    assert len(one) == len(other) == 22
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", one)
    assert referral.answer_digest(one, "1234") != referral.answer_digest(other, "1234")
    assert referral.answer_digest(one, "1234") != referral.answer_digest(one, "1235")
    assert referral.token_hash(one) != referral.answer_digest(one, "")


def test_every_state_of_a_case_has_words_for_the_resident_and_none_speaks_of_death() -> None:
    assert set(texts.OWN_PAGE) == set(referral.STATES)
    assert texts.OWN_PAGE["died"] == texts.OWN_PAGE["closed"]
