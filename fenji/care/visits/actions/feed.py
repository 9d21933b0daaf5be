"""Records that another system feeds: written once by (institution, source id), brought up to date by a later version.

Over `load`, inside the caller's transaction: whoever feeds has no scope of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from fenji.care.registry.rules import NewResident
from fenji.care.visits import rules
from fenji.care.visits.actions.handovers import drop_hand_over
from fenji.care.visits.actions.infections import follow, parts_missing
from fenji.care.visits.actions.shared import done, fed_resident, record, swap, wait
from fenji.care.visits.models import Visit
from fenji.ground.access.rules import MANAGER, Actor
from fenji.ground.common.clock import deadline, local_day
from fenji.ground.network.queries import Place, place_of
from fenji.ground.policy.queries import duty_calendar, resolve


@dataclass(frozen=True, slots=True)
class Fed:
    """A record that was judged. `visit`: the one it updates; else `resident` (an id on file, or somebody new) and the doctor.

    `facts`: columns of the visit as the record states them. `closed_at` with an empty disposition: closed without saying where the
    patient went.
    """

    source_id: str
    facts: dict[str, Any]
    disposition: str
    closed_at: datetime | None
    visit: Visit | None = None
    resident: UUID | NewResident | None = None
    doctor: tuple[UUID, str] | None = None


def feed(fed: Fed, *, by: Actor, at: datetime) -> Visit:
    """Write a judged record. Raises Stale when the visit changed meanwhile."""
    place = place_of(by.org_id, "load")
    visit = fed.visit or _opened(fed, place, by, at)
    if fed.visit is not None and any(getattr(visit, name) != value for name, value in fed.facts.items()):
        swap(visit, visit.version, "load", **fed.facts)
        record(visit, "feed", by=by, at=at, using="load")
    found_at = visit.source_at or at if fed.visit else visit.opened_at
    follow(visit, found_at=found_at, by=by, at=at, using="load")
    _end(visit, fed, place, by, at)
    return visit


def _opened(fed: Fed, place: Place, by: Actor, at: datetime) -> Visit:
    resident = fed_resident(fed.resident, place, by, at)
    doctor_id, doctor_name = fed.doctor or (by.account_id, by.name)
    visit = Visit(
        resident=resident,
        org_id=place.id,
        path=place.path,
        doctor_id=doctor_id,
        doctor_name=doctor_name,
        source_id=fed.source_id,
        **fed.facts,
    )
    visit.save(force_insert=True, using="load")
    record(visit, "feed", by=by, at=at, using="load")
    return visit


def _end(visit: Visit, fed: Fed, place: Place, by: Actor, at: datetime) -> None:
    """What the record says of the visit's end, as far as the rules let it: none without a disposition passes unseen (SM-3-4c), and
    none while a part of a notifiable disease is owed (SM-3-4d)."""
    silent = fed.closed_at is not None and not fed.disposition
    if silent and visit.alert_at is None:
        day = local_day(at)
        within = resolve(rules.VisitsPolicy, place.policy_path, day).settle_within
        swap(visit, visit.version, "load", alert_at=at)
        record(visit, "alert", by=by, at=at, using="load")
        wait(visit, "refusal", MANAGER, deadline(at, within, duty_calendar(place.policy_path, day)), at=at, using="load")
    if fed.disposition and visit.alert_at is not None and visit.settled_at is None:
        swap(visit, visit.version, "load", settled_at=at)
        record(visit, "disposed", by=by, at=at, using="load", after=fed.disposition)
        done(visit, "refusal", at=at, using="load")
    disposition, closed_at = effective(visit, fed, owed=parts_missing(visit, "load"))
    if (disposition, closed_at) != (visit.disposition, visit.closed_at):
        before = visit.disposition
        swap(visit, visit.version, "load", disposition=disposition, closed_at=closed_at)
        record(visit, "close", by=by, at=at, using="load", before=before, after=disposition)
        if closed_at is not None:
            drop_hand_over(visit, at=at, using="load")


def effective(visit: Visit, fed: Fed, *, owed: bool) -> tuple[str, datetime | None]:
    """(disposition, closed at) that the record brings about. What was closed here, or there with a disposition, stays closed."""
    if (visit.closed_at is not None and visit.disposition != rules.UNSTATED) or visit.disposition == rules.REFERRED_UP:
        return visit.disposition, visit.closed_at
    if fed.closed_at is None or fed.disposition == rules.OBSERVE:
        keeps = visit.disposition != rules.OPEN and not fed.disposition
        return (
            (visit.disposition, visit.closed_at)
            if keeps
            else (fed.disposition if fed.disposition == rules.OBSERVE else rules.OPEN, None)
        )
    if owed:
        return (fed.disposition if fed.disposition == rules.REFERRED_UP else rules.OPEN), None
    return fed.disposition or rules.UNSTATED, fed.closed_at
