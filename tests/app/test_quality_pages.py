"""Pages on the quality of referrals: reading a sample, rates with the funnel, outliers, the bulletin; and their spreadsheets."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import transaction
from openpyxl import load_workbook

from fenji.ground.access.models import ReadLog
from fenji.ground.access.rules import MANAGER
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.network.models import Organisation
from fenji.ground.tasks.models import WorkItem
from fenji.measure.referral_quality import actions, queries, rules
from fenji.measure.referral_quality.models import Bulletin, OutlierCase, OutlierEvent, Reading, ReviewCycle, SampledCase
from fenji.measure.referral_quality.views.picture import HEIGHT, WIDTH, picture
from fenji.world.county import COUNTY_HOSPITAL
from tests.app.forms import post
from tests.app.sessions import appointed
from tests.app.wsgi import call
from tests.cast import NOT_IN_CATALOGUE, a_case, finish, person, scope, token_for


@pytest.fixture(scope="module")
def reviewer(house_file: object) -> str:
    return token_for(person("reviewer"))


@pytest.fixture(scope="module")
def head(house_file: object) -> str:
    return token_for(person("head"))


@pytest.fixture(scope="module")
def lead(house_file: object) -> str:
    return token_for(appointed("manager.county", "管总院", MANAGER, COUNTY_HOSPITAL))


@pytest.fixture
def cycle(house_file: object) -> Iterator[ReviewCycle]:
    for number in (281, 282):
        with transaction.atomic(), scope(person("doctor")) as by:
            case = a_case(by, person("doctor"), number=number, code=NOT_IN_CATALOGUE, text="胸痛两小时<b>")
        finish(case.number)
    found = actions.open_cycle(person("doctor").org_id, local_day(now()), seed="x", at=now() + timedelta(days=1))
    assert found is not None
    yield found
    for model in (Reading, SampledCase, ReviewCycle):
        model.objects.using("owner").all().delete()
    WorkItem.objects.using("owner").filter(kind="quality.review").delete()


@pytest.fixture
def outlier(house_file: object) -> Iterator[OutlierCase]:
    org, today = Organisation.objects.using("load").get(pk=person("doctor").org_id), local_day(now())
    row = OutlierCase.objects.using("owner").create(
        lead_id=COUNTY_HOSPITAL, org=org, path=org.path, kind="branch", unit=str(org.pk), since=today - timedelta(days=90),
        until=today, contacts=1000, referred=120, expected=50, limits={"alarm_low": 30.2, "alarm_high": 71.5},
        verdict="alarm_high", state="opened", due_at=now(), opened_at=now(),
    )  # fmt: skip
    yield row
    OutlierEvent.objects.using("owner").all().delete()
    OutlierCase.objects.using("owner").all().delete()


def test_a_reader_goes_through_the_sample_one_by_one_and_the_cycle_is_closed(cycle: ReviewCycle, reviewer: str, head: str) -> None:
    address = f"/quality/cycles/{cycle.id}/"
    page = call("GET", address, reviewer)
    assert page.status == 200
    first = re.search(r"/quality/sampled/[0-9a-f-]{36}/", page.body)
    assert first is not None
    seen = call("GET", first[0], reviewer)
    assert "胸痛两小时&lt;b&gt;" in seen.body
    assert "Was the referral appropriate?" in seen.body
    assert post(reviewer, first[0], appropriate="", compliant="yes").status == 422
    refused = post(reviewer, first[0], appropriate="no", compliant="yes", note="")
    assert refused.status == 409
    assert "needs a few words" in refused.body
    to = first[0]
    for _ in range(cycle.size):
        answer = post(reviewer, to, appropriate="yes", compliant="yes", note="")
        assert answer.status == 303
        to = answer.location
    assert to == address
    assert "There is nothing for you to answer here" in call("GET", first[0], head).body
    assert "Close the cycle" in call("GET", address, head).body
    assert post(head, f"{address}close/", _version="1").status == 303
    done = call("GET", address, head).body
    assert "100.0%" in done
    assert "Close the cycle" not in done
    mine = call("GET", "/quality/mine/", token_for(person("doctor"))).body
    assert mine.count('data-head="Told"') == cycle.size
    assert ReadLog.objects.using("owner").filter(purpose="quality.read").exists()


def test_a_cycle_with_open_referrals_is_not_closed(cycle: ReviewCycle, head: str) -> None:
    refused = post(head, f"/quality/cycles/{cycle.id}/close/", _version="1")
    assert refused.status == 409
    assert f"{cycle.size} sampled referrals still wait for a reader" in refused.body


def test_the_lead_and_the_officer_see_a_cycle_without_its_referrals(cycle: ReviewCycle, lead: str) -> None:
    for token in (lead, token_for(person("officer"))):
        page = call("GET", f"/quality/cycles/{cycle.id}/", token)
        assert page.status == 200
        assert "/quality/sampled/" not in page.body
        assert "shown to the group that reads them" in page.body
    assert call("GET", "/quality/cycles/", token_for(person("doctor"))).status == 403


def test_the_sample_as_a_spreadsheet(cycle: ReviewCycle, reviewer: str) -> None:
    book = load_workbook(io.BytesIO(call("GET", f"/quality/cycles/{cycle.id}/export.xlsx", reviewer).raw))
    assert book.worksheets[0].max_row == cycle.size + 1


def test_rates_are_shown_from_every_side_and_as_a_spreadsheet(cycle: ReviewCycle, lead: str) -> None:
    today = local_day(now())
    page = call("GET", f"/quality/?side=branch&limits=plain&since={today - timedelta(days=360)}&until={today}", lead)
    assert page.status == 200
    rows = re.findall(r'<tr id="unit-(\d+)"', page.body)
    assert rows
    for side in rules.SIDES:
        for limits in ("plain", "adjusted"):
            assert call("GET", f"/quality/?side={side}&limits={limits}&until={today}", lead).status == 200
    book = load_workbook(
        io.BytesIO(call("GET", f"/quality/export.xlsx?since={today - timedelta(days=360)}&until={today}", lead).raw)
    )
    assert book.worksheets[0].max_row == len(rows) + 1


@pytest.mark.parametrize("limits", ["plain", "adjusted"])
def test_the_funnel_draws_an_unusual_unit_beyond_its_limits(lead: str, limits: str, monkeypatch: pytest.MonkeyPatch) -> None:
    org = person("doctor").org_id
    usual = [rules.Tally(str(900 + n), "I10", "", ("60", "1"), 400 + 50 * n, 20 + n * 5 // 2) for n in range(12)]
    high = rules.Tally(str(org), "I10", "", ("60", "1"), 500, 120)
    few = rules.Tally("999", "I10", "", ("60", "1"), 3, 1)
    monkeypatch.setattr(queries, "counted_here", lambda *a: queries.Counts([*usual, high, few], {}))
    page = call("GET", f"/quality/?side=branch&limits={limits}", lead).body
    points, rows = re.findall(r'href="#unit-(\d+)"', page), re.findall(r'<tr id="unit-(\d+)"', page)
    assert (len(points), len(rows)) == (13, 14)
    assert set(points) < set(rows)
    assert page.count('class="point point-alarm_high"') == 1
    assert page.count('<polyline class="limit limit-warning"') == page.count('<polyline class="limit limit-alarm"') == 2
    assert "95.0% of chance" in page
    assert page.count("Too few to judge") == 1


@pytest.mark.parametrize("query", ["since=x", "until=1999-01-01", "since=2026-01-01&until=2025-01-01", "side=nothing", "limits=x"])
def test_rates_asked_for_wrongly_say_so(lead: str, query: str) -> None:
    assert call("GET", f"/quality/?{query}", lead).status == 422
    assert call("GET", f"/quality/export.xlsx?{query}", lead).status == 422


def test_an_officer_is_offered_no_doctors(house_file: object) -> None:
    officer = token_for(person("officer"))
    assert 'value="doctor"' not in call("GET", "/quality/", officer).body
    assert call("GET", "/quality/?side=doctor", officer).status == 422


def test_the_picture_lies_in_its_frame_and_limits_pass_through_the_units_own() -> None:
    limits = rules.Limits(1, 2, 8, 9)
    units = [rules.Judged(str(n), 100 * n, 5, 5.0, 1.0, 0.0, 0.0, limits, rules.WITHIN) for n in (1, 2, 3)]
    few = rules.Judged("few", 3, 1, 0.1, None, None, None, None, rules.TOO_FEW)
    for adjusted in (False, True):
        found = picture([few, *units], adjusted=adjusted)
        assert found is not None
        assert [p.row for p in found.points] == [1, 2, 3]
        assert all(0 <= p.x <= WIDTH and 0 <= p.y <= HEIGHT for p in found.points)
        assert [level for level, _points in found.lines] == ["warning", "warning", "alarm", "alarm"]
        assert all(len(points.split()) == 3 for _level, points in found.lines)
    assert picture([few], adjusted=False) is None


def test_an_outlier_goes_from_its_explanation_to_its_end_on_the_pages(outlier: OutlierCase, head: str, lead: str) -> None:
    address = f"/quality/outliers/{outlier.id}/"
    assert address in call("GET", "/quality/outliers/", head).body
    assert "Send the explanation" in call("GET", address, head).body
    assert "Send the explanation" not in call("GET", address, lead).body
    assert post(head, f"{address}do/explain/", _version="1", cause="", correction="x", correct_by="x").status == 422
    far = (local_day(now()) + timedelta(days=400)).isoformat()
    refused = post(head, f"{address}do/explain/", _version="1", cause="x", correction="x", correct_by=far)
    assert (refused.status, "too far away" in refused.body) == (409, True)
    good = {"cause": "no ECG<b>", "correction": "bought", "correct_by": local_day(now()).isoformat()}
    assert post(head, f"{address}do/explain/", _version="1", **good).status == 303
    assert "no ECG&lt;b&gt;" in call("GET", address, lead).body
    assert post(head, f"{address}do/confirm/", _version="2").status == 403
    assert post(lead, f"{address}do/send_back/", _version="2", note="").status == 422
    assert post(lead, f"{address}do/nothing/", _version="2").status == 404
    assert post(lead, f"{address}do/confirm/", _version="2").status == 303
    assert post(lead, f"{address}do/close/", _version="2").status == 409
    assert post(lead, f"{address}do/close/", _version="3").status == 303
    assert "Send the explanation" not in call("GET", address, head).body
    book = load_workbook(io.BytesIO(call("GET", "/quality/outliers/export.xlsx", head).raw))
    assert book.worksheets[0].max_row == 2


def test_the_bulletin_ranks_with_denominators_and_says_when_there_is_none(head: str) -> None:
    assert "No bulletin of this month" in call("GET", "/quality/bulletins/?month=2019-01", head).body
    line = {"org": 3, "name": "县<总>医院", "hits": 3, "of": 12, "rank": 1}
    few = {"org": 101, "name": "卫生院", "hits": 0, "of": 2, "rank": None}
    made = Bulletin.objects.using("owner").create(
        county="350405", month="2020-02-01", lines={"refusals": [line, few], "late": [line]}, at=now()
    )
    page = call("GET", "/quality/bulletins/?month=2020-02", head).body
    assert "县&lt;总&gt;医院" in page
    assert "25.0%" in page
    assert "too few" in page
    assert call("GET", "/quality/bulletins/", token_for(person("officer"))).status == 200
    book = load_workbook(io.BytesIO(call("GET", "/quality/bulletins/export.xlsx?month=2020-02", head).raw))
    assert [sheet.max_row for sheet in book.worksheets] == [3, 2]
    made.delete(using="owner")
