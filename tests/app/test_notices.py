"""Notices to institutions: opened is read, the sender sees when, and nobody reads in another's name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import DatabaseError, connections, transaction
from django.test.utils import CaptureQueriesContext

from fenji.care.referral import actions as referral
from fenji.care.referral.models import Case
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import Unknown
from fenji.ground.tasks import actions, queries
from fenji.ground.tasks.models import Notice, NoticeReceipt, WorkItem
from tests.app.wsgi import call
from tests.cast import NOT_IN_CATALOGUE, a_case, finish, other_doctor, person, scope, token_for


@pytest.fixture
def accepted(house_file: object) -> Iterator[tuple[Case, Notice]]:
    """A case of township A that the county desk has accepted, and the notice of it to A's doctors."""
    doctor, desk = person("doctor"), person("desk")
    with transaction.atomic(), scope(doctor) as by:
        case = a_case(by, doctor, number=170, code=NOT_IN_CATALOGUE)
    with transaction.atomic(), scope(desk) as by:
        case = referral.accept(case.number, version=case.version, by=by, at=now())
    actions.deliver_left_over(at=now() + timedelta(hours=1), older_than=timedelta(0))
    yield case, Notice.objects.using("owner").get(subject=case.number)
    finish(case.number)


def _unread(login: str, notice: Notice) -> bool:
    with transaction.atomic(), scope(person(login)) as by:
        return notice.pk in queries.unread_about(notice.subject, by)


def test_opening_a_notice_is_its_receipt_and_leads_to_the_case(accepted: tuple[Case, Notice]) -> None:
    case, notice = accepted
    token = token_for(person("doctor"))
    assert _unread("doctor", notice)
    assert case.number in call("GET", "/notices/", token).body
    answer = call("GET", f"/notices/{notice.pk}/", token)
    assert (answer.status, answer.location) == (302, f"/referrals/{case.number}/")
    assert not _unread("doctor", notice)
    assert case.number not in call("GET", "/notices/", token).body
    assert case.number in call("GET", "/notices/?show=all", token).body
    assert _unread("doctor2", notice), "what a colleague has read, I have not"


def test_the_sender_sees_who_read_it_and_when(accepted: tuple[Case, Notice]) -> None:
    _case, notice = accepted
    desk = token_for(person("desk"))
    assert "not read" in call("GET", "/notices/?show=sent", desk).body
    at = now()
    with transaction.atomic(), scope(person("doctor2")) as by:
        actions.read(notice.pk, by=by, at=at)
    with transaction.atomic(), scope(person("doctor")) as by:
        actions.read(notice.pk, by=by, at=at + timedelta(minutes=5))
        actions.read(notice.pk, by=by, at=at + timedelta(minutes=9))
    with transaction.atomic(), scope(person("desk")) as by:
        sent = queries.sent(by).get(pk=notice.pk)
    assert (sent.read_at, sent.read_by) == (at, person("doctor2").name)
    assert person("doctor2").name in call("GET", "/notices/?show=sent", desk).body
    assert NoticeReceipt.objects.using("owner").filter(notice=notice).count() == 2
    book = call("GET", "/notices/export.xlsx?show=sent", desk)
    assert (book.status, book.raw[:2]) == (200, b"PK")


def test_opening_the_case_reads_its_notices_and_sees_its_step(accepted: tuple[Case, Notice]) -> None:
    case, notice = accepted
    with transaction.atomic(), scope(person("head")) as by:
        actions.saw(case.number, by=by, at=now())
    assert _unread("doctor", notice), "a head is not whom it waits for"
    call("GET", f"/referrals/{case.number}/", token_for(person("doctor")))
    assert not _unread("doctor", notice)
    step = WorkItem.objects.using("owner").get(subject=case.number, closed_at=None)
    assert step.seen_at is None, "it waits for the desk, not for the doctor"
    call("GET", f"/referrals/{case.number}/", token_for(person("desk")))
    step.refresh_from_db(using="owner")
    assert step.seen_by == person("desk").name
    first = step.seen_at
    call("GET", f"/referrals/{case.number}/", token_for(person("desk")))
    step.refresh_from_db(using="owner")
    assert step.seen_at == first
    assert person("desk").name in call("GET", f"/referrals/{case.number}/", token_for(person("doctor"))).body


