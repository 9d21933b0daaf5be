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
from fenji.ground.common.prepared import prepared


@dataclass(frozen=True, slots=True)
class OwnPage:
    """What a resident sees of their referral. `steps`: (day, state reached), oldest first."""

    state: str
    origin_id: int
    receiver_id: int
    department_id: int | None
    appointed_at: datetime | None
    steps: Sequence[tuple[date, str]]


def own_page(token: str, answer: bytes) -> OwnPage | None:
    """The page behind an address, for an answer as `rules.answer_digest` makes it. None for a wrong answer, which is counted, and
    just so for an address that is closed, revoked, or never was."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM referral_link(%s, %s)", [rules.token_hash(token), answer])
        row = cursor.fetchone()
    if row is None:
        return None
    steps = json.loads(row[5]) if isinstance(row[5], str) else row[5]
    return OwnPage(*row[:5], tuple((date.fromisoformat(s["day"]), s["state"]) for s in steps))


@prepared
def _live(case_id: UUID) -> QuerySet[CaseLink]:
    return CaseLink.objects.defer("token_hash", "digest").filter(case_id=case_id, revoked_at=None)


def link_of(case: Case) -> CaseLink | None:
    """The link of a case that is not revoked, if the open scope has a part in the case."""
    return next(iter(_live(case.pk)), None)


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
