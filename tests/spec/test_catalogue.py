"""The lists, as an officer reads them: numbers at their limits, clause by clause; what must be on a list, and what may be.

`SANMING` is a township of Sanming, where the document binds; elsewhere no minimum is set.
"""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest

from fenji.care.catalogue import rules
from fenji.ground.policy import queries

SANMING = ("35", "350400", "350405", "org:104")
QUANZHOU = ("35", "350500", "350582", "org:9")
DAY = date(2026, 9, 15)


def policy(path: tuple[str, ...] = SANMING, on: date = DAY) -> rules.CataloguePolicy:
    return queries.resolve(rules.CataloguePolicy, path, on)


def clause(field: str, path: tuple[str, ...] = SANMING) -> str:
    return queries.sources(rules.CataloguePolicy, path, DAY)[field].clause_id


def groups(count: int) -> list[str]:
    return [f"D{n}" for n in range(count)]


# fmt: off
DISEASES = [
    # institution       diseases   met    clause
    ("central centre",  79,        False, "SM-3-2d"),
    ("central centre",  80,        True,  "SM-3-2d"),
    ("central centre",  50,        False, "SM-3-2d"),
    ("other centre",    49,        False, "SM-3-2e"),
    ("other centre",    50,        True,  "SM-3-2e"),
    ("other centre",    51,        True,  "SM-3-2e"),   # SM-3-2f: more is welcome
    ("other centre",    500,       True,  "SM-3-2e"),   # there is no upper limit
]
# fmt: on


@pytest.mark.parametrize(("institution", "count", "met", "clause_id"), DISEASES)
def test_how_many_diseases_a_centre_lists(institution: str, count: int, met: bool, clause_id: str) -> None:
    found = rules.count_diseases(groups(count), central=institution == "central centre", policy=policy())
    assert (found.value, found.met, clause(found.field)) == (count, met, clause_id)


def test_a_disease_that_stands_twice_counts_once() -> None:
    found = rules.count_diseases([*groups(49), *groups(49)], central=False, policy=policy())
    assert (found.value, found.met) == (49, False)


# fmt: off
TECHNIQUES = [
    # list        categories  items  met    clause
    ("promoted",  10,         40,    True,  "SM-3-2h"),
    ("promoted",  10,         39,    False, "SM-3-2h"),
    ("promoted",  9,          45,    False, "SM-3-2h"),
    ("own",       6,          10,    True,  "SM-3-2i"),
    ("own",       6,          9,     False, "SM-3-2i"),
    ("own",       5,          12,    False, "SM-3-2i"),
]
# fmt: on


@pytest.mark.parametrize(("which", "categories", "items", "met", "clause_id"), TECHNIQUES)
def test_how_many_techniques_of_chinese_medicine(which: str, categories: int, items: int, met: bool, clause_id: str) -> None:
    of_each = [f"category {n % categories}" for n in range(items)]
    found = rules.count_techniques(of_each, promoted=which == "promoted", policy=policy())
    assert [c.value for c in found] == [categories, items]
    assert all(c.met for c in found) == met
    assert {clause(c.field) for c in found} == {clause_id}


@pytest.mark.parametrize(("count", "met"), [(499, False), (500, True), (501, True)])
def test_how_many_service_items_are_devolved(count: int, met: bool) -> None:
    found = rules.count_items(groups(count), policy())
    assert (found.met, clause(found.field)) == (met, "SM-3-3a")


def test_elsewhere_no_minimum_is_set() -> None:
    there = policy(QUANZHOU)
    assert rules.count_diseases([], central=True, policy=there).met
    assert all(c.met for c in rules.count_techniques([], promoted=True, policy=there))
    assert rules.count_items([], there).met
    assert rules.missing_focus([], there) == ()
    assert clause("devolved_items", QUANZHOU).startswith("PF-")


def test_before_the_document_no_minimum_was_set() -> None:
    assert policy(on=date(2022, 2, 28)).devolved_items == 0
    assert policy(on=date(2022, 3, 1)).devolved_items == 500


# --- levels (SM-3-2a, 3-2c) --------------------------------------------------------------------------------------------------

