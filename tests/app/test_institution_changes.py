"""Founding, changing, moving, ending institutions through the forms of the pages; who is refused, and that nothing changes then."""

from __future__ import annotations

import html
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from fenji.care.registry.models import Resident
from fenji.ground.access import queries as access
from fenji.ground.access.actions import open_session
from fenji.ground.common.edge import now
from fenji.ground.network import queries
from fenji.ground.network.models import Organisation, OrganisationVersion, Post, Practitioner, PractitionerRole, Succession
from fenji.world.county import CITY_HOSPITAL, COMMISSION, COUNTY_HOSPITAL, PROVINCE_HOSPITAL
from tests.app.test_institutions import MID, OLD, TODAY, an_organisation
from tests.app.walks import Walk, network_rows, number_of
from tests.cast import POLICY, client_for, person, scope

TOMORROW = TODAY + timedelta(days=1)
CLINIC = {"name": "走查卫生所", "code": "W1", "region": "350405101", "care_tier": "village", "on": str(OLD)}


def found(walk: Walk, kind: str = "care", **fields: Any) -> Any:
    given = {**CLINIC, **fields}
    if kind != "care":
        del given["care_tier"]
    return walk.send(walk.get(f"/institutions/new/?kind={kind}"), "", **given)


# --- founding ----------------------------------------------------------------------------------------------------------------


def test_an_administrator_enters_an_institution_and_sees_its_page(db: None) -> None:
    more = {"phone": "0598-5822345", "longitude": "117.79", "latitude": "26.4", "address": "高桥镇府前路 1 号"}
    page = found(Walk("system"), integrated="on", ownership="public", **more)
    assert page.status == 200, page.text
    assert "Entered: 走查卫生所" in page.text
    org = Organisation.objects.get(pk=number_of(page))
    assert (org.name, org.code, org.care_tier, org.integrated, org.start) == ("走查卫生所", "W1", "village", True, OLD)
    assert org.path == f"350405101000/{org.id:08d}"
    assert "longitude 117.790000, latitude 26.400000" in page.text
    assert [(v.start, v.end) for v in OrganisationVersion.objects.filter(org_id=org.id)] == [(OLD, None)]


def test_agencies_and_groups_ask_for_what_they_need_only(db: None) -> None:
    walk = Walk("system")
    agency = Organisation.objects.get(pk=number_of(found(walk, "agency", region="350405", agency_kind="finance", code="")))
    assert (agency.kind, agency.agency_kind, agency.care_tier) == ("agency", "finance", "")
    of_it = {"region": "350405", "force_kind": "leading_group", "parent": f"x #{agency.id}", "code": ""}
    page = found(walk, "task_force", **of_it)
    group = Organisation.objects.get(pk=number_of(page))
    assert (group.kind, group.force_kind, group.parent_id) == ("task_force", "leading_group", agency.id)
    assert group.name in walk.get(f"/institutions/{agency.id}/").text
    assert "Who sits in it" in page.text


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": ""}, "required"),
        ({"name": "长" * 101}, "at most 100 characters"),
        ({"name": "铃\x07卫生所"}, "characters that cannot be seen"),
        ({"name": "反\u202e卫生所"}, "characters that cannot be seen"),
        ({"name": "两\n行"}, "characters that cannot be seen"),
        ({"code": "9" * 41}, "at most 40 characters"),
        ({"region": "999999"}, "Choose a place from the list"),
        ({"region": "350421"}, "Choose a place from the list"),
        ({"region": ""}, "required"),
        ({"care_tier": ""}, "required"),
        ({"care_tier": "clinic"}, "Select a valid choice"),
        ({"care_tier": "township", "integrated": "on"}, "Only a village clinic"),
        ({"development": "feature", "ownership": "public"}, "private institutions only"),
        ({"ws218": "22C"}, "a letter and three digits"),
        ({"longitude": "117.7"}, "both longitude and latitude"),
        ({"longitude": "26.4", "latitude": "117.7"}, "both longitude and latitude"),
        ({"longitude": "1e999", "latitude": "x"}, "Enter a number"),
        ({"on": "2025-02-30"}, "year-month-day"),
        ({"on": str(TOMORROW)}, "lies in the future"),
        ({"on": "0001-01-01"}, "year-month-day"),
        ({"parent": "无此机构"}, "Choose an institution from the list"),
    ],
)
def test_what_is_wrong_with_a_new_institution_is_named_and_what_was_typed_kept(db: None, fields: dict[str, str], says: str) -> None:
    before = network_rows()
    page = found(Walk("system"), **{"address": "留着 <这>", **fields})
    assert page.status == 422
    assert says in page.text
    assert "留着 &lt;这&gt;" in page.body
    assert network_rows() == before


