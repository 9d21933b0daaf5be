"""Reading single rows."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)


def one(rows: QuerySet[M]) -> M | None:
    """The row that a key names, or None.

    `first()` would sort by the key, and preparing that costs a wide row more than reading it; so it is for rows of which several
    may match.
    """
    return next(iter(rows[:1]), None)
