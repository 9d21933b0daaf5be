"""`resolve`: the typed policy that binds at a place on a day; why it does; what a clause id stands for; the duty calendar.

Packs are read once a process. Approved changes lie over them, in a book that is read anew when it is older than a minute or the
local day has turned. A change begins on a later day than its approval, so no book that is a minute old can decide wrongly.
"""

from __future__ import annotations

import hashlib
import json
import re
import time as system
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import Field, dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import SHANGHAI, DutyCalendar, Span, local_day
from fenji.ground.common.refusal import Unknown
from fenji.ground.common.units import MINUTES_PER_HOUR
from fenji.ground.policy import loader, rules
from fenji.ground.policy.models import CalendarDay, PolicyChange
from fenji.ground.policy.rules import APPROVED, ENDED, PROPOSED, Binding, ChangePolicy, Clause, Document, PackError, Parameter, bind

P = TypeVar("P")
_ROOMS: dict[type, str] = {}
_CALENDARS: dict[tuple[str, ...], tuple[float, DutyCalendar]] = {}
_CALENDAR_SECONDS = 60
_PERIOD = re.compile(r"[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}")
_BOOK_SECONDS = 60
_clock = system.time


@dataclass(frozen=True, slots=True)
class TasksPolicy:
    """When duty time runs, and from when on a deadline counts as near."""

    duty_hours: tuple[str, ...]
    due_soon_minutes: int

    def __post_init__(self) -> None:
        """A calendar can be made of it: ascending periods, an hour a day or more, so that every deadline is reached some day."""
        periods = [_period(text) for text in self.duty_hours]
        times = [t for period in periods for t in period]
        minutes = sum((b.hour - a.hour) * MINUTES_PER_HOUR + b.minute - a.minute for a, b in periods)
        if minutes < MINUTES_PER_HOUR or any(a >= b for a, b in pairwise(times)):
            raise ValueError(f"not ascending periods of an hour or more: {self.duty_hours}")


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """Every parameter that binds somewhere, some day: of the packs, and of approved changes. Compared by identity, as a cache key.

    `orphans`: approved changes whose key no pack has any more, or whose value has another form than it has there.
    """

    by_key: Mapping[str, tuple[Parameter, ...]]
    hash: str
    orphans: tuple[PolicyChange, ...] = ()


@dataclass(slots=True)
class _Shelf:
    """The book of this process, and between which instants (seconds) it may be used without reading anew."""

    book: Book | None = None
    since: float = 0
    until: float = 0


_SHELF = _Shelf()


def register(policy: type, room: str) -> None:
    """Declare a room's policy class: its fields are read from the keys `room.field`. Called at start-up."""
    _ROOMS[policy] = room


def registered() -> dict[type, str]:
    """All policy classes with their rooms."""
    return dict(_ROOMS)


# --- the book -----------------------------------------------------------------------------------------------------------------


def _read_changes() -> list[PolicyChange]:
    # web processes read as the app, the worker as the job role
    found = PolicyChange.objects.using(settings.PROCRASTINATE_DATABASE_ALIAS)
    return list(found.filter(state__in=(APPROVED, ENDED), ends=None).order_by("decided_at", "id"))


def as_parameter(change: PolicyChange, base: Parameter) -> Parameter:
    """A change as the parameter it would be, once approved."""
    return rules.overlay(
        base, value=rules.value_of(change.value), prefix=change.place, authority=change.authority, start=change.start,
        end=change.end, change=str(change.pk), document=change.document_number,
    )  # fmt: skip


def _base_of(change: PolicyChange, by_key: Mapping[str, list[Parameter]]) -> Parameter | None:
    same = by_key.get(change.key, [])
    of_clause = [p for p in same if p.clause_id == change.clause_id]
    dated = [p for p in of_clause if p.start <= change.start and (p.end is None or change.start < p.end)]
    # a newer release may have lost the clause: its override mode is then read from the platform's parameter
    return next(iter([*dated, *of_clause, *(p for p in same if p.authority == "platform")]), None)


def _fits(change: PolicyChange, base: Parameter) -> bool:
    try:
        return rules.form_of(rules.value_of(change.value)) == rules.form_of(base.value)
    except ValueError:
        return False


