"""Whatever is typed or sent: understood, or refused by name with the typed text kept, and never half written."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlencode

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import get_resolver
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from fenji.care.catalogue.queries import diagnosis
from fenji.care.referral import actions, queries, rules
from fenji.care.referral.models import Case, CaseEvent
from fenji.care.registry.models import Identity, Resident
from fenji.care.visits import actions as visits
from fenji.care.visits.models import Visit
from fenji.ground.access.models import AuditEvent, IdempotencyKey, ReadLog
from fenji.ground.common.edge import fresh_key, now
from fenji.ground.common.identity import identity_check
from fenji.ground.tasks.models import OutboxMessage, WorkItem
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL
from tests.app.wsgi import Answer, call
from tests.architecture.test_code import _views
from tests.cast import NOT_IN_CATALOGUE, a_case, a_resident, client_for, person, scope, token_for

_TURN = count(1)
_FORM = "application/x-www-form-urlencoded"


def card_of(stem: str) -> str:
    """A number with its right check character."""
    return stem + identity_check(stem)


def new_card() -> str:
    """The number of somebody who is registered nowhere."""
    turn = next(_TURN)
    return card_of(f"350124{1930 + turn // 900}0607{turn % 900 + 100:03d}")


def wide(text: str) -> str:
    """Full-width, as a Chinese keyboard types it."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def written() -> dict[str, int]:
    """How many rows there are of everything a form may write."""
    load = (Resident, Identity, Visit, Case, CaseEvent, WorkItem, OutboxMessage)
    rows = {m.__name__: m.objects.using("load").count() for m in load}
    return rows | {m.__name__: m.objects.using("job").count() for m in (AuditEvent, IdempotencyKey, ReadLog)}


def post(token: str, path: str, **fields: object) -> Answer:
    return call("POST", path, token, {"_key": fresh_key(), **fields})


def shown(typed: str) -> str:
    """As a page shows it."""
    return html.escape(typed)


@pytest.fixture(scope="module")
def doctor(house_file: object) -> str:
    return token_for(person("doctor"))


@pytest.fixture(scope="module")
def desk(house_file: object) -> str:
    return token_for(person("desk"))


def _visit(number: int) -> str:
    who = person("doctor")
    with transaction.atomic(), scope(who) as by:
        new = visits.NewVisit(diagnosis("I10.x00"), "BP 182/104", False)
        return str(visits.register(a_resident(who, number), new, by=by, at=now()).id)


@pytest.fixture
def offered(house_file: object) -> Iterator[str]:
    """A case that waits for the county desk."""
    who = person("doctor")
    with transaction.atomic(), scope(who) as by:
        case = a_case(by, who, number=150, code=NOT_IN_CATALOGUE)
    assert case.state == rules.OFFERED
    yield case.number
    _end(case.number)


def _end(number: str) -> None:
    with transaction.atomic(), scope(person("doctor")) as by:
        case = queries.case(number)
        action = "close" if case.state in (rules.DECLINED, rules.MISSED) else "withdraw"
        if case.state not in rules.ENDS:
            actions.end(number, action, version=case.version, by=by, at=now(), note="end of the test")


def case_row(number: str) -> tuple[str, int, int, int]:
    """State, version, receiver and number of events."""
    case = Case.objects.using("load").get(number=number)
    return case.state, case.version, case.receiver_id, CaseEvent.objects.using("load").filter(case=case).count()


# --- identity numbers --------------------------------------------------------------------------------------------------------

FORM = "An identity number has 18 characters"
DATE = "Digits 7 to 14 are the birth date, and this day does not exist"
FUTURE = "The birth date in this number lies in the future"
SLIP = "The last character does not fit the others: one of them was mistyped"
BAD_NUMBERS = [
    ("110105194912310021", SLIP),
    ("11010519491231003X", SLIP),
    (wide("110105 19491231 0021"), SLIP),
    (card_of("11010519491331002"), DATE),
    (card_of("11010519490230002"), DATE),
    (card_of("11010518991231002"), DATE),
    (card_of("11010500000000002"), DATE),
    (card_of("35042720990101001"), FUTURE),
    ("11010519491231OO2X", FORM),
    ("ABCDEFGHIJKLMNOPQR", FORM),
    ("1101051949123100", FORM),
    ("110105194912310020000", FORM),
    ("11010519491231002Y", FORM),
    ("①②③④⑤⑥⑦⑧⑨①②③④⑤⑥⑦⑧", FORM),
    ("١١٠١٠٥١٩٤٩١٢٣١٠٠٢X", FORM),
    ("'; DROP TABLE registry_resident; --", FORM),
    ('"><script>alert(1)</script>', FORM),
    ("😀" * 18, FORM),
    ("\u202e110105194912310021", FORM),
]


