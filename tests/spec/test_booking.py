"""Booking by its clauses: SM-1-2c (three priorities), SM-3-5j (a slot for the referred), QZ-2-11h (green channel)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import UUID

import pytest

from fenji.care.booking import rules
from fenji.care.booking.rules import EMERGENCY, PUBLIC, RETURNING, UP_REFERRED, BookingPolicy, Opening, SlotFacts, Want
from fenji.ground.common.clock import DutyCalendar, Span
from fenji.ground.common.refusal import Refused
from fenji.ground.policy.queries import resolve

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
SANMING, QUANZHOU = ("35", "350400", "350405"), ("35", "350500", "350583")
ROUND_THE_CLOCK = DutyCalendar((), {})


@pytest.fixture
def policy() -> BookingPolicy:
    return resolve(BookingPolicy, SANMING, NOW.date())


def want(n: int, priority: str, policy: BookingPolicy, *, minute: int = 0, kind: str = rules.CLINIC, **other: object) -> Want:
    at = NOW + timedelta(minutes=minute)
    ranked = (rules.rank(priority, kind, policy), at, 3, kind)
    return Want(UUID(int=n), *ranked, public=rules.is_public(priority, kind, policy), **other)


def opening(
    n: int, *, days: float = 1, kind: str = rules.CLINIC, item: str = "", department: int | None = None, quota: bool = False
):
    return Opening(UUID(int=n), NOW + timedelta(days=days), 3, kind, item, department, quota)


# --- SM-1-2c: an up-referred patient comes first for visits and examinations ---------------------------------------------------


@pytest.mark.parametrize("kind", rules.KINDS)
def test_of_two_who_ask_in_the_same_minute_for_the_last_slot_the_up_referred_one_wins(policy: BookingPolicy, kind: str) -> None:
    walk_in, referred = want(1, PUBLIC, policy, kind=kind), want(2, UP_REFERRED, policy, kind=kind)
    assert [w.id for w in rules.queue([walk_in, referred])] == [referred.id, walk_in.id]
    assert rules.proposals([walk_in, referred], [opening(9, kind=kind)]) == [(referred, opening(9, kind=kind))]


def test_the_queue_is_emergency_up_referred_returning_public_and_then_time(policy: BookingPolicy) -> None:
    ordered = [
        want(1, EMERGENCY, policy, minute=50),
        want(2, UP_REFERRED, policy, minute=10),
        want(3, UP_REFERRED, policy, minute=40),
        want(4, RETURNING, policy, minute=5),
        want(5, PUBLIC, policy, minute=0),
    ]
    assert all(rules.queue(mixed) == ordered for mixed in permutations(ordered))


def test_sanming_names_three_services_and_nobody_may_take_one_away(policy: BookingPolicy) -> None:
    assert policy.priority_services == ("clinic", "examination", "bed")


def test_where_a_service_is_not_named_only_emergencies_come_before_the_rest(policy: BookingPolicy) -> None:
    from dataclasses import replace

    plain = replace(policy, priority_services=("bed",))
    ranks = [rules.rank(p, rules.CLINIC, plain) for p in (EMERGENCY, UP_REFERRED, RETURNING, PUBLIC)]
    assert ranks == [0, 3, 3, 3]
    assert rules.is_public(UP_REFERRED, rules.CLINIC, plain)


@pytest.mark.parametrize("order", [("emergency",), ("public", "public", "emergency", "up_referred"), ()])
def test_an_order_that_leaves_somebody_out_is_no_policy(policy: BookingPolicy, order: tuple[str, ...]) -> None:
    from dataclasses import replace

    with pytest.raises(ValueError, match="order"):
        replace(policy, queue_order=order)


# --- SM-3-5j, QZ-2-11h: who may take which slot, and for how long --------------------------------------------------------------

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def slot(**facts: object) -> SlotFacts:
    known = {"start_at": NOW + 3 * DAY, "open": True, "taken": False, "reserved": False, "release_at": NOW + 2 * DAY, **facts}
    return SlotFacts(**known)


Case = tuple[str, dict[str, object], str, type[Refused] | None]
TAKING: list[Case] = [
    ("a free slot, the public", {}, PUBLIC, None),
    ("a reserved slot, the public", {"reserved": True}, PUBLIC, rules.QuotaOnly),
    ("a reserved slot, up-referred", {"reserved": True}, UP_REFERRED, None),
    ("a reserved slot, coming back", {"reserved": True}, RETURNING, None),
    ("a reserved slot, an emergency through the green channel", {"reserved": True}, EMERGENCY, None),
    ("a reserved slot after its release, the public", {"reserved": True, "release_at": NOW}, PUBLIC, None),
    ("a taken slot, an emergency", {"taken": True}, EMERGENCY, rules.SlotTaken),
    ("a cancelled session", {"open": False}, EMERGENCY, rules.SessionClosed),
    ("a slot whose time has come", {"start_at": NOW}, EMERGENCY, rules.SessionClosed),
    ("a fed slot, heard just now", {"fed": True, "heard_at": NOW}, UP_REFERRED, None),
    ("a fed slot, never heard", {"fed": True}, EMERGENCY, rules.FeedUnknown),
    ("a fed slot, silent for an hour", {"fed": True, "heard_at": NOW - HOUR}, UP_REFERRED, rules.FeedUnknown),
    ("kept for an up-referred patient, another one", {"kept_until": NOW + HOUR, "kept_rank": 1}, UP_REFERRED, rules.SlotKept),
    ("kept for an up-referred patient, an emergency", {"kept_until": NOW + HOUR, "kept_rank": 1}, EMERGENCY, None),
    ("kept for this very patient", {"kept_until": NOW + HOUR, "kept_rank": 1, "mine": True}, UP_REFERRED, None),
    ("kept until a moment ago", {"kept_until": NOW, "kept_rank": 0}, PUBLIC, None),
]


@pytest.mark.parametrize(("name", "facts", "priority", "refusal"), TAKING, ids=[c[0] for c in TAKING])
def test_who_may_take_which_slot(
    policy: BookingPolicy, name: str, facts: dict[str, object], priority: str, refusal: type[Refused] | None
) -> None:
    def take(sure: bool = False) -> None:
        rules.may_take(slot(**facts), priority, rules.CLINIC, policy, NOW, sure=sure)

    if refusal is None:
        take()
    else:
        with pytest.raises(refusal):
            take()
    if refusal in (rules.FeedUnknown, rules.SlotKept):
        take(sure=True)  # the hospital itself says that it is free, and to whom it goes


@pytest.mark.parametrize(
    ("span", "slot_in", "ends_in"),
    [
        (Span(20, "natural"), timedelta(days=3), timedelta(minutes=20)),
        (Span(2880, "natural"), timedelta(days=3), timedelta(days=2)),
        (Span(2880, "natural"), timedelta(hours=5), timedelta(hours=5)),
    ],
)
def test_a_hold_ends_after_its_span_and_never_after_the_slot(span: Span, slot_in: timedelta, ends_in: timedelta) -> None:
    assert rules.ends(NOW, span, ROUND_THE_CLOCK, NOW + slot_in) == NOW + ends_in


@pytest.mark.parametrize(("silent", "stale"), [(timedelta(minutes=30), False), (timedelta(minutes=30, seconds=1), True)])
def test_a_silence_longer_than_the_policy_makes_a_feed_unknown(policy: BookingPolicy, silent: timedelta, stale: bool) -> None:
    assert rules.is_stale(NOW - silent, NOW, policy) is stale
    assert rules.is_stale(None, NOW, policy)


# --- quota, times, wait list ---------------------------------------------------------------------------------------------------


def test_reserved_places_are_as_many_as_said_and_in_every_part_of_a_session() -> None:
    for places in range(1, 60):
        for reserved in range(places + 1):
            marks = rules.quota(places, reserved)
            assert (len(marks), sum(marks)) == (places, reserved)
            for first in range(places):
                inside = sum(marks[first : first + -(-places // reserved)]) if reserved else 0
                assert not reserved or first + -(-places // reserved) > places or inside >= 1


@pytest.mark.parametrize(
    ("places", "percent", "reserved"), [(1, 30, 1), (10, 30, 3), (20, 30, 6), (7, 30, 3), (9, 0, 0), (9, 100, 9)]
)
def test_the_share_is_rounded_up_in_favour_of_the_referred(policy: BookingPolicy, places: int, percent: int, reserved: int) -> None:
    from dataclasses import replace

    assert rules.reserved_of(places, replace(policy, reserved_percent=percent)) == reserved


def test_places_are_spread_over_a_session_and_none_begins_at_its_end() -> None:
    times = rules.spread(NOW, NOW + 3 * HOUR, 7)
    assert times[0] == NOW
    assert list(times) == sorted(set(times))
    assert times[-1] < NOW + 3 * HOUR
    assert all(t.second == t.microsecond == 0 for t in times)


BAD: list[tuple[str, Callable[[], tuple[datetime, datetime, int, int]]]] = [
    ("session_times", lambda: (NOW + DAY, NOW + DAY, 3, 1)),
    ("session_past", lambda: (NOW, NOW + HOUR, 3, 1)),
    ("session_long", lambda: (NOW + DAY, NOW + 2 * DAY, 3, 1)),
    ("session_places", lambda: (NOW + DAY, NOW + DAY + HOUR, 0, 0)),
    ("session_places", lambda: (NOW + DAY, NOW + DAY + HOUR, 61, 0)),
    ("session_places", lambda: (NOW + DAY, NOW + DAY + 20 * HOUR, 201, 0)),
    ("session_reserved", lambda: (NOW + DAY, NOW + DAY + HOUR, 3, 4)),
]


@pytest.mark.parametrize(("why", "made"), BAD)
def test_a_session_that_cannot_be_is_refused_with_the_reason(
    policy: BookingPolicy, why: str, made: Callable[[], tuple[datetime, datetime, int, int]]
) -> None:
    with pytest.raises(rules.BadSession) as refused:
        rules.checked(*made(), policy, NOW)
    assert refused.value.detail == {"why": why}


@pytest.mark.parametrize(
    ("facts", "free", "fits"),
    [
        ({}, opening(9), True),
        ({"department_id": 301}, opening(9, department=301), True),
        ({"department_id": 301}, opening(9, department=302), False),
        ({"item": "CT"}, opening(9, item="MR"), False),
        ({"offered": UUID(int=9)}, opening(9), False),
        ({"kind": rules.EXAMINATION}, opening(9), False),
    ],
)
def test_what_fits_somebody_who_waits(policy: BookingPolicy, facts: dict, free: Opening, fits: bool) -> None:
    assert rules.fits(want(1, UP_REFERRED, policy, **facts), free) is fits


def test_the_public_waits_past_a_reserved_slot_and_the_referred_do_not(policy: BookingPolicy) -> None:
    walk_in, referred = want(1, PUBLIC, policy), want(2, UP_REFERRED, policy, minute=5)
    reserved, free = opening(8, days=1, quota=True), opening(9, days=2)
    assert rules.proposals([walk_in], [reserved]) == []
    assert rules.proposals([walk_in, referred], [reserved, free]) == [(referred, reserved), (walk_in, free)]


def test_quanzhou_has_the_platforms_default(policy: BookingPolicy) -> None:
    assert resolve(BookingPolicy, QUANZHOU, NOW.date()).queue_order == (EMERGENCY, UP_REFERRED, RETURNING, PUBLIC)
