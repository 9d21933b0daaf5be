"""Paper: the slip of a referral with its code and validity, the insurer's number, the register of a month."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import transaction
from openpyxl import load_workbook

from fenji.care.referral import actions, rules
from fenji.care.referral.models import Case
from fenji.ground.access.models import ReadLog
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.world.county import COUNTY_HOSPITAL
from tests.app.wsgi import call
from tests.cast import NOT_IN_CATALOGUE, a_case, finish, form, other_doctor, person, scope, token_for

FILED = "YB-2026/00187"


@pytest.fixture(scope="module")
def sent(house_file: object) -> Iterator[str]:
    """A referral offered to the county hospital."""
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor) as by:
        case = a_case(by, doctor, number=160, code=NOT_IN_CATALOGUE, text="chest tightness when climbing stairs")
    yield case.number
    finish(case.number)


def _row(number: str) -> Case:
    return Case.objects.using("load").get(number=number)


def _version(number: str) -> int:
    return _row(number).version


def test_a_referral_holds_for_the_days_of_the_policy_from_when_it_was_offered(sent: str) -> None:
    assert _row(sent).valid_until == local_day(now()) + timedelta(days=30)


def test_a_draft_holds_nowhere_and_its_slip_says_so(house_file: object) -> None:
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor) as by:
        case = a_case(by, doctor, number=161, send=False)
    assert _row(case.number).valid_until is None
    answer = call("GET", f"/referrals/{case.number}/slip/", token_for(doctor))
    assert answer.status == 200
    assert "this slip does not hold" in answer.body
    finish(case.number)


def test_both_parts_are_on_the_slip_and_the_reading_is_logged(sent: str) -> None:
    row = _row(sent)
    answer = call("GET", f"/referrals/{sent}/slip/", token_for(person("doctor")))
    assert answer.body.count(row.patient_name) >= 2
    assert answer.body.count("沙县区总医院") >= 2
    assert "chest tightness when climbing stairs" in answer.body
    assert f"{row.valid_until}" in answer.body
    assert ReadLog.objects.using("job").filter(purpose="referral.slip", subject=sent).exists()


def test_the_code_on_the_slip_holds_an_address_and_nothing_of_the_patient(sent: str) -> None:
    import segno

    body = call("GET", f"/referrals/{sent}/slip/", token_for(person("doctor"))).body
    # the receiver's code stands between the two of the patient's own page, tested with that
    _patients, drawn, _again = re.findall(r'<svg[^>]*class="qr".*?</svg>', body, re.DOTALL)
    path = re.search(r' d="([^"]+)"', drawn).group(1)  # type: ignore[union-attr]
    fits = []
    for host in ("127.0.0.1", "testserver", "localhost"):
        for scheme in ("http", "https"):
            expected = segno.make_qr(f"{scheme}://{host}/referrals/{sent}/", error="m").svg_inline(omitsize=True, border=2)
            fits.append(f' d="{path}"' in expected)
    assert any(fits)


def test_the_receiver_prints_it_without_what_only_the_sender_keeps(sent: str) -> None:
    from fenji.care.registry.models import Resident

    address = Resident.objects.using("load").get(pk=_row(sent).resident_id).address
    assert address
    assert address in call("GET", f"/referrals/{sent}/slip/", token_for(person("doctor"))).body
    answer = call("GET", f"/referrals/{sent}/slip/", token_for(person("desk")))
    assert answer.status == 200
    assert address not in answer.body


def test_a_slip_that_has_run_out_says_so(sent: str) -> None:
    Case.objects.using("owner").filter(number=sent).update(valid_until=local_day(now()) - timedelta(days=1))
    assert "This slip no longer holds" in call("GET", f"/referrals/{sent}/slip/", token_for(person("doctor"))).body
    Case.objects.using("owner").filter(number=sent).update(valid_until=local_day(now()))
    assert "This slip no longer holds" not in call("GET", f"/referrals/{sent}/slip/", token_for(person("doctor"))).body


# --- the insurer's number ----------------------------------------------------------------------------------------------------


def test_the_insurers_number_is_kept_and_printed(sent: str) -> None:
    doctor = token_for(person("doctor"))
    answer = call("POST", f"/referrals/{sent}/filing/", doctor, form(_version=_version(sent), filing_number=f" {FILED} "))
    assert answer.status == 303
    assert _row(sent).filing_number == FILED
    assert FILED in call("GET", f"/referrals/{sent}/slip/", doctor).body
    with transaction.atomic(), scope(person("doctor")) as by:
        actions.file_number(sent, "", version=_version(sent), by=by, at=now())
    assert _row(sent).filing_number == ""


@pytest.mark.parametrize("typed", ["x", "<b>", "a" * 41, "备案号", "1234\n5678", "-1234"])
def test_what_is_no_filing_number_is_refused_with_what_to_do(sent: str, typed: str) -> None:
    before = _row(sent).version
    answer = call("POST", f"/referrals/{sent}/filing/", token_for(person("doctor")), form(_version=before, filing_number=typed))
    assert answer.status == 409
    assert "This is not a filing number" in answer.body
    assert _row(sent).version == before


def test_nobody_but_the_sender_files(sent: str) -> None:
    for login in ("desk", "reviewer"):
        answer = call("POST", f"/referrals/{sent}/filing/", token_for(person(login)), form(_version=1, filing_number=FILED))
        assert answer.status == 403
    with transaction.atomic(), scope(person("doctor")) as by:
        draft = a_case(by, person("doctor"), number=162, send=False)
        with pytest.raises(rules.NotPossible):
            actions.file_number(draft.number, FILED, version=draft.version, by=by, at=now())
    finish(draft.number)


# --- the register ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def month(house_file: object) -> Iterator[dict[str, str]]:
    """One referral that goes the whole way, one declined, one draft, one from township B."""
    doctor, found = person("doctor"), {}
    with transaction.atomic(), scope(doctor) as by:
        found["whole"] = a_case(by, doctor, number=163, code=NOT_IN_CATALOGUE, emergency=True).number
        found["declined"] = a_case(by, doctor, number=164, code=NOT_IN_CATALOGUE).number
        found["draft"] = a_case(by, doctor, number=165, send=False).number
    with transaction.atomic(), scope(other_doctor()) as by:
        found["other"] = a_case(by, other_doctor(), number=160, code=NOT_IN_CATALOGUE).number
    with transaction.atomic(), scope(person("desk")) as by:
        actions.accept(found["whole"], version=_version(found["whole"]), by=by, at=now() + timedelta(minutes=10))
        actions.decline(found["declined"], version=_version(found["declined"]), by=by, at=now(), note="no bed")
    yield found
    with transaction.atomic(), scope(other_doctor()) as by:
        actions.end(found["other"], "withdraw", version=_version(found["other"]), by=by, at=now(), note="end of the test")
    for name in ("whole", "declined", "draft"):
        finish(found[name])


def _sheets(token: str, month: str) -> dict[str, list[tuple[object, ...]]]:
    answer = call("GET", f"/referrals/register.xlsx?month={month}", token)
    assert answer.status == 200
    book = load_workbook(io.BytesIO(answer.raw))
    return {s.title: list(s.values) for s in book.worksheets}


def test_the_register_of_a_month_holds_what_was_sent_and_what_was_received(month: dict[str, str]) -> None:
    this = f"{local_day(now()):%Y-%m}"
    mine = _sheets(token_for(person("doctor")), this)
    numbers = [r[0] for r in mine["Referred out"][1:]]
    assert {month["whole"], month["declined"]} <= set(numbers)
    assert month["draft"] not in numbers
    assert month["other"] not in numbers
    assert mine["Referred in"][1:] == []
    theirs = _sheets(token_for(person("desk")), this)
    received = {r[0]: r for r in theirs["Referred in"][1:]}
    assert {month["whole"], month["declined"], month["other"]} <= set(received)
    heads = theirs["Referred in"][0]
    assert received[month["whole"]][heads.index("Emergency")] == "yes"
    assert received[month["whole"]][heads.index("State")] == "Accepted"


def test_the_counts_are_those_of_the_rows_and_lead_to_them(month: dict[str, str]) -> None:
    token = token_for(person("doctor"))
    this = f"{local_day(now()):%Y-%m}"
    sheets = _sheets(token, this)
    (counted,) = [r for r in sheets["By institution"][1:] if r[0] == "Referred out"]
    heads = sheets["By institution"][0]
    of = dict(zip(heads, counted, strict=True))
    rows = [dict(zip(sheets["Referred out"][0], r, strict=True)) for r in sheets["Referred out"][1:]]
    assert of["Referrals"] == len(rows)
    assert of["Emergencies"] == sum(r["Emergency"] == "yes" for r in rows)
    assert of["Accepted"] == sum(bool(r["Accepted"]) for r in rows)
    assert of["Declined"] >= 1
    body = call("GET", f"/referrals/register/?month={this}", token).body
    link = re.search(r'href="(/referrals/\?month=[^"]*)"', body).group(1).replace("&amp;", "&")  # type: ignore[union-attr]
    assert f"with={COUNTY_HOSPITAL}" in link
    listed = call("GET", f"{link}&size=100", token).body
    assert month["whole"] in listed
    assert month["draft"] not in listed
    assert len(set(re.findall(r'href="/referrals/(R[\d-]+)/"', listed))) == min(len(rows), 100)


def test_another_month_is_empty_and_no_month_is_the_present_one(month: dict[str, str]) -> None:
    token = token_for(person("doctor"))
    assert "Nothing was sent in this month" in call("GET", "/referrals/register/?month=2019-02", token).body
    for odd in ("2026-13", "abc", "%00", "2026-9", "9999-99"):
        answer = call("GET", f"/referrals/register/?month={odd}", token)
        assert answer.status in (200, 400)
        if answer.status == 200:
            assert f'value="{local_day(now()):%Y-%m}"' in answer.body


def test_too_many_rows_are_said_and_none_is_cut(month: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fenji.care.referral.views.papers.EXPORT_LIMIT", 1)
    for path in ("register/", "register.xlsx"):
        answer = call("GET", f"/referrals/{path}", token_for(person("doctor")))
        assert answer.status == 422
        assert "More than 1" in answer.body or "1" in answer.body


def test_only_the_institutions_own_staff_see_its_register(month: dict[str, str]) -> None:
    theirs = _sheets(token_for(other_doctor()), f"{local_day(now()):%Y-%m}")
    assert month["whole"] not in {r[0] for r in theirs["Referred out"][1:]}
    assert call("GET", "/referrals/register/", token_for(person("officer"))).status == 403
