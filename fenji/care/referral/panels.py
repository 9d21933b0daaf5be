"""Referrals on a resident's page."""

from __future__ import annotations

from typing import Any

from fenji.care.referral import queries
from fenji.care.registry.models import Resident
from fenji.care.registry.panels import Panel
from fenji.care.registry.panels import register as register_panel
from fenji.care.visits.queries import visits_of
from fenji.ground.access.rules import Actor

_SHOWN = 20


def _panel(actor: Actor, resident: Resident) -> dict[str, Any]:
    found = queries.cases_of(resident.id, _SHOWN)
    nurse = actor.may("referral.draft") and not actor.may("referral.write")
    # a doctor goes on from the visit itself, whose page is not the nurse's
    visits = [v for v in visits_of(resident.id, _SHOWN) if v.org_id == actor.org_id and v.closed_at is None] if nurse else []
    return {"cases": found[:_SHOWN], "more": len(found) > _SHOWN, "visits": visits}


def register() -> None:
    """Called once at start-up."""
    register_panel("referrals", Panel("referral/panel.html", _panel))
