"""Policies and grants of review."""

from django.db import migrations

from fenji.care.referral.models import ReviewDecision, ReviewDelegation
from fenji.ground.common.rls import Grant, Protect

_COLUMNS = "review_org_id, review_upper_id, review_route, review_due_at, review_no"
_JOB = "referral_case_job_review"


def _link(before: str, after: str) -> str:
    """The resident's own page leaves out what happened before the case was offered."""
    return (
        "DO $do$ BEGIN EXECUTE replace(pg_get_functiondef('referral_link(bytea, bytea)'::regprocedure),"
        f" $t${before}$t$, $t${after}$t$); END $do$"
    )


class Migration(migrations.Migration):
    """The job role shows overdue reviews to the unit above.

    It can bring no case from a review to the receiver but an emergency, which is not reviewed: of rows that are offered its
    policies let it write emergencies alone.
    """

    dependencies = [("referral", "0022_review"), ("tasks", "0010_viewers")]

    operations = [
        migrations.RunSQL(
            [
                f"GRANT UPDATE ({_COLUMNS}) ON referral_case TO fenji_app",
                "GRANT SELECT (review_org_id, review_upper_id, viewer_ids), UPDATE (review_upper_id, viewer_ids) ON referral_case"
                " TO fenji_job",
                f"CREATE POLICY {_JOB} ON referral_case FOR ALL TO fenji_job USING (state = 'in_review')"
                " WITH CHECK (state = 'in_review')",
                _link("'returned')", "'returned', 'local')"),
            ],
            [
                _link("'returned', 'local')", "'returned')"),
                f"DROP POLICY {_JOB} ON referral_case",
                "REVOKE SELECT (review_org_id, review_upper_id, viewer_ids), UPDATE (review_upper_id, viewer_ids)"
                " ON referral_case FROM fenji_job",
                f"REVOKE UPDATE ({_COLUMNS}) ON referral_case FROM fenji_app",
            ],
        ),
        Grant("referral_reviewdelegation", app="SELECT, INSERT, UPDATE (version, ended_at)"),
        Protect("referral_reviewdelegation", ReviewDelegation.shape),
        Grant("referral_reviewdecision", app="SELECT, INSERT"),
        Protect("referral_reviewdecision", ReviewDecision.shape),
    ]
