"""Indexes for what every page of a case asks of booking."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds them."""

    dependencies = [
        ("booking", "0002_guard"),
        ("network", "0006_nurse"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="booking",
            index=models.Index(fields=["subject"], name="booking_subject"),
        ),
        migrations.AddIndex(
            model_name="clinicsession",
            index=models.Index(
                condition=models.Q(("state", "open")), fields=["org", "specialty", "end_at"], name="clinicsession_ahead"
            ),
        ),
        migrations.AddIndex(
            model_name="clinicsession",
            index=models.Index(
                condition=models.Q(("state", "open")), fields=["department", "end_at"], name="clinicsession_ahead_there"
            ),
        ),
        migrations.AddIndex(
            model_name="waitentry",
            index=models.Index(fields=["subject"], name="waitentry_subject"),
        ),
    ]
