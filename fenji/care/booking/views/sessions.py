"""The week of a hospital, one session, new sessions, sessions that are cancelled."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.care.booking import actions, queries, rules, texts
from fenji.care.booking.forms import AwayForm, CancelForm, SessionForm, WeekForm
from fenji.care.booking.models import ClinicSession
from fenji.ground.common.clock import SHANGHAI, local_day, local_minute
from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.refusal import NotPermitted, Refused
from fenji.ground.common.units import DAYS_PER_WEEK
from fenji.ground.network.queries import Place, departments_of, higher_care, place_of, staff_of

Problem = tuple[str, str] | None


def _keeps(request: SignedRequest, org_id: int) -> bool:
    return request.actor.may("booking.write") and request.actor.org_id == org_id


def _hospital(request: SignedRequest, asked: int | None) -> tuple[Place, list[tuple[int, str]]]:
    """The hospital whose week is shown, and those to choose from: the own one, and those above it."""
    own = place_of(request.actor.org_id)
    known = [(own.id, own.name), *((o.id, o.name) for o in higher_care(own))]
    if asked not in dict(known):
        # who keeps no sessions looks for one of the next hospital
        asked = own.id if (_keeps(request, own.id) and own.level) or len(known) == 1 else known[1][0]
    return place_of(asked), known


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _asked(request: SignedRequest) -> dict[str, Any]:
    form = WeekForm(request.GET)
    form.is_valid()
    return form.cleaned_data


def _week(request: SignedRequest) -> dict[str, Any]:
    asked = _asked(request)
    where, hospitals = _hospital(request, asked.get("org"))
    first = _monday(asked.get("on") or local_day(request.at))
    since = datetime.combine(first, time(), SHANGHAI)
    rooms = departments_of(where.id)
    room = asked.get("department") if asked.get("department") in {d.id for d in rooms} else None
    found = queries.sessions_between(where.id, since, since + timedelta(days=DAYS_PER_WEEK), department_id=room)
    return {
        "where": where,
        "hospitals": hospitals,
        "rooms": rooms,
        "room": room,
        "first": first,
        "last": first + timedelta(days=DAYS_PER_WEEK - 1),
        "before": first - timedelta(days=DAYS_PER_WEEK),
        "after": first + timedelta(days=DAYS_PER_WEEK),
        "found": found,
    }


@dataclass(frozen=True, slots=True)
class _InWeek:
    """A session in the table of a week. Told here and not in the template: a large hospital has hundreds of them."""

    id: UUID
    name: str
    times: str
    doctor: str
    off: bool
    tone: str
    icon: str
    word: str


def _in_week(one: queries.Day, silent: bool) -> _InWeek:
    session = one.session
    off = session.state == rules.CANCELLED
    if off:
        looks = "grey", "end", _("cancelled")
    elif silent and session.source == rules.FED:
        looks = "purple", "judge", _("unknown")
    elif one.free:
        looks = "green", "yes", _("%(free)s of %(places)s free") % {"free": one.free, "places": one.places}
    else:
        looks = "amber", "warning", _("full")
    times = "–".join(f"{at.astimezone(SHANGHAI):%H:%M}" for at in (session.start_at, session.end_at))
    return _InWeek(session.id, session.name, times, session.doctor_name, off, *looks)


@page("booking.read")
def week(request: SignedRequest) -> HttpResponse:
    """The sessions of a week by department and day."""
    shown = _week(request)
    days = [shown["first"] + timedelta(days=n) for n in range(DAYS_PER_WEEK)]
    where = shown["where"]
    silent = any(one.session.source == rules.FED for one in shown["found"]) and _is_silent(request, where)
    table: dict[str, dict[date, list[_InWeek]]] = defaultdict(lambda: defaultdict(list))
    for one in shown["found"]:
        room = one.session.department.name_zh if one.session.department else ""
        table[room][local_day(one.session.start_at)].append(_in_week(one, silent))
    keeps = _keeps(request, where.id)
    context = {
        **shown,
        "days": days,
        "rows": [
            (room, [(day, by_day[day]) for day in days]) for room, by_day in sorted(table.items(), key=lambda r: (not r[0], r[0]))
        ],
        "today": local_day(request.at),
        "keeps": keeps,
        "silent": silent,
        "heard": queries.heard(where.id),
        "tab": "week",
        "free_today": queries.free_for_referrers(where.id, request.at),
        **_counts(request),
    }
    return render(request, "booking/week.html", context)


def _is_silent(request: SignedRequest, where: Place) -> bool:
    """Whether the hospital's own system was heard too long ago, or never."""
    return rules.is_stale(queries.heard(where.id), request.at, queries.policy_at(where, local_day(request.at)))


