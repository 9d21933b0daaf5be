"""`fenji bench referral`: people move referrals through the whole loop over HTTP, on schedule, at a county's full size.

Each referral takes a slot: the doctor looks at the verdict with the next free ones, chooses one of them and sends; accepting
confirms it, arriving uses it. Some who have closed one go on with a patient who goes down from the same hospital's ward to their
centre: the form, summary and plan, offered, accepted, arrived, the team's list, and a follow-up.
"""

from __future__ import annotations

import json
import queue
import random
import re
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from rich.console import Console

from fenji.config import embedded, running
from fenji.config.bench import down, slots
from fenji.config.bench.load import Result, Sample, closed_loop, open_loop
from fenji.config.cli import ready
from fenji.config.walker import Page, Walker

CONNECTIONS = 10
SHARE_AT_COUNTY = 0.6
PROBE_EVERY = 50
WEEK_EVERY = 40
DOWN_EVERY = 3
"""One closed referral in so many is followed by a patient who goes down; and one play in so many begins with one."""
LYING = 50
"""So many patients of each centre lie ready for the way down before a run begins."""
SECONDS_BETWEEN = 4
"""How long a case rests between two of its steps: so many seconds' steps are in play at once."""
_NUMBER = re.compile(r"[RD]\d{6}-\d{6}-\d{5}-\d")
_VERSION = re.compile(r'name="_version" value="(\d+)"')
_SLOT = re.compile(r'name="slot" value="([0-9a-f-]{36})"(?! disabled)')
_STATE = re.compile(r'data-state="(\w+)"')
_CSRF = "b" * 32
_DIAGNOSES = ("I10.x00", "E11.900", "G44.200", "J42.x00", "K29.500", "L30.900", "H10.900", "M54.500", "J31.200", "K12.000")
"""Of ten departments; every centre can treat them, so each is reviewed."""
_NEXT = {
    "in_review": ("reviewer", "approve", {}),
    "offered": ("desk", "accept", {}),
    "accepted": ("desk", "arrive", {}),
    "arrived": ("specialist", "answer", {"findings": "stable", "advice": "review in two weeks"}),
    "answered": ("doctor", "acknowledge", {}),
}


@dataclass
class Play:
    """A case on its way: whose resident it is, and where it stands. `stay`: of somebody on the way down."""

    centre: int
    diagnosis: str
    resident: str = ""
    visit: str = ""
    slot: str = ""
    number: str = ""
    state: str = ""
    version: str = ""
    stay: str = ""
    follow_up: str = ""

    def restart(self) -> None:
        """Begin again with another resident."""
        self.state, self.number, self.visit, self.slot, self.stay = "", "", "", "", ""

    def go_down(self, stay: str) -> None:
        """Go on with somebody who lies in the ward."""
        self.state, self.number, self.stay = down.LIES, "", stay


class Cast:
    """The people of the benchmark, each signed in once; the residents they see; the cases in play."""

    def __init__(self, base: str, console: Console, plays: int) -> None:
        from fenji.ground.common.edge import now
        from fenji.world.county import people, townships

        self.base = base
        self.turns = count()
        staff = {p.username: p for p in people(townships())}
        self.centres = sorted({p.org_id for p in staff.values() if p.username.startswith("doctor.")})
        self.tokens = _sign_in(staff, self.centres)
        self.walkers = [Walker(base) for _ in range(CONNECTIONS)]
        self.residents = {c: _residents(c, 4000) for c in self.centres}
        self.foreign = _foreign_numbers(self.centres)
        self.wards = down.fill_wards(now(), self.centres, LYING)
        self.plays: queue.PriorityQueue[tuple[int, int, Play]] = queue.PriorityQueue()
        for i in range(plays):
            play = Play(self.centres[i % len(self.centres)], _DIAGNOSES[i % len(_DIAGNOSES)])
            if i % DOWN_EVERY == 0:
                self.send_down(play)
            self.put(play)
        console.print(f"{len(self.tokens)} people at {len(self.centres)} centres and one general hospital")

    def put(self, play: Play) -> None:
        """Back in line; who has just chosen a slot sends next."""
        self.plays.put((play.state != "chosen", next(self.turns), play))

    def send_down(self, play: Play) -> None:
        """Go on with the next patient of the centre who lies in the ward; when there is none left, with the way up."""
        play.restart()
        try:
            play.go_down(self.wards[play.centre].get_nowait())
        except queue.Empty:
            return

    def login(self, play: Play, role: str) -> str:
        """Session token of the person who acts."""
        return self.tokens[role] if role in ("desk", "specialist") else self.tokens[f"{role}.{play.centre}"]

    def exchange(self, number: int, token: str, method: str, path: str, fields: dict[str, str] | None = None) -> Page:
        """One request of one person on one connection."""
        walker = self.walkers[number]
        walker.cookies = {"fenji_session": token, "csrftoken": _CSRF, "fenji_language": "zh-hans"}
        return walker.request(method, path, fields)


