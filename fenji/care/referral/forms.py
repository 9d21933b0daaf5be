"""The referral form, the small forms of the case's actions, and what officers choose among the facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from fenji.care.catalogue.forms import DiagnosisField
from fenji.care.catalogue.queries import group_of
from fenji.care.referral import texts
from fenji.care.referral.actions import Down, Final, Plan, Wish
from fenji.care.referral.queries import Branch, Wanted
from fenji.care.referral.rules import NOBODY, PATIENT, Check, ConsentGiven
from fenji.ground.common.clock import SHANGHAI
from fenji.ground.common.edge import as_uuid
from fenji.ground.common.fields import DayField, MinuteField

_DAYS_SHOWN = 30
WAIT, WITHOUT, FIRST = "wait", "without", "first"


def _chosen(named: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Choices of which none is made beforehand: nobody signs what they have not looked at."""
    return [("", _("Choose")), *named.items()]


class ConsentFields(forms.Form):
    """Who consented, how; and what had been proposed when the patient chose another house."""

    consent_who = forms.ChoiceField(label=_("Who consented"), choices=_chosen(texts.CONSENTERS), required=False)
    consent_guardian = forms.CharField(label=_("Name of the guardian"), max_length=60, required=False)
    consent_how = forms.ChoiceField(label=_("How"), choices=texts.WAYS.items(), required=False)
    proposed = forms.TypedChoiceField(
        label=_("The patient chose this one; you had proposed"), coerce=int, required=False, empty_value=None
    )

    def consent(self) -> ConsentGiven | None:
        """What was said; None while nobody is named. Only after `is_valid()`."""
        data = self.cleaned_data
        if not data["consent_who"]:
            return None
        how = data["consent_how"] or "oral"
        return ConsentGiven(data["consent_who"], how, None, data["consent_guardian"], data["proposed"])


