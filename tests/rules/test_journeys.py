"""Discharge in place of referral and bypassed first contact, held against slow references that read like the clauses."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenji.care.referral.rules import Grounds as ReferralGrounds
from fenji.ground.common.clock import Span
from fenji.ground.network.rules import PRIMARY, TIERS
from fenji.measure.journeys.rules import (
    AT_PRIMARY,
    BYPASSED,
    COUNTS,
    EMERGENCY,
    ENDINGS,
    NO_CATALOGUE,
    NOT_LISTED,
    REFERRED,
    STAY,
    UP,
    VISIT,
    Catalogue,
    Contact,
    Found,
    Grounds,
    JourneysPolicy,
    Place,
    Referral,
    bypass,
    discharge_instead,
    first_contacts,
)
from tests.spec.test_verdict import grounds as referral_grounds

T0 = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hours(n: int) -> Span:
    return Span(n * 60, "natural")


POLICY = JourneysPolicy(
    discharge_watched=True,
    discharge_window=hours(12),
    discharge_overlap=hours(3),
    discharge_endings=("home", "transferred"),
    case_late=hours(4),
    episode_gap=hours(20),
    emergency_before=hours(6),
    easy_watched=True,
    refusal_watched=True,
)
COUNTY = "350405"
PLACES = [Place(f"{tier}{n}", tier, COUNTY, county_general=tier == "county" and n == 0) for tier in TIERS[:4] for n in range(2)]
CATALOGUE = Catalogue(groups={"I10", "J00"}, treated_nearby={"I10"})


def on(policy: JourneysPolicy = POLICY) -> Grounds:
    return Grounds(policy, {name: f"test-{name}" for name in policy.__dataclass_fields__}, "hash")


def asking() -> ReferralGrounds:
    return referral_grounds()


def catalogue_of(home: str, day: date) -> Catalogue | None:
    return None if home == "nowhere" else CATALOGUE


INSTANTS = st.integers(0, 60).map(lambda n: T0 + n * HOUR)
PEOPLE, GROUPS = st.sampled_from(["a", "b"]), st.sampled_from(["I10", "J00", "Z00"])


@st.composite
def contacts(draw: st.DrawFn, kinds: tuple[str, ...] = (STAY,)) -> list[Contact]:
    found = []
    for n in range(draw(st.integers(0, 12))):
        start = draw(INSTANTS)
        end = draw(st.one_of(st.none(), st.integers(0, 20).map(lambda h, start=start: start + h * HOUR)))
        found.append(
            Contact(
                f"r{n:02}",
                draw(PEOPLE),
                draw(st.sampled_from(PLACES)),
                draw(GROUPS),
                draw(st.sampled_from(kinds)),
                start,
                end,
                draw(st.sampled_from(ENDINGS)) if end else "",
                draw(st.booleans()),
                draw(st.sampled_from(["", "350405101", "350411", "nowhere"])),
            )
        )
    return found


@st.composite
def referrals(draw: st.DrawFn) -> list[Referral]:
    found = []
    for n in range(draw(st.integers(0, 4))):
        written = draw(INSTANTS)
        ended = draw(st.one_of(st.none(), st.integers(0, 40).map(lambda h, written=written: written + h * HOUR)))
        found.append(
            Referral(
                f"c{n}",
                draw(PEOPLE),
                draw(GROUPS),
                draw(st.sampled_from([UP, UP, "down"])),
                draw(st.sampled_from(PLACES)),
                draw(st.sampled_from(PLACES)),
                written,
                written,
                ended,
            )
        )
    return found


def minutes(span: Span) -> timedelta:
    return timedelta(minutes=span.minutes)


def slow_discharges(stays: list[Contact], cases: list[Referral], policy: JourneysPolicy) -> list[tuple[str, str]]:
    """Each admission, the stay it answers to, and whether anything speaks for it."""
    found, answered = [], set()
    for second in sorted(stays, key=lambda s: (s.start, s.key)):
        same = [s for s in stays if (s.person, s.group) == (second.person, second.group)]
        over = [s for s in same if s.end is not None and s.end <= second.start + minutes(policy.discharge_overlap)]
        before = [s for s in over if s.start < second.start]
        if not before:
            continue
        first = max(before, key=lambda s: (s.end, s.start, s.key))
        soon = second.start - first.end <= minutes(policy.discharge_window)
        upwards = TIERS.index(second.place.tier) > TIERS.index(first.place.tier)
        if not (soon and upwards and first.ending in policy.discharge_endings) or first.key in answered:
            continue
        answered.add(first.key)
        on_file = [
            c
            for c in cases
            if (c.person, c.group, c.direction) == (first.person, first.group, UP)
            and TIERS.index(c.receiver.tier) > TIERS.index(first.place.tier)
            and c.written_at <= second.start + minutes(policy.case_late)
            and (c.ended_at is None or c.ended_at >= first.start)
        ]
        if not on_file and not second.emergency:
            found.append((first.key, second.key))
    return sorted(found)


@settings(max_examples=600, deadline=None)
@given(contacts(), referrals())
def test_discharges_in_place_of_referral_are_those_of_the_slow_reading(stays: list[Contact], cases: list[Referral]) -> None:
    found = discharge_instead(stays, cases, on())
    assert sorted(tuple(r.key for r in f.rows) for f in found) == slow_discharges(stays, cases, POLICY)
    assert [f.at for f in found] == sorted(f.at for f in found)
    assert all(f.reason.clause_id == "test-discharge_window" and f.org == f.rows[0].place.org for f in found)


def slow_firsts(rows: list[Contact], cases: list[Referral], policy: JourneysPolicy) -> dict[str, str]:
    """Each contact without another of the episode before it, and what the clause says of it."""
    found = {}
    for row in rows:
        rank = (row.start, TIERS.index(row.place.tier), row.key)
        same = [r for r in rows if (r.person, r.group) == (row.person, row.group)]
        before = [r for r in same if (r.start, TIERS.index(r.place.tier), r.key) < rank]
        if any(row.start - (r.end or r.start) <= minutes(policy.episode_gap) for r in before):
            continue
        on_file = any(
            c.written_at <= row.start + minutes(policy.case_late)
            and (c.ended_at is None or c.ended_at >= row.start - minutes(policy.episode_gap))
            for c in cases
            if (c.person, c.group, c.direction) == (row.person, row.group, UP) and c.receiver.tier not in PRIMARY
        )
        own_county = row.home == "" or row.home.startswith(row.place.county)
        if row.emergency:
            found[row.key] = EMERGENCY
        elif row.home == "nowhere":
            found[row.key] = NO_CATALOGUE
        elif row.group not in CATALOGUE.groups:
            found[row.key] = NOT_LISTED
        elif row.place.tier in PRIMARY:
            found[row.key] = AT_PRIMARY
        elif on_file:
            found[row.key] = REFERRED
        elif row.place.county_general and own_county and row.group not in CATALOGUE.treated_nearby:
            found[row.key] = COUNTS
        else:
            found[row.key] = BYPASSED
    return found


@settings(max_examples=600, deadline=None)
@given(contacts((VISIT, STAY)), referrals())
def test_first_contacts_are_those_of_the_slow_reading(rows: list[Contact], cases: list[Referral]) -> None:
    found = first_contacts(rows, cases, catalogue_of, on(), asking())
    slow = slow_firsts(rows, cases, POLICY)
    assert {f.contact.key: f.verdict for f in found} == slow
    passed = bypass(rows, cases, catalogue_of, on(), asking())
    assert sorted(f.rows[0].key for f in passed) == sorted(k for k, v in slow.items() if v == BYPASSED)
    assert {f.reason.clause_id for f in passed} <= {"SM-3-4a"}


# --- boundaries ---------------------------------------------------------------------------------------------------------------

TOWN, TOWN_2, GENERAL, CITY = PLACES[2], PLACES[3], PLACES[4], PLACES[6]


def stay(key: str, place: Place, start: float, end: float | None, ending: str = "home", **more: object) -> Contact:
    over = None if end is None else T0 + end * HOUR
    return Contact(key, "a", place, "I10", STAY, T0 + start * HOUR, over, ending if over else "", **more)  # type: ignore[arg-type]


def case(written: float, ended: float | None = None, origin: Place = TOWN, receiver: Place = GENERAL) -> Referral:
    at = T0 + written * HOUR
    return Referral("c", "a", "I10", UP, origin, receiver, at, at, None if ended is None else T0 + ended * HOUR)


def pairs(stays: list[Contact], *cases: Referral, policy: JourneysPolicy = POLICY) -> list[tuple[str, str]]:
    return [(f.rows[0].key, f.rows[1].key) for f in discharge_instead(stays, cases, on(policy))]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("start", "found"), [(24, True), (30, True), (36, True), (36.01, False), (21, True), (20.99, False), (0, False)]
)
def test_the_window_counts_its_ends_and_late_papers_may_overlap(start: float, found: bool) -> None:
    assert bool(pairs([stay("x", TOWN, 0, 24), stay("y", GENERAL, start, None)])) is found


def test_after_a_stay_at_a_third_place_the_third_place_is_asked() -> None:
    assert pairs([stay("x", TOWN, 0, 10), stay("z", TOWN_2, 11, 14), stay("y", GENERAL, 15, None)]) == [("z", "y")]
    assert pairs([stay("x", TOWN, 0, 10), stay("z", GENERAL, 11, 14), stay("y", PLACES[5], 15, None)]) == [("x", "z")]
    assert pairs([stay("x", TOWN, 0, 10), stay("z", TOWN_2, 11, 14, "died"), stay("y", GENERAL, 15, None)]) == []


def test_a_discharge_is_found_once_with_the_first_admission() -> None:
    first, second = stay("x", TOWN, 0, 10), stay("y", GENERAL, 11, None)
    assert pairs([first, second, stay("w", CITY, 12, None)]) == [("x", "y")]
    assert pairs([first, replace(second, emergency=True), stay("w", CITY, 12, None)]) == []


def test_the_stay_that_ended_last_is_asked_though_another_began_later() -> None:
    long, beside, short = stay("x", TOWN, 0, 13.5), stay("b", TOWN, 11, None), stay("z", TOWN_2, 11.5, 12)
    assert pairs([long, beside, short, stay("y", GENERAL, 14, None)]) == [("x", "y")]


def test_of_two_cases_the_open_one_covers() -> None:
    rows = [stay("x", TOWN, 0, 10), stay("y", GENERAL, 11, None)]
    assert pairs(rows, case(-9), case(-8, ended=-7)) == []
    assert pairs(rows, case(-9, ended=-8), case(-8, ended=-7)) == [("x", "y")]


def test_another_disease_another_person_a_lower_tier_and_a_death_are_none() -> None:
    first, second = stay("x", TOWN, 0, 10), stay("y", GENERAL, 11, None)
    assert pairs([first, second]) == [("x", "y")]
    assert pairs([first, replace(second, group="J00")]) == []
    assert pairs([first, replace(second, person="b")]) == []
    assert pairs([first, replace(second, place=TOWN_2)]) == []
    assert pairs([replace(first, ending="died"), second]) == []
    assert pairs([replace(first, kind=VISIT), second]) == []
    assert pairs([first, replace(second, emergency=True)]) == []
    assert pairs([replace(first, emergency=True), second]) == [("x", "y")]
    assert pairs([first, second], policy=replace(POLICY, discharge_watched=False)) == []


@pytest.mark.parametrize(
    ("on_file", "covered"),
    [
        (case(9), True),
        (case(15), True),  # written up four hours after the admission
        (case(15.01), False),
        (case(-5, ended=-1), False),
        (case(-5, ended=0), True),
        (case(9, origin=PLACES[0], receiver=CITY), True),
        (case(9, receiver=TOWN_2), False),
        (replace(case(9), group="J00"), False),
        (replace(case(9), direction="down"), False),
    ],
)
def test_which_case_covers_an_admission(on_file: Referral, covered: bool) -> None:
    assert (pairs([stay("x", TOWN, 0, 10), stay("y", GENERAL, 11, None)], on_file) == []) is covered


@pytest.mark.parametrize(
    "bad", [{"discharge_window": Span(60, "duty")}, {"discharge_endings": ("died",)}, {"discharge_endings": ("x",)}]
)
def test_a_policy_that_cannot_be_read_is_refused(bad: dict) -> None:
    with pytest.raises(ValueError, match=r"natural time|leaving alive"):
        replace(POLICY, **bad)


def test_many_rows_of_one_person_are_read_in_order_and_not_pair_by_pair() -> None:
    many = [stay(f"{n:05}", PLACES[n % 8], n, n + 1 + n % 7) for n in range(30_000)]
    cases = [case(n, ended=n + 1) for n in range(0, 30_000, 3)]
    begun = time.perf_counter()
    found: list[Found] = discharge_instead(many, cases, on())
    first_contacts(many, cases, catalogue_of, on(), asking())
    assert time.perf_counter() - begun < 20, "a pair-by-pair reading would take minutes"
    assert found
