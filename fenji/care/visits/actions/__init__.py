"""The only writes of this room: visits, who answers for them, the three parts of a notifiable disease, and records that are fed."""

from __future__ import annotations

from fenji.care.visits.actions.feed import Fed, feed
from fenji.care.visits.actions.handovers import (
    accept_hand_over,
    decline_hand_over,
    hand_over,
    withdraw_hand_over,
)
from fenji.care.visits.actions.infections import Parts, record_infection
from fenji.care.visits.actions.visits import NewVisit, close, kept_here, register, revise, settle

__all__ = [
    "Fed",
    "NewVisit",
    "Parts",
    "accept_hand_over",
    "close",
    "decline_hand_over",
    "feed",
    "hand_over",
    "kept_here",
    "record_infection",
    "register",
    "revise",
    "settle",
    "withdraw_hand_over",
]
