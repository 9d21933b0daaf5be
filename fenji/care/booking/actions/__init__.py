"""The only writes of this room: sessions, what the hospital's own system says, bookings, the wait list, sweeps."""

from fenji.care.booking.actions.bookings import Who, confirm, extend, hold, miss, move, register_given, release, use
from fenji.care.booking.actions.house import end_holds, inherit, propose
from fenji.care.booking.actions.sessions import NewSession, away, cancel, feed, heard, open_sessions, take_outside
from fenji.care.booking.actions.waiting import leave, place, wait

__all__ = [
    "NewSession",
    "Who",
    "away",
    "cancel",
    "confirm",
    "end_holds",
    "extend",
    "feed",
    "heard",
    "hold",
    "inherit",
    "leave",
    "miss",
    "move",
    "open_sessions",
    "place",
    "propose",
    "register_given",
    "release",
    "take_outside",
    "use",
    "wait",
]
