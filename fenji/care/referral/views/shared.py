"""What several pages of this room show."""

from __future__ import annotations

from fenji.ground.network.queries import Place, higher_care


def receiver_choices(origin: Place) -> list[tuple[int, str]]:
    """Institutions above a place, as choices."""
    return [(o.id, o.name) for o in higher_care(origin)]
