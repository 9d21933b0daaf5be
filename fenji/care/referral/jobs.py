"""Jobs of this room, run as the job role."""

from __future__ import annotations

from procrastinate.contrib.django import app

from fenji.care.referral import actions
from fenji.ground.common.edge import job, now


@app.periodic(cron="* * * * *")
@app.task(queue="sweep", pass_context=False)
@job
def lapse_emergencies(timestamp: int) -> None:
    """Every minute: say loudly which emergencies nobody has accepted in time."""
    actions.lapse_unaccepted(at=now())


@app.periodic(cron="*/10 * * * *")
@app.task(queue="sweep", pass_context=False)
@job
def expire_cases(timestamp: int) -> None:
    """Every ten minutes: end cases that their origin has forgotten."""
    actions.expire_forgotten(at=now())


@app.periodic(cron="*/5 * * * *")
@app.task(queue="sweep", pass_context=False)
@job
def open_reviews(timestamp: int) -> None:
    """Every five minutes: show the unit above what lies too long in review."""
    actions.open_to_upper(at=now())
