"""`fenji keys`: the keys that identity numbers and phones are encrypted and found with."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from fenji.config import house as house_module
from fenji.config.cli import ready
from fenji.config.database import configure

_SUITES = {"i": "intl", "g": "gm"}


def _open(given: str | None) -> Path:
    file = ready.house_file(given)
    configure(file)
    return file


@click.group()
def keys() -> None:
    """See, add, rotate and retire the keys of a house, while it serves."""


@keys.command()
@click.option("--house", help="The house file.")
def status(house: str | None) -> None:
    """Which keys there are, and how many values stand under each; exit 1 when one is missing. Example: fenji keys status"""
    file = _open(house)
    from fenji.config.keys import uses

    present = house_module.read(file)
    for purpose in house_module.PURPOSES:
        for key_id in sorted(present.keys[purpose]):
            made = present.made.get(purpose, {}).get(key_id, "day not known")
            click.echo(f"{purpose:<9} key {key_id}  {made[:16]}{'  seals' if key_id == max(present.keys[purpose]) else ''}")
    missing = False
    for use in uses():
        for mark, count in use.marks.items():
            known = mark[1:] in present.keys[use.purpose] and mark[:1] in _SUITES
            missing = missing or not known
            said = f"key {mark[1:]} ({_SUITES.get(mark[:1], '?')})" + ("" if known else "  NOT IN THE HOUSE FILE")
            click.echo(f"{use.column:<32} {count:>10} {said}")
    if missing:
        click.echo("Values under a key that the house file does not have cannot be read: put the file back that has it.", err=True)
        sys.exit(1)


@keys.command()
@click.option("--house", help="The house file.")
def new(house: str | None) -> None:
    """Add a key of each purpose; what is written from now on stands under it. Example: fenji keys new"""
    file = _open(house)
    from fenji.config.keys import add
    from fenji.ground.common.edge import now

    copy = add(file, now())
    click.echo(f"Added. The file as it was is kept as {copy}.")
    click.echo("Copy the new house file to where its copies are kept, now: what is written from here on needs it.")
    click.echo("Next: fenji keys rotate")


@keys.command()
@click.option("--house", help="The house file.")
@click.option("--batch", type=click.IntRange(1, 10_000), default=500, show_default=True, help="Rows in one transaction.")
def rotate(house: str | None, batch: int) -> None:
    """Bring all values under the newest keys; once cut off, it goes on where it was. Example: fenji keys rotate"""
    _open(house)
    from fenji.config import keys as engine

    columns = (TextColumn("{task.description:<32}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        lines: dict[str, object] = {}

        def tell(column: str, done: int, there: int) -> None:
            if column not in lines:
                lines[column] = bar.add_task(column, total=there)
            bar.update(lines[column], completed=done, total=there)

        changed = engine.rotate(batch=batch, progress=tell)
    click.echo(f"{changed} rows brought under the newest keys; none is left under an older one.")
    click.echo("Next, after ten minutes: fenji keys retire")


@keys.command()
@click.option("--house", help="The house file.")
def retire(house: str | None) -> None:
    """Take the older keys out of the house file; refused while a value needs one. Example: fenji keys retire"""
    file = _open(house)
    from fenji.config.keys import retire as take_out
    from fenji.ground.common.edge import now

    gone, copy = take_out(file, now())
    click.echo(f"Taken out: {', '.join(gone)}. The file as it was is kept as {copy}.")
    click.echo("That copy opens backups of the database from before. Keep it apart as long as these are kept, then destroy both.")
