"""The only reads of this room offered to others: a case, its timeline, the verdict, the receivers; facts without persons."""

from __future__ import annotations

from fenji.care.referral.queries.cases import case, cases_of, cases_of_institution, phone_of, timeline, view_of
from fenji.care.referral.queries.facts import Fact, Identity, Wanted, counties_within, fact, fact_steps, facts
from fenji.care.referral.queries.judging import Candidate, Judge, candidates, grounds, judge_at
from fenji.care.referral.queries.review import (
    asked_at,
    asked_with,
    decisions_of,
    delegation,
    delegation_of,
    delegations,
    delegations_on,
    may_be_taken,
    party_of,
    past_delegations,
    reviews,
    route,
    upper_of,
    waiting_for_review,
)

__all__ = [
    "Candidate",
    "Fact",
    "Identity",
    "Judge",
    "Wanted",
    "asked_at",
    "asked_with",
    "candidates",
    "case",
    "cases_of",
    "cases_of_institution",
    "counties_within",
    "decisions_of",
    "delegation",
    "delegation_of",
    "delegations",
    "delegations_on",
    "fact",
    "fact_steps",
    "facts",
    "grounds",
    "judge_at",
    "may_be_taken",
    "party_of",
    "past_delegations",
    "phone_of",
    "reviews",
    "route",
    "timeline",
    "upper_of",
    "view_of",
    "waiting_for_review",
]
