"""The audit administrator's screens: traces within their reach and to nobody else, searched, exported, and the chain verified."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction
from openpyxl import load_workbook

from fenji.config import running
from fenji.config.walker import until
from fenji.ground.access import jobs, queries, sealing
from fenji.ground.access.actions import CheckRunning, ask_for_check, audit, log_read
from fenji.ground.access.models import AuditEvent, ChainCheck, ReadLog
from fenji.ground.access.queries import Trace
from fenji.ground.access.rules import AUDIT_ADMIN
from fenji.ground.common.edge import now
from fenji.ground.network.models import Organisation, Post
from fenji.world import county
from fenji.world.county import Person
from tests.app.sessions import appointed, sign_in, with_word
from tests.app.wsgi import call
from tests.cast import form, other_doctor, person, scope, token_for
from tests.plugin import url

ACTION, SUBJECT = "test.trace", "SUBJECT-OF-THE-SCREENS"
OTHERS = ("doctor", "reviewer", "head", "desk", "officer", "system", "security")
PAGES = ("/audit/", "/audit/reads/", "/audit/export.xlsx", "/audit/reads/export.xlsx", "/audit/chain/")


@pytest.fixture(scope="module")
def own_auditor(house_file: object) -> Iterator[Person]:
    """An audit administrator of township A's centre alone."""
    who = appointed("audit.a", "院审计", AUDIT_ADMIN, person("doctor").org_id)
    yield who
    Post.objects.using("load").filter(account_id=who.id).update(end=now())


@pytest.fixture(scope="module", autouse=True)
def traces(house_file: object) -> None:
    """One trace of each kind by a doctor of A and by one of B, one of a week and more ago, and a sign-in."""
    for who in (person("doctor"), other_doctor()):
        with transaction.atomic(), scope(who) as by:
            audit(by=by, at=now(), action=ACTION, subject=SUBJECT, before="here", after="there", number=7)
            audit(by=by, at=now() - timedelta(days=8), action=f"{ACTION}.old", subject=SUBJECT)
            log_read(by=by, at=now(), purpose=ACTION, subject=SUBJECT)
    assert sign_in(with_word(person("doctor2"))).status_code == 303


def lately() -> Trace:
    return Trace(now() - timedelta(days=30), now() + timedelta(days=1))


def orgs_seen(who: Person, token: str = "") -> set[int]:
    with transaction.atomic(), scope(who, token or None):
        found = set(queries.audit_trail(lately()).values_list("org_id", flat=True))
        return found | set(queries.read_log(lately()).values_list("org_id", flat=True))


# --- who reads them ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def one_city(house_file: object) -> Iterator[Person]:
    """The audit administrator of the city. Authorities elsewhere, which other tests of the run have made, only take part meanwhile,
    as an insurer does."""
    others = Organisation.objects.using("owner").filter(kind="agency").exclude(path__startswith="3504")
    kinds = dict(others.values_list("id", "agency_kind"))
    others.update(agency_kind="insurance")
    yield person("cityaudit")
    for org_id, kind in kinds.items():
        Organisation.objects.using("owner").filter(pk=org_id).update(agency_kind=kind)


def test_the_administrator_of_the_whole_house_reads_all_of_it_sign_ins_too(one_city: Person) -> None:
    with transaction.atomic(), scope(one_city):
        assert queries.audit_trail(lately()).count() == AuditEvent.objects.using("owner").filter(at__gt=lately().since).count()
        assert queries.audit_trail(lately()).filter(org_id=0, action="login").exists()
        assert queries.read_log(lately()).count() == ReadLog.objects.using("owner").filter(at__gt=lately().since).count()


def test_the_administrator_of_one_institution_reads_its_traces_alone(own_auditor: Person) -> None:
    assert orgs_seen(own_auditor) == {own_auditor.org_id}


def test_the_administrator_of_a_county_below_the_citys_authority_reads_the_countys_traces_alone(one_city: Person) -> None:
    inside = set(Organisation.objects.using("owner").filter(path__startswith="350405").values_list("id", flat=True))
    assert {person("doctor").org_id, other_doctor().org_id} <= orgs_seen(person("audit")) <= inside


