"""The printed slip: until which day it holds, and the insurer's number of the transfer where one was given."""

from django.db import migrations, models

import fenji.ground.common.models

_COLUMNS = "filing_number, valid_until"


class Migration(migrations.Migration):
    """Two columns; the second is set whenever the case is offered."""

    dependencies = [("referral", "0006_facts_of_health")]

    operations = [
        migrations.AddField("case", "filing_number", fenji.ground.common.models.CText(default="")),
        migrations.AddField("case", "valid_until", models.DateField(null=True)),
        migrations.RunSQL(
            f"GRANT UPDATE ({_COLUMNS}) ON referral_case TO fenji_app",
            f"REVOKE UPDATE ({_COLUMNS}) ON referral_case FROM fenji_app",
        ),
    ]
