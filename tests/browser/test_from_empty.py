"""A county from nothing: an empty house, two commands, Excel files, and then the first referral. No demo world."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Browser, Page, expect

from fenji.config import database, house, running
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.common.identity import identity_check
from fenji.ground.common.imports import listings
from tests.browser.conftest import Visitors
from tests.plugin import url

NAME = "fenji_empty"
WORD = "mountain river seven 21"
COUNTY, TOWN = "350421", "350421100"
_CODE = re.compile(r"activation code (\S+),")


@dataclass(frozen=True)
class Empty:
    """A served house with its database, tables and regions, and nobody in it."""

    file: Path
    base: str

    def command(self, *words: str) -> str:
        """What a `fenji` command prints."""
        environment = {**os.environ, house.VARIABLE: str(self.file)}
        done = subprocess.run([sys.executable, "-m", "fenji", *words], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def empty(house_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Empty]:
    folder = tmp_path_factory.mktemp("empty")
    file = folder / "house.json"
    roles = {r.removeprefix("fenji_"): url(r, NAME) for r in database.ROLES}
    house.write(house.fresh(roles, demo=False), file)
    assert database.make_database(url("postgres", "postgres"), NAME)
    port = running.free_port()
    found = Empty(file, f"http://127.0.0.1:{port}")
    found.command("db", "migrate")
    processes = [running.web(file, port), running.worker(file)]
    try:
        running.wait_ready(found.base, processes[0])
        yield found
    finally:
        running.stop_all(processes)


@pytest.fixture
def people(browser: Browser, empty: Empty) -> Iterator[Visitors]:
    visitors = Visitors(browser, empty.base)
    yield visitors
    complaints = [c for v in visitors.all for c in v.complaints if "status of 4" not in c]
    for context in visitors.contexts:
        context.close()
    assert not complaints, complaints


def activated(people: Visitors, username: str, code: str) -> Page:
    """Somebody who has opened their account with the code from their slip."""
    page = people(None).open("/activate/")
    page.fill("#username", username)
    page.fill("#code", code)
    page.fill("#new", WORD)
    page.fill("#again", WORD)
    page.locator("form[action='/activate/'] .btn-primary").click()
    page.goto(f"{people.base}/login/")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", WORD)
    page.locator("form[action='/login/'] button.btn-primary").click()
    expect(page.locator("nav.side")).to_be_visible()
    return page


def sent(page: Page, base: str, listing: str, *rows: dict[str, Any]) -> None:
    """A list filled into its template, sent, looked at and written."""
    template = page.request.get(f"{base}/imports/{listing}/template.xlsx")
    assert template.status == 200, template.status
    book = load_workbook(io.BytesIO(template.body()))
    sheet = book.worksheets[0]
    keys = [c.key for c in listings()[listing].columns]
    for row in rows:
        assert set(row) <= set(keys)
        sheet.append([row.get(key) for key in keys])
    filled = io.BytesIO()
    book.save(filled)
    page.goto(f"{base}/imports/{listing}/")
    page.set_input_files("#file", {"name": f"{listing}.xlsx", "mimeType": "application/vnd.ms-excel", "buffer": filled.getvalue()})
    page.locator(f"form[action='/imports/{listing}/'] .btn-primary").click()
    expect(page.locator("#run[data-state=judged]")).to_be_visible(timeout=30_000)
    expect(page.locator(".tally .tone-red")).to_have_count(0)
    page.locator("form[action$='/write/'] .btn-primary").click()
    expect(page.locator("#run[data-state=done]")).to_be_visible(timeout=30_000)


def slips(page: Page) -> dict[str, str]:
    """User name → activation code, read off the printed slips of the import that is shown."""
    page.locator("a[href$='/handouts/']").click()
    found = {}
    for slip in page.locator(".slips li").all():
        values = slip.locator("dd").all_inner_texts()
        found[values[2].strip()] = values[4].strip()
    return found


INSTITUTIONS = (
    {"code": "ZYY", "name": "明溪县总医院", "region": COUNTY, "care_tier": "county", "grade": "2A", "ownership": "government"},
    {"code": "WSY", "name": "雪峰镇卫生院", "region": TOWN, "care_tier": "township", "ownership": "government"},
)
ACCOUNTS = (
    {"username": "bianji", "name": "编辑员", "org": "ZYY", "role": "editor"},
    {"username": "yuanzhang", "name": "院长", "org": "ZYY", "role": "manager"},
    {"username": "zhuanzhen", "name": "转诊办", "org": "ZYY", "role": "desk"},
    {"username": "yisheng", "name": "首诊医生", "org": "WSY", "role": "doctor"},
    {"username": "shenhe", "name": "审核员", "org": "WSY", "role": "reviewer"},
    # two, so that no review waits for the unit above (SM-3-5c)
    {"username": "shenhe2", "name": "审核员乙", "org": "WSY", "role": "reviewer"},
)
DISEASES = ("I10.x00", "J06.900", "K29.500", "M17.900", "E11.900")


def published(editor: Page, head: Page, base: str) -> None:
    """The first-contact catalogue: begun by import, submitted by one person, approved and published by another."""
    rows = [{"code": code, "county": "是", "township": "是", "village": "否"} for code in DISEASES]
    sent(editor, base, "first_contact", *rows)
    editor.goto(f"{base}/catalogues/")
    editor.locator("a[href^='/catalogues/']").filter(has_text=re.compile("首诊")).first.click()
    editor.locator("form[action$='/do/submit/'] button").click()
    expect(editor.locator("[data-state=submitted]")).to_be_visible()
    head.goto(editor.url)
    head.locator("form[action$='/do/approve/'] button").click()
    expect(head.locator("[data-state=approved]")).to_be_visible()
    head.fill("form[action$='/do/publish/'] input[name=start]", f"{local_day(now()):%Y-%m-%d}")
    head.locator("form[action$='/do/publish/'] button").click()
    expect(head.locator("[data-state=published]")).to_be_visible()


def referred(doctor: Page, base: str) -> str:
    """A resident registered, a visit, and the referral sent; returns its number."""
    stem = "35042119700101" + "001"
    doctor.goto(f"{base}/residents/new/")
    doctor.fill("input[name=identity]", stem + identity_check(stem))
    doctor.fill("input[name=name]", "首位居民")
    doctor.locator("form[action='/residents/new/'] .btn-primary").click()
    doctor.locator("a[href^='/visits/new/']").first.click()
    doctor.fill("input[name=diagnosis]", "I10.x00")
    doctor.fill("textarea[name=complaint]", "血压 182/104，两种药物联合治疗未达标")
    doctor.locator("button[name=ending][value=up]").click()
    expect(doctor.locator("body")).to_contain_text("明溪县总医院")
    expect(doctor.locator("body")).to_contain_text("SM-3-5c")
    doctor.fill("textarea[name=override_reason]", "规范用药一个月血压仍不达标，需排查继发性高血压")
    doctor.select_option("select[name=consent_who]", "patient")
    doctor.locator("#send").click()
    expect(doctor.locator("[data-state=in_review]")).to_be_visible()
    return doctor.url.rstrip("/").rsplit("/", 1)[1]


def test_a_county_is_set_up_from_empty_to_its_first_referral_with_excel_files_only(empty: Empty, people: Visitors) -> None:
    told = empty.command(
        *("account", "new", "xitong", "--name", "系统管理员", "--role", "system_admin"),
        *("--office", "明溪县卫生健康局", "--region", COUNTY),
    )
    code = _CODE.search(told)
    assert code is not None, told
    system = activated(people, "xitong", code.group(1))
    sent(system, empty.base, "institutions", *INSTITUTIONS)
    sent(system, empty.base, "departments", {"org": "ZYY", "name": "心血管内科", "specialty": "cardiology"})
    community = {"alliance": "明溪县总医院医共体", "kind": "county_community"}
    sent(system, empty.base, "members", {**community, "org": "ZYY", "role": "lead"}, {**community, "org": "WSY", "role": "branch"})
    doctor = {"org": "WSY", "number": "001", "name": "首诊医生", "category": "physician", "title": "intermediate"}
    sent(system, empty.base, "staff", {**doctor, "specialties": "general_practice"})
    sent(system, empty.base, "accounts", *ACCOUNTS)
    codes = slips(system)
    assert set(codes) == {a["username"] for a in ACCOUNTS}
    editor, head = activated(people, "bianji", codes["bianji"]), activated(people, "yuanzhang", codes["yuanzhang"])
    published(editor, head, empty.base)
    number = referred(activated(people, "yisheng", codes["yisheng"]), empty.base)
    reviewer = activated(people, "shenhe", codes["shenhe"])
    reviewer.goto(f"{empty.base}/referrals/{number}/")
    reviewer.locator("form[action$='/do/approve/'] button").first.click()
    expect(reviewer.locator("[data-state=offered]")).to_be_visible()
    desk = activated(people, "zhuanzhen", codes["zhuanzhen"])
    expect(desk.locator(f"[data-waits='{number}']")).to_be_visible()
    desk.goto(f"{empty.base}/referrals/{number}/")
    desk.locator("form[action$='/do/accept/'] button").first.click()
    expect(desk.locator("[data-state=accepted]")).to_be_visible()
