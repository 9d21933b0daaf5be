"""Before anything is imported: a throw-away house, so that Django can be set up. Its server starts with the first test that
asks for `house`, and ends with the run.

With FENJI_TEST_SERVER (a superuser's address) the house stands on that server instead, see tools/with-postgresql.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

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
_started = False


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


@pytest.fixture(scope="session")
def house_file() -> Iterator[Path]:
    """A started, migrated house with the invented county in it."""
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
    setup_test_environment(debug=False)
    yield HOUSE_FILE
    teardown_test_environment()


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
