"""Lists that come in, by several hands: whose they are, two at once, the real worker, and what is handed out once."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from subprocess import Popen

import pytest
from django.db import connections
from django.test import Client

from fenji.config import running
from fenji.config.walker import until
from fenji.ground.access import rules as access
from fenji.ground.access.models import AuditEvent, ReadLog
from fenji.ground.common.edge import fresh_key, now
from fenji.ground.documents import actions, queries
from fenji.ground.documents.models import Blob, ImportFault, ImportRun
from fenji.ground.policy.models import CalendarDay
from fenji.world.county import Person
from tests.app.import_walk import HEAD, book, counts, judged, page, press, run_of, send, sent, written
from tests.app.listings import Lots, lots, offered
from tests.app.sessions import appointed
from tests.app.test_worker import held, waiting
from tests.cast import client_for, person

_NUMBERS = count(1, 1000)


@pytest.fixture
def listing(house_file: object) -> Iterator[Lots]:
    with offered() as found:
        yield found


@pytest.fixture
def client(listing: Lots) -> Client:
    return client_for(person("system"))


@pytest.fixture
def first() -> int:
    """The first of a thousand numbers that no other test uses."""
    return next(_NUMBERS)


# ---- whose it is ----


def test_who_may_not_send_the_list_sees_nothing_of_it(client: Client, first: int) -> None:
    run = judged(client, book(HEAD, (first, "one", "a")))
    for name in ("officer", "doctor", "security"):
        other = client_for(person(name))
        assert other.get("/imports/lots/").status_code == 403
        assert other.get("/imports/lots/template.xlsx").status_code == 403
        assert send(other, book(HEAD, (first, "one", "a"))).status_code == 403
        expected = 404 if access.PERMISSIONS[person(name).role] & {"import.open"} else 403
        assert other.get(f"/imports/runs/{run.pk}/").status_code == expected
        assert press(other, run).status_code == expected
    assert "Lots" not in client_for(person("officer")).get("/imports/").content.decode()
    assert client.get("/imports/nothing/").status_code == 404
    assert client.get(f"/imports/runs/{fresh_key()}/").status_code == 404


@pytest.fixture
def colleague(house_file: object) -> Iterator[Person]:
    """A second system administrator of the house."""
    return appointed("system2", "周启明", access.SYSTEM_ADMIN, person("system").org_id)


def test_a_colleague_sees_the_import_and_its_sender_decides(client: Client, first: int, colleague: Person) -> None:
    run = judged(client, book(HEAD, (first, "one", "a"), ("x", "two", "a")))
    other = client_for(colleague)
    shown = page(other, run)
    assert "sent this list and decides" in shown
    assert "Write the" not in shown
    answer = press(other, run)
    assert answer.status_code == 409
    assert "A colleague sent this list" in answer.content.decode()
    assert other.get(f"/imports/runs/{run.pk}/faults/").status_code == 404
    assert other.get(f"/files/{run.file_id}/").status_code == 404
    assert run_of(run.pk).state == "judged"
    opened = client.get(f"/files/{run.file_id}/")
    assert opened.status_code == 200
    assert ReadLog.objects.using("owner").filter(purpose="file.open", subject=str(run.file_id)).count() == 1


def test_a_decision_on_an_old_page_is_stale_and_a_discarded_import_is_over(client: Client, first: int) -> None:
    run = judged(client, book(HEAD, (first, "one", "a")))
    old = client.post(f"/imports/runs/{run.pk}/write/", {"_key": fresh_key(), "_version": 1})
    assert old.status_code == 409
    assert press(client, run, "discard").status_code == 303
    assert run_of(run.pk).state == "stopped"
    assert "nothing of it was written" in page(client, run)
    assert press(client, run).status_code == 409
    actions.carry_out(run.pk, at=now())
    assert lots(first, 1) == {}


# ---- two at once, and what breaks ----


def _in_threads(*work: Callable[[], object]) -> None:
    problems: list[BaseException] = []

    def guarded(one: Callable[[], object]) -> None:
        try:
            one()
        except BaseException as problem:
            problems.append(problem)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=guarded, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert not problems


def test_of_two_at_once_the_second_waits_is_judged_anew_and_writes_only_what_is_still_to_write(
    client: Client, listing: Lots, first: int, colleague: Person
) -> None:
    rows = [(first + n, f"lot {n}", "a") for n in range(10)]
    one = judged(client, book(HEAD, *rows))
    two = judged(client_for(colleague), book(HEAD, *rows[5:], (first + 10, "lot 10", "b")))
    assert (counts(one), counts(two)) == ((10, 0, 0, 0), (6, 0, 0, 0))
    assert press(client, one).status_code == press(client_for(colleague), two).status_code == 303
    begun, go_on = threading.Event(), threading.Event()

    def pause() -> None:
        if not begun.is_set():
            begun.set()
            assert go_on.wait(timeout=60)

    listing.pause = pause

    def second() -> None:
        assert begun.wait(timeout=60)
        released = threading.Timer(0.1, lambda: until(lambda: waiting("fenji_load"), 30) and go_on.set())
        released.start()
        actions.carry_out(two.pk, at=now())

    _in_threads(lambda: actions.carry_out(one.pk, at=now()), second)
    assert counts(run_of(one.pk)) == (10, 0, 0, 0)
    assert counts(run_of(two.pk)) == (1, 0, 5, 0)
    assert len(lots(first, 11)) == 11
    puts = AuditEvent.objects.using("owner").filter(action="lot.put", subject__in=[f"lot {first + n}" for n in range(11)])
    assert puts.count() == 11


def test_a_row_that_became_faulty_since_the_dry_run_is_told_and_not_written(client: Client, listing: Lots, first: int) -> None:
    run = judged(client, book(HEAD, (first, "one", "a"), (first + 1, "two", "a")))
    as_before = listing.judge

    def stricter(rows: object, **more: object) -> object:
        found = as_before(rows, **more)  # type: ignore[arg-type]
        from fenji.ground.common.imports import Fault, Judgement

        return Judgement({2: "new"}, (Fault(3, "title", "lot_forbidden"),), found.notes)

    listing.judge = stricter  # type: ignore[method-assign,assignment]
    run = written(client, run)
    assert counts(run) == (1, 0, 0, 1)
    assert "Lots may not be called so" in page(client, run)
    assert lots(first, 2) == {first: ("one", "a")}


def test_the_progress_of_an_open_transaction_is_seen(
    client: Client, listing: Lots, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fenji.ground.documents.actions import runs

    monkeypatch.setattr(runs, "_TELL_EVERY", 0.0)
    run = judged(client, book(HEAD, *((first + n, "t t", "a") for n in range(10))))
    assert press(client, run).status_code == 303
    begun, go_on, seen = threading.Event(), threading.Event(), []

    def pause() -> None:
        begun.set()
        assert go_on.wait(timeout=60)

    listing.pause = pause

    def look() -> None:
        assert begun.wait(timeout=60)
        try:
            seen.append(page(client, run))
        finally:
            go_on.set()

    _in_threads(lambda: actions.carry_out(run.pk, at=now()), look)
    assert "5 of 10 rows" in seen[0]
    assert "Being written" in seen[0]


def test_a_room_that_breaks_while_writing_leaves_nothing_and_the_page_says_so(
    client: Client, listing: Lots, first: int, caplog: pytest.LogCaptureFixture
) -> None:
    run = judged(client, book(HEAD, *((first + n, "t t", "a") for n in range(10))))
    assert press(client, run).status_code == 303
    listing.pause = lambda: 1 / 0  # type: ignore[assignment,return-value]
    actions.carry_out(run.pk, at=now())
    assert (run_of(run.pk).state, lots(first, 10)) == ("failed", {})
    assert "Something broke on our side" in page(client, run)
    assert "broke" in caplog.text
    listing.pause = lambda: None
    again = written(client, judged(client, book(HEAD, (first, "t t", "a"))))
    assert counts(again) == (1, 0, 0, 0)


def test_a_room_that_forgets_a_row_is_found_out(client: Client, listing: Lots, first: int) -> None:
    from fenji.ground.common.imports import Judgement

    listing.judge = lambda rows, **_: Judgement({}, ())  # type: ignore[method-assign,assignment,misc]
    run = judged(client, book(HEAD, (first, "one", "a")))
    assert (run.state, run.error) == ("failed", "import_broke")


def test_a_job_that_runs_twice_does_its_work_once(client: Client, first: int) -> None:
    run = judged(client, book(HEAD, (first, "one", "a"), ("x", "two", "a")))
    actions.judge(run.pk, at=now())
    assert ImportFault.objects.using("owner").filter(run=run).count() == 1
    assert press(client, run).status_code == 303
    _in_threads(*[lambda: actions.carry_out(run.pk, at=now())] * 3)
    assert AuditEvent.objects.using("owner").filter(action="lot.put", subject=f"lot {first}").count() == 1
    assert AuditEvent.objects.using("owner").filter(action="import.write", subject=str(run.pk)).count() == 1


# ---- the real worker, and the calendar ----


@contextmanager
def a_worker(house_file: Path) -> Iterator[Popen[bytes]]:
    """The real worker, without the jobs of tests that did their work by hand."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs WHERE queue_name = 'imports' AND status = 'todo'")
    worker = running.worker(house_file)
    try:
        yield worker
    finally:
        worker.terminate()
        worker.wait(timeout=20)


