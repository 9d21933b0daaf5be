"""Policy on the screen: the list, a change proposed and decided, and what is named beside its field."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client

from fenji.ground.access.rules import DOCTOR
from fenji.ground.common.clock import Span
from fenji.ground.common.edge import fresh_key, now
from fenji.ground.policy import actions, loader, queries
from fenji.ground.policy.models import PolicyChange
from fenji.ground.policy.rules import Ambiguity
from fenji.world.county import COMMISSION
from tests.app.policy_walk import CITY, COUNTY, GROUND, KEY, TIGHT, ahead, approved, bound, cleared, new, propose
from tests.cast import client_for, form, person, scope

__all__ = ["cleared"]

GOOD = {
    "place": COUNTY, "minutes": "90", "counted": "duty", "authority": "order", "end": "", "document_number": "沙卫〔2026〕7号",
    "document_title": "通知", "document_sha256": "b" * 64, "reason": "a pilot",
}  # fmt: skip


def _form(**fields: object) -> dict[str, object]:
    return form(**{**GOOD, "start": ahead(3).isoformat(), **fields})


@pytest.fixture
def officer(house_file: object) -> Client:
    return client_for(person("officer"))


def _propose(client: Client, key: str = KEY, **fields: object) -> object:
    return client.post(f"/policy/parameters/{key}/propose/", _form(**fields))


def test_a_change_is_proposed_and_approved_on_the_screen(officer: Client) -> None:
    page = officer.get(f"/policy/parameters/{KEY}/")
    assert page.status_code == 200
    assert ahead(1).isoformat() in page.content.decode() or ahead(2).isoformat() in page.content.decode()
    answer = _propose(officer)
    assert answer.status_code == 303, answer.content.decode()
    place = answer["Location"]
    shown = officer.get(place).content.decode()
    for words in (
        "1 h 30 min in duty hours",
        "沙卫〔2026〕7号",
        "b" * 64,
        "a pilot",
        "waits for a decision",
        "(by you)",
        "Withdraw",
    ):
        assert words in shown
    assert "/decide/" not in shown
    security = client_for(person("security"))
    assert place in security.get("/policy/waiting/").content.decode()
    shown = security.get(place).content.decode()
    assert "Approve" in shown
    version = re.search(r'name="_version" value="(\d+)"', shown).group(1)
    decided = security.post(f"{place}decide/", form(_version=version, decision="approve", note=""))
    assert decided.status_code == 303
    assert "approved" in security.get(place).content.decode()
    assert place not in security.get("/policy/waiting/").content.decode()
    assert bound(on=3) == Span(90, "duty")
    listed = officer.get(f"/policy/?on={ahead(3)}").content.decode()
    assert "changed by 沙卫〔2026〕7号" in listed
    assert "1 h 30 min in duty hours" in listed
    today = officer.get("/policy/").content.decode()
    assert f"{ahead(3)}</span> 1 h 30 min" in today


def test_of_a_chosen_file_only_the_hash_is_kept(officer: Client) -> None:
    content = "通知全文".encode() * 100_000
    answer = _propose(officer, document_sha256="", document_file=SimpleUploadedFile("doc.pdf", content))
    assert answer.status_code == 303
    row = PolicyChange.objects.using("load").get()
    assert row.document_sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"minutes": ""}, "This field is required"),
        ({"minutes": "ninety"}, "Enter a whole number"),
        ({"minutes": "-5"}, "greater than or equal to 0"),
        ({"minutes": "1" * 400}, "less than or equal to"),
        ({"minutes": "99999999"}, "less than or equal to"),
        ({"minutes": "200000"}, "at most 144000 minutes"),
        ({"counted": "moon"}, "Select a valid choice"),
        ({"place": CITY}, "Select a valid choice"),
        ({"place": "x"}, "Select a valid choice"),
        ({"authority": "law"}, "Select a valid choice"),
        ({"start": ""}, "This field is required"),
        ({"start": "soon"}, "Enter a valid date"),
        ({"start": "0999-01-01"}, "Check the year"),
        ({"start": "2222-01-01"}, "Check the year"),
        ({"start": "1999-12-31"}, "Check the year"),
        ({"start": "2001-02-03"}, "Choose a day after"),
        ({"end": "2001-02-03"}, "Choose a later one"),
        ({"document_number": ""}, "This field is required"),
        ({"document_number": "   "}, "This field is required"),
        ({"document_title": "a\x07b"}, "control characters"),
        ({"document_title": "长" * 201}, "at most 200 characters"),
        ({"reason": ""}, "This field is required"),
        ({"document_sha256": ""}, "Choose the file, or enter its SHA-256"),
        ({"document_sha256": "z" * 64}, "64 characters"),
        ({"document_sha256": "ab"}, "64 characters"),
        ({"document_file": SimpleUploadedFile("a.pdf", b"x")}, "another SHA-256"),
        ({"document_file": SimpleUploadedFile("a.pdf", b""), "document_sha256": ""}, "empty"),
    ],
    ids=str,
)
def test_bad_input_is_named_beside_its_field_and_nothing_is_written(officer: Client, fields: dict, says: str) -> None:
    answer = _propose(officer, **fields)
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not PolicyChange.objects.using("load").exists()
    if "reason" not in fields:
        assert "a pilot" in answer.content.decode()  # what was typed is still there


def test_typed_hashes_and_full_width_dates_are_read_kindly(officer: Client) -> None:
    day = "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in ahead(3).isoformat())
    assert _propose(officer, document_sha256=" ".join(["AB CD" * 16]), start=day).status_code == 303
    assert PolicyChange.objects.using("load").get().document_sha256 == "abcd" * 16


@pytest.mark.parametrize(
    ("key", "fields", "value"),
    [
        ("referral.first_contact", {"value": "off"}, False),
        ("tasks.due_soon_minutes", {"value": "45"}, 45),
        ("tasks.duty_hours", {"value": "08:30-12:00\r\n\r\n14:00－17:30".replace("－", "-")}, ["08:30-12:00", "14:00-17:30"]),
        (KEY, {"minutes": "600", "counted": "natural"}, {"minutes": 600, "counted": "natural"}),
    ],
)
def test_each_kind_of_value_has_its_own_input(officer: Client, key: str, fields: dict, value: object) -> None:
    assert _propose(officer, key, **fields).status_code == 303
    assert PolicyChange.objects.using("load").get().value == value


def test_a_value_that_breaks_the_mode_is_named_beside_the_field(officer: Client) -> None:
    answer = _propose(officer, TIGHT, value="45")
    assert answer.status_code == 422
    assert "may only be made stricter" in answer.content.decode()
    assert "is fixed by its clause" in officer.get("/policy/parameters/policy.settle_minutes/").content.decode()
    assert _propose(officer, "policy.settle_minutes", value="3").status_code == 409


def test_refusals_of_a_decision_are_shown_on_the_page_of_the_change(officer: Client) -> None:
    place = _propose(officer)["Location"]
    security = client_for(person("security"))
    own = officer.post(f"{place}decide/", form(_version=1, decision="approve"))
    assert own.status_code == 409
    assert "Another person who may decide" in own.content.decode()
    bare = security.post(f"{place}decide/", form(_version=1, decision="reject", note=" "))
    assert bare.status_code == 422
    assert "Say why it is rejected" in bare.content.decode()
    assert security.post(f"{place}decide/", form(_version=1, decision="perhaps")).status_code == 422
    assert security.post(f"{place}decide/", form(_version=9, decision="approve")).status_code == 409
    assert security.post(f"{place}withdraw/", form(_version=1)).status_code == 409
    assert officer.post(f"{place}withdraw/", form(_version=1)).status_code == 303
    late = security.post(f"{place}decide/", form(_version=2, decision="approve"))
    assert late.status_code == 409
    assert "no longer open" in late.content.decode()
    early = officer.post(f"{place}end/", _form(end=ahead(9).isoformat()))
    assert early.status_code == 409


def test_an_early_end_is_proposed_on_the_screen(officer: Client) -> None:
    target = approved()
    place = f"/policy/changes/{target.pk}/"
    assert "End it before its time" in officer.get(place).content.decode()
    wrong = officer.post(f"{place}end/", _form(end=ahead(-3).isoformat()))
    assert wrong.status_code == 422
    assert "Choose a day after" in wrong.content.decode()
    made = officer.post(f"{place}end/", _form(end=ahead(9).isoformat()))
    assert made.status_code == 303
    assert "Earlier end:" in officer.get(made["Location"]).content.decode()
    security = client_for(person("security"))
    assert security.post(f"{made['Location']}decide/", form(_version=1, decision="approve")).status_code == 303
    assert "ended early" in officer.get(place).content.decode()


def test_the_list_shows_another_day_another_place_and_part_of_it(officer: Client) -> None:
    body = officer.get("/policy/").content.decode()
    for words in ("Signing in", "Referrals", "SM-3-5c", "platform default", "Review within", "2 h in duty hours"):
        assert words in body
    some = officer.get("/policy/?q=SM-3-5c").content.decode()
    assert "Up-referrals of catalogue diseases are reviewed first" in some
    assert "Review within" not in some
    before = officer.get("/policy/?on=2022-02-28").content.decode()
    assert "SM-3-5c" not in before
    province = officer.get("/policy/?place=35").content.decode()
    assert "福建省" in province
    assert "SM-3-5c" not in province
    found = officer.get("/policy/?org=卫生院").content.decode()
    assert "/policy/?place=org:1" in found
    assert "No institution that your post administers" in officer.get("/policy/?org=zzz").content.decode()
    other = officer.get("/policy/parameters/referral.review_within/?place=org:105").content.decode()
    assert 'value="350405' in other


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/policy/?on=tomorrow", 422, "is no day"),
        ("/policy/?on=2026-02-30", 422, "is no day"),
        ("/policy/?on=2019-12-31", 200, "Choose a later one"),
        ("/policy/?on=9999-12-31", 200, "Referrals"),
        ("/policy/?q=nothing+like+it", 200, "Nothing fits"),
        ("/policy/?place=350499", 404, "There is no such record"),
        ("/policy/?place=org:99999999", 404, "There is no such record"),
        ("/policy/?place=org:1e3", 404, "There is no such record"),
        ("/policy/?place=%3Cscript%3E", 404, "There is no such record"),
        ("/policy/export.xlsx?on=x", 422, "is no day"),
        ("/policy/parameters/referral.colour/", 404, "There is no such record"),
        ("/policy/parameters/referral.review_within/?on=x", 422, "is no day"),
        ("/policy/parameters/referral.review_within/?on=2019-01-01", 404, "There is no such record"),
        ("/policy/changes/00000000-0000-7000-8000-000000000000/", 404, "There is no such record"),
    ],
)
def test_odd_addresses_get_a_clear_answer(officer: Client, path: str, status: int, says: str) -> None:
    answer = officer.get(path)
    assert answer.status_code == status
    assert says in answer.content.decode()


def test_the_list_goes_to_excel(officer: Client) -> None:
    answer = officer.get("/policy/export.xlsx?q=referral.")
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
        text = "".join(book.read(n).decode("utf-8", "replace") for n in book.namelist())
    for words in ("referral.review_catalogue", "SM-3-5c", "明医改组〔2022〕4号", "PF-referral-review off"):
        assert words in text
    assert "access.idle_minutes" not in text


def test_pages_speak_chinese_too(officer: Client) -> None:
    officer.cookies["fenji_language"] = "zh-hans"
    body = officer.get("/policy/").content.decode()
    assert "目录内病种上转须先审核" in body
    assert officer.get(f"/policy/parameters/{KEY}/").status_code == 200


def test_the_menu_has_policy_for_those_who_may_change_it(officer: Client) -> None:
    assert 'href="/policy/"' in officer.get("/").content.decode()
    assert 'href="/policy/"' not in client_for(person("doctor")).get("/").content.decode()


@pytest.fixture
def ambiguous(house_file: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the text of one parameter could be read in three ways."""
    shipped = loader.shipped()
    readings = Ambiguity("E2.15", (15, 60, 120), "city")
    rows = tuple(replace(p, ambiguity=readings) if p.key == "tasks.due_soon_minutes" else p for p in shipped.parameters)
    monkeypatch.setattr(loader, "shipped", lambda: replace(shipped, parameters=rows))
    queries.forget_changes()
    monkeypatch.setattr(queries._SHELF, "book", None)


