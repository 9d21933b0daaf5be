"""`fenji bench referral`: people move referrals through the whole loop over HTTP, on schedule, at a county's full size."""

from __future__ import annotations

import json
import queue
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from rich.console import Console

from fenji.config import embedded, running
from fenji.config.bench.load import Result, Sample, closed_loop, open_loop
from fenji.config.cli import ready
from fenji.config.walker import Page, Walker

CONNECTIONS = 10
SHARE_AT_COUNTY = 0.6
PROBE_EVERY = 50
CASES_IN_PLAY = 240
_NUMBER = re.compile(r"R\d{6}-\d{6}-\d{5}-\d")
_VERSION = re.compile(r'name="_version" value="(\d+)"')
_STATE = re.compile(r'data-state="(\w+)"')
_CSRF = "b" * 32
_NEXT = {
    "in_review": ("reviewer", "approve", {}),
    "offered": ("desk", "accept", {}),
    "accepted": ("desk", "arrive", {}),
    "arrived": ("specialist", "answer", {"findings": "stable", "advice": "review in two weeks", "final": "I10.x00"}),
    "answered": ("doctor", "acknowledge", {}),
}


@dataclass
class Play:
    """A case on its way: whose resident it is, and where it stands."""

    centre: int
    resident: str = ""
    visit: str = ""
    number: str = ""
    state: str = ""
    version: str = ""


class Cast:
    """The people of the benchmark, each signed in once; the residents they see; the cases in play."""

    def __init__(self, base: str, console: Console) -> None:
        from fenji.world.county import people, townships

        self.base = base
        staff = {p.username: p for p in people(townships())}
        self.centres = sorted({p.org_id for p in staff.values() if p.username.startswith("doctor.")})
        self.tokens = _sign_in(staff, self.centres)
        self.walkers = [Walker(base) for _ in range(CONNECTIONS)]
        self.residents = {c: _residents(c, 4000) for c in self.centres}
        self.foreign = _foreign_numbers(self.centres)
        self.plays: queue.Queue[Play] = queue.Queue()
        for i in range(CASES_IN_PLAY):
            self.plays.put(Play(self.centres[i % len(self.centres)]))
        self.count = 0
        console.print(f"{len(self.tokens)} people at {len(self.centres)} centres and one general hospital")

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

    def __call__(self, connection: int, scheduled: float) -> Sample:
        self.turn += 1
        play = self.cast.plays.get()
        try:
            if self.turn % PROBE_EVERY == 0:
                return self._probe(connection, scheduled, play)
            return self._step(connection, scheduled, play)
        except (OSError, LookupError, AttributeError) as problem:
            play.state, play.number, play.visit = "", "", ""
            return Sample("exchange", 0, 0, f"{type(problem).__name__}: {problem}")
        finally:
            self.cast.plays.put(play)

    def _probe(self, connection: int, scheduled: float, play: Play) -> Sample:
        number = self.cast.foreign[play.centre]
        page = self.cast.exchange(connection, self.cast.login(play, "doctor"), "GET", f"/referrals/{number}/")
        millis = (time.monotonic() - scheduled) * 1000
        return Sample("probe", millis, millis, "" if page.status == 404 else f"a foreign case answered {page.status}")

    def _step(self, connection: int, scheduled: float, play: Play) -> Sample:
        role, kind, path, fields = self._next(play)
        token = self.cast.login(play, role)
        fields = {"csrfmiddlewaretoken": _CSRF, "_key": str(uuid4()), **fields}
        answer = self.cast.exchange(connection, token, "POST", path, fields)
        post = (time.monotonic() - scheduled) * 1000
        if answer.status != 303:
            play.state, play.number, play.visit = "", "", ""
            return Sample(kind, post, post, f"POST {answer.status} {answer.text[:160]}")
        page = self.cast.exchange(connection, token, "GET", answer.headers["location"])
        total = (time.monotonic() - scheduled) * 1000
        return Sample(kind, post, total, self._read(play, page))

    def _next(self, play: Play) -> tuple[str, str, str, dict[str, str]]:
        if play.state == "visited":
            fields = {"diagnosis": "I10.x00", "summary": "bench", "receiver": "3", "override_reason": "two drugs failed"}
            fields["consent_who"] = "patient"
            return "doctor", "write", f"/referrals/new/{play.visit}/", fields
        if play.state in _NEXT:
            role, action, fields = _NEXT[play.state]
            return role, action, f"/referrals/{play.number}/do/{action}/", {"_version": play.version, "note": "", **fields}
        play.resident = self.cast.residents[play.centre].get_nowait()
        fields = {"diagnosis": "I10.x00", "complaint": "bench", "ending": "refer"}
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
    return {
        "residents": residents,
        "referrals": referrals,
        "at_county": at_county,
        "rls": bool(forced and not bypass),
        "audit": audit,
    }


def run(console: Console, *, rate: float, seconds: float, residents: int, referrals: int, closed_seconds: float) -> int:
    """Build, serve, load, measure; prints JSON on the last line and returns the exit code."""
    place = embedded.locate(embedded.default_data() / "bench")
    processes: list[Any] = []
    try:
        file = _build(place, residents, referrals, console)
        ready.collect_static()
        port = running.free_port()
        base = f"http://127.0.0.1:{port}"
        processes = [running.web(file, port), running.worker(file)]
        running.wait_ready(base, processes[0])
        cast = Cast(base, console)
        steps = Steps(cast)
        closed_loop(steps, seconds=8, connections=CONNECTIONS)  # warm-up, not counted
        before = _facts()
        console.print(f"open loop: {rate}/s for {seconds:.0f} s over {CONNECTIONS} connections")
        opened = open_loop(steps, rate=rate, seconds=seconds, connections=CONNECTIONS, grace=10)
        _report(console, opened)
        console.print(f"closed loop: {closed_seconds:.0f} s")
        closed = closed_loop(steps, seconds=closed_seconds, connections=CONNECTIONS)
        after = _facts()
    finally:
        running.stop_all(processes)
        embedded.stop(place)
    print(json.dumps(_summary(opened, closed, rate, before, after)))
    return 0 if not opened.errors and not opened.late else 1


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


def _summary(opened: Result, closed: Result, rate: float, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    kind, post = opened.worst(lambda s: s.post_ms)
    _, page = opened.worst(lambda s: s.page_ms)
    good = [s for s in closed.samples if not s.error]
    return {
        "rate": rate,
        "p95_ms": round(post, 1),
        "page_p95_ms": round(page, 1),
        "worst_step": kind,
        "max_ops_s": round(len(good) / closed.seconds, 1),
        "errors": len(opened.errors) + opened.late,
        "closed_errors": len(closed.errors),
        "steps": len(opened.samples),
        "residents": before["residents"],
        "referrals": before["referrals"],
        "share_at_one_hospital": round(before["at_county"] / before["referrals"], 3),
        "audit_rows_written": after["audit"] - before["audit"],
        "rls": before["rls"],
    }
