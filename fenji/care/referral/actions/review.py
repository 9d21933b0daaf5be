"""Review: asking for it, deciding, taking it over from an institution that does not come to it, standing in for a colleague."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from fenji.care.referral import queries, rules
from fenji.care.referral.actions.step import carry_out, due, record
from fenji.care.referral.actions.writing import asking, judged_again
from fenji.care.referral.models import Case, ReviewDecision, ReviewDelegation
from fenji.care.visits import actions as visits
from fenji.care.visits import rules as visit_rules
from fenji.ground.access import queries as access_queries
from fenji.ground.access import rules as access
from fenji.ground.access.actions import audit
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import deadline, local_day
from fenji.ground.common.refusal import NotPermitted, Refused, Stale
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import place_of
from fenji.ground.network.queries.directory import organisation
from fenji.ground.network.queries.people import posts_at
from fenji.ground.policy.queries import duty_calendar
from fenji.ground.tasks import actions as tasks


def approve(number: str, *, version: int, by: Actor, at: datetime, note: str = "") -> Case:
    """The reviewer lets it go up."""
    return _decide(number, "approve", version=version, by=by, at=at, note=note)


def complete(number: str, *, version: int, by: Actor, at: datetime, note: str) -> Case:
    """The reviewer says what is missing; sent again it is the same request, and its deadline is kept."""
    return _decide(number, "complete", version=version, by=by, at=at, note=note)


def treat_locally(number: str, *, version: int, by: Actor, at: datetime, note: str) -> Case:
    """The reviewer does not approve: the patient can be treated where they are, for the reason given (SM-3-5c)."""
    return _decide(number, "treat_locally", version=version, by=by, at=at, note=note)


@all_or_nothing
def _decide(number: str, action: str, *, version: int, by: Actor, at: datetime, note: str) -> Case:
    case = queries.case(number)
    asked, due_at = queries.asked_at(case), case.due_at
    decided = carry_out(case, action, version=version, by=by, at=at, note=note)
    ReviewDecision.objects.create(
        case=decided,
        org_id=by.org_id,
        request=decided.review_no,
        route=decided.review_route[0]["code"],
        asked_at=asked,
        due_at=due_at,
        at=at,
        decision=action,
        reviewer_id=by.account_id,
        reviewer_name=by.name,
        role=by.role,
        delegation=queries.delegation_of(by, at),
    )
    return decided


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one of several cases: `refused` is None when it was approved."""

    number: str
    refused: Refused | None


@all_or_nothing
def approve_several(ticked: dict[str, int], *, by: Actor, at: datetime, note: str = "") -> list[Outcome]:
    """Approve several cases, number → version that was seen: each on its own, so that one that is stale takes no other back.

    In the order of their numbers: two people who tick the same cases never wait for each other in a ring.
    """
    found = []
    for number, version in sorted(ticked.items()):
        try:
            with transaction.atomic():
                approve(number, version=version, by=by, at=at, note=note)
            found.append(Outcome(number, None))
        except Refused as refused:
            found.append(Outcome(number, refused))
    return found


@all_or_nothing
def ask_again(number: str, *, version: int, by: Actor, at: datetime, note: str) -> Case:
    """Ask for review once more after it was not approved, with a new reason; the request is counted, the verdict taken anew.

    Raises AskedEnough, VerdictForbids, NoReviewer.
    """
    case = queries.case(number)
    if case.state != rules.LOCAL:
        raise rules.NotPossible(state=case.state)
    origin, receiver = place_of(case.origin_id), organisation(case.receiver_id)
    policy = queries.grounds(origin, local_day(at)).policy
    if not rules.may_ask_again(case.review_no, policy):
        raise rules.AskedEnough(times=policy.review_requests)
    _, verdict = judged_again(case, origin, receiver, override=True, at=at)
    if verdict["verdict"] == rules.NOT_ALLOWED:
        raise rules.VerdictForbids
    asked, role = asking(case, origin, at)
    return carry_out(case, "ask_again", version=version, by=by, at=at, note=note, changes={**verdict, **asked}, role=role)


@all_or_nothing
def treat_here(number: str, disposition: str, *, version: int, by: Actor, at: datetime, note: str = "") -> Case:
    """The doctor treats the patient after all: the case is closed, and the visit ends as the disposition says.

    Raises DispositionRequired.
    """
    case = queries.case(number)
    if disposition not in visit_rules.KEPT_HERE:
        raise rules.DispositionRequired
    closed = carry_out(case, "treat_here", version=version, by=by, at=at, note=note)
    visits.kept_here(closed.visit, disposition, by=by, at=at)
    return closed


