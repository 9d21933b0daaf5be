"""A slip as it is printed and scanned, and the pages that can only be reached by a form."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from fenji.ground.access.actions import set_password
from fenji.ground.access.queries import account_by_id
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from tests.browser.conftest import PICTURES, SIZES, Visitors
from tests.browser.people import accounts_to_look_at
from tests.browser.test_pages import _axe
from tests.cast import person


@pytest.fixture(scope="module")
def ids(house_file: Path) -> dict[str, str]:
    return accounts_to_look_at()


def _looked_at(page: object, name: str, size: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}-{size}.png", full_page=True)
    assert _axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"]


@pytest.mark.parametrize("size", SIZES)
def test_a_slip_is_printed_on_one_page_scanned_and_activates(visit: Visitors, ids: dict[str, str], size: str) -> None:
    visitor = visit("system", size)
    page = visitor.open("/accounts/new/")
    page.fill("#id_name", "扫码者")
    page.locator("#id_org").press_sequentially("总医院")
    option = page.locator("#institutions option")
    expect(option.first).to_have_attribute("value", re.compile("沙县区总医院"))
    page.fill("#id_org", option.first.get_attribute("value"))
    page.select_option("#id_role", "doctor")
    page.locator("form[action='/accounts/new/'] .btn-primary").click()
    page.wait_for_url("**/accounts/slip/")
    _looked_at(page, "slip", size)
    page.emulate_media(media="print")
    page.screenshot(path=PICTURES / f"slip-printed-{size}.png", full_page=True)
    expect(page.locator(".top")).to_be_hidden()
    expect(page.locator(".no-print").first).to_be_hidden()
    pdf = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page[^s]", pdf)) == 1
    code = "-".join(page.locator(".slip-code span:not(.dash)").all_inner_texts())
    username = page.locator(".slip-name").inner_text()
    phone = visit(None, "360")
    phone.open(f"/activate/#{username}:{code}")
    expect(phone.page.locator("#username")).to_have_value(username)
    expect(phone.page.locator("#code")).to_have_value(code)
    assert "#" not in phone.page.url
    phone.page.fill("#new", "mountain river seven 21")
    phone.page.fill("#again", "mountain river seven 21")
    phone.page.locator("form[action='/activate/'] .btn-primary").click()
    phone.page.wait_for_url("**/login/")


@pytest.mark.parametrize("size", SIZES)
def test_forms_of_an_account_with_something_wrong_in_them(visit: Visitors, ids: dict[str, str], size: str) -> None:
    page = visit("system", size).open(f"/accounts/{ids['person']}/")
    for details in page.locator("details.account ~ *, .row-acts details, .acts details").all():
        details.evaluate("d => { d.open = true }")
    _looked_at(page, "account-page-open", size)
    page.locator("input[name=stand_in]").first.fill("nobody")
    day = str(local_day(now()) + timedelta(days=1))
    form = page.locator("form[action$='/cover/']").first
    form.locator("input[name=start]").fill(day)
    form.locator("input[name=end]").fill(day)
    form.locator("button").click()
    expect(page.locator(".invalid-feedback[role=alert]")).to_be_visible()
    _looked_at(page, "account-page-refused", size)


@pytest.mark.parametrize("size", SIZES)
def test_a_key_is_shown_once(visit: Visitors, ids: dict[str, str], size: str) -> None:
    page = visit("security", size).open(f"/machines/{ids['machine']}/")
    page.fill("#id_until", str(local_day(now()) + timedelta(days=30)))
    page.locator("form[action$='/key/'] button").click()
    page.wait_for_url("**/machines/slip/")
    _looked_at(page, "machine-slip", size)


@pytest.mark.parametrize("size", SIZES)
def test_a_password_that_is_due_stands_before_everything(visit: Visitors, house_file: Path, size: str) -> None:
    who = person("doctor2")
    set_password(account_by_id(who.id), "typed by somebody else 1", must_change=True)
    page = visit(None, size).open("/login/")
    page.fill("#username", who.username)
    page.fill("#password", "typed by somebody else 1")
    page.locator("form[action='/login/'] .btn-primary").click()
    page.wait_for_url("**/account/password/**")
    _looked_at(page, "password-due", size)
    set_password(account_by_id(who.id), "a-long-password-1")
