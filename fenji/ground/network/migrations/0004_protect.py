"""Policies, grants, numbers and triggers of this room; what stood before gets its dated row."""

from django.db import migrations

from fenji.ground.access.rules import ADMINISTRATORS, CLINICAL
from fenji.ground.common.rls import Grant, Protect
from fenji.ground.network import models as now

_READ_BY_ALL = (
    *(now.Region, now.RegionName, now.RegionSuccession, now.Organisation, now.OrganisationVersion, now.Succession),
    *(now.Department, now.Relation, now.NamedList, now.NamedListEntry, now.Specialty, now.Alliance, now.Membership, now.Post),
)
_STAFF = (now.Practitioner, now.TitleHeld, now.PractitionerRole, now.DutyShift, now.ForceMember)
_READERS = {"job": ("SELECT", "true"), "door": ("SELECT", "true")}


def _array(roles: frozenset[str]) -> str:
    return "ARRAY[" + ", ".join(f"'{r}'" for r in sorted(roles)) + "]"


# two administrators appointing at once must not give one person roles that exclude each other
_ROLES = f"""
CREATE FUNCTION network_post_roles() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  administrators text[] := {_array(ADMINISTRATORS)};
  clinical text[] := {_array(CLINICAL)};
BEGIN
  -- a row lock: an import of thousands of posts would run out of advisory locks
  PERFORM 1 FROM access_account a WHERE a.id = NEW.account_id FOR NO KEY UPDATE;
  IF EXISTS (
    SELECT 1 FROM network_post p
     WHERE p.account_id = NEW.account_id AND p.id <> NEW.id
       AND tstzrange(p.start, p."end") && tstzrange(NEW.start, NEW."end")
       AND ((NEW.role = ANY (administrators) AND p.role = ANY (administrators || clinical) AND p.role <> NEW.role)
         OR (p.role = ANY (administrators) AND NEW.role = ANY (clinical)))
  ) THEN
    RAISE EXCEPTION 'roles of one person exclude each other' USING ERRCODE = 'FJ002';
  END IF;
  RETURN NEW;
END $$
"""

_FILL = [
    "UPDATE network_membership m SET kind = a.kind FROM network_alliance a WHERE a.id = m.alliance_id",
    "UPDATE network_post p SET path = o.path FROM network_organisation o WHERE o.id = p.org_id",
    "INSERT INTO network_organisationversion (org_id, path, name, code, uscc, region_id, care_tier, grade, ws218, affiliation,"
    " ownership, integrated, development, start, reason) SELECT id, path, name, code, uscc, region_id, care_tier, grade, ws218,"
    " affiliation, ownership, integrated, development, coalesce(start, DATE '2020-01-01'), '' FROM network_organisation",
    "UPDATE network_regionname n SET parent_id = r.parent_id FROM network_region r WHERE r.id = n.region_id",
    # the keys of new rows are checked now: no table with checks to come can be altered
    "SET CONSTRAINTS ALL IMMEDIATE",
]


class Migration(migrations.Migration):
    """Everybody reads the network; only administrators within their reach change it."""

    dependencies = [("network", "0003_schema"), ("access", "0003_reach")]

    operations = [
        migrations.RunSQL(_FILL, migrations.RunSQL.noop),
        migrations.RunSQL(
            [
                "CREATE SEQUENCE network_number START 100001",
                "GRANT USAGE ON SEQUENCE network_number TO fenji_app, fenji_load",
                _ROLES,
                "REVOKE ALL ON FUNCTION network_post_roles() FROM PUBLIC",
                "CREATE TRIGGER network_post_roles BEFORE INSERT OR UPDATE ON network_post"
                " FOR EACH ROW EXECUTE FUNCTION network_post_roles()",
            ],
            [
                "DROP TRIGGER network_post_roles ON network_post",
                "DROP FUNCTION network_post_roles()",
                "DROP SEQUENCE network_number",
            ],
        ),
        *(Grant(m._meta.db_table, app="SELECT, INSERT, UPDATE", job="SELECT", door="SELECT") for m in (*_READ_BY_ALL, *_STAFF)),
        *(Protect(m._meta.db_table, m.shape, _READERS) for m in _READ_BY_ALL),
        *(Protect(m._meta.db_table, m.shape, {"job": ("SELECT", "true")}) for m in _STAFF),
    ]