@pytest.mark.parametrize(("typed", "says"), BAD_NUMBERS)
def test_the_door_names_what_is_wrong_keeps_the_number_and_writes_nothing(doctor: str, typed: str, says: str) -> None:
    before = written()
    answer = post(doctor, "/residents/door/", identity=typed)
    assert answer.status == 422
    assert says in answer.body
    assert f'value="{shown(typed)}"' in answer.body
    assert written() == before


@pytest.mark.parametrize(("typed", "says"), BAD_NUMBERS)
def test_registration_names_what_is_wrong_keeps_all_fields_and_writes_nothing(doctor: str, typed: str, says: str) -> None:
    before = written()
    fields = {"identity": typed, "name": "陈试行", "phone": "13800001111", "address": "府前路 1 号"}
    answer = post(doctor, "/residents/new/", **fields)
    assert answer.status == 422
    assert says in answer.body
    assert all(f'value="{shown(text)}"' in answer.body for text in fields.values())
    assert written() == before


def test_the_messages_exist_in_chinese_too(doctor: str) -> None:
    answer = call("POST", "/residents/door/", doctor, {"_key": fresh_key(), "identity": "110105194912310021"}, language="zh-hans")
    assert answer.status == 422
    assert SLIP not in answer.body
    assert "与证件核对" in answer.body or "身份证" in answer.body


SPELLINGS: list[Callable[[str], str]] = [
    str,
    str.lower,
    wide,
    lambda n: wide(n.lower()),
    lambda n: f"  {n}\u3000",
    lambda n: f"{n[:6]} {n[6:14]} {n[14:]}",
    lambda n: wide(f"{n[:6]}-{n[6:14]}-{n[14:]}"),
    lambda n: f"{n[:6]}–{n[6:14]}—{n[14:]}",
    lambda n: f"{n[:6]}\u3000{n[6:14]}\t{n[14:]}",
]


def _card_with_x() -> str:
    return next(c for c in iter(new_card, "") if c.endswith("X"))


@pytest.mark.parametrize("spell", SPELLINGS, ids=range(len(SPELLINGS)))
def test_an_identity_number_is_understood_however_it_is_typed(doctor: str, spell: Callable[[str], str]) -> None:
    number = _card_with_x()
    made = post(doctor, "/residents/new/", identity=spell(number), name="陈宽")
    assert made.status == 303
    resident = made.location.strip("/").split("/")[-1]
    row = Identity.objects.using("load").get(pk=resident)
    assert settings.DATABASE_KEYS.open(bytes(row.number), f"identity.number:{resident}") == number
    assert row.last4 == number[-4:]
    assert post(doctor, "/residents/door/", identity=spell(number)).location == made.location


# --- names, phones, addresses ------------------------------------------------------------------------------------------------

PHONES = [
    ("13912345678", "13912345678"),
    ("+86 139-1234-5678", "13912345678"),
    ("8613912345678", "13912345678"),
    (wide("+86 139 1234 5678"), "13912345678"),
    ("１３９\u30001234\u30005678", "13912345678"),
    ("139.1234.5678", "13912345678"),
    ("0598-5822345", "05985822345"),
    ("（0598）5822345", "05985822345"),
    ("", ""),
]


@pytest.mark.parametrize(("typed", "kept"), PHONES)
def test_a_phone_is_kept_as_digits_however_it_is_typed(doctor: str, typed: str, kept: str) -> None:
    made = post(doctor, "/residents/new/", identity=new_card(), name="陈电话", phone=typed)
    assert made.status == 303
    resident = made.location.strip("/").split("/")[-1]
    row = Resident.objects.using("load").get(pk=resident)
    assert settings.DATABASE_KEYS.open(bytes(row.phone), f"resident.phone:{resident}") == kept
    assert kept in call("GET", made.location, doctor).body


@pytest.mark.parametrize(
    "typed", ["12345", "23912345678", "139123456789", "1391234567a", "١٣٩١٢٣٤٥٦٧٨", "+1 212 555 0100", "110", "8613912345", "😀"]
)
def test_a_phone_that_cannot_be_one_is_named_and_kept(doctor: str, typed: str) -> None:
    before = written()
    answer = post(doctor, "/residents/new/", identity=new_card(), name="陈电话", phone=typed)
    assert answer.status == 422
    assert "A mobile number has 11 digits and begins with 1" in answer.body
    assert f'value="{shown(typed)}"' in answer.body
    assert written() == before


