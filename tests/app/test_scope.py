"""Row-level security on residents, tried with raw SQL as the app role."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from fenji.care.registry.models import Resident
from tests.cast import other_doctor, person, scope, token_for


def _count(sql: str = "SELECT count(*) FROM registry_resident") -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def test_a_doctor_sees_the_residents_of_the_own_township_and_no_others(db: None) -> None:
    doctor = person("doctor")
    with scope(doctor):
        mine = _count()
        assert mine > 50
        assert set(Resident.objects.values_list("home_org_id", flat=True)) == {doctor.org_id}
    with scope(other_doctor()):
        assert not Resident.objects.filter(home_org_id=doctor.org_id).exists()


def test_an_unscoped_read_fails_loudly(db: None) -> None:
    with pytest.raises(DatabaseError, match=r"unrecognized configuration parameter|no scope is open"), transaction.atomic():
        _count()


def test_a_scope_left_behind_is_closed(db: None) -> None:
    with scope(person("doctor")):
        pass
    with pytest.raises(DatabaseError, match="no scope is open"), transaction.atomic():
        _count()


def test_a_forged_token_sees_nothing(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('fenji.scope', 'forged', true)")
    assert _count() == 0
    assert _count("SELECT count(*) FROM referral_case") == 0


def test_the_app_role_can_neither_read_nor_make_a_handle(db: None) -> None:
    for statement in (
        "SELECT * FROM access_scopehandle",
        "INSERT INTO access_scopehandle (token_hash) VALUES ('x')",
        "SELECT access_scope_row()",
    ):
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.mark.parametrize("username", ["officer", "system", "security", "audit"])
def test_roles_that_are_not_clinical_reach_no_resident(db: None, username: str) -> None:
    with scope(person(username)):
        assert _count() == 0


def test_a_hospital_doctor_reaches_only_the_hospitals_own_residents(db: None) -> None:
    who = person("specialist")
    with scope(who):
        # whom they opened at the door in another test is theirs too
        assert not Resident.objects.exclude(viewer_ids__contains=[who.org_id]).exists()


@pytest.mark.parametrize("alias", ["job", "door"])
def test_job_and_door_roles_cannot_read_residents(house_file: object, alias: str) -> None:
    from django.db import connections

    with pytest.raises(DatabaseError, match="permission denied"), connections[alias].cursor() as cursor:
        cursor.execute("SELECT name FROM registry_resident LIMIT 1")


def test_an_ended_or_idle_session_opens_nothing(db: None) -> None:
    from datetime import timedelta

    from fenji.ground.access import queries
    from fenji.ground.access.actions import close_session
    from fenji.ground.access.models import ScopeHandle
    from fenji.ground.common.edge import now

    token = token_for(person("doctor"))
    assert queries.enter(token) is not None
    close_session(token, at=now())
    assert queries.enter(token) is None
    idle = token_for(person("doctor"))
    ScopeHandle.objects.using("door").filter(token_hash=queries.token_hash(idle)).update(seen_at=now() - timedelta(minutes=31))
    assert queries.enter(idle) is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('fenji.scope', %s, true)", [idle])
    assert _count() == 0


def test_search_by_prefix_uses_an_index_under_row_security(db: None) -> None:
    with scope(person("doctor")), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN SELECT id FROM registry_resident WHERE initials ^@ 'cxm' ORDER BY pinyin, id LIMIT 50")
        plan = "\n".join(r[0] for r in cursor.fetchall())
    assert "resident_initials" in plan, plan
