"""What states, actions, reasons and refusals of this room are called."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from fenji.ground.common.edge import register_refusals, register_words
from fenji.ground.tasks import kinds

DIRECTIONS = {"up": _("Up"), "down": _("Down")}
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
    "refused_transfer": _("Transfer refused"),
    "superseded": _("Replaced by an emergency"),
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
    "refuse": _("Patient refuses the transfer"),
    "leave": _("Patient has left, with escort"),
    "expire": _("Expired unattended"),
    "lapse": _("Not accepted in time"),
    "supersede": _("Replaced by an emergency"),
    "return_up": _("Send back up to the hospital"),
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
    "refuse": _("Patient refused the transfer"),
    "leave": _("Patient left, with escort"),
    "expire": _("Expired unattended"),
    "lapse": _("Not accepted in time: both heads were told"),
    "supersede": _("Replaced by an emergency"),
    "file": _("Filing number entered"),
    "return_up": _("Sent back up to the hospital"),
    "will_come": _("Says on the patient's page: will come"),
    "cannot_come": _("Says on the patient's page: cannot come"),
}
"""Lines of the timeline; ACTIONS are the words on the buttons. `return` stands in timelines from before it became two actions."""

OUTCOMES = {
    "allowed": _("May go up at once"),
    "needs_review": _("Goes to your reviewer first"),
    "not_allowed": _("Not allowed as it stands"),
}

DOWN_OUTCOMES = {**OUTCOMES, "allowed": _("May go down today")}

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
    "lateral": _("The same level as yours: this is not an up-referral"),
    "returned_up": _("Goes back to the hospital that sent the patient down: not reviewed again"),
    "down_phase": _("The phase the ward stated is one in which patients go down"),
    "down_list": _("The disease is on the recommended list, with criteria and guide"),
    "not_for_down": _("Neither the phase nor the recommended list lets the patient go down today"),
    "not_on_list": _("The disease is not on the list of what it treats: say why there"),
    "no_department": _("It has no department on record for this disease: say why there"),
    "not_for_sex": _("By its class it takes women and children only: say why there"),
    "not_for_age": _("By its class it takes children only: say why there"),
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
QUESTIONS = {
    "q_emergency": _("Emergency"),
    "q_catalogue": _("In the first-contact catalogue"),
    "q_treatable": _("Treatable here"),
    "q_levels": _("Level by level"),
    "q_lateral": _("Same level"),
}
"""The short questions on the verdict card, each answered yes, no or not asked."""

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
    "referral.met": (_("has two open referrals under two records"), _("Look at both")),
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
    "referral.offer": _("%(subject)s, which you did not accept in time, was offered to another institution"),
    "referral.leave": _("%(subject)s: the patient has left, with escort; see the transfer check"),
    "referral.refuse": _("%(subject)s: the patient refuses the transfer"),
    "referral.lapse": _("%(subject)s, an emergency, was not accepted in time: the sender may offer it elsewhere at once"),
    "referral.supersede": _("%(subject)s was replaced by an emergency of the same patient"),
    "referral.will_come": _("%(subject)s: the patient says that they will come"),
    "referral.cannot_come": _("%(subject)s: the patient says that they cannot come: call them"),
    "referral.declined_by_all": _("%(subject)s was declined by all who were asked: help the sender to find a place"),
}

GREEN = {
    "chest_pain": _("Chest pain"),
    "stroke": _("Stroke"),
    "trauma": _("Severe injury"),
    "maternal": _("Critical pregnancy or birth"),
    "newborn_child": _("Critical newborn or child"),
    "other": _("Other emergency"),
}
CONSENTERS = {"patient": _("The patient"), "guardian": _("The guardian"), "nobody": _("Nobody able: emergency")}
WAYS = {"oral": _("Orally"), "written": _("In writing"), "phone": _("By phone")}
CONSCIOUSNESS = {
    "alert": _("Awake and alert"),
    "voice": _("Answers to voice"),
    "pain": _("Answers to pain"),
    "unresponsive": _("No answer"),
}
AIRWAY = {"free": _("Open by itself"), "helped": _("Held open by an aid"), "intubated": _("Intubated")}
OXYGEN = {"none": _("None"), "nasal": _("Nasal tube"), "mask": _("Mask"), "ventilator": _("Ventilator")}
ESCORTS = {"doctor": _("Doctor"), "nurse": _("Nurse"), "both": _("Doctor and nurse"), "family": _("Family alone")}
VEHICLES = {"ambulance": _("Ambulance"), "own": _("Own car"), "other": _("Other vehicle")}
CONCORDANCES = {"same": _("The same diagnosis"), "partly": _("Partly: the same group of diseases"), "different": _("Different")}

MESSAGES = {
    "referral.offered": _("Your referral is on its way. See here how it stands and what to bring: %(link)s"),
    "referral.accepted": _("The hospital expects you. See here when, where, and what to bring: %(link)s"),
    "referral.changed": _("There is news about your referral. See here how it stands: %(link)s"),
    "referral.appointed": _("You have an appointment. See here when and where: %(link)s"),
    "referral.down_offered": _("Your hospital is arranging your care near your home. See here how it stands: %(link)s"),
    "referral.down_accepted": _("The health centre expects you. See here when, where, and what to bring: %(link)s"),
    "referral.planned": _("Your care goes on near your home. See here the days of your follow-ups: %(link)s"),
}
"""Text messages to residents. They are registered with the gateway word by word, and hold nothing but the link."""

OWN_PAGE = {
    "draft": (_("Your doctor is preparing the referral"), _("You will be told when it is sent.")),
    "in_review": (_("Your doctor is preparing the referral"), _("You will be told when it is sent.")),
    "returned": (_("Your doctor is preparing the referral"), _("You will be told when it is sent.")),
    "local": (_("Your doctor is preparing the referral"), _("You will be told when it is sent.")),
    "offered": (
        _("Waiting for the hospital's answer"),
        _("Please do not set out yet. You will be told when the hospital expects you."),
    ),
    "accepted": (_("The hospital expects you"), _("Go to the referral desk with what is listed below.")),
    "arrived": (_("You have arrived at the hospital"), _("The hospital takes care of you now, and will write to your doctor.")),
    "answered": (_("The hospital has written to your doctor"), _("Your doctor tells you how treatment goes on near your home.")),
    "declined": (_("This hospital cannot take you"), _("Your doctor is looking for another one. You will be told.")),
    "missed": (_("You were expected and did not come"), _("Call the institution that referred you: it makes a new appointment.")),
    "closed": (_("This referral is finished"), _("If you have questions, ask the institution that referred you.")),
    "withdrawn": (_("This referral was withdrawn"), _("If you have questions, ask the institution that referred you.")),
    "expired": (_("This referral has run out"), _("If you still need it, go to the institution that referred you.")),
    "chose_elsewhere": (_("You have chosen another hospital"), _("If you have questions, ask the institution that referred you.")),
    "died": (_("This referral is finished"), _("If you have questions, ask the institution that referred you.")),
    "refused_transfer": (
        _("You did not want to be transferred"),
        _("If you change your mind, go to the institution that referred you."),
    ),
    "superseded": (
        _("An emergency referral has taken its place"),
        _("If you have questions, ask the institution that referred you."),
    ),
}
"""What a resident's own page says of each state: how it stands, what to do now."""

