"""`resolve`: the typed policy that binds at a place on a day; `clause`: what a clause id stands for; the duty calendar."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import Field, dataclass, fields
from datetime import date, time
from functools import lru_cache
from time import monotonic
from typing import Any, TypeVar

from fenji.ground.common.clock import DutyCalendar, Span
from fenji.ground.policy import loader
from fenji.ground.policy.models import CalendarDay
from fenji.ground.policy.rules import Clause, PackError, Parameter, bind

P = TypeVar("P")
_ROOMS: dict[type, str] = {}
_CALENDARS: dict[tuple[str, ...], tuple[float, DutyCalendar]] = {}
_CALENDAR_SECONDS = 60


@dataclass(frozen=True, slots=True)
class TasksPolicy:
    """When duty time runs, and from when on a deadline counts as near."""

    duty_hours: tuple[str, ...]
    due_soon_minutes: int


def register(policy: type, room: str) -> None:
    """Declare a room's policy class: its fields are read from the keys `room.field`. Called at start-up."""
    _ROOMS[policy] = room


def registered() -> dict[type, str]:
    """All policy classes with their rooms."""
    return dict(_ROOMS)


def _typed(field: Field[Any], parameter: Parameter) -> object:
    wanted = {"int": int, "bool": bool, "str": str, "Span": dict}.get(str(field.type), tuple)
    if type(parameter.value) is not wanted:
        raise PackError(f"{parameter.key} ({parameter.clause_id}): {parameter.value!r} should be of type {wanted.__name__}")
    return Span(**parameter.value) if isinstance(parameter.value, dict) else parameter.value


@lru_cache(maxsize=4096)
def _resolve(policy: type, path: tuple[str, ...], on: date) -> tuple[Any, dict[str, Parameter]]:
    packs = loader.shipped()
    room = _ROOMS[policy]
    bound = {f.name: bind(packs.parameters, f"{room}.{f.name}", path, on).parameter for f in fields(policy)}
    values = {f.name: _typed(f, bound[f.name]) for f in fields(policy)}
    return policy(**values), bound


def resolve(policy: type[P], path: Sequence[str], on: date) -> P:
    """The policy that binds at `path` on the day. Raises PackError."""
    resolved: P = _resolve(policy, tuple(path), on)[0]
    return resolved


def sources(policy: type, path: Sequence[str], on: date) -> dict[str, Parameter]:
    """Field → the parameter it was read from, for reasons and for `explain`."""
    return dict(_resolve(policy, tuple(path), on)[1])


def pack_hash() -> str:
    """Hash of the packs of this release."""
    return loader.shipped().hash


def clause(clause_id: str) -> Clause | None:
    """A clause by id; None when no shipped pack has it."""
    return loader.shipped().clauses.get(clause_id)


def duty_calendar(path: Sequence[str], on: date) -> DutyCalendar:
    """Working days and duty hours at a place. Read once a minute: another process may have taken a new calendar in."""
    hours = resolve(TasksPolicy, path, on).duty_hours
    read_at, calendar = _CALENDARS.get(hours, (0.0, None))
    if calendar is None or monotonic() - read_at > _CALENDAR_SECONDS:
        exceptions = dict(CalendarDay.objects.values_list("day", "working"))
        calendar = DutyCalendar(tuple(_period(h) for h in hours), exceptions)
        _CALENDARS[hours] = (monotonic(), calendar)
    return calendar


def calendar_days(days: Collection[date], using: str = "default") -> dict[date, dict[str, Any]]:
    """The rows of the calendar for some days: day → working, name, basis, provisional."""
    found = CalendarDay.objects.using(using).filter(day__in=days).values("day", "working", "name", "basis", "provisional")
    return {row.pop("day"): row for row in found}


def forget_calendars() -> None:
    """Called after the calendar's rows have changed."""
    _CALENDARS.clear()


def _period(text: str) -> tuple[time, time]:
    start, end = text.split("-")
    return time.fromisoformat(start), time.fromisoformat(end)
