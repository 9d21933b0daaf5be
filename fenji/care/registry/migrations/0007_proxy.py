"""Relatives and guardians who act for a resident."""

import django.db.models.deletion
from django.db import migrations, models

import fenji.ground.common.ids
import fenji.ground.common.models


class Migration(migrations.Migration):
    """The table."""

    dependencies = [
        ("network", "0007_hospitals_places"),
        ("registry", "0006_protect"),
    ]

    operations = [
        migrations.CreateModel(
            name="Proxy",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1)),
                ("name", fenji.ground.common.models.CText()),
                ("relation", fenji.ground.common.models.CText()),
                ("phone", models.BinaryField()),
                ("guardian", models.BooleanField()),
                ("document", models.TextField(default="")),
                ("instead", models.BooleanField()),
                ("how", fenji.ground.common.models.CText()),
                ("start", models.DateField()),
                ("end", models.DateField(null=True)),
                ("recorded_at", models.DateTimeField()),
                ("recorded_by_id", models.UUIDField()),
                ("recorded_by_name", fenji.ground.common.models.CText()),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_by_name", fenji.ground.common.models.CText(default="")),
                ("org", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="network.organisation")),
                (
                    "resident",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="proxies", to="registry.resident"),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("how__in", ("oral", "written", "phone")),
                            ("relation__in", ("spouse", "child", "parent", "sibling", "grandparent", "grandchild", "other")),
                        ),
                        name="proxy_codes",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("document", ""), ("guardian", False)),
                            models.Q(("guardian", True), models.Q(("document", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="proxy_shown",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("end", None), ("end__gt", models.F("start")), _connector="OR"), name="proxy_dates"
                    ),
                ],
            },
        ),
    ]
