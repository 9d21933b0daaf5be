"""Reads packs, checks them whole, and hashes them. Every error names the file, the line and the remedy."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from fenji.ground.policy import rules
from fenji.ground.policy.rules import Ambiguity, Cite, Clause, Document, Doubt, Evidence, PackError, Parameter, Target, Value

PACKS = Path(__file__).parent / "packs"
_EARLIEST, _LATEST = date(2000, 1, 1), date(2099, 12, 31)
_REGION = re.compile(r"35((?!0000)\d{4})?")
_ACTOR = ("kind", "agency", "force", "tier", "ownership", "grade", "role", "alliance", "name")
_CLAUSE = {"id", "section", "kind", "title"}
_PARAMETER = {"key", "value", "unit", "basis", "override"}
_TARGET = {"metric", "comparator", "unit", "nature"}


@dataclass(frozen=True, slots=True)
class Packs:
    """All packs of the house. `hash`: SHA-256 over the files, kept on every decision."""

    parameters: tuple[Parameter, ...]
    clauses: dict[str, Clause]
    documents: dict[str, Document]
    hash: str


class Lines:
    """Where things stand in a pack, for error messages: tomllib gives values without lines."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        self.clauses = self._all(r"\[\[\s*clause\s*\]\]", 1, len(self.lines))

    def _all(self, pattern: str, first: int, last: int) -> list[int]:
        return [n for n in range(first, last + 1) if re.match(rf"\s*{pattern}", self.lines[n - 1])]

    def _block(self, clause: int) -> tuple[int, int]:
        # `clause = [{ … }]` has no headers: then the whole file is the block
        if clause >= len(self.clauses):
            return 1, len(self.lines)
        last = self.clauses[clause + 1] - 1 if clause + 1 < len(self.clauses) else len(self.lines)
        return self.clauses[clause], last

    def document(self) -> int:
        """Line of `[document]`, 1 without one."""
        return next(iter(self._all(r"\[\s*document\s*\]", 1, len(self.lines))), 1)

    def clause(self, clause: int) -> int:
        """Line of the `id` of the clause with this number, from 0; its header, if it has none."""
        first, last = self._block(clause)
        return next(iter(self._all(r"id\s*=", first, last)), first)

    def entry(self, clause: int, table: str, number: int) -> int:
        """Line of the clause's `[[clause.table]]` with this number, from 0; else of its `table =`; else of the clause."""
        first, last = self._block(clause)
        headers = self._all(rf"\[\[\s*clause\.{table}\s*\]\]", first, last)
        if number < len(headers):
            return headers[number]
        return next(iter(self._all(rf"{table}\s*=", first, last)), self.clause(clause))

    def parameter(self, clause: int, key: object, before: int) -> int:
        """Line of `key = "…"` below the clause; `before`: how many parameters of the clause with this key come earlier."""
        first, last = self._block(clause)
        found = self._all(rf".*\bkey\s*=\s*[\"']{re.escape(str(key))}[\"']", first, last)
        return found[before] if before < len(found) else self.clause(clause)


