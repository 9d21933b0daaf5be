"""Diagnoses with their readings, imported code tables, and the dated versions of the lists."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, RangeOperators
from django.db import models
from django.db.models import Case, F, Func, Q, Value, When

from fenji.care.catalogue import rules
from fenji.ground.access.rules import EDITOR, MANAGER, OFFICER
from fenji.ground.common import rls
from fenji.ground.common.models import CText, House
from fenji.ground.network.models import Organisation

KEEPERS = (EDITOR, MANAGER, OFFICER)
"""Roles whose holders work on the lists of their organisation."""


def _public(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "public")


class Diagnosis(House):
    """One row of the dictionary in use. The shipped one is a demo of our own selection; imported tables add to it."""

    code = CText(primary_key=True)
    name_zh = CText()
    name_en = CText()
    group = CText()

    privacy: ClassVar = _public("code", "name_zh", "name_en", "group")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["name_zh"], name="diagnosis_name")]


class Reading(House):
    """One way to read a diagnosis aloud, for search: full pinyin and initials. Ambiguous terms give a diagnosis several."""

    id = models.BigAutoField(primary_key=True)
    diagnosis = models.ForeignKey(Diagnosis, on_delete=models.PROTECT, db_index=False, related_name="readings")
    pinyin = CText()
    initials = CText()

    privacy: ClassVar = _public("id", "diagnosis", "pinyin", "initials")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["diagnosis", "pinyin"], name="reading_once")]
        indexes: ClassVar = [
            models.Index(fields=["pinyin"], name="reading_pinyin"),
            models.Index(fields=["initials"], name="reading_initials"),
        ]


class CodeTable(House):
    """One edition of a code table, as it was imported. `sha256`: over its rows, so that the same file is known again."""

    id = models.AutoField(primary_key=True)
    kind = CText()
    label = CText()
    source = CText()
    start = models.DateField()
    end = models.DateField(null=True)
    entries = models.IntegerField()
    sha256 = CText()
    demo = models.BooleanField(default=False)

    privacy: ClassVar = _public("id", "kind", "label", "source", "start", "end", "entries", "sha256", "demo")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=rules.CODE_KINDS), name="codetable_kind"),
            # an edition that is replaced on its first day was never in force
            models.CheckConstraint(condition=Q(end=None) | Q(end__gte=F("start")), name="codetable_dates"),
            models.UniqueConstraint(fields=["kind"], condition=Q(end=None), name="codetable_one_present"),
        ]


class CodeEntry(House):
    """A code of an edition, with its name there."""

    id = models.BigAutoField(primary_key=True)
    table = models.ForeignKey(CodeTable, on_delete=models.PROTECT, db_index=False)
    code = CText()
    name = CText()

    privacy: ClassVar = _public("id", "table", "code", "name")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["table", "code"], name="codeentry_once")]


def _itself(number: Case | F) -> Func:
    # a range of one number: PostgreSQL's own GiST classes know ranges, and none of them knows integers
    return Func(number, number, Value("[]"), function="int4range")


_SLOT = Case(*(When(kind=kind, then=Value(place)) for place, kind in enumerate(rules.KINDS)))


class ListVersion(House):
    """One version of a list that an organisation keeps. What it holds are entries of the table `ENTRIES[kind]`.

    A trigger holds the way through the states, and freezes a version that has been published: it may get an end, no more.
    `writers`: the accounts that wrote on it, who must not approve it.
    """

    id = models.AutoField(primary_key=True)
    kind = CText()
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    number = models.IntegerField()
    state = CText(default=rules.DRAFT)
    start = models.DateField(null=True)
    end = models.DateField(null=True)
    note = models.TextField(default="")
    based_on = models.ForeignKey("self", null=True, on_delete=models.PROTECT, db_index=False)
    writers = ArrayField(models.UUIDField(), default=list)
    drafted_by = models.UUIDField(null=True)
    drafted_at = models.DateTimeField(null=True)
    submitted_by = models.UUIDField(null=True)
    submitted_at = models.DateTimeField(null=True)
    approved_by = models.UUIDField(null=True)
    approved_at = models.DateTimeField(null=True)
    published_by = models.UUIDField(null=True)
    published_at = models.DateTimeField(null=True)
    version = models.IntegerField(default=1)

    privacy: ClassVar = {
        **_public("id", "kind", "org", "number", "state", "start", "end", "based_on", "version"),
        **_public("drafted_at", "submitted_at", "approved_at", "published_at"),
        **dict.fromkeys(("note", "writers", "drafted_by", "submitted_by", "approved_by", "published_by"), "internal"),
    }
    shape: ClassVar = rls.kept_by("catalogue_listversion", KEEPERS)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=rules.KINDS), name="listversion_kind"),
            models.UniqueConstraint(fields=["org", "kind", "number"], name="diseaselist_version"),
            models.CheckConstraint(condition=Q(end=None) | Q(end__gt=F("start")), name="diseaselist_dates"),
            models.CheckConstraint(
                condition=Q(state__in=rules.OPEN, start=None, end=None)
                | Q(state=rules.PUBLISHED, start__isnull=False)
                | Q(state=rules.WITHDRAWN),
                name="listversion_state",
            ),
            models.CheckConstraint(
                condition=Q(approved_by=None) | ~Q(approved_by=F("drafted_by")) & ~Q(approved_by=F("submitted_by")),
                name="listversion_two_persons",
            ),
            models.UniqueConstraint(fields=["org", "kind"], condition=Q(state__in=rules.OPEN), name="listversion_one_open"),
            ExclusionConstraint(
                name="listversion_one_in_force",
                expressions=[
                    (_itself(F("org_id")), RangeOperators.OVERLAPS),
                    (_itself(_SLOT), RangeOperators.OVERLAPS),
                    (Func(F("start"), F("end"), function="daterange"), RangeOperators.OVERLAPS),
                ],
                condition=Q(state=rules.PUBLISHED),
            ),
        ]


class Held(models.Manager["Entry"]):
    """Entries that stand on their version: not those that were taken out while it was a draft."""

    def get_queryset(self) -> models.QuerySet[Entry]:
        return super().get_queryset().filter(removed=False)


class Entry(House):
    """Abstract base of what lists hold. `key`: the fields that tell entries of one version apart; `once`: the constraint on it."""

    id = models.BigAutoField(primary_key=True)
    list = models.ForeignKey(ListVersion, on_delete=models.PROTECT, db_index=False, related_name="+")
    removed = models.BooleanField(default=False)

    objects = Held()
    key: ClassVar[tuple[str, ...]] = ()
    once: ClassVar[str] = ""

    class Meta:
        abstract = True


def _once(name: str, *fields: str) -> models.UniqueConstraint:
    return models.UniqueConstraint(fields=fields, condition=Q(removed=False), name=name)


def _held(table: str) -> rls.Shape:
    return rls.kept_through(table, "catalogue_listversion", "list_id", KEEPERS, "parent.state = 'draft'")


class OfDisease(Entry):
    """Abstract base of entries about one disease group, named by a code of it as the list's keeper chose."""

    group = CText()
    code = CText(default="")
    name_zh = CText(default="")
    name_en = CText(default="")

    class Meta:
        abstract = True


