"""What happens to cases without anybody acting on them: they expire, emergencies lapse, and they follow a merger."""

from __future__ import annotations

from datetime import datetime

from django.db import connections, transaction

from fenji.care.booking import actions as booking
from fenji.care.referral import queries, rules
from fenji.care.referral.actions.step import close_meeting, record, told
from fenji.care.referral.models import Case
from fenji.ground.access import rules as access
from fenji.ground.common.clock import deadline, local_day
from fenji.ground.network.queries import place_of
from fenji.ground.network.rules import CannotMerge
from fenji.ground.policy.queries import duty_calendar
from fenji.ground.tasks import actions as tasks


def expire_forgotten(*, at: datetime, using: str = "job", limit: int = 200) -> int:
    """End cases whose origin has let its move lie past the policy's limit. Runs as the job role; returns how many."""
    forgotten = Case.objects.using(using).filter(state__in=rules.EXPIRING, due_at__lt=at)
    rows = forgotten.order_by("due_at").values_list("id", "number", "state", "version", "origin_id", "due_at", "met")[:limit]
    return sum(_expire(*row, at=at, using=using) for row in rows)


def _expire(
    case_id: object, number: str, state: str, version: int, origin_id: int, due_at: datetime, met: str, *, at: datetime, using: str
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
        record(Case(pk=case_id, number=number), house, at, "expire", state, rules.EXPIRED, "", using=using)
        tasks.close_step(number, at=at, using=using)
        booking.release(number, rules.EXPIRED, by=house, at=at, using=using)
        close_meeting(number, met, at=at, using=using)
    return True


def lapse_unaccepted(*, at: datetime, using: str = "job", limit: int = 200) -> int:
    """Emergencies that nobody accepted in time (QZ-2-11h): both heads, the sender and the receiver are told, and the sender may
    offer to the next institution at once. The case goes on: no clock closes an emergency. Runs as the job role; returns how many.
    """
    # the job role sees, of cases that are offered, the emergencies alone
    waiting = Case.objects.using(using).filter(state=rules.OFFERED, lapsed_at=None, due_at__lte=at)
    rows = list(waiting.order_by("due_at").values_list("id", "number", "version", "origin_id", "receiver_id")[:limit])
    return sum(_lapse(*row, at=at, using=using) for row in rows)


def _lapse(case_id: object, number: str, version: int, origin_id: int, receiver_id: int, *, at: datetime, using: str) -> bool:
    if not queries.grounds(place_of(receiver_id, using), local_day(at)).policy.green_lapses:
        return False
    with transaction.atomic(using=using):
        still = Case.objects.using(using).filter(pk=case_id, version=version, state=rules.OFFERED)
        if not still.update(lapsed_at=at, version=version + 1):
            return False
        house = access.house(receiver_id)
        record(Case(pk=case_id, number=number), house, at, "lapse", rules.OFFERED, rules.OFFERED, "", using=using)
        move = rules.TABLE[rules.OFFERED, rules.HOUSE, "lapse"]
        heads = [(org_id, access.MANAGER) for org_id in (origin_id, receiver_id)]
        for org_id, role in (*told(move, origin_id, receiver_id), *heads):
            url = f"/referrals/{number}/"
            tasks.notify("referral.lapse", org_id=org_id, role=role, subject=number, url=url, at=at, using=using)
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
