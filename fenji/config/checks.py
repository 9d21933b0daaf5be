"""What must hold before the house serves anybody."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from fenji.ground.policy import loader, queries
from fenji.ground.policy.rules import PackError, path_to, prefix_of

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
    """The packs hold together, and every policy class finds each of its parameters there."""
    packs, errors = loader.check()
    errors = errors or queries.misfits(packs.parameters) or _unresolved(packs)
    return [
        Error(str(error), hint="Mend the pack at that line; `fenji policy check` lists all.", id="fenji.E002") for error in errors
    ]


def _unresolved(packs: loader.Packs) -> list[PackError]:
    """Classes that do not resolve where and when a document begins."""
    found, errors = queries.book_of(packs), []
    for document in packs.documents.values():
        for policy in queries.registered():
            try:
                queries.resolve_in(found, policy, path_to(prefix_of(document.region)), document.start)
            except PackError as error:
                errors.append(error)
            except ValueError as error:  # of the class itself
                errors.append(PackError(document.id, f"{policy.__name__}: {error}", "mend the value"))
    return errors


@register(Tags.database)
def changes_fit_the_packs(databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Approved changes still fit the packs of this release: a key that is gone, or an override that is no longer allowed, stops."""
    if "default" not in (databases or ()):
        return []
    errors = queries.change_errors(queries.fresh_book())
    hint = "Go back to the release before, end the change on the screen, and update after its last day."
    return [Error(str(error), hint=hint, id="fenji.E003") for error in errors]