def test_a_code_that_another_institution_has_is_refused_by_name(db: None) -> None:
    walk = Walk("system")
    assert found(walk).status == 200
    before = network_rows()
    page = found(walk, name="同码卫生所")
    assert page.status == 409
    assert "another one has this code" in page.text
    assert 'value="同码卫生所"' in page.body
    assert network_rows() == before


def test_a_doubtful_credit_code_is_taken_and_said(db: None) -> None:
    page = found(Walk("system"), uscc="91350100M000100Y44")
    assert page.status == 200
    assert "compare it with the certificate" in page.text


def test_markup_in_a_name_stays_text_on_every_page(db: None) -> None:
    name = "<script>alert(1)</script>\"'&"
    walk = Walk("system")
    page = found(walk, name=name)
    number = number_of(page)
    own = [f"/institutions/{number}/{address}" for address in ("", "change/", "end/", "staff/", "duty/")]
    for path in [*own, "/institutions/?q=script", "/institutions/suggest/?x=script"]:
        body = walk.get(path).body
        assert html.escape(name) in body, path
        assert "<script>alert" not in body, path


def test_the_longest_name_is_taken(db: None) -> None:
    page = found(Walk("system"), name="\ufdfa" * 100)
    assert page.status == 200
    assert "\ufdfa" * 100 in page.body


# --- particulars -------------------------------------------------------------------------------------------------------------


def test_a_change_from_a_day_is_kept_dated_with_its_reason(db: None) -> None:
    org = an_organisation("改前卫生所", "G1")
    walk = Walk("system")
    form = walk.get(f"/institutions/{org.id}/change/")
    assert form.form("").fields["name"] == "改前卫生所"
    assert form.form("").fields["on"] == str(TODAY)
    page = walk.send(form, "", name="改后卫生所", grade="1A", on=str(MID), reason="沙卫 7 号")
    assert f"Changed from {MID} on" in page.text
    rows = OrganisationVersion.objects.filter(org_id=org.id).order_by("start")
    assert [(r.name, r.grade, r.start, r.end, r.reason) for r in rows] == [
        ("改前卫生所", "", OLD, MID, ""),
        ("改后卫生所", "1A", MID, None, "沙卫 7 号"),
    ]
    assert "改前卫生所 → 改后卫生所" in page.text


def test_sending_the_form_unchanged_changes_nothing_and_says_so(db: None) -> None:
    org = an_organisation("不变卫生所")
    walk = Walk("system")
    page = walk.send(walk.get(f"/institutions/{org.id}/change/"), "")
    assert "Nothing was changed" in page.text
    assert Organisation.objects.get(pk=org.id).version == 1


def test_of_two_who_change_at_once_the_second_is_told_and_keeps_what_was_typed(db: None) -> None:
    org = an_organisation("并发卫生所")
    first, second = Walk("system"), Walk("citysystem")
    mine, theirs = first.get(f"/institutions/{org.id}/change/"), second.get(f"/institutions/{org.id}/change/")
    assert first.send(mine, "", name="甲改卫生所").status == 200
    before = network_rows()
    page = second.send(theirs, "", name="乙改卫生所", reason="second")
    assert page.status == 409
    assert "Somebody else acted" in page.text
    assert (page.form("").fields["name"], page.form("").fields["reason"]) == ("乙改卫生所", "second")
    assert network_rows() == before
    # the page carries the version of now: sent again, it goes through
    assert second.send(page, "").status == 200
    assert Organisation.objects.get(pk=org.id).name == "乙改卫生所"


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"name": "长" * 101}, 422, "at most 100 characters"),
        ({"on": ""}, 422, "required"),
        ({"on": str(TOMORROW)}, 422, "lies in the future"),
        ({"on": str(OLD - timedelta(days=1)), "name": "早了"}, 409, "before the last change"),
    ],
)
def test_a_change_that_cannot_be_is_named(db: None, fields: dict[str, str], status: int, says: str) -> None:
    org = an_organisation("难改卫生所")
    before = network_rows()
    walk = Walk("system")
    page = walk.send(walk.get(f"/institutions/{org.id}/change/"), "", **fields)
    assert page.status == status
    assert says in page.text
    assert network_rows() == before


