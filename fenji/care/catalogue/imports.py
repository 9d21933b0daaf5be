"""The lists this room takes in from files: code tables of diagnoses and procedures, drafts of the lists an institution keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from fenji.care.catalogue import actions, queries, rules, texts
from fenji.care.catalogue.models import ENTRIES, Diagnosis
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.imports import Column, Fault, Judgement, Row, register_faults, register_listing
from fenji.ground.common.refusal import NotPermitted

_USING = "load"
_LONG = 20_000
NEW, CHANGED, SAME = "new", "changed", "same"

Values = dict[str, Any]
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class _Table:
    """A kind of code table: what its list and its editions are called, the fault of a code that is none, and a sample row."""

    title: Any
    edition: str
    fault: str
    code: str
    name: str


_TABLES = {
    "diagnosis": _Table(_("Code table: diagnoses"), "ICD-10", "code_form", "I10.x00", "原发性高血压"),
    "procedure": _Table(_("Code table: procedures"), "ICD-9-CM-3", "procedure_form", "36.0700x004", "药物洗脱冠状动脉支架置入术"),
}


class CodeTableListing:
    """A code table as hospitals hold it: code and name. A file is a whole edition: what it leaves out is in it no more."""

    permission = "catalogue.approve"
    key = ("code",)

    def __init__(self, kind: str) -> None:
        self.kind, self.of = kind, _TABLES[kind]
        self.code, self.title = f"{kind}_codes", self.of.title
        self.columns = (
            Column("code", _("Code"), "code", required=True, sample=self.of.code, longest=40),
            Column("name", _("Name"), required=True, sample=self.of.name),
        )

    def judge(self, rows: Sequence[Row], *, by: Actor, at: datetime) -> Judgement:
        """A file that says what the edition in force says changes nothing; any other begins a new edition, with all its rows."""
        table = queries.code_table(self.kind, local_day(at), _USING)
        present = queries.table_codes(table, _USING) if table else {}
        codes = {row.line: rules.clean_code(row.values["code"]) for row in rows}
        faults = tuple(Fault(line, "code", self.of.fault) for line, code in codes.items() if not rules.is_code(code, self.kind))
        faulty = {f.line for f in faults}
        good = [row for row in rows if row.line not in faulty]
        same = present == {codes[row.line]: row.values["name"] for row in good}
        outcomes = {row.line: SAME if same else CHANGED if codes[row.line] in present else NEW for row in good}
        return Judgement(outcomes, faults)

    def write(self, rows: Sequence[Row], *, by: Actor, at: datetime, progress: Progress) -> list[dict[str, str]]:
        """A new edition, in force from today."""
        codes = {rules.clean_code(row.values["code"]): row.values["name"] for row in rows}
        label = f"{self.of.edition} {local_day(at):%Y-%m-%d}"
        actions.load_code_table(codes, kind=self.kind, label=label, source=by.org_name, by=by, at=at, using=_USING)
        progress(len(rows))
        return []


@dataclass(frozen=True, slots=True)
class Known:
    """What judging the rows of a draft needs to have read: the dictionary's rows, and the codes that the table in force has."""

    diagnoses: Mapping[str, Diagnosis]
    in_table: frozenset[str] | None

    def fault(self, row: Row) -> Fault | None:
        """What is wrong with the diagnosis code of a row."""
        code = rules.clean_code(row.values["code"])
        found = rules.code_fault(code, None if self.in_table is None else code in self.in_table)
        return Fault(row.line, "code", found, {"value": code}) if found else None

    def disease(self, row: Row) -> Values:
        """The group, code and names of a row's diagnosis; the file's name where the dictionary has none."""
        code = rules.clean_code(row.values["code"])
        there = self.diagnoses.get(code)
        if there is None:
            named = {"name_zh": row.values["name"]} if row.values.get("name") else {}
            return {"group": rules.disease_group(code, ""), "code": code, **named}
        return {"group": queries.group_of(there), "code": code, "name_zh": there.name_zh, "name_en": there.name_en}


def _texts(row: Row, *names: str) -> Values:
    """The texts a row gives; columns that the file does not have are left out, so that what stands stays."""
    return {name: row.values[name] or "" for name in names if name in row.values}


