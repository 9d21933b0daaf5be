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
NO_BED_WHYS = {rules.NO_SLOT: _("no bed suits"), rules.SILENT: _("free beds unknown")}
LEAVING = {
    "full": _("no slot can be found"),
    "arranged": _("arranged by phone"),
    "elsewhere": _("another institution is better"),
}
"""Why the desk takes somebody off the wait list."""
NO_BED_LEAVING = {"full": _("no bed can be found"), **{k: LEAVING[k] for k in ("arranged", "elsewhere")}}
"""The same of the wait list for beds."""

WARD_KINDS = {
    rules.ACUTE: _("Acute ward"),
    rules.REHABILITATION: _("Rehabilitation ward"),
    rules.LONG_TERM: _("Long-term care ward"),
}
BED_SEXES = {rules.MALE: _("men"), rules.FEMALE: _("women"), rules.ANY: _("as the room")}
BED_STATES = {rules.IN_USE: _("in use"), rules.CLOSED: _("closed")}
HOLD_STATES = {
    rules.HELD: _("bed held"),
    rules.CONFIRMED: _("confirmed"),
    rules.USED: _("lies there"),
    rules.RELEASED: _("bed given back"),
    rules.EXPIRED: _("ran out"),
}
RELEASING = {
    "not_coming": _("the patient does not come"),
    "needed": _("the ward needs the bed itself"),
    "unsuitable": _("the bed does not suit the patient"),
}
"""Why a bed is given back."""

STEPS = {
    "booking.bed_held": (_("waits for a bed"), _("Confirm the bed")),
    "booking.no_bed": (_("waits for a bed to become free"), _("Find a bed")),
    "booking.no_slot": (_("waits for a slot"), _("Give a slot")),
    "booking.to_move": (_("lost the slot"), _("Give another slot")),
}
NOTICES = {
    "booking.bed_confirmed": _("%(subject)s: the ward keeps the bed for the patient"),
    "booking.bed_released": _("%(subject)s: the ward cannot keep the bed; another is needed"),
    "booking.bed_offered": _("%(subject)s: a bed became free and is held for the patient; the ward is asked to confirm it"),
    "booking.no_bed_found": _("%(subject)s: the ward could not give a bed"),
    "booking.ward_closed": _("%(subject)s: the ward was closed; the patient waits for another ward of its kind"),
    "booking.bed_expired": _("%(subject)s: the bed was held too long and is free again"),
    "booking.moved": _("%(subject)s: the patient has another slot now"),
    "booking.placed": _("%(subject)s: the hospital has given a slot"),
    "booking.not_placed": _("%(subject)s: the hospital could not give a slot"),
    "booking.lost": _("%(subject)s: the session was cancelled; the hospital looks for another slot"),
    "booking.expired": _("%(subject)s: the slot was held too long and is free again"),
    "booking.kept": _("%(subject)s: a slot became free and is kept for the patient"),
    "booking.proposed": _("%(subject)s: a slot became free for somebody who waits"),
    "booking.cancelled": _("%(subject)s was cancelled by your own system; booked patients are to be moved"),
}

_OTHER_BED = _("Choose another bed, or ask the ward by phone.")
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
    "bed_closed": (_("This bed or its ward is closed."), _OTHER_BED),
    "bed_taken": (_("Somebody lies in this bed, or it is held for somebody."), _OTHER_BED),
    "bed_unknown": (
        _("The hospital's system has been silent for a while, so nobody knows whether this bed is free."),
        _("Put the patient on the wait list for the ward, or ask it by phone."),
    ),
    "bed_other_sex": (_("This bed is for the other sex."), _OTHER_BED),
    "room_other_sex": (_("Somebody of the other sex has a bed in this room."), _OTHER_BED),
    "bed_sex_unknown": (
        _("The patient's sex is not known, and this bed or its room is for one."),
        _("Choose a bed in an empty room, or complete the patient's record first."),
    ),
    "no_isolation": (_("The patient needs isolation, and this bed has none."), _OTHER_BED),
    "isolation_kept": (_("This bed is kept for patients who need isolation."), _OTHER_BED),
    "bed_empty": (
        _("By the census nobody lies in this bed."),
        _("Admit the patient to this bed, or move them there, then send again."),
    ),
    "bed_hold_ended": (_("The bed is not held any more."), _("Choose a bed again; somebody else may have this one by now.")),
    "bed_in_use": (
        _("Somebody lies in this bed or ward, or has a bed held there."),
        _("Move or discharge the patient, or give the bed back first."),
    ),
    "bad_ward": (_("This ward or bed cannot be: %(why)s."), _("Correct the field and send again.")),
    "bad_session": (_("This session cannot be: %(why)s."), _("Correct the field and send again.")),
}
WORDS = {
    "ward_kind": _("there is no such kind of ward"),
    "ward_partner": _("only a rehabilitation ward is shared, and with another institution"),
    "ward_doctors": _("a shared ward needs a doctor of each institution and the other one's department"),
    "ward_department": _("this department is part of a shared ward, or has a ward of its own"),
    "ward_name": _("the institution has a ward of this name"),
    "bed_name": _("the department has a bed of this name"),
    "bed_fields": _("the room, the name or the use is missing"),
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
