"""Lists as Excel workbooks."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.http import HttpResponse

_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_WIDEST = 48


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and how to read a row's value under it."""

    head: str
    value: Callable[[Any], str | int | float | None]


def _safe(value: str | int | float | None) -> str | int | float | None:
    # a cell that begins like a formula would run as one when the file is opened
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def workbook(title: str, columns: Sequence[Column], rows: Iterable[Any]) -> HttpResponse:
    """One sheet with a frozen head row, as a download."""
    from openpyxl import Workbook
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = title[:31]
    sheet.append([c.head for c in columns])
    widths = [len(c.head) * 2 for c in columns]
    for row in rows:
        values = [_safe(c.value(row)) for c in columns]
        widths = [max(w, len(str(v)) * 2) for w, v in zip(widths, values, strict=True)]
        sheet.append(values)
    for number, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(number)].width = min(width + 2, _WIDEST)
        sheet.cell(1, number).font = Font(bold=True)
    sheet.freeze_panes = "A2"
    buffer = io.BytesIO()
    book.save(buffer)
    return HttpResponse(
        buffer.getvalue(), content_type=_TYPE, headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(title)}.xlsx"}
    )
