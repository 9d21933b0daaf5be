"""What administrators choose among the traces."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from fenji.ground.access.queries import Trace, people_called
from fenji.ground.common.clock import SHANGHAI
from fenji.ground.common.fields import DayField
from fenji.ground.network.models import Organisation

_DAYS_SHOWN = 7
_MOST = 200


class TraceForm(forms.Form):
    """Which traces. Both days are included; without any, the last seven."""

    since = DayField(label=_("From day"))
    until = DayField(label=_("To day"))
    person = forms.CharField(label=_("Login or name"), max_length=60, required=False)
    begins = forms.CharField(max_length=60, required=False)
    subject = forms.CharField(label=_("Subject"), max_length=60, required=False)
    institution = forms.CharField(label=_("Institution"), max_length=60, required=False)

    def __init__(self, data: Any, *, today: date, begins: Any, **kwargs: Any) -> None:
        """`begins`: what the field for the beginning of an action or purpose is called."""
        first = {"since": f"{today - timedelta(days=_DAYS_SHOWN - 1)}", "until": f"{today}"}
        super().__init__({**first, **{k: v for k, v in data.items() if v}}, **kwargs)
        self.fields["begins"].label = begins

    def clean_person(self) -> tuple[UUID, ...] | None:
        typed = self.cleaned_data["person"]
        found = tuple(people_called(typed)) if typed else None
        if found == ():
            raise ValidationError(_("Nobody has this login or name. Type it whole."))
        return found

    def clean_institution(self) -> tuple[int, ...] | None:
        typed = self.cleaned_data["institution"]
        if not typed:
            return None
        found = tuple(Organisation.objects.filter(name__contains=typed).order_by("id").values_list("id", flat=True)[: _MOST + 1])
        if not found:
            raise ValidationError(_("No institution's name has this in it."))
        if len(found) > _MOST:
            raise ValidationError(_("Too many institutions have this in their name. Type more of it."))
        return found

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("since") and data.get("until") and data["until"] < data["since"]:
            self.add_error("until", _("The last day lies before the first. Change one of them."))
        return data

    def trace(self) -> Trace:
        """What was chosen; only after `is_valid()`."""
        data = self.cleaned_data
        return Trace(
            datetime.combine(data["since"], time.min, SHANGHAI),
            datetime.combine(data["until"] + timedelta(days=1), time.min, SHANGHAI),
            data["person"],
            data["institution"],
            data["subject"].strip(),
            data["begins"].strip(),
        )
