"""Notifiable diseases: the entry of the register, and its three parts (SM-3-4d)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import F

from fenji.care.catalogue.queries import notifiable
from fenji.care.visits import queries, rules
from fenji.care.visits.actions.shared import done, infection_of, record, swap, wait
from fenji.care.visits.models import Infection, Visit
from fenji.ground.access.rules import DOCTOR, Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import place_of
from fenji.ground.policy.queries import duty_calendar, resolve


@dataclass(frozen=True, slots=True)
class Parts:
    """What was filled in of the three parts; what is empty is left as it stands."""

    measures: str = ""
    report_number: str = ""
    reported_at: datetime | None = None
    onset_on: date | None = None
    contacts: str = ""


def _owed(entry: Infection) -> list[str]:
    return rules.missing_parts(
        measures=entry.measures,
        reported_at=entry.reported_at,
        report_number=entry.report_number,
        registered_at=entry.registered_at,
    )


def parts_missing(visit: Visit, using: str = "default") -> bool:
    """Whether the visit owes a part of what a notifiable disease asks for."""
    entry = infection_of(visit, using)
    return entry is not None and bool(_owed(entry))


def follow(visit: Visit, *, found_at: datetime, by: Actor, at: datetime, using: str = "default") -> None:
    """Bring the register in line with the diagnosis: an entry for a notifiable disease, none for what was ruled out unreported.

    `found_at`: from when the time for the report runs. What was reported stays in the register: a report that proves wrong is
    corrected, not forgotten.
    """
    listed, entry = notifiable(visit.diagnosis_code), Infection.objects.using(using).filter(visit=visit).first()
    if listed is None:
        if entry is not None and entry.reported_at is None and entry.voided_at is None:
            Infection.objects.using(using).filter(pk=entry.pk).update(voided_at=at, version=F("version") + 1)
            record(visit, "rule_out", by=by, at=at, using=using, before=entry.grade)
            done(visit, "infection", at=at, using=using)
        return
    if entry is not None and entry.voided_at is None and entry.disease == listed.name_zh:
        return
    place, day = place_of(visit.org_id, using), local_day(at)
    due = rules.report_due(
        listed.grade, found_at, resolve(rules.VisitsPolicy, place.policy_path, day), duty_calendar(place.policy_path, day)
    )
    facts = {"grade": listed.grade, "disease": listed.name_zh, "found_at": found_at, "due_at": due, "voided_at": None}
    if entry is None:
        Infection(visit=visit, org_id=visit.org_id, path=visit.path, **facts).save(force_insert=True, using=using)
    else:
        # another notifiable disease: it is to be reported anew
        blank = {"report_number": "", "reported_by": "", "reported_at": None}
        Infection.objects.using(using).filter(pk=entry.pk).update(**facts, **blank, version=F("version") + 1)
        done(visit, "infection", at=at, using=using)
    record(visit, "notifiable", by=by, at=at, using=using, after=listed.grade)
    wait(visit, "infection", DOCTOR, due, at=at, topic=listed.name_zh, using=using)


@all_or_nothing
def record_infection(visit_id: UUID, parts: Parts, *, version: int, by: Actor, at: datetime) -> Infection:
    """Keep what was filled in of measures, report and register entry; with the third the step ends, and a visit that was sent up
    closes. `version`: of the entry. Raises NotPermitted, Unknown, Stale."""
    visit = queries.visit(visit_id)
    if not by.may("visit.write") or visit.org_id != by.org_id:
        raise NotPermitted
    entry = infection_of(visit)
    if entry is None:
        raise Unknown(what="infection")
    changes = _filled(entry, parts, by, at)
    if not Infection.objects.filter(pk=entry.pk, version=version).update(**changes, version=F("version") + 1):
        raise Stale
    owed_before = _owed(entry)
    entry.refresh_from_db()
    for part in owed_before:
        if part not in _owed(entry):
            record(visit, f"infection.{part}", by=by, at=at)
    if owed_before and not _owed(entry):
        done(visit, "infection", at=at)
        if visit.disposition == rules.REFERRED_UP and visit.closed_at is None:
            swap(visit, visit.version, closed_at=at)
    return entry


def _filled(entry: Infection, parts: Parts, by: Actor, at: datetime) -> dict[str, object]:
    changes: dict[str, object] = {}
    if parts.measures and parts.measures != entry.measures:
        changes |= {"measures": parts.measures, "measures_by": by.name, "measures_at": at}
    if parts.report_number and parts.reported_at:
        changes |= {"report_number": parts.report_number, "reported_at": parts.reported_at, "reported_by": by.name}
    if parts.onset_on:
        changes |= {"onset_on": parts.onset_on, "contacts": parts.contacts}
        if entry.registered_at is None:
            changes |= {"registered_by": by.name, "registered_at": at}
    return changes
