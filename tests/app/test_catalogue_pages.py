"""The pages of the lists: the whole way by forms, who sees which step, bad input, and what goes to Excel."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connections
from openpyxl import load_workbook

from fenji.care.catalogue import rules
from fenji.care.catalogue.models import ENTRIES, ListVersion
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import fresh_key, now
from fenji.ground.documents import actions as runs
from fenji.world.county import COUNTY_HOSPITAL
from tests.app.import_walk import book, run_of, sent, written
from tests.app.wsgi import Answer, call
from tests.cast import client_for, person, token_for

_VERSION = re.compile(r'name="_version" value="(\d+)"')


@pytest.fixture(scope="module")
def tokens(house_file: object) -> dict[str, str]:
    return {n: token_for(person(n)) for n in ("editor", "director", "clerk", "head", "doctor", "insurer", "officer", "system")}


@pytest.fixture(autouse=True)
def _as_before(house_file: object) -> Iterator[None]:
    """What a test begins or publishes is taken away at its end."""
    yield
    with connections["owner"].cursor() as cursor:
        new = "SELECT id FROM catalogue_listversion WHERE number > 1"
        for table in {m._meta.db_table for m in ENTRIES.values()}:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_keep")
            cursor.execute(f"DELETE FROM {table} WHERE list_id IN ({new})")
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {table}_keep")
        cursor.execute(f"DELETE FROM catalogue_listversion WHERE id IN ({new})")
        cursor.execute('UPDATE catalogue_listversion SET "end" = NULL WHERE "end" IS NOT NULL')


def present(kind: str, org_id: int = COUNTY_HOSPITAL) -> ListVersion:
    return ListVersion.objects.using("load").get(kind=kind, org_id=org_id, number=1)


def post(token: str, path: str, **fields: object) -> Answer:
    return call("POST", path, token, {"_key": fresh_key(), **fields})


def version_on(page: Answer) -> str:
    found = _VERSION.search(page.body)
    assert found, page.body[:2000]
    return found.group(1)


def begin(token: str, kind: str) -> str:
    answer = post(token, f"/catalogues/start/{kind}/")
    assert answer.status == 303, answer.body
    return answer.location


def step(token: str, at: str, action: str, **fields: object) -> Answer:
    return post(token, f"{at}do/{action}/", _version=version_on(call("GET", at, token)), **fields)


def test_the_whole_way_by_forms(tokens: dict[str, str]) -> None:
    editor, director = tokens["editor"], tokens["director"]
    draft = begin(editor, "first_contact")
    form = call("GET", f"{draft}entries/new/", editor)
    kept = post(editor, f"{draft}entries/new/", _version=version_on(form), diagnosis="A01.000 伤寒", level="county")
    assert (kept.status, kept.location) == (303, f"{draft}entries/new/")
    page = call("GET", f"{draft}?q=A01", editor)
    entry = re.search(rf"{draft}entries/(\d+)/", page.body).group()
    changed = post(editor, entry, _version=version_on(call("GET", entry, editor)), level="township")
    assert (changed.status, changed.location) == (303, draft)
    assert "Typhoid fever" in call("GET", f"{draft}changes/", editor).body
    assert step(editor, draft, "submit").status == 303
    assert "do/approve" not in call("GET", draft, editor).body
    assert step(director, draft, "return", note="look at its level again").status == 303
    assert "look at its level again" in call("GET", draft, editor).body
    assert step(editor, draft, "submit").status == 303
    assert step(director, draft, "approve").status == 303
    tomorrow = local_day(now()) + timedelta(days=1)
    assert step(director, draft, "publish", start=tomorrow.isoformat()).status == 303
    for who in ("doctor", "clerk", "officer"):  # published: everybody may read it
        seen = call("GET", draft, tokens[who])
        assert (seen.status, "Typhoid fever" in call("GET", f"{draft}?q=A01", tokens[who]).body) == (200, True)
        assert "do/withdraw" not in seen.body
    assert "Begins later" in call("GET", draft, director).body
    assert step(director, draft, "withdraw", note="too early").status == 303
    assert present("first_contact").end is None


def test_an_entry_is_taken_out_by_its_form(tokens: dict[str, str]) -> None:
    editor = tokens["editor"]
    draft = begin(editor, "technique_promoted")
    page = call("GET", draft, editor)
    entry = re.search(rf"{draft}entries/(\d+)/", page.body).group()
    before = ENTRIES[rules.PROMOTED].objects.using("load").filter(list_id=draft.split("/")[2]).count()
    gone = post(editor, entry, _version=version_on(call("GET", entry, editor)), remove="1")
    assert (gone.status, gone.location) == (303, draft)
    assert ENTRIES[rules.PROMOTED].objects.using("load").filter(list_id=draft.split("/")[2]).count() == before - 1
    assert call("GET", entry, editor).status == 404


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("down", {"diagnosis": "A01.000", "phase": "critical_stable", "criteria_zh": "病情平稳", "guide_zh": "随访"}),
        ("guide", {"diagnosis": "A01.000", "document": "rules", "title_zh": "转诊规则", "text_zh": "按规则转诊。"}),
        ("technique_promoted", {"code": "T99-01", "category_zh": "其他类", "name_zh": "新技术"}),
        ("technique", {"code": "T99-01", "category_zh": "其他类", "name_zh": "新技术"}),
        ("treatable", {"diagnosis": "A01.000"}),
    ],
)
def test_each_kind_of_entry_is_written_by_its_form(tokens: dict[str, str], kind: str, fields: dict[str, str]) -> None:
    who = tokens["clerk" if kind in rules.OF_INSTITUTION else "editor"]
    draft = begin(who, kind)
    form = call("GET", f"{draft}entries/new/", who)
    assert form.status == 200
    assert post(who, f"{draft}entries/new/", _version=version_on(form), **fields).status == 303
    model = ENTRIES[kind]
    found = model.objects.using("load").filter(list_id=draft.split("/")[2]).order_by("-id").first()
    assert found is not None
    assert found.code in ("A01.000", "T99-01")
    again = post(who, f"{draft}entries/new/", _version=version_on(call("GET", draft + "entries/new/", who)), **fields)
    assert again.status == 409
    assert "has this entry already" in again.body
    assert call("GET", f"{draft}entries/{found.pk}/", who).status == 200


def test_a_service_item_is_written_with_the_diseases_it_is_for(tokens: dict[str, str]) -> None:
    insurer = tokens["insurer"]
    draft = begin(insurer, "devolved")
    form = call("GET", f"{draft}entries/new/", insurer)
    fields = {"code": "D-9001", "name_zh": "新项目", "kind": "tcm", "groups": "I10.x00，J06；copd I10.x00"}
    assert post(insurer, f"{draft}entries/new/", _version=version_on(form), **fields).status == 303
    found = ENTRIES[rules.DEVOLVED].objects.using("load").get(code="D-9001")
    assert found.groups == ["hypertension", "J06", "copd"]
    page = call("GET", f"{draft}entries/{found.pk}/", insurer)
    assert 'value="hypertension J06 copd"' in page.body


def test_a_file_becomes_a_draft_and_its_faulty_row_does_not(tokens: dict[str, str]) -> None:
    """From the draft's page to the file and back, through the reader of files."""
    draft = begin(tokens["editor"], "first_contact")
    assert 'href="/imports/first_contact/"' in call("GET", draft, tokens["editor"]).body
    client = client_for(person("editor"))
    heads = ("Diagnosis code", "Disease", "County level", "Township level", "Village level")
    content = book(heads, ("A01.000", "伤寒", "yes", "no", "no"), ("I10.x00", "高血压", "yes", "no", "yes"))
    run = run_of(sent(client, content, "list.xlsx", "first_contact"))
    runs.judge(run.pk, at=now())
    done = written(client, run_of(run.pk))
    assert (done.state, done.new, done.faulty) == ("done", 1, 1)
    held = ENTRIES[rules.FIRST_CONTACT].objects.using("load").filter(list_id=draft.split("/")[2])
    assert held.get(code="A01.000").level == "county"
    assert held.get(code="I10.x00").level == "village"  # as it was: the row that named no nested levels is left out
    assert call("GET", draft, tokens["editor"]).status == 200


