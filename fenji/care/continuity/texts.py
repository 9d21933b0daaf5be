"""What the states, outcomes, steps, notices and refusals of this room are called."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from fenji.care.continuity import rules
from fenji.ground.common.edge import register_refusals
from fenji.ground.tasks import kinds

KINDS = {
    "medicine": _("Medicine"),
    "measurement": _("Measurement"),
    "visit": _("Home or clinic visit"),
    "exercise": _("Exercise"),
}
SERVICES = {
    "rehabilitation": _("Rehabilitation"),
    "follow_up": _("Follow-up"),
    "health": _("Health management"),
}
OUTCOMES = {
    "done": _("followed up"),
    "unreachable": _("not reached"),
    "in_hospital": _("is in hospital"),
    "refused": _("refuses follow-up"),
    "moved": _("moved away"),
    "died": _("died"),
}
STATES = {
    rules.OPEN: _("to do"),
    rules.DONE: _("followed up"),
    rules.LOST: _("not reached, given up"),
    rules.ENDED: _("dropped: the plan is over"),
}
STAGES = {
    rules.TREATMENT: _("Treatment"),
    rules.REHABILITATION: _("Rehabilitation"),
    rules.LONG_TERM_CARE: _("Long-term care"),
}
END_REASONS = {
    **{code: OUTCOMES[code] for code in ("refused", "moved", "died")},
    rules.COMPLETE: _("complete"),
    rules.RETURNED: _("went up again"),
    rules.CANCELLED: _("did not go down"),
}

STANDINGS = {"low": _("below the target"), "within": "", "high": _("above the target")}
PACKAGE_STATES = {
    rules.DRAFT: _("being written"),
    rules.HANDED_OVER: _("being followed"),
    rules.OVER: _("plan ended"),
}
EVENTS = {
    "write": _("Summary and plan written"),
    "number": _("Put under the number of the case"),
    "show": _("Shown to the institution it is offered to"),
    "hand_over": _("Handed over; the follow-ups begin"),
    "record": _("Follow-up recorded"),
    "delegate": _("Follow-up given to"),
    "end": _("Plan ended"),
    "attach": _("File attached"),
    "detach": _("File taken out"),
}
PARTS = {
    "summary": _("the summary of the stay"),
    "summary.admitted_for": _("why admitted"),
    "summary.course": _("what was found and done"),
    "summary.condition": _("condition on leaving"),
    "summary.medicines": _("medicines, or that there are none"),
    "plan": _("the plan"),
    "plan.items": _("lines of the plan"),
    "plan.warning_signs": _("signs with which to come back at once"),
}

STEPS = {"continuity.follow_up": (_("is to be followed up after discharge"), _("Follow up"))}
NOTICES = {
    "continuity.died": _("%(subject)s: the patient died after going down; the follow-up plan is over"),
    "continuity.moved": _("%(subject)s: the patient moved away; the follow-up plan is over"),
    "continuity.refused": _("%(subject)s: the patient refuses follow-up; the plan is over"),
    "continuity.lost": _("%(subject)s: the patient could not be reached for follow-up after several tries"),
}


def register() -> None:
    """Called once at start-up."""
    for code, (waiting, verb) in STEPS.items():
        kinds.register(code, waiting, verb)
    for code, text in NOTICES.items():
        kinds.register_notice(code, text)
    register_refusals(
        {
            "incomplete_package": (
                _("The patient cannot be sent down yet: the summary of the stay or the plan is not complete."),
                _("Fill in what is marked: both go with the patient (SM-3-6c)."),
            ),
            "plan_item": (
                _("This line of the plan cannot be dated."),
                _("Let it end after it begins, at intervals of one day or more, with at most %(most)s dates."),
            ),
            "measurement": (_("This is not a value of this measure."), _("Write it like %(example)s.")),
            "not_plausible": (
                _("No patient has this value."),
                _("Look at the number again: from %(least)s to %(most)s %(unit)s."),
            ),
            "skips_rehabilitation": (
                _("Long-term care without rehabilitation before it needs a reason."),
                _("Write in a few words why rehabilitation is left out."),
            ),
            "wrong_stage": (
                _("The chain of care does not lead there from here."),
                _("Choose another stage; going back needs a reason in words."),
            ),
        }
    )
