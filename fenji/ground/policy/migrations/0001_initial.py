from django.db import migrations, models

import fenji.ground.common.models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="CalendarDay",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False)),
                ("working", models.BooleanField()),
                ("name", fenji.ground.common.models.CText()),
                ("basis", fenji.ground.common.models.CText()),
                ("provisional", models.BooleanField(default=False)),
            ],
            options={
                "abstract": False,
            },
        ),
    ]
