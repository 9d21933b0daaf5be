"""The forms of institutions, departments, staff, duty, alliances and regions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from fenji.ground.access.rules import Actor
from fenji.ground.common.text import compact, half_width, has_hidden_characters
from fenji.ground.network import rules, texts
from fenji.ground.network.models import Organisation, RegionName, Specialty
from fenji.ground.network.queries.directory import find_organisation, find_region

_FIRST, _LAST = date(1900, 1, 1), date(2099, 12, 31)
_EAST, _NORTH = (73, 136), (3, 54)
Choices = list[tuple[str, Any]]


def _choices(words: Mapping[str, Any], empty: Any = None) -> Choices:
    return [*([("", empty)] if empty is not None else []), *words.items()]


class Line(forms.CharField):
    """One line of text without characters that cannot be seen."""

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if has_hidden_characters(text):
            raise ValidationError(_("Remove the line breaks and the characters that cannot be seen."), code="hidden")
        return text


class Day(forms.DateField):
    """A day as the browser's own calendar sends it."""

    default_error_messages: ClassVar = {"invalid": _("Give a day as year-month-day, for example 2026-03-01.")}

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        super().__init__(widget=widget, input_formats=["%Y-%m-%d"], **kwargs)

    def clean(self, value: Any) -> date | None:
        day: date | None = super().clean(value)
        if day is not None and not _FIRST <= day <= _LAST:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return day


class PastDay(Day):
    """A day that has begun."""

    def __init__(self, *, today: date, **kwargs: Any) -> None:
        self.today = today
        super().__init__(**kwargs)

    def clean(self, value: Any) -> date | None:
        day = super().clean(value)
        if day is not None and day > self.today:
            raise ValidationError(_("This day lies in the future. Enter it when it has come."), code="future")
        return day


class OrganisationField(forms.CharField):
    """A present organisation, by name or code. Cleans to its row."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=140, **kwargs)

    def clean(self, value: Any) -> Organisation | None:
        text = super().clean(value)
        found = find_organisation(text) if text else None
        if text and found is None:
            raise ValidationError(
                _("Choose an institution from the list: type part of its name, or its code."), code="organisation"
            )
        return found


class RegionField(forms.CharField):
    """A present region within somebody's reach, by code or name. Cleans to its dated row."""

    def __init__(self, *, by: Actor, **kwargs: Any) -> None:
        self.by = by
        super().__init__(max_length=80, **kwargs)

    def clean(self, value: Any) -> RegionName | None:
        text = super().clean(value)
        found = find_region(text, self.by) if text else None
        if text and found is None:
            raise ValidationError(
                _("Choose a place from the list that you administer: type its name, or the 6, 9 or 12 digits of its code."),
                code="region",
            )
        return found


def _coordinate(label: Any) -> forms.DecimalField:
    return forms.DecimalField(label=label, max_digits=9, decimal_places=6, required=False)


class PlaceForm(forms.Form):
    """Where an organisation is and when it is open."""

    address = Line(label=_("Street address"), max_length=200, required=False)
    phone = Line(label=_("Phone for the public"), max_length=40, required=False)
    hours = Line(label=_("Opening hours"), max_length=100, required=False)
    longitude = _coordinate(_("Longitude"))
    latitude = _coordinate(_("Latitude"))

    PLACE = ("address", "phone", "hours", "longitude", "latitude")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        east, north = data.get("longitude"), data.get("latitude")
        known = east is not None and north is not None
        fits = known and _EAST[0] <= east <= _EAST[1] and _NORTH[0] <= north <= _NORTH[1]
        if "longitude" in data and "latitude" in data and not fits and (east is not None or north is not None):
            wrong = _("Give both longitude and latitude (degrees, longitude 73-136, latitude 3-54), or neither.")
            self.add_error("longitude", wrong)
        return data

    def place(self) -> dict[str, Any]:
        """What stands where; only after `is_valid()`."""
        return {name: self.cleaned_data[name] for name in self.PLACE}


