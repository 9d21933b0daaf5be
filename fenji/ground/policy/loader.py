"""Reads the shipped packs, checks them whole, and hashes them. Every error names the file, the clause and the remedy."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from fenji.ground.policy.rules import AUTHORITIES, BASES, OVERRIDES, Clause, PackError, Parameter

PACKS = Path(__file__).parent / "packs"
_DOCUMENT_KEYS = {"id", "number", "title", "authority", "region", "effective", "effective_basis"}
_CLAUSE_KEYS = {"id", "section", "kind", "title", "parameter", "modelled_on"}
_PARAMETER_KEYS = {"key", "value", "unit", "basis", "override", "start", "end"}


@dataclass(frozen=True, slots=True)
class Packs:
    """All packs of the house. `hash`: SHA-256 over the files, kept on every decision."""

    parameters: tuple[Parameter, ...]
    clauses: dict[str, Clause]
    hash: str


def _only(found: dict[str, Any], allowed: set[str], needed: set[str], where: str) -> None:
    if unknown := found.keys() - allowed:
        raise PackError(f"{where}: unknown key {sorted(unknown)[0]!r}; one of {', '.join(sorted(allowed))}")
    if missing := needed - found.keys():
        raise PackError(f"{where}: {sorted(missing)[0]!r} is missing")


def _one_of(value: str, allowed: tuple[str, ...], where: str) -> str:
    if value not in allowed:
        raise PackError(f"{where}: {value!r} is not one of {', '.join(allowed)}")
    return value


def _parameter(raw: dict[str, Any], clause: Clause, authority: str, where: str) -> Parameter:
    _only(raw, _PARAMETER_KEYS, {"key", "value", "unit", "basis", "override"}, where)
    return Parameter(
        key=raw["key"],
        value=tuple(raw["value"]) if isinstance(raw["value"], list) else raw["value"],
        unit=raw["unit"],
        clause_id=clause.id,
        region=clause.region,
        authority=authority,
        start=raw.get("start", clause.start),
        end=raw.get("end"),
        override=_one_of(raw["override"], OVERRIDES, where),
        basis=_one_of(raw["basis"], BASES, where),
    )


def _clause(raw: dict[str, Any], document: dict[str, Any], where: str) -> Clause:
    _only(raw, _CLAUSE_KEYS, {"id", "section", "kind", "title"}, where)
    title = raw["title"]
    return Clause(
        raw["id"], raw["section"], raw["kind"], title["zh"], title["en"], document["id"], document["region"], document["effective"]
    )


def read_pack(file: Path) -> tuple[list[Clause], list[Parameter]]:
    """One file. Raises PackError."""
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise PackError(f"{file}: {error}; mend the TOML at that line") from None
    _only(raw, {"document", "clause"}, {"document", "clause"}, str(file))
    document = raw["document"]
    _only(document, _DOCUMENT_KEYS, _DOCUMENT_KEYS, f"{file} [document]")
    authority = _one_of(document["authority"], AUTHORITIES, f"{file} [document]")
    if not isinstance(document["effective"], date):
        raise PackError(f"{file} [document]: effective must be a date, as in 2022-03-01")
    clauses, parameters = [], []
    for entry in raw["clause"]:
        where = f"{file} {entry.get('id', '[[clause]]')}"
        clause = _clause(entry, document, where)
        clauses.append(clause)
        parameters += [_parameter(p, clause, authority, f"{where} {p.get('key', '')}") for p in entry.get("parameter", [])]
    return clauses, parameters


def load(folder: Path = PACKS) -> Packs:
    """All packs below `folder`. Raises PackError, also when two clauses share an id."""
    files = sorted(folder.glob("*/pack.toml"))
    if not files:
        raise PackError(f"{folder}: no */pack.toml")
    clauses: dict[str, Clause] = {}
    parameters: list[Parameter] = []
    hasher = hashlib.sha256()
    for file in files:
        hasher.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
        found, more = read_pack(file)
        for clause in found:
            if clause.id in clauses:
                raise PackError(f"{file}: clause {clause.id} stands in two places; rename one")
            clauses[clause.id] = clause
        parameters += more
    return Packs(tuple(parameters), clauses, hasher.hexdigest())


@cache
def shipped() -> Packs:
    """The packs of this release, read once a process."""
    return load()
