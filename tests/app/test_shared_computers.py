"""Computers that colleagues share: who is named on the sign-in page, what a switch ends, and forms that scripts send."""

from __future__ import annotations

import base64
import json
import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client

from fenji.care.visits.models import Visit
from fenji.front.desk.context import typing_key
from fenji.front.desk.views.names import _PLACE, COOKIE
from fenji.ground.access.models import Account, AuditEvent
from fenji.ground.common.edge import now
from fenji.world.county import Person
from tests.app.sessions import WORD, browser, form_of, handle, last_of, move, sign_in, with_word
from tests.cast import a_resident, client_for, everybody, person, scope

RESULT = "X-Form-Result"
VISIT = {"diagnosis": "J06.900", "complaint": "cough", "ending": "treated"}


@pytest.fixture
def doctor(house_file: object) -> Person:
    return with_word(last_of("doctor"))


@pytest.fixture
def resident(house_file: object) -> str:
    with transaction.atomic(), scope(person("doctor")):
        return str(a_resident(person("doctor"), 165).id)


def named(client: Client) -> list[str]:
    return re.findall(r'<a class="choice"[^>]*>.*?<strong>([^<]*)</strong>', client.get("/login/").content.decode())


def rows(who: Person) -> list[str]:
    return list(AuditEvent.objects.using("job").filter(actor_id=who.id).order_by("at", "id").values_list("action", flat=True))


# --- leaving -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["switch", "logout"])
def test_leaving_ends_the_session_removes_its_cookie_and_is_in_the_trail_once(doctor: Person, way: str) -> None:
    client = browser()
    sign_in(doctor, client=client)
    token, before = client.cookies[settings.SESSION_COOKIE].value, len(rows(doctor))
    answer = client.post(f"/{way}/")
    assert (answer.status_code, answer["Location"]) == (303, "/login/?switch=1" if way == "switch" else "/login/?out=1")
    assert client.cookies[settings.SESSION_COOKIE].value == ""
    assert handle(token).closed_at is not None
    client.cookies[settings.SESSION_COOKIE] = token
    client.post(f"/{way}/")
    assert rows(doctor)[before:] == [way]


def test_switching_by_a_link_is_not_possible(doctor: Person) -> None:
    client = client_for(doctor)
    assert client.get("/switch/").status_code == 405
    assert handle(client.cookies[settings.SESSION_COOKIE].value).closed_at is None


def test_where_the_former_person_was_is_not_told_to_the_next(doctor: Person) -> None:
    client = client_for(doctor)
    client.get("/residents/?q=chen")
    assert "residents" not in client.post("/switch/", follow=True).content.decode()


# --- names -------------------------------------------------------------------------------------------------------------------


def test_the_computer_keeps_user_name_and_name_sealed_and_nothing_else(doctor: Person) -> None:
    client = browser()
    sign_in(doctor, client=client, remember="1")
    cookie = client.cookies[COOKIE]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/login/", True, "Lax")
    sealed = base64.urlsafe_b64decode(cookie.value)
    assert doctor.username.encode() not in sealed
    found = json.loads(settings.DATABASE_KEYS.open_bytes(sealed, _PLACE))
    assert found == {"people": [[doctor.username, doctor.name]], "remember": True}
    assert named(client) == [doctor.name]


def test_a_refused_sign_in_leaves_no_name(doctor: Person) -> None:
    client = browser()
    sign_in(doctor, "wrong", client=client, remember="1")
    assert COOKIE not in client.cookies
    Account.objects.using("door").filter(pk=doctor.id).update(failures=0)


def test_the_last_five_are_named_the_latest_first_and_each_once(house_file: object) -> None:
    people = [with_word(person(n)) for n in sorted(everybody()) if n.startswith("doctor.")][:6]
    client = browser()
    for who in (*people, people[3]):
        sign_in(who, client=client, remember="1")
    left = [people[3], people[5], people[4], people[2], people[1]]
    assert named(client) == [p.name for p in left]
    assert len(client.cookies[COOKIE].value) < 3000


def test_who_does_not_wish_to_be_named_is_not_and_the_next_is_asked_the_same_way(doctor: Person) -> None:
    client, box = browser(), re.compile(r'name="remember" value="1"( checked)?')
    assert box.search(client.get("/login/").content.decode()).group(1)
    sign_in(doctor, client=client, remember="1")
    sign_in(doctor, client=client)
    assert named(client) == []
    assert box.search(client.get("/login/").content.decode()).group(1) is None


def test_a_name_is_taken_off_by_whoever_sits_there(doctor: Person) -> None:
    client, other = browser(), with_word(person("doctor2"))
    for who in (doctor, other):
        sign_in(who, client=client, remember="1")
    form = form_of(client.get("/login/"), "/login/forget/")
    assert client.post(form.action, {"username": doctor.username}).status_code == 303
    assert named(client) == [other.name]
    assert client.post(form.action, {"username": "nobody"}).status_code == 303
    assert named(client) == [other.name]


