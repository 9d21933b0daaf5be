"""`fenji bench`: speed, measured and printed as JSON on the last line."""

from __future__ import annotations

import click
from rich.console import Console


@click.group()
def bench() -> None:
    """Measure. Each benchmark prints JSON on its last line."""


@bench.command()
@click.option("--rate", default=25.0, show_default=True, help="Steps that arrive per second.")
@click.option("--seconds", default=120.0, show_default=True, help="How long they arrive.")
@click.option("--residents", default=1_000_000, show_default=True)
@click.option("--referrals", default=200_000, show_default=True)
@click.option("--closed-seconds", default=30.0, show_default=True, help="How long the closed loop runs afterwards.")
def referral(rate: float, seconds: float, residents: int, referrals: int, closed_seconds: float) -> None:
    """People move referrals through the whole loop. Builds its own county below the data folder; kept for the next run.

    Example: fenji bench referral --seconds 120 --rate 25
    """
    from fenji.config.bench.referral import run

    raise SystemExit(
        run(Console(), rate=rate, seconds=seconds, residents=residents, referrals=referrals, closed_seconds=closed_seconds)
    )


@bench.command()
@click.option("--rows", default=20_000, show_default=True, help="How many rows the file has.")
@click.option("--listing", default="accounts", show_default=True, help="Which list is sent.")
def imports(rows: int, listing: str) -> None:
    """A large list is sent, judged and written, in a throw-away house.

    Example: fenji bench imports --rows 20000
    """
    from fenji.config.bench.imports import MAKERS, run

    if listing not in MAKERS:
        raise click.BadParameter(f"{listing}: no rows can be made for it; one of {', '.join(MAKERS)}", param_hint="--listing")
    raise SystemExit(run(Console(), rows=rows, listing=listing))
