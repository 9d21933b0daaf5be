"""Jobs of this room. They get ids, never contents. One import at a time is judged or written, so that sweeps keep a place."""

from __future__ import annotations

from uuid import UUID

from django.db import InterfaceError, OperationalError
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from fenji.ground.common.edge import job, now
from fenji.ground.documents import actions

_AGAIN = RetryStrategy(max_attempts=60, wait=10, retry_exceptions={OperationalError, InterfaceError})


@app.task(queue="imports", lock="imports", retry=_AGAIN)
@job
def judge_import(run_id: str) -> None:
    """The dry run of one file."""
    actions.judge(UUID(run_id), at=now())


@app.task(queue="imports", lock="imports", retry=_AGAIN)
@job
def write_import(run_id: str) -> None:
    """Write the good rows of one file."""
    actions.carry_out(UUID(run_id), at=now())


@app.task(queue="sweep")
@job
def wipe_file(file_id: str) -> None:
    """Empty one file that was taken out."""
    actions.wipe(UUID(file_id), at=now())


@app.periodic(cron="41 3 * * *")
@app.task(queue="sweep", pass_context=False)
@job
def wipe_files(timestamp: int) -> None:
    """Every night: void handouts whose days are over, and wipe what is void."""
    actions.wipe_due(at=now())
