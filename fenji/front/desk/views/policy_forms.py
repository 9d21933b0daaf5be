"""The forms of the policy pages: a change of one parameter, its earlier end, a decision."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from fenji.ground.common.clock import Span
from fenji.ground.common.text import compact, half_width, has_control_characters
from fenji.ground.policy import rules, texts
from fenji.ground.policy.actions import Ground, NewChange
from fenji.ground.policy.rules import ChangePolicy, Parameter, Value

_SHA256 = re.compile(r"[0-9a-f]{64}")
_LARGEST_FILE = 50 * 1024 * 1024
_FIRST, _LAST = date(2000, 1, 1), date(2099, 12, 31)


class _Day(forms.DateField):
    """A day, typed or chosen; years far off are slips."""

    widget = forms.DateInput(attrs={"type": "date", "min": _FIRST.isoformat(), "max": _LAST.isoformat()}, format="%Y-%m-%d")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(input_formats=["%Y-%m-%d"], **kwargs)

    def clean(self, value: Any) -> date | None:
        day: date | None = super().clean(half_width(value) if isinstance(value, str) else value)
        if day is not None and not _FIRST <= day <= _LAST:
            raise forms.ValidationError(_("Check the year: it lies before 2000 or after 2099."))
        return day


class _Words(forms.CharField):
    """Text without control characters."""

    def clean(self, value: Any) -> str:
        text = str(super().clean(value))
        if has_control_characters(text):
            raise forms.ValidationError(_("Remove the control characters."))
        return text


class GroundForm(forms.Form):
    """The document that a change rests on. Of a chosen file only the SHA-256 is kept."""

    document_number = _Words(label=_("Number of the document"), max_length=100)
    document_title = _Words(label=_("Title of the document"), max_length=200)
    document_file = forms.FileField(label=_("File of the document"), required=False, allow_empty_file=False)
    document_sha256 = forms.CharField(label=_("Or its SHA-256"), max_length=200, required=False)
    reason = _Words(label=_("Reason"), max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))

    def clean_document_file(self) -> Any:
        """The file, unless it is larger than a document should be."""
        file = self.cleaned_data["document_file"]
        if file is not None and file.size > _LARGEST_FILE:
            raise forms.ValidationError(_("The file is larger than 50 MB. Compute its SHA-256 yourself and enter it below."))
        return file

    def clean_document_sha256(self) -> str:
        """The typed hash in lower case, without blanks."""
        typed = compact(self.cleaned_data["document_sha256"]).lower()
        if typed and not _SHA256.fullmatch(typed):
            raise forms.ValidationError(_("A SHA-256 has 64 characters, each 0 to 9 or a to f. Copy it again."))
        return typed

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        file, typed = data.get("document_file"), data.get("document_sha256", "")
        computed = _sha256(file) if file is not None else ""
        if not self.has_error("document_sha256") and not self.has_error("document_file"):
            if not computed and not typed:
                self.add_error("document_sha256", _("Choose the file, or enter its SHA-256."))
            elif computed and typed and computed != typed:
                self.add_error("document_sha256", _("The file has another SHA-256. Is it the right file?"))
        data["sha256"] = computed or typed
        return data

    @property
    def ground(self) -> Ground:
        """The checked document; only after `is_valid()`."""
        data = self.cleaned_data
        return Ground(data["document_number"], data["document_title"], data["sha256"], data["reason"])


def _sha256(file: Any) -> str:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    return digest.hexdigest()


class ChangeForm(GroundForm):
    """A change of one parameter: the fields of its value depend on what it is."""

    place = forms.ChoiceField(label=_("Applies to"))
    start = _Day(label=_("Begins"))
    end = _Day(label=_("Ends before"), required=False)
    authority = forms.ChoiceField(label=_("Authority of the document"), choices=[])
    field_order = ("place", "value", "minutes", "counted", "start", "end", "authority")

    def __init__(self, *args: Any, base: Parameter, places: Sequence[tuple[str, str]], limits: ChangePolicy, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.base, self.kind = base, rules.form_of(base.value)
        self.fields["place"].choices = list(places)
        self.fields["authority"].choices = [(a, texts.AUTHORITIES[a]) for a in reversed(rules.AUTHORITIES)]
        for name, field in _value_fields(base, limits).items():
            self.fields[name] = field
        self.order_fields(self.field_order)

    @property
    def value_fields(self) -> list[forms.BoundField]:
        """The fields of the value, for the template."""
        return [self[name] for name in ("value", "minutes", "counted") if name in self.fields]

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if self.kind in ("list", "numbers") and "value" in data:
            lines = [half_width(line) for line in data["value"].splitlines() if line.strip()]
            try:
                data["value"] = tuple(map(int, lines)) if self.kind == "numbers" else tuple(lines)
            except ValueError:
                self.add_error("value", _("One whole number a line."))
        return data

    def new(self, key: str) -> NewChange:
        """The checked change; only after `is_valid()`."""
        data = self.cleaned_data
        return NewChange(key, data["place"], self._value(), data["authority"], data["start"], data["end"])

    def _value(self) -> Value:
        data = self.cleaned_data
        if self.kind == "span":
            return Span(data["minutes"], data["counted"])
        if self.base.ambiguity is not None:
            return self.base.ambiguity.choices[int(data["value"])]
        value: Value = data["value"] == "on" if self.kind == "switch" else data["value"]
        return value


def _value_fields(base: Parameter, limits: ChangePolicy) -> dict[str, forms.Field]:
    if base.ambiguity is not None:
        choices = [(str(n), texts.value_words(c, base.unit)) for n, c in enumerate(base.ambiguity.choices)]
        return {"value": forms.ChoiceField(label=_("Reading of the text"), choices=choices)}
    form = rules.form_of(base.value)
    if form == "switch":
        choices = [("on", texts.value_words(True, "")), ("off", texts.value_words(False, ""))]
        return {"value": forms.ChoiceField(label=_("New value"), choices=choices)}
    if form == "number":
        most = limits.most_number if base.most is None else base.most
        return {"value": forms.IntegerField(label=_("New value"), min_value=base.least or 0, max_value=most)}
    if form == "span":
        most = max(limits.most_natural_minutes, limits.most_duty_minutes)
        counted = forms.ChoiceField(label=_("Counted"), choices=list(texts.COUNTED.items()))
        return {"minutes": forms.IntegerField(label=_("Minutes"), min_value=0, max_value=most), "counted": counted}
    if form == "text":
        return {"value": _Words(label=_("New value"), max_length=200)}
    area = forms.Textarea(attrs={"rows": 4})
    return {"value": _Words(label=_("New value, one a line"), max_length=4000, widget=area)}


def first_values(base: Parameter, present: Value, settled: date) -> dict[str, Any]:
    """What a fresh form shows: the present value, the first day possible, the weight of an order."""
    first: dict[str, Any] = {"authority": "order", "start": date.fromordinal(settled.toordinal() + 1)}
    if isinstance(present, Span):
        return {**first, "minutes": present.minutes, "counted": present.counted}
    if base.ambiguity is not None:
        return {**first, "value": str(base.ambiguity.choices.index(present)) if present in base.ambiguity.choices else ""}
    if isinstance(present, bool):
        return {**first, "value": "on" if present else "off"}
    return {**first, "value": "\n".join(map(str, present)) if isinstance(present, tuple) else present}


class EndForm(GroundForm):
    """The earlier end of a change."""

    end = _Day(label=_("Ends on"))
    field_order = ("end",)


class DecisionForm(forms.Form):
    """Approve or reject; a rejection says why."""

    decision = forms.ChoiceField(choices=[("approve", "approve"), ("reject", "reject")])
    note = _Words(label=_("Note"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("decision") == "reject" and not data.get("note"):
            self.add_error("note", _("Say why it is rejected."))
        return data
