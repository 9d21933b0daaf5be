"""Institutions, accounts, posts and disease lists of the invented county."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction

from fenji.care.catalogue.actions import load_dictionary
from fenji.ground.access import rules as access
from fenji.ground.access.models import Account
from fenji.ground.network import rules
from fenji.ground.network.actions import appoint, enter, load_divisions, load_specialties
from fenji.ground.network.models import Alliance, Department, Membership, Organisation
from fenji.ground.network.queries import region_id, regions_below
from fenji.ground.policy.actions import load_calendar
from fenji.world import lists

DATA = Path(__file__).parent / "data"
NAMESPACE = UUID("5f0e8c1e-6d3b-4b5e-9a43-0f1d5a1c2b3d")
SINCE = date(2022, 3, 1)
OPENED = datetime(2022, 3, 1, tzinfo=UTC)
MARK = "（模拟）"

PROVINCE_HOSPITAL, CITY_HOSPITAL, COUNTY_HOSPITAL, COMMISSION, HOUSE_OFFICE, INSURER, CITY_OFFICE = 1, 2, 3, 4, 5, 6, 7
FIRST_TOWNSHIP, FIRST_VILLAGE = 101, 1001
DEMO_TOWNSHIP = "350405101"
CENTRAL = (DEMO_TOWNSHIP, "350405102")
"""Towns with a central health centre (中心卫生院)."""


def rates() -> dict[str, Any]:
    """The one file of rates."""
    return tomllib.loads((DATA / "rates.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Person:
    """A demo login: what it may do and where."""

    username: str
    name: str
    role: str
    org_id: int

    @property
    def id(self) -> UUID:
        """Account id, always the same."""
        return uuid5(NAMESPACE, self.username)


def _organisation(number: int, name: str, code: str, tier: str, km: float | None, kind: str = "care", **facts: Any) -> Organisation:
    return Organisation(
        id=number,
        kind=kind,
        name=f"{name}{MARK}",
        code=f"SIM{number:06d}",
        region_id=region_id(code, "load"),
        care_tier=tier,
        path=rules.path_of(code, number, tier),
        distance_km=km,
        start=SINCE,
        simulated=True,
        **facts,
    )


def _hospitals(county: str) -> list[Organisation]:
    return [
        _organisation(PROVINCE_HOSPITAL, "闽山医院", "350102", "province", 215, **_hospital("3A", "province")),
        _organisation(CITY_HOSPITAL, "三明沙溪医院", "350404", "city", 34, **_hospital("3A", "city")),
        _organisation(COUNTY_HOSPITAL, "沙县区总医院", f"{county}001", "county", 12, **_hospital("2A", "county")),
        _organisation(COMMISSION, "沙县区卫生健康局", county, "", None, "agency", agency_kind="health", affiliation="county"),
        _organisation(INSURER, "三明市医疗保障局", "350400", "", None, "agency", agency_kind="insurance", affiliation="city"),
        _organisation(HOUSE_OFFICE, "沙县区信息中心", county, "", None, "agency", agency_kind="digital", affiliation="county"),
        _organisation(CITY_OFFICE, "三明市信息中心", "350400", "", None, "agency", agency_kind="digital", affiliation="city"),
    ]


def _hospital(grade: str, affiliation: str) -> dict[str, str]:
    return {"grade": grade, "affiliation": affiliation, "ownership": "government", "ws218": "A100"}


def _centre_name(name: str) -> str:
    return f"{name}社区卫生服务中心" if name.endswith("街道") else f"{name}卫生院"


def _townships(county: str) -> list[Organisation]:
    found = regions_below(county, ("town", "township", "street"), "load")
    return [
        _organisation(
            *(FIRST_TOWNSHIP + i, _centre_name(name), code, "township", None),
            ws218="B100" if name.endswith("街道") else "C210" if code.startswith(CENTRAL) else "C220",
            affiliation="county",
            ownership="government",
        )
        for i, (_, code, name, _) in enumerate(found)
    ]


def _villages(county: str) -> list[Organisation]:
    found = regions_below(county, ("village",), "load")
    short = [(code, re.sub(r"(村民委员会|村委会)$", "", name)) for _, code, name, _ in found]
    return [
        _organisation(
            *(FIRST_VILLAGE + i, f"{name}卫生所", code, "village", None),
            ws218="D600",
            affiliation="village",
            ownership="public",
            integrated=True,
        )
        for i, (code, name) in enumerate(short)
    ]


_DEPARTMENTS = (
    ("心血管内科", "Cardiology", "cardiology"),
    ("神经内科", "Neurology", "neurology"),
    ("呼吸内科", "Respiratory medicine", "respiratory"),
    ("骨科", "Orthopaedics", "orthopaedics"),
    ("普通外科", "General surgery", "surgery"),
    ("妇产科", "Obstetrics and gynaecology", "obstetrics_gynaecology"),
    ("儿科", "Paediatrics", "paediatrics"),
    ("内分泌科", "Endocrinology", "endocrinology"),
    ("消化内科", "Gastroenterology", "gastroenterology"),
    ("肾内科", "Nephrology", "nephrology"),
    ("感染性疾病科", "Infectious diseases", "infectious"),
    ("肿瘤科", "Oncology", "oncology"),
    ("泌尿外科", "Urology", "urology"),
    ("眼科", "Ophthalmology", "ophthalmology"),
    ("耳鼻咽喉科", "Ear, nose and throat", "ent"),
    ("口腔科", "Stomatology", "stomatology"),
    ("皮肤科", "Dermatology", "dermatology"),
    ("精神科", "Psychiatry", "psychiatry"),
    ("康复医学科", "Rehabilitation medicine", "rehabilitation"),
    ("急诊医学科", "Emergency medicine", "emergency"),
    ("中医科", "Traditional Chinese medicine", "tcm"),
)


def _departments() -> list[Department]:
    hospitals = (COUNTY_HOSPITAL, CITY_HOSPITAL, PROVINCE_HOSPITAL)
    return [
        Department(id=h * 100 + i, org_id=h, name_zh=zh, name_en=en, specialty=specialty, start=SINCE)
        for h in hospitals
        for i, (zh, en, specialty) in enumerate(_DEPARTMENTS, 1)
    ]


def people(townships: list[Organisation]) -> list[Person]:
    """The demo logins: one per role shown at the first start, and the same set at every township centre."""
    demo = next(o for o in townships if o.path.startswith(DEMO_TOWNSHIP))
    staff = [
        Person("doctor", "罗文清", access.DOCTOR, demo.id),
        Person("reviewer", "邓秀兰", access.REVIEWER, demo.id),
        Person("head", "张守田", access.MANAGER, demo.id),
        Person("desk", "吴月梅", access.DESK, COUNTY_HOSPITAL),
        Person("specialist", "郑国安", access.DOCTOR, COUNTY_HOSPITAL),
        Person("editor", "曾雅琴", access.EDITOR, COUNTY_HOSPITAL),
        Person("director", "蔡明远", access.MANAGER, COUNTY_HOSPITAL),
        Person("clerk", "江秀珍", access.EDITOR, demo.id),
        Person("insurer", "许建华", access.OFFICER, INSURER),
        Person("insurer2", "苏丽萍", access.OFFICER, INSURER),
        Person("citydesk", "林巧云", access.DESK, CITY_HOSPITAL),
        Person("officer", "陈思源", access.OFFICER, COMMISSION),
        Person("system", "黄启明", access.SYSTEM_ADMIN, HOUSE_OFFICE),
        Person("security", "李慎之", access.SECURITY_ADMIN, HOUSE_OFFICE),
        Person("audit", "王鉴明", access.AUDIT_ADMIN, HOUSE_OFFICE),
        Person("citysystem", "何立群", access.SYSTEM_ADMIN, CITY_OFFICE),
        Person("cityaudit", "潘守正", access.AUDIT_ADMIN, CITY_OFFICE),
        Person("doctor2", "谢长青", access.DOCTOR, demo.id),
        Person("reviewer2", "肖文静", access.REVIEWER, demo.id),
        Person("nurse", "林巧珍", access.NURSE, demo.id),
    ]
    for centre in townships:
        if centre.id != demo.id:
            staff.append(Person(f"doctor.{centre.id}", f"医生{centre.id}", access.DOCTOR, centre.id))
            staff.append(Person(f"reviewer.{centre.id}", f"审核员{centre.id}", access.REVIEWER, centre.id))
            staff.append(Person(f"head.{centre.id}", f"院长{centre.id}", access.MANAGER, centre.id))
    return staff


SHOWN = (
    "doctor",
    "nurse",
    "reviewer",
    "head",
    "desk",
    "specialist",
    "editor",
    "director",
    "officer",
    "system",
    "security",
    "audit",
)
"""One login per role, and the receiving doctor; the others can be given a password by `fenji demo --new-passwords`."""


def _write_accounts(staff: list[Person]) -> None:
    paths = dict(Organisation.objects.using("load").values_list("id", "path"))
    for person in staff:
        # without a password: an account opens only after it has been given one
        Account.objects.using("load").create(
            id=person.id,
            username=person.username,
            name=person.name,
            kind=access.kind_of(person.role),
            org_id=person.org_id,
            path=paths[person.org_id],
            created_at=OPENED,
        )
        appoint(
            *(person.id, person.org_id, person.role, OPENED),
            by=access.house(person.org_id),
            at=OPENED,
            using="load",
            post_id=uuid5(NAMESPACE, f"post {person.username}"),
        )


def welcome(staff: list[Person]) -> None:
    """Give people whom a later release brought their accounts and posts; those who are there keep theirs."""
    known = set(Account.objects.using("load").values_list("id", flat=True))
    there = set(Organisation.objects.using("load").filter(pk__in={p.org_id for p in staff}).values_list("id", flat=True))
    with transaction.atomic(using="load"):
        _write_accounts([p for p in staff if p.id not in known and p.org_id in there])


def _write_alliance(townships: list[Organisation]) -> None:
    Alliance.objects.using("load").create(id=1, kind="county_community", name=f"沙县区总医院医共体{MARK}", start=SINCE)
    members = [Membership(alliance_id=1, org_id=COUNTY_HOSPITAL, role="lead", start=SINCE)]
    members += [
        Membership(alliance_id=1, org_id=o.id, role="central_branch" if o.ws218 == "C210" else "branch", start=SINCE)
        for o in townships
    ]
    Membership.objects.using("load").bulk_create(members)


def is_built() -> bool:
    """True when the county stands."""
    return Organisation.objects.using("load").filter(pk=COUNTY_HOSPITAL).exists()


def build() -> list[Organisation]:
    """Write everything but residents; returns the township centres."""
    load_divisions()
    load_specialties()
    load_calendar()
    load_dictionary()
    code = rates()["county"]["code"]
    with transaction.atomic(using="load"):
        townships = _townships(code)
        hospitals, villages = {o.id: o for o in _hospitals(code)}, _villages(code)
        enter([*hospitals.values(), *townships, *villages], SINCE)
        Department.objects.using("load").bulk_create(_departments())
        _write_alliance(townships)
        _write_accounts(people(townships))
        lists.write(hospitals[COUNTY_HOSPITAL], [*townships, *villages], hospitals[INSURER], SINCE)
    return townships


def townships() -> list[Organisation]:
    """The township centres of the built county."""
    code = rates()["county"]["code"]
    lo, hi = rules.prefix_range(code)
    found = Organisation.objects.using("load").filter(care_tier="township", path__gte=lo, path__lt=hi)
    return list(found.order_by("id"))
