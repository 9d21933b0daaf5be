"""The package's form, the plan's page and the follow-ups of a team, as hospital and team see them."""

from __future__ import annotations

import io
from datetime import datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.http import HttpResponse
from openpyxl import load_workbook

from fenji.care.continuity import actions
from fenji.care.continuity.models import Attachment, FollowUp, Package, PlanItem
from fenji.care.visits.models import Stay
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import fresh_key, now
from tests.app.wsgi import Answer, call
from tests.cast import client_for, form, person, scope, token_for
from tests.continuity import MEDICINE, PRESSURE, a_stay, handed_over

DAY = timedelta(days=1)
LINE = {
    "kind": "visit",
    "service": "health",
    "what": "上门",
    "first": "3",
    "last": "9",
    "every": "3",
    "measure": "",
    "low": "",
    "high": "",
}
WORDS = {"admitted_for": "a", "course": "b", "condition": "c", "medicines": "d", "warning_signs": "e", "stage_reason": ""}
STAGES = {"stage_from": "treatment", "stage": "rehabilitation"}
PICTURE = b"\x89PNG\r\n\x1a\n" + b"x" * 20


@pytest.fixture(scope="module")
def at(house_file: object) -> datetime:
    return now().replace(second=0, microsecond=0)


@pytest.fixture(scope="module")
def ward(house_file: object) -> str:
    return token_for(person("specialist"))


@pytest.fixture
def stay(at: datetime) -> Stay:
    with transaction.atomic(), scope(person("specialist")) as by:
        return a_stay(by, at)


def post(path: str, token: str, fields: dict[str, str]) -> Answer:
    return call("POST", path, token, {"_key": fresh_key(), **fields})


def lines(*rows: dict[str, str]) -> dict[str, str]:
    count = {"line-TOTAL_FORMS": str(len(rows)), "line-INITIAL_FORMS": "0"}
    return count | {f"line-{n}-{name}": value for n, row in enumerate(rows) for name, value in row.items()}


def written(stay: Stay) -> list[Package]:
    return list(Package.objects.using("load").filter(stay=stay))


def days_of(package: Package) -> list[FollowUp]:
    return list(FollowUp.objects.using("load").filter(package=package).order_by("planned_on"))


# --- the package --------------------------------------------------------------------------------------------------------------


def test_summary_and_plan_are_written_in_one_form_and_changed_until_the_patient_goes(ward: str, stay: Stay) -> None:
    path = f"/packages/new/{stay.pk}/"
    assert path in call("GET", f"/stays/{stay.pk}/", ward).body
    blank = {**LINE, "what": ""}
    sent = post(path, ward, {**WORDS, **STAGES, "medicines": "", **lines(LINE, blank)})
    assert (sent.status, sent.location) == (303, f"/plans/stay-{stay.pk}/")
    shown = call("GET", sent.location, ward).body
    assert "medicines, or that there are none" in shown
    assert "SM-3-6c" in shown
    (package,) = written(stay)
    again = post(path, ward, {**WORDS, **STAGES, **lines(LINE), "_version": str(package.version)})
    assert again.status == 303
    assert "cannot be sent down yet" not in call("GET", again.location, ward).body
    stale = post(path, ward, {**WORDS, **STAGES, "course": "typed", **lines(LINE), "_version": str(package.version)})
    assert stale.status == 409
    assert "typed" in stale.body