@all_or_nothing
def take(number: str, *, version: int, by: Actor, at: datetime, note: str = "") -> Case:
    """The office of the unit above takes over a review that lies too long; from now on it decides."""
    case = queries.case(number)
    place = place_of(by.org_id)
    why = queries.grounds(place_of(case.origin_id), local_day(at)).reason("review_taken", rules.ROUTES["review_taken"])
    due_at = due(place, "review_within", at)
    changes = {"review_org_id": by.org_id, "review_upper_id": None, "review_route": [why.as_row()], "review_due_at": due_at}
    return carry_out(case, "take", version=version, by=by, at=at, note=note, changes=changes, role=by.role)


def open_to_upper(*, at: datetime, using: str = "job") -> int:
    """Let the unit above see, and take over, reviews that are overdue by more than the policy's limit. Runs as the job role.

    Nothing is decided for anybody. Returns how many.
    """
    late = Case.objects.using(using).filter(state=rules.IN_REVIEW, review_upper=None, due_at__lt=at).order_by("due_at")
    columns = ("id", "number", "version", "origin_id", "review_org_id", "viewer_ids", "due_at")
    return sum(_opened(row, at, using) for row in late.values(*columns))


def _opened(row: dict[str, Any], at: datetime, using: str) -> bool:
    here, day = place_of(row["review_org_id"], using), local_day(at)
    limit = queries.grounds(here, day).policy.review_upper_after
    above = queries.upper_of(here.id, day, using)
    if above is None or deadline(row["due_at"], limit, duty_calendar(here.policy_path, day)) > at:
        return False
    viewers = [*row["viewer_ids"], *([] if above.id in row["viewer_ids"] else [above.id])]
    with transaction.atomic(using=using):
        waiting = Case.objects.using(using).filter(pk=row["id"], version=row["version"], state=rules.IN_REVIEW)
        if not waiting.update(review_upper_id=above.id, viewer_ids=viewers, version=F("version") + 1):
            return False
        house = access.house(row["origin_id"])
        case = Case(pk=row["id"], number=row["number"])
        record(case, house, at, "escalate", rules.IN_REVIEW, rules.IN_REVIEW, "", using=using)
        tasks.show_step(row["number"], above.id, using=using)
        url = f"/referrals/{row['number']}/"
        tasks.notify("referral.escalate", org_id=above.id, role=access.DESK, subject=row["number"], url=url, at=at, using=using)
    return True


# --- standing in -------------------------------------------------------------------------------------------------------------


def may_delegate(by: Actor) -> bool:
    """Whether somebody may ask a colleague to review: only who reviews by their own role."""
    return by.may("referral.review")


def delegates(by: Actor, at: datetime) -> dict[UUID, str]:
    """Colleagues who may be asked: people with a clinical post at the institution that does not review anyway; id → name.

    No nurse: whether a patient goes up is a doctor's judgement (SM-3-5c).
    """
    posts = posts_at(by.org_id, access.CLINICAL - {access.NURSE}, at)
    able = {p.account_id for p in posts if p.role in rules.REVIEWING} | {by.account_id}
    names = access_queries.names_of({p.account_id for p in posts} - able)
    return dict(sorted(names.items(), key=lambda pair: (pair[1], str(pair[0]))))


@all_or_nothing
def delegate(to_id: UUID, start: date, until: date, reason: str, *, by: Actor, at: datetime) -> ReviewDelegation:
    """Ask a colleague to review from `start` to `until`, both included. Raises NotPermitted, WrongDelegate, WrongDelegation."""
    if not may_delegate(by):
        raise NotPermitted
    place = place_of(by.org_id)
    start, end = rules.delegation_days(start, until, local_day(at), queries.grounds(place, local_day(at)).policy)
    name = delegates(by, at).get(to_id)
    if name is None:
        raise rules.WrongDelegate
    if any(d.to_id == to_id and d.start < end and start < d.end for d in queries.delegations(by.org_id, at)):
        raise rules.WrongDelegation(why="delegation_overlaps", most=0)
    made = ReviewDelegation(
        org_id=by.org_id, from_id=by.account_id, from_name=by.name, to_id=to_id, to_name=name,
        start=start, end=end, reason=reason, created_at=at,
    )  # fmt: skip
    made.save(force_insert=True)
    audit(by=by, at=at, action="review.delegate", subject=str(made.id), to=str(to_id), start=str(start), end=str(end))
    return made


@all_or_nothing
def end_delegation(delegation_id: UUID, *, version: int, by: Actor, at: datetime) -> None:
    """End a delegation before its last day. Raises NotPermitted, Unknown, Stale."""
    if not may_delegate(by):
        raise NotPermitted
    found = queries.delegation(delegation_id, by)
    running = ReviewDelegation.objects.filter(pk=found.pk, version=version, ended_at=None)
    if not running.update(ended_at=at, version=F("version") + 1):
        raise Stale
    audit(by=by, at=at, action="review.delegation_end", subject=str(found.id))
