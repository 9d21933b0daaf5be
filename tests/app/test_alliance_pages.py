"""Alliances and regions through the forms of their pages."""

from __future__ import annotations

import html
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import transaction

from fenji.ground.access.rules import house
from fenji.ground.common.edge import now
from fenji.ground.network import actions, queries
from fenji.ground.network.models import Alliance, Membership, Organisation, OrganisationVersion, Region, RegionName
from fenji.ground.network.queries import directory, history
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL, PROVINCE_HOSPITAL
from tests.app.test_institutions import MID, OLD, TODAY, an_organisation
from tests.app.walks import Walk, network_rows, number_of
from tests.cast import person, scope

COMMUNITY = "/alliances/1/"
TOMORROW = TODAY + timedelta(days=1)


# --- alliances ---------------------------------------------------------------------------------------------------------------


def an_alliance(walk: Walk, **fields: str) -> int:
    given = {"kind": "specialty", "name": "走查神经专科联盟", "lead": f"#{CITY_HOSPITAL}", "specialty": "neurology", "on": str(OLD)}
    page = walk.send(walk.get("/alliances/new/"), "", **{**given, **fields})
    assert page.status == 200, page.text
    return number_of(page)


def test_alliances_are_listed_by_kind_with_lead_members_and_day(db: None) -> None:
    number = an_alliance(Walk("citysystem"))
    page = Walk("doctor").get("/alliances/")
    members = len(queries.members(1, TODAY))
    for words in (
        "沙县区总医院医共体",
        f"沙县区总医院（模拟） {members} 2022-03-01",
        "走查神经专科联盟",
        f"三明沙溪医院（模拟） 1 {OLD}",
    ):
        assert words in page.text
    only = Walk("doctor").get("/alliances/?kind=specialty")
    assert f"/alliances/{number}/" in only.body
    assert "沙县区总医院医共体" not in only.text
    assert [r[0] for r in Walk("doctor").sheet("/alliances/export.xlsx?kind=specialty")] == ["Alliance", "走查神经专科联盟"]
    assert Walk("doctor").get("/alliances/?kind=x&from=x&size=7").status == 200


def test_a_member_joins_and_leaves_by_day_and_any_day_can_be_looked_at(db: None) -> None:
    walk = Walk("citysystem")
    number = an_alliance(walk)
    path = f"/alliances/{number}/"
    page = walk.send(walk.get(path), "join/", member="卫生所", role="member", on=str(MID))
    assert page.status == 422  # many have this in their names
    page = walk.send(walk.get(path), "join/", member="沙县区总医院", role="member", on=str(MID), document="协议 1 号")
    assert "沙县区总医院（模拟） joined" in page.text
    assert f"Members {2}" in page.text
    before = walk.get(f"{path}?on={MID - timedelta(days=1)}")
    assert f"Members on {MID - timedelta(days=1)}" in before.text
    assert "沙县区总医院" not in before.text
    assert "join/" not in before.body
    page = walk.send(walk.get(path), f"leave/{COUNTY_HOSPITAL}/", on=str(TODAY))
    assert f"The membership ends on {TODAY}" in page.text
    assert "沙县区总医院" not in walk.get(path).text
    assert "沙县区总医院" in walk.get(f"{path}?on={TODAY - timedelta(days=1)}").text
    rows = Walk("doctor").sheet(f"{path}members.xlsx?on={MID}")
    assert [(r[0], r[2]) for r in rows[1:]] == [("三明沙溪医院（模拟）", "Lead"), ("沙县区总医院（模拟）", "Member")]