# fmt: off
LEVELS = [
    # county  township  village   lowest level   (empty: refused)
    ("yes",   "yes",    "yes",    "village"),
    ("yes",   "yes",    "no",     "township"),
    ("yes",   "no",     "no",     "county"),
    ("yes",   "no",     "yes",    ""),           # a village cannot treat what its township cannot
    ("no",    "yes",    "yes",    ""),           # nor a township what the county cannot
    ("no",    "yes",    "no",     ""),
    ("no",    "no",     "yes",    ""),
    ("no",    "no",     "no",     ""),           # somebody must treat it
]
# fmt: on


@pytest.mark.parametrize(("county", "township", "village", "lowest"), LEVELS)
def test_what_a_lower_level_treats_the_higher_ones_treat(county: str, township: str, village: str, lowest: str) -> None:
    able = {"county": county == "yes", "township": township == "yes", "village": village == "yes"}
    assert rules.lowest_level(**able) == lowest


def test_diseases_moved_down_are_counted_between_two_versions() -> None:
    old = {"I10": "county", "E11": "county", "J06": "township", "K29": "township", "M54": "village"}
    new = {"I10": "township", "E11": "village", "J06": "village", "K29": "county", "L20": "village"}
    # K29 moved up, M54 was taken out, L20 is new: none of these was moved down
    assert rules.moved_down(old, new) == ("I10", "E11", "J06")
    assert rules.moved_down(old, old) == ()


# --- down-referral (SM-3-6a, 3-6b) -------------------------------------------------------------------------------------------

FIVE = {"hypertension": "I10.x00", "diabetes": "E11.900", "COPD": "J44.900", "coronary": "I25.100", "cerebrovascular": "I69.300"}


def test_the_five_focus_diseases_make_a_list_and_more_are_welcome() -> None:
    assert rules.missing_focus(FIVE.values(), policy()) == ()
    assert rules.missing_focus([*FIVE.values(), "S72.000", "Z54.400"], policy()) == ()
    assert clause("focus_diseases") == "SM-3-6a"


@pytest.mark.parametrize("without", FIVE)
def test_a_list_without_one_of_the_five_is_refused(without: str) -> None:
    rest = [code for name, code in FIVE.items() if name != without]
    (missing,) = rules.missing_focus(rest, policy())
    first, _, last = missing.partition("-")
    assert first <= FIVE[without][:3] <= (last or first)


@pytest.mark.parametrize(("code", "names"), [("I15.900", 1), ("I16.900", 0), ("I09.900", 0), ("E14.900", 1), ("E15.x00", 0)])
def test_a_focus_disease_is_a_range_of_categories(code: str, names: int) -> None:
    assert len(policy().focus_diseases) - len(rules.missing_focus([code], policy())) == names


# fmt: off
SUGGESTED = [
    # criteria   guide     missing
    ("written",  "written", ()),
    ("written",  "",        ("guide",)),
    ("",         "written", ("criteria",)),
    ("",         "",        ("criteria", "guide")),
]
# fmt: on


@pytest.mark.parametrize(("criteria", "guide", "missing"), SUGGESTED)
def test_a_disease_is_suggested_only_with_criteria_and_guide(criteria: str, guide: str, missing: tuple[str, ...]) -> None:
    found = rules.Down("I10", "I10.x00", {"criteria": criteria, "guide": guide})
    assert rules.blocked_from_suggestion(found, policy()) == missing
    assert clause("down_documents") == "SM-3-6b"


# --- items and guides (SM-3-3b, 3-5d) ----------------------------------------------------------------------------------------

# fmt: off
ITEMS = [
    # diseases         specialty     for review
    (("I10",),         "",           False),
    (("Z99", "I10"),   "",           False),
    ((),               "cardiology", False),   # a doctor of this specialty has a post at a branch
    ((),               "surgery",    True),    # nobody of this one has
    (("Z99",),         "",           True),    # a disease that is not on the catalogue
    ((),               "",           True),
]
# fmt: on


@pytest.mark.parametrize(("diseases", "specialty", "review"), ITEMS)
def test_an_item_is_linked_to_a_disease_or_to_a_posted_specialty(diseases: tuple[str, ...], specialty: str, review: bool) -> None:
    found = rules.unlinked([rules.Item("D-1", specialty, diseases)], groups={"I10", "E11"}, specialties={"cardiology"})
    assert found == (("D-1",) if review else ())


def test_each_disease_needs_three_kinds_of_documents_and_the_missing_one_is_named() -> None:
    written = {("I10", "guide"), ("I10", "criteria"), ("I10", "rules"), ("E11", "guide"), ("E11", "rules")}
    assert rules.missing_documents(["I10", "E11", "J06"], written, policy()) == {
        "E11": ("criteria",),
        "J06": ("guide", "criteria", "rules"),
    }
    assert clause("guide_documents") == "SM-3-5d"