OWN_STEPS = {
    "offered": _("Sent to the hospital"),
    "accepted": _("The hospital has accepted"),
    "arrived": _("Arrived at the hospital"),
    "answered": _("The hospital has written to your doctor"),
    "declined": _("The hospital could not take you"),
    "missed": _("The appointment was missed"),
}
"""Steps as a resident's own page names them; every other one is the end."""

OWN_PAGE_DOWN = {
    **OWN_PAGE,
    "draft": (_("Your hospital is preparing your care near your home"), _("You will be told when it is sent.")),
    "offered": (
        _("Waiting for the health centre's answer"),
        _("Stay where you are for now. You will be told when it expects you."),
    ),
    "accepted": (_("The health centre expects you"), _("Go there with what is listed below.")),
    "declined": (_("This health centre cannot take you"), _("Your hospital is looking for another one. You will be told.")),
    "missed": (_("You were expected and did not come"), _("Call the hospital that sends you: it arranges it anew.")),
    "arrived": (_("The health centre takes care of you now"), _("Its team treats you and follows you up near your home.")),
}
"""The same on the way down; there, who has arrived is shown as such although the case is closed."""

OWN_STEPS_DOWN = {
    "offered": _("Sent to the health centre"),
    "accepted": _("The health centre has accepted"),
    "arrived": _("Arrived at the health centre"),
    "declined": _("The health centre could not take you"),
    "missed": _("The day was missed"),
}

