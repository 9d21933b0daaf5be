"""The monthly bulletin of refusals and late steps."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction
from django.db.models import Count, F, Q

from fenji.care.referral.rules.register import next_month
from fenji.ground.access.actions import audit
from fenji.ground.access.models import AuditEvent
from fenji.ground.access.rules import house
from fenji.ground.common.clock import local_day
from fenji.ground.network.models import Organisation
from fenji.ground.network.queries import Place, place
from fenji.ground.tasks.models import WorkItem
from fenji.measure.referral_quality import queries, rules
from fenji.measure.referral_quality.models import Bulletin

_ANSWERS = ("referral.accept", "referral.decline", "referral.redirect")
_DECLINED = "referral.decline"


def publish_bulletins(month: date, *, at: datetime, using: str = "job") -> int:
    """Publish the bulletin of every county with a referral in a month that is over; once each. Runs as the job role.

    `month`: its first day. Returns how many were published.
    """
    end = next_month(month)
    if end > local_day(at):
        raise ValueError(f"{month:%Y-%m} is not over")
    records = _records(month, end, at, using)
    known = set(Bulletin.objects.using(using).filter(month=month).values_list("county", flat=True))
    by_county: dict[str, list[Place]] = {}
    for org in Organisation.objects.using(using).filter(pk__in=records, kind="care").order_by("path"):
        here = place(org)
        by_county.setdefault(here.county, []).append(here)
    fresh = {county: places for county, places in by_county.items() if county not in known}
    for county, places in fresh.items():
        with transaction.atomic(using=using):
            _publish(county, month, places, records, at, using)
    return len(fresh)


def _records(month: date, end: date, at: datetime, using: str) -> dict[int, rules.Record]:
    """What each institution answered and was late with, counted from the traces and from the steps that fell due."""
    since, until = queries.day_start(month), queries.day_start(end)
    answered = AuditEvent.objects.using(using).filter(action__in=_ANSWERS, at__gte=since, at__lt=until).order_by()
    answers = answered.values("org_id").annotate(all=Count("id"), declined=Count("id", filter=Q(action=_DECLINED)))
    offered = {r["org_id"]: (r["all"], r["declined"]) for r in answers}
    fell_due = WorkItem.objects.using(using).filter(kind__starts="referral.", due_at__gte=since, due_at__lt=until).order_by()
    late = Q(closed_at__gt=F("due_at")) | Q(closed_at=None, due_at__lt=at)
    due = {
        r["org_id"]: (r["all"], r["late"])
        for r in fell_due.values("org_id").annotate(all=Count("id"), late=Count("id", filter=late))
    }
    none = (0, 0)
    return {
        org: rules.Record(str(org), *offered.get(org, none), *due.get(org, none)) for org in sorted(offered.keys() | due.keys())
    }


def _publish(county: str, month: date, places: list[Place], records: dict[int, rules.Record], at: datetime, using: str) -> None:
    policy = queries.policy_at(places[0], local_day(at))
    names = {str(p.id): p.name for p in places}
    made = rules.bulletin([records[p.id] for p in places], policy)
    lines = {
        table: [{"org": int(x.org), "name": names[x.org], "hits": x.hits, "of": x.of, "rank": x.rank} for x in rows]
        for table, rows in (("refusals", made.refusals), ("late", made.late))
    }
    Bulletin.objects.using(using).create(county=county, month=month, lines=lines, at=at)
    audit(by=house(places[0].id), at=at, action="quality.bulletin", subject=f"{county} {month:%Y-%m}", using=using)
