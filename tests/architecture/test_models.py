"""Every field is classified, every protected table is protected in the database as its model says, borders hold for keys too."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connections, transaction
from django.db.models import BinaryField, ForeignKey

from fenji.ground.common.models import PRIVACY_CLASSES, House
from fenji.ground.common.rls import ROLES, Admit, Protect
from fenji.ground.common.sealed import Sealed, registered

FLOORS = ["ground", "care", "measure", "reach", "govern", "front"]
ROOMS = [
    *("common", "access", "policy", "network", "tasks", "documents", "publication"),
    *("catalogue", "registry", "visits", "booking", "continuity", "referral", "telehealth"),
    *("encounters", "journeys", "referral_quality", "returns", "indicators"),
    "desk",
]
PROTECTED_CLASSES = {"person", "patient", "pay", "secret"}


def house_models() -> list[type[House]]:
    return [m for m in apps.get_models() if issubclass(m, House)]


def test_all_models_of_the_house_are_house_models() -> None:
    ours = [m for m in apps.get_models() if m.__module__.startswith("fenji.")]
    assert ours
    assert all(issubclass(m, House) for m in ours)


@pytest.mark.parametrize("model", house_models(), ids=lambda m: m._meta.label)
def test_every_field_has_a_privacy_class(model: type[House]) -> None:
    names = {f.name for f in model._meta.concrete_fields}
    assert names == set(model.privacy), f"name the privacy class of {names ^ set(model.privacy)} in {model._meta.label}.privacy"
    assert set(model.privacy.values()) <= PRIVACY_CLASSES


@pytest.mark.parametrize("model", house_models(), ids=lambda m: m._meta.label)
def test_tables_with_personal_or_secret_fields_have_a_shape(model: type[House]) -> None:
    if PROTECTED_CLASSES & set(model.privacy.values()):
        assert model.shape is not None, f"{model._meta.label} needs a shape: who sees which rows?"


@pytest.mark.parametrize("model", house_models(), ids=lambda m: m._meta.label)
def test_foreign_keys_point_to_the_same_or_a_lower_room(model: type[House]) -> None:
    mine = ROOMS.index(model._meta.app_label)
    for field in model._meta.concrete_fields:
        if isinstance(field, ForeignKey):
            theirs = ROOMS.index(field.related_model._meta.app_label)
            assert theirs <= mine, f"{model._meta.label}.{field.name} points up to {field.related_model._meta.label}"


_TABLES = """
SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, pg_get_userbyid(c.relowner)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
"""


def _query(sql: str, alias: str = "owner") -> list[tuple]:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def test_the_database_forces_row_security_exactly_where_the_models_say(house_file: object) -> None:
    found = {name: (enabled, forced) for name, enabled, forced, _ in _query(_TABLES)}
    for model in house_models():
        wanted = (True, True) if model.shape is not None else (False, False)
        assert found[model._meta.db_table] == wanted, model._meta.label


def _app_policies(cursor: object, table: str) -> list[tuple]:
    wanted = "SELECT policyname, qual, with_check, cmd, roles FROM pg_policies WHERE tablename = %s AND 'fenji_app' = ANY (roles)"
    cursor.execute(f"{wanted} ORDER BY policyname", [table])
    return cursor.fetchall()


@pytest.mark.parametrize("model", [m for m in house_models() if m.shape is not None], ids=lambda m: m._meta.label)
def test_the_app_policies_of_a_table_are_its_models_shape(house_file: object, model: type[House]) -> None:
    # the database words policies its own way: make the model's policy anew, read it back, and compare like with like
    table = model._meta.db_table
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        installed = _app_policies(cursor, table)
        assert installed
        for name, *_ in installed:
            cursor.execute(f"DROP POLICY {name} ON {table}")
        further = [statement for reader in model.readers for statement in Admit(table, reader).statements()]
        for statement in [*Protect(table, model.shape).app_policies(), *further]:
            cursor.execute(statement)
        assert installed == _app_policies(cursor, table)
        transaction.set_rollback(True, using="owner")


def test_tables_without_a_shape_have_no_policy(house_file: object) -> None:
    with_policy = {t for (t,) in _query("SELECT DISTINCT tablename FROM pg_policies WHERE schemaname = 'public'")}
    assert with_policy == {m._meta.db_table for m in house_models() if m.shape is not None}


def test_no_policy_reads_a_setting_and_only_public_tables_are_open_to_readers(house_file: object) -> None:
    open_to_readers = {m._meta.db_table for m in house_models() if not PROTECTED_CLASSES & set(m.privacy.values())}
    for table, qual, check, roles, command in _query(
        "SELECT tablename, qual, with_check, roles, cmd FROM pg_policies WHERE schemaname = 'public'"
    ):
        assert "current_setting" not in f"{qual} {check}", table
        assert "public" not in roles, table
        if "fenji_app" in roles:
            assert check != "true", table
            assert qual != "true" or (command == "SELECT" and table in open_to_readers), table


def test_all_tables_belong_to_the_owner_role_and_views_do_not_bypass_policies(house_file: object) -> None:
    assert {owner for *_, owner in _query(_TABLES)} == {"fenji_owner"}
    views = "SELECT c.relname, c.reloptions FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    for name, options in _query(f"{views} WHERE c.relkind = 'v' AND n.nspname = 'public'"):
        assert "security_invoker=true" in (options or []), name


def test_only_backup_may_bypass_and_nobody_is_superuser(house_file: object) -> None:
    rows = _query(f"SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname IN {ROLES}")
    assert {r[0] for r in rows} == set(ROLES)
    assert not any(r[1] for r in rows)
    assert [r[0] for r in rows if r[2]] == ["fenji_backup"]


@pytest.mark.parametrize("alias", ["default", "job", "door"])
def test_serving_roles_may_not_truncate_alter_or_become_another(house_file: object, alias: str) -> None:
    from django.db.utils import ProgrammingError

    for statement in (
        "TRUNCATE registry_resident",
        "ALTER TABLE registry_resident DISABLE ROW LEVEL SECURITY",
        "SET ROLE fenji_owner",
    ):
        with pytest.raises(ProgrammingError, match=r"must be|permission denied"):
            _query(statement, alias)


def test_text_that_is_compared_is_sorted_by_code_point(house_file: object) -> None:
    rows = _query(
        "SELECT a.attname, col.collname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " LEFT JOIN pg_collation col ON col.oid = a.attcollation WHERE c.relname = 'registry_resident' AND a.attnum > 0"
        " AND a.attname IN ('name', 'name_2', 'name_3', 'pinyin', 'initials', 'path')"
    )
    assert len(rows) == 6
    assert {collation for _, collation in rows} == {"C"}


def test_definer_functions_fix_their_search_path_and_are_closed_to_the_public(house_file: object) -> None:
    rows = _query(
        "SELECT p.proname, p.proconfig, p.proacl::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        " WHERE n.nspname = 'public' AND p.prosecdef"
    )
    assert {r[0] for r in rows} >= {"access_enter", "access_scope_orgs", "registry_door"}
    for name, config, acl in rows:
        assert any(c.startswith("search_path=") for c in config or []), name
        assert "=X/" not in (acl or "=X/").replace("fenji_app=X/", "").replace("fenji_owner=X/", "").replace("fenji_job=X/", ""), (
            name
        )


HASHES = {
    ("access_scopehandle", "token_hash"),
    ("access_idempotencykey", "fingerprint"),
    ("access_account", "activation_hash"),
    ("referral_caselink", "token_hash"),
    ("referral_caselink", "digest"),
}
"""Secret columns that are digests without a key: nothing of them has to be rotated."""


def test_every_encrypted_column_is_registered_for_rotation() -> None:
    known = {pair for s in registered() for pair in ((s.table, s.column), (s.table, s.index)) if pair[1]}
    found = {
        (model._meta.db_table, field.column)
        for model in house_models()
        for field in model._meta.concrete_fields
        if isinstance(field, BinaryField) and model.privacy[field.name] in PROTECTED_CLASSES
    }
    forgotten = found - known - HASHES
    assert not forgotten, f"register {sorted(forgotten)} with ground.common.sealed in the room's apps.py"
    assert known <= found, f"no such encrypted columns: {sorted(known - found)}"


@pytest.mark.parametrize("sealed", registered(), ids=lambda s: f"{s.table}.{s.column}")
def test_a_registered_column_names_columns_that_are_there(sealed: Sealed) -> None:
    model = next(m for m in house_models() if m._meta.db_table == sealed.table)
    columns = {f.column for f in model._meta.concrete_fields}
    assert {sealed.column, sealed.key, *sealed.fields} <= columns
    assert sealed.fields, "a context that is the same for all rows lets values be exchanged between them"
    assert bool(sealed.index) == bool(sealed.purpose)
