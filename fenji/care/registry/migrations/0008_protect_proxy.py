"""Who sees those who act for a resident: whoever sees the resident."""

from django.db import migrations

from fenji.care.registry import models as now
from fenji.ground.common.rls import Grant, Protect


class Migration(migrations.Migration):
    """Grants, then policies. The app role ends a proxy and changes nothing else of it."""

    dependencies = [("registry", "0007_proxy"), ("access", "0011_glass_protect")]

    operations = [
        Grant("registry_proxy", app="SELECT, INSERT, UPDATE (version, ended_at, ended_by_name)"),
        Protect("registry_proxy", now.Proxy.shape),
    ]
