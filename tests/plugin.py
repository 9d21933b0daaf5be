"""Before anything is imported: a throw-away house, so that Django can be set up. Its server starts with the first test that
asks for `house_file`, and ends with the run. The house is built once and kept; every module that asks for it works on a copy, so
that no module sees what another one wrote.

With FENJI_TEST_SERVER (a superuser's address) the house stands on that server instead, see tools/with-postgresql.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
from hypothesis import settings
from psycopg.conninfo import make_conninfo

from fenji.config import database, embedded, house, translations

_FOLDER = Path(tempfile.mkdtemp(prefix="fenji-test-"))
_FOLDER.chmod(0o755)
PLACE = embedded.locate(_FOLDER)
HOUSE_FILE = PLACE.data / "house.json"
RESIDENTS = 6000
SERVER = os.environ.get("FENJI_TEST_SERVER", "")
KEPT = f"{database.DATABASE}_kept"
"""The database of the house as it was built: nobody connects to it, each module's is copied from it."""
_started = False
_made: list[Any] = []
F = TypeVar("F", bound=Callable[..., object])


def url(role: str, name: str = database.DATABASE) -> str:
    """The address of the tests' server for a role; `postgres` is the superuser."""
    return make_conninfo(SERVER, user=role, dbname=name) if SERVER else PLACE.url(role, name)


house.write(house.fresh({r.removeprefix("fenji_"): url(r) for r in database.ROLES}, demo=True), HOUSE_FILE)
os.environ["FENJI_STATIC"] = str(_FOLDER / "static")
translations.compile_catalogues()
database.configure(HOUSE_FILE)


# machines are noisy: no example fails because it took long
settings.register_profile("house", deadline=None)
settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="the long versions: more rounds, more examples")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        chosen = [i for i in items if i.get_closest_marker("long") is None]
        config.hook.pytest_deselected(items=[i for i in items if i not in chosen])
        items[:] = chosen


def pytest_unconfigure(config: pytest.Config) -> None:
    from django.db import connections

    connections.close_all()
    if _started and not SERVER:
        embedded.stop(PLACE)
    shutil.rmtree(PLACE.socket, ignore_errors=True)
    shutil.rmtree(_FOLDER, ignore_errors=True)


def once_a_house(function: F) -> F:
    """A cache of what tests wrote to the database: it is forgotten with it."""
    kept = cache(function)
    _made.append(kept)
    return kept  # type: ignore[return-value]


def _forget() -> None:
    """What this process remembers of a database that is to go, or has gone."""
    from django.db import connections

    from fenji.ground.policy import queries

    connections.close_all()
    queries.forget_changes()
    queries.forget_calendars()
    for kept in _made:
        kept.cache_clear()


@pytest.fixture(scope="session")
def built_house() -> Iterator[None]:
    """A started, migrated house with the invented county in it, put aside."""
    global _started
    from django.test.utils import setup_test_environment, teardown_test_environment

    from fenji.config.cli import ready
    from fenji.ground.common.edge import now
    from fenji.world.build import build

    _started = True
    if not SERVER:
        embedded.start(PLACE, durable=False)
    admin = url("postgres", "postgres")
    database.make_roles(admin)
    database.make_database(admin)
    ready.set_up(HOUSE_FILE)
    build(at=now(), residents=RESIDENTS, cases=False)
    ready.collect_static()
    _forget()
    with psycopg.connect(admin, autocommit=True) as root:
        root.execute(f"ALTER DATABASE {database.DATABASE} RENAME TO {KEPT}")
    setup_test_environment(debug=False)
    yield
    teardown_test_environment()


@pytest.fixture(scope="module")
def house_file(built_house: None) -> Iterator[Path]:
    """The house as it was built, for one module: the same file and addresses each time, with a database of its own behind them."""
    admin = url("postgres", "postgres")
    with psycopg.connect(admin, autocommit=True) as root:
        root.execute(f"CREATE DATABASE {database.DATABASE} OWNER fenji_owner TEMPLATE {KEPT} STRATEGY FILE_COPY")
    database.make_database(admin)  # who may connect is not copied
    _forget()
    yield HOUSE_FILE
    _forget()
    with psycopg.connect(admin, autocommit=True) as root:
        root.execute(f"DROP DATABASE {database.DATABASE} WITH (FORCE)")


@pytest.fixture
def db(house_file: Path) -> Iterator[None]:
    """One transaction of the app role around a test, taken back at its end."""
    from django.db import transaction

    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def packs_alone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests without a database take policy from the packs: they have no house whose approved changes could count."""
    if "house_file" not in request.fixturenames:
        from fenji.ground.policy import queries

        monkeypatch.setattr(queries, "_read_changes", list)
