"""The house's addresses, with an API of operations that only tests have."""

from __future__ import annotations

from typing import Any

from django.db import connections
from django.http import HttpResponse, JsonResponse
from django.urls import path
from ninja import Schema

from fenji.config import urls
from fenji.config.api import ROOT, build
from fenji.config.urls import handler400, handler403, handler404, handler500  # noqa: F401
from fenji.ground.access.actions import audit
from fenji.ground.common.edge import SignedRequest, permits
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown

api = build()
api.urls_namespace = "api-test"


class Thing(Schema):
    name: str
    size: int = 0


@api.post("/things")
@permits("api.use")
def write(request: SignedRequest, thing: Thing) -> HttpResponse:
    """Writes one audit row; what the name says decides how it ends."""
    audit(by=request.actor, at=request.at, action="test.thing", subject=thing.name)
    if thing.name in _REFUSALS:
        raise _REFUSALS[thing.name]
    if thing.name == "broken":
        raise RuntimeError("broken on purpose")
    if thing.name == "sql":
        connections["default"].cursor().execute("SELECT 1/0")
    if thing.name == "unhappy":
        return JsonResponse({}, status=422)
    made = JsonResponse({"name": thing.name}, status=201)
    made["Location"] = f"/api/v1/things/{thing.size}"
    return made


_REFUSALS: dict[str, Exception] = {"stale": Stale(), "unknown": Unknown(), "forbidden": NotPermitted()}


@api.put("/things/{number}")
@permits("api.use")
def put(request: SignedRequest, number: int, thing: Thing) -> dict[str, Any]:
    audit(by=request.actor, at=request.at, action="test.thing", subject=thing.name)
    if thing.name == "stale":
        raise Stale
    return {"name": thing.name}


@api.get("/things/{number}")
@permits("api.use")
def read(request: SignedRequest, number: int) -> dict[str, Any]:
    return {"number": number}


@api.get("/unguarded")
def unguarded(request: SignedRequest) -> dict[str, Any]:
    return {"secret": True}


@api.get("/doctors")
@permits("resident.find")
def doctors(request: SignedRequest) -> dict[str, Any]:
    return {"secret": True}


urlpatterns = [path(ROOT.removeprefix("/"), api.urls), *urls.urlpatterns]
