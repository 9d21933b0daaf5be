"""Visits are read, not written, by a doctor who has opened the resident's records in an emergency."""

from django.db import migrations

from fenji.care.visits.models import Visit
from fenji.ground.common.rls import Admit


class Migration(migrations.Migration):
    """One more policy for reading."""

    dependencies = [("visits", "0002_protect"), ("access", "0011_glass_protect")]

    operations = [Admit("visits_visit", Visit.readers[0])]
