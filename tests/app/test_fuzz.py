"""Garbage to every address by every method: refused by name, never a broken page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import transaction
from django.test import Client
from django.urls import get_resolver
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from fenji.care.booking import actions as booking
from fenji.care.catalogue.queries import diagnosis
from fenji.care.continuity.models import FollowUp
from fenji.care.referral.queries import url_for
from fenji.care.registry import actions as registry
from fenji.care.registry.models import Resident
from fenji.care.registry.rules import NewProxy, Term
from fenji.care.visits import actions as visits
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import fresh_key, now
from fenji.ground.documents import actions as documents
from fenji.ground.network.models import Organisation
from fenji.ground.network.queries import region_id
from fenji.measure.referral_quality import actions as quality
from fenji.measure.referral_quality.models import Alert, OutlierCase, SampledCase
from fenji.world.county import COUNTY_HOSPITAL
from tests.alerts import alert_on, discharged_instead
from tests.app.forms import FORM_TYPE, a_visit, end_case
from tests.architecture.test_code import _views
from tests.booking import a_bed, a_session, a_ward, hold, hold_bed, slots, wait, wait_for_bed
from tests.cast import NOT_IN_CATALOGUE, a_case, a_resident, client_for, person, scope
from tests.continuity import handed_over

# --- fuzz --------------------------------------------------------------------------------------------------------------------

ADDRESSES = ["/" + address for address, _ in _views(get_resolver().url_patterns)]
FIELDS = (
    "q", "identity", "name", "phone", "address", "diagnosis", "complaint", "emergency", "ending", "summary", "receiver", "note",
    "override_reason", "keep", "findings", "advice", "_key", "_version", "_who", "size", "from", "before", "state", "card", "next",
    "pending", "username", "password", "language", "post", "out", "org", "role", "reason", "start", "end", "until", "stand_in",
    "session", "code", "present", "new", "again", "on", "how", "into", "kind", "county", "region", "regions", "practitioner", "day",
    "begins", "ends", "member", "lead", "source", "title", "specialties", "show", "since", "place", "group", "actor", "subject",
    "action", "purpose", "opened", "four", "no", "link", "say", "relation", "guardian", "instead",
    "slot", "places", "reserved", "weeks", "item", "department", "first", "last", "expert",
)  # fmt: skip
NASTY = (
    "\0", "0", "-1", "9" * 25, "1e999", "NaN", "I10.x00", "3", "treated", "null", "{}", "[]", "%00", "%s", "{{7}}", "'", '"', "\\",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "\ufffe", "\u202e", "\u3000", "－", "１", "٣", "ß", "İ", "\ufdfa",
    "R350405-260915-00042-8", "00000000-0000-0000-0000-000000000000", "//evil", "draft", "100", "99999", "\r\nSet-Cookie: a=b",
    "\x1b", "ﬃ", "e\u0301" * 40, "ab" * 32, "69" + "31" * 60,
)  # fmt: skip
VALUES = st.one_of(st.sampled_from(NASTY), st.text(max_size=40), st.integers().map(str), st.binary(max_size=20))
PAIRS = st.lists(st.tuples(st.one_of(st.sampled_from(FIELDS), st.text(max_size=8)), VALUES), max_size=8)
METHODS = ("GET", "POST", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
SLUGS = (
    *("approve", "accept", "redirect", "offer", "answer", "died", "withdraw", "submit", "x"),
    *("hand-over", "infection", "settle", "decline"),
    *("reset", "unlock", "deactivate", "reactivate", "appoint", "cover", "end", "key", "revoke"),
)


def _encoded(pairs: list[tuple[str, str | bytes]]) -> str:
    def raw(value: str | bytes) -> bytes:
        return value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")

    return "&".join(f"{quote(raw(k), safe='')}={quote(raw(v), safe='')}" for k, v in pairs)


@pytest.fixture(scope="module")
def things(house_file: object) -> Iterator[dict[str, list[str]]]:
    """For each kind of id one that somebody sees, one of elsewhere, and one that does not exist."""
    who = person("doctor")
    visit = a_visit(156)
    with transaction.atomic(), scope(who) as by:
        resident = str(a_resident(who, 156).id)
        acts = NewProxy("陈代理", "child", "13900001111", True, "x", False, "oral", Term(local_day(now())))
        proxy = str(registry.name_proxy(a_resident(who, 156).id, acts, by=by, at=now()).id)
        pair = str(registry.compare(a_resident(who, 156).id, a_resident(who, 157).id, by=by, at=now()).id)
        bed = visits.NewStay(diagnosis("I10.x00"), (who.id, who.name))
        stay = str(visits.admit(a_resident(who, 158), bed, by=by, at=now()).id)
        sent = a_case(by, who, number=157, code=NOT_IN_CATALOGUE)
        case, link = sent.number, url_for(sent).removeprefix("/r/")
    with transaction.atomic(), scope(person("system")) as by:
        run = documents.upload("calendar", "a.csv", b"day,working,name,basis\n2041-01-01,no,x,y\n", by=by, at=now())
    documents.judge(run.pk, at=now())
    other = str(Resident.objects.using("load").exclude(home_org_id=who.org_id).order_by("id")[0].id)
    nothing = "00000000-0000-7000-8000-000000000000"
    yield {
        "<uuid:resident_id>": [resident, other, nothing],
        "<uuid:visit_id>": [visit, resident, nothing],
        "<uuid:stay_id>": [stay, resident, nothing],
        **_followed(),
        "<uuid:run_id>": [str(run.pk), resident, nothing],
        "<uuidstr:visit_id>": [visit, resident, nothing],
        "<uuidstr:run_id>": [str(run.pk), resident, nothing],
        "<uuid:file_id>": [str(run.file_id), resident, nothing],
        "<slug:listing>": ["calendar", "nothing", "x"],
        "<slug:token>": [link, "A" * 22, "x"],
        "<uuid:notice_id>": [nothing],
        "<uuid:message_id>": [nothing],
        "<case:number>": [case, "R350405-260915-00042-8", "R350405-000000-00000-0"],
        "<uuid:glass_id>": [nothing],
        "<uuid:account_id>": [str(person("reviewer2").id), str(person("audit").id), nothing],
        "<str:name>": ["access.idle_minutes", "x", "9" * 300],
        "<str:code>": ["I10", "x", "9" * 300],
        "<int:org_id>": ["3", "101", "9" * 20],
        **{f"<uuid:{name}_id>": [nothing, visit, resident] for name in ("change", "copy", "event", "announcement", "delegation")},
        "<slug:kind>": ["treatable", "charter", "unknown", "passport", "nothing"],
        "<uuid:proxy_id>": [proxy, resident, nothing],
        "<uuid:duplicate_id>": [pair, resident, nothing],
        "<int:version_id>": ["1", "9", "2000000000"],
        "<int:entry_id>": ["1", "90000", "9" * 30],
        "<int:department_id>": ["301", "201", "9" * 25],
        "<int:alliance_id>": ["1", "2", "9" * 25],
        "<int:relation_id>": ["1", "2", "9" * 25],
        "<int:region_id>": [str(region_id("350405101", "load")), "1", "9" * 25],
        **{f"<uuid:{name}>": [nothing] for name in ("practitioner_id", "work_id", "shift_id", "member_id", "paper_id")},
        **_booked(),
        **_judged(at=now()),
        "<str:source_id>": ["HIS.1", "陈", "9" * 300],
        "<int:position>": ["1", "0", "9" * 20],
    }
    end_case(case)


def _followed() -> dict[str, list[str]]:
    """A plan that the doctor's team follows."""
    with transaction.atomic():
        package = handed_over(now())
    first = FollowUp.objects.using("load").filter(package=package).order_by("planned_on")[0]
    nothing = "00000000-0000-7000-8000-000000000000"
    known = {"<uuid:attachment_id>": [str(package.pk), nothing]}
    return known | {"<uuid:followup_id>": [str(first.pk), nothing], "<str:subject>": [package.subject, "x", "9" * 300]}


