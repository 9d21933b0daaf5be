"""Alerts on the way of a patient, and the rows they rest on."""

import django.db.models.deletion
from django.db import migrations, models

import fenji.ground.common.ids
import fenji.ground.common.models


class Migration(migrations.Migration):
    """Two tables."""

    dependencies = [
        ("network", "0007_hospitals_places"),
        ("referral_quality", "0002_protect"),
        ("registry", "0006_protect"),
    ]

    operations = [
        migrations.CreateModel(
            name="Alert",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1)),
                ("kind", fenji.ground.common.models.CText()),
                ("key", fenji.ground.common.models.CText()),
                ("path", fenji.ground.common.models.CText()),
                ("disease_group", fenji.ground.common.models.CText()),
                ("at", models.DateTimeField()),
                ("facts", models.JSONField()),
                ("reason", models.JSONField()),
                ("pack_hash", fenji.ground.common.models.CText()),
                ("state", fenji.ground.common.models.CText()),
                ("opened_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("cause", models.TextField(default="")),
                ("answered_id", models.UUIDField(null=True)),
                ("answered_by", fenji.ground.common.models.CText(default="")),
                ("answered_at", models.DateTimeField(null=True)),
                ("note", models.TextField(default="")),
                ("judged_by", fenji.ground.common.models.CText(default="")),
                ("judged_at", models.DateTimeField(null=True)),
                ("withdrawn_at", models.DateTimeField(null=True)),
                ("withdrawn_for", fenji.ground.common.models.CText(default="")),
                (
                    "lead",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="network.organisation",
                    ),
                ),
                (
                    "org",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="network.organisation"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AlertRow",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("position", models.SmallIntegerField()),
                ("kind", fenji.ground.common.models.CText()),
                ("key", fenji.ground.common.models.CText()),
                (
                    "alert",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rows",
                        to="referral_quality.alert",
                    ),
                ),
                (
                    "resident",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="registry.resident"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["org", "-at"], name="alert_org"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["lead", "-at"], name="alert_lead"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["path", "-at"], name="alert_path"),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(fields=("kind", "key"), name="alert_once"),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ("discharge_instead", "bypass", "easily_treated", "turned_away")),
                    ("state__in", ("open", "answered", "justified", "to_correct", "counted", "withdrawn")),
                ),
                name="alert_words",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ("answered", "justified")), _negated=True),
                    models.Q(models.Q(("cause", ""), _negated=True), ("answered_at__isnull", False)),
                    _connector="OR",
                ),
                name="alert_answered_with_a_cause",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("judged_at__isnull", False), ("state__in", ("justified", "to_correct"))),
                    models.Q(models.Q(("state__in", ("justified", "to_correct")), _negated=True), ("judged_at", None)),
                    _connector="OR",
                ),
                name="alert_judged",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("state", "withdrawn"), ("withdrawn_at__isnull", False), ("withdrawn_for__in", ("covered", "changed"))
                    ),
                    models.Q(models.Q(("state", "withdrawn"), _negated=True), ("withdrawn_at", None), ("withdrawn_for", "")),
                    _connector="OR",
                ),
                name="alert_withdrawn_with_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="alertrow",
            constraint=models.UniqueConstraint(fields=("alert", "position"), name="alertrow_once"),
        ),
    ]
