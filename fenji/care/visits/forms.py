"""Forms of visits: the visit itself, a hand-over, the three parts of a notifiable disease, and the period of a list."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from fenji.care.catalogue.forms import DiagnosisField
from fenji.care.visits import rules, texts
from fenji.care.visits.actions import NewStay, NewVisit, Parts
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.fields import DayField
from fenji.ground.common.text import has_control_characters, has_hidden_characters


class _Words(forms.CharField):
    """Text of several lines."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 2000, "widget": forms.Textarea(attrs={"rows": 2}), **kwargs})

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if has_control_characters(text):
            raise forms.ValidationError(_("Remove the control characters from this text."), code="control")
        return text


class VisitForm(forms.Form):
    """What the doctor enters in seconds."""

    diagnosis = DiagnosisField(label=_("Diagnosis"))
    suspected = forms.BooleanField(label=_("Suspected, not confirmed"), required=False)
    complaint = forms.CharField(label=_("Complaint and findings"), max_length=4000, widget=forms.Textarea(attrs={"rows": 3}))
    department = forms.TypedChoiceField(label=_("Department"), coerce=int, empty_value=None, required=False)
    emergency = forms.BooleanField(label=_("Emergency"), required=False)

    def __init__(self, *args: Any, departments: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if departments:
            self.fields["department"].choices = [("", "—"), *departments]
        else:
            del self.fields["department"]

    def new(self) -> NewVisit:
        """What was entered; only after `is_valid()`."""
        data = self.cleaned_data
        return NewVisit(data["diagnosis"], data["complaint"], data["emergency"], data.get("department"), data["suspected"])


class BedField(forms.CharField):
    """A bed as the ward calls it."""

    def __init__(self) -> None:
        super().__init__(label=_("Bed"), max_length=20, required=False)

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if has_hidden_characters(text):
            raise forms.ValidationError(_("Remove the control characters from this text."), code="control")
        return text


class StayForm(forms.Form):
    """What the ward enters on admission."""

    diagnosis = DiagnosisField(label=_("Diagnosis"))
    department = forms.TypedChoiceField(label=_("Department"), coerce=int, empty_value=None, required=False)
    bed = BedField()
    doctor = forms.ChoiceField(label=_("Responsible doctor"))
    phase = forms.ChoiceField(label=_("Phase of the illness"), required=False)

    def __init__(
        self, *args: Any, departments: list[tuple[int, str]], doctors: dict[UUID, str], me: UUID | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.doctors = {str(account): (account, name) for account, name in doctors.items()}
        self.fields["department"].choices = [("", "—"), *departments]
        self.fields["doctor"].choices = [(key, name) for key, (_account, name) in self.doctors.items()]
        self.fields["doctor"].initial = str(me) if me in doctors else None
        self.fields["phase"].choices = list(texts.PHASES.items())

    def new(self) -> NewStay:
        """What was entered; only after `is_valid()`."""
        data = self.cleaned_data
        return NewStay(data["diagnosis"], self.doctors[data["doctor"]], data["department"], data["bed"], data["phase"])


class PlaceForm(forms.Form):
    """Where a patient lies."""

    department = forms.TypedChoiceField(label=_("Department"), coerce=int, empty_value=None, required=False)
    bed = BedField()

    def __init__(self, *args: Any, departments: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["department"].choices = [("", "—"), *departments]


class PhaseForm(forms.Form):
    """In which phase the illness is."""

    phase = forms.ChoiceField(label=_("Phase of the illness"), choices=[(k, v) for k, v in texts.PHASES.items() if k])


class DischargeForm(forms.Form):
    """How a stay ends."""

    way = forms.ChoiceField(label=_("How it ends"), choices=[(way, texts.WAYS_OUT[way]) for way in rules.WAYS_OUT])


class CensusForm(forms.Form):
    """Which stays the census shows."""

    department = forms.TypedChoiceField(label=_("Department"), coerce=int, empty_value=None, required=False)
    down = forms.BooleanField(label=_("Only who may go down today"), required=False)

    def __init__(self, *args: Any, departments: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["department"].choices = [("", _("All")), *departments]


class HandoverForm(forms.Form):
    """To whom a visit is handed over: `doctor:<account>` or `department:<id>`."""

    to = forms.ChoiceField(label=_("Hand over to"), error_messages={"required": _("Choose a doctor or a department.")})
    note = _Words(label=_("What they need to know"), required=False)

    def __init__(self, *args: Any, doctors: dict[UUID, str], departments: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = [(f"doctor:{account}", name) for account, name in doctors.items()]
        rooms = [(f"department:{number}", name) for number, name in departments]
        groups = [(_("Doctors"), people), (_("Departments, any doctor"), rooms)]
        self.fields["to"].choices = [("", "—"), *(g for g in groups if g[1])]

    def target(self) -> dict[str, Any]:
        """`to` and `department_id` of the action; only after `is_valid()`."""
        kind, _sep, which = self.cleaned_data["to"].partition(":")
        return {"to": UUID(which) if kind == "doctor" else None, "department_id": int(which) if kind == "department" else None}


class PartsForm(forms.Form):
    """The three parts; each may be filled in when it is done, none can be emptied again."""

    measures = _Words(label=_("Control measures taken"), required=False)
    reported_at = forms.DateTimeField(
        label=_("Reported at"),
        required=False,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        error_messages={"invalid": _("Enter day and time as 2026-03-31 09:30.")},
    )
    report_number = forms.CharField(label=_("Number of the report card"), max_length=60, required=False)
    onset_on = DayField(label=_("Day of onset"), required=False)
    contacts = _Words(label=_("Contacts and other notes"), required=False)

    def __init__(self, *args: Any, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.at = at

    def clean_reported_at(self) -> datetime | None:
        typed: datetime | None = self.cleaned_data["reported_at"]
        if typed is None:
            return None
        if not 2000 <= typed.year <= 2199:
            raise forms.ValidationError(_("Enter day and time as 2026-03-31 09:30."))
        found = typed.replace(tzinfo=SHANGHAI)
        if found > self.at:
            raise forms.ValidationError(_("The report lies in the future."))
        return found

    def clean_report_number(self) -> str:
        typed: str = self.cleaned_data["report_number"]
        if has_hidden_characters(typed):
            raise forms.ValidationError(_("Remove the characters that cannot be seen: type this line anew."))
        return typed

    def clean_onset_on(self) -> date | None:
        day: date | None = self.cleaned_data["onset_on"]
        if day is not None and day > local_day(self.at):
            raise forms.ValidationError(_("The day of onset lies in the future."))
        return day

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if bool(data.get("reported_at")) != bool(data.get("report_number")) and not self.errors:
            self.add_error(
                "report_number" if data.get("reported_at") else "reported_at", _("A report has its time and its number.")
            )
        return data

    def parts(self) -> Parts:
        """What was filled in; only after `is_valid()`."""
        data = self.cleaned_data
        return Parts(data["measures"], data["report_number"], data["reported_at"], data["onset_on"], data["contacts"])


class SettleForm(forms.Form):
    """Why a visit was closed without a disposition, and what was done."""

    reason = _Words(label=_("Reason, and what was done for the patient"))


class PeriodForm(forms.Form):
    """Which days a list shows, both included."""

    since = DayField(label=_("From day"))
    until = DayField(label=_("To day"))
    outcome = forms.ChoiceField(label=_("Outcome"), required=False)
    grade = forms.ChoiceField(label=_("Class"), required=False)
    mine = forms.BooleanField(label=_("Only mine"), required=False)

    def __init__(self, data: Any, *, first: date, today: date) -> None:
        super().__init__({"since": f"{first}", "until": f"{today}", **{k: v for k, v in data.items() if v}})
        self.fields["outcome"].choices = [("", _("All")), *((k or "open", v) for k, v in texts.DISPOSITIONS.items())]
        self.fields["grade"].choices = [("", _("All")), *texts.GRADES.items()]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("since") and data.get("until") and data["until"] < data["since"]:
            self.add_error("until", _("The last day lies before the first. Change one of them."))
        return data
