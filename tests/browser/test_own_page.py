"""A resident opens the link of a text message on an old phone: four characters, and the page says all that is needed."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import transaction
from playwright.sync_api import expect

from fenji.care.referral import actions, queries
from fenji.care.registry.models import Identity
from fenji.ground.common.edge import now
from tests.app.test_referral_slots import free
from tests.browser.conftest import PICTURES, SIZES, Visitors
from tests.browser.test_pages import _axe
from tests.cast import NOT_IN_CATALOGUE, a_case, finish, person, scope


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
    touched = "[...document.querySelectorAll('main a, main button, main input')]"
    small = page.evaluate(f"{touched}.filter(e => e.getBoundingClientRect().height < 44).length")
    assert small == 0, "large enough for a thumb"
    assert case.patient_name not in page.content()
    assert case.diagnosis_name not in page.content()
    finish(case.number)