def _sign_in(staff: dict[str, Any], centres: list[int]) -> dict[str, str]:
    from fenji.ground.access.actions import open_session
    from fenji.ground.access.queries import account_by_id
    from fenji.ground.access.rules import AccessPolicy
    from fenji.ground.common.clock import local_day
    from fenji.ground.common.edge import now
    from fenji.ground.network.models import Post
    from fenji.ground.network.queries import seat_of
    from fenji.ground.policy.queries import resolve

    policy = resolve(AccessPolicy, ("35",), local_day(now()))
    names = ["desk", "specialist", *(f"{r}.{c}" for r in ("doctor", "reviewer") for c in centres)]
    posts = Post.objects.using("door").select_related("org")
    seats = {n: seat_of(posts.get(account_id=staff[n].id)) for n in names}
    return {n: open_session(account_by_id(staff[n].id), seats[n], at=now(), policy=policy) for n in names}


def _residents(centre: int, count: int) -> queue.Queue[str]:
    from fenji.care.referral.models import Case
    from fenji.care.registry.models import Resident

    taken = set(Case.objects.using("load").filter(origin_id=centre, ended_at=None).values_list("resident_id", flat=True))
    found = Resident.objects.using("load").filter(home_org_id=centre).order_by("-id").values_list("id", flat=True)[: count * 2]
    line: queue.Queue[str] = queue.Queue()
    for resident in [r for r in found if r not in taken][:count]:
        line.put(str(resident))
    return line


def _foreign_numbers(centres: list[int]) -> dict[int, str]:
    """For each centre the number of a case it must never see."""
    from fenji.care.referral.models import Case

    known = {}
    for centre in centres:
        known[centre] = Case.objects.using("load").exclude(origin_id=centre).values_list("number", flat=True)[0]
    return known


