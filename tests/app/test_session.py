"""A session from signing in to its end, and the form that was on its way when it ended."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from django.conf import settings
from django.db import connections, transaction
from django.http import HttpResponse

from fenji.care.referral import actions, rules
from fenji.care.referral.models import Case, CaseEvent
from fenji.ground.access.models import Account, AuditEvent
from fenji.ground.access.rules import HOUSE_ACCOUNT
from fenji.ground.common.edge import now
from fenji.world.county import Person
from tests.app.sessions import (
    LOCKED,
    NO_ID,
    WORD,
    WRONG,
    browser,
    form_of,
    handle,
    last_of,
    move,
    sign_in,
    with_word,
)
from tests.app.wsgi import call
from tests.cast import client_for, person, scope, token_for
from tests.plugin import url


@pytest.fixture
def doctor(house_file: object) -> Person:
    return with_word(last_of("doctor"))


@pytest.fixture
def reviewer(house_file: object) -> Person:
    return with_word(last_of("reviewer"))


# --- signing in --------------------------------------------------------------------------------------------------------------


def test_signing_in_mints_a_new_token_that_the_database_keeps_only_as_a_hash(doctor: Person) -> None:
    client = browser()
    client.cookies[settings.SESSION_COOKIE] = "chosen-by-somebody-else"
    answer = sign_in(doctor, client=client)
    token = client.cookies[settings.SESSION_COOKIE].value
    assert (answer.status_code, answer["Location"]) == (303, "/")
    assert token != "chosen-by-somebody-else"
    assert len(token) >= 43
    opened = handle(token)
    assert (opened.account_id, opened.role, opened.org_id, opened.closed_at) == (doctor.id, doctor.role, doctor.org_id, None)
    assert opened.until - opened.opened_at == timedelta(hours=12)
    assert opened.idle == timedelta(minutes=30)
    with psycopg.connect(url("postgres")) as root:
        rows = "".join(str(r) for r in root.execute("SELECT t::text FROM access_scopehandle t"))
    assert token not in rows
    assert token.encode().hex() not in rows


def test_an_unknown_name_costs_as_long_and_says_the_same_as_a_wrong_password(doctor: Person) -> None:
    times: dict[str, list[float]] = {doctor.username: [], "nobody.of.this.name": []}
    pages = {}
    for _ in range(4):
        for name, spent in times.items():
            began = time.perf_counter()
            answer = sign_in(name, "wrong")
            spent.append(time.perf_counter() - began)
            assert answer.status_code == 422
            pages[name] = re.sub(r'value="[^"]*"', "", answer.content.decode())
    known, unknown = (min(spent) for spent in times.values())
    assert 1 / 3 < known / unknown < 3, times
    assert len(set(pages.values())) == 1
    assert WRONG in pages[doctor.username]


def test_sign_ins_and_refused_ones_are_in_the_trail_and_unknown_names_leave_one_that_names_nobody(doctor: Person) -> None:
    def rows() -> Counter[str]:
        found = AuditEvent.objects.using("job").filter(actor_id=doctor.id).values_list("action", flat=True)
        return Counter(found)

    before = rows()
    total = AuditEvent.objects.using("job").count()
    sign_in(doctor, "wrong")
    sign_in(doctor)
    sign_in("nobody.of.this.name", "wrong")
    assert rows() - before == {"login.refused": 1, "login": 1}
    assert AuditEvent.objects.using("job").count() == total + 3
    # by id, not by time: other tests write rows of later days
    last = AuditEvent.objects.using("job").order_by("-id").first()
    assert (last.actor_id, last.action) == (HOUSE_ACCOUNT, "login.refused")


@pytest.mark.parametrize(
    "username", ["", " ", "DOCTOR", "doctor ", "ｄｏｃｔｏｒ", "doctor' --", "d%", "\u202edoctor", "d" * 300, "do\tctor"]
)
def test_only_the_very_name_opens_an_account(house_file: object, username: str) -> None:
    with_word(person("doctor"))
    answer = sign_in(username)
    # blanks around a name, capitals and full-width letters are forgiven
    assert answer.status_code == (303 if username in ("DOCTOR", "doctor ", "ｄｏｃｔｏｒ") else 422)


def test_an_account_without_a_password_opens_with_none(house_file: object) -> None:
    who = person("citydesk")
    Account.objects.using("door").filter(pk=who.id).update(password="!")
    for word in ("", "!", "x"):
        assert sign_in(who, word).status_code == 422


# --- lock-out ----------------------------------------------------------------------------------------------------------------


def _account(who: Person) -> tuple[int, bool]:
    row = Account.objects.using("door").get(pk=who.id)
    return row.failures, row.locked_until is not None


def test_the_fifth_wrong_password_locks_and_the_right_one_does_not_help_until_the_time_is_over(doctor: Person) -> None:
    for turn in range(1, 5):
        assert WRONG in sign_in(doctor, "wrong").content.decode()
        assert _account(doctor) == (turn, False)
    page = sign_in(doctor, "wrong").content.decode()
    assert LOCKED in page
    assert re.search(r"Try again after \d\d:\d\d", page)
    refused = sign_in(doctor)
    assert refused.status_code == 422
    assert LOCKED in refused.content.decode()
    assert settings.SESSION_COOKIE not in refused.cookies
    until = Account.objects.using("door").get(pk=doctor.id).locked_until
    assert timedelta(minutes=14) < until - now() <= timedelta(minutes=15)
    Account.objects.using("door").filter(pk=doctor.id).update(locked_until=now() - timedelta(seconds=1))
    assert sign_in(doctor).status_code == 303
    assert _account(doctor) == (0, False)


def test_a_lock_that_has_run_out_starts_a_new_count(doctor: Person) -> None:
    past = now() - timedelta(seconds=1)
    Account.objects.using("door").filter(pk=doctor.id).update(failures=5, locked_until=past)
    assert WRONG in sign_in(doctor, "wrong").content.decode()
    assert _account(doctor) == (1, False)
    for _ in range(3):
        assert WRONG in sign_in(doctor, "wrong").content.decode()
    assert LOCKED in sign_in(doctor, "wrong").content.decode()


def test_wrong_passwords_at_once_are_all_counted(doctor: Person) -> None:
    crowd = 10
    barrier = threading.Barrier(crowd)

    def guess(_: int) -> str:
        try:
            barrier.wait()
            page = sign_in(doctor, "wrong").content.decode()
            return WRONG if WRONG in page else LOCKED if LOCKED in page else page
        finally:
            connections.close_all()

    with ThreadPoolExecutor(crowd) as pool:
        told = Counter(pool.map(guess, range(crowd)))
    assert told == {WRONG: 4, LOCKED: crowd - 4}


def test_a_locked_account_keeps_its_open_sessions(doctor: Person) -> None:
    token = token_for(doctor)
    for _ in range(5):
        sign_in(doctor, "wrong")
    assert call("GET", "/", token).status == 200


# --- the end of a session ----------------------------------------------------------------------------------------------------


def test_signing_out_closes_the_handle_and_removes_the_cookie(doctor: Person) -> None:
    client = browser()
    sign_in(doctor, client=client)
    token = client.cookies[settings.SESSION_COOKIE].value
    answer = client.post("/logout/")
    assert (answer.status_code, answer["Location"]) == (303, "/login/?out=1")
    assert client.cookies[settings.SESSION_COOKIE].value == ""
    assert handle(token).closed_at is not None
    assert call("GET", "/", token).location == "/login/?next=%2F"
    assert "You have signed out" in client.get("/login/?out=1").content.decode()


def test_signing_out_by_a_link_is_not_possible(doctor: Person) -> None:
    token = token_for(doctor)
    assert call("GET", "/logout/", token).status == 405
    assert handle(token).closed_at is None


@pytest.mark.parametrize(
    ("field", "ago", "alive"),
    [
        ("seen_at", timedelta(minutes=29, seconds=30), True),
        ("seen_at", timedelta(minutes=30, seconds=1), False),
        ("until", timedelta(0), False),
        ("until", -timedelta(minutes=1), True),
        ("closed_at", timedelta(0), False),
    ],
)
def test_idle_time_and_the_longest_time_end_a_session(doctor: Person, field: str, ago: timedelta, alive: bool) -> None:
    token = token_for(doctor)
    move(token, **{field: now() - ago})
    answer = call("GET", "/residents/?q=chen", token)
    expected = {True: (200, ""), False: (302, "/login/?next=%2Fresidents%2F%3Fq%3Dchen")}
    assert (answer.status, answer.location) == expected[alive]


def test_a_request_keeps_the_session_alive_but_an_ended_one_stays_ended(doctor: Person) -> None:
    token = token_for(doctor)
    move(token, seen_at=now() - timedelta(minutes=29))
    call("GET", "/", token)
    assert now() - handle(token).seen_at < timedelta(minutes=1)
    move(token, seen_at=now() - timedelta(minutes=31))
    call("GET", "/", token)
    assert now() - handle(token).seen_at > timedelta(minutes=30)


def test_a_part_of_a_page_asked_for_after_the_end_sends_the_whole_page_to_sign_in(doctor: Person) -> None:
    answer = browser(**{"HX-Request": "true"}).get(f"/referrals/verdict/{NO_ID}/")
    assert (answer.status_code, answer["HX-Redirect"], answer.content) == (204, "/login/", b"")


@pytest.mark.parametrize(
    ("page", "target"),
    [
        ("http://testserver/referrals/new/1/?from=R1", "/login/?next=%2Freferrals%2Fnew%2F1%2F%3Ffrom%3DR1"),
        ("http://testserver/", "/login/?next=%2F"),
        ("https://elsewhere.example/referrals/", "/login/"),
        ("testserver/referrals/", "/login/"),
        ("http://testserver", "/login/"),
        ("javascript:alert(1)", "/login/"),
        ("http://[", "/login/"),
    ],
)
def test_after_signing_in_they_come_back_to_the_page_whose_part_was_asked_for(doctor: Person, page: str, target: str) -> None:
    answer = browser(**{"HX-Request": "true", "HX-Current-URL": page}).get(f"/referrals/verdict/{NO_ID}/")
    assert (answer.status_code, answer["HX-Redirect"]) == (204, target)


def test_after_signing_in_again_one_is_where_one_was(doctor: Person) -> None:
    client = browser()
    page = client.get("/residents/?q=chen", follow=True)
    form = form_of(page, "/login/")
    assert form.fields["next"] == "/residents/?q=chen"
    answer = client.post("/login/", {**form.fields, "username": doctor.username, "password": WORD})
    assert (answer.status_code, answer["Location"]) == (303, "/residents/?q=chen")


# --- what was on its way when the session ended ------------------------------------------------------------------------------


NOTE = "approved with <care> & 喜悦"


def _sent_too_late(reviewer: Person, case: Case) -> HttpResponse:
    """The reviewer's form, read while signed in and sent after the session has ended."""
    client = client_for(reviewer)
    form = form_of(client.get(f"/referrals/{case.number}/"), "/do/approve")
    move(client.cookies[settings.SESSION_COOKIE].value, seen_at=now() - timedelta(minutes=31))
    return client.post(form.action, {**form.fields, "note": NOTE})


