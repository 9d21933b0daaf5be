"""Forms of residents: with an identity card, with another document, without any; and the reason for opening records elsewhere."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from fenji.care.registry import rules, texts
from fenji.care.registry.rules import BadDocument, BadField, NewProxy, NewResident, Term
from fenji.ground.common.identity import BadIdentityNumber

_SEXES = (("", "—"), ("1", _("male")), ("2", _("female")), ("0", _("sex unknown")))
_OLDEST = date(1900, 1, 1)


def identity_message(problem: BadIdentityNumber | BadDocument) -> str:
    """What is wrong with a number, and what to do."""
    kind = problem.kind if isinstance(problem, BadDocument) else rules.CARD
    return texts.document_message(kind, problem.code)


class _Born(forms.DateField):
    """A birth date."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            label=_("Born"),
            widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            error_messages={"invalid": _("Enter a day as 2026-03-31.")},
            validators=[
                MinValueValidator(_OLDEST, _("Nobody living was born before 1900.")),
                MaxValueValidator(date(2199, 12, 31), _("The birth date lies in the future.")),
            ],
            **kwargs,
        )


class _Checked(forms.Form):
    """Abstract: a form whose fields together make a resident."""

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today

    number = "identity"
    """The field that holds the document's number."""

    def made(self, data: dict[str, Any]) -> NewResident:
        """The resident. Raises BadField, BadDocument, BadIdentityNumber."""
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        try:
            data["resident"] = self.made(data)
        except (BadIdentityNumber, BadDocument) as problem:
            self.add_error(self.number, identity_message(problem))
        except BadField as problem:
            self.add_error(problem.field, texts.FIELDS[problem.field, problem.code])
        return data

    @property
    def resident(self) -> NewResident:
        """The checked resident; only after `is_valid()`."""
        found: NewResident = self.cleaned_data["resident"]
        return found


class ResidentForm(_Checked):
    """A new resident with an identity number."""

    identity = forms.CharField(label=_("Identity number"), max_length=60)
    name = forms.CharField(label=_("Name"), max_length=60)
    phone = forms.CharField(label=_("Phone"), max_length=30, required=False)
    address = forms.CharField(label=_("Address"), max_length=200, required=False)

    def made(self, data: dict[str, Any]) -> NewResident:
        return rules.new_resident(data["name"], data["identity"], data["phone"], data["address"], self.today)


class PapersForm(_Checked):
    """A resident with a document of any kind; sex and birth date where its number does not tell them."""

    number = "document"
    kind = forms.ChoiceField(label=_("Kind of document"), choices=list(texts.DOCUMENTS.items()))
    document = forms.CharField(label=_("Number of the identity document"), max_length=60)
    name = forms.CharField(label=_("Name"), max_length=60)
    sex = forms.ChoiceField(label=_("Sex"), choices=_SEXES, required=False)
    birth_date = _Born(required=False)
    phone = forms.CharField(label=_("Phone"), max_length=30, required=False)
    address = forms.CharField(label=_("Address"), max_length=200, required=False)

    def made(self, data: dict[str, Any]) -> NewResident:
        return rules.with_document(
            *(data["name"], data["kind"], data["document"], data["sex"], data["birth_date"]),
            *(data["phone"], data["address"], self.today),
        )


class UnknownForm(_Checked):
    """Somebody who cannot say who they are."""

    sex = forms.ChoiceField(label=_("Sex"), choices=_SEXES)
    years = forms.IntegerField(label=_("Age, guessed"), min_value=0, max_value=120)
    address = forms.CharField(label=_("Where found, and signs to know them by"), max_length=200)

    def __init__(self, *args: Any, mark: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.mark = mark

    def made(self, data: dict[str, Any]) -> NewResident:
        return rules.unknown_person(self.mark, data["sex"], data["years"], data["address"], self.today)


class NewbornForm(_Checked):
    """A child without a number of its own yet."""

    name = forms.CharField(label=_("Name"), max_length=60)
    sex = forms.ChoiceField(label=_("Sex"), choices=_SEXES)
    birth_date = _Born()
    phone = forms.CharField(label=_("Phone"), max_length=30, required=False)
    address = forms.CharField(label=_("Address"), max_length=200, required=False)

    def __init__(self, *args: Any, mother: UUID, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.mother = mother

    def made(self, data: dict[str, Any]) -> NewResident:
        return rules.newborn(
            *(data["name"], data["sex"], data["birth_date"], self.mother, data["phone"], data["address"], self.today)
        )


def _day(label: Any, **kwargs: Any) -> forms.DateField:
    """A day of this and the next century's beginning: nothing a database cannot hold."""
    return forms.DateField(
        label=label,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": _("Enter a day as 2026-03-31.")},
        validators=[MinValueValidator(_OLDEST), MaxValueValidator(date(2199, 12, 31))],
        **kwargs,
    )


class ProxyForm(forms.Form):
    """A relative or guardian who acts for the resident, and how consent was given."""

    name = forms.CharField(label=_("Name"), max_length=60)
    relation = forms.ChoiceField(label=_("What they are to the resident"), choices=[("", "—"), *texts.RELATIONS.items()])
    phone = forms.CharField(label=_("Mobile phone"), max_length=30)
    guardian = forms.BooleanField(label=_("Guardian by law (of a child, or of somebody who cannot decide)"), required=False)
    document = forms.CharField(label=_("Document that shows the guardianship"), max_length=200, required=False)
    instead = forms.ChoiceField(label=_("Messages go to"), choices=list(texts.INSTEAD.items()))
    how = forms.ChoiceField(label=_("Consent was given"), choices=[("", "—"), *texts.WAYS.items()])
    start = _day(_("From the day"))
    end = _day(_("Until (the first day it no longer holds)"), required=False)

    def proxy(self) -> NewProxy:
        """As typed; only after `is_valid()`."""
        data = self.cleaned_data
        said = {name: data[name] for name in ("name", "relation", "phone", "guardian", "document", "how")}
        return NewProxy(**said, instead=data["instead"] == "instead", term=Term(data["start"], data["end"]))


class GlassForm(forms.Form):
    """Why a resident's records at other institutions are needed now."""

    reason = forms.CharField(label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))
