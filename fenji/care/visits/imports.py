"""Visits as another system keeps them: a list as a file, or one record at a time over the API. Judged and written alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
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
from fenji.care.visits import rules, texts
from fenji.care.visits.actions import Fed, NewVisit, feed
from fenji.care.visits.actions.feed import effective
from fenji.care.visits.actions.infections import parts_missing
from fenji.care.visits.actions.visits import facts_of
from fenji.care.visits.models import Visit
from fenji.ground.access.rules import DOCTOR, Actor
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.imports import Column, Fault, Judgement, Row, register_faults, register_listing
from fenji.ground.common.text import has_control_characters, has_hidden_characters
from fenji.ground.network.models import Department, Post

_SEXES = (("1", _("male")), ("2", _("female")), ("0", _("sex unknown")), ("9", _("sex not stated")))
_NEEDED = ("opened_at", "doctor", "document", "name", "diagnosis")

FAULTS = {
    "visit_needed": _("A record that is new here needs this."),
    "visit_time": _("Give day and time of Fujian as 2026-11-22 15:04, or with an offset as ISO 8601 writes it."),
    "visit_future": _("This time lies in the future. Compare the clock of the sending system."),
    "visit_order": _("The visit would end before it began."),
    "visit_doctor": _("No doctor of this institution has the user name %(given)s."),
    "visit_department": _("This institution has no department called %(given)s."),
    "visit_diagnosis": _("The dictionary does not have the diagnosis %(given)s. Give a code that it has."),
    "visit_document": _("This number cannot be right for a document of this kind. Compare it with the document."),
    "visit_name": _("Somebody else is on file with this document. Compare name and document."),
    "visit_field": _("This cannot be taken: it is missing, or has characters that do not belong here."),
    "visit_ending": _("A disposition that ends the visit needs the time at which it was closed."),
    "visit_doctor_kept": _("Another doctor is named than the one responsible here: that changes only by an accepted hand-over."),
    "visit_parts": _("A notifiable disease: the visit stays open here until measures, report and register entry are there."),
    "visit_silent": _("Closed without a disposition: the head of the institution is asked for a reason."),
    "visit_older": _("An older version of the record than the one that stands: left out."),
}


def _instant(text: str) -> datetime:
    """Raises ValueError."""
    found = datetime.fromisoformat(text.strip().replace("/", "-"))
    return (found if found.tzinfo else found.replace(tzinfo=SHANGHAI)).astimezone(UTC)


@dataclass
class _Known:
    """What the rows refer to, read at once."""

    visits: Mapping[str, Visit]
    doctors: Mapping[str, tuple[UUID, str]]
    departments: Mapping[str, int]
    diagnoses: Mapping[str, Diagnosis]
    residents: Mapping[str, tuple[UUID, str]]


class _Wrong(Exception):
    """A cell that cannot be taken."""

    def __init__(self, column: str, code: str, given: str = "") -> None:
        super().__init__(column, code)
        self.column, self.code, self.given = column, code, given


class Visits:
    """Visits of the sender's institution, told apart by the number that the sending system gives them."""

    code = "visits"
    title = _("Visits")
    permission = "visit.feed"
    key = ("source_id",)
    columns = (
        Column("source_id", _("Record number"), "code", required=True, longest=100, sample="MZ20260930-0001"),
        Column("source_at", _("Version of"), longest=40, sample="2026-09-30 09:40", note=_("When the record was last changed.")),
        Column("opened_at", _("Seen"), longest=40, sample="2026-09-30 09:12"),
        Column("doctor", _("Doctor's user name"), "code", longest=60, sample="chenyisheng"),
        Column("department", _("Department"), longest=100, sample="全科"),
        Column(
            "document_kind", _("Kind of document"), "choice", choices=tuple((k, DOCUMENTS[k]) for k in KINDS), sample="identity"
        ),
        Column("document", _("Number of the identity document"), "code", longest=40, sample="110105194912310029"),
        Column("name", _("Name"), longest=60, sample="陈示例"),
        Column("sex", _("Sex"), "choice", choices=_SEXES, note=_("Needed where the number does not tell.")),
        Column("birth_date", _("Born"), "date", note=_("Needed where the number does not tell.")),
        Column("phone", _("Phone"), "code", longest=30, sample="13800000000"),
        Column("address", _("Address"), longest=200),
        Column("diagnosis", _("Diagnosis code"), "code", longest=40, sample="I10.x00"),
        Column("suspected", _("Suspected"), "yes_no"),
        Column("complaint", _("Complaint and findings"), longest=4000, sample="头痛两天"),
        Column("emergency", _("Emergency"), "yes_no"),
        Column("disposition", _("Outcome"), "choice", choices=tuple((d, texts.DISPOSITIONS[d]) for d in rules.DISPOSITIONS)),
        Column("closed_at", _("Closed"), longest=40),
    )

    def judge(self, rows: Sequence[Row], *, by: Actor, at: datetime) -> Judgement:
        """See Listing."""
        outcomes: dict[int, str] = {}
        faults: list[Fault] = []
        notes: list[Fault] = []
        for row, found in self._read(rows, by, at):
            if isinstance(found, _Wrong):
                faults.append(Fault(row.line, found.column, found.code, {"given": found.given}))
                continue
            fed, doubts = found
            outcomes[row.line] = _outcome(fed, "visit_older" in {code for _column, code in doubts})
            notes += [Fault(row.line, column, code) for column, code in doubts]
        return Judgement(outcomes, tuple(faults), tuple(notes))

    def write(self, rows: Sequence[Row], *, by: Actor, at: datetime, progress: Callable[[int], None]) -> list[dict[str, str]]:
        """See Listing."""
        alone(by.org_id)
        for count, row in enumerate(rows, 1):
            # read again one by one: a file may name one new resident in many rows, and only the first makes the record
            for _row, found in self._read([row], by, at):
                if not isinstance(found, _Wrong):
                    feed(found[0], by=by, at=at)
            progress(count)
        return []

    def _read(
        self, rows: Sequence[Row], by: Actor, at: datetime
    ) -> Iterable[tuple[Row, tuple[Fed, list[tuple[str, str]]] | _Wrong]]:
        documents = {row.line: _document(row, at) for row in rows}
        there = _look_up(rows, [d for d in documents.values() if isinstance(d, Document)], by, at)
        for row in rows:
            try:
                yield row, _fed(row, documents[row.line], there, at)
            except _Wrong as wrong:
                yield row, wrong


