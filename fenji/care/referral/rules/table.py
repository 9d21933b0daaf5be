"""The tables of the case, one for the way up and one for the way down: (state, party, action) → next state, holder, deadline. Pure.

Documents and buttons are made from the tables; nothing else decides what may happen next.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from fenji.care.referral.rules.review import OFFICE, REVIEWING
from fenji.ground.access import rules as access
from fenji.ground.common.refusal import Refused

UP, DOWN = DIRECTIONS = ("up", "down")
"""To a hospital of a higher level, or from a ward down to a branch (SM-1-2b, SM-3-6, QZ-2-11i)."""
ORIGIN, REVIEW, RECEIVER, WARD, HOUSE = "origin", "review", "receiver", "ward", "house"
"""Parties: the sending doctor's institution, the reviewer, the receiving desk, the receiving doctor, the house itself (its sweeps,
and what an emergency does to a case that was open before it)."""
UPPER = "upper"
"""The referral office of the unit above the reviewing one, once a review lies too long."""
BOTH = "both"
"""Who is told: origin and receiver."""

DRAFT, IN_REVIEW, RETURNED, OFFERED, ACCEPTED = "draft", "in_review", "returned", "offered", "accepted"
LOCAL = "local"
"""The reviewer found that the patient can be treated where they are; `returned` is asked to be completed."""
ARRIVED, ANSWERED, DECLINED, MISSED = "arrived", "answered", "declined", "missed"
CLOSED, WITHDRAWN, EXPIRED, CHOSE_ELSEWHERE, DIED = "closed", "withdrawn", "expired", "chose_elsewhere", "died"
REFUSED_TRANSFER, SUPERSEDED = "refused_transfer", "superseded"

OPEN_STATES = (DRAFT, IN_REVIEW, RETURNED, LOCAL, OFFERED, ACCEPTED, ARRIVED, ANSWERED, DECLINED, MISSED)
ENDS = (CLOSED, WITHDRAWN, EXPIRED, CHOSE_ELSEWHERE, DIED, REFUSED_TRANSFER, SUPERSEDED)
STATES = (*OPEN_STATES, *ENDS)

KNOWN_TO_RECEIVER = (OFFERED, ACCEPTED, ARRIVED, ANSWERED)
"""States in which the receiver expects or has the patient."""

MAIN_LINE = (DRAFT, IN_REVIEW, OFFERED, ACCEPTED, ARRIVED, ANSWERED, CLOSED)
DOWN_LINE = (DRAFT, OFFERED, ACCEPTED, CLOSED)
LINES = {UP: MAIN_LINE, DOWN: DOWN_LINE}
"""The stepper of the page; the other states stand beside it. On the way down the case closes when the patient arrives."""


EMERGENCY, CALM, CRITICAL, LAPSED = "emergency", "calm", "critical", "lapsed"
"""What must hold of a case for some rows: an emergency, none, marked critical, an emergency that was not accepted in time."""

RUNNING = "running"
"""In place of a deadline: step and deadline go on as they were."""


class NotYourMove(Refused):
    """The case is not waiting for this person's institution and role. detail: state."""

    code = "not_your_move"


class OwnReview(Refused):
    """A doctor cannot review their own referral (SM-3-5c)."""

    code = "own_review"


class NotPossible(Refused):
    """The action does not exist in the case's present state. detail: state."""

    code = "not_possible"


class NoteRequired(Refused):
    """The action needs a reason in words."""

    code = "note_required"


@dataclass(frozen=True, slots=True)
class Move:
    """One row of the table. `holder`: whose move is next ("" when ended). `limit`: the policy field of its deadline.
    `note`: a reason in words is needed. `tells`: the party that gets a notice, besides the next holder's task. `only`: what must
    hold of the case."""

    state: str
    holder: str
    role: str
    limit: str
    note: bool = False
    tells: str = ""
    only: str = ""


_TO_REVIEW = Move(IN_REVIEW, REVIEW, access.REVIEWER, "review_within")
_TO_OFFER = Move(OFFERED, RECEIVER, access.DESK, "accept_within")


