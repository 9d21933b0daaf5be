"""How urgent a waiting step is; when a message to a resident is tried again, and what it may hold. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from fenji.ground.common.refusal import Refused

OVERDUE = "overdue"
SOON = "soon"
WAITING = "waiting"


def urgency(due_at: datetime, at: datetime, soon_minutes: int) -> str:
    """overdue · soon · waiting. A step is overdue from its deadline on."""
    if at >= due_at:
        return OVERDUE
    return SOON if due_at - at <= timedelta(minutes=soon_minutes) else WAITING


# --- messages to residents ---------------------------------------------------------------------------------------------------

TO_SEND, SENT, DEAD, GIVEN_UP = MESSAGE_STATES = ("to_send", "sent", "dead", "given_up")
"""States of a message to a resident. Dead: tried in vain, and waiting for a person to decide."""
OVER = (SENT, GIVEN_UP)
"""States in which nobody needs the phone and the link any more: they are wiped."""

NO_GATEWAY, NO_ADDRESS, UNREACHABLE, BUSY, REFUSED, TOO_OLD, UNREADABLE, ENDED = PROBLEMS = (
    "no_gateway",
    "no_address",
    "unreachable",
    "busy",
    "refused",
    "too_old",
    "unreadable",
    "ended",
)
"""Why a message was not sent: nobody is set up to send it; the house does not know its own address; the gateway did not answer, was
busy, or said no; it came too late to be of use; the phone cannot be read with the house's keys; this
person may not be told any more."""

_MOBILE = re.compile(r"1\d{10}", re.ASCII)
_PLAIN = re.compile(r"/[A-Za-z]+/[A-Za-z0-9_-]+", re.ASCII)


class ReasonNeeded(Refused):
    """Giving a message up needs a reason in words."""

    code = "message_reason"


@dataclass(frozen=True, slots=True)
class MessagePolicy:
    """How long a notice counts as unread; how often and how long a message to a resident is tried."""

    unread_days: int
    message_tries: int
    message_first_minutes: int
    message_longest_minutes: int
    message_hours: int


def may_be_texted(phone: str) -> bool:
    """True for a mainland mobile number: nothing else takes a text message."""
    return _MOBILE.fullmatch(phone) is not None


def is_plain_link(url: str) -> bool:
    """True for an address of this house without a query, as a message may carry it: `/r/` and one opaque word."""
    return _PLAIN.fullmatch(url) is not None


def wait_after(tries: int, policy: MessagePolicy) -> timedelta:
    """How long to wait after the `tries`-th try: doubled each time, up to the longest."""
    minutes = policy.message_first_minutes
    for _ in range(tries - 1):
        if minutes >= policy.message_longest_minutes:
            break
        minutes *= 2
    return timedelta(minutes=min(minutes, policy.message_longest_minutes))
