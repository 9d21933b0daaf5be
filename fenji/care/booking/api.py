"""The hospital's own system: it feeds sessions, wards and beds, says which places it gives away itself, and that it is there.
Nothing of patients.

All are PUT: the same request again changes nothing, and needs no key.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.db import connections, transaction
from ninja import Router, Schema
from ninja.errors import ValidationError
from pydantic import AwareDatetime, Field, StrictBool, StrictInt

from fenji.care.booking import actions, queries, rules
from fenji.care.booking.actions import NewSession
from fenji.care.booking.imports import BEDS, WARDS
from fenji.care.booking.models import Bed, ClinicSession, Ward
from fenji.ground.common.edge import SignedRequest, permits
from fenji.ground.common.imports import Fault, Listing, Row, fault_text
from fenji.ground.common.refusal import Unknown
from fenji.ground.documents.rules import Values
from fenji.ground.network.queries import departments_of

router = Router(tags=["booking"])
_LATEST = datetime(2099, 12, 31, tzinfo=UTC)

Line = Annotated[str, Field(max_length=60, pattern=r"^[^\x00-\x1f\x7f]*$")]
Code = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9._-]*$")]
"""A number or code of the hospital's own; no blanks, no names."""
Instant = Annotated[AwareDatetime, Field(le=_LATEST)]


class SessionIn(Schema):
    """One session, whole. `department`: as the list of departments calls it; `reserved`: null for the share the policy sets."""

    state: Literal["open", "cancelled"] = "open"
    kind: Literal["clinic", "examination"]
    name: Line = Field(min_length=1)
    department: Line = ""
    specialty: Code = ""
    item: Code = ""
    expert: StrictBool = False
    doctor: Line = ""
    start_at: Instant
    end_at: Instant
    places: Annotated[StrictInt, Field(ge=1, le=999)]
    reserved: Annotated[StrictInt, Field(ge=0, le=999)] | None = None


class Cancelled(Schema):
    """A session that does not take place."""

    state: Literal["cancelled"]


class SlotOut(Schema):
    """A place. `state`: free, booked (by this house: held, confirmed or used), outside (by the hospital's own system)."""

    position: int
    start_at: datetime
    reserved: bool
    state: str
    external_id: str


class SessionOut(Schema):
    """A session as it stands here."""

    id: UUID
    source_id: str
    state: str
    version: int
    kind: str
    name: str
    start_at: datetime
    end_at: datetime
    release_at: datetime
    slots: list[SlotOut]


class Taken(Schema):
    """Who has a place: the number of a booking in the hospital's own system, null or empty when it is free again."""

    external_id: Code | None
    priority: Literal["emergency", "up_referred", "returning", "public"] = "public"


class Heard(Schema):
    """When the system was last heard, and how long what it fed counts as known."""

    heard_at: datetime
    known_until: datetime


def _out(session: ClinicSession) -> dict[str, Any]:
    slots = [
        {
            "position": s.position + 1,
            "start_at": s.start_at,
            "reserved": s.reserved,
            "state": "outside" if s.outside else "booked" if s.taken else "free",
            "external_id": s.outside,
        }
        for s in queries.slots_of(session.pk)
    ]
    names = ("id", "source_id", "state", "version", "kind", "name", "start_at", "end_at", "release_at")
    return {**{name: getattr(session, name) for name in names}, "slots": slots}


def _new(request: SignedRequest, source_id: str, body: SessionIn) -> NewSession:
    rooms = {d.name_zh: d for d in departments_of(request.actor.org_id)}
    room = rooms.get(body.department)
    if body.department and room is None:
        raise Unknown(what="department")
    if body.kind == rules.EXAMINATION and not body.item:
        raise rules.BadSession(why="session_item")
    return NewSession(
        kind=body.kind,
        name=body.name,
        start_at=body.start_at,
        end_at=body.end_at,
        places=body.places,
        department_id=room.id if room else None,
        specialty=body.specialty or (room.specialty if room else ""),
        item=body.item,
        expert=body.expert,
        doctor_name=body.doctor,
        reserved=body.reserved,
        source_id=source_id,
    )


@router.put("/sessions/{str:source_id}", response=SessionOut, summary="Feed one session, or say that it is cancelled")
@permits("booking.write")
def put_session(request: SignedRequest, source_id: Code, body: SessionIn | Cancelled) -> dict[str, Any]:
    """A session whose time, kind or item changes is cancelled and opened anew; who is booked is moved by the hospital's desk."""
    new = _new(request, source_id, body) if isinstance(body, SessionIn) and body.state == rules.OPEN else None
    return _out(actions.feed(source_id, new, by=request.actor, at=request.at))


@router.get("/sessions/{str:source_id}", response=SessionOut, summary="One session with its places")
@permits("booking.write")
def get_session(request: SignedRequest, source_id: Code) -> dict[str, Any]:
    """What this house has booked, to be taken over: places in state `booked` are not to be given away."""
    return _out(queries.fed_session(request.actor.org_id, source_id))