def _state(case: Case) -> tuple[str, int]:
    row = Case.objects.using("load").get(pk=case.pk)
    return row.state, row.version


def test_a_form_sent_too_late_is_carried_through_signing_in_and_acts_when_sent_on(reviewer: Person, in_review: Case) -> None:
    late = _sent_too_late(reviewer, in_review)
    page = late.content.decode()
    assert late.status_code == 401
    assert "What you typed is kept" in page
    assert "approved with" not in page, "whoever stands at the screen must not read it"
    assert in_review.number not in page
    assert _state(in_review) == (rules.IN_REVIEW, in_review.version)

    client = browser()
    sealed = form_of(late, "/login/").fields
    wrong = client.post("/login/", {**sealed, "username": reviewer.username, "password": "a slip"})
    assert wrong.status_code == 422
    assert form_of(wrong, "/login/").fields["pending"] == sealed["pending"], "a slip in the password must not lose it"

    offer = client.post("/login/", {**sealed, "username": reviewer.username, "password": WORD})
    assert offer.status_code == 200
    assert "nothing of it has been saved yet" in offer.content.decode()
    assert "approved with &lt;care&gt; &amp; 喜悦" in offer.content.decode()
    assert _state(in_review) == (rules.IN_REVIEW, in_review.version), "offering to send is not sending"
    form = form_of(offer, "/do/approve")
    sent = client.post(form.action, form.fields)
    assert (sent.status_code, sent["Location"]) == (303, f"/referrals/{in_review.number}/")
    assert _state(in_review) == (rules.OFFERED, in_review.version + 1)
    event = CaseEvent.objects.using("load").get(case=in_review, action="approve")
    assert (event.note, event.actor_id) == (NOTE, reviewer.id)
    # sent twice it acts once
    assert client.post(form.action, form.fields)["Location"] == sent["Location"]
    assert _state(in_review) == (rules.OFFERED, in_review.version + 1)


