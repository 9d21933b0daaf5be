"""What this room's states, steps, notices and refusals are called."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from fenji.care.booking import rules
from fenji.ground.common.edge import register_refusals, register_words
from fenji.ground.tasks import kinds

KINDS = {rules.CLINIC: _("Clinic"), rules.EXAMINATION: _("Examination")}
PRIORITIES = {
    rules.EMERGENCY: _("Emergency"),
    rules.UP_REFERRED: _("Up-referred"),
    rules.RETURNING: _("Coming back"),
    rules.PUBLIC: _("Public"),
}
STATES = {
    rules.HELD: _("held"),
    rules.CONFIRMED: _("confirmed"),
    rules.USED: _("came"),
    rules.MISSED: _("did not come"),
    rules.RELEASED: _("given back"),
    rules.TO_MOVE: _("to be moved"),
}
WHYS = {rules.NO_SLOT: _("nothing free"), rules.SILENT: _("free slots unknown")}
LEAVING = {
    "full": _("no slot can be found"),
    "arranged": _("arranged by phone"),
    "elsewhere": _("another institution is better"),
}
"""Why the desk takes somebody off the wait list."""

STEPS = {
    "booking.no_slot": (_("waits for a slot"), _("Give a slot")),
    "booking.to_move": (_("lost the slot"), _("Give another slot")),
}
NOTICES = {
    "booking.moved": _("%(subject)s: the patient has another slot now"),
    "booking.placed": _("%(subject)s: the hospital has given a slot"),
    "booking.not_placed": _("%(subject)s: the hospital could not give a slot"),
    "booking.lost": _("%(subject)s: the session was cancelled; the hospital looks for another slot"),
    "booking.expired": _("%(subject)s: the slot was held too long and is free again"),
    "booking.kept": _("%(subject)s: a slot became free and is kept for the patient"),
    "booking.proposed": _("%(subject)s: a slot became free for somebody who waits"),
    "booking.cancelled": _("%(subject)s was cancelled by your own system; booked patients are to be moved"),
}

_ANOTHER = _("Choose another slot, or put the patient on the wait list.")
REFUSALS = {
    "slot_taken": (_("Somebody else has this slot."), _ANOTHER),
    "slot_kept": (_("This slot is kept for somebody who waits and comes first."), _ANOTHER),
    "quota_only": (_("This slot is reserved for patients whom primary care refers."), _ANOTHER),
    "session_closed": (_("This session was cancelled, or its time has come."), _ANOTHER),
    "feed_unknown": (
        _("The hospital's system has been silent for a while, so nobody knows whether this slot is free."),
        _("Put the patient on the wait list: the hospital's desk confirms a slot."),
    ),
    "hold_ended": (
        _("The slot is not held any more."),
        _("Choose a slot again; somebody else may have this one by now."),
    ),
    "already_waiting": (
        _("The patient is on a wait list for this already."),
        _("Wait for the hospital's answer, or take the patient off that list first."),
    ),
    "bad_session": (_("This session cannot be: %(why)s."), _("Correct the field and send again.")),
}
WORDS = {
    "session_times": _("it ends before it begins"),
    "session_past": _("it lies in the past"),
    "session_long": _("it is longer than a day"),
    "session_places": _("it has no places, more than the policy allows, or more than minutes"),
    "session_reserved": _("more places are reserved than there are"),
    "session_item": _("an examination needs the code of its item"),
}


def register() -> None:
    """Called once at start-up."""
    register_refusals(REFUSALS)
    register_words(WORDS)
    for code, (waiting, verb) in STEPS.items():
        kinds.register(code, waiting, verb)
    for code, text in NOTICES.items():
        kinds.register_notice(code, text)
