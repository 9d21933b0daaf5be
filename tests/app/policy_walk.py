"""What the tests of policy changes share: proposing, deciding, and what binds then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from django.db import transaction

from fenji.ground.access.models import AuditEvent
from fenji.ground.common.clock import Span, local_day
from fenji.ground.common.edge import now
from fenji.ground.policy import actions, queries
from fenji.ground.policy.actions import Ground, NewChange
from fenji.ground.policy.models import PolicyChange
from tests.cast import person, scope

COUNTY, CITY = "350405", "3504"
PATH = ("35", "350400", "350405")
GROUND = Ground("沙卫〔2026〕7号", "关于审核时限的通知", "a" * 64, "the pilot went well")
KEY = "referral.review_within"
TIGHT = "access.idle_minutes"


def ahead(days: int) -> date:
    return local_day(now()) + timedelta(days=days)


def new(key: str = KEY, place: str = COUNTY, value: object = Span(60, "duty"), start: int = 5, **more: object) -> NewChange:
    fields = {"authority": "order", "end": None, **more}
    return NewChange(key, place, value, start=ahead(start), **fields)  # type: ignore[arg-type]


def propose(wanted: NewChange | None = None, who: str = "officer", at: datetime | None = None) -> PolicyChange:
    with transaction.atomic(), scope(person(who)) as by:
        return actions.propose(wanted or new(), GROUND, by=by, at=at or now())


def decide(change: PolicyChange, who: str = "security", *, approve: bool = True, version: int = 1) -> PolicyChange:
    with transaction.atomic(), scope(person(who)) as by:
        return actions.decide(change.pk, approve=approve, note="checked", version=version, by=by, at=now())


def approved(wanted: NewChange | None = None) -> PolicyChange:
    return decide(propose(wanted))


def bound(key: str = KEY, path: tuple[str, ...] = PATH, on: int = 5) -> object:
    return queries.binding_in(queries.book(), key, path, ahead(on)).parameter.value


def trail(change: PolicyChange) -> list[tuple[str, str, str]]:
    rows = AuditEvent.objects.using("job").filter(subject=str(change.pk)).order_by("id")
    return [(r.action, r.before, r.after) for r in rows]


@pytest.fixture(autouse=True)
def cleared(house_file: object) -> Iterator[None]:
    """Each test begins and ends without changes."""
    yield
    for rows in (PolicyChange.objects.using("owner").exclude(ends=None), PolicyChange.objects.using("owner").all()):
        rows.delete()
    queries.forget_changes()
