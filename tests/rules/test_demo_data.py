"""The shipped demo data of the catalogue: forms, numbers, subsets, and that the files fit each other."""

from __future__ import annotations

import csv
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from pypinyin import Style, pinyin

from fenji.care.catalogue.actions import demo_rows
from fenji.care.catalogue.rules import clean_code, disease_group, is_code
from fenji.ground.common.pinyin import syllables

ROOT = Path(__file__).resolve().parents[2] / "fenji"
CATALOGUE = ROOT / "care" / "catalogue" / "data"
NETWORK = ROOT / "ground" / "network" / "data"
COLUMNS = {
    "demo_diagnoses": "code,name_zh,name_en,group,primary,township,ordinary,village,focus,down,pinyin",
    "demo_techniques": "code,category,category_zh,category_en,name_zh,name_en",
    "demo_service_items": "code,name_zh,name_en,kind,specialty,disease_groups",
    "demo_guides": "group,kind,title_zh,title_en,text_zh,text_en",
    "demo_down_list": "group,phase,criteria_zh,criteria_en,guide_zh,guide_en",
    "term_readings": "term,readings",
    "specialties": "code,name_zh,name_en",
}
MAY_BE_EMPTY = {"group", "focus", "pinyin", "specialty", "disease_groups", "guide_zh", "guide_en"}
LEVELS = ("primary", "township", "ordinary", "village")
FOCUS = {"hypertension", "diabetes", "copd", "coronary", "stroke"}
GUIDE_KINDS = {"guide", "criteria", "rules"}
PHASES = {"acute_recovery", "surgical_recovery", "critical_stable"}
ITEM_KINDS = {"examination", "laboratory", "treatment", "nursing", "tcm", "surgery", "rehabilitation"}


def path_of(name: str) -> Path:
    return (NETWORK if name == "specialties" else CATALOGUE) / f"{name}.csv"


@cache
def rows(name: str) -> list[dict[str, str]]:
    with path_of(name).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(line for line in handle if not line.startswith("#")))


def group_of(row: dict[str, str]) -> str:
    return disease_group(row["code"], row["group"])


def groups(flag: str = "") -> set[str]:
    return {group_of(r) for r in rows("demo_diagnoses") if not flag or r[flag] == "1"}


def listed(row: dict[str, str]) -> list[str]:
    return row["disease_groups"].split(";") if row["disease_groups"] else []


@cache
def terms() -> dict[str, list[str]]:
    return {r["term"]: r["readings"].split(" ") for r in rows("term_readings")}


def initials(text: str) -> str:
    """Left to right, the longest term of the table first, else character by character: as the head of the table says."""
    longest = max(map(len, terms()))
    read: list[str] = []
    at = 0
    while at < len(text):
        found = next((text[at : at + n] for n in range(longest, 0, -1) if text[at : at + n] in terms()), "")
        read += terms()[found] if found else syllables(text[at])
        at += len(found) or 1
    return "".join(s[0] for s in read)


@pytest.mark.parametrize("name", COLUMNS)
def test_a_file_is_plain_utf8_with_a_head_and_has_every_cell_it_needs(name: str) -> None:
    raw = path_of(name).read_bytes()
    assert not raw.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in raw
    assert raw.endswith(b"\n")
    lines = raw.decode("utf-8").splitlines()
    head = [line for line in lines if line.startswith("#")]
    assert head
    assert lines[len(head)] == COLUMNS[name]
    if name != "term_readings":
        assert "演示用" in head[0]
        assert any("not an official" in line for line in head)
    for row in rows(name):
        assert set(row) == set(COLUMNS[name].split(",")), row
        for column, cell in row.items():
            assert cell is not None, row
            assert cell == cell.strip(), row
            assert cell or column in MAY_BE_EMPTY, (column, row)


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("demo_diagnoses", ("code", "name_zh", "name_en")),
        ("demo_techniques", ("code", "name_zh", "name_en")),
        ("demo_service_items", ("code", "name_zh", "name_en")),
        ("demo_guides", ("title_zh", "title_en", "text_zh", "text_en")),
        ("demo_down_list", ("group", "criteria_zh", "criteria_en")),
        ("term_readings", ("term",)),
        ("specialties", ("code", "name_zh", "name_en")),
    ],
)
def test_nothing_stands_twice(name: str, columns: tuple[str, ...]) -> None:
    for column in columns:
        twice = [v for v, n in Counter(r[column].lower() for r in rows(name)).items() if n > 1]
        assert not twice, (column, twice)


