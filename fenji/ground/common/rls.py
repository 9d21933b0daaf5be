"""Row-level security as migration operations, and the one place that words a policy.

The shapes are the ones measured (ADR 0004). All ids, ranges and lists come from SECURITY DEFINER functions that look the
scope handle up; no policy reads them from a setting, because the app role could set it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db.migrations.operations.base import Operation

ROLES = ("fenji_owner", "fenji_app", "fenji_job", "fenji_load", "fenji_door", "fenji_backup")


@dataclass(frozen=True, slots=True)
class Shape:
    """Which rows the app role sees (`using`), and may write (`check`; the same when empty). SQL with qualified columns."""

    name: str
    using: str
    check: str = ""
    read: str = ""
    """Given: who may read is told apart from who may write; `using` then says which rows may be added and changed."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who reads rows beside those of a table's shape, and never writes one: a further policy, for SELECT alone.

    Apart from the shape, because released migrations install the shape as it is now: it may name only what existed then.
    """

    name: str
    using: str


def within(table: str, roles: Collection[str], path: str = "path") -> str:
    """SQL that holds for people in one of `roles`, on rows whose path lies within their reach."""
    named = ", ".join(f"'{role}'" for role in sorted(roles))
    reached = f"(SELECT access_scope_reach()) <> '' AND {table}.{path} ^@ (SELECT access_scope_reach())"
    return f"(SELECT access_scope_role()) = ANY (ARRAY[{named}]) AND {reached}"


def under_glass(table: str, resident: str = "resident_id") -> Reader:
    """Rows of a resident whose records this account has opened in an emergency, wherever they were written."""
    return Reader("glass", f"{table}.{resident} = ANY ((SELECT access_scope_glass())::uuid[])")


def viewers(table: str, column: str = "viewer_ids") -> Shape:
    """Rows with several parties: an array of organisation ids. Past holders stay in, or the hand-over would be refused."""
    return Shape("viewers", f"{table}.{column} && (SELECT access_scope_orgs())")


def viewers_or_one(table: str, column: str = "viewer_ids", only: str = "only_id") -> Shape:
    """Rows with several parties; one that names an account is for that account alone."""
    all_of_them = f"{table}.{only} IS NULL AND {table}.{column} && (SELECT access_scope_orgs())"
    return Shape("viewers_or_one", f"({all_of_them}) OR {table}.{only} = (SELECT access_scope_account())")


def owned(table: str, path: str = "path", org: str = "org_id") -> Shape:
    """Rows with one owner: the reader's path range, or one of the reader's organisations."""
    return Shape(
        "owned",
        f"({table}.{path} >= (SELECT access_scope_lo()) AND {table}.{path} < (SELECT access_scope_hi()))"
        f" OR {table}.{org} = ANY ((SELECT access_scope_orgs())::int[])",
    )


def owned_or_viewed(table: str, path: str = "path", column: str = "viewer_ids") -> Shape:
    """Rows with one owner by path that others come to see through the door."""
    return Shape(
        "owned_or_viewed",
        f"({table}.{path} >= (SELECT access_scope_lo()) AND {table}.{path} < (SELECT access_scope_hi()))"
        f" OR {table}.{column} && (SELECT access_scope_orgs())",
    )


def of_org(table: str, org: str = "org_id", *, insert_any: bool = False) -> Shape:
    """Rows of one organisation. `insert_any`: others may leave a row there (a task, a message) but not read it."""
    using = f"{table}.{org} = ANY ((SELECT access_scope_orgs())::int[])"
    return Shape("of_org", using, "(SELECT access_scope_account()) IS NOT NULL" if insert_any else "")


def of_org_or_own(table: str, org: str = "org_id", account: str = "account_id") -> Shape:
    """Rows of one organisation, and one's own: a machine has no organisation in its scope."""
    return Shape("of_org_or_own", f"{of_org(table, org).using} OR {table}.{account} = (SELECT access_scope_account())")


def through(table: str, parent: str, column: str, writable: str = "") -> Shape:
    """Rows that are seen exactly when their parent row is seen.

    `writable`: what must hold for `parent` besides, before rows may be added; given where others only read the parent.
    """
    seen = f"EXISTS (SELECT 1 FROM {parent} parent WHERE parent.id = {table}.{column})"
    return Shape("through", f"{seen[:-1]} AND {writable})", read=seen) if writable else Shape("through", seen)


