"""A session knows its role and its reach, so that policies can say who administers what."""

from django.db import migrations

import fenji.ground.common.models

_READERS = {
    "access_scope_role() RETURNS text": "coalesce((access_scope_row()).role, '')",
    "access_scope_reach() RETURNS text": "coalesce((access_scope_row()).reach, '')",
}
_NAMES = [s.split(" RETURNS")[0] for s in _READERS]


def _reader(signature: str, expression: str) -> str:
    return (
        f"CREATE FUNCTION {signature} LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS "
        f"$$ BEGIN RETURN {expression}; END $$"
    )


class Migration(migrations.Migration):
    """One column and two readers."""

    dependencies = [("access", "0002_functions")]

    operations = [
        migrations.AddField("scopehandle", "reach", fenji.ground.common.models.CText(default="")),
        migrations.RunSQL(
            [
                *(_reader(s, e) for s, e in _READERS.items()),
                *(f"REVOKE ALL ON FUNCTION {n} FROM PUBLIC" for n in _NAMES),
                *(f"GRANT EXECUTE ON FUNCTION {n} TO fenji_app" for n in _NAMES),
            ],
            [f"DROP FUNCTION {n}" for n in reversed(_NAMES)],
        ),
    ]