def test_sixty_nine_hospitals_are_shown_by_pages_and_go_to_excel_whole(db: None) -> None:
    walk = Walk("citysystem")
    number = an_alliance(walk)
    orgs = list(Organisation.objects.filter(path__starts="350405", kind="care", end=None).order_by("id")[:68])
    with scope(person("citysystem")):
        Membership.objects.bulk_create(
            Membership(alliance_id=number, org=o, kind="specialty", role="member", start=OLD) for o in orgs
        )
    path = f"/alliances/{number}/"
    assert walk.get(path).body.count('<td class="lead"') == 20
    assert walk.get(f"{path}?from=60").body.count('<td class="lead"') == 9
    assert walk.get(f"{path}?size=100").body.count('<td class="lead"') == 69
    assert len(walk.sheet(f"{path}members.xlsx")) == 70


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"name": ""}, 422, "required"),
        ({"name": "盟" * 101}, 422, "at most 100 characters"),
        ({"name": "盟\u200b"}, 422, "characters that cannot be seen"),
        ({"specialty": ""}, 422, "A specialty alliance has a specialty"),
        ({"kind": "tele_network"}, 422, "other alliances have none"),
        ({"lead": "nobody"}, 422, "Choose an institution from the list"),
        ({"lead": f"#{COUNTY_HOSPITAL}"}, 409, "the lead's grade is too low"),
        ({"lead": f"#{PROVINCE_HOSPITAL}"}, 409, "You do not administer"),
        ({"name": "沙县区总医院医共体（模拟）"}, 409, "another alliance has this name"),
        ({"kind": "county_community", "specialty": "", "lead": f"#{COUNTY_HOSPITAL}"}, 409, "it is there already"),
    ],
)
def test_an_alliance_that_cannot_be_is_named_and_what_was_typed_kept(
    db: None, fields: dict[str, str], status: int, says: str
) -> None:
    before = network_rows()
    walk = Walk("citysystem")
    given = {"kind": "specialty", "name": "走查联盟", "lead": f"#{CITY_HOSPITAL}", "specialty": "neurology", "on": str(OLD)}
    page = walk.send(walk.get("/alliances/new/"), "", **{**given, **fields})
    assert page.status == status
    assert says in html.unescape(page.text)
    assert page.form("").fields["name"] == {**given, **fields}["name"]
    assert network_rows() == before


@pytest.mark.parametrize(
    ("role", "org", "says"),
    [("lead", CITY_HOSPITAL, "it has a lead already"), ("branch", COUNTY_HOSPITAL, "it is there already")],
)
def test_a_member_that_cannot_join_is_named(db: None, role: str, org: int, says: str) -> None:
    before = network_rows()
    walk = Walk("system")
    page = walk.send(walk.get(COMMUNITY), "join/", member=f"#{org}", role=role, on=str(TODAY))
    assert page.status == 409
    assert says in page.text
    assert page.form("join/").fields["member"] == f"#{org}"
    assert network_rows() == before


def test_a_branch_of_a_community_is_central_or_ordinary(db: None) -> None:
    org = an_organisation("中心分院卫生所")
    walk = Walk("system")
    assert walk.send(walk.get(COMMUNITY), "join/", member=f"#{org.id}", role="member", on=str(TODAY)).status == 422
    page = walk.send(walk.get(COMMUNITY), "join/", member=f"#{org.id}", role="central_branch", on=str(TODAY))
    assert "中心分院卫生所 joined" in page.text
    assert "Central branch" in walk.get(f"/institutions/{org.id}/").text


def test_nobody_leaves_before_they_joined(db: None) -> None:
    walk = Walk("system")
    before = network_rows()
    for day, says in (("2022-03-01", "the day does not fit"), ("2020-01-01", "the day does not fit"), ("x", "year-month-day")):
        page = walk.send(walk.get(COMMUNITY), f"leave/{COUNTY_HOSPITAL}/", on=day)
        assert page.status == 409
        assert says in page.text
    assert network_rows() == before


def test_three_of_three_make_a_community_tight_and_the_clause_is_named(db: None) -> None:
    walk = Walk("system")
    page = walk.get(COMMUNITY)
    assert "not tight" in page.text
    assert "3 of people, money and goods" in page.text
    assert 'class="clause' in page.body
    stale = Walk("citysystem").get(COMMUNITY)
    two = walk.send(page, "unify/", people="on", money="on")
    assert "not tight" in two.text
    three = walk.send(two, "unify/", goods="on")
    assert "not tight" not in three.text
    assert "tight" in three.text
    assert Alliance.objects.get(pk=1).unified == ["people", "money", "goods"]
    late = Walk("citysystem").send(stale, "unify/", people="on")
    assert late.status == 409
    assert "Somebody else acted" in late.text
    assert Alliance.objects.get(pk=1).unified == ["people", "money", "goods"]


