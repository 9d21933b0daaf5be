"""Alerts as people see them, with the rows they rest on, and what they are counted against."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from fenji.care.referral.queries import cases_numbered
from fenji.care.visits.queries import stays_with, visits_with
from fenji.ground.common.refusal import Unknown
from fenji.ground.common.units import COUNTY_CODE_LENGTH
from fenji.ground.network.queries import names_of
from fenji.measure.journeys.rules import BYPASS, DISCHARGE_INSTEAD, EASILY_TREATED, TURNED_AWAY
from fenji.measure.referral_quality.models import Alert, AlertRow
from fenji.measure.referral_quality.queries.counted import branch_of, day_start, rows_of
from fenji.measure.referral_quality.rules import alerts as rules

BASES = {DISCHARGE_INSTEAD: "discharges", BYPASS: "contacts", EASILY_TREATED: "referrals", TURNED_AWAY: "endings"}
"""Kind of alert → what it is counted against, see `referral_quality_alert_bases`."""
_COLUMNS = ("discharges", "contacts", "referrals", "endings")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which alerts: of [since, until), of a kind, a county (six digits), an institution asked, a state; "" and None: any.
    `overdue`: only those whose answer is overdue at that instant."""

    since: date
    until: date
    kind: str = ""
    county: str = ""
    org: int | None = None
    state: str = ""
    overdue: datetime | None = None


def alerts(asked: Asked | None = None) -> QuerySet[Alert]:
    """The alerts that the scope sees, latest first."""
    found = Alert.objects.select_related("org", "lead").order_by("-at", "id")
    if asked is None:
        return found
    found = found.filter(at__gte=day_start(asked.since), at__lt=day_start(asked.until))
    wanted = {"kind": asked.kind, "state": asked.state, "path__starts": asked.county, "org_id": asked.org}
    found = found.filter(**{field: value for field, value in wanted.items() if value})
    return found.filter(state=rules.OPEN, due_at__lt=asked.overdue) if asked.overdue else found


def alert(alert_id: UUID) -> Alert:
    """One alert. Raises Unknown."""
    found = alerts().filter(pk=alert_id).first()
    if found is None:
        raise Unknown(what="alert")
    return found


def alert_view(row: Alert) -> rules.Alert:
    """An alert as the rules see it."""
    return rules.Alert(row.state, row.due_at, row.cause, row.answered_id, row.note)


def alert_orgs() -> dict[int, str]:
    """The institutions that are asked in any alert the scope sees, by name."""
    found = names_of(Alert.objects.order_by().values_list("org_id", flat=True).distinct())
    return dict(sorted(found.items(), key=lambda pair: pair[1]))


def alert_counties() -> list[str]:
    """The counties in which any alert lies that the scope sees, as six digits, ascending."""
    return sorted({path[:COUNTY_CODE_LENGTH] for path in Alert.objects.order_by().values_list("path", flat=True).distinct()})


@dataclass(frozen=True, slots=True)
class Row:
    """A row that an alert rests on, as far as the scope sees it. `patient`: the name as it stands there, empty when it is not seen;
    `resident`: whose."""

    position: int
    kind: str
    key: str
    resident: UUID
    patient: str
    diagnosis: str


def alert_rows(of: Alert) -> dict[int, Row]:
    """The rows of an alert that the scope sees, by position: of the institution asked its own, and cases that it sent or had."""
    named = list(AlertRow.objects.filter(alert=of).order_by("position"))
    ids = {kind: [row.key for row in named if row.kind == kind] for kind in ("visit", "stay", "case")}
    seen: dict[tuple[str, str], tuple[str, str]] = {}
    for kind, contacts in (("visit", visits_with(ids["visit"])), ("stay", stays_with(ids["stay"]))):
        seen |= {(kind, str(c.pk)): (c.resident.name, c.diagnosis_name) for c in contacts}
    seen |= {("case", c.number): (c.patient_name, c.diagnosis_name) for c in cases_numbered(ids["case"])}
    return {
        row.position: Row(row.position, row.kind, row.key, row.resident_id, *seen[row.kind, row.key])
        for row in named
        if (row.kind, row.key) in seen
    }


@dataclass(frozen=True, slots=True)
class Tally:
    """Alerts of one institution and kind in a period, without those withdrawn, and what they are counted against. `waiting`: not
    judged yet."""

    org: int
    kind: str
    hits: int
    waiting: int
    to_correct: int
    of: int


def alert_tallies(since: date, until: date, county: str = "") -> list[Tally]:
    """How many alerts institutions have in [since, until), with their denominators; those with any alert, most first.

    Village clinics are counted to their centre. The database refuses roles that count nothing.
    """
    branches, bases = branch_of(), Counter[tuple[int, str]]()
    for org, *numbers in rows_of(
        "SELECT * FROM referral_quality_alert_bases(%s, %s)", [day_start(since), day_start(until)], "default"
    ):
        for column, number in zip(_COLUMNS, numbers, strict=True):
            bases[branches.get(org, org), column] += number
    rows: QuerySet[Alert, dict[str, Any]] = (
        alerts(Asked(since, until, county=county))
        .exclude(state=rules.WITHDRAWN)
        .order_by()
        .values("org_id", "kind")
        .annotate(
            hits=Count("id"),
            waiting=Count("id", filter=Q(state__in=rules.WAITING)),
            to_correct=Count("id", filter=Q(state=rules.TO_CORRECT)),
        )
    )
    found = [
        Tally(r["org_id"], r["kind"], r["hits"], r["waiting"], r["to_correct"], bases[r["org_id"], BASES[r["kind"]]]) for r in rows
    ]
    return sorted(found, key=lambda t: (-t.hits, t.org, t.kind))
