"""`fenji db`: the database of a house."""

from __future__ import annotations

from pathlib import Path

import click

from fenji.config import database as base
from fenji.config import embedded
from fenji.config.cli import ready


@click.group()
def db() -> None:
    """Make, migrate, start and stop the database of a house."""


@db.command()
@click.option("--admin-url", required=True, help="A superuser's address, used this once.")
@click.option("--file", "target", type=click.Path(dir_okay=False), help="Where the house file goes; default: the data folder.")
@click.option("--name", default=base.DATABASE, show_default=True, help="Name of the database.")
def init(admin_url: str, target: str | None, name: str) -> None:
    """Make roles and database on a server of your own, and the house file with their addresses and new keys.

    Example: fenji db init --admin-url postgresql://postgres@db.example/postgres
    """
    file = Path(target) if target else embedded.default_data() / ready.FILE
    base.initialise(admin_url, file, name)
    click.echo(f"Made. The house file is {file}; keep a copy in a safe place: without its keys the data cannot be read.")
    click.echo("Next: fenji db migrate")


@db.command()
@click.option("--house", help="The house file.")
def migrate(house: str | None) -> None:
    """Bring the tables up to date. Example: fenji db migrate"""
    click.echo(f"{ready.set_up(ready.house_file(house))} migrations ran.")


@db.command()
def start() -> None:
    """Start the embedded server. Example: fenji db start"""
    place = embedded.locate(embedded.default_data())
    seconds = embedded.start(place)
    click.echo(f"PostgreSQL serves {place.cluster} at {place.socket} ({seconds:.1f} s).")


@db.command()
def stop() -> None:
    """Stop the embedded server. Example: fenji db stop"""
    place = embedded.locate(embedded.default_data())
    click.echo("Stopped." if embedded.stop(place) else "It was not running.")


@db.command()
def status() -> None:
    """Say where the embedded server is and whether it answers. Example: fenji db status"""
    place = embedded.locate(embedded.default_data())
    click.echo(f"data    {place.data}\ncluster {place.cluster}\nsocket  {place.socket}\nuser    {place.user or 'yours'}")
    click.echo("running" if embedded.alive(place) else "not running")
