"""Whole forms: stale, sent twice, aimed at the wrong place, or garbage. Refused by name, the typed text kept, nothing half done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import transaction
from django.test import Client
from django.urls import get_resolver
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from fenji.care.booking import actions as booking
from fenji.care.catalogue.queries import diagnosis
from fenji.care.continuity.models import FollowUp
from fenji.care.referral import actions, rules
from fenji.care.referral.models import Case
from fenji.care.referral.queries import url_for
from fenji.care.registry import actions as registry
from fenji.care.registry.models import Resident
from fenji.care.registry.rules import NewProxy, Term
from fenji.care.visits import actions as visits
from fenji.care.visits.models import Visit
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import fresh_key, now
from fenji.ground.documents import actions as documents
from fenji.ground.network.models import Organisation
from fenji.ground.network.queries import region_id
from fenji.measure.referral_quality import actions as quality
from fenji.measure.referral_quality.models import Alert, OutlierCase, SampledCase
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL
from tests.alerts import alert_on, discharged_instead
from tests.app.forms import FORM_TYPE, a_visit, case_row, end_case, new_card, post, shown, written
from tests.app.wsgi import call
from tests.architecture.test_code import _views
from tests.booking import a_bed, a_session, a_ward, hold, hold_bed, slots, wait, wait_for_bed
from tests.cast import NOT_IN_CATALOGUE, a_case, a_resident, client_for, person, scope, token_for
from tests.continuity import handed_over

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


# --- fuzz --------------------------------------------------------------------------------------------------------------------

ADDRESSES = ["/" + address for address, _ in _views(get_resolver().url_patterns)]
FIELDS = (
    "q", "identity", "name", "phone", "address", "diagnosis", "complaint", "emergency", "ending", "summary", "receiver", "note",
    "override_reason", "keep", "findings", "advice", "_key", "_version", "_who", "size", "from", "before", "state", "card", "next",
    "pending", "username", "password", "language", "post", "out", "org", "role", "reason", "start", "end", "until", "stand_in",
    "session", "code", "present", "new", "again", "on", "how", "into", "kind", "county", "region", "regions", "practitioner", "day",
    "begins", "ends", "member", "lead", "source", "title", "specialties", "show", "since", "place", "group", "actor", "subject",
    "action", "purpose", "opened", "four", "no", "link", "say", "relation", "guardian", "instead",
    "slot", "places", "reserved", "weeks", "item", "department", "first", "last", "expert",
)  # fmt: skip
NASTY = (
    "\0", "0", "-1", "9" * 25, "1e999", "NaN", "I10.x00", "3", "treated", "null", "{}", "[]", "%00", "%s", "{{7}}", "'", '"', "\\",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "\ufffe", "\u202e", "\u3000", "－", "１", "٣", "ß", "İ", "\ufdfa",
    "R350405-260915-00042-8", "00000000-0000-0000-0000-000000000000", "//evil", "draft", "100", "99999", "\r\nSet-Cookie: a=b",
    "\x1b", "ﬃ", "e\u0301" * 40, "ab" * 32, "69" + "31" * 60,
)  # fmt: skip
VALUES = st.one_of(st.sampled_from(NASTY), st.text(max_size=40), st.integers().map(str), st.binary(max_size=20))
PAIRS = st.lists(st.tuples(st.one_of(st.sampled_from(FIELDS), st.text(max_size=8)), VALUES), max_size=8)
METHODS = ("GET", "POST", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
SLUGS = (
    *("approve", "accept", "redirect", "offer", "answer", "died", "withdraw", "submit", "x"),
    *("hand-over", "infection", "settle", "decline"),
    *("reset", "unlock", "deactivate", "reactivate", "appoint", "cover", "end", "key", "revoke"),
)


def _encoded(pairs: list[tuple[str, str | bytes]]) -> str:
    def raw(value: str | bytes) -> bytes:
        return value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")

    return "&".join(f"{quote(raw(k), safe='')}={quote(raw(v), safe='')}" for k, v in pairs)


@pytest.fixture(scope="module")
def things(house_file: object) -> Iterator[dict[str, list[str]]]:
    """For each kind of id one that somebody sees, one of elsewhere, and one that does not exist."""
    who = person("doctor")
    visit = a_visit(156)
    with transaction.atomic(), scope(who) as by:
        resident = str(a_resident(who, 156).id)
        acts = NewProxy("陈代理", "child", "13900001111", True, "x", False, "oral", Term(local_day(now())))
        proxy = str(registry.name_proxy(a_resident(who, 156).id, acts, by=by, at=now()).id)
        pair = str(registry.compare(a_resident(who, 156).id, a_resident(who, 157).id, by=by, at=now()).id)
        bed = visits.NewStay(diagnosis("I10.x00"), (who.id, who.name))
        stay = str(visits.admit(a_resident(who, 158), bed, by=by, at=now()).id)
        sent = a_case(by, who, number=157, code=NOT_IN_CATALOGUE)
        case, link = sent.number, url_for(sent).removeprefix("/r/")
    with transaction.atomic(), scope(person("system")) as by:
        run = documents.upload("calendar", "a.csv", b"day,working,name,basis\n2041-01-01,no,x,y\n", by=by, at=now())
    documents.judge(run.pk, at=now())
    other = str(Resident.objects.using("load").exclude(home_org_id=who.org_id).order_by("id")[0].id)
    nothing = "00000000-0000-7000-8000-000000000000"
    yield {
        "<uuid:resident_id>": [resident, other, nothing],
        "<uuid:visit_id>": [visit, resident, nothing],
        "<uuid:stay_id>": [stay, resident, nothing],
        **_followed(),
        "<uuid:run_id>": [str(run.pk), resident, nothing],
        "<uuidstr:visit_id>": [visit, resident, nothing],
        "<uuidstr:run_id>": [str(run.pk), resident, nothing],
        "<uuid:file_id>": [str(run.file_id), resident, nothing],
        "<slug:listing>": ["calendar", "nothing", "x"],
        "<slug:token>": [link, "A" * 22, "x"],
        "<uuid:notice_id>": [nothing],
        "<uuid:message_id>": [nothing],
        "<case:number>": [case, "R350405-260915-00042-8", "R350405-000000-00000-0"],
        "<uuid:glass_id>": [nothing],
        "<uuid:account_id>": [str(person("reviewer2").id), str(person("audit").id), nothing],
        "<str:name>": ["access.idle_minutes", "x", "9" * 300],
        "<str:code>": ["I10", "x", "9" * 300],
        "<int:org_id>": ["3", "101", "9" * 20],
        **{f"<uuid:{name}_id>": [nothing, visit, resident] for name in ("change", "copy", "event", "announcement", "delegation")},
        "<slug:kind>": ["treatable", "charter", "unknown", "passport", "nothing"],
        "<uuid:proxy_id>": [proxy, resident, nothing],
        "<uuid:duplicate_id>": [pair, resident, nothing],
        "<int:version_id>": ["1", "9", "2000000000"],
        "<int:entry_id>": ["1", "90000", "9" * 30],
        "<int:department_id>": ["301", "201", "9" * 25],
        "<int:alliance_id>": ["1", "2", "9" * 25],
        "<int:relation_id>": ["1", "2", "9" * 25],
        "<int:region_id>": [str(region_id("350405101", "load")), "1", "9" * 25],
        **{f"<uuid:{name}>": [nothing] for name in ("practitioner_id", "work_id", "shift_id", "member_id", "paper_id")},
        **_booked(),
        **_judged(at=now()),
        "<str:source_id>": ["HIS.1", "陈", "9" * 300],
        "<int:position>": ["1", "0", "9" * 20],
    }
    end_case(case)


def _followed() -> dict[str, list[str]]:
    """A plan that the doctor's team follows."""
    with transaction.atomic():
        package = handed_over(now())
    first = FollowUp.objects.using("load").filter(package=package).order_by("planned_on")[0]
    nothing = "00000000-0000-7000-8000-000000000000"
    known = {"<uuid:attachment_id>": [str(package.pk), nothing]}
    return known | {"<uuid:followup_id>": [str(first.pk), nothing], "<str:subject>": [package.subject, "x", "9" * 300]}


