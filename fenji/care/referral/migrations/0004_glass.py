"""Cases and their events are read, not written, by a doctor who has opened the resident's records in an emergency."""

from django.db import migrations, models

from fenji.care.referral.models import Case, CaseEvent
from fenji.ground.common.rls import Admit, Reshape


class Migration(migrations.Migration):
    """One more policy for reading; events are added only by parties of the case, no longer by whoever sees it."""

    dependencies = [("referral", "0003_lists"), ("access", "0011_glass_protect")]

    operations = [
        # with two policies for reading, the list of one state needs it to stay as quick as it was
        migrations.AddIndex("case", models.Index(fields=["state", "number"], name="case_state")),
        Admit("referral_case", Case.readers[0]),
        Reshape("referral_caseevent", CaseEvent.shape),
    ]
