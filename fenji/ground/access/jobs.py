"""Jobs of this room, run as the job role."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from procrastinate.contrib.django import app

from fenji.ground.access import sealing
from fenji.ground.access.models import IdempotencyKey, ScopeHandle
from fenji.ground.common.edge import job, now

_KEEP = timedelta(days=2)


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
