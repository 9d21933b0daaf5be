"""The columns that hold ciphertext, registered at start-up by the rooms that own them, so that a rotation of keys forgets none.

An architecture test is red for an encrypted column that is not registered.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter


@dataclass(frozen=True, slots=True)
class Sealed:
    """One column of ciphertext.

    `context`: what was bound in when it was sealed, with columns of the row in braces: `case.phone:{number}`. `key`: the column
    that tells rows apart. `index` and `purpose`: the column of the blind index made of the same text, if there is one, and its
    purpose. `most`: rows that a rotation takes in one transaction, few where values are large. An empty value is no ciphertext:
    what stood there was wiped.
    """

    table: str
    column: str
    context: str
    key: str = "id"
    index: str = ""
    purpose: str = ""
    most: int = 10_000

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns that the context is made of."""
        return tuple(name for _text, name, _form, _conversion in Formatter().parse(self.context) if name)


_SEALED: dict[tuple[str, str], Sealed] = {}


def register(column: Sealed) -> None:
    """Declare a column of ciphertext."""
    _SEALED[column.table, column.column] = column


def registered() -> list[Sealed]:
    """All declared columns, by table and column."""
    return [_SEALED[name] for name in sorted(_SEALED)]
