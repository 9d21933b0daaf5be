"""Departments, ties, seats, staff and duty through the forms of the pages."""

from __future__ import annotations

import html
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from fenji.config.walker import Page
from fenji.ground.common.clock import SHANGHAI
from fenji.ground.common.edge import now
from fenji.ground.network import actions, queries
from fenji.ground.network.models import (
    Department,
    DutyShift,
    ForceMember,
    Organisation,
    Practitioner,
    PractitionerRole,
    Relation,
    TitleHeld,
)
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL
from tests.app.test_institutions import MID, OLD, TODAY, an_organisation
from tests.app.walks import Walk, network_rows, one
from tests.cast import person, scope

HOSPITAL = f"/institutions/{COUNTY_HOSPITAL}/"
NOBODY = uuid4()


# --- departments -------------------------------------------------------------------------------------------------------------


def the_department(name: str) -> Department:
    return Department.objects.get(org_id=COUNTY_HOSPITAL, name_zh=name)


def test_a_department_is_added_renamed_and_ended(db: None) -> None:
    walk, path = Walk("system"), f"{HOSPITAL}departments/"
    page = walk.send(walk.get(path), path, name_zh="康复科", name_en="Rehabilitation", specialty="rehabilitation")
    assert "Added: 康复科" in page.text
    assert "Rehabilitation medicine" in page.text
    row = the_department("康复科")
    one = f"/institutions/departments/{row.id}/"
    page = walk.send(walk.get(one), one, name_zh="康复治疗科")
    assert "The department was changed" in page.text
    assert "康复治疗科" in page.text
    page = walk.send(walk.get(one), f"{one}end/", on=str(TODAY + timedelta(days=1)))
    assert "The department was ended" in page.text
    assert "康复治疗科" not in page.text
    assert the_department("康复治疗科").end == TODAY + timedelta(days=1)


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"name_zh": ""}, 422, "required"),
        ({"name_zh": "科" * 61}, 422, "at most 60 characters"),
        ({"name_zh": "科\x00"}, 400, "can't be read"),
        ({"name_zh": "科\x1b"}, 422, "characters that cannot be seen"),
        ({"specialty": "heart"}, 422, "Select a valid choice"),
        ({"name_zh": "骨科"}, 409, "it is there already"),
    ],
)
def test_a_department_that_cannot_be_is_named(db: None, fields: dict[str, str], status: int, says: str) -> None:
    before = network_rows()
    walk, path = Walk("system"), f"{HOSPITAL}departments/"
    page = walk.send(walk.get(path), path, **{"name_zh": "新科", **fields})
    assert page.status == status
    assert says in page.text
    assert network_rows() == before


def test_a_department_that_somebody_changed_meanwhile_is_not_changed_over(db: None) -> None:
    row = the_department("骨科")
    one = f"/institutions/departments/{row.id}/"
    first, second = Walk("system"), Walk("citysystem")
    mine, theirs = first.get(one), second.get(one)
    assert first.send(mine, one, name_en="Bones").status == 200
    for address, fields in ((one, {"name_en": "Joints"}), (f"{one}end/", {"on": str(TODAY)})):
        page = second.send(theirs, address, **fields)
        assert page.status == 409
        assert "Somebody else acted" in page.text
    assert the_department("骨科").name_en == "Bones"


def test_an_end_before_the_beginning_is_refused(db: None) -> None:
    one = f"/institutions/departments/{the_department('骨科').id}/"
    walk = Walk("system")
    for day, status in (("2022-03-01", 409), ("x", 422), ("", 422)):
        page = walk.send(walk.get(one), f"{one}end/", on=day)
        assert page.status in (409, status)
    assert the_department("骨科").end is None


def test_departments_of_another_place_cannot_be_reached_by_their_number(db: None) -> None:
    row = Department.objects.filter(org_id=CITY_HOSPITAL).first()
    assert row is not None
    before = network_rows()
    for address in ("", "end/"):
        page = Walk("system").post(f"/institutions/departments/{row.id}/{address}", _version="1", name_zh="x", on=str(TODAY))
        assert page.status == 409
        assert "You do not administer" in page.text
    assert network_rows() == before


# --- ties --------------------------------------------------------------------------------------------------------------------


