"""The form of a paper's next version."""

from __future__ import annotations

from typing import ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from fenji.ground.documents.actions import NewPaper
from fenji.ground.network.forms import Day, Line


class PaperForm(forms.Form):
    """One version of a paper: what it is called, from when it holds, and the file."""

    title = Line(label=_("Title of the document"), max_length=200)
    start = Day(label=_("In force from"))
    file = forms.FileField(
        label=_("File"),
        widget=forms.FileInput,
        error_messages={
            "required": _("No file was chosen. Choose it (again), then send."),
            "empty": _("This file is empty. Choose the right one."),
        },
    )

    ACCEPT: ClassVar = ".pdf,.docx,.doc,.xlsx,.xls,.png,.jpg,.jpeg"

    def paper(self, kind: str) -> NewPaper:
        """The version as handed in; only after `is_valid()`."""
        data = self.cleaned_data
        return NewPaper(kind, data["title"], data["start"], data["file"].name or "", data["file"].read())
