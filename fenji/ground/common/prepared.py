"""Statements that are prepared once: the reads that nearly every page makes.

To turn a wide queryset into its statement costs Django as much as the database needs to answer it, and it is done anew each time.
Here it is done once for each process; from then on only the values change.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from types import SimpleNamespace
from typing import Any, ParamSpec, TypeVar, cast

from django.db import connections
from django.db.models import Expression, Field, ForeignObject, Lookup, QuerySet
from django.db.models.sql import Query
from django.db.models.sql.compiler import SQLCompiler

P = ParamSpec("P")
R = TypeVar("R")


class _Given(Expression):
    """Stands where a value will stand."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """A placeholder, with itself for the value."""
        return "%s", [self]


@Field.register_lookup
@ForeignObject.register_lookup
class Among(Lookup):  # type: ignore[type-arg]
    """`org_id__among=ids`: as `in`, with one placeholder whatever the number of values."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """`column = ANY (values)`."""
        left, before = self.process_lhs(compiler, connection)
        right, values = self.process_rhs(compiler, connection)
        return f"{left} = ANY ({right})", [*before, *values]

    def get_db_prep_lookup(self, value: Any, connection: Any) -> tuple[str, list[Any]]:
        """Values that are known already, as one list."""
        return "%s", [list(value)]


class _Statement:
    """A queryset with its statement. What is kept is only read, so that several threads may ask at once."""

    def __init__(self, rows: QuerySet[Any]) -> None:
        self.rows, self.alias = rows, rows.db
        self.compiler: SQLCompiler = rows.query.get_compiler(self.alias)
        self.sql, self.values = self.compiler.as_sql()

    def ask(self, given: dict[str, Any]) -> list[Any]:
        """The rows for these values."""
        values = tuple(given[v.name] if isinstance(v, _Given) else v for v in self.values)
        if None in values:
            raise ValueError("None is not a value to be asked for: nothing equals it")
        mine = copy.copy(self.compiler)
        mine.connection = connections[self.alias]
        mine.as_sql = lambda *_, **__: (self.sql, values)
        shell = SimpleNamespace(db=self.alias, query=_Query(self.rows.query, mine), _known_related_objects={})
        return list(self.rows._iterable_class(shell))


class _Query:
    """The query of a queryset, whose statement is there already."""

    def __init__(self, query: Query, compiler: SQLCompiler) -> None:
        self._query, self._compiler = query, compiler

    def __getattr__(self, name: str) -> Any:
        return getattr(self._query, name)

    def get_compiler(self, *_: Any, **__: Any) -> SQLCompiler:
        """The one that has its statement."""
        return self._compiler


def prepared(build: Callable[P, QuerySet[Any, R]]) -> Callable[P, list[R]]:
    """A read whose statement is prepared at its first call, and whose rows come as a list.

    The function is called once, with placeholders for its arguments, which may stand only where a value stands in a condition:
    not in an `if`, in arithmetic or in a slice, and for several values with `among`. Keyword-only arguments are the shape:
    they come as they are, and for each combination there is a statement of its own. A value that is asked for may not be None:
    nothing equals NULL, so that is refused with ValueError.
    """
    kinds = signature(build).parameters.values()
    names = [p.name for p in kinds if p.kind is not Parameter.KEYWORD_ONLY]
    ready: dict[tuple[Any, ...], _Statement] = {}

    @wraps(build)
    def ask(*args: P.args, **shape: P.kwargs) -> list[R]:
        if len(args) != len(names):
            raise TypeError(f"{build.__name__} asks for {', '.join(names)}")
        given = dict(zip(names, args, strict=True))
        key = tuple(sorted(shape.items()))
        if key not in ready:
            places = cast(Any, map(_Given, names))
            ready[key] = _Statement(build(*places, **shape))
        return ready[key].ask(given)

    return ask