def test_a_trusteeship_is_shown_on_both_sides_and_ends_by_the_side_entrusted(db: None) -> None:
    walk, path = Walk("system"), f"{HOSPITAL}relations/"
    page = walk.send(walk.get(path), path, kind="trusteeship", source=f"x #{CITY_HOSPITAL}", on=str(OLD), document="明卫 9 号")
    assert "Entered: 三明沙溪医院" in page.text
    assert "Is in the trusteeship of 三明沙溪医院" in walk.get(HOSPITAL).text
    assert "Holds in trusteeship 沙县区总医院" in walk.get(f"/institutions/{CITY_HOSPITAL}/").text
    row = Relation.objects.get(target_id=COUNTY_HOSPITAL)
    theirs = Walk("citysystem").get(f"/institutions/{CITY_HOSPITAL}/relations/")
    assert f"relations/{row.id}/end/" in theirs.body
    end = f"{path}{row.id}/end/"
    assert walk.send(walk.get(path), end, on=str(OLD)).status == 409
    page = walk.send(walk.get(path), end, on=str(MID))
    assert f"It ends on {MID}" in page.text
    assert "trusteeship of" not in walk.get(HOSPITAL).text
    assert "trusteeship of" in walk.get(f"{HOSPITAL}?on={MID - timedelta(days=1)}").text
    assert walk.post(end, on=str(MID)).status == 409


def test_an_institution_is_entrusted_to_one_at_a_time(db: None) -> None:
    other = an_organisation("另一机构")
    walk, path = Walk("system"), f"{HOSPITAL}relations/"
    tie = {"kind": "trusteeship", "on": str(MID)}
    assert walk.send(walk.get(path), path, source=f"#{CITY_HOSPITAL}", **tie).status == 200
    before = network_rows()
    refused = {CITY_HOSPITAL: "it is there already", other.id: "trusteeship at that time", COUNTY_HOSPITAL: "the same"}
    for source, says in refused.items():
        page = walk.send(walk.get(path), path, source=f"#{source}", **tie)
        assert page.status == 409
        assert says in page.text
    assert walk.send(walk.get(path), path, source="无此机构", **tie).status == 422
    assert network_rows() == before


def test_the_side_that_takes_on_cannot_tie_an_institution_of_another_place_to_itself(db: None) -> None:
    row = Relation.objects
    with scope(person("citysystem")) as by:
        actions.open_relation("agreement", COUNTY_HOSPITAL, CITY_HOSPITAL, on=OLD, by=by, at=now())
    tie = row.get(source_id=COUNTY_HOSPITAL)
    page = Walk("system").get(f"{HOSPITAL}relations/")
    assert "ended by the other side" in page.text
    refused = Walk("system").post(f"{HOSPITAL}relations/{tie.id}/end/", on=str(TODAY))
    assert refused.status == 409
    assert row.get(pk=tie.pk).end is None


# --- seats -------------------------------------------------------------------------------------------------------------------


def a_group() -> int:
    facts = {"name": "沙县区医改领导小组", "region_id": queries.region_id("350405")}
    with scope(person("system")) as by:
        new = actions.NewOrganisation("task_force", facts, OLD, force_kind="leading_group")
        return actions.found(new, by=by, at=now()).id


def test_seats_are_given_shown_and_ended(db: None) -> None:
    group = a_group()
    walk, path = Walk("system"), f"/institutions/{group}/seats/"
    page = walk.send(walk.get(path), path, name="某书记", role="head", position="区委书记", on=str(OLD))
    assert "Entered: 某书记" in page.text
    assert "某书记" in Walk("doctor").get(f"/institutions/{group}/").text
    taken = walk.send(walk.get(path), path, name="另一人", role="head", on=str(OLD))
    assert taken.status == 409
    assert "This seat is taken" in taken.text
    assert 'value="另一人"' in taken.body
    seat = one(ForceMember, org_id=group)
    end = f"/institutions/seats/{seat.id}/end/"
    page = walk.send(walk.get(path), end, on=str(MID))
    assert f"It ends on {MID}" in page.text
    assert walk.send(walk.get(path), path, name="另一人", role="head", on=str(MID)).status == 200
    then = walk.get(f"/institutions/{group}/?on={MID - timedelta(days=1)}")
    assert "某书记" in then.text
    assert "另一人" not in then.text
    assert walk.post(end, _version="2", on=str(TODAY)).status == 409


# --- staff -------------------------------------------------------------------------------------------------------------------

SOMEBODY = {"number": "P9", "name": "走查医生", "category": "physician", "title": "junior", "titled_on": str(OLD), "on": str(OLD)}


def entered(walk: Walk, org: int, **fields: Any) -> Page:
    return walk.send(walk.get(f"/institutions/{org}/staff/new/"), "", **{**SOMEBODY, **fields})


def id_of(page: Page) -> str:
    assert page.status == 200, page.text
    return page.url.split("/")[2]