@pytest.mark.parametrize(
    "typed",
    [
        "Robert'); DROP TABLE registry_resident;--",
        "' OR '1'='1",
        "<script>alert(1)</script>",
        "=HYPERLINK(1)",
        "张3",
        "张３",
        "a&b",
        "\x07bell",
        "陈\x1b[31m",
        "陈\n小明",
        "\u202e陈小明",
        "陈\u200b小明",
        "\ufeff陈",
    ],
)
def test_a_name_with_digits_signs_or_hidden_characters_is_named_and_kept(doctor: str, typed: str) -> None:
    before = written()
    answer = post(doctor, "/residents/new/", identity=new_card(), name=typed)
    assert answer.status == 422
    assert "A name has no digits or signs" in answer.body
    assert shown(typed.strip()) in answer.body
    assert "<script>alert" not in answer.body
    assert written() == before


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("陈 小 明", "陈小明"),
        ("阿卜杜拉•买买提", "阿卜杜拉·买买提"),
        ("迪丽热巴．迪力木拉提", "迪丽热巴·迪力木拉提"),
        ("محمد علي", "محمد علي"),
        ("𠮷野家", "𠮷野家"),
        ("陈👨‍👩‍👧", "陈👨‍👩‍👧"),
        ("Ｍａｒｙ Ｓｍｉｔｈ", "Mary Smith"),
        ("José Ñandú", "José Ñandú"),
        ("㛃", "㛃"),
    ],
)
def test_names_of_many_kinds_are_registered_shown_and_found(doctor: str, typed: str, kept: str) -> None:
    made = post(doctor, "/residents/new/", identity=new_card(), name=typed)
    assert made.status == 303
    assert kept in call("GET", made.location, doctor).body
    found = call("GET", "/residents/?" + urlencode({"q": kept}), doctor)
    assert found.status == 200
    assert made.location in found.body


@pytest.mark.parametrize(
    ("field", "length", "says"),
    [("name", 60, "60"), ("identity", 60, "60"), ("phone", 30, "30"), ("address", 200, "200")],
)
def test_an_over_long_field_is_named_and_kept(doctor: str, field: str, length: int, says: str) -> None:
    before = written()
    good = {"identity": new_card(), "name": "陈长", "phone": "", "address": ""}
    answer = post(doctor, "/residents/new/", **{**good, field: "长" * (length + 1)})
    assert answer.status == 422
    assert f"at most {says} characters" in answer.body
    assert "长" * (length + 1) in answer.body
    assert written() == before


def test_the_longest_name_and_address_that_may_be_are_registered(doctor: str) -> None:
    # each of these characters becomes eighteen when it is normalised
    made = post(doctor, "/residents/new/", identity=new_card(), name="陈" + "\ufdfa" * 59, address="\ufdfa" * 200)
    assert made.status == 303
    assert call("GET", made.location, doctor).status == 200


def test_markup_in_an_address_stays_text(doctor: str) -> None:
    address = "<img src=x onerror=alert(1)> \"'&"
    made = post(doctor, "/residents/new/", identity=new_card(), name="陈标", address=address)
    assert made.status == 303
    page = call("GET", made.location, doctor).body
    assert shown(address) in page
    assert "<img src=x" not in page


def test_control_characters_in_an_address_are_refused(doctor: str) -> None:
    before = written()
    answer = post(doctor, "/residents/new/", identity=new_card(), name="陈控", address="府前路\x08")
    assert answer.status == 422
    assert "Remove the control characters from the address" in answer.body
    assert written() == before


def test_one_bad_field_leaves_no_row_of_any_kind_behind(doctor: str) -> None:
    before, key, number = written(), fresh_key(), new_card()
    form = {"_key": key, "identity": number, "name": "陈一", "phone": "12345"}
    assert call("POST", "/residents/new/", doctor, form).status == 422
    assert written() == before
    # the key was not used up by the refused form: the mended one goes through
    assert call("POST", "/residents/new/", doctor, {**form, "phone": "13912345678"}).status == 303
    after = written()
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "Resident": 1,
        "Identity": 1,
        "AuditEvent": 1,
        "IdempotencyKey": 1,
    }