def _calendar(*days: tuple[object, ...]) -> bytes:
    return book(("Day", "Working day?", "Occasion", "Basis"), *days)


@pytest.fixture
def off_days(house_file: object) -> Iterator[None]:
    """The calendar as it was, afterwards."""
    yield
    CalendarDay.objects.using("owner").filter(day__year=2031).delete()


def test_a_worker_takes_the_calendar_in(client: Client, house_file: Path, off_days: None) -> None:
    with a_worker(house_file):
        content = _calendar(
            ("2031-01-01", "no", "元旦", "decree"), ("2031年1月4日", "是", "调休", "decree"), ("2031-01-06", "1", "x", "y")
        )
        run_id = sent(client, content, "calendar.xlsx", "calendar")
        assert until(lambda: run_of(run_id).state == "judged", 30)
        run = run_of(run_id)
        assert (counts(run), run.noted) == ((3, 0, 0, 0), 1)
        assert press(client, run).status_code == 303
        assert until(lambda: run_of(run_id).state == "done", 30)
    days = CalendarDay.objects.using("owner").filter(day__year=2031).order_by("day")
    assert [(d.day, d.working, d.provisional) for d in days] == [
        (date(2031, 1, 1), False, False),
        (date(2031, 1, 4), True, False),
        (date(2031, 1, 6), True, False),
    ]
    row = AuditEvent.objects.using("owner").get(action="calendar.put", subject="2031-01-04")
    assert (row.actor_id, row.org_id, row.after) == (person("system").id, person("system").org_id, "working")


