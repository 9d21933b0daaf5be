"""Jobs of this room, run as the job role."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from procrastinate.contrib.django import app

from fenji.ground.access import sealing
from fenji.ground.access.models import ChainCheck, IdempotencyKey, ScopeHandle
from fenji.ground.common.edge import job, now

_KEEP = timedelta(days=2)
_TELL_EVERY = 50


@app.periodic(cron="* * * * *")
@app.task(queue="sweep", pass_context=False)
@job
def seal_audit(timestamp: int) -> None:
    """Every minute: chain what has been written since."""
    while sealing.seal(at=now(), suite=settings.CRYPTO_SUITE):
        pass


@app.periodic(cron="17 3 * * *")
@app.task(queue="sweep", pass_context=False)
@job
def forget_old_sessions(timestamp: int) -> None:
    """Every night: remove form keys and ended sessions older than two days."""
    before = now() - _KEEP
    IdempotencyKey.objects.using("job").filter(at__lt=before).delete()
    ScopeHandle.objects.using("job").filter(until__lt=before).delete()


@app.task(queue="audit")
@job
def check_chain(check_id: str) -> None:
    """Verify the chain and keep the result; on the way, how far it is."""
    mine = ChainCheck.objects.using("job").filter(pk=UUID(check_id), finished_at=None)

    def tell(done: int, there: int) -> None:
        if done % _TELL_EVERY == 0:
            mine.update(done=done, links=there)

    report = sealing.verify(progress=tell)
    mine.update(
        done=report.links,
        links=report.links,
        rows=report.rows,
        unsealed=report.unsealed,
        broken=report.broken,
        head=report.head,
        finished_at=now(),
    )
