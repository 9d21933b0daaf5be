"""The forms of sessions, of a doctor's leave, and of the slot somebody gets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from fenji.care.booking import rules, texts
from fenji.care.booking.actions import NewSession
from fenji.ground.common.clock import SHANGHAI
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
    first = Day(label=_("From"))
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
