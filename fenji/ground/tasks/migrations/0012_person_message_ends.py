"""What a message's link opens, and until when its person may be told; the app role reads neither phone nor link, as before."""

from django.db import migrations, models

from fenji.ground.common.rls import Grant


class Migration(migrations.Migration):
    """Two columns, and who reads them."""

    dependencies = [
        ("tasks", "0011_steps_index"),
    ]

    operations = [
        migrations.AddField(
            model_name="personmessage",
            name="about",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="personmessage",
            name="latest",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="personmessage",
            index=models.Index(
                condition=models.Q(("state__in", ("to_send", "dead"))), fields=["about"], name="personmessage_about"
            ),
        ),
        Grant("tasks_personmessage", load="", backup="", app="SELECT (about, latest)"),
    ]
