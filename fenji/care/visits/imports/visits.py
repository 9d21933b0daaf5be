"""Visits as another system keeps them: a list as a file, or one record at a time over the API. Judged and written alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from fenji.care.registry.rules import Document
from fenji.care.visits import rules, texts
from fenji.care.visits.actions import Fed, NewVisit, feed
from fenji.care.visits.actions.feed import effective
from fenji.care.visits.actions.infections import parts_missing
from fenji.care.visits.actions.visits import facts_of
from fenji.care.visits.imports.people import (
    PERSON,
    Known,
    Read,
    Wrong,
    department_of,
    diagnosis_of,
    doctor_of,
    document_of,
    judge_all,
    look_up,
    time_of,
    who_of,
    write_all,
)
from fenji.care.visits.models import Visit
from fenji.ground.access.rules import Actor
from fenji.ground.common.imports import Column, Judgement, Row
from fenji.ground.common.text import has_control_characters

_NEEDED = ("opened_at", "doctor", "document", "name", "diagnosis")

FAULTS = {
    "visit_order": _("The visit would end before it began."),
    "visit_ending": _("A disposition that ends the visit needs the time at which it was closed."),
    "visit_doctor_kept": _("Another doctor is named than the one responsible here: that changes only by an accepted hand-over."),
    "visit_parts": _("A notifiable disease: the visit stays open here until measures, report and register entry are there."),
    "visit_silent": _("Closed without a disposition: the head of the institution is asked for a reason."),
    "visit_older": _("An older version of the record than the one that stands: left out."),
}


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
        *PERSON,
        Column("diagnosis", _("Diagnosis code"), "code", longest=40, sample="I10.x00"),
        Column("suspected", _("Suspected"), "yes_no"),
        Column("complaint", _("Complaint and findings"), longest=4000, sample="头痛两天"),
        Column("emergency", _("Emergency"), "yes_no"),
        Column("disposition", _("Outcome"), "choice", choices=tuple((d, texts.DISPOSITIONS[d]) for d in rules.DISPOSITIONS)),
        Column("closed_at", _("Closed"), longest=40),
    )

    def judge(self, rows: Sequence[Row], *, by: Actor, at: datetime) -> Judgement:
        """See Listing."""
        return judge_all(self._read(rows, by, at), lambda fed, codes: _outcome(fed, "visit_older" in codes))

    def write(self, rows: Sequence[Row], *, by: Actor, at: datetime, progress: Callable[[int], None]) -> list[dict[str, str]]:
        """See Listing."""
        write_all(rows, by.org_id, lambda row: self._read([row], by, at), lambda fed: feed(fed, by=by, at=at), progress)
        return []

    def _read(self, rows: Sequence[Row], by: Actor, at: datetime) -> Read[Fed]:
        documents = {row.line: document_of(row, at) for row in rows}
        there = look_up(rows, [d for d in documents.values() if d is not None], by, at)
        ids = [row.values["source_id"] for row in rows]
        found = Visit.objects.using("load").filter(org_id=by.org_id, source_id__in=ids).select_related("resident")
        visits = {v.source_id: v for v in found}
        for row in rows:
            try:
                yield row, _fed(row, documents[row.line], visits.get(row.values["source_id"]), there, at)
            except Wrong as wrong:
                yield row, wrong


def _fed(row: Row, document: Document | None, visit: Visit | None, there: Known, at: datetime) -> tuple[Fed, list[tuple[str, str]]]:
    """What a row says, as `feed` takes it, and what is worth knowing of it. Raises Wrong."""
    v = row.values
    source_at, closed_at = time_of(row, "source_at", at), time_of(row, "closed_at", at)
    opened_at = time_of(row, "opened_at", at) or (visit.opened_at if visit else None)
    for column in _NEEDED if visit is None else ():
        if not v[column]:
            raise Wrong(column, "visit_needed")
    disposition = v["disposition"] or ""
    if disposition and disposition != rules.OBSERVE and closed_at is None:
        raise Wrong("closed_at", "visit_ending")
    if closed_at is not None and opened_at is not None and closed_at < opened_at:
        raise Wrong("closed_at", "visit_order")
    if visit is not None and source_at and visit.source_at and source_at < visit.source_at:
        return Fed(v["source_id"], {}, visit.disposition, visit.closed_at, visit), [("source_at", "visit_older")]
    facts = {**_facts(row, visit, there), "opened_at": opened_at, "source_at": source_at or (visit.source_at if visit else None)}
    who = None if visit else who_of(row, document, there, at)
    doctor = doctor_of(row, there)
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


def _facts(row: Row, visit: Visit | None, there: Known) -> dict[str, Any]:
    """The columns of the visit; what the record says nothing about stays as it stands."""
    v = row.values
    complaint = v["complaint"] or ""
    if has_control_characters(complaint):
        raise Wrong("complaint", "visit_field")
    department = department_of(row, there)
    said = {k for k in ("complaint", "emergency", "suspected", "department") if k in v}
    if visit is not None and not v["diagnosis"]:
        facts: dict[str, Any] = {"grade": visit.grade, "diagnosis_code": visit.diagnosis_code}
    else:
        facts = facts_of(NewVisit(diagnosis_of(row, there), "", False))
    facts |= {
        "complaint": complaint if "complaint" in said or visit is None else visit.complaint,
        "emergency": bool(v["emergency"]) if "emergency" in said or visit is None else visit.emergency,
        "suspected": bool(v["suspected"]) if "suspected" in said or visit is None else visit.suspected,
        "department_id": department if "department" in said or visit is None else visit.department_id,
    }
    return facts


VISITS = Visits()
