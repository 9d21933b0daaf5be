"""Reading single rows, and what a row that the database refuses means to people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import TypeVar

from django.db import DatabaseError, IntegrityError, transaction
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


@contextmanager
def refused_as(refusals: Mapping[str, Callable[[], Exception]], *, within: str | None = None) -> Iterator[None]:
    """What the database refuses, as people are told it: `refusals` by the name of the constraint; others stay as they are.

    `within`: the connection on which a savepoint keeps what was done before; None where the refusal ends the whole change.
    """
    try:
        with transaction.atomic(using=within) if within else nullcontext():
            yield
    except IntegrityError as error:
        refusal = refusals.get(violated(error))
        if refusal is None:
            raise
        raise refusal() from None
