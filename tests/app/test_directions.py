"""How patients get to an institution: kept by its own desk or head, shown on the patient's page and the slip, with a sketch."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.db import transaction

from fenji.care.referral import queries
from fenji.care.referral.models import Case
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import NotPermitted, Stale
from fenji.ground.network import actions
from fenji.ground.network.models import Directions, Organisation
from fenji.ground.network.queries import directions_of
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL
from tests.app.sessions import browser
from tests.app.test_own_page import answered, four
from tests.app.wsgi import call
from tests.cast import NOT_IN_CATALOGUE, a_case, finish, form, person, scope, token_for

PATH = f"/institutions/{COUNTY_HOSPITAL}/directions/"
SAID = {"entrance": "东门", "desk": "门诊楼一层 3 号窗口", "buses": "2 路、9 路到总医院站", "phone": "0598-5822120"}


@pytest.fixture
def case(house_file: object) -> Iterator[Case]:
    who = person("doctor")
    with transaction.atomic(), scope(who) as by:
        found = a_case(by, who, number=186, code=NOT_IN_CATALOGUE)
    before = list(Organisation.objects.using("load").filter(pk__in=(found.origin_id, found.receiver_id)))
    yield found
    finish(found.number)
    Directions.objects.using("owner").all().delete()
    Organisation.objects.using("load").bulk_update(before, ["longitude", "latitude"])


def own_page(case: Case) -> str:
    with transaction.atomic(), scope(person("doctor")):
        url = queries.url_for(case)
    client = browser()
    assert answered(client, url, four(case)) == (303, url)
    return client.get(url).content.decode()


def slip(case: Case) -> str:
    return call("GET", f"/referrals/{case.number}/slip/", token_for(person("doctor"))).body


def test_the_desk_says_it_once_and_changes_it_and_patients_read_it(case: Case) -> None:
    desk = token_for(person("desk"))
    assert call("POST", PATH, desk, form(**SAID, _version=0)).status == 303
    for page in (own_page(case), slip(case).split("part-patient")[1]):
        assert [words for words in SAID.values() if words not in page] == []
    stale = call("POST", PATH, desk, form(**{**SAID, "entrance": "西门"}, _version=0))
    assert stale.status == 409
    assert "西门" in stale.body
    assert call("POST", PATH, desk, form(**{**SAID, "entrance": "南门"}, _version=1)).status == 303
    assert "南门" in own_page(case)
    assert "南门" in call("GET", f"/institutions/{COUNTY_HOSPITAL}/", token_for(person("doctor"))).body


@pytest.mark.parametrize("login", ["doctor", "head", "citydesk", "system", "officer"])
def test_nobody_says_it_for_another_institution(case: Case, login: str) -> None:
    assert call("POST", PATH, token_for(person(login)), form(**SAID, _version=0)).status == 403
    with transaction.atomic(), scope(person(login)) as by, pytest.raises(NotPermitted):
        actions.set_directions(COUNTY_HOSPITAL, SAID, version=0, by=by, at=now())
    assert directions_of(COUNTY_HOSPITAL).entrance == ""


def test_two_who_say_it_first_at_once_are_told(case: Case) -> None:
    with transaction.atomic(), scope(person("desk")) as by:
        actions.set_directions(COUNTY_HOSPITAL, SAID, version=0, by=by, at=now())
    with transaction.atomic(), scope(person("desk")) as by, pytest.raises(Stale):
        actions.set_directions(COUNTY_HOSPITAL, SAID, version=0, by=by, at=now())
    with transaction.atomic(), scope(person("desk")) as by, pytest.raises(NotPermitted):
        actions.set_directions(CITY_HOSPITAL, SAID, version=0, by=by, at=now())


@pytest.mark.parametrize("typed", ["长" * 101, "a\u202eb", "a\nb"])
def test_what_cannot_be_shown_is_refused_and_kept_in_the_field(case: Case, typed: str) -> None:
    answer = call("POST", PATH, token_for(person("desk")), form(**{**SAID, "entrance": typed}, _version=0))
    assert answer.status == 422
    assert directions_of(COUNTY_HOSPITAL).version == 0


def test_the_sketch_is_drawn_when_both_places_are_on_record_and_else_it_says_so(case: Case) -> None:
    assert "No sketch of the way" in own_page(case)
    _at(case.receiver_id, "117.790000", "26.400000")
    assert "No sketch of the way" in slip(case), "one place alone makes no way"
    _at(case.origin_id, "117.790000", "26.300000")
    for page in (own_page(case), slip(case).split("part-patient")[1]):
        assert "No sketch of the way" not in page
        assert 'class="sketch"' in page
        assert "in a straight line 11.1 km to the north" in page
        assert "Sketch only, no roads" in page


def _at(org_id: int, east: str, north: str) -> None:
    Organisation.objects.using("load").filter(pk=org_id).update(longitude=Decimal(east), latitude=Decimal(north))


def test_the_sheet_for_the_patient_says_what_to_bring(case: Case) -> None:
    sheet = slip(case).split("part-patient")[1]
    assert "Your social security card" in sheet
    assert "The summary of your stay" not in sheet
