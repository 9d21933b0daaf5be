"""Posts and language, permissions, and what every answer carries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from http.cookies import SimpleCookie

import pytest
from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.test import Client

from fenji.care.referral.models import Case
from fenji.care.registry.models import Resident
from fenji.ground.access.models import AuditEvent
from fenji.ground.access.rules import DESK, house
from fenji.ground.common.edge import fresh_key, now
from fenji.ground.network.actions import appoint
from fenji.ground.network.models import Post
from fenji.world.county import COUNTY_HOSPITAL, Person
from tests.app.sessions import (
    MISSING,
    NO_ID,
    WORD,
    browser,
    form_of,
    handle,
    last_of,
    sign_in,
    with_word,
)
from tests.app.wsgi import call
from tests.cast import NOT_IN_CATALOGUE, a_case, client_for, finish, person, scope, token_for


@pytest.fixture
def doctor(house_file: object) -> Person:
    return with_word(last_of("doctor"))


@pytest.fixture
def reviewer(house_file: object) -> Person:
    return with_word(last_of("reviewer"))


# --- posts and language ------------------------------------------------------------------------------------------------------


@pytest.fixture
def second_post(doctor: Person) -> Iterator[Post]:
    """The doctor of the last township also works at the county hospital's desk."""
    since = now() - timedelta(hours=1)
    post = appoint(doctor.id, COUNTY_HOSPITAL, DESK, since, by=house(COUNTY_HOSPITAL), at=since, using="load")
    yield post
    Post.objects.using("load").filter(pk=post.pk).update(end=now())


def test_switching_the_post_switches_what_is_seen_and_may_be_done(doctor: Person, second_post: Post) -> None:
    with transaction.atomic(), scope(person("doctor")) as by:
        case = a_case(by, person("doctor"), number=160, code=NOT_IN_CATALOGUE)
    client = browser()
    sign_in(doctor, client=client)
    first = client.cookies[settings.SESSION_COOKIE].value
    assert client.get("/residents/").status_code == 200
    assert client.get(f"/referrals/{case.number}/").status_code == 404
    page = client.get("/posts/")
    assert page.content.decode().count('name="post"') == 2
    form = form_of(page, "/posts/")
    answer = client.post("/posts/", {**form.fields, "post": str(second_post.pk)})
    assert (answer.status_code, answer["Location"]) == (303, "/")
    second = client.cookies[settings.SESSION_COOKIE].value
    assert second != first
    assert handle(first).closed_at is not None
    assert (handle(second).role, handle(second).org_id) == (DESK, COUNTY_HOSPITAL)
    assert client.get(f"/referrals/{case.number}/").status_code == 200
    assert client.get("/residents/").status_code == 403
    finish(case.number)


def test_a_post_of_somebody_else_or_one_that_has_ended_cannot_be_taken(doctor: Person, second_post: Post) -> None:
    client = browser()
    sign_in(doctor, client=client)
    key = form_of(client.get("/posts/"), "/posts/").fields
    strange = Post.objects.using("door").get(account_id=person("head").id).pk
    for post in (str(strange), NO_ID, "", "x", f"{second_post.pk}\n"):
        assert client.post("/posts/", {**key, "_key": fresh_key(), "post": post}).status_code == 404, post
    Post.objects.using("load").filter(pk=second_post.pk).update(end=now())
    assert client.post("/posts/", {**key, "_key": fresh_key(), "post": str(second_post.pk)}).status_code == 404
    assert client.get("/residents/").status_code == 200, "the present post stays as it was"


def test_an_account_without_a_post_is_told_so(doctor: Person) -> None:
    post = Post.objects.using("load").get(account_id=doctor.id, end=None)
    Post.objects.using("load").filter(pk=post.pk).update(end=now())
    try:
        answer = sign_in(doctor)
    finally:
        Post.objects.using("load").filter(pk=post.pk).update(end=None)
    assert answer.status_code == 422
    assert "This account holds no post at present" in answer.content.decode()
    assert settings.SESSION_COOKIE not in answer.cookies


