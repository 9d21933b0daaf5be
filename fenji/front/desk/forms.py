"""Forms of the administrators' pages."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.utils.translation import gettext_lazy as _

from fenji.front.desk.queries import present_organisation
from fenji.ground.access.models import Account
from fenji.ground.access.queries import administered
from fenji.ground.access.rules import STAFF_KIND, Actor, BadField, NewAccount, new_account, plain_username
from fenji.ground.access.texts import ROLE_NAMES
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.text import half_width, has_hidden_characters
from fenji.ground.network.models import Organisation
from fenji.ground.network.queries import organisations_within

_FIELDS = {
    ("name", "required"): _("Enter the name."),
    ("name", "characters"): _("A name has at most 60 characters, and none that cannot be seen."),
    ("username", "form"): _("A user name has 2 to 60 small letters, digits, dots or hyphens, and begins with a letter or digit."),
}
_DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%Y%m%d")
_FARTHEST = date(2100, 1, 1)


class InstitutionField(forms.CharField):
    """`17 name` as the suggestions write it, a number, or a name that only one institution within the reach has."""

    def __init__(self, reach: str = "", **kwargs: Any) -> None:
        super().__init__(max_length=200, **kwargs)
        self.reach = reach

    def clean(self, value: Any) -> Organisation | None:
        text = half_width(super().clean(value))
        if not text and not self.required:
            return None
        number = text.split()[0] if text else ""
        if number.isascii() and number.isdigit() and len(number) < 10:
            found = present_organisation(int(number))
            if found is not None and self.reach and found.path.startswith(self.reach):
                return found
        named = list(organisations_within(self.reach, text)[:2]) if text else []
        if len(named) == 1:
            return named[0]
        raise ValidationError(_("Choose an institution of yours from the list: type a part of its name."), code="institution")


class DayField(forms.DateField):
    """A day, typed or picked."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(input_formats=_DAYS, validators=[MaxValueValidator(_FARTHEST)], **kwargs)

    def to_python(self, value: Any) -> date | None:
        return super().to_python(half_width(value) if isinstance(value, str) else value)


def morning_of(day: date) -> datetime:
    """The instant at which a day begins in Fujian."""
    return datetime.combine(day, time.min, SHANGHAI)


def evening_of(day: date) -> datetime:
    """The instant at which a day is over."""
    return morning_of(day + timedelta(days=1))


class _Days(forms.Form):
    """From a day, today or later, to a last day."""

    def __init__(self, *args: Any, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.at = at

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        start, end, today = data.get("start"), data.get("end"), local_day(self.at)
        if start is not None and start < today:
            self.add_error("start", _("Choose today or a later day."))
        if end is not None and end < max(start or today, today):
            self.add_error("end", _("The last day cannot come before the first, nor before today."))
        return data

    @property
    def span(self) -> tuple[datetime, datetime | None]:
        """Half-open instants; what begins today begins now. Only after `is_valid()`."""
        start, end = self.cleaned_data.get("start"), self.cleaned_data.get("end")
        begin = self.at if start is None or start == local_day(self.at) else morning_of(start)
        return begin, evening_of(end) if end else None


class AccountForm(forms.Form):
    """A new person, at home in an institution, with their first role there."""

    name = forms.CharField(label=_("Name"), max_length=200)
    username = forms.CharField(label=_("User name"), max_length=200, required=False)
    org = InstitutionField(label=_("Institution"))
    role = forms.ChoiceField(label=_("Role"))

    def __init__(self, *args: Any, by: Actor, kind: str, roles: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        self.fields["org"].reach = by.reach
        self.fields["role"].choices = [("", _("Choose")), *((r, ROLE_NAMES[r]) for r in roles)]

    def checked(self, username: str) -> NewAccount | None:
        """The account with a user name, typed or proposed; None when the fields were refused. Only after `is_valid()`."""
        data = self.cleaned_data
        try:
            return new_account(data["name"], data["username"] or username, self.kind, data["org"].id, data["org"].path)
        except BadField as problem:
            self.add_error(problem.field, _FIELDS[problem.field, problem.code])
            return None


class PostForm(_Days):
    """Another post for somebody."""

    org = InstitutionField(label=_("Institution"))
    role = forms.ChoiceField(label=_("Role"))
    start = DayField(label=_("First day"), required=False)
    end = DayField(label=_("Last day"), required=False)

    def __init__(self, *args: Any, by: Actor, roles: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["org"].reach = by.reach
        self.fields["role"].choices = [(r, ROLE_NAMES[r]) for r in roles]


class CoverForm(_Days):
    """Somebody stands in for a colleague on leave."""

    post = forms.UUIDField(widget=forms.HiddenInput)
    stand_in = forms.CharField(label=_("Stand-in"), max_length=200)
    start = DayField(label=_("First day"))
    end = DayField(label=_("Last day"))

    def __init__(self, *args: Any, by: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.by = by

    def clean_stand_in(self) -> Account:
        """An account within the reach, by user name (as the suggestions write it, the name behind) or by a name only one has."""
        typed = half_width(self.cleaned_data["stand_in"])
        people = administered(self.by, (STAFF_KIND,)).filter(active=True)
        found = people.filter(username=plain_username(typed.split()[0])).first()
        if found is None:
            named = list(people.filter(name=typed)[:2])
            found = named[0] if len(named) == 1 else None
        if found is None:
            raise ValidationError(_("Choose a person of yours from the list: type the name or the user name."), code="stand_in")
        return found


class EndForm(_Days):
    """The end of a post, and why."""

    post = forms.UUIDField(widget=forms.HiddenInput)
    end = DayField(label=_("Last day"), required=False)
    reason = forms.CharField(label=_("Reason"), max_length=200)

    def clean_reason(self) -> str:
        """Without characters nobody sees."""
        return _plain(self.cleaned_data["reason"])


class ReasonForm(forms.Form):
    """Why something is done."""

    reason = forms.CharField(label=_("Reason"), max_length=200)

    def clean_reason(self) -> str:
        """Without characters nobody sees."""
        return _plain(self.cleaned_data["reason"])


class MachineForm(forms.Form):
    """A machine account of one institution."""

    name = forms.CharField(label=_("Program"), max_length=200)
    org = InstitutionField(label=_("Institution"))

    def __init__(self, *args: Any, by: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["org"].reach = by.reach


class KeyForm(forms.Form):
    """A new key of a machine account."""

    until = DayField(label=_("Good until and including"))


def _plain(text: str) -> str:
    if has_hidden_characters(text):
        raise ValidationError(_("Remove line breaks and characters that cannot be seen."), code="characters")
    return half_width(text)
