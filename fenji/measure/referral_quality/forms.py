"""The two questions of a reading, the steps of an outlier and of an alert, and which rates and alerts are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from django import forms
from django.utils.translation import gettext_lazy as _

from fenji.care.referral.rules.register import next_month
from fenji.ground.common.fields import DayField
from fenji.measure.referral_quality import texts
from fenji.measure.referral_quality.queries import Asked
from fenji.measure.referral_quality.rules import ADJUSTED, ANSWERS, PLAIN, SIDES

_LONGEST = 2000


class _Words(forms.CharField):
    def __init__(self, label: object, *, required: bool = False) -> None:
        super().__init__(label=label, max_length=_LONGEST, required=required, widget=forms.Textarea(attrs={"rows": 3}))


class ReadingForm(forms.Form):
    """Nothing is chosen beforehand: nobody answers what they have not looked at."""

    _answers = (("", _("Choose")), *((code, texts.ANSWERS[code]) for code in ANSWERS))
    appropriate = forms.ChoiceField(label=texts.DIMENSIONS["appropriate"], choices=_answers)
    compliant = forms.ChoiceField(label=texts.DIMENSIONS["compliant"], choices=_answers)
    note = _Words(_("What the doctor should know"))


class ExplainForm(forms.Form):
    """Cause and correction, as the rules ask for them."""

    cause = _Words(_("Cause"), required=True)
    correction = _Words(_("Correction"), required=True)
    correct_by = DayField(label=_("Last day of the correction"))


class BackForm(forms.Form):
    """What is missing in an explanation."""

    note = _Words(_("What is missing"), required=True)


class RatesForm(forms.Form):
    """From which side, over which days (both included), with or without adjustment."""

    side = forms.ChoiceField(label=_("Compared"), choices=[(code, texts.SIDES[code]) for code in SIDES])
    since = DayField(label=_("From day"))
    until = DayField(label=_("To day"))
    limits = forms.ChoiceField(label=_("Limits"), choices=((PLAIN, _("Unadjusted")), (ADJUSTED, _("Adjusted"))))


_OVERDUE = "overdue"


class AlertsForm(forms.Form):
    """Which alerts are shown. The counties, institutions and months to choose from are those that the reader sees."""

    month = forms.ChoiceField(label=_("Month"))
    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[("", _("All")), *texts.ALERTS.items()])
    county = forms.ChoiceField(label=_("County or district"), required=False)
    org = forms.ChoiceField(label=_("Institution"), required=False)
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[("", _("All")), (_OVERDUE, _("Explanation overdue")), *texts.ALERT_STATES.items()],
    )

    def __init__(
        self, asked: Mapping[str, str], months: Sequence[str], counties: Mapping[str, str], orgs: Mapping[int, str]
    ) -> None:
        super().__init__({"month": months[0], **{k: v for k, v in asked.items() if v}})
        every = ("", _("All"))
        self.fields["month"].choices = [(m, m) for m in months]
        self.fields["county"].choices = [every, *counties.items()]
        self.fields["org"].choices = [every, *((str(number), name) for number, name in orgs.items())]
        if len(counties) <= 1:
            del self.fields["county"]

    def asked(self, at: datetime) -> Asked:
        """What the checked form asks for, at an instant."""
        data = self.cleaned_data
        first = date.fromisoformat(f"{data['month']}-01")
        state = data.get("state", "")
        overdue = state == _OVERDUE
        return Asked(
            first, next_month(first), data["kind"], data.get("county", ""), int(data["org"]) if data["org"] else None,
            "" if overdue else state, at if overdue else None,
        )  # fmt: skip


class AnswerForm(forms.Form):
    """How it came to it, as the institution asked says."""

    cause = _Words(_("How it came to it"), required=True)


class JudgeForm(forms.Form):
    """What is to be corrected, as whoever judges says."""

    note = _Words(_("What is to be corrected"), required=True)