def test_sent_on_after_somebody_else_acted_it_is_stale_and_still_not_lost(reviewer: Person, in_review: Case) -> None:
    sealed = form_of(_sent_too_late(reviewer, in_review), "/login/").fields
    with transaction.atomic(), scope(reviewer) as by:
        actions.complete(in_review.number, version=in_review.version, by=by, at=now(), note="complete it")
    client = browser()
    form = form_of(client.post("/login/", {**sealed, "username": reviewer.username, "password": WORD}), "/do/approve")
    answer = client.post(form.action, form.fields)
    assert answer.status_code == 409
    assert "Somebody else acted" in answer.content.decode()
    assert "approved with &lt;care&gt; &amp; 喜悦" in answer.content.decode()
    assert _state(in_review)[0] == rules.RETURNED


def test_somebody_else_who_signs_in_there_is_not_shown_it(doctor: Person, reviewer: Person, in_review: Case) -> None:
    sealed = form_of(_sent_too_late(reviewer, in_review), "/login/").fields
    client = browser()
    answer = client.post("/login/", {**sealed, "username": doctor.username, "password": WORD}, follow=True)
    assert answer.redirect_chain == [("/", 303)]
    page = answer.content.decode()
    assert "approved with" not in page
    assert sealed["pending"] not in page
    assert _state(in_review) == (rules.IN_REVIEW, in_review.version)