def test_a_line_is_added_and_taken_out_without_a_script_and_what_was_typed_stays(ward: str, stay: Stay) -> None:
    path = f"/packages/new/{stay.pk}/"
    more = post(path, ward, {**WORDS, **STAGES, "course": "halb", **lines(LINE), "add": "1"})
    assert (more.status, more.body.count("<fieldset")) == (200, 2)
    assert "halb" in more.body
    assert "上门" in more.body
    fewer = post(path, ward, {**WORDS, **STAGES, **lines({**LINE, "what": "erste"}, {**LINE, "what": "zweite"}), "remove": "0"})
    assert "erste" not in fewer.body
    assert "zweite" in fewer.body
    assert not written(stay)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"first": ""}, "Say on which day"),
        ({"last": "1"}, "The last day lies before the first"),
        ({"kind": "measurement"}, "Choose what is measured"),
        ({"measure": "pulse"}, "Only a measurement"),
        ({"kind": "measurement", "measure": "pulse", "low": "9", "high": "8"}, "The target ends before it begins"),
        ({"kind": "nothing"}, "Select a valid choice"),
        ({"what": "x\u200by"}, "control characters"),
        ({"first": "0", "last": "3000", "every": "1"}, "cannot be dated"),
    ],
)
def test_a_line_that_cannot_be_is_refused_with_what_to_do(ward: str, stay: Stay, change: dict[str, str], said: str) -> None:
    answer = post(f"/packages/new/{stay.pk}/", ward, {**WORDS, **STAGES, **lines({**LINE, **change})})
    assert answer.status in (409, 422)
    assert said in answer.body
    assert not written(stay)


def test_medicines_and_no_medicines_at_once_are_refused(ward: str, stay: Stay) -> None:
    answer = post(f"/packages/new/{stay.pk}/", ward, {**WORDS, **STAGES, "no_medicine": "on", **lines(LINE)})
    assert answer.status == 422
    assert "take out one of the two" in answer.body


def test_skipping_rehabilitation_needs_its_reason_on_the_form(ward: str, stay: Stay) -> None:
    skips = {**WORDS, "stage_from": "treatment", "stage": "long_term_care", **lines(LINE)}
    assert "needs a reason" in post(f"/packages/new/{stay.pk}/", ward, skips).body
    assert post(f"/packages/new/{stay.pk}/", ward, {**skips, "stage_reason": "卧床五年"}).status == 303


def test_a_package_that_was_handed_over_leads_to_its_plan(ward: str, stay: Stay, at: datetime) -> None:
    post(f"/packages/new/{stay.pk}/", ward, {**WORDS, **STAGES, **lines(LINE)})
    (package,) = written(stay)
    with transaction.atomic(), scope(person("specialist")) as by:
        actions.hand_over(package.subject, person("doctor").org_id, local_day(at), by=by, at=at)
    assert call("GET", f"/packages/new/{stay.pk}/", ward).location == f"/plans/{package.subject}/"
    assert post(f"/packages/new/{stay.pk}/", ward, {**WORDS, **STAGES, **lines(LINE), "_version": "2"}).status == 409


# --- the list -----------------------------------------------------------------------------------------------------------------


def test_todays_list_has_the_overdue_first_with_phone_and_what_to_do_and_nothing_of_tomorrow(doctor: str, at: datetime) -> None:
    with transaction.atomic():
        late = handed_over(at, [MEDICINE], local_day(at) - 9 * DAY)
        today = handed_over(at, [MEDICINE], local_day(at) - 5 * DAY)
        tomorrow = handed_over(at, [MEDICINE], local_day(at) - 4 * DAY)
    shown = call("GET", "/followups/", doctor).body
    places = [shown.find(str(days_of(p)[0].pk)) for p in (late, today)]
    assert 0 < places[0] < places[1]
    assert str(days_of(tomorrow)[0].pk) not in shown
    assert "4 d overdue" in shown
    assert 'href="tel:13800001111"' in shown
    assert MEDICINE.what in shown


def test_what_was_given_to_me_is_marked_and_can_be_seen_alone(doctor: str, at: datetime) -> None:
    with transaction.atomic():
        mine, other = (handed_over(at, [MEDICINE], local_day(at) - 5 * DAY) for _ in range(2))
    (found,) = days_of(mine)
    given = post(f"/followups/{found.pk}/delegate/", doctor, {"to": str(person("doctor").id), "_version": "1"})
    assert given.status == 303
    alone = call("GET", "/followups/?mine=on", doctor).body
    assert str(found.pk) in alone
    assert "given to me" in alone
    assert str(days_of(other)[0].pk) not in alone
    stranger = post(f"/followups/{found.pk}/delegate/", doctor, {"to": str(person("specialist").id), "_version": "2"})
    assert stranger.status == 422
    nothing = call("GET", "/followups/?mine=on", token_for(person("nurse"))).body
    assert "Nothing that was given to you" in nothing


