"""What channels, states, parts of the body, audiences and this room's refusals are called."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from fenji.ground.common.edge import register_refusals
from fenji.ground.publication import kinds, rules

CHANNELS = {"web": _("Website"), "app": _("Mobile app"), "board": _("Notice board")}

CHANNEL_STATES = {
    "ok": _("logged"),
    "due": _("to be logged"),
    "missing": _("missing"),
    "old": _("shows an earlier list"),
    "stale": _("logged too long ago"),
}
CHANNEL_TONES = {"ok": "green", "due": "blue", "missing": "red", "old": "red", "stale": "amber"}

OUTCOMES = {
    "met": _("Met"),
    "pending": _("Time is running"),
    "short": _("Not met"),
    "none": _("No list published"),
}
OUTCOME_TONES = {"met": "green", "pending": "blue", "short": "red", "none": "red"}

PARTS = {
    "heart": _("Heart, blood pressure, blood vessels"),
    "metabolism": _("Diabetes, thyroid, nutrition"),
    "breath": _("Colds, cough, breathing"),
    "belly": _("Stomach, bowel, teeth"),
    "bones": _("Bones, joints, back"),
    "nerves": _("Headache, nerves"),
    "skin": _("Skin"),
    "senses": _("Eyes, ears"),
    "urinary": _("Urinary tract, gynaecology, men's health"),
    "birth": _("Pregnancy and birth"),
    "newborn": _("Newborns"),
    "mind": _("Sleep and mind"),
    "infection": _("Infections, parasites"),
    "blood": _("Blood"),
    "tumour": _("Tumours"),
    "injury": _("Injuries, bites, poisoning"),
    "signs": _("Fever and other complaints"),
    "checkup": _("Rehabilitation, vaccination, check-ups"),
    "other": _("Other common diseases"),
}

AUDIENCES = {
    "own": _("My own institution"),
    "below": _("All institutions below"),
    "alliance": _("The alliance we lead"),
    "listed": _("Institutions I name"),
}


def register() -> None:
    """Called once at start-up."""
    kinds.register_kind(rules.TREATABLE, _("Diseases treated here"), "publication/kind_treatable.html", rules.disease_list)
    kinds.register_kind("first_contact", _("Where to go first"), "publication/kind_first_contact.html", rules.disease_list)
    register_refusals(
        {
            "bad_body": (
                _("This can't be published: %(where)s is not as it should be (%(why)s)."),
                _("Correct the list and publish it again."),
            ),
            "personal_data": (
                _("This can't be published: %(where)s holds what looks like somebody's identity number or mobile phone."),
                _("Take the number out. Public pages hold no personal data; an institution's own phone is a landline."),
            ),
            "starts_too_early": (
                _("Another list was already in force on these days."),
                _("Choose %(first)s or a later day: what people could read on past days stays on record."),
            ),
            "bad_day": (
                _("The list could not have been made public on that day."),
                _("Choose a day from %(first)s to %(last)s."),
            ),
            "nobody_addressed": (
                _("This announcement would reach no institution."),
                _("Choose other addressees: an alliance is only open to its lead."),
            ),
        }
    )
