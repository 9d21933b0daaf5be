"""Jobs of this room, run as the job role."""

from __future__ import annotations

from procrastinate.contrib.django import app

from fenji.care.booking import actions
from fenji.ground.common.edge import job, now


@app.periodic(cron="* * * * *")
@app.task(queue="sweep", pass_context=False)
@job
def sweep_bookings(timestamp: int) -> None:
    """Every minute: end holds of slots and beds whose time is over, then keep or hold what is free for those who wait."""
    at = now()
    actions.end_holds(at=at)
    actions.end_bed_holds(at=at)
    actions.propose(at=at)
    actions.offer_beds(at=at)
