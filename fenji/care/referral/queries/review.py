"""Where a case is reviewed, what waits for somebody's review, and who stands in for whom."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from fenji.care.referral import rules
from fenji.care.referral.models import Case, CaseEvent, ReviewDecision, ReviewDelegation
from fenji.care.referral.queries.cases import view_of
from fenji.care.referral.queries.judging import grounds
from fenji.ground.access.queries import has_glass
from fenji.ground.access.rules import CLINICAL, DESK, MANAGER, REVIEWER, Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.memo import remembered
from fenji.ground.common.prepared import prepared
from fenji.ground.common.refusal import Unknown
from fenji.ground.network.queries import Place, alliance_lead, on_duty, place
from fenji.ground.network.queries.people import centre_of, keeps_roster, posts_at

_DUTY = "referral_review"


def party_of(found: Case, by: Actor, at: datetime) -> str | None:
    """As which party somebody meets a case now, standing in for a colleague counted. Raises OwnReview."""
    asked_to = found.state == rules.IN_REVIEW and found.review_org_id == by.org_id and delegation_of(by, at) is not None
    return rules.party_of(view_of(found), by.account_id, by.role, by.org_id, delegated=asked_to)


def upper_of(org_id: int, on: date, using: str = "default") -> Place | None:
    """The unit above an institution that reviews for it: the lead of its county community; None for the lead itself."""
    lead = alliance_lead(org_id, on, using)
    return place(lead) if lead is not None and lead.id != org_id and lead.end is None else None


def route(origin: Place, own: Collection[UUID | None], at: datetime) -> tuple[rules.Route, dict[str, str]]:
    """Where a case of an origin is reviewed that is sent now, and the reason with its clause. `own`: whose case it is, who
    therefore cannot review it. Raises NoReviewer."""
    why = grounds(origin, local_day(at))
    near, relation = origin, rules.OWN
    if why.policy.review_by_centre and (centre := centre_of(origin)) is not None:
        near, relation = centre, rules.CENTRE
    taken = rules.route(_units(near, relation, own, at, why.policy), why.policy)
    return taken, why.reason(taken.code, rules.ROUTES[taken.code]).as_row()


def _units(
    near: Place, relation: str, own: Collection[UUID | None], at: datetime, policy: rules.ReferralPolicy
) -> Iterator[rules.Unit]:
    """The units that may review, nearest first; the one above is read only when it is asked for."""
    yield _unit(near, relation, own, at, policy)
    above = upper_of(near.id, local_day(at))
    if above is not None:
        yield _unit(above, rules.UPPER, own, at, policy)


def _unit(where: Place, relation: str, own: Collection[UUID | None], at: datetime, policy: rules.ReferralPolicy) -> rules.Unit:
    roles = rules.REVIEWING if relation == rules.OWN else rules.OFFICE
    posts = [p for p in posts_at(where.id, roles, at) if p.account_id not in own]
    able = {p.account_id for p in posts} | {d.to_id for d in delegations_on(where.id, at) if d.to_id not in own}
    first = (DESK, REVIEWER, MANAGER) if relation == rules.UPPER else (REVIEWER, MANAGER, DESK)
    role = next((r for r in first if any(p.role == r for p in posts)), first[0])
    days = timedelta(days=policy.review_roster_days)
    rostered = bool(days) and keeps_roster(where.id, _DUTY, at - days, at + days)
    there = rostered and any(s.practitioner.account_id not in own for s in on_duty(where.id, at, _DUTY))
    return rules.Unit(where.id, relation, len(able), rostered, there, role)


# --- what waits --------------------------------------------------------------------------------------------------------------


def reviews(by: Actor, at: datetime) -> bool:
    """Whether somebody reviews: by their role, or because a colleague has asked them to."""
    return by.may("referral.review") or delegation_of(by, at) is not None


def waiting_for_review(by: Actor, at: datetime) -> QuerySet[Case]:
    """Cases that the actor's institution reviews, worst deadline first, the actor's own among them.

    A referral office reviews for others: what its own institution sends goes to other desks.
    """
    found = Case.objects.filter(state=rules.IN_REVIEW, review_org_id=by.org_id).select_related("origin", "receiver")
    if by.role not in rules.REVIEWING and delegation_of(by, at) is None:
        found = found.exclude(origin_id=by.org_id)
    return _not_under_glass(found, by).order_by("due_at", "number")


def may_be_taken(by: Actor) -> QuerySet[Case]:
    """Cases below whose review lies too long, so that the actor's institution may take it over, worst deadline first."""
    found = Case.objects.filter(state=rules.IN_REVIEW, review_upper_id=by.org_id).select_related("origin", "receiver", "review_org")
    return _not_under_glass(found, by).order_by("due_at", "number")


