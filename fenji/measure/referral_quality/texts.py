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
ALERTS = {
    "discharge_instead": _("Discharged in place of a referral"),
    "bypass": _("Primary care passed by"),
    "easily_treated": _("Easily treated disease sent up"),
    "turned_away": _("Ended without saying how"),
}
BASES = {
    "discharge_instead": _("discharges"),
    "bypass": _("contacts without emergencies"),
    "easily_treated": _("referrals sent up without emergencies"),
    "turned_away": _("visits and stays that ended"),
}
ALERT_STATES = {
    "open": _("Waits for an explanation"),
    "answered": _("Explained, to be judged"),
    "justified": _("Judged: justified"),
    "to_correct": _("Judged: to be corrected"),
    "counted": _("Counted, asked about by its own step"),
    "withdrawn": _("Withdrawn, no longer so"),
}
ALERT_STEPS = {"answer": _("Explanation sent"), "justify": _("Judged: justified"), "correct": _("Judged: to be corrected")}
WITHDRAWALS = {
    "covered": _("A referral covers it by now."),
    "changed": _("The records that showed it have changed."),
}
ROWS = {"visit": _("Visit"), "stay": _("Stay"), "case": _("Referral")}
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
    "no_such_alert_step": _("its present state does not lead there"),
    "judged_own_answer": _("somebody other than the writer of the explanation judges it"),
    "answer_not_due": _("the institution still has time to explain"),
    "alert_cause_missing": _("the cause is missing"),
    "alert_note_missing": _("a few words on what is to be corrected are needed"),
}


def register() -> None:
    """Called once at start-up."""
    kinds.register("quality.review", _("Sampled referrals are to be reviewed"), _("Review"))
    kinds.register("outlier.opened", _("A high referral rate is to be explained"), _("Explain"))
    kinds.register("outlier.explained", _("An explanation waits for confirmation"), _("Confirm"))
    kinds.register("outlier.confirmed", _("A correction comes to its last day"), _("Close"))
    kinds.register("alert.open", _("An alert is to be explained"), _("Explain"))
    kinds.register("alert.answered", _("The explanation of an alert is to be judged"), _("Judge"))
    kinds.register_notice("alert.judged", _("An alert was judged: %(subject)s"))
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
            "alert_step": (
                _("This cannot be done now: %(why)s."),
                _("Look at the page again, mend it and send again."),
            ),
            "outlier_step": (
                _("This cannot be done now: %(why)s."),
                _("A correction takes %(days)s days at most. Look at the page again, mend it and send again."),
            ),
        }
    )