def _end(state: str, *, note: bool = True, tells: str = "", only: str = "") -> Move:
    return Move(state, "", "", "", note, tells, only)


def _leaves_the_house(state: str, tells: str = "") -> dict[tuple[str, str, str], Move]:
    """What may happen to the patient while a case is in a state: chose another house, refuses to be transferred, died."""
    return {
        (state, ORIGIN, "chose_elsewhere"): _end(CHOSE_ELSEWHERE, tells=tells),
        (state, ORIGIN, "refuse"): _end(REFUSED_TRANSFER, tells=tells),
        (state, ORIGIN, "died"): _end(DIED, tells=tells),
    }


def _to_origin(state: str, limit: str) -> Move:
    return Move(state, ORIGIN, access.DOCTOR, limit, note=True)


_ARRIVES = Move(ARRIVED, RECEIVER, access.DOCTOR, "answer_within", tells=ORIGIN)


TABLE: dict[tuple[str, str, str], Move] = {
    (DRAFT, ORIGIN, "submit"): _TO_REVIEW,
    (DRAFT, ORIGIN, "offer"): _TO_OFFER,
    (DRAFT, ORIGIN, "withdraw"): _end(WITHDRAWN, note=False),
    (DRAFT, ORIGIN, "refuse"): _end(REFUSED_TRANSFER),
    (IN_REVIEW, REVIEW, "approve"): Move(OFFERED, RECEIVER, access.DESK, "accept_within", tells=ORIGIN),
    (IN_REVIEW, REVIEW, "complete"): _to_origin(RETURNED, "rework_within"),
    (IN_REVIEW, REVIEW, "treat_locally"): _to_origin(LOCAL, "rework_within"),
    (IN_REVIEW, UPPER, "take"): Move(IN_REVIEW, REVIEW, access.DESK, "review_within", tells=ORIGIN),
    (IN_REVIEW, ORIGIN, "withdraw"): _end(WITHDRAWN),
    **_leaves_the_house(IN_REVIEW),
    (RETURNED, ORIGIN, "submit"): _TO_REVIEW,
    (RETURNED, ORIGIN, "offer"): _TO_OFFER,
    (RETURNED, ORIGIN, "withdraw"): _end(WITHDRAWN),
    **_leaves_the_house(RETURNED),
    (LOCAL, ORIGIN, "treat_here"): _end(CLOSED, note=False),
    (LOCAL, ORIGIN, "ask_again"): replace(_TO_REVIEW, note=True),
    **_leaves_the_house(LOCAL),
    (OFFERED, RECEIVER, "accept"): Move(ACCEPTED, RECEIVER, access.DESK, "arrive_within", tells=ORIGIN),
    (OFFERED, RECEIVER, "decline"): _to_origin(DECLINED, "rework_within"),
    (OFFERED, RECEIVER, "redirect"): Move(OFFERED, RECEIVER, access.DESK, "accept_within", note=True, tells=ORIGIN),
    (OFFERED, RECEIVER, "arrive"): replace(_ARRIVES, only=EMERGENCY),
    (OFFERED, ORIGIN, "offer"): replace(_TO_OFFER, tells=RECEIVER, only=LAPSED),
    (OFFERED, ORIGIN, "leave"): Move(OFFERED, RECEIVER, access.DESK, RUNNING, tells=RECEIVER, only=CRITICAL),
    (OFFERED, ORIGIN, "withdraw"): _end(WITHDRAWN, tells=RECEIVER),
    **_leaves_the_house(OFFERED, RECEIVER),
    (OFFERED, HOUSE, "lapse"): Move(OFFERED, RECEIVER, access.DESK, RUNNING, tells=BOTH, only=EMERGENCY),
    (ACCEPTED, RECEIVER, "arrive"): _ARRIVES,
    (ACCEPTED, RECEIVER, "miss"): _to_origin(MISSED, "rework_within"),
    (ACCEPTED, ORIGIN, "leave"): Move(ACCEPTED, RECEIVER, access.DESK, RUNNING, tells=RECEIVER, only=CRITICAL),
    (ACCEPTED, ORIGIN, "withdraw"): _end(WITHDRAWN, tells=RECEIVER),
    **_leaves_the_house(ACCEPTED, RECEIVER),
    (ARRIVED, WARD, "answer"): Move(ANSWERED, ORIGIN, access.DOCTOR, "acknowledge_within", note=True),
    (ARRIVED, WARD, "died"): _end(DIED, tells=ORIGIN),
    (ANSWERED, ORIGIN, "acknowledge"): _end(CLOSED, note=False, tells=RECEIVER),
    (DECLINED, ORIGIN, "offer"): _TO_OFFER,
    (DECLINED, ORIGIN, "close"): _end(CLOSED),
    **_leaves_the_house(DECLINED),
    (MISSED, ORIGIN, "offer"): _TO_OFFER,
    (MISSED, ORIGIN, "close"): _end(CLOSED),
    **_leaves_the_house(MISSED),
    (DRAFT, HOUSE, "expire"): _end(EXPIRED, note=False),
    (RETURNED, HOUSE, "expire"): _end(EXPIRED, note=False, only=CALM),
    (LOCAL, HOUSE, "expire"): _end(EXPIRED, note=False, only=CALM),
    (DECLINED, HOUSE, "expire"): _end(EXPIRED, note=False, only=CALM),
    (MISSED, HOUSE, "expire"): _end(EXPIRED, note=False, only=CALM),
    (IN_REVIEW, HOUSE, "escalate"): replace(_TO_REVIEW, limit=RUNNING),
    **{
        (state, HOUSE, "supersede"): _end(SUPERSEDED, note=False, tells=BOTH, only=CALM if state in (OFFERED, ACCEPTED) else "")
        for state in OPEN_STATES
    },
}
"""Up-referrals. An emergency is offered at once; everything else follows the verdict. The clock never closes an emergency that was
sent; and an emergency ends the case that was open for the same disease, unless that is itself an emergency on its way. Nothing but
a reviewer leads out of a review to an offer: when it lies too long, more people may review, and no more (`escalate`, `take`)."""

