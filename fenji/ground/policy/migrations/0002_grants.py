"""Grants of this room."""

from django.db import migrations

from fenji.ground.common.rls import Grant


class Migration(migrations.Migration):
    """The calendar is read by app and jobs."""

    dependencies = [("policy", "0001_initial")]

    operations = [Grant("policy_calendarday", app="SELECT", job="SELECT")]
