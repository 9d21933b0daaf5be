"""What the lists of the watch share: rows on a page, and the cursor of the next one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet

from fenji.ground.common.edge import after_cursor, as_uuid, cursor_of
from fenji.ground.common.lists import SIZES, size_of


@dataclass(frozen=True, slots=True)
class Paged:
    """One page of a list that is ordered by (at, id), newest first. `next`: the cursor of the following page, "" at the end."""

    rows: list[Any]
    size: int
    next: str
    later: bool
    keep: str
    """The filters of this page as a query string, for the links to other pages."""
    sizes: tuple[int, ...] = SIZES


def paged(found: QuerySet[Any], query: Mapping[str, str]) -> Paged:
    """The page that `query` asks for with `size` and `before`."""
    size, cursor = size_of(query, SIZES), after_cursor(query.get("before", ""))
    key = as_uuid(cursor[1]) if cursor else None
    if cursor is not None and key is not None:
        found = found.filter(Q(at__lt=cursor[0]) | Q(at=cursor[0], id__lt=key), at__lte=cursor[0])
    rows = list(found[: size + 1])
    last = rows[size - 1] if len(rows) > size else None
    keep = urlencode({k: v for k, v in query.items() if k != "before" and v})
    return Paged(rows[:size], size, cursor_of(last.at, last.id) if last else "", cursor is not None, keep)