def _not_under_glass(found: QuerySet[Case], by: Actor) -> QuerySet[Case]:
    return found.filter(viewer_ids__overlap=list(by.orgs)) if has_glass(by) else found


def asked_with(cases: Iterable[Case]) -> dict[UUID, str]:
    """The words with which review was asked for once more, by case; those asked for the first time are not named."""
    again = [c.id for c in cases if c.review_no > 1]
    rows = CaseEvent.objects.filter(case__in=again, action="ask_again").order_by("at", "id").values_list("case_id", "note")
    return dict(rows)


def asked_at(found: Case) -> datetime:
    """When the review that runs now was asked for."""
    events = CaseEvent.objects.filter(case=found, after=rules.IN_REVIEW).exclude(before=rules.IN_REVIEW)
    return events.order_by("-at", "-id").values_list("at", flat=True).first() or found.created_at


@prepared
def _decisions(case_id: UUID) -> QuerySet[ReviewDecision]:
    return ReviewDecision.objects.filter(case_id=case_id).select_related("org").order_by("at", "id")


def decisions_of(found: Case) -> list[ReviewDecision]:
    """What reviewers decided on a case, oldest first; nothing of one that was never sent to review."""
    return _decisions(found.pk) if found.review_no else []


# --- who stands in -----------------------------------------------------------------------------------------------------------


@prepared
def _delegations(org_id: int, day: date) -> QuerySet[ReviewDelegation]:
    return ReviewDelegation.objects.filter(org_id=org_id, start__lte=day, end__gt=day, ended_at=None)


@remembered
def delegations_on(org_id: int, at: datetime) -> list[ReviewDelegation]:
    """The delegations of an institution that hold at an instant; none for institutions the scope does not reach."""
    return _delegations(org_id, local_day(at))


def delegation_of(by: Actor, at: datetime) -> ReviewDelegation | None:
    """By which delegation the actor reviews; None when by none."""
    if by.role not in CLINICAL or by.role in rules.REVIEWING:
        return None
    return next((d for d in delegations_on(by.org_id, at) if d.to_id == by.account_id), None)


def delegations(org_id: int, at: datetime) -> list[ReviewDelegation]:
    """The delegations of an institution that hold or are still to come, by their beginning."""
    found = ReviewDelegation.objects.filter(org_id=org_id, end__gt=local_day(at), ended_at=None)
    return list(found.order_by("start", "to_name", "id"))


def past_delegations(org_id: int, at: datetime) -> QuerySet[ReviewDelegation]:
    """Those that are over or were ended, latest first."""
    over = Q(end__lte=local_day(at)) | Q(ended_at__isnull=False)
    return ReviewDelegation.objects.filter(over, org_id=org_id).order_by("-start", "-id")


def delegation(delegation_id: UUID, by: Actor) -> ReviewDelegation:
    """One delegation of the actor's institution. Raises Unknown."""
    found = ReviewDelegation.objects.filter(pk=delegation_id, org_id=by.org_id).first()
    if found is None:
        raise Unknown(what="delegation")
    return found
