"""The diagnosis field, and the forms by which entries are written into the draft of a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from fenji.care.catalogue import queries, rules
from fenji.care.catalogue.models import Diagnosis, Entry
from fenji.ground.common.refusal import Unknown
from fenji.ground.common.text import half_width, has_control_characters, has_hidden_characters

Choices = Mapping[str, Mapping[str, Any]]
"""Field → code → what it is called."""


class DiagnosisField(forms.CharField):
    """A code, `code name` as the suggestions write it, or anything that only one diagnosis fits. Cleans to a Diagnosis."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=200, **kwargs)

    def clean(self, value: Any) -> Diagnosis | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return queries.diagnosis(text.split()[0])
        except Unknown:
            pass
        only = queries.only_one(text)
        if only is not None:
            return only
        raise ValidationError(
            _("Choose a diagnosis from the list: type its code, its name or its pinyin initials."), code="diagnosis"
        )


class _Line(forms.CharField):
    """One line of text, half-width, without characters that cannot be seen."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 200, **kwargs})

    def clean(self, value: Any) -> str:
        text = half_width(super().clean(value))
        if has_hidden_characters(text):
            raise ValidationError(_("Remove the characters that cannot be seen: type this line anew."), code="hidden")
        return text


class _Words(forms.CharField):
    """Text of several lines."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 20_000, "required": False, "widget": forms.Textarea(attrs={"rows": 4}), **kwargs})

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if has_control_characters(text):
            raise ValidationError(_("Remove the control characters from this text."), code="control")
        return text


class EntryForm(forms.Form):
    """Abstract: the fields of one kind of entry, but for the disease, which is chosen once, when an entry is added."""

    diagnosis = DiagnosisField(label=_("Diagnosis"))

    of_disease = True

    def __init__(self, data: Any = None, *, choices: Choices, entry: Entry | None = None) -> None:
        self.entry = entry
        super().__init__(data, initial=queries.values_of(entry) if entry else None)
        if entry is not None or not self.of_disease:
            del self.fields["diagnosis"]
        for name, field in self.fields.items():
            if isinstance(field, forms.ChoiceField):
                kept = getattr(entry, name, "")
                offered = {**({} if field.required else {"": "—"}), **({kept: kept} if kept else {}), **choices[name]}
                field.choices = list(offered.items())

    def values(self) -> dict[str, Any]:
        """The entry as `actions.put_entry` takes it; only after `is_valid()`."""
        data = dict(self.cleaned_data)
        found: Diagnosis | None = data.pop("diagnosis", None)
        if found is not None:
            data |= {"group": queries.group_of(found), "code": found.code, "name_zh": found.name_zh, "name_en": found.name_en}
        return {**(queries.values_of(self.entry) if self.entry else {}), **data}


class TreatableForm(EntryForm):
    """A disease an institution can treat: the diagnosis says it all."""

    def values(self) -> dict[str, Any]:
        return {**super().values(), "level": ""}


class FirstContactForm(EntryForm):
    """A disease of the first-contact catalogue."""

    level = forms.ChoiceField(label=_("Lowest level that can treat it"))


class DownForm(EntryForm):
    """A disease recommended for down-referral."""

    phase = forms.ChoiceField(label=_("Phase"))
    criteria_zh = _Words(label=_("Criteria (Chinese)"))
    guide_zh = _Words(label=_("Operating guide (Chinese)"))
    criteria_en = _Words(label=_("Criteria (English)"))
    guide_en = _Words(label=_("Operating guide (English)"))


class GuideForm(EntryForm):
    """One document of a disease."""

    document = forms.ChoiceField(label=_("Document"))
    title_zh = _Line(label=_("Title (Chinese)"))
    text_zh = _Words(label=_("Text (Chinese)"), required=True)
    title_en = _Line(label=_("Title (English)"), required=False)
    text_en = _Words(label=_("Text (English)"))


class _CodedForm(EntryForm):
    """Abstract: an entry with a code of its own."""

    of_disease = False
    code = _Line(label=_("Code"), max_length=40)

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if not rules.is_item_code(code):
            raise ValidationError(_("A code has letters, digits, points and dashes only."), code="code")
        return code


class ItemForm(_CodedForm):
    """A devolved service item."""

    name_zh = _Line(label=_("Name (Chinese)"))
    name_en = _Line(label=_("Name (English)"), required=False)
    kind = forms.ChoiceField(label=_("Kind"), required=False)
    specialty = forms.ChoiceField(label=_("Specialty"), required=False)
    groups = _Line(label=_("Diseases it is for: codes or groups"), required=False, max_length=500)

    def __init__(self, data: Any = None, *, choices: Choices, entry: Entry | None = None) -> None:
        super().__init__(data, choices=choices, entry=entry)
        self.initial["groups"] = " ".join(self.initial.get("groups", []))

    def clean_groups(self) -> list[str]:
        return queries.groups_named(self.cleaned_data["groups"])


class TechniqueForm(_CodedForm):
    """A technique of Chinese medicine."""

    category_zh = _Line(label=_("Category (Chinese)"))
    category_en = _Line(label=_("Category (English)"), required=False)
    name_zh = _Line(label=_("Name (Chinese)"))
    name_en = _Line(label=_("Name (English)"), required=False)


FORMS: dict[str, type[EntryForm]] = {
    rules.FIRST_CONTACT: FirstContactForm,
    rules.TREATABLE: TreatableForm,
    rules.DOWN: DownForm,
    rules.DEVOLVED: ItemForm,
    rules.TECHNIQUE: TechniqueForm,
    rules.PROMOTED: TechniqueForm,
    rules.GUIDE: GuideForm,
}
"""Kind of list → the form of its entries."""


class StepForm(forms.Form):
    """What a step of a list needs: a note, or the day it begins."""

    note = _Words(max_length=2000)
    start = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
