"""Lists as Excel workbooks: those that go out, templates of those that come in, and rows that come back with their faults."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fenji.ground.common import imports
from fenji.ground.common.cells import EXACT, BadCell, Cell, Layout, Mark, shown, typed

TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_WIDEST = 48

LINE_HEAD = gettext_lazy("Line in the file sent")
REASON_HEAD = gettext_lazy("Reason of the fault")
SAMPLE_HEAD = gettext_lazy("Sample?")
SAMPLE_WORDS = gettext_lazy("Sample row, left out when sent")


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and how to read a row's value under it."""

    head: str
    value: Callable[[Any], str | int | float | None]


def _safe(value: str | int | float | None) -> str | int | float | None:
    # a cell that begins like a formula would run as one when the file is opened
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of a workbook: its name, its columns, its rows."""

    title: str
    columns: Sequence[Column]
    rows: Iterable[Any]


def workbook(title: str, columns: Sequence[Column], rows: Iterable[Any]) -> HttpResponse:
    """One sheet with a frozen head row, as a download."""
    return workbook_of(title, [Sheet(title, columns, rows)])


def workbook_of(title: str, sheets: Sequence[Sheet]) -> HttpResponse:
    """Several sheets with frozen head rows, as a download."""
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.worksheets[0])
    for sheet in sheets:
        _fill(book.create_sheet(_sheet_name(sheet.title)), sheet)
    buffer = io.BytesIO()
    book.save(buffer)
    return HttpResponse(
        buffer.getvalue(), content_type=TYPE, headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(title)}.xlsx"}
    )


def _fill(page: Any, sheet: Sheet) -> None:
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    page.append([c.head for c in sheet.columns])
    widths = [len(c.head) * 2 for c in sheet.columns]
    for row in sheet.rows:
        values = [_safe(c.value(row)) for c in sheet.columns]
        widths = [max(w, len(str(v)) * 2) for w, v in zip(widths, values, strict=True)]
        page.append(values)
    for number, width in enumerate(widths, 1):
        page.column_dimensions[get_column_letter(number)].width = min(width + 2, _WIDEST)
        page.cell(1, number).font = Font(bold=True)
    page.freeze_panes = "A2"


# ---- lists that come in ----

_FORMATS = {"text": "@", "code": "@", "choice": "@", "yes_no": "@", "date": "yyyy-mm-dd", "whole": "0", "decimal": "General"}
_FORM_WORDS = {
    "text": gettext_lazy("Any text"),
    "code": gettext_lazy("Code: letters, digits and signs, without blanks"),
    "choice": gettext_lazy("One from the list"),
    "yes_no": gettext_lazy("Yes or no"),
    "date": gettext_lazy("Date, as 2026-09-30"),
    "whole": gettext_lazy("A whole number"),
    "decimal": gettext_lazy("A number"),
}


def template(title: str, columns: Sequence[imports.Column], rows: int) -> bytes:
    """The workbook in which people fill in a list of at most `rows` rows, in the language of the reader.

    A heading with `*` for what is needed, drop-downs, formats that keep leading zeros, one marked sample row, and a second sheet
    that explains each column.
    """
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = _sheet_name(title)
    grey = PatternFill("solid", fgColor="EEF1F4")
    for number, column in enumerate(columns, 1):
        letter = get_column_letter(number)
        head = sheet.cell(1, number, f"{column.head}*" if column.required else str(column.head))
        head.font = Font(bold=True, color="B42318" if column.required else "1C2836")
        head.fill = grey
        sheet.column_dimensions[letter].width = min(max(len(str(head.value)) * 2, len(column.sample) + 2, 12), _WIDEST)
        sheet.column_dimensions[letter].number_format = _FORMATS[column.form]
        sample = sheet.cell(2, number, _sample(column))
        sample.number_format = _FORMATS[column.form]
        sample.font = Font(italic=True, color="5B6876")
        _keep_text(sample)
    last = len(columns) + 1
    sheet.cell(1, last, str(SAMPLE_HEAD)).font = Font(color="5B6876")
    sheet.cell(2, last, str(SAMPLE_WORDS)).font = Font(italic=True, color="5B6876")
    sheet.column_dimensions[get_column_letter(last)].width = 30
    sheet.freeze_panes = "A2"
    _notes(book, columns, Font(bold=True), Alignment(wrap_text=True, vertical="top"))
    _drop_downs(book, sheet, columns, rows)
    return _saved(book)


def _sheet_name(title: str) -> str:
    return "".join(" " if c in "[]:*?/\\" else c for c in title)[:31]


def _sample(column: imports.Column) -> str | int | date | Any:
    """The sample as Excel should hold it: a date as a date, a choice and yes or no in words."""
    if column.form == "choice":
        return str(dict(column.choices).get(column.sample, column.sample))
    layout = Layout(column.key, frozenset(), column.form, longest=column.longest)
    try:
        value = typed(layout, column.sample)
    except BadCell:
        raise ValueError(f"column {column.key}: its sample {column.sample!r} is not of its form") from None
    return (_("yes") if value else _("no")) if isinstance(value, bool) else value


def _keep_text(cell: Any) -> None:
    # a text that begins like a formula stays the text it is
    if isinstance(cell.value, str):
        cell.data_type = "s"


def _words(column: imports.Column) -> list[str]:
    if column.form == "yes_no":
        return [_("yes"), _("no")]
    return [str(words) for _code, words in column.choices]


def _notes(book: Any, columns: Sequence[imports.Column], bold: Any, wrapped: Any) -> None:
    sheet = book.create_sheet(_("How to fill in"))
    heads = (_("Column"), _("Needed"), _("What it holds"), _("Choices"), _("Remarks"))
    for number, (head, width) in enumerate(zip(heads, (22, 8, 30, 40, 60), strict=True), 1):
        sheet.cell(1, number, head).font = bold
        sheet.column_dimensions[chr(64 + number)].width = width
    for line, column in enumerate(columns, 2):
        needed = _("yes") if column.required else _("no")
        # the heading stands in quotation marks, so that this sheet is never taken for the list
        row = (f"“{column.head}”", needed, str(_FORM_WORDS[column.form]), _(", ").join(_words(column)), str(column.note))
        for number, text in enumerate(row, 1):
            cell = sheet.cell(line, number, text)
            cell.alignment = wrapped
            _keep_text(cell)
    sheet.freeze_panes = "A2"


def _drop_downs(book: Any, sheet: Any, columns: Sequence[imports.Column], rows: int) -> None:
    """Lists to choose from, kept on a hidden sheet: inside a cell's rule Excel takes no more than 255 characters."""
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    hidden = book.create_sheet("lists")
    hidden.sheet_state = "hidden"
    for number, column in enumerate(columns, 1):
        letter, words = get_column_letter(number), _words(column)
        for line, word in enumerate(words, 1):
            _keep_text(hidden.cell(line, number, word))
        if words:
            rule = DataValidation("list", formula1=f"lists!${letter}$1:${letter}${len(words)}", allow_blank=True)
            rule.errorTitle, rule.error = str(column.head)[:32], _("Choose one from the list.")
            rule.add(f"{letter}2:{letter}{rows + 1}")
            sheet.add_data_validation(rule)


def _saved(book: Any) -> bytes:
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def rows_back(title: str, heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Rows as they were sent, under their own headings, as a workbook to be mended and sent again."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook(write_only=True)
    sheet = book.create_sheet(_sheet_name(title))
    sheet.freeze_panes = "A2"
    bold = Font(bold=True)

    def cell(value: Cell) -> Any:
        if isinstance(value, Mark):
            return None
        if isinstance(value, int | float) and abs(value) >= EXACT:
            return shown(value)  # Excel would show another number
        if not isinstance(value, str):
            return value
        made = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value))
        made.number_format = "@"
        _keep_text(made)
        return made

    top = [cell(head) for head in heads]
    for number, head in enumerate(top, 1):
        head.font = bold
        sheet.column_dimensions[get_column_letter(number)].width = min(max(len(str(head.value)) * 2, 12), _WIDEST)
    sheet.append(top)
    for row in rows:
        sheet.append([cell(value) for value in row])
    return _saved(book)


def csv_back(heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """The same as a CSV file in GB18030, which Excel in China opens without being asked."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow([_safe(head) for head in heads])
    for row in rows:
        writer.writerow([_safe(value if isinstance(value, str) else shown(value)) for value in row])
    return buffer.getvalue().encode("gb18030")