def test_whoever_has_an_authority_beyond_their_reach_is_not_over_the_whole_house(one_city: Person) -> None:
    """As soon as another city's authority is in the register, this city's administrator reads the city's traces alone."""
    inside = set(Organisation.objects.using("owner").filter(path__startswith="3504").values_list("id", flat=True))
    assert 0 in orgs_seen(one_city)
    county._organisation(9201, "鼓楼区卫生健康局", "350102", "", None, "agency").save(using="owner", force_insert=True)
    try:
        seen = orgs_seen(one_city)
        assert {person("doctor").org_id, other_doctor().org_id} <= seen <= inside
        assert 0 not in seen
    finally:
        with psycopg.connect(url("postgres")) as root:
            root.execute("DELETE FROM network_organisation WHERE id = 9201")
    assert 0 in orgs_seen(one_city)


PLANTED = (
    "INSERT INTO access_chaincheck (id, at, account_id, actor_name, done, links, rows, unsealed, head)"
    " VALUES (gen_random_uuid(), now(), access_scope_account(), '', 0, 0, 0, 0, '')"
)


@pytest.mark.parametrize("login", OTHERS)
def test_nobody_else_reads_a_trace_on_a_page_or_in_raw_sql(house_file: object, login: str) -> None:
    token = token_for(person(login))
    for path in PAGES:
        assert call("GET", path, token).status == 403, path
    assert call("POST", "/audit/chain/", token, form()).status == 403
    with transaction.atomic(), scope(person(login), token):
        for table in ("access_auditevent", "access_readlog"):
            assert run(f"SELECT count(*) FROM {table}") == [(0,)]
        with pytest.raises(DatabaseError, match="row-level security"):
            run(PLANTED)
        if login != "security":
            with pytest.raises(DatabaseError, match="names are closed to this scope"):
                run("SELECT * FROM access_people('{}', 'doctor')")


def test_without_or_with_a_forged_scope_no_trace_is_read(db: None) -> None:
    run("SELECT set_config('fenji.scope', 'forged', true)")
    assert run("SELECT count(*) FROM access_auditevent") == [(0,)]
    run("SELECT set_config('fenji.scope', '', true)")
    with pytest.raises(DatabaseError, match="no scope is open"):
        run("SELECT count(*) FROM access_readlog")


def test_the_administrator_changes_nothing(db: None) -> None:
    with scope(person("audit")):
        for statement in (
            "UPDATE access_auditevent SET after = 'x'",
            "DELETE FROM access_auditevent",
            "DELETE FROM access_readlog",
            "UPDATE access_chaincheck SET broken = NULL",
            "SELECT * FROM access_auditseal",
        ):
            with pytest.raises(DatabaseError, match="permission denied"):
                run(statement)


def run(statement: str) -> list[tuple]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


# --- search ------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def token(house_file: object) -> str:
    return token_for(person("audit"))


def names(*who: Person) -> set[str]:
    return {w.name for w in who}


def shown(token: str, query: str, book: str = "/audit/") -> set[str]:
    """Whose traces with the subject of these tests a search shows."""
    answer = call("GET", f"{book}?subject={SUBJECT}&{quote(query, safe='=&')}", token)
    assert answer.status == 200, query
    both = (person("doctor"), other_doctor())
    return {w.name for w in both if f"{w.name} <span" in answer.body}


@pytest.mark.parametrize("book", ["/audit/", "/audit/reads/"])
def test_conditions_narrow_what_is_found(token: str, book: str) -> None:
    a, b = person("doctor"), other_doctor()
    place = Organisation.objects.using("owner").get(pk=a.org_id).name
    assert shown(token, "", book) == names(a, b)
    assert shown(token, f"person={a.username}", book) == names(a)
    assert shown(token, f"person={b.name}", book) == names(b)
    assert shown(token, f"institution={place[:4]}", book) == names(a)
    assert shown(token, f"begins={ACTION[:6]}", book) == names(a, b)
    assert shown(token, "begins=login", book) == set()
    assert shown(token, "since=2020-01-01&until=2020-02-01", book) == set()


