"""Stays are their hospital's alone.

By its place a hospital lies in some town, and the health centre of that town reaches the rows of its clinics by place: it also saw
who lay in the hospital.
"""

from django.db import migrations

from fenji.care.visits.models import Stay, StayEvent
from fenji.ground.common.rls import Reshape


class Migration(migrations.Migration):
    """Who sees them now."""

    dependencies = [("visits", "0008_stay_source")]

    operations = [
        Reshape("visits_stay", Stay.shape),
        Reshape("visits_stayevent", StayEvent.shape),
    ]
