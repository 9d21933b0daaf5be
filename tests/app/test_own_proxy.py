"""Relatives and guardians on the resident's own page: their own address, what they may say, and nothing after the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connections, transaction

from fenji.care.referral import actions, queries, rules
from fenji.care.referral.models import Case, CaseEvent, CaseLink
from fenji.care.registry import actions as registry
from fenji.care.registry.models import Proxy
from fenji.care.registry.rules import NewProxy, Term, TooManyProxies
from fenji.ground.access.models import AuditEvent
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.tasks import actions as tasks
from fenji.ground.tasks.actions import people
from fenji.ground.tasks.models import OutboxMessage, PersonMessage
from tests.app.sessions import browser
from tests.app.test_own_page import NOBODYS, answered, four, move, seen, wrong
from tests.app.wsgi import call
from tests.cast import NOT_IN_CATALOGUE, a_case, a_resident, finish, form, person, scope, token_for

PHONE, NUMBER = "13955556666", 185
TODAY = local_day(now())
NAMED = NewProxy("林代理", "child", PHONE, False, "", False, "oral", Term(TODAY))


def named(**change: object) -> Proxy:
    with transaction.atomic(), scope(person("doctor")) as by:
        typed = NewProxy(**{**{f: getattr(NAMED, f) for f in NAMED.__slots__}, **change})  # type: ignore[arg-type]
        return registry.name_proxy(a_resident(person("doctor"), NUMBER).pk, typed, by=by, at=now())


def taken_back(proxy: Proxy) -> None:
    with transaction.atomic(), scope(person("doctor")) as by:
        registry.end_proxy(proxy.pk, version=Proxy.objects.get(pk=proxy.pk).version, by=by, at=now())


@pytest.fixture(autouse=True)
def nobody_acts_before_or_after(house_file: object) -> Iterator[None]:
    yield
    for proxy in Proxy.objects.using("owner").filter(ended_at=None, resident__in=_resident()):
        taken_back(proxy)
    for number in Case.objects.using("owner").filter(resident__in=_resident(), ended_at=None).values_list("number", flat=True):
        finish(number)


def _resident() -> list[object]:
    with transaction.atomic(), scope(person("doctor")):
        return [a_resident(person("doctor"), NUMBER).pk]


def offered() -> Case:
    who = person("doctor")
    with transaction.atomic(), scope(who) as by:
        return a_case(by, who, number=NUMBER, code=NOT_IN_CATALOGUE)


def address(case: Case, proxy: Proxy | None = None) -> str:
    with transaction.atomic(), scope(person("doctor")):
        link = queries.link_of(case, proxy.pk if proxy else None)
        return queries.address_of(link) if link else ""


def opened(case: Case, proxy: Proxy | None) -> str:
    client, url = browser(), address(case, proxy)
    assert answered(client, url, four(case)) == (303, url)
    return client.get(url).content.decode()


def told(case: Case) -> list[tuple[str, str]]:
    """(kind, phone) of the messages that wait, in their order; the proxy after the resident."""
    rows = PersonMessage.objects.using("owner").filter(subject=case.number, state="to_send")
    found = [(m.at, m.kind, settings.DATABASE_KEYS.open(bytes(m.phone), people.phone_place(m.pk))) for m in rows]
    return [(kind, phone) for _, kind, phone in sorted(found, key=lambda f: (f[0], f[2] == PHONE))]


def says(case: Case, proxy: Proxy | None, word: str) -> str:
    """What the page shows after it was said."""
    client, url = browser(), address(case, proxy)
    answered(client, url, four(case))
    answer = client.post(url, {"say": word})
    assert (answer.status_code, answer["Location"]) == (303, url)
    return client.get(url).content.decode()


def words(case: Case) -> list[tuple[str, str, str]]:
    found = CaseEvent.objects.using("owner").filter(case=case, action__in=rules.WORDS).order_by("at", "id")
    return list(found.values_list("action", "role", "actor_name"))


# --- who is told -------------------------------------------------------------------------------------------------------------


def test_resident_and_proxy_each_get_an_address_of_their_own(house_file: object) -> None:
    proxy = named()
    case = offered()
    own = queries_phone(case)
    assert told(case) == [("referral.offered", own), ("referral.offered", PHONE)]
    assert address(case) != address(case, proxy)
    move(case, "desk", "accept")
    assert told(case)[2:] == [("referral.accepted", own), ("referral.accepted", PHONE)]


def queries_phone(case: Case) -> str:
    with transaction.atomic(), scope(person("doctor")):
        return queries.phone_of(case)


def test_a_proxy_in_place_of_the_resident_is_told_alone_and_the_slip_keeps_the_residents_code(house_file: object) -> None:
    named(instead=True)
    case = offered()
    assert told(case) == [("referral.offered", PHONE)]
    assert address(case)


def test_the_page_asks_a_proxy_for_the_patients_characters_and_says_for_whom_it_acts_without_a_name(house_file: object) -> None:
    proxy = named(relation="parent", guardian=True, document="户口簿")
    case = offered()
    page = opened(case, proxy)
    assert "You act for the patient" in page
    assert "Father or mother" in page
    assert "guardian" in page
    for secret in (proxy.name, PHONE, case.patient_name, "户口簿", case.number):
        assert secret not in page
    assert "You act for the patient" not in opened(case, None)
    client, url = browser(), address(case, proxy)
    assert answered(client, url, PHONE[-4:]) == (303, f"{url}?no")


def test_who_begins_to_act_while_a_referral_is_under_way_gets_its_page(house_file: object) -> None:
    case = offered()
    proxy = named()
    assert told(case)[1:] == [("referral.offered", PHONE)]
    assert "You act for the patient" in opened(case, proxy)


def test_a_new_address_is_one_for_each_and_closing_closes_all(house_file: object) -> None:
    proxy = named()
    case = offered()
    before = [address(case), address(case, proxy)]
    token = token_for(person("doctor"))
    shown = CaseLink.objects.using("owner").get(case=case, proxy=None, revoked_at=None).pk
    assert call("POST", f"/referrals/{case.number}/link/renew/", token, form(link=str(shown))).status == 303
    after = [address(case), address(case, proxy)]
    assert all(after)
    assert not set(before) & set(after)
    shown = CaseLink.objects.using("owner").get(case=case, proxy=None, revoked_at=None).pk
    assert call("POST", f"/referrals/{case.number}/link/revoke/", token, form(link=str(shown))).status == 303
    assert [address(case), address(case, proxy)] == ["", ""]


def test_the_parties_see_who_acts_and_others_do_not(house_file: object) -> None:
    named()
    case = offered()
    for login in ("doctor", "desk"):
        page = call("GET", f"/referrals/{case.number}/", token_for(person(login))).body
        assert "林代理" in page
        assert PHONE in page
    with transaction.atomic(), scope(person("citydesk")):
        assert queries.acting(case) == []
    page = call("GET", f"/residents/{case.resident_id}/", token_for(person("doctor"))).body
    assert "林代理" in page


# --- nothing after the end ---------------------------------------------------------------------------------------------------


def test_taken_back_the_page_closes_at_once_and_what_waits_is_not_sent(house_file: object) -> None:
    proxy = named()
    case = offered()
    url = address(case, proxy)
    waiting = PersonMessage.objects.using("owner").get(about=CaseLink.objects.using("owner").get(proxy=proxy, case=case).pk)
    unknown = seen(NOBODYS, wrong(case))
    taken_back(proxy)
    assert seen(url, four(case)) == unknown
    waiting.refresh_from_db(using="owner")
    assert (waiting.state, bytes(waiting.phone), bytes(waiting.link)) == ("given_up", b"", b"")
    assert tasks.send_to_person(waiting.pk, at=now()) == ""
    move(case, "desk", "accept")
    assert [phone for _, phone in told(case)] == [queries_phone(case)] * 2


@pytest.mark.parametrize(("start", "end", "acts"), [(0, 1, True), (-1, 0, False), (1, None, False), (-5, None, True)])
def test_the_days_are_half_open_for_the_page_and_for_messages(house_file: object, start: int, end: int | None, acts: bool) -> None:
    proxy = named()
    case = offered()
    url = address(case, proxy)
    last = None if end is None else TODAY + timedelta(days=end)
    Proxy.objects.using("owner").filter(pk=proxy.pk).update(start=TODAY + timedelta(days=start), end=last)
    client = browser()
    assert answered(client, url, four(case)) == (303, url if acts else f"{url}?no")
    if not acts:
        assert CaseLink.objects.using("owner").get(proxy=proxy, case=case).tries == 0, "as for an address that never was"
    move(case, "desk", "accept")
    assert ([phone for _, phone in told(case)][2:] == [queries_phone(case), PHONE]) == acts


def test_a_message_that_comes_up_after_the_last_day_is_not_sent_and_holds_no_phone(house_file: object) -> None:
    proxy = named(term=Term(TODAY, TODAY + timedelta(days=1)))
    case = offered()
    waiting = PersonMessage.objects.using("owner").get(about=CaseLink.objects.using("owner").get(proxy=proxy, case=case).pk)
    assert waiting.latest is not None
    assert local_day(waiting.latest) == TODAY + timedelta(days=1)
    PersonMessage.objects.using("owner").filter(pk=waiting.pk).update(next_at=now())
    assert tasks.send_to_person(waiting.pk, at=waiting.latest) == ""
    waiting.refresh_from_db(using="owner")
    assert (waiting.state, waiting.problem, bytes(waiting.phone)) == ("dead", "ended", b"")


def test_taking_back_waits_for_a_step_that_is_being_made_and_finds_its_message(house_file: object) -> None:
    proxy = named()
    case = offered()

    def end_it() -> None:
        try:
            taken_back(proxy)
        finally:
            connections.close_all()

    with transaction.atomic(), scope(person("desk")) as by:
        actions.accept(case.number, version=case.version, by=by, at=now())
        thread = threading.Thread(target=end_it)
        thread.start()
        time.sleep(1)
        assert thread.is_alive(), "it waits for the step"
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert [phone for _, phone in told(case)] == [queries_phone(case)] * 2


def test_ten_desks_naming_at_once_name_as_many_as_the_policy_allows(house_file: object) -> None:
    def one(_: int) -> bool:
        try:
            named()
        except TooManyProxies:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(10) as crowd:
        assert sum(crowd.map(one, range(10))) == 2


# --- what is said ------------------------------------------------------------------------------------------------------------


def test_a_proxy_says_that_the_patient_cannot_come_and_both_institutions_read_who_said_it(house_file: object) -> None:
    proxy = named()
    case = offered()
    page = says(case, proxy, "cannot_come")
    assert "You have said that you cannot come" in page
    assert "Tell both institutions" not in page
    assert words(case) == [("cannot_come", "proxy", proxy.name)]
    audit = AuditEvent.objects.using("owner").get(subject=case.number, action="referral.cannot_come")
    assert (audit.actor_id, audit.role) == (proxy.pk, "proxy")
    left = OutboxMessage.objects.using("owner").filter(subject=case.number, kind="referral.cannot_come")
    assert {(m.org_id, m.role) for m in left} == {(case.origin_id, "doctor"), (case.receiver_id, "desk")}
    seen_by_desk = call("GET", f"/referrals/{case.number}/", token_for(person("desk"))).body
    assert "cannot come" in seen_by_desk
    assert "relative who acts for the patient" in seen_by_desk
    says(case, proxy, "will_come")
    says(case, None, "cannot_come")
    assert len(words(case)) == 1, "who cannot come has said all"


def test_the_patient_says_will_come_once_expected_and_may_still_say_cannot(house_file: object) -> None:
    case = offered()
    assert "I will come" not in opened(case, None)
    says(case, None, "will_come")
    assert words(case) == []
    move(case, "desk", "accept")
    assert "You have said that you will come" in says(case, None, "will_come")
    says(case, None, "will_come")
    says(case, None, "cannot_come")
    assert words(case) == [("will_come", "patient", ""), ("cannot_come", "patient", "")]


def test_after_a_new_offer_it_may_be_said_anew(house_file: object) -> None:
    case = offered()
    says(case, None, "cannot_come")
    move(case, "desk", "decline", note="no bed")
    move(case, "doctor", "offer_again", receiver_id=case.receiver_id)
    says(case, None, "cannot_come")
    assert len(words(case)) == 2


@pytest.mark.parametrize("word", ["", "accept", "will_come'", "%s", "cannot_come "])
def test_nothing_else_can_be_said_and_nothing_without_the_four_characters(house_file: object, word: str) -> None:
    case = offered()
    says(case, None, word)
    client, url = browser(), address(case)
    client.post(url, {"say": "cannot_come"})
    assert words(case) == []


# --- pages -------------------------------------------------------------------------------------------------------------------


def test_it_is_recorded_and_taken_back_on_the_page(house_file: object) -> None:
    token, resident = token_for(person("doctor")), _resident()[0]
    path = f"/residents/{resident}/proxies/"
    typed = {"name": "林页面", "relation": "spouse", "phone": "139 5555 6666", "instead": "besides", "how": "written"}
    refused = call("POST", path, token, form(**typed, start="2020-01-01"))
    assert refused.status == 422
    assert "This day is over" in refused.body
    assert "林页面" in refused.body
    assert call("POST", path, token, form(**typed, start=TODAY)).status == 303
    made = Proxy.objects.using("owner").get(name="林页面", ended_at=None)
    page = call("GET", path, token).body
    assert PHONE in page
    assert "Husband or wife" in page
    end = f"/residents/proxies/{made.pk}/end/"
    stale = call("POST", end, token, form(_version=made.version + 1))
    assert stale.status == 409
    assert "Somebody else acted" in stale.body
    assert call("POST", end, token, form(_version=made.version)).status == 303
    assert "taken back" in call("GET", path, token).body
    assert call("GET", path, token_for(person("reviewer"))).status == 403
