"""Outliers with what happened to them, and bulletins."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.db.models import QuerySet

from fenji.ground.common.refusal import Unknown
from fenji.measure.referral_quality.models import Bulletin, OutlierCase, OutlierEvent
from fenji.measure.referral_quality.rules import Outlier


def outliers() -> QuerySet[OutlierCase]:
    """The outliers that the scope sees, open ones first, then latest first."""
    return OutlierCase.objects.select_related("org", "lead").order_by("-closed_at", "-opened_at", "id")


def outlier(outlier_id: UUID) -> OutlierCase:
    """One outlier. Raises Unknown."""
    found = outliers().filter(pk=outlier_id).first()
    if found is None:
        raise Unknown(what="outlier")
    return found


def view_of(row: OutlierCase) -> Outlier:
    """An outlier as the rules see it."""
    return Outlier(row.state, row.cause, row.correction, row.correct_by, row.explained_by)


def events_of(of: OutlierCase) -> list[OutlierEvent]:
    """What happened to it, oldest first."""
    return list(OutlierEvent.objects.filter(outlier=of).order_by("at", "id"))


def bulletins(county: str) -> QuerySet[Bulletin]:
    """The bulletins of a county, latest first."""
    return Bulletin.objects.filter(county=county).order_by("-month")


def bulletin_counties(stem: str) -> list[str]:
    """The counties with a bulletin whose code begins like this, ascending."""
    return sorted(set(Bulletin.objects.filter(county__starts=stem).values_list("county", flat=True)))


def bulletin(county: str, month: date) -> Bulletin:
    """The bulletin of one month. Raises Unknown."""
    found = bulletins(county).filter(month=month).first()
    if found is None:
        raise Unknown(what="bulletin")
    return found
