"""Reading single rows, and the name of what refused one."""

from __future__ import annotations

from typing import TypeVar

from django.db import DatabaseError
from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)


def one(rows: QuerySet[M]) -> M | None:
    """The row that a key names, or None.

    `first()` would sort by the key, and preparing that costs a wide row more than reading it; so it is for rows of which several
    may match.
    """
    return next(iter(rows[:1]), None)


def violated(error: DatabaseError) -> str:
    """The name of the constraint by which the database refused a row; "" when it says none."""
    diag = getattr(error.__cause__, "diag", None)
    return (diag.constraint_name or "") if diag else ""
