"""Lists as people send them: CSV and Excel files, read as a heading and rows. No Django.

Nothing here trusts a file. What it is, its bytes say, not its name; an archive is unpacked in counted steps before anything else
opens it; and Excel files are read in a process of their own (`reader`), because two cells at the far ends of a sheet are enough to
exhaust whoever reads them.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from fenji.ground.common.cells import Cell, Layout, Mark, fold, is_blank
from fenji.ground.common.refusal import Refused

_SECONDS = 60
_HEADING_WITHIN = 20
_DELIMITERS = (",", "\t", ";")
_PIECE = 1 << 20
_END, _END_64, _LOCATOR_64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_END_SEARCH = 65_557
_ENTRY = 46
_MOST_ENTRIES = 10_000
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MAGIC = {"pdf": b"%PDF-", "png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff"}
_PARTS = {"xlsx": "xl/workbook.xml", "docx": "word/document.xml"}
# in this order: a text in Word may well speak of a book
_STREAMS = (("xls", "Workbook"), ("doc", "WordDocument"), ("xls", "Book"), ("xls", "EncryptedPackage"))
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class NotAList(Refused):
    """Neither Excel nor CSV."""

    code = "not_a_list"


class FileProtected(Refused):
    """A workbook that opens with a password only."""

    code = "file_protected"


class FileEmpty(Refused):
    """A file without content, or a heading with nothing below it."""

    code = "file_empty"


class FileSwells(Refused):
    """A file that unpacks to far more than a list needs, or spans a sheet from end to end."""

    code = "file_swells"


class FileDamaged(Refused):
    """A workbook that breaks off or contradicts itself."""

    code = "file_damaged"


class QuoteOpen(Refused):
    """A CSV file in which a quotation mark is not closed, so that rows run into one another. detail: line, from where on."""

    code = "quote_open"


class HeadingMissing(Refused):
    """No row holds the headings of the list."""

    code = "heading_missing"


class ColumnsMissing(Refused):
    """A required column is not there. detail: columns, a tuple of keys."""

    code = "columns_missing"


class ColumnTwice(Refused):
    """Two columns have the same heading. detail: columns, a tuple of keys."""

    code = "column_twice"


class TooManyRows(Refused):
    """More rows than one file may have. detail: rows, the limit."""

    code = "too_many_rows"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a list may hold: rows; bytes once unpacked; unpacked by packed bytes; entries of an archive."""

    rows: int
    expanded_bytes: int
    expansion_ratio: int
    archive_entries: int


Line = tuple[int, tuple[Cell, ...]]
"""A row with the number that Excel shows beside it."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet's rows that are not blank. `more`: it has more of them than may be read. `ragged`: a row may be longer than the
    heading, because a delimiter inside a value cut it in two."""

    name: str
    lines: list[Line]
    more: bool = False
    ragged: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """The list in a file. `heads` and `keys` stand for the positions of a row; a key is empty where the column is unknown.

    `blank`: empty rows below the heading; `others`: further sheets with the same heading, which were not read; `width`: how many
    positions the heading reaches over; `ignored`: positions passed over in silence.
    """

    heads: tuple[str, ...]
    keys: tuple[str, ...]
    lines: tuple[Line, ...]
    width: int
    sheet: str = ""
    blank: int = 0
    others: tuple[str, ...] = ()
    ignored: frozenset[int] = frozenset()

    @property
    def unknown(self) -> tuple[str, ...]:
        """Headings that the list does not know; a column without heading by its letter."""
        filled = {i for _, cells in self.lines for i, cell in enumerate(cells) if not is_blank(cell)}
        return tuple(
            head.strip() or f"({letter(i)})"
            for i, (head, key) in enumerate(zip(self.heads, self.keys, strict=True))
            if not key and i not in self.ignored and i < self.width and (head.strip() or i in filled)
        )


def letter(position: int) -> str:
    """The letter of a column as Excel shows it: 0 → A, 26 → AA."""
    text, n = "", position + 1
    while n:
        n, rest = divmod(n - 1, 26)
        text = chr(65 + rest) + text
    return text


# ---- what a file is ----


def kind_of(content: bytes) -> str:
    """xlsx, xls, docx, doc, csv, pdf, png or jpeg, by content; empty for anything else."""
    if content.startswith(b"PK"):
        names = _names(content)
        return next((kind for kind, part in _PARTS.items() if part in names), "")
    if content.startswith(_COMPOUND):
        return next((kind for kind, name in _STREAMS if name.encode("utf-16-le") in content), "")
    for kind, magic in _MAGIC.items():
        if content.startswith(magic):
            return kind
    return "csv" if any(_is_list_text(text) for text in _decoded(content)) else ""


def _is_list_text(text: str) -> bool:
    # a web page that calls itself .xls is a habit of older hospital systems
    return bool(text.strip()) and not text.lstrip().startswith("<") and not _CONTROLS.search(text)


