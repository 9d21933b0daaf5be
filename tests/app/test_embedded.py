"""The embedded server and the house file, in folders of their own: starting, dying, being in the way, being refused."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from fenji.config import database, embedded, house
from fenji.config.running import free_port, port_is_taken
from fenji.config.walker import until
from fenji.ground.common.rls import ROLES
from tests.app.houses import a_house

ROOT = Path(__file__).resolve().parents[2]
_CLEAN = {k: v for k, v in os.environ.items() if not k.startswith(("FENJI_", "DJANGO_", "DATABASE_"))}
_START = (
    "import sys; from pathlib import Path; from fenji.config import embedded\n"
    "place = embedded.locate(Path(sys.argv[1]))\n"
    "print(embedded.start(place, durable=False), embedded.alive(place))\n"
)


@contextmanager
def somewhere() -> Iterator[embedded.Place]:
    """A place of its own, with nothing in it yet; stopped and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="fenji-embedded-"))
    folder.chmod(0o755)
    place = embedded.locate(folder)
    try:
        yield place
    finally:
        with suppress(embedded.ServerProblem):
            embedded.stop(place)
        shutil.rmtree(place.socket, ignore_errors=True)
        shutil.rmtree(place.data, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def place() -> Iterator[embedded.Place]:
    with somewhere() as found:
        yield found


@pytest.fixture(scope="module")
def running() -> Iterator[embedded.Place]:
    """A server that stays up through the module."""
    with somewhere() as found:
        embedded.start(found, durable=False)
        yield found


def _postmaster(place: embedded.Place) -> int:
    return int((place.cluster / "postmaster.pid").read_text().split()[0])


def _kill(place: embedded.Place) -> int:
    """kill -9 of the server, and wait until it is gone. Returns the number it had."""
    number = _postmaster(place)
    os.kill(number, signal.SIGKILL)
    assert until(lambda: not embedded.alive(place) and not _exists(number), 20)
    return number


def _exists(number: int) -> bool:
    try:  # a zombie is gone but for its entry, whose command line is empty
        return Path(f"/proc/{number}/cmdline").read_bytes() != b""
    except FileNotFoundError:
        return False


def _write(place: embedded.Place, text: str, table: str = "kept") -> None:
    with psycopg.connect(place.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE TABLE IF NOT EXISTS {table} (word text)")
        connection.execute(f"INSERT INTO {table} VALUES (%s)", [text])


def _words(place: embedded.Place, table: str = "kept") -> list[str]:
    with psycopg.connect(place.url("postgres", "postgres")) as connection:
        return [w for (w,) in connection.execute(f"SELECT word FROM {table}")]


def _fenji(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fenji", *arguments],
        cwd=ROOT, env={**_CLEAN, **variables}, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip


# --- starting ----------------------------------------------------------------------------------------------------------------


def test_a_second_start_attaches_to_the_running_server(running: embedded.Place) -> None:
    before = _postmaster(running)
    assert embedded.start(running) < 1
    assert _postmaster(running) == before
    assert embedded.alive(running)


@pytest.mark.parametrize("count", [2, 4])
def test_processes_that_start_at_once_share_one_server(place: embedded.Place, count: int) -> None:
    shutil.rmtree(place.socket)
    shutil.rmtree(place.cluster)
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", _START, str(place.data)],
            cwd=ROOT, env=_CLEAN, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(count)
    ]  # fmt: skip
    ended = [p.communicate(timeout=120) for p in starts]
    assert [p.returncode for p in starts] == [0] * count, ended
    assert all(out.split()[-1] == "True" for out, _ in ended)
    _write(place, "one server")
    assert _words(place) == ["one server"]


def test_making_the_folders_is_no_race(place: embedded.Place) -> None:
    """A folder is made and handed to the server's user in two steps; nobody may look in between."""
    shutil.rmtree(place.socket)
    shutil.rmtree(place.cluster)
    slow = "import shutil, time; give = shutil.chown; shutil.chown = lambda *a: (time.sleep(0.3), give(*a))\n"
    starts = [
        subprocess.Popen([sys.executable, "-c", slow + _START, str(place.data)], cwd=ROOT, env=_CLEAN, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    told = [p.communicate(timeout=120)[1] for p in starts]
    assert [p.returncode for p in starts] == [0, 0], told


def test_making_the_system_user_is_no_race(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two first starts at once: the second finds that the user has been made in the meantime."""
    asked: list[str] = []

    def missing_at_first(name: str) -> object:
        asked.append(name)
        if len(asked) == 1:
            raise KeyError(name)
        return object()

    taken = subprocess.CompletedProcess([], 9, "", "useradd: user 'fenji' already exists")
    monkeypatch.setattr(embedded.pwd, "getpwnam", missing_at_first)
    monkeypatch.setattr(embedded.subprocess, "run", lambda *a, **k: taken)
    assert embedded._system_user() == embedded.SYSTEM_USER


def test_a_system_user_that_cannot_be_made_is_named_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise KeyError(name)

    refused = subprocess.CompletedProcess([], 1, "", "useradd: cannot lock /etc/passwd")
    monkeypatch.setattr(embedded.pwd, "getpwnam", missing)
    monkeypatch.setattr(embedded.subprocess, "run", lambda *a, **k: refused)
    with pytest.raises(embedded.ServerProblem, match=r"cannot lock.*useradd --system fenji"):
        embedded._system_user()


# --- dying -------------------------------------------------------------------------------------------------------------------


def test_after_kill_9_of_the_server_a_start_works_and_committed_rows_are_there(place: embedded.Place) -> None:
    embedded.start(place)
    _write(place, "committed")
    first = _kill(place)
    assert (place.cluster / "postmaster.pid").exists()
    embedded.start(place)
    assert embedded.alive(place)
    assert _postmaster(place) != first
    assert _words(place) == ["committed"]


def _stale(place: embedded.Place, number: int) -> None:
    """As after a reboot: the files of the dead server name a process that is now something else."""
    embedded.start(place, durable=False)
    _kill(place)
    file = place.cluster / "postmaster.pid"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([str(number), *lines[1:]]) + "\n")


def test_a_stale_process_number_of_another_program_is_recognised(place: embedded.Place) -> None:
    _stale(place, os.getpid())
    embedded.start(place, durable=False)
    assert embedded.alive(place)
    assert _postmaster(place) != os.getpid()


@contextmanager
def _bystander(place: embedded.Place) -> Iterator[subprocess.Popen[bytes]]:
    """Another program of the server's user."""
    process = subprocess.Popen(["/bin/sleep", "120"], cwd="/", **place.ids)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_stale_number_that_the_servers_user_uses_again_is_recognised(place: embedded.Place) -> None:
    """The harder case: the number belongs to a living process of the same user, in both lock files."""
    with _bystander(place) as other:
        _stale(place, other.pid)
        lock = next(place.socket.glob(".s.PGSQL.*.lock"))
        lock.write_text("\n".join([str(other.pid), *lock.read_text().splitlines()[1:]]) + "\n")
        embedded.start(place, durable=False)
        assert embedded.alive(place)
        assert other.poll() is None


def test_stopping_with_a_stale_number_leaves_the_other_program_alone(place: embedded.Place) -> None:
    with _bystander(place) as other:
        _stale(place, other.pid)
        assert embedded.stop(place) is False
        time.sleep(0.2)  # a signal would have arrived
        assert other.poll() is None


def test_a_first_start_that_was_killed_is_begun_anew(place: embedded.Place) -> None:
    """The machine went down while the database was being made: the half of it must not be taken for the whole."""
    starting = subprocess.Popen(
        [sys.executable, "-c", _START, str(place.data)], cwd=ROOT, env=_CLEAN, start_new_session=True, stdout=subprocess.DEVNULL
    )
    assert until(lambda: any(place.data.glob("*/PG_VERSION")), 60)
    os.killpg(starting.pid, signal.SIGKILL)
    starting.wait()
    assert not (place.cluster / "server.log").exists(), "the kill came too late to prove anything"
    embedded.start(place, durable=False)
    _write(place, "whole")
    assert _words(place) == ["whole"]


def test_a_folder_with_something_else_in_it_is_refused_and_left_as_it_is(place: embedded.Place) -> None:
    file = place.cluster / "thesis.txt"
    file.write_text("mine")
    with pytest.raises(embedded.ServerProblem, match="holds something that is not a database; move it away"):
        embedded.start(place, durable=False)
    assert file.read_text() == "mine"


def test_a_server_that_cannot_start_says_why_and_where_its_log_is(place: embedded.Place) -> None:
    embedded.start(place, durable=False)
    embedded.stop(place)
    with (place.cluster / "postgresql.conf").open("a") as settings:
        settings.write("no_such_setting = 1\n")
    with pytest.raises(embedded.ServerProblem, match=r"server\.log(.|\n)*no_such_setting"):
        embedded.start(place, durable=False)


# --- stopping ----------------------------------------------------------------------------------------------------------------


def test_stopping_says_whether_a_server_ran(place: embedded.Place) -> None:
    assert embedded.stop(place) is False
    embedded.start(place, durable=False)
    assert embedded.stop(place) is True
    assert not embedded.alive(place)
    assert embedded.stop(place) is False


# --- who may enter -----------------------------------------------------------------------------------------------------------


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_cluster_and_socket_folder_are_for_their_user_alone(running: embedded.Place) -> None:
    assert (_mode(running.cluster), _mode(running.socket)) == (0o700, 0o700)
    assert _mode(next(p for p in running.socket.iterdir() if p.is_socket())) == 0o700


def test_folders_that_were_opened_to_others_are_closed_again(place: embedded.Place) -> None:
    place.socket.chmod(0o755)
    place.cluster.chmod(0o750)
    embedded.locate(place.data)
    assert (_mode(place.cluster), _mode(place.socket)) == (0o700, 0o700)


def _as_root(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.chown(folder, 65534, 65534)


def _as_anybody(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Path.lstat

    def elsewhere(path: Path) -> os.stat_result:
        found = mine(path)
        return os.stat_result((*found[:4], 65534, *found[5:])) if path == folder else found

    monkeypatch.setattr(Path, "lstat", elsewhere)


give_away: Callable[[Path, pytest.MonkeyPatch], None] = _as_root if os.geteuid() == 0 else _as_anybody


@pytest.mark.parametrize("which", ["socket", "cluster"])
def test_a_folder_of_somebody_else_is_refused(place: embedded.Place, which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = getattr(place, which)
    give_away(folder, monkeypatch)
    with pytest.raises(embedded.ServerProblem, match=rf"{folder} belongs to somebody else.*FENJI_DATA"):
        embedded.locate(place.data)


def test_a_link_in_place_of_the_socket_folder_is_refused(place: embedded.Place, tmp_path: Path) -> None:
    place.socket.rmdir()
    place.socket.symlink_to(tmp_path)
    try:
        with pytest.raises(embedded.ServerProblem, match="belongs to somebody else"):
            embedded.locate(place.data)
    finally:
        place.socket.unlink()


def test_the_server_listens_on_no_network_address(running: embedded.Place) -> None:
    with psycopg.connect(running.url("postgres", "postgres")) as connection:
        (addresses,) = connection.execute("SHOW listen_addresses").fetchone()
        (port,) = connection.execute("SHOW port").fetchone()
    assert addresses == ""
    inodes = {os.readlink(f) for f in Path(f"/proc/{_postmaster(running)}/fd").iterdir()}
    listening = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    assert not [row for row in listening if f"socket:[{row[9]}]" in inodes]
    assert port == "5432"


# --- `fenji demo`, `fenji db`, `fenji serve` ---------------------------------------------------------------------------------


def test_the_demo_refuses_a_taken_port_and_starts_nothing(place: embedded.Place) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = _fenji("demo", "--port", str(port), FENJI_DATA=str(place.data))
    assert done.returncode == 1
    assert f"port {port} is taken by another program; choose one with --port" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (place.cluster / "PG_VERSION").exists()


def test_a_second_demo_on_the_same_data_is_refused(place: embedded.Place) -> None:
    with embedded.locked(place.data / ".demo.lock"):
        done = _fenji("demo", FENJI_DATA=str(place.data))
    assert done.returncode == 1
    assert "a demo is already running on" in done.stderr
    assert "FENJI_DATA" in done.stderr


def test_db_start_status_stop_from_the_command_line(place: embedded.Place) -> None:
    data = str(place.data)
    assert "not running" in _fenji("db", "status", FENJI_DATA=data).stdout
    assert "It was not running." in _fenji("db", "stop", FENJI_DATA=data).stdout
    assert str(place.socket) in _fenji("db", "start", FENJI_DATA=data).stdout
    assert "\nrunning" in _fenji("db", "status", FENJI_DATA=data).stdout
    assert "Stopped." in _fenji("db", "stop", FENJI_DATA=data).stdout


def test_a_house_of_ones_own_is_made_migrated_and_never_overwritten(running: embedded.Place, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "house.json"
    url = running.url("postgres", "postgres")
    made = _fenji("db", "init", "--admin-url", url, "--file", str(file), "--name", "own_house")
    assert made.returncode == 0, made.stderr
    assert str(file) in made.stdout
    assert _mode(file) == 0o600
    found = house.read(file)
    assert not found.demo
    assert all("own_house" in url and "password" in url for url in found.urls.values())
    before = file.read_bytes()
    again = _fenji("db", "init", "--admin-url", url, "--file", str(file), "--name", "own_house")
    assert again.returncode == 1
    assert "exists already; it holds the keys of a house" in again.stderr
    assert file.read_bytes() == before
    migrated = _fenji("db", "migrate", "--house", str(file))
    assert migrated.returncode == 0, migrated.stderr
    assert int(migrated.stdout.split()[0]) > 10
    assert _fenji("db", "migrate", "--house", str(file)).stdout.startswith("0 migrations")
    with psycopg.connect(running.url("postgres", "own_house")) as connection:
        query = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        assert connection.execute(query).fetchall() == [("fenji_owner",)]


@contextmanager
def _served(running_place: embedded.Place, folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`fenji serve` on a house of its own, ready."""
    file = folder / "house.json"
    urls = {r.removeprefix("fenji_"): running_place.url(r, "served") for r in ROLES}
    database.make_roles(running_place.url("postgres", "postgres"))
    database.make_database(running_place.url("postgres", "postgres"), "served")
    house.write(house.fresh(urls, demo=False), file)
    port = free_port()
    environment = {**_CLEAN, "FENJI_STATIC": str(folder / "static"), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "fenji", "serve", "--house", str(file), "--port", str(port), "--workers", "1"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert f"Serving on http://127.0.0.1:{port}" in process.stdout.readline()
        yield process, port
    finally:
        process.kill()
        process.communicate()
        with psycopg.connect(running_place.url("postgres", "postgres"), autocommit=True) as root:
            root.execute("DROP DATABASE served WITH (FORCE)")


def _children(process: subprocess.Popen[str], word: str) -> list[int]:
    """Processes that a process has started whose command line has a word in it."""
    listed = subprocess.run(
        ["/bin/ps", "-o", "pid=,args=", "--ppid", str(process.pid)], capture_output=True, text=True, check=False
    )
    return [int(line.split()[0]) for line in listed.stdout.splitlines() if word in line]


def test_serve_ends_and_says_so_when_its_worker_dies(running: embedded.Place, tmp_path: Path) -> None:
    with _served(running, tmp_path) as (process, port):
        (worker,) = _children(process, "worker")
        os.kill(worker, signal.SIGKILL)
        _, told = process.communicate(timeout=30)
        assert process.returncode == 1
        assert "ended by itself" in told
        assert not port_is_taken(port)


def test_when_serve_is_killed_its_processes_end_too(running: embedded.Place, tmp_path: Path) -> None:
    with _served(running, tmp_path) as (process, port):
        children = _children(process, "")
        assert len(children) == 2
        process.kill()
        assert until(lambda: not any(map(_exists, children)), 30)
        assert not port_is_taken(port)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_in_order_when_asked_to(running: embedded.Place, tmp_path: Path, ending: signal.Signals) -> None:
    with _served(running, tmp_path) as (process, port):
        children = _children(process, "")
        process.send_signal(ending)
        _, told = process.communicate(timeout=30)
        assert process.returncode == 0, told
        assert "Traceback" not in told
        assert not any(map(_exists, children))
        assert not port_is_taken(port)


def test_serve_refuses_a_demo_house(tmp_path: Path) -> None:
    file = a_house(tmp_path)
    done = _fenji("serve", "--house", str(file))
    assert done.returncode == 1
    assert f"{file} is a demo house; run `fenji demo`, or make a real one with `fenji db init`" in done.stderr


@pytest.mark.parametrize("command", [("serve",), ("worker",), ("db", "migrate"), ("audit", "verify")])
def test_commands_without_a_house_say_how_to_make_one(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = _fenji(*command, "--house", str(tmp_path / "none.json"))
    assert done.returncode == 1
    assert "none.json does not exist; run `fenji demo`, or `fenji db init" in done.stderr
    assert "Traceback" not in done.stderr
