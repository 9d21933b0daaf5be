import django.db.models.deletion
from django.db import migrations, models

import fenji.ground.common.ids
import fenji.ground.common.models


class Migration(migrations.Migration):
    dependencies = [
        ("network", "0005_appointing"),
        ("registry", "0004_door_keys"),
    ]

    operations = [
        migrations.CreateModel(
            name="Duplicate",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1)),
                ("path", fenji.ground.common.models.CText()),
                ("reason", fenji.ground.common.models.CText()),
                ("state", fenji.ground.common.models.CText(default="proposed")),
                ("found_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_by", models.TextField(default="")),
            ],
        ),
        migrations.AddField(
            model_name="identity",
            name="kind",
            field=fenji.ground.common.models.CText(db_default="identity", default="identity"),
        ),
        migrations.AddField(
            model_name="resident",
            name="birth_estimated",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="resident",
            name="canonical",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="copies",
                to="registry.resident",
            ),
        ),
        migrations.AddField(
            model_name="resident",
            name="entry",
            field=fenji.ground.common.models.CText(db_default="", default=""),
        ),
        migrations.AddField(
            model_name="resident",
            name="matched",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="resident",
            name="mother",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="children",
                to="registry.resident",
            ),
        ),
        migrations.AddIndex(
            model_name="resident",
            index=models.Index(fields=["birth_date", "id"], name="resident_born"),
        ),
        migrations.AddIndex(
            model_name="resident",
            index=models.Index(condition=models.Q(("canonical__isnull", False)), fields=["canonical"], name="resident_copies"),
        ),
        migrations.AddIndex(
            model_name="resident",
            index=models.Index(condition=models.Q(("mother__isnull", False)), fields=["mother"], name="resident_mother"),
        ),
        migrations.AddIndex(
            model_name="resident",
            index=models.Index(condition=models.Q(("matched", False)), fields=["id"], name="resident_unmatched"),
        ),
        migrations.AddConstraint(
            model_name="identity",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ("identity", "hmt_residence", "hk_macau", "taiwan", "passport", "residence", "old_card"))
                ),
                name="identity_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="resident",
            constraint=models.CheckConstraint(condition=models.Q(("entry__in", ("", "unknown", "newborn"))), name="resident_entry"),
        ),
        migrations.AddConstraint(
            model_name="resident",
            constraint=models.CheckConstraint(
                condition=models.Q(("canonical", None), models.Q(("canonical", models.F("id")), _negated=True), _connector="OR"),
                name="resident_canonical",
            ),
        ),
        migrations.AddField(
            model_name="duplicate",
            name="first",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="registry.resident"
            ),
        ),
        migrations.AddField(
            model_name="duplicate",
            name="joined",
            field=models.ForeignKey(
                db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="registry.resident"
            ),
        ),
        migrations.AddField(
            model_name="duplicate",
            name="kept",
            field=models.ForeignKey(
                db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="registry.resident"
            ),
        ),
        migrations.AddField(
            model_name="duplicate",
            name="org",
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="network.organisation"),
        ),
        migrations.AddField(
            model_name="duplicate",
            name="second",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="registry.resident"),
        ),
        migrations.AddIndex(
            model_name="duplicate",
            index=models.Index(fields=["org", "state", "id"], name="duplicate_list"),
        ),
        migrations.AddConstraint(
            model_name="duplicate",
            constraint=models.UniqueConstraint(fields=("first", "second"), name="duplicate_once"),
        ),
        migrations.AddConstraint(
            model_name="duplicate",
            constraint=models.CheckConstraint(
                condition=models.Q(("first", models.F("second")), _negated=True), name="duplicate_two"
            ),
        ),
        migrations.AddConstraint(
            model_name="duplicate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("joined", None), ("kept", None), ("state__in", ("proposed", "distinct"))),
                    models.Q(("joined__isnull", False), ("kept__isnull", False), ("state", "linked")),
                    _connector="OR",
                ),
                name="duplicate_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="duplicate",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason__in", ("old_new", "slip", "swap", "phone", "address", "sound", "chosen"))),
                name="duplicate_reason",
            ),
        ),
    ]
