"""Files that go with a package."""

import django.db.models.deletion
from django.db import migrations, models

import fenji.ground.common.ids
import fenji.ground.common.models


class Migration(migrations.Migration):
    """One table."""

    dependencies = [
        ("continuity", "0002_protect"),
        ("documents", "0005_show"),
    ]

    operations = [
        migrations.CreateModel(
            name="Attachment",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1)),
                ("what", models.TextField()),
                ("at", models.DateTimeField()),
                ("by_name", fenji.ground.common.models.CText()),
                ("voided_at", models.DateTimeField(null=True)),
                (
                    "file",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="documents.storedfile"
                    ),
                ),
                (
                    "package",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="attachments", to="continuity.package"
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
    ]
