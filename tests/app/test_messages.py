"""Messages to residents: sent at least once and never again once that is written down; tried again, and brought to a person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings
from django.db import DatabaseError, connections, transaction

from fenji.config import house
from fenji.ground.access.models import AuditEvent
from fenji.ground.access.rules import MANAGER
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.tasks import actions, kinds, queries, rules, senders
from fenji.ground.tasks.actions import people
from fenji.ground.tasks.models import PersonMessage
from tests.app.gateway import Gateway, serving
from tests.app.houses import a_house
from tests.app.wsgi import call
from tests.cast import form, other_doctor, person, scope, token_for

PHONE = "13900001234"
SECRET = "a secret of the gateway"
KIND = "referral.offered"


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """A gateway that is set up; the house knows its address."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as found:
        monkeypatch.setattr(settings, "GATEWAY", {"url": found.url, "secret": SECRET, "templates": {KIND: "T-17"}})
        monkeypatch.setattr(settings, "PUBLIC_URL", "https://fenji.test")
        yield found


def told(subject: str = "X-1", at: datetime | None = None) -> UUID:
    """A message on behalf of township A, written and committed."""
    with transaction.atomic(), scope(person("doctor")):
        found = actions.tell_person(
            KIND, phone=PHONE, org_id=person("doctor").org_id, subject=subject, url="/r/abc", at=at or now()
        )
    assert found is not None
    return found


def row(message_id: UUID) -> PersonMessage:
    return PersonMessage.objects.using("owner").get(pk=message_id)


@pytest.fixture(autouse=True)
def nothing_else_waits(house_file: object) -> Iterator[None]:
    """What other tests left to be sent is none of ours."""
    PersonMessage.objects.using("owner").filter(state=rules.TO_SEND).update(state=rules.GIVEN_UP, phone=b"", link=b"")
    yield
    PersonMessage.objects.using("owner").filter(state__in=(rules.TO_SEND, rules.DEAD)).update(
        state=rules.GIVEN_UP, phone=b"", link=b""
    )


# --- what is sent ------------------------------------------------------------------------------------------------------------


def test_the_gateway_gets_a_template_a_phone_and_a_link_and_nothing_more(gateway: Gateway) -> None:
    message = told()
    assert actions.send_to_person(message, at=now()) == rules.SENT
    ((headers, body),) = gateway.got
    assert body == {"id": str(message), "template": "T-17", "phone": PHONE, "parameters": {"link": "https://fenji.test/r/abc"}}
    assert headers["Authorization"] == f"Bearer {SECRET}"
    assert headers["Idempotency-Key"] == str(message)
    sent = row(message)
    assert (sent.state, sent.receipt, sent.tries, sent.problem) == (rules.SENT, "g-1", 1, "")


def test_phone_and_link_lie_sealed_and_are_wiped_when_they_have_served(gateway: Gateway) -> None:
    message = told()
    waiting = row(message)
    for sealed, plain, bound in (
        (waiting.phone, PHONE, people.phone_place(message)),
        (waiting.link, "/r/abc", people.link_place(message)),
    ):
        assert plain.encode() not in bytes(sealed)
        assert settings.DATABASE_KEYS.open(bytes(sealed), bound) == plain
    actions.send_to_person(message, at=now())
    assert (bytes(row(message).phone), bytes(row(message).link)) == (b"", b"")


def test_the_app_role_cannot_read_the_phone_or_the_link_of_any_message(house_file: object) -> None:
    told()
    for column in ("phone", "link"):
        refused = pytest.raises(DatabaseError, match="permission denied")
        with transaction.atomic(), scope(person("head")), connections["default"].cursor() as cursor, refused, transaction.atomic():
            cursor.execute(f"SELECT {column} FROM tasks_personmessage")


@pytest.mark.parametrize("phone", ["", "05981234567", "139", "+8613900001234"])
def test_a_phone_that_takes_no_text_messages_gets_none(db: None, phone: str) -> None:
    with scope(person("doctor")) as by:
        assert actions.tell_person(KIND, phone=phone, org_id=by.org_id, subject="X-none", url="/r/x", at=now()) is None
    with scope(person("head")):
        assert not queries.messages().filter(subject="X-none").exists()


