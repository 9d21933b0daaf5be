"""The diagnosis field: a code, `code name` as the suggestions write it, or anything that only one diagnosis fits."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from fenji.care.catalogue import queries
from fenji.care.catalogue.models import Diagnosis
from fenji.ground.common.refusal import Unknown


class DiagnosisField(forms.CharField):
    """Cleans to a row of the code table."""

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
