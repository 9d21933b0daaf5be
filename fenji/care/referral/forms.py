"""The referral form, the small forms of the case's actions, and what officers choose among the facts."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from fenji.care.catalogue.forms import DiagnosisField
from fenji.care.catalogue.queries import group_of
from fenji.care.referral.actions import Plan
from fenji.care.referral.queries import Wanted
from fenji.ground.common.clock import SHANGHAI
from fenji.ground.common.fields import DayField

_DAYS_SHOWN = 30


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
    disposition = forms.CharField(max_length=20, required=False)


class DelegationForm(forms.Form):
    """Who reviews for a colleague, from which day to which, and why. Both days are included."""

    to = forms.TypedChoiceField(label=_("Colleague"), coerce=UUID, error_messages={"required": _("Choose a colleague.")})
    start = DayField(label=_("From day"))
    until = DayField(label=_("To day"))
    reason = forms.CharField(label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, colleagues: dict[UUID, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"].choices = [("", _("Choose")), *((str(who), name) for who, name in colleagues.items())]


class FactsForm(forms.Form):
    """Which referrals an officer looks at. Both days are included."""

    since = DayField(label=_("From day"))
    until = DayField(label=_("To day"))
    county = forms.ChoiceField(label=_("County"), required=False)
    institution = forms.ChoiceField(label=_("Institution"), required=False)
    state = forms.ChoiceField(label=_("State"), required=False)
    diagnosis = DiagnosisField(label=_("Disease"), required=False)

    def __init__(self, data: Any, *, today: date, choices: dict[str, list[tuple[str, Any]]], **kwargs: Any) -> None:
        """`choices`: field → (code, text); the institutions by their paths."""
        first = {"since": f"{today - timedelta(days=_DAYS_SHOWN)}", "until": f"{today}"}
        super().__init__({**first, **{k: v for k, v in data.items() if v}}, **kwargs)
        for name, offered in choices.items():
            self.fields[name].choices = [("", _("All")), *offered]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("since") and data.get("until") and data["until"] < data["since"]:
            self.add_error("until", _("The last day lies before the first. Change one of them."))
        return data

    def wanted(self, before: tuple[datetime, str] | None) -> Wanted:
        """What was chosen; only after `is_valid()`."""
        data = self.cleaned_data
        return Wanted(
            datetime.combine(data["since"], time.min, SHANGHAI),
            datetime.combine(data["until"] + timedelta(days=1), time.min, SHANGHAI),
            data["institution"] or data["county"],
            data["state"],
            group_of(data["diagnosis"]) if data["diagnosis"] else "",
            before=before,
        )


class IdentityForm(forms.Form):
    """Why an officer needs to know who is behind a referral."""

    reason = forms.CharField(label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))