def own_account(table: str, column: str = "account_id") -> Shape:
    """Rows of the signed-in account alone."""
    return Shape("own_account", f"{table}.{column} = (SELECT access_scope_account())")


def written_by(table: str, column: str = "actor_id", also: str = "") -> Shape:
    """Rows the app may only add, and only in the name of the signed-in account. `also`: what else must hold for them."""
    own = f"{table}.{column} = (SELECT access_scope_account())"
    return Shape("written_by", "false", f"{own} AND {also}" if also else own)


def governed(table: str, roles: Collection[str], path: str = "path") -> Shape:
    """Public rows: everybody reads them, and only people in one of `roles` add or change those that lie within their reach.

    Without a `path` column (`path=""`) the role alone decides, and the action checks the reach.
    """
    if path:
        return Shape("governed", within(table, roles, path), read="true")
    named = ", ".join(f"'{role}'" for role in sorted(roles))
    return Shape("governed", f"(SELECT access_scope_role()) = ANY (ARRAY[{named}])", read="true")


def appointed(table: str, roles: Mapping[str, Collection[str]]) -> Shape:
    """Posts: everybody reads them; an administrator adds and changes those within the reach whose role is one they may give away
    (acting role → roles of posts)."""
    acting, reach = "(SELECT access_scope_role())", "(SELECT access_scope_reach())"
    each = (f"({acting} = '{r}' AND {table}.role = ANY (ARRAY[{', '.join(repr(g) for g in given)}]))" for r, given in roles.items())
    return Shape("governed", f"({' OR '.join(each)}) AND {reach} <> '' AND {table}.path ^@ {reach}", read="true")


def administered(table: str, kinds: Mapping[str, Collection[str]]) -> Shape:
    """Accounts: one's own is read; those whose path lies within the reach are read by the roles named in `kinds` (role → kinds of
    account), which also add and change those of their kinds, but never their own."""
    role, reach = "(SELECT access_scope_role())", "(SELECT access_scope_reach())"
    near = f"{reach} <> '' AND {table}.path ^@ {reach}"
    mine = f"{table}.id = (SELECT access_scope_account())"
    readers = ", ".join(f"'{name}'" for name in sorted(kinds))
    each = (f"{role} = '{r}' AND {table}.kind = ANY (ARRAY[{', '.join(repr(k) for k in sorted(ks))}])" for r, ks in kinds.items())
    return Shape(
        "administered",
        f"({' OR '.join(f'({e})' for e in each)}) AND {near} AND NOT {mine}",
        read=f"{mine} OR ({role} = ANY (ARRAY[{readers}]) AND {near})",
    )


def _own(table: str, roles: Collection[str], org: str) -> str:
    named = ", ".join(f"'{role}'" for role in sorted(roles))
    return f"{table}.{org} = ANY ((SELECT access_scope_orgs())::int[]) AND (SELECT access_scope_role()) = ANY (ARRAY[{named}])"


def kept_by(table: str, roles: Collection[str], org: str = "org_id") -> Shape:
    """Public rows that organisations keep: everybody reads them, only their keeper's people in one of `roles` add and change."""
    return Shape("kept_by", _own(table, roles, org), read="true")


def kept_through(table: str, parent: str, column: str, roles: Collection[str], also: str) -> Shape:
    """Public rows of a kept parent row: its keeper's people add and change them while `also` holds for the parent."""
    kept = f"parent.id = {table}.{column} AND {_own('parent', roles, 'org_id')} AND {also}"
    return Shape("kept_through", f"EXISTS (SELECT 1 FROM {parent} parent WHERE {kept})", read="true")


class _Reversible(Operation):
    reversible = True
    reduces_to_sql = True

    def state_forwards(self, app_label: str, state: object) -> None:
        """No change of model state: policies and grants live in the database alone."""

    def statements(self) -> list[str]:
        """SQL of this operation, in order."""
        raise NotImplementedError

    def undo(self) -> list[str]:
        """SQL that takes it back."""
        return []

    def database_forwards(self, app_label, schema_editor, from_state, to_state) -> None:
        for sql in self.statements():
            schema_editor.execute(sql)

    def database_backwards(self, app_label, schema_editor, from_state, to_state) -> None:
        for sql in self.undo():
            schema_editor.execute(sql)


