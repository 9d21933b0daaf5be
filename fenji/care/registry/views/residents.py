"""Finding, registering, identifying and opening a resident."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.care.registry import actions, panels, queries, rules, texts
from fenji.care.registry.forms import GlassForm, NewbornForm, PapersForm, ResidentForm, UnknownForm, identity_message
from fenji.care.registry.models import Resident
from fenji.care.registry.rules import CARD, BadDocument, parse_document
from fenji.ground.access.actions import close_glass
from fenji.ground.access.queries import glass_on
from fenji.ground.access.rules import RECORDS, AccessPolicy
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.crypto import Unreadable
from fenji.ground.common.edge import SignedRequest, as_uuid, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.refusal import Refused, Unknown
from fenji.ground.common.text import compact, has_control_characters
from fenji.ground.network.queries import place_of
from fenji.ground.policy.queries import resolve

_NOBODY = UUID(int=0)


def _looks_like_identity(text: str) -> bool:
    digits = compact(text)
    return len(digits) >= 15 and sum(c.isdigit() for c in digits) >= 12


@page("resident.find")
def search(request: SignedRequest) -> HttpResponse:
    """Find by part of the name, pinyin or initials. An identity number belongs into the field beside it."""
    typed = request.GET.get("q", "")
    context = {"typed": typed, "key": fresh_key(), "found": None, "more": False, "looks_like_identity": _looks_like_identity(typed)}
    context |= {"kind": CARD, "kinds": texts.DOCUMENTS.items()}
    if typed and not context["looks_like_identity"] and not has_control_characters(typed):
        found = queries.search(typed)
        request.reads.append(("resident.search", f"{len(found[: queries.PAGE])} shown"))
        context |= {"found": found[: queries.PAGE], "more": len(found) > queries.PAGE, "page": queries.PAGE}
    return render(request, "registry/search.html", context)


@page("resident.find", ("POST",))
def door(request: SignedRequest) -> HttpResponse:
    """Find by identity number, through the one door. A miss is a redirect too, so that its log row is kept."""
    typed, kind = request.POST.get("identity", ""), request.POST.get("kind") or CARD
    context = {"identity": typed, "kind": kind, "kinds": texts.DOCUMENTS.items(), "key": fresh_key()}
    try:
        document = parse_document(kind, typed, local_day(request.at))
        found = actions.find_by_document(document, by=request.actor)
    except BadDocument as problem:
        return render(request, "registry/search.html", context | {"identity_error": identity_message(problem)}, status=422)
    except Refused as refusal:
        happened, remedy = refusal_text(refusal)
        return render(request, "registry/search.html", context | {"identity_error": f"{happened} {remedy}"}, status=409)
    if found is None:
        messages.warning(request, _("Nobody is registered with this identity number. Register the resident below."))
        card = settings.DATABASE_KEYS.seal(document.value, _card_context(request)).hex()
        page = "" if document.kind == CARD else f"{document.kind}/"
        return HttpResponseRedirect(f"/residents/new/{page}?card={card}", status=303)
    return HttpResponseRedirect(f"/residents/{queries.canonical(found)}/", status=303)


def _card_context(request: SignedRequest) -> str:
    return f"card:{request.actor.account_id}"


def _carried_card(request: SignedRequest) -> dict[str, str]:
    """The number that nobody was found with, sealed in the address for this person alone: it need not be typed again."""
    try:
        return {"identity": settings.DATABASE_KEYS.open(bytes.fromhex(request.GET.get("card", "")), _card_context(request))}
    except (Unreadable, ValueError):
        return {}


@page("resident.register", ("GET", "POST"))
def register(request: SignedRequest) -> HttpResponse:
    """Register a resident of this institution."""
    form = ResidentForm(request.POST or None, initial=_carried_card(request), today=local_day(request.at))
    return _registered(request, form, "registry/register.html", {})


def _registered(request: SignedRequest, form: Any, template: str, context: dict[str, Any]) -> HttpResponse:
    """A form that makes a resident: shown, refused, or kept and led to the record."""
    status, problem = 200, None
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = actions.register(form.resident, by=request.actor, at=request.at)
                return HttpResponseRedirect(f"/residents/{made.id}/", status=303)
            except actions.AlreadyRegistered as refusal:
                messages.info(request, refusal_text(refusal)[0])
                return HttpResponseRedirect(f"/residents/{refusal.detail['resident']}/", status=303)
            except Refused as refusal:
                status, problem = 409, refusal_text(refusal)
    context |= {"form": form, "key": fresh_key(), "problem": problem, "action": request.get_full_path()}
    return render(request, template, context, status=status)


@page("resident.register", ("GET", "POST"))
def register_other(request: SignedRequest, kind: str) -> HttpResponse:
    """Register somebody without an identity card: with another document, unknown, or newborn (`?mother=`)."""
    today, data = local_day(request.at), request.POST or None
    if kind == rules.UNKNOWN:
        mark = f"无名氏{request.at.astimezone(SHANGHAI):%m%d-%H%M}"
        form: Any = UnknownForm(data, today=today, mark=mark)
        return _registered(request, form, "registry/other.html", {"kind": kind, "mark": mark})
    if kind == rules.NEWBORN:
        mother = queries.resident(as_uuid(request.GET.get("mother", "")) or _NOBODY)
        request.reads.append(("resident.form", str(mother.id)))
        first = {"name": f"{mother.name}之子", "birth_date": today, "address": mother.address, "phone": queries.phone_of(mother)}
        form = NewbornForm(data, initial=first, today=today, mother=mother.id)
        return _registered(request, form, "registry/other.html", {"kind": kind, "mother": mother})
    if kind not in texts.DOCUMENTS:
        raise Unknown(what="document")
    first = {"kind": kind, "document": _carried_card(request).get("identity", "")}
    form = PapersForm(data, initial=first, today=today)
    return _registered(request, form, "registry/other.html", {"kind": kind})


@page("resident.register", ("GET", "POST"))
def identify(request: SignedRequest, resident_id: UUID) -> HttpResponse:
    """Say who somebody is that was entered without a document. Their record stays, with all that is on it."""
    found = queries.resident(resident_id)
    request.reads.append(("resident.form", str(found.id)))
    first = {"sex": found.sex, "address": "" if found.entry == rules.UNKNOWN else found.address}
    first |= {} if found.entry == rules.UNKNOWN else {"birth_date": found.birth_date, "name": found.name}
    form = PapersForm(request.POST or None, initial=first, today=local_day(request.at))
    status, problem = 200, None
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                with transaction.atomic():
                    actions.identify(found.id, form.resident, version=posted_version(request), by=request.actor, at=request.at)
                messages.success(request, _("Identified. All that was written stays on this record."))
                return HttpResponseRedirect(f"/residents/{found.id}/", status=303)
            except actions.AlreadyRegistered as refusal:
                pair = actions.compare(found.id, refusal.detail["resident"], by=request.actor, at=request.at)
                messages.warning(
                    request, _("This document is on file already. Compare the two records, and link them if they are one.")
                )
                return HttpResponseRedirect(f"/residents/duplicates/{pair.id}/", status=303)
            except Refused as refusal:
                status, problem = 409, refusal_text(refusal)
    context = {"resident": found, "form": form, "problem": problem, "key": fresh_key()}
    return render(request, "registry/identify.html", context, status=status)


@page("resident.open")
def resident(request: SignedRequest, resident_id: UUID) -> HttpResponse:
    """One resident: who they are, their visits and referrals. A record that another stands for leads to that one."""
    found = queries.resident(resident_id)
    stands = queries.canonical(found.id)
    if stands != found.id:
        return HttpResponseRedirect(f"/residents/{stands}/", status=303)
    return _show(request, found, GlassForm())


def _show(request: SignedRequest, found: Resident, form: GlassForm, status: int = 200) -> HttpResponse:
    request.reads.append(("resident.page", str(found.id)))
    glass = glass_on(request.actor, found.id, request.at)
    if glass is not None:
        request.reads.append(("glass", str(found.id)))
    context = {
        "resident": found,
        "particulars": (particulars := queries.particulars(found, local_day(request.at))),
        "document_kind": texts.DOCUMENTS.get(particulars.kind, ""),
        "entry": texts.ENTRIES.get(found.entry, ""),
        "mother": queries.residents_by_id([found.mother_id]).get(found.mother_id) if found.mother_id else None,
        "children": queries.children_of(found.id),
        "pairs": queries.pairs_of(found.id),
        "proxies": [
            (p, phone, texts.proxy_text(p.relation, guardian=p.guardian))
            for p, phone in queries.proxies_now(found.id, local_day(request.at))
        ],
        "panels": panels.filled(request.actor, found),
        "glass": glass,
        "form": form,
        "minutes": resolve(AccessPolicy, place_of(request.actor.org_id).policy_path, local_day(request.at)).glass_minutes,
        "key": fresh_key(),
    }
    return render(request, "registry/resident.html", context, status=status)


@page("glass.break", ("POST",))
def glass(request: SignedRequest, resident_id: UUID) -> HttpResponse:
    """Open the resident's records at other institutions, in an emergency, with a reason."""
    found = queries.resident(resident_id)
    form = GlassForm(request.POST)
    if form.is_valid():
        try:
            actions.break_glass(found.id, form.cleaned_data["reason"], by=request.actor, at=request.at)
            return HttpResponseRedirect(f"/residents/{found.id}/", status=303)
        except Refused as refusal:
            form.add_error("reason", " ".join(refusal_text(refusal)))
    return _show(request, found, form, status=422)


@page("glass.break", ("POST",))
def glass_close(request: SignedRequest, resident_id: UUID) -> HttpResponse:
    """Close what was opened, before its time runs out."""
    found = queries.resident(resident_id)
    close_glass(RECORDS, str(found.id), by=request.actor, at=request.at)
    messages.success(request, _("Closed. Records of other institutions are no longer shown."))
    return HttpResponseRedirect(f"/residents/{found.id}/", status=303)