def test_a_worker_killed_while_writing_leaves_nothing_half_and_the_run_goes_on_later(
    client: Client, house_file: Path, off_days: None
) -> None:
    run = judged(client, _calendar(*((f"2031-02-{d:02d}", "no", "x", "y") for d in range(1, 20))), "calendar.xlsx", "calendar")
    with held("policy_calendarday"), a_worker(house_file) as worker:
        assert press(client, run).status_code == 303
        assert until(lambda: waiting("fenji_load"), 30), "the worker never came to the rows"
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    assert run_of(run.pk).state == "writing"
    assert not CalendarDay.objects.using("owner").filter(day__year=2031, day__month=2).exists()
    with connections["owner"].cursor() as cursor:  # what the sweep does a minute after the worker's last sign of life
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'todo', worker_id = NULL WHERE status = 'doing' AND queue_name = 'imports'"
        )
    worker = running.worker(house_file)
    try:
        assert until(lambda: run_of(run.pk).state == "done", 30)
    finally:
        worker.terminate()
        worker.wait(timeout=20)
    assert CalendarDay.objects.using("owner").filter(day__year=2031, day__month=2).count() == 19


def test_the_calendar_keeps_what_the_file_does_not_say(client: Client, off_days: None) -> None:
    head = ("Day", "Working day?", "Occasion", "Basis", "Provisional?")
    written(client, judged(client, book(head, ("2031-03-01", "no", "x", "y", "yes")), "c.xlsx", "calendar"))
    run = written(client, judged(client, _calendar(("2031-03-01", "no", "renamed", "y")), "c.xlsx", "calendar"))
    assert counts(run) == (0, 1, 0, 0)
    day = CalendarDay.objects.using("owner").get(day=date(2031, 3, 1))
    assert (day.name, day.provisional) == ("renamed", True)


