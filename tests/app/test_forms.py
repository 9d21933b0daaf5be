"""Bad input over HTTP: a clear message saying what to do, nothing changed, nothing typed is lost. Never a 500."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import transaction
from django.urls import get_resolver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fenji.care.referral.models import Case
from fenji.care.registry.models import Identity, Resident
from fenji.care.visits.models import Visit
from fenji.ground.access.models import IdempotencyKey
from fenji.ground.common.edge import fresh_key, now
from fenji.ground.common.identity import identity_check
from fenji.ground.common.ids import uuid7
from tests.app.wsgi import Answer, call
from tests.architecture.test_code import _views
from tests.cast import a_case, a_resident, finish, person, scope, token_for


def card(stem: str) -> str:
    return stem + identity_check(stem)


@pytest.fixture(scope="module")
def doctor(house_file: object) -> str:
    return token_for(person("doctor"))


def post(path: str, token: str, **fields: object) -> Answer:
    return call("POST", path, token, {"_key": fresh_key(), **fields})


def counts() -> tuple[int, ...]:
    return tuple(m.objects.using("owner").count() for m in (Resident, Identity, Visit, Case))


BAD_CARDS = [
    ("350427195001011111", "mistyped"),
    ("35042719501301111X", "does not exist"),
    (card("35042720990101111"), "in the future"),
    ("3504271950010111", "18 characters"),
    ("35042719500101ABCD", "18 characters"),
    ("😀" * 18, "18 characters"),
    ("'; DROP TABLE x; --", "18 characters"),
]


@pytest.mark.parametrize(("typed", "says"), BAD_CARDS)
def test_the_door_names_what_is_wrong_with_a_number(doctor: str, typed: str, says: str) -> None:
    before = counts()
    answer = post("/residents/door/", doctor, identity=typed)
    assert answer.status == 422
    assert says in answer.body
    assert counts() == before


@pytest.mark.parametrize(("typed", "says"), BAD_CARDS)
def test_registration_names_it_too_and_keeps_what_was_typed(doctor: str, typed: str, says: str) -> None:
    before = counts()
    answer = post("/residents/new/", doctor, identity=typed, name="陈试行", phone="13800001111", address="府前路 1 号")
    assert answer.status == 422
    assert says in answer.body
    assert all(kept in answer.body for kept in ("陈试行", "13800001111", "府前路 1 号"))
    assert counts() == before


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", "Robert'); DROP", "no digits or signs"),
        ("name", "张3", "no digits or signs"),
        ("name", "", "required"),
        ("phone", "12345", "11 digits"),
        ("phone", "٠١٢٣٤٥٦٧٨٩٠", "11 digits"),
        ("address", "x" * 201, "200"),
        ("name", "长" * 61, "60"),
    ],
)
def test_one_bad_field_writes_nothing_at_all(doctor: str, field: str, value: str, says: str) -> None:
    before = counts()
    good = {"identity": card("35042719600203123"), "name": "陈试行", "phone": "", "address": ""}
    answer = post("/residents/new/", doctor, **{**good, field: value})
    assert answer.status == 422
    assert says in answer.body
    assert counts() == before


def test_full_width_digits_blanks_and_dashes_are_understood(doctor: str) -> None:
    number = card("35042719610405321")
    wide = "-".join([number[:6], number[6:14], number[14:]]).translate({ord(str(i)): 0xFF10 + i for i in range(10)}).lower()
    answer = post("/residents/new/", doctor, identity=f" {wide} ", name="陈 宽", phone="+86 １３９-1234-5678", address="")
    assert answer.status == 303
    with transaction.atomic(), scope(person("doctor")):
        found = Resident.objects.get(pk=answer.location.strip("/").split("/")[-1])
        assert (found.name, str(found.birth_date), found.sex) == ("陈宽", "1961-04-05", "1")
    page = call("GET", answer.location, doctor)
    assert "13912345678" in page.body
    assert post("/residents/door/", doctor, identity=wide).location == answer.location


@pytest.mark.parametrize("path", ["/residents/?q=%00", "/residents/?q=a%00b", "/diagnoses/suggest/?diagnosis=%00"])
def test_a_nul_in_the_address_is_a_bad_request(doctor: str, path: str) -> None:
    assert call("GET", path, doctor).status == 400


def test_a_nul_in_a_form_is_a_bad_request(doctor: str) -> None:
    assert post("/residents/new/", doctor, identity="\0", name="a").status == 400


@pytest.mark.parametrize("key", ["", "x", "0" * 40])
def test_a_form_without_its_key_is_a_bad_request(doctor: str, key: str) -> None:
    assert call("POST", "/residents/new/", doctor, {"_key": key, "name": "x"}).status == 400


@pytest.fixture
def offered(house_file: object) -> object:
    who = person("doctor")
    with transaction.atomic(), scope(who) as by:
        case = a_case(by, who, number=120, code="I21.900", emergency=True)
    yield case.number
    finish(case.number)


def version_of(number: str) -> int:
    return Case.objects.using("owner").get(number=number).version


@pytest.mark.parametrize("version", ["", "0", "-1", "abc", "99999999999999999999", "１", "1.5"])
def test_a_form_that_names_no_present_version_is_stale_and_keeps_the_note(offered: str, version: str) -> None:
    before = version_of(offered)
    answer = post(f"/referrals/{offered}/do/decline/", token_for(person("desk")), _version=version, note="typed note")
    assert answer.status == 409
    assert "Somebody else acted" in answer.body
    assert "typed note" in answer.body
    assert version_of(offered) == before


def test_a_form_read_before_somebody_else_acted_shows_the_present_state_and_the_note(offered: str) -> None:
    desk, doctor = token_for(person("desk")), token_for(person("doctor"))
    read = version_of(offered)
    assert post(f"/referrals/{offered}/do/accept/", desk, _version=read).status == 303
    answer = post(f"/referrals/{offered}/do/withdraw/", doctor, _version=read, note="the patient is better")
    assert answer.status == 409
    assert "the patient is better" in answer.body
    assert 'data-state="accepted"' in answer.body
    assert version_of(offered) == read + 1


def test_the_same_form_twice_acts_once_and_both_are_led_to_the_same_place(offered: str) -> None:
    desk, form = token_for(person("desk")), {"_key": fresh_key(), "_version": version_of(offered), "note": ""}
    first, second = (call("POST", f"/referrals/{offered}/do/accept/", desk, form) for _ in range(2))
    assert (first.status, second.status) == (303, 303)
    assert first.location == second.location
    assert version_of(offered) == form["_version"] + 1
    other = call("POST", f"/referrals/{offered}/do/accept/", desk, {**form, "note": "something else"})
    assert other.status == 409
    assert "already sent with other contents" in other.body


def test_a_refused_form_leaves_its_key_free_for_the_mended_one(offered: str) -> None:
    desk, key = token_for(person("desk")), fresh_key()
    form = {"_key": key, "_version": version_of(offered)}
    assert call("POST", f"/referrals/{offered}/do/decline/", desk, {**form, "note": ""}).status == 409
    assert not IdempotencyKey.objects.using("owner").filter(pk=key).exists()
    assert call("POST", f"/referrals/{offered}/do/decline/", desk, {**form, "note": "no bed"}).status == 303


@pytest.mark.parametrize("action", ["submit", "expire", "nonsense", "draft"])
def test_an_unknown_action_is_not_found(offered: str, action: str) -> None:
    assert post(f"/referrals/{offered}/do/{action}/", token_for(person("doctor")), _version=2).status == 404


@pytest.mark.parametrize("receiver", ["", "x", "-3", "0", "104", "101", "4", "99999999999999", "3.0", "999"])
def test_a_receiver_that_is_no_higher_hospital_is_refused_and_the_form_keeps_its_text(doctor: str, receiver: str) -> None:
    with transaction.atomic(), scope(person("doctor")) as by:
        resident = a_resident(person("doctor"), 121)
        visit = Visit.objects.filter(resident=resident).first()
        if visit is None:
            from fenji.care.catalogue.queries import diagnosis
            from fenji.care.visits import actions as visits

            visit = visits.register(resident, visits.NewVisit(diagnosis("I10.x00"), "x", False), by=by, at=now())
    before = counts()
    answer = post(
        f"/referrals/new/{visit.id}/",
        doctor,
        diagnosis="I10.x00",
        summary="kept text",
        receiver=receiver,
        override_reason="because",
    )
    assert answer.status == 422
    assert "kept text" in answer.body
    assert counts() == before


def test_a_case_number_with_a_slip_is_named_in_the_search(doctor: str) -> None:
    answer = call("GET", "/search/?q=R350405-261122-00001-0", doctor)
    assert answer.status in (404, 302)
    slips = [call("GET", f"/search/?q=R350405-261122-00001-{d}", doctor).status for d in range(10)]
    assert sorted(slips) == [302] + [404] * 9


PATHS = [address for address, _ in _views(get_resolver().url_patterns)]
FIELDS = (
    *(
        "q",
        "identity",
        "name",
        "diagnosis",
        "receiver",
        "_version",
        "note",
        "findings",
        "ending",
        "size",
        "from",
        "before",
        "state",
    ),
    *("card", "next", "pending", "username", "password", "language", "post", "override_reason", "summary", "complaint"),
)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    address=st.sampled_from(PATHS),
    method=st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE"]),
    login=st.sampled_from(["", "doctor", "desk", "reviewer", "officer"]),
    fields=st.dictionaries(
        st.sampled_from(FIELDS),
        TEXTS,
        max_size=6,
    ),
    action=st.sampled_from(["accept", "answer", "redirect", "offer", "withdraw", "died"]),
)
def test_no_garbage_breaks_any_address(
    house_file: object, address: str, method: str, login: str, fields: dict[str, str], action: str
) -> None:
    from urllib.parse import urlencode

    path = "/" + address.replace("<uuid:resident_id>", str(uuid7())).replace("<uuid:visit_id>", str(uuid7()))
    path = path.replace("<case:number>", "R350405-261122-00001-6").replace("<slug:action>", action)
    token = token_for(person(login)) if login else ""
    clean = {k: v.encode("utf-8", "replace").decode() for k, v in fields.items()}
    if method == "POST":
        answer = call("POST", path, token, {"_key": str(uuid4()), **clean})
    else:
        answer = call(method, f"{path}?{urlencode(clean)}", token)
    assert answer.status < 500, (method, path, fields)


def test_a_body_that_is_no_form_and_too_many_fields_are_bad_requests(doctor: str) -> None:
    many = {f"f{i}": "x" for i in range(300)}
    assert call("POST", "/residents/new/", doctor, {"_key": fresh_key(), **many}).status == 400
    assert post("/residents/new/", doctor, identity="x" * 3_000_000).status in (400, 413)
