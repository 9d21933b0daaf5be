"""A hospital's place is its county's: by the town it stands in, the health centre of that town reached its rows."""

from django.db import migrations

_MOVE = """
DO $$
DECLARE
  org record;
  placed record;
BEGIN
  FOR org IN SELECT path AS old, left(path, 6) || '000000' || substr(path, 13) AS new FROM network_organisation
              WHERE care_tier IN ('county', 'city', 'province') AND substr(path, 7, 6) <> '000000' LOOP
    FOR placed IN SELECT c.table_name, c.column_name FROM information_schema.columns c
                    JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
                   WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.data_type = 'text'
                     AND c.column_name IN ('path', 'place') AND c.table_name NOT LIKE 'procrastinate%' LOOP
      EXECUTE format('UPDATE %I SET %I = $1 WHERE %I = $2', placed.table_name, placed.column_name, placed.column_name)
        USING org.new, org.old;
    END LOOP;
  END LOOP;
END $$
"""


class Migration(migrations.Migration):
    """The rows of a house that ran an earlier release move; sessions keep their reach until they end."""

    dependencies = [("network", "0006_nurse")]

    operations = [migrations.RunSQL(_MOVE, migrations.RunSQL.noop)]
