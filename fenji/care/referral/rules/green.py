"""The green channel: why a patient goes through it, how long the door was kept waiting, how late it may be written down. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from fenji.ground.common.clock import Span
from fenji.ground.common.refusal import Refused
from fenji.ground.common.units import MINUTES_PER_HOUR, SECONDS_PER_MINUTE

GREEN_REASONS = ("chest_pain", "stroke", "trauma", "maternal", "newborn_child", "other")
"""Why somebody goes through the green channel: the five centres of emergency care, and everything else."""


class GreenReasonMissing(Refused):
    """An emergency goes through the green channel for a reason, which is recorded (QZ-2-11b)."""

    code = "green_reason_missing"


class TooLate(Refused):
    """What happened lies in the future, or longer ago than may still be entered. detail: hours."""

    code = "too_late"


@dataclass(frozen=True, slots=True)
class Clock:
    """Door to accept: since when, and until when (None: it runs)."""

    start: datetime
    end: datetime | None

    def minutes(self, at: datetime) -> int:
        """Whole minutes that have passed, at an instant or when it stopped."""
        return max(int(((self.end or at) - self.start).total_seconds()) // SECONDS_PER_MINUTE, 0)


def clock(offered_at: datetime | None, door_at: datetime | None, accepted_at: datetime | None, *, late: bool) -> Clock | None:
    """The clock of an emergency: from the offer or from the arrival at the door, whichever was first, to the acceptance.

    None when it has not begun, and for a case that was entered afterwards: nobody could have accepted it earlier.
    """
    begun = [t for t in (offered_at, door_at) if t is not None]
    return None if late or not begun else Clock(min(begun), accepted_at)


def check_past(happened_at: datetime, at: datetime, within: Span) -> None:
    """What is entered at `at` happened at most `within` (natural time) before. Raises TooLate."""
    if happened_at > at or happened_at < at - timedelta(minutes=within.minutes):
        raise TooLate(hours=within.minutes // MINUTES_PER_HOUR)
