"""The resident's own page for both ways, for those who act for a resident, and what may be said on it.

`referral_link` opens it, as before: to somebody who is not signed in, with the hash of the address and the digest of the answer. It
still returns no name of the patient, no diagnosis, no number and no text that somebody wrote; on the way down the day on which the
patient is expected, the doctor who accepted, and the days of follow-ups. An address of a proxy opens nothing unless they act today.
`referral_own_word` takes down that the patient comes or cannot come, and tells both institutions. `referral_proxies` tells the
parties of a case who acts for the patient now, and holds them until the change is made: whoever takes it back waits, and then finds
the message. `referral_proxy_ended` revokes the addresses of a proxy wherever the cases lie, and wipes the messages not sent yet.
"""

from django.db import migrations

from fenji.ground.common.rls import Grant

_DEFINER = "SECURITY DEFINER SET search_path = public, pg_temp AS $$\n#variable_conflict use_column"
_OLD_LINK = "referral_link(bytea, bytea)"
_ACTS = """p.ended_at IS NULL AND p.start <= (now() AT TIME ZONE 'Asia/Shanghai')::date
   AND (p."end" IS NULL OR p."end" > (now() AT TIME ZONE 'Asia/Shanghai')::date)"""
_WORDS = "('will_come', 'cannot_come')"
_LAST_WORD = f"""
  SELECT e.action INTO word FROM referral_caseevent e
   WHERE e.case_id = own.id AND e.action IN {_WORDS} AND e.at >= (
     SELECT max(o.at) FROM referral_caseevent o
      WHERE o.case_id = own.id AND o.after = 'offered' AND o.action NOT IN {_WORDS})
   ORDER BY e.at DESC, e.id DESC LIMIT 1;
"""

_LINK = f"""
CREATE FUNCTION {_OLD_LINK.replace("bytea, bytea", "wanted bytea, answer bytea")} RETURNS TABLE (
  state text, direction text, origin_id integer, receiver_id integer, department_id integer, appointed_at timestamptz,
  expected_on date, doctor text, relation text, guardian boolean, word text, follow_ups jsonb, steps jsonb
) LANGUAGE plpgsql VOLATILE {_DEFINER}
DECLARE
  entry referral_caselink;
  own referral_case;
  acting registry_proxy;
  word text;
BEGIN
  SELECT l.* INTO entry FROM referral_caselink l WHERE l.token_hash = wanted FOR UPDATE;
  IF NOT FOUND OR entry.revoked_at IS NOT NULL OR entry.tries >= entry.most_tries THEN
    RETURN;
  END IF;
  IF entry.proxy_id IS NOT NULL THEN
    SELECT p.* INTO acting FROM registry_proxy p WHERE p.id = entry.proxy_id AND {_ACTS};
    IF NOT FOUND THEN
      RETURN;
    END IF;
  END IF;
  SELECT c.* INTO own FROM referral_case c WHERE c.id = entry.case_id;
  IF own.ended_at IS NOT NULL AND own.ended_at + make_interval(days => entry.days_after) <= now() AND NOT EXISTS (
       SELECT 1 FROM continuity_package k
        WHERE own.direction = 'down' AND k.subject = own.number AND k.state = 'handed_over') THEN
    RETURN;
  END IF;
  IF entry.digest IS DISTINCT FROM answer THEN
    UPDATE referral_caselink l SET tries = l.tries + 1 WHERE l.id = entry.id;
    RETURN;
  END IF;
  IF entry.tries > 0 OR entry.opened_at IS NULL THEN
    UPDATE referral_caselink l SET tries = 0, opened_at = coalesce(l.opened_at, now()) WHERE l.id = entry.id;
  END IF;
  {_LAST_WORD}
  RETURN QUERY
  SELECT own.state, own.direction, own.origin_id, own.receiver_id, own.department_id, (
      SELECT min(b.start_at) FROM booking_booking b
       WHERE b.subject = own.number AND b.org_id = own.receiver_id AND b.kind = 'clinic' AND b.state = 'confirmed'),
    CASE WHEN own.direction = 'down' AND own.state = 'accepted' THEN (own.due_at AT TIME ZONE 'Asia/Shanghai')::date END,
    CASE WHEN own.direction = 'down' THEN (
      SELECT e.actor_name FROM referral_caseevent e
       WHERE e.case_id = own.id AND e.action = 'accept' AND e.role = 'doctor' AND own.accepted_at <= e.at
       ORDER BY e.at DESC, e.id DESC LIMIT 1) END,
    acting.relation, coalesce(acting.guardian, false), word, (
      SELECT coalesce(jsonb_agg(f.due_on ORDER BY f.due_on), '[]')
        FROM continuity_followup f JOIN continuity_package k ON k.id = f.package_id
       WHERE own.direction = 'down' AND k.subject = own.number AND k.state = 'handed_over' AND f.state = 'open'
         AND f.due_on >= (now() AT TIME ZONE 'Asia/Shanghai')::date), (
      SELECT coalesce(jsonb_agg(jsonb_build_object('day', (e.at AT TIME ZONE 'Asia/Shanghai')::date, 'state', e.after,
                                                   'action', e.action) ORDER BY e.at, e.id), '[]')
        FROM referral_caseevent e
       WHERE e.case_id = own.id AND e.after <> e.before AND e.after NOT IN ('draft', 'in_review', 'returned', 'local'));
END $$
"""

