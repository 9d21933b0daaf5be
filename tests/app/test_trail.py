"""The audit trail: complete, unreadable to the app, and every tampering is found at its link."""

from __future__ import annotations

import threading

import psycopg
import pytest
from django.db import DatabaseError, connection, connections, transaction

from fenji.care.referral import actions
from fenji.ground.access import sealing
from fenji.ground.access.models import AuditEvent, ReadLog
from fenji.ground.common.edge import now
from tests.app.wsgi import call
from tests.cast import a_case, a_resident, finish, person, scope, token_for
from tests.plugin import url


def seal_all(suite: str = "intl", limit: int = 2000) -> int:
    return sum(iter(lambda: sealing.seal(at=now(), suite=suite, limit=limit), 0))


def test_each_step_leaves_one_row_with_actor_place_and_change(house_file: object) -> None:
    doctor, reviewer = person("doctor"), person("reviewer")
    with transaction.atomic(), scope(doctor) as by:
        case = a_case(by, doctor, number=140)
    with transaction.atomic(), scope(reviewer) as by:
        actions.approve(case.number, version=case.version, by=by, at=now())
    rows = AuditEvent.objects.using("owner").filter(subject=case.number).order_by("id")
    assert [(r.action, r.actor_id, r.org_id, r.before, r.after) for r in rows] == [
        ("referral.draft", doctor.id, doctor.org_id, "", "draft"),
        ("referral.submit", doctor.id, doctor.org_id, "draft", "in_review"),
        ("referral.approve", reviewer.id, reviewer.org_id, "in_review", "offered"),
        ("referral.link", reviewer.id, reviewer.org_id, "", ""),  # the resident's own page is made with the offer
    ]
    finish(case.number)


@pytest.mark.parametrize("suite", ["intl", "gm"])
def test_what_was_written_is_chained_and_the_chain_holds(house_file: object, suite: str) -> None:
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor) as by:
        case = a_case(by, doctor, number=141)
    finish(case.number)
    assert sealing.verify().unsealed > 0
    assert seal_all(suite, limit=3) > 3
    report = sealing.verify()
    assert (report.broken, report.unsealed) == (None, 0)


TAMPERINGS = {
    "changed": "UPDATE access_auditevent SET after = 'accepted' WHERE id = %(id)s",
    "made another's": "UPDATE access_auditevent SET actor_id = gen_random_uuid() WHERE id = %(id)s",
    "deleted": "DELETE FROM access_auditevent WHERE id = %(id)s",
    "added": (
        "INSERT INTO access_auditevent SELECT gen_random_uuid(), at, actor_id, role, org_id, action, subject, before, after,"
        " detail, seal_id FROM access_auditevent WHERE id = %(id)s"
    ),
    "moved to the link before": "UPDATE access_auditevent SET seal_id = seal_id - 1 WHERE id = %(id)s",
    "link rewritten": (
        "UPDATE access_auditseal SET digest = sha256(digest)"
        " WHERE number = (SELECT seal_id FROM access_auditevent WHERE id = %(id)s)"
    ),
}


@pytest.mark.parametrize("how", TAMPERINGS)
def test_every_tampering_is_found(house_file: object, how: str) -> None:
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor) as by:
        case = a_case(by, doctor, number=142)
    finish(case.number)
    seal_all(limit=2)
    row = AuditEvent.objects.using("owner").filter(subject=case.number).order_by("id")[1]
    keep = "CREATE TABLE kept_{0} AS SELECT * FROM access_audit{0}"
    with psycopg.connect(url("postgres"), autocommit=True) as root:
        for table in ("event", "seal"):
            root.execute(keep.format(table))
        try:
            root.execute(TAMPERINGS[how], {"id": row.id})
            broken = sealing.verify().broken
        finally:
            root.execute("DELETE FROM access_auditevent")
            root.execute("DELETE FROM access_auditseal")
            for table in ("seal", "event"):
                root.execute(f"INSERT INTO access_audit{table} SELECT * FROM kept_{table}")
                root.execute(f"DROP TABLE kept_{table}")
    assert broken is not None
    assert broken in (row.seal_id, row.seal_id - 1)
    assert sealing.verify().broken is None


def test_two_sealers_at_once_make_one_chain(house_file: object) -> None:
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor) as by:
        case = a_case(by, doctor, number=143)
    finish(case.number)
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        try:
            for _ in range(20):
                sealing.seal(at=now(), suite="intl", limit=1)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seal_all()
    assert sealing.verify().broken is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE access_auditevent SET after = 'x'",
        "DELETE FROM access_auditevent",
        "SELECT * FROM access_auditseal",
        "UPDATE access_readlog SET purpose = 'x'",
        "DELETE FROM access_readlog",
    ],
)
def test_the_app_role_can_not_change_traces(db: None, statement: str) -> None:
    with scope(person("doctor")), pytest.raises(DatabaseError, match="permission denied"):
        run(statement)


def run(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def reads(purpose: str, subject: str) -> int:
    return ReadLog.objects.using("owner").filter(purpose=purpose, subject=subject).count()


def test_who_looked_at_whom_is_recorded_also_when_the_action_was_refused(house_file: object) -> None:
    doctor = person("doctor")
    token = token_for(doctor)
    with transaction.atomic(), scope(doctor) as by:
        case = a_case(by, doctor, number=144)
        resident = a_resident(doctor, 144)
    call("GET", f"/residents/{resident.id}/", token)
    assert reads("resident.page", str(resident.id)) == 1
    call("GET", f"/referrals/{case.number}/", token)
    refused = call("POST", f"/referrals/{case.number}/do/approve/", token, {"_key": "0" * 32, "_version": case.version})
    assert refused.status == 409
    assert reads("referral.page", case.number) == 2
    before = ReadLog.objects.using("owner").filter(purpose="referral.export").count()
    call("GET", "/referrals/export.xlsx", token)
    assert ReadLog.objects.using("owner").filter(purpose="referral.export").count() == before + 1
    finish(case.number)
