import django.db.models.deletion
from django.db import migrations, models

import fenji.ground.common.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("network", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Diagnosis",
            fields=[
                ("code", fenji.ground.common.models.CText(primary_key=True, serialize=False)),
                ("name_zh", fenji.ground.common.models.CText()),
                ("name_en", fenji.ground.common.models.CText()),
                ("initials", fenji.ground.common.models.CText()),
                ("group", fenji.ground.common.models.CText()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["name_zh"], name="diagnosis_name"),
                    models.Index(fields=["initials"], name="diagnosis_initials"),
                ],
            },
        ),
        migrations.CreateModel(
            name="DiseaseList",
            fields=[
                ("id", models.IntegerField(primary_key=True, serialize=False)),
                ("kind", fenji.ground.common.models.CText()),
                ("number", models.IntegerField()),
                ("start", models.DateField()),
                ("end", models.DateField(null=True)),
                ("org", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="network.organisation")),
            ],
        ),
        migrations.CreateModel(
            name="ListEntry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("group", fenji.ground.common.models.CText()),
                ("list", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="catalogue.diseaselist")),
            ],
        ),
        migrations.AddConstraint(
            model_name="diseaselist",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("first_contact", "treatable"))), name="diseaselist_kind"
            ),
        ),
        migrations.AddConstraint(
            model_name="diseaselist",
            constraint=models.UniqueConstraint(fields=("org", "kind", "number"), name="diseaselist_version"),
        ),
        migrations.AddConstraint(
            model_name="diseaselist",
            constraint=models.UniqueConstraint(
                condition=models.Q(("end", None)), fields=("org", "kind"), name="diseaselist_one_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="diseaselist",
            constraint=models.CheckConstraint(
                condition=models.Q(("end", None), ("end__gt", models.F("start")), _connector="OR"), name="diseaselist_dates"
            ),
        ),
        migrations.AddConstraint(
            model_name="listentry",
            constraint=models.UniqueConstraint(fields=("list", "group"), name="listentry_once"),
        ),
    ]
