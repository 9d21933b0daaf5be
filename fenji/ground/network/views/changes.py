"""Changing an institution: founding, particulars, address, moving, splitting, ending or going into another."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.refusal import Refused
from fenji.ground.network import actions, rules, texts
from fenji.ground.network.forms import EndForm, FoundingForm, MoveForm, ParticularsForm, PlaceForm, SplitForm
from fenji.ground.network.models import PARTICULARS, Organisation
from fenji.ground.network.queries import directory
from fenji.ground.network.views.shared import Problem, done, today_of


def own(request: SignedRequest, org_id: int) -> Organisation:
    """A present organisation that the person administers. Raises Unknown, OutOfReach, BadChange."""
    org = directory.organisation(org_id)
    actions.require_reach(request.actor, org.path)
    if org.end is not None:
        raise actions.BadChange(why="ended")
    return org


def _answer(
    request: SignedRequest, template: str, form: Any, org: Organisation | None, problem: Problem = None, **more: Any
) -> HttpResponse:
    status = 409 if problem else 422 if form.is_bound and request.method == "POST" else 200
    context = {"form": form, "org": org, "problem": problem, "key": fresh_key(), **more}
    return render(request, template, context, status=status)


def _doubt(request: SignedRequest, form: ParticularsForm) -> None:
    if form.doubtful():
        wrong = _("The check character of the unified social credit code does not fit; compare it with the certificate.")
        messages.warning(request, wrong)


@page("network.write", ("GET", "POST"))
def new(request: SignedRequest) -> HttpResponse:
    """A new organisation, of the kind that was chosen above the form."""
    if not directory.regions_of_reach(request.actor).exists():
        raise actions.OutOfReach
    wish = (request.POST or request.GET).get("kind", "")
    kind = wish if wish in rules.ORGANISATION_KINDS else rules.ORGANISATION_KINDS[0]
    today = today_of(request)
    form = FoundingForm(request.POST or None, kind=kind, by=request.actor, today=today, initial={"on": today})
    shown = {"kind": kind, "kinds": texts.KINDS.items()}
    if request.method == "GET" or not form.is_valid():
        return _answer(request, "network/new.html", form, None, **shown)
    try:
        org = actions.found(_wanted(kind, form), by=request.actor, at=request.at)
    except Refused as refusal:
        return _answer(request, "network/new.html", form, None, refusal_text(refusal), **shown)
    _doubt(request, form)
    return done(request, f"/institutions/{org.id}/", _("Entered: %(name)s.") % {"name": org.name})


def _wanted(kind: str, form: FoundingForm) -> actions.NewOrganisation:
    data = form.cleaned_data
    return actions.NewOrganisation(
        kind=kind,
        facts=form.facts(),
        start=data["on"],
        agency_kind=data.get("agency_kind", ""),
        force_kind=data.get("force_kind", ""),
        parent_id=data["parent"].id if data["parent"] else None,
        place=form.place(),
    )


@page("network.write", ("GET", "POST"))
def split(request: SignedRequest, org_id: int) -> HttpResponse:
    """An organisation comes out of another, which goes on with everything it has."""
    org, today = own(request, org_id), today_of(request)
    if not directory.regions_of_reach(request.actor).exists():
        raise actions.OutOfReach
    kept = {n: getattr(org, n) for n in ("care_tier", "ownership", "affiliation", "agency_kind", "force_kind")}
    first = {**kept, "on": today, "region": directory.region_codes([org.region_id])[org.region_id]}
    form = SplitForm(request.POST or None, kind=org.kind, by=request.actor, today=today, initial=first)
    shown = {"kind": org.kind}
    if request.method == "GET" or not form.is_valid():
        return _answer(request, "network/split.html", form, org, **shown)
    facts = {"document": form.cleaned_data["document"], "by": request.actor, "at": request.at}
    try:
        new = actions.split(org_id, posted_version(request), _wanted(org.kind, form), **facts)
    except Refused as refusal:
        return _answer(request, "network/split.html", form, directory.organisation(org_id), refusal_text(refusal), **shown)
    _doubt(request, form)
    told = _("%(name)s came out of %(other)s.") % {"name": new.name, "other": org.name}
    return done(request, f"/institutions/{new.id}/", told)


@page("network.write", ("GET", "POST"))
def change(request: SignedRequest, org_id: int) -> HttpResponse:
    """Other particulars from a day on."""
    org, today = own(request, org_id), today_of(request)
    if request.method == "GET":
        first = {name: getattr(org, name) for name in PARTICULARS} | {"on": today}
        return _answer(request, "network/change.html", ParticularsForm(initial=first, kind=org.kind, today=today), org)
    form = ParticularsForm(request.POST, kind=org.kind, today=today)
    if not form.is_valid():
        return _answer(request, "network/change.html", form, org)
    on, reason, version = form.cleaned_data["on"], form.cleaned_data["reason"], posted_version(request)
    try:
        new = actions.change(org_id, version, form.facts(), on=on, reason=reason, by=request.actor, at=request.at)
    except Refused as refusal:
        return _answer(request, "network/change.html", form, directory.organisation(org_id), refusal_text(refusal))
    _doubt(request, form)
    told = _("Nothing was changed: everything stood so already.") if new.version == version else _("Changed from %(day)s on.")
    return done(request, f"/institutions/{org_id}/", told % {"day": on})


@page("network.write", ("GET", "POST"))
def place(request: SignedRequest, org_id: int) -> HttpResponse:
    """Address, phone, hours and coordinates."""
    org = own(request, org_id)
    if request.method == "GET":
        first = {name: getattr(org, name) for name in PlaceForm.PLACE}
        return _answer(request, "network/place.html", PlaceForm(initial=first), org)
    form = PlaceForm(request.POST)
    if not form.is_valid():
        return _answer(request, "network/place.html", form, org)
    try:
        actions.place_at(org_id, posted_version(request), form.place(), by=request.actor, at=request.at)
    except Refused as refusal:
        return _answer(request, "network/place.html", form, directory.organisation(org_id), refusal_text(refusal))
    return done(request, f"/institutions/{org_id}/", _("Address, phone and hours are saved."))


@page("network.write", ("GET", "POST"))
def move(request: SignedRequest, org_id: int) -> HttpResponse:
    """An organisation goes to another place: its residents and everything else that is kept there goes with it."""
    org, today = own(request, org_id), today_of(request)
    here = directory.place_names([org.path], today)[org.path]
    if request.method == "GET":
        return _answer(request, "network/move.html", MoveForm(initial={"on": today}, by=request.actor, today=today), org, here=here)
    form = MoveForm(request.POST, by=request.actor, today=today)
    if not form.is_valid():
        return _answer(request, "network/move.html", form, org, here=here)
    data = form.cleaned_data
    region = data["region"]
    try:
        actions.move(
            *(org_id, posted_version(request), region.region_id),
            on=data["on"],
            reason=data["reason"],
            by=request.actor,
            at=request.at,
        )
    except Refused as refusal:
        return _answer(request, "network/move.html", form, directory.organisation(org_id), refusal_text(refusal), here=here)
    return done(request, f"/institutions/{org_id}/", _("Moved to %(place)s.") % {"place": region.name})


@page("network.write", ("GET", "POST"))
def end(request: SignedRequest, org_id: int) -> HttpResponse:
    """How an organisation ends: chosen by GET, then, with everything that goes along in view, confirmed by POST."""
    org, today = own(request, org_id), today_of(request)
    posted = request.method == "POST"
    given = request.POST if posted else request.GET
    form = EndForm(given if posted or "how" in given else None, today=today, initial={"on": today, "how": EndForm.MERGES})
    valid = form.is_valid()
    shown = _to_confirm(org, form) if valid and "edit" not in given else {}
    if not (posted and valid):
        return _answer(request, "network/end.html", form, org, **shown)
    version, by, at = posted_version(request), request.actor, request.at
    on, document, into = form.cleaned_data["on"], form.cleaned_data["document"], form.cleaned_data["into"]
    try:
        if into is None:
            actions.close(org_id, version, on=on, reason=document, by=by, at=at)
        else:
            actions.merge(org_id, version, into.id, on=on, document=document, by=by, at=at)
    except Refused as refusal:
        return _answer(request, "network/end.html", form, directory.organisation(org_id), refusal_text(refusal), **shown)
    told = _("%(name)s went into %(other)s.") if into else _("%(name)s has ended.")
    return done(request, f"/institutions/{org_id}/", told % {"name": org.name, "other": into.name if into else ""})


def _to_confirm(org: Organisation, form: EndForm) -> dict[str, Any]:
    typed = {name: str(form[name].value() or "") for name in form.fields}
    along = directory.goes_along(org.id)
    lines = [
        (_("staff who work there"), along.staff),
        (_("posts of accounts"), along.posts),
        (_("memberships in alliances"), along.memberships),
        (_("departments"), along.departments),
        (_("trusteeships, agreements, partnerships"), along.relations),
    ]
    return {"confirm": form.cleaned_data, "typed": typed.items(), "along": lines, "again": urlencode({**typed, "edit": "1"})}
