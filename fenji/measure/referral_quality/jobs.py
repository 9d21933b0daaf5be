"""Jobs of this room, run as the job role."""

from __future__ import annotations

import secrets
from datetime import timedelta

from procrastinate.contrib.django import app

from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import job, now
from fenji.measure.referral_quality import actions

_SEED_BYTES = 16


@app.periodic(cron="10 18 * * *")
@app.task(queue="sweep", pass_context=False)
@job
def review_cycles(timestamp: int) -> None:
    """Every night: draw the samples of cycles that come to their end, and mark those that were not reviewed in time."""
    actions.open_cycles(seeds=lambda: secrets.token_hex(_SEED_BYTES), at=now())
    actions.mark_overdue(at=now())


@app.periodic(cron="10 19 * * *")
@app.task(queue="sweep", pass_context=False)
@job
def look_for_alerts(timestamp: int) -> None:
    """Every night: what the ways of patients show, and what they no longer show."""
    actions.look_for_alerts(at=now())


@app.task(queue="sweep", pass_context=False)
@job
def look_again(stem: str) -> None:
    """The same for one city or all of a province, when somebody asked for it."""
    actions.look_for_alerts(at=now(), stem=stem)


@app.periodic(cron="30 18 1 * *")
@app.task(queue="sweep", pass_context=False)
@job
def judge_rates(timestamp: int) -> None:
    """Every month: judge who refers unusually often."""
    actions.judge_outliers(at=now())


@app.periodic(cron="50 18 2 * *")
@app.task(queue="sweep", pass_context=False)
@job
def publish_month(timestamp: int) -> None:
    """Every month: the bulletins of the month before."""
    first = local_day(now()).replace(day=1)
    actions.publish_bulletins((first - timedelta(days=1)).replace(day=1), at=now())
