"""The only writes of this room. Each verb is one row of the table: state, event, audit, task and message change together."""

from __future__ import annotations

from fenji.care.referral.actions.beds import hold_bed, wait_for_bed
from fenji.care.referral.actions.consent import refuse
from fenji.care.referral.actions.down import Down, changeable, draft_down, return_up, revise_and_offer, revise_down
from fenji.care.referral.actions.facts import handed_out, identify
from fenji.care.referral.actions.house import expire_forgotten, inherit, lapse_unaccepted
from fenji.care.referral.actions.leaving import leave
from fenji.care.referral.actions.links import renew as renew_link
from fenji.care.referral.actions.links import revoke as revoke_link
from fenji.care.referral.actions.links import say
from fenji.care.referral.actions.meeting import met_by_link
from fenji.care.referral.actions.paper import BadFilingNumber, file_number
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
from fenji.care.referral.actions.slots import NO_WISH, Wish
from fenji.care.referral.actions.verbs import (
    Final,
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
from fenji.care.referral.actions.writing import (
    DuplicateOpen,
    NoSuchDoctor,
    NotInYourName,
    Plan,
    WrongReceiver,
    draft,
    revise,
    revise_and_send,
    submit,
    write_and_send,
)

__all__ = [
    "NO_WISH",
    "BadFilingNumber",
    "Down",
    "DuplicateOpen",
    "Final",
    "NoSuchDoctor",
    "NotInYourName",
    "Outcome",
    "Plan",
    "Wish",
    "WrongReceiver",
    "accept",
    "acknowledge",
    "answer",
    "approve",
    "approve_several",
    "arrive",
    "ask_again",
    "changeable",
    "complete",
    "decline",
    "delegate",
    "delegates",
    "draft",
    "draft_down",
    "end",
    "end_delegation",
    "expire_forgotten",
    "file_number",
    "handed_out",
    "hold_bed",
    "identify",
    "inherit",
    "lapse_unaccepted",
    "leave",
    "may_delegate",
    "met_by_link",
    "miss",
    "offer_again",
    "open_to_upper",
    "redirect",
    "refuse",
    "renew_link",
    "return_up",
    "revise",
    "revise_and_offer",
    "revise_and_send",
    "revise_down",
    "revoke_link",
    "say",
    "submit",
    "take",
    "treat_here",
    "treat_locally",
    "wait_for_bed",
    "write_and_send",
]
