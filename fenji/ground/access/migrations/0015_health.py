"""Whether the open scope is one at a health authority: what comes from records of patients is for those officers alone.

Asked of the public register with each statement, like the governed organisations: an authority that became another kind, or ended,
loses what it had at once.
"""

from django.db import migrations

_HEALTH = """
CREATE FUNCTION access_scope_health() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  org integer := (access_scope_row()).org_id;
BEGIN
  RETURN EXISTS (
    SELECT 1 FROM network_organisation o
     WHERE o.id = org AND o.kind = 'agency' AND o.agency_kind = 'health'
       AND (o."end" IS NULL OR o."end" > (now() AT TIME ZONE 'Asia/Shanghai')::date));
END $$
"""
_NAME = "access_scope_health()"


class Migration(migrations.Migration):
    """One function, read by the app when it opens a scope and by the functions of other rooms."""

    dependencies = [("access", "0014_locked"), ("network", "0004_protect")]

    operations = [
        migrations.RunSQL(
            [_HEALTH, f"REVOKE ALL ON FUNCTION {_NAME} FROM PUBLIC", f"GRANT EXECUTE ON FUNCTION {_NAME} TO fenji_app"],
            [f"DROP FUNCTION {_NAME}"],
        )
    ]
