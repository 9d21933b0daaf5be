"""Who sees wards, beds and holds, and what the database itself holds about them.

A doctor of another institution must know which beds are free, and of which sex the people in a room are; not who they are. So
`booking_taken` says how each bed of a ward is taken, without a person, and `booking_ward_days` gives the two institutions of a
shared ward the days of its patients, who bear numbers there.

`booking_room_lock` makes those wait for each other who want a bed in the same room: whoever comes second reads what the first has
written. `booking_bed_take` runs before every hold is written, and refuses a closed bed and one that somebody lies in.
Order of locks everywhere: beds of one room by id, then holds.
"""

from django.db import migrations

from fenji.care.booking.models import Bed, BedHold, Ward
from fenji.ground.common.rls import Grant, Protect

_HEAD = "SECURITY DEFINER SET search_path = public, pg_temp AS $$\n#variable_conflict use_column"
_CLINICAL = "access_scope_role() IN ('doctor', 'nurse', 'reviewer', 'desk', 'manager')"
_LIES = "s.discharged_at IS NULL AND s.department_id IN (w.department_id, w.partner_department_id)"

_TAKEN = f"""
CREATE FUNCTION booking_taken(wards uuid[])
RETURNS TABLE (ward_id uuid, bed_id uuid, how text, sex text, until timestamptz)
LANGUAGE plpgsql VOLATILE {_HEAD}
BEGIN
  IF NOT {_CLINICAL} THEN
    RETURN;
  END IF;
  RETURN QUERY
  SELECT w.id, b.id, 'lies'::text, r.sex::text, NULL::timestamptz
    FROM booking_ward w JOIN visits_stay s ON {_LIES} JOIN registry_resident r ON r.id = s.resident_id
    JOIN booking_bed b ON b.ward_id = w.id AND b.name = s.bed AND b.state = 'in_use'
   WHERE w.id = ANY (wards)
  UNION ALL
  SELECT w.id, NULL, 'lies', r.sex, NULL
    FROM booking_ward w JOIN visits_stay s ON {_LIES} JOIN registry_resident r ON r.id = s.resident_id
   WHERE w.id = ANY (wards) AND NOT EXISTS (
     SELECT 1 FROM booking_bed b JOIN booking_ward o ON o.id = b.ward_id
      WHERE b.name = s.bed AND b.state = 'in_use' AND s.department_id IN (o.department_id, o.partner_department_id))
  UNION ALL
  SELECT b.ward_id, b.id, h.state, h.sex, h.held_until
    FROM booking_bed b JOIN booking_bedhold h ON h.bed_id = b.id AND h.state IN ('held', 'confirmed')
   WHERE b.ward_id = ANY (wards);
END $$
"""

_DAYS = f"""
CREATE FUNCTION booking_ward_days(ward uuid, since timestamptz, until timestamptz)
RETURNS TABLE (person bigint, org_id integer, admitted_at timestamptz, discharged_at timestamptz)
LANGUAGE plpgsql STABLE {_HEAD}
BEGIN
  RETURN QUERY
  SELECT dense_rank() OVER (ORDER BY s.resident_id), s.org_id, s.admitted_at, s.discharged_at
    FROM booking_ward w JOIN visits_stay s ON s.department_id IN (w.department_id, w.partner_department_id)
   WHERE w.id = ward AND ARRAY[w.org_id, w.partner_id] && access_scope_orgs() AND {_CLINICAL}
     AND s.admitted_at < until AND (s.discharged_at IS NULL OR s.discharged_at >= since);
END $$
"""

_LOCK = f"""
CREATE FUNCTION booking_room_lock(bed uuid) RETURNS void
LANGUAGE plpgsql VOLATILE {_HEAD}
BEGIN
  IF NOT {_CLINICAL} THEN
    RAISE EXCEPTION 'not for this role' USING ERRCODE = 'insufficient_privilege';
  END IF;
  PERFORM 1 FROM booking_bed b JOIN booking_bed own ON own.ward_id = b.ward_id AND own.room = b.room
    WHERE own.id = bed ORDER BY b.id FOR UPDATE OF b;
END $$
"""

