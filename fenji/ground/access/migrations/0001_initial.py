import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import fenji.ground.common.ids
import fenji.ground.common.models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AuditSeal",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("suite", fenji.ground.common.models.CText()),
                ("rows", models.IntegerField()),
                ("previous", models.BinaryField()),
                ("digest", models.BinaryField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                ("key", models.UUIDField(primary_key=True, serialize=False)),
                ("account_id", models.UUIDField()),
                ("fingerprint", models.BinaryField()),
                ("location", models.TextField(default="")),
                ("at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Account",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1)),
                ("username", fenji.ground.common.models.CText()),
                ("name", fenji.ground.common.models.CText()),
                ("password", models.TextField()),
                ("failures", models.IntegerField(default=0)),
                ("locked_until", models.DateTimeField(null=True)),
                ("active", models.BooleanField(default=True)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("username",), name="account_username")],
            },
        ),
        migrations.CreateModel(
            name="ReadLog",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("account_id", models.UUIDField()),
                ("org_id", models.IntegerField()),
                ("purpose", fenji.ground.common.models.CText()),
                ("subject", fenji.ground.common.models.CText()),
            ],
            options={
                "indexes": [models.Index(fields=["account_id", "purpose", "at"], name="readlog_rate")],
            },
        ),
        migrations.CreateModel(
            name="ScopeHandle",
            fields=[
                ("token_hash", models.BinaryField(primary_key=True, serialize=False)),
                ("actor_name", models.TextField()),
                ("role", fenji.ground.common.models.CText()),
                ("post_id", models.UUIDField()),
                ("org_id", models.IntegerField()),
                ("org_name", models.TextField()),
                ("orgs", django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), default=list, size=None)),
                ("path_lo", fenji.ground.common.models.CText()),
                ("path_hi", fenji.ground.common.models.CText()),
                ("purpose", fenji.ground.common.models.CText()),
                ("opened_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("idle", models.DurationField()),
                ("door_per_hour", models.IntegerField()),
                ("closed_at", models.DateTimeField(null=True)),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="access.account")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("actor_id", models.UUIDField()),
                ("role", fenji.ground.common.models.CText()),
                ("org_id", models.IntegerField()),
                ("action", fenji.ground.common.models.CText()),
                ("subject", fenji.ground.common.models.CText()),
                ("before", fenji.ground.common.models.CText(default="")),
                ("after", fenji.ground.common.models.CText(default="")),
                ("detail", models.JSONField(default=dict)),
                ("seal", models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="access.auditseal")),
            ],
            options={
                "indexes": [models.Index(condition=models.Q(("seal__isnull", True)), fields=["id"], name="audit_unsealed")],
            },
        ),
    ]