@router.put("/sessions/{str:source_id}/slots/{int:position}", response=SessionOut, summary="Take a place, or have it free again")
@permits("booking.write")
def put_slot(request: SignedRequest, source_id: Code, position: int, body: Taken) -> dict[str, Any]:
    """`position` from 1. A place that this house has booked is refused with `slot_taken`, a reserved one with `quota_only`."""
    actions.take_outside(source_id, position, body.external_id or "", priority=body.priority, by=request.actor, at=request.at)
    return _out(queries.fed_session(request.actor.org_id, source_id))


@router.put("/heartbeat", response=Heard, summary="The system is there, and nothing has changed")
@permits("booking.write")
def heartbeat(request: SignedRequest) -> dict[str, Any]:
    """To be sent more often than the policy lets a system be silent."""
    actions.heard(by=request.actor, at=request.at)
    return {"heard_at": request.at, "known_until": queries.known_until(request.actor.org_id, request.at)}


# --- wards and beds ----------------------------------------------------------------------------------------------------------


class WardIn(Schema):
    """One ward, whole. `department`: as the list of departments calls it; `doctor`: a user name, left out to keep who it is."""

    name: Annotated[Line, Field(min_length=1, max_length=40)]
    kind: Literal["acute", "rehabilitation", "long_term"]
    department: Annotated[Line, Field(min_length=1)]
    doctor: Code | None = None


class WardOut(Schema):
    """A ward as it stands here. `outcome`: what the request did, `new`, `changed` or `same`."""

    id: UUID
    source_id: str
    outcome: str
    version: int


class BedIn(Schema):
    """One bed, whole. `ward`: its number or name; `name`: as the census calls it; `sex`: for whom, `any` when the room decides."""

    ward: Annotated[Line, Field(min_length=1)]
    room: Annotated[Line, Field(min_length=1, max_length=20)]
    name: Annotated[Line, Field(min_length=1, max_length=20)]
    sex: Literal["1", "2", "any"] = "any"
    isolation: StrictBool = False
    state: Literal["in_use", "closed"] = "in_use"


class BedOut(Schema):
    """A bed as it stands here. `state`: free, held (for a patient; the ward is asked), confirmed (kept for a patient), lies (by the
    census), closed. `outcome`: what the request did; empty where it only asked."""

    id: UUID
    source_id: str
    outcome: str
    version: int
    state: str


def _fed(request: SignedRequest, listing: Listing, values: dict[str, Any]) -> str:
    """Judge and write one row of a list, and note that the system was heard; what became of the row."""
    row = Row(1, Values(values))
    by, at = request.actor, request.at
    with transaction.atomic(using="load"):
        with connections["load"].cursor() as cursor:  # a new bed sent twice at once is one bed
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"beds of {by.org_id}"])
        found = listing.judge([row], by=by, at=at)
        if found.faults:
            raise ValidationError([_problem(fault) for fault in found.faults])
        if found.outcomes[1] != "same":
            listing.write([row], by=by, at=at, progress=lambda done: None)
    actions.heard(by=by, at=at)
    return found.outcomes[1]


def _problem(fault: Fault) -> dict[str, Any]:
    return {"loc": ["body", "body", fault.column], "type": fault.code, "msg": fault_text(fault)}


@router.put("/wards/{str:source_id}", response=WardOut, summary="Feed one ward")
@permits("import.feed")
def put_ward(request: SignedRequest, source_id: Code, body: WardIn) -> dict[str, Any]:
    """Told apart by institution and number. A ward is closed on its page, by a person."""
    given = body.dict(exclude_unset=True)
    outcome = _fed(request, WARDS, {"number": source_id, **given})
    row = Ward.objects.get(org_id=request.actor.org_id, source_id=source_id, end=None)
    return {"id": row.id, "source_id": row.source_id, "outcome": outcome, "version": row.version}


@router.put("/beds/{str:source_id}", response=BedOut, summary="Feed one bed")
@permits("import.feed")
def put_bed(request: SignedRequest, source_id: Code, body: BedIn) -> dict[str, Any]:
    """Told apart by institution and number. A bed that somebody lies in or that is held is refused to be closed or called otherwise
    (`bed_kept`)."""
    given = body.dict()
    outcome = _fed(request, BEDS, {"number": source_id, "bed": given.pop("name"), **given})
    return _bed(request, source_id, outcome)


@router.get("/beds/{str:source_id}", response=BedOut, summary="How one bed stands")
@permits("import.feed")
def get_bed(request: SignedRequest, source_id: Code) -> dict[str, Any]:
    """What this house knows of a bed: one that is `held` or `confirmed` is not to be given away."""
    return _bed(request, source_id, "")


def _bed(request: SignedRequest, source_id: str, outcome: str) -> dict[str, Any]:
    row = Bed.objects.using("load").filter(org_id=request.actor.org_id, source_id=source_id).select_related("ward").first()
    if row is None or not source_id:
        raise Unknown(what="bed")
    facts = queries.bed_facts(row, request.at, "load")
    state = facts.takings[0].how if facts.takings else "free" if facts.place.open else rules.CLOSED
    return {"id": row.id, "source_id": source_id, "outcome": outcome, "version": row.version, "state": state}
