"""Lists that come in: the whole way through the pages, and everything that may go wrong on it."""

from __future__ import annotations

import io
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
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections, transaction
from django.http import HttpResponse
from django.test import Client
from django.utils.translation import override
from openpyxl import Workbook, load_workbook

from fenji.config import running
from fenji.config.walker import until
from fenji.ground.access import rules as access
from fenji.ground.access.models import AuditEvent, ReadLog
from fenji.ground.common import excel, imports, sheets
from fenji.ground.common.edge import fresh_key, now
from fenji.ground.common.imports import Column
from fenji.ground.documents import actions, queries, rules
from fenji.ground.documents.models import Blob, ImportFault, ImportRun, StoredFile
from fenji.ground.policy.models import CalendarDay
from fenji.world.county import Person
from tests.app.listings import Lots, lots, offered
from tests.app.sessions import appointed
from tests.app.test_worker import held, waiting
from tests.app.wsgi import application
from tests.cast import client_for, person, scope

_NUMBERS = count(1, 1000)
RUN = re.compile(r"/imports/runs/([0-9a-f-]{36})/")
HEAD = ("Number", "Title", "Kind")


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


def book(*rows: tuple[object, ...]) -> bytes:
    made = Workbook()
    for row in rows:
        made.worksheets[0].append(list(row))
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


def send(client: Client, content: bytes, name: str = "lots.xlsx", listing: str = "lots", key: str = "") -> HttpResponse:
    return client.post(f"/imports/{listing}/", {"_key": key or fresh_key(), "file": SimpleUploadedFile(name, content)})


def sent(client: Client, content: bytes, name: str = "lots.xlsx", listing: str = "lots") -> UUID:
    answer = send(client, content, name, listing)
    assert answer.status_code == 303, answer.content.decode()
    return UUID(RUN.search(answer["Location"]).group(1))


def judged(client: Client, content: bytes, name: str = "lots.xlsx", listing: str = "lots") -> ImportRun:
    run_id = sent(client, content, name, listing)
    actions.judge(run_id, at=now())
    return run_of(run_id)


def run_of(run_id: UUID) -> ImportRun:
    return ImportRun.objects.using("owner").get(pk=run_id)


def page(client: Client, run: ImportRun) -> str:
    answer = client.get(f"/imports/runs/{run.pk}/")
    assert answer.status_code == 200
    return answer.content.decode()


def press(client: Client, run: ImportRun, what: str = "write") -> HttpResponse:
    return client.post(f"/imports/runs/{run.pk}/{what}/", {"_key": fresh_key(), "_version": run_of(run.pk).version})


def written(client: Client, run: ImportRun) -> ImportRun:
    assert press(client, run).status_code == 303
    actions.carry_out(run.pk, at=now())
    return run_of(run.pk)


def counts(run: ImportRun) -> tuple[int, int, int, int]:
    return run.new, run.changed, run.same, run.faulty


# ---- the way through ----


def test_a_list_goes_from_template_to_rows_and_shows_each_step(client: Client, first: int) -> None:
    assert 'href="/imports/"' in client.get("/").content.decode()
    assert 'href="/imports/lots/"' in client.get("/imports/").content.decode()
    assert "/imports/lots/template.xlsx" in client.get("/imports/lots/").content.decode()
    run_id = sent(client, book(HEAD, (first, "one", "a"), (first + 1, "two", "Pear"), (first + 2, "x", None)))
    shown = page(client, run_of(run_id))
    assert "Waits to be checked" in shown
    assert 'hx-trigger="every 2s"' in shown
    actions.judge(run_id, at=now())
    run = run_of(run_id)
    assert (run.state, run.rows, counts(run), run.noted) == ("judged", 3, (3, 0, 0, 0), 1)
    shown = page(client, run)
    assert "Write the good rows (3)" in shown
    assert "A short title." in shown
    assert "every 2s" not in shown
    assert lots(first, 3) == {}
    run = written(client, run)
    assert (run.state, counts(run)) == ("done", (3, 0, 0, 0))
    assert "Rows written: 3." in page(client, run)
    assert lots(first, 3) == {first: ("one", "a"), first + 1: ("two", "b"), first + 2: ("x", "a")}


