"""Who may change what lies where, and a change that cannot be."""

from __future__ import annotations

from fenji.ground.access.rules import Actor
from fenji.ground.common.refusal import Refused
from fenji.ground.network.queries import within_reach


class OutOfReach(Refused):
    """The person administers another region or institution."""

    code = "out_of_reach"


class BadChange(Refused):
    """A change of an organisation that cannot be. detail: why."""

    code = "bad_change"


def require_reach(by: Actor, path: str) -> None:
    """Refuse when the acting person does not administer this place. The house itself may. Raises OutOfReach."""
    if not within_reach(by, path):
        raise OutOfReach