class Steps:
    """One step of one case in play: a POST, its redirect, and the page then seen."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.turn = 0
        self.lost = 0
        self.slot_taken = str(refusal_in_chinese("slot_taken"))
        self.recorded = 0
        self.closed = 0
        self.rng = random.Random(11)  # noqa: S311 - which slot is chosen is no secret

    def __call__(self, connection: int, scheduled: float) -> Sample:
        self.turn += 1
        *_, play = self.cast.plays.get()
        try:
            if self.turn % PROBE_EVERY == 0:
                return self._probe(connection, scheduled, play)
            if self.turn % WEEK_EVERY == 0:
                return self._week(connection, scheduled, play)
            if play.state == down.CLOSED:
                play.restart()
                self.closed += 1
                if self.closed % DOWN_EVERY == 0:
                    self.cast.send_down(play)
            if play.stay:
                return self._down(connection, scheduled, play)
            if play.state in ("visited", "lost"):
                return self._choose(connection, scheduled, play)
            return self._step(connection, scheduled, play)
        except (OSError, LookupError, AttributeError) as problem:
            play.restart()
            return Sample("exchange", 0, 0, f"{type(problem).__name__}: {problem}")
        finally:
            self.cast.put(play)

    def _probe(self, connection: int, scheduled: float, play: Play) -> Sample:
        number = self.cast.foreign[play.centre]
        page = self.cast.exchange(connection, self.cast.login(play, "doctor"), "GET", f"/referrals/{number}/")
        millis = (time.monotonic() - scheduled) * 1000
        return Sample("probe", millis, millis, "" if page.status == 404 else f"a foreign case answered {page.status}")

    def _week(self, connection: int, scheduled: float, play: Play) -> Sample:
        page = self.cast.exchange(connection, self.cast.login(play, "doctor"), "GET", "/booking/?org=3")
        millis = (time.monotonic() - scheduled) * 1000
        return Sample("week", 0, millis, "" if page.status == 200 else f"page {page.status}")

    def _choose(self, connection: int, scheduled: float, play: Play) -> Sample:
        """The verdict with the next free slots, of which the doctor takes one: not all take the first."""
        asked = urlencode({"diagnosis": play.diagnosis, "receiver": "3", "override_reason": "1"})
        page = self.cast.exchange(connection, self.cast.login(play, "doctor"), "GET", f"/referrals/verdict/{play.visit}/?{asked}")
        millis = (time.monotonic() - scheduled) * 1000
        free = _SLOT.findall(page.body)
        if page.status != 200 or not free:
            play.restart()
            return Sample("verdict", 0, millis, f"page {page.status}, {len(free)} free slots")
        play.slot, play.state = self.rng.choice(free), "chosen"
        return Sample("verdict", 0, millis)

    def _step(self, connection: int, scheduled: float, play: Play) -> Sample:
        role, kind, path, fields = self._next(play)
        token = self.cast.login(play, role)
        fields = {"csrfmiddlewaretoken": _CSRF, "_key": str(uuid4()), **fields}
        answer = self.cast.exchange(connection, token, "POST", path, fields)
        post = (time.monotonic() - scheduled) * 1000
        if answer.status == 409 and self.slot_taken in answer.body:
            # two people chose the same slot at the same moment: the second is told, and looks again
            self.lost += 1
            play.state = "lost"
            return Sample(kind, post, post)
        if answer.status != 303:
            play.restart()
            return Sample(kind, post, post, f"POST {answer.status} {answer.text[:160]}")
        page = self.cast.exchange(connection, token, "GET", answer.headers["location"])
        total = (time.monotonic() - scheduled) * 1000
        return Sample(kind, post, total, self._read(play, page))

    def _down(self, connection: int, scheduled: float, play: Play) -> Sample:
        """One step of the way down: a page that is opened, or a form that is sent with the page after it."""
        asked = down.step(play.state, play.stay, play.number, play.version, play.follow_up, play.centre)
        token, post = self.cast.login(play, asked.role), 0.0
        if asked.fields is None:
            page = self.cast.exchange(connection, token, "GET", asked.path)
        else:
            fields = {"csrfmiddlewaretoken": _CSRF, "_key": str(uuid4()), **asked.fields}
            answer = self.cast.exchange(connection, token, "POST", asked.path, fields)
            post = (time.monotonic() - scheduled) * 1000
            if answer.status == 409 and asked.kind == "record":
                # a colleague of the team was quicker with this one: the list is looked at again
                self.recorded += 1
                play.state = down.ARRIVED
                return Sample(asked.kind, post, post)
            if answer.status != 303:
                play.restart()
                return Sample(asked.kind, post, post, f"POST {answer.status} {answer.text[:160]}")
            page = self.cast.exchange(connection, token, "GET", answer.headers["location"])
        millis = (time.monotonic() - scheduled) * 1000
        return Sample(asked.kind, post, millis, self._read_down(play, page, asked.after))

    def _read_down(self, play: Play, page: Page, after: str) -> str:
        """Where the play stands after a page of the way down; what is wrong with it."""
        if page.status != 200:
            play.restart()
            return f"page {page.status}"
        version = _VERSION.search(page.body)
        if after in (down.DRAFT, down.OFFERED, down.ACCEPTED, down.ARRIVED):
            state, number = _STATE.search(page.body), _NUMBER.search(page.url)
            if number is None or state is None or state.group(1) != (down.CLOSED if after == down.ARRIVED else after):
                play.restart()
                return f"the page shows no case that is {after}"
            play.number, play.version = number.group(), version.group(1) if version else play.version
        elif after == down.LISTED:
            listed = down.FOLLOW_UP.findall(page.body)
            if not listed:  # colleagues have recorded them all
                play.restart()
                return ""
            play.follow_up = self.rng.choice(listed)
        elif after == down.OPENED:
            if version is None:  # recorded while it was looked at: back to the list
                play.state = down.ARRIVED
                return ""
            play.version = version.group(1)
        elif after == "":
            play.restart()
            return ""
        play.state = after
        return ""

    def _next(self, play: Play) -> tuple[str, str, str, dict[str, str]]:
        if play.state == "chosen":
            fields = {"diagnosis": play.diagnosis, "summary": "bench", "receiver": "3", "override_reason": "two drugs failed"}
            fields |= {"consent_who": "patient", "consent_how": "oral", "slot": play.slot}
            return "doctor", "write", f"/referrals/new/{play.visit}/", fields
        if play.state in _NEXT:
            role, action, fields = _NEXT[play.state]
            fields = {"_version": play.version, "note": "", "final": play.diagnosis, **fields}
            return role, action, f"/referrals/{play.number}/do/{action}/", fields
        play.resident = self.cast.residents[play.centre].get_nowait()
        fields = {"diagnosis": play.diagnosis, "complaint": "bench", "ending": "refer"}
        return "doctor", "visit", f"/visits/new/{play.resident}/", fields

    @staticmethod
    def _read(play: Play, page: Page) -> str:
        if page.status != 200:
            return f"page {page.status}"
        if "/referrals/new/" in page.url:
            play.state, play.visit = "visited", page.url.rstrip("/").split("/")[-1]
            return ""
        state, number = _STATE.search(page.body), _NUMBER.search(page.url)
        version = _VERSION.search(page.body)
        if state is None or number is None:
            return "the page shows no case"
        play.state, play.number = state.group(1), number.group()
        # each person sees the version only where they may act; it rises by one with each step
        play.version = version.group(1) if version else str(int(play.version or 1) + 1)
        return ""


def refusal_in_chinese(code: str) -> Any:
    """What the page says of a refusal, as the benchmark's people read it."""
    from django.utils.html import escape
    from django.utils.translation import override

    from fenji.care.booking.texts import REFUSALS

    with override("zh-hans"):
        return escape(REFUSALS[code][0])