# --- who sees which step -----------------------------------------------------------------------------------------------------


def test_only_the_next_steps_of_ones_own_are_offered(tokens: dict[str, str]) -> None:
    draft = begin(tokens["editor"], "guide")
    offered = {who: set(re.findall(r"/do/(\w+)/", call("GET", draft, tokens[who]).body)) for who in ("editor", "director")}
    assert offered == {"editor": {"submit", "discard"}, "director": set()}
    assert "entries/new/" not in call("GET", draft, tokens["director"]).body
    step(tokens["editor"], draft, "submit")
    offered = {who: set(re.findall(r"/do/(\w+)/", call("GET", draft, tokens[who]).body)) for who in ("editor", "director")}
    assert offered == {"editor": set(), "director": {"approve", "return"}}
    assert call("GET", present("guide").id and f"/catalogues/{present('guide').id}/", tokens["director"]).status == 200
    assert "/do/" not in call("GET", f"/catalogues/{present('guide').id}/", tokens["director"]).body


@pytest.mark.parametrize("who", ["doctor", "clerk", "insurer", "officer", "system", "head"])
def test_somebody_elses_draft_has_no_page(tokens: dict[str, str], who: str) -> None:
    draft = begin(tokens["editor"], "guide")
    entry = ENTRIES[rules.GUIDE].objects.using("load").filter(list_id=draft.split("/")[2])[0].pk
    missing = "/catalogues/2000000000/"
    for path in ("", "changes/", "export.xlsx", f"entries/{entry}/"):
        assert call("GET", draft + path, tokens[who]).status == call("GET", missing + path, tokens[who]).status == 404
    for path in ("do/submit/", "do/approve/", f"entries/{entry}/"):
        assert post(tokens[who], draft + path, _version="1").status == 404


