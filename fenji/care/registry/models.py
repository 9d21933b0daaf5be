"""Residents, and their identity numbers apart from them."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Substr

from fenji.care.registry.rules import SEXES
from fenji.ground.common import rls
from fenji.ground.common.models import CText, House, Keyed, org_array
from fenji.ground.network.models import Organisation


class Resident(Keyed):
    """A resident. `path`: the place of the institution that keeps the record; `viewer_ids`: others who opened it by the door.

    The name's suffixes and its readings are columns of their own: only `^@` on a plain index may be used for search under
    row-level security.
    """

    name = CText()
    name_2 = models.GeneratedField(expression=Substr("name", 2), output_field=CText(), db_persist=True)
    name_3 = models.GeneratedField(expression=Substr("name", 3), output_field=CText(), db_persist=True)
    pinyin = CText()
    initials = CText()
    pinyin_other = CText(default="")
    initials_other = CText(default="")
    sex = CText()
    birth_date = models.DateField()
    phone = models.BinaryField()
    address = models.TextField()
    home_org = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    path = CText()
    viewer_ids = org_array()

    privacy: ClassVar = {
        "id": "internal",
        "version": "internal",
        "name": "patient",
        "name_2": "patient",
        "name_3": "patient",
        "pinyin": "patient",
        "initials": "patient",
        "pinyin_other": "patient",
        "initials_other": "patient",
        "sex": "patient",
        "birth_date": "patient",
        "phone": "patient",
        "address": "patient",
        "home_org": "internal",
        "path": "internal",
        "viewer_ids": "internal",
    }
    shape: ClassVar = rls.owned_or_viewed("registry_resident")

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(sex__in=SEXES), name="resident_sex")]
        indexes: ClassVar = [
            models.Index(fields=["path", "id"], name="resident_path"),
            models.Index(fields=["name", "id"], name="resident_name"),
            models.Index(fields=["name_2", "id"], name="resident_name_2"),
            models.Index(fields=["name_3", "id"], name="resident_name_3"),
            models.Index(fields=["pinyin", "id"], name="resident_pinyin"),
            models.Index(fields=["initials", "id"], name="resident_initials"),
            models.Index(fields=["pinyin_other", "id"], name="resident_pinyin_o", condition=~Q(pinyin_other="")),
            models.Index(fields=["initials_other", "id"], name="resident_initials_o", condition=~Q(initials_other="")),
            GinIndex(fields=["viewer_ids"], name="resident_viewers", condition=~Q(viewer_ids=[])),
        ]


class Identity(House):
    """An identity number: encrypted, and found only by its keyed index through `registry_door`."""

    resident = models.OneToOneField(Resident, primary_key=True, on_delete=models.PROTECT)
    number = models.BinaryField()
    number_index = models.BinaryField(unique=True)
    last4 = CText()

    privacy: ClassVar = {"resident": "internal", "number": "patient", "number_index": "secret", "last4": "patient"}
    shape: ClassVar = rls.Shape(
        "through",
        "EXISTS (SELECT 1 FROM registry_resident parent WHERE parent.id = registry_identity.resident_id)",
    )
