"""Invented residents, by the hundred thousand: names, births, identity numbers, phones, addresses. Deterministic by seed."""

from __future__ import annotations

import calendar
import random
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import connections, transaction

from fenji.care.registry.models import Identity
from fenji.ground.common.identity import identity_check
from fenji.ground.common.ids import uuid7
from fenji.ground.common.pinyin import name_readings
from fenji.ground.network.models import Organisation
from fenji.ground.network.queries import regions_below
from fenji.world.county import DATA, rates

Progress = Callable[[int], None]
_BATCH = 20_000
_RESIDENT = (
    "id",
    "version",
    "name",
    "pinyin",
    "initials",
    "pinyin_other",
    "initials_other",
    "sex",
    "birth_date",
    "phone",
    "address",
    "home_org_id",
    "path",
    "viewer_ids",
)
_IDENTITY = ("resident_id", "number", "number_index", "last4")
_FIRST_MILLIS = 1_640_995_200_000  # 2022-01-01: the records are as old as the register


@dataclass(frozen=True, slots=True)
class Somebody:
    """One invented resident, before encryption."""

    id: UUID
    name: str
    sex: str
    born: date
    identity: str
    phone: str
    address: str
    org: int
    path: str


class Names:
    """Draws names by their weights."""

    def __init__(self, rng: random.Random) -> None:
        raw = tomllib.loads((DATA / "names.toml").read_text(encoding="utf-8"))
        self.rng = rng
        self.surnames = list(raw["surnames"])
        self.weights = list(raw["surnames"].values())
        given = raw["given"]
        self.young = {"1": given["male"] + given["either"], "2": given["female"] + given["either"]}
        self.old = {"1": given["older_male"], "2": given["older_female"]}

    def pick(self, count: int) -> list[str]:
        return self.rng.choices(self.surnames, self.weights, k=count)

    def given(self, sex: str, year: int) -> str:
        pool = (self.old if year < 1965 else self.young)[sex]
        size = 2 if self.rng.random() < 0.85 else 1
        return "".join(self.rng.choice(pool) for _ in range(size))


def _homes(townships: list[Organisation], street_weight: float) -> tuple[list[tuple[Organisation, str]], list[float]]:
    places, weights = [], []
    for org in townships:
        villages = regions_below(org.path[:9], ("village", "community"), "load")
        share = (street_weight if "社区" in org.name else 1.0) / max(len(villages), 1)
        for _, _, name, _ in villages:
            places.append((org, name))
            weights.append(share)
    return places, weights


def invent(count: int, townships: list[Organisation], seed: int | None = None) -> Iterator[Somebody]:
    """`count` residents. The same seed gives the same people."""
    table = rates()
    # invented people need repeatable chance, not secret chance
    rng = random.Random(table["county"]["seed"] if seed is None else seed)  # noqa: S311
    names = Names(rng)
    decades = [int(d) for d in table["population"]["decades"]]
    shares = list(table["population"]["decades"].values())
    places, weights = _homes(townships, table["population"]["street_weight"])
    used: dict[tuple[date, str], int] = {}
    for start in range(0, count, _BATCH):
        size = min(_BATCH, count - start)
        surnames = names.pick(size)
        births = rng.choices(decades, shares, k=size)
        homes = rng.choices(places, weights, k=size)
        for i in range(size):
            yield _one(start + i, surnames[i], births[i], homes[i], rng, names, used, table)


def _one(
    number: int,
    surname: str,
    decade: int,
    home: tuple[Organisation, str],
    rng: random.Random,
    names: Names,
    used: dict[tuple[date, str], int],
    table: dict[str, Any],
) -> Somebody:
    sex = "1" if rng.random() < table["population"]["male"] else "2"
    year = decade + rng.randrange(10 if decade < 2020 else 6)
    month = rng.randrange(1, 13)
    born = date(year, month, rng.randrange(1, calendar.monthrange(year, month)[1] + 1))
    turn = used[born, sex] = used.get((born, sex), -1) + 1
    code = table["county"]["old_code"] if year < 2021 else table["county"]["code"]
    stem = f"{code}{born:%Y%m%d}{turn * 2 + (1 if sex == '1' else 0):03d}"
    org, village = home
    phone = f"1{rng.choice('3578')}{rng.randrange(10**9):09d}" if rng.random() < table["population"]["phone"] else ""
    return Somebody(
        id=uuid7(_FIRST_MILLIS + number, rng.randbytes(10)),
        name=surname + names.given(sex, year),
        sex=sex,
        born=born,
        identity=stem + identity_check(stem),
        phone=phone,
        address=f"{village}{rng.randrange(1, 200)}号",
        org=org.id,
        path=org.path,
    )


def _rows(person: Somebody) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    readings = name_readings(person.name)
    other = readings[1] if len(readings) > 1 else ("", "")
    ring = settings.DATABASE_KEYS
    phone = ring.seal(person.phone, f"resident.phone:{person.id}")
    number = ring.seal(person.identity, f"identity.number:{person.id}")
    index = settings.INDEX_KEYS.index(person.identity, "identity.number")
    first = (person.id, 1, person.name, *readings[0], *other, person.sex, person.born, phone)
    return (*first, person.address, person.org, person.path, []), (person.id, number, index, person.identity[-4:])


def write(people: Iterator[Somebody], progress: Progress | None = None) -> int:
    """Write residents and identities through staging tables: COPY straight into protected tables is refused."""
    written = 0
    batch: list[Somebody] = []
    for person in people:
        batch.append(person)
        if len(batch) == _BATCH:
            written += _write_batch(batch)
            batch = []
            if progress:
                progress(written)
    written += _write_batch(batch)
    if progress:
        progress(written)
    return written


def _write_batch(batch: list[Somebody]) -> int:
    rows = [_rows(p) for p in batch]
    with transaction.atomic(using="load"), connections["load"].cursor() as cursor:
        stage(cursor, "registry_resident", _RESIDENT, [r for r, _ in rows])
        stage(cursor, "registry_identity", _IDENTITY, [i for _, i in rows])
    return len(batch)


def _left_out(table: str, columns: tuple[str, ...]) -> dict[str, Any]:
    """The columns of a table that are not written, with the constant its model gives them: the database knows no defaults."""
    (model,) = (m for m in apps.get_models() if m._meta.db_table == table)
    fields = [f for f in model._meta.concrete_fields if f.column not in columns and f.has_default() and not callable(f.default)]
    return {f.column: f.default for f in fields if f.default is not None}


def stage(cursor: Any, table: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Write rows into a protected table by way of a temporary one; call inside a transaction of the load role."""
    constants = _left_out(table, columns)
    names = ", ".join((*columns, *constants))
    cursor.execute(f"CREATE TEMP TABLE staging ON COMMIT DROP AS SELECT {names} FROM {table} WITH NO DATA")
    with cursor.copy(f"COPY staging ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row((*row, *constants.values()))
    cursor.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM staging")
    cursor.execute("DROP TABLE staging")


def number_of(resident_id: UUID) -> str:
    """The number of a resident's identity document, in clear: as somebody who stands at a desk would show it."""
    sealed = Identity.objects.using("load").get(pk=resident_id).number
    return str(settings.DATABASE_KEYS.open(bytes(sealed), f"identity.number:{resident_id}"))
