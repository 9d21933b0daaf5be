"""The only reads of this room offered to others."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from fenji.care.registry.queries import linked
from fenji.care.visits.models import Handover, Infection, Visit, VisitEvent
from fenji.ground.access.queries import names_of
from fenji.ground.access.rules import DOCTOR, Actor
from fenji.ground.common.clock import SHANGHAI
from fenji.ground.common.refusal import Unknown
from fenji.ground.common.rows import one
from fenji.ground.network.models import Post


def visit(visit_id: UUID) -> Visit:
    """A visit that the open scope reaches. Raises Unknown."""
    found = one(Visit.objects.filter(pk=visit_id).select_related("resident", "org", "department"))
    if found is None:
        raise Unknown(what="visit")
    return found


def visits_of(resident_id: UUID, limit: int) -> list[Visit]:
    """A resident's visits that the open scope sees, on all records linked with theirs, newest first; one more than `limit` means:
    there are more."""
    found = Visit.objects.filter(resident_id__in=linked(resident_id)).select_related("org")
    return list(found.order_by("-opened_at", "-id")[: limit + 1])


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
