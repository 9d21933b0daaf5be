"""Policies, grants and functions of the case in depth.

Two functions reach cases that the caller does not see, because another institution wrote them: `referral_open_elsewhere` says with
which institution an open case lies, and nothing else; `referral_supersede` ends it when an emergency of the caller is sent.
`referral_meet` puts a step before the origins of two cases whose residents turned out to be one person.
"""

from django.db import migrations, models
from django.db.models import Q

from fenji.care.referral.models import Consent, Transfer
from fenji.ground.common.rls import Grant, Protect

_APP_CHANGES = (
    "green, critical, happened_at, offered_at, door_at, accepted_at, came_unaccepted, lapsed_at, declined_ids, final_code,"
    " final_name, final_group, concordance, concordance_reason"
)
_GREEN = ("chest_pain", "stroke", "trauma", "maternal", "newborn_child", "other")
_OPEN = "'draft', 'in_review', 'returned', 'local', 'offered', 'accepted', 'arrived', 'answered', 'declined', 'missed'"
_HEAD = "SECURITY DEFINER SET search_path = public, pg_temp AS $$\n#variable_conflict use_column"
# the sweeps end what was forgotten, but no emergency that was sent; of those they see the ones that wait to be accepted
_JOB = (
    "state IN ('draft', 'expired') OR (NOT emergency AND state IN ('returned', 'local', 'declined', 'missed'))"
    " OR (emergency AND state = 'offered')"
)
_JOB_BEFORE = "state IN ('draft', 'returned', 'declined', 'missed', 'expired')"

_ELSEWHERE = f"""
CREATE FUNCTION referral_open_elsewhere(wanted_visit uuid, wanted_group text) RETURNS integer
LANGUAGE plpgsql STABLE {_HEAD}
DECLARE
  caller access_scopehandle := access_scope_row();
BEGIN
  IF caller.account_id IS NULL OR caller.role NOT IN ('doctor', 'nurse') THEN
    RAISE EXCEPTION 'this is closed to this scope' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN (
    SELECT c.origin_id FROM referral_case c JOIN visits_visit v ON v.resident_id = c.resident_id
     WHERE v.id = wanted_visit AND v.org_id = caller.org_id AND c.direction = 'up' AND c.disease_group = wanted_group
       AND c.state IN ({_OPEN}) AND NOT (c.state = 'draft' AND c.emergency) AND NOT c.viewer_ids @> ARRAY[caller.org_id]
     LIMIT 1);
END $$
"""

_SUPERSEDE = f"""
CREATE FUNCTION referral_supersede(wanted text, happened timestamptz, event_id uuid, audit_id uuid)
RETURNS TABLE (number text, before text, origin_id integer, receiver_id integer)
LANGUAGE plpgsql VOLATILE {_HEAD}
DECLARE
  caller access_scopehandle := access_scope_row();
  mine referral_case;
  old referral_case;
BEGIN
  SELECT * INTO mine FROM referral_case c WHERE c.number = wanted;
  IF caller.account_id IS NULL OR caller.role <> 'doctor' OR mine.origin_id IS DISTINCT FROM caller.org_id
     OR NOT mine.emergency OR mine.state NOT IN ('draft', 'returned') THEN
    RAISE EXCEPTION 'only an emergency that is being sent ends another case' USING ERRCODE = 'insufficient_privilege';
  END IF;
  SELECT * INTO old FROM referral_case c
   WHERE c.resident_id = mine.resident_id AND c.direction = mine.direction AND c.disease_group = mine.disease_group
     AND c.id <> mine.id AND c.state IN ({_OPEN}) AND NOT (c.state = 'draft' AND c.emergency)
     FOR UPDATE;
  IF old.id IS NULL OR (old.emergency AND old.state IN ('offered', 'accepted')) THEN
    RETURN;
  END IF;
  UPDATE referral_case c
     SET state = 'superseded', holder_id = NULL, due_at = NULL, ended_at = happened, version = c.version + 1
   WHERE c.id = old.id;
  UPDATE referral_case c SET supersedes_id = old.id WHERE c.id = mine.id;
  INSERT INTO referral_caseevent (id, case_id, at, actor_id, actor_name, role, org_name, action, before, after, note)
  VALUES (event_id, old.id, happened, caller.account_id, caller.actor_name, caller.role, caller.org_name, 'supersede', old.state,
          'superseded', '');
  INSERT INTO access_auditevent (id, at, actor_id, role, org_id, action, subject, before, after, detail)
  VALUES (audit_id, happened, caller.account_id, caller.role, caller.org_id, 'referral.supersede', old.number, old.state,
          'superseded', jsonb_build_object('by', mine.number));
  UPDATE tasks_workitem w SET closed_at = happened
   WHERE w.closed_at IS NULL AND w.subject IN (old.number, old.number || ' + ' || old.met, old.met || ' + ' || old.number);
  UPDATE booking_booking b
     SET state = 'released', held_until = NULL, ended_at = happened, end_reason = 'superseded', version = b.version + 1
   WHERE b.subject = old.number AND b.state IN ('held', 'confirmed', 'to_move');
  UPDATE booking_waitentry e SET state = 'left', ended_at = happened, end_reason = 'superseded', version = e.version + 1
   WHERE e.subject = old.number AND e.state = 'waiting';
  UPDATE tasks_workitem w SET closed_at = happened WHERE w.closed_at IS NULL AND w.subject ^@ (old.number || '/');
  RETURN QUERY SELECT old.number::text, old.state::text, old.origin_id, old.receiver_id;
END $$
"""