def _counts(request: SignedRequest) -> dict[str, Any]:
    """How many wait, and are to be moved, at the own hospital; for its desk alone."""
    own = request.actor.org_id
    if not _keeps(request, own):
        return {"waiting": None, "moving": None}
    policy = queries.policy_at(place_of(own), local_day(request.at))
    return {"waiting": len(queries.waiting_at(own, policy)), "moving": len(queries.to_move(own))}


@page("booking.read")
def week_workbook(request: SignedRequest) -> HttpResponse:
    """The sessions of a week as a spreadsheet."""
    shown = _week(request)
    silent = _is_silent(request, shown["where"])

    def free(day: queries.Day, number: int) -> int | str:
        if day.session.state == rules.CANCELLED:
            return 0
        return _("unknown") if silent and day.session.source == rules.FED else number

    columns = [
        Column(_("Begins"), lambda d: local_minute(d.session.start_at)),
        Column(_("Ends"), lambda d: local_minute(d.session.end_at)),
        Column(_("Kind"), lambda d: str(texts.KINDS[d.session.kind])),
        Column(_("Name of the session"), lambda d: d.session.name),
        Column(_("Department"), lambda d: d.session.department.name_zh if d.session.department else ""),
        Column(_("Doctor"), lambda d: d.session.doctor_name),
        Column(_("Places"), lambda d: d.places),
        Column(_("Free"), lambda d: free(d, d.free)),
        Column(_("Free and reserved"), lambda d: free(d, d.reserved)),
        Column(_("State"), lambda d: _("cancelled") if d.session.state == rules.CANCELLED else _("open")),
    ]
    return workbook(_("Clinics and examinations"), columns, shown["found"])


@page("booking.read")
def session(request: SignedRequest, session_id: UUID) -> HttpResponse:
    """One session: its slots, and who of those that this institution sees has one."""
    return _show(request, queries.session(session_id))


def _show(request: SignedRequest, found: ClinicSession, form: CancelForm | None = None, problem: Problem = None) -> HttpResponse:
    slots, booked = queries.slots_of(found.id), queries.of_session(found.id)
    where = place_of(found.org_id)
    policy = queries.policy_at(where, local_day(request.at))
    silent = found.source == rules.FED and _is_silent(request, where)
    for row in booked.values():
        request.reads.append(("booking.session", row.subject))
    keeps = _keeps(request, found.org_id)
    context = {
        "session": found,
        "kind": texts.KINDS[found.kind],
        "rows": [_row(s, booked.get(s.id), found, silent, request.at) for s in slots],
        "lost": [b for b in booked.values() if b.state == rules.TO_MOVE],
        "queue": queries.waiting_at(found.org_id, policy) if keeps else [],
        "free": sum(not s.taken and not s.outside for s in slots),
        "priorities": texts.PRIORITIES,
        "keeps": keeps,
        "cancelled": found.state == rules.CANCELLED,
        "may_cancel": keeps and found.state == rules.OPEN and found.start_at > request.at,
        "silent": silent,
        "heard": queries.heard(found.org_id),
        "form": form or CancelForm(),
        "problem": problem,
        "at": request.at,
        "key": fresh_key(),
    }
    status = 409 if problem else 422 if form is not None and form.is_bound else 200
    return render(request, "booking/session.html", context, status=status)


