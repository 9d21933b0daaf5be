"""Who reviews an up-referral, who may be asked to stand in, and how often one may ask. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from fenji.care.referral.rules.verdict import ReferralPolicy
from fenji.ground.access import rules as access
from fenji.ground.common.refusal import Refused

REVIEWING = (access.REVIEWER, access.MANAGER)
"""Roles that review at an institution of their own."""
OFFICE = (*REVIEWING, access.DESK)
"""Roles that review for institutions below: there it is the work of the referral office."""
OWN, CENTRE, UPPER = "own", "centre", "upper"
"""How an institution stands to the one that asks: itself, the centre of a village clinic, the unit above."""
DECISIONS = ("approve", "complete", "treat_locally")

ROUTES = {
    "review_own": "review_catalogue",
    "review_centre": "review_by_centre",
    "review_nobody_on_duty": "review_roster_days",
    "review_too_few": "review_least",
    "review_no_upper": "review_least",
    "review_taken": "review_upper_after",
}
"""Why a case is reviewed where it is → the field of the policy it rests on."""


class NoReviewer(Refused):
    """Nobody can review this: neither at the institution nor above it is there anybody but the one who asks."""

    code = "no_reviewer"


class AskedEnough(Refused):
    """The case was asked for as often as the policy allows. detail: times."""

    code = "asked_enough"


class DispositionRequired(Refused):
    """What became of a patient who is treated here has to be said."""

    code = "disposition_required"


class WrongDelegate(Refused):
    """This person cannot review for a colleague. detail: why."""

    code = "wrong_delegate"


class WrongDelegation(Refused):
    """A delegation of review with days that cannot be. detail: why, most."""

    code = "wrong_delegation"


@dataclass(frozen=True, slots=True)
class Unit:
    """An institution that may review. `eligible`: people there who may, without the one who asks. `rostered`: it keeps a roster
    of review duty around these days; `on_duty`: somebody else than the one who asks is on it now. `role`: whose desk it goes to."""

    org_id: int
    relation: str
    eligible: int
    rostered: bool
    on_duty: bool
    role: str


@dataclass(frozen=True, slots=True)
class Route:
    """Where a case is reviewed, on whose desk, and why there: a key of ROUTES."""

    org_id: int
    role: str
    code: str


def route(units: Iterable[Unit], policy: ReferralPolicy) -> Route:
    """Where to review (SM-3-5c, SM-3-5e). `units`: nearest first; all but the last may be passed over.

    A near unit is passed over when it keeps a roster and nobody is on it, or has fewer people than the policy asks for; the unit
    above reviews if anybody is there. Where there is none above, one other person is enough. Raises NoReviewer.
    No unit is looked at beyond the one that reviews.
    """
    passed, seen = "", []
    for unit in units:
        seen.append(unit)
        if unit.relation == UPPER:
            if unit.eligible:
                return Route(unit.org_id, unit.role, passed)
            continue
        if unit.rostered and not unit.on_duty and unit.eligible:
            passed = "review_nobody_on_duty"
        elif unit.eligible < policy.review_least:
            passed = "review_too_few"
        else:
            return Route(unit.org_id, unit.role, "review_centre" if unit.relation == CENTRE else "review_own")
    for unit in seen:
        if unit.eligible:
            return Route(unit.org_id, unit.role, "review_no_upper")
    raise NoReviewer


def delegation_days(start: date, until: date, today: date, policy: ReferralPolicy) -> tuple[date, date]:
    """The half-open days of a delegation whose last day is `until`. Raises WrongDelegation."""
    if start < today:
        raise WrongDelegation(why="begins_past", most=policy.delegation_days)
    if until < start:
        raise WrongDelegation(why="ends_before", most=policy.delegation_days)
    end = until + timedelta(days=1)
    if (end - start).days > policy.delegation_days:
        raise WrongDelegation(why="delegation_too_long", most=policy.delegation_days)
    return start, end


def may_ask_again(asked: int, policy: ReferralPolicy) -> bool:
    """Whether a request that was not approved may be made once more. `asked`: how often it was made."""
    return asked < policy.review_requests
