"""The way of a patient by its clauses: SM-3-4a, 3-4b, 3-4c, 3-5h, 3-5k, and QZ-2-11b as an exception."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from fenji.ground.network.rules import TIERS
from fenji.ground.policy import queries
from fenji.measure.journeys import rules
from fenji.measure.journeys.rules import Catalogue, Contact, Grounds, JourneysPolicy, Place, Referral
from tests.spec.test_verdict import QUANZHOU, SANMING
from tests.spec.test_verdict import grounds as referral_grounds

NOON = datetime(2026, 9, 10, 4, tzinfo=UTC)
DAY = timedelta(days=1)
COUNTY = "350405"
NEIGHBOUR = "350411"


def grounds(path: tuple[str, ...] = SANMING) -> Grounds:
    on = date(2026, 9, 15)
    sources = queries.sources(JourneysPolicy, path, on)
    clauses = {name: p.clause_id for name, p in sources.items()}
    return Grounds(queries.resolve(JourneysPolicy, path, on), clauses, queries.pack_hash())


def place(tier: str, county: str = COUNTY, *, general: bool = False) -> Place:
    assert tier in TIERS
    return Place(f"{tier}-{county}", tier, county, county_general=general)


TOWN, COUNTY_HOSPITAL, CITY = place("township"), place("county", general=True), place("city")


# --- SM-3-5k: discharge then admission at a higher hospital within the window, same diagnosis, no form → alert ------------------


def stays(days: float, group: str = "I50", **second: object) -> list[Contact]:
    end = NOON + 3 * DAY
    return [
        Contact("out", "p", TOWN, "I50", "stay", NOON, end, "home"),
        Contact("in", "p", COUNTY_HOSPITAL, group, "stay", end + days * DAY, **second),  # type: ignore[arg-type]
    ]


FORM = Referral("R1", "p", "I50", "up", TOWN, COUNTY_HOSPITAL, NOON + 3 * DAY, NOON + 3 * DAY)


@pytest.mark.parametrize(
    ("rows", "cases", "alert"),
    [
        (stays(0.5), [], True),
        (stays(2), [], True),
        (stays(2.01), [], False),
        (stays(0.5), [FORM], False),
        (stays(0.5, "J44"), [], False),
        (stays(0.5, emergency=True), [], False),
    ],
)
def test_discharge_does_not_stand_in_for_a_referral(rows: list[Contact], cases: list[Referral], alert: bool) -> None:
    found = rules.discharge_instead(rows, cases, grounds())
    assert bool(found) is alert
    for f in found:
        assert (f.reason.clause_id, f.org, [r.key for r in f.rows]) == ("SM-3-5k", TOWN.org, ["out", "in"])  # type: ignore[union-attr]


def test_where_no_clause_asks_discharges_are_not_watched() -> None:
    assert rules.discharge_instead(stays(0.5), [], grounds(QUANZHOU)) == []


# --- SM-3-4a, 3-4b: catalogue disease, non-emergency, direct to the county → flagged --------------------------------------------

LIST = Catalogue(groups={"I10", "J44"}, treated_nearby={"I10"})


def visit(at: Place, group: str = "I10", *, emergency: bool = False, home: str = "350405102") -> Contact:
    return Contact("v", "p", at, group, "visit", NOON, emergency=emergency, home=home)


# fmt: off
FIRST_CONTACTS = [
    # contact                                      a case  verdict
    (visit(TOWN),                                  False, "at_primary"),
    (visit(COUNTY_HOSPITAL),                       False, "bypassed"),      # treated nearby: 3-4b does not help
    (visit(COUNTY_HOSPITAL),                       True,  "referred"),
    (visit(COUNTY_HOSPITAL, emergency=True),       False, "emergency"),
    (visit(COUNTY_HOSPITAL, "C34"),                False, "not_listed"),
    (visit(COUNTY_HOSPITAL, "J44"),                False, "counts"),        # nobody nearby treats it: 视同基层首诊
    (visit(CITY, "J44"),                           False, "bypassed"),      # only the county general hospital counts
    (visit(place("county"), "J44"),                False, "bypassed"),      # another hospital of the county
    (visit(COUNTY_HOSPITAL, "J44", home=NEIGHBOUR), False, "bypassed"),     # not the one of the person's own county
    (visit(COUNTY_HOSPITAL, "J44", home=""),       False, "counts"),
]
# fmt: on


@pytest.mark.parametrize(("contact", "referred", "verdict"), FIRST_CONTACTS)
def test_who_goes_past_primary_care(contact: Contact, referred: bool, verdict: str) -> None:
    form = Referral("R1", "p", contact.group, "up", TOWN, COUNTY_HOSPITAL, NOON - DAY, NOON - DAY)
    cases = [form] if referred else []
    [found] = rules.first_contacts([contact], cases, lambda home, on: LIST, grounds(), referral_grounds())
    assert found.verdict == verdict
    flagged = rules.bypass([contact], cases, lambda home, on: LIST, grounds(), referral_grounds())
    assert [f.reason.clause_id for f in flagged] == (["SM-3-4a"] if verdict == "bypassed" else [])
    assert found.reason.clause_id == {"counts": "SM-3-4b", "emergency": "PF-referral-emergency"}.get(verdict, "SM-3-4a")


def test_who_was_seen_in_primary_care_first_has_not_gone_past_it() -> None:
    earlier = Contact("w", "p", TOWN, "I10", "visit", NOON - 10 * DAY)
    assert rules.bypass([visit(COUNTY_HOSPITAL), earlier], [], lambda home, on: LIST, grounds(), referral_grounds()) == []
    long_ago = Contact("w", "p", TOWN, "I10", "visit", NOON - 31 * DAY)
    assert rules.bypass([visit(COUNTY_HOSPITAL), long_ago], [], lambda home, on: LIST, grounds(), referral_grounds()) != []


def test_the_catalogue_of_where_the_person_lives_on_that_day_is_asked() -> None:
    asked = []
    rules.bypass([visit(CITY)], [], lambda home, on: asked.append((home, on)), grounds(), referral_grounds())
    assert asked == [("350405102", date(2026, 9, 10))]


def test_an_emergency_in_quanzhou_is_free_by_the_green_channel() -> None:
    # QZ-2-11b; first contact is asked for here as if the city had switched it on
    from dataclasses import replace

    there = referral_grounds(QUANZHOU)
    assert rules.first_contacts([visit(CITY)], [], lambda home, on: LIST, grounds(QUANZHOU), there) == []
    switched = replace(there, policy=replace(there.policy, first_contact=True))
    [found] = rules.first_contacts([visit(CITY, emergency=True)], [], lambda home, on: LIST, grounds(QUANZHOU), switched)
    assert (found.verdict, found.reason.clause_id) == ("emergency", "QZ-2-11b")


# --- SM-3-5h: on the sender's own list, without a clinical reason → 小病上转 -----------------------------------------------------


@pytest.mark.parametrize(
    ("group", "reason", "emergency", "receiver", "direction", "alert"),
    [
        ("I10", "", False, COUNTY_HOSPITAL, "up", True),
        ("I10", "  ", False, COUNTY_HOSPITAL, "up", True),
        ("I10", "secondary hypertension suspected", False, COUNTY_HOSPITAL, "up", False),
        ("I10", "", True, COUNTY_HOSPITAL, "up", False),
        ("C34", "", False, COUNTY_HOSPITAL, "up", False),
        ("I10", "", False, TOWN, "up", False),
        ("I10", "", False, COUNTY_HOSPITAL, "down", False),
    ],
)
def test_an_easily_treated_disease_sent_up(
    group: str, reason: str, emergency: bool, receiver: Place, direction: str, alert: bool
) -> None:
    case = Referral("R1", "p", group, direction, TOWN, receiver, NOON, NOON, None, emergency, reason)
    lists = {TOWN.org: {"I10"}}
    found = rules.easily_treated(case, lambda org, on: lists.get(org, set()), grounds())
    assert (found is not None) is alert
    if found is not None:
        assert (found.reason.clause_id, found.org, found.rows) == ("SM-3-5h", TOWN.org, (case,))
    assert rules.easily_treated(case, lambda org, on: lists.get(org, set()), grounds(QUANZHOU)) is None


# --- SM-3-4c: closed without disposition → 推诿 ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("ending", "end", "alert"), [("unstated", NOON, True), ("home", NOON, False), ("", None, False)])
def test_a_contact_that_ends_without_saying_how_is_counted(ending: str, end: datetime | None, alert: bool) -> None:
    found = rules.turned_away(Contact("v", "p", TOWN, "I10", "visit", NOON, end, ending), grounds())
    assert (found is not None) is alert
    if found is not None:
        assert found.reason.clause_id == "SM-3-4c"
