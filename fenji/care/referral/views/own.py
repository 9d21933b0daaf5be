"""The resident's own page of a referral, opened without signing in, also by who acts for them; and the sender's hand on it.

Whatever is wrong with an address (it never was, is closed, was revoked) looks like a wrong answer: the page asks again, in the same
words. An answer is posted and led back here, so that a wrong one is counted although nothing else is written.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from fenji.care.referral import actions, queries, rules, texts
from fenji.care.referral.queries import OwnPage
from fenji.care.referral.views.way import way_to
from fenji.care.registry.texts import proxy_text
from fenji.ground.common.edge import OPEN, SignedRequest, fresh_key, page, refusal_text
from fenji.ground.common.refusal import Refused, Unknown
from fenji.ground.network.models import Department
from fenji.ground.network.queries import contact_of, place_of

_COOKIE = "fenji_own"
_MINUTES = 15
_SECONDS = 60


def _salt(token: str) -> str:
    return f"own page {rules.token_hash(token).hex()}"


def _private(response: HttpResponse) -> HttpResponse:
    """The address opens the page: no search engine keeps it. (No other site is told it: the house's pages all say `same-origin`;
    `no-referrer` would hide from our own check of posted forms where they come from.)"""
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


@page(OPEN, ("GET", "POST"))
def own_page(request: SignedRequest, token: str) -> HttpResponse:
    """Asks for the last four characters, and then shows how the referral stands."""
    given = request.get_signed_cookie(_COOKIE, "", salt=_salt(token), max_age=_MINUTES * _SECONDS)
    if request.method == "POST" and "say" in request.POST:
        return _private(_said(request, token, given))
    if request.method == "POST":
        return _private(_answered(request, token))
    found = queries.own_page(token, bytes.fromhex(given)) if given else None
    if found is None:
        context = {"wrong": "no" in request.GET, "key": fresh_key()}
        return _private(render(request, "referral/own/ask.html", context))
    return _private(render(request, "referral/own/page.html", _shown(found)))


def _answered(request: SignedRequest, token: str) -> HttpResponse:
    answer = rules.answer_digest(token, rules.last_four(request.POST.get("four", "")))
    if queries.own_page(token, answer) is None:
        return HttpResponseRedirect(f"/r/{token}?no", status=303)
    response = HttpResponseRedirect(f"/r/{token}", status=303)
    response.set_signed_cookie(
        _COOKIE,
        answer.hex(),
        salt=_salt(token),
        max_age=_MINUTES * _SECONDS,
        path=f"/r/{token}",
        httponly=True,
        samesite="Lax",
        secure=settings.SECURE,
    )
    return response


def _said(request: SignedRequest, token: str, given: str) -> HttpResponse:
    """What was said on the page is taken down, and the page shown again: it says what stands."""
    if given:
        actions.say(token, bytes.fromhex(given), request.POST["say"])
    return HttpResponseRedirect(f"/r/{token}", status=303)


def _shown(found: OwnPage) -> dict[str, Any]:
    down = found.direction == rules.DOWN
    arrived_below = down and any(action == "arrive" for _day, _state, action in found.steps)
    reached = rules.ARRIVED if arrived_below and found.state == rules.CLOSED else found.state
    state, advice = (texts.OWN_PAGE_DOWN if down else texts.OWN_PAGE)[reached]
    names = texts.OWN_STEPS_DOWN if down else texts.OWN_STEPS
    origin, receiver, contact = place_of(found.origin_id), place_of(found.receiver_id), contact_of(found.receiver_id)
    way = way_to(found.origin_id, found.receiver_id)
    department = Department.objects.filter(pk=found.department_id).first() if found.department_id else None
    name = (department.name_en if get_language() == "en" else department.name_zh) if department else ""
    return {
        "state": state,
        "advice": advice,
        "tone": "amber" if found.state in (rules.DECLINED, rules.MISSED) else "",
        "coming": found.state in (rules.OFFERED, rules.ACCEPTED, rules.MISSED),
        "key": fresh_key(),
        "down": down,
        "acts_as": proxy_text(found.relation, guardian=found.guardian) if found.relation else "",
        "words": [(word, texts.OWN_WORDS[word]) for word in rules.words_open(found.state, found.word or "")],
        "said": texts.OWN_SAID.get(found.word or "", ""),
        "expected_on": found.expected_on,
        "doctor": found.doctor,
        "follow_ups": found.follow_ups,
        "way": way,
        "receiver": receiver,
        "contact": contact,
        "phone": way["directions"].phone or contact.phone,
        "department": name,
        "appointed_at": found.appointed_at,
        "origin": origin,
        "origin_contact": contact_of(found.origin_id),
        "steps": [(day, names.get(_step(after, action), _("The referral has ended"))) for day, after, action in found.steps],
    }


def _step(after: str, action: str) -> str:
    """The state that a step has reached, as the patient sees it: on the way down arrival closes the case."""
    return rules.ARRIVED if (after, action) == (rules.CLOSED, "arrive") else after


@page("referral.write", ("POST",))
def own_link(request: SignedRequest, number: str, action: str) -> HttpResponse:
    """The sender renews or revokes the address of the resident's page."""
    shown = request.POST.get("link", "")
    try:
        if action == "renew":
            actions.renew_link(number, shown, by=request.actor, at=request.at)
            messages.success(request, _("There is a new address. The old one opens nothing any more."))
        elif action == "revoke":
            actions.revoke_link(number, shown, by=request.actor, at=request.at)
            messages.success(request, _("The resident's page is closed."))
        else:
            raise Unknown(what="action")
    except Unknown:
        raise
    except Refused as refusal:
        happened, remedy = refusal_text(refusal)
        context = {"happened": happened, "remedy": remedy, "status": 409}
        return render(request, "desk/problem.html", context, status=409)
    return HttpResponseRedirect(f"/referrals/{number}/", status=303)