_OWN_WORD = f"""
CREATE FUNCTION referral_own_word(wanted bytea, answer bytea, said text, ids uuid[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE {_DEFINER}
DECLARE
  shown record;
  own referral_case;
  acting registry_proxy;
  entry referral_caselink;
  desk text := 'desk';
BEGIN
  -- the case first, as whoever takes a step does: two who speak at once do so one after the other
  SELECT l.* INTO entry FROM referral_caselink l WHERE l.token_hash = wanted;
  SELECT c.* INTO own FROM referral_case c WHERE c.id = entry.case_id FOR NO KEY UPDATE;
  -- the address and the answer are proved as they are for looking, and wrong ones counted
  SELECT * INTO shown FROM referral_link(wanted, answer);
  IF NOT FOUND OR said NOT IN {_WORDS} OR own.state NOT IN ('offered', 'accepted')
     OR (said = 'will_come' AND own.state <> 'accepted')
     OR shown.word = 'cannot_come' OR shown.word IS NOT DISTINCT FROM said THEN
    RETURN false;
  END IF;
  SELECT p.* INTO acting FROM registry_proxy p WHERE p.id = entry.proxy_id;
  IF own.direction = 'down' AND NOT EXISTS (
       SELECT 1 FROM network_post d WHERE d.org_id = own.receiver_id AND d.role = 'desk' AND d.start <= now()
          AND (d."end" IS NULL OR d."end" > now())) THEN
    desk := 'doctor';
  END IF;
  INSERT INTO referral_caseevent (id, case_id, at, actor_id, actor_name, role, org_name, action, before, after, note)
  VALUES (ids[1], own.id, now(), coalesce(acting.id, own.resident_id), coalesce(acting.name, ''),
          CASE WHEN acting.id IS NULL THEN 'patient' WHEN acting.guardian THEN 'guardian' ELSE 'proxy' END,
          '', said, own.state, own.state, '');
  INSERT INTO access_auditevent (id, at, actor_id, role, org_id, action, subject, before, after, detail)
  VALUES (ids[2], now(), coalesce(acting.id, own.resident_id),
          CASE WHEN acting.id IS NULL THEN 'patient' WHEN acting.guardian THEN 'guardian' ELSE 'proxy' END,
          own.origin_id, 'referral.' || said, own.number, own.state, own.state, jsonb_build_object('link', entry.id));
  INSERT INTO tasks_outboxmessage (id, kind, org_id, role, subject, url, at)
  VALUES (ids[3], 'referral.' || said, own.origin_id, 'doctor', own.number, '/referrals/' || own.number || '/', now()),
         (ids[4], 'referral.' || said, own.receiver_id, desk, own.number, '/referrals/' || own.number || '/', now());
  RETURN true;
END $$
"""