def test_the_same_file_again_changes_nothing_and_says_so(client: Client, first: int) -> None:
    content = book(HEAD, *((first + n, f"lot {n}", "a") for n in range(20)))
    written(client, judged(client, content))
    before = AuditEvent.objects.using("owner").filter(action="lot.put").count()
    run = judged(client, content)
    assert counts(run) == (0, 0, 20, 0)
    assert "All rows are there already" in page(client, run)
    assert "Write the" not in page(client, run)
    assert press(client, run).status_code == 409
    assert AuditEvent.objects.using("owner").filter(action="lot.put").count() == before


def test_only_what_changed_is_written_and_columns_left_out_stay(client: Client, first: int) -> None:
    written(client, judged(client, book(HEAD, (first, "one", "b"), (first + 1, "two", "b"))))
    run = written(client, judged(client, book(("Title", "Number"), ("eins", first), ("two", first + 1))))
    assert counts(run) == (0, 1, 1, 0)
    assert lots(first, 2) == {first: ("eins", "b"), first + 1: ("two", "b")}


def test_rows_at_fault_stay_out_and_the_good_ones_go_in(client: Client, first: int) -> None:
    content = book(
        HEAD,
        (first, "good", "a"),
        ("many", "bad number", "a"),
        (first + 2, "forbidden", "a"),
        (first + 3, "bad kind", "Plum"),
        (None, None, None),
        (first + 4, "twice", "a"),
        (first + 4, "twice again", "a"),
    )
    run = judged(client, content)
    assert counts(run) == (1, 0, 0, 5)
    shown = page(client, run)
    for words in (
        "“many” is no whole number",
        "Lots may not be called so",
        "none of the choices: Apple, Pear",
        "in line 8 as well",
        "Blank rows: 1",
    ):
        assert words in shown
    assert "Write the good rows (1)" in shown
    run = written(client, run)
    assert lots(first, 10) == {first: ("good", "a")}
    assert "The rows at fault were not" in page(client, run)


def test_unknown_columns_and_further_sheets_are_said(client: Client, first: int) -> None:
    made = load_workbook(io.BytesIO(book((*HEAD, "Colour", "Weight"), (first, "one", "a", "red", 1))))
    more = made.create_sheet("More")
    more.append(list(HEAD))
    more.append([first + 1, "two", "a"])
    buffer = io.BytesIO()
    made.save(buffer)
    shown = page(client, judged(client, buffer.getvalue()))
    assert "Columns that this list does not know (2)" in shown
    assert "Colour, Weight" in shown
    assert "More" in shown