def test_the_last_seven_days_are_shown_unless_others_are_asked_for(token: str) -> None:
    assert f"{ACTION}.old" not in call("GET", f"/audit/?subject={SUBJECT}", token).body
    assert f"{ACTION}.old" in call("GET", f"/audit/?subject={SUBJECT}&since=2020-01-01", token).body


def test_a_row_says_who_what_and_what_became_of_it(token: str) -> None:
    body = call("GET", f"/audit/?subject={SUBJECT}&person=doctor", token).body
    for words in (person("doctor").name, "doctor", ACTION, SUBJECT, "here → there", "number: 7"):
        assert words in body


@pytest.mark.parametrize(
    "query",
    [
        "person=nobody.at.all",
        "person=%25",
        "institution=没有这样的机构",
        f"institution={'x' * 61}",
        "since=x",
        "since=2026-02-02&until=2026-02-01",
        "until=9999-12-31",
    ],
)
def test_a_condition_that_cannot_be_is_named_and_nothing_is_shown(token: str, query: str) -> None:
    for path in PAGES[:4]:
        answer = call("GET", f"{path}?subject={SUBJECT}&{quote(query, safe='=&%')}", token)
        assert answer.status == 422, path
        assert "invalid-feedback" in answer.body
        assert "here → there" not in answer.body


def test_names_with_wildcards_mean_themselves(token: str) -> None:
    with transaction.atomic(), scope(person("audit"), token):
        for typed in ("%", "_", "doc%", ""):
            assert queries.people_called(typed) == []
        assert queries.people_called("doctor") == [person("doctor").id]


@pytest.mark.parametrize("book", ["/audit/", "/audit/reads/"])
def test_pages_follow_each_other_without_gap_or_repetition(token: str, monkeypatch: pytest.MonkeyPatch, book: str) -> None:
    monkeypatch.setattr("fenji.front.watch.paging.SIZES", (1, 2, 3))
    path, pages = f"{book}?subject={SUBJECT}&since=2020-01-01", []
    while path:
        body = call("GET", path, token).body
        pages += re.findall(r'data-head="When">([^<]+)</td>', body)
        links = [h.replace("&amp;", "&") for h in re.findall(r'href="([^"]*before=[^"]*)"', body)]
        path = links[0] if links else ""
    model, field = (AuditEvent, "at") if book == "/audit/" else (ReadLog, "at")
    assert len(pages) == model.objects.using("owner").filter(subject=SUBJECT).count() >= 2
    assert pages == sorted(pages, reverse=True), field


def test_reading_traces_leaves_a_trace_with_what_was_asked(token: str) -> None:
    who = person("audit").id
    for path, purpose in zip(PAGES[:4], ("audit.list", "reads.list", "audit.export", "reads.export"), strict=True):
        call("GET", f"{path}?subject={SUBJECT}&person=doctor", token)
        last = ReadLog.objects.using("owner").filter(account_id=who, purpose=purpose).order_by("-at").first()
        assert last is not None, purpose
        assert f"subject={SUBJECT}; person=doctor" in last.subject


@pytest.mark.parametrize(
    ("path", "cells"), [("/audit/export.xlsx", ["here → there", "number: 7"]), ("/audit/reads/export.xlsx", [])]
)
def test_the_list_goes_to_excel_whole_or_not_at_all(
    token: str, monkeypatch: pytest.MonkeyPatch, path: str, cells: list[str]
) -> None:
    answer = call("GET", f"{path}?subject={SUBJECT}", token)
    rows = [[c for c in row if c is not None] for row in load_workbook(io.BytesIO(answer.raw)).active.iter_rows(values_only=True)]
    assert len(rows) == 3
    for row in rows[1:]:
        assert {SUBJECT, ACTION, *cells} <= set(map(str, row))
    monkeypatch.setattr("fenji.front.watch.views.audit.EXPORT_LIMIT", 1)
    cut = call("GET", f"{path}?subject={SUBJECT}", token)
    assert cut.status == 422
    assert "more than 1 rows" in cut.body


