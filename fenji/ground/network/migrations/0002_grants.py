"""Grants of this room: everybody in the house reads it, nobody changes it from the app."""

from django.db import migrations

from fenji.ground.common.rls import Grant

_TABLES = ("region", "regionname", "organisation", "department", "alliance", "membership")


class Migration(migrations.Migration):
    """Read-only to the app, the door and the jobs."""

    dependencies = [("network", "0001_initial")]

    operations = [
        *(Grant(f"network_{t}", app="SELECT", door="SELECT", job="SELECT") for t in _TABLES),
        Grant("network_post", app="SELECT", door="SELECT"),
    ]
