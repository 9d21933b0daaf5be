"""Papers of institutions: versions that follow one another, who hands them in, who reads them, and what is never taken."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction

from fenji.config.walker import Page
from fenji.ground.access.rules import MANAGER, Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.common.sheets import kind_of
from fenji.ground.documents import actions, queries, rules
from fenji.ground.documents.models import Blob, Paper, StoredFile
from fenji.ground.network.actions import OutOfReach
from fenji.ground.network.queries import gaps_within, place_of
from fenji.world.county import CITY_HOSPITAL, COMMISSION, COUNTY_HOSPITAL, Person
from tests.app.publishing import a_hospital_head
from tests.app.sessions import appointed
from tests.app.walks import Walk
from tests.cast import client_for, other_doctor, person, scope

TODAY = local_day(now())
PDF = b"%PDF-1.7\n%text of a charter\n"
PICTURE = b"\x89PNG\r\n\x1a\n" + b"\0" * 32


def a_paper(kind: str = rules.CHARTER, start: date = TODAY, content: bytes = PDF, name: str = "章程.pdf") -> actions.NewPaper:
    return actions.NewPaper(kind, "医院章程", start, name, content)


def archive(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name in names:
            packed.writestr(name, "x")
    return buffer.getvalue()


@pytest.fixture
def head(db: None) -> Iterator[Actor]:
    with scope(person("head")) as by:
        yield by


def hand_in(by: Actor, number: int = 1, **facts: Any) -> Paper:
    return actions.hand_in(facts.pop("org_id", by.org_id), a_paper(**facts), number=number, by=by, at=now())


def shown(org_id: int, kind: str = rules.CHARTER) -> list[tuple[int, date, date | None]]:
    return [(p.number, p.start, p.end) for p in queries.paper_slot(org_id, kind, now()).versions]


# --- versions ----------------------------------------------------------------------------------------------------------------


def test_the_next_version_ends_the_one_before_it_and_both_stay(head: Actor) -> None:
    hand_in(head, start=TODAY - timedelta(days=30))
    hand_in(head, 2, start=TODAY + timedelta(days=10))
    assert shown(head.org_id) == [
        (2, TODAY + timedelta(days=10), None),
        (1, TODAY - timedelta(days=30), TODAY + timedelta(days=10)),
    ]
    assert shown(head.org_id, rules.DUTIES) == []


def test_a_version_begins_after_the_one_before_it(head: Actor) -> None:
    hand_in(head)
    for start in (TODAY, TODAY - timedelta(days=1)):
        with pytest.raises(rules.StartsTooEarly) as refusal:
            hand_in(head, 2, start=start)
        assert refusal.value.detail == {"after": TODAY.isoformat()}
    assert len(shown(head.org_id)) == 1


@pytest.mark.parametrize("number", [0, 1, 3])
def test_a_form_that_did_not_know_the_last_version_is_stale(head: Actor, number: int) -> None:
    hand_in(head)
    with pytest.raises(Stale):
        hand_in(head, number, start=TODAY + timedelta(days=1))


def test_of_two_who_hand_in_at_once_the_second_is_stale_and_leaves_no_file(head: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = queries.paper_slot(head.org_id, rules.CHARTER, now())
    hand_in(head)
    files = StoredFile.objects.count()
    monkeypatch.setattr("fenji.ground.documents.queries.paper_slot", lambda *a: seen)
    with pytest.raises(Stale):
        hand_in(head, start=TODAY + timedelta(days=1))
    assert StoredFile.objects.count() == files


def test_the_latest_version_is_taken_back_with_its_content_and_the_one_before_holds_again(head: Actor) -> None:
    hand_in(head, start=TODAY - timedelta(days=9))
    wrong = hand_in(head, 2)
    actions.take_back(wrong.id, version=1, by=head, at=now())
    assert shown(head.org_id) == [(1, TODAY - timedelta(days=9), None)]
    with pytest.raises(Unknown):
        actions.open_file(wrong.file_id, by=head, at=now())
    assert queries.paper_slot(head.org_id, rules.CHARTER, now()).next_number == 3, "a number is given once"
    with pytest.raises(Unknown):
        actions.take_back(wrong.id, version=2, by=head, at=now())


def test_a_version_that_another_one_ended_stays(head: Actor) -> None:
    first = hand_in(head, start=TODAY - timedelta(days=9))
    hand_in(head, 2)
    with pytest.raises(Stale):
        actions.take_back(first.id, version=2, by=head, at=now())


def test_each_change_leaves_one_line_in_the_audit_trail(head: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[tuple[str, str, str, str]] = []

    def note(*, action: str, subject: str, before: str = "", after: str = "", **_more: object) -> None:
        lines.append((action, subject, before, after))

    monkeypatch.setattr("fenji.ground.documents.actions.papers.audit", note)
    hand_in(head, start=TODAY - timedelta(days=1))
    paper = hand_in(head, 2)
    actions.take_back(paper.id, version=1, by=head, at=now())
    subject = f"org:{head.org_id}/charter"
    assert lines == [
        ("paper.hand_in", subject, "", "1"),
        ("paper.hand_in", subject, "1", "2"),
        ("paper.take_back", subject, "2", ""),
    ]


# --- who ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", ["doctor", "reviewer", "desk", "editor", "security", "audit"])
def test_who_neither_heads_nor_governs_hands_nothing_in(db: None, login: str) -> None:
    with scope(person(login)) as by, pytest.raises(NotPermitted):
        hand_in(by, org_id=person("head").org_id)


def test_a_head_hands_in_for_the_own_institution_alone(head: Actor) -> None:
    hand_in(head)
    with pytest.raises(OutOfReach):
        hand_in(head, org_id=COUNTY_HOSPITAL)


@pytest.mark.parametrize("login", ["system", "officer", "citysystem"])
def test_those_who_govern_the_place_hand_in_and_not_beyond(db: None, login: str) -> None:
    with scope(person(login)) as by:
        assert hand_in(by, org_id=person("head").org_id).number == 1
    with scope(person("system")) as by, pytest.raises(OutOfReach):
        hand_in(by, org_id=CITY_HOSPITAL)


def test_only_the_institution_and_the_sender_take_a_paper_back(db: None) -> None:
    with scope(person("head")) as by:
        paper = hand_in(by)
    with scope(person("officer")) as by, pytest.raises(OutOfReach):
        actions.take_back(paper.id, version=1, by=by, at=now())
    with scope(person("head")) as by:
        actions.take_back(paper.id, version=1, by=by, at=now())
    with scope(person("officer")) as by:
        paper = hand_in(by, 2, org_id=person("head").org_id)
        actions.take_back(paper.id, version=1, by=by, at=now())
        paper = hand_in(by, 3, org_id=person("head").org_id)
    with scope(person("head")) as by:
        actions.take_back(paper.id, version=1, by=by, at=now())
        with pytest.raises(Unknown):
            actions.open_file(paper.file_id, by=by, at=now())


def test_an_agency_has_no_papers(db: None) -> None:
    with scope(person("officer")) as by, pytest.raises(Unknown):
        hand_in(by, org_id=COMMISSION)


def test_operating_rules_are_those_of_the_community_and_kept_by_its_lead(db: None) -> None:
    with scope(person("head")) as by, pytest.raises(Unknown):
        hand_in(by, kind=rules.OPERATING_RULES)
    who = a_hospital_head()
    with scope(who) as by:
        paper = hand_in(by, kind=rules.OPERATING_RULES)
    assert (paper.org_id, paper.alliance_id) == (COUNTY_HOSPITAL, 1)


def test_everybody_signed_in_reads_a_paper_and_nobody_adds_to_it(head: Actor) -> None:
    paper = hand_in(head)
    with scope(other_doctor()) as by:
        assert actions.open_file(paper.file_id, by=by, at=now()).content == PDF
        for attempt in (
            lambda: Blob.objects.create(file_id=paper.file_id, part=1, content=b"x"),
            lambda: Paper.objects.create(
                kind="duties", org_id=head.org_id, path=paper.path, number=1, title="x", file_id=paper.file_id, start=TODAY,
                by_id=by.account_id, at=now(),
            ),
        ):  # fmt: skip
            with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
                attempt()
        assert Paper.objects.filter(pk=paper.pk).update(end=TODAY + timedelta(days=1)) == 0
        assert StoredFile.objects.filter(pk=paper.file_id).update(voided_at=now()) == 0


def test_a_private_file_does_not_become_public_through_a_paper(db: None) -> None:
    """Whoever names somebody else's file in a paper opens nothing: that a file is for all was said when it was stored."""
    with scope(other_doctor()) as by:
        private = actions.store("x.pdf", PDF, by=by, at=now())
    with scope(person("head")) as by:
        row = {"kind": "duties", "org_id": by.org_id, "path": place_of(by.org_id).path, "number": 1, "title": "x", "start": TODAY}
        Paper.objects.create(**row, file_id=private.pk, by_id=by.account_id, at=now())
        with pytest.raises(Unknown):
            actions.open_file(private.pk, by=by, at=now())


