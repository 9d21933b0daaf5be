"""What happens to cases without anybody acting on them: they expire, and they follow a merger."""

from __future__ import annotations

from datetime import datetime

from django.db import connections, transaction

from fenji.care.referral import queries, rules
from fenji.care.referral.models import Case, CaseEvent
from fenji.ground.access import rules as access
from fenji.ground.access.actions import audit
from fenji.ground.common.clock import deadline, local_day
from fenji.ground.network.queries import place_of
from fenji.ground.network.rules import CannotMerge
from fenji.ground.policy.queries import duty_calendar
from fenji.ground.tasks import actions as tasks


def expire_forgotten(*, at: datetime, using: str = "job", limit: int = 200) -> int:
    """End cases whose origin has let its move lie past the policy's limit. Runs as the job role; returns how many."""
    forgotten = Case.objects.using(using).filter(state__in=rules.EXPIRING, due_at__lt=at)
    rows = forgotten.order_by("due_at").values_list("id", "number", "state", "version", "origin_id", "due_at")[:limit]
    return sum(_expire(*row, at=at, using=using) for row in rows)


def _expire(
    case_id: object, number: str, state: str, version: int, origin_id: int, due_at: datetime, *, at: datetime, using: str
) -> bool:
    origin = place_of(origin_id, using)
    day = local_day(at)
    limit = queries.grounds(origin, day).policy.expires_after
    if deadline(due_at, limit, duty_calendar(origin.policy_path, day)) > at:
        return False
    house = access.house(origin_id)
    with transaction.atomic(using=using):
        changed = (
            Case.objects.using(using)
            .filter(pk=case_id, version=version, state=state)
            .update(state=rules.EXPIRED, holder_id=None, due_at=None, ended_at=at, version=version + 1)
        )
        if not changed:
            return False
        CaseEvent.objects.using(using).create(
            case_id=case_id, at=at, actor_id=house.account_id, actor_name="", role=house.role, org_name="", action="expire",
            before=state, after=rules.EXPIRED,
        )  # fmt: skip
        tasks.close_step(number, at=at, using=using)
        audit(by=house, at=at, action="referral.expire", subject=number, before=state, after=rules.EXPIRED, using=using)
    return True


_SEEN = (
    "UPDATE referral_case SET viewer_ids = viewer_ids || %(heir)s WHERE viewer_ids @> ARRAY[%(org)s]"
    " AND NOT viewer_ids @> ARRAY[%(heir)s]"
)
_COLUMNS = ("origin_id", "receiver_id", "holder_id", "duty_id", "review_org_id", "review_upper_id")
_PARTIES = "UPDATE referral_case SET {} WHERE %(org)s IN ({}) AND ended_at IS NULL".format(
    ", ".join(f"{c} = CASE {c} WHEN %(org)s THEN %(heir)s ELSE {c} END" for c in _COLUMNS), ", ".join(_COLUMNS)
)


def inherit(predecessor: int, successor: int, using: str) -> None:
    """Open cases of an institution that went into another move on there; ended ones stay as they were, and can be read there.

    Raises CannotMerge while one of the two has an open referral to the other: nobody could be both its parties.
    """
    both = (predecessor, successor)
    if Case.objects.using(using).filter(origin_id__in=both, receiver_id__in=both, ended_at=None).exists():
        raise CannotMerge(why="open_between")
    with connections[using].cursor() as cursor:
        for statement in (_SEEN, _PARTIES):
            cursor.execute(statement, {"org": predecessor, "heir": successor})