def test_the_language_is_switched_kept_and_only_to_one_we_speak(doctor: Person) -> None:
    client = Client()
    assert '<html lang="zh-hans">' in client.get("/login/").content.decode()
    answer = client.post("/language/", {"language": "en", "next": "/login/?next=/residents/"})
    assert (answer.status_code, answer["Location"]) == (303, "/login/?next=/residents/")
    assert '<html lang="en">' in client.get("/login/").content.decode()
    for word in ("xx", "", "en; path=/x", "../../etc"):
        assert settings.LANGUAGE_COOKIE_NAME not in client.post("/language/", {"language": word}).cookies
    assert '<html lang="en">' in client.get("/login/").content.decode()
    client.post("/language/", {"language": "zh-hans"})
    assert '<html lang="zh-hans">' in client.get("/login/").content.decode()


# --- permissions -------------------------------------------------------------------------------------------------------------

_NOISE = re.compile(r'value="[^"]{20,}"|R\d{6}-\d{6}-\d{5}-\d|[0-9a-f]{8}-[0-9a-f-]{27}')


@pytest.mark.parametrize(
    ("login", "address"),
    [
        ("officer", "/referrals/{case}/"),
        ("system", "/referrals/{case}/"),
        ("security", "/referrals/{case}/edit/"),
        ("audit", "/residents/{resident}/"),
        ("reviewer", "/residents/{resident}/"),
        ("desk", "/visits/new/{resident}/"),
        ("head", "/referrals/new/{visit}/"),
        ("reviewer", "/referrals/verdict/{visit}/"),
    ],
)
def test_without_the_permission_existing_and_missing_ids_are_refused_alike(in_review: Case, login: str, address: str) -> None:
    there = {"case": in_review.number, "resident": in_review.resident_id, "visit": in_review.visit_id}
    nowhere = {"case": MISSING, "resident": NO_ID, "visit": NO_ID}
    token = token_for(person(login))
    for method, fields in (("GET", None), ("POST", {"_key": fresh_key()}), ("POST", {})):
        answers = [call(method, address.format(**ids), token, fields) for ids in (there, nowhere)]
        assert [a.status for a in answers] == [403, 403]
        assert len({_NOISE.sub("", a.body) for a in answers}) == 1
        assert "Your role may not do this" in answers[0].body


def test_with_the_permission_a_record_of_others_and_a_missing_one_are_not_told_apart(in_review: Case) -> None:
    token = token_for(person("doctor"))
    pairs = [
        (f"/referrals/{in_review.number}/", f"/referrals/{MISSING}/"),
        (f"/residents/{in_review.resident_id}/", f"/residents/{NO_ID}/"),
        (f"/visits/{in_review.visit_id}/", f"/visits/{NO_ID}/"),
    ]
    for there, nowhere in pairs:
        answers = [call("GET", path, token) for path in (there, nowhere)]
        assert [a.status for a in answers] == [404, 404]
        assert len({_NOISE.sub("", a.body) for a in answers}) == 1


# --- what every answer carries -----------------------------------------------------------------------------------------------


def _flags(answer: HttpResponse, name: str) -> tuple[bool, str, str]:
    cookie = SimpleCookie(answer.cookies[name].OutputString())[name]
    return bool(cookie["httponly"]), cookie["samesite"], cookie["path"]


def test_every_cookie_is_out_of_reach_for_scripts_and_for_other_sites(doctor: Person) -> None:
    client = browser()
    page = client.get("/login/")
    signed = sign_in(doctor, client=client)
    spoken = client.post("/language/", {"language": "en"})
    told = client.post("/residents/door/", {"_key": fresh_key(), "identity": "11010519491231002X"})
    safe = (True, "Lax", "/")
    assert _flags(page, "csrftoken") == safe
    assert _flags(signed, settings.SESSION_COOKIE) == safe
    assert _flags(spoken, settings.LANGUAGE_COOKIE_NAME) == safe
    assert _flags(told, "messages") == safe
    assert not [n for a in (page, signed, spoken, told) for n in a.cookies if a.cookies[n]["domain"]]


