"""The verdict on an up-referral, with the clause each reason rests on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fenji.care.referral.rules.receivers import KEYS, OBSTACLES
from fenji.ground.common.clock import Span
from fenji.ground.common.decision import Decision, Reason
from fenji.ground.common.refusal import Refused

ALLOWED, NEEDS_REVIEW, NOT_ALLOWED = "allowed", "needs_review", "not_allowed"
OUTCOMES = (ALLOWED, NEEDS_REVIEW, NOT_ALLOWED)


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
    review_by_centre: bool
    review_least: int
    review_roster_days: int
    review_requests: int
    delegation_days: int
    emergency_skips: bool
    receiver_fit: bool
    receiver_keys: tuple[str, ...]
    child_below_years: int
    draft_within: Span
    review_within: Span
    review_again_within: Span
    review_upper_after: Span
    rework_within: Span
    accept_within: Span
    accept_emergency_within: Span
    arrive_within: Span
    answer_within: Span
    acknowledge_within: Span
    expires_after: Span
    green_lapses: bool
    late_within: Span
    declines_escalate: int
    declined_tells: tuple[str, ...]
    consent_required: bool
    meet_within: Span
    slip_valid_days: int
    return_reviewed: bool
    down_receivers: tuple[str, ...]

    def __post_init__(self) -> None:
        """Only keys there are, each once."""
        if not set(self.receiver_keys) <= set(KEYS) or len(set(self.receiver_keys)) < len(self.receiver_keys):
            raise ValueError(f"not an order of receivers: {self.receiver_keys}")


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
    primary institution of the township. `returned`: goes back to the hospital that sent them down. `obstacles`: what stands
    against this receiver taking this patient, see `receivers`."""

    emergency: bool
    in_catalogue: bool
    treatable_here: bool
    origin_is_primary: bool
    origin_level: int
    receiver_level: int
    override: bool
    treatable_nearby: bool = False
    obstacles: tuple[str, ...] = ()
    returned: bool = False


REASON_ASKED = frozenset({"treatable_here", "treatable_nearby", "level_skipped", "level_override", "bypassed_primary", *OBSTACLES})
"""Reasons after which the doctor must say in words why the patient goes up all the same."""


def judge(facts: Facts, grounds: Grounds) -> Decision:
    """The verdict on one up-referral (SM-3-4a, 3-4b, 3-5b, 3-5c, or the platform's defaults elsewhere).

    `facts.override`: the doctor has given a reason for skipping a level.
    """
    policy = grounds.policy
    if facts.receiver_level <= facts.origin_level:
        code = "lateral" if facts.receiver_level == facts.origin_level else "not_upwards"
        return Decision(NOT_ALLOWED, (grounds.reason(code, "level_by_level"),), grounds.pack_hash)
    against = tuple(grounds.reason(code, "receiver_fit") for code in facts.obstacles)
    if facts.emergency and policy.emergency_skips:
        return Decision(ALLOWED, (grounds.reason("emergency", "emergency_skips"), *against), grounds.pack_hash)
    if not facts.in_catalogue:
        return Decision(ALLOWED, (grounds.reason("not_in_catalogue", "first_contact"), *against), grounds.pack_hash)
    if facts.returned and not policy.return_reviewed:
        return Decision(ALLOWED, (grounds.reason("returned_up", "return_reviewed"), *against), grounds.pack_hash)
    levels, skipped = _levels(facts, grounds)
    reasons = [*_first_contact(facts, grounds), *levels, *against]
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


@dataclass(frozen=True, slots=True)
class Question:
    """One of the questions behind a verdict. `answer` None: it is not asked here, because its switch is off."""

    code: str
    answer: bool | None
    reason: Reason


def questions(facts: Facts, grounds: Grounds) -> tuple[Question, ...]:
    """What the card answers beside the verdict: catalogue, emergency, treatable here, level by level, lateral."""
    policy = grounds.policy

    def asked(code: str, answer: bool, name: str, *, on: bool = True) -> Question:
        return Question(code, answer if on else None, grounds.reason(code, name))

    one_step = facts.receiver_level - facts.origin_level <= policy.levels_per_step
    return (
        asked("q_emergency", facts.emergency, "emergency_skips"),
        asked("q_catalogue", facts.in_catalogue, "first_contact"),
        asked("q_treatable", facts.treatable_here, "first_contact"),
        asked("q_levels", one_step, "level_by_level", on=policy.level_by_level and facts.in_catalogue),
        asked("q_lateral", facts.receiver_level == facts.origin_level, "level_by_level"),
    )


def reason_asked(codes: Iterable[str]) -> bool:
    """True when one of a verdict's reasons means that the doctor must say why in words. An emergency is not held up by that."""
    found = set(codes)
    return "emergency" not in found and not REASON_ASKED.isdisjoint(found)
