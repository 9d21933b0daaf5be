"""What the house does by itself: ends holds, keeps what becomes free for the first who waits, hands on after a merger."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connections, transaction
from django.db.models import F, QuerySet

from fenji.care.booking import queries, rules
from fenji.care.booking.actions.beds import change_hold
from fenji.care.booking.actions.bookings import change
from fenji.care.booking.models import BedHold, Booking, Feed, Slot, WaitEntry
from fenji.ground.access import rules as access
from fenji.ground.common.clock import local_day
from fenji.ground.network.queries import place_of
from fenji.ground.tasks import actions as tasks

_WEEKS = 4
"""How far ahead the sweep looks for those who wait; the desk may give them any slot."""
_HOLD = ("id", "version", "state", "subject", "url", "org_id", "origin_id", "held_until")


def end_holds(*, at: datetime, using: str = "job", limit: int = 500) -> int:
    """End the holds whose time is over, and tell the institutions that held. Returns how many."""
    with transaction.atomic(using=using):
        over = list(
            Booking.objects.using(using)
            .select_for_update(skip_locked=True)
            .filter(state=rules.HELD, held_until__lte=at)
            .only(*_HOLD)
            .order_by("held_until")[:limit]
        )
        for row in over:
            change(row, rules.RELEASED, access.house(row.org_id), at, reason="expired", using=using)
            tasks.notify("booking.expired", org_id=row.origin_id, role=access.DOCTOR, subject=row.subject, url=row.url, at=at)
    return len(over)


def end_bed_holds(*, at: datetime, using: str = "job", limit: int = 500) -> int:
    """End the holds of beds whose time is over, confirmed ones too, and tell the institutions that held and the wards. Returns how
    many."""
    with transaction.atomic(using=using):
        over = list(
            BedHold.objects.using(using)
            .select_for_update(skip_locked=True)
            .filter(state__in=rules.LIVE, held_until__lte=at)
            .only(*_HOLD)
            .order_by("held_until")[:limit]
        )
        for row in over:
            change_hold(row, rules.EXPIRED, access.house(row.org_id), at, reason="expired", using=using)
            told = {"subject": row.subject, "at": at, "using": using}
            tasks.notify("booking.bed_expired", org_id=row.origin_id, role=access.DOCTOR, url=row.url, **told)
            tasks.notify("booking.bed_expired", org_id=row.org_id, role=access.DESK, url=f"/beds/?org={row.org_id}", **told)
    return len(over)


_OPENING = (
    *("id", "start_at", "reserved", "session__id", "session__department_id", "session__kind", "session__item"),
    *("session__release_at", "session__source"),
)
_WAIT = (
    *("id", "version", "org_id", "origin_id", "department_id", "subject", "url", "priority", "kind", "item", "state", "asked_at"),
    "offered",
)


def propose(*, at: datetime, using: str = "job") -> int:
    """Keep free slots for the first who wait, for a time, and tell both sides (SM-1-2c). Returns how many."""
    waiting = defaultdict(list)
    for row in WaitEntry.objects.using(using).filter(state=rules.WAITING, kind__in=rules.KINDS).only(*_WAIT):
        waiting[row.org_id].append(row)
    _let_go({row.id for rows in waiting.values() for row in rows}, at, using)
    kept = _kept(waiting, at, using)
    return sum(_propose(org_id, [r for r in rows if r.id not in kept], at, using) for org_id, rows in waiting.items())


def _let_go(waiting: set[UUID], at: datetime, using: str) -> None:
    """Nobody keeps a slot who waits no longer."""
    kept = Slot.objects.using(using).filter(kept_until__gt=at).exclude(kept_for__in=waiting)
    kept.update(kept_until=None, kept_for=None, version=F("version") + 1)


def _kept(waiting: dict[int, list[WaitEntry]], at: datetime, using: str) -> set[UUID | None]:
    """Who has a slot kept for them already."""
    rows = Slot.objects.using(using).filter(org_id__in=waiting, kept_until__gt=at, taken=False)
    return set(rows.values_list("kept_for", flat=True))


def _openings(org_id: int, at: datetime, using: str) -> QuerySet[Slot]:
    found = queries.free_at(org_id, at, _WEEKS, using).filter(queries.not_kept(at))
    return found.select_related(None).select_related("session").only(*_OPENING)


def _propose(org_id: int, rows: list[WaitEntry], at: datetime, using: str) -> int:
    policy = queries.policy_at(place_of(org_id, using), local_day(at))
    heard = Feed.objects.using(using).filter(pk=org_id).values_list("heard_at", flat=True).first()
    silent = rules.is_stale(heard, at, policy)
    openings = []
    for slot in _openings(org_id, at, using):
        session = slot.session
        if session.source == rules.FED and silent:
            continue
        held_back = slot.reserved and at < session.release_at
        openings.append(rules.Opening(slot.id, slot.start_at, org_id, session.kind, session.item, session.department_id, held_back))
    entries = {row.id: row for row in rows}
    until = at + timedelta(minutes=policy.kept_within.minutes)
    made = 0
    for want, opening in rules.proposals([queries.want_of(r, policy) for r in rows], openings):
        entry = entries[want.id]
        with transaction.atomic(using=using):
            free = Slot.objects.using(using).filter(pk=opening.id, taken=False, outside="", voided_at=None)
            if not free.update(
                kept_until=min(until, opening.start_at), kept_rank=want.rank, kept_for=want.id, version=F("version") + 1
            ):
                continue
            WaitEntry.objects.using(using).filter(pk=want.id).update(offered=opening.id, version=F("version") + 1)
            told = {"subject": entry.subject, "at": at, "using": using}
            tasks.notify("booking.proposed", org_id=org_id, role=access.DESK, url="/booking/waiting/", **told)
            tasks.notify("booking.kept", org_id=entry.origin_id, role=access.DOCTOR, url=entry.url, **told)
        made += 1
    return made


_SEEN = "UPDATE {} SET viewer_ids = viewer_ids || %(heir)s WHERE viewer_ids @> ARRAY[%(org)s] AND NOT viewer_ids @> ARRAY[%(heir)s]"
_TABLES = ("booking_booking", "booking_waitentry", "booking_bedhold")


_NO_MORE_SHARED = (
    "UPDATE booking_ward SET partner_id = NULL, partner_department_id = NULL, partner_doctor_id = NULL, partner_doctor_name = ''"
    " WHERE (org_id, partner_id) IN ((%(org)s, %(heir)s), (%(heir)s, %(org)s))"
)
"""The two that shared a ward are one."""
_WARDS = """
UPDATE booking_ward w SET org_id = %(heir)s, source_id = '', name = CASE WHEN EXISTS (
  SELECT 1 FROM booking_ward o WHERE o.org_id = %(heir)s AND o.name = w.name AND o."end" IS NULL
) THEN w.name || ' (' || %(org)s || ')' ELSE w.name END WHERE w.org_id = %(org)s
"""
"""Both may have a ward of one name: the one that comes bears the number of where it came from."""


def inherit(predecessor: int, successor: int, using: str) -> None:
    """Sessions, bookings, waits, wards and holds of an institution that went into another go on there. What its own system
    fed is typed from now on: the two systems may call different sessions, wards and beds the same."""
    both = {"org": predecessor, "heir": successor}
    with connections[using].cursor() as cursor:
        for table in _TABLES:
            cursor.execute(_SEEN.format(table), both)
            cursor.execute(f"UPDATE {table} SET origin_id = %(heir)s WHERE origin_id = %(org)s AND ended_at IS NULL", both)
            cursor.execute(f"UPDATE {table} SET org_id = %(heir)s WHERE org_id = %(org)s AND ended_at IS NULL", both)
        cursor.execute(_NO_MORE_SHARED, both)
        cursor.execute("UPDATE booking_ward SET partner_id = %(heir)s WHERE partner_id = %(org)s", both)
        cursor.execute(_WARDS, both)
        cursor.execute("UPDATE booking_bed SET org_id = %(heir)s, source = 'typed', source_id = '' WHERE org_id = %(org)s", both)
        cursor.execute("UPDATE booking_slot SET org_id = %(heir)s WHERE org_id = %(org)s", both)
        cursor.execute(
            "UPDATE booking_clinicsession SET org_id = %(heir)s, source = 'typed', source_id = '' WHERE org_id = %(org)s", both
        )
