"""The only writes of this room. Each verb is one row of the table: state, event, audit, task and message change together."""

from __future__ import annotations

from fenji.care.referral.actions.facts import handed_out, identify
from fenji.care.referral.actions.house import expire_forgotten, inherit
from fenji.care.referral.actions.links import renew as renew_link
from fenji.care.referral.actions.links import revoke as revoke_link
from fenji.care.referral.actions.paper import BadFilingNumber, file_number
from fenji.care.referral.actions.slots import NO_WISH, Wish
from fenji.care.referral.actions.verbs import (
    accept,
    acknowledge,
    answer,
    approve,
    arrive,
    decline,
    end,
    miss,
    offer_again,
    redirect,
    send_back,
)
from fenji.care.referral.actions.writing import DuplicateOpen, Plan, WrongReceiver, draft, revise, send_just_written, submit

__all__ = [
    "NO_WISH",
    "BadFilingNumber",
    "DuplicateOpen",
    "Plan",
    "Wish",
    "WrongReceiver",
    "accept",
    "acknowledge",
    "answer",
    "approve",
    "arrive",
    "decline",
    "draft",
    "end",
    "expire_forgotten",
    "file_number",
    "handed_out",
    "identify",
    "inherit",
    "miss",
    "offer_again",
    "redirect",
    "renew_link",
    "revise",
    "revoke_link",
    "send_back",
    "send_just_written",
    "submit",
]
