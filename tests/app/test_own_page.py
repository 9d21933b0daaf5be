"""The resident's own page: what it shows, what it never shows, five wrong tries, and that all dead ends look alike."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import DatabaseError, connections, transaction
from django.test import Client

from fenji.care.booking import actions as booking
from fenji.care.booking.models import ClinicSession, Slot
from fenji.care.referral import actions, queries, rules, texts
from fenji.care.referral.models import Case, CaseLink
from fenji.care.registry.models import Identity
from fenji.ground.access.models import AuditEvent
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import NotPermitted, Stale
from fenji.ground.common.templatetags.house import local
from fenji.ground.tasks.models import PersonMessage
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL
from tests.app.sessions import browser
from tests.app.wsgi import call
from tests.cast import NOT_IN_CATALOGUE, a_case, finish, form, other_doctor, person, scope, token_for

NOBODYS = "/r/" + "A" * 22


@pytest.fixture
def case(house_file: object) -> Iterator[Case]:
    """A case of township A that the county hospital has been offered."""
    who = person("doctor")
    with transaction.atomic(), scope(who) as by:
        found = a_case(by, who, number=180, code=NOT_IN_CATALOGUE)
    assert found.state == rules.OFFERED
    yield found
    finish(found.number)


def address(case: Case) -> str:
    with transaction.atomic(), scope(person("doctor")):
        return queries.url_for(case)


def four(case: Case) -> str:
    return Identity.objects.using("owner").values_list("last4", flat=True).get(pk=case.resident_id)


def wrong(case: Case) -> str:
    return "0000" if four(case) != "0000" else "1111"


def link(case: Case) -> CaseLink:
    return CaseLink.objects.using("owner").get(case=case, proxy=None, revoked_at=None)


def answered(client: Client, url: str, typed: str) -> tuple[int, str]:
    answer = client.post(url, {"four": typed})
    return answer.status_code, answer["Location"]


def opened(case: Case, typed: str = "") -> str:
    """The page as the resident sees it after the right answer."""
    client, url = browser(), address(case)
    assert answered(client, url, typed or four(case)) == (303, url)
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def move(case: Case, login: str, verb: str, **more: object) -> Case:
    with transaction.atomic(), scope(person(login)) as by:
        row = Case.objects.get(pk=case.pk)
        return getattr(actions, verb)(case.number, version=row.version, by=by, at=now(), **more)


# --- what it shows -----------------------------------------------------------------------------------------------------------


def test_the_right_answer_shows_how_it_stands_where_to_go_and_what_to_bring(case: Case) -> None:
    body = opened(case)
    assert "Waiting for the hospital&#x27;s answer" in body
    assert case.receiver.name in body
    assert case.origin.name in body
    assert "Your identity card" in body
    move(case, "desk", "accept")
    body = opened(case)
    assert "The hospital expects you" in body
    assert body.count('<span class="num">20') >= 2  # the days of the steps


def test_what_the_reviewer_decided_before_the_offer_is_not_shown(house_file: object) -> None:
    who = person("doctor")
    with transaction.atomic(), scope(who) as by:
        case = a_case(by, who, number=181)
    assert case.state == rules.IN_REVIEW
    move(case, "reviewer", "treat_locally", note="two weeks of treatment first")
    with transaction.atomic(), scope(who) as by, pytest.raises(rules.NotPossible):
        actions.renew_link(case.number, "", by=by, at=now())
    move(case, "doctor", "ask_again", note="no better")
    move(case, "reviewer", "approve")
    try:
        body = opened(case)
        assert body.count("Sent to the hospital") == 1
        assert body.count('<span class="num">20') == 1
    finally:
        finish(case.number)


def test_it_shows_no_name_no_diagnosis_no_number_and_no_text_of_anybody(case: Case) -> None:
    move(case, "desk", "decline", note="NOTE-OF-THE-DESK")
    client, url = browser(), address(case)
    ask = client.get(url).content.decode()
    row = Case.objects.using("owner").get(pk=case.pk)
    phone = settings.DATABASE_KEYS.open(bytes(row.patient_phone), f"case.phone:{row.number}")
    secrets = (
        row.patient_name, row.diagnosis_name, row.diagnosis_code, row.number, row.summary, row.requester_name, str(row.resident_id),
        row.patient_birth_date.isoformat(), phone, "NOTE-OF-THE-DESK", row.disease_group,
    )  # fmt: skip
    assert all(secrets)
    for page in (ask, opened(case)):
        assert not [s for s in secrets if s in page]


def test_the_function_returns_no_column_about_the_patient(house_file: object) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT proargnames, proargmodes::text[] FROM pg_proc WHERE proname = 'referral_link'")
        names, modes = cursor.fetchone()
    returned = {n for n, m in zip(names, modes, strict=True) if m == "t"}
    about_the_way = {"state", "direction", "origin_id", "receiver_id", "department_id", "appointed_at", "expected_on", "doctor"}
    assert returned == about_the_way | {"relation", "guardian", "word", "follow_ups", "steps"}


def test_an_appointment_is_read_where_it_is_kept_and_a_new_one_is_told(case: Case) -> None:
    said = {
        "subject": case.number, "url": "/", "who": booking.Who("陈××", "1", 60), "topic": "x", "priority": "up_referred",
        "viewer_ids": [case.origin_id], "origin_id": case.origin_id, "at": now(),
    }  # fmt: skip
    with transaction.atomic(), scope(person("doctor")) as by:
        wish = booking.wait(case.receiver_id, by=by, **said)
    move(case, "desk", "accept")
    assert "Your appointment" not in opened(case)
    slot = Slot.objects.using("load").filter(org_id=case.receiver_id, taken=False, start_at__gt=now() + timedelta(days=1))
    chosen = slot.filter(session__state="open", session__kind="clinic", voided_at=None, outside="").order_by("start_at", "id")[0]
    with transaction.atomic(), scope(person("desk")) as by:
        booking.place(wish.pk, chosen.pk, version=wish.version, by=by, at=now())
    body = opened(case)
    assert "Your appointment" in body
    assert local(chosen.start_at) in body
    kinds = PersonMessage.objects.using("owner").filter(subject=case.number).order_by("at", "id").values_list("kind", flat=True)
    assert list(kinds) == ["referral.offered", "referral.accepted", "referral.appointed"]
    with transaction.atomic(), scope(person("desk")) as by:
        session = ClinicSession.objects.get(pk=chosen.session_id)
        booking.cancel(session.pk, "leave", version=session.version, by=by, at=now())
    assert "Your appointment" not in opened(case)


def test_a_redirected_case_names_the_hospital_it_went_to(case: Case) -> None:
    before = address(case)
    move(case, "desk", "redirect", receiver_id=CITY_HOSPITAL, note="they have the device")
    assert address(case) == before
    body = opened(case)
    names = {i: queries_name(i) for i in (CITY_HOSPITAL, COUNTY_HOSPITAL)}
    assert names[CITY_HOSPITAL] in body
    assert names[COUNTY_HOSPITAL] not in body


def queries_name(org_id: int) -> str:
    from fenji.ground.network.queries import names_of

    return names_of([org_id])[org_id]


@pytest.mark.parametrize("typed", ["whole", "small", "wide", "spaced"])
def test_the_four_are_taken_as_people_type_them(case: Case, typed: str) -> None:
    right = four(case)
    spelt = {
        "whole": "35042719500607" + right,
        "small": right.lower(),
        "wide": "".join(chr(ord(c) + 0xFEE0) for c in right),
        "spaced": " ".join(right),
    }
    assert "Waiting for" in opened(case, spelt[typed])


def test_a_resident_without_an_identity_number_is_asked_for_the_phone(house_file: object) -> None:
    who = person("doctor")
    with transaction.atomic(), scope(who) as by:
        draft = a_case(by, who, number=181, code=NOT_IN_CATALOGUE, send=False)
        phone = queries.phone_of(draft)
    with transaction.atomic(using="owner"):
        identity = Identity.objects.using("owner").get(pk=draft.resident_id)
        kept, identity.last4 = identity.last4, ""
        identity.save(using="owner")
    with transaction.atomic(), scope(who) as by:
        sent = actions.submit(draft.number, version=draft.version, by=by, at=now())
    assert link(sent).asks == rules.ASK_PHONE
    assert "Waiting for" in opened(sent, phone[-4:])
    Identity.objects.using("owner").filter(pk=draft.resident_id).update(last4=kept)
    finish(sent.number)


def test_a_resident_with_neither_gets_no_page_and_the_sender_is_told_why(house_file: object) -> None:
    who = person("doctor")
    with transaction.atomic(), scope(who) as by:
        draft = a_case(by, who, number=182, code=NOT_IN_CATALOGUE, send=False)
    kept = Identity.objects.using("owner").get(pk=draft.resident_id).last4
    Identity.objects.using("owner").filter(pk=draft.resident_id).update(last4="")
    none = settings.DATABASE_KEYS.seal("", f"case.phone:{draft.number}")
    Case.objects.using("owner").filter(pk=draft.pk).update(patient_phone=none)
    with transaction.atomic(), scope(who) as by:
        sent = actions.submit(draft.number, version=draft.version, by=by, at=now())
    assert address(sent) == ""
    assert not PersonMessage.objects.using("owner").filter(subject=sent.number).exists()
    token = token_for(who)
    assert "it has nothing to ask for" in call("GET", f"/referrals/{sent.number}/", token).body
    answer = call("POST", f"/referrals/{sent.number}/link/renew/", token, form(link=""))
    assert answer.status == 409
    assert "would have nothing to ask for" in answer.body
    Identity.objects.using("owner").filter(pk=draft.resident_id).update(last4=kept)
    finish(sent.number)


# --- no oracle ---------------------------------------------------------------------------------------------------------------

_CHANCE = re.compile(r'name="(?:_key|csrfmiddlewaretoken)" value="[^"]*"')


def seen(url: str, typed: str | None = None) -> tuple[object, ...]:
    """All that somebody without the right answer sees of an address: of the page, of an answer, and of the page after it."""
    client = browser()
    found: list[object] = []
    for answer in (client.get(url), client.post(url, {"four": typed}), client.get(f"{url}?no")):
        body = _CHANCE.sub("", answer.content.decode()).replace(url, "•")
        names = sorted(h for h in answer.headers if h != "Content-Length")
        cookies = sorted(answer.cookies)
        found.append((answer.status_code, answer.headers.get("Location", "").replace(url, "•"), names, cookies, body))
    return tuple(found)


def test_unknown_live_closed_revoked_and_ended_addresses_all_answer_alike(case: Case) -> None:
    url, typed = address(case), wrong(case)
    unknown = seen(NOBODYS, typed)
    assert unknown[0][0] == 200
    assert unknown[1][:2] == (303, "•?no")
    assert seen(url, typed) == unknown, "live, and a wrong answer"
    row = CaseLink.objects.using("owner").filter(case=case)
    right = four(case)
    for what, change, back in (
        ("closed by wrong tries", {"tries": 5}, {"tries": 0}),
        ("revoked", {"revoked_at": now()}, {"revoked_at": None}),
    ):
        row.update(**change)
        assert seen(url, right) == unknown, what
        assert seen(url, typed) == unknown, what
        row.update(**back)
    move(case, "doctor", "end", action="withdraw", note="better")
    Case.objects.using("owner").filter(pk=case.pk).update(ended_at=now() - timedelta(days=30, minutes=1))
    assert seen(url, right) == unknown, "ended, and its days are over"
    Case.objects.using("owner").filter(pk=case.pk).update(ended_at=now() - timedelta(days=29, hours=23))
    assert "This referral was withdrawn" in opened(case)


@pytest.mark.parametrize("token", ["x", "A" * 21, "A" * 23, "A" * 500, "0", "-", "_" * 22])
def test_an_address_of_another_form_answers_like_any_other(house_file: object, token: str) -> None:
    assert seen(f"/r/{token}", "1234") == seen(NOBODYS, "1234")


@pytest.mark.parametrize("typed", ["", "12", "١٢٣٤", "\ufdfa", "%s", "' OR ''='", "9" * 5000, "\u202e1234", "null"])
def test_a_bad_answer_is_a_wrong_answer(case: Case, typed: str) -> None:
    assert answered(browser(), address(case), typed) == (303, f"{address(case)}?no")
    assert link(case).tries == 1


def test_a_forged_or_borrowed_cookie_opens_nothing(case: Case) -> None:
    client, url = browser(), address(case)
    assert answered(client, url, four(case)) == (303, url)
    good = client.cookies["fenji_own"].value
    assert client.cookies["fenji_own"]["httponly"]
    assert client.cookies["fenji_own"]["path"] == url
    for value in (good[:-1] + ("A" if good[-1] != "A" else "B"), "x", "", rules.answer_digest("x", "y").hex()):
        other = browser()
        other.cookies["fenji_own"] = value
        assert "Is it you?" in other.get(url).content.decode()
    other = browser()
    other.cookies["fenji_own"] = good
    assert "Is it you?" in other.get(NOBODYS).content.decode()
    assert link(case).tries == 0


def test_the_page_is_kept_nowhere_and_its_address_told_to_nobody(case: Case) -> None:
    answer = browser().get(address(case))
    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "noindex" in answer["X-Robots-Tag"]


# --- five tries --------------------------------------------------------------------------------------------------------------


def test_five_wrong_answers_close_the_page_also_to_the_right_one(case: Case) -> None:
    client, url = browser(), address(case)
    for turn in range(1, 6):
        assert answered(client, url, wrong(case)) == (303, f"{url}?no")
        assert link(case).tries == turn
    assert answered(client, url, four(case)) == (303, f"{url}?no")
    assert link(case).tries == 5


def test_the_right_answer_begins_the_count_anew(case: Case) -> None:
    client, url = browser(), address(case)
    for _ in range(4):
        answered(client, url, wrong(case))
    assert answered(client, url, four(case)) == (303, url)
    assert link(case).tries == 0
    assert link(case).opened_at is not None


def test_looking_at_the_page_counts_nothing(case: Case) -> None:
    for _ in range(9):
        assert browser().get(address(case)).status_code == 200
    assert link(case).tries == 0


def _crowd(case: Case, count: int) -> tuple[int, int]:
    """Many wrong answers at once; how many were counted, and how many were judged at all."""
    url, typed = address(case), wrong(case)
    barrier = threading.Barrier(count)

    def guess(_: int) -> int:
        barrier.wait(timeout=60)
        try:
            return call("POST", url, "", {"four": typed}).status
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as crowd:
        statuses = list(crowd.map(guess, range(count)))
    assert set(statuses) == {303}
    return link(case).tries, len(statuses)


def test_twenty_wrong_answers_at_once_count_five_and_close_the_page(case: Case) -> None:
    assert _crowd(case, 20) == (5, 20)
    assert answered(browser(), address(case), four(case))[1].endswith("?no")


def test_without_the_lock_the_count_is_lost(case: Case) -> None:
    """The control: the same function without its lock lets more than five answers be judged."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef('referral_link(bytea, bytea)'::regprocedure)")
        (sound,) = cursor.fetchone()
        assert sound.count("FOR UPDATE") == 1
        slow = "PERFORM pg_sleep(0.05); IF entry.digest IS DISTINCT FROM answer"
        cursor.execute(sound.replace("FOR UPDATE", "").replace("IF entry.digest IS DISTINCT FROM answer", slow))
        try:
            counted, _ = _crowd(case, 20)
        finally:
            cursor.execute(sound)
    assert counted > 5


