"""The only reads of this room offered to others."""

from __future__ import annotations

from uuid import UUID

from fenji.care.visits.models import Visit
from fenji.ground.common.refusal import Unknown


def visit(visit_id: UUID) -> Visit:
    """A visit that the open scope reaches. Raises Unknown."""
    found = Visit.objects.filter(pk=visit_id).select_related("resident", "org").first()
    if found is None:
        raise Unknown(what="visit")
    return found


def visits_of(resident_id: UUID, limit: int) -> list[Visit]:
    """A resident's visits that the open scope sees, newest first; one more than `limit` means: there are more."""
    return list(Visit.objects.filter(resident_id=resident_id).select_related("org").order_by("-opened_at", "-id")[: limit + 1])
