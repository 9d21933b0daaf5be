"""Who is in hospital, as the ward's system keeps it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from fenji.care.registry.rules import Document
from fenji.care.visits import rules, texts
from fenji.care.visits.actions import FedStay, feed_stay
from fenji.care.visits.actions.shared import illness
from fenji.care.visits.actions.stays import ending
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
from fenji.care.visits.models import Stay
from fenji.ground.access.rules import Actor
from fenji.ground.common.imports import Column, Judgement, Row
from fenji.ground.common.text import has_hidden_characters

_NEEDED = ("admitted_at", "doctor", "document", "name", "diagnosis")
FAULTS = {
    "stay_order": _("The stay would end before it began."),
    "stay_ending": _("How the stay ended needs the time of the discharge."),
    "stay_other": _("This resident lies here already under the record number %(given)s. Discharge them there first."),
    "stay_silent": _("Discharged without saying how."),
    "stay_older": _("An older version of the record than the one that stands: left out."),
}


class Stays:
    """Stays at the sender's institution, told apart by the number that the sending system gives them."""

    code = "stays"
    title = _("In hospital")
    permission = "visit.feed"
    key = ("source_id",)
    columns = (
        Column("source_id", _("Record number"), "code", required=True, longest=100, sample="ZY20260930-0001"),
        Column("source_at", _("Version of"), longest=40, sample="2026-09-30 09:40", note=_("When the record was last changed.")),
        Column("admitted_at", _("Admitted"), longest=40, sample="2026-09-28 15:20"),
        Column("department", _("Department"), longest=100, sample="内科"),
        Column("bed", _("Bed"), longest=20, sample="12"),
        Column("doctor", _("Doctor's user name"), "code", longest=60, sample="chenyisheng"),
        *PERSON,
        Column("diagnosis", _("Diagnosis code"), "code", longest=40, sample="I63.900"),
        Column(
            "phase", _("Phase of the illness"), "choice", choices=tuple((p, texts.PHASES[p]) for p in rules.PHASES), sample="acute"
        ),
        Column("discharged_at", _("Discharged"), longest=40),
        Column("way_out", _("How it ends"), "choice", choices=tuple((w, texts.WAYS_OUT[w]) for w in rules.WAYS_OUT)),
    )

    def judge(self, rows: Sequence[Row], *, by: Actor, at: datetime) -> Judgement:
        """See Listing."""
        return judge_all(self._read(rows, by, at), _outcome)

    def write(self, rows: Sequence[Row], *, by: Actor, at: datetime, progress: Callable[[int], None]) -> list[dict[str, str]]:
        """See Listing."""
        write_all(rows, by.org_id, lambda row: self._read([row], by, at), lambda fed: feed_stay(fed, by=by, at=at), progress)
        return []

    def _read(self, rows: Sequence[Row], by: Actor, at: datetime) -> Read[FedStay]:
        documents = {row.line: document_of(row, at) for row in rows}
        there = look_up(rows, [d for d in documents.values() if d is not None], by, at)
        ids = [row.values["source_id"] for row in rows]
        stays = Stay.objects.using("load").filter(org_id=by.org_id)
        known = {s.source_id: s for s in stays.filter(source_id__in=ids).select_related("resident")}
        people = {resident_id for resident_id, _name in there.residents.values()}
        lying = dict(stays.filter(resident_id__in=people, discharged_at=None).values_list("resident_id", "source_id"))
        for row in rows:
            try:
                yield row, _fed(row, documents[row.line], known.get(row.values["source_id"]), there, lying, at)
            except Wrong as wrong:
                yield row, wrong


def _fed(
    row: Row, document: Document | None, stay: Stay | None, there: Known, lying: dict[UUID, str], at: datetime
) -> tuple[FedStay, list[tuple[str, str]]]:
    """What a row says, as `feed_stay` takes it, and what is worth knowing of it. Raises Wrong."""
    v = row.values
    for column in _NEEDED if stay is None else ():
        if not v[column]:
            raise Wrong(column, "visit_needed")
    source_at, discharged_at = time_of(row, "source_at", at), time_of(row, "discharged_at", at)
    admitted_at = time_of(row, "admitted_at", at) or (stay.admitted_at if stay else None)
    way_out = v["way_out"] or ""
    if way_out and discharged_at is None:
        raise Wrong("discharged_at", "stay_ending")
    if discharged_at is not None and admitted_at is not None and discharged_at < admitted_at:
        raise Wrong("discharged_at", "stay_order")
    if stay is not None and source_at and stay.source_at and source_at < stay.source_at:
        return FedStay(v["source_id"], {}, None, "", stay), [("source_at", "stay_older")]
    who = None if stay else who_of(row, document, there, at)
    other = lying.get(who) if isinstance(who, UUID) else None
    if other and discharged_at is None:
        raise Wrong("source_id", "stay_other", other)
    facts = {
        **_facts(row, stay, there),
        "admitted_at": admitted_at,
        "source_at": source_at or (stay.source_at if stay else None),
    }
    fed = FedStay(v["source_id"], facts, discharged_at, way_out, stay, who)
    return fed, [("way_out", "stay_silent")] if discharged_at is not None and not way_out else []


def _facts(row: Row, stay: Stay | None, there: Known) -> dict[str, Any]:
    """The columns of the stay; what the record says nothing about stays as it stands."""
    v = row.values
    bed = v["bed"] or ""
    if has_hidden_characters(bed):
        raise Wrong("bed", "visit_field")
    facts: dict[str, Any] = illness(diagnosis_of(row, there)) if stay is None or v["diagnosis"] else {}
    if doctor := doctor_of(row, there):
        facts |= {"doctor_id": doctor[0], "doctor_name": doctor[1]}
    said = {"department_id": department_of(row, there), "bed": bed, "phase": v["phase"] or ""}
    names = {"department_id": "department", "bed": "bed", "phase": "phase"}
    return facts | {field: value for field, value in said.items() if stay is None or names[field] in v}


def _outcome(fed: FedStay, _codes: Collection[str]) -> str:
    if fed.stay is None:
        return "new"
    return "changed" if _changes(fed) else "same"


def _changes(fed: FedStay) -> bool:
    stay = fed.stay
    if stay is None or any(getattr(stay, name) != value for name, value in fed.facts.items()):
        return True
    return bool(ending(stay, fed))


STAYS = Stays()
