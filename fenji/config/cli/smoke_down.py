"""The way down in the smoke run: from a bed to the branch with summary and plan, one follow-up, and back up."""

from __future__ import annotations

import re
from collections.abc import Callable

from fenji.config.cli.smoke_walk import Walk, expect

_DOWN = re.compile(r"D\d{6}-\d{6}-\d{5}-\d")
_PLAN = {
    "admitted_for": "fracture of the left hip after a fall",
    "course": "hip replaced, no fever since the third day",
    "condition": "walks with a frame",
    "medicines": "rivaroxaban 10 mg once a day for 35 days",
    "warning_signs": "fever, swelling of the leg, breathlessness",
    "line-TOTAL_FORMS": "1",
    "line-0-kind": "measurement",
    "line-0-service": "rehabilitation",
    "line-0-what": "blood pressure after walking",
    "line-0-measure": "blood_pressure",
    "line-0-first": "0",
    "line-0-last": "6",
    "line-0-every": "3",
}


def _admitted(walk: Walk) -> None:
    ward = walk.as_("specialist")
    record = ward.send(ward.get("/residents/"), "/residents/door/", identity=walk.card)
    expect(walk.name in record.text, f"the door of the hospital did not open the record ({record.status})")
    form = ward.get(f"/stays/new/{walk.resident}/")
    page = ward.send(form, "", diagnosis="S72.000", phase="surgical_recovery", bed="7")
    expect(re.search(r"/stays/[0-9a-f-]{36}/$", page.url), f"nobody was admitted ({page.status}) {page.text[:200]}")
    walk.stay = page.url.rstrip("/").split("/")[-1]


def _candidate(walk: Walk) -> None:
    page = walk.as_("specialist").get("/referrals/down/")
    expect(f"/referrals/down/{walk.stay}/" in page.body, f"the ward's list does not name the patient ({page.status})")
    expect("SM-1-2b" in page.text, "the list does not say by which clause the patient may go down")


def _not_yet(walk: Walk) -> None:
    ward = walk.as_("specialist")
    form = ward.get(f"/referrals/down/{walk.stay}/")
    page = ward.send(form, f"/down/{walk.stay}/", receiver=walk.branch, summary="watch the leg", consent_who="patient")
    found = _DOWN.search(page.url)
    expect(found, f"no down-referral was written ({page.status}) {page.text[:200]}")
    walk.number = found.group() if found else ""
    refused = ward.send(page, "/do/offer", receiver=walk.branch)
    expect(refused.status == 409, f"a patient was sent down without summary and plan ({refused.status})")
    hidden = walk.case_page("doctor")
    expect(hidden.status == 404, f"the branch sees a draft of the hospital ({hidden.status})")


def _package(walk: Walk) -> None:
    ward = walk.as_("specialist")
    page = ward.send(ward.get(f"/packages/new/{walk.stay}/"), "", **_PLAN)
    expect("/plans/" in page.url, f"summary and plan were not kept ({page.status}) {page.text[:200]}")
    walk.act("specialist", "offer", "offered", receiver=walk.branch)


def _taken_over(walk: Walk) -> None:
    expect(walk.waits_for("doctor"), "the down-referral is not on the branch's desk")
    expect("hip replaced" in walk.case_page("doctor").text, "the branch does not see the summary")
    walk.act("doctor", "accept", "accepted")
    walk.act("doctor", "arrive", "closed")


def _followed(walk: Walk) -> None:
    doctor = walk.as_("doctor")
    page = doctor.get("/followups/")
    found = re.search(r"/followups/[0-9a-f-]{36}/", page.body)
    expect(found and walk.name in page.text, f"today's list does not name the patient ({page.status})")
    address = found.group() if found else ""
    wrong = doctor.send(doctor.get(address), address, outcome="done", value_0="1320/80")
    expect(wrong.status == 422, f"a blood pressure that nobody has was taken ({wrong.status})")
    done = doctor.send(wrong, address, outcome="done", value_0="132/80")
    expect(done.status == 200 and address not in doctor.get("/followups/").body, f"the follow-up is still open ({done.status})")


def _back_up(walk: Walk) -> None:
    page = walk.as_("doctor").send(walk.case_page("doctor"), "/do/return_up", note="fever since yesterday")
    found = re.search(r"Sent back up with (R[\d-]+)", walk.case_page("doctor").text)
    expect(found, f"the patient was not sent back up ({page.status}) {page.text[:200]}")
    down, walk.number = walk.number, found.group(1) if found else ""
    seen = walk.case_page("desk").text
    for words in (f"Comes back after the down-referral {down}", "fever since yesterday", "hip replaced"):
        expect(words in seen, f"the hospital does not see {words!r}")
    expect(walk.name not in walk.as_("doctor").get("/followups/").text, "the plan goes on after the patient went back")


STEPS: list[tuple[str, Callable[[Walk], None]]] = [
    ("the ward opens the record at its door and admits the patient", _admitted),
    ("the ward's list says who may go down today, and by which clause", _candidate),
    ("nobody goes down without summary and plan", _not_yet),
    ("the ward writes summary and plan, and offers the patient", _package),
    ("the branch accepts, and the patient arrives", _taken_over),
    ("the team records a follow-up; a slip of the finger is refused", _followed),
    ("the branch sends the patient back up, with everything", _back_up),
]
