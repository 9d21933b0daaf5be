"""The plan's page, for the hospital that wrote it and the team that follows: summary, plan, its days, the chain, what happened."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from fenji.care.continuity import actions, queries, rules, texts
from fenji.care.continuity.forms import AttachForm
from fenji.care.continuity.models import FollowUp, Package
from fenji.care.continuity.views.follow_ups import shown_values, what_is_due
from fenji.care.registry.queries import linked
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import SignedRequest, fresh_key, page, refusal_text
from fenji.ground.common.identity import age_on
from fenji.ground.common.refusal import Refused, Unknown
from fenji.ground.documents.queries import largest_body, largest_file
from fenji.ground.network.queries import place_of


@page("followup.read")
def plan(request: SignedRequest, subject: str) -> HttpResponse:
    """One package with its plan. Raises Unknown for one that does not exist or that the actor may not see."""
    return _show(request, subject)


@page("package.write", ("POST",), largest=largest_body)
def attach(request: SignedRequest, subject: str) -> HttpResponse:
    """A file goes along with the package."""
    found = queries.package(subject)
    form = AttachForm(request.POST, request.FILES)
    if not form.is_valid():
        return _show(request, subject, form=form, status=422)
    file = form.cleaned_data["file"]
    said = {"by": request.actor, "at": request.at}
    try:
        with transaction.atomic():
            actions.attach(found.subject, file.name, file.read(), form.cleaned_data["what"], **said)
    except Refused as refusal:
        return _show(request, subject, form=form, problem=refusal_text(refusal), status=409)
    return HttpResponseRedirect(f"/plans/{found.subject}/", status=303)


@page("package.write", ("POST",))
def detach(request: SignedRequest, attachment_id: UUID) -> HttpResponse:
    """It was the wrong file: its content is wiped."""
    subject = queries.attachment(attachment_id).package.subject
    try:
        with transaction.atomic():
            actions.detach(attachment_id, by=request.actor, at=request.at)
    except Refused as refusal:
        return _show(request, subject, problem=refusal_text(refusal), status=409)
    return HttpResponseRedirect(f"/plans/{subject}/", status=303)


def _show(
    request: SignedRequest, subject: str, *, form: AttachForm | None = None, problem: Any = None, status: int = 200
) -> HttpResponse:
    found = queries.plan_of(subject)
    if found is None:
        raise Unknown(what="package")
    package, today = found.package, local_day(request.at)
    request.reads.append(("plan.page", str(package.pk)))
    draft = package.state == rules.DRAFT
    context: dict[str, Any] = {
        "package": package,
        "problem": problem,
        "files": queries.attachments_of(package.pk),
        "age": age_on(package.patient_birth_date, today),
        "phone": queries.phone_of(package),
        "state": texts.PACKAGE_STATES[package.state],
        "end_reason": texts.END_REASONS.get(package.end_reason, ""),
        "draft": draft,
        "may_write": package.state == rules.DRAFT
        and request.actor.may("package.write")
        and package.origin_id == request.actor.org_id,
        "missing": [texts.PARTS[part] for part in queries.parts_missing_of(subject)] if package.state == rules.DRAFT else [],
        "stages": (texts.STAGES[package.stage_from], texts.STAGES[package.stage]),
        "items": [(item, texts.KINDS[item.kind], texts.SERVICES[item.service]) for item in found.items],
        "services_missing": [texts.SERVICES[s] for s in found.services_missing] if found.items else [],
        "days": _days(found, request),
        "chain": [(p, texts.STAGES[p.stage_from], texts.STAGES[p.stage]) for p in queries.chain_of(linked(package.resident_id))],
        "events": [(e, texts.EVENTS[e.action], _outcome(e.action, e.outcome)) for e in queries.history_of(subject)],
    }
    if context["may_write"]:
        largest = largest_file(request)
        context |= {"form": form or AttachForm(), "largest": largest, "megabytes": largest >> 20, "key": fresh_key()}
    return render(request, "continuity/plan.html", context, status=status)


def _outcome(action: str, outcome: str) -> Any:
    return (texts.END_REASONS if action == "end" else texts.OUTCOMES).get(outcome, "")


def _days(found: queries.Plan, request: SignedRequest) -> list[dict[str, Any]]:
    package: Package = found.package
    if package.receiver_id is None:
        return []
    today = local_day(request.at)
    policy = queries.policy_at(place_of(package.receiver_id), today)

    def shown(row: FollowUp) -> dict[str, Any]:
        waits = row.state == rules.OPEN
        return {
            "row": row,
            "what": what_is_due(row, list(found.items)),
            "state": texts.STATES[row.state],
            "outcome": texts.OUTCOMES.get(row.outcome, "") if row.state != rules.DONE else "",
            "values": shown_values(row),
            "overdue": waits and rules.is_overdue(row.due_on, today, policy),
            "may": waits and row.org_id == request.actor.org_id and request.actor.may("followup.write"),
        }

    return [shown(row) for row in found.follow_ups]
