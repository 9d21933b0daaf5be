"""The verdict on a down-referral, and the order in which branches are proposed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from fenji.care.referral.rules.verdict import ALLOWED, NOT_ALLOWED
from fenji.ground.common.decision import Decision, Reason
from fenji.ground.common.refusal import Refused

NOT_FOR_DOWN = "not_for_down"


class MayNotGoDown(Refused):
    """Neither the phase nor the recommended list lets this patient go down today (SM-1-2b, QZ-2-11i)."""

    code = "may_not_go_down"


class NotReturned(Refused):
    """Only a patient who has arrived here from a hospital is returned to it."""

    code = "not_returned"


def judge_down(why: Sequence[str], clauses: Mapping[str, tuple[str, ...]], against: Iterable[Reason], pack_hash: str) -> Decision:
    """The verdict on sending an in-patient down.

    `why`: what speaks for it, as visits judges a stay; `clauses`: code → clauses it rests on; `against`: what stands against the
    branch, which a reason in words overcomes. Without anything that speaks for it, nobody goes down: an acute patient never does.
    """
    for_it = [Reason(f"down_{code}", clause) for code in why for clause in clauses[code]]
    if not for_it:
        return Decision(NOT_ALLOWED, tuple(Reason(NOT_FOR_DOWN, c) for found in clauses.values() for c in found), pack_hash)
    return Decision(ALLOWED, (*for_it, *against), pack_hash)


@dataclass(frozen=True, slots=True)
class Branch:
    """What a branch is ordered by. `home`: it keeps the resident's record; `allied`: of the hospital's community or alliance;
    `open`: how many down-referrals are on their way to it."""

    org_id: int
    feasible: bool
    home: bool
    allied: bool
    level: int
    open: int
    distance_km: Decimal | None


def order_down(found: Iterable[Branch]) -> list[Branch]:
    """Feasible ones first; the resident's own centre, then the own community, the lowest tier, the nearest, the least busy."""
    return sorted(
        found,
        key=lambda b: (
            not b.feasible, not b.home, not b.allied, b.level, b.distance_km is None, b.distance_km or 0, b.open, b.org_id,
        ),
    )  # fmt: skip