def test_of_a_text_that_can_be_read_in_several_ways_one_reading_is_chosen(ambiguous: None, officer: Client) -> None:
    page = officer.get("/policy/parameters/tasks.due_soon_minutes/").content.decode()
    for words in ("can be read in several ways (E2.15)", "15 minutes · 60 minutes · 120 minutes", "the city decides"):
        assert words in page
    assert '<option value="1" selected>60 minutes</option>' in page
    assert "can be read in several ways" in officer.get("/policy/").content.decode()
    assert _propose(officer, "tasks.due_soon_minutes", value="7").status_code == 422
    assert _propose(officer, "tasks.due_soon_minutes", value="2").status_code == 303
    assert PolicyChange.objects.using("load").get().value == 120
    with pytest.raises(actions.DoesNotFit) as refusal:
        propose(new("tasks.due_soon_minutes", value=90))
    assert [f.code for f in refusal.value.findings] == ["not_a_choice"]


def test_the_same_proposal_sent_twice_is_one_change(officer: Client) -> None:
    sent = _form(_key=fresh_key())
    first = officer.post(f"/policy/parameters/{KEY}/propose/", sent)
    second = officer.post(f"/policy/parameters/{KEY}/propose/", sent)
    assert first["Location"] == second["Location"]
    assert PolicyChange.objects.using("load").count() == 1


