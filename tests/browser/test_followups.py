"""A follow-up on the phone: three taps, a line that breaks in the middle, large letters, and no script at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import transaction
from playwright.sync_api import expect

from fenji.care.continuity.models import FollowUp, PackageEvent
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from tests.browser.conftest import PICTURES, Visitors
from tests.browser.test_pages import _axe
from tests.browser.test_time_on_task import Hand
from tests.continuity import PRESSURE, handed_over

MOST_SECONDS = 13


@pytest.fixture
def due(house_file: object) -> FollowUp:
    """A blood pressure that is to be taken today."""
    with transaction.atomic():
        package = handed_over(now(), [PRESSURE], local_day(now()) - timedelta(days=1))
    return FollowUp.objects.using("load").filter(package=package).order_by("planned_on")[0]


@pytest.fixture
def cut(visit: Visitors) -> Iterator[None]:
    """Lines are cut here: that the browser complains of that alone is no fault of the page."""
    yield
    for visitor in visit.all:
        visitor.complaints = [c for c in visitor.complaints if "net::ERR_INTERNET_DISCONNECTED" not in c]


def records(due: FollowUp) -> int:
    """How often a follow-up was recorded."""
    return PackageEvent.objects.using("load").filter(package_id=due.package_id, action="record").count()


def test_a_follow_up_with_a_value_is_recorded_in_three_taps_from_todays_list(visit: Visitors, due: FollowUp) -> None:
    page = visit("doctor", "360").open("/followups/")
    assert page.locator("a[href^='tel:']").first.get_attribute("href") == "tel:13800001111"
    hand = Hand(page)
    hand.click(f"a[href='/followups/{due.pk}/']")
    hand.click("input[name=value_0]")
    page.keyboard.type("136/82", delay=150)
    hand.click("button[value=done]")
    page.wait_for_url("**/followups/")
    expect(page.locator(f"a[href='/followups/{due.pk}/']")).to_have_count(0)
    print(hand.told("a follow-up with a blood pressure"))
    taken = hand.seconds
    assert len(hand.done) == 3
    assert taken <= MOST_SECONDS
    due.refresh_from_db(using="load")
    assert (due.state, due.values[0]["values"]) == ("done", ["136", "82"])


@pytest.mark.usefixtures("cut")
def test_a_follow_up_without_signal_is_kept_and_sent_once_when_the_line_is_back(visit: Visitors, due: FollowUp) -> None:
    page = visit("doctor", "360", "en").open(f"/followups/{due.pk}/")
    page.locator("input[name=value_0]").fill("152/94")
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    page.locator("button[value=done]").click()
    waits = page.locator("#line-note [data-line-says=waits]")
    expect(waits).to_contain_text("No signal: the form is kept here")
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / "followup-no-signal-360.png")
    page.get_by_role("button", name="Try now").click()
    expect(waits).to_contain_text("No signal: the form is kept here")
    assert records(due) == 0
    page.context.set_offline(False)
    page.wait_for_url("**/followups/")
    due.refresh_from_db(using="load")
    assert (due.state, due.values[0]["values"], records(due)) == ("done", ["152", "94"], 1)
    assert not [k for k in page.evaluate("Object.keys(sessionStorage)") if k.startswith("fenji:")]


def test_large_letters_are_larger_fit_the_phone_and_stay(visit: Visitors, due: FollowUp) -> None:
    visitor = visit("doctor", "360", "en")
    page = visitor.open("/followups/")
    button = f"a[href='/followups/{due.pk}/']"
    before = page.locator(button).bounding_box()
    page.get_by_role("button", name="Large letters").click()
    page.wait_for_load_state()
    after = page.locator(button).bounding_box()
    assert before is not None
    assert after is not None
    assert after["height"] >= before["height"] * 1.2
    for path in ("/followups/", f"/followups/{due.pk}/"):
        page = visitor.open(path)
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"large-{path.strip('/').split('/')[0]}{len(path)}-360.png", full_page=True)
        assert page.locator(".page-large").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert _axe(page) == []
    visitor.open("/followups/").get_by_role("button", name="Large letters").click()
    page.wait_for_load_state()
    assert visitor.open("/followups/").locator(".page-large").count() == 0