def _build(place: embedded.Place, residents: int, referrals: int, console: Console) -> Path:
    file = ready.embedded_house(place, demo=True)
    ready.set_up(file)
    from fenji.care.referral.models import Case
    from fenji.ground.common.edge import now
    from fenji.world import county, history
    from fenji.world.build import build

    began = time.monotonic()
    say = lambda what, done, of: console.print(f"  {what} {done:,} of {of:,}") if done % 200_000 == 0 and done else None  # noqa: E731
    build(at=now(), residents=residents, cases=False, progress=say)
    have = Case.objects.using("load").count()
    if have == 0:
        staff = county.people(county.townships())
        history.write(referrals, staff, now(), share_at_county=SHARE_AT_COUNTY, progress=lambda n: say("referrals", n, referrals))
        _vacuum()
    console.print(f"  {slots.open_clinics(now()):,} clinics opened")
    console.print(f"the county stands after {time.monotonic() - began:.0f} s")
    return file


def _vacuum() -> None:
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        for table in (
            "registry_resident",
            "registry_identity",
            "visits_visit",
            "referral_case",
            "referral_caseevent",
            "tasks_workitem",
            "booking_clinicsession",
            "booking_slot",
            "booking_booking",
        ):
            cursor.execute(f"VACUUM (ANALYZE) {table}")


def _facts() -> dict[str, Any]:
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM registry_resident")
        residents = cursor.fetchone()[0]
        cursor.execute("SELECT count(*), count(*) FILTER (WHERE receiver_id = 3) FROM referral_case")
        referrals, at_county = cursor.fetchone()
        protected = "relname IN ('registry_resident', 'referral_case')"
        cursor.execute(f"SELECT bool_and(relrowsecurity AND relforcerowsecurity) FROM pg_class WHERE {protected}")
        forced = cursor.fetchone()[0]
        cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = 'fenji_app'")
        bypass = cursor.fetchone()[0]
        cursor.execute("SELECT count(*) FROM access_auditevent")
        audit = cursor.fetchone()[0]
        cursor.execute("SELECT (SELECT count(*) FROM booking_clinicsession), (SELECT count(*) FROM booking_slot)")
        sessions, places = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM booking_booking")
        bookings = cursor.fetchone()[0]
    return {
        "sessions": sessions,
        "slots": places,
        "bookings": bookings,
        "residents": residents,
        "referrals": referrals,
        "at_county": at_county,
        "rls": bool(forced and not bypass),
        "audit": audit,
    }


