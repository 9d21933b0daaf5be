"""The only reads of this room offered to others."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from fenji.care.catalogue.queries import suggested_down
from fenji.care.registry.queries import linked
from fenji.care.visits import rules
from fenji.care.visits.models import Handover, Infection, Stay, StayEvent, Visit, VisitEvent
from fenji.ground.access.queries import names_of
from fenji.ground.access.rules import DOCTOR, Actor
from fenji.ground.common.clock import SHANGHAI
from fenji.ground.common.prepared import prepared
from fenji.ground.common.refusal import Unknown
from fenji.ground.common.rows import one
from fenji.ground.network.models import Post
from fenji.ground.network.queries import Place
from fenji.ground.policy.queries import resolve, sources


@prepared
def _by_key(visit_id: UUID) -> QuerySet[Visit]:
    return Visit.objects.filter(pk=visit_id).select_related("resident", "org", "department")


def visit(visit_id: UUID) -> Visit:
    """A visit that the open scope reaches. Raises Unknown."""
    for found in _by_key(visit_id):
        return found
    raise Unknown(what="visit")


def visits_of(resident_id: UUID, limit: int) -> list[Visit]:
    """A resident's visits that the open scope sees, on all records linked with theirs, newest first; one more than `limit` means:
    there are more."""
    found = Visit.objects.filter(resident_id__in=linked(resident_id)).select_related("org")
    return list(found.order_by("-opened_at", "-id")[: limit + 1])


def visits_with(ids: Collection[str]) -> list[Visit]:
    """Of some visits those that the open scope sees, with their residents."""
    return list(Visit.objects.filter(pk__in=ids).select_related("resident")) if ids else []


def _between(field: str, since: date, until: date) -> Q:
    """Rows of local days from `since` to `until`, both included."""
    start = datetime.combine(since, time.min, SHANGHAI)
    end = datetime.combine(until + timedelta(days=1), time.min, SHANGHAI)
    return Q(**{f"{field}__gte": start, f"{field}__lt": end})


def visits_between(actor: Actor, since: date, until: date) -> QuerySet[Visit]:
    """Visits of the actor's institution in a period of days, newest first."""
    found = Visit.objects.filter(_between("opened_at", since, until), org_id=actor.org_id)
    return found.select_related("resident", "department").order_by("-opened_at", "-id")


def handovers_of(visit_id: UUID) -> list[Handover]:
    """Hand-overs of a visit, newest first."""
    return list(Handover.objects.filter(visit_id=visit_id).select_related("department").order_by("-proposed_at"))


def infection_of(visit_id: UUID) -> Infection | None:
    """The entry of the register for a visit, but for one that was ruled out."""
    return one(Infection.objects.filter(visit_id=visit_id, voided_at=None))


def infections_between(actor: Actor, since: date, until: date) -> QuerySet[Infection]:
    """The register of notifiable diseases of the actor's institution, of a period of days, newest first."""
    found = Infection.objects.filter(_between("found_at", since, until), org_id=actor.org_id, voided_at=None)
    return found.select_related("visit__resident").order_by("-found_at", "-id")


def events_of(visit_id: UUID) -> list[VisitEvent]:
    """What happened to a visit, oldest first."""
    return list(VisitEvent.objects.filter(visit_id=visit_id).order_by("at", "id"))


def doctors_of(org_id: int, at: datetime) -> dict[UUID, str]:
    """The doctors of an institution at an instant: account → name, by name."""
    held = Post.objects.filter(Q(end=None) | Q(end__gt=at), org_id=org_id, role=DOCTOR, start__lte=at)
    return dict(sorted(names_of(held.values_list("account_id", flat=True)).items(), key=lambda pair: pair[1]))


# --- stays in hospital -------------------------------------------------------------------------------------------------------


def stay(stay_id: UUID) -> Stay:
    """A stay that the open scope reaches. Raises Unknown."""
    found = one(Stay.objects.filter(pk=stay_id).select_related("resident", "org", "department"))
    if found is None:
        raise Unknown(what="stay")
    return found


def stays_of(resident_id: UUID, limit: int) -> list[Stay]:
    """A resident's stays that the open scope sees, on all records linked with theirs, newest first; one more than `limit` means:
    there are more."""
    found = Stay.objects.filter(resident_id__in=linked(resident_id)).select_related("org")
    return list(found.order_by("-admitted_at", "-id")[: limit + 1])


def stays_with(ids: Collection[str]) -> list[Stay]:
    """Of some stays those that the open scope sees, with their residents."""
    return list(Stay.objects.filter(pk__in=ids).select_related("resident")) if ids else []


def stay_events(stay_id: UUID) -> list[StayEvent]:
    """What happened in a stay, oldest first."""
    return list(StayEvent.objects.filter(stay_id=stay_id).order_by("at", "id"))


def census(actor: Actor, department_id: int | None = None) -> QuerySet[Stay]:
    """Who is in hospital at the actor's institution now, by department and bed."""
    found = Stay.objects.filter(org_id=actor.org_id, discharged_at=None).select_related("resident", "department")
    if department_id is not None:
        found = found.filter(department_id=department_id)
    return found.order_by("department_id", "bed", "admitted_at", "id")


@dataclass(frozen=True, slots=True)
class InWard:
    """A stay of the census, and why it may go down today: `rules.BY_PHASE`, `rules.BY_LIST`, both, or nothing."""

    stay: Stay
    reasons: tuple[str, ...]


def judged(stays: Sequence[Stay], where: Place, on: date) -> list[InWard]:
    """Stays of one institution with the reasons for which they may go down on a day (SM-1-2b, SM-3-6a, SM-3-6b, QZ-2-11i)."""
    policy = resolve(rules.VisitsPolicy, where.policy_path, on)
    listed = suggested_down({s.disease_group for s in stays}, where.id, on) if stays else {}
    phases = {group: {e.phase for e in entries} for group, entries in listed.items()}
    return [InWard(s, rules.reasons_to_go_down(s.phase, phases.get(s.disease_group, ()), policy)) for s in stays]


def down_clauses(where: Place, on: date) -> dict[str, tuple[str, ...]]:
    """The clauses on which the two reasons rest at a place on a day."""
    return {
        rules.BY_PHASE: (sources(rules.VisitsPolicy, where.policy_path, on)["phases_down"].clause_id,),
        rules.BY_LIST: ("SM-3-6a", "SM-3-6b"),
    }
