"""Policies and grants of this room."""

from django.db import migrations

from fenji.care.referral.models import Case, CaseEvent
from fenji.ground.common.rls import Grant, Protect

_APP_CHANGES = (
    "version, state, receiver_id, department_id, holder_id, duty_id, receiver_level, viewer_ids, diagnosis_code, diagnosis_name,"
    " disease_group, group_version, emergency, summary, override_reason, verdict, reasons, pack_hash, findings, advice, due_at,"
    " ended_at"
)
_JOB_READS = "id, number, state, version, origin_id, holder_id, due_at"
_JOB_CHANGES = "state, version, holder_id, due_at, ended_at"
_EXPIRING = "referral_case.state IN ('draft', 'returned', 'declined', 'missed', 'expired')"


class Migration(migrations.Migration):
    """The job role sees and ends only cases that may expire, and of them no patient's particulars."""

    dependencies = [("referral", "0001_initial"), ("tasks", "0002_protect"), ("access", "0002_functions")]

    operations = [
        Grant(
            "referral_case",
            app=f"SELECT, INSERT, UPDATE ({_APP_CHANGES})",
            job=f"SELECT ({_JOB_READS}), UPDATE ({_JOB_CHANGES})",
        ),
        Protect("referral_case", Case.shape, {"job": ("ALL", _EXPIRING)}),
        Grant("referral_caseevent", app="SELECT, INSERT", job="INSERT"),
        Protect("referral_caseevent", CaseEvent.shape, {"job": ("INSERT", "true")}),
        migrations.RunSQL(
            [
                # case numbers: a counter row would make all referrals of a county wait for each other until they commit
                "CREATE SEQUENCE referral_number_seq MAXVALUE 99999 CYCLE",
                "GRANT USAGE ON SEQUENCE referral_number_seq TO fenji_app",
                "GRANT SELECT ON SEQUENCE referral_number_seq TO fenji_backup",
            ],
            "DROP SEQUENCE referral_number_seq",
        ),
    ]