# --- NUL, encodings, sizes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/residents/?q=%00",
        "/residents/?q=a%00b",
        "/residents/?%00=a",
        "/search/?q=%00",
        "/referrals/?before=%00&state=%00",
        "/diagnoses/suggest/?diagnosis=%00",
        "/login/?next=/%00",
        "/%00",
        "/residents/%00/",
    ],
)
def test_a_nul_in_an_address_is_a_bad_request(doctor: str, path: str) -> None:
    for method in ("GET", "HEAD"):
        assert client_for(person("doctor")).generic(method, path).status_code == 400


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/login/", "username"),
        ("/login/", "password"),
        ("/login/", "pending"),
        ("/language/", "next"),
        ("/residents/new/", "name"),
        ("/residents/new/", "address"),
        ("/residents/door/", "identity"),
        ("/residents/new/", "_key"),
        ("/posts/", "post"),
    ],
)
def test_a_nul_in_a_form_is_a_bad_request(doctor: str, path: str, field: str) -> None:
    before = written()
    answer = post(doctor, path, **{field: "a\0b"})
    assert answer.status == 400
    assert "can&#x27;t be read" in answer.body
    assert written() == before


@pytest.mark.parametrize("cookie", ['"\\000"', '"a\\000b"', "\\000", "%00", '"' + "\\377" * 40 + '"', "é", "x" * 4000, '"\\012"'])
def test_garbage_in_the_session_cookie_is_nobody(house_file: object, cookie: str) -> None:
    client = Client(raise_request_exception=False, headers={"cookie": f"{settings.SESSION_COOKIE}={cookie}"})
    page = client.get("/")
    assert (page.status_code, page["Location"]) == (302, "/login/?next=%2F")
    assert client.post("/logout/").status_code == 303
    assert client.post("/residents/new/", {"name": "x"}).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"name=\xb3\xc2\xd0\xa1\xc3\xf7",
        b"name=%B3%C2%D0%A1%C3%F7",
        b"name=%ED%A0%80",
        b"name=\xed\xa0\x80",
        b"name=%C0%80",
        b"name=%FF%FE",
        b"\xff\xfe=1",
    ],
    ids=["GBK raw", "GBK", "lone surrogate", "lone surrogate raw", "over-long NUL", "UTF-16 mark", "in a field's name"],
)
def test_a_body_that_is_not_utf8_is_a_bad_request_and_stores_no_garbled_name(house_file: object, body: bytes) -> None:
    before = written()
    filled = body + f"&_key={fresh_key()}&identity={new_card()}".encode()
    answer = client_for(person("doctor")).generic("POST", "/residents/new/", filled, content_type=_FORM)
    assert answer.status_code == 400
    assert written() == before


@pytest.mark.parametrize("charset", ["gbk", "utf-16", "latin-1", "utf-7", "nonsense", "utf-8; boundary=x"])
def test_other_character_sets_are_refused_or_read_as_utf8(house_file: object, charset: str) -> None:
    before = written()
    body = f"_key={fresh_key()}&identity=1&name=x".encode()
    answer = client_for(person("doctor")).generic("POST", "/residents/new/", body, content_type=f"{_FORM}; charset={charset}")
    assert answer.status_code in (400, 422)
    assert written() == before


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"_key": 1}'),
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=", b"x"),
        ("multipart/form-data; boundary=x", b"--x\r\nnot a part"),
        ("multipart/form-data; boundary=" + "x" * 300, b"--x--"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="_key"\r\n\r\n\xff\xfe\r\n--x--\r\n'),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="_key"\r\nContent-Transfer-Encoding: base64\r\n\r\n!\r\n--x--\r\n',
        ),
        ("text/plain", b"_key=1"),
        ("", b"_key=1"),
    ],
)
def test_a_body_that_is_no_form_of_ours_is_a_bad_request(house_file: object, content_type: str, body: bytes) -> None:
    before = written()
    answer = client_for(person("doctor")).generic("POST", "/residents/new/", body, content_type=content_type)
    assert answer.status_code == 400
    assert written() == before


@pytest.mark.parametrize("path", ["/residents/new/", "/login/"])
def test_too_many_fields_and_too_long_bodies_are_bad_requests(doctor: str, path: str) -> None:
    before = written()
    assert post(doctor, path, **{f"f{i}": "x" for i in range(300)}).status == 400
    assert post(doctor, path, name="x" * 3_000_000).status in (400, 413)
    assert written() == before