def test_choosing_a_name_fills_in_the_user_name_and_keeps_the_way(doctor: Person) -> None:
    client = browser()
    sign_in(doctor, client=client, remember="1")
    page = client.get("/login/?name=1&next=/visits/").content.decode()
    assert f'value="{doctor.username}"' in page
    assert re.search(r'id="password"[^>]* autofocus', page)
    assert 'name="next" value="/visits/"' in page
    for place in ("0", "2", "-1", "x", "١", "9" * 30):
        assert doctor.username in client.get("/login/", {"name": place}).content.decode(), "the list is shown"
        assert re.search(r'id="username"[^>]* value=""', client.get("/login/", {"name": place}).content.decode())


@pytest.mark.parametrize("cookie", ["", "x", "====", "aW50bA==", "ы", "A" * 4000])
def test_a_cookie_of_names_that_is_not_ours_names_nobody(house_file: object, cookie: str) -> None:
    client = browser()
    client.cookies[COOKIE] = cookie
    assert named(client) == []


def test_a_cookie_of_names_opens_nothing(doctor: Person) -> None:
    client = browser()
    sign_in(doctor, client=client, remember="1")
    del client.cookies[settings.SESSION_COOKIE]
    assert client.get("/").status_code == 302


# --- what is typed is sealed for its person ----------------------------------------------------------------------------------


def test_each_person_has_one_key_for_what_they_type_and_no_page_without_them_has_it(house_file: object) -> None:
    keys = []
    for who in (person("doctor"), person("doctor"), person("doctor2")):
        page = client_for(who).get("/").content.decode()
        keys.append(re.search(r'data-seal="([^"]*)"', page).group(1))
    assert keys[0] == keys[1] != keys[2]
    assert len(base64.b64decode(keys[0])) == 32
    with transaction.atomic(), scope(person("doctor")) as actor:
        assert typing_key(actor) == keys[0]
    assert "data-seal" not in browser().get("/login/").content.decode()


def test_a_late_form_is_answered_without_the_key(house_file: object, resident: str) -> None:
    client = client_for(person("doctor"))
    form = form_of(client.get(f"/visits/new/{resident}/"), f"/visits/new/{resident}/")
    move(client.cookies[settings.SESSION_COOKIE].value, seen_at=now() - timedelta(minutes=31))
    late = client.post(form.action, {**form.fields, **VISIT})
    assert late.status_code == 401
    assert "data-seal" not in late.content.decode()
    assert 'name="remember"' in late.content.decode()


# --- forms in the wrong hands, and forms that scripts send -------------------------------------------------------------------


def _count(resident: str) -> int:
    return Visit.objects.using("load").filter(resident_id=resident).count()


@pytest.mark.parametrize("who", [str(uuid4()), "x", ""])
def test_a_form_that_somebody_else_opened_changes_nothing(house_file: object, resident: str, who: str) -> None:
    client, before = client_for(person("doctor")), _count(resident)
    form = form_of(client.get(f"/visits/new/{resident}/"), f"/visits/new/{resident}/")
    answer = client.post(form.action, {**form.fields, **VISIT, "_who": who})
    assert answer.status_code == 409
    assert "cough" not in answer.content.decode()
    assert _count(resident) == before
    assert client.post(form.action, {**form.fields, **VISIT}).status_code == 303, "the key is still free"


def test_a_script_is_told_where_its_form_led_and_told_the_same_again(house_file: object, resident: str) -> None:
    client, before = client_for(person("doctor")), _count(resident)
    form = form_of(client.get(f"/visits/new/{resident}/"), f"/visits/new/{resident}/")
    for _ in range(2):
        answer = client.post(form.action, {**form.fields, **VISIT}, headers={RESULT: "1"})
        assert (answer.status_code, answer[RESULT], answer.content) == (204, f"/residents/{resident}/", b"")
        assert "Location" not in answer
    assert _count(resident) == before + 1


def test_a_script_is_told_no_result_of_a_form_that_was_not_taken(doctor: Person, resident: str) -> None:
    client = client_for(person("doctor"))
    form = form_of(client.get(f"/visits/new/{resident}/"), f"/visits/new/{resident}/")
    refused = client.post(form.action, {**form.fields, **VISIT, "diagnosis": "nonsense"}, headers={RESULT: "1"})
    assert (refused.status_code, RESULT in refused) == (422, False)
    left = client.post("/switch/", headers={RESULT: "1"})
    assert (left.status_code, RESULT in left) == (303, False)
    Account.objects.using("door").filter(pk=doctor.id).update(must_change=True)
    due = browser()
    due.post("/login/", {"username": doctor.username, "password": WORD})
    Account.objects.using("door").filter(pk=doctor.id).update(must_change=False)
    answer = due.post(form.action, {**form.fields, **VISIT, "_who": str(doctor.id)}, headers={RESULT: "1"})
    assert (answer.status_code, answer["Location"], RESULT in answer) == (303, "/account/password/", False)
