"""Who acts for a resident: those recorded, one more, and taking it back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.care.registry import actions, queries, texts
from fenji.care.registry.forms import ProxyForm
from fenji.care.registry.models import Proxy, Resident
from fenji.care.registry.rules import BadField
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.refusal import Refused


@page("resident.proxy", ("GET", "POST"))
def proxies(request: SignedRequest, resident_id: UUID) -> HttpResponse:
    """All who act or acted for a resident; one more is recorded here, with the resident's consent."""
    found = queries.resident(resident_id)
    form, problem, status = ProxyForm(request.POST or None, initial={"start": local_day(request.at)}), None, 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                actions.name_proxy(found.pk, form.proxy(), by=request.actor, at=request.at)
                messages.success(request, _("Recorded. Messages and the link of open referrals go out now."))
                return HttpResponseRedirect(f"/residents/{found.pk}/proxies/", status=303)
            except BadField as wrong:
                form.add_error(wrong.field, texts.FIELDS[wrong.field, wrong.code])
            except Refused as refusal:
                problem, status = refusal_text(refusal), 409
    return _shown(request, found, form, problem, status)


def _shown(request: SignedRequest, found: Resident, form: ProxyForm, problem: Any = None, status: int = 200) -> HttpResponse:
    request.reads.append(("resident.proxies", str(found.pk)))
    today = local_day(request.at)
    now = {p.pk: phone for p, phone in queries.proxies_now(found.pk, today)}
    context = {
        "resident": found,
        "form": form,
        "rows": [
            _row(p, now.get(p.pk), p.ended_at is None and (p.end is None or today < p.end)) for p in queries.proxies_of(found.pk)
        ],
        "problem": problem,
        "key": fresh_key(),
    }
    return render(request, "registry/proxies.html", context, status=status)


def _row(proxy: Proxy, phone: str | None, endable: bool) -> dict[str, Any]:
    return {
        "proxy": proxy,
        "relation": texts.proxy_text(proxy.relation, guardian=proxy.guardian),
        "how": texts.WAYS[proxy.how],
        "phone": phone,
        "endable": endable,
    }


@page("resident.proxy", ("POST",))
def end(request: SignedRequest, proxy_id: UUID) -> HttpResponse:
    """Take it back: links of this person stop working at once."""
    found = queries.proxy(proxy_id)
    try:
        actions.end_proxy(proxy_id, version=posted_version(request), by=request.actor, at=request.at)
    except Refused as refusal:
        first = {"start": local_day(request.at)}
        return _shown(request, found.resident, ProxyForm(initial=first), refusal_text(refusal), 409)
    messages.success(request, _("Ended. The links of this person open nothing any more."))
    return HttpResponseRedirect(f"/residents/{found.resident_id}/proxies/", status=303)
