import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models

import fenji.ground.common.ids
import fenji.ground.common.models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("message_id", models.UUIDField(primary_key=True, serialize=False)),
                ("kind", fenji.ground.common.models.CText()),
                ("org_id", models.IntegerField()),
                ("role", fenji.ground.common.models.CText()),
                ("subject", fenji.ground.common.models.CText()),
                ("url", fenji.ground.common.models.CText()),
                ("at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["org_id", "role", "-at"], name="notice_latest")],
            },
        ),
        migrations.CreateModel(
            name="OutboxMessage",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("kind", fenji.ground.common.models.CText()),
                ("org_id", models.IntegerField()),
                ("role", fenji.ground.common.models.CText()),
                ("subject", fenji.ground.common.models.CText()),
                ("url", fenji.ground.common.models.CText()),
                ("at", models.DateTimeField()),
                ("delivered_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [models.Index(condition=models.Q(("delivered_at", None)), fields=["at"], name="outbox_undelivered")],
            },
        ),
        migrations.CreateModel(
            name="WorkItem",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("kind", fenji.ground.common.models.CText()),
                ("subject", fenji.ground.common.models.CText()),
                ("url", fenji.ground.common.models.CText()),
                ("who", models.TextField()),
                ("sex", fenji.ground.common.models.CText()),
                ("age", models.SmallIntegerField()),
                ("topic", models.TextField()),
                ("org_id", models.IntegerField()),
                ("role", fenji.ground.common.models.CText()),
                (
                    "viewer_ids",
                    django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), default=list, size=None),
                ),
                ("urgent", models.BooleanField(default=False)),
                ("opened_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("escalated_at", models.DateTimeField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("closed_at", None)), fields=["org_id", "role", "due_at"], name="workitem_desk"
                    ),
                    models.Index(
                        condition=models.Q(("closed_at", None), ("escalated_at", None)), fields=["due_at"], name="workitem_overdue"
                    ),
                    django.contrib.postgres.indexes.GinIndex(
                        condition=models.Q(("closed_at", None)), fields=["viewer_ids"], name="workitem_viewers"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("closed_at", None)), fields=("subject",), name="workitem_one_next_step"
                    )
                ],
            },
        ),
    ]
