"""Who may lie in which bed, which are free, and the split of a shared ward's days, against slow plain references."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import permutations
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenji.care.booking import rules
from fenji.care.booking.rules import BedFacts, BedPlace, BedPolicy, Need, Taking, WardStay
from fenji.ground.common.clock import SHANGHAI, Span
from fenji.ground.common.refusal import Refused

STRICT = BedPolicy(Span(120, "natural"), Span(1440, "natural"), False, False)
MIXED = BedPolicy(Span(120, "natural"), Span(1440, "natural"), True, False)
OPEN = BedPolicy(Span(120, "natural"), Span(1440, "natural"), False, True)
SEXES = ("0", "1", "2", "9")


def place(
    number: int = 1, room: str = "1", sex: str = "any", isolation: bool = False, opened: bool = True, known: bool = True
) -> BedPlace:
    return BedPlace(UUID(int=number), room, str(number), sex, isolation, opened, known)


def refused(bed: BedFacts, need: Need, policy: BedPolicy = STRICT) -> str:
    try:
        rules.may_lie(bed, need, policy)
    except Refused as refusal:
        return refusal.code
    return ""


@pytest.mark.parametrize(
    ("bed", "sexes", "need", "policy", "code"),
    [
        (place(), set(), Need("1"), STRICT, ""),
        (place(opened=False), set(), Need("1"), STRICT, "bed_closed"),
        (place(known=False), set(), Need("1"), STRICT, "bed_unknown"),
        (place(known=False, opened=False), set(), Need("1"), STRICT, "bed_closed"),
        (place(sex="1"), set(), Need("2"), STRICT, "bed_other_sex"),
        (place(sex="1"), {"2"}, Need("1"), STRICT, ""),
        (place(sex="1"), set(), Need("9"), STRICT, "bed_sex_unknown"),
        (place(), {"2"}, Need("1"), STRICT, "room_other_sex"),
        (place(), {"1", "2"}, Need("1"), STRICT, "room_other_sex"),
        (place(), {"0"}, Need("1"), STRICT, "room_other_sex"),
        (place(), {"2"}, Need("1"), MIXED, ""),
        (place(sex="2"), set(), Need("1"), MIXED, "bed_other_sex"),
        (place(), {"2"}, Need("0"), STRICT, "bed_sex_unknown"),
        (place(), set(), Need("0"), STRICT, ""),
        (place(), set(), Need("1", True), STRICT, "no_isolation"),
        (place(isolation=True), set(), Need("1", True), STRICT, ""),
        (place(isolation=True), set(), Need("1"), STRICT, "isolation_kept"),
        (place(isolation=True), set(), Need("1"), OPEN, ""),
    ],
)
def test_a_bed_is_refused_for_the_reason_that_holds(
    bed: BedPlace, sexes: set[str], need: Need, policy: BedPolicy, code: str
) -> None:
    assert refused(BedFacts(bed, (), frozenset(sexes)), need, policy) == code


@pytest.mark.parametrize("how", [rules.LIES, rules.HELD, rules.CONFIRMED])
def test_a_bed_that_somebody_has_is_taken(how: str) -> None:
    assert refused(BedFacts(place(), (Taking(UUID(int=1), how, "1"),), frozenset({"1"})), Need("1")) == "bed_taken"


WARDS = st.lists(
    st.builds(
        BedPlace,
        id=st.integers(1, 6).map(lambda n: UUID(int=n)),
        room=st.sampled_from("AB"),
        name=st.just("x"),
        sex=st.sampled_from(rules.BED_SEXES),
        isolation=st.booleans(),
        open=st.booleans(),
        known=st.booleans(),
    ),
    max_size=6,
    unique_by=lambda b: b.id,
)
TAKINGS = st.lists(
    st.builds(
        Taking,
        bed=st.one_of(st.none(), st.integers(1, 8).map(lambda n: UUID(int=n))),
        how=st.sampled_from((rules.LIES, rules.HELD, rules.CONFIRMED)),
        sex=st.sampled_from(SEXES),
        until=st.none(),
    ),
    max_size=8,
)


@given(WARDS, TAKINGS, st.sampled_from(SEXES), st.booleans(), st.booleans(), st.booleans())
def test_the_beds_somebody_may_have_are_those_of_the_plain_reference(
    beds: list[BedPlace], takings: list[Taking], sex: str, isolation: bool, mixed: bool, everybody: bool
) -> None:
    policy = BedPolicy(Span(1, "natural"), Span(1, "natural"), mixed, everybody)
    facts, unplaced = rules.occupancy(beds, takings)
    found = [f.place.id for f in rules.free(facts) if rules.fits_bed(f, Need(sex, isolation), policy)]
    wanted = []
    for bed in beds:
        here = [t for t in takings if t.bed == bed.id]
        mates = {t.sex for t in takings for b in beds if b.room == bed.room and t.bed == b.id}
        of_room = mixed or not mates or (sex in ("1", "2") and mates == {sex})
        suits = of_room if bed.sex == "any" else bed.sex == sex
        if bed.open and bed.known and not here and suits and (bed.isolation if isolation else everybody or not bed.isolation):
            wanted.append(bed.id)
    assert found == wanted
    placed = sum(len(f.takings) for f in facts.values())
    assert placed + len(unplaced) == len(takings), "nobody is dropped"


def test_the_next_free_bed_is_the_first_hold_that_ends_among_those_that_would_suit() -> None:
    at = datetime(2026, 3, 1, 8, tzinfo=SHANGHAI)
    beds = [place(1, "A"), place(2, "A"), place(3, "B", sex="2"), place(4, "C")]
    takings = [
        Taking(UUID(int=1), rules.HELD, "1", at + timedelta(hours=1)),
        Taking(UUID(int=2), rules.LIES, "1"),
        Taking(UUID(int=3), rules.HELD, "2", at + timedelta(hours=3)),
        Taking(UUID(int=4), rules.LIES, "2"),
    ]
    facts, _ = rules.occupancy(beds, takings)
    assert rules.next_free(facts, Need("1"), STRICT) == at + timedelta(hours=1)
    assert rules.next_free(facts, Need("2"), STRICT) == at + timedelta(hours=3)
    assert rules.next_free(facts, Need("1", True), STRICT) is None


# --- who waits (SM-1-2c) -----------------------------------------------------------------------------------------------------


def want(number: int, rank: int, minute: int = 0, offered: int = 0) -> rules.Want:
    asked = datetime(2026, 3, 1, 8, minute, tzinfo=SHANGHAI)
    return rules.Want(UUID(int=number), rank, asked, 3, rules.BED, rules.ACUTE, offered=UUID(int=offered) if offered else None)


def first(bed: BedFacts, *waiting: tuple[rules.Want, Need]) -> int:
    """The number of who is offered the bed, 0 for nobody; in whatever order they come."""
    found = {
        rules.first_waiting(bed, [w for w, _ in order], {w.id: n for w, n in waiting}, STRICT) for order in permutations(waiting)
    }
    assert len(found) == 1
    (one,) = found
    return one.id.int if one else 0


def test_a_bed_goes_to_the_first_in_the_queue_whom_it_suits() -> None:
    bed = BedFacts(place(9), (), frozenset({"2"}))
    man, later, sooner = (want(1, 0), Need("1")), (want(2, 1, 30), Need("2")), (want(3, 1, 10), Need("2"))
    isolated = (want(4, 0), Need("2", isolation=True))
    assert first(bed, man, later, sooner, isolated) == 3, "the room is for women, and has no isolation"
    assert first(bed, man, later, sooner, (want(5, 0, 59), Need("2"))) == 5, "priority comes before time"
    assert first(bed, man, isolated) == 0
    assert first(bed) == 0


@pytest.mark.parametrize("bed", [place(9, opened=False), place(9, known=False)])
def test_nobody_is_offered_a_bed_that_is_closed_or_of_which_nobody_knows(bed: BedPlace) -> None:
    assert first(BedFacts(bed, (), frozenset()), (want(1, 0), Need("2"))) == 0


def test_whom_a_bed_was_offered_last_comes_after_the_others_and_is_asked_again_when_alone() -> None:
    bed = BedFacts(place(9), (), frozenset())
    asked, next_one = (want(1, 0, offered=9), Need("2")), (want(2, 3, 50), Need("2"))
    assert first(bed, asked, next_one) == 2
    assert first(bed, asked) == 1
    assert first(bed, asked, (want(2, 3, 50, offered=9), Need("2"))) == 1
    assert first(bed, (want(1, 0, offered=8), Need("2")), next_one) == 1, "another bed's offer is no reason"


# --- days of a shared ward ---------------------------------------------------------------------------------------------------

FIRST = date(2026, 2, 25)
BEGIN = datetime(2026, 2, 25, tzinfo=SHANGHAI)
STAYS = st.lists(
    st.builds(
        lambda person, org, start, length: WardStay(
            person,
            org,
            BEGIN + timedelta(minutes=start),
            None if length is None else BEGIN + timedelta(minutes=start + length),
        ),
        st.integers(1, 3),
        st.sampled_from((7, 9)),
        st.integers(0, 20 * 1440),
        st.one_of(st.none(), st.integers(0, 12 * 1440)),
    ),
    max_size=7,
)


def _there(stay: WardStay, day: date) -> bool:
    """At the end of the day, or admitted and gone on it."""
    midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), SHANGHAI)
    begun = stay.admitted_at < midnight
    lasts = stay.discharged_at is None or stay.discharged_at >= midnight
    within = stay.discharged_at is not None and stay.admitted_at.date() == day == stay.discharged_at.date()
    return (begun and lasts) or within


@given(STAYS, st.integers(-2, 12), st.integers(0, 15))
def test_each_day_of_each_patient_is_one_institutions_and_the_shares_add_up(stays: list[WardStay], start: int, days: int) -> None:
    since = FIRST + timedelta(days=start)
    until = since + timedelta(days=days)
    wanted: dict[int, int] = {}
    occupied = 0
    for n in range(days):
        day = since + timedelta(days=n)
        for person in (1, 2, 3):
            there = [s for s in stays if s.person == person and _there(s, day)]
            if there:
                last = max(there, key=lambda s: (s.admitted_at, s.org_id))
                wanted[last.org_id] = wanted.get(last.org_id, 0) + 1
                occupied += 1
    found = rules.split_days(stays, since, until)
    assert found == wanted
    assert sum(found.values()) == occupied


def test_a_day_on_which_a_patient_changes_hands_is_the_second_institutions() -> None:
    noon = BEGIN + timedelta(hours=12)
    first = WardStay(1, 7, noon, noon + timedelta(days=5))
    second = WardStay(1, 9, noon + timedelta(days=3), None)  # the first is ended two days late
    assert rules.split_days([first, second], FIRST, FIRST + timedelta(days=10)) == {7: 3, 9: 7}


@pytest.mark.parametrize(
    ("kind", "partner", "doctors", "why"),
    [
        ("hotel", None, (True, False), "ward_kind"),
        ("acute", 9, (True, True), "ward_partner"),
        ("rehabilitation", 7, (True, True), "ward_partner"),
        ("rehabilitation", 9, (True, False), "ward_doctors"),
        ("rehabilitation", 9, (False, True), "ward_doctors"),
    ],
)
def test_a_ward_that_cannot_be_is_refused(kind: str, partner: int | None, doctors: tuple[bool, ...], why: str) -> None:
    with pytest.raises(rules.BadWard) as refusal:
        rules.checked_ward(kind, org_id=7, partner_id=partner, doctors=doctors)
    assert refusal.value.detail["why"] == why
    rules.checked_ward("rehabilitation", org_id=7, partner_id=9, doctors=(True, True))
    rules.checked_ward("acute", org_id=7, partner_id=None, doctors=(False, False))
