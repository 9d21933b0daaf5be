"""Referrals as officers see them: rows without persons; one row with its steps; the identity behind it, once, with a reason."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from fenji.care.catalogue.queries import group_names
from fenji.care.referral import actions, queries, rules, texts
from fenji.care.referral.forms import FactsForm, IdentityForm
from fenji.care.referral.queries import Fact
from fenji.ground.common.clock import local_day, local_minute
from fenji.ground.common.edge import SignedRequest, after_cursor, as_uuid, cursor_of, fresh_key, page, refusal_text
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.identity import age_on
from fenji.ground.common.lists import EXPORT_LIMIT, SIZES, size_of, too_many
from fenji.ground.common.refusal import Refused
from fenji.ground.common.templatetags.house import sex as sex_name
from fenji.ground.network.models import Organisation
from fenji.ground.network.queries import names_of

_COUNTY = 6


def _form(request: SignedRequest) -> FactsForm:
    reach, county = request.actor.reach, request.GET.get("county", "")
    counties = queries.counties_within(reach)
    inside = county if county in counties else reach if len(reach) >= _COUNTY else ""
    care = Organisation.objects.filter(kind="care", path__starts=inside) if inside else Organisation.objects.none()
    institutions = list(care.filter(path__starts=reach).order_by("path").values_list("path", "name"))
    choices = {
        "county": list(counties.items()),
        "institution": institutions,
        "state": [(code, text) for code, text in texts.STATES.items() if code != rules.DRAFT],
    }
    return FactsForm(request.GET.dict(), today=local_day(request.at), choices=choices)


def _band(first: int) -> str:
    return _("90 and older") if first >= 90 else f"{first}–{first + 4}"


def _rows(found: list[Fact]) -> list[dict[str, Any]]:
    orgs = names_of({org for f in found for org in (f.origin_id, f.receiver_id)})
    groups = group_names({f.disease_group for f in found}, english=get_language() == "en")
    return [
        {
            "fact": f,
            "origin": orgs.get(f.origin_id, ""),
            "receiver": orgs.get(f.receiver_id, ""),
            "group": groups[f.disease_group],
            "band": _band(f.age_band),
            "state": texts.STATES[f.state],
            "outcome": texts.OUTCOMES[f.verdict],
        }
        for f in found
    ]


@page("facts.read")
def fact_list(request: SignedRequest) -> HttpResponse:
    """Referrals sent or received in this officer's region, newest first, without persons."""
    form = _form(request)
    size = size_of(request.GET, SIZES)
    before = after_cursor(request.GET.get("before", ""))
    found = queries.facts(form.wanted(before), size + 1) if form.is_valid() else []
    last = found[size - 1] if len(found) > size else None
    request.reads.append(("facts.list", f"{len(found[:size])} rows"))
    keep = urlencode({k: v for k, v in request.GET.items() if k != "before" and v})
    context = {
        "form": form,
        "rows": _rows(found[:size]),
        "size": size,
        "sizes": SIZES,
        "next": cursor_of(last.written_at, last.number) if last else "",
        "later": before is not None,
        "keep": keep,
    }
    return render(request, "referral/facts.html", context, status=200 if form.is_valid() else 422)


@page("facts.read")
def facts_workbook(request: SignedRequest) -> HttpResponse:
    """The list as a spreadsheet. More rows than the limit: a page that says so, never a cut list."""
    form = _form(request)
    if not form.is_valid():
        return fact_list(request)
    found = queries.facts(form.wanted(None), EXPORT_LIMIT + 1)
    if len(found) > EXPORT_LIMIT:
        return too_many(request, "/facts/referrals/", EXPORT_LIMIT)
    request.reads.append(("facts.export", f"{len(found)} rows"))
    columns = [
        Column(_("Case number"), lambda r: r["fact"].number),
        Column(_("From"), lambda r: r["origin"]),
        Column(_("To"), lambda r: r["receiver"]),
        Column(_("Disease"), lambda r: r["group"]),
        Column(_("Disease group"), lambda r: r["fact"].disease_group),
        Column(_("Age"), lambda r: r["band"]),
        Column(_("Sex"), lambda r: sex_name(r["fact"].sex)),
        Column(_("Emergency"), lambda r: _("yes") if r["fact"].emergency else _("no")),
        Column(_("State"), lambda r: str(r["state"])),
        Column(_("Verdict"), lambda r: str(r["outcome"])),
        Column(_("Written"), lambda r: local_minute(r["fact"].written_at)),
        Column(_("Offered"), lambda r: local_minute(r["fact"].offered_at)),
        Column(_("Accepted"), lambda r: local_minute(r["fact"].accepted_at)),
        Column(_("Arrived"), lambda r: local_minute(r["fact"].arrived_at)),
        Column(_("Answered"), lambda r: local_minute(r["fact"].answered_at)),
        Column(_("Ended"), lambda r: local_minute(r["fact"].ended_at)),
    ]
    return workbook(_("Referrals of the region"), columns, _rows(found))


@page("facts.read")
def fact_page(request: SignedRequest, number: str) -> HttpResponse:
    """One referral without the person: institutions, steps with their times, the verdict's reasons with their clauses."""
    return _show(request, queries.fact(number), IdentityForm())


def _show(request: SignedRequest, fact: Fact, form: IdentityForm, identity: Any = None, status: int = 200) -> HttpResponse:
    request.reads.append(("facts.page", fact.number))
    reasons, steps = queries.fact_steps(fact.number)
    context = {
        **_rows([fact])[0],
        "reasons": [(r, texts.REASONS[r["code"]]) for r in reasons],
        "steps": [(s, texts.EVENTS[s["action"]]) for s in steps],
        "form": form,
        "identity": identity,
        "age": age_on(identity.birth_date, local_day(request.at)) if identity else None,
        "key": fresh_key(),
    }
    return render(request, "referral/fact.html", context, status=status)


@page("facts.identify", ("GET", "POST"))
def identity(request: SignedRequest, number: str) -> HttpResponse:
    """Ask who is behind a referral, with a reason; the answer leads to a page that shows it once."""
    fact = queries.fact(number)
    if request.method != "POST":
        return _handed_out(request, fact)
    form = IdentityForm(request.POST)
    if form.is_valid():
        try:
            opened = actions.identify(number, form.cleaned_data["reason"], by=request.actor, at=request.at)
            return HttpResponseRedirect(f"/facts/referrals/{number}/identity/?opened={opened}", status=303)
        except Refused as refusal:
            form.add_error("reason", " ".join(refusal_text(refusal)))
    return _show(request, fact, form, status=422)


def _handed_out(request: SignedRequest, fact: Fact) -> HttpResponse:
    found = None
    if request.method == "GET" and (opened := as_uuid(request.GET.get("opened", ""))):
        found = actions.handed_out(fact.number, opened, by=request.actor)
    if found is None:
        messages.warning(request, _("The identity is shown once. To see it again, give a reason again."))
        return HttpResponseRedirect(f"/facts/referrals/{fact.number}/")
    request.reads.append(("identify.page", fact.number))
    return _show(request, fact, IdentityForm(), found)
