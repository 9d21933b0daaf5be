"""Jobs and the processes that run them: every message is delivered once, whatever dies in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import DatabaseError, connections, transaction

from fenji.care.referral import actions
from fenji.care.referral.models import Case, CaseEvent
from fenji.config import running
from fenji.config.walker import Walker, until
from fenji.ground.access.models import AuditEvent
from fenji.ground.common.edge import fresh_key, now
from fenji.ground.tasks import actions as tasks
from fenji.ground.tasks.models import Notice, OutboxMessage, WorkItem
from tests.cast import a_case, finish, person, scope, token_for
from tests.plugin import url


def offered_case(number: int) -> Case:
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor) as by:
        return a_case(by, doctor, number=number, code="I21.900", emergency=True)


def accept(case: Case) -> OutboxMessage:
    """Accept a case as the county desk; the message that tells the sender."""
    with transaction.atomic(), scope(person("desk")) as by:
        actions.accept(case.number, version=case.version, by=by, at=now())
    return OutboxMessage.objects.using("owner").get(subject=case.number)


@contextmanager
def held(table: str) -> Iterator[None]:
    """Nobody else can touch a table while this lasts: whoever tries waits in mid-transaction."""
    with psycopg.connect(url("postgres")) as connection:
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


def waiting(role: str) -> bool:
    """True when a connection of a role waits for a lock."""
    with psycopg.connect(url("postgres")) as connection:
        found = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND wait_event_type = 'Lock'"
        return connection.execute(found, [role]).fetchone()[0] > 0


def gone(role: str) -> bool:
    with psycopg.connect(url("postgres")) as connection:
        found = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND wait_event_type = 'Lock'"
        return connection.execute(found, [role]).fetchone()[0] == 0


def notices(case: Case) -> int:
    return Notice.objects.using("owner").filter(subject=case.number).count()


def test_a_worker_killed_in_mid_delivery_leaves_nothing_half_done_and_loses_no_message(house_file: Path) -> None:
    case = offered_case(130)
    message = accept(case)
    with held("tasks_notice"):
        worker = running.worker(house_file)
        assert until(lambda: waiting("fenji_job"), 30), "the worker never came to the delivery"
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    assert until(lambda: gone("fenji_job"), 10)
    message.refresh_from_db(using="owner")
    assert (message.delivered_at, notices(case)) == (None, 0)
    # what a minute later's sweep does when the job of a dead worker never ends
    assert tasks.deliver_left_over(at=now() + timedelta(minutes=1), older_than=timedelta(seconds=30)) >= 1
    assert tasks.deliver_left_over(at=now() + timedelta(minutes=1), older_than=timedelta(seconds=30)) == 0
    assert notices(case) == 1
    finish(case.number)


def test_a_new_worker_takes_up_what_waits_and_ends_on_request(house_file: Path) -> None:
    case = offered_case(131)
    accept(case)
    worker = running.worker(house_file)
    try:
        assert until(lambda: notices(case) == 1, 30)
    finally:
        worker.terminate()
    assert worker.wait(timeout=20) == 0
    finish(case.number)


def test_a_web_process_killed_in_mid_action_leaves_the_case_as_it_was(house_file: Path) -> None:
    case = offered_case(132)
    port = running.free_port()
    web = running.web(house_file, port, workers=1)
    running.wait_ready(f"http://127.0.0.1:{port}", web)
    walker = Walker(f"http://127.0.0.1:{port}")
    walker.cookies |= {"fenji_session": token_for(person("desk")), "csrftoken": "c" * 32}
    form = {"_key": fresh_key(), "_version": str(case.version), "csrfmiddlewaretoken": "c" * 32}
    outcome: list[str] = []

    def send() -> None:
        try:
            outcome.append(str(walker.request("POST", f"/referrals/{case.number}/do/accept/", form).status))
        except OSError as broken:
            outcome.append(type(broken).__name__)

    with held("tasks_workitem"):
        sender = threading.Thread(target=send)
        sender.start()
        assert until(lambda: waiting("fenji_app"), 30), "the request never came to the task"
        os.killpg(web.pid, signal.SIGKILL)
        web.wait()
    sender.join(timeout=30)
    assert until(lambda: gone("fenji_app"), 10)
    assert outcome
    assert outcome != ["303"]
    after = Case.objects.using("owner").get(number=case.number)
    assert (after.state, after.version) == (case.state, case.version)
    assert CaseEvent.objects.using("owner").filter(case=case, action="accept").count() == 0
    assert not OutboxMessage.objects.using("owner").filter(subject=case.number).exists()
    accept(case)  # the same step works afterwards
    finish(case.number)


def test_a_message_is_delivered_once_even_by_two_at_a_time(house_file: object) -> None:
    case = offered_case(133)
    message = accept(case)
    barrier = threading.Barrier(4)
    done: list[bool] = []

    def deliver() -> None:
        barrier.wait()
        try:
            done.append(tasks.deliver(message.id, at=now()))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=deliver) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False, False, False, True]
    assert notices(case) == 1
    assert tasks.deliver(message.id, at=now()) is False
    finish(case.number)


def test_an_overdue_step_is_brought_to_the_head_once_and_decides_nothing(house_file: object) -> None:
    case = offered_case(134)
    late = now() + timedelta(hours=2)
    item = WorkItem.objects.using("owner").get(subject=case.number, closed_at=None)
    assert tasks.escalate_overdue(at=item.due_at - timedelta(seconds=1)) == 0
    assert tasks.escalate_overdue(at=late) >= 1
    assert tasks.escalate_overdue(at=late) == 0
    told = Notice.objects.using("owner").get(subject=case.number, kind="escalated")
    assert (told.org_id, told.role) == (item.org_id, "manager")
    assert AuditEvent.objects.using("owner").filter(subject=case.number, action="escalate.referral.offered").count() == 1
    assert Case.objects.using("owner").get(number=case.number).version == case.version
    finish(case.number)


def test_only_forgotten_cases_expire_and_only_after_the_limit(house_file: object) -> None:
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor) as by:
        draft = a_case(by, doctor, number=135, send=False)
    waits = offered_case(136)
    limit = draft.due_at + timedelta(minutes=20160)
    actions.expire_forgotten(at=limit - timedelta(minutes=1))
    assert Case.objects.using("owner").get(number=draft.number).state == "draft"
    actions.expire_forgotten(at=limit)
    ended = Case.objects.using("owner").get(number=draft.number)
    assert (ended.state, ended.holder_id) == ("expired", None)
    assert not WorkItem.objects.using("owner").filter(subject=draft.number, closed_at=None).exists()
    assert CaseEvent.objects.using("owner").filter(case=ended, action="expire").count() == 1
    assert Case.objects.using("owner").get(number=waits.number).state == "offered"
    finish(waits.number)


def test_the_job_role_reads_no_patient(house_file: object) -> None:
    for column in ("patient_name", "summary", "diagnosis_name", "findings"):
        with pytest.raises(DatabaseError, match="permission denied"):
            _read(f"SELECT {column} FROM referral_case")
    with pytest.raises(DatabaseError, match="permission denied"):
        _read("SELECT who FROM tasks_workitem")


def _read(sql: str) -> None:
    with connections["job"].cursor() as cursor:
        cursor.execute(sql)


def test_a_worker_without_a_house_says_what_to_do(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fenji", "worker", "--house", str(tmp_path / "house.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "fenji db init" in done.stderr
