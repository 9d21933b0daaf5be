"""The way down: a case out of a stay, to a lower level; and a case that returns after one."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """What held of the way up alone is said of each way."""

    dependencies = [
        ("catalogue", "0004_keep"),
        ("network", "0006_nurse"),
        ("referral", "0023_protect_review"),
        ("registry", "0006_protect"),
        ("visits", "0008_stay_source"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="case",
            name="case_direction",
        ),
        migrations.RemoveConstraint(
            model_name="case",
            name="case_up_goes_up",
        ),
        migrations.AddField(
            model_name="case",
            name="returns",
            field=models.ForeignKey(
                db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="referral.case"
            ),
        ),
        migrations.AddField(
            model_name="case",
            name="stay",
            field=models.ForeignKey(
                db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="visits.stay"
            ),
        ),
        migrations.AlterField(
            model_name="case",
            name="visit",
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to="visits.visit"),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(condition=models.Q(("direction__in", ("up", "down"))), name="case_direction"),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("direction", "up"),
                        ("receiver_level__gt", models.F("origin_level")),
                        ("stay", None),
                        ("visit__isnull", False),
                    ),
                    models.Q(
                        ("direction", "down"),
                        ("receiver_level__lt", models.F("origin_level")),
                        ("returns", None),
                        ("stay__isnull", False),
                        ("visit", None),
                    ),
                    _connector="OR",
                ),
                name="case_goes_its_way",
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("direction", "up"),
                    models.Q(
                        ("critical", False),
                        ("emergency", False),
                        (
                            "state__in",
                            (
                                "draft",
                                "offered",
                                "accepted",
                                "declined",
                                "missed",
                                "closed",
                                "withdrawn",
                                "expired",
                                "chose_elsewhere",
                                "died",
                                "refused_transfer",
                            ),
                        ),
                    ),
                    _connector="OR",
                ),
                name="case_down_is_calm",
            ),
        ),
    ]