@pytest.mark.parametrize(
    "damage",
    [
        lambda p: p[:-2] + ("00" if p[-2:] != "00" else "01"),
        lambda p: p[:40],
        lambda p: "zz" + p[2:],
        lambda p: p.upper() + "f",
        lambda p: "",
        lambda p: "00",
        lambda p: "69ff" + p[4:],
        lambda p: "６９",
    ],
)
def test_a_damaged_parcel_is_dropped_and_signing_in_works(reviewer: Person, in_review: Case, damage: object) -> None:
    sealed = form_of(_sent_too_late(reviewer, in_review), "/login/").fields
    answer = sign_in(reviewer, pending=damage(sealed["pending"]))
    assert (answer.status_code, answer["Location"]) == (303, "/")


def test_a_parcel_cannot_be_made_from_other_sealed_texts_of_the_house(reviewer: Person) -> None:
    other = settings.DATABASE_KEYS.seal('{"path": "/", "who": "", "fields": []}', "case.phone:x").hex()
    assert sign_in(reviewer, pending=other).status_code == 303


# --- leading elsewhere -------------------------------------------------------------------------------------------------------

ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "https://evil.example",
    "http:evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/\n/evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "//testserver@evil.example",
    "https:/\\evil.example",
    "",
]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_nothing_leads_to_another_site(doctor: Person, target: str) -> None:
    client = browser()
    shown = form_of(client.get("/login/", {"next": target}), "/login/").fields["next"]
    answers = [sign_in(doctor, next=target), client.post("/language/", {"language": "en", "next": target})]
    for place in (shown, *(a["Location"] for a in answers)):
        assert re.match(r"/(?![/\\])", place), place
        assert "evil" not in place.split("?")[0] or place.startswith("/%")


def test_a_kept_form_leads_to_no_other_site_either(doctor: Person) -> None:
    late = browser().generic(
        "POST", "//evil.example/x/", f"_who={doctor.id}&note=x", content_type="application/x-www-form-urlencoded"
    )
    assert late.status_code in (401, 404)
    import json

    parcel = json.dumps({"path": "//evil.example/x/", "who": str(doctor.id), "fields": [["note", "x"]]})
    answer = sign_in(doctor, pending=settings.DATABASE_KEYS.seal(parcel, "pending form").hex())
    assert "evil.example" not in answer.content.decode()