def book_of(packs: loader.Packs, changes: Iterable[PolicyChange] = ()) -> Book:
    """Packs with approved changes over them. Without changes the hash is that of the packs."""
    by_key: dict[str, list[Parameter]] = {}
    for p in packs.parameters:
        by_key.setdefault(p.key, []).append(p)
    over, orphans, digest = [], [], hashlib.sha256(packs.hash.encode())
    changes = list(changes)
    for change in changes:
        base = _base_of(change, by_key)
        if base is None or not _fits(change, base):
            orphans.append(change)
        else:
            over.append(as_parameter(change, base))
        told = [str(change.pk), change.key, change.place, change.value, change.authority, change.clause_id, change.document_number]
        digest.update(json.dumps([*told, str(change.start), str(change.end)], sort_keys=True).encode() + b"\0")
    for p in over:
        by_key[p.key].append(p)
    return Book({k: tuple(v) for k, v in by_key.items()}, digest.hexdigest() if changes else packs.hash, tuple(orphans))


def _next_day(instant: float) -> float:
    day = local_day(datetime.fromtimestamp(instant, UTC))
    return datetime.combine(day + timedelta(days=1), time(), SHANGHAI).timestamp()


def book() -> Book:
    """The book of this process. Read anew after a minute, when the local day has turned, and when the clock went back."""
    shelf, now = _SHELF, _clock()
    if shelf.book is None or not shelf.since <= now < shelf.until:
        fresh = book_of(loader.shipped(), _read_changes())
        if shelf.book is None or shelf.book.hash != fresh.hash:
            shelf.book = fresh  # an equal one stays, with all that was worked out from it
        shelf.since, shelf.until = now, min(now + _BOOK_SECONDS, _next_day(now))
    return shelf.book


def fresh_book() -> Book:
    """Packs and the changes approved up to this statement, past the book of the process: for judging another change."""
    return book_of(loader.shipped(), _read_changes())


def forget_changes() -> None:
    """Read the changes anew at the next question; called where one was just decided."""
    _SHELF.since = _SHELF.until = 0


# --- what binds ---------------------------------------------------------------------------------------------------------------


def _typed(field: Field[Any], parameter: Parameter) -> object:
    wanted = {"int": int, "bool": bool, "str": str, "Span": Span}.get(str(field.type), tuple)
    if type(parameter.value) is not wanted:
        told = f"{parameter.clause_id} {parameter.key}: {parameter.value!r} should be of type {wanted.__name__}"
        raise PackError(parameter.where, told, "write the value as the policy class of the room declares it")
    return parameter.value


def binding_in(found: Book, key: str, path: Sequence[str], on: date) -> Binding:
    """Which parameter binds in a book, and what it overrules. Raises PackError."""
    return bind(found.by_key.get(key, ()), key, path, on)


def resolve_in(found: Book, policy: type[P], path: Sequence[str], on: date) -> tuple[P, dict[str, Parameter]]:
    """The policy that binds in a book, and the parameter each field was read from. Raises PackError, ValueError."""
    room = _ROOMS[policy]
    declared = fields(policy)  # type: ignore[arg-type]
    bound = {f.name: binding_in(found, f"{room}.{f.name}", path, on).parameter for f in declared}
    return policy(**{f.name: _typed(f, bound[f.name]) for f in declared}), bound


def works(found: Book, parameter: Parameter) -> bool:
    """Whether the room can use a value: its policy class is built as if the parameter were in force on its first day."""
    room, _, name = parameter.key.partition(".")
    policy = next((p for p, of in _ROOMS.items() if of == room and name in {f.name for f in fields(p)}), None)
    if policy is None:
        return False
    trial = Book({**found.by_key, parameter.key: (*found.by_key[parameter.key], parameter)}, "")
    try:
        resolve_in(trial, policy, rules.path_to(parameter.prefix), parameter.start)
    except ValueError:  # a PackError is one too
        return False
    return True


@lru_cache(maxsize=4096)
def _resolve(found: Book, policy: type, path: tuple[str, ...], on: date) -> tuple[Any, dict[str, Parameter]]:
    return resolve_in(found, policy, path, on)


def resolve(policy: type[P], path: Sequence[str], on: date) -> P:
    """The policy that binds at `path` on the day. Raises PackError."""
    resolved: P = _resolve(book(), policy, tuple(path), on)[0]
    return resolved


def sources(policy: type, path: Sequence[str], on: date) -> dict[str, Parameter]:
    """Field → the parameter it was read from, for reasons and for `explain`."""
    return dict(_resolve(book(), policy, tuple(path), on)[1])


def pack_hash() -> str:
    """Hash of the packs of this release, and of the approved changes where there are any."""
    return book().hash


def clause(clause_id: str) -> Clause | None:
    """A clause by id; None when no shipped pack has it."""
    return loader.shipped().clauses.get(clause_id)


def document(document_id: str) -> Document | None:
    """The head of a pack by the id of its document; None when no shipped pack has it."""
    return loader.shipped().documents.get(document_id)


def _declared() -> dict[str, Field[Any]]:
    return {f"{room}.{f.name}": f for policy, room in _ROOMS.items() for f in fields(policy)}


