"""Who acts for a resident, and the way to the hospital, to look at."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from django.db import transaction

from fenji.care.registry import actions
from fenji.care.registry.models import Proxy
from fenji.care.registry.rules import NewProxy, Term
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.network.actions import set_directions
from fenji.ground.network.models import Directions, Organisation
from fenji.world.county import COUNTY_HOSPITAL
from tests.cast import a_resident, person, scope

SAID = {
    "entrance": "东门（急诊楼旁），进门左转",
    "desk": "门诊楼一层大厅 3 号窗口",
    "buses": "2 路、9 路、城乡 301 路，到“总医院”站下车",
    "phone": "0598-5822120",
}


def acts(number: int, name: str = "林小芳", **more: object) -> Proxy:
    """Somebody who acts for the doctor's resident of that number from today on."""
    today = local_day(now())
    typed = NewProxy(name, "child", "13955556666", False, "", False, "oral", Term(today, today + timedelta(days=180)))
    if more:
        typed = NewProxy(**{**{f: getattr(typed, f) for f in typed.__slots__}, **more})  # type: ignore[arg-type]
    with transaction.atomic(), scope(person("doctor")) as by:
        return actions.name_proxy(a_resident(person("doctor"), number).pk, typed, by=by, at=now())


def way_there() -> None:
    """The county hospital says how to get there, and where it and the centre lie is on record."""
    places = {COUNTY_HOSPITAL: ("117.792100", "26.396800"), person("doctor").org_id: ("117.731500", "26.441900")}
    for org_id, (east, north) in places.items():
        Organisation.objects.using("load").filter(pk=org_id).update(longitude=Decimal(east), latitude=Decimal(north))
    if not Directions.objects.using("load").filter(pk=COUNTY_HOSPITAL).exists():
        with transaction.atomic(), scope(person("desk")) as by:
            set_directions(COUNTY_HOSPITAL, SAID, version=0, by=by, at=now())


def resident_things() -> dict[str, str]:
    """Written for good: one taken back, a guardian, and the way to the hospital."""
    first = acts(201, "林国栋")
    with transaction.atomic(), scope(person("doctor")) as by:
        actions.end_proxy(first.pk, version=first.version, by=by, at=now())
    guardian = acts(201, guardian=True, document="户口簿；沙县区人民法院判决", instead=True, relation="spouse", how="written")
    way_there()
    return {"acted": str(guardian.resident_id)}
