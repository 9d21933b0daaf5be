"""The resident's own page of a case: the link as staff see it, and what the page shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from fenji.care.referral import rules
from fenji.care.referral.models import Case, CaseLink
from fenji.care.registry.queries import proxy_place
from fenji.ground.common.prepared import prepared


@dataclass(frozen=True, slots=True)
class OwnPage:
    """What a resident sees of their referral, or who acts for them. `expected_on`, `doctor`, `follow_ups`: on the way down, by when
    the patient is expected, who accepted them, and the days of follow-ups to come. `relation`: what the reader is to the patient;
    None for the patient. `word`: what was said on the page since the offer. `steps`: (day, state reached, action), oldest first.
    """

    state: str
    direction: str
    origin_id: int
    receiver_id: int
    department_id: int | None
    appointed_at: datetime | None
    expected_on: date | None
    doctor: str | None
    relation: str | None
    guardian: bool
    word: str | None
    follow_ups: Sequence[date]
    steps: Sequence[tuple[date, str, str]]


@dataclass(frozen=True, slots=True)
class Acting:
    """Somebody who acts for the patient of a case now. `end`: the day from which they do no more."""

    proxy_id: UUID
    name: str
    relation: str
    guardian: bool
    instead: bool
    phone: str
    end: date | None


def own_page(token: str, answer: bytes) -> OwnPage | None:
    """The page behind an address, for an answer as `rules.answer_digest` makes it. None for a wrong answer, which is counted, and
    just so for an address that is closed, revoked, or never was."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM referral_link(%s, %s)", [rules.token_hash(token), answer])
        row = cursor.fetchone()
    if row is None:
        return None
    days, steps = (json.loads(cell) if isinstance(cell, str) else cell for cell in row[-2:])
    told = tuple((date.fromisoformat(s["day"]), s["state"], s["action"]) for s in steps)
    return OwnPage(*row[:-2], tuple(map(date.fromisoformat, days)), told)


@prepared
def _live(case_id: UUID, proxy_id: UUID | None, *, of_proxy: bool) -> QuerySet[CaseLink]:
    found = CaseLink.objects.defer("token_hash", "digest").filter(case_id=case_id, revoked_at=None)
    return found.filter(proxy_id=proxy_id) if of_proxy else found.filter(proxy_id=None)


def link_of(case: Case, proxy_id: UUID | None = None) -> CaseLink | None:
    """The link of a case that is not revoked, if the open scope has a part in the case: the resident's, or that of a proxy."""
    return next(iter(_live(case.pk, proxy_id, of_proxy=proxy_id is not None)), None)


def acting(case: Case) -> list[Acting]:
    """Who acts for the patient of a case now, the first named first. For the parties of a case, who keep no record of the patient;
    none of those named can be taken back until the open change is made."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM referral_proxies(%s)", [case.pk])
        rows = cursor.fetchall()
    ring = settings.DATABASE_KEYS
    return [Acting(*row[:5], ring.open(bytes(row[5]), proxy_place(row[0])), row[6]) for row in rows]


def link_place(link: CaseLink) -> str:
    """What a sealed token is bound to."""
    return f"caselink.token:{link.pk}"


def address_of(link: CaseLink) -> str:
    """The address of the page, without the host: `/r/<token>`."""
    return f"/r/{settings.DATABASE_KEYS.open(bytes(link.token), link_place(link))}"


def url_for(case: Case) -> str:
    """The address of the resident's own page of a case, for the slip; "" while there is none."""
    link = link_of(case)
    return address_of(link) if link is not None else ""
