"""What is typed into a field: understood, or refused by name with the typed text kept, and never half written."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, unquote_to_bytes, urlencode

import pytest
from django.conf import settings
from django.test import Client

from fenji.care.registry.models import Identity, Resident
from fenji.ground.common.edge import fresh_key
from tests.app.forms import FORM_TYPE, card_of, new_card, post, shown, wide, written
from tests.app.wsgi import call
from tests.cast import client_for, person

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
    answer = client_for(person("doctor")).generic("POST", "/residents/new/", filled, content_type=FORM_TYPE)
    assert answer.status_code == 400
    assert written() == before


@pytest.mark.parametrize("charset", ["gbk", "utf-16", "latin-1", "utf-7", "nonsense", "utf-8; boundary=x"])
def test_other_character_sets_are_refused_or_read_as_utf8(house_file: object, charset: str) -> None:
    before = written()
    body = f"_key={fresh_key()}&identity=1&name=x".encode()
    answer = client_for(person("doctor")).generic("POST", "/residents/new/", body, content_type=f"{FORM_TYPE}; charset={charset}")
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
        "/referrals/%F0%9F%98%80/",
        "/referrals/%ff/",
    ],
)
def test_addresses_that_do_not_exist_are_a_page_that_says_so(house_file: object, path: str) -> None:
    answer = client_for(person("doctor")).get(quote(unquote_to_bytes(path), safe="/"))
    assert answer.status_code == 404
    assert "There is no such record" in answer.content.decode()
