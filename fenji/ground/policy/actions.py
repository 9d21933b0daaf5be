"""The only writes of this room: the calendar; proposing, deciding, withdrawing and ending changes of parameters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from fenji.ground.access.actions import audit, audit_all
from fenji.ground.access.rules import Actor
from fenji.ground.common import shipped
from fenji.ground.common.clock import local_day
from fenji.ground.common.refusal import NotPermitted, Refused, Stale, Unknown
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.policy import loader, queries, rules
from fenji.ground.policy.models import CalendarDay, PolicyChange
from fenji.ground.policy.queries import calendar_days, forget_calendars, forget_changes
from fenji.ground.policy.rules import APPROVED, ENDED, PROPOSED, REJECTED, WITHDRAWN, Finding, PackError, Parameter, Value

_DAYS = Path(__file__).parent / "data" / "working_days.csv"
_BATCH = 1000
_LOCK = 3_517  # first half of this room's advisory locks; the second is a digest of the key


class OutOfReach(Refused):
    """The place lies outside what the person's post administers."""

    code = "policy_out_of_reach"


class SecondPerson(Refused):
    """Who proposed a change cannot decide on it."""

    code = "second_person"


class NotYourProposal(Refused):
    """Only the proposer withdraws."""

    code = "not_your_proposal"


class DoesNotFit(Refused):
    """The change breaks a rule of the packs or of other changes. `findings`: for the edge to put into words; detail: why."""

    code = "change_does_not_fit"

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(why=", ".join(f.code for f in findings))
        self.findings = tuple(findings)


class Decided(Refused):
    """The change is not waiting, or not in force, any more."""

    code = "change_decided"


class EndProposed(Refused):
    """Somebody has proposed to end this change already."""

    code = "end_proposed"


@dataclass(frozen=True, slots=True)
class Ground:
    """The document that a change rests on, by number, title and SHA-256 of its file, and why it is made."""

    number: str
    title: str
    sha256: str
    reason: str


@dataclass(frozen=True, slots=True)
class NewChange:
    """A value of one parameter for one place (see `rules.prefix_of`), from a day (to another)."""

    key: str
    place: str
    value: Value
    authority: str
    start: date
    end: date | None


def load_calendar(using: str = "load", file: Path = _DAYS) -> int:
    """Put the shipped calendar in; rows that are there already stay. Returns the number of rows of the file."""
    rows = [
        CalendarDay(
            day=r["day"], working=r["working"] == "1", name=r["name"], basis=r["basis"], provisional=r["provisional"] == "1"
        )
        for r in shipped.rows(file)
    ]
    with transaction.atomic(using=using):
        CalendarDay.objects.using(using).bulk_create(rows, ignore_conflicts=True)
    forget_calendars()
    return len(rows)


def put_days(days: Mapping[date, Mapping[str, Any]], *, by: Actor, at: datetime, progress: Callable[[int], None]) -> None:
    """Write days of the calendar (working, name, basis, provisional), new or changed, in the caller's transaction over `load`."""
    stand = calendar_days(days, "load")
    chosen = list(days)
    for begin in range(0, len(chosen), _BATCH):
        batch = chosen[begin : begin + _BATCH]
        CalendarDay.objects.using("load").bulk_create(
            [CalendarDay(day=day, **days[day]) for day in batch],
            update_conflicts=True,
            unique_fields=["day"],
            update_fields=["working", "name", "basis", "provisional"],
        )
        changes = defaultdict(list)
        for day in batch:
            changes[_said(stand.get(day)), _said(days[day])].append(day.isoformat())
        for (before, after), subjects in changes.items():
            audit_all(subjects, by=by, at=at, action="calendar.put", before=before, after=after, using="load")
        progress(begin + len(batch))
    transaction.on_commit(forget_calendars, using="load")


def _said(day: Mapping[str, Any] | None) -> str:
    return "" if day is None else f"{'working' if day['working'] else 'off'}{' provisional' if day['provisional'] else ''}"


def _allowed(by: Actor, permission: str, place: str) -> None:
    if not by.may(permission):
        raise NotPermitted
    if not rules.governs(by.reach, place):
        raise OutOfReach


def _findings(new: NewChange, base: Parameter, known: queries.Book, change_id: UUID | None, at: datetime) -> list[Finding]:
    """What stands against a change in a book of packs and approved changes."""
    parameter = rules.overlay(
        base, value=new.value, prefix=new.place, authority=new.authority, start=new.start, end=new.end, change=str(change_id or "")
    )
    others = known.by_key[new.key]
    limits, settled = queries.limits(new.place, local_day(at)), queries.settled_day(new.place, at)
    found = rules.judge_change(parameter, base, others, settled, limits)
    return found or ([] if queries.works(known, parameter) else [Finding("value", "unusable")])


def base_of(key: str, place: str, on: date) -> Parameter:
    """The parameter of a pack that a change of `key` at `place` from a day on changes. Raises Unknown."""
    packs = queries.book_of(loader.shipped())
    try:
        return queries.binding_in(packs, key, rules.path_to(place), on).parameter
    except PackError:
        raise Unknown(what="parameter") from None


@all_or_nothing
def propose(new: NewChange, ground: Ground, *, by: Actor, at: datetime) -> PolicyChange:
    """Ask for a change; nothing binds yet. Raises NotPermitted, OutOfReach, Unknown, DoesNotFit."""
    _allowed(by, "policy.propose", new.place)
    base = base_of(new.key, new.place, max(new.start, local_day(at)))
    if findings := _findings(new, base, queries.fresh_book(), None, at):
        raise DoesNotFit(findings)
    change = PolicyChange.objects.create(
        key=new.key, place=new.place, value=rules.plain(new.value), unit=base.unit, authority=new.authority,
        clause_id=base.clause_id, start=new.start, end=new.end, **_proposal(ground, by, at),
    )  # fmt: skip
    _audit("propose", change, by, at, after=PROPOSED)
    return change