_PROXIES = f"""
CREATE FUNCTION referral_proxies(wanted uuid) RETURNS TABLE (
  proxy_id uuid, name text, relation text, guardian boolean, instead boolean, phone bytea, "end" date
) LANGUAGE plpgsql VOLATILE {_DEFINER}
DECLARE
  caller access_scopehandle := access_scope_row();
BEGIN
  IF caller.account_id IS NULL THEN
    RAISE EXCEPTION 'this is closed to this scope' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN QUERY
  -- under whichever record of this person they were recorded
  WITH RECURSIVE up (id, canonical_id) AS (
    SELECT r.id, r.canonical_id FROM referral_case c JOIN registry_resident r ON r.id = c.resident_id
     WHERE c.id = wanted AND c.viewer_ids && (SELECT access_scope_orgs())
    UNION SELECT r.id, r.canonical_id FROM registry_resident r JOIN up ON r.id = up.canonical_id
  ), records (id) AS (
    SELECT up.id FROM up WHERE up.canonical_id IS NULL
    UNION SELECT r.id FROM registry_resident r JOIN records ON r.canonical_id = records.id
  )
  SELECT p.id, p.name, p.relation, p.guardian, p.instead, p.phone, p."end" FROM registry_proxy p
   WHERE p.resident_id IN (SELECT records.id FROM records) AND {_ACTS}
   ORDER BY p.start, p.id FOR SHARE OF p;
END $$
"""

_ENDED = f"""
CREATE FUNCTION referral_proxy_ended(wanted uuid) RETURNS void
LANGUAGE plpgsql VOLATILE {_DEFINER}
DECLARE
  caller access_scopehandle := access_scope_row();
BEGIN
  IF caller.account_id IS NULL OR NOT EXISTS (SELECT 1 FROM registry_proxy p WHERE p.id = wanted AND p.ended_at IS NOT NULL) THEN
    RAISE EXCEPTION 'only who acts no more loses the addresses' USING ERRCODE = 'insufficient_privilege';
  END IF;
  UPDATE referral_caselink l SET revoked_at = now() WHERE l.proxy_id = wanted AND l.revoked_at IS NULL;
  UPDATE tasks_personmessage m
     SET state = 'given_up', phone = '', link = '', problem = 'ended', decided_at = now(), version = m.version + 1
   WHERE m.state IN ('to_send', 'dead') AND m.about IN (SELECT l.id FROM referral_caselink l WHERE l.proxy_id = wanted);
END $$
"""
_NEW = (
    "referral_own_word(bytea, bytea, text, uuid[])",
    "referral_proxies(uuid)",
    "referral_proxy_ended(uuid)",
)


class Migration(migrations.Migration):
    """Four functions, and the column that says whose address it is."""

    dependencies = [
        ("referral", "0026_link_of_proxy"),
        ("registry", "0008_protect_proxy"),
        ("continuity", "0004_protect_attachments"),
        ("tasks", "0012_person_message_ends"),
        ("access", "0011_glass_protect"),
    ]

    operations = [
        Grant("referral_caselink", load="", backup="", app="SELECT (proxy_id)"),
        migrations.RunSQL(
            [
                f"DROP FUNCTION {_OLD_LINK}",
                _LINK,
                _OWN_WORD,
                _PROXIES,
                _ENDED,
                *(f"REVOKE ALL ON FUNCTION {n} FROM PUBLIC" for n in (_OLD_LINK, *_NEW)),
                *(f"GRANT EXECUTE ON FUNCTION {n} TO fenji_app" for n in (_OLD_LINK, *_NEW)),
            ],
            migrations.RunSQL.noop,
        ),
    ]