_BRANCH = (RECEIVER, WARD)
"""On the way down: the desk or the head of the branch, and its doctors too, for a health centre has no referral desk."""

DOWN_TABLE: dict[tuple[str, str, str], Move] = {
    (DRAFT, ORIGIN, "offer"): _TO_OFFER,
    (DRAFT, ORIGIN, "withdraw"): _end(WITHDRAWN, note=False),
    (DRAFT, ORIGIN, "refuse"): _end(REFUSED_TRANSFER),
    (DRAFT, ORIGIN, "died"): _end(DIED),
    **{(OFFERED, p, "accept"): Move(ACCEPTED, RECEIVER, access.DESK, "arrive_within", tells=ORIGIN) for p in _BRANCH},
    **{(OFFERED, p, "decline"): _to_origin(DECLINED, "rework_within") for p in _BRANCH},
    (OFFERED, ORIGIN, "withdraw"): _end(WITHDRAWN, tells=RECEIVER),
    **_leaves_the_house(OFFERED, RECEIVER),
    **{(ACCEPTED, p, "arrive"): _end(CLOSED, note=False, tells=ORIGIN) for p in _BRANCH},
    **{(ACCEPTED, p, "miss"): _to_origin(MISSED, "rework_within") for p in _BRANCH},
    (ACCEPTED, ORIGIN, "withdraw"): _end(WITHDRAWN, tells=RECEIVER),
    **_leaves_the_house(ACCEPTED, RECEIVER),
    **{
        row: move
        for state in (DECLINED, MISSED)
        for row, move in {
            (state, ORIGIN, "offer"): _TO_OFFER,
            (state, ORIGIN, "close"): _end(CLOSED),
            **_leaves_the_house(state),
        }.items()
    },
    **{(state, HOUSE, "expire"): _end(EXPIRED, note=False) for state in (DRAFT, DECLINED, MISSED)},
}
"""Down-referrals. Nobody reviews them: the ward judges the phase, and the package is complete before they are offered (SM-3-6c).
Arrival closes the case: the branch is responsible from then on, and follows the plan."""

