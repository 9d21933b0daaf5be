"""Lists get a way into force: versions with states, and a table of entries for each kind. What was released stays, as published."""

import django.contrib.postgres.constraints
import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

from fenji.ground.common.models import CText

_KINDS = ("first_contact", "treatable", "down", "devolved", "technique", "technique_promoted", "guide")
_OPEN = ("draft", "submitted", "approved")
_STEPS = ("drafted", "submitted", "approved", "published")
_SLOT = models.Case(*(models.When(kind=kind, then=models.Value(place)) for place, kind in enumerate(_KINDS)))


def _itself(number):
    return models.Func(number, number, models.Value("[]"), function="int4range")


def _list_key():
    return models.ForeignKey(
        on_delete=django.db.models.deletion.PROTECT, db_index=False, related_name="+", to="catalogue.listversion"
    )


def _entry(name, *fields):
    key = ("id", models.BigAutoField(primary_key=True, serialize=False))
    return migrations.CreateModel(name=name, fields=[key, *fields, ("list", _list_key()), _REMOVED])


def _texts(*names):
    return [(name, models.TextField(default="")) for name in names]


_REMOVED = ("removed", models.BooleanField(default=False))
_DISEASE = [("group", CText()), *((name, CText(default="")) for name in ("code", "name_zh", "name_en"))]


def _once(model, *fields):
    constraint = models.UniqueConstraint(condition=models.Q(("removed", False)), fields=("list", *fields), name=f"{model}_once")
    return migrations.AddConstraint(model, constraint)


def _one_of(model, field, *values):
    condition = models.Q((f"{field}__in", values))
    return migrations.AddConstraint(model, models.CheckConstraint(condition=condition, name=f"{model}_{field}"))


