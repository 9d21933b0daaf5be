"""The referral form, and the small forms of the case's actions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from fenji.care.catalogue.forms import DiagnosisField
from fenji.care.referral.actions import Plan


class ReferralForm(forms.Form):
    """One page: condition, destination, and the reason where the verdict asks for one."""

    diagnosis = DiagnosisField(label=_("Diagnosis"))
    emergency = forms.BooleanField(label=_("Emergency, green channel"), required=False)
    summary = forms.CharField(label=_("Summary for the receiver"), max_length=4000, widget=forms.Textarea(attrs={"rows": 4}))
    receiver = forms.TypedChoiceField(
        label=_("Send to"), coerce=int, error_messages={"required": _("Choose where the patient goes.")}
    )
    override_reason = forms.CharField(
        label=_("Reason, where the verdict asks for one"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, receivers: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["receiver"].choices = receivers

    def plan(self) -> Plan:
        """What was decided; only after `is_valid()`."""
        data = self.cleaned_data
        return Plan(data["diagnosis"], data["receiver"], None, data["emergency"], data["summary"], data["override_reason"])


class ActionForm(forms.Form):
    """A note; for an answer also findings and advice; for a hand-on also the institution."""

    note = forms.CharField(max_length=2000, required=False)
    findings = forms.CharField(max_length=4000, required=False)
    advice = forms.CharField(max_length=4000, required=False)
    receiver = forms.IntegerField(min_value=1, max_value=2_000_000_000, required=False)