def test_address_and_coordinates_are_changed_and_taken_away_again(db: None) -> None:
    org = an_organisation("地址卫生所")
    walk, path = Walk("system"), f"/institutions/{org.id}/place/"
    where = {"address": "新街 2 号", "phone": "0598-1", "hours": "8:00-17:30", "longitude": "117.5", "latitude": "26.5"}
    page = walk.send(walk.get(path), "", **where)
    assert "新街 2 号" in page.text
    assert "longitude 117.500000" in page.text
    assert walk.get(path).form("").fields["longitude"] == "117.500000"
    page = walk.send(walk.get(path), "", longitude="", latitude="")
    assert "unknown: distances to it cannot be shown" in page.text
    assert walk.send(walk.get(path), "", longitude="1", latitude="1").status == 422


# --- who is refused ----------------------------------------------------------------------------------------------------------

EVERY_FORM: list[tuple[str, dict[str, str]]] = [
    ("change/", {"name": "x", "care_tier": "county", "on": str(TODAY)}),
    ("place/", {"address": "x"}),
    ("move/", {"region": "350405101", "on": str(TODAY)}),
    ("end/", {"how": "closes", "on": str(TODAY)}),
    ("end/", {"how": "merges", "into": f"x #{COUNTY_HOSPITAL}", "on": str(TODAY)}),
    ("departments/", {"name_zh": "x"}),
    ("relations/", {"kind": "agreement", "source": f"x #{COUNTY_HOSPITAL}", "on": str(TODAY)}),
    ("seats/", {"name": "x", "role": "member", "on": str(TODAY)}),
    ("staff/new/", {"number": "1", "name": "x", "category": "nurse", "title": "none", "on": str(TODAY)}),
    ("duty/add/", {"practitioner": "", "duty": "ward", "day": str(TODAY), "begins": "08:00", "ends": "12:00"}),
]


@pytest.mark.parametrize(("address", "fields"), EVERY_FORM, ids=[f"{a}{i}" for i, (a, _) in enumerate(EVERY_FORM)])
@pytest.mark.parametrize("org", [CITY_HOSPITAL, PROVINCE_HOSPITAL])
def test_the_administrator_of_another_place_is_refused_and_nothing_changes(
    db: None, org: int, address: str, fields: dict[str, str]
) -> None:
    before = network_rows()
    version = Organisation.objects.get(pk=org).version
    page = Walk("system").post(f"/institutions/{org}/{address}", _version=str(version), **fields)
    assert page.status == 409
    assert "You do not administer this institution or region" in page.text
    assert network_rows() == before


@pytest.mark.parametrize(("address", "fields"), EVERY_FORM, ids=[f"{a}{i}" for i, (a, _) in enumerate(EVERY_FORM)])
@pytest.mark.parametrize("login", ["doctor", "desk", "officer", "security", "audit"])
def test_other_roles_have_none_of_these_forms(db: None, login: str, address: str, fields: dict[str, str]) -> None:
    before = network_rows()
    page = Walk(login).post(f"/institutions/{COUNTY_HOSPITAL}/{address}", _version="1", **fields)
    assert page.status == 403
    assert network_rows() == before


def test_an_institution_of_another_county_cannot_be_entered_nor_moved_to_or_from(db: None) -> None:
    walk = Walk("system")
    assert found(walk, region="350424100").status == 422
    org = an_organisation("不迁卫生所")
    page = walk.send(walk.get(f"/institutions/{org.id}/move/"), "", region="350424100")
    assert page.status == 422
    assert "Choose a place from the list that you administer" in page.text
    assert found(Walk("citysystem"), region="350424100").status == 200