def test_the_number_in_the_menu_counts_what_i_have_not_read_in_one_query(accepted: tuple[Case, Notice]) -> None:
    _case, notice = accepted
    with transaction.atomic(), scope(person("doctor")) as by:
        with CaptureQueriesContext(connections["default"]) as queried:
            _, before = queries.frame_counts(by, now(), 30)
        assert len(queried) == 1
        assert before == queries.unread(by).count() >= 1
        actions.read(notice.pk, by=by, at=now())
        assert queries.frame_counts(by, now(), 30)[1] == before - 1 == queries.unread(by).count()
        assert queries.frame_counts(by, now() + timedelta(days=31), 30)[1] == 0


@pytest.mark.parametrize("who", ["doctor", "reviewer", "desk", "head", "officer"])
def test_the_badge_counts_the_same_steps_as_the_desk(accepted: tuple[Case, Notice], who: str) -> None:
    case, _notice = accepted
    # as if it were the township's own, and had gone on to its head
    waiting = WorkItem.objects.using("owner").filter(subject=case.number, closed_at=None)
    assert waiting.update(escalated_at=now(), org_id=person("head").org_id) == 1
    with transaction.atomic(), scope(person(who)) as by:
        counted = queries.desk_counts(by, now()).waiting
        assert queries.frame_counts(by, now(), 30)[0] == counted == queries.desk_items(by).count()
        assert counted >= (1 if who == "head" else 0)


def test_a_notice_is_opened_only_where_it_was_sent(accepted: tuple[Case, Notice]) -> None:
    _case, notice = accepted
    for who in (other_doctor(), person("desk"), person("officer")):
        with transaction.atomic(), scope(who) as by, pytest.raises(Unknown):
            actions.read(notice.pk, by=by, at=now())
    with transaction.atomic(), scope(person("reviewer")) as by:
        actions.read(notice.pk, by=by, at=now())
    assert not NoticeReceipt.objects.using("owner").filter(notice=notice).exists(), "it was meant for the doctors"


def test_no_receipt_is_written_in_anothers_name_or_for_anothers_notice(accepted: tuple[Case, Notice]) -> None:
    _case, notice = accepted
    forged = (
        "INSERT INTO tasks_noticereceipt (id, notice_id, account_id, name, at)"
        f" VALUES (gen_random_uuid(), '{notice.pk}', '{{}}', 'x', now())"
    )
    for who, account in (
        (person("doctor"), person("doctor2").id),
        (person("desk"), person("desk").id),  # the sender, who sees the notice
        (other_doctor(), other_doctor().id),
    ):
        refused = pytest.raises(DatabaseError, match="row-level security")
        with transaction.atomic(), scope(who), connections["default"].cursor() as cursor, refused, transaction.atomic():
            cursor.execute(forged.format(account))


def test_a_receipt_once_written_is_not_changed(accepted: tuple[Case, Notice]) -> None:
    _case, notice = accepted
    with transaction.atomic(), scope(person("doctor")) as by:
        actions.read(notice.pk, by=by, at=now())
        with connections["default"].cursor() as cursor:
            for statement in ("UPDATE tasks_noticereceipt SET at = now()", "DELETE FROM tasks_noticereceipt"):
                with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                    cursor.execute(statement)


def test_a_filter_by_case_number_finds_its_notices_and_no_others(accepted: tuple[Case, Notice]) -> None:
    case, _notice = accepted
    token = token_for(person("doctor"))
    assert case.number in call("GET", f"/notices/?show=all&q={case.number.lower()}", token).body
    none = call("GET", "/notices/?show=all&q=R350405-260915-99998-7", token).body
    assert "No notice about this case" in none
    assert case.number not in none
