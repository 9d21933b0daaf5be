"""The table of dated changes."""

import django.db.models.deletion
from django.db import migrations, models

import fenji.ground.common.ids
import fenji.ground.common.models


class Migration(migrations.Migration):
    """One table; its grants and policies follow in 0004."""

    dependencies = [
        ("policy", "0002_grants"),
    ]

    operations = [
        migrations.CreateModel(
            name="PolicyChange",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1)),
                ("key", fenji.ground.common.models.CText()),
                ("place", fenji.ground.common.models.CText()),
                ("value", models.JSONField()),
                ("unit", fenji.ground.common.models.CText()),
                ("authority", fenji.ground.common.models.CText()),
                ("clause_id", fenji.ground.common.models.CText()),
                ("start", models.DateField()),
                ("end", models.DateField(null=True)),
                ("document_number", fenji.ground.common.models.CText()),
                ("document_title", models.TextField()),
                ("document_sha256", fenji.ground.common.models.CText()),
                ("reason", models.TextField()),
                ("state", fenji.ground.common.models.CText(default="proposed")),
                ("proposed_by", models.UUIDField()),
                ("proposed_org", models.IntegerField()),
                ("proposed_at", models.DateTimeField()),
                ("decided_by", models.UUIDField(null=True)),
                ("decided_org", models.IntegerField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
                ("note", models.TextField(default="")),
                ("ends", models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="policy.policychange")),
            ],
            options={
                "db_table": "policy_change",
                "indexes": [models.Index(fields=["state", "key"], name="policy_change_state_key")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ("proposed", "approved", "rejected", "withdrawn", "ended"))),
                        name="policy_change_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("authority__in", ("platform", "reply", "order"))), name="policy_change_authority"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("place__regex", "^35([0-9]{2}([0-9]{2})?|[0-9]{10}/[0-9]{8})?$")),
                        name="policy_change_place",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("end", None),
                            ("end__gt", models.F("start")),
                            ("ends__isnull", False),
                            models.Q(("end", models.F("start")), ("state", "ended")),
                            _connector="OR",
                        ),
                        name="policy_change_dates",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_by", None), ("state__in", ("proposed", "withdrawn"))),
                            models.Q(("decided_at__isnull", False), ("decided_by__isnull", False), ("decided_org__isnull", False)),
                            _connector="OR",
                        ),
                        name="policy_change_decided",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("decided_by", None), models.Q(("decided_by", models.F("proposed_by")), _negated=True), _connector="OR"
                        ),
                        name="policy_change_two_people",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state__in", ("approved", "ended")), _negated=True),
                            ("ends__isnull", False),
                            (
                                "start__gt",
                                models.Func(
                                    models.F("decided_at"),
                                    function="",
                                    output_field=models.DateField(),
                                    template="(timezone('Asia/Shanghai', %(expressions)s))::date",
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="policy_change_later_day",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("ends", None),
                            models.Q(
                                ("state", "approved"), models.Q(("end__gt", models.F("start")), ("state", "ended")), _connector="OR"
                            ),
                        ),
                        fields=("key", "place", "authority", "start"),
                        name="policy_change_no_tie",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "proposed")), fields=("ends",), name="policy_change_one_end"
                    ),
                ],
            },
        ),
    ]
