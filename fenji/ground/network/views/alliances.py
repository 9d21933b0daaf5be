"""Alliances: the list by kind, and one alliance with its members on a day."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.excel import Column
from fenji.ground.common.refusal import Refused
from fenji.ground.network import actions, queries, rules, texts
from fenji.ground.network.forms import AllianceForm, DayForm, JoinForm, UnifyForm
from fenji.ground.network.models import Alliance, Membership
from fenji.ground.network.queries import directory
from fenji.ground.network.rules import NetworkPolicy
from fenji.ground.network.views.shared import Asked, Problem, day_asked, done, in_chinese, listed, no_day, sheet, today_of
from fenji.ground.policy.queries import resolve, sources


def _filtered(request: SignedRequest) -> tuple[QuerySet[Alliance], str]:
    kind = request.GET.get("kind", "") if request.GET.get("kind") in rules.ALLIANCE_KINDS else ""
    return directory.alliances(today_of(request), kind), kind


@page("network.read")
def listing(request: SignedRequest) -> HttpResponse:
    """All alliances that stand today, by kind."""
    found, kind = _filtered(request)
    rows, pager = listed(request, found, kind=kind)
    leads = directory.leads((a.id for a in rows), today_of(request))
    context = {
        "rows": [(a, texts.ALLIANCE_KINDS[a.kind], leads.get(a.id)) for a in rows],
        "pager": pager,
        "kind": kind,
        "kinds": texts.ALLIANCE_KINDS.items(),
        "forms_alliances": request.actor.may("network.write") and bool(request.actor.reach),
    }
    return render(request, "network/alliances.html", context)


@page("network.read")
def listing_workbook(request: SignedRequest) -> HttpResponse:
    """The list of alliances as a spreadsheet."""
    found, _kind = _filtered(request)
    leads = directory.leads(found.values_list("id", flat=True), today_of(request))
    columns = [
        Column(_("Alliance"), lambda a: a.name),
        Column(_("Kind"), lambda a: str(texts.ALLIANCE_KINDS[a.kind])),
        Column(_("Lead"), lambda a: leads[a.id].name if a.id in leads else ""),
        Column(_("Members"), lambda a: a.members),
        Column(_("Formed on"), lambda a: str(a.start or "")),
    ]
    return sheet(request, _("Alliances"), columns, found, "/alliances/")


@page("network.write", ("GET", "POST"))
def new(request: SignedRequest) -> HttpResponse:
    """Form an alliance with its lead."""
    if not request.actor.reach:
        raise actions.OutOfReach
    first = {"on": today_of(request)}
    form = AllianceForm(request.POST or None, specialties=directory.specialty_names(), chinese=in_chinese(), initial=first)
    problem, status = None, 422 if form.is_bound else 200
    if form.is_valid():
        data = form.cleaned_data
        facts = {"on": data["on"], "specialty": data["specialty"], "by": request.actor, "at": request.at}
        try:
            found = actions.form(data["kind"], data["name"], data["lead"].id, **facts)
            return done(request, f"/alliances/{found.id}/", _("Formed: %(name)s.") % {"name": found.name})
        except Refused as refusal:
            problem, status = refusal_text(refusal), 409
    return render(request, "network/alliance_new.html", {"form": form, "problem": problem, "key": fresh_key()}, status=status)


@page("network.read")
def alliance(request: SignedRequest, alliance_id: int) -> HttpResponse:
    """One alliance with its members today, or `?on=` a day."""
    return _alliance(request, directory.alliance(alliance_id))


def _alliance(request: SignedRequest, found: Alliance, form: JoinForm | None = None, problem: Problem = None) -> HttpResponse:
    asked = day_asked(request, future=True) if request.method == "GET" else Asked(today_of(request), False, "", "")
    rows = queries.members(found.id, asked.day)
    changes = not asked.then and _changes(request, found)
    listed_rows, pager = listed(request, rows, on=asked.typed if asked.then else "")
    places = directory.place_names((m.org.path for m in listed_rows), asked.day)
    context = {
        "alliance": found,
        "kind": texts.ALLIANCE_KINDS[found.kind],
        "specialty": directory.specialty_names().get(found.specialty),
        "chinese": in_chinese(),
        "asked": asked,
        "lead": next((m.org for m in rows if m.role == "lead"), None),
        "count": len(rows),
        "rows": [(m, texts.MEMBER_ROLES[m.role], places[m.org.path]) for m in listed_rows],
        "pager": pager,
        "changes": changes,
        "form": form or (JoinForm(kind=found.kind, initial={"on": asked.day}) if changes else None),
        "tight": _tight(found, rows, asked) if found.kind == "county_community" else None,
        "today": asked.day,
        "problem": problem,
        "key": fresh_key(),
    }
    status = 409 if problem else 422 if asked.wrong or (form is not None and form.is_bound) else 200
    return render(request, "network/alliance.html", context, status=status)


def _changes(request: SignedRequest, found: Alliance) -> bool:
    lead = directory.leads([found.id], today_of(request)).get(found.id)
    actor = request.actor
    # without a lead, whoever administers the institution that becomes it
    return actor.may("network.write") and (queries.within_reach(actor, lead.path) if lead else bool(actor.reach))


def _tight(found: Alliance, rows: list[Membership], asked: Asked) -> dict[str, Any]:
    """How many of people, money and goods are run as one, and how many a tight community needs where its lead is (F64-1-3a)."""
    lead = next((m.org for m in rows if m.role == "lead"), None)
    path = queries.place(lead).policy_path if lead else ("35",)
    wanted = resolve(NetworkPolicy, path, asked.day).unified_resources
    return {
        "is": rules.is_tight(found.unified, wanted),
        "wanted": wanted,
        "clause": sources(NetworkPolicy, path, asked.day)["unified_resources"].clause_id,
        "resources": [(code, text, code in found.unified) for code, text in texts.RESOURCES.items()],
    }


@page("network.read")
def members_workbook(request: SignedRequest, alliance_id: int) -> HttpResponse:
    """The members on a day as a spreadsheet."""
    found = directory.alliance(alliance_id)
    asked = day_asked(request, future=True)
    rows = queries.members(found.id, asked.day)
    places = directory.place_names((m.org.path for m in rows), asked.day)
    columns = [
        Column(_("Institution"), lambda m: m.org.name),
        Column(_("Institution code"), lambda m: m.org.code),
        Column(_("Member as"), lambda m: str(texts.MEMBER_ROLES[m.role])),
        Column(_("Kind"), lambda m: texts.kind_text(m.org)),
        Column(_("Where it lies"), lambda m: places[m.org.path]),
        Column(_("Member since"), lambda m: str(m.start)),
        Column(_("Until"), lambda m: str(m.end or "")),
        Column(_("Document number"), lambda m: m.document),
    ]
    return sheet(request, f"{found.name} {asked.day}", columns, rows, f"/alliances/{alliance_id}/")


@page("network.write", ("POST",))
def join(request: SignedRequest, alliance_id: int) -> HttpResponse:
    """Take an institution into an alliance from a day on."""
    found = directory.alliance(alliance_id)
    form = JoinForm(request.POST, kind=found.kind)
    if not form.is_valid():
        return _alliance(request, found, form)
    data = form.cleaned_data
    try:
        actions.join(
            *(alliance_id, data["member"].id, data["role"]),
            on=data["on"],
            document=data["document"],
            by=request.actor,
            at=request.at,
        )
    except Refused as refusal:
        return _alliance(request, found, form, refusal_text(refusal))
    return done(request, f"/alliances/{alliance_id}/", _("%(name)s joined.") % {"name": data["member"].name})


@page("network.write", ("POST",))
def leave(request: SignedRequest, alliance_id: int, org_id: int) -> HttpResponse:
    """End a membership on a day."""
    found = directory.alliance(alliance_id)
    asked = DayForm(request.POST)
    problem = no_day(asked)
    if problem is None:
        try:
            actions.leave(alliance_id, org_id, on=asked.cleaned_data["on"], by=request.actor, at=request.at)
            told = _("The membership ends on %(day)s.") % {"day": asked.cleaned_data["on"]}
            return done(request, f"/alliances/{alliance_id}/", told)
        except Refused as refusal:
            problem = refusal_text(refusal)
    return _alliance(request, found, problem=problem)


@page("network.write", ("POST",))
def unify(request: SignedRequest, alliance_id: int) -> HttpResponse:
    """Say which of people, money and goods a community runs as one."""
    form = UnifyForm(request.POST)
    form.is_valid()
    chosen = [name for name, yes in form.cleaned_data.items() if yes]
    try:
        actions.unify(alliance_id, posted_version(request), chosen, by=request.actor, at=request.at)
    except Refused as refusal:
        return _alliance(request, directory.alliance(alliance_id), problem=refusal_text(refusal))
    return done(request, f"/alliances/{alliance_id}/", _("Saved."))
