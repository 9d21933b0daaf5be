"""Which accounts are locked, for security administrators: of people with a post within their reach."""

from django.db import migrations

_LOCKED = """
CREATE FUNCTION access_locked() RETURNS TABLE (username text, name text, until timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
  near integer[] := access_scope_governed();
BEGIN
  IF coalesce((access_scope_row()).role, '') <> 'security_admin' THEN
    RAISE EXCEPTION 'locked accounts are closed to this scope' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN QUERY
  SELECT a.username, a.name, a.locked_until FROM access_account a
   WHERE a.locked_until > now() AND EXISTS (
     SELECT 1 FROM network_post p
      WHERE p.account_id = a.id AND p.org_id = ANY (near) AND p.start <= now() AND (p."end" IS NULL OR p."end" > now()))
   ORDER BY a.locked_until, a.username;
END $$
"""


class Migration(migrations.Migration):
    """One function."""

    dependencies = [("access", "0013_watch_protect")]

    operations = [
        migrations.RunSQL(
            [
                _LOCKED,
                "REVOKE ALL ON FUNCTION access_locked() FROM PUBLIC",
                "GRANT EXECUTE ON FUNCTION access_locked() TO fenji_app",
            ],
            "DROP FUNCTION access_locked()",
        ),
    ]
