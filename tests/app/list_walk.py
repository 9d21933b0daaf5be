"""What the tests of lists share: entries, and a version brought into force."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from fenji.care.catalogue import actions, queries
from fenji.care.catalogue.models import ListVersion
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.world.county import COUNTY_HOSPITAL
from tests.cast import person, scope

JUNE = datetime(2023, 6, 1, 2, tzinfo=UTC)
FIRST = date(2022, 3, 1)


def disease(code: str, **more: Any) -> dict[str, Any]:
    """A diagnosis of the dictionary as the values of an entry."""
    found = queries.diagnosis(code)
    return {"group": queries.group_of(found), "code": found.code, "name_zh": found.name_zh, "name_en": found.name_en, **more}


def into_force(
    kind: str,
    start: date,
    change: Callable[[ListVersion, dict[str, Any]], Any] = lambda draft, common: None,
    *,
    people: tuple[str, str] = ("editor", "director"),
    at: datetime = JUNE,
) -> ListVersion:
    """A new version, written by one person, approved and published by another."""
    with scope(person(people[0])) as by:
        draft = actions.start_draft(kind, by=by, at=at)
        change(draft, {"by": by, "at": at})
        draft = fresh(draft)
        draft = actions.submit(draft.id, version=draft.version, by=by, at=at)
    with scope(person(people[1])) as by:
        draft = actions.approve(draft.id, version=draft.version, by=by, at=at)
        return actions.publish(draft.id, start, version=draft.version, by=by, at=at)


def fresh(v: ListVersion) -> ListVersion:
    return ListVersion.objects.get(pk=v.pk)


def present(kind: str, org_id: int = COUNTY_HOSPITAL) -> ListVersion:
    found = queries.in_force(kind, org_id, local_day(now()))
    assert found is not None
    return found
