"""What pages of visits and of stays share."""

from __future__ import annotations

from fenji.ground.common.edge import SignedRequest
from fenji.ground.network.queries import departments_of


def department_choices(request: SignedRequest) -> list[tuple[int, str]]:
    """Departments of the actor's institution, in the language of the page."""
    english = request.LANGUAGE_CODE == "en"
    return [(d.id, d.name_en or d.name_zh if english else d.name_zh) for d in departments_of(request.actor.org_id)]
