"""The two questions of a reading, the steps of an outlier, and which rates are shown."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from fenji.ground.common.fields import DayField
from fenji.measure.referral_quality import texts
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
