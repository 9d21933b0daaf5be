"""The resident's own page: its policy, its grants, and the one function that opens it.

The page is opened by somebody who is not signed in. They reach nothing but `referral_link`, with the hash of the address and the
digest of the answer; it counts wrong answers under a lock on the row, and says nothing that tells an address that never was, or is
closed, or was revoked, from a wrong answer. It returns no name, no diagnosis, no number and no text that somebody wrote.
"""

from django.db import migrations

from fenji.care.referral.models import CaseLink
from fenji.ground.common.rls import Grant, Protect

_LINK = """
CREATE FUNCTION referral_link(wanted bytea, answer bytea) RETURNS TABLE (
  state text, origin_id integer, receiver_id integer, department_id integer, appointed_at timestamptz, steps jsonb
) LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
  entry referral_caselink;
  own referral_case;
BEGIN
  SELECT l.* INTO entry FROM referral_caselink l WHERE l.token_hash = wanted FOR UPDATE;
  IF NOT FOUND OR entry.revoked_at IS NOT NULL OR entry.tries >= entry.most_tries THEN
    RETURN;
  END IF;
  SELECT c.* INTO own FROM referral_case c WHERE c.id = entry.case_id;
  IF own.ended_at IS NOT NULL AND own.ended_at + make_interval(days => entry.days_after) <= now() THEN
    RETURN;
  END IF;
  IF entry.digest IS DISTINCT FROM answer THEN
    UPDATE referral_caselink l SET tries = l.tries + 1 WHERE l.id = entry.id;
    RETURN;
  END IF;
  IF entry.tries > 0 OR entry.opened_at IS NULL THEN
    UPDATE referral_caselink l SET tries = 0, opened_at = coalesce(l.opened_at, now()) WHERE l.id = entry.id;
  END IF;
  RETURN QUERY
  SELECT own.state, own.origin_id, own.receiver_id, own.department_id, (
      SELECT min(b.start_at) FROM booking_booking b
       WHERE b.subject = own.number AND b.org_id = own.receiver_id AND b.kind = 'clinic' AND b.state = 'confirmed'), (
      SELECT coalesce(jsonb_agg(jsonb_build_object('day', (e.at AT TIME ZONE 'Asia/Shanghai')::date, 'state', e.after)
                                ORDER BY e.at, e.id), '[]')
        FROM referral_caseevent e
       WHERE e.case_id = own.id AND e.after <> e.before AND e.after NOT IN ('draft', 'in_review', 'returned'));
END $$
"""
_READS = "id, case_id, token, asks, tries, most_tries, days_after, made_at, made_by, revoked_at, opened_at"


class Migration(migrations.Migration):
    """The app role adds and revokes links of its cases, and never reads the hash of a token or the digest of an answer."""

    dependencies = [("referral", "0008_link_schema"), ("access", "0011_glass_protect"), ("booking", "0002_guard")]

    operations = [
        Grant(
            "referral_caselink",
            load="",
            app=f"SELECT ({_READS}), INSERT, UPDATE (revoked_at)",
        ),
        Protect("referral_caselink", CaseLink.shape),
        migrations.RunSQL(
            [
                _LINK,
                "REVOKE ALL ON FUNCTION referral_link(bytea, bytea) FROM PUBLIC",
                "GRANT EXECUTE ON FUNCTION referral_link(bytea, bytea) TO fenji_app",
            ],
            "DROP FUNCTION referral_link(bytea, bytea)",
        ),
    ]
