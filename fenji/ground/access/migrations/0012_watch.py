"""Indexes that audit administrators search traces by, and the table of verifications of the chain."""

from django.db import migrations, models

import fenji.ground.common.ids
import fenji.ground.common.models


class Migration(migrations.Migration):
    """One table and five indexes."""

    dependencies = [
        ("access", "0011_glass_protect"),
    ]

    operations = [
        migrations.CreateModel(
            name="ChainCheck",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("account_id", models.UUIDField()),
                ("actor_name", fenji.ground.common.models.CText()),
                ("done", models.BigIntegerField(default=0)),
                ("links", models.BigIntegerField(default=0)),
                ("rows", models.BigIntegerField(default=0)),
                ("unsealed", models.BigIntegerField(default=0)),
                ("broken", models.BigIntegerField(null=True)),
                ("head", fenji.ground.common.models.CText(default="")),
                ("finished_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["at", "id"], name="audit_latest"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["subject", "at"], name="audit_subject"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["actor_id", "at"], name="audit_actor"),
        ),
        migrations.AddIndex(
            model_name="readlog",
            index=models.Index(fields=["at", "id"], name="readlog_latest"),
        ),
        migrations.AddIndex(
            model_name="readlog",
            index=models.Index(fields=["subject", "at"], name="readlog_subject"),
        ),
        migrations.AddIndex(
            model_name="chaincheck",
            index=models.Index(fields=["at", "id"], name="chaincheck_latest"),
        ),
    ]
