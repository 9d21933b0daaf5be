"""The process that reads Excel files: `python -m fenji.ground.common.reader ROWS`, the file on stdin, JSON on stdout.

It has 1 GB of memory and a minute, so that a file that exhausts its reader exhausts nothing else. Its answer is the visible sheets
as (name, lines, whether there are more rows than ROWS), or "protected", or "damaged".
"""

from __future__ import annotations

import html
import io
import json
import re
import resource
import sys
import zipfile
from datetime import date, datetime
from typing import Any

from fenji.ground.common.cells import Mark, is_blank

_MEMORY = 1 << 30
_SECONDS = 60


def _preserved(value: object) -> dict[str, str]:
    """Cells that JSON has no form for."""
    if isinstance(value, Mark):
        return {"mark": value.value}
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    return {"date": value.isoformat()} if isinstance(value, date) else {"text": str(value)}


def _read_workbook(content: bytes, most: int) -> str | list[tuple[str, list[tuple[int, list[Any]]], bool]]:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(content)) as book:
            broken = _broken(content)
            # what nobody sees in Excel is not taken in
            seen = [m for m in book.sheets_metadata if m.typ == SheetTypeEnum.WorkSheet and m.visible == SheetVisibleEnum.Visible]
            return [(m.name, *_read_sheet(book.get_sheet_by_name(m.name), broken.get(m.name, set()), most)) for m in seen]
    except PasswordError:
        return "protected"
    except (CalamineError, zipfile.BadZipFile, KeyError, OSError):
        return "damaged"


def _read_sheet(sheet: Any, broken: set[tuple[int, int]], most: int) -> tuple[list[tuple[int, list[Any]]], bool]:
    lines: dict[int, list[Any]] = {}
    if sheet.start is None:
        return [], False
    indent = [None] * sheet.start[1]  # the reader keeps the empty rows above a list, not the empty columns beside it
    for number, found in enumerate(sheet.iter_rows(), 1):
        cells = [*indent, *found]
        while cells and (cells[-1] is None or cells[-1] == ""):
            cells.pop()
        if any(not is_blank(cell) for cell in cells):
            lines[number] = cells
        if len(lines) > most:
            return list(lines.items()), True
    for number, column in broken:
        if number in lines:
            _put(lines[number], column, Mark.BROKEN)
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        for number in (n for n in lines if top < n <= bottom + 1):
            for column in range(left, min(right, left + 200) + 1):
                if (number, column) != (top + 1, left):
                    _put(lines[number], column, Mark.MERGED)
    return list(lines.items()), False


def _put(cells: list[Any], column: int, mark: Mark) -> None:
    cells += [None] * (column + 1 - len(cells))
    if is_blank(cells[column]):
        cells[column] = mark


_SHEET = re.compile(rb"<(?:\w+:)?sheet\b([^>]*)>")
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\b([^>]*)>")
_ATTRIBUTE = re.compile(rb'([\w:]+)="([^"]*)"')
_ERROR = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})(\d{1,7})"[^>]*?\bt="e"')
_NEVER_COMPUTED = re.compile(
    rb'<(?:\w+:)?c\b(?![^>]*t="str")[^>]*?\br="([A-Z]{1,3})(\d{1,7})"[^>]*>\s*<(?:\w+:)?f\b[^>]*(?:/>|>[^<]*</(?:\w+:)?f>)\s*'
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)


def _broken(content: bytes) -> dict[str, set[tuple[int, int]]]:
    """Cells of an .xlsx, by sheet, that the reader would show as blank: errors (#N/A), and formulas no program ever computed."""
    if not content.startswith(b"PK"):
        return {}
    found = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        relations = _attributes(_RELATION, archive.read("xl/_rels/workbook.xml.rels"))
        targets = {r.get("Id", ""): r.get("Target", "") for r in relations}
        for sheet in _attributes(_SHEET, archive.read("xl/workbook.xml")):
            target = targets.get(next((v for k, v in sheet.items() if k.endswith(":id")), ""), "")
            path = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            if path in archive.namelist():
                text = archive.read(path)
                cells = [*_ERROR.findall(text), *_NEVER_COMPUTED.findall(text)]
                found[html.unescape(sheet.get("name", ""))] = {(int(row), _position(column)) for column, row in cells}
    return found


def _attributes(tag: re.Pattern[bytes], text: bytes) -> list[dict[str, str]]:
    return [{k.decode(): v.decode("utf-8", "replace") for k, v in _ATTRIBUTE.findall(inner)} for inner in tag.findall(text)]


def _position(column: bytes) -> int:
    n = 0
    for byte in column:
        n = n * 26 + byte - 64
    return n - 1


def _main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    found = _read_workbook(sys.stdin.buffer.read(), int(sys.argv[1]))
    sys.stdout.write(json.dumps(found, default=_preserved))


if __name__ == "__main__":
    _main()
