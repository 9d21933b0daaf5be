"""Jobs of this room. They get ids, never contents, and run as the job role."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from procrastinate.contrib.django import app

from fenji.ground.common.edge import job, now
from fenji.ground.tasks import actions

LEFT_OVER_AFTER = timedelta(seconds=30)
STALLED_AFTER_SECONDS = 60


@app.task(queue="outbox")
@job
def deliver_message(message_id: str) -> None:
    """Deliver one outbox message."""
    actions.deliver(UUID(message_id), at=now())


@app.task(queue="messages")
@job
def send_person_message(message_id: str) -> None:
    """Send one message to a resident."""
    actions.send_to_person(UUID(message_id), at=now())


@app.periodic(cron="* * * * *")
@app.task(queue="messages", pass_context=False)
@job
def sweep_messages(timestamp: int) -> None:
    """Every minute: try messages to residents again whose time has come."""
    actions.send_due(at=now())


@app.periodic(cron="* * * * *")
@app.task(queue="sweep", pass_context=False)
@job
def sweep_tasks(timestamp: int) -> None:
    """Every minute: escalate what is overdue, deliver what a dead worker left behind."""
    at = now()
    actions.escalate_overdue(at=at)
    actions.deliver_left_over(at=at, older_than=LEFT_OVER_AFTER)


@app.periodic(cron="* * * * *")
@app.task(queue="sweep", pass_context=True)
async def retry_stalled(context, timestamp: int) -> None:
    """Every minute: put jobs of a worker that died back in the queue."""
    manager = context.app.job_manager
    for stalled in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_SECONDS):
        await manager.retry_job(stalled)
