"""The only reads of this room offered to others: a case, its timeline, the verdict, the receivers; facts without persons."""

from __future__ import annotations

from fenji.care.referral.queries.cases import (
    belonging,
    case,
    cases_of,
    cases_of_institution,
    clock_of,
    clocks,
    consent,
    doctors_of,
    ended_of,
    open_elsewhere,
    open_here,
    phone_of,
    timeline,
    transfer,
    view_of,
)
from fenji.care.referral.queries.facts import Fact, Identity, Wanted, counties_within, fact, fact_steps, facts
from fenji.care.referral.queries.judging import Candidate, Judge, Subject, candidates, grounds, judge_at, slots_at
from fenji.care.referral.queries.links import OwnPage, address_of, link_of, own_page, url_for
from fenji.care.referral.queries.register import in_month, register

__all__ = [
    "Candidate",
    "Fact",
    "Identity",
    "Judge",
    "OwnPage",
    "Subject",
    "Wanted",
    "address_of",
    "belonging",
    "candidates",
    "case",
    "cases_of",
    "cases_of_institution",
    "clock_of",
    "clocks",
    "consent",
    "counties_within",
    "doctors_of",
    "ended_of",
    "fact",
    "fact_steps",
    "facts",
    "grounds",
    "in_month",
    "judge_at",
    "link_of",
    "open_elsewhere",
    "open_here",
    "own_page",
    "phone_of",
    "register",
    "slots_at",
    "timeline",
    "transfer",
    "url_for",
    "view_of",
]
