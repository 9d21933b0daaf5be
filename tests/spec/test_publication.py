"""The three channels of SM-3-2g, as a drawn table an officer can read and correct; and who is shown first to a villager (SM-3-2l).

A list is version 2, public and in force since 2026-09-01. In Sanming three kinds of channels are needed (SM-3-2g); within 15 days
they are to be logged, and for 365 days an entry holds (platform defaults, PF-publication-channels).
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from fenji.ground.policy import queries
from fenji.ground.publication import rules

SANMING = ("35", "350400", "350405", "org:104")
QUANZHOU = ("35", "350500", "350582", "org:9")
BEGUN = date(2026, 9, 1)
COPY = rules.Copy(number=2, start=BEGUN, published_on=BEGUN)


def policy(path: tuple[str, ...] = SANMING, on: date = BEGUN) -> rules.PublicationPolicy:
    return queries.resolve(rules.PublicationPolicy, path, on)


def entries(*rows: str) -> list[rules.Entry]:
    """`board 09-03 v2` in words."""
    return [
        rules.Entry(channel, date.fromisoformat(f"2026-{day}"), int(version[1:])) for channel, day, version in map(str.split, rows)
    ]


# fmt: off
TABLE = [
    # logged                                                           on       outcome    web       app       board
    ((),                                                              "09-05", "pending", "due",     "due",     "due"),
    (("web 09-01 v2",),                                               "09-16", "pending", "ok",      "due",     "due"),
    (("web 09-01 v2",),                                               "09-17", "short",   "ok",      "missing", "missing"),
    (("web 09-01 v2", "app 09-03 v2"),                                "09-17", "short",   "ok",      "ok",      "missing"),
    (("web 09-01 v2", "board 09-03 v2"),                              "09-17", "short",   "ok",      "missing", "ok"),
    (("web 09-01 v2", "app 09-03 v2", "board 09-17 v2"),              "09-17", "met",     "ok",      "ok",      "ok"),
    # logged tomorrow is not logged today
    (("web 09-01 v2", "app 09-03 v2", "board 09-18 v2"),              "09-17", "short",   "ok",      "ok",      "missing"),
    # an earlier list still hangs on the board
    (("web 09-01 v2", "app 09-03 v2", "board 08-01 v1"),              "09-16", "pending", "ok",      "ok",      "due"),
    (("web 09-01 v2", "app 09-03 v2", "board 08-01 v1"),              "09-17", "short",   "ok",      "ok",      "old"),
]
# fmt: on


@pytest.mark.parametrize(("logged", "on", "outcome", "web", "app", "board"), TABLE)
def test_sanming_needs_three_channels(logged: tuple[str, ...], on: str, outcome: str, web: str, app: str, board: str) -> None:
    day = date.fromisoformat(f"2026-{on}")
    found = rules.standing(COPY, entries(*logged), day, policy())
    assert found.outcome == outcome
    assert [(c.kind, c.state) for c in found.channels] == [("web", web), ("app", app), ("board", board)]


def test_two_of_three_logged_leaves_the_third_missing() -> None:
    logged = entries("web 09-01 v2", "board 09-02 v2")
    late = rules.standing(COPY, logged, date(2026, 10, 1), policy()).late
    assert [c.kind for c in late] == ["app"]
    assert late[0].until == date(2026, 9, 16)


def test_an_entry_holds_for_the_days_of_the_policy_and_not_one_more() -> None:
    logged = entries("web 09-01 v2", "app 09-01 v2", "board 09-01 v2")
    last = BEGUN + timedelta(days=policy().stale_after_days)
    assert rules.standing(COPY, logged, last, policy()).outcome == "met"
    stale = rules.standing(COPY, logged, last + timedelta(days=1), policy())
    assert stale.outcome == "short"
    assert {c.state for c in stale.late} == {"stale"}
    assert not rules.is_stale(BEGUN, last, policy())
    assert rules.is_stale(BEGUN, last + timedelta(days=1), policy())


def test_a_list_that_changed_makes_every_earlier_entry_old() -> None:
    logged = entries("web 09-01 v2", "app 09-01 v2", "board 09-01 v2")
    third = rules.Copy(3, date(2026, 12, 1), date(2026, 11, 20))
    assert rules.standing(third, logged, date(2026, 12, 16), policy()).outcome == "pending"
    assert {c.state for c in rules.standing(third, logged, date(2026, 12, 17), policy()).channels} == {"old"}


def test_the_days_run_from_when_the_list_is_known_and_in_force_whichever_is_later() -> None:
    late = rules.Copy(1, date(2022, 3, 1), date(2026, 9, 10))
    assert rules.standing(late, [], date(2026, 9, 25), policy()).outcome == "pending"
    assert rules.standing(late, [], date(2026, 9, 26), policy()).outcome == "short"


def test_without_a_list_nothing_is_met() -> None:
    found = rules.standing(None, [], BEGUN, policy())
    assert found.outcome == "none"
    assert {c.state for c in found.channels} == {"missing"}


def test_elsewhere_and_before_the_document_one_channel_is_enough() -> None:
    logged = entries("web 09-01 v2")
    for path, on in ((QUANZHOU, BEGUN), (SANMING, date(2022, 2, 28))):
        found = policy(path, on)
        assert found.channels_needed == 1
        assert rules.standing(COPY, logged, date(2026, 10, 1), found).outcome == "met"
        assert queries.sources(rules.PublicationPolicy, path, on)["channels_needed"].clause_id == "PF-publication-channels"
    assert policy().channels_needed == 3 == len(rules.CHANNELS)
    assert queries.sources(rules.PublicationPolicy, SANMING, BEGUN)["channels_needed"].clause_id == "SM-3-2g"


# fmt: off
NEAR = [
    # at           institution's place        how near
    ("350405101", "350405101000/00000104", 0),
    ("350405101", "350405101203/00001017", 0),
    ("350405101", "350405102000/00000105", 1),
    ("350405",    "350405102000/00000105", 1),
    ("350405101", "350404001000/00000002", 2),
    ("350405101", "350102000000/00000001", 3),
    ("",          "350102000000/00000001", 4),
]
# fmt: on


@pytest.mark.parametrize(("at", "path", "near"), NEAR)
def test_the_same_township_is_nearer_than_the_county_and_that_than_the_city(at: str, path: str, near: int) -> None:
    assert rules.nearness(at, path) == near


@pytest.mark.parametrize("values", [(4, 15, 365), (-1, 15, 365), (3, -1, 365), (3, 15, -1)])
def test_a_policy_that_cannot_be_met_is_none(values: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="not a policy"):
        rules.PublicationPolicy(*values)