# --- codes -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "known", "fault"),
    [
        ("I10.x00", None, ""),  # no table is loaded: only the form is checked
        ("I10.x00", True, ""),
        ("I10.x00", False, "code_not_in_table"),
        ("hypertension", None, "code_form"),
        ("hypertension", True, "code_form"),
        ("", None, "code_form"),
        ("I10 x00", None, "code_form"),
        ("１10.x00", None, "code_form"),
        ("I१0.x00", None, "code_form"),  # digits of other scripts are none
    ],
)
def test_the_form_of_a_code_is_always_checked_and_existence_only_against_a_table(code: str, known: bool | None, fault: str) -> None:
    assert rules.code_fault(code, known) == fault


# --- who keeps which list ----------------------------------------------------------------------------------------------------

# fmt: off
KEEPERS = {
    #                      first_contact treatable down   devolved technique promoted guide
    "lead":               (True,         True,     True,  False,   True,     True,    True),
    "branch":             (False,        True,     False, False,   True,     False,   False),
    "health commission":  (False,        False,    False, False,   False,    True,    False),
    "insurance bureau":   (False,        False,    False, True,    False,    True,    False),
    "task force":         (False,        False,    False, False,   False,    False,   False),
}
# fmt: on
OWNERS = {
    "lead": rules.Owner("care", True, False),
    "branch": rules.Owner("care", False, False),
    "health commission": rules.Owner("agency", False, False),
    "insurance bureau": rules.Owner("agency", False, True),
    "task force": rules.Owner("task_force", False, False),
}


@pytest.mark.parametrize("who", KEEPERS)
def test_who_keeps_which_list(who: str) -> None:
    assert tuple(rules.may_keep(kind, OWNERS[who]) for kind in rules.KINDS) == KEEPERS[who]


# --- the way into force ------------------------------------------------------------------------------------------------------

# fmt: off
WAY = [
    # state        action      leads to      note   whose right
    ("draft",      "submit",   "submitted",  False, "catalogue.write"),
    ("draft",      "discard",  "withdrawn",  False, "catalogue.write"),
    ("submitted",  "approve",  "approved",   False, "catalogue.approve"),
    ("submitted",  "return",   "draft",      True,  "catalogue.approve"),
    ("approved",   "publish",  "published",  False, "catalogue.approve"),
    ("approved",   "return",   "draft",      True,  "catalogue.approve"),
    ("published",  "withdraw", "withdrawn",  True,  "catalogue.approve"),
]
# fmt: on


@pytest.mark.parametrize(("state", "action"), list(product(rules.STATES, sorted({a for _, a in rules.WAY}))))
def test_the_way_is_this_table_and_nothing_else(state: str, action: str) -> None:
    row = next((w for w in WAY if w[:2] == (state, action)), None)
    if row is None:
        with pytest.raises(rules.ListState):
            rules.step(state, action, "because")
        return
    found = rules.step(state, action, "because")
    assert (found.state, found.note, found.permission) == row[2:]
    if found.note:
        with pytest.raises(rules.ListNote):
            rules.step(state, action, "")


# fmt: off
STARTS = [
    # today         latest version begins   chosen         refused as
    ("2023-06-01",  None,                   "2023-06-01",  ""),
    ("2023-06-01",  None,                   "2023-05-31",  "list_start_past"),
    ("2023-06-01",  "2022-03-01",           "2023-07-01",  ""),
    ("2023-06-01",  "2023-06-01",           "2023-06-01",  "list_start_taken"),   # a version is in force for a day at least
    ("2023-06-01",  "2023-07-01",           "2023-06-15",  "list_start_taken"),   # one that is to come would be overtaken
    ("2023-06-01",  "2023-07-01",           "2023-07-02",  ""),
]
# fmt: on


@pytest.mark.parametrize(("today", "latest", "chosen", "refused"), STARTS)
def test_when_a_version_may_begin(today: str, latest: str | None, chosen: str, refused: str) -> None:
    days = (date.fromisoformat(chosen), date.fromisoformat(today), date.fromisoformat(latest) if latest else None)
    if not refused:
        rules.check_start(*days)
        return
    with pytest.raises((rules.StartPast, rules.StartTaken)) as found:
        rules.check_start(*days)
    assert found.value.code == refused