@pytest.mark.parametrize(("login", "org"), [("head", 0), ("system", COUNTY_HOSPITAL), ("citysystem", CITY_HOSPITAL)])
def test_a_head_and_an_administrator_enter_staff_that_everybody_reads(db: None, login: str, org: int) -> None:
    org = org or person("head").org_id
    page = entered(Walk(login), org, specialties=["cardiology", "neurology"], licence_until="2030-01-01")
    assert "Entered: 走查医生" in page.text
    assert "Cardiology, Neurology" in page.text
    listed = Walk("desk").get(f"/institutions/{org}/staff/")
    for words in ("走查医生", "P9", "Physician", "Junior title", "Cardiology, Neurology", "Employed", str(OLD)):
        assert words in listed.text
    assert "/staff/new/" not in listed.body
    assert ("/staff/new/" in Walk(login).get(f"/institutions/{org}/staff/").body) is True
    assert "Staff 1" in Walk("desk").get(f"/institutions/{org}/").text


def test_a_head_enters_nobody_at_another_institution(db: None) -> None:
    before = network_rows()
    fields = {**SOMEBODY, "number": "P10"}
    page = Walk("head").post(f"/institutions/{COUNTY_HOSPITAL}/staff/new/", **fields)
    assert page.status == 409
    assert "You do not administer" in page.text
    assert network_rows() == before


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"number": ""}, "required"),
        ({"name": "长" * 61}, "at most 60 characters"),
        ({"name": "陈\u202e"}, "characters that cannot be seen"),
        ({"category": "wizard"}, "Select a valid choice"),
        ({"title": "x"}, "Select a valid choice"),
        ({"specialties": ["heart"]}, "Select a valid choice"),
        ({"on": "x"}, "year-month-day"),
        ({"titled_on": "1850-01-01"}, "year-month-day"),
    ],
)
def test_what_is_wrong_with_somebody_new_is_named(db: None, fields: dict[str, Any], says: str) -> None:
    before = network_rows()
    page = entered(Walk("head"), person("head").org_id, **fields)
    assert page.status == 422
    assert says in page.text
    assert network_rows() == before


def test_a_staff_number_is_given_once(db: None) -> None:
    walk, org = Walk("head"), person("head").org_id
    assert entered(walk, org).status == 200
    before = network_rows()
    page = entered(walk, org, name="另一人")
    assert page.status == 409
    assert "has, or had, this staff number" in page.text
    assert 'value="另一人"' in page.body
    assert network_rows() == before


def test_a_new_title_counts_from_its_day_and_a_stale_form_is_refused(db: None) -> None:
    walk, org = Walk("head"), person("head").org_id
    number = id_of(entered(walk, org))
    path = f"/staff/{number}/change/"
    stale = Walk("system").get(path)
    no_day = walk.send(walk.get(path), path, title="intermediate", titled_on="")
    assert no_day.status == 422
    assert "Give the day of the new title" in no_day.text
    assert walk.send(walk.get(path), path, title="senior", titled_on=str(OLD - timedelta(days=1))).status == 422
    page = walk.send(walk.get(path), path, title="intermediate", titled_on=str(MID))
    assert page.status == 200
    with scope(person("audit")):
        held = list(TitleHeld.objects.filter(practitioner_id=number).order_by("start").values_list("title", "start"))
    assert held == [("junior", OLD), ("intermediate", MID)]
    assert f"Intermediate title since {MID}" in page.text
    late = Walk("system").send(stale, path, name="改晚了")
    assert late.status == 409
    assert late.form(path).fields["name"] == "改晚了"
    assert one(Practitioner, pk=number).name == "走查医生"


def test_somebody_is_sent_down_comes_back_and_leaves(db: None) -> None:
    org = person("head").org_id
    number = id_of(entered(Walk("system"), COUNTY_HOSPITAL))
    head, path = Walk("head"), f"/staff/{number}/"
    work = f"{path}work/"
    page = head.send(head.get(path), work, kind="sent_down", start=str(MID))
    assert "The place of work was entered" in page.text
    assert "Sent down" in Walk("desk").get(f"/institutions/{org}/staff/").text
    again = head.send(head.get(path), work, kind="sent_down", start=str(MID))
    assert again.status == 409
    down = one(PractitionerRole, practitioner_id=number, org_id=org)
    at_home = one(PractitionerRole, practitioner_id=number, org_id=COUNTY_HOSPITAL)
    # the head ends the work at the own institution only
    assert f"/staff/work/{at_home.id}/end/" not in head.get(path).body
    assert head.post(f"/staff/work/{at_home.id}/end/", _version="1", on=str(TODAY)).status == 409
    admin = Walk("system")
    still = admin.send(admin.get(path), f"/staff/work/{at_home.id}/end/", on=str(TODAY))
    assert still.status == 409
    assert "still works elsewhere" in still.text
    assert head.send(head.get(path), f"/staff/work/{down.id}/end/", on=str(MID)).status == 409
    page = head.send(head.get(path), f"/staff/work/{down.id}/end/", on=str(TODAY))
    assert f"It ends on {TODAY}" in page.text
    page = admin.send(admin.get(path), f"/staff/work/{at_home.id}/end/", on=str(TODAY))
    assert f"Left on {TODAY}" in page.text
    assert one(Practitioner, pk=number).end == TODAY
    assert "走查医生" not in admin.get(f"{HOSPITAL}staff/").text
    assert head.post(f"/staff/work/{down.id}/end/", _version="1", on=str(TODAY)).status == 409