def test_who_does_not_administer_the_lead_changes_no_alliance(db: None) -> None:
    number = an_alliance(Walk("citysystem"))
    path = f"/alliances/{number}/"
    before = network_rows()
    walk = Walk("system")
    assert "join/" not in walk.get(path).body
    join = {"member": f"#{COUNTY_HOSPITAL}", "role": "member", "on": str(TODAY)}
    assert walk.post(f"{path}join/", **join).status == 409
    assert walk.post(f"{path}leave/{CITY_HOSPITAL}/", on=str(TODAY)).status == 409
    assert walk.post(f"{path}unify/", _version="1", people="on").status == 409
    for login in ("doctor", "head", "officer", "audit"):
        for address, fields in (("join/", join), (f"leave/{CITY_HOSPITAL}/", {"on": str(TODAY)}), ("unify/", {"_version": "1"})):
            assert Walk(login).post(path + address, **fields).status == 403
        assert Walk(login).get("/alliances/new/").status == 403
    assert network_rows() == before


def test_an_alliance_that_does_not_exist_is_not_found(db: None) -> None:
    for address in ("", "members.xlsx"):
        assert Walk("doctor").get(f"/alliances/987654/{address}").status == 404
    assert Walk("system").post("/alliances/987654/leave/3/", on=str(TODAY)).status == 404


# --- regions -----------------------------------------------------------------------------------------------------------------


def region_of(code: str) -> int:
    return queries.region_id(code, "load")


def test_regions_are_for_those_who_administer_a_city(db: None) -> None:
    page = Walk("citysystem").get("/regions/")
    assert page.url == f"/regions/{queries.region_id('350400')}/"
    for words in ("三明市", "A city", "沙县区", "350405", "宁化县"):
        assert words in page.text
    county = Walk("citysystem").get(f"/regions/{queries.region_id('350405')}/")
    assert f"/regions/{queries.region_id('350405101')}/" in county.body
    assert "/change/" in county.body
    assert "/change/" not in page.body  # nobody renames the region that they administer
    assert Walk("system").get("/regions/").status == 409
    assert Walk("system").get(f"/regions/{queries.region_id('350405')}/").status == 409
    assert Walk("officer").get("/regions/").status == 403
    assert Walk("citysystem").get(f"/regions/{queries.region_id('350100')}/").status == 409
    assert Walk("citysystem").get("/regions/987654321/").status == 404


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"name": ""}, 422, "required"),
        ({"name": "镇\u202e"}, 422, "characters that cannot be seen"),
        ({"code": "35042410x"}, 409, "the code does not fit"),
        ({"code": "3504241011"}, 409, "the code does not fit"),
        ({"code": "350423199"}, 409, "does not begin as that of the region above"),
        ({"code": "350424101"}, 409, "another one has this code"),
        ({"on": str(TOMORROW)}, 422, "lies in the future"),
        ({"on": "2023-06-30", "name": "早镇"}, 409, "the day does not fit"),
    ],
)
def test_a_change_of_a_region_that_cannot_be_is_named(house_file: object, fields: dict[str, str], status: int, says: str) -> None:
    number = region_of("350424100")
    before = network_rows("load")
    walk, path = Walk("citysystem"), f"/regions/{number}/change/"
    page = walk.send(walk.get(path), "", **fields)
    assert page.status == status
    assert says in page.text
    assert network_rows("load") == before


def test_a_region_is_renamed_from_a_day_and_a_stale_form_is_refused(house_file: object) -> None:
    number = region_of("350424202")
    old = directory.region(number).name
    walk, path = Walk("citysystem"), f"/regions/{number}/change/"
    stale = walk.get(path)
    page = walk.send(walk.get(path), "", name="走查新镇", on=str(MID))
    assert page.status == 200, page.text
    assert f"Changed from {MID} on" in page.text
    for words in (old, "走查新镇", str(MID), "宁化县"):
        assert words in page.text
    late = walk.send(stale, "", name="晚改镇")
    assert late.status == 409
    assert "Somebody else acted" in late.text
    assert late.form("").fields["name"] == "晚改镇"
    assert directory.region(number).name == "走查新镇"


