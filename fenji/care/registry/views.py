"""Finding, registering and opening a resident."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.care.registry import actions, panels, queries
from fenji.care.registry.forms import GlassForm, ResidentForm, identity_message
from fenji.care.registry.models import Resident
from fenji.ground.access.actions import close_glass
from fenji.ground.access.queries import glass_on
from fenji.ground.access.rules import RECORDS, AccessPolicy
from fenji.ground.common.clock import local_day
from fenji.ground.common.crypto import Unreadable
from fenji.ground.common.edge import SignedRequest, fresh_key, page, refusal_text
from fenji.ground.common.identity import BadIdentityNumber, parse_identity
from fenji.ground.common.refusal import Refused
from fenji.ground.common.text import compact, has_control_characters
from fenji.ground.network.queries import place_of
from fenji.ground.policy.queries import resolve


def _looks_like_identity(text: str) -> bool:
    digits = compact(text)
    return len(digits) >= 15 and sum(c.isdigit() for c in digits) >= 12


@page("resident.find")
def search(request: SignedRequest) -> HttpResponse:
    """Find by part of the name, pinyin or initials. An identity number belongs into the field beside it."""
    typed = request.GET.get("q", "")
    context = {"typed": typed, "key": fresh_key(), "found": None, "more": False, "looks_like_identity": _looks_like_identity(typed)}
    if typed and not context["looks_like_identity"] and not has_control_characters(typed):
        found = queries.search(typed)
        request.reads.append(("resident.search", f"{len(found[: queries.PAGE])} shown"))
        context |= {"found": found[: queries.PAGE], "more": len(found) > queries.PAGE, "page": queries.PAGE}
    return render(request, "registry/search.html", context)


@page("resident.find", ("POST",))
def door(request: SignedRequest) -> HttpResponse:
    """Find by identity number, through the one door. A miss is a redirect too, so that its log row is kept."""
    typed = request.POST.get("identity", "")
    try:
        number = parse_identity(typed, local_day(request.at))
        found = actions.find_by_identity(number.value, by=request.actor)
    except BadIdentityNumber as problem:
        context = {"identity": typed, "identity_error": identity_message(problem), "key": fresh_key()}
        return render(request, "registry/search.html", context, status=422)
    except Refused as refusal:
        happened, remedy = refusal_text(refusal)
        context = {"identity": typed, "identity_error": f"{happened} {remedy}", "key": fresh_key()}
        return render(request, "registry/search.html", context, status=409)
    if found is None:
        messages.warning(request, _("Nobody is registered with this identity number. Register the resident below."))
        card = settings.DATABASE_KEYS.seal(number.value, _card_context(request)).hex()
        return HttpResponseRedirect(f"/residents/new/?card={card}", status=303)
    return HttpResponseRedirect(f"/residents/{found}/", status=303)


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
    status, problem = 200, None
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                resident = actions.register(form.resident, by=request.actor, at=request.at)
                return HttpResponseRedirect(f"/residents/{resident.id}/", status=303)
            except actions.AlreadyRegistered as refusal:
                messages.info(request, refusal_text(refusal)[0])
                return HttpResponseRedirect(f"/residents/{refusal.detail['resident']}/", status=303)
            except Refused as refusal:
                status, problem = 409, refusal_text(refusal)
    return render(request, "registry/register.html", {"form": form, "key": fresh_key(), "problem": problem}, status=status)


@page("resident.open")
def resident(request: SignedRequest, resident_id: UUID) -> HttpResponse:
    """One resident: who they are, their visits and referrals."""
    return _show(request, queries.resident(resident_id), GlassForm())


def _show(request: SignedRequest, found: Resident, form: GlassForm, status: int = 200) -> HttpResponse:
    request.reads.append(("resident.page", str(found.id)))
    glass = glass_on(request.actor, found.id, request.at)
    if glass is not None:
        request.reads.append(("glass", str(found.id)))
    context = {
        "resident": found,
        "particulars": queries.particulars(found, local_day(request.at)),
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
