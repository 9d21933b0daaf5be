"""The forms of those who publish and announce."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fenji.ground.common.text import has_control_characters
from fenji.ground.network.queries import Place
from fenji.ground.publication import rules
from fenji.ground.publication.actions import NewAnnouncement, NewEntry

_TITLE, _TEXT, _PLACE, _NAMED = 100, 5000, 200, 20_000
_SHOWN = 5
"""How many of several names that a line might mean are shown."""


def _plain(value: str) -> str:
    if has_control_characters(value):
        raise ValidationError(_("Remove the control characters."), code="characters")
    return value


def _day(**kwargs: Any) -> forms.DateField:
    return forms.DateField(
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": gettext_lazy("Enter the day as year-month-day, as in 2026-09-15.")},
        **kwargs,
    )


class ChannelForm(forms.Form):
    """One line for the log of channels. `copy`: the id of the copy that was made public."""

    copy = forms.UUIDField(widget=forms.HiddenInput)
    channel = forms.ChoiceField(label=gettext_lazy("Channel"))
    day = _day(label=gettext_lazy("Made public on"))
    place = forms.CharField(label=gettext_lazy("Where exactly"), max_length=_PLACE)
    photo = forms.FileField(
        label=gettext_lazy("Photo"),
        required=False,
        widget=forms.FileInput,
        error_messages={"empty": gettext_lazy("This file is empty. Choose the right one.")},
    )

    def __init__(self, *args: Any, channels: Sequence[tuple[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["channel"].choices = channels

    def clean_place(self) -> str:
        """Without control characters."""
        return _plain(self.cleaned_data["place"])

    def entry(self) -> NewEntry:
        """The checked line; only after `is_valid()`."""
        data, photo = self.cleaned_data, self.cleaned_data["photo"]
        return NewEntry(data["channel"], data["day"], data["place"], (photo.name or "", photo.read()) if photo else None)


class AnnouncementForm(forms.Form):
    """An announcement. `audiences`: those open to the sender, with how many institutions each has."""

    audience = forms.ChoiceField(label=gettext_lazy("Addressees"))
    listed = forms.CharField(
        label=gettext_lazy("Institutions, one on each line"),
        required=False,
        max_length=_NAMED,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    title = forms.CharField(label=gettext_lazy("Heading"), max_length=_TITLE)
    text = forms.CharField(label=gettext_lazy("Text"), max_length=_TEXT, widget=forms.Textarea(attrs={"rows": 8}))
    start = _day(label=gettext_lazy("First day"))
    last = _day(label=gettext_lazy("Last day"), required=False)
    must_confirm = forms.BooleanField(label=gettext_lazy("Must be confirmed by the reader"), required=False)

    def __init__(self, *args: Any, audiences: Sequence[tuple[str, str]], listable: Sequence[Place], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["audience"].choices = audiences
        self.names = {p.id: p.name for p in listable}

    def clean_title(self) -> str:
        """Without control characters."""
        return _plain(self.cleaned_data["title"])

    def clean_text(self) -> str:
        """Without control characters."""
        return _plain(self.cleaned_data["text"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        start, last = data.get("start"), data.get("last")
        if start and last and last < start:
            self.add_error("last", _("The last day lies before the first."))
        if data.get("audience") == "listed":
            self._name(data)
        return data

    def _name(self, data: dict[str, Any]) -> None:
        data["ids"], unclear = rules.named(data.get("listed", ""), self.names)
        for line, fits in unclear:
            meant = ", ".join(fits[:_SHOWN]) + (" …" if len(fits) > _SHOWN else "")
            several = _("“%(line)s” fits several: %(fits)s. Write more of the name.") % {"line": line, "fits": meant}
            nobody = _("“%(line)s” is none of the institutions you may write to.") % {"line": line}
            self.add_error("listed", several if fits else nobody)
        if not unclear and not data["ids"]:
            self.add_error("listed", _("Name at least one institution."))

    def announcement(self) -> NewAnnouncement:
        """The checked announcement; only after `is_valid()`."""
        data = self.cleaned_data
        last: date | None = data["last"]
        until = last + timedelta(days=1) if last else None
        listed = data.get("ids", ())
        return NewAnnouncement(data["audience"], data["title"], data["text"], data["start"], until, data["must_confirm"], listed)
