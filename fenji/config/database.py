"""Roles, database and migrations, for the embedded server and for any other."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fenji.config import house
from fenji.ground.common.edge import now
from fenji.ground.common.rls import ROLES

DATABASE = "fenji"
_ATTRIBUTES = {"fenji_owner": "CREATEDB", "fenji_backup": "BYPASSRLS"}
_MINIMUM_VERSION = 150000


class DatabaseProblem(RuntimeError):
    """The database cannot be used; the message says what to do."""


def make_roles(admin_url: str, passwords: dict[str, str] | None = None) -> None:
    """Make the roles that are missing, each with its least rights; with `passwords` also set them. As a superuser."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        if connection.info.server_version < _MINIMUM_VERSION:
            raise DatabaseProblem(f"PostgreSQL {connection.info.server_version // 10000} is too old; 15 or newer is needed")
        known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
        for role in ROLES:
            verb = "ALTER" if role in known else "CREATE"
            plain = "NOSUPERUSER NOCREATEROLE NOREPLICATION"
            extra = _ATTRIBUTES.get(role, "NOCREATEDB NOBYPASSRLS")
            statement = sql.SQL(f"{verb} ROLE {{}} LOGIN {plain} {extra}").format(sql.Identifier(role))
            if passwords:
                statement += sql.SQL(" PASSWORD {}").format(sql.Literal(passwords[role]))
            connection.execute(statement)


def make_database(admin_url: str, name: str = DATABASE) -> bool:
    """Make the database if there is none; returns whether it was made. Only our roles may connect to it."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        made = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None
        if made:
            query = "CREATE DATABASE {} OWNER fenji_owner TEMPLATE template0 ENCODING 'UTF8'"
            connection.execute(sql.SQL(query).format(sql.Identifier(name)))
    roles = sql.SQL(", ").join(map(sql.Identifier, ROLES))
    base = sql.Identifier(name)
    with psycopg.connect(make_conninfo(admin_url, dbname=name), autocommit=True) as connection:
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(base))
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(base, roles))
        connection.execute(sql.SQL("GRANT TEMPORARY ON DATABASE {} TO fenji_load").format(base))
        connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        connection.execute("ALTER SCHEMA public OWNER TO fenji_owner")
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(roles))
    return made


def _known_roles(admin_url: str) -> list[str]:
    with psycopg.connect(admin_url, autocommit=True) as connection:
        found = connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) ORDER BY 1", [list(ROLES)])
        return [row[0] for row in found]


def initialise(admin_url: str, file: Path, name: str = DATABASE) -> house.House:
    """`fenji db init`: roles with fresh passwords, database, and the house file. Refuses to replace a house file."""
    if file.exists():
        raise DatabaseProblem(f"{file} exists already; it holds the keys of a house. Move it away if you mean to start anew")
    if known := _known_roles(admin_url):
        raise DatabaseProblem(
            f"this server has the roles {', '.join(known)} already: another house uses them, and new passwords would lock it out. "
            "Use a server of its own for each house, or drop these roles if that house is gone"
        )
    passwords = {role: secrets.token_urlsafe(24) for role in ROLES}
    make_roles(admin_url, passwords)
    make_database(admin_url, name)
    parts = conninfo_to_dict(admin_url)
    urls = {}
    for role in ROLES:
        mine = {**parts, "user": role, "password": passwords[role], "dbname": name}
        urls[role.removeprefix("fenji_")] = make_conninfo(**mine)
    made = house.fresh(urls, demo=False, at=now())
    file.parent.mkdir(parents=True, exist_ok=True)
    house.write(made, file)
    return made


def configure(file: Path) -> None:
    """Point this process at a house file and set Django up."""
    import django

    os.environ[house.VARIABLE] = str(file)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fenji.config.settings")
    django.setup()


def migrate() -> int:
    """Bring the tables up to date as the owner role; returns how many migrations ran."""
    from django.core.management import call_command
    from django.db import connections
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connections["owner"])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        call_command("migrate", database="owner", verbosity=0, interactive=False)
        with connections["owner"].cursor() as cursor:  # also the tables that are not ours, so that a dump is whole
            cursor.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO fenji_backup")
            cursor.execute("GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO fenji_backup")
    return len(plan)
