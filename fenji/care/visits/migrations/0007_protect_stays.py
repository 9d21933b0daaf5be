"""Policies and grants of stays in hospital."""

from django.db import migrations

from fenji.care.visits.models import Stay, StayEvent
from fenji.ground.common.rls import Admit, Grant, Protect

_CHANGES = "version, department_id, bed, phase, phase_at, discharged_at, way_out"


class Migration(migrations.Migration):
    """Who sees them, and who writes."""

    dependencies = [("visits", "0006_stays"), ("access", "0011_glass_protect")]

    operations = [
        Grant("visits_stay", app=f"SELECT, INSERT, UPDATE ({_CHANGES})"),
        Protect("visits_stay", Stay.shape),
        Admit("visits_stay", Stay.readers[0]),
        Grant("visits_stayevent", app="SELECT, INSERT"),
        Protect("visits_stayevent", StayEvent.shape),
    ]
