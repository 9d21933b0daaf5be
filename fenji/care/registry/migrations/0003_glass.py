"""Breaking the glass: a doctor opens the records of one resident everywhere, for a time, with a reason.

The function checks what the program checked before it: the caller is a doctor, has the resident's record before them, and has not
opened too many this hour. It writes the opening, a row of the read log and an audit row together, so that no opening is without
its traces, even one made with stolen SQL. How long it lasts comes from the session, where the policy put it.
"""

from django.db import migrations

_GLASS = """
CREATE FUNCTION registry_glass(wanted uuid, words text, glass_id uuid, log_id uuid, event_id uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  caller access_scopehandle := access_scope_row();
  ends timestamptz := now() + make_interval(mins => least(caller.glass_minutes, 1440));
  made integer;
BEGIN
  IF caller.account_id IS NULL OR caller.role <> 'doctor' THEN
    RAISE EXCEPTION 'emergency access is closed to this scope' USING ERRCODE = 'insufficient_privilege';
  END IF;
  PERFORM 1 FROM registry_resident r
   WHERE r.id = wanted AND ((r.path >= caller.path_lo AND r.path < caller.path_hi) OR r.viewer_ids && caller.orgs);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'this scope does not see the resident' USING ERRCODE = 'insufficient_privilege';
  END IF;
  -- one person's openings go one after the other, or several at once would all be counted before any is written
  PERFORM pg_advisory_xact_lock(hashtextextended('glass ' || caller.account_id::text, 0));
  PERFORM 1 FROM access_glass g
   WHERE g.kind = 'records' AND g.subject = wanted::text AND g.account_id = caller.account_id AND g.org_id = caller.org_id
     AND g.closed_at IS NULL AND g.until > now();
  IF FOUND THEN
    RETURN false;
  END IF;
  SELECT count(*) INTO made FROM access_glass g
   WHERE g.account_id = caller.account_id AND g.kind = 'records' AND g.at > now() - interval '1 hour';
  IF made >= caller.glass_per_hour THEN
    RAISE EXCEPTION 'too many openings' USING ERRCODE = 'FJ003';
  END IF;
  INSERT INTO access_glass (id, kind, subject, account_id, actor_name, org_id, org_name, path, reason, at, until)
  SELECT glass_id, 'records', wanted::text, caller.account_id, caller.actor_name, caller.org_id, caller.org_name, o.path, words,
         now(), ends
    FROM network_organisation o WHERE o.id = caller.org_id;
  INSERT INTO access_readlog (id, at, account_id, org_id, purpose, subject)
  VALUES (log_id, now(), caller.account_id, caller.org_id, 'glass', wanted::text);
  INSERT INTO access_auditevent (id, at, actor_id, role, org_id, action, subject, before, after, detail)
  VALUES (event_id, now(), caller.account_id, caller.role, caller.org_id, 'glass.break', wanted::text, '', '',
          jsonb_build_object('opening', glass_id, 'minutes', caller.glass_minutes));
  RETURN true;
END $$
"""


class Migration(migrations.Migration):
    """One function."""

    dependencies = [("registry", "0002_door"), ("access", "0011_glass_protect"), ("network", "0002_grants")]

    operations = [
        migrations.RunSQL(
            [
                _GLASS,
                "REVOKE ALL ON FUNCTION registry_glass(uuid, text, uuid, uuid, uuid) FROM PUBLIC",
                "GRANT EXECUTE ON FUNCTION registry_glass(uuid, text, uuid, uuid, uuid) TO fenji_app",
            ],
            "DROP FUNCTION registry_glass(uuid, text, uuid, uuid, uuid)",
        ),
    ]