@pytest.mark.parametrize("name", [n for n in COLUMNS if n != "term_readings"])
def test_chinese_columns_hold_chinese_and_english_columns_none(name: str) -> None:
    chinese = re.compile(r"[\u3400-\u9fff]")
    for row in rows(name):
        for column, cell in row.items():
            if cell and column.endswith("_zh"):
                assert chinese.search(cell), row
            if column.endswith("_en"):
                assert not re.search(r"[\u3000-\u9fff\uff00-\uffef]", cell), row


def test_the_loader_reads_the_dictionary_with_its_new_columns() -> None:
    assert list(demo_rows()) == rows("demo_diagnoses")


def test_every_diagnosis_has_a_code_of_the_right_form_and_flags() -> None:
    assert 250 <= len(rows("demo_diagnoses")) <= 260
    for row in rows("demo_diagnoses"):
        assert is_code(row["code"]), row
        assert clean_code(row["code"]) == row["code"]
        assert all(row[f] in ("0", "1") for f in (*LEVELS, "down")), row
        assert row["focus"] in FOCUS | {""}, row


def test_what_a_lower_level_can_treat_the_higher_ones_can_too() -> None:
    for row in rows("demo_diagnoses"):
        assert [row[f] for f in LEVELS] == sorted((row[f] for f in LEVELS), reverse=True), row


def test_the_lists_are_long_enough_for_the_targets() -> None:
    """SM-3-2d: 80 at a central centre, SM-3-2e: 50 at the others; by disease group."""
    assert len(groups("primary")) >= 95
    assert 80 <= len(groups("township")) <= 90
    assert 50 <= len(groups("ordinary")) <= 55
    assert 28 <= len(groups("village")) <= 32
    for low, high in zip(LEVELS[1:], LEVELS, strict=False):
        assert groups(low) < groups(high)


def test_a_disease_group_is_down_listed_and_in_focus_as_a_whole() -> None:
    for group in groups():
        own = [r for r in rows("demo_diagnoses") if group_of(r) == group]
        assert len({r["down"] for r in own}) == 1, group
        assert len({r["focus"] for r in own}) == 1, group


def test_every_diagnosis_can_be_typed_with_latin_letters() -> None:
    for row in rows("demo_diagnoses"):
        typed = row["pinyin"] or initials(row["name_zh"])
        assert re.fullmatch(r"[a-z0-9]+", typed), row


def test_pinyin_is_given_only_where_it_is_needed() -> None:
    for row in rows("demo_diagnoses"):
        assert row["pinyin"] != initials(row["name_zh"]), row


def test_the_down_list_is_what_the_dictionary_says_and_has_the_five_focus_diseases() -> None:
    """SM-3-6a, SM-1-2b (the three phases), SM-3-6b (two kinds of paper)."""
    assert {r["group"] for r in rows("demo_down_list")} == groups("down")
    assert {r["focus"] for r in rows("demo_diagnoses") if r["down"] == "1"} == FOCUS | {""}
    assert {r["phase"] for r in rows("demo_down_list")} == PHASES
    without = [r["group"] for r in rows("demo_down_list") if not r["guide_zh"]]
    assert without == [r["group"] for r in rows("demo_down_list") if not r["guide_en"]]
    assert len(without) == 2


def test_techniques_reach_the_targets_by_category_and_item() -> None:
    """SM-3-2h: 10 categories and 40 items."""
    found = rows("demo_techniques")
    assert len({r["category"] for r in found}) == 11
    assert len(found) >= 44
    for row in found:
        assert re.fullmatch(r"T\d\d-\d\d", row["code"]), row
        assert row["code"].startswith(row["category"] + "-")
    assert len({(r["category"], r["category_zh"], r["category_en"]) for r in found}) == 11


def test_specialties_have_plain_codes() -> None:
    assert len(rows("specialties")) == 28
    assert all(re.fullmatch(r"[a-z_]+", r["code"]) for r in rows("specialties"))


