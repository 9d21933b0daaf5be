"""Lists from other systems: an array of rows comes in, is judged, and is written when its sender says so."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse, JsonResponse
from ninja import Router, Schema
from pydantic import StrictBool, StrictFloat, StrictInt, StrictStr

from fenji.ground.common.edge import SignedRequest, permits
from fenji.ground.documents import actions, queries
from fenji.ground.documents.models import ImportRun

router = Router(tags=["imports"])
ROOT = "/api/v1/imports"
Cells = dict[StrictStr, StrictStr | StrictInt | StrictFloat | StrictBool | None]


class Version(Schema):
    """The run as it was read: another version means that somebody acted meanwhile."""

    version: int


class Problem(Schema):
    """Why a run failed."""

    code: str
    title: str
    detail: str


class Run(Schema):
    """Where an import stands. `done` of `total`: rows of the present step; `unknown`: keys that the list does not know."""

    id: UUID
    listing: str
    state: str
    version: int
    rows: int
    new: int
    changed: int
    same: int
    faulty: int
    noted: int
    done: int
    total: int
    unknown: list[str]
    error: Problem | None


class Fault(Schema):
    """What is wrong with a row: its place in the array from 1, the key, a stable code, and words."""

    line: int
    key: str
    code: str
    text: str
    note: bool


class Faults(Schema):
    """A page of faults and remarks, by line. `next`: where the next page begins; null on the last."""

    faults: list[Fault]
    next: str | None


def _run(request: SignedRequest, run: ImportRun) -> dict[str, Any]:
    _found, listing = queries.run(run.pk, request.actor)
    told = queries.problem_of(run, listing)
    names = ("listing", "state", "version", "rows", "new", "changed", "same", "faulty", "noted", "done", "total")
    return {
        "id": run.pk,
        **{name: getattr(run, name) for name in names},
        "unknown": run.skipped.get("unknown", []),
        "error": {"code": run.error, "title": told[0], "detail": told[1]} if told else None,
    }


def _taken(run_id: UUID) -> HttpResponse:
    made = JsonResponse({"id": str(run_id)}, status=202)
    made["Location"] = f"{ROOT}/runs/{run_id}"
    return made


@router.post("/{slug:listing}", response={202: None}, summary="Send a list; nothing is written yet")
@permits("api.use")
def send(request: SignedRequest, listing: str, rows: list[Cells]) -> HttpResponse:
    """An array of rows, each an object by column key. A key that a row does not have says nothing about it; null is empty."""
    return _taken(actions.upload_rows(listing, rows, by=request.actor, at=request.at).pk)


@router.get("/runs/{uuid:run_id}", response=Run, summary="Where an import stands")
@permits("api.use")
def state(request: SignedRequest, run_id: UUID) -> dict[str, Any]:
    """Ask again while the state is uploaded, judging or writing."""
    run, _listing = queries.run(run_id, request.actor)
    return _run(request, run)


@router.get("/runs/{uuid:run_id}/faults", response=Faults, summary="What is wrong with its rows")
@permits("api.use")
def faults(request: SignedRequest, run_id: UUID, after: str = "") -> dict[str, Any]:
    """Faults and remarks, a page at a time."""
    run, listing = queries.run(run_id, request.actor)
    rows, more = queries.faults_after(run, after)
    words = [queries.told(listing, queries.fault_of(row)).text for row in rows]
    found = [
        {"line": row.line, "key": row.column_key, "code": row.code, "text": text, "note": row.note}
        for row, text in zip(rows, words, strict=True)
    ]
    return {"faults": found, "next": more}


@router.post("/runs/{uuid:run_id}/write", response={202: None}, summary="Have the good rows written")
@permits("api.use")
def write(request: SignedRequest, run_id: UUID, body: Version) -> HttpResponse:
    """Rows at fault stay out. Who sent the list decides."""
    actions.write(run_id, version=body.version, by=request.actor, at=request.at)
    return _taken(run_id)
