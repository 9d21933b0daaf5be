"""Pairs of records that may be one person; the further columns that a record gets when it is identified or linked."""

from django.db import migrations

from fenji.care.registry import models as now
from fenji.ground.common.rls import Grant, Protect

_IDENTIFIED = "name, pinyin, initials, pinyin_other, initials_other, sex, birth_date, birth_estimated, entry"


class Migration(migrations.Migration):
    """Grants, then policies."""

    dependencies = [("registry", "0005_schema"), ("access", "0002_functions")]

    operations = [
        Grant("registry_resident", load="", backup="", app=f"UPDATE ({_IDENTIFIED}, canonical_id, matched)"),
        Grant("registry_identity", load="", backup="", app="SELECT (kind)"),
        Grant(
            "registry_duplicate",
            app="SELECT, INSERT, UPDATE (version, state, decided_at, decided_by, kept_id, joined_id)",
        ),
        Protect("registry_duplicate", now.Duplicate.shape),
    ]