class DiseaseEntry(OfDisease):
    """A disease of a first-contact catalogue, with the lowest level that can treat it; or one that an institution can treat."""

    level = CText(default="")

    key: ClassVar = ("group",)
    once: ClassVar = "diseaseentry_once"
    privacy: ClassVar = _public("id", "list", "removed", "group", "code", "name_zh", "name_en", "level")
    shape: ClassVar = _held("catalogue_diseaseentry")

    class Meta:
        constraints: ClassVar = [
            _once("diseaseentry_once", "list", "group"),
            models.CheckConstraint(condition=Q(level__in=("", *rules.LEVELS)), name="diseaseentry_level"),
        ]


class DownEntry(OfDisease):
    """A disease that comes down in one phase: by which criteria, and how."""

    phase = CText()
    criteria_zh = models.TextField(default="")
    criteria_en = models.TextField(default="")
    guide_zh = models.TextField(default="")
    guide_en = models.TextField(default="")

    key: ClassVar = ("group", "phase")
    once: ClassVar = "downentry_once"
    privacy: ClassVar = _public(
        "id",
        "list",
        "removed",
        "group",
        "code",
        "name_zh",
        "name_en",
        "phase",
        "criteria_zh",
        "criteria_en",
        "guide_zh",
        "guide_en",
    )
    shape: ClassVar = _held("catalogue_downentry")

    class Meta:
        constraints: ClassVar = [
            _once("downentry_once", "list", "group", "phase"),
            models.CheckConstraint(condition=Q(phase__in=rules.PHASES), name="downentry_phase"),
        ]


class ItemEntry(Entry):
    """A service item that primary institutions may do and charge; the specialty and the disease groups it is for."""

    code = CText()
    name_zh = CText()
    name_en = CText(default="")
    kind = CText(default="")
    specialty = CText(default="")
    groups = ArrayField(CText(), default=list)

    key: ClassVar = ("code",)
    once: ClassVar = "itementry_once"
    privacy: ClassVar = _public("id", "list", "removed", "code", "name_zh", "name_en", "kind", "specialty", "groups")
    shape: ClassVar = _held("catalogue_itementry")

    class Meta:
        constraints: ClassVar = [_once("itementry_once", "list", "code")]


class TechniqueEntry(Entry):
    """A technique of Chinese medicine. Categories are told apart by their Chinese name."""

    code = CText()
    category_zh = CText()
    category_en = CText(default="")
    name_zh = CText()
    name_en = CText(default="")

    key: ClassVar = ("code",)
    once: ClassVar = "techniqueentry_once"
    privacy: ClassVar = _public("id", "list", "removed", "code", "category_zh", "category_en", "name_zh", "name_en")
    shape: ClassVar = _held("catalogue_techniqueentry")

    class Meta:
        constraints: ClassVar = [_once("techniqueentry_once", "list", "code")]


class GuideEntry(OfDisease):
    """One of the documents of a disease: its tiered-care guide, its criteria of admission and discharge, or its referral rules."""

    document = CText()
    title_zh = CText()
    title_en = CText(default="")
    text_zh = models.TextField()
    text_en = models.TextField(default="")

    key: ClassVar = ("group", "document")
    once: ClassVar = "guideentry_once"
    privacy: ClassVar = _public(
        "id", "list", "removed", "group", "code", "name_zh", "name_en", "document", "title_zh", "title_en", "text_zh", "text_en"
    )
    shape: ClassVar = _held("catalogue_guideentry")

    class Meta:
        constraints: ClassVar = [
            _once("guideentry_once", "list", "group", "document"),
            models.CheckConstraint(condition=Q(document__in=rules.DOCUMENTS), name="guideentry_document"),
        ]


ENTRIES: dict[str, type[Entry]] = {
    rules.FIRST_CONTACT: DiseaseEntry,
    rules.TREATABLE: DiseaseEntry,
    rules.DOWN: DownEntry,
    rules.DEVOLVED: ItemEntry,
    rules.TECHNIQUE: TechniqueEntry,
    rules.PROMOTED: TechniqueEntry,
    rules.GUIDE: GuideEntry,
}
"""Kind of list → the table of its entries."""
