"""Lists that come in as files: what a column holds, what is wrong with a row, and what a room offers to take in.

A room registers its lists at start-up; the room `documents` takes files, shows the dry run and calls `write`. Pure but for the
registry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from fenji.ground.common.cells import FORMS

if TYPE_CHECKING:
    from fenji.ground.access.rules import Actor

Words = Any
"""Text, now or translated later (a lazy string of Django's; this file does not know Django)."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a list. `form`: what its cells hold; `choices`: code → words, for `choice` (people may type either).

    `code` is text that identifies: usual width, no blanks, and Excel is told to keep it as text.
    """

    key: str
    head: Words
    form: str = "text"
    required: bool = False
    choices: tuple[tuple[str, Words], ...] = ()
    sample: str = ""
    note: Words = ""
    longest: int = 200

    def __post_init__(self) -> None:
        if self.form not in FORMS or (self.form == "choice") != bool(self.choices):
            raise ValueError(f"column {self.key}: form {self.form!r} with {len(self.choices)} choices")


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it came: its line in the file, and its cells by column key, typed (str, int, Decimal, date, bool) or None.

    An empty cell is None. A column that the file does not have reads as None too, but is not `in` the values: nothing is said
    about it, so what stands should stay.
    """

    line: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a row. `column`: key, empty when the row as a whole is wrong; `code`: of a registered text."""

    line: int
    column: str
    code: str
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a dry run found. `outcomes`: line → new, changed or same, for the rows without fault; `notes` warn without refusing."""

    outcomes: Mapping[int, str]
    faults: tuple[Fault, ...]
    notes: tuple[Fault, ...] = ()


class Listing(Protocol):
    """A list a room takes in. `key`: the columns that tell rows apart; a file that names one twice is at fault."""

    code: str
    title: Words
    permission: str
    columns: Sequence[Column]
    key: Sequence[str]

    def judge(self, rows: Sequence[Row], *, by: Actor, at: datetime) -> Judgement:
        """Compare rows, whose cells have their forms already, with what stands. Changes nothing. Reads over the alias `load`.

        Called twice: for the dry run, and again when it is this file's turn to be written, since others may have written meanwhile.
        """

    def write(self, rows: Sequence[Row], *, by: Actor, at: datetime, progress: Callable[[int], None]) -> list[dict[str, str]]:
        """Write rows that were judged new or changed, over the alias `load`, inside the caller's transaction, with audit rows.

        `progress`: called now and then with how many rows are done. Returns handouts, usually none: slips for people (activation
        codes) that whoever sent the file prints, each as words → value, in the sender's language, which is active.
        """


_LISTINGS: dict[str, Listing] = {}
_FEEDS: dict[str, str] = {}
_FAULTS: dict[str, Words] = {}


def register_listing(listing: Listing, feed: str = "") -> None:
    """Offer a list. Called at start-up. `feed`: a second permission that opens it, that of systems which send it about their own
    organisation alone; the list's `judge` finds rows of any other organisation at fault."""
    _LISTINGS[listing.code] = listing
    _FEEDS[listing.code] = feed


def may_send(listing: Listing, by: Actor) -> bool:
    """True when somebody's role sends this list, or feeds it."""
    return by.may(listing.permission) or by.may(_FEEDS[listing.code])


def listings() -> dict[str, Listing]:
    """All lists that can come in, by code."""
    return dict(_LISTINGS)


def register_faults(texts: Mapping[str, Words]) -> None:
    """Name faults: code → what is wrong and what to do, with %(x)s for the fault's detail."""
    _FAULTS.update(texts)


def known_faults() -> frozenset[str]:
    """All fault codes that have texts."""
    return frozenset(_FAULTS)


def fault_text(fault: Fault) -> str:
    """A fault in words, in the reader's language."""
    return str(_FAULTS[fault.code]) % dict(fault.detail)