TABLES = {UP: TABLE, DOWN: DOWN_TABLE}
DOWN_STATES = tuple(s for s in STATES if s in {DRAFT, *(m.state for m in DOWN_TABLE.values())})
DOWN_UNSENT = tuple(s for s in DOWN_STATES if (s, ORIGIN, "offer") in DOWN_TABLE)
"""States in which the ward may still change what it wrote, and with whom it asks: before it asks, and when it was asked in vain."""


EXPIRING = tuple(s for s in OPEN_STATES if (s, HOUSE, "expire") in TABLE)
ACTIONS = tuple(sorted({action for table in TABLES.values() for _, _, action in table}))


@dataclass(frozen=True, slots=True)
class CaseView:
    """What the table needs to know of a case."""

    state: str
    origin_id: int
    receiver_id: int
    requester_id: UUID
    entered_by: UUID | None = None
    emergency: bool = False
    critical: bool = False
    lapsed: bool = False
    review_id: int | None = None
    upper_id: int | None = None
    direction: str = UP

    @property
    def table(self) -> dict[tuple[str, str, str], Move]:
        """The table of its direction."""
        return TABLES[self.direction]

    def holds(self, what: str) -> bool:
        """Whether a condition of the table holds."""
        return {
            "": True, EMERGENCY: self.emergency, CALM: not self.emergency, CRITICAL: self.critical, LAPSED: self.lapsed,
        }[what]  # fmt: skip


def party_of(case: CaseView, account_id: UUID, role: str, org_id: int, *, delegated: bool = False) -> str | None:
    """As which party somebody meets a case; None when they have no part in it. Raises OwnReview.

    `delegated`: somebody of their institution has asked them to review in these days; never their own (SM-3-5c).
    """
    reviewing = _in_review(case, role, org_id, delegated)
    own = account_id in (case.requester_id, case.entered_by)
    if reviewing is not None and not (own and role == access.DOCTOR and org_id == case.origin_id):
        if own:
            raise OwnReview
        return reviewing
    if org_id == case.origin_id:
        if role == access.DOCTOR:
            return ORIGIN
        if role in REVIEWING:
            if own:
                raise OwnReview
            return REVIEW if case.state != IN_REVIEW else None
    if org_id == case.receiver_id:
        return {access.DESK: RECEIVER, access.MANAGER: RECEIVER, access.DOCTOR: WARD}.get(role)
    return None


def _in_review(case: CaseView, role: str, org_id: int, delegated: bool) -> str | None:
    """As which party somebody meets a case that is in review, if they may decide on it or take it over."""
    if case.state != IN_REVIEW:
        return None
    if org_id == case.review_id and (delegated or role in (REVIEWING if org_id == case.origin_id else OFFICE)):
        return REVIEW
    return UPPER if org_id == case.upper_id and role in OFFICE else None


def step(case: CaseView, party: str | None, action: str) -> Move:
    """The row of the table that applies. Raises NotYourMove, NotPossible."""
    move = case.table.get((case.state, party or "", action))
    if move is not None and case.holds(move.only):
        return move
    if move is None and any(s == case.state and a == action for s, _, a in case.table):
        raise NotYourMove(state=case.state)
    raise NotPossible(state=case.state)


def open_actions(case: CaseView, party: str | None) -> tuple[str, ...]:
    """The actions a party may take now, in the order of the table."""
    return tuple(a for (s, p, a), move in case.table.items() if s == case.state and p == party and case.holds(move.only))


def duty_after(before: str, after: str) -> str:
    """Who is clinically responsible after a step: the origin until the patient has arrived, then the receiver.

    A case can end as closed without the patient ever having arrived; then the duty stays with the origin. On the way down arrival
    is what closes a case that was accepted.
    """
    arrived = after == ARRIVED or arrives_below(before, after)
    return RECEIVER if arrived or before in (ARRIVED, ANSWERED) else ORIGIN


def arrives_below(before: str, after: str) -> bool:
    """Whether a step is the arrival of somebody who was sent down; no other step leads from accepted to closed."""
    return (before, after) == (ACCEPTED, CLOSED)