# --- the sender's hand on it -------------------------------------------------------------------------------------------------


def test_the_sender_sees_the_address_and_the_receiver_does_not(case: Case) -> None:
    url = address(case)
    assert url in call("GET", f"/referrals/{case.number}/", token_for(person("doctor"))).body
    assert url not in call("GET", f"/referrals/{case.number}/", token_for(person("desk"))).body


def test_a_new_address_kills_the_old_one_and_is_told(case: Case) -> None:
    old, shown = address(case), str(link(case).pk)
    token = token_for(person("doctor"))
    assert call("POST", f"/referrals/{case.number}/link/renew/", token, form(link=shown)).status == 303
    new = address(case)
    assert new != old
    assert seen(old, four(case)) == seen(NOBODYS, "0000")
    assert "Waiting for" in opened(case)
    assert call("POST", f"/referrals/{case.number}/link/renew/", token, form(link=shown)).status == 409
    assert PersonMessage.objects.using("owner").filter(subject=case.number, kind="referral.offered").count() == 2


def test_the_sender_closes_the_page_and_nobody_else_can(case: Case) -> None:
    shown = str(link(case).pk)
    for login in ("desk", "head", "reviewer"):
        with transaction.atomic(), scope(person(login)) as by, pytest.raises(NotPermitted):
            actions.revoke_link(case.number, shown, by=by, at=now())
    for stale in ("", "x", str(case.pk)):
        with transaction.atomic(), scope(person("doctor")) as by, pytest.raises(Stale):
            actions.revoke_link(case.number, stale, by=by, at=now())
    url = address(case)
    assert call("POST", f"/referrals/{case.number}/link/revoke/", token_for(person("doctor")), form(link=shown)).status == 303
    assert address(case) == ""
    assert answered(browser(), url, four(case))[1].endswith("?no")
    traces = AuditEvent.objects.using("owner").filter(subject=case.number, action__in=("referral.link", "referral.unlink"))
    assert sorted(traces.values_list("action", flat=True)) == ["referral.link", "referral.unlink"]


