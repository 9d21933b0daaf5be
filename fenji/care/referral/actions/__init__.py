"""The only writes of this room. Each verb is one row of the table: state, event, audit, task and message change together."""

from __future__ import annotations

from fenji.care.referral.actions.facts import handed_out, identify
from fenji.care.referral.actions.house import expire_forgotten, inherit
from fenji.care.referral.actions.review import (
    Outcome,
    approve,
    approve_several,
    ask_again,
    complete,
    delegate,
    delegates,
    end_delegation,
    may_delegate,
    open_to_upper,
    take,
    treat_here,
    treat_locally,
)
from fenji.care.referral.actions.verbs import (
    accept,
    acknowledge,
    answer,
    arrive,
    decline,
    end,
    miss,
    offer_again,
    redirect,
)
from fenji.care.referral.actions.writing import DuplicateOpen, Plan, WrongReceiver, draft, revise, send_just_written, submit

__all__ = [
    "DuplicateOpen",
    "Outcome",
    "Plan",
    "WrongReceiver",
    "accept",
    "acknowledge",
    "answer",
    "approve",
    "approve_several",
    "arrive",
    "ask_again",
    "complete",
    "decline",
    "delegate",
    "delegates",
    "draft",
    "end",
    "end_delegation",
    "expire_forgotten",
    "handed_out",
    "identify",
    "inherit",
    "may_delegate",
    "miss",
    "offer_again",
    "open_to_upper",
    "redirect",
    "revise",
    "send_just_written",
    "submit",
    "take",
    "treat_here",
    "treat_locally",
]