class Migration(migrations.Migration):
    """Tables and constraints; rows, rights and triggers follow in the next one."""

    dependencies = [("catalogue", "0002_grants"), ("network", "0004_protect")]

    operations = [
        # versions
        migrations.RemoveConstraint("diseaselist", "diseaselist_one_open"),
        migrations.RemoveConstraint("diseaselist", "diseaselist_kind"),
        migrations.RenameModel("DiseaseList", "ListVersion"),
        migrations.AlterField("listversion", "id", models.AutoField(primary_key=True, serialize=False)),
        migrations.AlterField("listversion", "start", models.DateField(null=True)),
        migrations.AddField("listversion", "state", CText(default="published")),
        migrations.AlterField("listversion", "state", CText(default="draft")),
        migrations.AddField("listversion", "note", models.TextField(default="")),
        migrations.AddField(
            "listversion",
            "based_on",
            models.ForeignKey(null=True, db_index=False, on_delete=django.db.models.deletion.PROTECT, to="catalogue.listversion"),
        ),
        migrations.AddField(
            "listversion", "writers", django.contrib.postgres.fields.ArrayField(models.UUIDField(), default=list, size=None)
        ),
        *(migrations.AddField("listversion", f"{step}_by", models.UUIDField(null=True)) for step in _STEPS),
        *(migrations.AddField("listversion", f"{step}_at", models.DateTimeField(null=True)) for step in _STEPS),
        migrations.AddField("listversion", "version", models.IntegerField(default=1)),
        migrations.AddConstraint(
            "listversion", models.CheckConstraint(condition=models.Q(("kind__in", _KINDS)), name="listversion_kind")
        ),
        migrations.AddConstraint(
            "listversion",
            models.CheckConstraint(
                condition=models.Q(
                    models.Q(("end", None), ("start", None), ("state__in", _OPEN)),
                    models.Q(("start__isnull", False), ("state", "published")),
                    ("state", "withdrawn"),
                    _connector="OR",
                ),
                name="listversion_state",
            ),
        ),
        migrations.AddConstraint(
            "listversion",
            models.CheckConstraint(
                condition=models.Q(
                    ("approved_by", None),
                    models.Q(
                        models.Q(("approved_by", models.F("drafted_by")), _negated=True),
                        models.Q(("approved_by", models.F("submitted_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="listversion_two_persons",
            ),
        ),
        migrations.AddConstraint(
            "listversion",
            models.UniqueConstraint(condition=models.Q(("state__in", _OPEN)), fields=("org", "kind"), name="listversion_one_open"),
        ),
        migrations.AddConstraint(
            "listversion",
            django.contrib.postgres.constraints.ExclusionConstraint(
                condition=models.Q(("state", "published")),
                expressions=[
                    (_itself(models.F("org_id")), "&&"),
                    (_itself(_SLOT), "&&"),
                    (models.Func(models.F("start"), models.F("end"), function="daterange"), "&&"),
                ],
                name="listversion_one_in_force",
            ),
        ),
        # entries
        migrations.RemoveConstraint("listentry", "listentry_once"),
        migrations.RenameModel("ListEntry", "DiseaseEntry"),
        migrations.AlterField("diseaseentry", "list", _list_key()),
        *(migrations.AddField("diseaseentry", name, CText(default="")) for name in ("code", "name_zh", "name_en", "level")),
        migrations.AddField("diseaseentry", *_REMOVED),
        _once("diseaseentry", "group"),
        _one_of("diseaseentry", "level", "", "village", "township", "county"),
        _entry("DownEntry", *_DISEASE, ("phase", CText()), *_texts("criteria_zh", "criteria_en", "guide_zh", "guide_en")),
        _once("downentry", "group", "phase"),
        _one_of("downentry", "phase", "acute_recovery", "surgical_recovery", "critical_stable"),
        _entry(
            "ItemEntry",
            ("code", CText()),
            ("name_zh", CText()),
            *((name, CText(default="")) for name in ("name_en", "kind", "specialty")),
            ("groups", django.contrib.postgres.fields.ArrayField(CText(), default=list, size=None)),
        ),
        _once("itementry", "code"),
        _entry(
            "TechniqueEntry",
            ("code", CText()),
            ("category_zh", CText()),
            ("category_en", CText(default="")),
            ("name_zh", CText()),
            ("name_en", CText(default="")),
        ),
        _once("techniqueentry", "code"),
        _entry(
            "GuideEntry",
            *_DISEASE,
            ("document", CText()),
            ("title_zh", CText()),
            ("title_en", CText(default="")),
            ("text_zh", models.TextField()),
            ("text_en", models.TextField(default="")),
        ),
        _once("guideentry", "group", "document"),
        _one_of("guideentry", "document", "guide", "criteria", "rules"),
        # readings take the place of the one column of initials
        migrations.RemoveIndex("diagnosis", "diagnosis_initials"),
        migrations.RemoveField("diagnosis", "initials"),
        migrations.CreateModel(
            name="Reading",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("pinyin", CText()),
                ("initials", CText()),
                (
                    "diagnosis",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="readings",
                        to="catalogue.diagnosis",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["pinyin"], name="reading_pinyin"),
                    models.Index(fields=["initials"], name="reading_initials"),
                ],
                "constraints": [models.UniqueConstraint(fields=("diagnosis", "pinyin"), name="reading_once")],
            },
        ),
        # code tables
        migrations.CreateModel(
            name="CodeTable",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("kind", CText()),
                ("label", CText()),
                ("source", CText()),
                ("start", models.DateField()),
                ("end", models.DateField(null=True)),
                ("entries", models.IntegerField()),
                ("sha256", CText()),
                ("demo", models.BooleanField(default=False)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("kind__in", ("diagnosis", "procedure"))), name="codetable_kind"),
                    models.CheckConstraint(
                        condition=models.Q(("end", None), ("end__gte", models.F("start")), _connector="OR"), name="codetable_dates"
                    ),
                    models.UniqueConstraint(condition=models.Q(("end", None)), fields=("kind",), name="codetable_one_present"),
                ],
            },
        ),
        migrations.CreateModel(
            name="CodeEntry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("code", CText()),
                ("name", CText()),
                (
                    "table",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="catalogue.codetable"),
                ),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("table", "code"), name="codeentry_once")]},
        ),
    ]
