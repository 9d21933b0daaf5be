"""The one door by identity number, and search."""

from __future__ import annotations

import threading
from collections import Counter

import psycopg
import pytest
from django.conf import settings
from django.db import DatabaseError, connection, connections, transaction

from fenji.care.registry import actions, queries
from fenji.care.registry.models import Identity, Resident
from fenji.care.registry.rules import new_resident
from fenji.ground.access.models import ReadLog
from fenji.ground.common.edge import now
from fenji.ground.common.identity import identity_check
from tests.cast import a_resident, other_doctor, person, scope, token_for
from tests.plugin import url


def card_of(resident: Resident) -> str:
    row = Identity.objects.using("load").get(pk=resident.pk)
    return settings.DATABASE_KEYS.open(bytes(row.number), f"identity.number:{resident.pk}")


def card(stem: str) -> str:
    return stem + identity_check(stem)


def a_foreigner(number: int) -> Resident:
    """A resident of township B."""
    with transaction.atomic(), scope(other_doctor()):
        return a_resident(other_doctor(), number)


def test_the_door_opens_a_record_of_another_township_and_is_logged(house_file: object) -> None:
    there, doctor = a_foreigner(20), person("doctor")
    with transaction.atomic(), scope(doctor) as by:
        assert not Resident.objects.filter(pk=there.pk).exists()
        for _ in range(2):
            assert actions.find_by_identity(card_of(there), by=by) == there.pk
        assert queries.resident(there.pk).viewer_ids == [doctor.org_id]
    log = ReadLog.objects.using("owner").filter(purpose="door", account_id=doctor.id, subject=str(there.pk))
    assert log.count() == 2


def test_a_miss_is_logged_too_and_shows_nothing(house_file: object) -> None:
    doctor = person("doctor2")
    before = ReadLog.objects.using("owner").filter(purpose="door", account_id=doctor.id).count()
    with transaction.atomic(), scope(doctor) as by:
        assert actions.find_by_identity(card("35042719110101777"), by=by) is None
    assert ReadLog.objects.using("owner").filter(purpose="door", account_id=doctor.id).count() == before + 1


def test_after_the_hourly_limit_the_door_stays_shut(house_file: object) -> None:
    doctor = other_doctor()
    made = ReadLog.objects.using("owner").filter(purpose="door", account_id=doctor.id).count()
    token = token_for(doctor, door_per_hour=made + 3)
    with transaction.atomic(), scope(doctor, token) as by:
        for _ in range(3):
            actions.find_by_identity(card("35042719110101777"), by=by)
        with pytest.raises(actions.TooManyLookups):
            actions.find_by_identity(card("35042719110101777"), by=by)


@pytest.mark.parametrize("login", ["desk", "reviewer", "head", "officer", "audit"])
def test_the_door_is_closed_to_other_roles_also_in_raw_sql(db: None, login: str) -> None:
    index = settings.INDEX_KEYS.index(card("35042719110101777"), "identity.number")
    with scope(person(login)), pytest.raises(DatabaseError, match="closed to this scope"):
        run("SELECT registry_door(ARRAY[%s]::bytea[], gen_random_uuid())", index)


def run(statement: str, *values: object) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_the_index_column_cannot_be_read_by_the_app(db: None) -> None:
    with scope(person("doctor")), pytest.raises(DatabaseError, match="permission denied"):
        run("SELECT number_index FROM registry_identity")


def test_twenty_people_registering_one_person_make_one_record(house_file: object) -> None:
    number = card("35042719700707555")
    barrier = threading.Barrier(20)
    seen: list[str] = []
    tokens = {name: token_for(person(name)) for name in ("doctor", "doctor2")}

    def register(i: int) -> None:
        name = ("doctor", "doctor2")[i % 2]
        try:
            barrier.wait()
            with transaction.atomic(), scope(person(name), tokens[name]) as by:
                actions.register(new_resident("陈独一", number, "", "", now().date()), by=by, at=now())
            seen.append("made")
        except actions.AlreadyRegistered as refusal:
            seen.append(f"led to {refusal.detail['resident']}")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=register, args=(i,)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = Resident.objects.using("owner").get(name="陈独一")
    assert Counter(seen) == {"made": 1, f"led to {made.pk}": 19}


def test_search_finds_by_any_part_and_any_reading_and_only_at_home(house_file: object) -> None:
    with transaction.atomic(), scope(person("doctor")) as by:
        made = actions.register(new_resident("覃小瑜", card("35042719800808666"), "", "", now().date()), by=by, at=now())
        for typed in ("覃", "覃小", "小瑜", "瑜", "qinxiaoyu", "qxy", "tanxiaoyu", "txy", "TXY", "ｑｘｙ"):
            assert made.pk in [r.pk for r in queries.search(typed)], typed
        assert made.pk not in [r.pk for r in queries.search("覃瑜")]
        assert queries.search("") == []
    with transaction.atomic(), scope(other_doctor()):
        assert made.pk not in [r.pk for r in queries.search("覃小瑜")]


def test_more_hits_than_a_page_are_said(db: None) -> None:
    with scope(person("doctor")):
        assert len(queries.search("l", limit=5)) == 6


def test_numbers_and_phones_stand_nowhere_in_clear(house_file: object) -> None:
    number, phone = card("35042719850909444"), "13700137000"
    with transaction.atomic(), scope(person("doctor")) as by:
        actions.register(new_resident("陈密文", number, phone, "", now().date()), by=by, at=now())
    with psycopg.connect(url("postgres")) as root:
        tables = root.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        assert len(tables) > 20
        for (table,) in tables:
            found = root.execute(
                f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s OR t::text LIKE %s OR t::text LIKE %s",
                [f"%{number}%", f"%{phone}%", f"%{number.encode().hex()}%"],
            ).fetchone()
            assert found == (0,), table
