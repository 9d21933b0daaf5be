"""What officers see of referrals: facts without persons, and the person behind one, with a reason, once.

Row security hides whole rows; here it is columns that must stay hidden from a role. So officers get no policy on the tables, and
read through functions that return these columns and no others, for referrals sent or received within their reach.

`referral_identify` writes the opening with its traces; `referral_identity` hands the person out against it, once, within five
minutes. Two steps, because a form is answered with a redirect, and a page that is read again must not show it again.
"""

from django.db import migrations, models

_CALLER = """
  caller access_scopehandle := access_scope_row();
  near integer[];
BEGIN
  IF caller.role IS DISTINCT FROM 'officer' OR caller.reach = '' THEN
    RAISE EXCEPTION 'facts are closed to this scope' USING ERRCODE = 'insufficient_privilege';
  END IF;
  near := ARRAY(SELECT o.id FROM network_organisation o WHERE o.path ^@ caller.reach);
"""
_HEAD = """
SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column"""

# a five-year band by its first year; 90 is 90 and older
_BAND = """
  least(90, 5 * (extract(year FROM age((c.created_at AT TIME ZONE 'Asia/Shanghai')::date, c.patient_birth_date))::integer / 5))
"""

_FACTS = f"""
CREATE FUNCTION referral_facts(
  since timestamptz, until timestamptz, place text, wanted_state text, wanted_group text, wanted text,
  before_at timestamptz, before_number text, most integer
) RETURNS TABLE (
  number text, origin_id integer, receiver_id integer, disease_group text, age_band integer, sex text, emergency boolean,
  state text, verdict text, written_at timestamptz, offered_at timestamptz, accepted_at timestamptz, arrived_at timestamptz,
  answered_at timestamptz, ended_at timestamptz
) LANGUAGE plpgsql STABLE {_HEAD}
DECLARE
  asked integer[];
{_CALLER}
  asked := ARRAY(SELECT o.id FROM network_organisation o WHERE o.path ^@ place);
  RETURN QUERY
  SELECT c.number, c.origin_id, c.receiver_id, c.disease_group, {_BAND}, c.patient_sex, c.emergency, c.state, c.verdict,
         c.created_at, e.offered, e.accepted, e.arrived, e.answered, c.ended_at
    FROM (
      SELECT * FROM referral_case c
       WHERE c.created_at >= since AND c.created_at < until AND c.state <> 'draft'
         AND (c.origin_id = ANY (near) OR c.receiver_id = ANY (near))
         AND (place = '' OR c.origin_id = ANY (asked) OR c.receiver_id = ANY (asked))
         AND (wanted_state = '' OR c.state = wanted_state)
         AND (wanted_group = '' OR c.disease_group = wanted_group)
         AND (wanted = '' OR c.number = wanted)
         AND (before_number = '' OR (c.created_at, c.number) < (before_at, before_number))
       ORDER BY c.created_at DESC, c.number DESC LIMIT most
    ) c
    CROSS JOIN LATERAL (
      SELECT min(v.at) FILTER (WHERE v.after = 'offered') AS offered, min(v.at) FILTER (WHERE v.after = 'accepted') AS accepted,
             min(v.at) FILTER (WHERE v.after = 'arrived') AS arrived, min(v.at) FILTER (WHERE v.after = 'answered') AS answered
        FROM referral_caseevent v WHERE v.case_id = c.id
    ) e
   ORDER BY c.created_at DESC, c.number DESC;
END $$
"""

_STEPS = f"""
CREATE FUNCTION referral_fact_steps(wanted text) RETURNS TABLE (reasons jsonb, steps jsonb)
LANGUAGE plpgsql STABLE {_HEAD}
DECLARE
{_CALLER}
  RETURN QUERY
  SELECT c.reasons, (
      SELECT coalesce(jsonb_agg(jsonb_build_object('at', v.at, 'action', v.action, 'role', v.role, 'org', v.org_name)
                                ORDER BY v.at, v.id), '[]')
        FROM referral_caseevent v WHERE v.case_id = c.id)
    FROM referral_case c
   WHERE c.number = wanted AND c.state <> 'draft' AND (c.origin_id = ANY (near) OR c.receiver_id = ANY (near));
END $$
"""

