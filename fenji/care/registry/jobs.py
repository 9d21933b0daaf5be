"""Jobs of this room."""

from __future__ import annotations

from procrastinate.contrib.django import app

from fenji.care.registry import actions
from fenji.ground.common.edge import job, now


@app.periodic(cron="40 18 * * *")
@app.task(queue="sweep", pass_context=False)
@job
def sweep_duplicates(timestamp: int) -> None:
    """At night (02:40 in Fujian): compare residents that came in bulk with the records of their institution."""
    actions.look_for_duplicates(at=now())
