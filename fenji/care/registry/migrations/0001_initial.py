import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

import fenji.ground.common.ids
import fenji.ground.common.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("network", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Resident",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1)),
                ("name", fenji.ground.common.models.CText()),
                (
                    "name_2",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.functions.text.Substr("name", 2),
                        output_field=fenji.ground.common.models.CText(),
                    ),
                ),
                (
                    "name_3",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.functions.text.Substr("name", 3),
                        output_field=fenji.ground.common.models.CText(),
                    ),
                ),
                ("pinyin", fenji.ground.common.models.CText()),
                ("initials", fenji.ground.common.models.CText()),
                ("pinyin_other", fenji.ground.common.models.CText(default="")),
                ("initials_other", fenji.ground.common.models.CText(default="")),
                ("sex", fenji.ground.common.models.CText()),
                ("birth_date", models.DateField()),
                ("phone", models.BinaryField()),
                ("address", models.TextField()),
                ("path", fenji.ground.common.models.CText()),
                (
                    "viewer_ids",
                    django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), default=list, size=None),
                ),
                (
                    "home_org",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="network.organisation"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Identity",
            fields=[
                (
                    "resident",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, primary_key=True, serialize=False, to="registry.resident"
                    ),
                ),
                ("number", models.BinaryField()),
                ("number_index", models.BinaryField(unique=True)),
                ("last4", fenji.ground.common.models.CText()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddIndex(
            model_name="resident",
            index=models.Index(fields=["path", "id"], name="resident_path"),
        ),
        migrations.AddIndex(
            model_name="resident",
            index=models.Index(fields=["name", "id"], name="resident_name"),
        ),
        migrations.AddIndex(
            model_name="resident",
            index=models.Index(fields=["name_2", "id"], name="resident_name_2"),
        ),
        migrations.AddIndex(
            model_name="resident",
            index=models.Index(fields=["name_3", "id"], name="resident_name_3"),
        ),
        migrations.AddIndex(
            model_name="resident",
            index=models.Index(fields=["pinyin", "id"], name="resident_pinyin"),
        ),
        migrations.AddIndex(
            model_name="resident",
            index=models.Index(fields=["initials", "id"], name="resident_initials"),
        ),
        migrations.AddIndex(
            model_name="resident",
            index=models.Index(
                condition=models.Q(("pinyin_other", ""), _negated=True), fields=["pinyin_other", "id"], name="resident_pinyin_o"
            ),
        ),
        migrations.AddIndex(
            model_name="resident",
            index=models.Index(
                condition=models.Q(("initials_other", ""), _negated=True),
                fields=["initials_other", "id"],
                name="resident_initials_o",
            ),
        ),
        migrations.AddIndex(
            model_name="resident",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=models.Q(("viewer_ids", []), _negated=True), fields=["viewer_ids"], name="resident_viewers"
            ),
        ),
        migrations.AddConstraint(
            model_name="resident",
            constraint=models.CheckConstraint(condition=models.Q(("sex__in", ("0", "1", "2", "9"))), name="resident_sex"),
        ),
    ]
