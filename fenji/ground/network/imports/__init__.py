"""Lists this room takes in: institutions, departments, members of alliances, staff, posts. All by the institution's own code."""

from fenji.ground.common.imports import register_faults, register_listing
from fenji.ground.network.imports.accounts import Accounts
from fenji.ground.network.imports.alliances import Members
from fenji.ground.network.imports.base import FAULTS
from fenji.ground.network.imports.groups import Lists, Seats
from fenji.ground.network.imports.organisations import Departments, Institutions
from fenji.ground.network.imports.posts import Posts
from fenji.ground.network.imports.staff import Staff


def register() -> None:
    """Called once at start-up."""
    register_faults(FAULTS)
    for listing in (Institutions(), Departments(), Members(), Staff(), Accounts(), Posts(), Seats(), Lists()):
        register_listing(listing)
