"""The way down: who of the ward may go today, sending one of them, and what a case's page shows beside the way up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.care.continuity import queries as packages
from fenji.care.continuity import rules as care
from fenji.care.continuity import texts as words
from fenji.care.referral import actions, queries, rules, texts
from fenji.care.referral.forms import DownForm
from fenji.care.referral.models import Case
from fenji.care.referral.views.shared import consented
from fenji.care.visits import queries as visits
from fenji.care.visits import texts as stays
from fenji.care.visits.models import Stay
from fenji.ground.access import rules as access
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.identity import age_on
from fenji.ground.common.refusal import NotPermitted, Refused
from fenji.ground.common.text import mask_name
from fenji.ground.network.queries import place, place_of


@page("referral.write")
def candidates(request: SignedRequest) -> HttpResponse:
    """Who of this hospital's in-patients may go down today and why, and whose down-referral is on its way (SM-1-2b)."""
    where, today = place_of(request.actor.org_id), local_day(request.at)
    found = [row for row in visits.judged(list(visits.census(request.actor)), where, today) if row.reasons]
    going = queries.on_their_way(request.actor, [row.stay for row in found])
    clauses = visits.down_clauses(where, today)
    request.reads.append(("referral.down", f"{len(found)} shown"))
    rows = [
        {
            "stay": row.stay,
            "who": mask_name(row.stay.resident.name),
            "age": age_on(row.stay.resident.birth_date, today),
            "phase": stays.PHASES[row.stay.phase],
            "why": [(stays.GOES_DOWN[reason], clauses[reason]) for reason in row.reasons],
            "case": going.get(row.stay.pk),
        }
        for row in found
    ]
    return render(request, "referral/down.html", {"rows": rows})


def _form(stay: Stay, found: list[queries.Branch], request: SignedRequest, *data: Any, **first: Any) -> DownForm:
    form = DownForm(*data, branches=found, **first)
    policy = queries.grounds(place(stay.org), local_day(request.at)).policy
    form.fields["consent_who"].required = policy.consent_required
    return form


def _typed(request: SignedRequest) -> tuple[Any, ...]:
    return (request.POST,) if request.method == "POST" else ()


@page("referral.write", ("GET", "POST"))
def new(request: SignedRequest, stay_id: UUID) -> HttpResponse:
    """Send an in-patient down: the branch, and what it should know. What is missing of summary and plan stands beside."""
    stay = visits.stay(stay_id)
    if stay.org_id != request.actor.org_id:
        raise NotPermitted
    going = queries.on_their_way(request.actor, [stay]).get(stay.pk)
    if going is not None and request.method == "GET":
        return HttpResponseRedirect(f"/referrals/{going.number}/", status=303)
    found = queries.branches(stay, request.at)
    form = _form(stay, found, request, *_typed(request))
    return _answered(
        request, stay, None, found, form, lambda: actions.draft_down(stay, form.down(), by=request.actor, at=request.at)
    )


def edit(request: SignedRequest, case: Case) -> HttpResponse:
    """Change a draft, or what a branch declined or waited for in vain, on the form it was written with; offered from there too.

    Called by the page that changes referrals. Raises NotYourMove, NotPossible.
    """
    if request.method == "GET":
        actions.changeable(case, request.actor, request.at)
    stay = visits.stay(case.stay_id)
    found = queries.branches(stay, request.at)
    first = {"receiver": case.receiver_id, "summary": case.summary, "reason": case.override_reason, **consented(case)}
    form = _form(stay, found, request, *_typed(request), initial=first)
    verb = actions.revise_and_offer if "offer" in request.POST else actions.revise_down

    def change() -> Case:
        return verb(case.number, form.down(), version=posted_version(request), by=request.actor, at=request.at)

    return _answered(request, stay, case, found, form, change)


def _answered(
    request: SignedRequest, stay: Stay, case: Case | None, found: list[queries.Branch], form: DownForm, do: Callable[[], Case]
) -> HttpResponse:
    """The form, or the page of the case once it was sent and `do` did not refuse."""
    problem, status = None, 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                written = do()
                draft = written.state == rules.DRAFT
                messages.success(request, _("Kept as a draft. It waits on your desk.") if draft else _("Offered to the receiver."))
                return HttpResponseRedirect(f"/referrals/{written.number}/", status=303)
            except Refused as refusal:
                problem, status = refusal_text(refusal), 409
    request.reads.append(("referral.down", case.number if case else str(stay.pk)))
    package = packages.package_of_stay(stay.pk)
    subject = case.number if case else package.subject if package else ""
    missing = packages.parts_missing_of(subject)
    verdict = found[0].decision if found else None
    context = {
        "form": form,
        "case": queries.case(case.number) if case else None,
        "stay": stay,
        "age": age_on(stay.resident.birth_date, local_day(request.at)),
        "phase": stays.PHASES[stay.phase],
        "branches": found,
        "verdict": verdict,
        "outcome_text": texts.DOWN_OUTCOMES[verdict.outcome] if verdict else "",
        "reasons": [(r, texts.REASONS[r.code]) for r in verdict.reasons] if verdict else [],
        "missing": [words.PARTS[part] for part in missing],
        "problem": problem,
        "key": fresh_key(),
    }
    return render(request, "referral/down_new.html", context, status=status)


def beside(request: SignedRequest, case: Case) -> dict[str, Any]:
    """What the page of a case shows of the way down: its package and what is missing of it, and a return; of a return on the way
    up the case it comes from. Nothing for other cases."""
    if case.direction == rules.UP:
        return {"came_down": queries.came_down(case)}
    package = packages.package_of(case.number)
    ours = case.origin_id == request.actor.org_id
    unsent = ours and case.state in rules.DOWN_UNSENT
    runs = package is not None and package.state == care.HANDED_OVER
    there = case.receiver_id == request.actor.org_id and request.actor.role == access.DOCTOR
    return {
        "down": True,
        "package": package,
        "missing": [words.PARTS[part] for part in packages.parts_missing_of(case.number)] if unsent else [],
        "may_write": unsent and request.actor.may("package.write"),
        "returnable": runs and there and case.door_at is not None,
        "went_up": queries.returned(case),
        "outcome_text": texts.DOWN_OUTCOMES[case.verdict],
    }


def branch_choices(case: Case, request: SignedRequest) -> list[tuple[int, str]]:
    """The branches a case may be offered to, best first."""
    found = queries.branches(visits.stay(case.stay_id), request.at)
    return [(b.place.id, b.place.name) for b in found if b.place.id != case.receiver_id]