def _document(row: Row, at: datetime) -> Document | None:
    v = row.values
    try:
        return parse_document(v["document_kind"] or "identity", v["document"], local_day(at)) if v["document"] else None
    except BadDocument:
        return None


def _look_up(rows: Sequence[Row], documents: Sequence[Document], by: Actor, at: datetime) -> _Known:
    held = Post.objects.using("load").filter(Q(end=None) | Q(end__gt=at), org_id=by.org_id, role=DOCTOR, start__lte=at)
    doctors = held.values_list("account__username", "account_id", "account__name")
    departments = Department.objects.using("load").filter(org_id=by.org_id, end=None).values_list("name_zh", "id")
    indexes = {i: d.index_text for d in documents for i in settings.INDEX_KEYS.indexes(d.index_text, "identity.number")}
    known_identities = Identity.objects.using("load").filter(number_index__in=list(indexes)).select_related("resident")
    ids = [row.values["source_id"] for row in rows]
    visits = Visit.objects.using("load").filter(org_id=by.org_id, source_id__in=ids).select_related("resident")
    return _Known(
        {v.source_id: v for v in visits},
        {username: (account, name) for username, account, name in doctors},
        dict(departments),
        known({clean_code(r.values["diagnosis"]) for r in rows if r.values["diagnosis"]}, "load"),
        {indexes[bytes(i.number_index)]: (i.resident_id, i.resident.name) for i in known_identities},
    )


def _time(row: Row, column: str, at: datetime) -> datetime | None:
    text = row.values[column]
    if not text:
        return None
    try:
        found = _instant(text)
    except (ValueError, OverflowError):
        raise _Wrong(column, "visit_time") from None
    if found > at and column != "source_at":
        raise _Wrong(column, "visit_future")
    return found


def _fed(row: Row, document: Document | None, there: _Known, at: datetime) -> tuple[Fed, list[tuple[str, str]]]:
    """What a row says, as `feed` takes it, and what is worth knowing of it. Raises _Wrong."""
    v = row.values
    visit = there.visits.get(v["source_id"])
    source_at, closed_at = _time(row, "source_at", at), _time(row, "closed_at", at)
    opened_at = _time(row, "opened_at", at) or (visit.opened_at if visit else None)
    for column in _NEEDED if visit is None else ():
        if not v[column]:
            raise _Wrong(column, "visit_needed")
    disposition = v["disposition"] or ""
    if disposition and disposition != rules.OBSERVE and closed_at is None:
        raise _Wrong("closed_at", "visit_ending")
    if closed_at is not None and opened_at is not None and closed_at < opened_at:
        raise _Wrong("closed_at", "visit_order")
    if visit is not None and source_at and visit.source_at and source_at < visit.source_at:
        return Fed(v["source_id"], {}, visit.disposition, visit.closed_at, visit), [("source_at", "visit_older")]
    facts = {**_facts(row, visit, there), "opened_at": opened_at, "source_at": source_at or (visit.source_at if visit else None)}
    who = None if visit else _who(row, document, there, at)
    doctor = _doctor(row, there)
    fed = Fed(v["source_id"], facts, disposition, closed_at, visit, who, doctor)
    return fed, _doubts(fed)


