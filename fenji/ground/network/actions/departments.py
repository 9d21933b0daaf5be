"""Departments of an institution, one at a time; and how patients get there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction

from fenji.ground.access.actions import audit
from fenji.ground.access.rules import Actor
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.actions.organisations import next_numbers
from fenji.ground.network.actions.reach import BadChange, require_reach
from fenji.ground.network.models import Department, Directions, Organisation


def add_department(org_id: int, facts: Mapping[str, str], *, on: date, by: Actor, at: datetime) -> Department:
    """Open a department from a day on. `facts`: name_zh, name_en, specialty. Raises Unknown, OutOfReach, BadChange."""
    with transaction.atomic():
        org = Organisation.objects.filter(pk=org_id, end=None).first()
        if org is None:
            raise Unknown(what="organisation")
        require_reach(by, org.path)
        row = Department(id=next_numbers(1, "default")[0], org=org, start=on, **facts)
        _save(row, force_insert=True)
        audit(by=by, at=at, action="department.add", subject=f"department:{row.id}", org=org_id)
    return row


def change_department(department_id: int, version: int, facts: Mapping[str, str], *, by: Actor, at: datetime) -> Department:
    """Give a department other names or another specialty; former ones are not kept. Raises as `end_department` does."""
    with transaction.atomic():
        row = _locked(department_id, version, by)
        for name, value in facts.items():
            setattr(row, name, value)
        row.version += 1
        _save(row, update_fields=[*facts, "version"])
        audit(by=by, at=at, action="department.change", subject=f"department:{row.id}", after=",".join(sorted(facts)))
    return row


def end_department(department_id: int, version: int, *, on: date, by: Actor, at: datetime) -> Department:
    """Close a department on a day. Raises Unknown, Stale, OutOfReach, BadChange."""
    with transaction.atomic():
        row = _locked(department_id, version, by)
        if row.start is not None and on <= row.start:
            raise BadChange(why="day")
        row.end, row.version = on, row.version + 1
        row.save(update_fields=["end", "version"])
        audit(by=by, at=at, action="department.end", subject=f"department:{row.id}", org=row.org_id)
    return row


@all_or_nothing
def set_directions(org_id: int, said: Mapping[str, str], *, version: int, by: Actor, at: datetime) -> None:
    """Say how patients get to the actor's own institution; what was said before is not kept. `version`: as the form showed it; 0
    when nothing had been said. Raises NotPermitted, Stale."""
    if not by.may("directions.write") or org_id != by.org_id:
        raise NotPermitted
    if version == 0:
        try:
            with transaction.atomic():
                Directions(org_id=org_id, **said).save(force_insert=True)
        except IntegrityError:
            raise Stale from None
    elif not Directions.objects.filter(pk=org_id, version=version).update(**said, version=version + 1):
        raise Stale
    audit(by=by, at=at, action="organisation.directions", subject=f"org:{org_id}", after=",".join(k for k, v in said.items() if v))


def _locked(department_id: int, version: int, by: Actor) -> Department:
    row = Department.objects.select_for_update(of=("self",)).filter(pk=department_id).select_related("org").first()
    if row is None:
        raise Unknown(what="department")
    require_reach(by, row.org.path)
    if row.version != version or row.end is not None:
        raise Stale
    return row


def _save(row: Department, **how: Any) -> None:
    try:
        with transaction.atomic():
            row.save(**how)
    except IntegrityError as error:
        raise BadChange(why="twice") from error
