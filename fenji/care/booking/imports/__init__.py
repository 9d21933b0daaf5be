"""What institutions' own plans and systems say: sessions, wards and beds. As a file or over the API, judged and written alike."""

from __future__ import annotations

from fenji.care.booking.imports import beds, sessions
from fenji.care.booking.imports.beds import BEDS, WARDS
from fenji.ground.common.imports import register_faults, register_listing

__all__ = ["BEDS", "WARDS", "register"]


def register() -> None:
    """Called once at start-up."""
    register_faults({**sessions.FAULTS, **beds.FAULTS})
    register_listing(sessions.Sessions())
    register_listing(WARDS, "import.feed")
    register_listing(BEDS, "import.feed")
