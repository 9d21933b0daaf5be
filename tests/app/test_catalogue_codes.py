"""Finding a diagnosis by what people type; code tables and lists that come in from files."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connections, transaction
from django.utils.translation import override

from fenji.care.catalogue import actions, queries, rules
from fenji.care.catalogue.models import CodeTable, Diagnosis, ListVersion, Reading
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.common.imports import Judgement, Listing, Row, fault_text, listings
from fenji.ground.common.refusal import NotPermitted
from tests.cast import person

TODAY = local_day(now())


def actor(login: str) -> Actor:
    """Somebody as a worker knows them who judges what they sent: without a session."""
    who = person(login)
    return Actor(who.id, who.name, who.role, None, who.org_id, "", (who.org_id,))


@pytest.fixture
def load(house_file: object) -> Iterator[None]:
    """One transaction of the loader around a test, taken back at its end."""
    with transaction.atomic(using="load"):
        yield
        transaction.set_rollback(True, using="load")


# --- search ------------------------------------------------------------------------------------------------------------------

# fmt: off
FOUND = [
    # typed              first suggestion
    ("I10.x00",          "I10.x00"),
    ("i10",              "I10.x00"),
    ("I10.X00",          "I10.x00"),
    ("Ｉ１０",            "I10.x00"),
    ("原发性高",          "I10.x00"),
    ("yfxgxy",           "I10.x00"),
    ("yuanfaxinggaoxue", "I10.x00"),
    ("yuan fa xing gao", "I10.x00"),
    ("ncz",              "I64.x00"),   # 卒中 is read cu zhong …
    ("nzz",              "I64.x00"),   # … and typed zu zhong by many
    ("naocuzhong",       "I64.x00"),
    ("naozuzhong",       "I64.x00"),
    ("bdzhpx",           "D56.100"),   # β has no pinyin: its initials are given
    ("2xtnb",            "E11"),
]
# fmt: on


@pytest.mark.parametrize(("typed", "code"), FOUND)
def test_a_diagnosis_is_found_by_what_people_type(db: None, typed: str, code: str) -> None:
    found = queries.suggest(typed)
    assert found, typed
    assert found[0].code.startswith(code)


def test_the_best_comes_first(db: None) -> None:
    """Exact code, beginning of a code, of a name, of the initials, of the pinyin; what only holds it comes last."""
    exact = queries.suggest("J44.900")
    assert exact[0].code == "J44.900"
    by_code = [s.code for s in queries.suggest("J44")]
    assert by_code[:2] == sorted(by_code[:2])
    names = [s.name_zh for s in queries.suggest("急性", limit=60)]
    inside = [n for n in names if not n.startswith("急性")]
    assert inside
    assert names == [n for n in names if n.startswith("急性")] + inside
    found = queries.suggest("gxy", limit=40)
    starts = [any(r.initials.startswith("gxy") for r in Reading.objects.filter(diagnosis_id=s.code)) for s in found]
    assert starts == sorted(starts, reverse=True)


def test_a_suggestion_shows_the_reading_that_was_typed(db: None) -> None:
    """Browsers drop options that do not hold what was typed."""
    for typed in ("ncz", "nzz", "naozuzhong", "gxy", "gaoxue"):
        for found in queries.suggest(typed):
            assert typed in f"{found.code} {found.name_zh} {found.hint} {found.name_en}".lower()


@pytest.mark.parametrize("typed", ["", " ", "%_%", "_", "\\", "''", "zzzzzz", "😀", "x" * 5000, "І10"])
def test_what_fits_nothing_finds_nothing(db: None, typed: str) -> None:
    assert queries.suggest(typed) == []


def test_every_diagnosis_is_found_by_each_of_its_readings(db: None) -> None:
    rows = list(Reading.objects.select_related("diagnosis"))
    assert {r.diagnosis_id for r in rows} == set(Diagnosis.objects.values_list("code", flat=True))
    for r in rows[::7]:
        assert r.diagnosis_id in {s.code for s in queries.suggest(r.pinyin)}
        assert r.diagnosis_id in {s.code for s in queries.suggest(r.initials, limit=40)}


def test_search_stays_fast_in_a_table_of_full_size(load: None) -> None:
    """33,000 rows, the size of the national table: prefixes are looked up in an index."""
    rows = [Diagnosis(code=f"{letter}{n:02d}.{m:03d}", name_zh=f"病种{letter}{n}型{m}", name_en="", group="")
            for letter in "QRTUV" for n in range(100) for m in range(66)]  # fmt: skip
    actions._add_diagnoses(rows, {}, "load")
    with connections["load"].cursor() as cursor:
        cursor.execute("ANALYZE catalogue_diagnosis")
        cursor.execute("ANALYZE catalogue_reading")
        for statement, value in (
            ("SELECT * FROM catalogue_diagnosis WHERE code ^@ %s ORDER BY code LIMIT 24", "T41"),
            ("SELECT * FROM catalogue_diagnosis WHERE name_zh ^@ %s ORDER BY code LIMIT 24", "病种T41"),
            ("SELECT * FROM catalogue_reading WHERE initials ^@ %s ORDER BY initials, diagnosis_id LIMIT 24", "bzt41x6"),
            ("SELECT * FROM catalogue_reading WHERE pinyin ^@ %s ORDER BY pinyin, diagnosis_id LIMIT 24", "bingzhongt41"),
        ):
            cursor.execute(f"EXPLAIN {statement}", [value])
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Seq Scan" not in plan, plan
            began = time.perf_counter()
            cursor.execute(statement, [value])
            assert cursor.fetchall()
            assert time.perf_counter() - began < 0.1


# --- what a list makes of a file ---------------------------------------------------------------------------------------------


def rows(listing: Listing, *lines: Sequence[Any]) -> list[Row]:
    """Lines as the reader of files hands them on, in the order of the columns; the last columns may be left out of the file."""
    keys = [c.key for c in listing.columns]
    return [Row(i, dict(zip(keys, line, strict=False))) for i, line in enumerate(lines, 2)]


def judged(code: str, login: str, *lines: Sequence[Any], at: datetime | None = None) -> tuple[Judgement, list[Row]]:
    listing = listings()[code]
    found = rows(listing, *lines)
    return listing.judge(found, by=actor(login), at=at or now()), found


def written(code: str, login: str, *lines: Sequence[Any]) -> Judgement:
    """Judge, write the good rows as the reader of files does, and say what was judged."""
    judgement, found = judged(code, login, *lines)
    keep = [row for row in found if judgement.outcomes.get(row.line) in ("new", "changed")]
    told: list[int] = []
    if keep:
        listings()[code].write(keep, by=actor(login), at=now(), progress=told.append)
        assert told[-1] == len(keep)
    return judgement


def _draft(kind: str, login: str) -> ListVersion:
    return ListVersion.objects.using("load").get(kind=kind, org_id=person(login).org_id, state="draft")


CATALOGUE_LINES = [
    # code, name, county, township, village
    ("A01.000", "伤寒", True, False, False),
    ("i10.X00", "高血压", True, True, False),
    ("J00.x00", "感冒", True, True, True),
]


def test_a_catalogue_comes_in_as_a_draft_and_the_same_file_again_changes_nothing(load: None) -> None:
    first = written("first_contact", "editor", *CATALOGUE_LINES)
    assert first.faults == ()
    assert list(first.outcomes.values()) == ["new", "changed", "same"]
    draft = _draft("first_contact", "editor")
    held = {e.code: e.level for e in queries.entries(draft, "load")}
    assert (held["A01.000"], held["I10.x00"]) == ("county", "township")
    assert len(held) == len(queries.entries(draft.based_on, "load")) + 1  # what the file does not name stays
    again = written("first_contact", "editor", *CATALOGUE_LINES)
    assert set(again.outcomes.values()) == {"same"}


# fmt: off
FAULTY = [
    # list             line                                                column     what is wrong
    ("first_contact",  ("hypertension", "高血压", True, True, True),         "code",    "code_form"),
    ("first_contact",  ("I10.x00", "高血压", True, False, True),             "village", "levels_nested"),   # SM-3-2a
    ("first_contact",  ("I10.x00", "高血压", False, True, True),             "village", "levels_nested"),
    ("first_contact",  ("I10.x00", "高血压", False, False, False),           "county",  "level_missing"),
    ("treatable",      ("Ｉ", "高血压"),                                     "code",    "code_form"),
    ("down",           ("", "高血压", "acute_recovery"),                     "code",    "code_form"),
    ("devolved",       ("有空格 1", "项目"),                                 "code",    "item_code_form"),
    ("technique",      ("T/1", "针类", "电针"),                              "code",    "item_code_form"),
]
# fmt: on
_KEEPER = {"technique": "clerk", "treatable": "clerk", "devolved": "insurer"}


@pytest.mark.parametrize(("code", "line", "column", "wrong"), FAULTY)
def test_a_faulty_row_is_named_and_not_written(load: None, code: str, line: Sequence[Any], column: str, wrong: str) -> None:
    judgement, _ = judged(code, _KEEPER.get(code, "editor"), line)
    assert [(f.line, f.column, f.code) for f in judgement.faults] == [(2, column, wrong)]
    assert judgement.outcomes == {}
    assert all(fault_text(f) for f in judgement.faults)


def test_two_codes_of_one_disease_are_told_apart_from_two_diseases(load: None) -> None:
    judgement, _ = judged("treatable", "clerk", ("I10.x00", ""), ("I11.900", ""), ("J44.900", ""))
    assert [(f.line, f.code, f.detail) for f in judgement.faults] == [(3, "same_disease", {"line": "2"})]
    assert set(judgement.outcomes) == {2, 4}
    with override("en"):
        assert "line 2" in fault_text(judgement.faults[0])


def test_a_code_the_dictionary_lacks_keeps_the_name_of_the_file(load: None) -> None:
    written("treatable", "clerk", ("Q99.900", "某种罕见病"))
    (found,) = [e for e in queries.entries(_draft("treatable", "clerk"), "load") if e.code == "Q99.900"]
    assert (found.group, found.name_zh) == ("Q99", "某种罕见病")


@pytest.mark.parametrize(
    ("code", "login", "line", "entry"),
    [
        (
            "down",
            "editor",
            ("A01.000", None, "critical_stable", "病情平稳", "随访"),
            {"phase": "critical_stable", "guide_zh": "随访"},
        ),
        ("devolved", "insurer", ("D-9001", "新项目", None, "tcm", "tcm", "I10.x00；J06"), {"groups": ["hypertension", "J06"]}),
        ("technique", "clerk", ("T99-01", "其他类", "新技术"), {"category_zh": "其他类", "name_en": ""}),
        ("technique_promoted", "editor", ("T99-01", "其他类", "新技术"), {"name_zh": "新技术"}),
    ],
)
def test_each_list_comes_in(load: None, code: str, login: str, line: Sequence[Any], entry: dict[str, Any]) -> None:
    assert list(written(code, login, line).outcomes.values()) == ["new"]
    (found,) = [e for e in queries.entries(_draft(code, login), "load") if e.code == line[0]]
    assert {name: getattr(found, name) for name in entry} == entry
    assert list(written(code, login, line).outcomes.values()) == ["same"]


def test_columns_that_a_file_leaves_out_stay_as_they_were(load: None) -> None:
    full = ("D-9001", "新项目", "New item", "tcm", "tcm", "I10.x00")
    written("devolved", "insurer", full)
    assert list(written("devolved", "insurer", ("D-9001", "改名项目")).outcomes.values()) == ["changed"]
    (found,) = [e for e in queries.entries(_draft("devolved", "insurer"), "load") if e.code == "D-9001"]
    assert (found.name_zh, found.name_en, found.kind, found.groups) == ("改名项目", "New item", "tcm", ["hypertension"])
    emptied = ("D-9001", "改名项目", None, None, None, None)  # an empty cell says something, a column left out does not
    assert list(written("devolved", "insurer", emptied).outcomes.values()) == ["changed"]
    found.refresh_from_db(using="load")
    assert (found.name_en, found.kind, found.groups) == ("", "", [])


@pytest.mark.parametrize(
    ("code", "login"), [("first_contact", "clerk"), ("devolved", "editor"), ("treatable", "officer"), ("down", "director")]
)
def test_a_list_that_is_not_ones_own_does_not_come_in(load: None, code: str, login: str) -> None:
    with pytest.raises(NotPermitted):
        judged(code, login, ("I10.x00", "", "acute_recovery") if code == "down" else ("I10.x00", ""))


def test_nothing_comes_into_a_list_that_waits_for_approval(load: None) -> None:
    by = actor("clerk")
    draft = actions.start_draft("technique", by=by, at=now(), using="load")
    ListVersion.objects.using("load").filter(pk=draft.pk).update(state="submitted")
    with pytest.raises(rules.ListState):
        judged("technique", "clerk", ("T99-01", "其他类", "新技术"))
    with pytest.raises(rules.ListState):
        listings()["technique"].write(
            rows(listings()["technique"], ("T99-01", "其他类", "新技术")), by=by, at=now(), progress=print
        )


def test_whoever_brought_a_list_in_does_not_approve_it(load: None) -> None:
    written("technique", "clerk", ("T99-01", "其他类", "新技术"))
    assert _draft("technique", "clerk").writers == [person("clerk").id]


# --- code tables -------------------------------------------------------------------------------------------------------------

TABLE = (("A01.000", "伤寒"), ("I10.x00", "特发性高血压"), ("Q99.900", "染色体异常"))


def test_a_code_table_is_an_edition_from_its_day_on(load: None) -> None:
    assert queries.code_table("diagnosis", TODAY, "load") is None
    first = written("diagnosis_codes", "officer", *TABLE)
    assert list(first.outcomes.values()) == ["new"] * 3
    table = queries.code_table("diagnosis", TODAY, "load")
    assert table is not None
    assert (table.entries, table.start, table.end, len(table.sha256)) == (3, TODAY, None, 64)
    assert queries.code_table("diagnosis", TODAY - timedelta(days=1), "load") is None
    assert set(written("diagnosis_codes", "officer", *TABLE).outcomes.values()) == {"same"}
    assert CodeTable.objects.using("load").count() == 1  # the same file again is no new edition
    shorter = written("diagnosis_codes", "officer", *TABLE[:2])
    assert set(shorter.outcomes.values()) == {"changed"}
    now_in_force = queries.code_table("diagnosis", TODAY, "load")
    assert now_in_force is not None
    assert now_in_force.sha256 != table.sha256
    assert queries.table_codes(now_in_force, "load") == dict(TABLE[:2])
    assert queries.table_codes(table, "load") == dict(TABLE)  # the former edition is kept as it was


def test_existence_is_checked_against_the_table_in_force_and_only_then(load: None) -> None:
    assert judged("treatable", "clerk", ("J44.900", ""))[0].faults == ()
    assert queries.codes_known(["J44.900"], TODAY, "load") is None
    written("diagnosis_codes", "officer", *TABLE)
    judgement, _ = judged("treatable", "clerk", ("J44.900", ""), ("I10.x00", ""), ("nonsense", ""))
    assert [(f.line, f.code) for f in judgement.faults] == [(2, "code_not_in_table"), (4, "code_form")]
    assert "J44.900" in fault_text(judgement.faults[0])


def test_codes_of_a_table_can_be_found_by_pinyin_and_none_is_lost(load: None) -> None:
    before = Diagnosis.objects.using("load").count()
    written("diagnosis_codes", "officer", *TABLE)
    assert Diagnosis.objects.using("load").count() == before + 1
    assert Reading.objects.using("load").filter(initials="rstyc", diagnosis_id="Q99.900").exists()
    assert Diagnosis.objects.using("load").get(pk="I10.x00").name_zh == "原发性高血压"  # cases and lists know it by this name


PROCEDURES = (("36.0700", "药物洗脱支架置入"), ("36.0700X004", "药物洗脱冠状动脉支架置入术"), ("03.1x00", "脊神经根切断术"))


def test_procedures_are_a_code_table_of_their_own(load: None) -> None:
    written("diagnosis_codes", "officer", *TABLE)
    diagnoses, dictionary = queries.code_table("diagnosis", TODAY, "load"), Diagnosis.objects.using("load").count()
    assert set(written("procedure_codes", "officer", *PROCEDURES).outcomes.values()) == {"new"}
    table = queries.code_table("procedure", TODAY, "load")
    assert table is not None
    assert (table.label, table.entries) == (f"ICD-9-CM-3 {TODAY:%Y-%m-%d}", 3)
    assert queries.table_codes(table, "load") == {c.replace("X", "x"): name for c, name in PROCEDURES}
    assert set(written("procedure_codes", "officer", *PROCEDURES).outcomes.values()) == {"same"}
    assert set(written("procedure_codes", "officer", *PROCEDURES[:1]).outcomes.values()) == {"changed"}
    assert queries.code_table("diagnosis", TODAY, "load") == diagnoses
    assert Diagnosis.objects.using("load").count() == dictionary


@pytest.mark.parametrize("code", ["I10.x00", "36", "36.", "36.07.00", "3.0700", "36.07000000", "٣٦.٠٧٠٠", "x"])
def test_what_is_no_procedure_code_is_named(load: None, code: str) -> None:
    judgement, _ = judged("procedure_codes", "officer", ("36.0700", "支架"), (code, "其他"))
    assert [(f.line, f.column, f.code) for f in judgement.faults] == [(3, "code", "procedure_form")]
    assert "36.0700x004" in fault_text(judgement.faults[0])


@pytest.mark.parametrize("login", ["editor", "doctor", "system"])
def test_who_may_not_load_a_table_does_not(load: None, login: str) -> None:
    with pytest.raises(NotPermitted):
        actions.load_code_table({"A01.000": "伤寒"}, kind="diagnosis", label="x", source="x", by=actor(login), at=now())


def test_every_list_offered_fits_the_contract_of_imports() -> None:
    ours = {c: one for c, one in listings().items() if type(one).__module__ == "fenji.care.catalogue.imports"}
    tables = {"diagnosis_codes", "procedure_codes"}
    assert set(ours) == {*tables, "first_contact", "treatable", "down", "devolved", "technique", "technique_promoted"}
    for code, one in ours.items():
        assert one.code == code
        assert str(one.title)
        assert set(one.key) <= {c.key for c in one.columns}
        assert all(c.sample for c in one.columns if c.required), code
