"""A running house: the processes that serve it, tied to the life of the one that started them."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from fenji.config import house

_PR_SET_PDEATHSIG = 1
_READY_SECONDS = 60


class StartProblem(RuntimeError):
    """A process of the house did not come up; the message says what to do."""


def free_port() -> int:
    """A port nobody listens on at present."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def port_is_taken(port: int) -> bool:
    """True when somebody listens on 127.0.0.1:port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _die_with_parent() -> Callable[[], None] | None:
    """Ask Linux to end the child when its parent dies, even by kill -9."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def before_exec() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return before_exec


def _spawn(command: list[str], file: Path, **variables: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, house.VARIABLE: str(file), "DJANGO_SETTINGS_MODULE": "fenji.config.settings", **variables}
    return subprocess.Popen(command, env=environment, preexec_fn=_die_with_parent(), start_new_session=True)  # noqa: PLW1509


def web(file: Path, port: int, *, workers: int | None = None) -> subprocess.Popen[bytes]:
    """The web server on 127.0.0.1.

    Two processes for each core: a connection stays with the process that took it, and the system gives it to any of them, busy or
    not. With as many processes as cores, the one that has most of the connections makes people wait while a core is idle.
    """
    count = workers or 2 * (os.cpu_count() or 1)
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += [
        "--workers",
        str(count),
        "--blocking-threads",
        "2",
        "--no-ws",
        "--log-level",
        "error",  # its one warning is that there are more processes than cores
        "fenji.config.wsgi:application",
    ]
    return _spawn(command, file)


def worker(file: Path) -> subprocess.Popen[bytes]:
    """The process that runs jobs, as the job role."""
    command = [sys.executable, "-m", "fenji", "worker", "--house", str(file)]
    return _spawn(command, file, FENJI_QUEUE_ALIAS="job")


def wait_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers. Raises StartProblem."""
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise StartProblem(f"the web server ended at once (exit {process.returncode}); see the lines above")
        try:
            with urllib.request.urlopen(f"{url}/login/", timeout=2) as answer:  # noqa: S310 - our own address
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise StartProblem(f"the web server did not answer within {_READY_SECONDS} s")


def wait_for_end(processes: list[subprocess.Popen[bytes]]) -> NoReturn:
    """Watch processes that should run on and on. Raises StartProblem when one ends by itself: a house without its worker looks
    well and delivers nothing."""
    while all(p.poll() is None for p in processes):
        time.sleep(0.5)
    raise StartProblem("a process of the house ended by itself; see the lines above, then start again")


def stop_on_signals() -> None:
    """Ctrl-C and SIGTERM both end as KeyboardInterrupt, also where a shell without job control had SIGINT ignored."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, interrupt)


def stop_all(processes: list[subprocess.Popen[bytes]]) -> None:
    """Ask all to end, then insist."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
    for process in processes:
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