def _judged(at: datetime) -> dict[str, list[str]]:
    """A cycle with a sampled referral, an outlier, and an alert."""
    doctor, nothing = person("doctor"), "00000000-0000-7000-8000-000000000000"
    cycle = quality.open_cycle(doctor.org_id, local_day(at), seed="x", at=at + timedelta(days=1))
    assert cycle is not None
    org = Organisation.objects.using("load").get(pk=doctor.org_id)
    outlier = OutlierCase.objects.using("owner").create(
        lead_id=COUNTY_HOSPITAL, org=org, path=org.path, kind="branch", unit=str(org.pk), since=local_day(at),
        until=local_day(at), contacts=9, referred=9, expected=1, limits={}, verdict="alarm_high", state="opened",
        due_at=at, opened_at=at,
    )  # fmt: skip
    sampled = SampledCase.objects.using("owner").filter(cycle=cycle).first()
    return {
        "<uuid:cycle_id>": [str(cycle.id), nothing],
        "<uuid:sampled_id>": [str(sampled.id) if sampled else nothing, nothing],
        "<uuid:outlier_id>": [str(outlier.id), nothing],
        "<uuid:alert_id>": [str(_alerted().pk), nothing],
    }


def _alerted() -> Alert:
    """An alert that waits for an answer."""
    first, _ = discharged_instead(9)
    quality.look_for_alerts(at=now())
    found = alert_on(first)
    assert found is not None
    return found


