"""A resident opens the link of a text message on an old phone: four characters, and the page says all that is needed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.db import transaction
from playwright.sync_api import Page, expect

from fenji.care.referral import actions, queries
from fenji.care.referral.models import Case, CaseLink
from fenji.care.registry.actions import end_proxy
from fenji.care.registry.models import Identity, Proxy
from fenji.ground.common.edge import now
from tests.app.test_referral_slots import free
from tests.browser.conftest import PICTURES, SIZES, Visitors
from tests.browser.residents import acts, way_there
from tests.browser.test_pages import _axe
from tests.cast import NOT_IN_CATALOGUE, a_case, finish, person, scope
from tests.down import offered_down


@pytest.mark.parametrize("size", SIZES)
def test_four_characters_open_the_page_in_three_movements(visit: Visitors, house_file: Path, size: str) -> None:
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor) as by:
        case = a_case(by, doctor, number=205, code=NOT_IN_CATALOGUE, slot=free().id)
        url, four = queries.url_for(case), Identity.objects.values_list("last4", flat=True).get(pk=case.resident_id)
    with transaction.atomic(), scope(person("desk")) as by:
        case = actions.accept(case.number, version=case.version, by=by, at=now())
    visitor = visit(None, size)
    page = visitor.open(url)
    page.fill("#four", "0000" if four != "0000" else "1111")
    page.click("text=查看我的转诊")
    expect(page.get_by_role("alert")).to_contain_text("无法打开")
    page.fill("#four", four)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("医院已同意接诊")
    expect(page.get_by_role("heading", name="就诊时间")).to_be_visible()
    page.screenshot(path=PICTURES / f"own-page-{size}.png", full_page=True)
    assert _axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"]
    touched = "[...document.querySelectorAll('main a, main button, main input:not([type=hidden])')]"
    small = page.evaluate(f"{touched}.filter(e => e.getBoundingClientRect().height < 44).length")
    assert small == 0, "large enough for a thumb"
    assert case.patient_name not in page.content()
    assert case.diagnosis_name not in page.content()
    finish(case.number)


def _looked_at(page: Page, name: str, size: str) -> None:
    page.screenshot(path=PICTURES / f"{name}-{size}.png", full_page=True)
    assert _axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"]
    touched = "[...document.querySelectorAll('main a, main button, main input:not([type=hidden])')]"
    assert page.evaluate(f"{touched}.filter(e => e.getBoundingClientRect().height < 44).length") == 0, "large enough for a thumb"


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("size", SIZES)
def test_a_daughter_sees_for_whom_she_acts_and_the_way_and_says_that_her_mother_cannot_come(
    visit: Visitors, house_file: Path, size: str, language: str
) -> None:
    doctor = person("doctor")
    way_there()
    proxy = acts(212)
    with transaction.atomic(), scope(doctor) as by:
        case = a_case(by, doctor, number=212, code=NOT_IN_CATALOGUE)
        url, four = (
            queries.address_of(_link(case, proxy)),
            Identity.objects.values_list("last4", flat=True).get(pk=case.resident_id),
        )
    with transaction.atomic(), scope(person("desk")) as by:
        actions.accept(case.number, version=case.version, by=by, at=now())
    page = visit(None, size, language).open(url)
    page.fill("#four", four)
    page.keyboard.press("Enter")
    expect(page.locator("svg.sketch")).to_be_visible()
    expect(page.locator(".say")).to_have_count(2)
    _looked_at(page, f"own-page-proxy-{language}", size)
    page.click("button[value=cannot_come]")
    expect(page.locator(".say")).to_have_count(0)
    expect(page.locator(".note")).to_have_count(2)
    _looked_at(page, f"own-page-said-{language}", size)
    with transaction.atomic(), scope(doctor) as by:
        end_proxy(proxy.pk, version=proxy.version, by=by, at=now())
    page.reload()
    expect(page.locator("#four")).to_be_visible()
    finish(case.number)


def _link(case: Case, proxy: Proxy) -> CaseLink:
    found = queries.link_of(case, proxy.pk)
    assert found is not None
    return found


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("size", SIZES)
def test_who_was_sent_down_sees_the_days_of_follow_ups(visit: Visitors, house_file: Path, size: str, language: str) -> None:
    with transaction.atomic(), scope(person("specialist")) as by:
        case = offered_down(by)
        url, four = queries.url_for(case), Identity.objects.values_list("last4", flat=True).get(pk=case.resident_id)
    page = visit(None, size, language).open(url)
    page.fill("#four", four)
    page.keyboard.press("Enter")
    expect(page.locator(".stands")).to_be_visible()
    for verb in ("accept", "arrive"):
        with transaction.atomic(), scope(person("doctor")) as by:
            getattr(actions, verb)(case.number, version=queries.case(case.number).version, by=by, at=now())
        page.reload()
        expect(page.locator(".went li").first).to_be_visible()
        _looked_at(page, f"own-page-down-{verb}-{language}", size)
    assert page.locator(".went").count() == 2, "follow-ups, and how it went"


def test_the_slip_prints_a_sheet_for_the_patient_with_the_way_there(visit: Visitors, house_file: Path) -> None:
    doctor = person("doctor")
    way_there()
    with transaction.atomic(), scope(doctor) as by:
        case = a_case(by, doctor, number=213, code=NOT_IN_CATALOGUE)
    page = visit("doctor").open(f"/referrals/{case.number}/slip/")
    printed = page.pdf(format="A4", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) == 2, "one sheet of two parts, one for the patient"
    half = page.pdf(format="A5")
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", half)) <= 4
    page.emulate_media(media="print")
    for name, width in (("a4", 794), ("a5", 559)):
        page.set_viewport_size({"width": width, "height": 1123})
        page.locator(".part-patient").screenshot(path=PICTURES / f"slip-patient-{name}.png")
    expect(page.locator(".part-patient svg.sketch")).to_be_visible()
    finish(case.number)