class Grant(_Reversible):
    """Grants on a table. Keyword = role without its prefix, value = privileges: `Grant("t", app="SELECT, INSERT")`.

    The owner has all; backup may read every table; the loader may read and add.
    """

    def __init__(self, table: str, **privileges: str) -> None:
        self.table = table
        self.privileges = {"load": "SELECT, INSERT, UPDATE", "backup": "SELECT", **privileges}

    def deconstruct(self):
        return (type(self).__name__, [self.table], self.privileges)

    def statements(self) -> list[str]:
        return [f"GRANT {what} ON {self.table} TO fenji_{role}" for role, what in self.privileges.items() if what]

    def undo(self) -> list[str]:
        return [f"REVOKE ALL ON {self.table} FROM fenji_{role}" for role in self.privileges]

    def describe(self) -> str:
        return f"Grant privileges on {self.table}"


class Protect(_Reversible):
    """Enable and force row-level security on a table, with the app's shape and narrow policies for other roles.

    `others`: role without prefix → (command, using). Without a policy a role sees nothing, whatever its grants.
    """

    def __init__(self, table: str, shape: Shape, others: dict[str, tuple[str, str]] | None = None) -> None:
        self.table = table
        self.shape = shape
        self.others = others or {}

    def deconstruct(self):
        return (type(self).__name__, [self.table, self.shape, self.others], {})

    def _policy(self, role: str, command: str, using: str, check: str) -> str:
        parts = [f"CREATE POLICY {self.table}_{role} ON {self.table} FOR {command} TO fenji_{role}"]
        if command != "INSERT":
            parts.append(f"USING ({using})")
        if command in ("ALL", "INSERT", "UPDATE"):
            parts.append(f"WITH CHECK ({check or using})")
        return " ".join(parts)

    def app_policies(self) -> list[str]:
        """SQL of the policies that bind the app role."""
        if not self.shape.read:
            return [self._policy("app", "ALL", self.shape.using, self.shape.check)]
        reads = f"CREATE POLICY {self.table}_app_read ON {self.table} FOR SELECT TO fenji_app USING ({self.shape.read})"
        changes = self._policy("app", "UPDATE", self.shape.using, self.shape.check)
        return [
            self._policy("app", "INSERT", self.shape.using, self.shape.check),
            changes.replace(f"POLICY {self.table}_app ", f"POLICY {self.table}_app_change ", 1),
            reads,
        ]

    def statements(self) -> list[str]:
        t = self.table
        named = [self._policy(role, command, using, "") for role, (command, using) in self.others.items()]
        return [
            f"ALTER TABLE {t} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {t} FORCE ROW LEVEL SECURITY",
            *self.app_policies(),
            self._policy("owner", "ALL", "true", ""),
            self._policy("load", "ALL", "true", ""),
            *named,
        ]

    def undo(self) -> list[str]:
        names = ["app", *(["app_read", "app_change"] if self.shape.read else []), "owner", "load", *self.others]
        drops = [f"DROP POLICY {self.table}_{name} ON {self.table}" for name in names]
        return [*drops, f"ALTER TABLE {self.table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY"]

    def describe(self) -> str:
        return f"Force row-level security on {self.table} ({self.shape.name})"


class Reshape(Protect):
    """Put a table's present shape in the place of an older one; policies of other roles stay as they are."""

    def statements(self) -> list[str]:
        t = self.table
        old = [f"DROP POLICY IF EXISTS {t}_{name} ON {t}" for name in ("app", "app_read", "app_change")]
        return [*old, *self.app_policies()]

    def undo(self) -> list[str]:
        return []

    def describe(self) -> str:
        return f"Renew the app's policies on {self.table} ({self.shape.name})"


class Admit(_Reversible):
    """Let the app role read further rows of a protected table; what it may write stays as it was."""

    def __init__(self, table: str, reader: Reader) -> None:
        self.table = table
        self.reader = reader

    def deconstruct(self):
        return (type(self).__name__, [self.table, self.reader], {})

    def statements(self) -> list[str]:
        name = f"{self.table}_app_{self.reader.name}"
        return [f"CREATE POLICY {name} ON {self.table} FOR SELECT TO fenji_app USING ({self.reader.using})"]

    def undo(self) -> list[str]:
        return [f"DROP POLICY {self.table}_app_{self.reader.name} ON {self.table}"]

    def describe(self) -> str:
        return f"Further readers of {self.table} ({self.reader.name})"
