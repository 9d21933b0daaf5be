"""Announcements inside the house: who sees them, who has read them, and that a double click leaves one receipt."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connections, transaction
from django.test.utils import CaptureQueriesContext

from fenji.ground.access.rules import Actor
from fenji.ground.common.edge import now
from fenji.ground.common.ids import uuid7
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.publication import actions, queries, rules
from fenji.ground.publication.models import Announcement, AnnouncementReceipt
from fenji.world import county
from fenji.world.county import COUNTY_HOSPITAL
from tests.app.publishing import a_hospital_head, post, today
from tests.app.wsgi import call
from tests.cast import other_doctor, person, scope, token_for


@pytest.fixture
def hospital_head(house_file: object) -> county.Person:
    return a_hospital_head()


@pytest.fixture(scope="module")
def tokens(house_file: object) -> dict[str, str]:
    return {name: token_for(person(name)) for name in ("doctor", "doctor2", "head", "officer", "desk", "system")}


# --- announcements -----------------------------------------------------------------------------------------------------------


def announce(by: Actor, audience: str = "own", **changes: Any) -> Announcement:
    fields: dict[str, Any] = {
        "audience": audience, "title": "通知", "text": "内容", "start": today(), "until": None, "must_confirm": True, "listed": (),
    }  # fmt: skip
    return actions.announce(actions.NewAnnouncement(**{**fields, **changes}), by=by, at=now())


def _seen_by(who: county.Person, row: Announcement, at: datetime | None = None) -> bool:
    with scope(who) as by:
        return queries.received(by, at or now()).filter(pk=row.pk).exists()


def test_an_announcement_reaches_its_addressees_and_nobody_else(db: None) -> None:
    with scope(person("head")) as by:
        own = announce(by)
    assert _seen_by(person("doctor"), own)
    assert not any(_seen_by(p, own) for p in (other_doctor(), person("desk"), person("officer"), person("audit")))
    with scope(person("officer")) as by:
        below = announce(by, "below")
        listed = announce(by, "listed", listed=(other_doctor().org_id,))
    assert _seen_by(person("doctor"), below)
    assert _seen_by(person("desk"), below)
    assert not _seen_by(person("citydesk"), below)
    assert not _seen_by(person("officer"), below)  # the sender is not among those addressed
    assert _seen_by(other_doctor(), listed)
    assert not _seen_by(person("doctor"), listed)
    with scope(person("doctor")), pytest.raises(Unknown):
        queries.announcement(listed.id, by, now())


def test_the_lead_writes_to_its_alliance(db: None, hospital_head: county.Person) -> None:
    with scope(hospital_head) as by:
        row = announce(by, "alliance")
        with pytest.raises(rules.NobodyAddressed):
            announce(by, "below")
    assert _seen_by(person("doctor"), row)
    assert _seen_by(other_doctor(), row)
    assert not _seen_by(person("citydesk"), row)


def test_who_may_write_may_not_write_to_everybody(db: None) -> None:
    with scope(person("head")) as by:
        below = announce(by, "below")
        assert queries.addressees(below) == sorted(p.id for p in queries.audience("below", by, today()))
        assert all(i >= county.FIRST_VILLAGE for i in queries.addressees(below))
        with pytest.raises(rules.NobodyAddressed):
            announce(by, "alliance")
        for foreign in (COUNTY_HOSPITAL, other_doctor().org_id, 999_999):
            with pytest.raises(NotPermitted):
                announce(by, "listed", listed=(foreign,))
    for who in ("doctor", "reviewer", "desk", "security", "audit"):
        with scope(person(who)) as by, pytest.raises(NotPermitted):
            announce(by)


def test_an_announcement_is_seen_from_its_first_day_and_asks_until_its_last(db: None) -> None:
    with scope(person("head")) as by:
        later = announce(by, start=today() + timedelta(days=1))
        over = announce(by, start=today() - timedelta(days=9), until=today())
    assert not _seen_by(person("doctor"), later)
    assert _seen_by(person("doctor"), later, now() + timedelta(days=1))
    with scope(person("doctor")) as by:
        with pytest.raises(Unknown):
            queries.announcement(later.id, by, now())
        before = queries.unread(by, now())
        assert queries.announcement(over.id, by, now()) == over  # it can be read later, but is not asked for any more
        assert queries.unread(by, now() + timedelta(days=1)) == before + 1


def test_unread_counts_what_waits_for_me_in_one_query(db: None) -> None:
    with scope(person("head")) as by:
        told, asked = announce(by, must_confirm=False), announce(by)
    with scope(person("doctor")) as by:
        with CaptureQueriesContext(connections["default"]) as queried:
            before = queries.unread(by, now())
        assert len(queried) == 1
        actions.mark_seen(told, by=by, at=now())
        assert queries.unread(by, now()) == before - 1
        actions.mark_seen(asked, by=by, at=now())
        assert queries.unread(by, now()) == before - 1  # seen is not confirmed
        actions.confirm(asked.id, by=by, at=now())
        assert queries.unread(by, now()) == before - 2
    with scope(person("doctor2")) as by:
        assert queries.unread(by, now()) >= 2  # what a colleague has read, I have not


def test_the_sender_sees_who_has_read_and_who_has_not(db: None) -> None:
    with scope(person("officer")) as by:
        row = announce(by, "listed", listed=(person("doctor").org_id, other_doctor().org_id))
    with scope(person("doctor")) as by:
        actions.mark_seen(row, by=by, at=now())
        actions.mark_seen(row, by=by, at=now() + timedelta(hours=1))
        actions.confirm(row.id, by=by, at=now())
        assert AnnouncementReceipt.objects.filter(announcement=row).count() == 1
    with scope(person("doctor2")) as by:
        actions.mark_seen(row, by=by, at=now())
        assert [r.name for r in AnnouncementReceipt.objects.filter(announcement=row)] == ["谢长青"]  # the own one alone
    with scope(person("officer")):
        outstanding, done = queries.readings(row)
        assert (outstanding.place.id, outstanding.readers, outstanding.done(True)) == (other_doctor().org_id, 0, False)
        assert (done.place.id, done.readers, done.confirmed_by, done.done(True)) == (person("doctor").org_id, 2, "罗文清", True)


def test_a_withdrawn_announcement_is_gone_for_those_addressed_and_not_for_the_sender(db: None) -> None:
    with scope(person("head")) as by:
        row = announce(by)
    with scope(person("doctor")) as by, pytest.raises(NotPermitted):
        actions.withdraw(row.id, version=row.version, by=by, at=now())
    with scope(person("head")) as by:
        with pytest.raises(Stale):
            actions.withdraw(row.id, version=row.version + 1, by=by, at=now())
        actions.withdraw(row.id, version=row.version, by=by, at=now())
        assert queries.sent(by).filter(pk=row.pk).exists()
    assert not _seen_by(person("doctor"), row)


def test_receipts_in_anothers_name_and_announcements_in_anothers_are_refused_by_the_database(db: None) -> None:
    with scope(person("head")) as by:
        row = announce(by)
    stranger = f"'{uuid7()}', '{row.id}', {row.org_id}, '{person('doctor').id}', 'x', {row.org_id}, now()"
    columns = "(id, announcement_id, sender_id, account_id, name, org_id, seen_at)"
    forged_sender = f"'{uuid7()}', '{row.id}', 1, '{person('doctor2').id}', 'x', {row.org_id}, now()"
    sent_as_other = (
        "INSERT INTO publication_announcement (id, version, org_id, org_name, viewer_ids, to_own, audience, title, text, start,"
        f" must_confirm, by_id, by_name, at) VALUES ('{uuid7()}', 1, 4, 'x', '{{4,{row.org_id}}}', false, 'own', 'x', 'x', now(),"
        f" false, '{uuid7()}', 'x', now())"
    )
    with scope(person("doctor2")):
        for statement in (
            f"INSERT INTO publication_announcementreceipt {columns} VALUES ({stranger})",
            f"INSERT INTO publication_announcementreceipt {columns} VALUES ({forged_sender})",
            sent_as_other,
        ):
            with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
                connections["default"].cursor().execute(statement)


def test_pages_of_an_announcement_from_writing_to_receipts(tokens: dict[str, str]) -> None:
    form = {
        "audience": "listed", "listed": "夏茂镇卫生院\n高砂镇卫生院", "title": "<b>通知</b>", "text": "第一行\n<script>x</script>",
        "start": f"{today():%Y-%m-%d}", "last": "", "must_confirm": "on",
    }  # fmt: skip
    assert "Institutions I name" in call("GET", "/announcements/new/", tokens["officer"]).body
    sent = post(tokens["officer"], "/announcements/new/", **form)
    assert sent.status == 303, sent.body
    page = sent.location
    unread = call("GET", "/announcements/", tokens["doctor"]).body
    assert "&lt;b&gt;通知" in unread
    assert "to be confirmed" in unread
    assert 'class="side-count"' in unread
    opened = call("GET", page, tokens["doctor"]).body
    assert "I have read this" in opened
    assert "<script>x" not in opened
    assert "Receipts" not in opened
    assert post(tokens["doctor"], f"{page}confirm/").status == 303
    assert "You confirmed on" in call("GET", page, tokens["doctor"]).body
    seen = call("GET", page, tokens["officer"]).body
    assert "1 institutions done, 1 outstanding" in seen
    assert call("GET", f"{page}receipts.xlsx", tokens["officer"]).raw.startswith(b"PK")
    assert call("GET", f"{page}receipts.xlsx", tokens["head"]).status == 403
    for other in ("desk", "system"):
        assert call("GET", page, tokens[other]).status == 404
        assert post(tokens[other], f"{page}confirm/").status == 404
    assert post(tokens["officer"], f"{page}withdraw/", _version=2).status == 409
    assert post(tokens["officer"], f"{page}withdraw/", _version=1).status == 303
    assert call("GET", page, tokens["doctor"]).status == 404
    assert "Withdrawn on" in call("GET", page, tokens["officer"]).body


def test_looking_without_opening_is_no_receipt(tokens: dict[str, str]) -> None:
    with transaction.atomic(), scope(person("head")) as by:
        row = announce(by, must_confirm=False)
    call("HEAD", f"/announcements/{row.id}/", tokens["doctor"])
    call("GET", "/announcements/", tokens["doctor"])
    receipts = AnnouncementReceipt.objects.using("load").filter(announcement=row)
    assert not receipts.exists()
    call("GET", f"/announcements/{row.id}/", tokens["doctor"])
    assert receipts.count() == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"audience": "alliance"}, ""),
        ({"audience": "listed", "listed": ""}, "Name at least one institution"),
        ({"audience": "listed", "listed": "沙县区总医院"}, "none of the institutions you may write to"),
        ({"audience": "listed", "listed": "卫生所"}, "fits several"),
        ({"title": ""}, ""),
        ({"title": "x" * 101}, ""),
        ({"text": "x" * 5001}, ""),
        ({"text": "a\x07b"}, "control characters"),
        ({"start": "tomorrow"}, "year-month-day"),
        ({"last": "2001-01-01"}, "before the first"),
    ],
)
def test_a_bad_announcement_is_refused_with_what_to_do(tokens: dict[str, str], changes: dict[str, str], words: str) -> None:
    form = {"audience": "own", "title": "通知", "text": "内容", "start": f"{today():%Y-%m-%d}"}
    before = Announcement.objects.using("load").count()
    answer = post(tokens["head"], "/announcements/new/", **{**form, **changes})
    assert answer.status == 422
    assert words in answer.body
    assert Announcement.objects.using("load").count() == before


def test_the_list_of_those_who_owe_a_channel_becomes_the_addressees_of_a_reminder(tokens: dict[str, str]) -> None:
    page = call("GET", "/announcements/new/?outcome=short&tier=township", tokens["officer"]).body
    area = re.search(r"<textarea name=\"listed\".*?>(.*?)</textarea>", page, re.DOTALL)
    assert area
    assert len(area.group(1).strip().splitlines()) >= 2
    assert "Please make your list" in page


def test_a_double_click_and_two_tabs_leave_one_receipt(tokens: dict[str, str]) -> None:
    with transaction.atomic(), scope(person("head")) as by:
        row = announce(by)

    def click(i: int) -> int:
        try:
            if i % 2:
                return call("GET", f"/announcements/{row.id}/", tokens["doctor"]).status
            return post(tokens["doctor"], f"/announcements/{row.id}/confirm/").status
        finally:
            connections.close_all()

    with ThreadPoolExecutor(12) as pool:
        statuses = set(pool.map(click, range(24)))
    assert statuses == {200, 303}
    (receipt,) = AnnouncementReceipt.objects.using("load").filter(announcement=row)
    assert receipt.confirmed_at is not None
