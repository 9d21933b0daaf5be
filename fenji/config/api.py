"""The API root: `/api/v1/`, for machine accounts. Additive: a field or an address, once there, stays.

Each operation names its permission with `@permits`, as pages do with `@page`; one without is refused to everybody, and a test is
red. Who asks, how often, and what is kept of a POST is settled in `middleware`.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern
from ninja import NinjaAPI, Schema
from ninja.errors import HttpError, ValidationError
from ninja.parser import Parser
from ninja.renderers import JSONRenderer

from fenji.care.booking.api import router as booking
from fenji.care.visits.api import census
from fenji.care.visits.api import router as visits
from fenji.config import problems
from fenji.ground.access.rules import PERMISSIONS
from fenji.ground.common.edge import SignedRequest, permits
from fenji.ground.common.refusal import Refused
from fenji.ground.documents.api import router as imports

ROOT = "/api/v1/"


class Api(NinjaAPI):
    """NinjaAPI whose addresses know the permissions of their operations, and without pages of its own."""

    def _get_urls(self) -> list[URLPattern]:
        patterns: list[URLPattern] = []
        for router in self._get_bound_routers():
            views = [view for view in router.path_operations.values() for _ in view.operations]
            for pattern, view in zip(router.urls_paths(router.prefix), views, strict=True):
                operations = [(method, op.view_func) for op in view.operations for method in op.methods]
                pattern.callback.permissions = {method: getattr(work, "permission", None) for method, work in operations}
                patterns.append(pattern)
        return patterns


class Readable(JSONRenderer):
    """Chinese as it is written, not as escapes."""

    json_dumps_params: ClassVar = {"ensure_ascii": False}


class Json(Parser):
    """Bodies that can be kept as they are: half of a surrogate pair is no character."""

    def parse_body(self, request: HttpRequest) -> Any:
        found = json.loads(request.body)
        json.dumps(found, ensure_ascii=False).encode()
        return found


def build(title: str = "Fenji") -> Api:
    """An API without operations, whose errors are problems."""
    made = Api(
        title=title,
        version="1",
        docs_url=None,
        openapi_url=None,
        parser=Json(),
        renderer=Readable(),
    )
    made.add_exception_handler(Refused, problems.refused)
    made.add_exception_handler(ValidationError, _invalid)
    made.add_exception_handler(HttpError, _http_error)
    return made


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    # which field and what is wrong with it; never what was sent
    errors = [{"field": ".".join(str(p) for p in e["loc"]), "code": e["type"], "message": e["msg"]} for e in error.errors]
    return problems.problem(422, errors=errors)


def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    return problems.as_problem(HttpResponse(status=error.status_code))


class Named(Schema):
    """Something with a number and a name."""

    id: int
    name: str


class Me(Schema):
    """Who asks, and what they may do."""

    account: UUID
    name: str
    role: str
    organisation: Named
    permissions: list[str]


api = build()


api.add_router("/imports", imports)
api.add_router("/visits", visits)
api.add_router("/stays", census)
api.add_router("/booking", booking)


@api.get("/me", response=Me, summary="Who asks")
@permits("api.use")
def me(request: SignedRequest) -> dict[str, Any]:
    """The machine account behind the key."""
    actor = request.actor
    return {
        "account": actor.account_id,
        "name": actor.name,
        "role": actor.role,
        "organisation": {"id": actor.org_id, "name": actor.org_name},
        "permissions": sorted(PERMISSIONS[actor.role]),
    }


@cache
def _description() -> dict[str, Any]:
    found = dict(api.get_openapi_schema(path_prefix=ROOT))
    found["components"] = {**found.get("components", {}), "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}}
    return {**found, "security": [{"key": []}]}


@api.get("/openapi.json", include_in_schema=False)
@permits("api.use")
def description(request: SignedRequest) -> HttpResponse:
    """What this API offers, in OpenAPI."""
    return JsonResponse(_description())
