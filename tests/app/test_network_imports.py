"""The lists of the network, row by row: what is new, changed, the same or at fault, and that writing twice changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from fenji.ground.access.models import Account
from fenji.ground.access.rules import SYSTEM_ADMIN, Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.common.imports import Judgement, Row, fault_text, listings
from fenji.ground.network import queries
from fenji.ground.network.models import Department, Organisation, Post, Practitioner, PractitionerRole
from fenji.ground.network.queries import history

COUNTY = Actor(uuid4(), "county administrator", SYSTEM_ADMIN, uuid4(), 0, "", (0,), "350424")


@pytest.fixture(autouse=True)
def rolled_back(house_file: object) -> Iterator[None]:
    with transaction.atomic(using="load"):
        yield
        transaction.set_rollback(True, using="load")


class Said(dict[str, Any]):
    """The cells of a file that has these columns alone: the others read as None and are not in it."""

    def __missing__(self, key: str) -> None:
        return None


def rows(listing: str, *given: dict[str, Any]) -> list[Row]:
    columns = [c.key for c in listings()[listing].columns]
    assert all(set(g) <= set(columns) for g in given)
    return [Row(line, {c: g.get(c) for c in columns}) for line, g in enumerate(given, 2)]


def judge(listing: str, *given: dict[str, Any], by: Actor = COUNTY) -> Judgement:
    return listings()[listing].judge(rows(listing, *given), by=by, at=now())


def take(listing: str, *given: dict[str, Any], by: Actor = COUNTY) -> Judgement:
    """Judge and write, as the room of documents does."""
    found = rows(listing, *given)
    judged = listings()[listing].judge(found, by=by, at=now())
    chosen = [r for r in found if judged.outcomes.get(r.line) in ("new", "changed")]
    told: list[int] = []
    listings()[listing].write(chosen, by=by, at=now(), progress=told.append)
    assert not chosen or told[-1] == len(chosen)
    return judged


def faults(judged: Judgement) -> list[tuple[int, str, str]]:
    assert all(fault_text(f) for f in (*judged.faults, *judged.notes))
    return [(f.line, f.column, f.code) for f in judged.faults]


def centre(code: str = "C1", **more: Any) -> dict[str, Any]:
    return {
        "code": code,
        "name": f"{code}卫生院",
        "region": "350424100",
        "care_tier": "township",
        "ownership": "government",
        **more,
    }


HOSPITAL = {"code": "H1", "name": "县总医院", "region": "350424", "care_tier": "county", "grade": "2A"}


def test_new_institutions_are_founded_and_the_same_file_again_changes_nothing() -> None:
    judged = take("institutions", centre(), HOSPITAL)
    assert dict(judged.outcomes) == {2: "new", 3: "new"}
    org = Organisation.objects.using("load").get(code="C1")
    assert (org.care_tier, org.path[:9], org.start) == ("township", "350424100", local_day(now()))
    assert set(take("institutions", centre(), HOSPITAL).outcomes.values()) == {"same"}


def test_a_changed_name_counts_from_the_day_given() -> None:
    take("institutions", centre(since=date(2024, 1, 1)))
    assert take("institutions", centre(name="中心卫生院", since=date(2024, 7, 1))).outcomes == {2: "changed"}
    org = Organisation.objects.using("load").get(code="C1")
    names = [history.as_then(org.id, day, "load").name for day in (date(2024, 6, 30), date(2024, 7, 1))]  # type: ignore[union-attr]
    assert names == ["C1卫生院", "中心卫生院"]


def test_unknown_coordinates_are_allowed_and_said() -> None:
    judged = take("institutions", centre())
    assert [(n.column, n.code) for n in judged.notes] == [("longitude", "no_coordinates")]
    known = take("institutions", centre("C2", longitude=117.6, latitude=26.4))
    assert not known.notes


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        (centre(region="999999"), "region", "no_region"),
        (centre(region="350405101"), "region", "not_yours"),
        (centre(care_tier=None), "care_tier", "needs_tier"),
        ({"code": "A", "name": "局", "region": "350424", "kind": "agency", "care_tier": "county"}, "care_tier", "no_tier"),
        (centre(ws218="22C"), "ws218", "ws218"),
        (centre(integrated=True), "integrated", "village_only"),
        (centre(development="feature"), "development", "private_only"),
        (centre(agency_kind="health"), "agency_kind", "agency_only"),
        (centre(longitude=117.6), "longitude", "coordinates"),
        (centre(longitude=26.4, latitude=117.6), "longitude", "coordinates"),
    ],
)
def test_what_is_wrong_with_an_institution_is_named(row: dict[str, Any], column: str, code: str) -> None:
    assert faults(judge("institutions", row)) == [(2, column, code)]


def test_a_social_credit_code_that_does_not_check_is_noted_and_taken() -> None:
    judged = judge("institutions", centre(uscc="91350100M000100Y44", longitude=117, latitude=26))
    assert [n.code for n in judged.notes] == ["uscc"]
    assert judged.outcomes == {2: "new"}


def test_an_institution_does_not_move_by_import() -> None:
    take("institutions", centre())
    assert faults(judge("institutions", centre(region="350424101"))) == [(2, "region", "moved")]


def test_departments_follow_their_institution() -> None:
    take("institutions", HOSPITAL)
    first = {"org": "H1", "name": "心血管内科", "specialty": "cardiology"}
    assert faults(judge("departments", {"org": "NO", "name": "x"})) == [(2, "org", "no_org")]
    assert faults(judge("departments", {**first, "specialty": "heart"})) == [(2, "specialty", "no_specialty")]
    assert take("departments", first).outcomes == {2: "new"}
    assert take("departments", first).outcomes == {2: "same"}
    assert take("departments", {**first, "name_en": "Cardiology"}).outcomes == {2: "changed"}
    assert Department.objects.using("load").get(org__code="H1").specialty == "cardiology"


def member(org: str, role: str = "branch", **more: Any) -> dict[str, Any]:
    return {"alliance": "某县医共体", "kind": "county_community", "org": org, "role": role, **more}


def test_a_community_is_formed_by_its_lead_and_joined_by_its_branches() -> None:
    take("institutions", HOSPITAL, centre(), centre("C2"))
    assert faults(judge("members", member("C1"))) == [(2, "alliance", "no_lead")]
    judged = take("members", member("C1"), member("H1", "lead"), member("C2", "central_branch"))
    assert set(judged.outcomes.values()) == {"new"}
    org = Organisation.objects.using("load").get(code="C1")
    community = queries.community_of(org.id, local_day(now()), "load")
    assert community is not None
    assert [m.role for m in queries.members(community, local_day(now()), "load")] == ["lead", "branch", "central_branch"]
    assert set(take("members", member("C1"), member("H1", "lead")).outcomes.values()) == {"same"}
    assert faults(judge("members", member("C1", "lead"))) == [(2, "org", "alliance")]
    assert faults(judge("members", member("C1", kind="specialty"))) == [(2, "kind", "other_kind")]


def somebody(number: str = "001", **more: Any) -> dict[str, Any]:
    return {"org": "H1", "number": number, "name": "张某", "category": "physician", "title": "intermediate", **more}


def test_staff_begin_to_work_with_their_title_and_specialties() -> None:
    take("institutions", HOSPITAL)
    take("departments", {"org": "H1", "name": "心血管内科", "specialty": "cardiology"})
    row = somebody(specialties="cardiology，神经内科", department="心血管内科", titled_on=date(2020, 1, 1))
    judged = judge("staff", row, somebody("002", specialties="heart"))
    assert faults(judged) == [(3, "specialties", "no_specialty")]
    assert take("staff", row).outcomes == {2: "new"}
    doctor = Practitioner.objects.using("load").get(org__code="H1", number="001")
    assert doctor.specialties == ["cardiology", "neurology"]
    assert PractitionerRole.objects.using("load").get(practitioner=doctor).department.name_zh == "心血管内科"
    assert take("staff", row).outcomes == {2: "same"}
    assert take("staff", {**row, "title": "deputy_senior", "titled_on": date(2024, 1, 1)}).outcomes == {2: "changed"}
    assert queries.title_on(doctor.id, date(2023, 12, 31), "load") == "intermediate"
    assert queries.title_on(doctor.id, date(2024, 1, 1), "load") == "deputy_senior"


def an_account() -> None:
    org = Organisation.objects.using("load").get(code="H1")
    Account.objects.using("load").create(username="zhang", name="张", password="!", org_id=org.id, path=org.path)


def test_posts_are_given_to_accounts_that_exist() -> None:
    take("institutions", HOSPITAL)
    Account.objects.using("load").create(username="zhang", name="张", path="350424001000/00000001")
    row = {"username": "zhang", "org": "H1", "role": "desk"}
    Account.objects.using("load").create(username="elsewhere", name="王", path="350405001000/00000001")
    for name in ("nobody", "elsewhere"):
        assert faults(judge("posts", {**row, "username": name})) == [(2, "username", "no_account")]
    assert faults(judge("posts", {**row, "since": date(2024, 2, 1), "until": date(2024, 1, 1)})) == [(2, "until", "dates")]
    assert take("posts", row).outcomes == {2: "new"}
    assert take("posts", row).outcomes == {2: "same"}
    assert Post.objects.using("load").get(account__username="zhang").org.code == "H1"


def test_administrators_are_not_appointed_by_import() -> None:
    roles = {code for c in listings()["posts"].columns if c.key == "role" for code, _name in c.choices}
    assert roles == {"doctor", "nurse", "reviewer", "desk", "manager", "editor", "officer"}


@pytest.mark.parametrize("listing", ["institutions", "departments", "members", "staff", "accounts", "posts"])
def test_somebody_who_administers_nothing_takes_nothing_in(listing: str) -> None:
    take("institutions", HOSPITAL, centre())
    take("members", member("H1", "lead"))
    Account.objects.using("load").create(username="zhang", name="张", path="350424001000/00000001")
    nobody = Actor(uuid4(), "x", "doctor", uuid4(), 0, "", (0,), "")
    given = {
        "institutions": centre("C9"),
        "departments": {"org": "H1", "name": "x"},
        "members": member("C1"),
        "staff": somebody(),
        "accounts": login(),
        "posts": {"username": "zhang", "org": "H1", "role": "desk"},
    }[listing]
    assert [code for _, _, code in faults(judge(listing, given, by=nobody))] == ["not_yours"]


def test_a_group_with_its_secretariat_and_its_seats_comes_in() -> None:
    group = {"code": "G", "name": "医改领导小组", "region": "350424", "kind": "task_force", "force_kind": "leading_group"}
    office = {**group, "code": "S", "name": "秘书处", "force_kind": "secretariat", "parent": "G"}
    assert faults(judge("institutions", {**office, "parent": "X"})) == [(2, "parent", "no_org")]
    assert faults(judge("institutions", centre(force_kind="secretariat"))) == [(2, "force_kind", "force_only")]
    assert set(take("institutions", office, group).outcomes.values()) == {"new"}
    assert Organisation.objects.using("load").get(code="S").parent.code == "G"
    assert set(take("institutions", office, group).outcomes.values()) == {"same"}
    head = {"org": "G", "name": "某县长", "role": "head"}
    judged = judge("seats", head, {**head, "name": "另一人"}, {**head, "name": "某成员", "role": "member"})
    assert faults(judged) == [(3, "role", "seat_taken")]
    assert take("seats", head).outcomes == {2: "new"}
    assert take("seats", head).outcomes == {2: "same"}
    take("institutions", HOSPITAL)
    assert faults(judge("seats", {**head, "org": "H1"})) == [(2, "org", "not_force")]


def test_a_named_list_holds_institutions_or_regions() -> None:
    take("institutions", HOSPITAL)
    row = {"list": "weak", "name": "薄弱县医院", "clause": "XZ-2-2a", "expected": 25, "org": "H1"}
    assert faults(judge("lists", {**row, "region": "350424"}, {**row, "org": None})) == [
        (2, "org", "org_or_region"),
        (3, "org", "org_or_region"),
    ]
    assert take("lists", row, {**row, "org": None, "region": "350424"}).outcomes == {2: "new", 3: "new"}
    assert take("lists", row, {**row, "org": None, "region": "350424"}).outcomes == {2: "same", 3: "same"}
    assert faults(judge("lists", {**row, "org": None, "region": "350405"})) == [(2, "region", "not_yours")]


def login(username: str = "zhangmm", **more: Any) -> dict[str, Any]:
    return {"username": username, "name": "张某某", "org": "H1", "role": "doctor", **more}


def test_accounts_come_without_a_password_and_with_a_code_that_opens_them() -> None:
    take("institutions", HOSPITAL)
    found = rows("accounts", login(), login("li.si", role="desk"))
    assert dict(listings()["accounts"].judge(found, by=COUNTY, at=now()).outcomes) == {2: "new", 3: "new"}
    slips = listings()["accounts"].write(found, by=COUNTY, at=now(), progress=lambda done: None)
    assert len({tuple(s.values()) for s in slips}) == 2
    account = Account.objects.using("load").get(username="zhangmm")
    assert account.activation_hash is not None
    assert all(code.encode() not in bytes(account.activation_hash) for s in slips for code in s.values())
    assert Post.objects.using("load").get(account=account).role == "doctor"
    assert set(judge("accounts", login(), login("li.si", role="desk")).outcomes.values()) == {"same"}


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        (login("张三"), "username", "bad_username"),
        (login("a"), "username", "bad_username"),
        (login(name="张\u202e三"), "name", "bad_name"),
        (login(org="NO"), "org", "no_org"),
    ],
)
def test_what_is_wrong_with_an_account_is_named(row: dict[str, Any], column: str, code: str) -> None:
    take("institutions", HOSPITAL)
    assert faults(judge("accounts", row)) == [(2, column, code)]


def test_a_user_name_of_somebody_else_is_refused_and_tells_nothing_of_them() -> None:
    take("institutions", HOSPITAL, centre())
    take("accounts", login())
    judged = judge("accounts", login(name="另一人"), login("ZhangMM", org="C1"))
    assert faults(judged) == [(2, "username", "username_taken"), (3, "username", "username_taken")]
    assert all(not f.detail for f in judged.faults)


def partly(listing: str, given: dict[str, Any]) -> dict[int, str]:
    """Judge and write a row of a file that has these columns alone."""
    row = Row(2, Said(given))
    judged = listings()[listing].judge([row], by=COUNTY, at=now())
    assert not judged.faults
    if judged.outcomes[2] != "same":
        listings()[listing].write([row], by=COUNTY, at=now(), progress=lambda done: None)
    return dict(judged.outcomes)


def test_what_a_file_has_no_column_for_stays_as_it_stands() -> None:
    take("institutions", {**HOSPITAL, "longitude": 117.2, "latitude": 26.3, "phone": "0598-1"})
    take("departments", {"org": "H1", "name": "心内", "specialty": "cardiology", "name_en": "Cardiology"})
    take("staff", somebody(specialties="cardiology", licence_until=date(2030, 1, 1)))
    short = {"code": "H1", "name": "县总医院", "region": "350424"}
    assert partly("institutions", short) == {2: "same"}
    assert partly("institutions", {**short, "name": "县中心医院"}) == {2: "changed"}
    org = Organisation.objects.using("load").get(code="H1")
    assert (org.name, org.care_tier, org.grade, org.phone, org.longitude is None) == ("县中心医院", "county", "2A", "0598-1", False)
    assert partly("departments", {"org": "H1", "name": "心内"}) == {2: "same"}
    assert Department.objects.using("load").get(org=org).name_en == "Cardiology"
    doctor = {"org": "H1", "number": "001", "name": "张某", "category": "physician", "title": "senior"}
    assert partly("staff", doctor) == {2: "changed"}
    found = Practitioner.objects.using("load").get(org=org)
    assert (found.title, found.specialties, found.licence_until) == ("senior", ["cardiology"], date(2030, 1, 1))
