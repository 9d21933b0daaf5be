"""Who may lie in which bed, which are free, and the split of a shared ward's days, against slow plain references."""

from __future__ import annotations

from datetime import date, datetime, timedelta
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


def place(number: int = 1, room: str = "1", sex: str = "any", isolation: bool = False, opened: bool = True) -> BedPlace:
    return BedPlace(UUID(int=number), room, str(number), sex, isolation, opened)


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
        if bed.open and not here and suits and (bed.isolation if isolation else everybody or not bed.isolation):
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
