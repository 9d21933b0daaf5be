"""What several pages of this room show."""

from __future__ import annotations

from typing import Any

from fenji.care.referral import queries
from fenji.care.referral.models import Case
from fenji.ground.network.queries import Place, higher_care


def receiver_choices(origin: Place) -> list[tuple[int, str]]:
    """Institutions above a place, as choices."""
    return [(o.id, o.name) for o in higher_care(origin)]


def consented(case: Case) -> dict[str, Any]:
    """What stands of the consent to a case, for its form; nothing where nobody was asked."""
    said = queries.consent(case)
    if said is None:
        return {}
    return {
        "consent_who": said.who, "consent_guardian": said.guardian, "consent_how": said.how, "proposed": said.proposed_id,
    }  # fmt: skip