# ---- the file of the rows at fault ----


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_the_file_of_faults_has_the_reasons_and_comes_in_again_once_mended(client: Client, first: int, kind: str) -> None:
    rows = [("Title", "Colour", "Number"), ("fine", "red", first), ("bad", "=1+1", "zero"), ("-5", "blue", "one hundred")]
    plain = "\n".join(",".join(str(c) for c in row) for row in rows).encode()
    content = plain if kind == "csv" else _as_text(rows)
    run = judged(client, content, f"lots.{kind}")
    answer = client.get(f"/imports/runs/{run.pk}/faults/")
    assert "attachment" in answer["Content-Disposition"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    back = sheets.table(answer.content, kind, queries.layouts(Lots()), _limits(run), queries.ignored_heads())
    assert back.heads[-2:] == ("Line in the file sent", "Reason of the fault")
    assert [cells[back.heads.index("Line in the file sent")] for _, cells in back.lines] in ([3, 4], ["3", "4"])
    assert "Number: “zero” is no whole number." in str(back.lines[0][1])
    mended = answer.content
    if kind == "csv":
        mended = (
            mended.decode("gb18030").replace("zero", str(first + 1), 1).replace("one hundred", str(first + 2), 1).encode("gb18030")
        )
    else:
        opened = load_workbook(io.BytesIO(mended))
        sheet = opened.worksheets[0]
        sheet["C2"], sheet["C3"] = first + 1, first + 2
        buffer = io.BytesIO()
        opened.save(buffer)
        mended = buffer.getvalue()
    again = judged(client, mended, f"mended.{kind}")
    assert counts(again) == (2, 0, 0, 0)
    assert again.skipped["unknown"] == ["Colour"]
    written(client, again)
    assert lots(first, 3) == {first + 1: ("bad", "a"), first + 2: ("-5", "a")}


def _as_text(rows: list[tuple[object, ...]]) -> bytes:
    made = Workbook()
    for row in rows:
        made.worksheets[0].append(list(row))
    for line in made.worksheets[0].iter_rows():
        for cell in line:
            cell.data_type = "s" if isinstance(cell.value, str) else cell.data_type
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


def _limits(run: ImportRun) -> sheets.Limits:
    return queries.limits(queries.policy_of(run.org_id, now(), "load"))


def test_all_faults_are_kept_and_the_page_says_when_it_shows_only_the_first(client: Client, first: int) -> None:
    run = judged(client, book(HEAD, *((f"x{n}", "t", "a") for n in range(250))))
    assert ImportFault.objects.using("owner").filter(run=run).count() == 250
    shown = page(client, run)
    assert shown.count("is no whole number") == 200
    assert "Only the first 200 are shown; the file has all." in shown
    answer = client.get(f"/imports/runs/{run.pk}/faults/")
    assert len(load_workbook(io.BytesIO(answer.content)).worksheets[0]["A"]) == 251


def test_what_stood_in_a_faulty_cell_lies_sealed_in_the_database(client: Client, first: int) -> None:
    run = judged(client, book(HEAD, ("CANARYCELL", "t", "a")))
    row = ImportFault.objects.using("owner").get(run=run)
    assert b"CANARYCELL" not in bytes(row.detail)
    assert queries.fault_of(row).detail == {"value": "CANARYCELL"}
    assert not any(b"CANARYCELL" in bytes(b.content) for b in Blob.objects.using("owner").all())


def test_headings_and_choices_are_known_in_every_language() -> None:
    from django.utils.translation import gettext_lazy

    class One(Lots):
        columns = (Column("phone", gettext_lazy("Phone")), Column("sex", "Sex", "choice", choices=(("1", gettext_lazy("male")),)))

    phone, sex = queries.layouts(One())
    assert phone.names == {"phone", "联系电话"}
    assert sex.choices == {"1": "1", "male": "1", "男": "1"}


# ---- the template ----


def test_the_template_helps_and_filled_in_it_comes_in(client: Client, first: int) -> None:
    answer = client.get("/imports/lots/template.xlsx")
    made = load_workbook(io.BytesIO(answer.content))
    sheet = made.worksheets[0]
    assert [c.value for c in sheet[1]] == ["Number*", "Title*", "Kind", "Locked", "Sample?"]
    assert [c.value for c in sheet[2]] == [1, "A sample lot", "Apple", "no", "Sample row, left out when sent"]
    assert sheet["A1"].font.bold
    assert sheet.freeze_panes == "A2"
    assert sheet.column_dimensions["B"].number_format == "@"
    rules_ = {str(v.sqref): v.formula1 for v in sheet.data_validations.dataValidation}
    assert rules_ == {"C2:C50001": "lists!$C$1:$C$2", "D2:D50001": "lists!$D$1:$D$2"}
    assert [c.value for c in made["lists"]["C"]] == ["Apple", "Pear"]
    assert made["lists"].sheet_state == "hidden"
    assert any("What it is" in str(c.value) for row in made["How to fill in"].iter_rows() for c in row)
    for number, (title, kind) in enumerate((("one", "Pear"), ("two", None))):
        sheet.append([first + number, title, kind, "yes"])
    buffer = io.BytesIO()
    made.save(buffer)
    run = written(client, judged(client, buffer.getvalue()))
    assert (counts(run), run.skipped["samples"], run.skipped["unknown"]) == ((2, 0, 0, 0), 1, [])
    assert lots(first, 2) == {first: ("one", "b"), first + 1: ("two", "a")}


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_list_has_a_template_that_reads_back_as_its_own(house_file: object, language: str) -> None:
    assert len(imports.listings()) >= 1
    for code, one in imports.listings().items():
        with override(language):
            content = excel.template(str(one.title), one.columns, 100)
        layouts = queries.layouts(one)
        table = sheets.table(
            content, sheets.kind_of(content), layouts, sheets.Limits(100, 1 << 24, 100, 100), queries.ignored_heads()
        )
        assert table.keys[:-1] == tuple(c.key for c in one.columns), code
        assert not table.unknown, code
        checked = rules.check_rows(table, layouts, one.key, queries.sample_words())
        assert (checked.samples, checked.rows, checked.faults) == (1, (), ()), code
        assert {c.key for c in one.columns} >= set(one.key), code


def test_an_untouched_template_has_nothing_to_take_in(client: Client) -> None:
    run = judged(client, client.get("/imports/lots/template.xlsx").content)
    assert (run.state, run.error) == ("failed", "file_empty")
    assert "no rows below its heading" in page(client, run)


# ---- at the door ----


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"%PDF-1.7 ...", "neither an Excel workbook"),
        (b"<html><table><tr><td>Number</td></tr></table></html>", "neither an Excel workbook"),
        (b"", "nothing to take in"),
        ((Path(__file__).parents[1] / "rules" / "data" / "protected.xlsx").read_bytes(), "protected with a password"),
    ],
)
def test_what_is_no_list_is_refused_at_once_with_a_remedy(client: Client, content: bytes, words: str) -> None:
    before = StoredFile.objects.using("owner").count()
    answer = send(client, content, "list.xlsx")
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert StoredFile.objects.using("owner").count() == before


