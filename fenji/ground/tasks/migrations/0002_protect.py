"""Policies and grants of this room, and what the queue's tables need."""

from django.db import migrations

from fenji.ground.common.rls import Grant, Protect
from fenji.ground.tasks.models import Notice, OutboxMessage, WorkItem

_QUEUE = """
DO $$ DECLARE t text; BEGIN
  FOR t IN SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relname LIKE 'procrastinate%' LOOP
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO fenji_job', t);
    EXECUTE format('GRANT SELECT, INSERT ON %I TO fenji_app', t);
    EXECUTE format('GRANT SELECT ON %I TO fenji_backup', t);
  END LOOP;
  FOR t IN SELECT c.relname FROM pg_class c WHERE c.relkind = 'S' AND c.relname LIKE 'procrastinate%' LOOP
    EXECUTE format('GRANT USAGE ON SEQUENCE %I TO fenji_job, fenji_app', t);
  END LOOP;
END $$
"""


class Migration(migrations.Migration):
    """Who sees steps, messages and notices."""

    dependencies = [
        ("tasks", "0001_initial"),
        ("access", "0002_functions"),
        ("procrastinate", "0041_post_retry_failed_job"),
    ]

    operations = [
        Grant(
            "tasks_workitem",
            app="SELECT, INSERT, UPDATE (closed_at)",
            job="SELECT (id, kind, subject, url, org_id, role, due_at, escalated_at, closed_at), UPDATE (escalated_at, closed_at)",
        ),
        Protect("tasks_workitem", WorkItem.shape, {"job": ("ALL", "true")}),
        Grant("tasks_outboxmessage", app="INSERT", job="SELECT, UPDATE (delivered_at)"),
        Protect("tasks_outboxmessage", OutboxMessage.shape, {"job": ("ALL", "true")}),
        Grant("tasks_notice", app="SELECT", job="SELECT, INSERT"),
        Protect("tasks_notice", Notice.shape, {"job": ("ALL", "true")}),
        migrations.RunSQL(_QUEUE, migrations.RunSQL.noop),
    ]
