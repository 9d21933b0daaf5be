"""Forms of this room: the summary of a stay, a line of a plan, a follow-up, and to whom it is given."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from fenji.care.continuity import queries, rules, texts
from fenji.care.continuity.models import PlanItem
from fenji.care.continuity.rules import BadMeasurement, NotPlausible
from fenji.ground.common.edge import refusal_text
from fenji.ground.common.text import half_width, has_control_characters, has_hidden_characters

LINES = 40
"""Most lines that one plan may have: so many fit a form that somebody still reads."""
_DAYS = 3660


class _Words(forms.CharField):
    """Text of several lines."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 4000, "required": False, "widget": forms.Textarea(attrs={"rows": 2}), **kwargs})

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if has_control_characters(text):
            raise forms.ValidationError(_("Remove the control characters from this text."), code="control")
        return text


class _Line(forms.CharField):
    """Text of one line."""

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if has_hidden_characters(text):
            raise forms.ValidationError(_("Remove the control characters from this text."), code="control")
        return text


class PackageForm(forms.Form):
    """What was done in hospital, and when the patient must come back. Each may be left for later; what lacks is shown."""

    admitted_for = _Words(label=_("Why admitted"))
    course = _Words(label=_("What was found and done"))
    condition = _Words(label=_("Condition on leaving"))
    medicines = _Words(label=_("Medicines to take"))
    no_medicine = forms.BooleanField(label=_("No medicines"), required=False)
    warning_signs = _Words(label=_("Signs with which to come back at once"))
    stage_from = forms.ChoiceField(label=_("Stage that ends here"), choices=list(texts.STAGES.items()))
    stage = forms.ChoiceField(label=_("Stage that begins below"), choices=list(texts.STAGES.items()))
    stage_reason = _Words(label=_("Why rehabilitation is left out, or the chain goes back"))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("no_medicine") and data.get("medicines", "").strip():
            self.add_error("no_medicine", _("There are medicines in the field above: take out one of the two."))
        return data

    def summary(self) -> rules.Summary:
        """What was entered; only after `is_valid()`."""
        data = self.cleaned_data
        return rules.Summary(data["admitted_for"], data["course"], data["condition"], data["medicines"], data["no_medicine"])


def measure_names() -> dict[str, str]:
    """What can be measured, in the language of the page, with its unit."""
    english = get_language() == "en"
    named = {code: (m.en if english else m.zh, m.measure.unit) for code, m in queries.measures().items()}
    return {code: f"{name} ({unit})" if unit else name for code, (name, unit) in named.items()}