def test_the_list_goes_out_as_excel(doctor: str, at: datetime) -> None:
    with transaction.atomic():
        handed_over(at, [MEDICINE], local_day(at) - 5 * DAY)
    sheet = load_workbook(io.BytesIO(call("GET", "/followups/export.xlsx", doctor).raw)).worksheets[0]
    rows = list(sheet.iter_rows(values_only=True))
    assert "13800001111" in {str(row[2]) for row in rows[1:]}
    assert (
        len(rows)
        == 1
        + FollowUp.objects.using("load").filter(org_id=person("doctor").org_id, state="open", due_on__lte=local_day(at)).count()
    )


def test_large_letters_are_remembered_by_the_browser_and_switched_back(doctor: str) -> None:
    on = post("/followups/size/", doctor, {})
    assert on.status == 303
    assert "fenji_size=large" in on.headers
    assert "page-large" not in call("GET", "/followups/", doctor).body


# --- one follow-up ------------------------------------------------------------------------------------------------------------


def test_a_follow_up_is_recorded_with_its_value_and_a_slip_of_the_finger_comes_back(doctor: str, at: datetime) -> None:
    with transaction.atomic():
        package = handed_over(at, [PRESSURE], local_day(at) - DAY)
    path = f"/followups/{days_of(package)[0].pk}/"
    slip = post(path, doctor, {"outcome": "done", "value_0": "1520/80", "note": "notiz", "_version": "1"})
    assert slip.status == 422
    assert "No patient has this value" in slip.body
    assert "notiz" in slip.body
    assert post(path, doctor, {"note": "x", "_version": "1"}).status == 422
    assert post(path, doctor, {"outcome": "done", "value_0": "152/80", "note": "", "_version": "1"}).location == "/followups/"
    assert days_of(package)[0].values[0]["values"] == ["152", "80"]
    assert "above the target" in call("GET", path, doctor).body
    late = post(path, doctor, {"outcome": "died", "value_0": "", "note": "", "_version": "1"})
    assert late.status == 409
    assert days_of(package)[0].outcome == "done"


def test_the_hospital_reads_the_follow_up_and_cannot_record_it(ward: str, at: datetime) -> None:
    with transaction.atomic():
        package = handed_over(at, [MEDICINE])
    path = f"/followups/{days_of(package)[0].pk}/"
    assert 'name="outcome"' not in call("GET", path, ward).body
    assert post(path, ward, {"outcome": "done", "note": "", "_version": "1"}).status in (403, 409)
    assert days_of(package)[0].state == "open"
    assert call("GET", f"/plans/{package.subject}/", ward).status == 200
    assert PlanItem.objects.using("load").filter(package=package).count() == 1


# --- attachments ---------------------------------------------------------------------------------------------------------------


def test_a_file_is_attached_opened_and_taken_out_while_the_package_is_written(ward: str, stay: Stay) -> None:
    post(f"/packages/new/{stay.pk}/", ward, {**WORDS, **STAGES, **lines(LINE)})
    (package,) = written(stay)
    plan = f"/plans/{package.subject}/"
    client = client_for(person("specialist"))

    def attach(content: bytes, what: str = "头颅CT", name: str = "a.png") -> HttpResponse:
        return client.post(f"{plan}attach/", form(what=what, file=SimpleUploadedFile(name, content)))

    assert attach(PICTURE).status_code == 303
    shown = call("GET", plan, ward).body
    assert "头颅CT" in shown
    (attached,) = Attachment.objects.using("load").filter(package=package)
    assert call("GET", f"/files/{attached.file_id}/", ward).raw == PICTURE
    for content, what, name, said in (
        (b"MZ a program", "x", "a.png", "it must be one of: pdf, png, jpeg"),
        (PICTURE, "", "a.png", "required"),
        (b"", "x", "a.png", "This file is empty"),
    ):
        refused = attach(content, what, name)
        assert refused.status_code in (409, 422)
        assert said in refused.content.decode()
    removed = post(f"/plans/attachments/{attached.pk}/remove/", ward, {})
    assert (removed.status, removed.location) == (303, plan)
    assert "头颅CT</a>" not in call("GET", plan, ward).body
    assert call("GET", f"/files/{attached.file_id}/", ward).status == 404