def _answers(in_review: Case, doctor: Person) -> dict[str, HttpResponse]:
    client, nobody = client_for(doctor), browser()
    resident = Resident.objects.using("load").filter(home_org_id=doctor.org_id).order_by("id")[1].pk
    return {
        "desk": client.get("/"),
        "search": client.get("/residents/?q=l"),
        "resident": client.get(f"/residents/{resident}/"),
        "register": client.get("/residents/new/"),
        "visit": client.get(f"/visits/new/{resident}/"),
        "case": client.get(f"/referrals/{in_review.number}/"),
        "list": client.get("/referrals/"),
        "posts": client.get("/posts/"),
        "suggest": client.get("/diagnoses/suggest/?diagnosis=I"),
        "verdict": client.get(f"/referrals/verdict/{in_review.visit_id}/"),
        "file": client.get("/referrals/export.xlsx"),
        "sign in": nobody.get("/login/"),
        "signed out": nobody.get("/"),
        "too late": nobody.post("/residents/new/", {"name": "x"}),
        "bad request": client.post("/residents/new/", {"name": "x"}),
        "mistake": client.post("/residents/new/", {"_key": fresh_key(), "name": "x"}),
        "forbidden": client_for(person("officer")).get("/residents/"),
        "not found": client.get(f"/referrals/{MISSING}/"),
        "nowhere": client.get("/nowhere/"),
        "method": client.put("/residents/"),
        "stale": client.post(f"/referrals/{in_review.number}/do/withdraw/", {"_key": fresh_key(), "note": "x"}),
        "forged": _forged(doctor),
    }


def _forged(doctor: Person) -> HttpResponse:
    strict = Client(enforce_csrf_checks=True, raise_request_exception=False)
    strict.cookies[settings.SESSION_COOKIE] = token_for(doctor)
    strict.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    return strict.post("/residents/door/", {"_key": fresh_key(), "identity": "11010519491231002X"})


def test_every_answer_is_not_kept_and_runs_no_inline_script(
    doctor: Person, in_review: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = _answers(in_review, doctor)
    monkeypatch.setattr("fenji.front.desk.views.home.queries.desk_items", lambda *a: 1 / 0)
    answers["broken"] = client_for(doctor).get("/")
    statuses = {name: a.status_code for name, a in answers.items()}
    assert statuses["broken"] == 500
    assert set(statuses.values()) >= {200, 302, 400, 401, 403, 404, 405, 409, 422, 500}, statuses
    for name, answer in answers.items():
        assert answer["Cache-Control"] == "no-store", name
        policy = dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";"))
        assert policy["default-src"] == policy["script-src"] == policy["style-src"] == "'self'", name
        assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'", name
        assert policy["form-action"] == "'self'", name
        assert answer["X-Frame-Options"] == "DENY", name
        assert answer["X-Content-Type-Options"] == "nosniff", name
        assert answer["Referrer-Policy"] == "same-origin", name


_INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\son[a-z]+\s*=\s*[\"']|\sstyle\s*=\s*[\"']|javascript:", re.IGNORECASE)


def test_no_page_has_anything_that_the_policy_would_refuse_to_run(doctor: Person, in_review: Case) -> None:
    pages = {n: a.content.decode() for n, a in _answers(in_review, doctor).items() if a["Content-Type"].startswith("text/html")}
    assert len(pages) >= 15
    assert {n: _INLINE.search(p).group() for n, p in pages.items() if _INLINE.search(p)} == {}
    assert _INLINE.search('<p onclick="x">'), "the control: the search would find one"


def test_the_forged_form_is_refused_and_leaves_no_trace(doctor: Person) -> None:
    before = AuditEvent.objects.using("job").count()
    answer = _forged(doctor)
    assert answer.status_code == 403
    assert "The form was not accepted because its page was too old" in answer.content.decode()
    assert AuditEvent.objects.using("job").count() == before


def test_a_signing_in_form_from_another_site_is_refused_too(doctor: Person) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/login/", {"username": doctor.username, "password": WORD}).status_code == 403


def test_a_strange_host_is_refused(house_file: object) -> None:
    assert browser().get("/login/", headers={"host": "evil.example"}).status_code == 400