@pytest.mark.parametrize("path", ["/residents/", "/search/", "/diagnoses/suggest/", "/referrals/", "/login/", "/"])
def test_very_long_queries_are_answered(doctor: str, path: str) -> None:
    for text in ("x" * 20_000, "陈" * 6_000, "9" * 20_000):
        names = ("q", "diagnosis", "before", "state", "size", "from", "next")
        assert call("GET", f"{path}?" + urlencode(dict.fromkeys(names, text)), doctor).status < 500


def test_a_login_with_very_long_or_strange_words_is_only_wrong(house_file: object) -> None:
    for word in ("x" * 100_000, "😀" * 1000, "' OR 1=1 --", "\u202e", "%s%s", "\\"):
        answer = call("POST", "/login/", "", {"username": word, "password": word})
        assert answer.status == 422
        assert "The user name or the password is not right" in answer.body


# --- visits and referrals ----------------------------------------------------------------------------------------------------

UNKNOWN_DIAGNOSES = ["Z99.x99", "nonsense", "高", "I10.x00x", "' OR 1=1", "%", "_", "😀", "٣", "I10\u200b.x00"]


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
    visit = _visit(152)
    before = written()
    fields = {"diagnosis": "I10.x00", "summary": "kept <summary>", "receiver": receiver, "override_reason": "kept reason"}
    answer = post(doctor, f"/referrals/new/{visit}/", **fields)
    assert answer.status == 422
    assert "Choose where the patient goes" in answer.body or "Select a valid choice" in answer.body
    assert "kept &lt;summary&gt;" in answer.body
    assert "kept reason" in answer.body
    assert written() == before


@pytest.mark.parametrize("typed", UNKNOWN_DIAGNOSES)
def test_a_referral_with_an_unknown_diagnosis_is_not_written_and_its_text_kept(doctor: str, typed: str) -> None:
    visit = _visit(152)
    before = written()
    fields = {"diagnosis": typed, "summary": "kept", "receiver": str(COUNTY_HOSPITAL), "override_reason": "because"}
    answer = post(doctor, f"/referrals/new/{visit}/", **fields)
    assert answer.status == 422
    assert "Choose a diagnosis from the list" in answer.body
    assert "kept" in answer.body
    assert written() == before


def test_a_referral_that_the_verdict_refuses_leaves_no_draft_behind(doctor: str) -> None:
    visit = _visit(152)
    before = written()
    fields = {"diagnosis": "I10.x00", "summary": "kept summary", "receiver": str(CITY_HOSPITAL), "override_reason": ""}
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
    _end(case.number)


def test_a_visit_that_was_closed_meanwhile_is_not_closed_again(doctor: str) -> None:
    visit = _visit(154)
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
    answer = client_for(person("desk")).generic(method, f"/referrals/{offered}/do/accept/", body, content_type=_FORM)
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
    visit = _visit(155)
    form = {
        "_key": fresh_key(), "identity": new_card(), "name": "陈双", "diagnosis": NOT_IN_CATALOGUE, "complaint": "x", "ending": "up",
        "summary": "x", "receiver": str(COUNTY_HOSPITAL), "keep": "1",
    }  # fmt: skip
    where = path.format(resident=resident, visit=visit)
    first = call("POST", where, doctor, form)
    after_first = written()
    second = call("POST", where, doctor, form)
    assert (first.status, second.status) == (303, 303)
    assert first.location == second.location
    assert written() == after_first
    for case in Case.objects.using("load").filter(visit=visit):
        _end(case.number)


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


# --- the search field --------------------------------------------------------------------------------------------------------


def test_a_case_number_with_a_slip_is_named_and_the_right_one_leads_to_the_case(desk: str, offered: str) -> None:
    wrong = offered[:-1] + str((int(offered[-1]) + 1) % 10)
    answer = call("GET", "/search/?" + urlencode({"q": wrong}), desk)
    assert answer.status == 404
    assert f"{wrong} is not a case number: one character was mistyped" in answer.body
    spellings = [offered, offered.lower(), wide(offered), offered.replace("-", ""), f" {offered} ", offered.replace("-", " ")]
    for typed in spellings:
        answer = call("GET", "/search/?" + urlencode({"q": typed}), desk)
        assert (answer.status, answer.location) == (302, f"/referrals/{offered}/"), typed


def test_digits_of_another_script_are_no_case_number(desk: str, offered: str) -> None:
    arabic = offered.translate({ord(str(d)): 0x0660 + d for d in range(10)})
    assert call("GET", "/search/?" + urlencode({"q": arabic}), desk).status == 404