def test_an_unknown_hand_movement_is_not_found(case: Case) -> None:
    assert call("POST", f"/referrals/{case.number}/link/steal/", token_for(person("doctor")), form(link="")).status == 404


def test_the_app_role_reads_no_hash_no_answer_and_no_link_of_others(case: Case) -> None:
    for column in ("token_hash", "digest"):
        refused = pytest.raises(DatabaseError, match="permission denied")
        who = scope(person("doctor"))
        with transaction.atomic(), who, connections["default"].cursor() as cursor, refused, transaction.atomic():
            cursor.execute(f"SELECT {column} FROM referral_caselink")
    for stranger in (other_doctor(), person("officer"), person("system")):
        with transaction.atomic(), scope(stranger), connections["default"].cursor() as cursor:
            cursor.execute("SELECT count(*) FROM referral_caselink WHERE case_id = %s", [case.pk])
            assert cursor.fetchone() == (0,)
    with (
        transaction.atomic(),
        connections["default"].cursor() as cursor,
        pytest.raises(DatabaseError, match=r"fenji\.scope|no scope"),
    ):
        cursor.execute("SELECT id FROM referral_caselink")


def test_the_count_cannot_be_set_back_by_the_app_role(case: Case) -> None:
    refused = pytest.raises(DatabaseError, match="permission denied")
    with transaction.atomic(), scope(person("doctor")), connections["default"].cursor() as cursor, refused, transaction.atomic():
        cursor.execute("UPDATE referral_caselink SET tries = 0")


def test_the_token_lies_sealed_and_hashed_only(case: Case) -> None:
    row, token = link(case), address(case).removeprefix("/r/")
    stored = b"".join(bytes(getattr(row, f)) for f in ("token", "token_hash", "digest"))
    assert token.encode() not in stored
    assert bytes(row.token_hash) == rules.token_hash(token)


def test_every_state_is_shown_in_words(case: Case) -> None:
    url, typed = address(case), four(case)
    client = browser()
    answered(client, url, typed)
    Case.objects.using("owner").filter(pk=case.pk).update(review_org_id=case.origin_id)
    for state in rules.STATES:
        ended = {"holder": None, "ended_at": now()} if state in rules.ENDS else {"holder_id": case.origin_id, "ended_at": None}
        Case.objects.using("owner").filter(pk=case.pk).update(state=state, **ended)
        answer = client.get(url)
        assert answer.status_code == 200, state
        assert str(texts.OWN_PAGE[state][1]).split(".")[0].split("&")[0][:20] in answer.content.decode().replace("&#x27;", "'"), (
            state
        )
    Case.objects.using("owner").filter(pk=case.pk).update(state="offered", holder_id=case.receiver_id, ended_at=None)
