"""Fields that forms of several rooms share."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
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


class MinuteField(forms.DateTimeField):
    """A minute on Fujian's clocks, chosen or typed as 2026-03-31 14:05; within two centuries. Cleans to an instant."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        wrong = {"invalid": _("Enter day and time as 2026-03-31 14:05.")}
        super().__init__(widget=widget, error_messages=wrong, **kwargs)

    def to_python(self, value: Any) -> datetime | None:
        """As an instant; what carries no zone is meant as the clock on the wall."""
        found = super().to_python(value)
        if found is not None and not _FIRST <= found.date() <= _LAST:
            raise ValidationError(_("Choose a day between 2000 and 2199."), code="far")
        return found
