"""What documents, entries and reasons are called, and what is wrong with a field."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

DOCUMENTS = {
    "identity": _("Identity card"),
    "hmt_residence": _("Residence permit for Hong Kong, Macau and Taiwan residents"),
    "hk_macau": _("Mainland travel permit for Hong Kong and Macau residents"),
    "taiwan": _("Mainland travel permit for Taiwan residents"),
    "passport": _("Passport"),
    "residence": _("Foreigner's permanent residence card"),
    "old_card": _("First-generation identity card (15 digits)"),
}
ENTRIES = {"unknown": _("Unknown person"), "newborn": _("Newborn, no number yet")}
REASONS = {
    "old_new": _("15 and 18 digits of one number"),
    "slip": _("One digit of the number differs"),
    "swap": _("Two digits of the number are swapped"),
    "phone": _("Same name, birth date, sex and phone"),
    "address": _("Same name, birth date, sex and address"),
    "sound": _("A name that sounds the same, at one address, born the same day"),
    "chosen": _("Chosen by hand"),
}
STATES = {"proposed": _("To be looked at"), "linked": _("Linked"), "distinct": _("Two people")}

RELATIONS = {
    "spouse": _("Husband or wife"),
    "child": _("Son or daughter"),
    "parent": _("Father or mother"),
    "sibling": _("Brother or sister"),
    "grandparent": _("Grandparent"),
    "grandchild": _("Grandchild"),
    "other": _("Another relative"),
}
GUARDIAN = _("guardian")
INSTEAD = {"besides": _("the resident and this person"), "instead": _("this person alone")}
WAYS = {"oral": _("Orally"), "written": _("In writing"), "phone": _("By phone")}

IDENTITY = {
    "form": _("An identity number has 18 characters: 17 digits, then a digit or X. Count them again."),
    "date": _("Digits 7 to 14 are the birth date, and this day does not exist. Compare with the card."),
    "future": _("The birth date in this number lies in the future. Compare with the card."),
    "check_digit": _("The last character does not fit the others: one of them was mistyped. Compare with the card."),
    "place": _("A residence permit of Hong Kong, Macau or Taiwan begins with 810000, 820000 or 830000. Compare with the card."),
}
FORMS = {
    "hk_macau": _("This permit has H or M and 8 digits, on older cards 10. Compare with the card."),
    "taiwan": _("This permit has 8 digits, on older ones 10. Compare with the card."),
    "passport": _("Type the three letters of the issuing state, then the 5 to 9 letters and digits of the number: CHN E12345678."),
    "residence": _("This card has 18 digits beginning with 9, or three letters and 12 digits. Compare with the card."),
    "old_card": _("A first-generation number has 15 digits, six of them the birth date. Compare with the file."),
}
FIELDS = {
    ("name", "required"): _("Enter the name."),
    ("name", "characters"): _("A name has no digits or signs. Check what was typed."),
    ("phone", "form"): _("A mobile number has 11 digits and begins with 1; a landline needs its area code."),
    ("address", "characters"): _("Remove the control characters from the address."),
    ("sex", "required"): _("Choose the sex; the number does not tell it."),
    ("birth_date", "required"): _("Enter the birth date; the number does not tell it."),
    ("birth_date", "future"): _("The birth date lies in the future."),
    ("years", "required"): _("Guess the age in years."),
    ("phone", "mobile"): _("Messages and the link go to a mobile phone: enter 11 digits that begin with 1."),
    ("relation", "required"): _("Choose what they are to the resident."),
    ("how", "required"): _("Choose how consent was given."),
    ("document", "required"): _(
        "Note the document that shows the guardianship: household register, birth certificate, court decision."
    ),
    ("document", "characters"): _("Remove the line breaks and the characters that cannot be seen."),
    ("guardian", "child"): _("A child names nobody: only a guardian acts for it. Tick this, and note the document."),
    ("start", "past"): _("This day is over. Begin today or later."),
    ("end", "order"): _("It ends after the day it begins."),
}


def proxy_text(relation: str, *, guardian: bool) -> str:
    """What somebody who acts for a resident is to them."""
    return f"{RELATIONS[relation]} · {GUARDIAN}" if guardian else str(RELATIONS[relation])


def document_message(kind: str, code: str) -> str:
    """What is wrong with a document number, and what to do."""
    return str(
        IDENTITY[code]
        if kind in ("identity", "hmt_residence") or code not in ("form", "date", "kind")
        else FORMS.get(kind, IDENTITY["form"])
    )
