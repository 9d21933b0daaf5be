"""The depth of a case: green channel, late entry, consent, transfer check, concordance of diagnosis, nurse, two new ends."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import fenji.ground.common.ids
import fenji.ground.common.models


class Migration(migrations.Migration):
    """Columns and side tables; what holds for emergencies follows, when old rows fit it."""

    dependencies = [
        ("catalogue", "0004_keep"),
        ("network", "0005_appointing"),
        ("referral", "0009_link"),
        ("registry", "0004_door_keys"),
        ("visits", "0003_glass"),
    ]

    operations = [
        migrations.CreateModel(
            name="Consent",
            fields=[
                (
                    "case",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, primary_key=True, serialize=False, to="referral.case"
                    ),
                ),
                ("answer", fenji.ground.common.models.CText()),
                ("who", fenji.ground.common.models.CText()),
                ("guardian", fenji.ground.common.models.CText(default="")),
                ("how", fenji.ground.common.models.CText()),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Transfer",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("actor_name", fenji.ground.common.models.CText()),
                ("pulse", models.SmallIntegerField()),
                ("breaths", models.SmallIntegerField()),
                ("systolic", models.SmallIntegerField()),
                ("diastolic", models.SmallIntegerField()),
                ("saturation", models.SmallIntegerField()),
                ("temperature", models.DecimalField(decimal_places=1, max_digits=4)),
                ("consciousness", fenji.ground.common.models.CText()),
                ("airway", fenji.ground.common.models.CText()),
                ("oxygen", fenji.ground.common.models.CText()),
                ("lines", models.TextField()),
                ("escort", fenji.ground.common.models.CText()),
                ("escort_name", fenji.ground.common.models.CText()),
                ("vehicle", fenji.ground.common.models.CText()),
                ("plate", fenji.ground.common.models.CText()),
                ("left_at", models.DateTimeField()),
                ("eta_at", models.DateTimeField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="case",
            name="case_state",
        ),
        migrations.RemoveConstraint(
            model_name="case",
            name="case_one_holder_until_ended",
        ),
        migrations.RemoveConstraint(
            model_name="case",
            name="case_one_open",
        ),
        migrations.AddField(
            model_name="case",
            name="accepted_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="case",
            name="came_unaccepted",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="case",
            name="concordance",
            field=fenji.ground.common.models.CText(db_default="", default=""),
        ),
        migrations.AddField(
            model_name="case",
            name="concordance_reason",
            field=models.TextField(db_default="", default=""),
        ),
        migrations.AddField(
            model_name="case",
            name="critical",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="case",
            name="declined_ids",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.IntegerField(), db_default=[], default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="case",
            name="door_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="case",
            name="entered_by_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="case",
            name="entered_by_name",
            field=fenji.ground.common.models.CText(db_default="", default=""),
        ),
        migrations.AddField(
            model_name="case",
            name="final_code",
            field=fenji.ground.common.models.CText(db_default="", default=""),
        ),
        migrations.AddField(
            model_name="case",
            name="final_group",
            field=fenji.ground.common.models.CText(db_default="", default=""),
        ),
        migrations.AddField(
            model_name="case",
            name="final_name",
            field=fenji.ground.common.models.CText(db_default="", default=""),
        ),
        migrations.AddField(
            model_name="case",
            name="green",
            field=fenji.ground.common.models.CText(db_default="", default=""),
        ),
        migrations.AddField(
            model_name="case",
            name="happened_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="case",
            name="lapsed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="case",
            name="met",
            field=fenji.ground.common.models.CText(db_default="", default=""),
        ),
        migrations.AddField(
            model_name="case",
            name="offered_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="case",
            name="supersedes",
            field=models.ForeignKey(
                db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="referral.case"
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        (
                            "draft",
                            "in_review",
                            "returned",
                            "offered",
                            "accepted",
                            "arrived",
                            "answered",
                            "declined",
                            "missed",
                            "closed",
                            "withdrawn",
                            "expired",
                            "chose_elsewhere",
                            "died",
                            "refused_transfer",
                            "superseded",
                        ),
                    )
                ),
                name="case_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("ended_at", None),
                        ("holder__isnull", False),
                        (
                            "state__in",
                            ("draft", "in_review", "returned", "offered", "accepted", "arrived", "answered", "declined", "missed"),
                        ),
                    ),
                    models.Q(
                        ("ended_at__isnull", False),
                        ("holder", None),
                        (
                            "state__in",
                            ("closed", "withdrawn", "expired", "chose_elsewhere", "died", "refused_transfer", "superseded"),
                        ),
                    ),
                    _connector="OR",
                ),
                name="case_one_holder_until_ended",
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        ("draft", "in_review", "returned", "offered", "accepted", "arrived", "answered", "declined", "missed"),
                    ),
                    models.Q(("emergency", True), ("state", "draft"), _negated=True),
                ),
                fields=("resident", "direction", "disease_group"),
                name="case_one_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(("concordance__in", ("", "same", "partly", "different"))), name="case_concordance"
            ),
        ),
        migrations.AddField(
            model_name="consent",
            name="proposed",
            field=models.ForeignKey(
                db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="network.organisation"
            ),
        ),
        migrations.AddField(
            model_name="transfer",
            name="case",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="referral.case"),
        ),
        migrations.AddConstraint(
            model_name="consent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("answer__in", ("given", "refused")),
                    ("how__in", ("oral", "written", "phone")),
                    ("who__in", ("patient", "guardian", "nobody")),
                    models.Q(
                        models.Q(("who", "guardian"), _negated=True), models.Q(("guardian", ""), _negated=True), _connector="OR"
                    ),
                ),
                name="consent_says_who",
            ),
        ),
        migrations.AddConstraint(
            model_name="transfer",
            constraint=models.CheckConstraint(
                condition=models.Q(("eta_at__gt", models.F("left_at"))), name="transfer_comes_after_it_left"
            ),
        ),
    ]