def _misfit(declared: Mapping[str, Field[Any]], p: Parameter) -> PackError | None:
    if p.key not in declared:
        told = f"{p.clause_id} {p.key}: no policy class has this field"
        return PackError(p.where, told, "mend the key, or add the field to the policy class of the room")
    try:
        _typed(declared[p.key], p)
    except PackError as error:
        return error
    return None


def misfits(parameters: Iterable[Parameter]) -> list[PackError]:
    """What does not fit the registered policy classes: keys nobody reads, wrong types, fields without a default."""
    declared, known = _declared(), list(parameters)
    errors = [e for e in (_misfit(declared, p) for p in known) if e is not None]
    given = {p.key for p in known if p.authority == "platform" and not p.change}
    missing = [key for key in declared if key not in given]
    errors += [PackError("platform/pack.toml:1", f"{key} has no default", "add it to the platform pack") for key in missing]
    return errors


def change_errors(found: Book) -> list[PackError]:
    """Approved changes that do not fit the packs of this release: to be ended before the house serves."""
    declared, known = _declared(), [p for same in found.by_key.values() for p in same]
    told = "no pack has this key, or its value has another form there"
    errors = [PackError(f"change {c.pk}", f"{c.key}: {told}", "end the change") for c in found.orphans]
    errors += [e for p in known if p.change and (e := _misfit(declared, p)) is not None]
    return errors + rules.errors_among(known)


# --- changes ------------------------------------------------------------------------------------------------------------------


def change(change_id: UUID) -> PolicyChange:
    """A change by id. Raises Unknown."""
    found = PolicyChange.objects.filter(pk=change_id).select_related("ends").first()
    if found is None:
        raise Unknown(what="change")
    return found


def changes_of(key: str) -> QuerySet[PolicyChange]:
    """All changes of one parameter, whatever became of them, newest first."""
    return PolicyChange.objects.filter(key=key).select_related("ends").order_by("-proposed_at", "-id")


def waiting() -> QuerySet[PolicyChange]:
    """Changes that wait for a decision, oldest first."""
    return PolicyChange.objects.filter(state=PROPOSED).select_related("ends").order_by("proposed_at", "id")


def to_decide(actor: Actor) -> list[PolicyChange]:
    """Changes that wait for this person as the second one: within reach, proposed by somebody else; oldest first."""
    if not actor.may("policy.decide"):
        return []
    return [c for c in waiting().exclude(proposed_by=actor.account_id) if rules.governs(actor.reach, c.place)]


def decided_since(actor: Actor, since: datetime) -> QuerySet[PolicyChange]:
    """What others decided on this person's proposals since an instant, latest first."""
    mine = PolicyChange.objects.filter(proposed_by=actor.account_id, decided_at__gte=since)
    return mine.select_related("ends").order_by("-decided_at", "-id")


def limits(prefix: str, on: date) -> ChangePolicy:
    """The bounds of changes at a place."""
    return resolve(ChangePolicy, rules.path_to(prefix), on)


def settled_day(prefix: str, at: datetime) -> date:
    """The local day on which an approval given now counts; a change must begin later."""
    return local_day(at + timedelta(minutes=limits(prefix, local_day(at)).settle_minutes))


# --- the calendar -------------------------------------------------------------------------------------------------------------


def duty_calendar(path: Sequence[str], on: date) -> DutyCalendar:
    """Working days and duty hours at a place. Read once a minute: another process may have taken a new calendar in."""
    hours = resolve(TasksPolicy, path, on).duty_hours
    read_at, calendar = _CALENDARS.get(hours, (0.0, None))
    if calendar is None or system.monotonic() - read_at > _CALENDAR_SECONDS:
        exceptions = dict(CalendarDay.objects.values_list("day", "working"))
        calendar = DutyCalendar(tuple(_period(h) for h in hours), exceptions)
        _CALENDARS[hours] = (system.monotonic(), calendar)
    return calendar


def calendar_days(days: Collection[date], using: str = "default") -> dict[date, dict[str, Any]]:
    """The rows of the calendar for some days: day → working, name, basis, provisional."""
    found = CalendarDay.objects.using(using).filter(day__in=days).values("day", "working", "name", "basis", "provisional")
    return {row.pop("day"): row for row in found}


def forget_calendars() -> None:
    """Called after the calendar's rows have changed."""
    _CALENDARS.clear()


def _period(text: str) -> tuple[time, time]:
    if not _PERIOD.fullmatch(text):
        raise ValueError(f"not a period: {text!r}")
    start, end = text.split("-")
    return time.fromisoformat(start), time.fromisoformat(end)