# --- files -------------------------------------------------------------------------------------------------------------------

_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (archive("word/document.xml"), "docx"),
        (archive("xl/workbook.xml"), "xlsx"),
        (archive("ppt/presentation.xml"), ""),
        (_COMPOUND + "WordDocument".encode("utf-16-le"), "doc"),
        (_COMPOUND + "WordDocument".encode("utf-16-le") + "MacBook".encode("utf-16-le"), "doc"),
        (_COMPOUND + "Workbook".encode("utf-16-le"), "xls"),
        (_COMPOUND + "Book".encode("utf-16-le"), "xls"),
        (_COMPOUND, ""),
        (PDF, "pdf"),
        (PICTURE, "png"),
    ],
)
def test_a_file_is_what_its_content_says(content: bytes, kind: str) -> None:
    assert kind_of(content) == kind


@pytest.mark.parametrize("content", [b"<html>", b"MZ\x90\x00", b"a,b\n1,2\n", archive("ppt/presentation.xml"), b"\x00\x01"])
def test_other_files_are_not_taken_whatever_their_names_say(head: Actor, content: bytes) -> None:
    with pytest.raises(actions.FileKind):
        hand_in(head, content=content)
    assert shown(head.org_id) == []


def test_a_paper_above_the_limit_is_refused(head: Actor) -> None:
    largest = queries.policy_of(head.org_id, now()).largest_bytes
    with pytest.raises(actions.TooLargeToKeep):
        hand_in(head, content=PDF + b"x" * largest)