@pytest.mark.parametrize("kind", ["first_contact", "devolved", "treatable", "nonsense"])
def test_who_may_not_begin_is_refused(tokens: dict[str, str], kind: str) -> None:
    assert post(tokens["doctor"], f"/catalogues/start/{kind}/").status == 403
    assert post(tokens["clerk"], f"/catalogues/start/{kind}/").status == {"treatable": 303, "nonsense": 404}.get(kind, 403)


def test_a_refused_step_says_why_and_keeps_what_was_typed(tokens: dict[str, str]) -> None:
    draft = begin(tokens["editor"], "guide")
    old = version_on(call("GET", draft, tokens["editor"]))
    assert step(tokens["editor"], draft, "submit").status == 303
    late = post(tokens["editor"], f"{draft}do/discard/", _version=old)
    assert late.status == 409
    assert "Somebody else acted" in late.body
    empty = step(tokens["director"], draft, "return", note="")
    assert (empty.status, "reason in words" in empty.body) == (409, True)
    assert step(tokens["director"], draft, "approve").status == 303
    for start, status, says in (
        ("2020-01-01", 409, "day that is over"),
        ("soon", 422, "cannot be read"),
        ("", 422, "cannot be read"),
    ):
        refused = step(tokens["director"], draft, "publish", start=start)
        assert (refused.status, says in refused.body) == (status, True)
    assert 'value="2020-01-01"' in step(tokens["director"], draft, "publish", start="2020-01-01").body


# --- bad input ---------------------------------------------------------------------------------------------------------------

BAD = [
    {},
    {"diagnosis": "", "level": "county"},
    {"diagnosis": "no such thing", "level": "county"},
    {"diagnosis": "A01.000", "level": "province"},
    {"diagnosis": "A01.000"},
    {"diagnosis": "x" * 300, "level": "county"},
    {"diagnosis": "A01.000\u202e", "level": "\u0000"},
]


@pytest.mark.parametrize("fields", BAD)
def test_a_bad_entry_is_told_and_not_kept(tokens: dict[str, str], fields: dict[str, str]) -> None:
    draft = begin(tokens["editor"], "first_contact")
    form = call("GET", f"{draft}entries/new/", tokens["editor"])
    answer = post(tokens["editor"], f"{draft}entries/new/", _version=version_on(form), **fields)
    assert answer.status in (400, 422)
    assert version_on(call("GET", f"{draft}entries/new/", tokens["editor"])) == version_on(form)


@pytest.mark.parametrize(
    "fields",
    [
        {"code": "has blank", "category_zh": "类", "name_zh": "名"},
        {"code": "-", "category_zh": "类", "name_zh": "名"},
        {"code": "T1" * 30, "category_zh": "类", "name_zh": "名"},
        {"code": "T1", "category_zh": "", "name_zh": "名"},
        {"code": "T1", "category_zh": "类", "name_zh": "名\u200b字"},
        {"code": "技术一", "category_zh": "类", "name_zh": "名"},
    ],
)
def test_a_bad_technique_is_told_and_not_kept(tokens: dict[str, str], fields: dict[str, str]) -> None:
    draft = begin(tokens["clerk"], "technique")
    form = call("GET", f"{draft}entries/new/", tokens["clerk"])
    answer = post(tokens["clerk"], f"{draft}entries/new/", _version=version_on(form), **fields)
    assert answer.status == 422
    assert "invalid-feedback" in answer.body


