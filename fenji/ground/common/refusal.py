"""The named refusals of actions. Pure: the edge turns them into a page that says what to do."""

from __future__ import annotations


class Refused(Exception):
    """An action that was not carried out; nothing has changed.

    `code` is stable and documented; subclasses set it. `detail` names the particulars for the message (no patient data).
    """

    code = "refused"

    def __init__(self, **detail: object) -> None:
        super().__init__(self.code)
        self.detail = detail


class Stale(Refused):
    """Somebody else acted after the form was read."""

    code = "stale"


class NotPermitted(Refused):
    """The person's role or institution may not do this."""

    code = "not_permitted"


class Unknown(Refused):
    """No such thing, or none that this person may see: the two are not told apart."""

    code = "unknown"
