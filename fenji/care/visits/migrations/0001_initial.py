import django.db.models.deletion
from django.db import migrations, models

import fenji.ground.common.ids
import fenji.ground.common.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("network", "0001_initial"),
        ("registry", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Visit",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1)),
                ("path", fenji.ground.common.models.CText()),
                ("doctor_id", models.UUIDField()),
                ("doctor_name", fenji.ground.common.models.CText()),
                ("diagnosis_code", fenji.ground.common.models.CText()),
                ("diagnosis_name", fenji.ground.common.models.CText()),
                ("disease_group", fenji.ground.common.models.CText()),
                ("group_version", fenji.ground.common.models.CText()),
                ("complaint", models.TextField()),
                ("emergency", models.BooleanField(default=False)),
                ("disposition", fenji.ground.common.models.CText(default="")),
                ("opened_at", models.DateTimeField()),
                ("closed_at", models.DateTimeField(null=True)),
                ("org", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="network.organisation")),
                ("resident", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="registry.resident")),
            ],
            options={
                "indexes": [
                    models.Index(fields=["path", "id"], name="visit_path"),
                    models.Index(fields=["org", "id"], name="visit_org"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("disposition__in", ("", "treated", "observe", "referred_up"))), name="visit_disposition"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at", None), ("disposition__in", ("", "observe"))),
                            models.Q(("closed_at__isnull", False), models.Q(("disposition", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="visit_closed_with_disposition",
                    ),
                ],
            },
        ),
    ]