_IDENTIFY = f"""
CREATE FUNCTION referral_identify(wanted text, words text, glass_id uuid, log_id uuid, event_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE {_HEAD}
DECLARE
  made integer;
{_CALLER}
  PERFORM 1 FROM referral_case c
   WHERE c.number = wanted AND c.state <> 'draft' AND (c.origin_id = ANY (near) OR c.receiver_id = ANY (near));
  IF NOT FOUND THEN
    RAISE EXCEPTION 'this scope does not reach the referral' USING ERRCODE = 'insufficient_privilege';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('identify ' || caller.account_id::text, 0));
  SELECT count(*) INTO made FROM access_glass g
   WHERE g.account_id = caller.account_id AND g.kind = 'identity' AND g.at > now() - interval '1 hour';
  IF made >= caller.identify_per_hour THEN
    RAISE EXCEPTION 'too many openings' USING ERRCODE = 'FJ003';
  END IF;
  INSERT INTO access_glass (id, kind, subject, account_id, actor_name, org_id, org_name, path, reason, at, until)
  SELECT glass_id, 'identity', wanted, caller.account_id, caller.actor_name, caller.org_id, caller.org_name, o.path, words,
         now(), now() + interval '5 minutes'
    FROM network_organisation o WHERE o.id = caller.org_id;
  INSERT INTO access_readlog (id, at, account_id, org_id, purpose, subject)
  VALUES (log_id, now(), caller.account_id, caller.org_id, 'identify', wanted);
  INSERT INTO access_auditevent (id, at, actor_id, role, org_id, action, subject, before, after, detail)
  VALUES (event_id, now(), caller.account_id, caller.role, caller.org_id, 'facts.identify', wanted, '', '',
          jsonb_build_object('opening', glass_id));
END $$
"""

_IDENTITY = f"""
CREATE FUNCTION referral_identity(opening uuid) RETURNS TABLE (number text, name text, sex text, birth_date date, phone bytea)
LANGUAGE plpgsql VOLATILE {_HEAD}
DECLARE
  opened text;
{_CALLER}
  UPDATE access_glass g SET closed_at = now()
   WHERE g.id = opening AND g.kind = 'identity' AND g.account_id = caller.account_id AND g.org_id = caller.org_id
     AND g.closed_at IS NULL AND g.until > now()
  RETURNING g.subject INTO opened;
  RETURN QUERY
  SELECT c.number, c.patient_name, c.patient_sex, c.patient_birth_date, c.patient_phone FROM referral_case c
   WHERE c.number = opened AND (c.origin_id = ANY (near) OR c.receiver_id = ANY (near));
END $$
"""

_NAMES = (
    "referral_facts(timestamptz, timestamptz, text, text, text, text, timestamptz, text, integer)",
    "referral_fact_steps(text)",
    "referral_identify(text, text, uuid, uuid, uuid)",
    "referral_identity(uuid)",
)


class Migration(migrations.Migration):
    """Four functions, and the index that lists of a period walk."""

    dependencies = [("referral", "0004_glass"), ("network", "0002_grants"), ("access", "0011_glass_protect")]

    operations = [
        migrations.AddIndex("case", models.Index(fields=["created_at", "number"], name="case_written")),
        migrations.RunSQL(
            [
                _FACTS,
                _STEPS,
                _IDENTIFY,
                _IDENTITY,
                *(f"REVOKE ALL ON FUNCTION {n} FROM PUBLIC" for n in _NAMES),
                *(f"GRANT EXECUTE ON FUNCTION {n} TO fenji_app" for n in _NAMES),
            ],
            [f"DROP FUNCTION {n}" for n in _NAMES],
        ),
    ]