def test_a_message_without_a_template_or_with_words_in_its_link_is_not_written(db: None) -> None:
    with scope(person("doctor")) as by:
        with pytest.raises(KeyError):
            actions.tell_person("nothing", phone=PHONE, org_id=by.org_id, subject="X", url="/r/x", at=now())
        for url in ("/r/x?name=陈", "https://elsewhere.test/r/x", "/referrals/"):
            with pytest.raises(ValueError, match="no plain link"):
                actions.tell_person(KIND, phone=PHONE, org_id=by.org_id, subject="X", url=url, at=now())


# --- once, and again ---------------------------------------------------------------------------------------------------------


def test_what_was_written_down_as_sent_is_never_sent_again(gateway: Gateway) -> None:
    message = told()
    assert actions.send_to_person(message, at=now()) == rules.SENT
    for later in (timedelta(0), timedelta(minutes=5), timedelta(days=1)):
        assert actions.send_to_person(message, at=now() + later) == ""
        assert actions.send_due(at=now() + later) == 0
    assert len(gateway.got) == 1


def test_a_worker_that_dies_before_writing_it_down_sends_again_under_the_same_key(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    message, at = told(), now()

    def dies(*args: object) -> str:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(people, "_sent", dies)
        with pytest.raises(SystemExit):
            actions.send_to_person(message, at=at)
    assert row(message).state == rules.TO_SEND
    assert actions.send_to_person(message, at=at + timedelta(minutes=1)) == "", "put off while the first worker may be at it"
    assert actions.send_due(at=at + timedelta(minutes=3)) == 1
    assert [body["id"] for body in gateway.bodies] == [str(message)] * 2, "a gateway knows the key, and sends once"


def test_twenty_workers_at_once_send_one_message_once(gateway: Gateway) -> None:
    message, at = told(), now()

    def work(_: int) -> str:
        try:
            return actions.send_to_person(message, at=at)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as crowd:
        states = list(crowd.map(work, range(20)))
    assert sorted(states) == [""] * 19 + [rules.SENT]
    assert len(gateway.got) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_a_busy_gateway_is_asked_again_later_and_later(gateway: Gateway, status: int) -> None:
    gateway.answers = [(status, "")]
    message, at = told(), now()
    waits = []
    for _turn in range(3):
        assert actions.send_to_person(message, at=at) == rules.TO_SEND
        waits.append((row(message).next_at - at) // timedelta(minutes=1))
        at = row(message).next_at
    assert waits == [2, 4, 8]
    assert (row(message).problem, row(message).status) == (rules.BUSY, status)
    gateway.answers = [(202, "")]
    assert actions.send_to_person(message, at=at) == rules.SENT
    assert row(message).receipt == ""


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 413, 422])
def test_a_gateway_that_refuses_is_not_asked_again_and_not_followed_elsewhere(gateway: Gateway, status: int) -> None:
    gateway.answers = [(status, "{}"), (200, "{}")]
    message = told()
    assert actions.send_to_person(message, at=now()) == rules.DEAD
    assert len(gateway.got) == 1
    assert (row(message).problem, row(message).status) == (rules.REFUSED, status)


@pytest.mark.parametrize("answer", ["", "no json", "[]", '{"id": 7}', "{}", "\ufffe"])
def test_what_was_taken_is_sent_whatever_the_answer_says(gateway: Gateway, answer: str) -> None:
    gateway.answers = [(200, answer)]
    assert actions.send_to_person(told(), at=now()) == rules.SENT


def test_a_gateway_that_is_not_there_is_tried_as_often_as_the_policy_says(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "GATEWAY", {**settings.GATEWAY, "url": "http://127.0.0.1:1/"})
    message, at = told(), now()
    states = []
    while row(message).state == rules.TO_SEND:
        states.append(actions.send_to_person(message, at=at))
        at = max(row(message).next_at, at)
    assert states == [rules.TO_SEND] * 8 + [rules.DEAD]
    assert (row(message).tries, row(message).problem) == (9, rules.UNREACHABLE)
    assert actions.send_due(at=at + timedelta(days=1)) == 0


