"""Lists this room takes in: institutions, departments, members of alliances, staff, duty, posts. All by the institution's own code.

An institution's own systems may feed its departments, staff and duty lists over the API (ADR 0024): `import.feed`.
"""

from fenji.ground.common.imports import register_faults, register_listing
from fenji.ground.network.imports.accounts import Accounts
from fenji.ground.network.imports.alliances import Members
from fenji.ground.network.imports.base import FAULTS
from fenji.ground.network.imports.duty import Duty
from fenji.ground.network.imports.groups import Lists, Seats
from fenji.ground.network.imports.organisations import Departments, Institutions
from fenji.ground.network.imports.posts import Posts
from fenji.ground.network.imports.staff import Staff

_FED = (Departments, Staff, Duty)


def register() -> None:
    """Called once at start-up."""
    register_faults(FAULTS)
    for listing in (Institutions(), Departments(), Members(), Staff(), Duty(), Accounts(), Posts(), Seats(), Lists()):
        register_listing(listing, feed="import.feed" if isinstance(listing, _FED) else "")
