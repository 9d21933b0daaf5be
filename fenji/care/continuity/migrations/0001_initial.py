"""Packages, the lines of their plans, follow-ups and events."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

import fenji.ground.common.ids
import fenji.ground.common.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("network", "0006_nurse"),
        ("registry", "0006_protect"),
        ("visits", "0008_stay_source"),
    ]

    operations = [
        migrations.CreateModel(
            name="Package",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1)),
                ("subject", fenji.ground.common.models.CText()),
                ("patient_name", models.TextField()),
                ("patient_sex", fenji.ground.common.models.CText()),
                ("patient_birth_date", models.DateField()),
                ("patient_phone", models.BinaryField()),
                ("diagnosis_code", fenji.ground.common.models.CText()),
                ("diagnosis_name", fenji.ground.common.models.CText()),
                (
                    "viewer_ids",
                    django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), default=list, size=None),
                ),
                ("admitted_for", models.TextField(default="")),
                ("course", models.TextField(default="")),
                ("condition", models.TextField(default="")),
                ("medicines", models.TextField(default="")),
                ("no_medicine", models.BooleanField(default=False)),
                ("warning_signs", models.TextField(default="")),
                ("stage_from", fenji.ground.common.models.CText()),
                ("stage", fenji.ground.common.models.CText()),
                ("stage_reason", models.TextField(default="")),
                ("written_by_id", models.UUIDField()),
                ("written_by_name", fenji.ground.common.models.CText()),
                ("written_at", models.DateTimeField()),
                ("state", fenji.ground.common.models.CText(default="draft")),
                ("discharged_on", models.DateField(null=True)),
                ("handed_over_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("end_reason", fenji.ground.common.models.CText(default="")),
                (
                    "origin",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="network.organisation"
                    ),
                ),
                (
                    "receiver",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="network.organisation",
                    ),
                ),
                ("resident", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="registry.resident")),
                ("stay", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="visits.stay")),
            ],
        ),
        migrations.CreateModel(
            name="FollowUp",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1)),
                (
                    "viewer_ids",
                    django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), default=list, size=None),
                ),
                ("planned_on", models.DateField()),
                ("due_on", models.DateField()),
                ("items", django.contrib.postgres.fields.ArrayField(base_field=models.SmallIntegerField(), size=None)),
                ("assigned_id", models.UUIDField(null=True)),
                ("assigned_name", fenji.ground.common.models.CText(default="")),
                ("state", fenji.ground.common.models.CText(default="open")),
                ("tries", models.SmallIntegerField(default=0)),
                ("outcome", fenji.ground.common.models.CText(default="")),
                ("values", models.JSONField(default=list)),
                ("note", models.TextField(default="")),
                ("at", models.DateTimeField(null=True)),
                ("by_id", models.UUIDField(null=True)),
                ("by_name", fenji.ground.common.models.CText(default="")),
                (
                    "org",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="network.organisation"
                    ),
                ),
                (
                    "package",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="follow_ups",
                        to="continuity.package",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="PackageEvent",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1)),
                ("at", models.DateTimeField()),
                ("actor_id", models.UUIDField()),
                ("actor_name", fenji.ground.common.models.CText()),
                ("org_name", fenji.ground.common.models.CText()),
                ("action", fenji.ground.common.models.CText()),
                ("day", models.DateField(null=True)),
                ("outcome", fenji.ground.common.models.CText(default="")),
                ("note", models.TextField(default="")),
                (
                    "package",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="events", to="continuity.package"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="PlanItem",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1)),
                ("number", models.SmallIntegerField()),
                ("kind", fenji.ground.common.models.CText()),
                ("service", fenji.ground.common.models.CText()),
                ("what", models.TextField()),
                ("measure", fenji.ground.common.models.CText(default="")),
                ("first", models.SmallIntegerField()),
                ("last", models.SmallIntegerField()),
                ("every", models.SmallIntegerField()),
                ("low", models.DecimalField(decimal_places=2, max_digits=7, null=True)),
                ("high", models.DecimalField(decimal_places=2, max_digits=7, null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "package",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="items", to="continuity.package"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="package",
            index=django.contrib.postgres.indexes.GinIndex(fields=["viewer_ids"], name="package_viewers"),
        ),
        migrations.AddIndex(
            model_name="package",
            index=models.Index(fields=["subject"], name="package_subject"),
        ),
        migrations.AddIndex(
            model_name="package",
            index=models.Index(fields=["origin", "-written_at"], name="package_written"),
        ),
        migrations.AddConstraint(
            model_name="package",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "ended"), _negated=True), fields=("subject",), name="package_one_live"
            ),
        ),
        migrations.AddConstraint(
            model_name="package",
            constraint=models.CheckConstraint(condition=models.Q(("patient_sex__in", ("0", "1", "2", "9"))), name="package_sex"),
        ),
        migrations.AddConstraint(
            model_name="package",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("stage__in", ("treatment", "rehabilitation", "long_term_care")),
                    ("stage_from__in", ("treatment", "rehabilitation", "long_term_care")),
                ),
                name="package_stage",
            ),
        ),
        migrations.AddConstraint(
            model_name="package",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("end_reason", ""), ("ended_at", None), ("handed_over_at", None), ("state", "draft")),
                    models.Q(("end_reason", ""), ("ended_at", None), ("handed_over_at__isnull", False), ("state", "handed_over")),
                    models.Q(
                        ("end_reason__in", ("complete", "refused", "moved", "died", "returned", "cancelled")),
                        ("ended_at__isnull", False),
                        ("state", "ended"),
                    ),
                    _connector="OR",
                ),
                name="package_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="package",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("discharged_on", None), ("handed_over_at", None), ("receiver", None)),
                    models.Q(("discharged_on__isnull", False), ("handed_over_at__isnull", False), ("receiver__isnull", False)),
                    _connector="OR",
                ),
                name="package_handed_over_to_somebody",
            ),
        ),
        migrations.AddIndex(
            model_name="followup",
            index=models.Index(condition=models.Q(("state", "open")), fields=["org", "due_on", "id"], name="followup_list"),
        ),
        migrations.AddConstraint(
            model_name="followup",
            constraint=models.UniqueConstraint(fields=("package", "planned_on"), name="followup_one_a_day"),
        ),
        migrations.AddConstraint(
            model_name="followup",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("open", "done", "lost", "ended"))), name="followup_state"
            ),
        ),
        migrations.AddConstraint(
            model_name="followup",
            constraint=models.CheckConstraint(
                condition=models.Q(("outcome__in", ("", "done", "unreachable", "in_hospital", "refused", "moved", "died"))),
                name="followup_outcome",
            ),
        ),
        migrations.AddIndex(
            model_name="packageevent",
            index=models.Index(fields=["package", "at"], name="packageevent_of"),
        ),
        migrations.AddConstraint(
            model_name="planitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("medicine", "measurement", "visit", "exercise"))), name="planitem_kind"
            ),
        ),
        migrations.AddConstraint(
            model_name="planitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("service__in", ("rehabilitation", "follow_up", "health"))), name="planitem_service"
            ),
        ),
        migrations.AddConstraint(
            model_name="planitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "measurement"), models.Q(("measure", ""), _negated=True)),
                    models.Q(models.Q(("kind", "measurement"), _negated=True), ("measure", "")),
                    _connector="OR",
                ),
                name="planitem_measure",
            ),
        ),
        migrations.AddConstraint(
            model_name="planitem",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)), fields=("package", "number"), name="planitem_number"
            ),
        ),
    ]