def test_an_administrator_names_the_place_and_only_one_in_reach(db: None) -> None:
    number = id_of(entered(Walk("system"), COUNTY_HOSPITAL))
    walk, path = Walk("system"), f"/staff/{number}/"
    org = person("head").org_id
    before = network_rows()
    refused = walk.send(walk.get(path), f"{path}work/", place=f"#{CITY_HOSPITAL}", kind="multi_site", start=str(OLD))
    assert refused.status == 409
    assert "You do not administer" in refused.text
    wrong = walk.send(walk.get(path), f"{path}work/", place=f"#{org}", kind="multi_site", start=str(MID), end=str(OLD))
    assert wrong.status == 409
    assert "the end does not lie after the start" in wrong.text
    assert network_rows() == before
    page = walk.send(walk.get(path), f"{path}work/", place=f"#{org}", kind="multi_site", start=str(OLD))
    assert "Practises at several sites" in page.text


def test_the_staff_list_is_filtered_and_goes_to_excel(db: None) -> None:
    org = person("head").org_id
    walk = Walk("head")
    entered(walk, org)
    entered(walk, org, number="P11", name="走查护士", category="nurse", title="none", titled_on="")
    path = f"/institutions/{org}/staff/"
    assert "走查护士" not in walk.get(f"{path}?category=physician").text
    assert "走查医生" not in walk.get(f"{path}?q=P11").text
    assert "走查护士" in walk.get(f"{path}?q=P11").text
    assert "Nobody fits" in walk.get(f"{path}?q=%E6%97%A0").text
    rows = Walk("desk").sheet(f"{path}export.xlsx?category=nurse")
    assert [r[1] for r in rows] == ["Name", "走查护士"]


@pytest.mark.parametrize("login", ["doctor", "desk", "officer", "security"])
def test_other_roles_change_no_staff_and_no_duty(db: None, login: str) -> None:
    number = id_of(entered(Walk("head"), person("head").org_id))
    work = one(PractitionerRole, practitioner_id=number)
    before = network_rows()
    walk = Walk(login)
    assert "/change/" not in walk.get(f"/staff/{number}/").body
    for address in (f"/staff/{number}/change/", f"/staff/{number}/work/", f"/staff/work/{work.id}/end/"):
        assert walk.post(address, _version="1", on=str(TODAY), start=str(OLD), kind="multi_site").status == 403
    assert walk.post(f"/institutions/duty/{NOBODY}/off/", _version="1").status == 403
    assert network_rows() == before


def test_markup_in_a_name_of_staff_stays_text(db: None) -> None:
    name = "<img src=x onerror=alert(1)>"
    org = person("head").org_id
    walk = Walk("head")
    number = id_of(entered(walk, org, name=name))
    for path in (f"/staff/{number}/", f"/institutions/{org}/staff/", f"/institutions/{org}/duty/", f"/staff/{number}/change/"):
        body = walk.get(path).body
        assert html.escape(name) in body, path
        assert "<img src=x" not in body


# --- duty --------------------------------------------------------------------------------------------------------------------


def put(walk: Walk, org: int, **fields: str) -> Page:
    path = f"/institutions/{org}/duty/"
    return walk.send(walk.get(path), f"{path}add/", **{"duty": "ward", "day": str(TODAY), **fields})


