"""Policies and grants of alerts, what the worker reads to find them, and what they are counted against.

The worker gets rows without a name, an identity number or a word of what was written: who, in which disease group, was where and
when. People get counts of the institutions that `referral_quality_own` counts for them.
"""

from importlib import import_module

from django.db import migrations

from fenji.ground.common.rls import Grant, Protect
from fenji.measure.referral_quality.models import Alert, AlertRow

_before = import_module("fenji.measure.referral_quality.migrations.0002_protect")

_PRIMARY = "('village', 'township')"

# records that were linked are one person: each with the record that stands for it in the end
_ROOTS = """
  up (id, root) AS (
    SELECT r.id, r.canonical_id FROM registry_resident r WHERE r.canonical_id IS NOT NULL
    UNION
    SELECT up.id, r.canonical_id FROM up JOIN registry_resident r ON r.id = up.root WHERE r.canonical_id IS NOT NULL
  ), roots AS (
    SELECT up.id, up.root FROM up JOIN registry_resident r ON r.id = up.root WHERE r.canonical_id IS NULL
  )"""

# of whom only primary institutions tell there is nothing to find but what ended without a word
_CONTACTS = f"""
CREATE FUNCTION referral_quality_contacts(city text, reads_from timestamptz, since timestamptz, until timestamptz) RETURNS TABLE (
  key uuid, resident_id uuid, person uuid, org_id integer, kind text, disease_group text, started timestamptz, ended timestamptz,
  ending text, emergency boolean, home text
) LANGUAGE plpgsql STABLE {_before._HEAD}
BEGIN
  RETURN QUERY
  WITH RECURSIVE {_ROOTS}, seen AS (
    SELECT v.id AS key, v.resident_id, v.org_id, 'visit' AS kind, v.disease_group, v.opened_at AS started, v.closed_at AS ended,
           CASE WHEN v.disposition = 'unstated' THEN 'unstated' ELSE '' END AS ending, v.emergency
      FROM visits_visit v
     WHERE v.path ^@ city AND v.opened_at < until AND coalesce(v.closed_at, v.opened_at) >= reads_from
    UNION ALL
    SELECT s.id, s.resident_id, s.org_id, 'stay', s.disease_group, s.admitted_at, s.discharged_at, s.way_out, false
      FROM visits_stay s
     WHERE s.path ^@ city AND s.admitted_at < until AND coalesce(s.discharged_at, s.admitted_at) >= reads_from
  ), persons AS (
    SELECT DISTINCT coalesce(roots.root, x.resident_id) AS person
      FROM seen x JOIN network_organisation o ON o.id = x.org_id LEFT JOIN roots ON roots.id = x.resident_id
     WHERE coalesce(x.ended, x.started) >= since
       AND (x.kind = 'stay' OR x.ending = 'unstated' OR o.care_tier NOT IN {_PRIMARY})
  )
  SELECT x.key, x.resident_id, p.person, x.org_id, x.kind, x.disease_group, x.started, x.ended, x.ending, x.emergency,
         left(h.path, 12)
    FROM seen x
    JOIN registry_resident h ON h.id = x.resident_id
    LEFT JOIN roots ON roots.id = x.resident_id
    JOIN persons p ON p.person = coalesce(roots.root, x.resident_id);
END $$
"""

_CASES = f"""
CREATE FUNCTION referral_quality_cases(city text, ended_from timestamptz, until timestamptz) RETURNS TABLE (
  number text, resident_id uuid, person uuid, disease_group text, origin_id integer, receiver_id integer, written timestamptz,
  sent timestamptz, ended timestamptz, emergency boolean, reasoned boolean
) LANGUAGE plpgsql STABLE {_before._HEAD}
BEGIN
  RETURN QUERY
  WITH RECURSIVE {_ROOTS}
  SELECT c.number, c.resident_id, coalesce(roots.root, c.resident_id), c.disease_group, c.origin_id, c.receiver_id, c.created_at,
         coalesce(c.happened_at, c.offered_at), c.ended_at, c.emergency, btrim(c.override_reason) <> ''
    FROM referral_case c
    JOIN network_organisation o ON o.id = c.origin_id
    LEFT JOIN roots ON roots.id = c.resident_id
   WHERE {_before._SENT} AND c.direction = 'up' AND o.path ^@ city AND c.created_at < until
     AND (c.ended_at IS NULL OR c.ended_at >= ended_from);
END $$
"""