def _decoded(content: bytes) -> Iterator[str]:
    """The content read as text in each encoding that fits it strictly."""
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if wide else ("utf-8-sig", "gb18030"):
        try:
            yield content.decode(encoding)
        except UnicodeDecodeError:
            continue


def _names(content: bytes) -> list[str]:
    if _entries(content) > _MOST_ENTRIES:
        return []
    try:
        return zipfile.ZipFile(io.BytesIO(content)).namelist()
    except _BROKEN_ARCHIVE:
        return []


_BROKEN_ARCHIVE = (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, OverflowError, ValueError)


def _entries(content: bytes) -> int:
    """The most entries an archive can have by the record at its end: its directory is not read before that is known."""
    at = content.rfind(_END, max(0, len(content) - _END_SEARCH))
    if at < 0 or at + 22 > len(content):
        return 0
    entries, size = struct.unpack_from("<HL", content, at + 10)
    if content[max(0, at - 20) : at].startswith(_LOCATOR_64) and content[max(0, at - 76) :].startswith(_END_64):
        more, larger = struct.unpack_from("<QQ", content, at - 76 + 32)
        entries, size = max(entries, more), max(size, larger)
    return int(max(entries, size // _ENTRY))


def check(content: bytes, kind: str, limits: Limits) -> None:
    """Refuse at the door what must not be opened. Raises NotAList, FileEmpty, FileProtected, FileSwells, FileDamaged."""
    if not content.strip():
        raise FileEmpty
    if kind not in ("xlsx", "xls", "csv"):
        raise FileSwells if content.startswith(b"PK") and _entries(content) > limits.archive_entries else NotAList
    if kind == "xls" and "EncryptedPackage".encode("utf-16-le") in content:
        raise FileProtected
    if kind == "xlsx":
        _unpack(content, limits)


def _unpack(content: bytes, limits: Limits) -> None:
    """Unpack to nowhere, counting: a directory may lie about sizes, the stream cannot."""
    if _entries(content) > limits.archive_entries:
        raise FileSwells
    most = min(limits.expanded_bytes, max(len(content) * limits.expansion_ratio, _PIECE))
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist():
                if entry.flag_bits & 1:
                    raise FileProtected
                most -= _size(content, entry, most)
    except _BROKEN_ARCHIVE:
        raise FileDamaged from None


def _size(content: bytes, entry: zipfile.ZipInfo, most: int) -> int:
    """The true unpacked size of one entry. Raises FileSwells beyond `most`."""
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FileDamaged
    name, extra = struct.unpack_from("<HH", content, entry.header_offset + 26)
    begin = entry.header_offset + 30 + name + extra
    rest: bytes | memoryview = memoryview(content)[begin : begin + entry.compress_size]
    if entry.compress_type == zipfile.ZIP_STORED:
        size = len(rest)
    else:
        size, inflater = 0, zlib.decompressobj(-zlib.MAX_WBITS)
        while not inflater.eof and size <= most:
            piece = inflater.decompress(rest, _PIECE)
            size, rest = size + len(piece), inflater.unconsumed_tail
            if not piece and not rest:
                raise FileDamaged
    if size > most:
        raise FileSwells
    return size


# ---- reading ----


def table(content: bytes, kind: str, layouts: Sequence[Layout], limits: Limits, ignored: frozenset[str] = frozenset()) -> Table:
    """The list in a file that `check` let in. `ignored`: folded headings that are passed over in silence.

    Raises the refusals of this file.
    """
    if kind == "json":
        sheets = [_json_sheet(content)]
    else:
        sheets = _csv_sheets(content, layouts, limits.rows) if kind == "csv" else _excel_sheets(content, limits.rows)
    if not any(sheet.lines for sheet in sheets):
        raise FileEmpty
    found = [(_heading(sheet, layouts), sheet) for sheet in sheets]
    complete = [(at, sheet) for (at, keys), sheet in found if at >= 0 and not _missing(layouts, keys)]
    if not complete:
        keys = max((set(heading[1]) for heading, _ in found), key=len)
        if kind != "json" and len(keys) < min(2, len(layouts)):
            raise HeadingMissing
        raise ColumnsMissing(columns=_missing(layouts, keys))
    at, sheet = complete[0]
    if sheet.more:
        raise TooManyRows(rows=limits.rows)
    others = tuple(other.name for place, other in complete[1:] if len(other.lines) > place + 1)
    read = _table(sheet, at, layouts, others, ignored)
    if len(read.lines) > limits.rows:
        raise TooManyRows(rows=limits.rows)
    return read


def _known(layouts: Sequence[Layout]) -> dict[str, str]:
    return {name: column.key for column in layouts for name in column.names}


def _missing(layouts: Sequence[Layout], keys: Iterable[str]) -> tuple[str, ...]:
    there = set(keys)
    return tuple(column.key for column in layouts if column.required and column.key not in there)


def _heading(sheet: Sheet, layouts: Sequence[Layout]) -> tuple[int, list[str]]:
    """Where among the first rows the heading is, and the keys it has: titles and notes may stand above it."""
    known = _known(layouts)
    firsts = [[fold(cell) for cell in cells if isinstance(cell, str)] for _, cells in sheet.lines[:_HEADING_WITHIN]]
    rows = [[known[name] for name in names if name in known] for names in firsts]
    best = max(range(len(rows)), key=lambda i: len(set(rows[i])), default=-1)
    return (best, rows[best]) if best >= 0 else (-1, [])


def _table(sheet: Sheet, at: int, layouts: Sequence[Layout], others: tuple[str, ...], ignored: frozenset[str]) -> Table:
    known = _known(layouts)
    width = max(len(cells) for _, cells in sheet.lines)
    line, top = sheet.lines[at]
    heads = tuple(cell if isinstance(cell, str) else "" for cell in (*top, *([None] * (width - len(top)))))
    keys = tuple(known.get(fold(head), "") for head in heads)
    if twice := {key for key in keys if key and keys.count(key) > 1}:
        raise ColumnTwice(columns=tuple(sorted(twice)))
    below = sheet.lines[at + 1 :]
    kept = [(number, cells) for number, cells in below if not _repeats(cells, keys, known)]
    rows = tuple((number, (*cells, *([None] * (width - len(cells))))) for number, cells in kept)
    if not rows:
        raise FileEmpty
    blank = below[-1][0] - line - len(below)
    passed = frozenset(i for i, head in enumerate(heads) if fold(head) in ignored)
    return Table(heads, keys, rows, len(top) if sheet.ragged else width, sheet.name, blank, others, passed)


def _repeats(cells: Sequence[Cell], keys: Sequence[str], known: dict[str, str]) -> bool:
    """True for the heading once more, as it comes between lists that were put together."""
    filled = [(cell, key) for cell, key in zip(cells, keys, strict=False) if key and not is_blank(cell)]
    return len(filled) > 1 and all(isinstance(cell, str) and known.get(fold(cell)) == key for cell, key in filled)


def _csv_sheets(content: bytes, layouts: Sequence[Layout], rows: int) -> list[Sheet]:
    """The file in the encoding and with the delimiter under which its heading is best known; both are tried, not guessed."""
    texts = [text for text in _decoded(content) if _is_list_text(text)]
    if not texts:
        raise NotAList
    choices = [(text, delimiter) for text in texts for delimiter in _DELIMITERS]
    beginnings = [Sheet("", _csv_lines(text, delimiter, _HEADING_WITHIN, strict=False)) for text, delimiter in choices]
    scores = [len(set(_heading(sheet, layouts)[1])) for sheet in beginnings]
    text, delimiter = choices[scores.index(max(scores))]
    most = rows + _HEADING_WITHIN
    lines = _csv_lines(text, delimiter, most)
    return [Sheet("", lines, more=len(lines) > most, ragged=True)]


def _csv_lines(text: str, delimiter: str, most: int, *, strict: bool = True) -> list[Line]:
    """Rows that are not blank, one more than `most` when there are more."""
    lines: list[Line] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            if any(not is_blank(cell) for cell in cells):
                lines.append((number, tuple(cells)))
            if len(lines) > most:
                break
    except csv.Error:
        if strict:
            raise QuoteOpen(line=number + 1) from None
    return lines


def _json_sheet(content: bytes) -> Sheet:
    """Rows that came as an array of objects. Their heading is line 0, so that the first of them is line 1."""
    rows = json.loads(content)
    heads = tuple(dict.fromkeys(key for row in rows for key in row))
    return Sheet("", [(0, heads), *((line, tuple(row.get(h, Mark.ABSENT) for h in heads)) for line, row in enumerate(rows, 1))])


# ---- Excel, in a process of its own ----


def _excel_sheets(content: bytes, rows: int) -> list[Sheet]:
    command = [sys.executable, "-m", "fenji.ground.common.reader", str(rows + _HEADING_WITHIN)]
    known = {k: v for k, v in os.environ.items() if not k.startswith(("FENJI_", "DATABASE_"))}  # it needs nothing of the house
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=_SECONDS, check=False, env=known)
    except subprocess.TimeoutExpired:
        raise FileSwells from None
    if done.returncode != 0:
        raise FileSwells
    found = json.loads(done.stdout, object_hook=_revived)
    if found == "protected":
        raise FileProtected
    if found == "damaged":
        raise FileDamaged
    return [Sheet(name, [(number, tuple(cells)) for number, cells in lines], more) for name, lines, more in found]


def _revived(value: dict[str, str]) -> Cell:
    ((form, text),) = value.items()
    if form == "mark":
        return Mark(text)
    if form == "datetime":
        return datetime.fromisoformat(text)
    return date.fromisoformat(text) if form == "date" else text
