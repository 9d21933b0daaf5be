"""Down-referrals for tests: from the county hospital's ward to the doctor's township, with their package."""

from __future__ import annotations

from datetime import datetime

from fenji.care.continuity import actions as continuity
from fenji.care.referral import actions
from fenji.care.referral.models import Case
from fenji.care.visits import actions as visits
from fenji.ground.access.rules import Actor
from fenji.ground.common.edge import now
from tests.cast import CONSENT, person
from tests.continuity import PLAN, SIGNS, WHOLE, a_stay


def a_down(
    by: Actor, *, at: datetime | None = None, phase: str = "acute_recovery", whole: bool = True, receiver: int = 0, **more: object
) -> Case:
    """A draft of somebody new in a bed of the actor's hospital; call inside the scope of its doctor. `whole`: with its package."""
    at = at or now()
    stay = a_stay(by, at)
    if phase:
        stay = visits.judge(stay.pk, phase, version=stay.version, by=by, at=at)
    first = {"summary": "please watch the left leg", "consent": CONSENT, **more}
    case = actions.draft_down(stay, actions.Down(receiver or person("doctor").org_id, **first), by=by, at=at)  # type: ignore[arg-type]
    if whole:
        continuity.write_package(case.number, stay, WHOLE, SIGNS, PLAN, by=by, at=at)
    return case


def offered_down(by: Actor, **more: object) -> Case:
    """The same, offered; call inside the scope of the ward's doctor."""
    case = a_down(by, **more)  # type: ignore[arg-type]
    return actions.offer_again(case.number, case.receiver_id, version=case.version, by=by, at=now())
