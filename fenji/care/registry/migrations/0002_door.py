"""The one door by identity number; policies and grants of this room.

The door takes a keyed index, never a number. It logs the look-up, limits how many one person makes in an hour, and adds the
caller's organisation to the record's viewers. The app role can select neither the index column nor a row it has not opened.
"""

from django.db import migrations

from fenji.care.registry import models as now
from fenji.ground.common.rls import Grant, Protect

_DOOR = """
CREATE FUNCTION registry_door(wanted bytea, log_id uuid) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  caller access_scopehandle := access_scope_row();
  made integer;
  found_id uuid;
BEGIN
  IF caller.account_id IS NULL OR caller.role <> 'doctor' THEN
    RAISE EXCEPTION 'the door is closed to this scope' USING ERRCODE = 'insufficient_privilege';
  END IF;
  -- one person's look-ups go one after the other, or several at once would all be counted before any is logged
  PERFORM pg_advisory_xact_lock(hashtextextended('door ' || caller.account_id::text, 0));
  SELECT count(*) INTO made FROM access_readlog l
   WHERE l.account_id = caller.account_id AND l.purpose = 'door' AND l.at > now() - interval '1 hour';
  IF made >= caller.door_per_hour THEN
    RAISE EXCEPTION 'too many look-ups' USING ERRCODE = 'FJ001';
  END IF;
  SELECT i.resident_id INTO found_id FROM registry_identity i WHERE i.number_index = wanted;
  INSERT INTO access_readlog (id, at, account_id, org_id, purpose, subject)
  VALUES (log_id, now(), caller.account_id, caller.org_id, 'door', coalesce(found_id::text, ''));
  IF found_id IS NOT NULL THEN
    UPDATE registry_resident r SET viewer_ids = r.viewer_ids || caller.org_id
     WHERE r.id = found_id AND NOT r.viewer_ids @> ARRAY[caller.org_id]
       AND NOT (r.path >= caller.path_lo AND r.path < caller.path_hi);
  END IF;
  RETURN found_id;
END $$
"""


class Migration(migrations.Migration):
    """Door, then policies."""

    dependencies = [("registry", "0001_initial"), ("access", "0002_functions")]

    operations = [
        Grant(
            "registry_resident",
            app="SELECT, INSERT, UPDATE (version, phone, address)",
        ),
        Protect("registry_resident", now.Resident.shape),
        Grant("registry_identity", app="SELECT (resident_id, number, last4), INSERT"),
        Protect("registry_identity", now.Identity.shape),
        migrations.RunSQL(
            [
                _DOOR,
                "REVOKE ALL ON FUNCTION registry_door(bytea, uuid) FROM PUBLIC",
                "GRANT EXECUTE ON FUNCTION registry_door(bytea, uuid) TO fenji_app",
            ],
            "DROP FUNCTION registry_door(bytea, uuid)",
        ),
    ]
