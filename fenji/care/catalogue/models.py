"""Diagnoses, and dated disease lists of organisations."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from fenji.ground.common.models import CText, House
from fenji.ground.network.models import Organisation


class Diagnosis(House):
    """One row of the code table in use. The shipped one is a demo dictionary of our own selection."""

    code = CText(primary_key=True)
    name_zh = CText()
    name_en = CText()
    initials = CText()
    group = CText()

    privacy: ClassVar = dict.fromkeys(("code", "name_zh", "name_en", "initials", "group"), "public")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["name_zh"], name="diagnosis_name"),
            models.Index(fields=["initials"], name="diagnosis_initials"),
        ]


class DiseaseList(House):
    """One version of a list. kind: `first_contact` (the community's catalogue) or `treatable` (one institution's own)."""

    id = models.IntegerField(primary_key=True)
    kind = CText()
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    number = models.IntegerField()
    start = models.DateField()
    end = models.DateField(null=True)

    privacy: ClassVar = dict.fromkeys(("id", "kind", "org", "number", "start", "end"), "public")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=("first_contact", "treatable")), name="diseaselist_kind"),
            models.UniqueConstraint(fields=["org", "kind", "number"], name="diseaselist_version"),
            models.UniqueConstraint(fields=["org", "kind"], condition=Q(end=None), name="diseaselist_one_open"),
            models.CheckConstraint(condition=Q(end=None) | Q(end__gt=F("start")), name="diseaselist_dates"),
        ]


class ListEntry(House):
    """A disease on a list, by disease group."""

    id = models.BigAutoField(primary_key=True)
    list = models.ForeignKey(DiseaseList, on_delete=models.PROTECT)
    group = CText()

    privacy: ClassVar = dict.fromkeys(("id", "list", "group"), "public")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["list", "group"], name="listentry_once")]
