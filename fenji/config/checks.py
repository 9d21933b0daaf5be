"""What must hold before the house serves anybody."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from fenji.ground.policy import loader, queries
from fenji.ground.policy.rules import PackError

_ROLE = """
SELECT r.rolsuper, r.rolbypassrls, EXISTS (SELECT 1 FROM pg_class c WHERE c.relowner = r.oid AND c.relkind IN ('r', 'p'))
FROM pg_roles r WHERE r.rolname = current_user
"""
SERVING = ("default", "job", "door")


@register(Tags.database)
def roles_are_bound_by_policies(databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """The roles that serve are no superusers, do not bypass row security and own no table: else all rows would be open."""
    return [error for alias in SERVING if alias in (databases or ()) for error in _role_errors(alias)]


def _role_errors(alias: str) -> list[CheckMessage]:
    with connections[alias].cursor() as cursor:
        cursor.execute(_ROLE)
        superuser, bypass, owns = cursor.fetchone()
    wrong = [text for bad, text in ((superuser, "is a superuser"), (bypass, "bypasses row security"), (owns, "owns tables")) if bad]
    hint = "Give this connection its own role: run `fenji db init --admin-url …`."
    return [Error(f"the database role of {alias!r} {text}", hint=hint, id="fenji.E001") for text in wrong]


@register()
def packs_are_sound(**kwargs: Any) -> list[CheckMessage]:
    """Every policy class finds each of its parameters in the packs."""
    from datetime import date

    try:
        loader.shipped()
        for policy in queries.registered():
            for path in (("35",), ("35", "350400")):
                queries.resolve(policy, path, date(2026, 1, 1))
    except PackError as error:
        return [Error(str(error), hint="Mend the pack named in the message.", id="fenji.E002")]
    return []
