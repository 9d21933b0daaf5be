"""Two triggers and the policy of posts list the roles there are: now with the nurse."""

from importlib import import_module

from django.db import migrations

from fenji.ground.common.rls import Reshape
from fenji.ground.network.models import Post

_protect = import_module("fenji.ground.network.migrations.0004_protect")
_appointing = import_module("fenji.ground.network.migrations.0005_appointing")


def _again(sql: str) -> str:
    return sql.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)


class Migration(migrations.Migration):
    """A house that ran an earlier release has the functions with the roles of then."""

    dependencies = [("network", "0005_appointing")]

    operations = [
        migrations.RunSQL([_again(_protect._ROLES), _again(_appointing._KIND)], migrations.RunSQL.noop),
        Reshape("network_post", Post.shape),
    ]