def test_one_that_must_come_again_does_not_use_up_the_tries_of_the_others(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "GATEWAY", {**settings.GATEWAY, "url": "http://127.0.0.1:1/"})
    waiting = [told() for _ in range(3)]
    assert actions.send_due(at=now()) == 0
    assert sorted(row(m).tries for m in waiting) == [0, 0, 1]


def test_a_message_that_comes_too_late_is_not_sent(gateway: Gateway) -> None:
    message, at = told(), now()
    assert actions.send_to_person(message, at=at + timedelta(hours=48)) == ""
    assert (row(message).state, row(message).problem, len(gateway.got)) == (rules.DEAD, rules.TOO_OLD, 0)


def test_without_a_gateway_or_an_address_nothing_is_lost_and_the_page_says_so(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value, problem, words in (
        ("PUBLIC_URL", "", rules.NO_ADDRESS, "does not know its own public address"),
        ("GATEWAY", {}, rules.NO_GATEWAY, "No gateway for text messages is set up"),
    ):
        monkeypatch.setattr(settings, name, value)
        assert senders.present() == senders.Off(problem)
        message = told()
        assert actions.send_to_person(message, at=now()) == rules.TO_SEND
        assert row(message).problem == problem
        page = call("GET", "/messages/?show=to_send", token_for(person("head"))).body
        assert words in page
        assert "X-1" in page
    assert gateway.got == []


def test_a_phone_that_no_key_opens_is_brought_to_a_person(gateway: Gateway) -> None:
    one, other = told(), told()
    PersonMessage.objects.using("owner").filter(pk=one).update(phone=row(other).phone)
    assert actions.send_to_person(one, at=now()) == rules.DEAD
    assert (row(one).problem, gateway.got) == (rules.UNREADABLE, [])


def test_no_secret_of_the_gateway_stands_in_a_traceback() -> None:
    assert SECRET not in repr(senders.Http("https://x.test/", SECRET))


# --- those who decide --------------------------------------------------------------------------------------------------------


@pytest.fixture
def dead(gateway: Gateway) -> UUID:
    gateway.answers = [(400, "")]
    message = told("X-dead")
    assert actions.send_to_person(message, at=now()) == rules.DEAD
    gateway.answers = [(200, '{"id": "g-2"}')]
    return message


def _sees(login: str, message: UUID) -> bool:
    with transaction.atomic(), scope(person(login)):
        return queries.messages().filter(pk=message).exists()


def test_the_head_of_the_institution_and_the_system_administrator_over_it_see_it_and_nobody_else(dead: UUID) -> None:
    assert _sees("head", dead)
    assert _sees("system", dead)
    assert not any(_sees(p, dead) for p in ("doctor", "reviewer", "desk", "officer", "security", "audit", "director"))
    with transaction.atomic(), scope(other_doctor()):
        assert not queries.messages().exists()


def test_a_dead_message_is_sent_again_from_the_first_try_on(dead: UUID, gateway: Gateway) -> None:
    head = token_for(person("head"))
    page = call("GET", "/messages/", head).body
    assert "The gateway for text messages refused it" in page
    assert PHONE not in page
    version = row(dead).version
    assert call("POST", f"/messages/{dead}/again/", head, form(_version=version)).status == 303
    assert (row(dead).state, row(dead).tries) == (rules.TO_SEND, 0)
    assert call("POST", f"/messages/{dead}/again/", head, form(_version=version)).status == 409
    assert actions.send_to_person(dead, at=now()) == rules.SENT
    assert AuditEvent.objects.using("owner").filter(action="message.again", subject=str(dead)).count() == 1


def test_giving_a_message_up_needs_a_reason_and_wipes_it(dead: UUID, gateway: Gateway) -> None:
    system = token_for(person("system"))
    version = row(dead).version
    answer = call("POST", f"/messages/{dead}/give-up/", system, form(_version=version, reason=" \u3000"))
    assert answer.status == 409
    assert "only with a reason" in answer.body
    long = call("POST", f"/messages/{dead}/give-up/", system, form(_version=version, reason="长" * 501))
    assert long.status == 422
    assert "长" * 501 in long.body
    assert row(dead).state == rules.DEAD
    assert call("POST", f"/messages/{dead}/give-up/", system, form(_version=version, reason="wrong number")).status == 303
    gone = row(dead)
    assert (gone.state, gone.reason, bytes(gone.phone), bytes(gone.link)) == (rules.GIVEN_UP, "wrong number", b"", b"")
    assert actions.send_to_person(dead, at=now() + timedelta(days=1)) == ""
    over = call("GET", "/messages/?show=over", system).body
    assert "wrong number" in over
    with transaction.atomic(), scope(person("system")) as by, pytest.raises(Stale):
        actions.give_up(dead, "again", version=gone.version, by=by, at=now())


def test_those_who_do_not_watch_decide_nothing(dead: UUID) -> None:
    version = row(dead).version
    for login in ("doctor", "desk", "security"):
        with transaction.atomic(), scope(person(login)) as by, pytest.raises(NotPermitted):
            actions.send_again(dead, version=version, by=by, at=now())
    with transaction.atomic(), scope(person("director")) as by:
        assert by.role == MANAGER
        with pytest.raises(Unknown):
            actions.give_up(dead, "mine", version=version, by=by, at=now())
    assert row(dead).version == version


@pytest.mark.parametrize("query", ["?show=x", "?from=x", "?from=99999", "?q=%00", "?q=" + "9" * 500, "?show=all&q=' OR 1=1"])
def test_bad_filters_of_messages_and_notices_break_nothing(house_file: object, query: str) -> None:
    for path in ("/messages/", "/notices/", "/notices/export.xlsx", "/messages/export.xlsx"):
        assert call("GET", path + query, token_for(person("head"))).status in (200, 400)


def test_the_list_of_messages_goes_to_excel(dead: UUID) -> None:
    answer = call("GET", "/messages/export.xlsx", token_for(person("head")))
    assert (answer.status, answer.raw[:2]) == (200, b"PK")


def test_every_problem_and_state_has_words() -> None:
    from fenji.ground.tasks import texts

    assert set(texts.PROBLEMS) == set(rules.PROBLEMS)
    assert set(texts.MESSAGE_STATES) == set(texts.MESSAGE_TONES) == set(rules.MESSAGE_STATES)
    assert all("…" in kinds.template_text(code) for code in kinds.templates())


# --- the house file ----------------------------------------------------------------------------------------------------------


def test_the_gateway_stands_in_the_house_file_and_survives_a_change_of_keys(tmp_path: Path) -> None:
    entry = {"url": "https://sms.test/send", "secret": SECRET, "templates": {KIND: "T-17"}}
    file = a_house(tmp_path, gateway=entry)
    found = house.read(file)
    assert found.gateway == entry
    assert SECRET not in repr(found)
    house.write(house.with_new_keys(found, now()), file)
    assert house.read(file).gateway == entry
    assert "gateway" not in json.loads(a_house(tmp_path).read_text())


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ([], "url, secret and templates"),
        ({"url": "https://x.test/", "secret": SECRET, "more": 1}, "url, secret and templates"),
        ({"secret": SECRET}, "https://"),
        ({"url": "http://x.test/", "secret": SECRET}, "https://"),
        ({"url": "file:///etc/passwd", "secret": SECRET}, "https://"),
        ({"url": "https://x.test/", "secret": "short"}, "secret of at least"),
        ({"url": "https://x.test/"}, "secret of at least"),
        ({"url": "https://x.test/", "secret": SECRET, "templates": {"a": 1}}, "template"),
    ],
)
def test_a_gateway_that_cannot_be_used_is_named_before_anything_starts(tmp_path: Path, entry: object, says: str) -> None:
    with pytest.raises(house.NoHouse, match=says):
        house.read(a_house(tmp_path, gateway=entry))
