"""A case keeps the versions of the lists it was judged by."""

import django.db.models.deletion
from django.db import migrations, models

_COLUMNS = "catalogue_version_id, treatable_version_id"


def _kept(name):
    key = models.ForeignKey(
        db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="catalogue.listversion"
    )
    return migrations.AddField("case", name, key)


class Migration(migrations.Migration):
    """Two columns, which a new verdict may change."""

    dependencies = [("catalogue", "0004_keep"), ("referral", "0002_protect")]

    operations = [
        _kept("catalogue_version"),
        _kept("treatable_version"),
        migrations.RunSQL(
            f"GRANT UPDATE ({_COLUMNS}) ON referral_case TO fenji_app",
            f"REVOKE UPDATE ({_COLUMNS}) ON referral_case FROM fenji_app",
        ),
    ]