class DraftListing:
    """Abstract: rows go into the draft of a list of the sender's institution; a draft is begun when none is open. What a file does
    not name stays on the list."""

    kind = ""
    permission = "catalogue.write"
    columns: Sequence[Column] = ()
    key: Sequence[str] = ("code",)

    @property
    def code(self) -> str:
        """The kind of list is its code."""
        return self.kind

    @property
    def title(self) -> Any:
        """What the list is called."""
        return texts.KINDS[self.kind]

    def values(self, row: Row, known: Known) -> Values:
        """What a row says of an entry, its key at least."""
        raise NotImplementedError

    def faults(self, row: Row, known: Known) -> list[Fault]:
        """What is wrong with a row beside the forms of its cells."""
        fault = known.fault(row)
        return [fault] if fault else []

    def _known(self, rows: Sequence[Row], at: datetime) -> Known:
        codes = [rules.clean_code(row.values["code"]) for row in rows]
        return Known(queries.known(codes, _USING), queries.codes_known(codes, local_day(at), _USING))

    def judge(self, rows: Sequence[Row], *, by: Actor, at: datetime) -> Judgement:
        """Each row against the entry of the same key in the open draft, or, before one is begun, in the version it will copy."""
        if not by.may(self.permission) or not rules.may_keep(self.kind, queries.owner_of(by.org_id, local_day(at))):
            raise NotPermitted
        open_one = queries.open_version(self.kind, by.org_id, _USING)
        if open_one is not None and open_one.state != rules.DRAFT:
            raise rules.ListState
        base = open_one or queries.latest_published(self.kind, by.org_id, _USING)
        there = queries.contents(queries.entries(base, _USING)) if base else {}
        known = self._known(rows, at)
        outcomes: dict[int, str] = {}
        faults: list[Fault] = []
        lines: dict[rules.Key, int] = {}
        for row in rows:
            found = self.faults(row, known)
            if not found:
                given = self.values(row, known)
                key = tuple(given[name] for name in ENTRIES[self.kind].key)
                first = lines.setdefault(key, row.line)
                found = [Fault(row.line, "code", "same_disease", {"line": str(first)})] if first != row.line else []
                outcomes[row.line] = NEW if key not in there else SAME if there[key] == {**there[key], **given} else CHANGED
            faults += found
        faulty = {f.line for f in faults}
        return Judgement({line: o for line, o in outcomes.items() if line not in faulty}, tuple(faults))

    def write(self, rows: Sequence[Row], *, by: Actor, at: datetime, progress: Progress) -> list[dict[str, str]]:
        """Put the rows into the draft."""
        known = self._known(rows, at)
        actions.put_many(self.kind, [self.values(row, known) for row in rows], by=by, at=at, progress=progress, using=_USING)
        return []


_DISEASE = (
    Column("code", _("Diagnosis code"), "code", required=True, sample="I10.x00", longest=40),
    Column("name", _("Disease"), sample="原发性高血压", note=_("Used only where the dictionary does not know the code.")),
)
_CODE = Column("code", _("Code"), "code", required=True, sample="D-0001", longest=40)


def _long(key: str, head: Any, sample: str = "") -> Column:
    return Column(key, head, sample=sample, longest=_LONG)


class FirstContactListing(DraftListing):
    """The first-contact catalogue: per disease, which levels can treat it. They must be nested (SM-3-2a)."""

    kind = rules.FIRST_CONTACT
    columns = (
        *_DISEASE,
        Column("county", _("County level"), "yes_no", required=True, sample="是"),
        Column("township", _("Township level"), "yes_no", required=True, sample="是"),
        Column("village", _("Village level"), "yes_no", required=True, sample="否"),
    )

    def _level(self, row: Row) -> str:
        return rules.lowest_level(**{level: bool(row.values[level]) for level in rules.LEVELS})

    def faults(self, row: Row, known: Known) -> list[Fault]:
        nested = bool(self._level(row))
        named = any(row.values[level] for level in rules.LEVELS)
        wrong = [] if nested else [Fault(row.line, "village" if named else "county", "levels_nested" if named else "level_missing")]
        return [*super().faults(row, known), *wrong]

    def values(self, row: Row, known: Known) -> Values:
        return {**known.disease(row), "level": self._level(row)}


