"""Facts without persons, for officers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.db import connection

from fenji.ground.common.refusal import Unknown
from fenji.ground.network.models import Organisation, RegionName


@dataclass(frozen=True, slots=True)
class Fact:
    """What an officer sees of one referral. `age_band`: first year of a five-year band, 90 for 90 and older."""

    number: str
    origin_id: int
    receiver_id: int
    disease_group: str
    age_band: int
    sex: str
    emergency: bool
    state: str
    verdict: str
    written_at: datetime
    offered_at: datetime | None
    accepted_at: datetime | None
    arrived_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which facts: written in [since, until), sent or received at `place` (beginning of a path; "" anywhere in reach), in a state,
    of a disease group; `before`: after which row the page goes on, as (written, number)."""

    since: datetime
    until: datetime
    place: str = ""
    state: str = ""
    group: str = ""
    number: str = ""
    before: tuple[datetime, str] | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is behind a referral, handed out once."""

    name: str
    sex: str
    birth_date: date
    phone: str


def _called(statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def facts(wanted: Wanted, most: int) -> list[Fact]:
    """Referrals within the officer's reach, newest first, at most `most`. The database refuses every other role."""
    at, number = wanted.before or (wanted.until, "")
    values = [wanted.since, wanted.until, wanted.place, wanted.state, wanted.group, wanted.number, at, number, most]
    rows = _called("SELECT * FROM referral_facts(%s, %s, %s, %s, %s, %s, %s, %s, %s)", values)
    return [Fact(*row) for row in rows]


def fact(number: str) -> Fact:
    """One referral within the officer's reach. Raises Unknown, alike for none and for one elsewhere."""
    found = facts(Wanted(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), number=number), 1)
    if not found:
        raise Unknown(what="case")
    return found[0]


def fact_steps(number: str) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    """The reasons of a referral's verdict, and its steps: at, action, role, org. Raises Unknown."""
    rows = _called("SELECT reasons, steps FROM referral_fact_steps(%s)", [number])
    if not rows:
        raise Unknown(what="case")
    reasons, steps = (json.loads(v) if isinstance(v, str) else v for v in rows[0])
    return reasons, [{**step, "at": datetime.fromisoformat(step["at"])} for step in steps]


def counties_within(reach: str) -> dict[str, str]:
    """Counties with institutions within an officer's reach: the code's first six digits → present name."""
    found = Organisation.objects.filter(path__starts=reach).values_list("path", flat=True)
    codes = sorted({path[:6] for path in found})
    names = dict(RegionName.objects.filter(code__in=codes, end=None).values_list("code", "name"))
    return {code: names.get(code, code) for code in codes}
