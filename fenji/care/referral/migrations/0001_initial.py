import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

import fenji.ground.common.ids
import fenji.ground.common.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("network", "0001_initial"),
        ("registry", "0001_initial"),
        ("visits", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Case",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1)),
                ("number", fenji.ground.common.models.CText()),
                ("direction", fenji.ground.common.models.CText(default="up")),
                ("state", fenji.ground.common.models.CText()),
                ("origin_level", models.SmallIntegerField()),
                ("receiver_level", models.SmallIntegerField()),
                (
                    "viewer_ids",
                    django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), default=list, size=None),
                ),
                ("requester_id", models.UUIDField()),
                ("requester_name", fenji.ground.common.models.CText()),
                ("patient_name", fenji.ground.common.models.CText()),
                ("patient_sex", fenji.ground.common.models.CText()),
                ("patient_birth_date", models.DateField()),
                ("patient_phone", models.BinaryField()),
                ("diagnosis_code", fenji.ground.common.models.CText()),
                ("diagnosis_name", fenji.ground.common.models.CText()),
                ("disease_group", fenji.ground.common.models.CText()),
                ("group_version", fenji.ground.common.models.CText()),
                ("emergency", models.BooleanField()),
                ("summary", models.TextField()),
                ("override_reason", models.TextField(default="")),
                ("verdict", fenji.ground.common.models.CText()),
                ("reasons", models.JSONField()),
                ("pack_hash", fenji.ground.common.models.CText()),
                ("findings", models.TextField(default="")),
                ("advice", models.TextField(default="")),
                ("created_at", models.DateTimeField()),
                ("due_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "department",
                    models.ForeignKey(
                        db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to="network.department"
                    ),
                ),
                (
                    "duty",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="network.organisation"
                    ),
                ),
                (
                    "holder",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="network.organisation",
                    ),
                ),
                (
                    "origin",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="network.organisation"
                    ),
                ),
                (
                    "receiver",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="network.organisation"
                    ),
                ),
                ("resident", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="registry.resident")),
                ("visit", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="visits.visit")),
            ],
        ),
        migrations.CreateModel(
            name="CaseEvent",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("actor_id", models.UUIDField()),
                ("actor_name", fenji.ground.common.models.CText()),
                ("role", fenji.ground.common.models.CText()),
                ("org_name", fenji.ground.common.models.CText()),
                ("action", fenji.ground.common.models.CText()),
                ("before", fenji.ground.common.models.CText()),
                ("after", fenji.ground.common.models.CText()),
                ("note", models.TextField(default="")),
                ("case", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="referral.case")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddIndex(
            model_name="case",
            index=django.contrib.postgres.indexes.GinIndex(fields=["viewer_ids"], name="case_viewers"),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.UniqueConstraint(fields=("number",), name="case_number"),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(condition=models.Q(("direction", "up")), name="case_direction"),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        (
                            "draft",
                            "in_review",
                            "returned",
                            "offered",
                            "accepted",
                            "arrived",
                            "answered",
                            "declined",
                            "missed",
                            "closed",
                            "withdrawn",
                            "expired",
                            "chose_elsewhere",
                            "died",
                        ),
                    )
                ),
                name="case_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(("verdict__in", ("allowed", "needs_review", "not_allowed"))), name="case_verdict"
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(condition=models.Q(("patient_sex__in", ("0", "1", "2", "9"))), name="case_sex"),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(("receiver_level__gt", models.F("origin_level"))), name="case_up_goes_up"
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("ended_at", None),
                        ("holder__isnull", False),
                        (
                            "state__in",
                            ("draft", "in_review", "returned", "offered", "accepted", "arrived", "answered", "declined", "missed"),
                        ),
                    ),
                    models.Q(
                        ("ended_at__isnull", False),
                        ("holder", None),
                        ("state__in", ("closed", "withdrawn", "expired", "chose_elsewhere", "died")),
                    ),
                    _connector="OR",
                ),
                name="case_one_holder_until_ended",
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("holder", None), ("holder", models.F("origin")), ("holder", models.F("receiver")), _connector="OR"
                ),
                name="case_holder_is_party",
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(("duty", models.F("origin")), ("duty", models.F("receiver")), _connector="OR"),
                name="case_duty_is_party",
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        ("draft", "in_review", "returned", "offered", "accepted", "arrived", "answered", "declined", "missed"),
                    )
                ),
                fields=("resident", "direction", "disease_group"),
                name="case_one_open",
            ),
        ),
    ]
