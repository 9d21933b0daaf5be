"""Grants and row security of this room's changes."""

from django.db import migrations

from fenji.ground.common.rls import Grant, Protect
from fenji.ground.policy.models import PolicyChange

_CHANGED = 'version, state, "end", decided_by, decided_org, decided_at, note'


class Migration(migrations.Migration):
    """Everybody reads changes, jobs and sign-in too; officers and security administrators write within their reach."""

    dependencies = [("policy", "0003_changes"), ("access", "0003_reach")]

    operations = [
        Grant("policy_change", app=f"SELECT, INSERT, UPDATE ({_CHANGED})", job="SELECT", door="SELECT"),
        Protect("policy_change", PolicyChange.shape, {"job": ("SELECT", "true"), "door": ("SELECT", "true")}),
    ]
