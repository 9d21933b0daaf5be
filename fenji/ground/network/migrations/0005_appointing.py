"""Who gives which role away, and to which kind of account: the database holds it beside the action."""

from django.db import migrations

from fenji.ground.access.rules import ROLES_OF_KIND
from fenji.ground.common.rls import Protect, governed
from fenji.ground.network import models as now

_BEFORE = Protect("network_post", governed("network_post", {"system_admin", "security_admin"}))
_NOW = Protect("network_post", now.Post.shape)
_DROP = [f"DROP POLICY network_post_{name} ON network_post" for name in ("app", "app_change", "app_read")]
_KINDS = " ".join(
    f"WHEN NEW.role = ANY (ARRAY[{', '.join(map(repr, roles))}]) THEN '{kind}'" for kind, roles in ROLES_OF_KIND.items()
)

# it runs with the rights of whoever appoints: an account they do not see is no account
_KIND = f"""
CREATE FUNCTION network_post_kind() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM access_account a WHERE a.id = NEW.account_id AND a.kind = CASE {_KINDS} END) THEN
    RAISE EXCEPTION 'this role needs an account of another kind' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$
"""


class Migration(migrations.Migration):
    """After the kinds of accounts."""

    dependencies = [("network", "0004_protect"), ("access", "0005_administration")]

    operations = [
        migrations.RunSQL([*_DROP, *_NOW.app_policies()], [*_DROP, *_BEFORE.app_policies()]),
        migrations.RunSQL(
            [
                _KIND,
                "REVOKE ALL ON FUNCTION network_post_kind() FROM PUBLIC",
                "CREATE TRIGGER network_post_kind BEFORE INSERT OR UPDATE OF account_id, role ON network_post"
                " FOR EACH ROW EXECUTE FUNCTION network_post_kind()",
            ],
            ["DROP TRIGGER network_post_kind ON network_post", "DROP FUNCTION network_post_kind()"],
        ),
    ]