def _doubts(fed: Fed) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if fed.visit is not None and fed.doctor is not None and fed.doctor[0] != fed.visit.doctor_id:
        found.append(("doctor", "visit_doctor_kept"))
    if fed.closed_at is not None and not fed.disposition:
        found.append(("disposition", "visit_silent"))
    if fed.closed_at is not None and fed.facts["grade"] and _owed(fed):
        found.append(("diagnosis", "visit_parts"))
    return found


def _owed(fed: Fed) -> bool:
    """Whether a part of a notifiable disease would be owed once the record is written."""
    if not fed.facts.get("grade"):
        return False
    same = fed.visit is not None and fed.visit.diagnosis_code == fed.facts["diagnosis_code"]
    return parts_missing(fed.visit, "load") if same and fed.visit is not None else True


def _outcome(fed: Fed, older: bool) -> str:
    if fed.visit is None:
        return "new"
    if older or not _changes(fed):
        return "same"
    return "changed"


def _changes(fed: Fed) -> bool:
    visit = fed.visit
    if visit is None or any(getattr(visit, name) != value for name, value in fed.facts.items()):
        return True
    if fed.closed_at is not None and not fed.disposition and visit.alert_at is None:
        return True
    if fed.disposition and visit.alert_at is not None and visit.settled_at is None:
        return True
    return effective(visit, fed, owed=_owed(fed)) != (visit.disposition, visit.closed_at)


def _facts(row: Row, visit: Visit | None, there: _Known) -> dict[str, Any]:
    """The columns of the visit; what the record says nothing about stays as it stands."""
    v = row.values
    complaint = v["complaint"] or ""
    if has_control_characters(complaint):
        raise _Wrong("complaint", "visit_field")
    department = there.departments.get(v["department"]) if v["department"] else None
    if v["department"] and department is None:
        raise _Wrong("department", "visit_department", v["department"])
    said = {k for k in ("complaint", "emergency", "suspected", "department") if k in v}
    if visit is not None and not v["diagnosis"]:
        facts: dict[str, Any] = {"grade": visit.grade, "diagnosis_code": visit.diagnosis_code}
    else:
        diagnosis = there.diagnoses.get(clean_code(v["diagnosis"]))
        if diagnosis is None:
            raise _Wrong("diagnosis", "visit_diagnosis", v["diagnosis"])
        facts = facts_of(NewVisit(diagnosis, "", False))
    facts |= {
        "complaint": complaint if "complaint" in said or visit is None else visit.complaint,
        "emergency": bool(v["emergency"]) if "emergency" in said or visit is None else visit.emergency,
        "suspected": bool(v["suspected"]) if "suspected" in said or visit is None else visit.suspected,
        "department_id": department if "department" in said or visit is None else visit.department_id,
    }
    return facts


def _doctor(row: Row, there: _Known) -> tuple[UUID, str] | None:
    given = row.values["doctor"]
    if not given:
        return None
    found = there.doctors.get(given.lower())
    if found is None:
        raise _Wrong("doctor", "visit_doctor", given)
    return found


def _who(row: Row, document: Document | None, there: _Known, at: datetime) -> UUID | NewResident:
    v = row.values
    if document is None:
        raise _Wrong("document", "visit_document")
    words = {name: v[name] or "" for name in ("phone", "address", "sex")}
    try:
        new = with_document(
            v["name"], document.kind, v["document"], words["sex"], v["birth_date"], words["phone"], words["address"], local_day(at)
        )
    except BadField as problem:
        raise _Wrong(problem.field, "visit_field") from None
    if has_hidden_characters(new.name):
        raise _Wrong("name", "visit_field")
    found = there.residents.get(document.index_text)
    if found is None:
        return new
    if found[1] != new.name:
        raise _Wrong("name", "visit_name")
    return found[0]


VISITS = Visits()


def alone(org_id: int) -> None:
    """Wait until nobody else feeds visits of an institution, until the end of the transaction over `load`."""
    with connections["load"].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"visits of {org_id}"])


def register() -> None:
    """Called once at start-up."""
    register_faults(FAULTS)
    register_listing(VISITS)