def test_a_form_without_a_file_is_told_so(client: Client) -> None:
    answer = client.post("/imports/lots/", {"_key": fresh_key()})
    assert answer.status_code == 422
    assert "No file was chosen" in answer.content.decode()


def test_a_list_without_its_heading_or_columns_is_refused_by_name(client: Client) -> None:
    run = judged(client, book(("Title", "Kind"), ("x", "a")))
    assert (run.state, run.error) == ("failed", "columns_missing")
    assert "These columns are needed and are not there: Number." in page(client, run)
    assert "Send another file" in page(client, run)
    assert "no row of this file" in page(client, judged(client, book(("One", "Two"), (1, 2)))).lower()


class _Pipe(io.RawIOBase):
    """A sender of very many bytes, which counts how many were taken at once and in all."""

    def __init__(self, size: int) -> None:
        self.left, self.taken, self.largest = size, 0, 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0, "the whole body was asked for"
        piece = min(size, self.left)
        self.left, self.taken, self.largest = self.left - piece, self.taken + piece, max(self.largest, piece)
        return b"x" * piece


def _post(path: str, client: Client, pipe: _Pipe, **headers: str) -> tuple[int, str]:
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_COOKIE": "; ".join(f"{k}={m.value}" for k, m in client.cookies.items()),
        "CONTENT_TYPE": "multipart/form-data; boundary=x",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": pipe,
        "wsgi.errors": io.BytesIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **headers,
    }
    seen: list[str] = []
    answer = application()(environ, lambda status, _headers: seen.append(status))
    try:
        return int(seen[0].split()[0]), b"".join(answer).decode()
    finally:
        answer.close()


def test_200_megabytes_are_refused_unread_but_for_what_a_browser_needs_to_see_the_answer(client: Client) -> None:
    pipe = _Pipe(200 << 20)
    status, body = _post("/imports/lots/", client, pipe, CONTENT_LENGTH=str(200 << 20))
    assert status == 413
    assert "more than can be sent here" in body
    assert pipe.largest <= 1 << 16
    assert not StoredFile.objects.using("owner").filter(size__gt=20 << 20).exists()


def test_a_body_of_no_stated_length_is_refused(client: Client) -> None:
    status, body = _post("/imports/lots/", client, _Pipe(1 << 20), HTTP_TRANSFER_ENCODING="chunked")
    assert status == 411
    assert "does not say how long it is" in body


def test_only_the_page_for_files_takes_more_than_a_form(client: Client) -> None:
    for path in ("/language/", "/imports/", "/imports/lots/template.xlsx", "/nowhere/", "/residents/new/"):
        assert _post(path, client, _Pipe(3 << 20), CONTENT_LENGTH=str(3 << 20))[0] == 413, path
    doctor = client_for(person("doctor"))
    assert _post("/imports/lots/", doctor, _Pipe(3 << 20), CONTENT_LENGTH=str(3 << 20))[0] == 413


def test_a_large_file_after_the_session_ended_leads_to_signing_in(client: Client) -> None:
    status, _ = _post("/imports/lots/", Client(), _Pipe(3 << 20), CONTENT_LENGTH=str(3 << 20))
    assert status == 302