def _booked() -> dict[str, list[str]]:
    """A session with a patient who is booked, and one who waits; then one that was cancelled under a patient."""
    at, nothing = now(), "00000000-0000-7000-8000-000000000000"
    with transaction.atomic(), scope(person("desk")) as by:
        session, gone = a_session(by, at, days=80), a_session(by, at, days=81)
    with transaction.atomic(), scope(person("doctor")) as by:
        hold(slots(session)[0], by, at)
        lost, waits = hold(slots(gone)[0], by, at), wait(by, at)
    with transaction.atomic(), scope(person("desk")) as by:
        booking.cancel(gone.id, "x", version=1, by=by, at=at)
    with transaction.atomic(), scope(person("director")) as by:
        ward = a_ward(by, at)
        bed = a_bed(ward, by, at)
    with transaction.atomic(), scope(person("doctor")) as by:
        held = hold_bed(bed, by, at)
        bed_waits = wait_for_bed(ward, by, at)
    return {
        "<uuid:ward_id>": [str(ward.id), str(session.id), nothing],
        "<uuid:bed_id>": [str(bed.id), str(session.id), nothing],
        "<uuid:hold_id>": [str(held.id), str(session.id), nothing],
        "<uuid:session_id>": [str(session.id), str(gone.id), nothing],
        "<uuid:booking_id>": [str(lost.id), str(session.id), nothing],
        "<uuid:entry_id>": [str(waits.id), str(bed_waits.id), str(session.id), nothing],
    }


def _filled(address: str, things: dict[str, list[str]], pick: int, slug: str) -> str:
    for part, known in things.items():
        address = address.replace(part, known[pick % len(known)])
    return address.replace("<slug:action>", slug)


@examples(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@example("/search/", "GET", "doctor", [("q", "9" * 5000)], [], 0, "x", True)
@example("/referrals/<case:number>/do/<slug:action>/", "POST", "doctor", [], [("receiver", "9" * 5000)], 0, "offer", True)
@given(
    address=st.sampled_from(ADDRESSES),
    method=st.sampled_from(METHODS),
    login=st.sampled_from(
        ["doctor", "doctor", "reviewer", "desk", "system", "citysystem", "security", "officer", "audit", "anonymous"]
    ),
    query=PAIRS,
    body=PAIRS,
    pick=st.integers(0, 2),
    slug=st.sampled_from(SLUGS),
    keyed=st.booleans(),
)
def test_no_garbage_to_any_address_by_any_method_breaks_a_page(
    things: dict[str, list[str]], address: str, method: str, login: str, query: Any, body: Any, pick: int, slug: str, keyed: bool
) -> None:
    client = Client(raise_request_exception=False) if login == "anonymous" else client_for(person(login))
    path = _filled(address, things, pick, slug) + "?" + _encoded(query)
    sent = _encoded([*body, *([("_key", fresh_key()), ("_version", "2")] if keyed else [])])
    with transaction.atomic():
        answer = client.generic(method, path, sent.encode(), content_type=FORM_TYPE)
        transaction.set_rollback(True)
    assert answer.status_code < 500, (method, path, sent)
    # what the public reads may be kept for a while; nothing else is
    public = path.startswith("/p/") and answer.status_code == 200
    assert answer["Cache-Control"] == ("public, max-age=300" if public else "no-store")


def test_the_fuzz_knows_every_part_of_every_address(things: dict[str, list[str]]) -> None:
    assert len(ADDRESSES) >= 19
    assert not [a for a in ADDRESSES if "<" in _filled(a, things, 0, "x")]


def test_the_fuzz_would_see_a_broken_page(things: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a page that breaks is seen as 500, not swallowed."""
    monkeypatch.setattr("fenji.care.registry.queries.search", lambda *a: 1 / 0)
    assert client_for(person("doctor")).get("/residents/?q=x").status_code == 500
