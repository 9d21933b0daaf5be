"""What answers, verdicts, steps, notices and refusals of this room are called."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from fenji.ground.common.edge import register_refusals, register_words
from fenji.ground.tasks import kinds

ANSWERS = {"yes": _("Yes"), "no": _("No"), "unsure": _("Cannot say"), "": _("Not settled yet")}
DIMENSIONS = {"appropriate": _("Was the referral appropriate?"), "compliant": _("Was it done by the rules?")}
SIDES = {"branch": _("Branches"), "disease": _("Diseases"), "doctor": _("Doctors")}
SIDE = {"branch": _("Branch"), "disease": _("Disease"), "doctor": _("Doctor")}
VERDICTS = {
    "within": _("As usual"),
    "warning_high": _("High"),
    "alarm_high": _("Very high"),
    "warning_low": _("Low"),
    "alarm_low": _("Very low"),
    "too_few": _("Too few to judge"),
}
STATES = {
    "opened": _("Waits for an explanation"),
    "explained": _("Explained, waits for confirmation"),
    "confirmed": _("Confirmed, being corrected"),
    "closed": _("Closed"),
}
STEPS = {
    "open": _("Found by the monthly count"),
    "explain": _("Cause and correction written"),
    "send_back": _("Sent back"),
    "confirm": _("Confirmed"),
    "close": _("Closed"),
}
_WHY = {
    "own_referral": _("you asked for this referral or decided it"),
    "same_reader": _("you have read it already"),
    "enough_read": _("it is settled"),
    "no_such_step": _("its present state does not lead there"),
    "same_person": _("somebody other than its writer confirms an explanation"),
    "cause_missing": _("the cause is missing"),
    "correction_missing": _("the correction is missing"),
    "due_missing": _("the last day of the correction is missing"),
    "due_past": _("the last day of the correction is over"),
    "due_far": _("the last day of the correction is too far away"),
    "note_missing": _("a few words on what is missing are needed"),
}


def register() -> None:
    """Called once at start-up."""
    kinds.register("quality.review", _("Sampled referrals are to be reviewed"), _("Review"))
    kinds.register("outlier.opened", _("A high referral rate is to be explained"), _("Explain"))
    kinds.register("outlier.explained", _("An explanation waits for confirmation"), _("Confirm"))
    kinds.register("outlier.confirmed", _("A correction comes to its last day"), _("Close"))
    kinds.register_notice("quality.results", _("The review of sampled referrals has its results: %(subject)s"))
    kinds.register_notice("quality.closed", _("A review cycle is closed: %(subject)s"))
    kinds.register_notice("quality.overdue", _("A review cycle is overdue: %(subject)s"))
    register_words(_WHY)
    register_refusals(
        {
            "not_your_reading": (
                _("This referral is not yours to read: %(why)s."),
                _("Go on with the next one; a colleague reads this one."),
            ),
            "reading_note": (
                _("An answer other than yes needs a few words."),
                _("Write what the doctor should know, then send again."),
            ),
            "cycle_not_done": (
                _("%(left)s sampled referrals still wait for a reader."),
                _("Read them, or ask a colleague to read those that you may not."),
            ),
            "outlier_step": (
                _("This cannot be done now: %(why)s."),
                _("A correction takes %(days)s days at most. Look at the page again, mend it and send again."),
            ),
        }
    )
