"""Functions of the way down.

`referral_down_open` counts, for each branch, the down-referrals on their way to it, whoever sends them, and says nothing else.
`referral_welcome` opens a resident's record to the branch where they have arrived: its team treats and follows them from then on.
"""

from django.db import migrations

_HEAD = "SECURITY DEFINER SET search_path = public, pg_temp AS $$\n#variable_conflict use_column"

_OPEN = f"""
CREATE FUNCTION referral_down_open(asked integer[]) RETURNS TABLE (receiver_id integer, waiting bigint)
LANGUAGE plpgsql STABLE {_HEAD}
DECLARE
  caller access_scopehandle := access_scope_row();
BEGIN
  IF caller.account_id IS NULL OR caller.role <> 'doctor' THEN
    RAISE EXCEPTION 'this is closed to this scope' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN QUERY
  SELECT c.receiver_id, count(*) FROM referral_case c
   WHERE c.direction = 'down' AND c.state IN ('offered', 'accepted') AND c.receiver_id = ANY (asked)
   GROUP BY c.receiver_id;
END $$
"""

_WELCOME = f"""
CREATE FUNCTION referral_welcome(wanted text, happened timestamptz, audit_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE {_HEAD}
DECLARE
  caller access_scopehandle := access_scope_row();
  mine referral_case;
BEGIN
  SELECT * INTO mine FROM referral_case c WHERE c.number = wanted;
  IF caller.account_id IS NULL OR mine.direction IS DISTINCT FROM 'down' OR mine.state <> 'closed'
     OR mine.receiver_id <> caller.org_id OR mine.duty_id <> caller.org_id THEN
    RAISE EXCEPTION 'only who was sent down and has arrived is opened' USING ERRCODE = 'insufficient_privilege';
  END IF;
  UPDATE registry_resident r SET viewer_ids = r.viewer_ids || caller.org_id
   WHERE r.id = mine.resident_id AND NOT r.viewer_ids @> ARRAY[caller.org_id]
     AND NOT (r.path >= caller.path_lo AND r.path < caller.path_hi);
  IF FOUND THEN
    INSERT INTO access_auditevent (id, at, actor_id, role, org_id, action, subject, before, after, detail)
    VALUES (audit_id, happened, caller.account_id, caller.role, caller.org_id, 'resident.open', mine.resident_id::text, '', '',
            jsonb_build_object('by', mine.number));
  END IF;
END $$
"""
_NAMES = ("referral_down_open(integer[])", "referral_welcome(text, timestamptz, uuid)")


def _facts(before: str, after: str) -> str:
    """Officers read when a patient arrived from the step itself: on the way down it leads to another state than on the way up."""
    name = "referral_facts(timestamptz, timestamptz, text, text, text, text, timestamptz, text, integer)"
    return f"DO $do$ BEGIN EXECUTE replace(pg_get_functiondef('{name}'::regprocedure), $t${before}$t$, $t${after}$t$); END $do$"


class Migration(migrations.Migration):
    """Two functions for doctors of the two sides, and the time of arrival in the facts of officers."""

    dependencies = [("referral", "0024_down"), ("registry", "0006_protect"), ("access", "0011_glass_protect")]

    operations = [
        migrations.RunSQL(
            [
                _OPEN,
                _WELCOME,
                *(f"REVOKE ALL ON FUNCTION {n} FROM PUBLIC" for n in _NAMES),
                *(f"GRANT EXECUTE ON FUNCTION {n} TO fenji_app" for n in _NAMES),
                _facts("v.after = 'arrived'", "v.action = 'arrive'"),
            ],
            [
                _facts("v.action = 'arrive'", "v.after = 'arrived'"),
                *(f"DROP FUNCTION {n}" for n in _NAMES),
            ],
        ),
    ]