def test_what_has_ended_can_no_longer_be_changed(db: None) -> None:
    org = an_organisation("已终卫生所")
    with scope(person("system")):
        Organisation.objects.filter(pk=org.id).update(end=MID)
    for address in ("change/", "place/", "move/", "end/", "departments/"):
        page = Walk("system").get(f"/institutions/{org.id}/{address}")
        assert page.status == 409, address
        assert "it has ended already" in page.text


# --- moving, ending, merging: these are written for good, in a county where no other test has business -----------------------


def a_committed(name: str, region: str = "350424100", **fields: str) -> int:
    page = found(Walk("citysystem"), name=name, code="", region=region, care_tier="township", **fields)
    assert page.status == 200, page.text
    return number_of(page)


def test_an_institution_moves_with_its_rows_and_its_past_place_is_kept(house_file: object) -> None:
    number = a_committed("迁址卫生院")
    walk = Walk("citysystem")
    page = walk.send(walk.get(f"/institutions/{number}/move/"), "", region="350424101", on=str(MID), reason="迁建")
    assert page.status == 200, page.text
    org = Organisation.objects.using("load").get(pk=number)
    assert org.path == f"350424101000/{number:08d}"
    then, today = walk.get(f"/institutions/{number}/?on={MID - timedelta(days=1)}"), walk.get(f"/institutions/{number}/")
    first, second = (walk.get("/regions/suggest/?r=" + code).body for code in ("350424100", "350424101"))
    was, is_now = (body.split('value="', 1)[1].split(" ", 1)[1].split('"', 1)[0] for body in (first, second))
    assert was in then.text
    assert is_now in today.text
    assert f"{was} → {is_now}" in today.text


def test_an_institution_goes_into_another_after_a_second_look(house_file: object) -> None:
    old, heir = a_committed("并入前卫生院"), a_committed("接收卫生院")
    walk = Walk("citysystem")
    staff = {"number": "1", "name": "随迁员", "category": "nurse", "title": "junior", "on": str(OLD)}
    assert walk.send(walk.get(f"/institutions/{old}/staff/new/"), "", **staff).status == 200
    choice = {"how": "merges", "into": f"#{heir}", "on": str(MID), "document": "宁卫 3 号"}
    chosen = walk.send(walk.get(f"/institutions/{old}/end/"), "end/", **choice)
    assert "并入前卫生院 goes into 接收卫生院" in chosen.text
    assert "staff who work there 1" in chosen.text
    assert "All residents it keeps and all open cases" in chosen.text
    assert Organisation.objects.using("load").get(pk=old).end is None
    page = walk.send(chosen, "end/")
    assert page.status == 200, page.text
    assert "并入前卫生院 went into 接收卫生院" in page.text
    assert f"Ended on {MID}" in page.text
    assert f'href="/institutions/{heir}/"' in page.body
    row = Succession.objects.using("load").get(predecessor_id=old)
    assert (row.successor_id, row.kind, row.on, row.document) == (heir, "merged", MID, "宁卫 3 号")
    assert Practitioner.objects.using("load").get(org_id=heir, number="1").name == "随迁员"
    assert PractitionerRole.objects.using("load").get(org_id=heir, end=None).start == MID
    there = walk.get(f"/institutions/{heir}/")
    assert "Another institution went into it: 并入前卫生院" in there.text
    then = walk.get(f"/institutions/{old}/?on={MID - timedelta(days=1)}")
    assert then.status == 200
    assert "<h1>并入前卫生院" in then.body
    after = walk.get(f"/institutions/{old}/?on={MID}")
    assert after.status == 404
    assert f"It ended on {MID}" in after.text


def test_an_institution_ends_without_a_successor_and_the_page_warns(house_file: object) -> None:
    number = a_committed("终止卫生院")
    walk = Walk("citysystem")
    chosen = walk.send(walk.get(f"/institutions/{number}/end/"), "end/", how="closes", into="", on=str(MID), document="")
    assert "Residents and open cases stay where they are" in chosen.text
    again = walk.get(f"/institutions/{number}/end/?how=closes&on={MID}&edit=1")
    assert "Go on: see what moves" in again.text
    page = walk.send(chosen, "end/")
    assert "终止卫生院 has ended" in page.text
    assert Organisation.objects.using("load").get(pk=number).end == MID


