"""Policies and grants of this room."""

from django.db import migrations

from fenji.care.visits.models import Visit
from fenji.ground.common.rls import Grant, Protect


class Migration(migrations.Migration):
    """Who sees visits."""

    dependencies = [("visits", "0001_initial"), ("access", "0002_functions")]

    operations = [
        Grant("visits_visit", app="SELECT, INSERT, UPDATE (version, disposition, closed_at)"),
        Protect("visits_visit", Visit.shape),
    ]