def test_service_items_name_groups_and_specialties_that_exist() -> None:
    """SM-3-3a: 500 items; SM-3-3b: linked ones, some by specialty alone, and some for the review list."""
    items = rows("demo_service_items")
    specialties = {r["code"] for r in rows("specialties")}
    assert len(items) == 520
    assert [r["code"] for r in items] == [f"D-{n:04d}" for n in range(1, len(items) + 1)]
    assert {r["kind"] for r in items} == ITEM_KINDS
    for row in items:
        assert row["specialty"] in specialties | {""}, row
        assert len(listed(row)) == len(set(listed(row))), row
        assert set(listed(row)) <= groups("primary"), row
    assert len([r for r in items if listed(r)]) == 480
    assert len([r for r in items if not listed(r) and r["specialty"]]) == 20
    assert len([r for r in items if not listed(r) and not r["specialty"]]) == 20


def test_every_catalogue_disease_is_served_by_an_item() -> None:
    assert {g for r in rows("demo_service_items") for g in listed(r)} == groups("primary")


def test_guides_are_complete_for_all_but_one_disease_that_is_not_in_focus() -> None:
    """SM-3-5d: three kinds of document per disease."""
    kinds: dict[str, set[str]] = {}
    for row in rows("demo_guides"):
        assert row["kind"] in GUIDE_KINDS, row
        assert row["kind"] not in kinds.setdefault(row["group"], set()), row
        kinds[row["group"]].add(row["kind"])
        assert 2 <= row["text_zh"].count("。") <= 4, row
        assert 2 <= len(re.findall(r"\.(?: |$)", row["text_en"])) <= 4, row
    assert len(kinds) == 12
    assert set(kinds) <= groups()
    focus_of = {group_of(r): r["focus"] for r in rows("demo_diagnoses")}
    assert {focus_of[g] for g in kinds} >= FOCUS
    incomplete = [g for g, found in kinds.items() if found != GUIDE_KINDS]
    assert len(incomplete) == 1
    assert not focus_of[incomplete[0]]


def test_every_reading_has_one_known_syllable_per_character() -> None:
    for term, read in terms().items():
        assert len(read) == len(term), term
        for character, syllable in zip(term, read, strict=True):
            known = pinyin(character, style=Style.NORMAL, heteronym=True)[0]
            assert syllable in known, (term, syllable, known)


def test_every_term_has_a_character_of_several_readings() -> None:
    """Else it could not be read wrongly, and would not belong into the table."""
    for term in terms():
        assert any(len(pinyin(c, style=Style.NORMAL, heteronym=True)[0]) > 1 for c in term), term


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("脑卒中", "ncz"), ("膀胱炎", "pgy"), ("咯血", "kx"), ("颈椎病", "jzb"), ("腰椎间盘突出症", "yzjptcz"),
        ("月经失调", "yjst"), ("牙龈炎", "yyy"), ("肺栓塞", "fss"), ("慢性阻塞性肺疾病", "mxzsxfjb"), ("便秘", "bm"),
        ("肠粘连", "czl"), ("咽喉炎", "yhy"), ("荨麻疹", "xmz"), ("重症肺炎", "zzfy"), ("恶心", "ex"),
        ("恶寒", "wh"), ("恶露", "el"), ("屏气", "bq"), ("肝脏弹性", "gztx"), ("弹响指", "txz"),
        ("包皮过长", "bpgc"), ("长期卧床", "cqwc"), ("生长期", "szq"), ("长程动态心电图", "ccdtxdt"), ("胚胎着床", "ptzc"),
        ("附着", "fz"), ("校正", "jz"), ("给予", "jy"), ("骨重建", "gcj"), ("重复", "cf"),
        ("白术", "bz"), ("人参", "rs"), ("阿胶", "ej"), ("薄荷", "bh"), ("桔梗", "jg"),
        ("川芎", "cx"), ("枳壳", "zq"), ("足跟龟裂", "zgjl"), ("肺俞", "fs"), ("膻中", "dz"),
        ("肋间神经痛", "ljsjt"), ("调脂", "tz"), ("腱鞘炎", "jqy"), ("不稳定型心绞痛", "bwdxxjt"),
    ],
)  # fmt: skip
def test_terms_are_read_as_doctors_read_them(text: str, typed: str) -> None:
    assert initials(text) == typed