def _row(slot: Any, booking: Any, session: ClinicSession, silent: bool, at: datetime) -> dict[str, Any]:
    if booking is not None and booking.state != rules.TO_MOVE:
        state, text = booking.state, texts.STATES[booking.state]
    elif session.state == rules.CANCELLED:
        state, text = "cancelled", _("cancelled")
    elif slot.taken or slot.outside:
        state, text = "taken", _("taken")
    elif silent:
        state, text = "unknown", _("unknown")
    else:
        state, text = "free", _("free")
    shown = booking if booking is not None and booking.state != rules.TO_MOVE else None
    kept = state == "free" and slot.kept_until is not None and slot.kept_until > at
    priority = texts.PRIORITIES[shown.priority] if shown else ""
    held_back = slot.reserved and at < session.release_at
    return {"slot": slot, "state": state, "text": text, "booking": shown, "kept": kept, "priority": priority, "reserved": held_back}


def _people(request: SignedRequest) -> dict[str, str]:
    rows = staff_of(request.actor.org_id, local_day(request.at))
    return {str(w.practitioner_id): f"{w.practitioner.name} · {w.practitioner.number}" for w in rows}


@page("booking.write", ("GET", "POST"))
def new(request: SignedRequest) -> HttpResponse:
    """A new session, perhaps for several weeks."""
    rooms = {d.id: (d.name_zh, d.specialty) for d in departments_of(request.actor.org_id)}
    given = {"departments": rooms, "people": _people(request)}
    problem: Problem = None
    if request.method == "POST":
        form = SessionForm(request.POST, **given)
        if form.is_valid():
            try:
                made = actions.open_sessions(
                    request.actor.org_id, form.session(), weeks=form.cleaned_data["weeks"], by=request.actor, at=request.at
                )
                messages.success(request, _("Sessions opened: %(n)s.") % {"n": len(made)})
                return HttpResponseRedirect(f"/booking/?on={local_day(made[0].start_at)}", status=303)
            except NotPermitted:
                raise
            except Refused as refusal:
                problem = refusal_text(refusal)
    else:
        first = {
            "day": local_day(request.at) + timedelta(days=1),
            "begins": time(8),
            "ends": time(11, 30),
            "places": 20,
            "weeks": 1,
        }
        form = SessionForm(initial=first, **given)
    status = 409 if problem else 422 if form.is_bound else 200
    return render(request, "booking/new.html", {"form": form, "problem": problem, "key": fresh_key()}, status=status)


@page("booking.write", ("POST",))
def cancel(request: SignedRequest, session_id: UUID) -> HttpResponse:
    """Cancel a session; who is booked is to be moved."""
    found = queries.session(session_id)
    if not _keeps(request, found.org_id):
        raise NotPermitted
    form = CancelForm(request.POST)
    if not form.is_valid():
        return _show(request, found, form)
    try:
        moved = actions.cancel(
            session_id, form.cleaned_data["reason"], version=posted_version(request), by=request.actor, at=request.at
        )
    except Refused as refusal:
        return _show(request, queries.session(session_id), form, refusal_text(refusal))
    return _told(request, 1, moved)


def _told(request: SignedRequest, sessions: int, moved: int) -> HttpResponse:
    done = _("Sessions cancelled: %(n)s.") % {"n": sessions}
    if moved:
        more = _("Booked patients to be moved: %(n)s.") % {"n": moved}
        messages.warning(request, f"{done} {more}")
        return HttpResponseRedirect("/booking/to-move/", status=303)
    messages.success(request, done)
    return HttpResponseRedirect("/booking/", status=303)


@page("booking.write", ("GET", "POST"))
def away(request: SignedRequest) -> HttpResponse:
    """A doctor's leave: the sessions of those days are cancelled at once."""
    today = local_day(request.at)
    form = AwayForm(
        request.POST if request.method == "POST" else None, people=_people(request), initial={"first": today, "last": today}
    )
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        who, span = UUID(data["practitioner"]), (data["first"], data["last"])
        sessions, moved = actions.away(who, *span, data["reason"], by=request.actor, at=request.at)
        return _told(request, sessions, moved)
    status = 422 if request.method == "POST" else 200
    return render(request, "booking/away.html", {"form": form, "key": fresh_key()}, status=status)
