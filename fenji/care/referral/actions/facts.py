"""The identity behind a fact, for officers."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection

from fenji.care.referral import queries
from fenji.ground.access.actions import opening
from fenji.ground.access.rules import AccessPolicy, Actor, reason_given
from fenji.ground.common.clock import local_day
from fenji.ground.common.ids import uuid7
from fenji.ground.common.refusal import NotPermitted
from fenji.ground.network.queries import place_of
from fenji.ground.policy.queries import resolve


def identify(number: str, reason: str, *, by: Actor, at: datetime) -> UUID:
    """Ask for the identity behind a referral, as an officer; returns the opening against which `handed_out` gives it, once.

    Raises NotPermitted, ReasonTooShort, TooManyOpenings. `number`: a referral whose facts the actor sees.
    """
    if not by.may("facts.identify"):
        raise NotPermitted
    words = reason_given(reason, resolve(AccessPolicy, place_of(by.org_id).policy_path, local_day(at)))
    glass_id = uuid7()
    with opening() as cursor:
        cursor.execute("SELECT referral_identify(%s, %s, %s, %s, %s)", [number, words, glass_id, uuid7(), uuid7()])
    return glass_id


def handed_out(number: str, glass_id: UUID, *, by: Actor) -> queries.Identity | None:
    """Who is behind a referral, against an opening of the actor's own; None when it was used, is over, or never was."""
    if not by.may("facts.identify"):
        raise NotPermitted
    with connection.cursor() as cursor:
        cursor.execute("SELECT number, name, sex, birth_date, phone FROM referral_identity(%s)", [glass_id])
        row = cursor.fetchone()
    if row is None or row[0] != number:
        return None
    phone = settings.DATABASE_KEYS.open(bytes(row[4]), f"case.phone:{number}")
    return queries.Identity(row[1], row[2], row[3], phone)
