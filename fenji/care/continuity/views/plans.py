"""The plan's page, for the hospital that wrote it and the team that follows: summary, plan, its days, the chain, what happened."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from fenji.care.continuity import queries, rules, texts
from fenji.care.continuity.models import FollowUp, Package
from fenji.care.continuity.views.follow_ups import shown_values, what_is_due
from fenji.care.registry.queries import linked
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import SignedRequest, page
from fenji.ground.common.identity import age_on
from fenji.ground.common.refusal import Unknown
from fenji.ground.network.queries import place_of


@page("followup.read")
def plan(request: SignedRequest, subject: str) -> HttpResponse:
    """One package with its plan. Raises Unknown for one that does not exist or that the actor may not see."""
    found = queries.plan_of(subject)
    if found is None:
        raise Unknown(what="package")
    package, today = found.package, local_day(request.at)
    request.reads.append(("plan.page", str(package.pk)))
    draft = package.state == rules.DRAFT
    context: dict[str, Any] = {
        "package": package,
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
    return render(request, "continuity/plan.html", context)


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
