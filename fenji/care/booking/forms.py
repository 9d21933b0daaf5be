"""The forms of sessions, of a doctor's leave, and of the slot somebody gets; of wards and beds, and of the bed somebody gets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from fenji.care.booking import rules, texts
from fenji.care.booking.actions import NewBed, NewSession, NewWard
from fenji.ground.common.clock import SHANGHAI
from fenji.ground.common.ids import BadCaseNumber, parse_case_number
from fenji.ground.network.forms import Day, Line

_WEEKS = 26
_MOST = 999


def _time(label: Any) -> forms.TimeField:
    return forms.TimeField(label=label, widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}))


class SessionForm(forms.Form):
    """A session, perhaps the same one in the weeks after it."""

    kind = forms.ChoiceField(label=_("Kind"), choices=tuple(texts.KINDS.items()))
    name = Line(label=_("Name of the session"), max_length=60)
    department = forms.ChoiceField(label=_("Department"), required=False)
    item = Line(label=_("Item code"), max_length=40, required=False, help_text=_("For an examination: the code of its item."))
    expert = forms.BooleanField(label=_("Expert clinic"), required=False)
    practitioner = forms.ChoiceField(label=_("Doctor"), required=False)
    day = Day(label=_("Day"))
    begins = _time(_("Begins at"))
    ends = _time(_("Ends at"))
    places = forms.IntegerField(label=_("Places"), min_value=1, max_value=_MOST)
    reserved = forms.IntegerField(
        label=_("Reserved places"),
        min_value=0,
        max_value=_MOST,
        required=False,
        help_text=_("Empty: the share that the policy sets."),
    )
    weeks = forms.IntegerField(label=_("Number of weeks"), min_value=1, max_value=_WEEKS, initial=1)

    def __init__(self, *args: Any, departments: Mapping[int, tuple[str, str]], people: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.departments, self.people = departments, people
        self.fields["department"].choices = [("", _("none")), *((str(k), name) for k, (name, _code) in departments.items())]
        self.fields["practitioner"].choices = [("", _("none")), *people.items()]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("kind") == rules.EXAMINATION and not data.get("item"):
            self.add_error("item", _("An examination needs the code of its item."))
        return data

    def session(self) -> NewSession:
        """What was typed; only after `is_valid()`."""
        data = self.cleaned_data
        department = int(data["department"]) if data["department"] else None
        return NewSession(
            kind=data["kind"],
            name=data["name"],
            start_at=datetime.combine(data["day"], data["begins"], SHANGHAI),
            end_at=datetime.combine(data["day"], data["ends"], SHANGHAI),
            places=data["places"],
            department_id=department,
            specialty=self.departments[department][1] if department else "",
            item=data["item"],
            expert=data["expert"],
            practitioner_id=UUID(data["practitioner"]) if data["practitioner"] else None,
            doctor_name=self.people.get(data["practitioner"], "").partition(" · ")[0],
            reserved=data["reserved"],
        )


class CancelForm(forms.Form):
    """Why a session is cancelled."""

    reason = Line(label=_("Reason"), max_length=200)


class AwayForm(forms.Form):
    """Who is away, from when to when."""

    practitioner = forms.ChoiceField(label=_("Doctor"))
    first = Day(label=_("First day"))
    last = Day(label=_("To and including"))
    reason = Line(label=_("Reason"), max_length=200)

    def __init__(self, *args: Any, people: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["practitioner"].choices = [("", _("Choose")), *people.items()]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("first") and data.get("last") and data["last"] < data["first"]:
            self.add_error("last", _("The last day lies before the first."))
        return data


class SlotForm(forms.Form):
    """Which slot somebody gets."""

    slot = forms.UUIDField(error_messages={"required": _("Choose a slot."), "invalid": _("Choose a slot.")})


class LeaveForm(forms.Form):
    """Why somebody is taken off the wait list."""

    reason = forms.ChoiceField(label=_("Reason"), choices=tuple(texts.LEAVING.items()))


class WeekForm(forms.Form):
    """Which week of which hospital, and which department."""

    on = Day(required=False)
    org = forms.IntegerField(required=False, min_value=1, max_value=2_000_000_000)
    department = forms.IntegerField(required=False, min_value=1, max_value=2_000_000_000)


# --- beds --------------------------------------------------------------------------------------------------------------------

_SEXES = ((rules.FEMALE, _("female")), (rules.MALE, _("male")))


class BoardForm(forms.Form):
    """Whose wards are shown, and of which kind."""

    org = forms.IntegerField(required=False, min_value=1, max_value=2_000_000_000)
    kind = forms.ChoiceField(required=False, choices=[("", _("All")), *texts.WARD_KINDS.items()])


class WardForm(forms.Form):
    """A ward. `department` only while it is new; of a partner its department there, which says which institution it is."""

    name = Line(label=_("Name of the ward"), max_length=40)
    kind = forms.ChoiceField(label=_("Kind"), choices=tuple(texts.WARD_KINDS.items()))
    department = forms.TypedChoiceField(label=_("Department"), coerce=int, empty_value=None)
    doctor = forms.TypedChoiceField(label=_("Responsible doctor"), coerce=UUID, empty_value=None, required=False)
    partner = forms.TypedChoiceField(label=_("Shared with"), coerce=int, empty_value=None, required=False)
    partner_doctor = forms.TypedChoiceField(label=_("Its responsible doctor"), coerce=UUID, empty_value=None, required=False)

    def __init__(
        self,
        *args: Any,
        departments: Mapping[int, str],
        doctors: Mapping[UUID, str],
        partners: Mapping[int, tuple[int, str]],
        partner_doctors: Mapping[UUID, str],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.partners = partners
        none = ("", _("none"))
        self.fields["doctor"].choices = [none, *doctors.items()]
        self.fields["partner"].choices = [none, *((k, label) for k, (_org, label) in partners.items())]
        self.fields["partner_doctor"].choices = [none, *partner_doctors.items()]
        if departments:
            self.fields["department"].choices = list(departments.items())
        else:
            del self.fields["department"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("partner_doctor") and not data.get("partner"):
            self.add_error("partner", _("Choose the institution that shares the ward, or no doctor of it."))
        return data

    def ward(self) -> NewWard:
        """What was typed; only after `is_valid()`."""
        data = self.cleaned_data
        partner = data["partner"]
        return NewWard(
            data["name"],
            data["kind"],
            data["doctor"],
            self.partners[partner][0] if partner else None,
            partner,
            data["partner_doctor"] if partner else None,
        )


class BedForm(forms.Form):
    """A bed of a ward."""

    room = Line(label=_("Sickroom"), max_length=20)
    name = Line(label=_("Bed"), max_length=20)
    sex = forms.ChoiceField(label=_("Bed for"), choices=tuple(texts.BED_SEXES.items()), initial=rules.ANY)
    isolation = forms.BooleanField(label=_("Isolation bed"), required=False)
    closed = forms.BooleanField(label=_("Out of use"), required=False)

    def bed(self) -> NewBed:
        """What was typed; only after `is_valid()`."""
        data = self.cleaned_data
        state = rules.CLOSED if data["closed"] else rules.IN_USE
        return NewBed(data["room"], data["name"], data["sex"], data["isolation"], state)


class NeedForm(forms.Form):
    """For whom a bed is looked for, and what kind of bed."""

    org = forms.IntegerField(required=False, min_value=1, max_value=2_000_000_000)
    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[("", _("All")), *texts.WARD_KINDS.items()])
    sex = forms.ChoiceField(label=_("Sex"), choices=_SEXES)
    isolation = forms.BooleanField(label=_("Needs isolation"), required=False)


class BedHoldForm(forms.Form):
    """A bed for somebody: which, for which case, and what the ward must know beforehand."""

    bed = forms.UUIDField(label=_("Bed"), error_messages={"required": _("Choose a bed."), "invalid": _("Choose a bed.")})
    subject = Line(label=_("Case number"), max_length=40)
    name = Line(label=_("Name"), max_length=60)
    sex = forms.ChoiceField(label=_("Sex"), choices=_SEXES)
    age = forms.IntegerField(label=_("Age in years"), min_value=0, max_value=130)
    topic = Line(label=_("Diagnosis"), max_length=60)
    isolation = forms.BooleanField(label=_("Needs isolation"), required=False)

    def clean_subject(self) -> str:
        try:
            return parse_case_number(self.cleaned_data["subject"])
        except BadCaseNumber:
            raise forms.ValidationError(_("This is no case number. Copy it from the case."), code="number") from None


class LeaveBedForm(forms.Form):
    """Why somebody is taken off the wait list for beds."""

    reason = forms.ChoiceField(label=_("Reason"), choices=tuple(texts.NO_BED_LEAVING.items()))


class GiveBackForm(forms.Form):
    """Why a bed is given back."""

    reason = forms.ChoiceField(label=_("Reason"), choices=tuple(texts.RELEASING.items()))