def _proposal(ground: Ground, by: Actor, at: datetime) -> dict[str, Any]:
    return {
        "document_number": ground.number,
        "document_title": ground.title,
        "document_sha256": ground.sha256,
        "reason": ground.reason,
        "proposed_by": by.account_id,
        "proposed_org": by.org_id,
        "proposed_at": at,
    }


def _audit(verb: str, change: PolicyChange, by: Actor, at: datetime, before: str = "", after: str = "") -> None:
    detail = {"key": change.key, "place": change.place, "value": change.value, "start": str(change.start), "end": str(change.end)}
    audit(by=by, at=at, action=f"policy.{verb}", subject=str(change.pk), before=before, after=after, **detail)


@all_or_nothing
def propose_end(change_id: UUID, end: date, ground: Ground, *, by: Actor, at: datetime) -> PolicyChange:
    """Ask that an approved change end on `end` (its first day: never begin). Decided like any other change.

    Raises NotPermitted, OutOfReach, Unknown, Decided, DoesNotFit, EndProposed.
    """
    target = queries.change(change_id)
    _allowed(by, "policy.propose", target.place)
    _lock(target.key)
    target.refresh_from_db()
    if target.state != APPROVED or target.ends_id is not None:
        raise Decided
    if PolicyChange.objects.filter(ends=target, state=PROPOSED).exists():
        raise EndProposed
    if findings := rules.judge_end(target.start, target.end, end, queries.settled_day(target.place, at)):
        raise DoesNotFit(findings)
    change = PolicyChange.objects.create(
        key=target.key, place=target.place, value=target.value, unit=target.unit, authority=target.authority,
        clause_id=target.clause_id, start=target.start, end=end, ends=target, **_proposal(ground, by, at),
    )  # fmt: skip
    _audit("propose_end", change, by, at, after=PROPOSED)
    return change


def _lock(key: str) -> None:
    # two changes of one parameter may only be judged one after the other: each alone may fit, and both together not
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK, key])


@all_or_nothing
def decide(change_id: UUID, *, approve: bool, note: str, version: int, by: Actor, at: datetime) -> PolicyChange:
    """Approve or reject, as a second person. An approval is judged anew against everything approved meanwhile.

    Raises NotPermitted, OutOfReach, Unknown, SecondPerson, Decided, Stale, DoesNotFit.
    """
    change = queries.change(change_id)
    _allowed(by, "policy.decide", change.place)
    if change.proposed_by == by.account_id:
        raise SecondPerson
    _lock(change.key)
    change = queries.change(change_id)  # as it is now that nobody else can decide on this parameter
    if change.version != version:
        raise Stale
    if change.state != PROPOSED:
        raise Decided
    if approve:
        _judge_again(change, at)
    taken = {"decided_by": by.account_id, "decided_org": by.org_id, "decided_at": at, "note": note}
    _swap(change, version, {"state": APPROVED if approve else REJECTED, **taken})
    _audit("approve" if approve else "reject", change, by, at, before=PROPOSED, after=change.state)
    if approve and change.ends is not None:
        _end(change.ends, change.end, by, at)
    transaction.on_commit(forget_changes)
    return change


def _judge_again(change: PolicyChange, at: datetime) -> None:
    if change.ends is not None:
        target = queries.change(change.ends.pk)
        change.ends = target
        if target.state != APPROVED:
            raise Decided
        findings = rules.judge_end(target.start, target.end, change.end, queries.settled_day(target.place, at))
    else:
        value = rules.value_of(change.value)
        new = NewChange(change.key, change.place, value, change.authority, change.start, change.end)
        base = base_of(change.key, change.place, change.start)
        findings = _findings(new, base, queries.fresh_book(), change.pk, at)
    if findings:
        raise DoesNotFit(findings)


def _swap(change: PolicyChange, version: int, changes: dict[str, Any]) -> None:
    """Compare and swap: only from the version that the form showed, and only while the change waits."""
    open_still = PolicyChange.objects.filter(pk=change.pk, version=version, state=PROPOSED)
    if open_still.update(**changes, version=version + 1) != 1:
        raise Decided if change.state != PROPOSED else Stale
    change.version = version + 1
    for name, value in changes.items():
        setattr(change, name, value)


def _end(target: PolicyChange, end: date, by: Actor, at: datetime) -> None:
    swapped = PolicyChange.objects.filter(pk=target.pk, version=target.version, state=APPROVED)
    if swapped.update(state=ENDED, end=end, version=target.version + 1) != 1:
        raise Stale
    before = f"{APPROVED} {target.end}"
    target.state, target.end, target.version = ENDED, end, target.version + 1
    _audit("end", target, by, at, before=before, after=ENDED)


@all_or_nothing
def withdraw(change_id: UUID, *, version: int, by: Actor, at: datetime) -> PolicyChange:
    """Take one's own proposal back. Raises NotPermitted, OutOfReach, Unknown, NotYourProposal, Decided, Stale."""
    change = queries.change(change_id)
    _allowed(by, "policy.propose", change.place)
    if change.proposed_by != by.account_id:
        raise NotYourProposal
    _swap(change, version, {"state": WITHDRAWN})
    _audit("withdraw", change, by, at, before=PROPOSED, after=WITHDRAWN)
    return change
