"""The only writes of this room: sessions, what the hospital's own system says, bookings, the wait list, wards, beds and
their holds, sweeps."""

from fenji.care.booking.actions.beds import (
    NewBed,
    NewWard,
    add_bed,
    change_bed,
    change_ward,
    close_ward,
    confirm_bed,
    hold_bed,
    open_ward,
    release_bed,
    release_beds,
    settle_beds,
    use_bed,
)
from fenji.care.booking.actions.bedwait import offer_beds, wait_for_bed
from fenji.care.booking.actions.bookings import Who, confirm, extend, hold, miss, move, register_given, release, use
from fenji.care.booking.actions.house import end_bed_holds, end_holds, inherit, propose
from fenji.care.booking.actions.sessions import NewSession, away, cancel, feed, heard, open_sessions, take_outside
from fenji.care.booking.actions.waiting import leave, place, wait

__all__ = [
    "NewBed",
    "NewSession",
    "NewWard",
    "Who",
    "add_bed",
    "away",
    "cancel",
    "change_bed",
    "change_ward",
    "close_ward",
    "confirm",
    "confirm_bed",
    "end_bed_holds",
    "end_holds",
    "extend",
    "feed",
    "heard",
    "hold",
    "hold_bed",
    "inherit",
    "leave",
    "miss",
    "move",
    "offer_beds",
    "open_sessions",
    "open_ward",
    "place",
    "propose",
    "register_given",
    "release",
    "release_bed",
    "release_beds",
    "settle_beds",
    "take_outside",
    "use",
    "use_bed",
    "wait",
    "wait_for_bed",
]
