"""The month's register of an institution: its referrals with the times at which each state was reached."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time

from django.db.models import QuerySet

from fenji.care.referral.models import Case, CaseEvent
from fenji.care.referral.queries.cases import cases_of_institution
from fenji.care.referral.rules import ARRIVED, OFFERED
from fenji.care.referral.rules.register import IN, OUT, Line, next_month
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import SHANGHAI


@dataclass(frozen=True, slots=True)
class Entry:
    """One referral of the register with its line."""

    case: Case
    line: Line


def in_month(actor: Actor, first: date) -> QuerySet[Case]:
    """The institution's referrals that were written in a month and sent. `first`: the month's first day, in Fujian."""
    since, until = (datetime.combine(day, time(), SHANGHAI) for day in (first, next_month(first)))
    sent = CaseEvent.objects.filter(after=OFFERED, case__created_at__gte=since, case__created_at__lt=until).values("case_id")
    return cases_of_institution(actor).filter(pk__in=sent, created_at__gte=since, created_at__lt=until)


def register(actor: Actor, first: date, most: int) -> list[Entry]:
    """The same, oldest first, with the times of each; one more than `most`: there are more."""
    found = in_month(actor, first).select_related("origin", "receiver", "department").order_by("created_at", "number")
    cases = list(found[: most + 1])
    reached = _reached([c.pk for c in cases])
    return [Entry(c, _line(c, actor.org_id, reached.get(c.pk, {}))) for c in cases]


def _line(case: Case, mine: int, reached: dict[str, datetime]) -> Line:
    way = OUT if case.origin_id == mine else IN
    return Line(way, case.receiver_id if way == OUT else case.origin_id, case.emergency, reached)


def _reached(case_ids: list[object]) -> dict[object, dict[str, datetime]]:
    found: dict[object, dict[str, datetime]] = {}
    rows = CaseEvent.objects.filter(case_id__in=case_ids).order_by("at", "id").values_list("case_id", "action", "after", "at")
    for case_id, action, after, at in rows:
        # on the way down arrival closes the case
        reached = ARRIVED if action == "arrive" else after
        found.setdefault(case_id, {}).setdefault(reached, at)
    return found
