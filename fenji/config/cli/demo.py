"""`fenji demo`: a whole invented county on this machine."""

from __future__ import annotations

import secrets
import tempfile
import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from fenji.config import embedded, running
from fenji.config.cli import ready

_WORDS = {
    "county": "divisions, institutions, lists",
    "residents": "residents",
    "cases": "referrals under way",
    "wards": "wards, who goes down, follow-ups",
    "past": "half a year of contacts and referrals",
}
console = Console()


@click.command()
@click.option("--port", default=8000, show_default=True, help="Where the pages are served, on 127.0.0.1.")
@click.option("--residents", type=int, help="How many residents to invent; default: all of the county.")
@click.option("--new-passwords", is_flag=True, help="Give the demo logins new passwords and show them.")
@click.option("--smoke", is_flag=True, help="Walk the whole loop in a throw-away house, print the steps, and end.")
def demo(port: int, residents: int | None, new_passwords: bool, smoke: bool) -> None:
    """Start the demo: an invented county on real divisions, on this machine alone. Example: fenji demo --port 8000"""
    if smoke:
        from fenji.config.cli.smoke import run

        raise SystemExit(run(console))
    place = embedded.locate(embedded.default_data())
    lock = place.data / ".demo.lock"
    try:
        with embedded.locked(lock, wait=False):
            _serve(place, port, residents, new_passwords)
    except BlockingIOError:
        raise click.ClickException(
            f"a demo is already running on {place.data}. Open its address, stop it with Ctrl-C where it runs, "
            "or set FENJI_DATA to another folder for a second one"
        ) from None


def _serve(place: embedded.Place, port: int, residents: int | None, new_passwords: bool) -> None:
    if running.port_is_taken(port):
        raise click.ClickException(f"port {port} is taken by another program; choose one with --port")
    running.stop_on_signals()
    processes: list[Any] = []
    try:
        began = time.monotonic()
        file = open_demo(place, residents=residents)
        shown = passwords(every_time=new_passwords)
        ready.collect_static()
        processes = [running.web(file, port), running.worker(file)]
        running.wait_ready(f"http://127.0.0.1:{port}", processes[0])
        _tell(place, port, shown, time.monotonic() - began)
        running.wait_for_end(processes)
    except KeyboardInterrupt:
        console.print("\nStopping …")
    finally:
        running.stop_all(processes)
        embedded.stop(place)


def open_demo(place: embedded.Place, *, residents: int | None = None, cases: bool = True, quiet: bool = False) -> Path:
    """Server, tables and world, with progress; returns the house file."""
    columns = (TextColumn("{task.description:<34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=quiet) as bar:
        steps = bar.add_task("PostgreSQL", total=1)
        file = ready.embedded_house(place, demo=True)
        bar.update(steps, completed=1)
        tables = bar.add_task("tables", total=1)
        ready.set_up(file)
        bar.update(tables, completed=1)
        from fenji.ground.common.edge import now
        from fenji.world.build import build

        lines: dict[str, Any] = {}

        def progress(what: str, done: int, of: int) -> None:
            if what not in lines:
                lines[what] = bar.add_task(_WORDS[what], total=of)
            bar.update(lines[what], completed=done)

        build(at=now(), residents=residents, cases=cases, progress=progress)
    return file


def passwords(*, every_time: bool) -> list[tuple[Any, str]]:
    """(person, new password or "") of the shown logins. New ones are made at the first start, or when asked for."""
    from fenji.ground.access.actions import set_password
    from fenji.ground.access.models import Account
    from fenji.world.county import SHOWN, people, townships

    staff = {p.username: p for p in people(townships())}
    shown = [staff[name] for name in SHOWN]
    accounts = {a.username: a for a in Account.objects.using("door").filter(username__in=SHOWN)}
    result = []
    for person in shown:
        word = ""
        if every_time or accounts[person.username].password == "!":  # noqa: S105
            word = secrets.token_urlsafe(9)
            set_password(accounts[person.username], word)
        result.append((person, word))
    return result


def _tell(place: embedded.Place, port: int, shown: list[tuple[Any, str]], seconds: float) -> None:
    from fenji.ground.access.texts import ROLE_NAMES
    from fenji.ground.network.models import Organisation

    names = dict(Organisation.objects.using("load").values_list("id", "name"))
    table = Table(title=f"Fenji 分级 demo — http://127.0.0.1:{port}", title_justify="left")
    for head in ("login", "password", "role", "name", "institution"):
        table.add_column(head)
    for person, word in shown:
        table.add_row(person.username, word or "as shown before", str(ROLE_NAMES[person.role]), person.name, names[person.org_id])
    console.print(table)
    if not all(word for _, word in shown):
        console.print("Passwords lost? Stop, and run: fenji demo --new-passwords")
    console.print(f"data {place.data}   socket {place.socket}   ready in {seconds:.1f} s")
    console.print("All institutions and people are invented （模拟）. Ctrl-C stops everything.")


def throw_away() -> tuple[embedded.Place, tempfile.TemporaryDirectory[str]]:
    """A house of its own in a temporary folder, for smoke runs and tests."""
    folder = tempfile.TemporaryDirectory(prefix="fenji-")
    Path(folder.name).chmod(0o755)
    return embedded.locate(Path(folder.name)), folder