@dataclass(frozen=True, slots=True)
class _Spot:
    """A table of a pack with its place: reads typed fields, and says where and how they are wrong."""

    raw: dict[str, Any]
    where: str
    name: str

    def error(self, what: str, remedy: str) -> PackError:
        return PackError(self.where, f"{self.name}: {what}" if self.name else what, remedy)

    def only(self, needed: Collection[str], optional: Collection[str] = ()) -> None:
        allowed = {*needed, *optional}
        if unknown := self.raw.keys() - allowed:
            raise self.error(f"unknown key {sorted(unknown)[0]!r}", f"take it out, or use one of {', '.join(sorted(allowed))}")
        if missing := set(needed) - self.raw.keys():
            raise self.error(f"{sorted(missing)[0]!r} is missing", "add it")

    def text(self, key: str, default: str = "") -> str:
        found = self.raw.get(key, default)
        if not isinstance(found, str) or (key in self.raw and not found.strip()):
            raise self.error(f"{key} must be a text, not {found!r}", 'write it in quotes, as in "…"')
        return found

    def one_of(self, key: str, allowed: Collection[str]) -> str:
        found = self.raw[key]
        if found not in allowed:
            raise self.error(f"{key}: {found!r} is not one of {', '.join(allowed)}", "choose one of these")
        return str(found)

    def day(self, key: str) -> date | None:
        found = self.raw.get(key)
        if found is None:
            return None
        if type(found) is not date:
            raise self.error(f"{key} must be a date, not {found!r}", "write it without quotes, as in 2022-03-01")
        if not _EARLIEST <= found <= _LATEST:
            raise self.error(f"{key}: {found} lies before {_EARLIEST} or after {_LATEST}", "check the year")
        return found

    def some_of(self, key: str, allowed: Collection[str] = ()) -> tuple[str, ...]:
        """A list of texts without repetition, all of them allowed if anything is; empty when the key is not there."""
        found = self.raw.get(key, [])
        if not isinstance(found, list) or not all(isinstance(v, str) and v.strip() for v in found) or len(set(found)) < len(found):
            raise self.error(f"{key} must be a list of different texts", f'write {key} = ["…", "…"]')
        if unknown := [v for v in found if allowed and v not in allowed]:
            raise self.error(f"{key}: {unknown[0]!r} is not one of {', '.join(allowed)}", "choose among these")
        return tuple(found)

    def whole(self, key: str) -> int | None:
        found = self.raw.get(key)
        if found is not None and type(found) is not int:
            raise self.error(f"{key} must be a whole number, not {found!r}", "write it without quotes and without a point")
        return found

    def both(self, key: str) -> tuple[str, str]:
        """A text in both languages; empty ones when the key is not there."""
        found = self.raw.get(key, {"zh": "", "en": ""})
        if not isinstance(found, dict) or found.keys() != {"zh", "en"} or not all(isinstance(v, str) for v in found.values()):
            raise self.error(f"{key} must have both languages", f'write {key} = {{ zh = "…", en = "…" }}')
        return found["zh"], found["en"]

    def value(self, raw: object) -> Value:
        try:
            return rules.value_of(raw)
        except ValueError as error:
            remedy = (
                'use a whole number, true or false, a text, a list of one kind, or { minutes = …, counted = "natural" or "duty" }'
            )
            raise self.error(str(error), remedy) from None

    def tables(self, key: str) -> list[dict[str, Any]]:
        found = self.raw.get(key, [])
        if not isinstance(found, list) or not all(isinstance(t, dict) for t in found):
            raise self.error(f"{key} must be a list of tables", f"write [[clause.{key}]] above each")
        return found