def test_a_merger_that_somebody_else_was_quicker_with_is_refused(house_file: object) -> None:
    old, heir = a_committed("快慢卫生院"), a_committed("快慢接收院")
    walk = Walk("citysystem")
    chosen = walk.get(f"/institutions/{old}/end/?how=merges&into=%23{heir}&on={TODAY}")
    assert walk.send(walk.get(f"/institutions/{old}/place/"), "", address="改了").status == 200
    before = network_rows("load")
    page = walk.send(chosen, "end/")
    assert page.status == 409
    assert "Somebody else acted" in page.text
    assert network_rows("load") == before
    assert walk.send(page, "end/").status == 200


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"how": "merges", "into": ""}, 200, "Say which institution it goes into"),
        ({"how": "merges", "into": "无此院"}, 200, "Choose an institution from the list"),
        ({"how": "vanishes"}, 200, "Select a valid choice"),
        ({"how": "closes", "on": str(TOMORROW)}, 200, "lies in the future"),
    ],
)
def test_an_end_that_cannot_be_is_named_at_the_first_step(db: None, fields: dict[str, str], status: int, says: str) -> None:
    org = an_organisation("难终卫生所")
    walk = Walk("system")
    page = walk.send(walk.get(f"/institutions/{org.id}/end/"), "end/", **{"on": str(TODAY), **fields})
    assert page.status == status
    assert says in page.text
    assert "Yes," not in page.text


def test_a_merger_into_another_kind_or_into_itself_is_refused(house_file: object) -> None:
    number = a_committed("难并卫生院")
    for into in (number, COMMISSION):
        walk = Walk("citysystem")
        page = walk.send(walk.get(f"/institutions/{number}/end/?how=merges&into=%23{into}&on={TODAY}"), "end/")
        assert page.status == 409
    assert Organisation.objects.using("load").get(pk=number).end is None


def test_an_institution_does_not_end_before_its_last_change(house_file: object) -> None:
    number = a_committed("改后终止院")
    walk = Walk("citysystem")
    assert walk.send(walk.get(f"/institutions/{number}/change/"), "", name="改后终止医院", on=str(MID)).status == 200
    for day in (MID, MID - timedelta(days=1)):
        page = walk.send(walk.get(f"/institutions/{number}/end/?how=closes&on={day}"), "end/")
        assert page.status == 409
        assert "before the last change" in page.text
    assert Organisation.objects.using("load").get(pk=number).end is None


def test_nobody_ends_the_institution_of_their_own_post(db: None) -> None:
    org = person("system").org_id
    walk = Walk("system")
    page = walk.send(walk.get(f"/institutions/{org}/end/?how=closes&on={TODAY}"), "end/")
    assert page.status == 409
    assert "your own post is there" in page.text


@pytest.mark.parametrize("address", ["end/?how=closes&on={today}", "move/"])
def test_who_works_in_an_institution_that_ends_or_moves_is_signed_out(house_file: object, address: str) -> None:
    """A session keeps the reach it was opened with."""
    number = a_committed(f"签退卫生院{address[:3]}")
    org = Organisation.objects.using("load").get(pk=number)
    who = person("doctor2")
    at = now()
    since = at - timedelta(hours=1)
    post = Post.objects.using("load").create(account_id=who.id, org=org, path=org.path, role="doctor", start=since)
    full = Post.objects.using("door").select_related("org__region").get(pk=post.pk)
    token = open_session(access.account_by_id(who.id), queries.seat_of(full), at=at, policy=POLICY)
    with transaction.atomic():
        assert access.enter(token) is not None
    walk = Walk("citysystem")
    fields = {} if "how" in address else {"region": "350424101", "on": str(MID)}
    page = walk.get(f"/institutions/{number}/{address.format(today=TODAY)}")
    assert walk.send(page, address.split("?", maxsplit=1)[0], **fields).status == 200
    with transaction.atomic():
        assert access.enter(token) is None
    Post.objects.using("load").filter(pk=post.pk, end=None).update(end=now())


