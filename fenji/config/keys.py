"""Rotation of keys: which key every encrypted value stands under, bringing all of them under the newest, retiring the others.

Works as the owner role, in batches, while the house serves. A value names its key, so a rotation that was cut off (kill -9, a lost
connection) goes on where it was: what stands under the newest key is passed over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import OperationalError, connections, transaction

from fenji.config import house
from fenji.ground.common.crypto import Unreadable
from fenji.ground.common.sealed import Sealed, registered

Progress = Callable[[str, int, int], None]
"""(column, values done, values there were to do)."""

_LOCK = 0x6B657973  # "keys"
_SETTLED = timedelta(minutes=10)


class KeysProblem(RuntimeError):
    """The keys cannot be changed; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Use:
    """How many values of one column stand under each mark (suite and key, as `i1`). `purpose`: the ring they are of."""

    column: str
    purpose: str
    marks: dict[str, int]


def _columns() -> Iterator[tuple[str, str, str]]:
    for sealed in registered():
        yield sealed.table, sealed.column, "database"
        if sealed.index:
            yield sealed.table, sealed.index, "index"


def uses() -> list[Use]:
    """Which keys the values in the database stand under."""
    found = []
    with connections["owner"].cursor() as cursor:
        for table, column, purpose in _columns():
            mark = f"encode(substr({column}, 1, 2), 'escape')"
            cursor.execute(f"SELECT {mark}, count(*) FROM {table} WHERE {column} <> '' GROUP BY 1 ORDER BY 1")
            found.append(Use(f"{table}.{column}", purpose, dict(cursor.fetchall())))
    return found


def _ring(purpose: str) -> Any:
    return (settings.DATABASE_KEYS if purpose == "database" else settings.INDEX_KEYS).present()


def stale(found: list[Use]) -> Counter[str]:
    """Column → how many values do not stand under the key that seals now."""
    left: Counter[str] = Counter()
    for use in found:
        left[use.column] = sum(count for mark, count in use.marks.items() if mark != _ring(use.purpose).mark.decode())
    return +left


@contextmanager
def _alone() -> Iterator[None]:
    """One change of keys at a time. Raises KeysProblem."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            raise KeysProblem("another `fenji keys` is at work on this house; wait until it has ended")
        lost = False  # with the connection the lock goes too
        try:
            yield
        except OperationalError as problem:
            lost = True
            raise KeysProblem(f"the database went away ({str(problem).strip()}); run this again, it goes on where it was") from None
        finally:
            if not lost:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def add(file: Path, at: datetime) -> Path:
    """Add a key of each purpose to the house file; returns the copy of the file as it was. Raises KeysProblem, NoHouse."""
    with _alone():
        changed = house.with_new_keys(house.read(file), at)
        copy = house.keep_copy(file, at)
        house.write(changed, file)
    return copy


def retire(file: Path, at: datetime) -> tuple[list[str], Path]:
    """Take every key but the newest out of the house file; returns what was taken out, and the copy of the file as it was.

    Raises KeysProblem while a value stands under an older key, or might still be written under one.
    """
    with _alone():
        present = house.read(file)
        for purpose in house.PURPOSES:
            made = present.key_made(purpose)
            if len(present.keys[purpose]) > 1 and made is not None and at < made + _SETTLED:
                raise KeysProblem(
                    f"the newest {purpose} key is younger than {_SETTLED.total_seconds() / 60:.0f} minutes: what was begun before "
                    "it may still be written under the one before. Wait, run `fenji keys rotate` once more, and then retire"
                )
        if left := stale(uses()):
            where = ", ".join(f"{count} in {column}" for column, count in left.items())
            raise KeysProblem(f"values still stand under an older key ({where}); run `fenji keys rotate` first")
        gone = [f"{p} {k}" for p in house.PURPOSES for k in sorted(present.keys[p]) if k != max(present.keys[p])]
        if not gone:
            raise KeysProblem("there is only one key of each purpose; nothing to retire")
        copy = house.keep_copy(file, at)
        house.write(house.without_old_keys(present), file)
    return gone, copy


def rotate(*, batch: int, progress: Progress) -> int:
    """Bring every value under the newest key; returns how many were changed. Ends when a pass over all columns finds none.

    Raises KeysProblem for a value that no key of this house opens.
    """
    changed = 0
    with _alone():
        while todo := stale(uses()):
            for sealed in registered():
                changed += _column(sealed, todo, batch, progress)
    return changed


def _column(sealed: Sealed, todo: Counter[str], batch: int, progress: Progress) -> int:
    name = f"{sealed.table}.{sealed.column}"
    there = max(todo[name], todo[f"{sealed.table}.{sealed.index}"])
    done, last = 0, None
    while there and (rows := _batch(sealed, last, batch)):
        last = rows[-1][0]
        done += len(rows)
        progress(name, min(done, there), there)
    return done


def _batch(sealed: Sealed, last: object, batch: int) -> list[tuple[Any, ...]]:
    """The next rows after `last` that stand under an older key, brought under the newest in one transaction."""
    ring, index_ring = _ring("database"), _ring("index")
    columns = ", ".join((sealed.key, sealed.column, sealed.index or "NULL", *sealed.fields))
    old = [f"substr({sealed.column}, 1, 2) <> %s", *([f"substr({sealed.index}, 1, 2) <> %s"] if sealed.index else [])]
    marks = [ring.mark, *([index_ring.mark] if sealed.index else [])]
    after, values = (f"{sealed.key} > %s AND ", [last, *marks]) if last is not None else ("", marks)
    wanted = f"{after}{sealed.column} <> '' AND ({' OR '.join(old)})"
    most = min(batch, sealed.most)
    query = f"SELECT {columns} FROM {sealed.table} WHERE {wanted} ORDER BY {sealed.key} LIMIT {most} FOR UPDATE"
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute(query, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        new = [_renewed(sealed, row, ring, index_ring) for row in rows]
        assigned = ", ".join(f"{column} = %s" for column in (sealed.column, *([sealed.index] if sealed.index else [])))
        cursor.executemany(f"UPDATE {sealed.table} SET {assigned} WHERE {sealed.key} = %s", new)
    return rows


def _renewed(sealed: Sealed, row: tuple[Any, ...], ring: Any, index_ring: Any) -> tuple[Any, ...]:
    key, content, _index, *fields = row
    context = sealed.context.format(**dict(zip(sealed.fields, fields, strict=True)))
    try:
        plain = ring.open_bytes(bytes(content), context)
    except Unreadable as problem:
        raise KeysProblem(
            f"{sealed.table}.{sealed.column} of {sealed.key} {key} is not opened by any key of this house file ({problem}). It "
            f"stands under key {bytes(content[1:2]).decode('ascii', 'replace')!r}: put the house file back that has the right one, "
            "and run this again. Nothing of this batch was changed; what was rotated before is readable"
        ) from None
    index = [index_ring.index(plain.decode(), sealed.purpose)] if sealed.index else []
    return (ring.seal_bytes(plain, context), *index, key)
