"""Residents, their documents apart from them, who acts for them, and pairs of records that may be one person."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Substr

from fenji.care.registry.rules import CARD, ENTRIES, KINDS, REASONS, RELATIONS, SEXES, WAYS, Term
from fenji.ground.common import rls
from fenji.ground.common.models import CText, House, Keyed, org_array
from fenji.ground.network.models import Organisation


class Resident(Keyed):
    """A resident. `path`: the place of the institution that keeps the record; `viewer_ids`: others who opened it by the door.

    `canonical`: the record that stands for this one since the two were linked. `entry`: how it began, until a document is added;
    `birth_estimated`: the birth date stands for a guessed age. `mother`: of a newborn. `matched`: it has been compared with others.

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
    entry = CText(default="", db_default="")
    birth_estimated = models.BooleanField(default=False, db_default=False)
    mother = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children", db_index=False)
    canonical = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="copies", db_index=False)
    matched = models.BooleanField(default=False, db_default=False)

    privacy: ClassVar = {
        **dict.fromkeys(("entry", "birth_estimated", "mother", "canonical"), "patient"),
        "matched": "internal",
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
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(sex__in=SEXES), name="resident_sex"),
            models.CheckConstraint(condition=Q(entry__in=ENTRIES), name="resident_entry"),
            models.CheckConstraint(condition=Q(canonical=None) | ~Q(canonical=F("id")), name="resident_canonical"),
        ]
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
            models.Index(fields=["birth_date", "id"], name="resident_born"),
            models.Index(fields=["canonical"], name="resident_copies", condition=Q(canonical__isnull=False)),
            models.Index(fields=["mother"], name="resident_mother", condition=Q(mother__isnull=False)),
            models.Index(fields=["id"], name="resident_unmatched", condition=Q(matched=False)),
        ]


class Identity(House):
    """The document somebody is known by: encrypted, and found only by its keyed index through `registry_door`."""

    resident = models.OneToOneField(Resident, primary_key=True, on_delete=models.PROTECT)
    number = models.BinaryField()
    number_index = models.BinaryField(unique=True)
    last4 = CText()
    kind = CText(default=CARD, db_default=CARD)

    privacy: ClassVar = {
        "resident": "internal",
        "number": "patient",
        "number_index": "secret",
        "last4": "patient",
        "kind": "patient",
    }
    shape: ClassVar = rls.Shape(
        "through",
        "EXISTS (SELECT 1 FROM registry_resident parent WHERE parent.id = registry_identity.resident_id)",
    )

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(kind__in=KINDS), name="identity_kind")]


class Proxy(Keyed):
    """A relative or guardian who acts for a resident on days [start, end), as recorded by `org`; `ended_at`: taken back before.

    `guardian`: by law, and `document` showed it; else the resident has named them. `instead`: messages go to them alone. `how`:
    the way of consent. The phone is sealed.
    """

    resident = models.ForeignKey(Resident, on_delete=models.PROTECT, related_name="proxies")
    name = CText()
    relation = CText()
    phone = models.BinaryField()
    guardian = models.BooleanField()
    document = models.TextField(default="")
    instead = models.BooleanField()
    how = CText()
    start = models.DateField()
    end = models.DateField(null=True)
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    recorded_at = models.DateTimeField()
    recorded_by_id = models.UUIDField()
    recorded_by_name = CText()
    ended_at = models.DateTimeField(null=True)
    ended_by_name = CText(default="")

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "resident", "org", "recorded_at", "ended_at"), "internal"),
        **dict.fromkeys(("name", "relation", "phone", "guardian", "document", "instead", "how", "start", "end"), "patient"),
        **dict.fromkeys(("recorded_by_id", "recorded_by_name", "ended_by_name"), "person"),
    }
    shape: ClassVar = rls.through("registry_proxy", "registry_resident", "resident_id")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(relation__in=RELATIONS, how__in=WAYS), name="proxy_codes"),
            models.CheckConstraint(
                condition=Q(guardian=False, document="") | Q(guardian=True) & ~Q(document=""), name="proxy_shown"
            ),
            models.CheckConstraint(condition=Q(end=None) | Q(end__gt=F("start")), name="proxy_dates"),
        ]

    @property
    def term(self) -> Term:
        """The days."""
        return Term(self.start, self.end)


class Duplicate(Keyed):
    """Two records that may be one person, kept by `org`: proposed, then linked or told apart by somebody who looked at both.

    `first` is the older record; `kept`, while linked, the one that stands for both. `joined`: the record whose `canonical` the link
    set, for the two may have been linked to others before.
    """

    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    path = CText()
    first = models.ForeignKey(Resident, on_delete=models.PROTECT, related_name="+", db_index=False)
    second = models.ForeignKey(Resident, on_delete=models.PROTECT, related_name="+")
    reason = CText()
    state = CText(default="proposed")
    found_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.TextField(default="")
    kept = models.ForeignKey(Resident, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    joined = models.ForeignKey(Resident, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "org", "path", "state", "found_at", "decided_at"), "internal"),
        **dict.fromkeys(("first", "second", "reason", "kept", "joined"), "patient"),
        "decided_by": "person",
    }
    shape: ClassVar = rls.owned("registry_duplicate")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["first", "second"], name="duplicate_once"),
            models.CheckConstraint(condition=~Q(first=F("second")), name="duplicate_two"),
            models.CheckConstraint(
                condition=Q(state__in=("proposed", "distinct"), kept=None, joined=None)
                | Q(state="linked", kept__isnull=False, joined__isnull=False),
                name="duplicate_state",
            ),
            models.CheckConstraint(condition=Q(reason__in=(*REASONS, "chosen")), name="duplicate_reason"),
        ]
        indexes: ClassVar = [models.Index(fields=["org", "state", "id"], name="duplicate_list")]