class TreatableListing(DraftListing):
    """The diseases an institution can treat."""

    kind = rules.TREATABLE
    columns = _DISEASE

    def values(self, row: Row, known: Known) -> Values:
        return {**known.disease(row), "level": ""}


class DownListing(DraftListing):
    """The diseases recommended for down-referral, with criteria and guide."""

    kind = rules.DOWN
    columns = (
        *_DISEASE,
        Column("phase", _("Phase"), "choice", required=True, choices=tuple(texts.PHASES.items()), sample="acute_recovery"),
        _long("criteria_zh", _("Criteria (Chinese)"), "病情平稳，口服药物方案已确定"),
        _long("guide_zh", _("Operating guide (Chinese)"), "交接用药方案和随访计划"),
        _long("criteria_en", _("Criteria (English)")),
        _long("guide_en", _("Operating guide (English)")),
    )
    key = ("code", "phase")

    def values(self, row: Row, known: Known) -> Values:
        words = _texts(row, "criteria_zh", "criteria_en", "guide_zh", "guide_en")
        return {**known.disease(row), "phase": row.values["phase"], **words}


class _CodedListing(DraftListing):
    """Abstract: entries with codes of their own."""

    def faults(self, row: Row, known: Known) -> list[Fault]:
        return [] if rules.is_item_code(row.values["code"]) else [Fault(row.line, "code", "item_code_form")]

    def _known(self, rows: Sequence[Row], at: datetime) -> Known:
        return Known({}, None)


class DevolvedListing(_CodedListing):
    """The service items devolved to primary institutions."""

    kind = rules.DEVOLVED
    columns = (
        _CODE,
        Column("name_zh", _("Name (Chinese)"), required=True, sample="肝胆胰脾彩色多普勒超声检查"),
        Column("name_en", _("Name (English)")),
        Column("kind", _("Kind"), "choice", choices=tuple(texts.ITEM_KINDS.items()), sample="examination"),
        Column("specialty", _("Specialty code"), sample="imaging"),
        Column("groups", _("Diseases it is for: codes or groups"), sample="K76 K80.200", longest=500),
    )

    def values(self, row: Row, known: Known) -> Values:
        groups = {"groups": queries.groups_named(row.values["groups"] or "", _USING)} if "groups" in row.values else {}
        return {**_texts(row, "code", "name_zh", "name_en", "kind", "specialty"), **groups}


class TechniqueListing(_CodedListing):
    """Techniques of Chinese medicine: those an institution offers, or those promoted to all."""

    columns = (
        Column("code", _("Code"), "code", required=True, sample="T01-01", longest=40),
        Column("category_zh", _("Category (Chinese)"), required=True, sample="毫针类"),
        Column("name_zh", _("Name (Chinese)"), required=True, sample="普通毫针刺法"),
        Column("category_en", _("Category (English)")),
        Column("name_en", _("Name (English)")),
    )

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def values(self, row: Row, known: Known) -> Values:
        return _texts(row, "code", "category_zh", "category_en", "name_zh", "name_en")


_FAULTS = {
    "code_form": _("This is no diagnosis code of the form of the national tables, as I10.x00."),
    "procedure_form": _("This is no procedure code of the form of the national tables, as 36.0700 or 36.0700x004."),
    "code_not_in_table": _("The code table in force does not have the code %(value)s."),
    "item_code_form": _("A code has letters, digits, points and dashes only, 40 at most."),
    "levels_nested": _("What a village treats, the township must be able to treat, and the county what a township treats."),
    "level_missing": _("Say yes for one level at least."),
    "same_disease": _("This counts as the same disease as line %(line)s: keep one of the two."),
}


def register() -> None:
    """Called once at start-up."""
    register_faults(_FAULTS)
    techniques = (TechniqueListing(rules.TECHNIQUE), TechniqueListing(rules.PROMOTED))
    tables = (CodeTableListing(kind) for kind in rules.CODE_KINDS)
    for listing in (*tables, FirstContactListing(), TreatableListing(), DownListing(), DevolvedListing(), *techniques):
        register_listing(listing)
