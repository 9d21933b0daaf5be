"""Where a case is reviewed, who stands in for reviewers, and what they decided.

Cases that wait for review already are reviewed where they were sent from.
"""

import django.db.models.deletion
from django.db import migrations, models

import fenji.ground.common.ids
import fenji.ground.common.models

_WAITING = """
UPDATE referral_case SET review_org_id = origin_id, review_no = 1, review_due_at = due_at, review_route = '[{"code": "review_own",
  "clause_id": "PF-referral-review", "key": "referral.review_catalogue", "value": "True"}]' WHERE state = 'in_review'
"""


class Migration(migrations.Migration):
    """Two tables and five columns."""

    dependencies = [("network", "0005_appointing"), ("referral", "0021_case_depth_protect")]

    operations = [
        migrations.CreateModel(
            name="ReviewDecision",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("request", models.SmallIntegerField()),
                ("route", fenji.ground.common.models.CText()),
                ("asked_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("at", models.DateTimeField()),
                ("decision", fenji.ground.common.models.CText()),
                ("reviewer_id", models.UUIDField()),
                ("reviewer_name", fenji.ground.common.models.CText()),
                ("role", fenji.ground.common.models.CText()),
            ],
        ),
        migrations.CreateModel(
            name="ReviewDelegation",
            fields=[
                ("id", models.UUIDField(default=fenji.ground.common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField(default=1)),
                ("from_id", models.UUIDField()),
                ("from_name", fenji.ground.common.models.CText()),
                ("to_id", models.UUIDField()),
                ("to_name", fenji.ground.common.models.CText()),
                ("start", models.DateField()),
                ("end", models.DateField()),
                ("reason", models.TextField()),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
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
            name="case_holder_is_party",
        ),
        migrations.RemoveConstraint(
            model_name="case",
            name="case_one_open",
        ),
        migrations.AddField(
            model_name="case",
            name="review_due_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="case",
            name="review_no",
            field=models.SmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="case",
            name="review_org",
            field=models.ForeignKey(
                db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="network.organisation"
            ),
        ),
        migrations.AddField(
            model_name="case",
            name="review_route",
            field=models.JSONField(db_default=[], default=list),
        ),
        migrations.AddField(
            model_name="case",
            name="review_upper",
            field=models.ForeignKey(
                db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="network.organisation"
            ),
        ),
        # foreign keys are looked at once, now: what is altered next must have no check waiting
        migrations.RunSQL(["SET CONSTRAINTS ALL IMMEDIATE", _WAITING, "SET CONSTRAINTS ALL DEFERRED"], migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("state", "in_review")), fields=["review_org", "due_at"], name="case_review_waits"
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
                            "local",
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
                            (
                                "draft",
                                "in_review",
                                "returned",
                                "local",
                                "offered",
                                "accepted",
                                "arrived",
                                "answered",
                                "declined",
                                "missed",
                            ),
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
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("holder", None),
                    ("holder", models.F("origin")),
                    ("holder", models.F("receiver")),
                    models.Q(("holder", models.F("review_org")), ("state", "in_review")),
                    _connector="OR",
                ),
                name="case_holder_is_party",
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "in_review"), _negated=True),
                    models.Q(("holder", models.F("review_org")), ("review_org__isnull", False)),
                    _connector="OR",
                ),
                name="case_review_has_a_place",
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        (
                            "draft",
                            "in_review",
                            "returned",
                            "local",
                            "offered",
                            "accepted",
                            "arrived",
                            "answered",
                            "declined",
                            "missed",
                        ),
                    ),
                    models.Q(("emergency", True), ("state", "draft"), _negated=True),
                ),
                fields=("resident", "direction", "disease_group"),
                name="case_one_open",
            ),
        ),
        migrations.AddField(
            model_name="reviewdecision",
            name="case",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="referral.case"),
        ),
        migrations.AddField(
            model_name="reviewdecision",
            name="org",
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="network.organisation"),
        ),
        migrations.AddField(
            model_name="reviewdelegation",
            name="org",
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="network.organisation"),
        ),
        migrations.AddField(
            model_name="reviewdecision",
            name="delegation",
            field=models.ForeignKey(
                db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to="referral.reviewdelegation"
            ),
        ),
        migrations.AddIndex(
            model_name="reviewdelegation",
            index=models.Index(condition=models.Q(("ended_at", None)), fields=["org", "to_id"], name="reviewdelegation_now"),
        ),
        migrations.AddConstraint(
            model_name="reviewdelegation",
            constraint=models.CheckConstraint(condition=models.Q(("end__gt", models.F("start"))), name="reviewdelegation_dates"),
        ),
        migrations.AddConstraint(
            model_name="reviewdelegation",
            constraint=models.CheckConstraint(
                condition=models.Q(("from_id", models.F("to_id")), _negated=True), name="reviewdelegation_two"
            ),
        ),
        migrations.AddIndex(
            model_name="reviewdecision",
            index=models.Index(fields=["org", "at"], name="reviewdecision_cycle"),
        ),
        migrations.AddConstraint(
            model_name="reviewdecision",
            constraint=models.CheckConstraint(
                condition=models.Q(("decision__in", ("approve", "complete", "treat_locally"))), name="reviewdecision_decision"
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewdecision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "route__in",
                        (
                            "review_own",
                            "review_centre",
                            "review_nobody_on_duty",
                            "review_too_few",
                            "review_no_upper",
                            "review_taken",
                        ),
                    )
                ),
                name="reviewdecision_route",
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewdecision",
            constraint=models.CheckConstraint(condition=models.Q(("at__gte", models.F("asked_at"))), name="reviewdecision_times"),
        ),
    ]
