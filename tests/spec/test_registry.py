"""What the clauses want of the registry, example by example: a county is drawn, and the gaps are read off."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from fenji.ground.documents.rules import DUTIES, OPERATING_RULES, POSITIONING, Held, paper_gaps
from fenji.ground.network.rules import (
    AllianceView,
    Gap,
    MemberView,
    NetworkPolicy,
    NotAlliance,
    OrgView,
    Register,
    check_member,
    gaps,
    hospital_level,
    is_tight,
    title_at_least,
    uscc_fits,
)

POLICY = NetworkPolicy(unified_resources=3, review_officers=1, referral_managers=1)
COUNTY = "350405"


def org(number: int, **facts: Any) -> OrgView:
    plain = {"name": f"o{number}", "kind": "care", "agency_kind": "", "force_kind": "", "tier": "", "grade": "", "ownership": ""}
    return OrgView(number, **{**plain, "development": "", "place": f"{COUNTY}000000", "parent_id": None, **facts})


HOSPITAL = org(1, tier="county", grade="2A", ownership="government")
TOP = org(2, tier="city", grade="3A", ownership="government", place="350403000000")
GROUP = org(3, kind="task_force", force_kind="leading_group")
OFFICE = org(4, kind="task_force", force_kind="secretariat", parent_id=3)
COMMITTEE = org(5, kind="task_force", force_kind="operations_committee", parent_id=1)
FORCE = org(6, kind="task_force", force_kind="task_force", parent_id=1)
BOARD = org(7, kind="task_force", force_kind="management_committee", parent_id=1)
COMMUNITY = AllianceView(1, "医共体", "county_community", frozenset({"people", "money", "goods"}), HOSPITAL, frozenset({1}))

WHOLE = Register(
    counties=((COUNTY, "某县"),),
    towns=(),
    orgs=(HOSPITAL, GROUP, OFFICE, COMMITTEE, FORCE, BOARD),
    alliances=(COMMUNITY,),
    seats=frozenset({(3, "head"), (3, "sanyi_leader"), (6, "member")}),
    partners=frozenset({(1, 2)}),
    lists=(),
    referral_posts=frozenset({(1, "reviewer", uuid4()), (2, "reviewer", uuid4())}),
)
WHOLE = replace(
    WHOLE,
    orgs=(
        *WHOLE.orgs,
        TOP,
        org(8, kind="task_force", force_kind="task_force", parent_id=2),
        org(9, kind="task_force", force_kind="operations_committee", parent_id=2),
    ),
    seats=WHOLE.seats | {(8, "member")},
)


def found(register: Register) -> set[tuple[str, str]]:
    return {(g.clause_id, g.code) for g in gaps(register, POLICY)}


def without(register: Register, *numbers: int) -> Register:
    return replace(register, orgs=tuple(o for o in register.orgs if o.id not in numbers))


def test_a_county_that_has_everything_has_no_gap() -> None:
    assert gaps(WHOLE, POLICY) == []


@pytest.mark.parametrize(
    ("missing", "gap"),
    [
        (3, ("SM-0-4", "no_leading_group")),
        (4, ("SM-0-4", "no_secretariat")),
        (5, ("QZ-2-13a", "no_operations_committee")),
        (6, ("XZ-4-1a", "no_task_force")),
        (7, ("QZ-2-09b", "no_management_committee")),
    ],
)
def test_what_is_missing_is_named_by_its_clause(missing: int, gap: tuple[str, str]) -> None:
    assert found(without(WHOLE, missing)) == {gap}


def test_a_second_leading_group_is_one_too_many() -> None:
    second = replace(WHOLE, orgs=(*WHOLE.orgs, org(20, kind="task_force", force_kind="leading_group")))
    assert ("SM-0-4", "second_leading_group") in found(second)


@pytest.mark.parametrize(("seat", "code"), [((3, "head"), "no_head"), ((3, "sanyi_leader"), "no_sanyi_leader")])
def test_each_leading_group_has_a_head_and_a_leader_of_the_three_sectors(seat: tuple[int, str], code: str) -> None:
    assert found(replace(WHOLE, seats=WHOLE.seats - {seat})) == {("F64-1-1a", code)}


def test_a_task_force_without_members_does_not_count() -> None:
    assert found(replace(WHOLE, seats=WHOLE.seats - {(6, "member")})) == {("XZ-4-1a", "no_task_force")}


def test_two_of_three_unified_resources_are_not_tight() -> None:
    loose = replace(COMMUNITY, unified=frozenset({"people", "money"}))
    assert found(replace(WHOLE, alliances=(loose,))) == {("F64-1-3a", "not_tight")}
    assert is_tight(["people", "money", "goods"], 3)
    assert not is_tight(["people", "money", "people"], 3)


def test_a_secondary_partner_does_not_count_as_the_three_a_partner() -> None:
    lower = replace(TOP, grade="2A")
    orgs = tuple(lower if o.id == 2 else o for o in WHOLE.orgs)
    assert found(replace(WHOLE, orgs=orgs)) == {("QZ-2-09d", "no_three_a_partner")}
    assert found(replace(WHOLE, partners=frozenset())) == {("QZ-2-09d", "no_three_a_partner")}


def test_an_alliance_led_by_a_three_a_hospital_is_a_partner_too() -> None:
    led = AllianceView(2, "专科联盟", "specialty", frozenset(), TOP, frozenset({1, 2}))
    assert found(replace(WHOLE, partners=frozenset(), alliances=(COMMUNITY, led))) == set()


def test_a_county_without_a_community_is_a_gap() -> None:
    assert ("F64-3-1c", "no_community") in found(replace(WHOLE, alliances=()))


def test_a_town_without_a_primary_institution_is_a_gap_until_it_has_one() -> None:
    towns = replace(WHOLE, towns=(("350405101", "某镇"),))
    assert found(towns) == {("QZ-2-01b", "town_without_institution")}
    served = org(30, tier="township", place="350405101000", ownership="government")
    force = org(31, kind="task_force", force_kind="task_force", parent_id=30)
    staffed = towns.referral_posts | {(30, "reviewer", uuid4())}
    there = replace(towns, orgs=(*towns.orgs, served, force), seats=towns.seats | {(31, "member")}, referral_posts=staffed)
    assert found(there) == set()


REVIEW, MANAGER = ("SM-3-5e", "no_referral_review"), ("QZ-2-11g", "no_referral_manager")
SOMEBODY, ANOTHER = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("posts", "missing"),
    [
        ([], {REVIEW, MANAGER}),
        ([("reviewer", SOMEBODY)], set()),  # one officer, part time or not
        ([("reviewer", SOMEBODY), ("reviewer", ANOTHER)], set()),
        ([("desk", SOMEBODY)], {REVIEW}),  # manages what comes and goes, and reviews nothing
    ],
)
def test_an_institution_has_somebody_who_reviews_and_somebody_who_manages_referrals(posts: list[Any], missing: set[Any]) -> None:
    held = frozenset((1, role, who) for role, who in posts) | {(2, "reviewer", SOMEBODY)}
    assert found(replace(WHOLE, referral_posts=held)) == missing


def test_one_person_in_two_roles_is_one_referral_manager() -> None:
    two = replace(POLICY, referral_managers=2)
    both = frozenset({(o, role, SOMEBODY) for o in (1, 2) for role in ("reviewer", "desk")})
    assert {g.org_id for g in gaps(replace(WHOLE, referral_posts=both), two)} == {1, 2}
    with_another = both | {(1, "desk", ANOTHER)}
    assert {g.org_id for g in gaps(replace(WHOLE, referral_posts=with_another), two)} == {2}


def test_a_village_clinic_is_not_asked_for_reviewers_of_its_own() -> None:
    clinic = org(50, tier="village", ownership="public")
    assert found(replace(WHOLE, orgs=(*WHOLE.orgs, clinic))) == set()


def test_a_private_institution_needs_a_type_of_development() -> None:
    private = org(40, tier="village", ownership="private")
    assert found(replace(WHOLE, orgs=(*WHOLE.orgs, private))) == {("QZ-2-01d", "no_development")}
    named = replace(private, development="other")
    assert found(replace(WHOLE, orgs=(*WHOLE.orgs, named))) == set()


@pytest.mark.parametrize(("held", "gap"), [(6, "list_short"), (7, None), (8, "list_long")])
def test_a_list_the_text_gives_only_a_number_for_is_held_against_it(held: int, gap: str | None) -> None:
    got = gaps(replace(WHOLE, lists=(("F64-2-2a", "国家区域医疗中心试点", 7, held),)), POLICY)
    assert got == ([Gap("F64-2-2a", gap, "", "国家区域医疗中心试点")] if gap else [])


# --- who may be in which alliance ---------------------------------------------------------------------------------------------

D1, D2 = date(2024, 1, 1), date(2024, 7, 1)


def member(number: int = 1, role: str = "member", grade: str = "", tier: str = "county", **more: Any) -> MemberView:
    facts = {"kind": "care", "ownership": "government", "start": D1, "end": None, **more}
    return MemberView(number, facts["kind"], tier, grade, facts["ownership"], role, facts["start"], facts["end"])


def allowed(kind: str, new: MemberView, *present: MemberView) -> str:
    try:
        check_member(kind, new, present)
    except NotAlliance as refused:
        return str(refused.detail["why"])
    return "yes"


@pytest.mark.parametrize(
    ("kind", "grade", "answer"),
    [
        ("specialty", "3A", "yes"),
        ("specialty", "3B", "yes"),
        ("specialty", "2A", "lead_level"),
        ("tele_network", "2A", "lead_level"),
        ("county_community", "2B", "yes"),
        ("county_community", "1A", "lead_level"),
        ("county_community", "none", "lead_level"),
        ("county_community", "", "yes"),
    ],
)
def test_who_may_lead(kind: str, grade: str, answer: str) -> None:
    assert allowed(kind, member(role="lead", grade=grade)) == answer


def test_a_second_lead_waits_for_the_end_of_the_first() -> None:
    first = member(1, "lead", "3A", end=D2)
    assert allowed("city_group", member(2, "lead", "3A", start=date(2024, 6, 30)), first) == "second_lead"
    assert allowed("city_group", member(2, "lead", "3A", start=D2), first) == "yes"


def test_a_city_group_has_public_hospitals_and_community_centres() -> None:
    assert allowed("city_group", member(tier="township")) == "yes"
    assert allowed("city_group", member(ownership="private")) == "public_members"
    assert allowed("city_group", member(tier="village")) == "public_members"
    assert allowed("specialty", member(ownership="private")) == "yes"


def test_only_county_communities_have_branches_and_only_care_joins() -> None:
    assert allowed("county_community", member(role="central_branch")) == "yes"
    assert allowed("specialty", member(role="branch")) == "branches"
    assert allowed("specialty", member(kind="agency", tier="")) == "only_care"


# --- codes --------------------------------------------------------------------------------------------------------------------


def test_levels_of_grades_and_titles() -> None:
    assert [hospital_level(g) for g in ("3A", "3", "2C", "1B", "none", "")] == [
        "tertiary",
        "tertiary",
        "secondary",
        "primary",
        "",
        "",
    ]
    assert title_at_least("intermediate", "intermediate")
    assert not title_at_least("junior", "intermediate")


def test_a_unified_social_credit_code_is_checked_by_its_last_character() -> None:
    stem = "12350405MB0000000"
    fitting = [stem + c for c in "0123456789ABCDEFGHJKLMNPQRTUWXY" if uscc_fits(stem + c)]
    assert len(fitting) == 1
    assert not uscc_fits(fitting[0][:-1] + "I")
    assert not uscc_fits(fitting[0][1:])
    # two neighbours swapped are found
    assert not uscc_fits(fitting[0][:7] + fitting[0][8] + fitting[0][7] + fitting[0][9:])


# --- papers: QZ-2-12c, QZ-2-09c, QZ-2-09k ------------------------------------------------------------------------------------

NONE_HELD = Held(frozenset(), frozenset())


def papers_missing(register: Register, held: Held = NONE_HELD) -> set[tuple[str, str, int | None]]:
    return {(g.clause_id, g.code, g.org_id) for g in paper_gaps(register, held)}


def one_org(**facts: Any) -> Register:
    return replace(WHOLE, orgs=(org(30, **facts),), alliances=())


@pytest.mark.parametrize(
    ("tier", "ownership", "wanted"),
    [
        ("county", "government", True),
        ("city", "public", True),
        ("province", "government", True),
        ("county", "private", False),
        ("county", "", False),
        ("township", "government", False),
        ("village", "public", False),
    ],
)
def test_each_public_hospital_has_a_charter(tier: str, ownership: str, wanted: bool) -> None:
    register = one_org(tier=tier, ownership=ownership)
    assert papers_missing(register) == ({("QZ-2-12c", "no_charter", 30)} if wanted else set())
    assert papers_missing(register, Held(frozenset({("charter", 30)}), frozenset())) == set()


def test_a_charter_of_another_hospital_is_none_of_this_one() -> None:
    held = Held(frozenset({("charter", 31), ("duties", 30)}), frozenset())
    assert papers_missing(one_org(tier="county", ownership="public"), held) == {("QZ-2-12c", "no_charter", 30)}


def test_each_member_of_a_county_community_has_a_positioning_and_a_list_of_duties() -> None:
    branch = org(30, tier="township", ownership="government")
    register = replace(WHOLE, orgs=(branch,), alliances=(replace(COMMUNITY, members=frozenset({1, 30})),))
    ruled = frozenset({COMMUNITY.id})
    both = {("QZ-2-09c", "no_positioning", 30), ("QZ-2-09c", "no_duties", 30)}
    assert papers_missing(register, Held(frozenset(), ruled)) == both
    assert papers_missing(register, Held(frozenset({(POSITIONING, 30)}), ruled)) == {("QZ-2-09c", "no_duties", 30)}
    assert papers_missing(register, Held(frozenset({(POSITIONING, 30), (DUTIES, 30)}), ruled)) == set()


@pytest.mark.parametrize("kind", ["city_group", "specialty", "tele_network"])
def test_only_county_communities_are_asked_for_papers(kind: str) -> None:
    other = replace(COMMUNITY, kind=kind, members=frozenset({30}))
    assert papers_missing(replace(WHOLE, orgs=(org(30, tier="township"),), alliances=(other,))) == set()


def test_a_county_community_has_operating_rules_also_when_it_has_no_lead() -> None:
    bare = replace(WHOLE, orgs=())
    assert papers_missing(bare) == {("QZ-2-09k", "no_operating_rules", HOSPITAL.id)}
    assert papers_missing(bare, Held(frozenset({(OPERATING_RULES, HOSPITAL.id)}), frozenset())) != set()
    assert papers_missing(bare, Held(frozenset(), frozenset({COMMUNITY.id}))) == set()
    leaderless = replace(bare, alliances=(replace(COMMUNITY, lead=None),))
    assert papers_missing(leaderless) == {("QZ-2-09k", "no_operating_rules", None)}
