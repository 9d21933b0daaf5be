"""Policies and grants of this room. A package that was handed over keeps its words: only its state moves on."""

from django.db import migrations

from fenji.care.continuity.models import FollowUp, Package, PackageEvent, PlanItem
from fenji.ground.common.rls import Grant, Protect

_WORDS = "admitted_for, course, condition, medicines, no_medicine, warning_signs, stage_from, stage, stage_reason"
_CHANGES = f"version, subject, receiver_id, viewer_ids, {_WORDS}, written_by_id, written_by_name, written_at"
_STATE = "state, discharged_on, handed_over_at, ended_at, end_reason"
_RECORD = "version, due_on, assigned_id, assigned_name, state, tries, outcome, values, note, at, by_id, by_name"

_KEEP = """
CREATE FUNCTION continuity_keep() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF OLD.state <> 'draft' AND ROW(NEW.subject, NEW.admitted_for, NEW.course, NEW.condition, NEW.medicines, NEW.no_medicine,
      NEW.warning_signs, NEW.stage_from, NEW.stage, NEW.stage_reason, NEW.written_by_id)
    IS DISTINCT FROM ROW(OLD.subject, OLD.admitted_for, OLD.course, OLD.condition, OLD.medicines, OLD.no_medicine,
      OLD.warning_signs, OLD.stage_from, OLD.stage, OLD.stage_reason, OLD.written_by_id) THEN
    RAISE EXCEPTION 'a package that was handed over keeps its words' USING ERRCODE = 'check_violation';
  END IF;
  IF OLD.state = 'ended' AND NEW.state <> 'ended' THEN
    RAISE EXCEPTION 'a package that is over stays over' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$
"""


class Migration(migrations.Migration):
    """Who sees them, and who writes."""

    dependencies = [("continuity", "0001_initial")]

    operations = [
        Grant("continuity_package", app=f"SELECT, INSERT, UPDATE ({_CHANGES}, {_STATE})"),
        Protect("continuity_package", Package.shape),
        Grant("continuity_planitem", app="SELECT, INSERT, UPDATE (version, ended_at)"),
        Protect("continuity_planitem", PlanItem.shape),
        Grant("continuity_followup", app=f"SELECT, INSERT, UPDATE ({_RECORD})"),
        Protect("continuity_followup", FollowUp.shape),
        Grant("continuity_packageevent", app="SELECT, INSERT"),
        Protect("continuity_packageevent", PackageEvent.shape),
        migrations.RunSQL(
            [
                _KEEP,
                "CREATE TRIGGER continuity_keep BEFORE UPDATE ON continuity_package "
                "FOR EACH ROW EXECUTE FUNCTION continuity_keep()",
            ],
            ["DROP TRIGGER continuity_keep ON continuity_package", "DROP FUNCTION continuity_keep()"],
        ),
    ]
