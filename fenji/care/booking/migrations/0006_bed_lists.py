"""What a list calls wards and beds, whether a hospital's own system feeds them, and who waits for a bed."""

import django.db.models.deletion
from django.db import migrations, models

import fenji.ground.common.models


class Migration(migrations.Migration):
    """Columns alone, and that the head of a hospital lets those who wait for a ward that closes wait for another of its kind."""

    dependencies = [
        ("booking", "0005_beds_guard"),
        ("network", "0007_hospitals_places"),
    ]

    operations = [
        migrations.AddField(
            model_name="bed",
            name="source",
            field=fenji.ground.common.models.CText(db_default="typed", default="typed"),
        ),
        migrations.AddField(
            model_name="bed",
            name="source_id",
            field=fenji.ground.common.models.CText(db_default="", default=""),
        ),
        migrations.AddField(
            model_name="waitentry",
            name="isolation",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="waitentry",
            name="ward",
            field=models.ForeignKey(
                db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="booking.ward"
            ),
        ),
        migrations.AddField(
            model_name="ward",
            name="source_id",
            field=fenji.ground.common.models.CText(db_default="", default=""),
        ),
        migrations.AddConstraint(
            model_name="bed",
            constraint=models.CheckConstraint(condition=models.Q(("source__in", ("typed", "fed"))), name="bed_source"),
        ),
        migrations.AddConstraint(
            model_name="bed",
            constraint=models.UniqueConstraint(
                condition=models.Q(("source_id", ""), _negated=True), fields=("org", "source_id"), name="bed_source_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="waitentry",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("isolation", False), ("ward", None)), ("kind", "bed"), _connector="OR"),
                name="waitentry_ward_of_a_bed",
            ),
        ),
        migrations.AddConstraint(
            model_name="ward",
            constraint=models.UniqueConstraint(
                condition=models.Q(("end", None), models.Q(("source_id", ""), _negated=True)),
                fields=("org", "source_id"),
                name="ward_source_once",
            ),
        ),
        migrations.RunSQL(
            "GRANT UPDATE (ward_id) ON booking_waitentry TO fenji_app",
            "REVOKE UPDATE (ward_id) ON booking_waitentry FROM fenji_app",
        ),
    ]