# --- gaps --------------------------------------------------------------------------------------------------------------------


def test_the_page_of_gaps_asks_for_papers_where_the_clause_binds_and_only_until_they_are_there(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scope(person("officer")) as by:
        # the county lies in Sanming, which the clauses of Quanzhou do not bind
        assert not [g for g in gaps_within(by.reach, TODAY) if g.clause_id.startswith("QZ")]
        monkeypatch.setattr("fenji.ground.network.queries._binds", lambda gap, reach, on: True)
        found = {(g.clause_id, g.code, g.org_id) for g in gaps_within(by.reach, TODAY)}
        wanted = {
            ("QZ-2-12c", "no_charter", COUNTY_HOSPITAL),
            ("QZ-2-09c", "no_positioning", COUNTY_HOSPITAL),
            ("QZ-2-09c", "no_duties", COUNTY_HOSPITAL),
            ("QZ-2-09k", "no_operating_rules", COUNTY_HOSPITAL),
        }
        assert wanted <= found
        for kind in rules.PAPERS:
            hand_in(by, org_id=COUNTY_HOSPITAL, kind=kind)
        found = {(g.clause_id, g.code, g.org_id) for g in gaps_within(by.reach, TODAY)}
        assert not wanted & found
        assert wanted <= {(g.clause_id, g.code, g.org_id) for g in gaps_within(by.reach, TODAY - timedelta(days=1))}
        page = Walk("officer").get("/institutions/gaps/?clause=QZ-2-09c&size=100")
        assert "no functional positioning" in page.text


# --- pages -------------------------------------------------------------------------------------------------------------------


def send(walk: Walk, path: str, content: bytes, **fields: str) -> Page:
    page = walk.get(path)
    form = page.form("new/")
    values = {**form.fields, "title": "高桥镇卫生院章程", "start": TODAY.isoformat(), **fields}
    return walk._page(path, walk.client.post(path, {**values, "file": SimpleUploadedFile("章程.pdf", content)}))


def test_a_head_hands_a_paper_in_on_the_page_and_a_doctor_of_elsewhere_downloads_it(db: None) -> None:
    org = person("head").org_id
    walk = Walk("head")
    assert f"/institutions/{org}/papers/" in walk.get(f"/institutions/{org}/").body
    page = send(walk, f"/institutions/{org}/papers/charter/new/", PDF)
    assert (page.status, page.url) == (200, f"/institutions/{org}/papers/")
    assert "version 1 in force" in page.text
    assert "Handed in: Charter, version 1." in page.text
    reader = Walk(other_doctor().username)
    seen = reader.get(f"/institutions/{org}/papers/")
    assert "高桥镇卫生院章程" in seen.text
    assert "Next version" not in seen.text
    assert "Take back" not in seen.text
    paper = Paper.objects.get(org_id=org)
    answer = client_for(other_doctor()).get(f"/files/{paper.file_id}/")
    assert (answer.status_code, answer["Content-Type"], answer.content) == (200, "application/pdf", PDF)


def test_what_is_wrong_with_a_paper_is_named_and_what_was_typed_kept(db: None) -> None:
    org = person("head").org_id
    walk, path = Walk("head"), f"/institutions/{org}/papers/duties/new/"
    for content, fields, status, says in (
        (PDF, {"title": ""}, 422, "required"),
        (PDF, {"title": "长" * 201}, 422, "at most 200"),
        (PDF, {"start": "2026-13-01"}, 422, "year-month-day"),
        (b"", {}, 422, "This file is empty"),
        (b"MZ", {}, 409, "Files of this kind are not kept here"),
        (PDF, {"_version": "7"}, 409, "Somebody else acted on this"),
    ):
        page = send(walk, path, content, **fields)
        assert (page.status, says in page.text) == (status, True), (fields, page.text)
        assert 'value="高桥镇卫生院章程"' in page.body or "title" in fields
    page = walk.post(path, title="x", start=TODAY.isoformat(), _version="1")
    assert (page.status, "No file was chosen" in page.text) == (422, True)
    assert not Paper.objects.filter(org_id=org).exists()


def test_a_paper_is_taken_back_on_the_page(db: None) -> None:
    org = person("head").org_id
    walk = Walk("head")
    page = send(walk, f"/institutions/{org}/papers/charter/new/", PDF)
    page = walk.send(page, "/back/")
    assert "Taken back: Charter, version 1." in page.text
    assert page.text.count("Nothing has been handed in.") == 3


@pytest.mark.parametrize("kind", ["nothing", "operating_rules"])
def test_a_paper_that_the_institution_cannot_have_is_not_found(db: None, kind: str) -> None:
    assert Walk("head").get(f"/institutions/{person('head').org_id}/papers/{kind}/new/").status == 404


def test_an_administrator_of_elsewhere_is_refused(db: None) -> None:
    who: Person = appointed("manager.city", "外院长", MANAGER, CITY_HOSPITAL)
    answer = client_for(who).get(f"/institutions/{person('head').org_id}/papers/charter/new/")
    assert "You do not administer this institution or region" in answer.content.decode()
    assert answer.status_code == 409
