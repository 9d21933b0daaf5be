"""The only writes of this room: visits, who answers for them, what notifiable diseases owe, records that are fed, and stays."""

from __future__ import annotations

from fenji.care.visits.actions.feed import Fed, feed
from fenji.care.visits.actions.handovers import (
    accept_hand_over,
    decline_hand_over,
    hand_over,
    withdraw_hand_over,
)
from fenji.care.visits.actions.infections import Parts, record_infection
from fenji.care.visits.actions.stays import FedStay, NewStay, admit, discharge, feed_stay, judge, place_in
from fenji.care.visits.actions.visits import NewVisit, close, kept_here, register, revise, settle

__all__ = [
    "Fed",
    "FedStay",
    "NewStay",
    "NewVisit",
    "Parts",
    "accept_hand_over",
    "admit",
    "close",
    "decline_hand_over",
    "discharge",
    "feed",
    "feed_stay",
    "hand_over",
    "judge",
    "kept_here",
    "place_in",
    "record_infection",
    "register",
    "revise",
    "settle",
    "withdraw_hand_over",
]
