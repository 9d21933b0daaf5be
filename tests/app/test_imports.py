"""Lists that come in: the whole way through the pages, the files given out, and what is refused at the door."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from django.test import Client
from django.utils.translation import override
from openpyxl import Workbook, load_workbook

from fenji.ground.access.models import AuditEvent
from fenji.ground.common import excel, imports, sheets
from fenji.ground.common.edge import fresh_key, now
from fenji.ground.common.imports import Column
from fenji.ground.documents import actions, queries, rules
from fenji.ground.documents.models import Blob, ImportFault, ImportRun, StoredFile
from tests.app.import_walk import HEAD, book, counts, judged, page, press, run_of, send, sent, written
from tests.app.listings import Lots, lots, offered
from tests.app.wsgi import application
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
