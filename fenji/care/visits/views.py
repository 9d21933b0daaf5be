"""Registering a visit."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from fenji.care.registry.queries import resident as resident_of
from fenji.care.visits import actions, queries, rules
from fenji.care.visits.forms import VisitForm
from fenji.ground.access.queries import glass_on
from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version

ENDINGS = {"treated": rules.TREATED, "observe": rules.OBSERVE}


@page("visit.write", ("GET", "POST"))
def register(request: SignedRequest, resident_id: UUID) -> HttpResponse:
    """Write a visit and say how it ends: treated here, kept under observation, or on to an up-referral."""
    resident = resident_of(resident_id)
    form = VisitForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        new = actions.NewVisit(data["diagnosis"], data["complaint"], data["emergency"])
        visit = actions.register(resident, new, by=request.actor, at=request.at)
        ending = ENDINGS.get(request.POST.get("ending", ""))
        if ending is None:
            return HttpResponseRedirect(f"/referrals/new/{visit.id}/", status=303)
        actions.close(visit, ending, by=request.actor, at=request.at)
        return HttpResponseRedirect(f"/residents/{resident.id}/", status=303)
    request.reads.append(("visit.form", str(resident.id)))
    status = 422 if request.method == "POST" else 200
    return render(request, "visits/register.html", {"form": form, "resident": resident, "key": fresh_key()}, status=status)


@page("visit.write", ("GET", "POST"))
def visit(request: SignedRequest, visit_id: UUID) -> HttpResponse:
    """One visit; while it is open, how it ends."""
    found = queries.visit(visit_id)
    if request.method == "POST":
        found.version = posted_version(request)  # as the form showed it: a later change is not overwritten
        actions.close(found, ENDINGS.get(request.POST.get("ending", ""), ""), by=request.actor, at=request.at)
        return HttpResponseRedirect(f"/residents/{found.resident_id}/", status=303)
    request.reads.append(("visit.page", str(found.id)))
    glass = glass_on(request.actor, found.resident_id, request.at)
    if glass is not None:
        request.reads.append(("glass", str(found.id)))
    mine = found.org_id == request.actor.org_id
    context = {"visit": found, "open": mine and found.closed_at is None, "glass": glass, "key": fresh_key()}
    return render(request, "visits/visit.html", context)
