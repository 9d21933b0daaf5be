"""What a list's rows must be before a room looks at them, where an import stands, the policy of files; and papers. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from fenji.ground.common.cells import BadCell, Cell, Layout, Mark, Value, fold, is_blank, shown, typed
from fenji.ground.common.imports import Fault, Row
from fenji.ground.common.refusal import Refused
from fenji.ground.common.sheets import Table
from fenji.ground.network.rules import PRIMARY, Gap, Register

UPLOADED = "uploaded"
JUDGING = "judging"
JUDGED = "judged"
WRITING = "writing"
DONE = "done"
FAILED = "failed"
STOPPED = "stopped"

UNDER_WAY = (UPLOADED, JUDGING, WRITING)
"""States in which a worker has something to do; in the others a person has, or nobody."""
STATES = (*UNDER_WAY, JUDGED, DONE, FAILED, STOPPED)

NEW, CHANGED, SAME = "new", "changed", "same"
TO_WRITE = (NEW, CHANGED)


@dataclass(frozen=True, slots=True)
class DocumentsPolicy:
    """How large files and lists may be, and how long handouts are kept.

    Bytes, entries, rows, days; the ratio is unpacked by packed.
    """

    largest_bytes: int
    expanded_bytes: int
    expansion_ratio: int
    archive_entries: int
    import_rows: int
    handout_days: int


@dataclass(frozen=True, slots=True)
class Checked:
    """The rows of a file whose cells have their forms, and what is wrong with the others. `samples`: sample rows left out."""

    rows: tuple[Row, ...]
    faults: tuple[Fault, ...]
    samples: int


def check_rows(
    table: Table,
    layouts: Sequence[Layout],
    key: Sequence[str],
    sample_words: frozenset[str],
    progress: Callable[[int], None] = lambda done: None,
) -> Checked:
    """Every cell by its form, sample rows left out, and each key once.

    `sample_words`: folded marks of the template's sample row; `progress`: called with the number of rows done.
    """
    columns = {column.key: column for column in layouts}
    places = [(i, columns[k]) for i, k in enumerate(table.keys) if k]
    rows: list[Row] = []
    faults: list[Fault] = []
    samples = 0
    for count, (line, cells) in enumerate(table.lines, 1):
        marked = any(isinstance(cell, str) and fold(cell) in sample_words for cell in cells)
        if marked and _is_sample(cells, places):
            samples += 1
        else:
            found = [Fault(line, "", "row_sample")] if marked else _beyond(table, line, cells)
            values = _values(line, cells, places, found)
            faults += found
            if not found:
                rows.append(Row(line, values))
        progress(count)
    twice = _twice(rows, key)
    doubled = {f.line for f in twice}
    return Checked(tuple(r for r in rows if r.line not in doubled), tuple(sorted([*faults, *twice], key=_line)), samples)


class Values(dict[str, Value]):
    """The cells of a row by column key. A column that the file does not have is not in it, and reads as None."""

    def __missing__(self, key: str) -> None:
        return None


def _line(fault: Fault) -> int:
    return fault.line


def _values(line: int, cells: Sequence[Cell], places: Sequence[tuple[int, Layout]], found: list[Fault]) -> dict[str, Value]:
    values: dict[str, Value] = Values()
    for i, column in places:
        if cells[i] is Mark.ABSENT and not column.required:
            continue
        try:
            values[column.key] = typed(column, cells[i])
        except BadCell as problem:
            found.append(Fault(line, column.key, problem.code, {"value": problem.value}))
    return values


def _is_sample(cells: Sequence[Cell], places: Sequence[tuple[int, Layout]]) -> bool:
    """True when the row still says what the template's sample says: somebody may have typed over it and left the mark."""
    return all(is_blank(cells[i]) or _same(column, cells[i]) for i, column in places)


def _same(column: Layout, cell: Cell) -> bool:
    try:
        return typed(column, cell) == typed(column, column.sample)
    except BadCell:
        return False


def _beyond(table: Table, line: int, cells: Sequence[Cell]) -> list[Fault]:
    over = [cell for cell in cells[table.width :] if not is_blank(cell)]
    return [Fault(line, "", "row_beyond", {"value": shown(over[0])})] if over else []


def _twice(rows: Sequence[Row], key: Sequence[str]) -> list[Fault]:
    """All rows that share a key: which of them is right, the file does not say."""
    by_key: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for row in rows:
        mine = tuple(row.values.get(k) for k in key)
        if any(part is not None for part in mine):
            by_key[mine].append(row.line)
    return [
        Fault(line, key[0], "row_twice", {"lines": ", ".join(str(other) for other in lines if other != line)})
        for lines in by_key.values()
        if len(lines) > 1
        for line in lines
    ]


def counted(outcomes: Mapping[int, str]) -> dict[str, int]:
    """How many rows are new, changed and the same."""
    return {outcome: sum(1 for o in outcomes.values() if o == outcome) for outcome in (NEW, CHANGED, SAME)}


# --- papers ------------------------------------------------------------------------------------------------------------------

CHARTER, POSITIONING, DUTIES, OPERATING_RULES = "charter", "positioning", "duties", "operating_rules"
OF_AN_INSTITUTION = (CHARTER, POSITIONING, DUTIES)
PAPERS = (*OF_AN_INSTITUTION, OPERATING_RULES)
"""Kinds of papers. Operating rules belong to a county community; its lead keeps them."""
PAPER_FILES = ("pdf", "docx", "doc", "xlsx", "xls", "png", "jpeg")
"""What a paper may be stored as: a file of PDF, Word or Excel, or a picture."""


class StartsTooEarly(Refused):
    """A version that would begin on or before the day on which the one before it began. detail: after, that day."""

    code = "paper_starts_early"


def check_start(start: date, last: date | None) -> None:
    """Versions follow one another: each begins after the one before it, which it ends. Raises StartsTooEarly."""
    if last is not None and start <= last:
        raise StartsTooEarly(after=last.isoformat())


@dataclass(frozen=True, slots=True)
class Held:
    """Which papers are in force on a day: (kind, organisation), and the communities whose operating rules are."""

    of_orgs: frozenset[tuple[str, int]]
    ruled: frozenset[int]


def paper_gaps(register: Register, held: Held) -> list[Gap]:
    """Papers that a clause wants and nobody has handed in.

    QZ-2-12c: a charter of each public hospital. QZ-2-09c: a positioning and a list of powers and duties of each member of a county
    community. QZ-2-09k: operating rules of each county community.
    """
    communities = [a for a in register.alliances if a.kind == "county_community"]
    members = {number for a in communities for number in a.members}
    found = []
    for org in register.orgs:
        hospital = org.kind == "care" and org.tier not in PRIMARY
        wanted = [("QZ-2-12c", CHARTER)] if hospital and org.ownership in ("government", "public") else []
        wanted += [("QZ-2-09c", POSITIONING), ("QZ-2-09c", DUTIES)] if org.id in members else []
        found += [
            Gap(clause, f"no_{kind}", org.place, org.name, org.id) for clause, kind in wanted if (kind, org.id) not in held.of_orgs
        ]
    found += [
        Gap("QZ-2-09k", "no_operating_rules", a.lead.place if a.lead else "", a.name, a.lead.id if a.lead else None)
        for a in communities
        if a.id not in held.ruled
    ]
    return found