_MEET = f"""
CREATE FUNCTION referral_meet(
  canonical uuid, other uuid, who text, sex text, age integer, happened timestamptz, due timestamptz, audit_id uuid
) RETURNS integer
LANGUAGE plpgsql VOLATILE {_HEAD}
DECLARE
  caller access_scopehandle := access_scope_row();
  a referral_case;
  b referral_case;
  made integer;
BEGIN
  IF caller.account_id IS NULL OR (
    SELECT count(*) FROM registry_resident r WHERE r.id IN (canonical, other)
       AND ((r.path >= caller.path_lo AND r.path < caller.path_hi) OR r.viewer_ids && caller.orgs)) <> 2 THEN
    RAISE EXCEPTION 'this scope does not reach both residents' USING ERRCODE = 'insufficient_privilege';
  END IF;
  SELECT c.* INTO a FROM referral_case c
    JOIN referral_case d ON d.resident_id = other AND d.state IN ({_OPEN})
   WHERE c.resident_id = canonical AND c.state IN ({_OPEN})
   ORDER BY (c.disease_group = d.disease_group AND c.direction = d.direction) DESC, c.created_at DESC, c.number LIMIT 1;
  SELECT d.* INTO b FROM referral_case d WHERE d.resident_id = other AND d.state IN ({_OPEN})
   ORDER BY (d.disease_group = a.disease_group AND d.direction = a.direction) DESC, d.created_at DESC, d.number LIMIT 1;
  IF a.id IS NULL OR b.id IS NULL THEN
    RETURN 0;
  END IF;
  UPDATE referral_case c SET met = CASE c.id WHEN a.id THEN b.number ELSE a.number END WHERE c.id IN (a.id, b.id);
  INSERT INTO tasks_workitem (id, kind, subject, url, who, sex, age, topic, org_id, role, viewer_ids, urgent, opened_at, due_at)
  SELECT gen_random_uuid(), 'referral.met', t.mine || ' + ' || t.theirs, '/referrals/' || t.mine || '/', who, sex, age, '',
         t.org, 'doctor', ARRAY[a.origin_id, b.origin_id], false, happened, due
    FROM (VALUES (a.number::text, b.number::text, a.origin_id), (b.number::text, a.number::text, b.origin_id)) t (mine, theirs, org)
   WHERE t.mine = a.number OR a.origin_id <> b.origin_id
  ON CONFLICT (subject) WHERE closed_at IS NULL DO NOTHING;
  GET DIAGNOSTICS made = ROW_COUNT;
  INSERT INTO access_auditevent (id, at, actor_id, role, org_id, action, subject, before, after, detail)
  VALUES (audit_id, happened, caller.account_id, caller.role, caller.org_id, 'referral.meet', a.number, '', '',
          jsonb_build_object('other', b.number));
  RETURN made;
END $$
"""

_NAMES = (
    "referral_open_elsewhere(uuid, text)",
    "referral_supersede(text, timestamptz, uuid, uuid)",
    "referral_meet(uuid, uuid, text, text, integer, timestamptz, timestamptz, uuid)",
)


def _job_policy(name: str, rows: str) -> list[str]:
    return [
        f"DROP POLICY {name} ON referral_case",
        f"CREATE POLICY {name} ON referral_case FOR ALL TO fenji_job USING ({rows}) WITH CHECK ({rows})",
    ]


class Migration(migrations.Migration):
    """Emergencies of before get the reason that says nothing; then the database asks each for one."""

    dependencies = [
        ("referral", "0020_case_depth"),
        ("tasks", "0002_protect"),
        ("access", "0011_glass_protect"),
        ("visits", "0003_glass"),
    ]

    operations = [
        migrations.RunSQL("UPDATE referral_case SET green = 'other' WHERE emergency AND green = ''", migrations.RunSQL.noop),
        migrations.AddConstraint(
            "case",
            models.CheckConstraint(
                condition=Q(emergency=False, green="", came_unaccepted=False, happened_at=None, lapsed_at=None)
                | Q(emergency=True, green__in=_GREEN),
                name="case_green_says_why",
            ),
        ),
        Grant("referral_consent", app="SELECT, INSERT, UPDATE (answer, who, guardian, how, at, proposed_id)"),
        Protect("referral_consent", Consent.shape),
        Grant("referral_transfer", app="SELECT, INSERT"),
        Protect("referral_transfer", Transfer.shape),
        migrations.RunSQL(
            [
                f"GRANT UPDATE ({_APP_CHANGES}) ON referral_case TO fenji_app",
                "GRANT SELECT (receiver_id, lapsed_at, met), UPDATE (lapsed_at) ON referral_case TO fenji_job",
                *_job_policy("referral_case_job", _JOB),
                _ELSEWHERE,
                _SUPERSEDE,
                _MEET,
                *(f"REVOKE ALL ON FUNCTION {n} FROM PUBLIC" for n in _NAMES),
                *(f"GRANT EXECUTE ON FUNCTION {n} TO fenji_app" for n in _NAMES),
            ],
            [
                *(f"DROP FUNCTION {n}" for n in _NAMES),
                *_job_policy("referral_case_job", _JOB_BEFORE),
                "REVOKE SELECT (receiver_id, lapsed_at, met), UPDATE (lapsed_at) ON referral_case FROM fenji_job",
                f"REVOKE UPDATE ({_APP_CHANGES}) ON referral_case FROM fenji_app",
            ],
        ),
    ]
