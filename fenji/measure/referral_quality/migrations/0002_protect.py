"""Policies and grants of this room, and the functions that count over many institutions.

Who is sampled, and how often who refers, nobody can read row by row: a hospital does not reach the visits of its branches. So
the worker draws and judges through functions that return no patient, and the lead of a community, its branches and the county's
health authority read the same counts of their own institutions.
"""

from django.db import migrations

from fenji.ground.common.rls import Grant, Protect
from fenji.measure.referral_quality.models import OutlierCase, OutlierEvent, Reading, ReviewCycle, SampledCase

_HEAD = """
SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column"""

# a case is reviewed where its review was decided; what needed no review, where it was written
_GROUP = "coalesce(c.review_org_id, c.origin_id)"
_SENT = "c.state <> 'draft' AND c.offered_at IS NOT NULL"

_FIRST = f"""
CREATE FUNCTION referral_quality_first() RETURNS TABLE (org_id integer, first timestamptz)
LANGUAGE plpgsql STABLE {_HEAD}
BEGIN
  RETURN QUERY SELECT {_GROUP}, min(c.offered_at) FROM referral_case c WHERE {_SENT} GROUP BY 1;
END $$
"""

_REFERRALS = f"""
CREATE FUNCTION referral_quality_sent(orgs integer[], since timestamptz, until timestamptz) RETURNS TABLE (
  number text, origin_id integer, requester_id uuid, requester_name text, involved uuid[]
) LANGUAGE plpgsql STABLE {_HEAD}
BEGIN
  RETURN QUERY
  SELECT c.number, c.origin_id, c.requester_id, c.requester_name,
         array_remove(array_cat(
           ARRAY[c.requester_id, c.entered_by_id],
           (SELECT array_agg(DISTINCT d.reviewer_id) FROM referral_reviewdecision d WHERE d.case_id = c.id)), NULL)
    FROM referral_case c
   WHERE {_SENT} AND {_GROUP} = ANY (orgs) AND c.offered_at >= since AND c.offered_at < until
   ORDER BY c.number;
END $$
"""

_BAND = "least(90, 5 * (extract(year FROM age((v.opened_at AT TIME ZONE 'Asia/Shanghai')::date, r.birth_date))::integer / 5))"

_TALLIES = f"""
CREATE FUNCTION referral_quality_tallies(orgs integer[], since timestamptz, until timestamptz) RETURNS TABLE (
  org_id integer, disease_group text, doctor_id uuid, doctor_name text, age_band integer, sex text, contacts bigint, referred bigint
) LANGUAGE plpgsql STABLE {_HEAD}
BEGIN
  RETURN QUERY
  SELECT v.org_id, v.disease_group, v.doctor_id, max(v.doctor_name), {_BAND}, r.sex, count(*), count(sent.visit_id)
    FROM visits_visit v
    JOIN registry_resident r ON r.id = v.resident_id
    LEFT JOIN (
      SELECT DISTINCT c.visit_id FROM referral_case c
       WHERE {_SENT} AND c.direction = 'up' AND c.origin_id = ANY (orgs) AND c.created_at >= since
    ) sent ON sent.visit_id = v.id
   WHERE v.org_id = ANY (orgs) AND v.opened_at >= since AND v.opened_at < until
   GROUP BY 1, 2, 3, 5, 6;
END $$
"""

_COMMUNITY = """
  caller access_scopehandle := access_scope_row();
  mine integer[];
  stems text[];
  day date := (now() AT TIME ZONE 'Asia/Shanghai')::date;
BEGIN
  IF caller.role = 'officer' AND caller.reach <> '' AND access_scope_health() THEN
    mine := ARRAY(SELECT o.id FROM network_organisation o WHERE o.kind = 'care' AND o.path ^@ caller.reach);
  ELSIF caller.role IN ('reviewer', 'manager') THEN
    mine := ARRAY(
      SELECT m.org_id FROM network_membership m
       WHERE m.start <= day AND (m."end" IS NULL OR m."end" > day) AND m.alliance_id IN (
         SELECT l.alliance_id FROM network_membership l
          WHERE l.org_id = ANY (caller.orgs) AND l.role = 'lead' AND l.kind = 'county_community'
            AND l.start <= day AND (l."end" IS NULL OR l."end" > day)));
    mine := array_cat(mine, caller.orgs);
    -- a village clinic is a part of the branch in whose town it lies
    stems := ARRAY(SELECT left(o.path, 9) FROM network_organisation o
                    WHERE o.id = ANY (mine) AND o.care_tier = 'township' AND o.ownership <> 'private');
    mine := array_cat(mine, ARRAY(
      SELECT o.id FROM network_organisation o WHERE o.care_tier = 'village' AND left(o.path, 9) = ANY (stems)));
  ELSE
    RAISE EXCEPTION 'counts are closed to this scope' USING ERRCODE = 'insufficient_privilege';
  END IF;
"""