def test_a_shift_is_entered_shown_and_taken_off(db: None) -> None:
    org = person("head").org_id
    walk = Walk("head")
    number = id_of(entered(walk, org))
    page = put(walk, org, practitioner=number, duty="referral_review", begins="00:00", ends="00:00")
    assert f"On the duty list of {TODAY}" in page.text
    assert "走查医生 Referral review" in page.text.replace("·", "")
    assert "走查医生" in Walk("doctor").get(f"/institutions/{org}/").text
    shift = one(DutyShift, practitioner_id=number)
    assert shift.end - shift.start == timedelta(days=1)
    assert "take off" not in Walk("doctor").get(f"/institutions/{org}/duty/").text
    off = f"/institutions/duty/{shift.id}/off/"
    shown = walk.get(f"/institutions/{org}/duty/")
    page = walk.send(shown, off)
    assert "Taken off the list" in page.text
    stale = walk.send(shown, off, _key=str(uuid4()))
    assert stale.status == 409
    assert "走查医生 Referral review" not in walk.get(f"/institutions/{org}/duty/").text


def test_a_night_ends_on_the_next_day_and_stands_where_it_began(db: None) -> None:
    org = person("head").org_id
    walk = Walk("head")
    number = id_of(entered(walk, org))
    day = TODAY + timedelta(days=2)
    page = put(walk, org, practitioner=number, day=str(day), begins="17:30", ends="08:00")
    assert "17:30–08:00 (next day)" in page.text
    shift = one(DutyShift, practitioner_id=number)
    assert shift.start == datetime.combine(day, datetime.min.time(), SHANGHAI) + timedelta(hours=17, minutes=30)


def test_somebody_whose_work_begins_today_may_be_on_duty_from_midnight_on(db: None) -> None:
    """Midnight in Fujian is still the day before in UTC."""
    org = person("head").org_id
    walk = Walk("head")
    number = id_of(entered(walk, org, on=str(TODAY)))
    assert put(walk, org, practitioner=number, begins="00:00", ends="08:00").status == 200


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"practitioner": ""}, 422, "required"),
        ({"practitioner": str(NOBODY)}, 422, "Select a valid choice"),
        ({"practitioner": "x"}, 422, "Select a valid choice"),
        ({"duty": "sleep"}, 422, "Select a valid choice"),
        ({"day": "2025-02-30"}, 422, "year-month-day"),
        ({"begins": "25:00"}, 422, "valid time"),
        ({"day": str(OLD - timedelta(days=9))}, 409, "does not work there on that day"),
    ],
)
def test_a_shift_that_cannot_be_is_named(db: None, fields: dict[str, str], status: int, says: str) -> None:
    org = person("head").org_id
    walk = Walk("head")
    number = id_of(entered(walk, org))
    before = network_rows()
    page = put(walk, org, **{"practitioner": number, "begins": "08:00", "ends": "12:00", **fields})
    assert page.status == status
    assert says in page.text
    assert network_rows() == before


def test_the_same_shift_is_entered_once(db: None) -> None:
    org = person("head").org_id
    walk = Walk("head")
    number = id_of(entered(walk, org))
    assert put(walk, org, practitioner=number, begins="08:00", ends="12:00").status == 200
    page = put(walk, org, practitioner=number, begins="08:00", ends="17:00")
    assert page.status == 409
    assert "it is there already" in page.text


def test_the_duty_of_another_institution_is_seen_and_not_changed(db: None) -> None:
    number = id_of(entered(Walk("system"), COUNTY_HOSPITAL))
    assert put(Walk("system"), COUNTY_HOSPITAL, practitioner=number, begins="00:00", ends="00:00").status == 200
    shift = one(DutyShift, practitioner_id=number)
    head = Walk("head")
    assert "走查医生" in head.get(f"{HOSPITAL}duty/").text
    assert "take off" not in head.get(f"{HOSPITAL}duty/").text
    before = network_rows()
    assert head.post(f"/institutions/duty/{shift.id}/off/", _version="1").status == 409
    fields = {"practitioner": number, "duty": "ward", "day": str(TODAY), "begins": "01:00", "ends": "02:00"}
    assert head.post(f"{HOSPITAL}duty/add/", **fields).status == 409
    assert network_rows() == before


@pytest.mark.parametrize("path", ["staff/{0}/", "staff/{0}/change/", "institutions/999999/staff/", "institutions/999999/duty/"])
def test_what_does_not_exist_is_not_found(db: None, path: str) -> None:
    assert Walk("system").get("/" + path.format(NOBODY)).status == 404


def test_the_path_of_a_new_row_is_that_of_its_institution(db: None) -> None:
    org = Organisation.objects.get(pk=person("head").org_id)
    number = id_of(entered(Walk("head"), org.id))
    for model in (Practitioner, TitleHeld, PractitionerRole):
        key = "pk" if model is Practitioner else "practitioner_id"
        assert one(model, **{key: number}).path == org.path
