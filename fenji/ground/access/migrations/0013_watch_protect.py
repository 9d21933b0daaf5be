"""Who reads the traces: audit administrators, of the organisations within their reach.

Which organisations these are is asked of the public register with each statement, not kept on the rows: the number of the
organisation is part of what the chain covers, a copy of its place would not be.
"""

from django.db import migrations

from fenji.ground.access import models as now
from fenji.ground.common.rls import Admit, Grant, Protect

_GOVERNED = """
CREATE FUNCTION access_scope_governed() RETURNS integer[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  near text := coalesce((access_scope_row()).reach, '');
BEGIN
  IF near = '' THEN
    RETURN '{}';
  END IF;
  RETURN ARRAY(SELECT o.id FROM network_organisation o WHERE o.path ^@ near);
END $$
"""

# the whole house: a region's reach, beyond which no authority of this deployment lies. Then also what belongs to no organisation
# is in reach (sign-ins, which happen before a post is chosen). Departments that only take part, as the insurer of the city does,
# are no such authority: they run neither the institutions nor the house
_WHOLE = """
CREATE FUNCTION access_scope_whole() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  near text := coalesce((access_scope_row()).reach, '');
BEGIN
  IF near = '' OR near LIKE '%/%' THEN
    RETURN false;
  END IF;
  RETURN NOT EXISTS (
    SELECT 1 FROM network_organisation o
     WHERE o.kind = 'agency' AND o.agency_kind = ANY (ARRAY['health', 'digital', '']) AND NOT o.path ^@ near);
END $$
"""

_PEOPLE = """
CREATE FUNCTION access_people(wanted uuid[], typed text) RETURNS TABLE (id uuid, username text, name text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
  IF coalesce((access_scope_row()).role, '') NOT IN ('audit_admin', 'security_admin')
     OR (access_scope_row()).purpose <> 'work' THEN
    RAISE EXCEPTION 'names are closed to this scope' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN QUERY SELECT a.id, a.username, a.name FROM access_account a
   WHERE a.id = ANY (wanted) OR typed <> '' AND (a.username = typed OR a.name = typed);
END $$
"""

_NAMES = ("access_scope_governed()", "access_scope_whole()", "access_people(uuid[], text)")
_RESULT = "done, links, rows, unsealed, broken, head, finished_at"


class Migration(migrations.Migration):
    """Functions before the policies that call them."""

    dependencies = [("access", "0012_watch"), ("network", "0004_protect")]

    operations = [
        migrations.RunSQL(
            [
                _GOVERNED,
                _WHOLE,
                _PEOPLE,
                *(f"REVOKE ALL ON FUNCTION {n} FROM PUBLIC" for n in _NAMES),
                *(f"GRANT EXECUTE ON FUNCTION {n} TO fenji_app" for n in _NAMES),
                "GRANT SELECT ON access_auditevent, access_readlog TO fenji_app",
            ],
            [
                "REVOKE SELECT ON access_auditevent, access_readlog FROM fenji_app",
                *(f"DROP FUNCTION {n}" for n in _NAMES),
            ],
        ),
        Admit("access_auditevent", now.AuditEvent.readers[0]),
        Admit("access_readlog", now.ReadLog.readers[0]),
        Grant("access_chaincheck", load="", app="SELECT, INSERT", job=f"SELECT, UPDATE ({_RESULT})"),
        Protect("access_chaincheck", now.ChainCheck.shape, {"job": ("ALL", "true")}),
    ]
