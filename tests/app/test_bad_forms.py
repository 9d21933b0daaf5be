"""Whole forms: stale, sent twice, aimed at the wrong place, or garbage. Refused by name, the typed text kept, nothing half done."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import transaction

from fenji.care.referral import actions, rules
from fenji.care.referral.models import Case
from fenji.care.visits.models import Visit
from fenji.ground.common.edge import fresh_key, now
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL
from tests.app.forms import FORM_TYPE, a_visit, case_row, end_case, new_card, post, shown, written
from tests.app.wsgi import call
from tests.cast import NOT_IN_CATALOGUE, a_case, a_resident, client_for, person, scope, token_for

# --- visits and referrals ----------------------------------------------------------------------------------------------------

UNKNOWN_DIAGNOSES = ["Z99.x99", "nonsense", "高", "I10.x00x", "' OR 1=1", "%%", "__", "😀", "٣", "I10\u200b.x00"]


@pytest.mark.parametrize("typed", UNKNOWN_DIAGNOSES)
def test_an_unknown_diagnosis_is_named_and_the_visit_kept_in_the_page(doctor: str, typed: str) -> None:
    with transaction.atomic(), scope(person("doctor")):
        resident = a_resident(person("doctor"), 151).id
    before = written()
    answer = post(doctor, f"/visits/new/{resident}/", diagnosis=typed, complaint="headache <since> Monday", ending="treated")
    assert answer.status == 422
    assert "Choose a diagnosis from the list" in answer.body
    assert f'value="{shown(typed)}"' in answer.body
    assert "headache &lt;since&gt; Monday" in answer.body
    assert written() == before


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"diagnosis": ""}, "required"),
        ({"diagnosis": "x" * 201}, "at most 200 characters"),
        ({"complaint": ""}, "required"),
        ({"complaint": "长" * 4001}, "at most 4000 characters"),
    ],
)
def test_a_visit_with_a_missing_or_over_long_field_is_not_written(doctor: str, fields: dict[str, str], says: str) -> None:
    with transaction.atomic(), scope(person("doctor")):
        resident = a_resident(person("doctor"), 151).id
    before = written()
    answer = post(doctor, f"/visits/new/{resident}/", **{"diagnosis": "I10.x00", "complaint": "headache", **fields})
    assert answer.status == 422
    assert says in answer.body
    assert written() == before


NO_RECEIVERS = ["", "x", "0", "-3", "101", "104", "4", "999", "1001", "99999999999999999999", "3.0", "３", "3 OR 1=1", "None"]


@pytest.mark.parametrize("receiver", NO_RECEIVERS)
def test_a_receiver_that_is_not_offered_is_refused_and_the_text_kept(doctor: str, receiver: str) -> None:
    visit = a_visit(152)
    before = written()
    fields = {
        "diagnosis": "I10.x00",
        "summary": "kept <summary>",
        "receiver": receiver,
        "override_reason": "kept reason",
        "consent_who": "patient",
    }
    answer = post(doctor, f"/referrals/new/{visit}/", **fields)
    assert answer.status == 422
    assert "Choose where the patient goes" in answer.body or "Select a valid choice" in answer.body
    assert "kept &lt;summary&gt;" in answer.body
    assert "kept reason" in answer.body
    assert written() == before


@pytest.mark.parametrize("typed", UNKNOWN_DIAGNOSES)
def test_a_referral_with_an_unknown_diagnosis_is_not_written_and_its_text_kept(doctor: str, typed: str) -> None:
    visit = a_visit(152)
    before = written()
    fields = {
        "diagnosis": typed,
        "summary": "kept",
        "receiver": str(COUNTY_HOSPITAL),
        "override_reason": "because",
        "consent_who": "patient",
    }
    answer = post(doctor, f"/referrals/new/{visit}/", **fields)
    assert answer.status == 422
    assert "Choose a diagnosis from the list" in answer.body
    assert "kept" in answer.body
    assert written() == before


def test_a_referral_that_the_verdict_refuses_leaves_no_draft_behind(doctor: str) -> None:
    visit = a_visit(152)
    before = written()
    fields = {
        "diagnosis": "I10.x00",
        "summary": "kept summary",
        "receiver": str(CITY_HOSPITAL),
        "override_reason": "",
        "consent_who": "patient",
    }
    answer = post(doctor, f"/referrals/new/{visit}/", **fields)
    assert answer.status == 409
    assert "The policy does not allow this referral as it stands" in answer.body
    assert "kept summary" in answer.body
    assert written() == before


@pytest.mark.parametrize(
    ("receiver", "status"),
    [
        ("101", 409), ("104", 409), ("1001", 409), ("4", 409), (str(COUNTY_HOSPITAL), 409), ("999", 409), ("1999999999", 409),
        ("", 409), ("0", 422), ("-3", 422), ("x", 422), ("99999999999999999999", 422), ("3.5", 422),
    ],
)  # fmt: skip
def test_a_redirect_to_no_higher_hospital_is_refused_by_name_and_the_reason_kept(
    desk: str, offered: str, receiver: str, status: int
) -> None:
    before, row = written(), case_row(offered)
    note = "they have the <device>"
    answer = post(desk, f"/referrals/{offered}/do/redirect/", _version=row[1], receiver=receiver, note=note)
    assert answer.status == status
    assert "This institution cannot receive the referral" in answer.body or "too long or not a number" in answer.body
    assert shown(note) in answer.body
    assert 'data-state="offered"' in answer.body
    assert (written(), case_row(offered)) == (before, row)


def test_an_offer_to_a_hospital_that_does_not_exist_keeps_the_note(doctor: str, desk: str, offered: str) -> None:
    version = case_row(offered)[1]
    assert post(desk, f"/referrals/{offered}/do/decline/", _version=version, note="no bed").status == 303
    row = case_row(offered)
    answer = post(doctor, f"/referrals/{offered}/do/offer/", _version=row[1], receiver="999", note="kept note")
    assert answer.status == 409
    assert "This institution cannot receive the referral" in answer.body
    assert "kept note" in answer.body
    assert case_row(offered) == row


@pytest.mark.parametrize("field", ["note", "findings", "advice"])
def test_an_over_long_note_is_refused_and_kept(desk: str, offered: str, field: str) -> None:
    row = case_row(offered)
    fields = {"note": "no bed", field: "长" * 4001}
    answer = post(desk, f"/referrals/{offered}/do/decline/", _version=row[1], **fields)
    assert answer.status == 422
    assert "too long or not a number" in answer.body
    assert fields["note"] in answer.body
    assert case_row(offered) == row


@pytest.mark.parametrize("note", ["", "   ", "\u3000\t\n"])
def test_a_decline_without_a_reason_is_refused(desk: str, offered: str, note: str) -> None:
    row = case_row(offered)
    answer = post(desk, f"/referrals/{offered}/do/decline/", _version=row[1], note=note)
    assert answer.status == 409
    assert "A reason in words is needed here" in answer.body
    assert case_row(offered) == row


def test_markup_and_strange_letters_in_a_note_stay_text(desk: str, offered: str) -> None:
    note = '<script>alert(1)</script> \u202e😀 محمد {{ 7|add:"7" }} {% now "Y" %} %(subject)s'
    assert post(desk, f"/referrals/{offered}/do/decline/", _version=case_row(offered)[1], note=note).status == 303
    for token in (desk, token_for(person("doctor"))):
        page = call("GET", f"/referrals/{offered}/", token).body
        assert shown(note) in page
        assert "<script>alert" not in page


# --- keys, versions, actions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [None, "", "x", "0" * 40, "1", "-1", "😀", "00000000-0000-0000-0000-00000000000g", "null", "[]"])
def test_a_form_without_a_proper_key_is_a_bad_request(doctor: str, desk: str, offered: str, key: str | None) -> None:
    before, row = written(), case_row(offered)
    given_key = {} if key is None else {"_key": key}
    good = {"identity": new_card(), "name": "陈键"}
    assert call("POST", "/residents/new/", doctor, {**given_key, **good}).status == 400
    assert call("POST", "/residents/door/", doctor, {**given_key, **good}).status == 400
    assert call("POST", f"/referrals/{offered}/do/accept/", desk, {**given_key, "_version": row[1]}).status == 400
    assert (written(), case_row(offered)) == (before, row)


VERSIONS = [None, "", "0", "1", "-1", "-2", "99", "999999999", "9" * 40, "abc", "１", "٢", "1.5", "2 ", "0x2", "1e0", "\u200b2"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_form_that_names_no_present_version_is_stale_and_keeps_its_note(desk: str, offered: str, version: str | None) -> None:
    before, row = written(), case_row(offered)
    named = {} if version is None else {"_version": version}
    answer = post(desk, f"/referrals/{offered}/do/decline/", note="typed <note>", **named)
    assert answer.status == 409
    assert "Somebody else acted on this while your form was open" in answer.body
    assert "typed &lt;note&gt;" in answer.body
    assert 'data-state="offered"' in answer.body
    assert f'name="_version" value="{row[1]}"' in answer.body, "the page's form must name the present version"
    assert (written(), case_row(offered)) == (before, row)


def test_a_form_read_before_somebody_else_acted_is_told_so_and_can_be_sent_again(doctor: str, desk: str, offered: str) -> None:
    read = case_row(offered)[1]
    assert post(desk, f"/referrals/{offered}/do/accept/", _version=read).status == 303
    before, row = written(), case_row(offered)
    fields = {"note": "the patient is better", "_version": read}
    answer = post(doctor, f"/referrals/{offered}/do/withdraw/", **fields)
    assert answer.status == 409
    assert "Somebody else acted on this while your form was open" in answer.body
    assert 'data-state="accepted"' in answer.body
    assert "the patient is better" in answer.body
    assert (written(), case_row(offered)) == (before, row)
    present = re.search(r'name="_version" value="(\d+)"', answer.body).group(1)
    assert post(doctor, f"/referrals/{offered}/do/withdraw/", **{**fields, "_version": present}).status == 303
    assert case_row(offered)[0] == rules.WITHDRAWN


def test_a_form_whose_case_has_ended_meanwhile_shows_what_was_typed(doctor: str, desk: str, offered: str) -> None:
    read = case_row(offered)[1]
    assert post(doctor, f"/referrals/{offered}/do/withdraw/", _version=read, note="better").status == 303
    row = case_row(offered)
    answer = post(desk, f"/referrals/{offered}/do/decline/", _version=read, note="no bed before Monday")
    assert answer.status == 409
    assert 'data-state="withdrawn"' in answer.body
    assert "no bed before Monday" in answer.body
    assert case_row(offered) == row


def test_an_edit_of_a_draft_that_was_changed_meanwhile_is_stale_and_keeps_its_text(doctor: str) -> None:
    who = person("doctor")
    with transaction.atomic(), scope(who) as by:
        case = a_case(by, who, number=153, send=False)
    form = {"diagnosis": "I10.x00", "receiver": str(COUNTY_HOSPITAL), "override_reason": "because", "keep": "1"}
    assert post(doctor, f"/referrals/{case.number}/edit/", _version="1", summary="first", **form).status == 303
    row = case_row(case.number)
    answer = post(doctor, f"/referrals/{case.number}/edit/", _version="1", summary="second, typed later", **form)
    assert answer.status == 409
    assert "Somebody else acted" in answer.body
    assert "second, typed later" in answer.body
    assert Case.objects.using("load").get(number=case.number).summary == "first"
    assert case_row(case.number) == row
    end_case(case.number)


def test_a_visit_that_was_closed_meanwhile_is_not_closed_again(doctor: str) -> None:
    visit = a_visit(154)
    assert post(doctor, f"/visits/{visit}/", _version="1", ending="treated").status == 303
    before = written()
    for version in ("1", "2", "", "x"):
        answer = post(doctor, f"/visits/{visit}/", _version=version, ending="observe")
        assert answer.status == 409
        assert "Somebody else acted" in answer.body
    assert Visit.objects.using("load").get(pk=visit).disposition == "treated"
    assert written() == before


@pytest.mark.parametrize("action", ["submit", "expire", "nonsense", "draft", "revise", "APPROVE", "__init__", "accept-", "0"])
def test_an_unknown_action_is_not_found(doctor: str, offered: str, action: str) -> None:
    before, row = written(), case_row(offered)
    answer = post(doctor, f"/referrals/{offered}/do/{action}/", _version=row[1], note="x")
    assert answer.status == 404
    assert (written(), case_row(offered)) == (before, row)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_change_nothing(offered: str, method: str) -> None:
    before, row = written(), case_row(offered)
    body = urlencode({"_key": fresh_key(), "_version": row[1]})
    answer = client_for(person("desk")).generic(method, f"/referrals/{offered}/do/accept/", body, content_type=FORM_TYPE)
    assert answer.status_code == 405
    assert (written(), case_row(offered)) == (before, row)


def test_the_same_form_twice_acts_once_and_leads_to_the_same_place(desk: str, offered: str) -> None:
    form = {"_key": fresh_key(), "_version": case_row(offered)[1], "note": "bed 4"}
    first = call("POST", f"/referrals/{offered}/do/accept/", desk, form)
    row, after_first = case_row(offered), written()
    second = call("POST", f"/referrals/{offered}/do/accept/", desk, form)
    assert (first.status, first.location) == (second.status, second.location) == (303, f"/referrals/{offered}/")
    assert (written(), case_row(offered)) == (after_first, row)


@pytest.mark.parametrize("path", ["/residents/new/", "/residents/door/", "/visits/new/{resident}/", "/referrals/new/{visit}/"])
def test_every_form_sent_twice_acts_once(doctor: str, path: str) -> None:
    with transaction.atomic(), scope(person("doctor")):
        resident = a_resident(person("doctor"), 155).id
    visit = a_visit(155)
    form = {
        "_key": fresh_key(), "identity": new_card(), "name": "陈双", "diagnosis": NOT_IN_CATALOGUE, "complaint": "x",
        "ending": "up", "summary": "x", "receiver": str(COUNTY_HOSPITAL), "keep": "1",
    }  # fmt: skip
    where = path.format(resident=resident, visit=visit)
    first = call("POST", where, doctor, form)
    after_first = written()
    second = call("POST", where, doctor, form)
    assert (first.status, second.status) == (303, 303)
    assert first.location == second.location
    assert written() == after_first
    for case in Case.objects.using("load").filter(visit=visit):
        end_case(case.number)


def test_a_key_with_other_contents_is_refused_by_name(doctor: str, desk: str, offered: str) -> None:
    form = {"_key": fresh_key(), "_version": case_row(offered)[1], "note": "bed 4"}
    assert call("POST", f"/referrals/{offered}/do/accept/", desk, form).status == 303
    before, row = written(), case_row(offered)
    again: list[tuple[str, str, dict[str, Any]]] = [
        (f"/referrals/{offered}/do/accept/", desk, {**form, "note": "bed 5"}),
        (f"/referrals/{offered}/do/accept/", desk, {**form, "extra": ""}),
        (f"/referrals/{offered}/do/arrive/", desk, form),
        (f"/referrals/{offered}/do/withdraw/", doctor, {**form, "_version": row[1]}),
    ]
    for path, token, fields in again:
        answer = call("POST", path, token, fields)
        assert answer.status == 409, path
        assert "This form was already sent with other contents" in answer.body
    assert (written(), case_row(offered)) == (before, row)


# --- the diagnosis field -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "code"),
    [("I10", "I10.x00"), ("i10.X00", "I10.x00"), ("原发性高血压", "I10.x00"), ("%", None), ("高血压", None), ("I1", None)],
)
def test_a_diagnosis_is_taken_only_when_no_other_fits(db: None, typed: str, code: str | None) -> None:
    from fenji.care.catalogue.queries import only_one, suggest

    found = only_one(typed)
    exact = next((d for d in suggest(typed) if d.code.lower() == typed.lower()), None)
    assert ((found or exact).code if found or exact else None) == code


def test_an_emergency_that_was_declined_is_offered_again_not_submitted_anew(house_file: object) -> None:
    with transaction.atomic(), scope(person("doctor")) as by:
        case = a_case(by, person("doctor"), number=152, code="I10.x00", emergency=True)
    with transaction.atomic(), scope(person("desk")) as by:
        case = actions.decline(case.number, version=case.version, by=by, at=now(), note="no bed")
    with transaction.atomic(), scope(person("doctor")) as by, pytest.raises(rules.NotPossible):
        actions.submit(case.number, version=case.version, by=by, at=now())
    end_case(case.number)