def test_two_townships_become_one_after_a_second_look_and_what_lies_there_goes_along(house_file: object) -> None:
    first, second = region_of("350424204"), region_of("350424208")
    with_org = actions.NewOrganisation("care", {"name": "并乡卫生院", "region_id": second, "care_tier": "township"}, OLD)
    org = actions.found(with_org, by=house(0), at=now(), using="load")
    villages = set(Region.objects.using("load").filter(parent_id__in=[first, second]).values_list("pk", flat=True))
    walk, path = Walk("citysystem"), f"/regions/{region_of('350424')}/merge/"
    assert walk.get(path).status == 200
    one = walk.get(f"{path}?" + urlencode({"regions": first, "name": "合并乡", "code": "350424204", "on": str(MID)}))
    assert "Choose two or more" in one.text
    query = urlencode({"regions": [first, second], "name": "合并乡", "code": "350424204", "on": str(MID)}, doseq=True)
    look = walk.get(f"{path}?{query}")
    assert "They become 合并乡 (350424204)" in look.text
    assert RegionName.objects.using("load").filter(region_id=second, end=None).exists()
    page = walk.send(look, path, regions=[first, second])
    assert page.status == 200, page.text
    assert "One region now: 合并乡" in page.text
    new = region_of("350424204")
    assert new not in (first, second)
    assert set(Region.objects.using("load").filter(parent_id=new).values_list("pk", flat=True)) == villages
    codes = list(RegionName.objects.using("load").filter(region_id__in=villages, end=None).values_list("code", flat=True))
    assert len(set(codes)) == len(villages)
    assert all(c.startswith("350424204") for c in codes)
    # an institution of the township itself, not of a village, goes along and keeps its past
    moved = Organisation.objects.using("load").get(pk=org.id)
    assert (moved.region_id, moved.path) == (new, f"350424204000/{org.id:08d}")
    rows = OrganisationVersion.objects.using("load").filter(org_id=org.id).order_by("start")
    assert [(r.region_id, r.start, r.end) for r in rows] == [(second, OLD, MID), (new, MID, None)]
    then = history.as_then(org.id, MID - timedelta(days=1))
    assert then is not None
    assert then.region_code == "350424208"
    ended = walk.get(f"/regions/{second}/")
    assert f"Ended on {MID}" in ended.text
    assert f"/regions/{new}/" in ended.body
    assert "/change/" not in ended.body


def test_regions_outside_ones_city_are_neither_merged_nor_renamed(house_file: object) -> None:
    fuzhou, a, b = region_of("350100"), region_of("350102"), region_of("350103")
    before = network_rows("load")
    walk = Walk("citysystem")
    assert walk.post(f"/regions/{a}/change/", _version="1", name="x", code="350102", on=str(TODAY)).status == 409
    fields = {"regions": [a, b], "name": "x", "code": "350102", "on": str(TODAY)}
    assert walk.post(f"/regions/{fuzhou}/merge/", **fields).status == 409
    own = region_of("350400")
    assert walk.post(f"/regions/{own}/merge/", **fields).status == 422
    assert walk.post(f"/regions/{own}/change/", _version="1", name="x", code="350400", on=str(TODAY)).status == 409
    assert (
        Walk("system").post(f"/regions/{region_of('350405101')}/change/", name="x", code="350405101", on=str(TODAY)).status == 409
    )
    assert network_rows("load") == before


@pytest.mark.parametrize("code", ["350102", "350400"])
def test_the_actions_themselves_refuse_a_region_that_is_not_below_ones_own(house_file: object, code: str) -> None:
    with transaction.atomic(), scope(person("citysystem")) as by:
        with pytest.raises(actions.OutOfReach):
            actions.change_region(region_of(code), on=MID, name="x", by=by, at=now())
        with pytest.raises(actions.OutOfReach):
            actions.merge_regions([region_of("350102"), region_of("350103")], code="350102", name="x", on=MID, by=by, at=now())
