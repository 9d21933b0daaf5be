"""Who reads receipts, messages to residents, and the notices one has sent."""

from django.db import migrations

from fenji.ground.common.rls import Admit, Grant, Protect
from fenji.ground.tasks.models import Notice, NoticeReceipt, PersonMessage

_APP_READS = (
    "id, version, kind, org_id, path, subject, at, until, state, tries, next_at, problem, status, receipt, sent_at, decided_at,"
    " decided_by, reason"
)
_APP_CHANGES = "version, state, tries, next_at, until, problem, status, phone, link, decided_at, decided_by, reason"
_JOB_CHANGES = "version, state, tries, next_at, problem, status, receipt, sent_at, phone, link"
# what a person has given up is nothing to the job any more
_TO_THE_JOB = "tasks_personmessage.state IN ('to_send', 'sent', 'dead')"


class Migration(migrations.Migration):
    """The app role never reads the phone or the link of a message: it writes them, and wipes them; the job opens them to send."""

    dependencies = [("tasks", "0003_schema"), ("access", "0003_reach"), ("network", "0002_grants")]

    operations = [
        Admit("tasks_notice", Notice.readers[0]),
        Grant("tasks_noticereceipt", load="", app="SELECT, INSERT"),
        Protect("tasks_noticereceipt", NoticeReceipt.shape),
        Grant(
            "tasks_personmessage",
            load="SELECT (org_id, path), UPDATE (org_id, path)",  # institutions merge, and places move
            app=f"SELECT ({_APP_READS}), INSERT, UPDATE ({_APP_CHANGES})",
            job=f"SELECT, UPDATE ({_JOB_CHANGES})",
        ),
        Protect("tasks_personmessage", PersonMessage.shape, {"job": ("ALL", _TO_THE_JOB)}),
        migrations.RunSQL(
            "GRANT UPDATE (seen_at, seen_by) ON tasks_workitem TO fenji_app",
            "REVOKE UPDATE (seen_at, seen_by) ON tasks_workitem FROM fenji_app",
        ),
    ]