# --- the chain ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def no_checks(house_file: object) -> None:
    with psycopg.connect(url("postgres")) as root:
        root.execute("DELETE FROM access_chaincheck")


def asked(token: str) -> UUID:
    assert call("POST", "/audit/chain/", token, form()).status == 303
    return ChainCheck.objects.using("owner").get(finished_at=None).id


def seal_all() -> None:
    while sealing.seal(at=now(), suite="intl"):
        pass


def test_the_chain_is_verified_by_a_worker_and_the_result_is_kept(house_file: Path, token: str, no_checks: None) -> None:
    seal_all()
    check = asked(token)
    assert "A verification is running" in call("GET", "/audit/chain/", token).body
    worker = running.worker(house_file)
    try:
        assert until(lambda: ChainCheck.objects.using("owner").get(pk=check).finished_at is not None, 60)
    finally:
        worker.terminate()
        worker.wait()
    row, report = ChainCheck.objects.using("owner").get(pk=check), sealing.verify()
    assert row.broken is None
    assert 0 < row.links <= report.links
    assert AuditEvent.objects.using("owner").filter(action="audit.verify", subject=str(check)).count() == 1
    body = call("GET", "/audit/chain/", token).body
    assert "the chain holds" in body
    assert row.head[:16] in body


@contextmanager
def tampered() -> Iterator[int]:
    """One sealed row is another for a while; the link it belongs to."""
    row = AuditEvent.objects.using("owner").filter(subject=SUBJECT, seal__isnull=False).order_by("id")[0]
    change = "UPDATE access_auditevent SET after = %s WHERE id = %s"
    with psycopg.connect(url("postgres"), autocommit=True) as root:
        root.execute(change, ["elsewhere", row.id])
        yield row.seal_id
        root.execute(change, [row.after, row.id])


def test_a_broken_link_is_shown_by_its_number(token: str, no_checks: None) -> None:
    seal_all()
    with tampered() as link:
        jobs.check_chain(check_id=str(asked(token)))
    assert f"broken at link {link}" in call("GET", "/audit/chain/", token).body


def test_while_one_verification_runs_no_other_begins_unless_it_has_died(token: str, no_checks: None) -> None:
    check = asked(token)
    again = call("POST", "/audit/chain/", token, form())
    assert again.status == 409
    assert "running already" in again.body
    ChainCheck.objects.using("owner").filter(pk=check).update(at=now() - timedelta(minutes=11))
    assert call("POST", "/audit/chain/", token, form()).status == 303
    with transaction.atomic(), scope(person("audit"), token) as by, pytest.raises(CheckRunning):
        ask_for_check(by=by, at=now())


def test_how_far_it_is_is_shown_while_it_runs(token: str, no_checks: None, monkeypatch: pytest.MonkeyPatch) -> None:
    seal_all()
    monkeypatch.setattr(jobs, "_TELL_EVERY", 1)
    check, seen = asked(token), []
    verify = sealing.verify

    def watched(using: str = "job", progress: object = None) -> object:
        def tell(done: int, there: int) -> None:
            progress(done, there)
            seen.append((done, there, f"{done} of {there} links" in call("GET", "/audit/chain/", token).body))

        return verify(using, tell)

    monkeypatch.setattr(sealing, "verify", watched)
    jobs.check_chain(check_id=str(check))
    assert seen
    assert all(told for *_rest, told in seen)
    assert seen[-1][0] == seen[-1][1]


def test_what_waits_for_the_sealer_is_counted(token: str, no_checks: None) -> None:
    seal_all()
    assert "All rows are chained." in call("GET", "/audit/chain/", token).body
    with transaction.atomic(), scope(person("doctor")) as by:
        audit(by=by, at=now(), action=ACTION, subject=SUBJECT)
    assert "1 rows are not chained yet" in call("GET", "/audit/chain/", token).body
    assert "not chained yet" in call("GET", f"/audit/?subject={SUBJECT}", token).body
    seal_all()
