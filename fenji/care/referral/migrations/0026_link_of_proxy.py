"""Addresses of the resident's page for those who act for the resident."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """One more column, and one live address for each of them."""

    dependencies = [
        ("referral", "0025_protect_down"),
        ("registry", "0008_protect_proxy"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="caselink",
            name="caselink_one",
        ),
        migrations.AddField(
            model_name="caselink",
            name="proxy",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="registry.proxy"),
        ),
        migrations.AddConstraint(
            model_name="caselink",
            constraint=models.UniqueConstraint(
                condition=models.Q(("proxy", None), ("revoked_at", None)), fields=("case",), name="caselink_one"
            ),
        ),
        migrations.AddConstraint(
            model_name="caselink",
            constraint=models.UniqueConstraint(
                condition=models.Q(("revoked_at", None)), fields=("case", "proxy"), name="caselink_one_proxy"
            ),
        ),
    ]