def _judged(at: datetime) -> dict[str, list[str]]:
    """A cycle with a sampled referral, an outlier, and an alert."""
    doctor, nothing = person("doctor"), "00000000-0000-7000-8000-000000000000"
    cycle = quality.open_cycle(doctor.org_id, local_day(at), seed="x", at=at + timedelta(days=1))
    assert cycle is not None
    org = Organisation.objects.using("load").get(pk=doctor.org_id)
    outlier = OutlierCase.objects.using("owner").create(
        lead_id=COUNTY_HOSPITAL, org=org, path=org.path, kind="branch", unit=str(org.pk), since=local_day(at),
        until=local_day(at), contacts=9, referred=9, expected=1, limits={}, verdict="alarm_high", state="opened",
        due_at=at, opened_at=at,
    )  # fmt: skip
    sampled = SampledCase.objects.using("owner").filter(cycle=cycle).first()
    return {
        "<uuid:cycle_id>": [str(cycle.id), nothing],
        "<uuid:sampled_id>": [str(sampled.id) if sampled else nothing, nothing],
        "<uuid:outlier_id>": [str(outlier.id), nothing],
        "<uuid:alert_id>": [str(_alerted().pk), nothing],
    }


def _alerted() -> Alert:
    """An alert that waits for an answer."""
    first, _ = discharged_instead(9)
    quality.look_for_alerts(at=now())
    found = alert_on(first)
    assert found is not None
    return found


