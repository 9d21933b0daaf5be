"""Rows that alerts are found in, as any system would leave them, and what tests of alerts share."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from fenji.care.registry.models import Resident
from fenji.care.visits.models import Stay, Visit
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.edge import now
from fenji.ground.network.models import Organisation
from fenji.ground.tasks.models import WorkItem
from fenji.measure.referral_quality.models import Alert, AlertRow
from fenji.world.county import COUNTY_HOSPITAL, Person
from tests.cast import person

_RESIDENTS = 330
"""Residents from this one on are used by no other test."""


def noon(days_ago: int) -> datetime:
    """Noon in Fujian, some days ago."""
    return datetime.combine(local_day(now()) - timedelta(days=days_ago), time(12), SHANGHAI)


def somebody(number: int, who: Person | None = None) -> Resident:
    """A resident of somebody's institution, township A's unless told otherwise."""
    home = (who or person("doctor")).org_id
    return Resident.objects.using("load").filter(home_org_id=home).order_by("id")[_RESIDENTS + number]


def _common(org_id: int, resident: Resident, group: str) -> dict[str, Any]:
    path = Organisation.objects.using("load").get(pk=org_id).path
    return {
        "resident": resident, "org_id": org_id, "path": path, "doctor_id": person("doctor").id, "doctor_name": "郑医生",
        "diagnosis_code": f"{group}.x00", "diagnosis_name": "高血压", "disease_group": group, "group_version": "x",
    }  # fmt: skip


def a_stay(
    resident: Resident, org_id: int, start: datetime, end: datetime | None = None, way: str = "home", group: str = "I10"
) -> Stay:
    """Somebody in hospital, or who was."""
    way_out = way if end else ""
    row = _common(org_id, resident, group)
    return Stay.objects.using("load").create(**row, admitted_at=start, discharged_at=end, way_out=way_out)


def a_visit(
    resident: Resident, org_id: int, start: datetime, disposition: str = "treated", group: str = "I10", **more: Any
) -> Visit:
    """Somebody who was seen and went home an hour later."""
    end, row = start + timedelta(hours=1), _common(org_id, resident, group)
    alert = end if disposition == "unstated" else None
    return Visit.objects.using("load").create(
        **row, complaint="x", disposition=disposition, opened_at=start, closed_at=end, alert_at=alert, **more
    )


def discharged_instead(number: int, days_ago: int = 9, after: timedelta = timedelta(hours=12)) -> tuple[Stay, Stay]:
    """A resident of township A who was discharged there, and so much later admitted at the county hospital."""
    who, over = somebody(number), noon(days_ago)
    first = a_stay(who, person("doctor").org_id, over - timedelta(days=3), over)
    return first, a_stay(who, COUNTY_HOSPITAL, over + after)


def alert_on(row: Stay | Visit | str) -> Alert | None:
    """The alert that rests on a row: a stay, a visit, or a case by its number."""
    key = row if isinstance(row, str) else str(row.pk)
    found = AlertRow.objects.using("owner").filter(key=key).select_related("alert").first()
    return found.alert if found else None


def forget_alerts() -> None:
    """Take back what a test found, and the rows it made."""
    AlertRow.objects.using("owner").all().delete()
    Alert.objects.using("owner").all().delete()
    WorkItem.objects.using("owner").filter(kind__starts="alert.").delete()
    for model in (Stay, Visit):
        model.objects.using("owner").filter(doctor_name="郑医生", group_version="x").delete()
