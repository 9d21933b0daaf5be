"""The plan a hospital sends down with a patient, and the follow-ups that come of it (SM-3-6d, QZ-2-11d). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from fenji.ground.common.refusal import Refused

SERVICES = ("rehabilitation", "follow_up", "health")
"""What the family-doctor team gives: rehabilitation, follow-up, health management (SM-3-6d)."""
MEDICINE, MEASUREMENT, VISIT, EXERCISE = KINDS = ("medicine", "measurement", "visit", "exercise")
"""What is done on a day of the plan."""
DONE, UNREACHABLE, IN_HOSPITAL, REFUSED, MOVED, DIED = OUTCOMES = (
    "done", "unreachable", "in_hospital", "refused", "moved", "died",
)  # fmt: skip
"""How a follow-up went. The last three end the plan."""
OPEN, LOST, ENDED = "open", "lost", "ended"
FOLLOW_UP_STATES = (OPEN, DONE, LOST, ENDED)
"""Where a follow-up stands. Ended: the plan was over before its day."""
_ENDS = (REFUSED, MOVED, DIED)
COMPLETE, RETURNED, CANCELLED = "complete", "returned", "cancelled"
END_REASONS = (COMPLETE, *_ENDS, RETURNED, CANCELLED)
"""Why a plan is over: every follow-up was settled, an outcome ended it, the patient went up again, or never went down."""
ADDED = -1
"""The number of the visit that stands in for a plan which begins too late."""


class BadItem(Refused):
    """An item of the plan cannot be dated: it ends before it begins, or has more days than the policy allows. detail: most."""

    code = "plan_item"


@dataclass(frozen=True, slots=True)
class ContinuityPolicy:
    """Days and numbers of follow-up. `first_within_days`: the first one at the latest so many days after discharge (QZ-2-11d).
    `grace_days`: a follow-up may be so much late before it counts as overdue. `retry_days`, `tries`: when nobody is reached.
    `most_days_of_item`: no item has more dates than this."""

    first_within_days: int
    grace_days: int
    retry_days: int
    tries: int
    most_days_of_item: int

    def __post_init__(self) -> None:
        if min(self.first_within_days, self.grace_days) < 0 or min(self.retry_days, self.tries, self.most_days_of_item) < 1:
            raise ValueError("days of follow-up count from 0, tries and retries from 1")


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a plan: what, on which days after discharge. `first`, `last`: days after discharge, both included; `every`: days
    between two dates. `measure`: code of what is measured, of a measurement alone. `low`, `high`: the target the hospital sets for
    it, of a pair for its first number; None: no bound on that side."""

    kind: str
    service: str
    what: str
    first: int
    last: int
    every: int = 1
    low: Decimal | None = None
    high: Decimal | None = None
    measure: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.service not in SERVICES:
            raise ValueError(f"an item is one of {KINDS} for one of {SERVICES}")
        if self.kind != MEASUREMENT and (self.measure or self.low is not None or self.high is not None):
            raise ValueError("only a measurement has a measure and a target")


def due_days(item: Item, start: date, policy: ContinuityPolicy) -> tuple[date, ...]:
    """The days of an item for somebody discharged on `start`, ascending. Raises BadItem."""
    if item.first < 0 or item.every < 1 or item.last < item.first:
        raise BadItem(most=policy.most_days_of_item)
    if (item.last - item.first) // item.every >= policy.most_days_of_item:
        raise BadItem(most=policy.most_days_of_item)
    return tuple(start + timedelta(days=n) for n in range(item.first, item.last + 1, item.every))


def schedule(items: Collection[Item], start: date, policy: ContinuityPolicy) -> tuple[tuple[date, tuple[int, ...]], ...]:
    """Day by day which items (by their number in the plan) are due, ascending. Raises BadItem.

    Where nothing is due within `first_within_days`, a visit is added on that day (QZ-2-11d); it has the number -1.
    """
    days: dict[date, list[int]] = {}
    for number, item in enumerate(items):
        for day in due_days(item, start, policy):
            days.setdefault(day, []).append(number)
    latest = start + timedelta(days=policy.first_within_days)
    if not any(day <= latest for day in days):
        days[latest] = [ADDED]
    return tuple((day, tuple(days[day])) for day in sorted(days))


def services_missing(items: Iterable[Item]) -> tuple[str, ...]:
    """The services of SM-3-6d that a plan names no item for, in their order."""
    there = {item.service for item in items}
    return tuple(s for s in SERVICES if s not in there)


def late_from(due: date, policy: ContinuityPolicy) -> date:
    """The first day on which an open follow-up of a day is overdue: after its day and the days of grace (QZ-2-11d)."""
    return due + timedelta(days=policy.grace_days + 1)


def is_overdue(due: date, today: date, policy: ContinuityPolicy) -> bool:
    """Whether an open follow-up is overdue."""
    return today >= late_from(due, policy)


@dataclass(frozen=True, slots=True)
class Followed:
    """What becomes of a follow-up: its state, when it is tried again, and whether the plan ends with it."""

    state: str
    again: date | None = None
    ends_plan: bool = False


def after(outcome: str, on: date, tries: int, policy: ContinuityPolicy) -> Followed:
    """What an outcome on a day brings about. `tries`: how often it has been tried, this time included.

    Who is not reached is tried again until the policy's number; then the follow-up is lost, and the team's head is asked. Who is in
    hospital is followed up again after it, so the plan waits. Refusal, a move and death end the plan.
    """
    if outcome not in OUTCOMES:
        raise ValueError(f"an outcome is one of {OUTCOMES}")
    if outcome in _ENDS:
        return Followed(ENDED, ends_plan=True)
    if outcome == DONE:
        return Followed(DONE)
    if outcome == UNREACHABLE and tries >= policy.tries:
        return Followed(LOST)
    return Followed(OPEN, on + timedelta(days=policy.retry_days))
