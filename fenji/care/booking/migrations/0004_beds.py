"""Wards, beds, and holds of beds."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

import fenji.ground.common.ids
import fenji.ground.common.models


class Migration(migrations.Migration):
    """The tables; who sees what follows in 0005."""

    dependencies = [
        ("booking", "0003_ahead"),
        ("network", "0006_nurse"),
    ]

    operations = [
        migrations.CreateModel(
            name="Ward",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1)),
                ("path", fenji.ground.common.models.CText()),
                ("name", fenji.ground.common.models.CText()),
                ("kind", fenji.ground.common.models.CText()),
                ("doctor_id", models.UUIDField(null=True)),
                ("doctor_name", fenji.ground.common.models.CText(default="")),
                ("partner_doctor_id", models.UUIDField(null=True)),
                ("partner_doctor_name", fenji.ground.common.models.CText(default="")),
                ("start", models.DateField()),
                ("end", models.DateField(null=True)),
                (
                    "department",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="network.department"),
                ),
                (
                    "org",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="network.organisation"
                    ),
                ),
                (
                    "partner",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="network.organisation",
                    ),
                ),
                (
                    "partner_department",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="network.department",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Bed",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1)),
                ("path", fenji.ground.common.models.CText()),
                ("room", fenji.ground.common.models.CText()),
                ("name", fenji.ground.common.models.CText()),
                ("isolation", models.BooleanField(default=False)),
                ("sex", fenji.ground.common.models.CText(default="any")),
                ("state", fenji.ground.common.models.CText(default="in_use")),
                (
                    "department",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="network.department"
                    ),
                ),
                (
                    "org",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="network.organisation"
                    ),
                ),
                ("ward", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="booking.ward")),
            ],
        ),
        migrations.CreateModel(
            name="BedHold",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1)),
                ("origin_id", models.IntegerField()),
                ("subject", fenji.ground.common.models.CText()),
                ("url", fenji.ground.common.models.CText()),
                (
                    "viewer_ids",
                    django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), default=list, size=None),
                ),
                ("who", models.TextField()),
                ("sex", fenji.ground.common.models.CText()),
                ("age", models.SmallIntegerField()),
                ("topic", models.TextField()),
                ("state", fenji.ground.common.models.CText()),
                ("isolation", models.BooleanField(default=False)),
                ("made_at", models.DateTimeField()),
                ("held_until", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("end_reason", fenji.ground.common.models.CText(default="")),
                ("bed", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="booking.bed")),
                (
                    "org",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="network.organisation"
                    ),
                ),
            ],
            options={
                "indexes": [
                    django.contrib.postgres.indexes.GinIndex(fields=["viewer_ids"], name="bedhold_viewers"),
                    models.Index(fields=["subject"], name="bedhold_subject"),
                    models.Index(
                        condition=models.Q(("state__in", ("held", "confirmed"))), fields=["held_until"], name="bedhold_holds"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ("held", "confirmed", "used", "released", "expired"))),
                        name="bedhold_state",
                    ),
                    models.CheckConstraint(condition=models.Q(("sex__in", ("0", "1", "2", "9"))), name="bedhold_sex"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at", None), ("held_until__isnull", False), ("state__in", ("held", "confirmed"))),
                            models.Q(
                                models.Q(("state__in", ("held", "confirmed")), _negated=True),
                                ("ended_at__isnull", False),
                                ("held_until", None),
                            ),
                            _connector="OR",
                        ),
                        name="bedhold_ends",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ("held", "confirmed"))), fields=("bed",), name="bedhold_one_on_a_bed"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ("held", "confirmed"))),
                        fields=("subject",),
                        name="bedhold_one_of_a_subject",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="ward",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("acute", "rehabilitation", "long_term"))), name="ward_kind"
            ),
        ),
        migrations.AddConstraint(
            model_name="ward",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("partner", None), ("partner_department", None), ("partner_doctor_id", None)),
                    models.Q(
                        ("doctor_id__isnull", False),
                        ("kind", "rehabilitation"),
                        ("partner__isnull", False),
                        ("partner_department__isnull", False),
                        ("partner_doctor_id__isnull", False),
                        models.Q(("partner", models.F("org")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="ward_of_two",
            ),
        ),
        migrations.AddConstraint(
            model_name="ward",
            constraint=models.CheckConstraint(
                condition=models.Q(("end", None), ("end__gte", models.F("start")), _connector="OR"), name="ward_days"
            ),
        ),
        migrations.AddConstraint(
            model_name="ward",
            constraint=models.UniqueConstraint(condition=models.Q(("end", None)), fields=("org", "name"), name="ward_name_once"),
        ),
        migrations.AddConstraint(
            model_name="ward",
            constraint=models.UniqueConstraint(
                condition=models.Q(("end", None), ("partner_department__isnull", False)),
                fields=("partner_department",),
                name="ward_shared_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="bed",
            constraint=models.CheckConstraint(condition=models.Q(("sex__in", ("1", "2", "any"))), name="bed_sex"),
        ),
        migrations.AddConstraint(
            model_name="bed",
            constraint=models.CheckConstraint(condition=models.Q(("state__in", ("in_use", "closed"))), name="bed_state"),
        ),
        migrations.AddConstraint(
            model_name="bed",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("name", ""), _negated=True), models.Q(("room", ""), _negated=True)), name="bed_named"
            ),
        ),
        migrations.AddConstraint(
            model_name="bed",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "in_use")), fields=("department", "name"), name="bed_name_once"
            ),
        ),
    ]
