"""How patients get to an institution, as it keeps it itself: everybody reads it."""

import django.db.models.deletion
from django.db import migrations, models

from fenji.ground.common.rls import Grant, Protect
from fenji.ground.network import models as now


class Migration(migrations.Migration):
    """The table, its grants and policies."""

    dependencies = [
        ("network", "0007_hospitals_places"),
    ]

    operations = [
        migrations.CreateModel(
            name="Directions",
            fields=[
                (
                    "org",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="directions",
                        serialize=False,
                        to="network.organisation",
                    ),
                ),
                ("entrance", models.TextField(default="")),
                ("desk", models.TextField(default="")),
                ("buses", models.TextField(default="")),
                ("phone", models.TextField(default="")),
                ("version", models.IntegerField(default=1)),
            ],
            options={
                "abstract": False,
            },
        ),
        Grant("network_directions", app="SELECT, INSERT, UPDATE"),
        Protect("network_directions", now.Directions.shape),
    ]
