"""The directory of institutions and the page of one: filters, pages, Excel, as then and as today; who sees which button."""

from __future__ import annotations

from datetime import date, timedelta
from urllib.parse import urlencode

import pytest

from fenji.ground.access.rules import house
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.network import actions, queries
from fenji.ground.network.models import Organisation
from fenji.world.county import CITY_HOSPITAL, COMMISSION, COUNTY_HOSPITAL, PROVINCE_HOSPITAL
from tests.app.walks import Walk
from tests.cast import person, scope

HOUSE = house(0)
TODAY = local_day(now())
YEAR = TODAY.year - 1
OLD, MID = date(YEAR, 1, 1), date(YEAR, 7, 1)


def an_organisation(name: str, code: str = "", start: date = OLD) -> Organisation:
    """A village clinic of the county, entered by the administrator; inside a transaction that is taken back."""
    facts = {"name": name, "code": code, "region_id": queries.region_id("350405101"), "care_tier": "village"}
    with scope(person("system")) as by:
        return actions.found(actions.NewOrganisation("care", facts, start), by=by, at=now())


# --- the list ----------------------------------------------------------------------------------------------------------------


def test_the_list_begins_with_ones_own_county_by_place_and_goes_on(db: None) -> None:
    page = Walk("doctor").get("/institutions/")
    assert page.status == 200
    assert "沙县区总医院" in page.body
    assert "三明沙溪医院" not in page.body
    paths = list(Organisation.objects.filter(path__starts="350405", end=None).order_by("path").values_list("name", flat=True))
    assert [n for n in paths[:20] if n not in page.body] == []
    assert paths[20] not in page.body
    again = Walk("doctor").get("/institutions/?county=350405&from=20")
    assert [n for n in paths[20:40] if n not in again.body] == []
    assert "from=0" in again.body
    assert Walk("doctor").get("/institutions/?size=100").body.count("<tr>") == 101


@pytest.mark.parametrize(
    ("query", "there", "not_there"),
    [
        ({"q": "沙溪"}, "三明沙溪医院", "沙县区总医院"),
        ({"q": "沙溪", "county": "350405"}, "No institution fits", "三明沙溪医院"),
        ({"county": "3504"}, "三明市信息中心", "闽山医院"),
        ({"county": "35", "tier": "province"}, "闽山医院", "三明沙溪医院"),
        ({"kind": "agency"}, "沙县区卫生健康局", "沙县区总医院"),
        ({"tier": "county"}, "沙县区总医院", "沙县区卫生健康局"),
        ({"kind": "nonsense", "tier": "x", "county": "abc", "size": "9", "from": "-1"}, "沙县区总医院", "三明沙溪医院"),
    ],
)
def test_the_list_is_narrowed_by_name_place_kind_and_tier(db: None, query: dict[str, str], there: str, not_there: str) -> None:
    page = Walk("doctor").get("/institutions/?" + urlencode({"size": "100", **query}))
    assert page.status == 200
    assert there in page.body
    assert not_there not in page.body


def test_institutions_are_found_by_their_code_in_full_width_too(db: None) -> None:
    org = an_organisation("代码卫生所", "ZX-001")
    for typed in ("ZX-001", "ＺＸ－００１"):
        assert f"/institutions/{org.id}/" in Walk("doctor").get("/institutions/?" + urlencode({"q": typed})).body


def test_ended_institutions_are_shown_when_asked_for_and_marked(db: None) -> None:
    org = an_organisation("已撤卫生所")
    with scope(person("system")):
        Organisation.objects.filter(pk=org.id).update(end=MID)
    assert "已撤卫生所" not in Walk("doctor").get("/institutions/?q=%E5%B7%B2%E6%92%A4").body
    page = Walk("doctor").get("/institutions/?ended=1&q=%E5%B7%B2%E6%92%A4")
    assert "已撤卫生所" in page.body
    assert f"ended {MID}" in page.text