class ItemForm(forms.Form):
    """One line of the plan. A line without words and without a measure is none."""

    kind = forms.ChoiceField(label=_("What kind"), choices=list(texts.KINDS.items()))
    service = forms.ChoiceField(label=_("Service"), choices=list(texts.SERVICES.items()))
    what = _Line(label=_("What to do"), max_length=200, required=False)
    measure = forms.ChoiceField(label=_("Measure"), required=False)
    low = forms.DecimalField(label=_("Target from"), max_digits=7, decimal_places=2, min_value=0, required=False)
    high = forms.DecimalField(label=_("Target to"), max_digits=7, decimal_places=2, min_value=0, required=False)
    first = forms.IntegerField(label=_("First day after discharge"), min_value=0, max_value=_DAYS, required=False)
    last = forms.IntegerField(label=_("Last day"), min_value=0, max_value=_DAYS, required=False)
    every = forms.IntegerField(label=_("Every … days"), min_value=1, max_value=_DAYS, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["measure"].choices = [("", "—"), *measure_names().items()]

    @property
    def is_blank(self) -> bool:
        """Nothing was said; only after `is_valid()`."""
        return not self.cleaned_data.get("what") and not self.cleaned_data.get("measure")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if (not data.get("what") and not data.get("measure")) or self.errors:
            return data
        measured = data["kind"] == rules.MEASUREMENT
        if measured and not data["measure"]:
            self.add_error("measure", _("Choose what is measured."))
        if not measured and (data["measure"] or data["low"] is not None or data["high"] is not None):
            self.add_error("measure", _("Only a measurement has a measure and a target: choose the kind Measurement."))
        if data["first"] is None:
            self.add_error("first", _("Say on which day after discharge this is first done; 0 is the day itself."))
        elif data["last"] is not None and data["last"] < data["first"]:
            self.add_error("last", _("The last day lies before the first. Change one of them."))
        if data["low"] is not None and data["high"] is not None and data["high"] < data["low"]:
            self.add_error("high", _("The target ends before it begins. Change one of the two."))
        return data

    def item(self) -> rules.Item:
        """The line; only after `is_valid()` and when it is not blank."""
        data = self.cleaned_data
        last = data["first"] if data["last"] is None else data["last"]
        what = data["what"] or measure_names()[data["measure"]]
        target = (data["low"], data["high"], data["measure"])
        return rules.Item(data["kind"], data["service"], what, data["first"], last, data["every"] or 1, *target)


def _plain(number: Decimal | None) -> str:
    """A number as somebody would type it, without zeros at its end."""
    return "" if number is None else f"{number.normalize():f}"


def _target(line: PlanItem) -> str:
    if line.low is None and line.high is None:
        return ""
    return gettext("Target %(low)s–%(high)s") % {"low": _plain(line.low), "high": _plain(line.high)}


def form_of(item: PlanItem) -> dict[str, Any]:
    """A line as the form begins with it."""
    names = ("kind", "service", "what", "measure", "first", "last", "every")
    return {**{name: getattr(item, name) for name in names}, "low": _plain(item.low), "high": _plain(item.high)}


class AttachForm(forms.Form):
    """A file that goes along. Its kind is read from its content, not from its name."""

    ACCEPT = ".pdf,.png,.jpg,.jpeg"

    what = _Line(label=_("What it shows"), max_length=100)
    file = forms.FileField(label=_("File"), error_messages={"required": _("Choose a file."), "empty": _("This file is empty.")})


class RecordForm(forms.Form):
    """How a follow-up went: the button that was pressed, what was measured, a word about it."""

    outcome = forms.ChoiceField(choices=list(texts.OUTCOMES.items()), error_messages={"required": _("Say how it went.")})
    note = _Words(label=_("Note"))

    def __init__(self, *args: Any, lines: list[PlanItem], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.measured = [line for line in lines if line.measure]
        for line in self.measured:
            self.fields[f"value_{line.number}"] = forms.CharField(
                label=measure_names()[line.measure], max_length=20, required=False
            )

    def values(self) -> list[tuple[str, forms.BoundField]]:
        """(the hospital's target in words, the field) of each line that is measured."""
        return [(_target(line), self[f"value_{line.number}"]) for line in self.measured]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("outcome") != rules.DONE:
            return data
        for line in self.measured:
            name = f"value_{line.number}"
            try:
                rules.measured(queries.measures()[line.measure].measure, half_width(data.get(name, "")))
            except (BadMeasurement, NotPlausible) as refusal:
                self.add_error(name, " ".join(refusal_text(refusal)))
        return data

    def typed(self) -> dict[int, str]:
        """What was measured, by number of the line; only after `is_valid()`."""
        return {line.number: self.cleaned_data[f"value_{line.number}"] for line in self.measured}


class DelegateForm(forms.Form):
    """Who of the team does it."""

    to = forms.ChoiceField(label=_("Who does it"), required=False)

    def __init__(self, *args: Any, team: dict[UUID, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"].choices = [("", _("The whole team")), *((str(account), name) for account, name in team.items())]

    def account(self) -> UUID | None:
        """Only after `is_valid()`."""
        return UUID(self.cleaned_data["to"]) if self.cleaned_data["to"] else None