def run(console: Console, *, rate: float, seconds: float, residents: int, referrals: int, closed_seconds: float) -> int:
    """Build, serve, load, measure; prints JSON on the last line and returns the exit code."""
    from fenji.ground.common.edge import now

    place = embedded.locate(embedded.default_data() / "bench")
    processes: list[Any] = []
    try:
        file = _build(place, residents, referrals, console)
        ready.collect_static()
        port = running.free_port()
        base = f"http://127.0.0.1:{port}"
        processes = [running.web(file, port), running.worker(file)]
        running.wait_ready(base, processes[0])
        began = now()
        cast = Cast(base, console, max(2 * CONNECTIONS, round(SECONDS_BETWEEN * rate)))
        steps = Steps(cast)
        closed_loop(steps, seconds=8, connections=CONNECTIONS)  # warm-up, not counted
        before = _facts()
        console.print(f"open loop: {rate}/s for {seconds:.0f} s over {CONNECTIONS} connections")
        opened = open_loop(steps, rate=rate, seconds=seconds, connections=CONNECTIONS, grace=10)
        _report(console, opened)
        console.print(f"closed loop: {closed_seconds:.0f} s")
        closed = closed_loop(steps, seconds=closed_seconds, connections=CONNECTIONS)
        after = _facts()
        lone = slots.timed(cast.tokens[f"doctor.{cast.centres[0]}"])
        found = slots.wrong(began) | down.wrong(began)
    finally:
        running.stop_all(processes)
        embedded.stop(place)
    others = {"slots_lost_to_others": steps.lost, "followups_lost_to_others": steps.recorded}
    print(json.dumps(_summary(opened, closed, rate, before, after) | others | lone | found))
    sound = found["cases_looked_at"] and not any(found[name] for name in (*slots.MUST_BE_NONE, *down.MUST_BE_NONE))
    return 0 if sound and not opened.errors and not opened.late else 1


def _report(console: Console, result: Result) -> None:
    kinds = sorted({s.kind for s in result.samples})
    for kind in kinds:
        mine = Result([s for s in result.samples if s.kind == kind])
        _, post = mine.worst(lambda s: s.post_ms)
        _, page = mine.worst(lambda s: s.page_ms)
        _, middle = mine.worst(lambda s: s.post_ms, 0.5)
        console.print(f"  {kind:<12} n={len(mine.samples):<5} POST p50 {middle:6.1f}  p95 {post:6.1f}   page p95 {page:6.1f} ms")
    for error in result.errors[:5]:
        console.print(f"  error {error}")


def worst_of(seen: Result) -> dict[str, Any]:
    """The worst step's 95th percentiles: of the POST, and of the whole page."""
    kind, post = seen.worst(lambda s: s.post_ms)
    page_kind, page = seen.worst(lambda s: s.page_ms)
    return {"p95_ms": round(post, 1), "page_p95_ms": round(page, 1), "worst_step": kind, "worst_page": page_kind}


def by_way(seen: Result) -> dict[str, Any]:
    """The same for the way up and for the way down, each with its number of steps."""
    both = {
        "up": [s for s in seen.samples if s.kind not in down.KINDS],
        "down": [s for s in seen.samples if s.kind in down.KINDS],
    }
    return {way: {**worst_of(Result(mine)), "steps": len(mine)} for way, mine in both.items()}


def _summary(opened: Result, closed: Result, rate: float, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    good = [s for s in closed.samples if not s.error]
    return {
        "rate": rate,
        **worst_of(opened),
        **by_way(opened),
        "max_ops_s": round(len(good) / closed.seconds, 1),
        "errors": len(opened.errors) + opened.late,
        "closed_errors": len(closed.errors),
        "steps": len(opened.samples),
        "residents": before["residents"],
        "referrals": before["referrals"],
        "sessions": before["sessions"],
        "slots": before["slots"],
        "bookings_written": after["bookings"] - before["bookings"],
        "share_at_one_hospital": round(before["at_county"] / before["referrals"], 3),
        "audit_rows_written": after["audit"] - before["audit"],
        "rls": before["rls"],
    }
