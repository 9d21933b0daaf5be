"""A change is made as a whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import transaction

P = ParamSpec("P")
R = TypeVar("R")

_within: ContextVar[bool] = ContextVar("within a change", default=False)


@contextmanager
def change() -> Iterator[None]:
    """Several actions as one: what is refused of any of them leaves nothing of the others."""
    inner = _within.get()
    mark = _within.set(True)
    try:
        with transaction.atomic(savepoint=not inner):
            yield
    finally:
        _within.reset(mark)


def all_or_nothing(action: Callable[P, R]) -> Callable[P, R]:
    """An action whose refusal leaves nothing behind, and the transaction around it usable.

    An action within another has no savepoint of its own: its refusal is that of the whole. Whoever goes on after the refusal of an
    inner action calls it within `transaction.atomic()`; who forgets it is told by the next statement.
    """

    @wraps(action)
    def whole(*args: P.args, **kwargs: P.kwargs) -> R:
        with change():
            return action(*args, **kwargs)

    return whole
