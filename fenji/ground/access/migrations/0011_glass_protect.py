"""Who sees openings; and which residents are open to the running scope, for the policies of the rooms above.

`access_scope_glass` names the residents that this account has opened at this institution and whose time has not run out. It is
looked up with each statement, so an opening ends by itself, also for a session that goes on.
"""

from django.db import migrations

from fenji.ground.access import models as now
from fenji.ground.common.rls import Grant, Protect

_GLASS = """
CREATE FUNCTION access_scope_glass() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  caller access_scopehandle := access_scope_row();
BEGIN
  IF caller.role IS DISTINCT FROM 'doctor' OR caller.purpose <> 'work' THEN
    RETURN '{}';
  END IF;
  RETURN ARRAY(
    SELECT g.subject::uuid FROM access_glass g
     WHERE g.kind = 'records' AND g.account_id = caller.account_id AND g.org_id = caller.org_id
       AND g.closed_at IS NULL AND g.until > now());
END $$
"""


class Migration(migrations.Migration):
    """The app may close an own opening and add a review; openings are written by DEFINER functions alone."""

    dependencies = [("access", "0010_glass")]

    operations = [
        migrations.RunSQL(
            [
                _GLASS,
                "REVOKE ALL ON FUNCTION access_scope_glass() FROM PUBLIC",
                "GRANT EXECUTE ON FUNCTION access_scope_glass() TO fenji_app",
            ],
            "DROP FUNCTION access_scope_glass()",
        ),
        # a place that is given another code takes its openings along, as ADR 0017 has it
        Grant("access_glass", load="SELECT (path), UPDATE (path)", app="SELECT, UPDATE (closed_at)"),
        Protect("access_glass", now.Glass.shape),
        Grant("access_glassreview", load="", app="SELECT, INSERT"),
        Protect("access_glassreview", now.GlassReview.shape),
    ]