class GreenFields(forms.Form):
    """What an emergency says besides; and whether the patient is critical."""

    green = forms.ChoiceField(label=_("Reason for the green channel"), choices=_chosen(texts.GREEN), required=False)
    critical = forms.BooleanField(label=_("Critical: checked and escorted on the way"), required=False)
    happened_at = MinuteField(label=_("Entered afterwards: when the patient was sent"), required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("emergency") and not data.get("green"):
            self.add_error("green", _("Choose the reason; it is kept in the audit trail."))
        return data


class ReferralForm(ConsentFields, GreenFields, forms.Form):
    """One page: condition, destination, and the reason where the verdict asks for one. A nurse also says for whom she writes."""

    diagnosis = DiagnosisField(label=_("Diagnosis"))
    emergency = forms.BooleanField(label=_("Emergency, green channel"), required=False)
    summary = forms.CharField(label=_("Summary for the receiver"), max_length=4000, widget=forms.Textarea(attrs={"rows": 4}))
    receiver = forms.TypedChoiceField(
        label=_("Send to"), coerce=int, error_messages={"required": _("Choose where the patient goes.")}
    )
    override_reason = forms.CharField(
        label=_("Reason, where the verdict asks for one"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    doctor = forms.ChoiceField(label=_("In the name of"), required=False)
    slot = forms.CharField(max_length=40, required=False)

    def __init__(
        self, *args: Any, receivers: list[tuple[int, str]], doctors: Mapping[UUID, str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["receiver"].choices = receivers
        self.fields["proposed"].choices = [("", _("No: it is the one I proposed")), *receivers]
        self.fields["doctor"].choices = [(str(account), name) for account, name in (doctors or {}).items()]

    def plan(self) -> Plan:
        """What was decided; only after `is_valid()`."""
        data = self.cleaned_data
        return Plan(
            data["diagnosis"], data["receiver"], None, data["emergency"], data["summary"], data["override_reason"],
            wish=wish_of(data["slot"]), green=data["green"], critical=data["critical"], happened_at=data["happened_at"],
            consent=self.consent(),
        )  # fmt: skip

    def doctor_id(self) -> UUID | None:
        """For whom a nurse writes; only after `is_valid()`."""
        chosen = self.cleaned_data["doctor"]
        return UUID(chosen) if chosen else None


class DownForm(ConsentFields, forms.Form):
    """Sending an in-patient down: the branch, what it should know, and the reason where something stands against it."""

    receiver = forms.TypedChoiceField(
        label=_("Send to"), coerce=int, error_messages={"required": _("Choose where the patient goes.")}
    )
    summary = forms.CharField(
        label=_("For the branch to know"), max_length=4000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    reason = forms.CharField(
        label=_("Reason, where something stands against the branch"), max_length=1000, required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip

    def __init__(self, *args: Any, branches: Iterable[Branch], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(b.place.id, b.place.name) for b in branches]
        self.fields["receiver"].choices = choices
        self.fields["proposed"].choices = [("", _("No: it is the one I proposed")), *choices]

    def down(self) -> Down:
        """What was decided; only after `is_valid()`."""
        data = self.cleaned_data
        return Down(data["receiver"], data["summary"], data["reason"], self.consent())


class BedNeedForm(forms.Form):
    """Whether the patient needs isolation."""

    isolation = forms.BooleanField(label=_("Needs isolation"), required=False)


class BedForm(BedNeedForm):
    """A bed to be held, or a ward to wait for."""

    bed = forms.UUIDField(required=False)
    ward = forms.UUIDField(required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not data.get("bed") and not data.get("ward"):
            self.add_error("bed", _("Choose a bed or a ward."))
        return data


def wish_of(typed: str) -> Wish:
    """What was chosen of the receiver's slots: the id of one, `wait` for its wait list, anything else for neither."""
    return Wish(slot_id=as_uuid(typed), wait=typed == WAIT)


class ActionForm(forms.Form):
    """A note; for an answer also findings, advice and the diagnosis; for a hand-on the institution; for an arrival when it was;
    for a refusal who refuses."""

    note = forms.CharField(max_length=2000, required=False)
    findings = forms.CharField(max_length=4000, required=False)
    advice = forms.CharField(max_length=4000, required=False)
    receiver = forms.IntegerField(min_value=1, max_value=2_000_000_000, required=False)
    disposition = forms.CharField(max_length=20, required=False)
    booking = forms.CharField(max_length=20, required=False)
    final = DiagnosisField(label=_("Final diagnosis"), required=False)
    concordance = forms.ChoiceField(
        label=_("Agrees with the sender's"), choices=[("", _("As the codes say")), *texts.CONCORDANCES.items()], required=False
    )
    concordance_reason = forms.CharField(label=_("Why you judge otherwise"), max_length=1000, required=False)
    door_at = MinuteField(label=_("At the door since, if earlier"), required=False)
    refuses = forms.ChoiceField(
        label=_("Who refuses"), choices=[(w, t) for w, t in texts.CONSENTERS.items() if w != NOBODY], required=False
    )
    guardian = forms.CharField(label=_("Name of the guardian"), max_length=60, required=False)
    how = forms.ChoiceField(label=_("How"), choices=texts.WAYS.items(), required=False)

    def clean_booking(self) -> Wish:
        """What is wished of the next receiver's slots."""
        typed = self.cleaned_data["booking"]
        return Wish(wait=typed == WAIT, first=typed == FIRST)

    def final_diagnosis(self) -> Final | None:
        """The receiver's diagnosis; only after `is_valid()`."""
        data = self.cleaned_data
        return Final(data["final"], data["concordance"], data["concordance_reason"]) if data["final"] else None

    def refusal(self) -> ConsentGiven:
        """Who refuses the transfer; only after `is_valid()`."""
        data = self.cleaned_data
        return ConsentGiven(data["refuses"] or PATIENT, data["how"] or "oral", None, data["guardian"])


class LeaveForm(forms.Form):
    """The check before a critical patient leaves. Units stand in the labels."""

    pulse = forms.IntegerField(label=_("Pulse /min"), min_value=0, max_value=999)
    breaths = forms.IntegerField(label=_("Breaths /min"), min_value=0, max_value=999)
    systolic = forms.IntegerField(label=_("Systolic mmHg"), min_value=0, max_value=999)
    diastolic = forms.IntegerField(label=_("Diastolic mmHg"), min_value=0, max_value=999)
    saturation = forms.IntegerField(label=_("Oxygen saturation in percent"), min_value=0, max_value=999)
    temperature = forms.DecimalField(label=_("Temperature °C"), min_value=0, max_digits=4, decimal_places=1)
    consciousness = forms.ChoiceField(label=_("Consciousness"), choices=_chosen(texts.CONSCIOUSNESS))
    airway = forms.ChoiceField(label=_("Airway"), choices=_chosen(texts.AIRWAY))
    oxygen = forms.ChoiceField(label=_("Oxygen"), choices=_chosen(texts.OXYGEN))
    lines = forms.CharField(label=_("Lines and drugs running"), max_length=500, required=False)
    escort = forms.ChoiceField(label=_("Escort"), choices=_chosen(texts.ESCORTS))
    escort_name = forms.CharField(label=_("Name of the escort"), max_length=60)
    vehicle = forms.ChoiceField(label=_("Vehicle"), choices=_chosen(texts.VEHICLES))
    plate = forms.CharField(label=_("Number plate"), max_length=20, required=False)
    left_at = MinuteField(label=_("Left at"))
    eta_at = MinuteField(label=_("Expected there at"))

    def check(self) -> Check:
        """What was found; only after `is_valid()`."""
        return Check(**self.cleaned_data)

    def mark(self, fields: Iterable[str]) -> None:
        """Say at each field what cannot be right."""
        for name in fields:
            self.add_error(name, _("This cannot be right. Look again."))


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
