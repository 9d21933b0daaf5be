"""Pages of alerts: the list and its filters, the numbers with their denominators, one alert by each who meets it, Excel."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from django.db import connections
from openpyxl import load_workbook

from fenji.care.visits.models import Stay
from fenji.ground.access.models import ReadLog
from fenji.ground.access.rules import MANAGER
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.common.text import mask_name
from fenji.measure.referral_quality import actions, jobs
from fenji.measure.referral_quality.models import Alert
from fenji.world.county import COUNTY_HOSPITAL
from tests.alerts import a_visit, alert_on, discharged_instead, forget_alerts, noon, somebody
from tests.app.forms import post
from tests.app.sessions import appointed
from tests.app.wsgi import call
from tests.cast import other_reviewer, person, token_for


@pytest.fixture(scope="module")
def head(house_file: object) -> str:
    return token_for(person("head"))


@pytest.fixture(scope="module")
def lead(house_file: object) -> str:
    return token_for(appointed("manager.county", "管总院", MANAGER, COUNTY_HOSPITAL))


@pytest.fixture(scope="module")
def officer(house_file: object) -> str:
    return token_for(person("officer"))


@pytest.fixture
def stays(house_file: object) -> Iterator[tuple[Stay, Stay]]:
    yield discharged_instead(0)
    forget_alerts()


@pytest.fixture
def alert(stays: tuple[Stay, Stay]) -> Alert:
    actions.look_for_alerts(at=now())
    found = alert_on(stays[0])
    assert found is not None
    return found


def month(alert: Alert) -> str:
    return f"{local_day(alert.at):%Y-%m}"


def address(alert: Alert) -> str:
    return f"/quality/alerts/{alert.id}/"


def test_the_list_is_filtered_by_month_kind_institution_and_state(alert: Alert, head: str, lead: str, officer: str) -> None:
    of_month = f"/quality/alerts/?month={month(alert)}"
    for token in (head, lead, officer):
        assert address(alert) in call("GET", of_month, token).body
    right = f"&kind=discharge_instead&org={alert.org_id}&state=open"
    assert address(alert) in call("GET", of_month + right, lead).body
    for other in ("&kind=bypass", f"&org={COUNTY_HOSPITAL}", "&state=answered", "&state=overdue"):
        assert address(alert) not in call("GET", of_month + other, lead).body
    assert address(alert) not in call("GET", of_month, token_for(other_reviewer())).body
    assert call("GET", of_month, token_for(person("doctor"))).status == 403


def test_an_overdue_answer_is_shown_and_found(alert: Alert, lead: str) -> None:
    Alert.objects.using("owner").filter(pk=alert.pk).update(due_at=alert.opened_at)
    page = call("GET", f"/quality/alerts/?month={month(alert)}&state=overdue", lead).body
    assert address(alert) in page
    assert "Explanation overdue</span>" in page
    assert "It can be judged without one" in call("GET", address(alert), lead).body


@pytest.mark.parametrize(
    "query", ["month=x", "month=1999-01", "kind=x", "org=x", "org=99999999999999999999", "state=x", "county=x"]
)
def test_alerts_asked_for_wrongly_say_so(alert: Alert, lead: str, query: str) -> None:
    county_is_not_asked = query.startswith("county")
    for page in ("", "counts/", "export.xlsx"):
        not_asked = county_is_not_asked or (page == "counts/" and query == "state=x")
        assert call("GET", f"/quality/alerts/{page}?{query}", lead).status == (200 if not_asked else 422)


def test_the_institution_asked_sees_its_patient_and_answers(alert: Alert, stays: tuple[Stay, Stay], head: str) -> None:
    page = call("GET", address(alert), head).body
    assert mask_name(somebody(0).name) in page
    assert somebody(0).name not in page
    assert f'href="/stays/{stays[0].pk}/"' in page
    assert str(stays[1].pk) not in page
    assert "SM-3-5k" in page
    assert page.count("not shown") == 1
    assert ReadLog.objects.using("owner").filter(purpose="quality.alert", subject=str(stays[0].resident_id)).exists()
    assert post(head, f"{address(alert)}answer/", _version="1", cause="").status == 422
    refused = post(head, f"{address(alert)}answer/", _version="1", cause="   ")
    assert refused.status == 422
    assert post(head, f"{address(alert)}answer/", _version="9", cause="x").status == 409
    assert post(head, f"{address(alert)}answer/", _version="1", cause="no CT here <b>").status == 303
    after = call("GET", address(alert), head).body
    assert "no CT here &lt;b&gt;" in after
    assert "Send the explanation" not in after
    assert "Is it justified?" not in after


def test_the_lead_and_the_officer_see_facts_and_judge(
    alert: Alert, stays: tuple[Stay, Stay], head: str, lead: str, officer: str
) -> None:
    who = somebody(0)
    for token in (lead, officer):
        page = call("GET", address(alert), token).body
        assert page.count("not shown") == 2
        for sign in (who.name, mask_name(who.name), str(who.pk), str(stays[0].pk), str(stays[1].pk)):
            assert sign not in page
        assert "Send the explanation" not in page
        assert "Is it justified?" not in page
        assert post(token, f"{address(alert)}judge/justify/", _version="1", note="").status == 409
    assert post(officer, f"{address(alert)}answer/", _version="1", cause="x").status == 403
    assert post(lead, f"{address(alert)}answer/", _version="1", cause="x").status == 403
    assert post(head, f"{address(alert)}answer/", _version="1", cause="x").status == 303
    assert post(head, f"{address(alert)}judge/justify/", _version="2", note="").status == 403
    assert post(officer, f"{address(alert)}judge/answer/", _version="2", note="x").status == 404
    assert post(officer, f"{address(alert)}judge/correct/", _version="2", note="").status == 422
    assert post(officer, f"{address(alert)}judge/correct/", _version="1", note="x").status == 409
    assert "Is it justified?" in call("GET", address(alert), officer).body
    assert post(officer, f"{address(alert)}judge/correct/", _version="2", note="refer next time").status == 303
    assert "refer next time" in call("GET", address(alert), head).body


def test_a_withdrawn_alert_says_why_and_a_counted_one_that_it_is_asked_about_elsewhere(alert: Alert, lead: str, head: str) -> None:
    mute = a_visit(somebody(1), person("doctor").org_id, noon(9), "unstated")
    actions.look_for_alerts(at=now())
    counted = alert_on(mute)
    assert counted is not None
    page = call("GET", address(counted), head).body
    assert "by a step of its own" in page
    assert f'href="/visits/{mute.pk}/"' in page
    assert "Send the explanation" not in page
    changed = {"state": "withdrawn", "withdrawn_at": now(), "withdrawn_for": "covered"}
    Alert.objects.using("owner").filter(pk=alert.pk).update(**changed)
    assert "A referral covers it by now." in call("GET", address(alert), lead).body


def test_who_judges_has_the_ways_looked_through_now_and_once(stays: tuple[Stay, Stay], lead: str, officer: str, head: str) -> None:
    def waiting() -> int:
        with connections["owner"].cursor() as cursor:
            cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE task_name LIKE %s AND status = 'todo'", ["%look_again"])
            return int(cursor.fetchone()[0])

    before = waiting()
    for token in (lead, officer, officer):
        assert post(token, "/quality/alerts/look/").status == 303
    assert waiting() <= before + 2
    assert waiting() >= 1
    assert post(token_for(person("doctor")), "/quality/alerts/look/").status == 403
    actions.look_for_alerts(at=now(), stem="3501")
    assert alert_on(stays[0]) is None
    jobs.look_again(stem="3504")
    assert alert_on(stays[0]) is not None


def test_numbers_stand_with_what_they_are_counted_against(alert: Alert, lead: str, officer: str) -> None:
    for token in (lead, officer):
        page = call("GET", f"/quality/alerts/counts/?month={month(alert)}&kind=discharge_instead", token).body
        assert "discharges" in page
        assert "Discharged in place of a referral" in page
    empty = call("GET", f"/quality/alerts/counts/?month={month(alert)}&org={alert.org_id}&kind=easily_treated", lead).body
    assert "No alert" in empty


def test_the_list_and_the_numbers_as_a_spreadsheet(alert: Alert, lead: str, officer: str) -> None:
    for token in (lead, officer):
        book = load_workbook(
            io.BytesIO(call("GET", f"/quality/alerts/export.xlsx?month={month(alert)}&org={alert.org_id}", token).raw)
        )
        each, numbers = book.worksheets
        assert each.max_row == 2
        assert each.cell(2, 5).value == "SM-3-5k"
        assert numbers.cell(2, 3).value == 1
        assert numbers.cell(2, 4).value >= 1
        text = " ".join(str(c.value) for sheet in book.worksheets for row in sheet.iter_rows() for c in row)
        assert somebody(0).name not in text