def test_residents_go_along_with_a_merger_done_on_the_page(house_file: object) -> None:
    old, heir = a_committed("居民卫生院"), a_committed("居民接收院")
    org = Organisation.objects.using("load").get(pk=old)
    resident = Resident.objects.using("load").filter(path__starts="350405").order_by("id").last()
    assert resident is not None
    home = (resident.home_org_id, resident.path)
    Resident.objects.using("load").filter(pk=resident.pk).update(home_org_id=old, path=org.path)
    try:
        walk = Walk("citysystem")
        assert walk.send(walk.get(f"/institutions/{old}/end/?how=merges&into=%23{heir}&on={TODAY}"), "end/").status == 200
        moved = Resident.objects.using("load").get(pk=resident.pk)
        assert moved.home_org_id == heir
        assert moved.path == Organisation.objects.using("load").get(pk=heir).path
    finally:
        Resident.objects.using("load").filter(pk=resident.pk).update(home_org_id=home[0], path=home[1])


def test_the_same_form_twice_enters_one_institution(db: None) -> None:
    walk = Walk("system")
    form = walk.get("/institutions/new/").form("")
    values = {**form.fields, **CLINIC}
    first = client_for(person("system"))
    answers = [first.post("/institutions/new/", values) for _ in range(2)]
    assert [a.status_code for a in answers] == [303, 303]
    assert answers[0]["Location"] == answers[1]["Location"]
    assert Organisation.objects.filter(code="W1").count() == 1


# --- splitting ---------------------------------------------------------------------------------------------------------------


def split(walk: Walk, org_id: int, **fields: Any) -> Any:
    given = {"name": "走查分院", "code": "W9", "region": "350405101", "care_tier": "township", "on": str(MID), **fields}
    return walk.send(walk.get(f"/institutions/{org_id}/split/"), "/split/", **given)


def test_one_institution_comes_out_of_another_and_both_pages_say_so(db: None) -> None:
    org = an_organisation("走查总所", "W8")
    staff = PractitionerRole.objects.filter(org_id=org.id).count()
    page = split(Walk("system"), org.id, document="沙卫〔2025〕8号")
    assert page.status == 200, page.text
    assert "走查分院 came out of 走查总所." in page.text
    new = Organisation.objects.get(pk=number_of(page))
    assert (new.name, new.kind, new.care_tier, new.start, new.end) == ("走查分院", "care", "township", MID, None)
    row = Succession.objects.get(successor_id=new.id)
    assert (row.predecessor_id, row.kind, row.on, row.document) == (org.id, "split", MID, "沙卫〔2025〕8号")
    assert "Came out of another institution: 走查总所" in page.text
    old = Walk("doctor").get(f"/institutions/{org.id}/")
    assert "Another institution came out of it: 走查分院" in old.text
    assert PractitionerRole.objects.filter(org_id=org.id).count() == staff
    assert Organisation.objects.get(pk=org.id).end is None


def test_the_form_begins_with_what_the_two_are_likely_to_share(db: None) -> None:
    org = an_organisation("走查总所", "W8")
    fields = Walk("system").get(f"/institutions/{org.id}/split/").form("/split/").fields
    assert (fields["care_tier"], fields["region"], fields["name"], fields["code"]) == ("village", "350405101000", "", "")


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"name": ""}, 422, "required"),
        ({"region": "350421"}, 422, "Choose a place from the list"),
        ({"on": str(TOMORROW)}, 422, "lies in the future"),
        ({"on": str(OLD - timedelta(days=1))}, 409, "the day does not fit"),
        ({"code": "W8"}, 409, "another one has this code"),
        ({"_version": "9"}, 409, "Somebody else acted on this"),
    ],
)
def test_a_split_that_cannot_be_is_refused_and_what_was_typed_kept(
    db: None, fields: dict[str, str], status: int, says: str
) -> None:
    org = an_organisation("走查总所", "W8")
    before = network_rows()
    page = split(Walk("system"), org.id, address="留着 <这>", **fields)
    assert (page.status, says in page.text) == (status, True), page.text
    assert html.escape("留着 <这>") in page.body
    assert network_rows() == before


@pytest.mark.parametrize("login", ["doctor", "head", "officer", "security"])
def test_only_administrators_split_and_only_within_their_reach(db: None, login: str) -> None:
    assert Walk(login).get(f"/institutions/{COUNTY_HOSPITAL}/split/").status == 403
    assert Walk("system").get(f"/institutions/{CITY_HOSPITAL}/split/").status == 409
