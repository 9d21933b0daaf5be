"""What all records that other systems feed have in common: whom they are about, who is responsible, and when."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import connections
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fenji.care.catalogue.models import Diagnosis
from fenji.care.catalogue.queries import known
from fenji.care.catalogue.rules import clean_code
from fenji.care.registry.models import Identity
from fenji.care.registry.rules import KINDS, BadDocument, BadField, Document, NewResident, parse_document, with_document
from fenji.care.registry.texts import DOCUMENTS
from fenji.ground.access.rules import DOCTOR, Actor
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.imports import Column, Fault, Judgement, Row
from fenji.ground.common.text import has_hidden_characters
from fenji.ground.network.models import Department, Post

_SEXES = (("1", _("male")), ("2", _("female")), ("0", _("sex unknown")), ("9", _("sex not stated")))
PERSON = (
    Column("document_kind", _("Kind of document"), "choice", choices=tuple((k, DOCUMENTS[k]) for k in KINDS), sample="identity"),
    Column("document", _("Number of the identity document"), "code", longest=40, sample="110105194912310029"),
    Column("name", _("Name"), longest=60, sample="陈示例"),
    Column("sex", _("Sex"), "choice", choices=_SEXES, note=_("Needed where the number does not tell.")),
    Column("birth_date", _("Born"), "date", note=_("Needed where the number does not tell.")),
    Column("phone", _("Phone"), "code", longest=30, sample="13800000000"),
    Column("address", _("Address"), longest=200),
)
"""Columns that say whom a record is about."""
FAULTS = {
    "visit_needed": _("A record that is new here needs this."),
    "visit_time": _("Give day and time of Fujian as 2026-11-22 15:04, or with an offset as ISO 8601 writes it."),
    "visit_future": _("This time lies in the future. Compare the clock of the sending system."),
    "visit_doctor": _("No doctor of this institution has the user name %(given)s."),
    "visit_department": _("This institution has no department called %(given)s."),
    "visit_diagnosis": _("The dictionary does not have the diagnosis %(given)s. Give a code that it has."),
    "visit_document": _("This number cannot be right for a document of this kind. Compare it with the document."),
    "visit_name": _("Somebody else is on file with this document. Compare name and document."),
    "visit_field": _("This cannot be taken: it is missing, or has characters that do not belong here."),
}


def _instant(text: str) -> datetime:
    """Raises ValueError."""
    found = datetime.fromisoformat(text.strip().replace("/", "-"))
    return (found if found.tzinfo else found.replace(tzinfo=SHANGHAI)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Known:
    """What the rows refer to, read at once."""

    doctors: Mapping[str, tuple[UUID, str]]
    departments: Mapping[str, int]
    diagnoses: Mapping[str, Diagnosis]
    residents: Mapping[str, tuple[UUID, str]]


class Wrong(Exception):
    """A cell that cannot be taken."""

    def __init__(self, column: str, code: str, given: str = "") -> None:
        super().__init__(column, code)
        self.column, self.code, self.given = column, code, given


F = TypeVar("F")
Read = Iterable[tuple[Row, tuple[F, list[tuple[str, str]]] | Wrong]]
"""Each row with what it says and the (column, code) of what is worth knowing of it, or with the cell that cannot be taken."""


def judge_all(read: Read[F], outcome: Callable[[F, Collection[str]], str]) -> Judgement:
    """The judgement on rows as they were read. `outcome`: of a record and the codes of its notes."""
    outcomes: dict[int, str] = {}
    faults: list[Fault] = []
    notes: list[Fault] = []
    for row, found in read:
        if isinstance(found, Wrong):
            faults.append(Fault(row.line, found.column, found.code, {"given": found.given}))
            continue
        fed, doubts = found
        outcomes[row.line] = outcome(fed, {code for _column, code in doubts})
        notes += [Fault(row.line, column, code) for column, code in doubts]
    return Judgement(outcomes, tuple(faults), tuple(notes))


def write_all(
    rows: Sequence[Row], org_id: int, read: Callable[[Row], Read[F]], write: Callable[[F], object], progress: Callable[[int], None]
) -> None:
    """Write rows that were judged. Each is read again when it is its turn: a file may name one new resident in many rows, and one
    row may discharge whom the next admits under another number."""
    alone(org_id)
    for count, row in enumerate(rows, 1):
        for _row, found in read(row):
            if not isinstance(found, Wrong):
                write(found[0])
        progress(count)


def document_of(row: Row, at: datetime) -> Document | None:
    """The document a row names; None where there is none, or none that can be right."""
    v = row.values
    try:
        return parse_document(v["document_kind"] or "identity", v["document"], local_day(at)) if v["document"] else None
    except BadDocument:
        return None


def look_up(rows: Sequence[Row], documents: Sequence[Document], by: Actor, at: datetime) -> Known:
    """Doctors, departments, diagnoses and residents that the rows name."""
    held = Post.objects.using("load").filter(Q(end=None) | Q(end__gt=at), org_id=by.org_id, role=DOCTOR, start__lte=at)
    doctors = held.values_list("account__username", "account_id", "account__name")
    departments = Department.objects.using("load").filter(org_id=by.org_id, end=None).values_list("name_zh", "id")
    indexes = {i: d.index_text for d in documents for i in settings.INDEX_KEYS.indexes(d.index_text, "identity.number")}
    identities = Identity.objects.using("load").filter(number_index__in=list(indexes)).select_related("resident")
    return Known(
        {username: (account, name) for username, account, name in doctors},
        dict(departments),
        known({clean_code(r.values["diagnosis"]) for r in rows if r.values["diagnosis"]}, "load"),
        {indexes[bytes(i.number_index)]: (i.resident_id, i.resident.name) for i in identities},
    )


def time_of(row: Row, column: str, at: datetime) -> datetime | None:
    """An instant that a row states. Raises Wrong."""
    text = row.values[column]
    if not text:
        return None
    try:
        found = _instant(text)
    except (ValueError, OverflowError):
        raise Wrong(column, "visit_time") from None
    if found > at and column != "source_at":
        raise Wrong(column, "visit_future")
    return found


def doctor_of(row: Row, there: Known) -> tuple[UUID, str] | None:
    """Account and name of the doctor a row names. Raises Wrong."""
    given = row.values["doctor"]
    if not given:
        return None
    found = there.doctors.get(given.lower())
    if found is None:
        raise Wrong("doctor", "visit_doctor", given)
    return found


def department_of(row: Row, there: Known) -> int | None:
    """The department a row names. Raises Wrong."""
    given = row.values["department"]
    found = there.departments.get(given) if given else None
    if given and found is None:
        raise Wrong("department", "visit_department", given)
    return found


def diagnosis_of(row: Row, there: Known) -> Diagnosis:
    """The diagnosis a row names. Raises Wrong."""
    found = there.diagnoses.get(clean_code(row.values["diagnosis"]))
    if found is None:
        raise Wrong("diagnosis", "visit_diagnosis", row.values["diagnosis"])
    return found


def who_of(row: Row, document: Document | None, there: Known, at: datetime) -> UUID | NewResident:
    """Whom a row is about: the id of somebody on file, or somebody new. Raises Wrong."""
    v = row.values
    if document is None:
        raise Wrong("document", "visit_document")
    words = {name: v[name] or "" for name in ("phone", "address", "sex")}
    try:
        new = with_document(
            v["name"], document.kind, v["document"], words["sex"], v["birth_date"], words["phone"], words["address"], local_day(at)
        )
    except BadField as problem:
        raise Wrong(problem.field, "visit_field") from None
    if has_hidden_characters(new.name):
        raise Wrong("name", "visit_field")
    found = there.residents.get(document.index_text)
    if found is None:
        return new
    if found[1] != new.name:
        raise Wrong("name", "visit_name")
    return found[0]


def alone(org_id: int) -> None:
    """Wait until nobody else feeds records of an institution, until the end of the transaction over `load`."""
    with connections["load"].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"visits of {org_id}"])