class DirectionsForm(forms.Form):
    """How patients find the referral desk."""

    entrance = Line(label=_("Entrance to take"), max_length=100, required=False)
    desk = Line(label=_("Building, floor and window of the referral desk"), max_length=100, required=False)
    buses = Line(label=_("Bus lines, and where to get off"), max_length=200, required=False)
    phone = Line(label=_("Phone of the referral desk"), max_length=40, required=False)


class ParticularsForm(forms.Form):
    """The dated particulars of an organisation of one kind. `on`: from when they count."""

    name = Line(label=texts.FIELDS["name"], max_length=100)
    code = Line(label=texts.FIELDS["code"], max_length=40, required=False)
    care_tier = forms.ChoiceField(label=texts.FIELDS["care_tier"], choices=_choices(texts.TIERS, _("Choose")))
    grade = forms.ChoiceField(label=texts.FIELDS["grade"], choices=_choices(texts.GRADES, _("not known")), required=False)
    affiliation = forms.ChoiceField(
        label=texts.FIELDS["affiliation"], choices=_choices(texts.AFFILIATIONS, _("not known")), required=False
    )
    ownership = forms.ChoiceField(
        label=texts.FIELDS["ownership"], choices=_choices(texts.OWNERSHIPS, _("not known")), required=False
    )
    development = forms.ChoiceField(
        label=texts.FIELDS["development"], choices=_choices(texts.DEVELOPMENTS, _("none")), required=False
    )
    ws218 = Line(label=texts.FIELDS["ws218"], max_length=4, required=False)
    uscc = Line(label=texts.FIELDS["uscc"], max_length=18, required=False)
    integrated = forms.BooleanField(label=texts.FIELDS["integrated"], required=False)

    CARE_ONLY = ("care_tier", "grade", "ownership", "development", "ws218", "integrated")

    def __init__(self, *args: Any, kind: str, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if kind != "care":
            for name in self.CARE_ONLY:
                del self.fields[name]
        if kind == "task_force":
            del self.fields["affiliation"], self.fields["uscc"]
        self.names = tuple(self.fields)
        self.fields["on"] = PastDay(label=_("In force from"), today=today)
        self.fields["reason"] = Line(label=_("Reason or document number"), max_length=200, required=False)

    def clean_code(self) -> str:
        return half_width(self.cleaned_data["code"])

    def clean_uscc(self) -> str:
        return compact(self.cleaned_data["uscc"]).upper()

    def clean_ws218(self) -> str:
        text = compact(self.cleaned_data["ws218"]).upper()
        if text and not rules.WS218.match(text):
            raise ValidationError(_("The WS 218 class is a letter and three digits, as in C220."), code="ws218")
        return text

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("integrated") and data.get("care_tier") != rules.TIERS[0]:
            self.add_error("integrated", _("Only a village clinic can be under integrated management."))
        if data.get("development") and data.get("ownership") != "private":
            self.add_error("development", _("A type of development is given for private institutions only."))
        return data

    def facts(self) -> dict[str, Any]:
        """The particulars by field name; only after `is_valid()`."""
        return {name: self.cleaned_data[name] for name in self.names}

    def doubtful(self) -> bool:
        """Whether the check character of the unified social credit code does not fit: worth a second look, no fault."""
        uscc = self.cleaned_data.get("uscc", "")
        return bool(uscc) and not rules.uscc_fits(uscc)


class FoundingForm(PlaceForm, ParticularsForm):
    """A new organisation: what it is, where it is, what it is counted as."""

    def __init__(self, *args: Any, kind: str, by: Actor, today: date, **kwargs: Any) -> None:
        super().__init__(*args, kind=kind, today=today, **kwargs)
        self.names = tuple(n for n in self.names if n not in self.PLACE)
        self.fields["on"].label = _("Established on")
        self.fields["region"] = RegionField(label=texts.FIELDS["region"], by=by)
        self.fields["parent"] = OrganisationField(label=_("Belongs to"), required=False)
        if kind == "agency":
            self.fields["agency_kind"] = forms.ChoiceField(
                label=_("Kind of agency"), choices=_choices(texts.AGENCY_KINDS, _("another kind")), required=False
            )
        if kind == "task_force":
            self.fields["force_kind"] = forms.ChoiceField(label=_("Kind of group"), choices=_choices(texts.FORCE_KINDS))
        del self.fields["reason"]

    def facts(self) -> dict[str, Any]:
        return {**super().facts(), "region_id": self.cleaned_data["region"].region_id}


class SplitForm(FoundingForm):
    """An organisation that comes out of another; of the same kind as that one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["document"] = Line(label=_("Document number"), max_length=200, required=False)


class MoveForm(forms.Form):
    """An organisation goes to another place."""

    def __init__(self, *args: Any, by: Actor, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["region"] = RegionField(label=_("New place"), by=by)
        self.fields["on"] = PastDay(label=_("In force from"), today=today)
        self.fields["reason"] = Line(label=_("Reason or document number"), max_length=200, required=False)


class EndForm(forms.Form):
    """How an organisation ends."""

    CLOSES, MERGES = "closes", "merges"

    how = forms.ChoiceField(
        label=_("What becomes of it"),
        choices=[(MERGES, _("It goes into another institution")), (CLOSES, _("It ends without a successor"))],
        widget=forms.RadioSelect,
    )
    into = OrganisationField(label=_("Goes into"), required=False)

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["on"] = PastDay(label=_("On which day"), today=today)
        self.fields["document"] = Line(label=_("Document number"), max_length=200, required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("how") == self.MERGES and not data.get("into") and "into" not in self.errors:
            self.add_error("into", _("Say which institution it goes into."))
        if data.get("how") == self.CLOSES:
            data["into"] = None
        return data


def _specialty_choices(specialties: Mapping[str, Specialty], chinese: bool) -> Choices:
    return [(code, s.name_zh if chinese else s.name_en) for code, s in specialties.items()]


class DepartmentForm(forms.Form):
    """One department."""

    name_zh = Line(label=_("Name of the department"), max_length=60)
    name_en = Line(label=_("Name in English"), max_length=80, required=False)
    specialty = forms.ChoiceField(label=_("Specialty"), required=False)

    def __init__(self, *args: Any, specialties: Mapping[str, Specialty], chinese: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["specialty"].choices = [("", _("none, an office")), *_specialty_choices(specialties, chinese)]


class RelationForm(forms.Form):
    """A tie of an institution to another one."""

    kind = forms.ChoiceField(label=_("Kind"), choices=_choices(texts.RELATIONS))
    source = OrganisationField(label=_("With which institution"))
    on = Day(label=_("From the day"))
    document = Line(label=_("Document number"), max_length=200, required=False)


class DayForm(forms.Form):
    """A day on which something ends."""

    on = Day(label=_("Until (the first day it no longer holds)"))


class SeatForm(forms.Form):
    """A seat in a leading group, secretariat, task force or committee."""

    name = Line(label=_("Name"), max_length=60)
    role = forms.ChoiceField(label=_("Seat"), choices=_choices(texts.FORCE_ROLES))
    position = Line(label=_("Office they hold"), max_length=100, required=False)
    on = Day(label=_("From the day"))


class PractitionerForm(forms.Form):
    """What is known of one of the staff. Without `present` somebody new."""

    name = Line(label=_("Name"), max_length=60)
    category = forms.ChoiceField(label=_("Category"), choices=_choices(texts.CATEGORIES))
    title = forms.ChoiceField(label=_("Title"), choices=_choices(texts.TITLES))
    titled_on = Day(label=_("Title since"), required=False)
    licence_until = Day(label=_("Licence valid until"), required=False)
    specialties = forms.MultipleChoiceField(label=_("Specialties"), required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(
        self,
        *args: Any,
        specialties: Mapping[str, Specialty],
        chinese: bool,
        present: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **({"initial": present} if present else {}), **kwargs)
        self.present = present
        self.fields["specialties"].choices = _specialty_choices(specialties, chinese)
        if present is None:
            self.fields["number"] = Line(label=_("Staff number"), max_length=30)
            self.fields["on"] = Day(label=_("Works here since"))
            self.order_fields(["number"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.present and not self.errors and data["title"] != self.present["title"]:
            held = self.present["titled_on"]
            if data["titled_on"] is None or (held and data["titled_on"] < held):
                self.add_error("titled_on", _("Give the day of the new title; it lies after that of the present one."))
        return data

    def facts(self) -> dict[str, Any]:
        """What is known, by field name; only after `is_valid()`."""
        return {name: value for name, value in self.cleaned_data.items() if name != "on"}


class AssignForm(forms.Form):
    """Somebody works at a further place. Without `place` the field it is chosen in is missing: the own institution."""

    kind = forms.ChoiceField(
        label=_("As what"), choices=[(k, texts.ROLE_KINDS[k]) for k in rules.ROLE_KINDS if k != rules.ROLE_KINDS[0]]
    )
    start = Day(label=_("From the day"))
    end = Day(label=_("Until (the first day it no longer holds)"), required=False)

    def __init__(self, *args: Any, anywhere: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if anywhere:
            self.fields["place"] = OrganisationField(label=_("Which institution"))
            self.order_fields(["place"])


class ShiftForm(forms.Form):
    """A duty shift. When it ends at or before the hour it began, it ends on the next day."""

    practitioner = forms.TypedChoiceField(label=_("Person on duty"))
    duty = forms.ChoiceField(label=_("Kind of duty"), choices=_choices(texts.DUTIES))
    day = Day(label=_("Day"))
    begins = forms.TimeField(label=_("Begins at"), widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}))
    ends = forms.TimeField(label=_("Ends at"), widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}))

    def __init__(self, *args: Any, people: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["practitioner"].choices = [("", _("Choose")), *people]

    def span(self) -> tuple[datetime, datetime]:
        """When it begins and ends; only after `is_valid()`."""
        data = self.cleaned_data
        return rules.shift(data["day"], data["begins"], data["ends"])


class AllianceForm(forms.Form):
    """A new alliance with its lead."""

    kind = forms.ChoiceField(label=_("Kind"), choices=_choices(texts.ALLIANCE_KINDS))
    name = Line(label=_("Name of the alliance"), max_length=100)
    lead = OrganisationField(label=_("Lead"))
    specialty = forms.ChoiceField(label=_("Specialty"), required=False)
    on = Day(label=_("Formed on"))

    def __init__(self, *args: Any, specialties: Mapping[str, Specialty], chinese: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["specialty"].choices = [("", _("none")), *_specialty_choices(specialties, chinese)]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if (data.get("kind") == "specialty") != bool(data.get("specialty")):
            self.add_error("specialty", _("A specialty alliance has a specialty; other alliances have none."))
        return data


class JoinForm(forms.Form):
    """An institution that joins an alliance."""

    member = OrganisationField(label=_("Institution"))
    role = forms.ChoiceField(label=_("Member as"))
    on = Day(label=_("From the day"))
    document = Line(label=_("Document number"), max_length=200, required=False)

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        roles = ("branch", "central_branch", "lead") if kind == "county_community" else ("member", "lead")
        self.fields["role"].choices = [(r, texts.MEMBER_ROLES[r]) for r in roles]


class UnifyForm(forms.Form):
    """Which of people, money and goods are run as one."""

    people = forms.BooleanField(label=texts.RESOURCES["people"], required=False)
    money = forms.BooleanField(label=texts.RESOURCES["money"], required=False)
    goods = forms.BooleanField(label=texts.RESOURCES["goods"], required=False)


class RegionForm(forms.Form):
    """Another name or code of a region."""

    name = Line(label=_("Name of the region"), max_length=60)
    code = Line(label=_("Region code"), max_length=12)

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["on"] = PastDay(label=_("In force from"), today=today)

    def clean_code(self) -> str:
        return compact(self.cleaned_data["code"])


class MergeRegionsForm(RegionForm):
    """Several regions that become one. `regions`: their ids."""

    regions = forms.MultipleChoiceField(label=_("Which become one"), widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, today: date, among: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, today=today, **kwargs)
        self.fields["regions"].choices = list(among)

    def clean_regions(self) -> list[int]:
        chosen = [int(r) for r in self.cleaned_data["regions"]]
        if len(chosen) < 2:
            raise ValidationError(_("Choose two or more."), code="few")
        return chosen
