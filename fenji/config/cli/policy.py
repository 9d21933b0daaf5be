"""`fenji policy`: check packs, say why a value binds, compare two places or days."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterable
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fenji.config import house as house_module
from fenji.config.cli import ready
from fenji.config.database import configure
from fenji.ground.common.rls import ROLES
from fenji.ground.policy import loader, rules
from fenji.ground.policy.rules import PackError, Parameter

if TYPE_CHECKING:
    from fenji.ground.policy.queries import Book


class _Day(click.ParamType):
    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no day; write it as 2026-09-30", param, ctx)


class _Path(click.ParamType):
    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        *codes, last = value.split("/")
        found = (*codes, last)
        regions = found[:-1] if last.startswith(rules.HOUSE) else found
        right = bool(regions) and all(re.fullmatch(r"35([0-9]{4})?", r) for r in regions)
        if not right or rules.path_to(rules.prefix_of(regions[-1])) != regions or not re.fullmatch(r"(org:)?[0-9]+", last):
            self.fail(f"{value!r} is no path; write it as 35/350400/350405 or 35/350400/350405/org:17", param, ctx)
        return found


_DAY, _PATH = _Day(), _Path()
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
_HOUSE = click.option(
    "--house", help="The house whose approved changes count; default: the one of the data folder, if there is one."
)
_SHIPPED = click.option("--shipped", is_flag=True, help="The packs alone, without the approved changes of a house.")


@click.group()
def policy() -> None:
    """Policy: what binds where and when, and why."""


def _no_house() -> None:
    """Set Django up for its rooms' policy classes alone: with a house file that nobody will use, and no database."""
    before = os.environ.get(house_module.VARIABLE)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / ready.FILE
        house_module.write(house_module.fresh({r.removeprefix("fenji_"): "dbname=none" for r in ROLES}, demo=True), file)
        configure(file)
    os.environ.pop(house_module.VARIABLE)
    if before is not None:
        os.environ[house_module.VARIABLE] = before


def _book(house: str | None, shipped: bool) -> tuple[Book, str]:
    """The book that questions are answered from, and in words what is in it."""
    file = ready.house_file(house)
    if shipped or (house is None and not file.exists()):
        _no_house()
        from fenji.ground.policy import queries

        return queries.book_of(loader.shipped()), "the shipped packs alone" + ("" if shipped else f"; no house at {file}")
    configure(file)
    from django.db import Error

    from fenji.ground.policy import queries

    try:
        return queries.fresh_book(), f"the shipped packs and the approved changes of {file}"
    except Error as error:
        told = str(error).strip().splitlines()[0]
        message = f"the database of {file} does not answer ({told}); start it with `fenji db start`, or add --shipped"
        raise click.ClickException(message) from None


def _split(error: PackError) -> dict[str, Any]:
    file, _, line = error.where.rpartition(":")
    return {
        "file": file or line,
        "line": int(line) if file and line.isdigit() else 0,
        "problem": error.what,
        "remedy": error.remedy,
    }


@policy.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@_JSON
def check(folder: Path | None, as_json: bool) -> None:
    """Check the shipped packs, or the packs below FOLDER beside them; list all errors, exit 1 if there are any.

    A pack in FOLDER takes the place of the shipped one of the same name. Example: fenji policy check my-packs
    """
    _no_house()
    from fenji.ground.policy import queries

    packs, errors = loader.check(folder, loader.PACKS) if folder is not None else loader.check()
    if packs.parameters:
        errors = errors + queries.misfits(packs.parameters)
    told = {
        "documents": len(packs.documents), "clauses": len(packs.clauses), "parameters": len(packs.parameters),
        "hash": packs.hash, "errors": [_split(e) for e in errors],
    }  # fmt: skip
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        _show_check(told)
    raise SystemExit(1 if errors else 0)


def _show_check(told: dict[str, Any]) -> None:
    console = _console()
    if told["errors"]:
        rows = [(e["file"], str(e["line"]), e["problem"], e["remedy"]) for e in told["errors"]]
        console.print(_table(("File", "Line", "Problem", "Remedy"), rows))
    counts = f"{told['documents']} documents, {told['clauses']} clauses, {told['parameters']} parameters"
    console.print(f"{counts}, {len(told['errors'])} errors, hash {told['hash'][:16]}")


def _table(heads: Iterable[str], rows: Iterable[tuple[str, ...]]) -> Table:
    table = Table(*heads)
    for row in rows:
        table.add_row(*map(escape, row))
    for column in table.columns:
        column.overflow = "fold"
    return table


def _console() -> Console:
    # in a pipe there is no width to keep to; rich would take 80 and break every cell
    return Console(width=None if sys.stdout.isatty() else 132, highlight=False)


