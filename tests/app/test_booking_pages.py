"""The week, one session, the wait list and who is to be moved, as the hospital's desk and a township's doctor see them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from openpyxl import load_workbook

from fenji.care.booking import actions, rules
from fenji.care.booking.models import Booking, ClinicSession, Feed, Slot, WaitEntry
from fenji.ground.access.models import ReadLog
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.edge import now
from fenji.ground.network import actions as network
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL
from tests.app.forms import post
from tests.app.wsgi import call
from tests.booking import CARDIOLOGY, a_session, hold, slots, wait
from tests.cast import person, scope, token_for

AHEAD = 90
"""Days from now: beyond the sessions of the invented county."""


@pytest.fixture(scope="module")
def at(house_file: object) -> datetime:
    return now().replace(second=0, microsecond=0)


@pytest.fixture
def session(at: datetime) -> Iterator[ClinicSession]:
    with transaction.atomic(), scope(person("desk")) as by:
        made = a_session(by, at, days=AHEAD, name="心内专家<b>", doctor_name="郑某某")
    yield made
    end_all()


def end_all() -> None:
    Booking.objects.using("owner").filter(state__in=rules.UNSETTLED).update(state="released", held_until=None, ended_at=now())
    WaitEntry.objects.using("owner").filter(state="waiting").update(state="left", ended_at=now())
    ClinicSession.objects.using("owner").filter(start_at__gt=now() + timedelta(days=60)).update(state="cancelled")


def week_of(session: ClinicSession, token: str, more: str = "") -> str:
    answer = call("GET", f"/booking/?org={session.org_id}&on={local_day(session.start_at)}{more}", token)
    assert answer.status == 200
    return answer.body


def test_everybody_clinical_sees_the_week_and_only_its_desk_its_buttons(doctor: str, desk: str, session: ClinicSession) -> None:
    for token, keeps in ((doctor, False), (desk, True)):
        page = week_of(session, token)
        assert f"/booking/sessions/{session.id}/" in page
        assert "心内专家&lt;b&gt;" in page
        assert "3 of 3 free" in page
        assert ("/booking/new/" in page) is keeps
    assert f"/booking/sessions/{session.id}/" in week_of(session, desk, f"&department={CARDIOLOGY}")
    assert f"/booking/sessions/{session.id}/" not in week_of(session, desk, f"&department={CARDIOLOGY + 1}")


def test_a_doctor_of_a_township_is_led_to_the_next_hospital(doctor: str, desk: str) -> None:
    page = call("GET", "/booking/", doctor).body
    assert f'<option value="{COUNTY_HOSPITAL}" selected>' in page
    assert "slots free for referrers today" in page
    assert f'<option value="{CITY_HOSPITAL}">' in page


@pytest.mark.parametrize("query", ["on=2026-13-40", "on=x", "org=999999999999", "org=-1", "department=x", "org=5"])
def test_a_week_that_is_asked_for_wrongly_is_this_one(doctor: str, query: str) -> None:
    assert call("GET", f"/booking/?{query}", doctor).status == 200
    assert call("GET", f"/booking/export.xlsx?{query}", doctor).status == 200


def test_a_session_shows_its_own_patients_to_each_and_no_others(
    doctor: str, desk: str, session: ClinicSession, at: datetime
) -> None:
    from tests.cast import other_doctor

    with transaction.atomic(), scope(person("doctor")) as by:
        held = hold(slots(session)[0], by, at)
    path = f"/booking/sessions/{session.id}/"
    pages = {name: call("GET", path, t).body for name, t in (("own", doctor), ("desk", desk), ("other", token_for(other_doctor())))}
    assert all(held.url in pages[name] for name in ("own", "desk"))
    assert held.url not in pages["other"]
    assert "陈××" not in pages["other"]
    assert "a patient of another institution" in pages["other"]
    assert ReadLog.objects.using("owner").filter(purpose="booking.session", subject=held.subject).count() == 2


def form_of(at: datetime, **facts: object) -> dict[str, object]:
    day = local_day(at + timedelta(days=AHEAD))
    known = {"kind": "clinic", "name": f"门诊{uuid4().hex[:6]}", "department": CARDIOLOGY, "day": day, "begins": "08:00"}
    return {**known, "ends": "11:30", "places": 10, "weeks": 2, **facts}


def test_the_desk_opens_a_session_for_two_weeks(desk: str, at: datetime) -> None:
    form = form_of(at)
    answer = post(desk, "/booking/new/", **form)
    assert (answer.status, answer.location) == (303, f"/booking/?on={form['day']}")
    made = list(ClinicSession.objects.using("owner").filter(name=form["name"]).order_by("start_at"))
    assert [s.start_at.astimezone(SHANGHAI).hour for s in made] == [8, 8]
    assert made[1].start_at - made[0].start_at == timedelta(days=7)
    assert (made[0].specialty, made[0].source) == ("cardiology", "typed")
    assert Slot.objects.using("owner").filter(session=made[0], reserved=True).count() == 3
    end_all()


@pytest.mark.parametrize(
    ("facts", "status", "says"),
    [
        ({"name": ""}, 422, "required"),
        ({"name": "x" * 61}, 422, "at most 60"),
        ({"kind": "bed"}, 422, "valid choice"),
        ({"kind": "examination"}, 422, "An examination needs the code of its item"),
        ({"department": "999"}, 422, "valid choice"),
        ({"practitioner": str(uuid4())}, 422, "valid choice"),
        ({"day": "2026-02-30"}, 422, "year-month-day"),
        ({"begins": "25:00"}, 422, "valid time"),
        ({"places": "0"}, 422, "greater than or equal to 1"),
        ({"places": "9" * 30}, 422, "less than or equal"),
        ({"weeks": "27"}, 422, "less than or equal to 26"),
        ({"ends": "07:00"}, 409, "it ends before it begins"),
        ({"day": "2020-01-01"}, 409, "it lies in the past"),
        ({"places": "300"}, 409, "more than the policy allows"),
        ({"reserved": "11"}, 409, "more places are reserved than there are"),
    ],
)
def test_a_session_that_cannot_be_is_refused_with_the_reason_and_the_form_kept(
    desk: str, at: datetime, facts: dict[str, object], status: int, says: str
) -> None:
    form = form_of(at, **facts)
    answer = post(desk, "/booking/new/", **form)
    assert answer.status == status
    assert says in answer.body
    assert 'value="11:30"' in answer.body or 'value="07:00"' in answer.body
    assert not ClinicSession.objects.using("owner").filter(name=form["name"]).exists()


def test_a_cancelled_session_leads_to_those_who_are_to_be_moved_and_they_are(
    doctor: str, desk: str, session: ClinicSession
) -> None:
    with transaction.atomic(), scope(person("desk")) as by:
        other = a_session(by, now(), days=25, name="另一场")
    with transaction.atomic(), scope(person("doctor")) as by:
        held = hold(slots(session)[0], by, now())
    path = f"/booking/sessions/{session.id}/cancel/"
    assert post(desk, path, _version=1, reason=" ").status == 422
    assert post(doctor, path, _version=1, reason="x").status == 403
    stale = post(desk, path, _version=7, reason="医生外出")
    assert stale.status == 409
    assert "Somebody else acted" in stale.body
    answer = post(desk, path, _version=1, reason="医生外出")
    assert (answer.status, answer.location) == (303, "/booking/to-move/")
    page = call("GET", "/booking/to-move/", desk).body
    assert held.url in page
    lost = Booking.objects.using("owner").get(pk=held.pk)
    move = f"/booking/to-move/{held.pk}/move/"
    for slot in ("", "x", str(session.id)):
        refused = post(desk, move, _version=lost.version, slot=slot)
        assert refused.status == (409 if slot == str(session.id) else 422)
        assert held.url in refused.body
    free = Slot.objects.using("owner").filter(session=other).order_by("position")[0]
    assert f'value="{free.id}"' in page
    assert post(desk, move, _version=lost.version, slot=free.id).status == 303
    assert held.url not in call("GET", "/booking/to-move/", desk).body
    assert post(desk, move, _version=lost.version, slot=free.id).status == 409
    ClinicSession.objects.using("owner").filter(pk=other.pk).update(state="cancelled")


def test_a_doctors_leave_is_one_form(desk: str, at: datetime) -> None:
    with transaction.atomic(), scope(person("citysystem")) as by:
        facts = {"number": f"L{uuid4().hex[:6]}", "name": "郑休假", "category": "physician", "title": "senior"}
        who = network.enter_practitioner(COUNTY_HOSPITAL, facts, on=local_day(at), by=by, at=at).id
    with transaction.atomic(), scope(person("desk")) as by:
        made = a_session(by, at, days=AHEAD, practitioner_id=who)
    day = local_day(made.start_at)
    form = {"practitioner": who, "first": day, "last": day, "reason": "进修"}
    bad = post(desk, "/booking/away/", **{**form, "last": day - timedelta(days=1)})
    assert bad.status == 422
    assert "The last day lies before the first" in bad.body
    assert "郑休假" in call("GET", "/booking/away/", desk).body
    assert post(desk, "/booking/away/", **form).location == "/booking/"
    row = ClinicSession.objects.using("owner").get(pk=made.pk)
    assert (row.state, row.reason) == ("cancelled", "进修")


def test_who_waits_is_given_a_slot_or_taken_off_the_list(desk: str, session: ClinicSession, at: datetime) -> None:
    with transaction.atomic(), scope(person("doctor")) as by:
        walk_in, first, second = wait(by, at, rules.PUBLIC), wait(by, at), wait(by, at)
    page = call("GET", "/booking/waiting/", desk).body
    places = [page.index(w.url) for w in (first, second, walk_in)]
    assert places == sorted(places), "the queue's order"
    reserved = Slot.objects.using("owner").filter(session=session, reserved=True)[0]
    path = f"/booking/waiting/{first.id}/place/"
    assert post(desk, path, _version=1, slot="").status == 422
    assert post(desk, path, _version=2, slot=reserved.id).status == 409
    assert post(desk, f"/booking/waiting/{walk_in.id}/place/", _version=1, slot=reserved.id).status == 409
    done = post(desk, path, _version=1, slot=reserved.id)
    assert (done.status, done.location) == (303, "/booking/waiting/")
    assert Booking.objects.using("owner").get(subject=first.subject).state == "confirmed"
    off = f"/booking/waiting/{second.id}/leave/"
    assert post(desk, off, _version=1, reason="because").status == 422
    assert post(desk, off, _version=1, reason="full").status == 303
    assert post(desk, off, _version=1, reason="full").status == 409
    shown = call("GET", "/booking/waiting/", desk).body
    assert walk_in.url in shown
    assert first.url not in shown
    assert second.url not in shown


def sheet(token: str, path: str) -> list[list[object]]:
    answer = call("GET", path, token)
    assert answer.status == 200
    return [list(r) for r in load_workbook(io.BytesIO(answer.raw)).worksheets[0].iter_rows(values_only=True)]


def test_week_and_wait_list_go_to_excel(doctor: str, desk: str, session: ClinicSession, at: datetime) -> None:
    rows = sheet(doctor, f"/booking/export.xlsx?org={COUNTY_HOSPITAL}&on={local_day(session.start_at)}")
    (mine,) = [r for r in rows if r[3] == "心内专家<b>" and r[9] == "open"]
    assert mine[4:10] == ["心血管内科", "郑某某", 3, 3, 1, "open"]
    with transaction.atomic(), scope(person("doctor")) as by:
        entry = wait(by, at)
    rows = sheet(desk, "/booking/waiting/export.xlsx")
    assert [r[1:4] for r in rows if r[0] == entry.subject] == [["陈××", "高血压", "Up-referred"]]


def test_a_silent_system_is_said_on_both_pages_and_nothing_is_called_free(desk: str, session: ClinicSession) -> None:
    ClinicSession.objects.using("owner").filter(pk=session.pk).update(source="fed")
    Feed.objects.using("owner").filter(org_id=COUNTY_HOSPITAL).delete()
    for page in (week_of(session, desk), call("GET", f"/booking/sessions/{session.id}/", desk).body):
        assert "Nobody knows what is free" in page
        assert "unknown" in page
        assert "3 of 3 free" not in page
    (mine,) = [
        r for r in sheet(desk, f"/booking/export.xlsx?on={local_day(session.start_at)}") if r[3] == "心内专家<b>" and r[9] == "open"
    ]
    assert mine[7:9] == ["unknown", "unknown"]


def test_the_pages_of_the_desk_are_closed_to_others(doctor: str) -> None:
    for path in ("/booking/new/", "/booking/away/", "/booking/waiting/", "/booking/waiting/export.xlsx", "/booking/to-move/"):
        assert call("GET", path, doctor).status == 403
    assert call("GET", "/booking/", token_for(person("officer"))).status == 403


def test_what_waits_on_the_desk_leads_to_the_wait_list(desk: str, at: datetime) -> None:
    with transaction.atomic(), scope(person("doctor")) as by:
        entry = wait(by, at, rules.EMERGENCY)
    page = call("GET", "/?size=100", desk).body
    assert f"{entry.subject}/clinic" in page
    assert 'href="/booking/waiting/"' in page
    assert "waits for a slot" in page
    with transaction.atomic(), scope(person("doctor")) as by:
        actions.release(entry.subject, "withdrawn", by=by, at=at)
    assert f"{entry.subject}/clinic" not in call("GET", "/?size=100", desk).body
