"""The scope functions, policies and grants of this room.

`access_enter` opens a session's scope for the running transaction. The other functions read it back inside policies; they are
SECURITY DEFINER, so the table behind them stays unreadable to the app role, and a forged token finds no row.
"""

from django.db import migrations

from fenji.ground.access import models as now
from fenji.ground.common.rls import Grant, Protect, own_account

_LIVE = (
    "h.closed_at IS NULL AND h.until > now() AND h.seen_at + h.idle > now()"
    " AND EXISTS (SELECT 1 FROM access_account a WHERE a.id = h.account_id AND a.active)"
)

# an unset or emptied setting must fail loudly, not read as "sees nothing"
_HANDLE = f"""
CREATE FUNCTION access_scope_row() RETURNS access_scopehandle
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  token text := current_setting('fenji.scope');
  entry access_scopehandle;
BEGIN
  IF token = '' THEN
    RAISE EXCEPTION 'no scope is open' USING ERRCODE = 'insufficient_privilege',
      HINT = 'Open one with access_enter(token) in this transaction.';
  END IF;
  SELECT h.* INTO entry FROM access_scopehandle h WHERE h.token_hash = sha256(convert_to(token, 'UTF8')) AND {_LIVE};
  RETURN entry;
END $$
"""

_READERS = {
    "access_scope_orgs() RETURNS integer[]": "coalesce((access_scope_row()).orgs, '{}')",
    "access_scope_lo() RETURNS text": "coalesce((access_scope_row()).path_lo, '')",
    "access_scope_hi() RETURNS text": "coalesce((access_scope_row()).path_hi, '')",
    "access_scope_account() RETURNS uuid": "(access_scope_row()).account_id",
}

_ENTER = f"""
CREATE FUNCTION access_enter(token text) RETURNS SETOF access_scopehandle
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  entry access_scopehandle;
BEGIN
  SELECT h.* INTO entry FROM access_scopehandle h WHERE h.token_hash = sha256(convert_to(token, 'UTF8')) AND {_LIVE};
  IF NOT FOUND THEN
    RETURN;
  END IF;
  PERFORM set_config('fenji.scope', token, true);
  -- once a minute is enough to know that somebody is still there; each request would make this row hot
  IF entry.seen_at < now() - interval '1 minute' THEN
    UPDATE access_scopehandle u SET seen_at = now() WHERE u.token_hash = entry.token_hash;
  END IF;
  RETURN NEXT entry;
END $$
"""


def _reader(signature: str, expression: str) -> str:
    return (
        f"CREATE FUNCTION {signature} LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS "
        f"$$ BEGIN RETURN {expression}; END $$"
    )


_NAMES = ["access_enter(text)", "access_scope_row()", *(s.split(" RETURNS")[0] for s in _READERS)]
_OPEN_TO_ALL = [n for n in _NAMES if n not in ("access_scope_row()",)]


class Migration(migrations.Migration):
    """Functions before the policies that call them."""

    dependencies = [("access", "0001_initial")]

    operations = [
        migrations.RunSQL(
            [
                _HANDLE,
                *(_reader(s, e) for s, e in _READERS.items()),
                _ENTER,
                *(f"REVOKE ALL ON FUNCTION {n} FROM PUBLIC" for n in _NAMES),
                *(f"GRANT EXECUTE ON FUNCTION {n} TO fenji_app" for n in _OPEN_TO_ALL),
            ],
            [f"DROP FUNCTION {n}" for n in reversed(_NAMES)],
        ),
        Grant("access_account", app="SELECT (id, version, username, name, active)", door="SELECT, UPDATE"),
        Protect("access_account", own_account("access_account", "id"), {"door": ("ALL", "true")}),
        Grant("access_scopehandle", load="", door="SELECT, INSERT, UPDATE", job="SELECT, DELETE"),
        Protect("access_scopehandle", now.ScopeHandle.shape, {"door": ("ALL", "true"), "job": ("ALL", "true")}),
        Grant("access_idempotencykey", load="", app="SELECT, INSERT, UPDATE (location)", job="SELECT, DELETE"),
        Protect("access_idempotencykey", now.IdempotencyKey.shape, {"job": ("ALL", "true")}),
        Grant("access_auditseal", load="", job="SELECT, INSERT"),
        Grant("access_auditevent", load="INSERT", app="INSERT", door="INSERT", job="SELECT, INSERT, UPDATE (seal_id)"),
        Protect("access_auditevent", now.AuditEvent.shape, {"door": ("INSERT", now.AuditEvent.unsealed), "job": ("ALL", "true")}),
        Grant("access_readlog", load="", app="INSERT", job="SELECT"),
        Protect("access_readlog", now.ReadLog.shape, {"job": ("SELECT", "true")}),
    ]