def _plain(p: Parameter) -> dict[str, Any]:
    """A parameter as JSON."""
    return {
        "key": p.key, "value": rules.plain(p.value), "unit": p.unit, "clause": p.clause_id, "region": p.region,
        "authority": p.authority, "start": str(p.start), "end": str(p.end) if p.end else None, "override": p.override,
        "tighter": p.tighter, "basis": p.basis, "change": p.change, "document": p.document, "where": p.where,
    }  # fmt: skip


def _words(p: Parameter) -> str:
    return json.dumps(rules.plain(p.value), ensure_ascii=False)


@policy.command()
@click.argument("key")
@click.option("--path", required=True, type=_PATH, help="As 35/350400/350405, with /org:17 for one institution.")
@click.option("--on", required=True, type=_DAY, help="As 2026-09-30.")
@_HOUSE
@_SHIPPED
@_JSON
def explain(key: str, path: tuple[str, ...], on: date, house: str | None, shipped: bool, as_json: bool) -> None:
    """Say which value binds, why, and what it overrules.

    Example: fenji policy explain referral.review_catalogue --path 35/350400/350405 --on 2026-09-30
    """
    book, source = _book(house, shipped)
    from fenji.ground.policy import queries

    if key not in book.by_key:
        near = get_close_matches(key, book.by_key, 3)
        raise click.ClickException(f"no pack has the key {key!r}; {'near are ' + ', '.join(near) if near else 'see the packs'}")
    try:
        binding = queries.binding_in(book, key, path, on)
    except PackError as error:
        raise click.ClickException(str(error)) from None
    here = [p for p in book.by_key[key] if p.region in path]
    other = sorted((p for p in here if not p.in_force(path, on)), key=lambda p: p.start)
    parts = {"binds": (binding.parameter,), "overruled": binding.overruled, "not in force": tuple(other)}
    if as_json:
        told = {"key": key, "path": list(path), "on": str(on), "source": source, "hash": book.hash}
        more = {"binds": _plain(binding.parameter), **{n: [_plain(p) for p in ps] for n, ps in list(parts.items())[1:]}}
        click.echo(json.dumps({**told, **more}, ensure_ascii=False, indent=1))
        return
    rows = [(name, *_row(p)) for name, ps in parts.items() for p in ps]
    console = _console()
    console.print(f"{key} at {'/'.join(path)} on {on}, from {source}")
    console.print(_table(("", "Value", "Clause", "Region, authority", "In force", "Override", "Where"), rows))


def _row(p: Parameter) -> tuple[str, ...]:
    where = f"{p.where} {p.document}" if p.change else "/".join(Path(p.where).parts[-2:])
    days = f"{p.start} – {p.end or ''}"
    return (f"{_words(p)} {p.unit}", p.clause_id, f"{p.region} {p.authority}", days, f"{p.override} {p.tighter}".strip(), where)


@policy.command()
@click.option("--path", required=True, type=_PATH)
@click.option("--on", required=True, type=_DAY)
@click.option("--to-path", type=_PATH, help="The other place; default: the same.")
@click.option("--to-on", type=_DAY, help="The other day; default: the same.")
@_HOUSE
@_SHIPPED
@_JSON
def diff(
    path: tuple[str, ...],
    on: date,
    to_path: tuple[str, ...] | None,
    to_on: date | None,
    house: str | None,
    shipped: bool,
    as_json: bool,
) -> None:
    """Show which parameters differ between two places, two days, or both.

    Example: fenji policy diff --path 35/350400 --on 2026-09-30 --to-path 35/350500
    """
    if to_path is None and to_on is None:
        raise click.UsageError("nothing to compare with: name another place with --to-path, or another day with --to-on")
    book, source = _book(house, shipped)
    there = (to_path or path, to_on or on)
    rows = [row for key in sorted(book.by_key) if (row := _difference(book, key, (path, on), there)) is not None]
    if as_json:
        told = [{"key": k, "from": _plain(a) if a else None, "to": _plain(b) if b else None} for k, a, b in rows]
        click.echo(json.dumps({"source": source, "differences": told}, ensure_ascii=False, indent=1))
        return
    console = _console()
    sides = [f"{'/'.join(p)} {day}" for p, day in ((path, on), there)]
    shown = [(k, *(f"{_words(p)} {p.unit} ({p.clause_id})" if p else "none" for p in (a, b))) for k, a, b in rows]
    console.print(f"{len(rows)} of {len(book.by_key)} parameters differ, from {source}")
    if rows:
        console.print(_table(("Key", *sides), shown))


_Side = tuple[tuple[str, ...], date]


def _difference(book: Book, key: str, a: _Side, b: _Side) -> tuple[str, Parameter | None, Parameter | None] | None:
    first, second = _bound(book, key, a), _bound(book, key, b)
    if (first and first.value) == (second and second.value) and bool(first) == bool(second):
        return None
    return key, first, second


def _bound(book: Book, key: str, side: _Side) -> Parameter | None:
    from fenji.ground.policy import queries

    try:
        return queries.binding_in(book, key, *side).parameter
    except PackError:
        return None
