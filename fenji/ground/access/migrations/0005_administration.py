"""Accounts are administered by reach: policies, grants, and what the app role may never do.

A session ends when its account is switched off, and when it is older than the account's `sessions_from`: so an administrator ends
all sessions of somebody in the same transaction in which the password dies, without seeing a session.
"""

from django.db import migrations

from fenji.ground.access import models as now
from fenji.ground.common.rls import Grant, Protect, own_account

# accounts of a house that is older than these columns; the rooms above may not exist yet
_KNOWN_BEFORE = """
DO $$ BEGIN
  IF to_regclass('network_post') IS NOT NULL THEN
    UPDATE access_account a SET org_id = o.id, path = o.path,
           kind = CASE WHEN p.role IN ('system_admin', 'security_admin', 'audit_admin') THEN 'administrator' ELSE 'staff' END
      FROM (SELECT DISTINCT ON (account_id) account_id, org_id, role FROM network_post ORDER BY account_id, start, id) p
      JOIN network_organisation o ON o.id = p.org_id
     WHERE p.account_id = a.id;
  END IF;
  UPDATE access_account SET password_set_at = now() WHERE password <> '!';
END $$
"""

_LIVE = (
    "h.closed_at IS NULL AND h.until > now() AND h.seen_at + h.idle > now()"
    " AND EXISTS (SELECT 1 FROM access_account a WHERE a.id = h.account_id AND a.active{since})"
)
_SINCE = " AND (a.sessions_from IS NULL OR h.opened_at >= a.sessions_from)"


def _entering(live: str, seen: str) -> str:
    return f"""
CREATE OR REPLACE FUNCTION access_enter(token text) RETURNS SETOF access_scopehandle
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  entry access_scopehandle;
BEGIN
  SELECT h.* INTO entry FROM access_scopehandle h WHERE h.token_hash = sha256(convert_to(token, 'UTF8')) AND {live};
  IF NOT FOUND THEN
    RETURN;
  END IF;
  PERFORM set_config('fenji.scope', token, true);{seen}
  RETURN NEXT entry;
END $$
"""


def _row(live: str) -> str:
    return f"""
CREATE OR REPLACE FUNCTION access_scope_row() RETURNS access_scopehandle
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  token text := current_setting('fenji.scope');
  entry access_scopehandle;
BEGIN
  IF token = '' THEN
    RAISE EXCEPTION 'no scope is open' USING ERRCODE = 'insufficient_privilege',
      HINT = 'Open one with access_enter(token) in this transaction.';
  END IF;
  SELECT h.* INTO entry FROM access_scopehandle h WHERE h.token_hash = sha256(convert_to(token, 'UTF8')) AND {live};
  RETURN entry;
END $$
"""


# `seen_at` is written through the door now: a request that held the row of its session could not close it
_SEEN = """
  IF entry.seen_at < now() - interval '1 minute' THEN
    UPDATE access_scopehandle u SET seen_at = now() WHERE u.token_hash = entry.token_hash;
  END IF;"""
_LIVE_NOW, _LIVE_BEFORE = _LIVE.format(since=_SINCE), _LIVE.format(since="")

# an administrator makes an old password useless; only its owner, through the door, sets a new one
_GIVES_NONE = """
CREATE FUNCTION access_account_password() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF current_user = 'fenji_app' AND NEW.password <> '!' AND (TG_OP = 'INSERT' OR NEW.password <> OLD.password) THEN
    RAISE EXCEPTION 'the app role takes passwords away and gives none' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$
"""
_TRIGGER = (
    "CREATE TRIGGER access_account_password BEFORE INSERT OR UPDATE OF password ON access_account"
    " FOR EACH ROW EXECUTE FUNCTION access_account_password()"
)

_READ = (
    "kind, org_id, path, password_set_at, must_change, activation_until, failures, locked_until, deactivated_at,"
    " deactivated_reason, created_at, created_by"
)
_CHANGE = (
    "version, password, password_set_at, must_change, activation_hash, activation_until, failures, locked_until, sessions_from,"
    " active, deactivated_at, deactivated_reason"
)
_OLD = Protect("access_account", own_account("access_account", "id"))
_NEW = Protect("access_account", now.Account.shape)
_NAMES = ("access_account_app", "access_account_app_change", "access_account_app_read")


class Migration(migrations.Migration):
    """First what stands, then who may change it."""

    dependencies = [("access", "0004_accounts")]

    operations = [
        migrations.RunSQL(_KNOWN_BEFORE, migrations.RunSQL.noop),
        migrations.RunSQL(
            [_row(_LIVE_NOW), _entering(_LIVE_NOW, "")],
            [_row(_LIVE_BEFORE), _entering(_LIVE_BEFORE, _SEEN)],
        ),
        migrations.RunSQL(
            [_GIVES_NONE, _TRIGGER, "REVOKE ALL ON FUNCTION access_account_password() FROM PUBLIC"],
            ["DROP TRIGGER access_account_password ON access_account", "DROP FUNCTION access_account_password()"],
        ),
        migrations.RunSQL(
            ["DROP POLICY access_account_app ON access_account", *_NEW.app_policies()],
            [*(f"DROP POLICY {name} ON access_account" for name in _NAMES), *_OLD.app_policies()],
        ),
        migrations.RunSQL(
            f"GRANT SELECT ({_READ}), INSERT, UPDATE ({_CHANGE}) ON access_account TO fenji_app",
            f"REVOKE SELECT ({_READ}), INSERT, UPDATE ({_CHANGE}) ON access_account FROM fenji_app",
        ),
        Grant("access_oldpassword", load="", door="SELECT, INSERT"),
        Protect("access_oldpassword", now.OldPassword.shape, {"door": ("ALL", "true")}),
        Grant("access_machineminute", load="", door="SELECT, INSERT, UPDATE"),
    ]