_BED_TAKE = f"""
CREATE FUNCTION booking_bed_take() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  wanted booking_bed;
BEGIN
  IF TG_OP = 'UPDATE' AND (NEW.bed_id <> OLD.bed_id OR (OLD.ended_at IS NOT NULL AND NEW.state <> OLD.state)) THEN
    RAISE EXCEPTION 'a hold keeps its bed, and an ended one its end' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.state IN ('held', 'confirmed') AND (TG_OP = 'INSERT' OR NEW.state <> OLD.state) THEN
    SELECT b.* INTO wanted FROM booking_bed b WHERE b.id = NEW.bed_id FOR UPDATE;
    IF wanted.state <> 'in_use' THEN
      RAISE EXCEPTION 'the bed is closed' USING ERRCODE = 'check_violation', CONSTRAINT = 'bedhold_open';
    END IF;
    IF EXISTS (SELECT 1 FROM booking_ward w JOIN visits_stay s ON {_LIES} WHERE w.id = wanted.ward_id AND s.bed = wanted.name) THEN
      RAISE EXCEPTION 'somebody lies in the bed' USING ERRCODE = 'unique_violation', CONSTRAINT = 'bedhold_nobody_lies';
    END IF;
  END IF;
  RETURN NEW;
END $$
"""

_FUNCTIONS = ("booking_taken(uuid[])", "booking_ward_days(uuid, timestamptz, timestamptz)", "booking_room_lock(uuid)")
_WARD_CHANGES = (
    'version, name, kind, doctor_id, doctor_name, partner_id, partner_department_id, partner_doctor_id, partner_doctor_name, "end"'
)
_HOLD_CHANGES = "version, state, held_until, ended_at, end_reason, viewer_ids"
_JOB_HOLD = "id, version, org_id, origin_id, subject, url, state, bed_id, held_until, ended_at, end_reason"


class Migration(migrations.Migration):
    """Everybody signed in reads wards and beds, their hospital's head changes them; holds are for their parties; the job role ends
    holds, and reads no patient's particulars."""

    dependencies = [("booking", "0004_beds"), ("visits", "0008_stay_source"), ("access", "0011_glass_protect")]

    operations = [
        Grant("booking_ward", app=f"SELECT, INSERT, UPDATE ({_WARD_CHANGES})"),
        Protect("booking_ward", Ward.shape),
        Grant("booking_bed", app="SELECT, INSERT, UPDATE (version, room, name, isolation, sex, state)", job="SELECT"),
        Protect("booking_bed", Bed.shape, {"job": ("SELECT", "true")}),
        Grant(
            "booking_bedhold",
            app=f"SELECT, INSERT, UPDATE ({_HOLD_CHANGES})",
            job=f"SELECT ({_JOB_HOLD}), UPDATE (version, state, held_until, ended_at, end_reason)",
        ),
        Protect("booking_bedhold", BedHold.shape, {"job": ("ALL", "booking_bedhold.state IN ('held', 'confirmed', 'expired')")}),
        migrations.RunSQL(
            [
                _TAKEN,
                _DAYS,
                _LOCK,
                *(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC" for name in _FUNCTIONS),
                *(f"GRANT EXECUTE ON FUNCTION {name} TO fenji_app" for name in _FUNCTIONS),
                _BED_TAKE,
                "REVOKE ALL ON FUNCTION booking_bed_take() FROM PUBLIC",
                "CREATE TRIGGER booking_bed_take BEFORE INSERT OR UPDATE ON booking_bedhold"
                " FOR EACH ROW EXECUTE FUNCTION booking_bed_take()",
            ],
            [
                "DROP TRIGGER booking_bed_take ON booking_bedhold",
                "DROP FUNCTION booking_bed_take()",
                *(f"DROP FUNCTION {name}" for name in _FUNCTIONS),
            ],
        ),
    ]