def test_a_file_just_above_the_limit_is_refused_by_the_page(client: Client) -> None:
    answer = send(client, b"Number,Title\n" + b"1,x\n" * 5_243_000)
    assert answer.status_code == 422
    assert "larger than 20 MB" in answer.content.decode()


def test_a_bomb_is_refused_at_the_door(client: Client) -> None:
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"\0" * (250 << 20))
    answer = send(client, buffer.getvalue())
    assert answer.status_code == 422
    assert "take up far more room" in answer.content.decode()


def test_the_same_form_twice_is_one_import_and_another_file_under_its_key_is_refused(client: Client, first: int) -> None:
    key, content = fresh_key(), book(HEAD, (first, "one", "a"))
    a, b = send(client, content, key=key), send(client, content, key=key)
    assert (a.status_code, b.status_code) == (303, 303)
    assert a["Location"] == b["Location"]
    assert send(client, book(HEAD, (first, "two", "a")), key=key).status_code == 409


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


# ---- stored files ----


def test_a_file_is_kept_in_sealed_parts_and_an_altered_one_does_not_open(house_file: object) -> None:
    content = b"%PDF-1.7 " + os.urandom(3 << 20)
    with transaction.atomic(), scope(person("officer")) as by:
        file = actions.store("order.pdf", content, by=by, at=now(), viewer_ids=[person("system").org_id])
    parts = Blob.objects.using("owner").filter(file=file)
    assert parts.count() == 4
    assert not any(bytes(p.content)[14:30] in content for p in parts)
    for name in ("officer", "system"):
        with transaction.atomic(), scope(person(name)) as by:
            opened = actions.open_file(file.pk, by=by, at=now())
            assert (opened.kind, opened.content == content) == ("pdf", True)
    with transaction.atomic(), scope(person("doctor")) as by, pytest.raises(actions_unknown()):
        actions.open_file(file.pk, by=by, at=now())
    last = parts.order_by("-part")[0]
    for change in ({"part": 17}, {"content": bytes(last.content)[:-1] + b"\0"}):
        before = {k: getattr(last, k) for k in change}
        Blob.objects.using("owner").filter(pk=last.pk).update(**change)
        with transaction.atomic(), scope(person("officer")) as by, pytest.raises(ValueError, match="altered"):
            actions.open_file(file.pk, by=by, at=now())
        Blob.objects.using("owner").filter(pk=last.pk).update(**before)


def actions_unknown() -> type[Exception]:
    from fenji.ground.common.refusal import Unknown

    return Unknown


def test_a_voided_file_opens_no_more_and_is_wiped(house_file: object) -> None:
    with transaction.atomic(), scope(person("officer")) as by:
        file = actions.store("a.pdf", b"%PDF-1.7 x", by=by, at=now())
        actions.void_file(file.pk, "mistake", by=by, at=now())
        with pytest.raises(actions_unknown()):
            actions.open_file(file.pk, by=by, at=now())
    assert actions.wipe(file.pk, at=now())
    assert AuditEvent.objects.using("owner").filter(subject=str(file.pk), action="file.void").count() == 1


def test_a_file_is_what_its_content_says(house_file: object) -> None:
    with transaction.atomic(), scope(person("officer")) as by:
        for content in (b"MZ\x90\x00 a program\x00", b"<svg xmlns='x' onload='y'/>"):
            with pytest.raises(actions.FileKind):
                actions.store("order.pdf", content, by=by, at=now())
        with pytest.raises(actions.FileTooLarge):
            actions.store("order.pdf", b"%PDF-" + b"0" * (20 << 20), by=by, at=now())
        with pytest.raises(actions.FileKind):
            actions.store("a.csv", b"a,b\n1,2\n", by=by, at=now(), kinds=("pdf",))


def test_the_job_role_reads_no_content(house_file: object) -> None:
    from django.db import DatabaseError

    for statement in (
        "SELECT content FROM documents_blob",
        "SELECT name FROM documents_storedfile",
        "SELECT detail FROM documents_importfault",
    ):
        with pytest.raises(DatabaseError, match="permission denied"), connections["job"].cursor() as cursor:
            cursor.execute(statement)


def test_the_state_of_a_run_is_one_that_there_is(house_file: object) -> None:
    from fenji.ground.documents.texts import STATES

    assert set(STATES) == set(rules.STATES)