@dataclass(slots=True)
class Reading:
    """What one file holds, and what is wrong with it."""

    file: Path
    errors: list[PackError] = field(default_factory=list)
    document: Document | None = None
    clauses: list[tuple[Clause, str]] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Note an error and go on with what comes next."""
        try:
            yield
        except PackError as error:
            self.errors.append(error)


def _ambiguity(spot: _Spot, value: Value) -> Ambiguity | None:
    raw = spot.raw.get("ambiguity")
    if raw is None:
        return None
    if not isinstance(raw, dict):
        raise spot.error("ambiguity must be a table", 'write { ref = "E2.1", choices = […], decided_by = "city" }')
    inner = _Spot(raw, spot.where, f"{spot.name} ambiguity")
    inner.only({"ref", "choices", "decided_by"})
    if not isinstance(raw["choices"], list) or not raw["choices"]:
        raise inner.error("choices must be a list that is not empty", "name every reading of the text")
    choices = tuple(inner.value(c) for c in raw["choices"])
    if value not in choices or any(rules.form_of(c) != rules.form_of(value) for c in choices):
        raise inner.error(f"the value {value!r} is not one of the choices", "choose one of them, or add it")
    return Ambiguity(inner.text("ref"), choices, inner.one_of("decided_by", rules.DECIDERS))


def _tighter(spot: _Spot, value: Value, override: str) -> str:
    if override != "tighten":
        if "tighter" in spot.raw:
            raise spot.error(f"tighter has no meaning with override = {override}", "take it out, or say override = tighten")
        return ""
    ways = rules.may_tighten(rules.form_of(value))
    if not ways:
        raise spot.error(f"a {rules.form_of(value)} cannot be made stricter", "say override = free or never")
    if "tighter" not in spot.raw:
        raise spot.error("'tighter' is missing", f"say which way is stricter: tighter = {' or '.join(ways)}")
    return spot.one_of("tighter", ways)


def _parameter(spot: _Spot, clause: Clause, authority: str, number: str) -> Parameter:
    spot.only(_PARAMETER, {"start", "end", "tighter", "ambiguity", "least", "most", "title"})
    value = spot.value(spot.raw["value"])
    override = spot.one_of("override", rules.OVERRIDES)
    start, end = spot.day("start") or clause.start, spot.day("end")
    if start < clause.start:
        raise spot.error(f"it starts on {start}, before its document on {clause.start}", "mend one of the two dates")
    if end is not None and end <= start:
        raise spot.error(f"it ends on {end}, not after its start on {start}", "mend one of the two dates")
    least, most = spot.whole("least"), spot.whole("most")
    if (least is not None or most is not None) and rules.form_of(value) != "number":
        raise spot.error("least and most are for numbers", "take them out")
    title_zh, title_en = spot.both("title")
    found = Parameter(
        key=spot.text("key"), value=value, unit=spot.text("unit"), clause_id=clause.id, region=clause.region, authority=authority,
        start=start, end=end, override=override, basis=spot.one_of("basis", rules.BASES),
        tighter=_tighter(spot, value, override), ambiguity=_ambiguity(spot, value), least=least, most=most, title_zh=title_zh,
        title_en=title_en, where=spot.where, document=number,
    )  # fmt: skip
    if not re.fullmatch(r"[a-z_]+\.[a-z0-9_]+", found.key):
        raise spot.error(f"key {found.key!r} is not of the form room.field", "name the room and the field of its policy class")
    if not rules.within_bounds(value, found):
        raise spot.error(f"{value} lies outside least and most", "mend the value or the bounds")
    return found


def _selector(spot: _Spot, key: str) -> tuple[tuple[str, object], ...]:
    raw = spot.raw.get(key, {})
    if not isinstance(raw, dict):
        raise spot.error(f"{key} must be a selector", f'write {key} = {{ kind = "care", ownership = "any" }}')
    _Spot(raw, spot.where, f"{spot.name} {key}").only((), _ACTOR)
    if any(not isinstance(v, str) and not (isinstance(v, list) and all(isinstance(x, str) for x in v)) for v in raw.values()):
        raise spot.error(f"{key}: a selector's values are texts or lists of texts", "write them in quotes")
    return tuple((k, tuple(v) if isinstance(v, list) else v) for k, v in raw.items())


def _cite(spot: _Spot) -> Cite:
    spot.only({"name"}, {"number", "period"})
    return Cite(spot.text("name"), spot.text("number"), spot.text("period"))


def _target(spot: _Spot) -> Target:
    spot.only(_TARGET, {"value", "deadline", "scope"})
    comparator, value = spot.one_of("comparator", rules.COMPARATORS), spot.raw.get("value")
    if (value is None) != (comparator == "up"):
        raise spot.error("a target has a value, unless it only says `up`", "add the value, or take it out")
    if comparator == "in" and not (isinstance(value, list) and len(value) == 2):
        raise spot.error("a range has two ends", "write value = [3, 4]")
    if comparator in ("<", "<=", ">", ">=", "~") and (isinstance(value, bool) or not isinstance(value, int | Decimal)):
        raise spot.error(f"{value!r} cannot be more or less than anything", "write a number")
    metric_zh, metric_en = spot.both("metric")
    if not metric_zh or not metric_en:
        raise spot.error("metric is empty", "name in both languages what is counted")
    return Target(
        metric_zh, metric_en, value, spot.one_of("unit", rules.TARGET_UNITS), comparator,
        spot.one_of("nature", rules.TARGET_NATURES), spot.day("deadline"), *spot.both("scope"),
    )  # fmt: skip


def _evidence(spot: _Spot) -> Evidence | None:
    raw = spot.raw.get("evidence")
    if raw is None:
        return None
    if not isinstance(raw, dict) or len(kinds := [k for k in rules.EVIDENCE if k in raw]) != 1:
        raise spot.error("evidence must say one thing", f"write [clause.evidence] with one of {', '.join(rules.EVIDENCE)}")
    (by,), inner = kinds, _Spot(raw, spot.where, f"{spot.name} evidence")
    if by == "attested":
        inner.only({"attested", "signer"}, {"valid"})
        texts, valid = inner.both("attested"), inner.one_of("valid", rules.PERIODS) if "valid" in raw else ""
        if not all(texts):
            raise inner.error("attested is empty", "name in both languages the document that is signed")
        return Evidence(by, "", (), *texts, _selector(inner, "signer"), valid)
    inner.only({by})
    if by == "external":
        return Evidence(by, "", inner.some_of("external", rules.SOURCES))
    return Evidence(by, inner.one_of("room", rules.ROOMS) if by == "room" else inner.text("provider"))


def _doubt(spot: _Spot) -> Doubt:
    spot.only({"ref", "question", "default", "decided_by"})
    texts = (*spot.both("question"), *spot.both("default"))
    if not all(texts):
        raise spot.error("question or default is empty", "write both, in both languages")
    return Doubt(spot.text("ref"), *texts, spot.one_of("decided_by", rules.DECIDERS))


def _document(spot: _Spot) -> Document:
    spot.only({"id", "number", "title", "authority", "region", "effective", "effective_basis"}, {"clauses"})
    region, start = spot.text("region"), spot.day("effective")
    if not _REGION.fullmatch(region):
        remedy = "use 35, or the six digits of a city (350400) or county (350405)"
        raise spot.error(f"region {region!r} is no region of the province", remedy)
    if start is None:  # pragma: no cover - `only` has seen it
        raise spot.error("effective is missing", "add it")
    identity = spot.text("id")
    authority = spot.one_of("authority", rules.AUTHORITIES)
    return Document(identity, spot.text("number"), *spot.both("title"), authority, region, start, spot.text("effective_basis"))


def _clause(spot: _Spot, document: Document) -> Clause:
    more = {"parameter", "modelled_on", "actor", "cites", "target", "capability", "also", "units", "period", "doubt", "evidence"}
    spot.only(_CLAUSE, more)
    identity = spot.text("id")
    if not identity.startswith(f"{document.id}-"):
        raise spot.error(f"the id does not begin with {document.id}-", "use the id of the register")
    zh, en = spot.both("title")
    if not zh or not en:
        raise spot.error("title is empty", "write it in both languages, in your own words")
    kind = spot.one_of("kind", rules.CLAUSE_KINDS)
    return Clause(
        identity, spot.text("section"), kind, zh, en, document.id, document.region, document.start, spot.text("modelled_on"),
        _selector(spot, "actor"), capability=spot.one_of("capability", rules.CAPABILITIES) if "capability" in spot.raw else "",
        also=spot.some_of("also", rules.CAPABILITIES), units=spot.some_of("units"),
        period=spot.one_of("period", rules.PERIODS) if "period" in spot.raw else "", evidence=_evidence(spot),
    )  # fmt: skip


def _entries(reading: Reading, spot: _Spot, lines: Lines, clause: int, table: str, read: Callable[[_Spot], Any]) -> list[Any]:
    found: list[Any] = []
    for number, raw in enumerate(spot.tables(table)):
        with reading.keeping():
            where = f"{reading.file}:{lines.entry(clause, table, number)}"
            found.append(read(_Spot(raw, where, f"{spot.name} {table}")))
    return found


def _parameters(reading: Reading, spot: _Spot, lines: Lines, number: int, clause: Clause, document: Document) -> None:
    seen: list[object] = []
    for place, raw in enumerate(spot.tables("parameter")):
        key = raw.get("key")
        line = lines.entry(number, "parameter", place) if key is None else lines.parameter(number, key, seen.count(key))
        seen.append(key)
        with reading.keeping():
            entry = _Spot(raw, f"{reading.file}:{line}", f"{clause.id} {'' if key is None else key}".strip())
            reading.parameters.append(_parameter(entry, clause, document.authority, document.number))


def _read_clause(reading: Reading, raw: object, number: int, lines: Lines, document: Document) -> None:
    where = f"{reading.file}:{lines.clause(number)}"
    with reading.keeping():
        if not isinstance(raw, dict):
            raise PackError(where, "clause must be a list of tables", "write [[clause]] above each")
        spot = _Spot(raw, where, str(raw.get("id", "[[clause]]")))
        clause = _clause(spot, document)
        cites = tuple(_entries(reading, spot, lines, number, "cites", _cite))
        targets = tuple(_entries(reading, spot, lines, number, "target", _target))
        doubts = tuple(_entries(reading, spot, lines, number, "doubt", _doubt))
        _parameters(reading, spot, lines, number, clause, document)
        reading.clauses.append((replace(clause, cites=cites, targets=targets, doubts=doubts), where))


def _toml(text: str, file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        line = int(found.group(1)) if found else max(text.count("\n"), 1)
        raise PackError(f"{file}:{line}", str(error), "mend the TOML at that line") from None


def read_pack(file: Path) -> Reading:
    """One file, as far as it can be read; `errors` says what is wrong with it."""
    reading = Reading(file)
    with reading.keeping():
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            line = file.read_bytes()[: error.start].count(b"\n") + 1
            raise PackError(f"{file}:{line}", "not UTF-8", "save the file as UTF-8") from None
        raw, lines = _toml(text, file), Lines(text)
        _Spot(raw, f"{file}:1", "").only({"document"}, {"clause"})
        head = _Spot(raw["document"], f"{file}:{lines.document()}", "[document]")
        if not isinstance(raw["document"], dict) or not isinstance(raw.get("clause", []), list):
            raise PackError(f"{file}:{lines.document()}", "no [document] table with [[clause]] tables", "write those headers")
        document = reading.document = _document(head)
        for number, entry in enumerate(raw.get("clause", [])):
            _read_clause(reading, entry, number, lines, document)
        held, said = len(raw.get("clause", [])), head.whole("clauses")
        if said is not None and said != held:
            raise head.error(f"the document has {said} clauses, the file {held}", "add those that are missing, or mend the number")
    return reading


def _twice(readings: list[Reading]) -> list[PackError]:
    """Documents and clauses that stand in two places."""
    errors: list[PackError] = []
    documents: dict[str, str] = {}
    clauses: dict[str, str] = {}
    for reading in readings:
        if reading.document is not None:
            first = documents.setdefault(reading.document.id, str(reading.file))
            if first != str(reading.file):
                errors.append(
                    PackError(f"{reading.file}:1", f"document {reading.document.id} stands also in {first}", "merge them")
                )
        for clause, where in reading.clauses:
            if clause.id in clauses:
                errors.append(PackError(where, f"clause {clause.id} stands in two places, also {clauses[clause.id]}", "rename one"))
            clauses.setdefault(clause.id, where)
    return errors


def _files(folder: Path, beside: Path | None) -> list[tuple[str, Path]]:
    own = [(file.relative_to(folder).as_posix(), file) for file in folder.glob("*/pack.toml")]
    more = [] if beside is None else [(file.relative_to(beside).as_posix(), file) for file in beside.glob("*/pack.toml")]
    return sorted({**dict(more), **dict(own)}.items()) if own else []


def check(folder: Path = PACKS, beside: Path | None = None) -> tuple[Packs, list[PackError]]:
    """All packs below `folder`, as far as they can be read, and everything that is wrong with them.

    `beside`: another folder, whose packs are read too unless `folder` has one of the same name.
    """
    files = _files(folder, beside)
    if not files:
        missing = PackError(f"{folder}:0", "no */pack.toml", "name a folder that holds packs")
        return Packs((), {}, {}, ""), [missing]
    hasher = hashlib.sha256()
    for name, file in files:
        hasher.update(name.encode() + b"\0" + file.read_bytes() + b"\0")
    readings = [read_pack(file) for _, file in files]
    parameters = tuple(p for r in readings for p in r.parameters)
    errors = [e for r in readings for e in r.errors] + _twice(readings) + rules.errors_among(parameters)
    clauses = {c.id: c for r in readings for c, _ in r.clauses}
    documents = {r.document.id: r.document for r in readings if r.document is not None}
    return Packs(parameters, clauses, documents, hasher.hexdigest()), errors


def load(folder: Path = PACKS) -> Packs:
    """All packs below `folder`. Raises the first PackError; `check` gives all of them."""
    packs, errors = check(folder)
    if errors:
        raise errors[0]
    return packs


@cache
def shipped() -> Packs:
    """The packs of this release, read once a process."""
    return load()
