"""Files as people really send them: encodings, Excel's habits, and files that mean harm."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from fenji.ground.common import sheets
from fenji.ground.common.cells import BadCell, Cell, Layout, Mark, fold, typed
from fenji.ground.common.excel import csv_back, rows_back
from fenji.ground.common.imports import Row
from fenji.ground.common.sheets import Limits, Table
from fenji.ground.documents.rules import check_rows

DATA = Path(__file__).parent / "data"
LIMITS = Limits(rows=50_000, expanded_bytes=100 << 20, expansion_ratio=100, archive_entries=1000)
CODE = Layout("code", frozenset({"机构代码", "code"}), "code", required=True, longest=20)
NAME = Layout("name", frozenset({"名称", "name"}), required=True, longest=40)
DAY = Layout("opened", frozenset({"开业日期", "opened"}), "date")
BEDS = Layout("beds", frozenset({"床位", "beds"}), "whole")
OPEN = Layout("active", frozenset({"启用", "active"}), "yes_no")
TIER = Layout("tier", frozenset({"层级", "tier"}), "choice", choices={"乡镇": "township", "township": "township", "县": "county"})
LAYOUTS = (CODE, NAME, DAY, BEDS, OPEN, TIER)
MARKS = frozenset({fold("示例行，导入时跳过"), fold("Sample row, left out when sent")})
HEAD = ("机构代码", "名称", "开业日期")


def saved(book: Workbook) -> bytes:
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def book_of(*rows: Sequence[object]) -> bytes:
    book = Workbook()
    for row in rows:
        book.worksheets[0].append(list(row))
    return saved(book)


def table(content: bytes, layouts: Sequence[Layout] = LAYOUTS, limits: Limits = LIMITS) -> Table:
    kind = sheets.kind_of(content)
    sheets.check(content, kind, limits)
    return sheets.table(content, kind, layouts, limits)


def rows(content: bytes, key: Sequence[str] = ("code",)) -> tuple[list[Row], list[tuple[int, str, str]]]:
    checked = check_rows(table(content), LAYOUTS, key, MARKS)
    return list(checked.rows), [(f.line, f.column, f.code) for f in checked.faults]


def refusal(content: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(sheets.Refused) as caught:
        table(content, limits=limits)
    return caught.value.code


def read_or_refused(content: bytes) -> tuple[Sequence[sheets.Line], str]:
    """What was read, or the code of the refusal; anything else that is raised fails the test."""
    try:
        return table(content).lines, ""
    except sheets.Refused as refused:
        return (), refused.code


# ---- encodings and delimiters ----


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_a_csv_is_read_in_each_encoding_and_with_each_delimiter(encoding: str, delimiter: str) -> None:
    text = "\r\n".join(delimiter.join(cells) for cells in (HEAD, ("0012", "凤岗𠮷卫生院", "2026-09-30")))
    (row,), faults = rows(text.encode(encoding))
    assert (row.line, dict(row.values)) == (2, {"code": "0012", "name": "凤岗𠮷卫生院", "opened": date(2026, 9, 30)})
    assert not faults


def test_a_short_gb18030_file_that_happens_to_be_utf8_is_known_by_its_heading() -> None:
    text = "机构代码,名称\r\n1,x\r\n"
    ambiguous = text.encode("gb18030")
    assert table(ambiguous).lines == ((2, ("1", "x")),)


def test_bytes_that_are_text_in_no_encoding_are_no_list() -> None:
    assert refusal("机构代码,名称\n1,".encode() + b"\xff\xff\xff\n") == "not_a_list"


def test_quoted_delimiters_and_doubled_quotation_marks_stay_in_their_cell() -> None:
    (row,), faults = rows('机构代码,名称\n1,"甲,""乙"""\n'.encode())
    assert row.values["name"] == '甲,"乙"'
    assert not faults


@pytest.mark.parametrize("text", ['机构代码,名称\n1,"甲\n2,乙\n', '机构代码,名称\n1,甲\n2,"乙"丙\n'])
def test_a_quotation_mark_that_swallows_rows_refuses_the_file(text: str) -> None:
    assert refusal(text.encode()) == "quote_open"


def test_a_value_cut_in_two_by_its_delimiter_is_a_fault_not_a_shifted_row() -> None:
    _, faults = rows("机构代码,名称\n1,甲,乙\n".encode())
    assert faults == [(2, "", "row_beyond")]


# ---- headings ----


