"""Steps are asked for by institution and role or by subject, never by who may see them.

The index over those who may see them was larger than useful: the planner took it for the count on every page, and each closed step
left its entries there until the table was next cleaned. A step lives for days in a table that keeps those of years, so the table is
cleaned by what changes in it and not by its size.
"""

from __future__ import annotations

from django.db import migrations

_OFTEN = "autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.01"
_AS_EVER = "autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor"


class Migration(migrations.Migration):
    """Drops it; closed steps are cleaned away early."""

    dependencies = [
        ("tasks", "0010_viewers"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="workitem",
            name="workitem_viewers",
        ),
        migrations.RunSQL(f"ALTER TABLE tasks_workitem SET ({_OFTEN})", f"ALTER TABLE tasks_workitem RESET ({_AS_EVER})"),
    ]
