"""What states, actions, reasons and refusals of this room are called."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from fenji.ground.common.edge import register_refusals, register_words
from fenji.ground.tasks import kinds

STATES = {
    "draft": _("Draft"),
    "in_review": _("In review"),
    "returned": _("Returned"),
    "local": _("To be treated locally"),
    "offered": _("Offered"),
    "accepted": _("Accepted"),
    "arrived": _("Arrived"),
    "answered": _("Answered"),
    "declined": _("Declined"),
    "missed": _("Did not come"),
    "closed": _("Closed"),
    "withdrawn": _("Withdrawn"),
    "expired": _("Expired"),
    "chose_elsewhere": _("Chose elsewhere"),
    "died": _("Died"),
}

ACTIONS = {
    "draft": _("Draft written"),
    "revise": _("Draft changed"),
    "submit": _("Submitted for review"),
    "offer": _("Offered"),
    "withdraw": _("Withdraw"),
    "approve": _("Approve"),
    "complete": _("Ask to complete"),
    "treat_locally": _("Treat locally"),
    "take": _("Take over the review"),
    "escalate": _("Open to the unit above"),
    "treat_here": _("Treat here, close the case"),
    "ask_again": _("Ask once more"),
    "accept": _("Accept"),
    "decline": _("Decline"),
    "redirect": _("Redirect"),
    "arrive": _("Patient arrived"),
    "miss": _("Did not come"),
    "answer": _("Answer the sender"),
    "acknowledge": _("Read, close the case"),
    "close": _("Close the case"),
    "chose_elsewhere": _("Patient chose elsewhere"),
    "died": _("Patient died"),
    "expire": _("Expired unattended"),
}

EVENTS = {
    "draft": _("Draft written"),
    "revise": _("Draft changed"),
    "submit": _("Submitted for review"),
    "offer": _("Offered"),
    "withdraw": _("Withdrawn"),
    "approve": _("Approved"),
    "return": _("Returned"),
    "complete": _("Returned to be completed"),
    "treat_locally": _("Not approved: treat locally"),
    "take": _("Review taken over"),
    "escalate": _("Review overdue: open to the unit above"),
    "treat_here": _("Treated here, case closed"),
    "ask_again": _("Review asked for once more"),
    "accept": _("Accepted"),
    "decline": _("Declined"),
    "redirect": _("Redirected"),
    "arrive": _("Patient arrived"),
    "miss": _("Did not come"),
    "answer": _("Sender answered"),
    "acknowledge": _("Answer read, case closed"),
    "close": _("Case closed"),
    "chose_elsewhere": _("Patient chose elsewhere"),
    "died": _("Patient died"),
    "expire": _("Expired unattended"),
}
"""Lines of the timeline; ACTIONS are the words on the buttons. `return` stands in timelines from before it became two actions."""

OUTCOMES = {
    "allowed": _("May go up at once"),
    "needs_review": _("Goes to your reviewer first"),
    "not_allowed": _("Not allowed as it stands"),
}

REASONS = {
    "emergency": _("Emergency: review and levels are skipped"),
    "not_in_catalogue": _("Not on the first-contact catalogue"),
    "first_contact_here": _("On the catalogue; first contact was made here"),
    "county_counts": _("Cannot be treated here: the county general hospital counts as first contact"),
    "treatable_nearby": _("Cannot be treated here, but at a public primary institution nearby: say why the patient must go up"),
    "treatable_here": _("On the catalogue and treatable here: say why the patient must go up"),
    "bypassed_primary": _("On the catalogue, but primary care was not seen first: say why"),
    "next_level": _("Goes to the next level"),
    "level_skipped": _("Skips a level: choose the next level, or give a reason"),
    "level_override": _("Skips a level, for the reason given"),
    "review_required": _("Up-referrals of catalogue diseases are reviewed"),
    "not_upwards": _("Up-referrals go to a higher level"),
}

ROUTES = {
    "review_own": _("Reviewed by the sender's own review group"),
    "review_centre": _("A village clinic: reviewed by its centre"),
    "review_nobody_on_duty": _("Nobody is on review duty there: reviewed by the unit above"),
    "review_too_few": _("Too few people who may review it there: reviewed by the unit above"),
    "review_no_upper": _("No unit above that could review it: reviewed there, by another person"),
    "review_taken": _("The review lay too long: taken over by the unit above"),
}
"""Why a case is reviewed where it is."""

KINDS = {
    "referral.draft": (_("waits to be finished"), _("Finish")),
    "referral.in_review": (_("waits for review"), _("Review")),
    "referral.returned": (_("came back from review"), _("Revise")),
    "referral.local": (_("was not approved: treat locally"), _("Decide")),
    "referral.offered": (_("waits to be accepted"), _("Receive")),
    "referral.accepted": (_("is expected"), _("Confirm arrival")),
    "referral.arrived": (_("waits for the answer"), _("Answer")),
    "referral.answered": (_("has been answered"), _("Read")),
    "referral.declined": (_("was declined"), _("Offer elsewhere")),
    "referral.missed": (_("did not come"), _("Rebook")),
}

NOTICES = {
    "referral.approve": _("%(subject)s was approved and offered to the receiver"),
    "referral.take": _("%(subject)s: the unit above has taken over the review"),
    "referral.escalate": _("%(subject)s lies too long in review below: your office may take it over"),
    "referral.accept": _("%(subject)s was accepted"),
    "referral.redirect": _("%(subject)s was passed on to another institution"),
    "referral.arrive": _("%(subject)s: the patient has arrived"),
    "referral.withdraw": _("%(subject)s was withdrawn by the sender"),
    "referral.chose_elsewhere": _("%(subject)s: the patient chose another institution"),
    "referral.died": _("%(subject)s: the patient has died"),
    "referral.acknowledge": _("%(subject)s: the sender has read your answer"),
}

_CHECK_STATE = _("Look at the state on the page: only the actions shown there are open to you now.")

_REFUSALS = {
    "not_your_move": (_("This referral is not waiting for you."), _CHECK_STATE),
    "not_possible": (_("That can't be done with this referral any more."), _CHECK_STATE),
    "own_review": (
        _("You wrote this referral, so you cannot review it yourself."),
        _("Another reviewer must decide."),
    ),
    "note_required": (_("A reason in words is needed here."), _("Write it into the field and send again.")),
    "no_reviewer": (
        _("Nobody can review this referral: there is no other reviewer at your institution, nor at a unit above it."),
        _("It stays a draft. Ask your administrator to appoint a reviewer, or to enter the lead of your county community."),
    ),
    "asked_enough": (
        _("Review of this referral was asked for %(times)s times already, which is as often as the policy allows."),
        _("Treat the patient here and close the referral, or write a new one when the patient's condition has changed."),
    ),
    "disposition_required": (
        _("It is not said what becomes of the patient."),
        _("Choose whether the patient is treated or observed here."),
    ),
    "wrong_delegate": (
        _("This person cannot review for you."),
        _("Choose a colleague of your institution from the list: whoever reviews already is not on it."),
    ),
    "wrong_delegation": (
        _("These days are not possible: %(why)s."),
        _("Choose other days; one may follow another."),
    ),
    "verdict_forbids": (
        _("The policy does not allow this referral as it stands."),
        _("Choose the next level, mark an emergency if it is one, or give the reason for skipping a level."),
    ),
    "duplicate_open": (
        _("This resident already has an open referral for the same disease."),
        _("Open the resident's page and go on with that one, or withdraw it first."),
    ),
    "wrong_receiver": (
        _("This institution cannot receive the referral."),
        _("Choose an institution of a higher level than yours from the list."),
    ),
}


_WHY = {
    "begins_past": _("the first day is over"),
    "ends_before": _("the last day lies before the first"),
    "delegation_too_long": _("they are more days than the policy allows"),
    "delegation_overlaps": _("this colleague reviews on some of them already"),
}


def register() -> None:
    """Called once at start-up."""
    register_refusals(_REFUSALS)
    register_words(_WHY)
    for code, (waiting, verb) in KINDS.items():
        kinds.register(code, waiting, verb)
    for code, text in NOTICES.items():
        kinds.register_notice(code, text)
