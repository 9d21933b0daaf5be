"""Lists of a house of the first release live on: in force as they were, with codes, names and levels, and frozen like any other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import DatabaseError, connections, transaction
from django.db.migrations.executor import MigrationExecutor

from fenji.config import database
from tests import plugin

NAME = "upgrade"
FIRST_RELEASE = ("catalogue", "0002_grants")
_ROWS = """
INSERT INTO network_region (id, kind) VALUES (1, 'county');
INSERT INTO network_organisation (id, kind, name, region_id, care_tier, path, simulated, version)
     VALUES (3, 'care', '总医院', 1, 'county', '350405000000/00000003', true, 1),
            (104, 'care', '卫生院', 1, 'township', '350405101000/00000104', true, 1);
INSERT INTO catalogue_diagnosis (code, name_zh, name_en, initials, "group")
     VALUES ('I10.x00', '原发性高血压', 'Hypertension', 'yfxgxy', 'hypertension'), ('I64.x00', '脑卒中', 'Stroke', 'nzz', '');
INSERT INTO catalogue_diseaselist (id, kind, org_id, number, start, "end")
     VALUES (1, 'first_contact', 3, 1, '2022-03-01', '2023-07-01'), (2, 'first_contact', 3, 2, '2023-07-01', NULL),
            (104, 'treatable', 104, 1, '2022-03-01', NULL);
INSERT INTO catalogue_listentry (list_id, "group")
     VALUES (1, 'hypertension'), (2, 'hypertension'), (2, 'I64'), (104, 'I64'), (104, 'gone');
"""


@pytest.fixture
def upgraded(house_file: Path) -> Iterator[Any]:
    """A database of the first release with lists in it, brought up to date; a cursor of its owner."""
    admin = plugin.url("postgres", "postgres")
    database.make_database(admin, NAME)
    connections.databases[NAME] = {**settings.DATABASES["owner"], "NAME": NAME}
    try:
        MigrationExecutor(connections[NAME]).migrate([FIRST_RELEASE])
        with connections[NAME].cursor() as cursor:
            cursor.execute(_ROWS)
        executor = MigrationExecutor(connections[NAME])
        executor.migrate([node for node in executor.loader.graph.leaf_nodes() if node[0] == "catalogue"])
        with connections[NAME].cursor() as cursor:
            yield cursor
    finally:
        connections[NAME].close()
        del connections[NAME]
        del connections.databases[NAME]
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


def test_released_lists_stay_in_force_as_they_were(upgraded: Any) -> None:
    upgraded.execute('SELECT id, kind, state, number, start::text, "end"::text FROM catalogue_listversion ORDER BY id')
    assert upgraded.fetchall() == [
        (1, "first_contact", "published", 1, "2022-03-01", "2023-07-01"),
        (2, "first_contact", "published", 2, "2023-07-01", None),
        (104, "treatable", "published", 1, "2022-03-01", None),
    ]
    upgraded.execute('SELECT list_id, "group", code, name_zh, level FROM catalogue_diseaseentry ORDER BY list_id, "group"')
    assert upgraded.fetchall() == [
        (1, "hypertension", "I10.x00", "原发性高血压", "township"),
        (2, "I64", "I64.x00", "脑卒中", "township"),
        (2, "hypertension", "I10.x00", "原发性高血压", "township"),
        (104, "I64", "I64.x00", "脑卒中", ""),
        (104, "gone", "", "", ""),  # the dictionary has no such group: it stays, without a name
    ]
    upgraded.execute("SELECT diagnosis_id, initials FROM catalogue_reading ORDER BY id")
    assert upgraded.fetchall() == [("I10.x00", "yfxgxy"), ("I64.x00", "ncz"), ("I64.x00", "nzz")]


def test_released_lists_are_frozen_and_new_ones_get_numbers_of_their_own(upgraded: Any) -> None:
    with pytest.raises(DatabaseError, match="only drafts"), transaction.atomic(using=NAME):
        upgraded.execute("UPDATE catalogue_diseaseentry SET level = 'village'")
    upgraded.execute(
        "INSERT INTO catalogue_listversion (kind, org_id, number, state, note, writers, version)"
        " VALUES ('treatable', 104, 2, 'draft', '', '{}', 1) RETURNING id"
    )
    assert upgraded.fetchone()[0] > 104
