"""What states, parts, events and refusals of this room are called."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from fenji.ground.common.edge import register_refusals
from fenji.ground.tasks import kinds

DISPOSITIONS = {
    "": _("Still open"),
    "treated": _("Treated here"),
    "observe": _("Under observation"),
    "referred_up": _("Referred up"),
    "unstated": _("Closed without a disposition"),
}
GRADES = {"A": _("Class A"), "BA": _("Class B, handled as A"), "B": _("Class B"), "C": _("Class C")}
PARTS = {"measures": _("Control measures"), "report": _("Report"), "entry": _("Register entry")}
HANDOVERS = {
    "proposed": _("Waits for an answer"),
    "accepted": _("Accepted"),
    "declined": _("Declined"),
    "withdrawn": _("Withdrawn"),
}
EVENTS = {
    "register": _("Visit registered"),
    "revise": _("Visit changed"),
    "close": _("Visit closed"),
    "kept": _("The referral came back: treated here"),
    "feed": _("Record fed by another system"),
    "alert": _("Alert: closed elsewhere without a disposition"),
    "disposed": _("The other system has added the disposition"),
    "settle": _("Alert settled"),
    "notifiable": _("Notifiable disease: measures, report and register entry are owed"),
    "rule_out": _("Notifiable disease ruled out before a report"),
    "infection.measures": _("Control measures taken"),
    "infection.report": _("Reported"),
    "infection.entry": _("Entered in the register"),
    "hand_over": _("Hand-over proposed"),
    "hand_over.accept": _("Hand-over accepted"),
    "hand_over.decline": _("Hand-over declined"),
    "hand_over.withdraw": _("Hand-over withdrawn"),
}
PHASES = {
    "": _("Not stated"),
    "acute": _("Acute"),
    "acute_recovery": _("Recovering from acute illness"),
    "surgical_recovery": _("Recovering from surgery"),
    "critical_stable": _("Critical, now stable"),
    "chronic": _("Chronic"),
}
WAYS_OUT = {
    "home": _("Home"),
    "transferred": _("To another institution"),
    "against_advice": _("Left against advice"),
    "died": _("Died"),
    "unstated": _("Not stated"),
}
GOES_DOWN = {
    "phase": _("The phase is one in which patients go down."),
    "list": _("The disease is on the community's list for down-referral, with criteria and guide."),
}
STAY_EVENTS = {
    "admit": _("Admitted"),
    "place": _("Department or bed changed"),
    "judge": _("Phase stated"),
    "discharge": _("Discharged"),
    "feed": _("Record fed by another system"),
}


def register() -> None:
    """Called once at start-up."""
    kinds.register("visit.handover", _("A visit is to be taken over"), _("Answer"))
    kinds.register("visit.infection", _("Notifiable disease: measures, report and register entry"), _("Fill in"))
    kinds.register("visit.refusal", _("A visit was closed without a disposition"), _("Settle"))
    register_refusals(
        {
            "incomplete_infection": (
                _("A visit for a notifiable disease, also a suspected one, cannot be closed yet."),
                _("Write down the measures, the report and the register entry first; or refer the patient up at once."),
            ),
            "not_responsible": (
                _("%(who)s answers for this visit."),
                _("Ask them to hand it over to you; you then accept it."),
            ),
            "handover_open": (
                _("A hand-over of this visit waits for an answer already."),
                _("Wait for the answer, or withdraw it first."),
            ),
            "handover_not_for_you": (
                _("This hand-over was proposed to somebody else, or has been answered."),
                _("Look at the visit again: it says who answers for it now."),
            ),
            "already_in": (
                _("This resident is in hospital at your institution already."),
                _("Open the stay that is there; end it first when it is over."),
            ),
            "nothing_to_settle": (
                _("There is no open alert on this visit, or the reason is missing."),
                _("Write in a few words why the visit was closed like this and what was done for the patient."),
            ),
        }
    )