@pytest.mark.parametrize(
    "path",
    [
        "/catalogues/0/",
        "/catalogues/99999999999999999999/",
        "/catalogues/99999999999999999999/export.xlsx",
        "/catalogues/-1/",
        "/catalogues/x/",
        "/catalogues/1/entries/99999999999999999999/",
        "/catalogues/1/entries/new/",
        "/catalogues/2147483648/changes/",
    ],
)
def test_numbers_that_are_no_list_are_not_found(tokens: dict[str, str], path: str) -> None:
    assert call("GET", path, tokens["editor"]).status == 404


@pytest.mark.parametrize(
    "path", ["/catalogues/99999999999999999999/do/submit/", "/catalogues/1/do/explode/", "/catalogues/1/do/submit/"]
)
def test_steps_that_do_not_exist_are_refused(tokens: dict[str, str], path: str) -> None:
    assert post(tokens["editor"], path, _version="1").status in (404, 409)


@pytest.mark.parametrize(
    "query", ["q=%25", "q=_", "q=%00", "q=" + "x" * 5000, "page=0", "page=-3", "page=x", "page=999999", "q=%F0%9F%98%80"]
)
def test_any_filter_and_page_is_answered(tokens: dict[str, str], query: str) -> None:
    found = call("GET", f"/catalogues/{present('first_contact').id}/?{query}", tokens["doctor"])
    assert found.status == (400 if query == "q=%00" else 200)


# --- what is shown -----------------------------------------------------------------------------------------------------------


def test_the_page_counts_against_the_clause(tokens: dict[str, str]) -> None:
    own = present("treatable", person("clerk").org_id)
    page = call("GET", f"/catalogues/{own.id}/", tokens["clerk"]).body
    assert "SM-3-2d" in page
    assert re.search(r"<b class=\"num\">85</b> / <span class=\"num\">80</span>", page)
    elsewhere = next(v for v in ListVersion.objects.using("load").filter(kind="treatable", org__ws218="C220"))
    assert "SM-3-2e" in call("GET", f"/catalogues/{elsewhere.id}/", tokens["clerk"]).body


def test_pages_of_a_long_list_hold_every_entry_once(tokens: dict[str, str]) -> None:
    at = f"/catalogues/{present('devolved', 6).id}/"
    seen: list[str] = []
    for number in range(1, 12):
        seen += re.findall(rf"{at}entries/(\d+)/", call("GET", f"{at}?page={number}", tokens["insurer"]).body)
    assert len(seen) == len(set(seen)) == 520
    assert "page 1 of 11, 520 rows" in call("GET", at, tokens["insurer"]).body


def test_the_workbook_holds_what_the_page_shows(tokens: dict[str, str]) -> None:
    at = f"/catalogues/{present('first_contact').id}/"
    book = load_workbook(io.BytesIO(call("GET", f"{at}export.xlsx", tokens["doctor"]).raw))
    rows = list(book.worksheets[0].iter_rows(values_only=True))
    entries = ENTRIES[rules.FIRST_CONTACT].objects.using("load").filter(list=present("first_contact"))
    assert rows[0] == ("Code", "Disease", "Disease group", "Lowest level that can treat it")
    assert {r[0] for r in rows[1:]} == {e.code for e in entries}
    some = load_workbook(io.BytesIO(call("GET", f"{at}export.xlsx?q=I10", tokens["doctor"]).raw))
    assert [r[0] for r in some.worksheets[0].iter_rows(min_row=2, values_only=True)] == ["I10.x00"]


def test_members_below_a_number_can_be_shown_alone(tokens: dict[str, str]) -> None:
    everything = call("GET", "/catalogues/", tokens["editor"]).body
    short = call("GET", "/catalogues/?show=short", tokens["editor"]).body
    assert everything.count('data-list="treatable"') > 10
    assert "All are large enough" in short
    assert call("GET", "/catalogues/", tokens["doctor"]).body.count('data-list="treatable"') == 1
