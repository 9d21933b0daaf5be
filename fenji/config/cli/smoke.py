"""`fenji demo --smoke`: the whole loop over HTTP, as different people, each effect checked in the next person's view."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from html import unescape
from typing import Any

from rich.console import Console
from rich.table import Table

from fenji.config import embedded, running
from fenji.config.cli import demo, ready, smoke_down
from fenji.config.cli.smoke_walk import Missed, Walk, expect
from fenji.config.walker import Walker, until

RESIDENTS = 2000
_NUMBER = re.compile(r"R\d{6}-\d{6}-\d{5}-\d")


def _find(walk: Walk) -> None:
    doctor = walk.as_("doctor")
    by_name = doctor.get(f"/residents/?q={_quoted(walk.name)}")
    expect(walk.name in by_name.text, "not found by name")
    from fenji.ground.common.pinyin import name_readings

    pinyin, initials = name_readings(walk.name)[0]
    expect(walk.name in doctor.get(f"/residents/?q={pinyin}").text, "not found by pinyin")
    expect(walk.name in doctor.get(f"/residents/?q={initials}").text, "not found by initials")


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text)


def _door(walk: Walk) -> None:
    doctor = walk.as_("doctor")
    full_width = walk.card.translate({ord(str(i)): 0xFF10 + i for i in range(10)})
    page = doctor.send(doctor.get("/residents/"), "/residents/door/", identity=full_width)
    expect(walk.name in page.text, "the door did not open the record")
    walk.resident = page.url.rstrip("/").split("/")[-1]
    wrong = doctor.send(
        doctor.get("/residents/"), "/residents/door/", identity=walk.card[:-1] + ("0" if walk.card[-1] != "0" else "1")
    )
    expect(wrong.status == 422 and "mistyped" in wrong.text, "a wrong check digit was not named")


def _write(walk: Walk, reason: str = "two drugs did not bring it down") -> None:
    doctor = walk.as_("doctor")
    form = doctor.get(f"/visits/new/{walk.resident}/")
    page = doctor.send(form, "", diagnosis="I10.x00", complaint="BP 182/104, headache", ending="refer")
    expect("/referrals/new/" in page.url, f"the visit did not lead to the referral form ({page.status})")
    for clause in ("SM-3-4a", "SM-3-5b", "SM-3-5c"):
        expect(clause in page.text, f"the verdict does not cite {clause}")
    empty = doctor.send(page, "", override_reason="", consent_who="patient")
    expect(empty.status == 409, "a referral of a treatable catalogue disease went through without a reason")
    sent = doctor.send(page, "", override_reason=reason, consent_who="patient")
    found = _NUMBER.search(sent.url)
    expect(found, f"no case was made ({sent.status}) {sent.text[:300]}")
    walk.number = found.group() if found else ""
    expect('data-state="in_review"' in sent.body, "the case is not in review")
    expect("held until" in sent.text, "the slot that was ticked is not held")


def _hidden(walk: Walk) -> None:
    for login in ("desk", "outsider"):
        page = walk.case_page(login)
        expect(page.status == 404 and walk.name not in page.body, f"{login} sees a case in review elsewhere")


def _own_review(walk: Walk) -> None:
    page = walk.case_page("doctor")
    doctor = walk.as_("doctor")
    form = page.form("/do/withdraw")
    refused = doctor.request("POST", f"/referrals/{walk.number}/do/approve/", form.fields)
    expect(refused.status == 409, f"the requester could review ({refused.status})")
    expect('data-state="in_review"' in walk.case_page("doctor").body, "the refused review changed the case")


def _return_and_revise(walk: Walk) -> None:
    expect(walk.waits_for("reviewer"), "the case is not on the reviewer's desk")
    walk.act("reviewer", "complete", "returned", note="add the home readings")
    expect(walk.waits_for("doctor"), "the returned case is not on the doctor's desk")
    doctor = walk.as_("doctor")
    form = doctor.get(f"/referrals/{walk.number}/edit/")
    page = doctor.send(form, "", summary="BP 182/104; home readings 170-190/100")
    expect('data-state="in_review"' in page.body, f"the revised case is not in review ({page.status})")


def _approve(walk: Walk) -> None:
    walk.act("reviewer", "approve", "offered")
    expect(not walk.waits_for("reviewer"), "the reviewed case is still on the reviewer's desk")
    expect(walk.waits_for("desk"), "the offered case is not on the receiver's desk")


def _decline_and_offer_again(walk: Walk) -> None:
    walk.act("desk", "decline", "declined", note="no bed before Monday")
    page = walk.case_page("doctor")
    expect("no bed before Monday" in page.text, "the sender does not see why")
    expect("held until" not in page.text, "the slot of a declined patient was not given back")
    walk.act("doctor", "offer", "offered")


def _accept(walk: Walk) -> None:
    walk.act("desk", "accept", "accepted")
    doctor = walk.as_("doctor")
    told = until(lambda: f"{walk.number} was accepted" in doctor.get("/").text, 15)
    expect(told, "the worker did not deliver the notice of acceptance")


def _arrive(walk: Walk) -> None:
    walk.act("desk", "arrive", "arrived")
    expect(walk.waits_for("specialist"), "the arrived case is not on the doctor's desk at the hospital")


def _answer(walk: Walk) -> None:
    walk.act(
        "specialist",
        "answer",
        "answered",
        findings="secondary hypertension excluded",
        final="I10.x00",
        advice="amlodipine 5 mg, review in two weeks",
    )
    page = walk.case_page("doctor")
    expect("secondary hypertension excluded" in page.text and "amlodipine" in page.text, "the sender does not see the answer")


def _close(walk: Walk) -> None:
    page = walk.act("doctor", "acknowledge", "closed")
    for line in ("Submitted for review", "Returned", "Approved", "Declined", "Accepted", "Patient arrived", "Sender answered"):
        expect(line in page.text, f"the timeline misses {line!r}")
    expect(
        not any(walk.waits_for(p) for p in ("doctor", "desk", "specialist", "reviewer")), "the closed case still waits somewhere"
    )


def _slot(walk: Walk) -> None:
    doctor = walk.as_("doctor")
    form = doctor.get(f"/visits/new/{walk.next_resident}/")
    page = doctor.send(form, "", diagnosis="I21.900", complaint="chest pain for two hours yesterday", ending="refer")
    ticked = re.search(r'name="slot" value="([0-9a-f-]{36})" checked', page.body)
    expect(ticked, "no free slot is ticked on the form")
    sent = doctor.send(page, "", consent_who="patient")
    found = _NUMBER.search(sent.url)
    expect(found and 'data-state="offered"' in sent.body, f"the referral was not offered ({sent.status}) {sent.text[:200]}")
    walk.number = found.group() if found else ""
    walk.session = _session_of(ticked.group(1) if ticked else "")
    expect("held until" in sent.text, "the slot that was ticked is not held")
    walk.slot_is("held")


def _session_of(slot: str) -> str:
    from fenji.care.booking.models import Slot

    return str(Slot.objects.using("load").get(pk=slot).session_id)


def _confirmed(walk: Walk) -> None:
    expect(walk.waits_for("desk"), "the offered case is not on the receiver's desk")
    walk.act("desk", "accept", "accepted")
    walk.slot_is("confirmed")
    expect(re.search(r"· confirmed", walk.case_page("doctor").text), "the sender does not see that the slot is confirmed")


def _slip(walk: Walk) -> None:
    page = walk.as_("doctor").get(f"/referrals/{walk.number}/slip/")
    expect(page.status == 200 and walk.number in page.text, f"no slip ({page.status})")
    expect(re.search(r'<svg[^>]*class="qr"', page.body), "the slip has no QR code")


def _own_page(walk: Walk) -> None:
    case = walk.case_page("doctor")
    found = re.search(r"/r/[A-Za-z0-9_-]{16,}", case.text)
    expect(found, "the sender sees no address of the resident's own page")
    resident = Walker(walk.base)
    page = resident.get(found.group() if found else "")
    expect(page.status == 200, f"the resident's own page does not ask ({page.status})")
    wrong = resident.send(page, "", four="0000" if walk.last4 != "0000" else "1111")
    expect("This cannot be opened" in wrong.text, "four wrong characters were not refused")
    own = resident.send(wrong, "", four=walk.last4)
    expect("Your appointment" in own.text, f"the resident does not see the appointment ({own.status}) {own.text[:200]}")
    for secret in (walk.next_name, "I21", walk.number):
        expect(secret not in own.body, "the resident's own page says who or what")


def _used(walk: Walk) -> None:
    walk.act("desk", "arrive", "arrived")
    walk.slot_is("came")


def _register(walk: Walk) -> None:
    from fenji.ground.common.clock import local_day
    from fenji.ground.common.edge import now

    doctor, month = walk.as_("doctor"), f"{local_day(now()):%Y-%m}"
    page = doctor.get(f"/referrals/register/?month={month}")
    rows = [unescape(link) for link in re.findall(r'href="(/referrals/\?[^"]*way=out[^"]*)"', page.body)]
    expect(rows, f"nothing was sent in the month's register ({page.status})")
    expect(any(walk.number in doctor.get(row).text for row in rows), "the month's register does not lead to the case")
    sheet = doctor.request("GET", f"/referrals/register.xlsx?month={month}")
    expect(sheet.status == 200 and sheet.body.startswith("PK"), "no workbook of the register")


def _officer(walk: Walk) -> None:
    page = walk.case_page("officer")
    expect(page.status == 403, f"an officer could ask for a case ({page.status})")


def _excel(walk: Walk) -> None:
    answer = walk.as_("doctor").request("GET", "/referrals/export.xlsx")
    expect(answer.status == 200 and answer.body.startswith("PK"), "no workbook")


def _chain(walk: Walk) -> None:
    from django.conf import settings

    from fenji.ground.access import sealing
    from fenji.ground.common.edge import now

    while sealing.seal(at=now(), suite=settings.CRYPTO_SUITE):
        pass
    report = sealing.verify()
    expect(report.broken is None and report.rows > 15, f"the audit chain is broken or too short: {report}")


STEPS: list[tuple[str, Callable[[Walk], None]]] = [
    ("doctor finds the resident by name, pinyin, initials", _find),
    ("doctor passes the door with the identity card", _door),
    ("doctor registers the visit, writes and sends the referral", _write),
    ("nobody outside sees it yet", _hidden),
    ("the requester cannot review", _own_review),
    ("reviewer returns it, doctor revises it", _return_and_revise),
    ("reviewer approves it", _approve),
    ("county desk declines, doctor offers it again", _decline_and_offer_again),
    ("county desk accepts; the notice reaches the sender", _accept),
    ("the patient arrives", _arrive),
    ("specialist answers with findings", _answer),
    ("doctor reads the answer and closes", _close),
    ("the next patient takes a slot with the referral", _slot),
    ("county desk accepts; the slot is confirmed", _confirmed),
    ("the slip is there for printing", _slip),
    ("the resident opens their own page", _own_page),
    ("the patient arrives; the slot is used", _used),
    ("the month's register has the referral", _register),
    *smoke_down.STEPS,
    ("an officer sees no patient", _officer),
    ("the list goes to Excel", _excel),
    ("the audit chain holds", _chain),
]


def _prepare(base: str) -> Walk:
    from fenji.care.registry.models import Identity, Resident
    from fenji.ground.access.actions import set_password
    from fenji.ground.access.models import Account
    from fenji.world.county import people, townships

    staff = {p.username: p for p in people(townships())}
    outsider = next(name for name in staff if name.startswith("doctor."))
    words = {}
    for login in ("doctor", "reviewer", "desk", "specialist", "officer", outsider):
        words[login] = f"smoke-{time.monotonic_ns()}-{login}"
        set_password(Account.objects.using("door").get(username=login), words[login])
    resident, following = Resident.objects.using("load").filter(home_org_id=staff["doctor"].org_id).order_by("id")[:2]
    number = Identity.objects.using("load").get(pk=resident.pk).number
    from django.conf import settings

    card = settings.DATABASE_KEYS.open(bytes(number), f"identity.number:{resident.pk}")
    walk = Walk(base, words, card, resident.name, next_resident=str(following.pk), next_name=following.name)
    walk.last4 = Identity.objects.using("load").get(pk=following.pk).last4
    walk.words["outsider"], walk.branch = words[outsider], str(staff["doctor"].org_id)
    walker = Walker(base)
    expect("/logout/" in walker.sign_in(outsider, words[outsider]).body, "the outsider cannot sign in")
    walk.people["outsider"] = walker
    return walk


def run(console: Console) -> int:
    """Walk, print the table, return the exit code."""
    place, folder = demo.throw_away()
    port = running.free_port()
    base = f"http://127.0.0.1:{port}"
    processes: list[Any] = []
    rows: list[tuple[str, float, str]] = []
    try:
        file = demo.open_demo(place, residents=RESIDENTS, cases=False, quiet=True)
        ready.collect_static()
        processes = [running.web(file, port), running.worker(file)]
        running.wait_ready(base, processes[0])
        walk = _prepare(base)
        for name, step in STEPS:
            began = time.monotonic()
            try:
                step(walk)
                rows.append((name, (time.monotonic() - began) * 1000, "ok"))
            except (Missed, LookupError, OSError) as miss:
                rows.append((name, (time.monotonic() - began) * 1000, f"MISSED: {miss}"))
                break
    finally:
        running.stop_all(processes)
        embedded.stop(place)
        folder.cleanup()
    _print(console, rows)
    return 0 if len(rows) == len(STEPS) and all(r[2] == "ok" for r in rows) else 1


def _print(console: Console, rows: list[tuple[str, float, str]]) -> None:
    table = Table(title="fenji demo --smoke", title_justify="left")
    table.add_column("#", justify="right")
    table.add_column("step")
    table.add_column("ms", justify="right")
    table.add_column("result")
    for number, (name, millis, result) in enumerate(rows, 1):
        table.add_row(str(number), name, f"{millis:.0f}", result)
    console.print(table)
    console.print(f"{sum(r[2] == 'ok' for r in rows)} of {len(STEPS)} steps ok")
