"""Stays in hospital, with their events."""

import django.db.models.deletion
from django.db import migrations, models

import fenji.ground.common.ids
import fenji.ground.common.models


class Migration(migrations.Migration):
    """Two tables."""

    dependencies = [
        ("network", "0006_nurse"),
        ("registry", "0006_protect"),
        ("visits", "0005_protect"),
    ]

    operations = [
        migrations.CreateModel(
            name="Stay",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1)),
                ("path", fenji.ground.common.models.CText()),
                ("bed", fenji.ground.common.models.CText(default="")),
                ("doctor_id", models.UUIDField()),
                ("doctor_name", fenji.ground.common.models.CText()),
                ("diagnosis_code", fenji.ground.common.models.CText()),
                ("diagnosis_name", fenji.ground.common.models.CText()),
                ("disease_group", fenji.ground.common.models.CText()),
                ("group_version", fenji.ground.common.models.CText()),
                ("phase", fenji.ground.common.models.CText(default="")),
                ("phase_at", models.DateTimeField(null=True)),
                ("admitted_at", models.DateTimeField()),
                ("discharged_at", models.DateTimeField(null=True)),
                ("way_out", fenji.ground.common.models.CText(default="")),
                (
                    "department",
                    models.ForeignKey(
                        db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to="network.department"
                    ),
                ),
                ("org", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="network.organisation")),
                ("resident", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="registry.resident")),
            ],
        ),
        migrations.CreateModel(
            name="StayEvent",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1)),
                ("at", models.DateTimeField()),
                ("actor_id", models.UUIDField()),
                ("actor_name", fenji.ground.common.models.CText()),
                ("action", fenji.ground.common.models.CText()),
                ("before", fenji.ground.common.models.CText(default="")),
                ("after", fenji.ground.common.models.CText(default="")),
                ("stay", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="visits.stay")),
            ],
        ),
        migrations.AddIndex(
            model_name="stay",
            index=models.Index(fields=["path", "id"], name="stay_path"),
        ),
        migrations.AddIndex(
            model_name="stay",
            index=models.Index(fields=["org", "-admitted_at", "-id"], name="stay_days"),
        ),
        migrations.AddConstraint(
            model_name="stay",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("phase__in", ("", "acute", "acute_recovery", "surgical_recovery", "critical_stable", "chronic"))
                ),
                name="stay_phase",
            ),
        ),
        migrations.AddConstraint(
            model_name="stay",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("discharged_at", None), ("way_out", "")),
                    models.Q(("discharged_at__isnull", False), ("way_out__in", ("home", "transferred", "against_advice", "died"))),
                    _connector="OR",
                ),
                name="stay_ended_with_a_way",
            ),
        ),
        migrations.AddConstraint(
            model_name="stay",
            constraint=models.CheckConstraint(
                condition=models.Q(("discharged_at", None), ("discharged_at__gte", models.F("admitted_at")), _connector="OR"),
                name="stay_times",
            ),
        ),
        migrations.AddConstraint(
            model_name="stay",
            constraint=models.UniqueConstraint(
                condition=models.Q(("discharged_at", None)), fields=("org", "resident"), name="stay_one_open"
            ),
        ),
        migrations.AddIndex(
            model_name="stayevent",
            index=models.Index(fields=["stay", "at"], name="stayevent_of"),
        ),
    ]
