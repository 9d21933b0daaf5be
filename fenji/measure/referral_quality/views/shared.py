"""What several pages of this room ask."""

from __future__ import annotations

from fenji.ground.access.rules import OFFICER, HealthOnly
from fenji.ground.common.edge import SignedRequest


def only_health(request: SignedRequest) -> None:
    """Officers of a health authority alone: what these pages count comes from records of patients. Raises HealthOnly."""
    if request.actor.role == OFFICER and not request.actor.health:
        raise HealthOnly
