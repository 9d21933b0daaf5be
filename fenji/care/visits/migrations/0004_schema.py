import django.db.models.deletion
from django.db import migrations, models

import fenji.ground.common.ids
import fenji.ground.common.models


class Migration(migrations.Migration):
    dependencies = [
        ("network", "0005_appointing"),
        ("registry", "0005_schema"),
        ("visits", "0003_glass"),
    ]

    operations = [
        migrations.CreateModel(
            name="Handover",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1)),
                ("from_id", models.UUIDField()),
                ("from_name", fenji.ground.common.models.CText()),
                ("to_id", models.UUIDField(null=True)),
                ("to_name", fenji.ground.common.models.CText(default="")),
                ("note", models.TextField(default="")),
                ("state", fenji.ground.common.models.CText(default="proposed")),
                ("proposed_at", models.DateTimeField()),
                ("answered_at", models.DateTimeField(null=True)),
                ("answered_by", fenji.ground.common.models.CText(default="")),
                ("answer", models.TextField(default="")),
            ],
        ),
        migrations.CreateModel(
            name="Infection",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1)),
                ("path", fenji.ground.common.models.CText()),
                ("grade", fenji.ground.common.models.CText()),
                ("disease", fenji.ground.common.models.CText()),
                ("found_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("measures", models.TextField(default="")),
                ("measures_by", fenji.ground.common.models.CText(default="")),
                ("measures_at", models.DateTimeField(null=True)),
                ("report_number", fenji.ground.common.models.CText(default="")),
                ("reported_by", fenji.ground.common.models.CText(default="")),
                ("reported_at", models.DateTimeField(null=True)),
                ("onset_on", models.DateField(null=True)),
                ("contacts", models.TextField(default="")),
                ("registered_by", fenji.ground.common.models.CText(default="")),
                ("registered_at", models.DateTimeField(null=True)),
                ("voided_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="VisitEvent",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1)),
                ("at", models.DateTimeField()),
                ("actor_id", models.UUIDField()),
                ("actor_name", fenji.ground.common.models.CText()),
                ("action", fenji.ground.common.models.CText()),
                ("note", models.TextField(default="")),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="visit",
            name="visit_disposition",
        ),
        migrations.RemoveConstraint(
            model_name="visit",
            name="visit_closed_with_disposition",
        ),
        migrations.AddField(
            model_name="visit",
            name="alert_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="visit",
            name="department",
            field=models.ForeignKey(
                db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to="network.department"
            ),
        ),
        migrations.AddField(
            model_name="visit",
            name="grade",
            field=fenji.ground.common.models.CText(db_default="", default=""),
        ),
        migrations.AddField(
            model_name="visit",
            name="settled_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="visit",
            name="source_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="visit",
            name="source_id",
            field=fenji.ground.common.models.CText(db_default="", default=""),
        ),
        migrations.AddField(
            model_name="visit",
            name="suspected",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddIndex(
            model_name="visit",
            index=models.Index(fields=["org", "-opened_at", "-id"], name="visit_days"),
        ),
        migrations.AddConstraint(
            model_name="visit",
            constraint=models.CheckConstraint(
                condition=models.Q(("disposition__in", ("", "treated", "observe", "referred_up", "unstated"))),
                name="visit_disposition",
            ),
        ),
        migrations.AddConstraint(
            model_name="visit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at", None), ("disposition__in", ("", "observe"))),
                    models.Q(("closed_at", None), ("disposition", "referred_up"), models.Q(("grade", ""), _negated=True)),
                    models.Q(("closed_at__isnull", False), models.Q(("disposition", ""), _negated=True)),
                    _connector="OR",
                ),
                name="visit_closed_with_disposition",
            ),
        ),
        migrations.AddConstraint(
            model_name="visit",
            constraint=models.CheckConstraint(condition=models.Q(("grade__in", ("", "A", "BA", "B", "C"))), name="visit_grade"),
        ),
        migrations.AddConstraint(
            model_name="visit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("disposition", "unstated"), _negated=True), ("alert_at__isnull", False), _connector="OR"
                ),
                name="visit_alert",
            ),
        ),
        migrations.AddConstraint(
            model_name="visit",
            constraint=models.UniqueConstraint(
                condition=models.Q(("source_id", ""), _negated=True), fields=("org", "source_id"), name="visit_source_once"
            ),
        ),
        migrations.AddField(
            model_name="handover",
            name="department",
            field=models.ForeignKey(
                db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to="network.department"
            ),
        ),
        migrations.AddField(
            model_name="handover",
            name="visit",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="visits.visit"),
        ),
        migrations.AddField(
            model_name="infection",
            name="org",
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="network.organisation"),
        ),
        migrations.AddField(
            model_name="infection",
            name="visit",
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, to="visits.visit"),
        ),
        migrations.AddField(
            model_name="visitevent",
            name="visit",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="visits.visit"),
        ),
        migrations.AddConstraint(
            model_name="handover",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "proposed")), fields=("visit",), name="handover_one_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="handover",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("proposed", "accepted", "declined", "withdrawn"))), name="handover_state"
            ),
        ),
        migrations.AddConstraint(
            model_name="handover",
            constraint=models.CheckConstraint(
                condition=models.Q(("to_id__isnull", False), ("department__isnull", False), _connector="OR"), name="handover_to"
            ),
        ),
        migrations.AddIndex(
            model_name="infection",
            index=models.Index(fields=["org", "-found_at", "-id"], name="infection_days"),
        ),
        migrations.AddConstraint(
            model_name="infection",
            constraint=models.CheckConstraint(condition=models.Q(("grade__in", ("A", "BA", "B", "C"))), name="infection_grade"),
        ),
        migrations.AddIndex(
            model_name="visitevent",
            index=models.Index(fields=["visit", "at"], name="visitevent_of"),
        ),
    ]
