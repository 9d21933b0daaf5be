"""`fenji serve`, `fenji worker`, `fenji audit`: a house outside demo mode."""

from __future__ import annotations

import os
import sys

import click

from fenji.config import house as house_module
from fenji.config import running
from fenji.config.cli import ready
from fenji.config.database import configure


@click.command()
@click.option("--house", help="The house file.")
@click.option("--port", default=8000, show_default=True)
@click.option("--workers", type=int, help="Web processes; default: one per core, at least two.")
def serve(house: str | None, port: int, workers: int | None) -> None:
    """Serve a house that `fenji db init` made, web and worker together. Example: fenji serve --port 8000"""
    file = ready.house_file(house)
    found = house_module.read(file)
    if found.demo:
        raise click.ClickException(f"{file} is a demo house; run `fenji demo`, or make a real one with `fenji db init`")
    ready.set_up(file)
    ready.collect_static()
    if running.port_is_taken(port):
        raise click.ClickException(f"port {port} is taken; choose another with --port")
    running.stop_on_signals()
    processes = [running.web(file, port, workers=workers), running.worker(file)]
    try:
        running.wait_ready(f"http://127.0.0.1:{port}", processes[0])
        click.echo(f"Serving on http://127.0.0.1:{port}. Ctrl-C stops.")
        running.wait_for_end(processes)
    except KeyboardInterrupt:
        click.echo("")
    finally:
        running.stop_all(processes)


@click.command()
@click.option("--house", help="The house file.")
def worker(house: str | None) -> None:
    """Run jobs: deliver messages, escalate, seal the audit trail. Example: fenji worker"""
    os.environ["FENJI_QUEUE_ALIAS"] = "job"
    configure(ready.house_file(house))
    from procrastinate.contrib.django import app

    connector = app.connector.get_worker_connector()
    with app.replace_connector(connector) as working:
        # jobs that went well are removed, or their tables would grow for ever; failed ones stay to be looked at. A job that waited
        # for another one's lock is found by asking, so ask every second
        working.run_worker(
            concurrency=2,
            install_signal_handlers=True,
            listen_notify=True,
            fetch_job_polling_interval=1.0,
            shutdown_graceful_timeout=5,
            delete_jobs="successful",
        )


@click.group()
def audit() -> None:
    """The audit trail."""


@audit.command()
@click.option("--house", help="The house file.")
def verify(house: str | None) -> None:
    """Recompute the chain; exit 1 when a link does not fit. Example: fenji audit verify"""
    configure(ready.house_file(house))
    from fenji.ground.access import sealing

    report = sealing.verify()
    click.echo(
        f"{report.links} links, {report.rows} rows chained, {report.unsealed} waiting for the sealer, head {report.head[:16]}"
    )
    if report.broken is not None:
        click.echo(f"BROKEN at link {report.broken}: rows of it were changed, removed or added. Compare with a backup.", err=True)
        sys.exit(1)
