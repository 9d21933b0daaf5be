"""Where two cases of one person meet: an emergency ends the one that was open, and a link between residents shows both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection

from fenji.care.referral import queries, rules
from fenji.care.referral.actions.step import due, told
from fenji.care.referral.models import Case
from fenji.care.registry.queries import resident as resident_of
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.identity import age_on
from fenji.ground.common.ids import uuid7
from fenji.ground.common.refusal import Stale
from fenji.ground.common.text import mask_name
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import place_of
from fenji.ground.tasks import actions as tasks


def supersede(case: Case, *, version: int, by: Actor, at: datetime) -> str:
    """End the open case that an emergency about to be sent takes the place of, whichever institution wrote it, and link the two.

    Returns its number; empty when there is none, or one that is itself an emergency on its way (then the database refuses the
    emergency). Raises NotYourMove, Stale.
    """
    if version != case.version:
        raise Stale
    rules.step(queries.view_of(case), rules.party_of(queries.view_of(case), by.account_id, by.role, by.org_id), "offer")
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM referral_supersede(%s, %s, %s, %s)", [case.number, at, uuid7(), uuid7()])
        row = cursor.fetchone()
    if row is None:
        return ""
    number, before, origin_id, receiver_id = row
    move = rules.TABLE[before, rules.HOUSE, "supersede"]
    for org_id, role in told(move, origin_id, receiver_id):
        if org_id == origin_id or before in rules.KNOWN_TO_RECEIVER:
            url = f"/referrals/{number}/"
            tasks.send("referral.supersede", org_id=org_id, role=role, subject=number, url=url, at=at)
    return str(number)


@all_or_nothing
def met_by_link(canonical_id: UUID, other_id: UUID, *, by: Actor, at: datetime) -> int:
    """Two residents turned out to be one person: where both have an open case, each origin gets a step to look at the two.

    Returns how many steps were opened. The actor reaches both residents. Raises Unknown.
    """
    person, _other = resident_of(canonical_id), resident_of(other_id)
    until = due(place_of(by.org_id), "meet_within", at)
    age = age_on(person.birth_date, local_day(at))
    values = [canonical_id, other_id, mask_name(person.name), person.sex, age, at, until, uuid7()]
    with connection.cursor() as cursor:
        cursor.execute("SELECT referral_meet(%s, %s, %s, %s, %s, %s, %s, %s)", values)
        return int(cursor.fetchone()[0])


def met_by_links(residents: Sequence[UUID], *, by: Actor, at: datetime) -> None:
    """What the register calls when records are linked: the one that stands for the person first, then the others."""
    for other in residents[1:]:
        met_by_link(residents[0], other, by=by, at=at)
