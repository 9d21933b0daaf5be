"""The registration form, and the reason for opening records elsewhere."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from fenji.care.registry.rules import BadField, NewResident, new_resident
from fenji.ground.common.identity import BadIdentityNumber

_IDENTITY = {
    "form": _("An identity number has 18 characters: 17 digits, then a digit or X. Count them again."),
    "date": _("Digits 7 to 14 are the birth date, and this day does not exist. Compare with the card."),
    "future": _("The birth date in this number lies in the future. Compare with the card."),
    "check_digit": _("The last character does not fit the others: one of them was mistyped. Compare with the card."),
}
_FIELDS = {
    ("name", "required"): _("Enter the name."),
    ("name", "characters"): _("A name has no digits or signs. Check what was typed."),
    ("phone", "form"): _("A mobile number has 11 digits and begins with 1; a landline needs its area code."),
    ("address", "characters"): _("Remove the control characters from the address."),
}


def identity_message(problem: BadIdentityNumber) -> str:
    """What is wrong with an identity number, and what to do."""
    return str(_IDENTITY[problem.code])


class ResidentForm(forms.Form):
    """A new resident with an identity number."""

    identity = forms.CharField(label=_("Identity number"), max_length=60)
    name = forms.CharField(label=_("Name"), max_length=60)
    phone = forms.CharField(label=_("Phone"), max_length=30, required=False)
    address = forms.CharField(label=_("Address"), max_length=200, required=False)

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        try:
            data["resident"] = new_resident(data["name"], data["identity"], data["phone"], data["address"], self.today)
        except BadIdentityNumber as problem:
            self.add_error("identity", identity_message(problem))
        except BadField as problem:
            self.add_error(problem.field, _FIELDS[problem.field, problem.code])
        return data

    @property
    def resident(self) -> NewResident:
        """The checked resident; only after `is_valid()`."""
        found: NewResident = self.cleaned_data["resident"]
        return found


class GlassForm(forms.Form):
    """Why a resident's records at other institutions are needed now."""

    reason = forms.CharField(label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))
