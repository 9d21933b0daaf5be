"""The sealer: chains audit rows in batches, and verifies the chain. Runs as the job role.

Rows are inserted unchained, so that writers never queue for a lock; one sealer at a time (advisory lock) takes what has been
committed, oldest first, and adds one link. Verification recomputes every link and counts the unsealed tail.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connections, transaction

from fenji.ground.access.models import AuditEvent, AuditSeal
from fenji.ground.common.crypto import digest

_BATCH = 2000
_LOCK = 0x66656E6A69  # "fenji"
GENESIS = b"\0" * 32


@dataclass(frozen=True, slots=True)
class ChainReport:
    """`broken`: number of the first link that does not fit, None when all do. `unsealed`: rows not chained yet."""

    links: int
    rows: int
    unsealed: int
    broken: int | None
    head: str


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _row_bytes(event: AuditEvent) -> bytes:
    fields = [
        str(event.id),
        _instant(event.at),
        str(event.actor_id),
        event.role,
        event.org_id,
        event.action,
        event.subject,
        event.before,
        event.after,
        event.detail,
    ]
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _link(number: int, previous: bytes, at: datetime, events: Iterable[AuditEvent], suite: str) -> bytes:
    return digest([str(number).encode(), previous, _instant(at).encode(), *map(_row_bytes, events)], suite)


def seal(*, at: datetime, suite: str, using: str = "job", limit: int = _BATCH) -> int:
    """Chain up to `limit` unsealed rows and return how many. Another sealer at work: 0."""
    with transaction.atomic(using=using):
        with connections[using].cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
            if not cursor.fetchone()[0]:
                return 0
        events = list(AuditEvent.objects.using(using).filter(seal=None).order_by("id")[:limit])
        if not events:
            return 0
        last = AuditSeal.objects.using(using).order_by("-number").first()
        number, previous = (last.number + 1, bytes(last.digest)) if last else (1, GENESIS)
        link = _link(number, previous, at, events, suite)
        AuditSeal.objects.using(using).create(number=number, suite=suite, rows=len(events), previous=previous, digest=link, at=at)
        AuditEvent.objects.using(using).filter(pk__in=[e.pk for e in events]).update(seal_id=number)
    return len(events)


def verify(using: str = "job", progress: Callable[[int, int], None] | None = None) -> ChainReport:
    """Recompute the whole chain. `progress`: called with (links done, links there are) after each."""
    previous, links, rows, broken = GENESIS, 0, 0, None
    there = AuditSeal.objects.using(using).count()
    for link in AuditSeal.objects.using(using).order_by("number").iterator():
        events = list(AuditEvent.objects.using(using).filter(seal=link).order_by("id"))
        fits = (
            link.number == links + 1
            and bytes(link.previous) == previous
            and len(events) == link.rows
            and _link(link.number, previous, link.at, events, link.suite) == bytes(link.digest)
        )
        if not fits and broken is None:
            broken = link.number
        previous, links, rows = bytes(link.digest), links + 1, rows + len(events)
        if progress is not None:
            progress(links, there)
    unsealed = AuditEvent.objects.using(using).filter(seal=None).count()
    return ChainReport(links, rows, unsealed, broken, previous.hex())
