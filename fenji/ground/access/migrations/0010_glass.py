"""Openings beyond one's scope and their review: tables, and what a session may open."""

import datetime

import django.db.models.deletion
from django.db import migrations, models

import fenji.ground.common.ids
import fenji.ground.common.models


class Migration(migrations.Migration):
    """Two tables and three columns."""

    dependencies = [
        ("access", "0005_administration"),
    ]

    operations = [
        migrations.CreateModel(
            name="Glass",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("kind", fenji.ground.common.models.CText()),
                ("subject", fenji.ground.common.models.CText()),
                ("actor_name", fenji.ground.common.models.CText()),
                ("org_id", models.IntegerField()),
                ("org_name", fenji.ground.common.models.CText()),
                ("path", fenji.ground.common.models.CText()),
                ("reason", models.TextField()),
                ("at", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("closed_at", models.DateTimeField(null=True)),
                ("account", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="access.account")),
            ],
        ),
        migrations.AddField(
            model_name="scopehandle",
            name="glass_minutes",
            field=models.IntegerField(default=0),
        ),
        migrations.AddField(
            model_name="scopehandle",
            name="glass_per_hour",
            field=models.IntegerField(default=0),
        ),
        migrations.AddField(
            model_name="scopehandle",
            name="identify_per_hour",
            field=models.IntegerField(default=0),
        ),
        migrations.CreateModel(
            name="GlassReview",
            fields=[
                (
                    "glass",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="review",
                        serialize=False,
                        to="access.glass",
                    ),
                ),
                ("account_id", models.UUIDField()),
                ("actor_name", fenji.ground.common.models.CText()),
                ("at", models.DateTimeField()),
                ("note", models.TextField()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddIndex(
            model_name="glass",
            index=models.Index(fields=["account", "at"], name="glass_rate"),
        ),
        migrations.AddIndex(
            model_name="glass",
            index=models.Index(condition=models.Q(("closed_at", None)), fields=["account", "until"], name="glass_open"),
        ),
        migrations.AddIndex(
            model_name="glass",
            index=models.Index(fields=["at", "id"], name="glass_latest"),
        ),
        migrations.AddConstraint(
            model_name="glass",
            constraint=models.CheckConstraint(condition=models.Q(("kind__in", ("records", "identity"))), name="glass_kind"),
        ),
        migrations.AddConstraint(
            model_name="glass",
            constraint=models.CheckConstraint(condition=models.Q(("reason__regex", "\\S")), name="glass_reason"),
        ),
        migrations.AddConstraint(
            model_name="glass",
            constraint=models.CheckConstraint(
                condition=models.Q(("until__gt", models.F("at")), ("until__lte", models.F("at") + datetime.timedelta(days=1))),
                name="glass_ends",
            ),
        ),
    ]
