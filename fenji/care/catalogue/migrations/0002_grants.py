"""Grants of this room."""

from django.db import migrations

from fenji.ground.common.rls import Grant


class Migration(migrations.Migration):
    """Read-only to the app."""

    dependencies = [("catalogue", "0001_initial")]

    operations = [
        Grant("catalogue_diagnosis", app="SELECT"),
        Grant("catalogue_diseaselist", app="SELECT"),
        Grant("catalogue_listentry", app="SELECT"),
    ]
