"""Where a patient can be sent, as drawn tables: who can take whom, which department, in which order they are proposed."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from decimal import Decimal
from functools import cmp_to_key
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenji.care.catalogue import queries as catalogue
from fenji.care.referral import rules
from fenji.care.referral.rules import receivers
from fenji.ground.network import rules as network
from fenji.ground.network.actions.regions import _SPECIALTIES
from fenji.ground.network.queries.receiving import takes
from tests.spec.test_verdict import grounds

WOMAN, MAN, GIRL, BOY = (rules.Patient(sex, age, age < 14) for sex, age in (("2", 40), ("1", 40), ("2", 6), ("1", 6)))
HEART = ("cardiology", "internal")


# fmt: off
TAKES = [
    # on the published list, departments             patient   obstacles
    (rules.Able(True, frozenset({"cardiology"})),     MAN,     ()),
    (rules.Able(None, None),                          MAN,     ()),
    (rules.Able(False, None),                         MAN,     ("not_on_list",)),
    (rules.Able(True, frozenset({"surgery"})),        MAN,     ("no_department",)),
    (rules.Able(False, frozenset({"surgery"})),       MAN,     ("not_on_list", "no_department")),
    (rules.Able(True, None, women=True),              WOMAN,   ()),
    (rules.Able(True, None, women=True),              MAN,     ("not_for_sex",)),
    (rules.Able(True, None, women=True),              BOY,     ("not_for_sex",)),
    (rules.Able(True, None, children=True),           GIRL,    ()),
    (rules.Able(True, None, children=True),           WOMAN,   ("not_for_age",)),
    (rules.Able(True, None, women=True, children=True), BOY,   ()),
    (rules.Able(True, None, women=True, children=True), MAN,   ("not_for_sex",)),
]
# fmt: on


@pytest.mark.parametrize(("able", "patient", "found"), TAKES)
def test_what_stands_against_a_receiver(able: rules.Able, patient: rules.Patient, found: tuple[str, ...]) -> None:
    assert receivers.obstacles(able, HEART, patient) == found


def test_somebody_whose_sex_is_not_known_is_not_kept_out() -> None:
    assert receivers.obstacles(rules.Able(True, None, women=True), (), rules.Patient("9", 40, child=False)) == ()


@pytest.mark.parametrize(("code", "child", "first"), [
    ("I10.x00", False, "cardiology"), ("I63.900", False, "neurology"), ("A15.000", False, "respiratory"),
    ("K35.900", False, "surgery"), ("O24.400", False, "obstetrics_gynaecology"), ("J18.900", True, "paediatrics"),
    ("S72.000", False, "orthopaedics"), ("H25.900", False, "ophthalmology"), ("E11.900", False, "endocrinology"),
])  # fmt: skip
def test_the_department_follows_the_disease_and_a_child_goes_to_paediatrics(code: str, child: bool, first: str) -> None:
    wanted = receivers.wanted_specialties(catalogue.specialties_of(code), rules.Patient("1", 5, child))
    assert wanted[0] == first


def test_where_the_best_department_is_missing_the_next_one_sees_the_patient() -> None:
    assert receivers.best_specialty(HEART, {"internal", "surgery"}) == "internal"
    assert receivers.best_specialty(HEART, {"surgery"}) == ""


def test_every_category_has_a_specialty_and_every_specialty_is_known() -> None:
    known = {line.split(",")[0] for line in _SPECIALTIES.read_text(encoding="utf-8").splitlines() if not line.startswith("#")}
    for row in catalogue.seen_by():
        assert row.first <= row.last
        assert row.specialties
        assert set(row.specialties) <= known, row


def test_every_diagnosis_of_the_demo_has_a_specialty() -> None:
    with (Path(catalogue.__file__).parent.parent / "data" / "demo_diagnoses.csv").open(encoding="utf-8") as handle:
        codes = [r["code"] for r in csv.DictReader(line for line in handle if not line.startswith("#"))]
    assert len(codes) > 200
    assert [c for c in codes if not catalogue.specialties_of(c)] == []


def test_an_obstacle_asks_for_a_reason_but_holds_up_no_emergency() -> None:
    plain = rules.Facts(False, False, False, True, 1, 2, False, obstacles=("no_department",))
    codes = [r.code for r in rules.judge(plain, grounds()).reasons]
    assert codes == ["not_in_catalogue", "no_department"]
    assert rules.reason_asked(codes)
    urgent = rules.Facts(True, False, False, True, 1, 2, False, obstacles=("no_department",))
    decision = rules.judge(urgent, grounds())
    assert decision.outcome == rules.ALLOWED
    assert not rules.reason_asked(r.code for r in decision.reasons)


# fmt: off
CARD = [
    # circumstances         levels  emergency, catalogue, treatable, level by level, lateral
    ("",                    (1, 2), (False, False, False, None, False)),
    ("catalogue",           (1, 2), (False, True, False, True, False)),
    ("catalogue treatable", (1, 3), (False, True, True, False, False)),
    ("emergency",           (2, 2), (True, False, False, None, True)),
]
# fmt: on


@pytest.mark.parametrize(("words", "levels", "answers"), CARD)
def test_the_questions_on_the_card(words: str, levels: tuple[int, int], answers: tuple[bool | None, ...]) -> None:
    facts = rules.Facts("emergency" in words, "catalogue" in words, "treatable" in words, True, *levels, False)
    asked = rules.questions(facts, grounds())
    assert [q.code for q in asked] == ["q_emergency", "q_catalogue", "q_treatable", "q_levels", "q_lateral"]
    assert tuple(q.answer for q in asked) == answers
    assert all(q.reason.clause_id for q in asked)


# --- order -------------------------------------------------------------------------------------------------------------------

DAY = datetime(2026, 9, 15, 8, tzinfo=UTC)
standings = st.builds(
    receivers.Standing,
    org_id=st.integers(1, 40),
    feasible=st.booleans(),
    level=st.integers(1, 4),
    alliance=st.booleans(),
    slot_state=st.sampled_from(["none", "unknown"]),
    slot_at=st.none() | st.integers(0, 3).map(lambda h: DAY.replace(hour=8 + h)),
    distance_km=st.none() | st.integers(0, 3).map(Decimal),
)


def _before(a: receivers.Standing, b: receivers.Standing, keys: list[str]) -> int:
    """Slow and plain: which of two stands first, key by key. -1, 0 or 1."""
    if a.feasible != b.feasible:
        return -1 if a.feasible else 1
    for key in keys:
        if key == "alliance" and a.alliance != b.alliance:
            return -1 if a.alliance else 1
        if key == "tier" and a.level != b.level:
            return -1 if a.level < b.level else 1
        if key == "distance" and a.distance_km != b.distance_km:
            if None in (a.distance_km, b.distance_km):
                return 1 if a.distance_km is None else -1
            return -1 if a.distance_km < b.distance_km else 1  # type: ignore[operator]
        if key == "earliest":
            if a.slot_at != b.slot_at:
                if a.slot_at is None or b.slot_at is None:
                    return 1 if a.slot_at is None else -1
                return -1 if a.slot_at < b.slot_at else 1
            if a.slot_at is None and a.slot_state != b.slot_state:
                return -1 if a.slot_state == "unknown" else 1
    return (a.level > b.level) - (a.level < b.level) or (a.org_id > b.org_id) - (a.org_id < b.org_id)


@given(st.lists(standings, max_size=12, unique_by=lambda s: s.org_id), st.permutations(list(receivers.KEYS)), st.integers(0, 4))
def test_the_order_is_that_of_a_plain_comparison(found: list[receivers.Standing], keys: list[str], most: int) -> None:
    chosen = keys[:most]
    assert receivers.order(found, chosen) == sorted(found, key=cmp_to_key(lambda a, b: _before(a, b, chosen)))


def test_an_order_that_names_no_key_or_one_twice_is_no_policy() -> None:
    policy = grounds().policy
    for wrong in (("alliance", "price"), ("distance", "distance")):
        with pytest.raises(ValueError, match="not an order"):
            type(policy)(**{**{n: getattr(policy, n) for n in type(policy).__dataclass_fields__}, "receiver_keys": wrong})


# --- distance ----------------------------------------------------------------------------------------------------------------


def test_distances_are_those_of_the_atlas() -> None:
    fuzhou, sanming, xiamen = (119.30, 26.08), (117.64, 26.27), (118.09, 24.48)
    assert network.great_circle_km(fuzhou, fuzhou) == Decimal("0.0")
    assert abs(network.great_circle_km(fuzhou, sanming) - Decimal(167)) < 2
    assert abs(network.great_circle_km(fuzhou, xiamen) - Decimal(216)) < 3
    assert network.great_circle_km(sanming, xiamen) == network.great_circle_km(xiamen, sanming)


def test_classes_that_take_some_patients_only() -> None:
    assert takes("G100") == network.Takes(women=True, children=True)
    assert takes("A519") == network.Takes(children=True)
    assert takes("A100") == takes("") == network.Takes()