OWN_WORDS = {"will_come": _("I will come"), "cannot_come": _("I cannot come")}
OWN_SAID = {
    "will_come": _("You have said that you will come. Both institutions were told."),
    "cannot_come": _("You have said that you cannot come. Both institutions were told; they call you, or you call them."),
}
"""What may be said on the page, and what it says afterwards."""

WINDS = (_("north"), _("north-east"), _("east"), _("south-east"), _("south"), _("south-west"), _("west"), _("north-west"))
"""Directions clockwise from north."""

OWN_ROLES = {"patient": _("the patient"), "proxy": _("relative who acts for the patient"), "guardian": _("guardian of the patient")}
"""Who spoke on the patient's own page, for the timeline."""

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
        _("Go on with that one, or ask who holds it to end it. An emergency takes its place, unless it is one itself."),
    ),
    "green_reason_missing": (
        _("An emergency needs the reason for which it takes the green channel."),
        _("Choose the reason; it is kept in the audit trail."),
    ),
    "too_late": (
        _("This time lies in the future, or too long ago to be entered now."),
        _("Enter a time within the last %(hours)s hours."),
    ),
    "consent_missing": (
        _("The consent to the transfer is not on record."),
        _("Say who consented; a guardian with the name. Only in an emergency may it be that nobody was able to."),
    ),
    "implausible_check": (
        _("The transfer check does not hold together."),
        _("Look at the fields that are marked, and correct them."),
    ),
    "final_missing": (
        _("The answer needs your final diagnosis."),
        _("Choose it from the list: type its code, its name or its pinyin initials."),
    ),
    "correction_unexplained": (
        _("You judge the agreement of the diagnoses otherwise than computed."),
        _("Say why, in a few words."),
    ),
    "no_such_doctor": (
        _("The doctor you write for does not work here as a doctor."),
        _("Choose a doctor of your institution from the list."),
    ),
    "not_in_your_name": (
        _("A nurse entered this draft in the name of %(doctor)s."),
        _("Only they can send it. If they are away, withdraw it and write your own."),
    ),
    "bad_filing_number": (
        _("This is not a filing number."),
        _("Enter the insurer's number: 4 to 40 letters, digits, slashes, points and dashes; or leave the field empty."),
    ),
    "wrong_receiver": (
        _("This institution cannot receive the referral."),
        _("Choose one from the list: on the way up of a higher level than yours, on the way down a branch."),
    ),
    "may_not_go_down": (
        _("This patient may not go down today: neither the phase nor the recommended list allows it."),
        _("State the phase of the illness on the stay's page, if it has changed."),
    ),
    "not_returned": (
        _("Only a patient who was sent down to you, has arrived, and whose plan still runs is sent back this way."),
        _("Write an up-referral from a visit instead."),
    ),
    "link_no_secret": (
        _("Neither an identity number nor a phone of this resident is on file: their page would have nothing to ask for."),
        _("Add one of them on the resident's page, or give them the printed slip."),
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
    for code, text in MESSAGES.items():
        kinds.register_template(code, text)