def test_everybody_who_is_cast_here_is_what_they_are_cast_as() -> None:
    assert person("officer").org_id == COMMISSION
    assert person("doctor").role == DOCTOR


# --- on the desk ------------------------------------------------------------------------------------------------------------


def _desk(login: str) -> str:
    return client_for(person(login)).get("/").content.decode()


def test_whoever_may_decide_sees_a_proposal_on_the_desk_until_it_is_decided(officer: Client) -> None:
    place = _propose(officer)["Location"]
    assert f'href="{place}"' not in _desk("officer"), "who proposed it does not decide"
    for login in ("doctor", "system", "audit", "head", "editor"):
        assert place not in _desk(login), login
    page = _desk("security")
    assert "Changes for you to decide" in page
    assert f'href="{place}"' in page
    assert "waiting for me <b>1</b>" in page
    badge = re.search(r'class="top-badge".*?<b[^>]*>(\d+)</b>', client_for(person("security")).get("/policy/").content.decode())
    assert badge.group(1) == "1"
    change = PolicyChange.objects.get(pk=place.split("/")[-2])
    with transaction.atomic(), scope(person("security")) as by:
        actions.decide(change.pk, approve=True, note="", version=change.version, by=by, at=now())
    assert place not in _desk("security")


@pytest.mark.parametrize(("approve", "word"), [(True, "approved"), (False, "rejected")])
def test_the_proposer_reads_the_outcome_on_the_desk_for_two_weeks(officer: Client, approve: bool, word: str) -> None:
    place = _propose(officer)["Location"]
    change = PolicyChange.objects.get(pk=place.split("/")[-2])
    with transaction.atomic(), scope(person("security")) as by:
        actions.decide(change.pk, approve=approve, note="see the <minutes>", version=change.version, by=by, at=now())
    page = _desk("officer")
    assert "What became of your proposals" in page
    assert f'href="{place}"' in page
    assert "see the &lt;minutes&gt;" in page
    assert word in page
    for login in ("security", "insurer", "doctor"):
        assert place not in _desk(login), login
    old = now() - timedelta(days=14)
    PolicyChange.objects.using("owner").filter(pk=change.pk).update(decided_at=old, proposed_at=old)
    assert place not in _desk("officer")


def test_a_change_beyond_ones_reach_waits_on_no_desk(house_file: object) -> None:
    with transaction.atomic(), scope(person("insurer")) as by:
        place = f"/policy/changes/{actions.propose(new(place=CITY), GROUND, by=by, at=now()).pk}/"
    for login in ("officer", "security"):
        assert place not in _desk(login), "the county decides nothing for the city"
    assert f'href="{place}"' in _desk("insurer2")


def test_more_changes_than_the_desk_shows_are_counted_and_linked(officer: Client) -> None:
    for day in range(3, 10):
        assert _propose(officer, start=ahead(day).isoformat()).status_code == 303
    page = _desk("security")
    assert page.count("data-change=") == 5
    assert "2 more wait for a decision" in page
    assert "waiting for me <b>7</b>" in page
