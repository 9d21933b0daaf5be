"""Institutions, staff, duty and alliances to look at: a renamed centre, one that went into another, a busy week."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from django.db import transaction

from fenji.ground.access.rules import Actor, house
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.edge import now
from fenji.ground.network import actions, queries
from fenji.ground.network.models import Organisation
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL, PROVINCE_HOSPITAL
from tests.cast import person, scope

TODAY = local_day(now())
YEAR = TODAY.year - 1
_STAFF = [
    ("0101", "罗文清", "physician", "intermediate", ["general_practice", "internal"]),
    ("0102", "邓秀兰", "physician", "deputy_senior", ["internal", "cardiology"]),
    ("0103", "谢长青", "physician", "junior", ["general_practice"]),
    ("0104", "肖文静", "nurse", "intermediate", []),
    ("0105", "吴建华", "pharmacist", "junior", []),
]


def network_things() -> dict[str, str]:
    """Written for good; the numbers by name."""
    centre = person("head").org_id
    with transaction.atomic(), scope(person("citysystem")) as by:
        people = [_somebody(centre, facts, by) for facts in _STAFF]
        _duty(centre, people, by)
        down = _somebody(COUNTY_HOSPITAL, ("2001", "郑国安", "physician", "senior", ["cardiology"]), by)
        actions.assign(down, centre, "sent_down", start=date(YEAR, 9, 1), by=by, at=now())
        actions.change_practitioner(
            *(people[0], 1, {"title": "deputy_senior", "titled_on": date(YEAR, 12, 1)}), on=TODAY, by=by, at=now()
        )
        force = _force(by)
        actions.open_relation(
            "trusteeship", CITY_HOSPITAL, COUNTY_HOSPITAL, on=date(YEAR, 3, 1), document="明卫医〔2025〕12号", by=by, at=now()
        )
        where = {"address": "沙县区凤岗街道新城东路 188 号", "phone": "0598-5822120", "hours": "全天急诊；门诊 8:00–17:30"}
        actions.place_at(COUNTY_HOSPITAL, 1, where, by=by, at=now())
    return {
        "centre": str(centre),
        "hospital": str(COUNTY_HOSPITAL),
        "city": str(CITY_HOSPITAL),
        "force": str(force),
        "staff": str(people[0]),
        "region": str(queries.region_id("350405", "load")),
        "cityregion": str(queries.region_id("350400", "load")),
        "alliance": str(_alliance()),
        "then": f"{YEAR}-06-30",
        **_merged(),
    }


def _somebody(org: int, facts: tuple, by: Actor):
    number, name, category, title, specialties = facts
    known = {"number": number, "name": name, "category": category, "title": title, "specialties": specialties}
    return actions.enter_practitioner(org, {**known, "titled_on": date(2019, 12, 1)}, on=date(2022, 3, 1), by=by, at=now()).id


def _duty(org: int, people: list, by: Actor) -> None:
    for day in range(7):
        start = datetime.combine(TODAY + timedelta(days=day), time(8), SHANGHAI)
        for n, (duty, hours) in enumerate((("referral_review", 9.5), ("ward", 24), ("emergency", 12))):
            actions.put_on_duty(people[(day + n) % 3], org, duty, start, start + timedelta(hours=hours), by=by, at=now())
    midnight = datetime.combine(TODAY, time(), SHANGHAI)
    actions.put_on_duty(people[3], org, "on_call", midnight, midnight + timedelta(days=1), by=by, at=now())


def _force(by: Actor) -> int:
    facts = {"name": "沙县区医改领导小组（模拟）", "region_id": queries.region_id("350405")}
    new = actions.NewOrganisation(
        "task_force", facts, date(2022, 3, 1), force_kind="leading_group", parent_id=person("officer").org_id
    )
    force = actions.found(new, by=by, at=now())
    for name, role, position in (("陈×明", "head", "区委书记"), ("林×", "sanyi_leader", "副区长"), ("黄×", "member", "卫健局局长")):
        actions.seat_in_force(force.id, name, role, position=position, on=date(2022, 3, 1), by=by, at=now())
    return force.id


def _alliance() -> int:
    """A specialty alliance of 69 hospitals."""
    by, at, on = house(0), now(), date(2022, 6, 1)
    found = actions.form(
        "specialty", "福建省神经专科联盟（模拟）", PROVINCE_HOSPITAL, on=on, specialty="neurology", by=by, at=at, using="load"
    )
    for org in Organisation.objects.using("load").filter(kind="care", path__starts="350405", end=None).order_by("id")[:68]:
        actions.join(found.id, org.id, "member", on=on, by=by, at=at, using="load")
    return found.id


def _merged() -> dict[str, str]:
    """In a county where nothing else is: a centre that was renamed, and another that went into it."""
    by, at = house(0), now()

    def centre(name: str) -> Organisation:
        facts = {
            "name": name,
            "region_id": queries.region_id("350424101", "load"),
            "care_tier": "township",
            "ownership": "government",
        }
        return actions.found(
            actions.NewOrganisation("care", {**facts, "grade": "1B"}, date(2021, 5, 1)), by=by, at=at, using="load"
        )

    heir, old = centre("泉上镇卫生院（模拟）"), centre("泉上镇第二卫生院（模拟）")
    new = {"name": "泉上镇中心卫生院（模拟）", "grade": "1A"}
    changed = actions.change(
        heir.id, 1, new, on=date(YEAR, 7, 1), reason="宁卫〔2025〕18号，升格为中心卫生院", by=by, at=at, using="load"
    )
    with transaction.atomic(using="load"):
        actions.merge(old.id, 1, changed.id, on=date(YEAR, 10, 1), document="宁卫〔2025〕31号", by=by, at=at)
    return {"heir": str(heir.id), "old": str(old.id)}
