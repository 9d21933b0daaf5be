"""How much a referral costs a doctor: every click, key and filled field is counted, from the desk to the page of what was sent."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.db import transaction
from playwright.sync_api import Page, expect

from fenji.care.booking.models import Booking
from tests.browser.conftest import Visitors
from tests.cast import IN_CATALOGUE_TREATABLE, NOT_IN_CATALOGUE, a_resident, finish, person, scope

MOST = 12
"""Interactions a referral may cost: a catalogue disease, a resident who is known, a slot booked."""


@dataclass
class Hand:
    """A person's hand on a page. Everything it does is one interaction; waiting and looking are none."""

    page: Page
    done: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def click(self, selector: str) -> None:
        """A click or a tap."""
        self.done.append(f"click {selector}")
        self.page.locator(selector).first.click()

    def press(self, keys: str) -> None:
        """One key, or several held together."""
        self.done.append(f"press {keys}")
        self.page.keyboard.press(keys)

    def type(self, text: str) -> None:
        """Fill the field that has the focus; nothing is typed where none has it."""
        self.done.append(f"type {text}")
        assert self.page.evaluate("document.activeElement.matches('input, textarea')"), f"no field waits for {text!r}"
        self.page.keyboard.type(text)

    def fill(self, selector: str, text: str) -> None:
        """Go to a field and fill it. It must be free of what was there: clearing it would be another interaction."""
        self.done.append(f"fill {selector}")
        assert self.page.locator(selector).input_value() == ""
        self.page.locator(selector).fill(text)

    def choose(self, selector: str, value: str) -> None:
        """Choose in a list."""
        self.done.append(f"choose {selector}")
        self.page.locator(selector).select_option(value)

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self.began

    def told(self, what: str) -> str:
        """How much it was, for the log of the run."""
        steps = "\n".join(f"  {n:2} {step}" for n, step in enumerate(self.done, 1))
        return f"\n{what}: {len(self.done)} interactions, {self.seconds:.1f} s of pages and typing\n{steps}"


CASES = [
    ("a catalogue disease, reviewed first", IN_CATALOGUE_TREATABLE, "规范用药一个月血压仍不达标", "in_review", 225),
    ("a disease that goes up at once", NOT_IN_CATALOGUE, "", "offered", 226),
]


@pytest.mark.parametrize(("what", "code", "reason", "state", "number"), CASES, ids=["catalogue", "at-once"])
def test_a_known_resident_is_referred_with_a_slot_in_twelve_interactions(
    visit: Visitors, house_file: Path, what: str, code: str, reason: str, state: str, number: int
) -> None:
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor):
        resident = a_resident(doctor, number)
    page = visit("doctor").open("/")
    hand = Hand(page)
    hand.press("/")
    hand.type(resident.pinyin)
    hand.press("Enter")
    hand.click(f"a[href='/residents/{resident.id}/']")
    hand.click(f"a[href='/visits/new/{resident.id}/']")
    hand.type(code)
    hand.fill("textarea[name=complaint]", "血压 182/104，头痛；氨氯地平联合缬沙坦四周")
    hand.click("button[name=ending][value=up]")
    expect(page.locator("#slots input[name=slot]:checked")).to_have_count(1)
    if reason:
        hand.fill("textarea[name=override_reason]", reason)
    hand.choose("select[name=consent_who]", "patient")
    hand.click("#send")
    expect(page.locator(f"[data-state={state}]")).to_be_visible()
    print(hand.told(what))
    case = page.url.rstrip("/").rsplit("/", 1)[1]
    held = Booking.objects.using("load").get(subject=case)
    assert held.state == "held"
    finish(case)
    assert len(hand.done) <= MOST
