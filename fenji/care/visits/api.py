"""Visits and the census from an institution's own system, one record a request; safe to send again."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.db import transaction
from django.http import HttpResponse
from ninja import Router, Schema
from ninja.errors import ValidationError
from pydantic import Field, StrictBool

from fenji.care.visits.actions.infections import parts_missing
from fenji.care.visits.imports import STAYS, VISITS, alone
from fenji.care.visits.models import Stay, Visit
from fenji.ground.common.edge import SignedRequest, permits
from fenji.ground.common.imports import Fault, Listing, Row, fault_text
from fenji.ground.common.refusal import Unknown
from fenji.ground.documents.rules import Values

router, census = Router(tags=["visits"]), Router(tags=["census"])
Line = Annotated[str, Field(max_length=200)]
Number = Annotated[str, Field(max_length=40)]
Source = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S+$")]
"""What the sending system calls a record."""


class Fed(Schema):
    """What records have in common: when they were last changed, the doctor and the patient, the diagnosis."""

    source_at: Number | None = None
    doctor: Number | None = None
    department: Line | None = None
    document_kind: Literal["identity", "hmt_residence", "hk_macau", "taiwan", "passport", "residence", "old_card"] | None = None
    document: Number | None = None
    name: Number | None = None
    sex: Literal["0", "1", "2", "9"] | None = None
    birth_date: date | None = None
    phone: Number | None = None
    address: Line | None = None
    diagnosis: Number | None = None


class Record(Fed):
    """A visit as the sending system keeps it. What is left out of a later version stays as it stands. Times in ISO 8601; without an
    offset they are Fujian's. `closed_at` without `disposition` raises the alert of refusal."""

    source_id: Source
    opened_at: Number | None = None
    suspected: StrictBool | None = None
    complaint: Annotated[str, Field(max_length=4000)] | None = None
    emergency: StrictBool | None = None
    disposition: Literal["treated", "observe", "referred_up"] | None = None
    closed_at: Number | None = None


class Lying(Fed):
    """Somebody in hospital as the ward's system keeps them. What is left out of a later version stays as it stands. Times as of a
    visit. `bed`: as the ward calls it; `discharged_at` without `way_out`: not said how it ended."""

    admitted_at: Number | None = None
    bed: Annotated[str, Field(max_length=20)] | None = None
    phase: Literal["acute", "acute_recovery", "surgical_recovery", "critical_stable", "chronic"] | None = None
    discharged_at: Number | None = None
    way_out: Literal["home", "transferred", "against_advice", "died"] | None = None


class Note(Schema):
    """Something worth knowing about a record that was taken: the field, a stable code, and words."""

    field: str
    code: str
    text: str


class Taken(Schema):
    """What became of a record: `new`, `changed` or `same`."""

    id: UUID
    outcome: str
    notes: list[Note]


@router.post("", response=Taken, summary="Send a visit; the same again changes nothing")
@permits("visit.feed")
def send(request: SignedRequest, record: Record, response: HttpResponse) -> dict[str, Any]:
    """Told apart by institution and `source_id`: written once, brought up to date by a later version."""
    taken = _taken(request, VISITS, Visit, record.dict(exclude_unset=True))
    response["Location"] = f"/api/v1/visits/{taken['id']}"
    return taken


@census.put("/{str:source_id}", response=Taken, summary="Feed one stay in hospital; the same again changes nothing")
@permits("visit.feed")
def put_stay(request: SignedRequest, source_id: Source, record: Lying) -> dict[str, Any]:
    """Told apart by institution and number. Beds are taken by who lies in them: see the wards and beds of `booking`."""
    return _taken(request, STAYS, Stay, {"source_id": source_id, **record.dict(exclude_unset=True)})


def _taken(request: SignedRequest, listing: Listing, model: type[Visit | Stay], record: dict[str, Any]) -> dict[str, Any]:
    """Judge and write one record of a list."""
    row = Row(1, Values(record))
    by, at = request.actor, request.at
    with transaction.atomic(using="load"):
        alone(by.org_id)
        found = listing.judge([row], by=by, at=at)
        if found.faults:
            raise ValidationError([_problem(fault) for fault in found.faults])
        if found.outcomes[1] != "same":
            listing.write([row], by=by, at=at, progress=lambda done: None)
        made = model.objects.using("load").only("id").get(org_id=by.org_id, source_id=record["source_id"])
    notes = [{"field": note.column, "code": note.code, "text": fault_text(note)} for note in found.notes]
    return {"id": made.pk, "outcome": found.outcomes[1], "notes": notes}


class Standing(Schema):
    """How a visit stands here. `disposition`: empty while it is open, `unstated` where none was given."""

    id: UUID
    source_id: str
    disposition: str
    closed_at: datetime | None
    alert: bool
    owed: bool


@router.get("/{uuid:visit_id}", response=Standing, summary="How a visit stands here")
@permits("visit.feed")
def standing(request: SignedRequest, visit_id: UUID) -> dict[str, Any]:
    """A record of the asking institution. `alert`: closed without a disposition and not answered for; `owed`: a part of what a
    notifiable disease asks for is missing."""
    fed = Visit.objects.using("load").filter(pk=visit_id, org_id=request.actor.org_id).exclude(source_id="").first()
    if fed is None:
        raise Unknown(what="visit")
    return {
        **{name: getattr(fed, name) for name in ("id", "source_id", "disposition", "closed_at")},
        "alert": fed.alert_at is not None and fed.settled_at is None,
        "owed": parts_missing(fed, "load"),
    }


def _problem(fault: Fault) -> dict[str, Any]:
    return {"loc": ["body", "record", fault.column], "type": fault.code, "msg": fault_text(fault)}
