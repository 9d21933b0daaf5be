"""Who is on duty at an institution now, and in the next seven days."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.refusal import Refused
from fenji.ground.common.units import DAYS_PER_WEEK
from fenji.ground.network import actions, queries, texts
from fenji.ground.network.forms import ShiftForm
from fenji.ground.network.models import DutyShift, Organisation
from fenji.ground.network.queries import directory, people
from fenji.ground.network.views.shared import Problem, done, today_of
from fenji.ground.network.views.staff import kept_by
from fenji.ground.policy.queries import duty_calendar


def _form(request: SignedRequest, org: Organisation, posted: bool = False) -> ShiftForm:
    today = today_of(request)
    here = {str(w.practitioner_id): f"{w.practitioner.name} · {w.practitioner.number}" for w in queries.staff_of(org.id, today)}
    hours = duty_calendar(queries.place(org).policy_path, today).hours
    first = {"day": today, "begins": hours[0][0], "ends": hours[-1][-1]}
    return ShiftForm(request.POST if posted else None, people=here.items(), initial=first)


@page("network.read")
def duty(request: SignedRequest, org_id: int) -> HttpResponse:
    """Who is on duty, today first."""
    return _duty(request, directory.organisation(org_id))


def _duty(request: SignedRequest, org: Organisation, form: ShiftForm | None = None, problem: Problem = None) -> HttpResponse:
    today = today_of(request)
    first = datetime.combine(today, time(), SHANGHAI)
    days = [today + timedelta(days=n) for n in range(DAYS_PER_WEEK)]
    shifts = people.shifts_between(org.id, first, first + timedelta(days=DAYS_PER_WEEK))
    keeps = request.actor.may("duty.write") and people.keeps_staff(request.actor, org)
    context = {
        "org": org,
        "now": [(s, texts.DUTIES[s.duty]) for s in queries.on_duty(org.id, request.at)],
        "duties": texts.DUTIES.values(),
        "days": [(day, _cells([s for s in shifts if local_day(s.start) == day])) for day in days],
        "keeps": keeps,
        "form": form or (_form(request, org) if keeps else None),
        "problem": problem,
        "key": fresh_key(),
    }
    status = 409 if problem else 422 if form is not None and form.is_bound else 200
    return render(request, "network/duty.html", context, status=status)


def _cells(shifts: list[DutyShift]) -> list[tuple[str, list[DutyShift]]]:
    """The shifts of a day by duty."""
    return [(str(text), [s for s in shifts if s.duty == code]) for code, text in texts.DUTIES.items()]


@page("duty.write", ("POST",))
def add(request: SignedRequest, org_id: int) -> HttpResponse:
    """Put somebody on the duty list."""
    org = kept_by(request, directory.organisation(org_id))
    form = _form(request, org, posted=True)
    if not form.is_valid():
        return _duty(request, org, form)
    data, who = form.cleaned_data, UUID(form.cleaned_data["practitioner"])
    try:
        actions.put_on_duty(who, org_id, data["duty"], *form.span(), by=request.actor, at=request.at)
    except Refused as refusal:
        return _duty(request, org, form, refusal_text(refusal))
    return done(request, f"/institutions/{org_id}/duty/", _("On the duty list of %(day)s.") % {"day": data["day"]})


@page("duty.write", ("POST",))
def off(request: SignedRequest, shift_id: UUID) -> HttpResponse:
    """Take a shift off the list."""
    row = people.shift(shift_id)
    org = kept_by(request, row.org)
    try:
        actions.take_off_duty(shift_id, posted_version(request), by=request.actor, at=request.at)
    except Refused as refusal:
        return _duty(request, org, problem=refusal_text(refusal))
    return done(request, f"/institutions/{org.id}/duty/", _("Taken off the list."))