@pytest.mark.parametrize("typed", ["", " ", "<b>x</b>", "R350405", "'; --", "😀", "%", "\u202e", "..", "//evil.example"])
def test_anything_else_in_the_search_field_is_answered_as_text(doctor: str, desk: str, typed: str) -> None:
    answer = call("GET", "/search/?" + urlencode({"q": typed}), desk)
    assert answer.status == 404
    assert "<b>x</b>" not in answer.body
    led = call("GET", "/search/?" + urlencode({"q": typed}), doctor)
    assert (led.status, led.location) == (302, "/residents/?" + urlencode({"q": typed}))
    assert call("GET", led.location, doctor).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/residents/not-a-uuid/",
        "/residents/00000000-0000-0000-0000-000000000000/",
        "/referrals/R350405-260915-00042-8/",
        "/referrals/R350405-260915-00042/",
        "/referrals/٣/",
        "/visits/1/",
        "/nowhere/",
        "/../etc/passwd",
        "//",
        "/referrals/%F0%9F%98%80/",
        "/referrals/%ff/",
    ],
)
def test_addresses_that_do_not_exist_are_a_page_that_says_so(house_file: object, path: str) -> None:
    answer = client_for(person("doctor")).get(quote(unquote_to_bytes(path), safe="/"))
    assert answer.status_code == 404
    assert "There is no such record" in answer.content.decode()


# --- fuzz --------------------------------------------------------------------------------------------------------------------

ADDRESSES = ["/" + address for address, _ in _views(get_resolver().url_patterns)]
FIELDS = (
    "q", "identity", "name", "phone", "address", "diagnosis", "complaint", "emergency", "ending", "summary", "receiver", "note",
    "override_reason", "keep", "findings", "advice", "_key", "_version", "_who", "size", "from", "before", "state", "card", "next",
    "pending", "username", "password", "language", "post", "out",
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
SLUGS = ("approve", "accept", "redirect", "offer", "answer", "died", "withdraw", "submit", "x")


def _encoded(pairs: list[tuple[str, str | bytes]]) -> str:
    def raw(value: str | bytes) -> bytes:
        return value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")

    return "&".join(f"{quote(raw(k), safe='')}={quote(raw(v), safe='')}" for k, v in pairs)


@pytest.fixture(scope="module")
def things(house_file: object) -> Iterator[dict[str, list[str]]]:
    """For each kind of id one that the doctor sees, one of another township, and one that does not exist."""
    who = person("doctor")
    visit = _visit(156)
    with transaction.atomic(), scope(who) as by:
        resident = str(a_resident(who, 156).id)
        case = a_case(by, who, number=157, code=NOT_IN_CATALOGUE).number
    other = str(Resident.objects.using("load").exclude(home_org_id=who.org_id).order_by("id")[0].id)
    nothing = "00000000-0000-7000-8000-000000000000"
    yield {
        "<uuid:resident_id>": [resident, other, nothing],
        "<uuid:visit_id>": [visit, resident, nothing],
        "<case:number>": [case, "R350405-260915-00042-8", "R350405-000000-00000-0"],
    }
    _end(case)


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
    login=st.sampled_from(["doctor", "doctor", "anonymous"]),
    query=PAIRS,
    body=PAIRS,
    pick=st.integers(0, 2),
    slug=st.sampled_from(SLUGS),
    keyed=st.booleans(),
)
def test_no_garbage_to_any_address_by_any_method_breaks_a_page(
    things: dict[str, list[str]], address: str, method: str, login: str, query: Any, body: Any, pick: int, slug: str, keyed: bool
) -> None:
    client = {"doctor": lambda: client_for(person("doctor")), "anonymous": lambda: Client(raise_request_exception=False)}[login]()
    path = _filled(address, things, pick, slug) + "?" + _encoded(query)
    sent = _encoded([*body, *([("_key", fresh_key()), ("_version", "2")] if keyed else [])])
    with transaction.atomic():
        answer = client.generic(method, path, sent.encode(), content_type=_FORM)
        transaction.set_rollback(True)
    assert answer.status_code < 500, (method, path, sent)
    assert answer["Cache-Control"] == "no-store"


def test_the_fuzz_knows_every_part_of_every_address(things: dict[str, list[str]]) -> None:
    assert len(ADDRESSES) >= 19
    assert not [a for a in ADDRESSES if "<" in _filled(a, things, 0, "x")]


def test_the_fuzz_would_see_a_broken_page(things: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a page that breaks is seen as 500, not swallowed."""
    monkeypatch.setattr("fenji.care.registry.queries.search", lambda *a: 1 / 0)
    assert client_for(person("doctor")).get("/residents/?q=x").status_code == 500
