"""Records that other systems keep: visits, and who is in hospital. As a file or over the API, judged and written alike."""

from __future__ import annotations

from fenji.care.visits.imports import people, stays, visits
from fenji.care.visits.imports.people import alone
from fenji.care.visits.imports.stays import STAYS
from fenji.care.visits.imports.visits import VISITS
from fenji.ground.common.imports import register_faults, register_listing

__all__ = ["STAYS", "VISITS", "alone", "register"]


def register() -> None:
    """Called once at start-up."""
    register_faults({**people.FAULTS, **visits.FAULTS, **stays.FAULTS})
    register_listing(VISITS)
    register_listing(STAYS)