_LISTS = f"""
CREATE FUNCTION referral_quality_lists(city text, since date, until date) RETURNS TABLE (
  kind text, org_id integer, path text, near boolean, start date, "end" date, groups text[]
) LANGUAGE plpgsql STABLE {_before._HEAD}
BEGIN
  RETURN QUERY
  SELECT l.kind, l.org_id, o.path,
         o.kind = 'care' AND o.care_tier IN {_PRIMARY} AND o.ownership <> 'private' AND o."end" IS NULL,
         l.start, l."end", ARRAY(SELECT e."group" FROM catalogue_diseaseentry e WHERE e.list_id = l.id AND NOT e.removed)
    FROM catalogue_listversion l
    JOIN network_organisation o ON o.id = l.org_id
   WHERE l.state = 'published' AND l.kind IN ('first_contact', 'treatable') AND o.path ^@ city
     AND l.start <= until AND (l."end" IS NULL OR l."end" > since);
END $$
"""

# what each kind of alert is counted against, by institution
_BASES = f"""
CREATE FUNCTION referral_quality_alert_bases(since timestamptz, until timestamptz) RETURNS TABLE (
  org_id integer, discharges bigint, contacts bigint, referrals bigint, endings bigint
) LANGUAGE plpgsql STABLE {_before._HEAD}
DECLARE
{_before._COMMUNITY}
  RETURN QUERY
  SELECT x.org_id, sum(x.discharges)::bigint, sum(x.contacts)::bigint, sum(x.referrals)::bigint, sum(x.endings)::bigint
    FROM (
      SELECT s.org_id, count(*) FILTER (WHERE s.way_out NOT IN ('died', 'unstated')) AS discharges, 0 AS contacts, 0 AS referrals,
             count(*) AS endings
        FROM visits_stay s WHERE s.org_id = ANY (mine) AND s.discharged_at >= since AND s.discharged_at < until GROUP BY 1
      UNION ALL
      SELECT s.org_id, 0, count(*), 0, 0
        FROM visits_stay s WHERE s.org_id = ANY (mine) AND s.admitted_at >= since AND s.admitted_at < until GROUP BY 1
      UNION ALL
      SELECT v.org_id, 0, count(*) FILTER (WHERE NOT v.emergency), 0, 0
        FROM visits_visit v WHERE v.org_id = ANY (mine) AND v.opened_at >= since AND v.opened_at < until GROUP BY 1
      UNION ALL
      SELECT v.org_id, 0, 0, 0, count(*)
        FROM visits_visit v WHERE v.org_id = ANY (mine) AND v.closed_at >= since AND v.closed_at < until GROUP BY 1
      UNION ALL
      SELECT c.origin_id, 0, 0, count(*), 0
        FROM referral_case c
       WHERE c.origin_id = ANY (mine) AND {_before._SENT} AND c.direction = 'up' AND NOT c.emergency
         AND c.offered_at >= since AND c.offered_at < until
       GROUP BY 1
    ) x
   GROUP BY 1;
END $$
"""

_FOR_JOB = (
    "referral_quality_contacts(text, timestamptz, timestamptz, timestamptz)",
    "referral_quality_cases(text, timestamptz, timestamptz)",
    "referral_quality_lists(text, date, date)",
)
_FOR_APP = ("referral_quality_alert_bases(timestamptz, timestamptz)",)


class Migration(migrations.Migration):
    """Who sees alerts, who answers and judges them, and who finds them."""

    dependencies = [
        ("referral_quality", "0003_alerts"),
        ("catalogue", "0003_lists"),
        ("referral", "0025_protect_down"),
        ("registry", "0006_protect"),
        ("visits", "0009_stays_of_one"),
    ]

    operations = [
        Grant(
            "referral_quality_alert",
            app="SELECT, UPDATE (version, state, cause, answered_id, answered_by, answered_at, note, judged_by, judged_at)",
            job="SELECT, INSERT, UPDATE (version, state, due_at, withdrawn_at, withdrawn_for)",
        ),
        Protect("referral_quality_alert", Alert.shape, {"job": ("ALL", "true")}),
        Grant("referral_quality_alertrow", app="SELECT", job="SELECT, INSERT"),
        Protect("referral_quality_alertrow", AlertRow.shape, {"job": ("ALL", "true")}),
        migrations.RunSQL(
            [
                _CONTACTS,
                _CASES,
                _LISTS,
                _BASES,
                *(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC" for name in (*_FOR_JOB, *_FOR_APP)),
                *(f"GRANT EXECUTE ON FUNCTION {name} TO fenji_job" for name in _FOR_JOB),
                *(f"GRANT EXECUTE ON FUNCTION {name} TO fenji_app" for name in _FOR_APP),
            ],
            [f"DROP FUNCTION {name}" for name in (*_FOR_APP, *_FOR_JOB)],
        ),
    ]
