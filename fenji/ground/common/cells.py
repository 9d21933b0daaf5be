"""What a cell holds: from what people type, and what Excel makes of it, to a typed value or a named fault. Pure.

A cell is never guessed at: a number that may have lost digits, a code that became a date, a merged or broken cell is a fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum

from fenji.ground.common.text import half_width, has_hidden_characters


class Mark(Enum):
    """A cell without a value of its own: covered by a merged area; an error or a formula that was never computed; or not there at
    all, in a row that says nothing about its column."""

    MERGED = "merged"
    BROKEN = "broken"
    ABSENT = "absent"


Cell = str | int | float | bool | date | datetime | Mark | None
Value = str | int | Decimal | date | bool | None


@dataclass(frozen=True, slots=True)
class Layout:
    """A column as reading needs it. `names`: its folded headings in all languages; `choices`: folded word → code."""

    key: str
    names: frozenset[str]
    form: str = "text"
    required: bool = False
    longest: int = 200
    choices: Mapping[str, str] = field(default_factory=dict)
    sample: str = ""


class BadCell(ValueError):
    """A cell that does not hold what its column should. `code`: of a registered fault text; `value`: what stands there."""

    def __init__(self, code: str, value: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.value = value


EXACT = 10**15
"""Excel keeps 15 digits of a number: from here on what it shows need not be what was typed."""
_SHOWN = 60
_WIDE = str.maketrans({chr(n + 0xFEE0): chr(n) for n in range(ord("!"), ord("~") + 1) if chr(n).isalnum()})
_SCIENTIFIC = re.compile(r"[+-]?\d(?:\.\d+)?E\+\d{2,3}", re.IGNORECASE)
_DATE = re.compile(r"(\d{4})(?:[-/.年](\d{1,2})[-/.月](\d{1,2})日?|(\d{2})(\d{2}))(?:[ T]0{1,2}:00(?::00(?:\.0+)?)?)?")
_WHOLE = re.compile(r"[+-]?(?:\d{1,15}|\d{1,3}(?:,\d{3}){1,4})")
_DECIMAL = re.compile(r"[+-]?(?:\d{1,15}|\d{1,3}(?:,\d{3}){1,4})(?:\.\d{1,12})?")
_AS_TEXT = re.compile(r'="(.*)"', re.DOTALL)
_YES_NO = {"是": True, "yes": True, "y": True, "1": True, "true": True} | {
    "否": False,
    "no": False,
    "n": False,
    "0": False,
    "false": False,
}


def fold(text: str) -> str:
    """A heading or a choice as it is compared: usual width, small letters, no blanks, no trailing `*` (the mark of a must)."""
    return "".join(half_width(text).casefold().split()).rstrip("*")


def is_blank(cell: Cell) -> bool:
    """True for a cell that nobody filled in."""
    return cell is None or cell is Mark.ABSENT or (isinstance(cell, str) and not cell.strip())


def shown(cell: Cell) -> str:
    """A cell as text, as people see it in their file."""
    if cell is None or isinstance(cell, Mark):
        return ""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, int | float):
        return _number(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(" ") if cell.time() != time() else cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, date) else unmarked(cell)


def unmarked(text: str) -> str:
    """Text without the marks by which people keep Excel from reading it as a number or a formula: `'0012`, `="0012"`."""
    text = text.strip()
    if found := _AS_TEXT.fullmatch(text):
        return found.group(1).strip()
    return text[1:] if text[:1] == "'" and (text[1:2].isdigit() or text[1:2] in tuple("=+-@")) else text


def _number(cell: float) -> str:
    return str(int(cell)) if isinstance(cell, int) or (abs(cell) < EXACT and cell == int(cell)) else format(cell, ".15g")


def typed(column: Layout, cell: Cell) -> Value:
    """The value of a cell in its column; None for a blank one. Raises BadCell."""
    if is_blank(cell):
        if column.required:
            raise BadCell("cell_empty")
        return None
    if isinstance(cell, Mark):
        raise BadCell(f"cell_{cell.value}")
    try:
        return _FORMS[column.form](column, cell)
    except BadCell as problem:
        raise BadCell(problem.code, problem.value or shown(cell)[:_SHOWN]) from None


def _text(column: Layout, cell: Cell) -> str:
    if isinstance(cell, date):
        raise BadCell("cell_became_date")
    if isinstance(cell, int | float) and abs(cell) >= EXACT:
        raise BadCell("cell_lost_digits")
    text = shown(cell).translate(_WIDE).strip()
    if _SCIENTIFIC.fullmatch(text):
        raise BadCell("cell_lost_digits")
    if has_hidden_characters(text):
        raise BadCell("cell_characters")
    if len(text) > column.longest:
        raise BadCell("cell_long")
    return text


def _code(column: Layout, cell: Cell) -> str:
    # a number keeps no zeros at its end: 36.0700 and 36.07 are two codes, and one number
    if isinstance(cell, float) and not cell.is_integer():
        raise BadCell("cell_lost_zeros")
    return "".join(half_width(_text(column, cell)).split())


def _whole(column: Layout, cell: Cell) -> int:
    text = _signs(cell)
    if not _WHOLE.fullmatch(text):
        raise BadCell("cell_whole")
    return int(text.replace(",", ""))


def _decimal(column: Layout, cell: Cell) -> Decimal:
    text = _signs(cell)
    if not _DECIMAL.fullmatch(text):
        raise BadCell("cell_number")
    return Decimal(text.replace(",", ""))


def _signs(cell: Cell) -> str:
    return "" if isinstance(cell, bool) else half_width(shown(cell))


def _date(column: Layout, cell: Cell) -> date:
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date()
    if isinstance(cell, date) and not isinstance(cell, datetime):
        return cell
    found = _DATE.fullmatch(half_width(shown(cell)))
    if found is None:
        raise BadCell("cell_date")
    year, month, day = (int(part) for part in found.groups() if part is not None)
    try:
        return date(year, month, day)
    except ValueError:
        raise BadCell("cell_date") from None


def _yes_no(column: Layout, cell: Cell) -> bool:
    try:
        return _YES_NO[fold(shown(cell))]
    except KeyError:
        raise BadCell("cell_yes_no") from None


def _choice(column: Layout, cell: Cell) -> str:
    try:
        return column.choices[fold(shown(cell))]
    except KeyError:
        raise BadCell("cell_choice") from None


_FORMS: dict[str, Callable[[Layout, Cell], Value]] = {
    "text": _text,
    "code": _code,
    "whole": _whole,
    "decimal": _decimal,
    "date": _date,
    "yes_no": _yes_no,
    "choice": _choice,
}
FORMS = tuple(_FORMS)
