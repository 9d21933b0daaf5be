"""The verdict on an up-referral, and the one table of the case: (state, party, action) → next state, holder, deadline. Pure.

Documents and buttons are made from the table; nothing else decides what may happen next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from fenji.ground.access import rules as access
from fenji.ground.common.clock import Span
from fenji.ground.common.decision import Decision, Reason
from fenji.ground.common.refusal import Refused

ORIGIN, REVIEW, RECEIVER, WARD, HOUSE = "origin", "review", "receiver", "ward", "house"
"""Parties: the sending doctor's institution, its reviewer, the receiving desk, the receiving doctor, the house's sweeps."""

DRAFT, IN_REVIEW, RETURNED, OFFERED, ACCEPTED = "draft", "in_review", "returned", "offered", "accepted"
ARRIVED, ANSWERED, DECLINED, MISSED = "arrived", "answered", "declined", "missed"
CLOSED, WITHDRAWN, EXPIRED, CHOSE_ELSEWHERE, DIED = "closed", "withdrawn", "expired", "chose_elsewhere", "died"

OPEN_STATES = (DRAFT, IN_REVIEW, RETURNED, OFFERED, ACCEPTED, ARRIVED, ANSWERED, DECLINED, MISSED)
ENDS = (CLOSED, WITHDRAWN, EXPIRED, CHOSE_ELSEWHERE, DIED)
STATES = (*OPEN_STATES, *ENDS)
MAIN_LINE = (DRAFT, IN_REVIEW, OFFERED, ACCEPTED, ARRIVED, ANSWERED, CLOSED)
"""The stepper of the page; the other states stand beside it."""

ALLOWED, NEEDS_REVIEW, NOT_ALLOWED = "allowed", "needs_review", "not_allowed"
OUTCOMES = (ALLOWED, NEEDS_REVIEW, NOT_ALLOWED)


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


class VerdictForbids(Refused):
    """The policy does not allow this referral as it stands."""

    code = "verdict_forbids"


@dataclass(frozen=True, slots=True)
class ReferralPolicy:
    """Switches and time limits of referrals, as they bind at the origin (until offered) or the receiver (from then on)."""

    first_contact: bool
    county_counts_when_unable: bool
    level_by_level: bool
    levels_per_step: int
    review_catalogue: bool
    emergency_skips: bool
    draft_within: Span
    review_within: Span
    rework_within: Span
    accept_within: Span
    accept_emergency_within: Span
    arrive_within: Span
    answer_within: Span
    acknowledge_within: Span
    expires_after: Span


@dataclass(frozen=True, slots=True)
class Grounds:
    """A policy with the clause each of its fields was read from, and the hash of the packs.

    `changes`: ids of the approved changes that gave fields their value in place of the clause's own.
    """

    policy: ReferralPolicy
    clauses: Mapping[str, str]
    pack_hash: str
    changes: Mapping[str, str] = field(default_factory=dict)

    def reason(self, code: str, name: str) -> Reason:
        """A reason that rests on one parameter."""
        value = str(getattr(self.policy, name))
        return Reason(code, self.clauses[name], f"referral.{name}", value, self.changes.get(name, ""))


@dataclass(frozen=True, slots=True)
class Facts:
    """What the verdict looks at. Levels: ranks of care tiers, 0 for village. `treatable_nearby`: not here, but at another public
    primary institution of the township."""

    emergency: bool
    in_catalogue: bool
    treatable_here: bool
    origin_is_primary: bool
    origin_level: int
    receiver_level: int
    override: bool
    treatable_nearby: bool = False


REASON_ASKED = frozenset({"treatable_here", "treatable_nearby", "level_skipped", "level_override", "bypassed_primary"})
"""Reasons after which the doctor must say in words why the patient goes up all the same."""


def judge(facts: Facts, grounds: Grounds) -> Decision:
    """The verdict on one up-referral (SM-3-4a, 3-4b, 3-5b, 3-5c, or the platform's defaults elsewhere).

    `facts.override`: the doctor has given a reason for skipping a level.
    """
    policy = grounds.policy
    if facts.receiver_level <= facts.origin_level:
        return Decision(NOT_ALLOWED, (grounds.reason("not_upwards", "level_by_level"),), grounds.pack_hash)
    if facts.emergency and policy.emergency_skips:
        return Decision(ALLOWED, (grounds.reason("emergency", "emergency_skips"),), grounds.pack_hash)
    if not facts.in_catalogue:
        return Decision(ALLOWED, (grounds.reason("not_in_catalogue", "first_contact"),), grounds.pack_hash)
    levels, skipped = _levels(facts, grounds)
    reasons = [*_first_contact(facts, grounds), *levels]
    outcome = NOT_ALLOWED if skipped and not facts.override else ALLOWED
    if policy.review_catalogue:
        reasons.append(grounds.reason("review_required", "review_catalogue"))
        outcome = NEEDS_REVIEW if outcome == ALLOWED else outcome
    return Decision(outcome, tuple(reasons), grounds.pack_hash)


def _first_contact(facts: Facts, grounds: Grounds) -> list[Reason]:
    policy = grounds.policy
    if not policy.first_contact:
        return []
    if facts.treatable_here:
        return [grounds.reason("treatable_here", "first_contact")]
    if facts.origin_is_primary:
        kept = grounds.reason("first_contact_here", "first_contact")
        unable = "treatable_nearby" if facts.treatable_nearby else "county_counts"
        return [kept, *([grounds.reason(unable, "county_counts_when_unable")] if policy.county_counts_when_unable else [])]
    return [grounds.reason("bypassed_primary", "first_contact")]


def _levels(facts: Facts, grounds: Grounds) -> tuple[list[Reason], bool]:
    policy = grounds.policy
    if not policy.level_by_level:
        return [], False
    if facts.receiver_level - facts.origin_level <= policy.levels_per_step:
        return [grounds.reason("next_level", "level_by_level")], False
    return [grounds.reason("level_override" if facts.override else "level_skipped", "level_by_level")], True


def reason_asked(codes: Iterable[str]) -> bool:
    """True when one of a verdict's reasons means that the doctor must say why in words."""
    return not REASON_ASKED.isdisjoint(codes)


@dataclass(frozen=True, slots=True)
class Move:
    """One row of the table. `holder`: whose move is next ("" when ended). `limit`: the policy field of its deadline.
    `note`: a reason in words is needed. `tells`: the party that gets a notice, besides the next holder's task."""

    state: str
    holder: str
    role: str
    limit: str
    note: bool = False
    tells: str = ""


_TO_REVIEW = Move(IN_REVIEW, ORIGIN, access.REVIEWER, "review_within")
_TO_OFFER = Move(OFFERED, RECEIVER, access.DESK, "accept_within")


def _end(state: str, *, note: bool = True, tells: str = "") -> Move:
    return Move(state, "", "", "", note, tells)


def _to_origin(state: str, limit: str) -> Move:
    return Move(state, ORIGIN, access.DOCTOR, limit, note=True)


TABLE: dict[tuple[str, str, str], Move] = {
    (DRAFT, ORIGIN, "submit"): _TO_REVIEW,
    (DRAFT, ORIGIN, "offer"): _TO_OFFER,
    (DRAFT, ORIGIN, "withdraw"): _end(WITHDRAWN, note=False),
    (IN_REVIEW, REVIEW, "approve"): Move(OFFERED, RECEIVER, access.DESK, "accept_within", tells=ORIGIN),
    (IN_REVIEW, REVIEW, "return"): _to_origin(RETURNED, "rework_within"),
    (IN_REVIEW, ORIGIN, "withdraw"): _end(WITHDRAWN),
    (RETURNED, ORIGIN, "submit"): _TO_REVIEW,
    (RETURNED, ORIGIN, "offer"): _TO_OFFER,
    (RETURNED, ORIGIN, "withdraw"): _end(WITHDRAWN),
    (OFFERED, RECEIVER, "accept"): Move(ACCEPTED, RECEIVER, access.DESK, "arrive_within", tells=ORIGIN),
    (OFFERED, RECEIVER, "decline"): _to_origin(DECLINED, "rework_within"),
    (OFFERED, RECEIVER, "redirect"): Move(OFFERED, RECEIVER, access.DESK, "accept_within", note=True, tells=ORIGIN),
    (OFFERED, ORIGIN, "withdraw"): _end(WITHDRAWN, tells=RECEIVER),
    (OFFERED, ORIGIN, "chose_elsewhere"): _end(CHOSE_ELSEWHERE, tells=RECEIVER),
    (OFFERED, ORIGIN, "died"): _end(DIED, tells=RECEIVER),
    (ACCEPTED, RECEIVER, "arrive"): Move(ARRIVED, RECEIVER, access.DOCTOR, "answer_within", tells=ORIGIN),
    (ACCEPTED, RECEIVER, "miss"): _to_origin(MISSED, "rework_within"),
    (ACCEPTED, ORIGIN, "withdraw"): _end(WITHDRAWN, tells=RECEIVER),
    (ACCEPTED, ORIGIN, "chose_elsewhere"): _end(CHOSE_ELSEWHERE, tells=RECEIVER),
    (ACCEPTED, ORIGIN, "died"): _end(DIED, tells=RECEIVER),
    (ARRIVED, WARD, "answer"): Move(ANSWERED, ORIGIN, access.DOCTOR, "acknowledge_within", note=True),
    (ARRIVED, WARD, "died"): _end(DIED, tells=ORIGIN),
    (ANSWERED, ORIGIN, "acknowledge"): _end(CLOSED, note=False, tells=RECEIVER),
    (DECLINED, ORIGIN, "offer"): _TO_OFFER,
    (DECLINED, ORIGIN, "close"): _end(CLOSED),
    (MISSED, ORIGIN, "offer"): _TO_OFFER,
    (MISSED, ORIGIN, "close"): _end(CLOSED),
    (DRAFT, HOUSE, "expire"): _end(EXPIRED, note=False),
    (RETURNED, HOUSE, "expire"): _end(EXPIRED, note=False),
    (DECLINED, HOUSE, "expire"): _end(EXPIRED, note=False),
    (MISSED, HOUSE, "expire"): _end(EXPIRED, note=False),
}
"""Up-referrals. An emergency is offered at once; everything else follows the verdict."""

EXPIRING = tuple(s for s in OPEN_STATES if (s, HOUSE, "expire") in TABLE)
ACTIONS = tuple(sorted({action for _, _, action in TABLE}))


@dataclass(frozen=True, slots=True)
class CaseView:
    """What the table needs to know of a case."""

    state: str
    origin_id: int
    receiver_id: int
    requester_id: UUID


def party_of(case: CaseView, account_id: UUID, role: str, org_id: int) -> str | None:
    """As which party somebody meets a case; None when they have no part in it. Raises OwnReview."""
    if org_id == case.origin_id:
        if role == access.DOCTOR:
            return ORIGIN
        if role in (access.REVIEWER, access.MANAGER):
            if account_id == case.requester_id:
                raise OwnReview
            return REVIEW
    if org_id == case.receiver_id:
        return {access.DESK: RECEIVER, access.MANAGER: RECEIVER, access.DOCTOR: WARD}.get(role)
    return None


def step(case: CaseView, party: str | None, action: str) -> Move:
    """The row of the table that applies. Raises NotYourMove, NotPossible."""
    move = TABLE.get((case.state, party or "", action))
    if move is not None:
        return move
    if any(s == case.state and a == action for s, _, a in TABLE):
        raise NotYourMove(state=case.state)
    raise NotPossible(state=case.state)


def open_actions(case: CaseView, party: str | None) -> tuple[str, ...]:
    """The actions a party may take now, in the order of the table."""
    return tuple(a for s, p, a in TABLE if s == case.state and p == party)


def duty_after(before: str, after: str) -> str:
    """Who is clinically responsible after a step: the origin until the patient has arrived, then the receiver.

    A case can end as closed without the patient ever having arrived; then the duty stays with the origin.
    """
    return RECEIVER if after == ARRIVED or before in (ARRIVED, ANSWERED) else ORIGIN