# ---- handouts ----


@pytest.fixture
def with_slips(client: Client, listing: Lots, first: int) -> ImportRun:
    listing.slips = True
    return written(client, judged(client, book(HEAD, (first, "one", "a"), (first + 1, "two", "a"))))


def test_handouts_are_for_the_sender_alone_and_gone_once_printed(client: Client, with_slips: ImportRun, colleague: Person) -> None:
    run = with_slips
    assert "Slips to print" in page(client, run)
    assert "Slips to print" not in page(client_for(colleague), run)
    path = f"/imports/runs/{run.pk}/handouts/"
    shown = client.get(path).content.decode()
    assert shown.count("secret-") == 2
    assert client_for(colleague).get(path).status_code == 409
    assert client.get(f"/files/{run.handouts_id}/").status_code == 404
    assert not any(b"secret-" in bytes(b.content) for b in Blob.objects.using("owner").filter(file_id=run.handouts_id))
    assert client.post(path, {"_key": fresh_key()}).status_code == 303
    assert client.get(path).status_code == 404
    assert "Slips to print" not in page(client, run)
    assert actions.wipe(run.handouts_id, at=now())
    assert not actions.wipe(run.handouts_id, at=now())
    assert {bytes(b.content) for b in Blob.objects.using("owner").filter(file_id=run.handouts_id)} == {b""}


def test_very_many_handouts_come_in_portions(client: Client, listing: Lots, monkeypatch: pytest.MonkeyPatch, first: int) -> None:
    monkeypatch.setattr(queries, "SLIPS_SHOWN", 2)
    listing.slips = True
    run = written(client, judged(client, book(HEAD, *((first + n, "t t", "a") for n in range(5)))))
    path, seen = f"/imports/runs/{run.pk}/handouts/", []
    for begin in (0, 2, 4):
        shown = client.get(f"{path}?from={begin}").content.decode()
        seen += re.findall(r"secret-(\d+)", shown)
        assert ("Slips after these" in shown, "Slips before these" in shown) == (begin < 4, begin > 0)
    assert seen == [str(first + n) for n in range(5)]


def test_handouts_are_wiped_after_their_days(client: Client, with_slips: ImportRun) -> None:
    run = with_slips
    actions.wipe_due(at=run.handouts_until - timedelta(seconds=1))
    assert client.get(f"/imports/runs/{run.pk}/handouts/").status_code == 200
    assert actions.wipe_due(at=run.handouts_until) >= 1
    assert client.get(f"/imports/runs/{run.pk}/handouts/").status_code == 404
    assert {bytes(b.content) for b in Blob.objects.using("owner").filter(file_id=run.handouts_id)} == {b""}
    assert run.handouts_until - run.ended_at == timedelta(days=7)
