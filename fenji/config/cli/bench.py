"""`fenji bench`: speed, measured and printed as JSON on the last line."""

from __future__ import annotations

import click


@click.group()
def bench() -> None:
    """Measure. Each benchmark prints JSON on its last line."""
