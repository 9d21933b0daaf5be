"""Signing in and out, lock-out, idle time-out, posts, language, headers; and what was being typed when the session ended."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client

from fenji.care.visits.models import Visit
from fenji.ground.access import queries
from fenji.ground.access.actions import set_password
from fenji.ground.access.models import Account, AuditEvent, ScopeHandle
from fenji.ground.access.queries import account_by_id
from fenji.ground.access.rules import AUDIT_ADMIN, DOCTOR, REVIEWER, SECURITY_ADMIN, SYSTEM_ADMIN, conflicting_roles
from fenji.ground.common.edge import fresh_key, now
from fenji.ground.common.ids import uuid7
from fenji.ground.network.actions import RolesExclude, appoint
from fenji.ground.network.models import Post
from fenji.world.county import COUNTY_HOSPITAL, Person
from tests.app.wsgi import call
from tests.cast import other_reviewer, person, token_for

WORD = "a-long-pass-word-1"
SEALED = re.compile(r'name="pending" value="([0-9a-f]+)"')


def client() -> Client:
    browser = Client(raise_request_exception=False)
    browser.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    return browser


def sign_in(browser: Client, who: Person, word: str = WORD, **more: str) -> object:
    return browser.post("/login/", {"username": who.username, "password": word, **more})


@pytest.fixture
def reviewer(house_file: object) -> Person:
    """A reviewer of township B with a known password and no failures."""
    who = other_reviewer()
    set_password(account_by_id(who.id), WORD)
    return who


def test_a_right_password_opens_a_session_and_a_wrong_one_does_not(reviewer: Person) -> None:
    browser = client()
    wrong = sign_in(browser, reviewer, "wrong")
    assert wrong.status_code == 422
    assert settings.SESSION_COOKIE not in browser.cookies
    right = sign_in(browser, reviewer)
    assert (right.status_code, right["Location"]) == (303, "/")
    cookie = browser.cookies[settings.SESSION_COOKIE]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert browser.get("/").status_code == 200


def test_an_unknown_name_is_answered_like_a_wrong_password(reviewer: Person) -> None:
    known, unknown = (client().post("/login/", {"username": n, "password": "x"}) for n in (reviewer.username, "nobody"))
    assert known.status_code == unknown.status_code == 422
    assert "The user name or the password is not right" in known.content.decode()
    assert "The user name or the password is not right" in unknown.content.decode()


def test_five_wrong_passwords_lock_the_account_and_time_opens_it_again(reviewer: Person) -> None:
    for _ in range(4):
        assert "not right" in sign_in(client(), reviewer, "wrong").content.decode()
    assert "locked" in sign_in(client(), reviewer, "wrong").content.decode()
    assert "locked" in sign_in(client(), reviewer).content.decode()
    Account.objects.using("door").filter(pk=reviewer.id).update(locked_until=now() - timedelta(seconds=1))
    assert "not right" in sign_in(client(), reviewer, "wrong").content.decode(), "a lock that has run out starts a new count"
    assert sign_in(client(), reviewer).status_code == 303
    assert Account.objects.using("door").get(pk=reviewer.id).failures == 0


def test_passwords_are_argon2id_and_sign_ins_are_in_the_audit_trail(reviewer: Person) -> None:
    assert account_by_id(reviewer.id).password.startswith("argon2$argon2id$")
    before = AuditEvent.objects.using("owner").filter(actor_id=reviewer.id, action="login").count()
    sign_in(client(), reviewer)
    assert AuditEvent.objects.using("owner").filter(actor_id=reviewer.id, action="login").count() == before + 1


def test_signing_out_ends_the_session_for_good(reviewer: Person) -> None:
    browser = client()
    sign_in(browser, reviewer)
    token = browser.cookies[settings.SESSION_COOKIE].value
    assert browser.post("/logout/").status_code == 303
    assert call("GET", "/", token).location.startswith("/login/")


def test_a_new_password_and_a_switched_off_account_end_open_sessions(reviewer: Person) -> None:
    token = token_for(reviewer)
    assert call("GET", "/", token).status == 200
    set_password(account_by_id(reviewer.id), WORD)
    assert call("GET", "/", token).status == 302
    token = token_for(reviewer)
    Account.objects.using("owner").filter(pk=reviewer.id).update(active=False)
    try:
        assert call("GET", "/", token).status == 302
        assert sign_in(client(), reviewer).status_code == 422
    finally:
        Account.objects.using("owner").filter(pk=reviewer.id).update(active=True)


def age(token: str, **ago: int) -> None:
    ScopeHandle.objects.using("door").filter(token_hash=queries.token_hash(token)).update(seen_at=now() - timedelta(**ago))


def test_half_an_hour_without_a_request_ends_the_session(house_file: object) -> None:
    token = token_for(person("doctor"))
    age(token, minutes=29)
    assert call("GET", "/", token).status == 200
    age(token, minutes=31)
    ended = call("GET", "/residents/?q=x", token)
    assert (ended.status, ended.location) == (302, "/login/?next=%2Fresidents%2F%3Fq%3Dx")


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "evil"])
def test_signing_in_leads_nowhere_else(reviewer: Person, target: str) -> None:
    assert sign_in(client(), reviewer, next=target)["Location"] == "/"


def test_what_was_being_sent_goes_on_after_signing_in_again_and_to_nobody_else(house_file: object, reviewer: Person) -> None:
    doctor = person("doctor2")
    set_password(account_by_id(doctor.id), WORD)
    from django.db import transaction

    from tests.cast import a_resident, scope

    with transaction.atomic(), scope(doctor):
        resident = a_resident(doctor, 150)
    form = {"_key": fresh_key(), "_who": str(doctor.id), "diagnosis": "J06.900", "complaint": "typed words", "ending": "treated"}
    page = call("POST", f"/visits/new/{resident.id}/", "", form)
    assert page.status == 401
    assert "typed words" not in page.body, "sealed: the page does not show it to whoever stands there"
    sealed = SEALED.search(page.body).group(1)
    other = sign_in(client(), reviewer, pending=sealed)
    assert other.status_code == 303
    browser = client()
    resumed = sign_in(browser, doctor, pending=sealed)
    assert resumed.status_code == 200
    assert "typed words" in resumed.content.decode()
    before = Visit.objects.using("owner").filter(resident=resident).count()
    assert browser.post(f"/visits/new/{resident.id}/", form).status_code == 303
    assert Visit.objects.using("owner").filter(resident=resident).count() == before + 1
    damaged = sign_in(client(), doctor, pending=sealed[:-2] + "00")
    assert damaged.status_code == 303


def test_somebody_with_two_posts_switches_between_them(house_file: object) -> None:
    who = person("reviewer2")
    set_password(account_by_id(who.id), WORD)
    extra = Post(id=uuid7(), account_id=who.id, org_id=COUNTY_HOSPITAL, role=REVIEWER)
    try:
        appoint(extra, at=now() - timedelta(hours=1))
        browser = client()
        sign_in(browser, who)
        assert browser.get("/posts/").content.decode().count(str(extra.id)) == 1
        first = browser.cookies[settings.SESSION_COOKIE].value
        switched = browser.post("/posts/", {"_key": fresh_key(), "post": str(extra.id)})
        assert switched.status_code == 303
        assert call("GET", "/", first).status == 302
        assert "沙县区总医院" in browser.get("/").content.decode()
        assert browser.post("/posts/", {"_key": fresh_key(), "post": str(uuid7())}).status_code == 404
    finally:
        Post.objects.using("owner").filter(pk=extra.id).delete()


def test_the_three_administrators_exclude_each_other_and_clinical_roles(house_file: object) -> None:
    assert conflicting_roles([SYSTEM_ADMIN, SECURITY_ADMIN]) == {SYSTEM_ADMIN, SECURITY_ADMIN}
    assert conflicting_roles([AUDIT_ADMIN, DOCTOR]) == {AUDIT_ADMIN, DOCTOR}
    assert conflicting_roles([DOCTOR, REVIEWER]) == frozenset()
    system = person("system")
    with pytest.raises(RolesExclude):
        appoint(Post(account_id=system.id, org_id=system.org_id, role=AUDIT_ADMIN), at=now())


@pytest.mark.parametrize("path", ["/residents/", "/referrals/", "/referrals/R350405-260915-99998-7/", f"/residents/{uuid7()}/"])
def test_a_role_without_the_permission_gets_the_same_answer_for_everything(house_file: object, path: str) -> None:
    assert call("GET", path, token_for(person("officer"))).status == 403


def test_the_language_can_be_switched_and_stays(house_file: object) -> None:
    browser = Client()
    assert "登录" in browser.get("/login/").content.decode()
    browser.post("/language/", {"language": "en", "next": "/login/"})
    assert "Sign in" in browser.get("/login/").content.decode()
    browser.post("/language/", {"language": "tlh", "next": "/login/"})
    assert "Sign in" in browser.get("/login/").content.decode()


def test_pages_forbid_inline_script_framing_and_caching(house_file: object) -> None:
    answer = client().get("/login/")
    policy = answer["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Cache-Control"] == "no-store"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_form_from_another_site_is_not_accepted(reviewer: Person) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies[settings.SESSION_COOKIE] = token_for(reviewer)
    assert strict.post("/posts/", {"_key": fresh_key(), "post": "x"}).status_code == 403