def test_columns_come_in_any_order_and_by_any_of_their_names() -> None:
    (row,), _ = rows(book_of((" ＯＰＥＮＥＤ", "名 称*", "机构代码＊"), (date(2026, 9, 30), "甲", "0012")))
    assert row.values == {"opened": date(2026, 9, 30), "name": "甲", "code": "0012"}


def test_titles_and_a_second_heading_above_the_list_are_passed_over_and_lines_are_those_of_excel() -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet["B2"] = "沙县区机构清单"
    sheet.merge_cells("B2:D2")
    sheet["B3"], sheet["C3"] = "基本信息", "基本信息"
    for column, head in zip("BCD", HEAD, strict=True):
        sheet[f"{column}5"] = head
    sheet["B9"], sheet["C9"] = "0012", "甲"
    found = table(saved(book))
    assert [line for line, _ in found.lines] == [9]
    assert found.blank == 3
    assert found.keys == ("", "code", "name", "opened")


def test_a_heading_that_comes_again_is_no_row() -> None:
    found, faults = rows(book_of(HEAD, ("1", "甲"), HEAD, ("2", "乙")))
    assert [r.line for r in found] == [2, 4]
    assert not faults


def test_unknown_columns_are_named_and_columns_without_heading_by_their_letter() -> None:
    found = table(book_of(("机构代码", "备注", "名称", None), ("1", "x", "甲", "y")))
    assert found.unknown == ("备注", "(D)")


def test_what_the_file_has_no_column_for_is_not_said_to_be_empty() -> None:
    (row,), _ = rows(book_of(HEAD, ("1", "甲", None)))
    assert row.values == {"code": "1", "name": "甲", "opened": None}
    assert "beds" not in row.values


def test_the_first_sheet_with_the_heading_is_read_and_others_are_named() -> None:
    book = Workbook()
    book.worksheets[0].append(["说明"])
    for name in ("甲镇", "乙镇"):
        sheet = book.create_sheet(name)
        sheet.append(list(HEAD))
        sheet.append([name, name])
    hidden = book.create_sheet("旧", 0)
    hidden.append(list(HEAD))
    hidden.append(["old", "old"])
    hidden.sheet_state = "hidden"
    found = table(saved(book))
    assert (found.sheet, found.others) == ("甲镇", ("乙镇",))
    assert found.lines[0][1][0] == "甲镇"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file_empty"),
        (b"\n \n", "file_empty"),
        (book_of(), "file_empty"),
        (book_of(HEAD), "file_empty"),
        (book_of(("编号", "称呼"), ("1", "甲")), "heading_missing"),
        (book_of(("机构代码", "开业日期"), ("1", None)), "columns_missing"),
        (book_of(("机构代码", "名称", "名称"), ("1", "甲", "乙")), "column_twice"),
        (b"%PDF-1.7\n%...", "not_a_list"),
        (b"\x89PNG\r\n\x1a\n....", "not_a_list"),
        ("<html><table><tr><td>机构代码</td></tr></table></html>".encode(), "not_a_list"),
        (b"\x00\x01\x02binary", "not_a_list"),
        (b"PK\x03\x04 not an archive", "not_a_list"),
        (sheets._COMPOUND + b"\0" * 600, "not_a_list"),
    ],
)
def test_files_that_are_no_list_are_refused_by_name(content: bytes, code: str) -> None:
    assert refusal(content) == code


def test_missing_columns_are_named() -> None:
    with pytest.raises(sheets.ColumnsMissing) as caught:
        table(book_of(("开业日期", "床位"), (None, 1)))
    assert caught.value.detail["columns"] == ("code", "name")


