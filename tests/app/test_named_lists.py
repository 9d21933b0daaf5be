"""Named lists: what a clause counts on, held against the number it names, today and on a day, as pages and as workbooks."""

from __future__ import annotations

from datetime import date

import pytest

from fenji.ground.network.models import NamedList, NamedListEntry
from fenji.ground.network.queries import region_id
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL
from tests.app.walks import Walk
from tests.cast import person, scope

CODE = "弱/县 & 院"
ADDRESS = "/institutions/lists/entries/?list=%E5%BC%B1%2F%E5%8E%BF%20%26%20%E9%99%A2"


@pytest.fixture
def a_list(db: None) -> None:
    """One of three on the list, whose clause names two: a hospital, a region, and a hospital that left it."""
    with scope(person("system")):
        row = NamedList.objects.create(code=CODE, name_zh="薄弱县", name_en="Weak counties", clause_id="XZ-2-2a", expected=2)
        entries = NamedListEntry.objects
        entries.create(list=row, org_id=COUNTY_HOSPITAL, start=date(2022, 3, 1))
        entries.create(list=row, region_id=region_id("350405"), start=date(2024, 3, 1))
        entries.create(list=row, org_id=CITY_HOSPITAL, start=date(2022, 3, 1), end=date(2023, 1, 1))


def test_everybody_sees_the_lists_with_their_numbers(a_list: None) -> None:
    page = Walk("doctor").get("/institutions/lists/")
    assert page.status == 200
    assert "Weak counties" in page.text
    assert "as many as named" in page.text
    assert ADDRESS in page.body
    assert "Take in a list" not in page.text
    assert "Take in a list" in Walk("system").get("/institutions/lists/").text


def test_a_list_names_its_institutions_and_regions_on_the_day_asked_for(a_list: None) -> None:
    page = Walk("doctor").get(ADDRESS)
    assert page.status == 200
    assert "沙县区总医院" in page.text
    assert "350405" in page.text
    assert "三明沙溪医院" not in page.text
    then = Walk("doctor").get(ADDRESS + "&on=2022-06-01")
    assert "三明沙溪医院" in then.text
    assert "350405" not in then.text
    once = Walk("doctor").get(ADDRESS + "&on=2023-06-01")
    assert "fewer than named" in once.text


def test_the_workbooks_say_what_the_pages_say(a_list: None) -> None:
    walk = Walk("doctor")
    assert [CODE, "Weak counties", "XZ-2-2a", 2, 2] in walk.sheet("/institutions/lists/export.xlsx")
    rows = walk.sheet(ADDRESS.replace("entries/?", "entries/export.xlsx?"))
    assert [row[0] for row in rows if row[4] in ("2022-03-01", "2024-03-01")] == ["沙县区总医院（模拟）", "沙县区"]
    then = walk.sheet(ADDRESS.replace("entries/?", "entries/export.xlsx?") + "&on=2022-06-01")
    assert {row[0] for row in then if row[4] == "2022-03-01"} == {"沙县区总医院（模拟）", "三明沙溪医院（模拟）"}


@pytest.mark.parametrize("query", ["", "?list=nothing", "?list=%00", "?list=" + "9" * 300])
def test_a_list_that_is_not_there_is_not_found(a_list: None, query: str) -> None:
    status = Walk("doctor").get("/institutions/lists/entries/" + query).status
    assert status == (400 if "%00" in query else 404)


def test_a_day_that_is_none_is_said(a_list: None) -> None:
    page = Walk("doctor").get(ADDRESS + "&on=2026-02-30")
    assert (page.status, "year-month-day" in page.text) == (422, True)