def _booked() -> dict[str, list[str]]:
    """A session with a patient who is booked, and one who waits; then one that was cancelled under a patient."""
    at, nothing = now(), "00000000-0000-7000-8000-000000000000"
    with transaction.atomic(), scope(person("desk")) as by:
        session, gone = a_session(by, at, days=80), a_session(by, at, days=81)
    with transaction.atomic(), scope(person("doctor")) as by:
        hold(slots(session)[0], by, at)
        lost, waits = hold(slots(gone)[0], by, at), wait(by, at)
    with transaction.atomic(), scope(person("desk")) as by:
        booking.cancel(gone.id, "x", version=1, by=by, at=at)
    with transaction.atomic(), scope(person("director")) as by:
        ward = a_ward(by, at)
        bed = a_bed(ward, by, at)
    with transaction.atomic(), scope(person("doctor")) as by:
        held = hold_bed(bed, by, at)
        bed_waits = wait_for_bed(ward, by, at)
    return {
        "<uuid:ward_id>": [str(ward.id), str(session.id), nothing],
        "<uuid:bed_id>": [str(bed.id), str(session.id), nothing],
        "<uuid:hold_id>": [str(held.id), str(session.id), nothing],
        "<uuid:session_id>": [str(session.id), str(gone.id), nothing],
        "<uuid:booking_id>": [str(lost.id), str(session.id), nothing],
        "<uuid:entry_id>": [str(waits.id), str(bed_waits.id), str(session.id), nothing],
    }


def _filled(address: str, things: dict[str, list[str]], pick: int, slug: str) -> str:
    for part, known in things.items():
        address = address.replace(part, known[pick % len(known)])
    return address.replace("<slug:action>", slug)


@examples(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@example("/search/", "GET", "doctor", [("q", "9" * 5000)], [], 0, "x", True)
@example("/referrals/<case:number>/do/<slug:action>/", "POST", "doctor", [], [("receiver", "9" * 5000)], 0, "offer", True)
@given(
    address=st.sampled_from(ADDRESSES),
    method=st.sampled_from(METHODS),
    login=st.sampled_from(
        ["doctor", "doctor", "reviewer", "desk", "system", "citysystem", "security", "officer", "audit", "anonymous"]
    ),
    query=PAIRS,
    body=PAIRS,
    pick=st.integers(0, 2),
    slug=st.sampled_from(SLUGS),
    keyed=st.booleans(),
)
def test_no_garbage_to_any_address_by_any_method_breaks_a_page(
    things: dict[str, list[str]], address: str, method: str, login: str, query: Any, body: Any, pick: int, slug: str, keyed: bool
) -> None:
    client = Client(raise_request_exception=False) if login == "anonymous" else client_for(person(login))
    path = _filled(address, things, pick, slug) + "?" + _encoded(query)
    sent = _encoded([*body, *([("_key", fresh_key()), ("_version", "2")] if keyed else [])])
    with transaction.atomic():
        answer = client.generic(method, path, sent.encode(), content_type=FORM_TYPE)
        transaction.set_rollback(True)
    assert answer.status_code < 500, (method, path, sent)
    # what the public reads may be kept for a while; nothing else is
    public = path.startswith("/p/") and answer.status_code == 200
    assert answer["Cache-Control"] == ("public, max-age=300" if public else "no-store")


def test_the_fuzz_knows_every_part_of_every_address(things: dict[str, list[str]]) -> None:
    assert len(ADDRESSES) >= 19
    assert not [a for a in ADDRESSES if "<" in _filled(a, things, 0, "x")]


def test_the_fuzz_would_see_a_broken_page(things: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a page that breaks is seen as 500, not swallowed."""
    monkeypatch.setattr("fenji.care.registry.queries.search", lambda *a: 1 / 0)
    assert client_for(person("doctor")).get("/residents/?q=x").status_code == 500


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
