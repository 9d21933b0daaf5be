"""Tables that come with the program: CSV files with a line of headings, and comments in lines that begin with #."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path


def rows(file: Path) -> Iterator[dict[str, str]]:
    """The rows of a shipped table, by heading."""
    with file.open(encoding="utf-8", newline="") as handle:
        yield from csv.DictReader(line for line in handle if not line.startswith("#"))
