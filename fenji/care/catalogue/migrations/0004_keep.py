"""Rows, rights and triggers of the lists: who writes them, and that what is published stays as it was."""

from django.db import migrations

from fenji.care.catalogue import models as now
from fenji.ground.common.rls import Grant, Protect

_ENTRIES = (now.DiseaseEntry, now.DownEntry, now.ItemEntry, now.TechniqueEntry, now.GuideEntry)
_APP_CHANGES = (
    'state, start, "end", note, writers, submitted_by, submitted_at, approved_by, approved_at, published_by, published_at, version'
)

# released entries named a group alone: its lowest code in the dictionary gives it a code and names
_FILL = [
    "UPDATE catalogue_diseaseentry e SET code = d.code, name_zh = d.name_zh, name_en = d.name_en FROM catalogue_diagnosis d"
    ' WHERE d.code = (SELECT min(m.code) FROM catalogue_diagnosis m WHERE m."group" = e."group"'
    ' OR (m."group" = \'\' AND left(m.code, 3) = e."group"))',
    "UPDATE catalogue_diseaseentry e SET level = 'township' FROM catalogue_listversion v"
    " WHERE v.id = e.list_id AND v.kind = 'first_contact'",
    "SELECT setval(pg_get_serial_sequence('catalogue_listversion', 'id'), max(id)) FROM catalogue_listversion HAVING max(id) > 0",
    # the keys of changed rows are checked now: no table with checks to come can be altered
    "SET CONSTRAINTS ALL IMMEDIATE",
]

_WAY = ", ".join(
    f"'{step}'"
    for step in (
        *("draft>submitted", "draft>withdrawn", "submitted>approved", "submitted>draft"),
        *("approved>published", "approved>draft", "published>withdrawn"),
    )
)

_KEEP_VERSION = f"""
CREATE FUNCTION catalogue_keep_version() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state <> 'draft' THEN
      RAISE EXCEPTION 'a list begins as a draft' USING ERRCODE = 'check_violation';
    END IF;
  ELSE
    IF (NEW.id, NEW.kind, NEW.org_id, NEW.number, NEW.based_on_id, NEW.drafted_by, NEW.drafted_at)
       IS DISTINCT FROM (OLD.id, OLD.kind, OLD.org_id, OLD.number, OLD.based_on_id, OLD.drafted_by, OLD.drafted_at) THEN
      RAISE EXCEPTION 'a list keeps its owner, kind and number' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> OLD.state AND OLD.state || '>' || NEW.state NOT IN ({_WAY}) THEN
      RAISE EXCEPTION 'a list does not go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state IN ('published', 'withdrawn')
       AND (NEW.start, NEW.writers, NEW.submitted_by, NEW.submitted_at, NEW.approved_by, NEW.approved_at, NEW.published_by,
            NEW.published_at)
       IS DISTINCT FROM (OLD.start, OLD.writers, OLD.submitted_by, OLD.submitted_at, OLD.approved_by, OLD.approved_at,
            OLD.published_by, OLD.published_at) THEN
      RAISE EXCEPTION 'a published list may get an end, no more' USING ERRCODE = 'check_violation';
    END IF;
  END IF;
  RETURN NEW;
END $$
"""

# the lock keeps a list from being submitted while somebody writes an entry into it
_KEEP_ENTRIES = """
CREATE FUNCTION catalogue_keep_entries() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  old_list integer;
  new_list integer;
  wanted integer;
BEGIN
  IF TG_OP <> 'INSERT' THEN old_list := OLD.list_id; END IF;
  IF TG_OP <> 'DELETE' THEN new_list := NEW.list_id; END IF;
  FOREACH wanted IN ARRAY array_remove(ARRAY[old_list, new_list], NULL) LOOP
    PERFORM 1 FROM catalogue_listversion v WHERE v.id = wanted AND v.state = 'draft' FOR SHARE;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'only drafts of lists can be written' USING ERRCODE = 'check_violation';
    END IF;
  END LOOP;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END $$
"""


def read_aloud(apps, schema_editor):
    """Give the diagnoses that are there already their readings."""
    from fenji.care.catalogue.actions import readings_of

    using = schema_editor.connection.alias
    reading = apps.get_model("catalogue", "Reading")
    rows = apps.get_model("catalogue", "Diagnosis").objects.using(using).values_list("code", "name_zh")
    found = [
        reading(diagnosis_id=code, pinyin=r.pinyin, initials=r.initials) for code, name in rows for r in readings_of(code, name)
    ]
    reading.objects.using(using).bulk_create(found, ignore_conflicts=True, batch_size=2000)


def _triggers(table):
    return (
        f"CREATE TRIGGER {table}_keep BEFORE INSERT OR UPDATE OR DELETE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION catalogue_keep_entries()"
    )


_TABLES = [m._meta.db_table for m in _ENTRIES]


class Migration(migrations.Migration):
    """Everybody reads; the keeper's people write drafts; nobody changes what is published."""

    dependencies = [("catalogue", "0003_lists"), ("access", "0003_reach")]

    operations = [
        migrations.RunSQL(_FILL, migrations.RunSQL.noop),
        migrations.RunPython(read_aloud, migrations.RunPython.noop),
        Grant("catalogue_reading", app="SELECT"),
        Grant("catalogue_codetable", app="SELECT"),
        Grant("catalogue_codeentry", app="SELECT"),
        Grant("catalogue_listversion", app=f"SELECT, INSERT, UPDATE ({_APP_CHANGES})"),
        *(Grant(table, app="SELECT, INSERT, UPDATE") for table in _TABLES),
        Protect("catalogue_listversion", now.ListVersion.shape),
        *(Protect(m._meta.db_table, m.shape) for m in _ENTRIES),
        migrations.RunSQL(
            [
                _KEEP_VERSION,
                _KEEP_ENTRIES,
                "CREATE TRIGGER catalogue_listversion_keep BEFORE INSERT OR UPDATE ON catalogue_listversion"
                " FOR EACH ROW EXECUTE FUNCTION catalogue_keep_version()",
                *map(_triggers, _TABLES),
            ],
            [
                *(f"DROP TRIGGER {table}_keep ON {table}" for table in ("catalogue_listversion", *_TABLES)),
                "DROP FUNCTION catalogue_keep_entries()",
                "DROP FUNCTION catalogue_keep_version()",
            ],
        ),
    ]