_OWN = f"""
CREATE FUNCTION referral_quality_own(since timestamptz, until timestamptz) RETURNS TABLE (
  org_id integer, disease_group text, doctor_id uuid, doctor_name text, age_band integer, sex text, contacts bigint, referred bigint
) LANGUAGE plpgsql STABLE {_HEAD}
DECLARE
{_COMMUNITY}
  -- officers see no persons, the doctors among them
  RETURN QUERY
  SELECT t.org_id, t.disease_group,
         CASE WHEN caller.role = 'officer' THEN NULL ELSE t.doctor_id END,
         CASE WHEN caller.role = 'officer' THEN '' ELSE t.doctor_name END,
         t.age_band, t.sex, sum(t.contacts)::bigint, sum(t.referred)::bigint
    FROM referral_quality_tallies(mine, since, until) t
   GROUP BY 1, 2, 3, 4, 5, 6;
END $$
"""

_FOR_JOB = (
    "referral_quality_first()",
    "referral_quality_sent(integer[], timestamptz, timestamptz)",
    "referral_quality_tallies(integer[], timestamptz, timestamptz)",
)
_FOR_APP = ("referral_quality_own(timestamptz, timestamptz)",)


class Migration(migrations.Migration):
    """Who sees them, who writes, and who counts."""

    dependencies = [
        ("referral_quality", "0001_initial"),
        ("referral", "0023_protect_review"),
        ("visits", "0007_protect_stays"),
        ("network", "0004_protect"),
        ("tasks", "0010_viewers"),
        ("access", "0015_health"),
    ]

    operations = [
        Grant(
            "referral_quality_reviewcycle",
            app="SELECT, UPDATE (version, closed_at, closed_by, found)",
            job="SELECT, INSERT, UPDATE (version, overdue_at)",
        ),
        Protect("referral_quality_reviewcycle", ReviewCycle.shape, {"job": ("ALL", "true")}),
        Grant(
            "referral_quality_sampledcase",
            app="SELECT, UPDATE (version, appropriate, compliant, advice, told_at)",
            job="INSERT",
        ),
        Protect("referral_quality_sampledcase", SampledCase.shape, {"job": ("INSERT", "true")}),
        Grant("referral_quality_reading", app="SELECT, INSERT"),
        Protect("referral_quality_reading", Reading.shape),
        Grant(
            "referral_quality_outliercase",
            app="SELECT, UPDATE (version, state, cause, correction, correct_by, explained_by, closed_at)",
            job="SELECT, INSERT",
        ),
        Protect("referral_quality_outliercase", OutlierCase.shape, {"job": ("ALL", "true")}),
        Grant("referral_quality_outlierevent", app="SELECT, INSERT", job="INSERT"),
        Protect("referral_quality_outlierevent", OutlierEvent.shape, {"job": ("INSERT", "true")}),
        Grant("referral_quality_bulletin", app="SELECT", job="SELECT, INSERT"),
        migrations.RunSQL(
            [
                _FIRST,
                _REFERRALS,
                _TALLIES,
                _OWN,
                *(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC" for name in (*_FOR_JOB, *_FOR_APP)),
                *(f"GRANT EXECUTE ON FUNCTION {name} TO fenji_job" for name in _FOR_JOB),
                *(f"GRANT EXECUTE ON FUNCTION {name} TO fenji_app" for name in _FOR_APP),
                "GRANT INSERT ON tasks_workitem TO fenji_job",
            ],
            [
                "REVOKE INSERT ON tasks_workitem FROM fenji_job",
                *(f"DROP FUNCTION {name}" for name in (*_FOR_APP, *_FOR_JOB)),
            ],
        ),
    ]