def test_the_whole_filtered_list_goes_to_excel(db: None) -> None:
    org = an_organisation("=HYPERLINK(1)", "XL1")
    rows = Walk("doctor").sheet("/institutions/export.xlsx?county=350405&kind=care")
    assert rows[0][:4] == ["Name of the institution", "Institution code", "Unified social credit code", "Kind"]
    assert len(rows) - 1 == Organisation.objects.filter(path__starts="350405", kind="care", end=None).count()
    assert len(rows) > 101
    mine = next(r for r in rows if r[1] == "XL1")
    assert mine[0] == f"'{org.name}"
    assert "沙县区" in mine[4]


def test_too_many_rows_for_a_file_are_said_and_nothing_is_cut(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fenji.ground.network.views.shared.EXPORT_LIMIT", 10)
    page = Walk("doctor").get("/institutions/export.xlsx")
    assert page.status == 422
    assert "more than 10 rows" in page.text
    assert "Narrow it with its filters" in page.text


def test_suggestions_name_the_place_and_lead_back_to_the_same_institution(db: None) -> None:
    page = Walk("doctor").get("/institutions/suggest/?" + urlencode({"whatever": "沙县区总"}))
    assert f'value="沙县区总医院（模拟） #{COUNTY_HOSPITAL}"' in page.body
    assert 'label="沙县区' in page.body
    assert Walk("doctor").get("/institutions/suggest/").body.strip() == ""


# --- the page of one ---------------------------------------------------------------------------------------------------------


def test_the_page_says_what_is_known_and_what_is_not(db: None) -> None:
    page = Walk("doctor").get(f"/institutions/{COUNTY_HOSPITAL}/")
    for words in ("沙县区总医院", "Secondary, class A", "Run by government", "Cardiology", "County medical community"):
        assert words in page.text
    assert "unknown: distances to it cannot be shown" in page.text
    assert "Nobody is on the duty list now" in page.text
    assert "沙县区总医院医共体" in page.text
    assert "Lead" in page.text


def test_known_coordinates_are_shown_with_six_digits(db: None) -> None:
    org = an_organisation("坐标卫生所")
    with scope(person("system")) as by:
        actions.place_at(org.id, 1, {"longitude": "117.789012", "latitude": "26.4"}, by=by, at=now())
    page = Walk("doctor", "zh-hans").get(f"/institutions/{org.id}/")
    assert "117.789012" in page.text
    assert "26.4" in page.text


@pytest.mark.parametrize(
    ("login", "org", "sees"),
    [
        ("system", COUNTY_HOSPITAL, {"change", "place", "move", "end", "departments", "relations"}),
        ("citysystem", COUNTY_HOSPITAL, {"change", "place", "move", "end", "departments", "relations"}),
        ("citysystem", CITY_HOSPITAL, {"change", "place", "move", "end", "departments", "relations"}),
        ("system", CITY_HOSPITAL, set()),
        ("system", PROVINCE_HOSPITAL, set()),
        ("citysystem", PROVINCE_HOSPITAL, set()),
        ("officer", COUNTY_HOSPITAL, set()),
        ("security", COUNTY_HOSPITAL, set()),
        ("head", COUNTY_HOSPITAL, set()),
        ("doctor", COUNTY_HOSPITAL, set()),
    ],
)
def test_only_those_who_administer_an_institution_see_how_to_change_it(db: None, login: str, org: int, sees: set[str]) -> None:
    page = Walk(login).get(f"/institutions/{org}/")
    assert page.status == 200
    pages = ("change", "place", "move", "end", "departments", "relations")
    assert {p for p in pages if f'href="/institutions/{org}/{p}/"' in page.body} == sees


def test_only_those_who_may_see_how_to_enter_institutions_and_alliances_and_regions(db: None) -> None:
    may = {"system": (True, False), "citysystem": (True, True), "doctor": (False, False), "head": (False, False)}
    for login, (new, regions) in may.items():
        page = Walk(login).get("/institutions/")
        assert ("/institutions/new/" in page.body) == new, login
        assert ('href="/regions/"' in page.body) == regions, login
        assert ("/alliances/new/" in Walk(login).get("/alliances/").body) == new, login


def test_an_agency_has_no_tier_no_duty_and_no_departments(db: None) -> None:
    page = Walk("doctor").get(f"/institutions/{COMMISSION}/")
    assert "Health commission" in page.text
    for words in ("On duty now", "Departments", "Grade", "Coordinates"):
        assert words not in page.text


def test_what_does_not_exist_is_not_found(db: None) -> None:
    for number in ("0", "999999999", "99999999999999999999"):
        assert Walk("doctor").get(f"/institutions/{number}/").status == 404


# --- as then -----------------------------------------------------------------------------------------------------------------


def test_a_renamed_institution_is_shown_as_it_was_then(db: None) -> None:
    org = an_organisation("旧名卫生所", "R1")
    with scope(person("system")) as by:
        actions.change(org.id, 1, {"name": "新名卫生所", "grade": "1A"}, on=MID, reason="沙卫〔2025〕7号", by=by, at=now())
    walk = Walk("doctor")
    today = walk.get(f"/institutions/{org.id}/")
    assert "<h1>新名卫生所" in today.body
    assert "旧名卫生所" in today.body  # in the history, with the reason
    assert "沙卫〔2025〕7号" in today.body
    assert "Primary, class A" in today.text
    then = walk.get(f"/institutions/{org.id}/?on={MID - timedelta(days=1)}")
    assert then.status == 200
    assert "<h1>旧名卫生所" in then.body
    assert f"As it was on {MID - timedelta(days=1)}" in then.text
    assert "Administer" not in Walk("system").get(f"/institutions/{org.id}/?on={MID - timedelta(days=1)}").text
    assert "<h1>新名卫生所" in walk.get(f"/institutions/{org.id}/?on={MID}").body


def test_before_it_began_the_page_says_that_it_did_not_exist(db: None) -> None:
    org = an_organisation("后来卫生所")
    page = Walk("doctor").get(f"/institutions/{org.id}/?on={OLD - timedelta(days=1)}")
    assert page.status == 404
    assert f"did not exist on {OLD - timedelta(days=1)}" in page.text
    assert f"It began on {OLD}" in page.text


NO_DAYS = ["2025-02-30", "yesterday", "1", "0000-00-00", "20250101", "2025-01-01'--", "9" * 500, "\u202e", "１"]


@pytest.mark.parametrize("typed", NO_DAYS)
def test_a_day_that_is_none_is_named_and_todays_page_shown(db: None, typed: str) -> None:
    for path in (f"/institutions/{COUNTY_HOSPITAL}/", "/alliances/1/"):
        page = Walk("doctor").get(f"{path}?" + urlencode({"on": typed}))
        assert page.status == 422, path
        assert "Give a day as year-month-day" in page.text


def test_a_day_to_come_is_no_then(db: None) -> None:
    page = Walk("doctor").get(f"/institutions/{COUNTY_HOSPITAL}/?on={TODAY + timedelta(days=1)}")
    assert page.status == 422
    assert "This day lies in the future" in page.text


def test_today_as_then_is_today(db: None) -> None:
    page = Walk("doctor").get(f"/institutions/{COUNTY_HOSPITAL}/?on={TODAY}")
    assert page.status == 200
    assert "As it was on" not in page.text.replace("As it was on a day", "")


# --- the search field --------------------------------------------------------------------------------------------------------


def test_the_search_field_leads_those_who_know_no_residents_to_institutions(db: None) -> None:
    for login in ("desk", "officer", "system", "head"):
        page = Walk(login).get("/search/?" + urlencode({"q": " 沙溪医院 "}))
        assert page.url.startswith("/institutions/?"), login
        assert "三明沙溪医院" in page.body
    assert Walk("doctor").get("/search/?" + urlencode({"q": "沙溪医院"})).url.startswith("/residents/")
    none = Walk("officer").get("/search/?" + urlencode({"q": "无此院"}))
    assert none.status == 404
    assert "Institutions are found by part of their name" in none.text


def test_the_menu_leads_to_institutions_and_alliances_in_chinese_too(db: None) -> None:
    page = Walk("doctor", "zh-hans").get("/institutions/")
    assert 'href="/institutions/" aria-current="page"' in page.body
    assert 'href="/alliances/"' in page.body
