"""Fields that forms of several rooms share."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

_FIRST, _LAST = date(2000, 1, 1), date(2199, 12, 31)


class DayField(forms.DateField):
    """A day, chosen in the browser's calendar or typed; within two centuries, so that no arithmetic on it overflows."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        wrong = {"invalid": _("Enter a day as 2026-03-31.")}
        far = _("Choose a day between 2000 and 2199.")
        super().__init__(
            widget=widget,
            error_messages=wrong,
            validators=[MinValueValidator(_FIRST, far), MaxValueValidator(_LAST, far)],
            **kwargs,
        )
