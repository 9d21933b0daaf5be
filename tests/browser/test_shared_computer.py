"""A computer that colleagues share, what is typed at it, and a line that breaks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import transaction
from playwright.sync_api import Locator, Page, expect

from fenji.care.catalogue.queries import diagnosis
from fenji.care.referral.models import Case
from fenji.care.visits import actions as visits
from fenji.care.visits.models import Visit
from fenji.ground.access.models import ScopeHandle
from fenji.ground.common.edge import now
from fenji.world.county import Person
from tests.app.sessions import WORD, handle, with_word
from tests.browser.conftest import PICTURES, SIZES, Visitor, Visitors
from tests.browser.test_pages import _axe
from tests.cast import a_case, a_resident, person, scope

WORDS = "typed where nobody else may read it"
_NUMBERS = iter(range(240, 299))


@pytest.fixture
def resident(house_file: object) -> str:
    with transaction.atomic(), scope(person("doctor")):
        return str(a_resident(person("doctor"), next(_NUMBERS)).id)


def a_visit(number: int | None = None) -> Visit:
    """An open visit for a disease that goes up at once."""
    doctor, number = person("doctor"), number or next(_NUMBERS)
    with transaction.atomic(), scope(doctor) as by:
        new = visits.NewVisit(diagnosis("I21.900"), "chest pain", False)
        return visits.register(a_resident(doctor, number), new, by=by, at=now())


def sign_in(page: Page, who: Person, *, remember: bool = True) -> None:
    page.locator("#username").fill(who.username)
    page.locator("#password").fill(WORD)
    page.locator("[name=remember]").set_checked(remember)
    page.locator("form[action='/login/'] button").click()


def switch(page: Page) -> None:
    page.locator(".account summary").click()
    page.get_by_role("button", name="Switch user").click()
    page.wait_for_url("**/login/?switch=1")


def kept(page: Page) -> dict[str, str]:
    return page.evaluate("Object.assign({}, sessionStorage)")


def end_sessions(who: Person, **how: object) -> None:
    """As the clock would: idle for too long, or closed."""
    ScopeHandle.objects.using("door").filter(account_id=who.id, closed_at=None).update(**how)


def fill_visit(page: Page) -> None:
    page.locator("input[name=diagnosis]").fill("J06.900")
    page.locator("textarea[name=complaint]").fill(WORDS)


def fill_referral(page: Page) -> None:
    page.locator("textarea[name=summary]").fill(WORDS)
    page.locator("select[name=consent_who]").select_option("guardian")
    page.locator("select[name=consent_how]").select_option("oral")
    page.locator("input[name=consent_guardian]").fill("陈大明")
    expect(page.locator("#send")).to_be_visible()


def line_says(page: Page, what: str) -> Locator:
    """What is seen of the note on the line: its other sentences stand on the page too, hidden, and hidden text counts as text."""
    return page.locator(f"[data-line-says={what}]").filter(visible=True)


def written(resident: str) -> int:
    return Visit.objects.using("load").filter(resident_id=resident).count()


# --- switching user ----------------------------------------------------------------------------------------------------------


def test_a_colleague_takes_over_with_the_keyboard_alone_and_reads_nothing_of_what_was_typed(visit: Visitors, resident: str) -> None:
    first, second = with_word(person("doctor")), with_word(person("doctor2"))
    visitor = visit(None, "1440", "en")
    page = visitor.open(f"/login/?next=/visits/new/{resident}/")
    sign_in(page, first)
    fill_visit(page)
    expect(page.locator("[data-kept-at]")).to_contain_text(re.compile(r"Kept at \d\d:\d\d on this computer"))
    box = kept(page)[f"fenji:{first.id}"]
    assert WORDS not in box
    assert resident not in str(kept(page))
    token = next(c["value"] for c in page.context.cookies() if c["name"] == "fenji_session")
    switch(page)
    expect(page.locator("main")).not_to_contain_text(WORDS)
    assert not [c for c in page.context.cookies() if c["name"] == "fenji_session"]
    assert handle(token).closed_at is not None

    expect(page.locator("a.choice")).to_have_count(1)
    expect(page.locator("a.choice")).to_be_focused()
    page.go_back()
    expect(page.locator("#password")).to_be_visible()
    visitor.open("/login/")
    sign_in(page, second)
    page.wait_for_url(f"{visitor.base}/")
    visitor.open(f"/visits/new/{resident}/")
    expect(page.locator("textarea[name=complaint]")).to_have_value("")
    expect(page.locator("[data-kept-note]")).to_be_hidden()
    # the second's own key does not open the first's box
    fails = """async (box) => {
      const bytes = t => Uint8Array.from(atob(t), c => c.charCodeAt(0));
      const html = await (await fetch(location.href)).text();
      const raw = bytes(html.match(/data-seal="([^"]+)"/)[1]);
      const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]);
      const [nonce, text] = box.split(".").map(bytes);
      const bound = who => ({name: "AES-GCM", iv: nonce, additionalData: new TextEncoder().encode(who)});
      const open = who => crypto.subtle.decrypt(bound(who), key, text);
      const who = Object.keys(sessionStorage).filter(k => k.startsWith("fenji:"))[0].slice(6);
      return (await Promise.allSettled([open(who), open(document.body.dataset.who)])).map(r => r.status);
    }"""
    assert page.evaluate(fails, box) == ["rejected", "rejected"]
    page.locator("textarea[name=complaint]").fill("the second's own")
    expect(page.locator("[data-kept-at]")).to_be_visible()
    assert kept(page)[f"fenji:{first.id}"] == box

    switch(page)
    expect(page.locator("a.choice")).to_have_count(2)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.locator("a.choice").last).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#password")).to_be_focused()
    expect(page.locator("#username")).to_have_value(first.username)
    page.keyboard.type(WORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{visitor.base}/")
    visitor.open(f"/visits/new/{resident}/")
    expect(page.locator("textarea[name=complaint]")).to_have_value(WORDS)
    expect(page.locator("[data-kept-note]")).to_be_visible()


def test_signing_out_forgets_ones_own_typing_and_not_a_colleagues(visit: Visitors, resident: str) -> None:
    first, second = with_word(person("doctor")), with_word(person("doctor2"))
    visitor = visit(None, "1440", "en")
    page = visitor.open(f"/login/?next=/visits/new/{resident}/")
    for who in (first, second):
        sign_in(page, who)
        visitor.open(f"/visits/new/{resident}/")
        page.locator("textarea[name=complaint]").fill(WORDS)
        expect(page.locator("[data-kept-at]")).to_be_visible()
        if who is first:
            switch(page)
            visitor.open("/login/")
    page.locator(".account summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login/?out=1")
    assert [k for k in kept(page) if k.startswith("fenji:")] == [f"fenji:{first.id}"]


def test_switching_closes_the_persons_pages_in_the_other_tabs_too(visit: Visitors, resident: str) -> None:
    visitor = visit("doctor", "1440", "en")
    page = visitor.open(f"/visits/new/{resident}/")
    page.locator("textarea[name=complaint]").fill(WORDS)
    other = page.context.new_page()
    other.goto(f"{visitor.base}/")
    switch(other)
    page.wait_for_url("**/login/?switch=1")


def test_a_form_of_one_person_is_not_sent_in_anothers_name(visit: Visitors, resident: str) -> None:
    first, second = person("doctor"), with_word(person("doctor2"))
    visitor = visit(first.username, "1440", "en")
    page = visitor.open(f"/visits/new/{resident}/")
    fill_visit(page)
    page.context.clear_cookies(name="fenji_session")
    other = page.context.new_page()
    other.goto(f"{visitor.base}/login/")
    sign_in(other, second)
    other.wait_for_url(f"{visitor.base}/")
    before = written(resident)
    page.locator("button[name=ending][value=treated]").click()
    expect(page.locator("main")).to_contain_text("Somebody else is signed in on this computer now")
    expect(page.locator("body")).not_to_contain_text(WORDS)
    assert written(resident) == before


@pytest.mark.parametrize("size", SIZES)
def test_the_sign_in_page_with_names_is_accessible_and_fits(visit: Visitors, size: str) -> None:
    visitor = visit(None, size)
    page = visitor.open("/login/")
    for name in ("doctor", "doctor2", "reviewer"):
        sign_in(page, with_word(person(name)))
        page.wait_for_url(f"{visitor.base}/")
        page.locator(".account summary").click()
        page.screenshot(path=PICTURES / f"switch-menu-{size}.png")
        page.locator("form[action='/switch/'] button").click()
        page.wait_for_url("**/login/?switch=1")
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"switch-{size}.png", full_page=True)
    assert _axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"]
    page.locator("a.choice").nth(1).click()
    page.screenshot(path=PICTURES / f"switch-chosen-{size}.png", full_page=True)
    assert _axe(page) == []


# --- what was typed survives -------------------------------------------------------------------------------------------------


def _answer_form(visitor: Visitor) -> Page:
    from fenji.care.referral import actions

    with transaction.atomic(), scope(person("doctor")) as by:
        case = a_case(by, person("doctor"), number=next(_NUMBERS), code="I21.900")
    for move in (actions.accept, actions.arrive):
        with transaction.atomic(), scope(person("desk")) as by:
            case = move(case.number, version=case.version, by=by, at=now())
    return visitor.open(f"/referrals/{case.number}/")


@pytest.mark.parametrize("lost", ["reload", "idle"])
def test_an_answer_survives_a_reload_and_idleness(visit: Visitors, lost: str) -> None:
    who = with_word(person("specialist"))
    page = _answer_form(visit(who.username, "1440", "en"))
    page.locator("#findings").fill(WORDS)
    page.locator("#advice").fill("rest")
    page.locator("#final").fill("I20.900")
    page.locator("#concordance").select_option(index=1)
    chosen = page.locator("#concordance").input_value()
    _lose(page, who, lost)
    expect(page.locator("#findings")).to_have_value(WORDS)
    expect(page.locator("#advice")).to_have_value("rest")
    expect(page.locator("#final")).to_have_value("I20.900")
    expect(page.locator("#concordance")).to_have_value(chosen)


def _lose(page: Page, who: Person, how: str) -> None:
    expect(page.locator("[data-kept-at]:visible").first).to_be_visible()
    if how == "idle":
        end_sessions(who, seen_at=now() - timedelta(minutes=31))
    page.reload()
    if how == "idle":
        sign_in(page, who)


@pytest.mark.parametrize("lost", ["reload", "idle"])
def test_a_referral_survives_with_its_destination_slot_and_consent(visit: Visitors, lost: str) -> None:
    who = with_word(person("doctor"))
    page = visit(who.username, "1440", "en").open(f"/referrals/new/{a_visit().id}/")
    fill_referral(page)
    receiver = page.locator("#receivers [name=receiver]:not(:checked)").first
    chosen = receiver.get_attribute("value")
    receiver.check()
    slot = page.locator("#slots [name=slot][value=wait]")
    expect(slot).to_be_visible()
    page.wait_for_load_state("networkidle")
    slot.check()
    _lose(page, who, lost)
    expect(page.locator("textarea[name=summary]")).to_have_value(WORDS)
    expect(page.locator("select[name=consent_who]")).to_have_value("guardian")
    expect(page.locator("select[name=consent_how]")).to_have_value("oral")
    expect(page.locator("input[name=consent_guardian]")).to_have_value("陈大明")
    expect(page.locator(f"#receiver-{chosen}")).to_be_checked()
    expect(page.locator("#slots [name=slot][value=wait]")).to_be_checked()


@pytest.mark.parametrize("lost", ["reload", "idle"])
def test_a_visit_survives_with_its_ticks(visit: Visitors, resident: str, lost: str) -> None:
    who = with_word(person("doctor"))
    page = visit(who.username, "1440", "en").open(f"/visits/new/{resident}/")
    fill_visit(page)
    page.locator("input[name=suspected]").check()
    page.locator("input[name=emergency]").check()
    _lose(page, who, lost)
    expect(page.locator("textarea[name=complaint]")).to_have_value(WORDS)
    expect(page.locator("input[name=suspected]")).to_be_checked()
    expect(page.locator("input[name=emergency]")).to_be_checked()


@pytest.fixture
def cut(visit: Visitors) -> Iterator[None]:
    """Lines are cut here: that the browser complains of that alone is no fault of the page."""
    yield
    for visitor in visit.all:
        visitor.complaints = [
            c for c in visitor.complaints if "net::ERR_INTERNET_DISCONNECTED" not in c and "net::ERR_FAILED" not in c
        ]


# --- no signal ---------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("cut")
@pytest.mark.parametrize("size", SIZES)
def test_a_referral_sent_without_signal_waits_and_becomes_exactly_one_case(visit: Visitors, size: str) -> None:
    seen = a_visit()
    page = visit("doctor", size, "en").open(f"/referrals/new/{seen.id}/")
    fill_referral(page)
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    page.locator("#send").click()
    expect(line_says(page, "waits")).to_contain_text("No signal: the form is kept here")
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"no-signal-{size}.png")
    assert WORDS not in str(kept(page))
    assert not Case.objects.using("load").filter(visit=seen).exists()
    page.context.set_offline(False)
    page.wait_for_url("**/referrals/R*/")
    case = Case.objects.using("load").get(visit=seen)
    assert case.number in page.url
    assert not [k for k in kept(page) if k.startswith("fenji:")]


@pytest.mark.usefixtures("cut")
def test_an_answer_that_was_lost_on_the_way_leads_to_the_first_result(visit: Visitors, resident: str) -> None:
    page = visit("doctor", "1440", "en").open(f"/visits/new/{resident}/")
    fill_visit(page)
    sent: list[str] = []
    page.on("request", lambda r: sent.append(r.url) if r.method == "POST" else None)
    # the house takes the first one, and the line breaks before the answer comes
    page.evaluate("""() => {
      const real = window.fetch;
      let lost = false;
      window.fetch = async (address, how) => {
        const answer = await real(address, how);
        if (how.method !== "POST" || lost) return answer;
        lost = true;
        throw new TypeError("the line broke");
      };
    }""")
    page.locator("button[name=ending][value=treated]").click()
    expect(line_says(page, "waits")).to_contain_text("No signal: the form is kept here")
    assert written(resident) == 1
    page.get_by_role("button", name="Try now").click()
    page.wait_for_url(f"**/residents/{resident}/")
    assert len(sent) == 2
    assert written(resident) == 1


@pytest.mark.usefixtures("cut")
def test_a_form_that_waited_while_the_session_ended_asks_to_sign_in_and_then_goes(visit: Visitors, resident: str) -> None:
    who = with_word(person("doctor"))
    page = visit(who.username, "1440", "en").open(f"/visits/new/{resident}/")
    fill_visit(page)
    page.context.set_offline(True)
    page.locator("button[name=ending][value=treated]").click()
    expect(line_says(page, "waits")).to_contain_text("No signal: the form is kept here")
    end_sessions(who, seen_at=now() - timedelta(minutes=31))
    page.context.set_offline(False)
    expect(page.locator("main")).to_contain_text("You are no longer signed in")
    expect(page.locator("main")).not_to_contain_text(WORDS)
    sign_in(page, who)
    page.get_by_role("button", name="Send what I typed").click()
    page.wait_for_url(f"**/residents/{resident}/")
    assert written(resident) == 1
    assert not [k for k in kept(page) if k.startswith("fenji:")]


@pytest.mark.usefixtures("cut")
def test_a_form_that_waited_over_a_reload_goes_by_itself_when_its_person_is_back(visit: Visitors, resident: str) -> None:
    who = with_word(person("doctor"))
    visitor = visit(who.username, "1440", "en")
    page = visitor.open(f"/visits/new/{resident}/")
    fill_visit(page)
    page.route(f"**/visits/new/{resident}/", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    page.locator("button[name=ending][value=treated]").click()
    expect(line_says(page, "waits")).to_contain_text("No signal: the form is kept here")
    page.unroute_all()
    end_sessions(who, closed_at=now())
    visitor.open("/")
    sign_in(page, who)
    page.wait_for_url(f"**/residents/{resident}/")
    assert written(resident) == 1


@pytest.mark.usefixtures("cut")
def test_a_form_that_is_refused_after_it_waited_shows_why_and_what_was_typed(visit: Visitors) -> None:
    number, doctor = next(_NUMBERS), person("doctor")
    seen = a_visit(number)
    page = visit("doctor", "1440", "en").open(f"/referrals/new/{seen.id}/")
    fill_referral(page)
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    page.locator("#send").click()
    expect(line_says(page, "waits")).to_contain_text("No signal: the form is kept here")
    with transaction.atomic(), scope(doctor) as by:
        a_case(by, doctor, number=number, code="I21.900")
    answers: list[int] = []
    page.on("response", lambda r: answers.append(r.status) if r.request.method == "POST" else None)
    page.context.set_offline(False)
    expect(page.locator("[role=alert]:visible")).to_contain_text("already")
    assert answers == [409, 409]
    expect(page.locator("textarea[name=summary]")).to_have_value(WORDS)
    expect(page.locator("input[name=consent_guardian]")).to_have_value("陈大明")
    assert not Case.objects.using("load").filter(visit=seen).exists()
    page.wait_for_timeout(500)
    assert answers == [409, 409], "what was refused does not go again by itself"


@pytest.mark.usefixtures("cut")
def test_what_is_changed_while_it_waits_waits_no_longer(visit: Visitors, resident: str) -> None:
    page = visit("doctor", "1440", "en").open(f"/visits/new/{resident}/")
    fill_visit(page)
    page.context.set_offline(True)
    page.locator("button[name=ending][value=treated]").click()
    expect(line_says(page, "waits")).to_contain_text("No signal: the form is kept here")
    page.locator("textarea[name=complaint]").press_sequentially("!")
    expect(line_says(page, "changed")).to_contain_text("You changed the form")
    page.context.set_offline(False)
    page.wait_for_timeout(500)
    assert written(resident) == 0
    page.locator("button[name=ending][value=treated]").click()
    page.wait_for_url(f"**/residents/{resident}/")
    assert [v.complaint for v in Visit.objects.using("load").filter(resident_id=resident)] == [f"{WORDS}!"]


def test_a_visit_is_written_without_any_script(visit: Visitors, resident: str) -> None:
    visitor = visit("doctor", "1440", "en")
    cookies = visitor.page.context.cookies()
    context = visit.browser.new_context(java_script_enabled=False, locale="zh-CN")
    visit.contexts.append(context)
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto(f"{visitor.base}/visits/new/{resident}/")
    fill_visit(page)
    page.locator("button[name=ending][value=treated]").click()
    page.wait_for_url(f"**/residents/{resident}/")
    assert written(resident) == 1
