import django.db.models.deletion
from django.db import migrations, models

import fenji.ground.common.ids
import fenji.ground.common.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("access", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Organisation",
            fields=[
                ("id", models.IntegerField(primary_key=True, serialize=False)),
                ("kind", fenji.ground.common.models.CText()),
                ("name", fenji.ground.common.models.CText()),
                ("care_tier", fenji.ground.common.models.CText(default="")),
                ("path", fenji.ground.common.models.CText()),
                ("distance_km", models.DecimalField(decimal_places=1, max_digits=6, null=True)),
                ("simulated", models.BooleanField(default=False)),
                ("version", models.IntegerField(default=1)),
            ],
        ),
        migrations.CreateModel(
            name="Alliance",
            fields=[
                ("id", models.IntegerField(primary_key=True, serialize=False)),
                ("kind", fenji.ground.common.models.CText()),
                ("name", fenji.ground.common.models.CText()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ("county_community", "city_group", "specialty", "tele_network"))),
                        name="alliance_kind",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Department",
            fields=[
                ("id", models.IntegerField(primary_key=True, serialize=False)),
                ("name_zh", fenji.ground.common.models.CText()),
                ("name_en", fenji.ground.common.models.CText()),
                ("org", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="network.organisation")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Region",
            fields=[
                ("id", models.IntegerField(primary_key=True, serialize=False)),
                ("kind", fenji.ground.common.models.CText()),
                ("parent", models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="network.region")),
            ],
        ),
        migrations.AddField(
            model_name="organisation",
            name="region",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="network.region"),
        ),
        migrations.CreateModel(
            name="RegionName",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("code", fenji.ground.common.models.CText()),
                ("name", fenji.ground.common.models.CText()),
                ("start", models.DateField()),
                ("end", models.DateField(null=True)),
                ("region", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="network.region")),
            ],
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("role", fenji.ground.common.models.CText()),
                ("start", models.DateField()),
                ("end", models.DateField(null=True)),
                ("alliance", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="network.alliance")),
                ("org", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="network.organisation")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ("lead", "central_branch", "branch", "member"))), name="membership_role"
                    ),
                    models.UniqueConstraint(condition=models.Q(("end", None)), fields=("alliance", "org"), name="membership_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("end", None), ("role", "lead")), fields=("alliance",), name="membership_one_lead"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Post",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("role", fenji.ground.common.models.CText()),
                ("start", models.DateTimeField()),
                ("end", models.DateTimeField(null=True)),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="access.account")),
                ("org", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="network.organisation")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(condition=models.Q(("end", None)), fields=("account", "org", "role"), name="post_once"),
                    models.CheckConstraint(
                        condition=models.Q(("end", None), ("end__gt", models.F("start")), _connector="OR"), name="post_dates"
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="region",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ("province", "city", "county", "town", "township", "street", "zone", "village", "community"))
                ),
                name="region_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="organisation",
            constraint=models.UniqueConstraint(fields=("path",), name="organisation_path"),
        ),
        migrations.AddConstraint(
            model_name="organisation",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("care", "agency", "task_force"))), name="organisation_kind"
            ),
        ),
        migrations.AddConstraint(
            model_name="organisation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("care_tier__in", ("village", "township", "county", "city", "province")), ("kind", "care")),
                    models.Q(models.Q(("kind", "care"), _negated=True), ("care_tier", "")),
                    _connector="OR",
                ),
                name="organisation_tier",
            ),
        ),
        migrations.AddIndex(
            model_name="regionname",
            index=models.Index(fields=["code"], name="region_code"),
        ),
        migrations.AddConstraint(
            model_name="regionname",
            constraint=models.UniqueConstraint(
                condition=models.Q(("end", None)), fields=("region",), name="region_one_present_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="regionname",
            constraint=models.UniqueConstraint(condition=models.Q(("end", None)), fields=("code",), name="region_one_present_code"),
        ),
        migrations.AddConstraint(
            model_name="regionname",
            constraint=models.CheckConstraint(
                condition=models.Q(("end", None), ("end__gt", models.F("start")), _connector="OR"), name="region_name_dates"
            ),
        ),
    ]
