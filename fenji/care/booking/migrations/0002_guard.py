"""Policies and grants of this room, and what the database itself holds about slots.

`booking_take` runs before every booking is written. It locks the session, then the slot: a cancellation, a second taker and the
hospital's own system wait for each other, and whoever comes second finds the slot taken. It alone writes `taken`.
Order of locks everywhere: session, booking, slot.

`booking_move_out` puts the bookings of a cancelled session on the list of those to be moved. A function, because the hospital's own
system may cancel a session and must not read who is booked; it hands out whom to tell, and no patient.
"""

from django.db import migrations

from fenji.care.booking.models import Booking, ClinicSession, Feed, Slot, WaitEntry
from fenji.ground.common.rls import Grant, Protect

_TAKE = """
CREATE FUNCTION booking_take() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  taking CONSTANT text[] := ARRAY['held', 'confirmed', 'used', 'missed'];
  had boolean := TG_OP = 'UPDATE' AND OLD.state = ANY (taking);
  of_session booking_clinicsession;
  wanted booking_slot;
BEGIN
  IF TG_OP = 'UPDATE' AND (NEW.slot_id <> OLD.slot_id OR (OLD.ended_at IS NOT NULL AND NEW.state <> OLD.state)) THEN
    RAISE EXCEPTION 'a booking keeps its slot, and an ended one its end' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.state = ANY (taking) AND NOT had THEN
    SELECT c.* INTO of_session FROM booking_clinicsession c
     WHERE c.id = (SELECT s.session_id FROM booking_slot s WHERE s.id = NEW.slot_id) FOR SHARE;
    SELECT s.* INTO wanted FROM booking_slot s WHERE s.id = NEW.slot_id FOR UPDATE;
    IF of_session.state <> 'open' THEN
      RAISE EXCEPTION 'the session is cancelled' USING ERRCODE = 'check_violation', CONSTRAINT = 'booking_session_open';
    END IF;
    IF wanted.taken OR wanted.outside <> '' OR wanted.voided_at IS NOT NULL THEN
      RAISE EXCEPTION 'the slot is taken' USING ERRCODE = 'unique_violation', CONSTRAINT = 'booking_slot_taken';
    END IF;
    IF wanted.reserved AND NEW.priority = 'public' AND NEW.made_at < of_session.release_at THEN
      RAISE EXCEPTION 'the slot is reserved' USING ERRCODE = 'check_violation', CONSTRAINT = 'booking_quota';
    END IF;
    UPDATE booking_slot s SET taken = true, kept_until = NULL, kept_for = NULL, version = s.version + 1 WHERE s.id = NEW.slot_id;
  ELSIF had AND NOT NEW.state = ANY (taking) THEN
    UPDATE booking_slot s SET taken = false, version = s.version + 1 WHERE s.id = NEW.slot_id;
  END IF;
  RETURN NEW;
END $$
"""

_MOVE_OUT = """
CREATE FUNCTION booking_move_out(cancelled uuid) RETURNS TABLE (origin_id integer, subject text, url text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
  IF NOT EXISTS (SELECT 1 FROM booking_clinicsession c WHERE c.id = cancelled AND c.state = 'cancelled') THEN
    RAISE EXCEPTION 'the session is not cancelled' USING ERRCODE = 'check_violation';
  END IF;
  RETURN QUERY
  UPDATE booking_booking b SET state = 'to_move', held_until = NULL, version = b.version + 1 FROM booking_slot s
   WHERE s.id = b.slot_id AND s.session_id = cancelled AND b.state IN ('held', 'confirmed')
  RETURNING b.origin_id, b.subject, b.url;
END $$
"""

_SESSION_CHANGES = (
    "version, department_id, name, item, specialty, expert, practitioner_id, doctor_name, source, state, reason, end_at"
)
_BOOKING_CHANGES = "version, state, held_until, ended_at, end_reason, viewer_ids"
_WAIT_CHANGES = "version, state, ended_at, end_reason, offered, viewer_ids"
_JOB_SESSION = "id, org_id, department_id, kind, name, item, start_at, release_at, source, state"
_JOB_BOOKING = "id, version, org_id, origin_id, subject, url, slot_id, state, held_until, kind, ended_at, end_reason"
_JOB_WAIT = (
    "id, version, org_id, origin_id, department_id, subject, url, priority, kind, item, state, asked_at, offered, ended_at,"
    " end_reason"
)


class Migration(migrations.Migration):
    """Who sees and writes what; the job role ends holds and keeps freed slots, and reads no patient's particulars."""

    dependencies = [("booking", "0001_initial"), ("tasks", "0002_protect"), ("access", "0011_glass_protect")]

    operations = [
        Grant("booking_clinicsession", app=f"SELECT, INSERT, UPDATE ({_SESSION_CHANGES})", job=f"SELECT ({_JOB_SESSION})"),
        Protect("booking_clinicsession", ClinicSession.shape, {"job": ("SELECT", "true")}),
        Grant(
            "booking_slot",
            app="SELECT, INSERT, UPDATE (version, reserved, outside, voided_at, kept_until, kept_for)",
            job="SELECT, UPDATE (version, kept_until, kept_rank, kept_for)",
        ),
        Protect("booking_slot", Slot.shape, {"job": ("ALL", "true")}),
        Grant(
            "booking_booking",
            app=f"SELECT, INSERT, UPDATE ({_BOOKING_CHANGES})",
            job=f"SELECT ({_JOB_BOOKING}), UPDATE (version, state, held_until, ended_at, end_reason)",
        ),
        Protect("booking_booking", Booking.shape, {"job": ("ALL", "booking_booking.state IN ('held', 'released')")}),
        Grant(
            "booking_waitentry",
            app=f"SELECT, INSERT, UPDATE ({_WAIT_CHANGES})",
            job=f"SELECT ({_JOB_WAIT}), UPDATE (version, state, offered, ended_at, end_reason)",
        ),
        Protect("booking_waitentry", WaitEntry.shape, {"job": ("ALL", "booking_waitentry.state IN ('waiting', 'left')")}),
        Grant("booking_feed", app="SELECT, INSERT, UPDATE (heard_at)", job="SELECT"),
        Protect("booking_feed", Feed.shape, {"job": ("SELECT", "true")}),
        migrations.RunSQL(
            [
                _TAKE,
                "REVOKE ALL ON FUNCTION booking_take() FROM PUBLIC",
                "CREATE TRIGGER booking_take BEFORE INSERT OR UPDATE ON booking_booking"
                " FOR EACH ROW EXECUTE FUNCTION booking_take()",
                _MOVE_OUT,
                "REVOKE ALL ON FUNCTION booking_move_out(uuid) FROM PUBLIC",
                "GRANT EXECUTE ON FUNCTION booking_move_out(uuid) TO fenji_app",
            ],
            [
                "DROP TRIGGER booking_take ON booking_booking",
                "DROP FUNCTION booking_take()",
                "DROP FUNCTION booking_move_out(uuid)",
            ],
        ),
    ]
