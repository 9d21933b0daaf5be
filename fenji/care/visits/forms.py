"""The visit form."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from fenji.care.catalogue.forms import DiagnosisField


class VisitForm(forms.Form):
    """What the doctor enters in seconds."""

    diagnosis = DiagnosisField(label=_("Diagnosis"))
    complaint = forms.CharField(label=_("Complaint and findings"), max_length=4000, widget=forms.Textarea(attrs={"rows": 3}))
    emergency = forms.BooleanField(label=_("Emergency"), required=False)
