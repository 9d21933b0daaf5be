"""The case of a stay is found by the stay: a ward asks for it with every form of the way down."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One index."""

    dependencies = [("referral", "0028_superseded_beds"), ("visits", "0009_stays_of_one")]

    operations = [
        migrations.AddIndex(
            model_name="case",
            index=models.Index(condition=models.Q(("stay__isnull", False)), fields=["stay"], name="case_stay"),
        ),
    ]
