"""Lists against slow plain readings: two versions side by side, nested levels, links, ranges of categories, readings of terms."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenji.care.catalogue import rules
from fenji.ground.common.pinyin import syllables, term_readings
from fenji.ground.publication.rules import BadBody

keys = st.tuples(st.sampled_from("abcdef"), st.sampled_from("xy"))
versions = st.dictionaries(keys, st.integers(0, 3), max_size=10)
levels = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(rules.LEVELS))


@given(versions, versions)
def test_what_changed_leads_from_one_version_to_the_other_and_names_nothing_else(old: dict, new: dict) -> None:
    found = rules.diff(old, new)
    made = dict(old)
    for key in found.removed:
        del made[key]
    for key, (before, after) in found.changed.items():
        assert made[key] == before != after
        made[key] = after
    for key, value in found.added.items():
        assert key not in made
        made[key] = value
    assert made == new
    assert bool(found) == (old != new)


@given(versions, versions)
def test_the_way_back_is_the_way_there_reversed(old: dict, new: dict) -> None:
    there, back = rules.diff(old, new), rules.diff(new, old)
    assert there.added == back.removed
    assert there.removed == back.added
    assert there.changed == {k: (after, before) for k, (before, after) in back.changed.items()}


def test_levels_are_nested_or_refused() -> None:
    for county, township, village in product((False, True), repeat=3):
        found = rules.lowest_level(county=county, township=township, village=village)
        nested = (not village or township) and (not township or county) and county
        assert bool(found) == nested
        if nested:
            assert found == ("village" if village else "township" if township else "county")


@given(levels, levels)
def test_moved_down_is_what_stands_in_both_and_lower_in_the_new(old: dict[str, str], new: dict[str, str]) -> None:
    rank = {"village": 0, "township": 1, "county": 2}
    assert set(rules.moved_down(old, new)) == {g for g in old if g in new and rank[new[g]] < rank[old[g]]}
    assert not set(rules.moved_down(old, new)) & set(rules.moved_down(new, old))


@given(
    st.lists(st.tuples(st.sampled_from(["", "s1", "s2"]), st.lists(st.sampled_from("abcd"), max_size=3)), max_size=8),
    st.sets(st.sampled_from("abcd")),
    st.sets(st.sampled_from(["s1", "s2"])),
)
def test_the_review_list_holds_exactly_the_items_without_a_link(rows: list, groups: set, specialties: set) -> None:
    items = [rules.Item(str(i), s, tuple(g)) for i, (s, g) in enumerate(rows)]
    slow = []
    for item in items:
        linked = item.specialty in specialties and item.specialty != ""
        for group in item.groups:
            linked = linked or group in groups
        if not linked:
            slow.append(item.code)
    assert list(rules.unlinked(items, groups, specialties)) == slow


@given(st.sampled_from("ABIZ"), st.integers(0, 99), st.sampled_from(["", ".x00", ".900x001"]))
def test_a_category_lies_in_a_range_when_its_number_does(letter: str, number: int, rest: str) -> None:
    policy = rules.CataloguePolicy(0, 0, 0, 0, 0, 0, 0, ("I10-I15",), (), ())
    code = f"{letter}{number:02d}{rest}"
    assert (rules.missing_focus([code], policy) == ()) == (letter == "I" and 10 <= number <= 15)


TERMS = {"卒中": "cu zhong", "生长": "sheng zhang", "长期": "chang qi", "荨麻疹": "xun ma zhen"}


def test_the_longest_term_that_fits_is_read_and_the_plain_reading_stands_beside_it() -> None:
    assert term_readings("脑卒中", TERMS) == [("naocuzhong", "ncz"), ("naozuzhong", "nzz")]
    assert term_readings("生长期", TERMS)[0] == ("shengzhangqi", "szq")
    assert term_readings("高血压", TERMS) == [("gaoxueya", "gxy")]
    assert term_readings("", TERMS) == [("", "")]


@given(st.text(alphabet="脑卒中生长期荨麻疹炎aB2（）", max_size=10))
def test_every_reading_has_an_initial_per_syllable_and_the_plain_one_is_among_them(text: str) -> None:
    found = term_readings(text, TERMS)
    assert 1 <= len(found) <= 2
    plain = syllables(text)
    assert ("".join(plain), "".join(s[0] for s in plain)) in found
    assert all(len(initials) == len(plain) for _, initials in found)


# --- what is made public -----------------------------------------------------------------------------------------------------

_NAMED = {"code": "I10", "zh": "高血压", "en": "Hypertension"}
_PUBLIC: dict[str, tuple[str, dict[str, str]]] = {
    rules.DOWN: ("diseases", {**_NAMED, "phase": "acute_recovery", "criteria_zh": "病情稳定"}),
    rules.DEVOLVED: ("items", {**_NAMED, "kind": "tcm"}),
    rules.TECHNIQUE: ("techniques", {**_NAMED, "category_zh": "灸类", "category_en": "Moxibustion"}),
    rules.PROMOTED: ("techniques", {**_NAMED, "category_zh": "灸类", "category_en": "Moxibustion"}),
    rules.GUIDE: ("documents", {**_NAMED, "document": "rules", "title_zh": "题", "text_zh": "一\n二"}),
}
_OF_OTHERS = {"phase": "nowhere", "kind": "a/b", "category_zh": " ", "document": "letter", "patient": "陈某", "code": "", "zh": 7}


@pytest.mark.parametrize("kind", rules.PUBLIC_BODIES)
def test_a_public_list_holds_named_entries_each_once_and_nothing_else(kind: str) -> None:
    name, entry = _PUBLIC[kind]
    check = rules.PUBLIC_BODIES[kind]

    def body(*entries: dict[str, object]) -> dict[str, object]:
        return {name: list(entries), "version": 1, "clauses": []}

    check(body(dict(entry)))
    check(body(dict(entry), {**entry, "code": "J06"}))
    wrong = [body(), body(dict(entry), dict(entry)), {**body(dict(entry)), "note": "x"}]
    wrong += [body({k: v for k, v in entry.items() if k != lost}) for lost in ("code", "zh", "en")]
    wrong += [body({**entry, field: value}) for field, value in _OF_OTHERS.items() if field in entry or field == "patient"]
    for refused in wrong:
        with pytest.raises(BadBody):
            check(refused)


def test_the_same_disease_may_come_down_in_several_phases_and_have_several_documents() -> None:
    for kind, field, other in ((rules.DOWN, "phase", "surgical_recovery"), (rules.GUIDE, "document", "guide")):
        name, entry = _PUBLIC[kind]
        rules.PUBLIC_BODIES[kind]({name: [entry, {**entry, field: other}], "version": 1, "clauses": []})
