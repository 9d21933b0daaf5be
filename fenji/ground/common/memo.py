"""What a page asks twice it reads once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
K = TypeVar("K", bound=Hashable)

_kept: ContextVar[dict[Hashable, Any] | None] = ContextVar("what this page has read", default=None)


@contextmanager
def reading() -> Iterator[None]:
    """The length of one request that only reads. What may change something remembers nothing: it would not see what it did."""
    mark = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(mark)


def remembered(read: Callable[P, R]) -> Callable[P, R]:
    """A read whose result stands until the page is made; outside `reading` it is read each time. Its arguments must be hashable,
    and nobody may change what it returns."""

    @wraps(read)
    def once(*args: P.args, **kwargs: P.kwargs) -> R:
        kept = _kept.get()
        if kept is None:
            return read(*args, **kwargs)
        key = (read, args, tuple(sorted(kwargs.items())))
        if key not in kept:
            kept[key] = read(*args, **kwargs)
        found: R = kept[key]
        return found

    return once


class Known(Generic[K, R]):
    """Rows by key that a page has come by, so that none is read twice."""

    def get(self, keys: set[K]) -> dict[K, R]:
        """Those of them that are known."""
        kept = _kept.get()
        return {k: kept[self, k] for k in keys if (self, k) in kept} if kept is not None else {}

    def keep(self, rows: dict[K, R]) -> None:
        """Remember some; without `reading`, nothing is."""
        kept = _kept.get()
        if kept is not None:
            kept.update({(self, k): row for k, row in rows.items()})
