"""A follow-up: recorded, or given to somebody of the team."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from fenji.care.continuity import queries, rules
from fenji.care.continuity.actions.shared import note_down, open_next, over, step_of, swap
from fenji.care.continuity.models import FollowUp
from fenji.ground.access.rules import DOCTOR, MANAGER, Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.common.text import half_width
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import place_of
from fenji.ground.tasks import actions as tasks


def _open_one(follow_up_id: UUID, version: int, by: Actor) -> FollowUp:
    found = queries.follow_up(follow_up_id)
    if not by.may("followup.write") or by.org_id != found.org_id:
        raise NotPermitted
    if found.state != rules.OPEN or found.version != version:
        raise Stale
    return found


@all_or_nothing
def record(
    follow_up_id: UUID, outcome: str, values: Mapping[int, str], note: str, *, version: int, by: Actor, at: datetime
) -> FollowUp:
    """Record how a follow-up went. `values`: what was measured, by number of the line, as typed; asked for only where it was done.

    Who is not reached, or is in hospital, is due again after the days of the policy; death, a move and a refusal end the plan, and
    the hospital is told. Raises Unknown, NotPermitted, Stale, BadMeasurement, NotPlausible.
    """
    found = _open_one(follow_up_id, version, by)
    if outcome not in rules.OUTCOMES:
        raise Unknown(what="outcome")
    package, today = found.package, local_day(at)
    tries = found.tries + 1 if outcome == rules.UNREACHABLE else found.tries
    what = rules.after(outcome, today, tries, queries.policy_at(place_of(found.org_id), today))
    measured = _measured(found, values) if outcome == rules.DONE else []
    had_step = tasks.close_step(step_of(found), at=at)
    said = {"outcome": outcome, "values": measured, "note": note.strip(), "at": at, "by_id": by.account_id, "by_name": by.name}
    # who is tried before the day is due on it all the same; so what is recorded only moves behind the others, never before them
    swap(found, version, state=what.state, tries=tries, due_on=max(found.due_on, what.again or found.due_on), **said)
    note_down(package, "record", by=by, at=at, day=found.planned_on, outcome=outcome, note=note.strip())
    url = f"/plans/{package.subject}/"
    if what.ends_plan:
        over(package, outcome, by=by, at=at)
        tasks.send(
            f"continuity.{outcome}", org_id=package.origin_id, role=DOCTOR, subject=package.subject, url=url, at=at,
            sender_id=by.org_id,
        )  # fmt: skip
        return found
    if what.state == rules.LOST:
        tasks.send("continuity.lost", org_id=found.org_id, role=MANAGER, subject=package.subject, url=url, at=at)
    if had_step:
        open_next(package, by=by, at=at)
    return found


def _measured(found: FollowUp, values: Mapping[int, str]) -> list[dict[str, object]]:
    """What was measured, each with how its first number stands against the target. Raises BadMeasurement, NotPlausible."""
    made: list[dict[str, object]] = []
    for line in queries.lines_of(found):
        if line.kind != rules.MEASUREMENT:
            continue
        numbers = rules.measured(queries.measures()[line.measure].measure, half_width(values.get(line.number, "")))
        stands = rules.standing(numbers[0], line.low, line.high)
        made.append({"number": line.number, "measure": line.measure, "values": [str(n) for n in numbers], "standing": stands})
    return made


@all_or_nothing
def delegate(follow_up_id: UUID, account_id: UUID | None, *, version: int, by: Actor, at: datetime) -> FollowUp:
    """Give a follow-up to a doctor or nurse of the same team, or back to all of it with None.

    Raises Unknown, also for somebody of elsewhere, NotPermitted, Stale.
    """
    found = _open_one(follow_up_id, version, by)
    name = ""
    if account_id is not None:
        name = queries.team_of(found.org_id, at).get(account_id, "")
        if not name:
            raise Unknown(what="person")
    swap(found, version, assigned_id=account_id, assigned_name=name)
    note_down(found.package, "delegate", by=by, at=at, day=found.planned_on, note=name)
    return found
