"""Institutions, staff, duty and alliances to look at: a renamed centre, one that went into another, a busy week."""

from __future__ import annotations

import zlib
from datetime import date, datetime, time, timedelta

from django.db import transaction

from fenji.ground.access.rules import Actor, house
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.edge import now
from fenji.ground.documents import actions as documents
from fenji.ground.network import actions, queries
from fenji.ground.network.models import NamedList, NamedListEntry, Organisation
from fenji.ground.publication import actions as publishing
from fenji.ground.publication import queries as publication
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
    _papers(centre)
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
        "list": _named_list(),
    }


def _papers(centre: int) -> None:
    """A charter in its third version, the second in force; a list of duties; nothing else."""
    pdf = b"%PDF-1.7\n" + b"0" * 240_000
    with transaction.atomic(), scope(person("head")) as by:
        for number, (start, title) in enumerate(
            (
                (date(YEAR, 3, 1), "沙县区虬江社区卫生服务中心章程"),
                (date(YEAR, 12, 1), "沙县区虬江社区卫生服务中心章程（修订）"),
                (TODAY + timedelta(days=40), "沙县区虬江社区卫生服务中心章程（2026 年修订）"),
            ),
            1,
        ):
            new = documents.NewPaper("charter", title, start, "章程.pdf", pdf)
            documents.hand_in(centre, new, number=number, by=by, at=now())
        new = documents.NewPaper("duties", "权责清单", date(YEAR, 6, 1), "权责清单.pdf", pdf)
        documents.hand_in(centre, new, number=1, by=by, at=now())
        listed = publication.treatable_copy(centre, TODAY)
        photo = ("公示栏.png", _picture())
        logged = publishing.NewEntry("board", TODAY, "门诊大厅公示栏", photo)
        publishing.log_channel(listed.id, logged, by=by, at=now())


def _picture() -> bytes:
    """A picture of 64 by 48 in one colour."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

    size = (64).to_bytes(4, "big") + (48).to_bytes(4, "big") + b"\x08\x02\x00\x00\x00"
    rows = zlib.compress((b"\x00" + b"\x9b\xb8\xc9" * 64) * 48)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _named_list() -> str:
    """Two lists: one that is met, one that is short."""
    with transaction.atomic(using="load"):
        lists, entries = NamedList.objects.using("load"), NamedListEntry.objects.using("load")
        weak = lists.create(code="weak-counties", name_zh="薄弱县（市）综合医院", name_en="", clause_id="XZ-2-2a", expected=25)
        lists.create(code="pilots", name_zh="国家区域医疗中心试点", name_en="", clause_id="F64-2-2a", expected=None)
        for org in (COUNTY_HOSPITAL, CITY_HOSPITAL):
            entries.create(list=weak, org_id=org, start=date(2022, 3, 1))
        entries.create(list=weak, region_id=queries.region_id("350405", "load"), start=date(2022, 3, 1))
    return "weak-counties"


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
