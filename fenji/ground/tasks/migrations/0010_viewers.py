"""Sweeps may show an open step to one more organisation."""

from django.db import migrations


class Migration(migrations.Migration):
    """One column, which the job role reads and changes."""

    dependencies = [("tasks", "0004_messages")]

    operations = [
        migrations.RunSQL(
            "GRANT SELECT (viewer_ids), UPDATE (viewer_ids) ON tasks_workitem TO fenji_job",
            "REVOKE SELECT (viewer_ids), UPDATE (viewer_ids) ON tasks_workitem FROM fenji_job",
        )
    ]