def test_a_workbook_cut_off_in_mid_sheet_is_damaged() -> None:
    whole = book_of(HEAD, *((str(n), "甲", None) for n in range(2000)))
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["xl/worksheets/sheet1.xml"] = parts["xl/worksheets/sheet1.xml"][:5000]
    assert refusal(_zip(parts)) == "file_damaged"
    assert refusal(whole[: len(whole) // 2]) == "not_a_list"


# ---- Excel's habits ----


def test_numbers_in_text_columns_keep_their_digits_or_are_at_fault() -> None:
    found, faults = rows(
        book_of(
            ("机构代码", "名称"),
            (350405101, "甲"),
            (350405197001011234, "乙"),
            (1.5e17, "丙"),
            ("1.2345E+17", "丁"),
            (999999999999999, "戊"),
        )
    )
    assert [r.values["code"] for r in found] == ["350405101", "999999999999999"]
    assert faults == [(line, "code", "cell_lost_digits") for line in (3, 4, 5)]


def test_a_code_that_came_as_a_fraction_has_lost_its_last_zeros() -> None:
    found, faults = rows(book_of(("机构代码", "名称"), (36.07, "甲"), ("36.0700", "乙"), (36.0, "丙")))
    assert [r.values["code"] for r in found] == ["36.0700", "36"]
    assert faults == [(2, "code", "cell_lost_zeros")]


def test_a_code_that_excel_made_a_date_is_at_fault() -> None:
    _, faults = rows(book_of(("机构代码", "名称"), (date(2026, 3, 5), "甲"), (datetime(2026, 3, 5, 8), "乙")))
    assert faults == [(2, "code", "cell_became_date"), (3, "code", "cell_became_date")]


def test_a_formula_counts_with_its_value_and_one_never_computed_or_in_error_is_at_fault() -> None:
    content = book_of(("机构代码", "名称", "床位"), ("1", "甲", "=3+4"), ("2", "乙", "#N/A"), ("3", "丙", 7))
    _, faults = rows(content)
    assert faults == [(2, "beds", "cell_broken"), (3, "beds", "cell_broken")]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = (
        parts["xl/worksheets/sheet1.xml"]
        .replace(b"<f>3+4</f><v></v>", b"<f>3+4</f><v>7</v>")
        .replace(b"<f>3+4</f><v />", b"<f>3+4</f><v>7</v>")
    )
    assert sheet != parts["xl/worksheets/sheet1.xml"]
    found, faults = rows(_zip({**parts, "xl/worksheets/sheet1.xml": sheet}))
    assert found[0].values["beds"] == 7
    assert faults == [(3, "beds", "cell_broken")]


def test_cells_under_a_merged_area_are_at_fault_not_empty() -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    for row in (("机构代码", "名称", "床位"), ("1", "甲", 5), ("2", None, 6), ("3", "丙", None)):
        sheet.append(list(row))
    sheet.merge_cells("B2:B3")
    sheet.merge_cells("B4:C4")
    found, faults = rows(saved(book))
    assert [r.line for r in found] == [2]
    assert faults == [(3, "name", "cell_merged"), (4, "beds", "cell_merged")]


def test_formatted_but_empty_cells_at_the_end_of_the_sheet_are_no_rows() -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(list(HEAD))
    sheet.append(["1", "甲"])
    sheet["XFD1048576"].number_format = "@"
    sheet["A1048576"].number_format = "@"
    assert len(table(saved(book)).lines) == 1


def test_an_old_workbook_is_read_like_a_new_one() -> None:
    found = table((DATA / "list.xls").read_bytes())
    assert found.unknown == ("备注",)
    checked = check_rows(found, LAYOUTS, ("code",), MARKS)
    assert [(r.line, r.values["code"], r.values["opened"]) for r in checked.rows] == [
        (3, "0012", date(2026, 9, 30)),
        (4, "350405101", date(2026, 9, 1)),
    ]


def test_a_workbook_with_a_password_is_refused_by_name() -> None:
    assert refusal((DATA / "protected.xlsx").read_bytes()) == "file_protected"


# ---- cells ----


@pytest.mark.parametrize(
    "written",
    [
        *(
            "2026-09-30",
            "2026/9/30",
            "2026.9.30",
            "2026年9月30日",
            "20260930",
            "２０２６－０９－３０",
            " 2026-9-30 ",
            "2026-09-30 00:00:00",
        ),
        date(2026, 9, 30),
        datetime(2026, 9, 30),
        20260930.0,
    ],
)
def test_a_day_is_read_however_it_is_written(written: Cell) -> None:
    assert typed(DAY, written) == date(2026, 9, 30)


@pytest.mark.parametrize(
    "written", ["2026-13-01", "2026-02-30", "30/9/2026", "26-9-30", "46295", 46295.0, "明天", datetime(2026, 9, 30, 8), True]
)
def test_what_may_be_another_day_is_at_fault(written: Cell) -> None:
    with pytest.raises(BadCell, match="cell_date"):
        typed(DAY, written)


_YES = ("是", "YES", "y", "１", 1.0, True)
_NO = ("否", "No", "n", "0", 0, False, "FALSE")


@pytest.mark.parametrize(("written", "value"), [*((w, True) for w in _YES), *((w, False) for w in _NO)])
def test_yes_and_no_in_all_their_forms(written: Cell, value: bool) -> None:
    assert typed(OPEN, written) is value


@pytest.mark.parametrize("written", ["√", "maybe", 2, "-"])
def test_what_is_neither_yes_nor_no_is_at_fault(written: Cell) -> None:
    with pytest.raises(BadCell, match="cell_yes_no"):
        typed(OPEN, written)


def test_a_choice_is_taken_by_code_or_word_and_nothing_else() -> None:
    assert typed(TIER, " 乡镇 ") == typed(TIER, "Township") == "township"
    with pytest.raises(BadCell) as caught:
        typed(TIER, "村")
    assert (caught.value.code, caught.value.value) == ("cell_choice", "村")


@pytest.mark.parametrize(("written", "value"), [("１，２３４", 1234), ("-5", -5), (12.0, 12), ("+7", 7), ("1,234,567", 1234567)])
def test_whole_numbers_as_people_type_them(written: Cell, value: int) -> None:
    assert typed(BEDS, written) == value


@pytest.mark.parametrize("written", [1.5, "12,34", "1e3", "五", "５％", True, "1 2"])
def test_what_is_no_whole_number_is_at_fault(written: Cell) -> None:
    with pytest.raises(BadCell, match="cell_whole"):
        typed(BEDS, written)


def test_decimals_are_exact_and_lose_what_the_machine_added() -> None:
    km = Layout("km", frozenset(), "decimal")
    assert typed(km, 0.1 + 0.2) == Decimal("0.3")
    assert typed(km, "１２．５０") == Decimal("12.50")
    with pytest.raises(BadCell, match="cell_number"):
        typed(km, float("nan"))


@pytest.mark.parametrize("written", ["'0012", '="0012"', "\t0012", "００１２", "00 12", "0012"])
def test_the_tricks_that_keep_leading_zeros_are_understood(written: str) -> None:
    assert typed(CODE, written) == "0012"


@pytest.mark.parametrize("written", ["甲\n乙", "甲\u200b乙", "甲\x07"])
def test_characters_that_cannot_be_seen_are_at_fault(written: str) -> None:
    with pytest.raises(BadCell, match="cell_characters"):
        typed(NAME, written)


def test_text_keeps_its_chinese_signs_and_loses_only_wide_letters_and_digits() -> None:
    assert typed(NAME, "　第１医院（模拟）：Ａ区　") == "第1医院（模拟）：A区"


def test_needed_and_long_cells() -> None:
    with pytest.raises(BadCell, match="cell_empty"):
        typed(NAME, " \u3000")
    with pytest.raises(BadCell, match="cell_long"):
        typed(NAME, "长" * 41)
    assert typed(NAME, "长" * 40) == "长" * 40
    assert typed(DAY, Mark.ABSENT) is None
    for mark in (Mark.MERGED, Mark.BROKEN):
        with pytest.raises(BadCell, match=f"cell_{mark.value}"):
            typed(DAY, mark)


# ---- rows ----


def test_a_key_that_comes_twice_puts_all_its_rows_at_fault_and_each_names_the_others() -> None:
    content = book_of(("机构代码", "名称"), ("1", "甲"), ("2", "乙"), ("１", "丙"), (1, "丁"))
    checked = check_rows(table(content), LAYOUTS, ("code",), MARKS)
    assert [r.line for r in checked.rows] == [3]
    assert [(f.line, f.code, f.detail["lines"]) for f in checked.faults] == [
        (2, "row_twice", "4, 5"),
        (4, "row_twice", "2, 5"),
        (5, "row_twice", "2, 4"),
    ]


def test_the_sample_row_is_left_out_and_one_typed_over_is_not_lost() -> None:
    layouts = (Layout("code", frozenset({"机构代码"}), "code", sample="0001"), NAME)
    book = book_of(
        ("机构代码", "名称", "示例？"),
        ("0001", None, "示例行，导入时跳过"),
        ("0002", "甲", "示例行，导入时跳过"),
        ("3", "乙", None),
    )
    checked = check_rows(table(book, layouts), layouts, ("code",), MARKS)
    assert checked.samples == 1
    assert [(f.line, f.code) for f in checked.faults] == [(3, "row_sample")]
    assert [r.line for r in checked.rows] == [4]


def test_each_fault_of_a_row_is_told() -> None:
    _, faults = rows(book_of(("机构代码", "名称", "开业日期", "床位"), (None, None, "x", "y")))
    assert faults == [(2, "code", "cell_empty"), (2, "name", "cell_empty"), (2, "opened", "cell_date"), (2, "beds", "cell_whole")]


_TEXT = st.text(st.characters(codec="gb18030", exclude_categories=("Cc", "Cs")), min_size=1, max_size=12).filter(
    lambda t: bool(t.strip()) and t == t.strip()
)


@given(st.lists(st.tuples(_TEXT, _TEXT), min_size=1, max_size=8))
def test_rows_that_go_back_come_in_again_as_they_were(pairs: list[tuple[str, str]]) -> None:
    """Also those that begin like a formula: they are kept from running, not changed."""
    heads = ("机构代码", "名称")
    from fenji.ground.common.cells import shown

    back = table(csv_back(heads, pairs))
    assert [tuple(shown(c) for c in cells) for _, cells in back.lines] == [tuple(shown(c) for c in pair) for pair in pairs]


def test_a_workbook_that_goes_back_runs_no_formula_and_keeps_every_value() -> None:
    pairs = [("=1+1", "-5"), ("@x", "+86 1"), ("0012", "甲\x07乙"), (350405101.0, date(2026, 9, 30)), (Mark.MERGED, True)]
    back = table(rows_back("机构", ("机构代码", "名称"), pairs))
    assert [cells for _, cells in back.lines] == [
        ("=1+1", "-5"),
        ("@x", "+86 1"),
        ("0012", "甲乙"),
        (350405101.0, date(2026, 9, 30)),
        ("", True),
    ]


# ---- files that mean harm ----


def _zip(parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


_PARTS = {"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>"}


def test_a_zip_bomb_is_refused_before_anything_opens_it() -> None:
    bomb = _zip({**_PARTS, "xl/worksheets/sheet1.xml": b"\0" * (120 << 20)})
    assert len(bomb) < 200_000
    assert refusal(bomb) == "file_swells"


def test_a_bomb_that_lies_about_its_size_is_found_by_unpacking() -> None:
    honest = _zip({**_PARTS, "xl/worksheets/sheet1.xml": b"\0" * (120 << 20)})
    lying = honest.replace(struct.pack("<L", 120 << 20), struct.pack("<L", 100))
    assert zipfile.ZipFile(io.BytesIO(lying)).infolist()[-1].file_size == 100
    assert refusal(lying) == "file_swells"


def test_an_archive_of_very_many_entries_is_refused_without_reading_its_directory() -> None:
    many = _zip({**_PARTS, **{f"xl/{n}": b"" for n in range(1100)}})
    assert refusal(many) == "file_swells"
    record = many.rfind(b"PK\x05\x06")
    understated = many[: record + 8] + struct.pack("<HH", 3, 3) + many[record + 12 :]
    assert refusal(understated) == "file_swells"


def test_a_list_with_very_much_the_same_rows_is_no_bomb() -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(["机构代码", "名称", *(f"x{n}" for n in range(20))])
    for _ in range(20_000):
        sheet.append(["1", "甲", *(0 for _ in range(20))])
    assert len(table(saved(book)).lines) == 20_000


def test_two_cells_at_the_far_ends_of_a_sheet_harm_only_the_process_that_reads_them() -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(list(HEAD))
    sheet["XFD1048576"] = "x"
    assert refusal(saved(book)) == "file_swells"


def test_entities_of_xml_do_not_multiply() -> None:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "{"名" * 100}">{levels}]>'
    path = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(io.BytesIO(book_of(HEAD, ("1", "甲")))) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    body = parts[path].decode().replace("甲", "&l9;")
    assert "&l9;" in body
    lines, code = read_or_refused(_zip({**parts, path: (bomb + body).encode()}))
    assert code in ("", "file_damaged", "file_swells")
    assert all(len(str(cell)) < 10_000 for _, cells in lines for cell in cells)


def test_more_rows_than_one_file_may_have_are_refused_not_cut() -> None:
    few = Limits(rows=5, expanded_bytes=1 << 20, expansion_ratio=100, archive_entries=100)
    lines = [(str(n), "甲", None) for n in range(6)]
    assert refusal(book_of(HEAD, *lines), few) == "too_many_rows"
    assert refusal("\n".join(["机构代码,名称", *(f"{n},甲" for n in range(6))]).encode(), few) == "too_many_rows"
    assert refusal(book_of(HEAD, *(lines * 10)), few) == "too_many_rows"
    assert len(table(book_of(HEAD, *lines[:5]), limits=few).lines) == 5


@given(st.binary(max_size=400))
def test_no_bytes_whatever_break_the_reader(content: bytes) -> None:
    for start in (b"", b"PK\x03\x04", b"PK\x05\x06"):
        read_or_refused(start + content)


def test_damaged_archives_are_read_or_refused_by_name() -> None:
    whole = book_of(HEAD, ("1", "甲"))
    seen = set()
    for at in range(0, len(whole), 197):
        broken = whole[:at] + bytes(b ^ 0x5A for b in whole[at : at + 8]) + whole[at + 8 :]
        seen.add(read_or_refused(broken)[1])
    assert len(seen) > 1
