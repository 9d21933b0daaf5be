"""The door finds a resident under any key of the house, while a rotation goes on.

It takes the keyed index under each key, the present one first, and counts and logs all of them as one look-up.
"""

from django.db import migrations

_BODY = """
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
  SELECT i.resident_id INTO found_id FROM registry_identity i WHERE {found};
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


def _door(kind: str, found: str) -> list[str]:
    return [
        f"CREATE FUNCTION registry_door(wanted {kind}, log_id uuid) RETURNS uuid {_BODY.replace('{found}', found)}",
        f"REVOKE ALL ON FUNCTION registry_door({kind}, uuid) FROM PUBLIC",
        f"GRANT EXECUTE ON FUNCTION registry_door({kind}, uuid) TO fenji_app",
    ]


_MANY = "i.number_index = ANY (wanted) ORDER BY array_position(wanted, i.number_index) LIMIT 1"
_ONE = "i.number_index = wanted"


class Migration(migrations.Migration):
    """The same door, for several indexes of one number."""

    dependencies = [("registry", "0003_glass")]

    operations = [
        migrations.RunSQL(
            ["DROP FUNCTION registry_door(bytea, uuid)", *_door("bytea[]", _MANY)],
            ["DROP FUNCTION registry_door(bytea[], uuid)", *_door("bytea", _ONE)],
        ),
    ]
