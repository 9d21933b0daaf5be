"""Stays that another system feeds."""

from django.db import migrations, models

import fenji.ground.common.models


class Migration(migrations.Migration):
    """The record's name there; and an end without a way out."""

    dependencies = [
        ("network", "0006_nurse"),
        ("registry", "0006_protect"),
        ("visits", "0007_protect_stays"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="stay",
            name="stay_ended_with_a_way",
        ),
        migrations.AddField(
            model_name="stay",
            name="source_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="stay",
            name="source_id",
            field=fenji.ground.common.models.CText(db_default="", default=""),
        ),
        migrations.AddConstraint(
            model_name="stay",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("discharged_at", None), ("way_out", "")),
                    models.Q(
                        ("discharged_at__isnull", False),
                        ("way_out__in", ("home", "transferred", "against_advice", "died", "unstated")),
                    ),
                    _connector="OR",
                ),
                name="stay_ended_with_a_way",
            ),
        ),
        migrations.AddConstraint(
            model_name="stay",
            constraint=models.UniqueConstraint(
                condition=models.Q(("source_id", ""), _negated=True), fields=("org", "source_id"), name="stay_source_once"
            ),
        ),
    ]
