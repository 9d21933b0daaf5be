"""Rows that alerts are found in, as any system would leave them, and what tests of alerts share."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django.db import transaction

from fenji.care.registry import actions as registry
from fenji.care.registry.models import Resident
from fenji.care.registry.rules import new_resident
from fenji.care.visits.models import Stay, Visit
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.edge import now
from fenji.ground.network.models import Organisation
from fenji.ground.tasks.models import WorkItem
from fenji.measure.referral_quality.models import Alert, AlertRow
from fenji.world.county import COUNTY_HOSPITAL
from tests.app.forms import new_card
from tests.cast import person, scope

_SURNAMES = "钱孙李周吴郑王冯褚卫"


def noon(days_ago: int) -> datetime:
    """Noon in Fujian, some days ago."""
    return datetime.combine(local_day(now()) - timedelta(days=days_ago), time(12), SHANGHAI)


def somebody(number: int) -> Resident:
    """A resident of township A whom no other test knows; the same one for the same number, of ten."""
    name, there = f"{_SURNAMES[number]}预警", Resident.objects.using("load")
    if not there.filter(name=name).exists():
        with transaction.atomic(), scope(person("doctor")) as by:
            new = new_resident(name, new_card(), "13900001111", "x", local_day(now()))
            registry.register(new, by=by, at=now())
    return there.get(name=name)


def _common(org_id: int, resident: Resident, group: str) -> dict[str, Any]:
    path = Organisation.objects.using("load").get(pk=org_id).path
    return {
        "resident": resident, "org_id": org_id, "path": path, "doctor_id": person("doctor").id, "doctor_name": "郑医生",
        "diagnosis_code": "I10.x00", "diagnosis_name": "原发性高血压", "disease_group": group, "group_version": "x",
    }  # fmt: skip


def a_stay(
    resident: Resident, org_id: int, start: datetime, end: datetime | None = None, way: str = "home", group: str = "hypertension"
) -> Stay:
    """Somebody in hospital, or who was."""
    way_out = way if end else ""
    row = _common(org_id, resident, group)
    return Stay.objects.using("load").create(**row, admitted_at=start, discharged_at=end, way_out=way_out)


def a_visit(
    resident: Resident, org_id: int, start: datetime, disposition: str = "treated", group: str = "hypertension", **more: Any
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
