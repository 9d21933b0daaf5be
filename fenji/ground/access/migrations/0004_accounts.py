"""What administrators need to know of an account; earlier passwords; what machines have asked in a minute."""

import django.db.models.deletion
from django.db import migrations, models

import fenji.ground.common.ids
import fenji.ground.common.models


class Migration(migrations.Migration):
    """Columns and tables; 0005 protects them."""

    dependencies = [
        ("access", "0003_reach"),
    ]

    operations = [
        migrations.CreateModel(
            name="MachineMinute",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, primary_key=True, serialize=False, to="access.account"
                    ),
                ),
                ("minute", models.DateTimeField()),
                ("requests", models.IntegerField()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="OldPassword",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("password", models.TextField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddField(
            model_name="account",
            name="activation_hash",
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="activation_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="created_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="created_by",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="deactivated_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="deactivated_reason",
            field=models.TextField(default=""),
        ),
        migrations.AddField(
            model_name="account",
            name="kind",
            field=fenji.ground.common.models.CText(default="staff"),
        ),
        migrations.AddField(
            model_name="account",
            name="must_change",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="account",
            name="org_id",
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="password_set_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="path",
            field=fenji.ground.common.models.CText(default=""),
        ),
        migrations.AddField(
            model_name="account",
            name="sessions_from",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="account",
            name="password",
            field=models.TextField(default="!"),
        ),
        migrations.AddIndex(
            model_name="account",
            index=models.Index(fields=["path", "username"], name="account_path"),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(("username__regex", "^[a-z0-9][a-z0-9._-]{1,59}$")), name="account_username_form"
            ),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["staff", "administrator", "machine"])), name="account_kind"
            ),
        ),
        migrations.AddField(
            model_name="oldpassword",
            name="account",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="access.account"),
        ),
    ]
