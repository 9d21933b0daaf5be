"""Cases that the open scope reaches."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from fenji.care.referral import rules
from fenji.care.referral.models import Case, CaseEvent, Consent, Transfer
from fenji.care.registry.queries import linked
from fenji.ground.access.queries import has_glass, names_of
from fenji.ground.access.rules import DOCTOR, Actor
from fenji.ground.common.prepared import prepared
from fenji.ground.common.refusal import Unknown
from fenji.ground.network.queries import attach_organisations, holders_of


@prepared
def _numbered(number: str, *, joined: tuple[str, ...]) -> QuerySet[Case]:
    rows = Case.objects.filter(number=number)
    return rows.select_related(*joined) if joined else rows


def case(number: str) -> Case:
    """A case that the open scope reaches. Raises Unknown, alike for none and for somebody else's."""
    return _read(number)


def case_shown(number: str) -> Case:
    """The same with what its page names: the department, and the lists it was judged by."""
    # the visit is not joined: it is the origin's alone, and the join would hide the case from the receiver
    return _read(number, "department", "catalogue_version", "treatable_version")


def _read(number: str, *joined: str) -> Case:
    rows = _numbered(number, joined=joined)
    if not rows:
        raise Unknown(what="case")
    found = rows[0]
    # six joins to one table cost the planner more than a second statement
    attach_organisations(found, "origin", "receiver", "holder", "duty", "review_org", "review_upper")
    return found


def view_of(found: Case) -> rules.CaseView:
    """What the table of the case looks at."""
    return rules.CaseView(
        found.state,
        found.origin_id,
        found.receiver_id,
        found.requester_id,
        found.entered_by_id,
        emergency=found.emergency,
        critical=found.critical,
        lapsed=found.lapsed_at is not None,
        review_id=found.review_org_id,
        upper_id=found.review_upper_id,
        direction=found.direction,
    )


def phone_of(found: Case) -> str:
    """The patient's phone, decrypted for one page."""
    return str(settings.DATABASE_KEYS.open(bytes(found.patient_phone), f"case.phone:{found.number}"))


@prepared
def _events(case_id: UUID) -> QuerySet[CaseEvent]:
    return CaseEvent.objects.filter(case_id=case_id).order_by("at", "id")


def timeline(found: Case) -> list[CaseEvent]:
    """Events, oldest first."""
    return _events(found.pk)


def cases_of(resident_id: UUID, limit: int) -> list[Case]:
    """A resident's cases that the open scope reaches, on all records linked with theirs, newest first; one more than `limit` means:
    there are more."""
    return list(Case.objects.filter(resident_id__in=linked(resident_id)).order_by("-created_at", "-id")[: limit + 1])


def cases_numbered(numbers: Collection[str]) -> list[Case]:
    """Of some cases those that the open scope reaches."""
    return list(Case.objects.filter(number__in=numbers)) if numbers else []


def cases_of_institution(actor: Actor) -> QuerySet[Case]:
    """Cases the actor's institution sends or receives, newest first; without those that are only read in an emergency."""
    found = Case.objects.select_related("origin", "receiver").order_by("-created_at", "-number")
    # asked for only then: beside the policy, which says the same, the condition makes the planner leave the number's index
    return found.filter(viewer_ids__overlap=list(actor.orgs)) if has_glass(actor) else found


@prepared
def _consents(case_id: UUID) -> QuerySet[Consent]:
    return Consent.objects.filter(case_id=case_id)


def consent(found: Case) -> Consent | None:
    """Who consented to the transfer or refused it."""
    return next(iter(_consents(found.pk)), None)


def transfer(found: Case) -> Transfer | None:
    """The check a critical patient last left with, for the page and the slip."""
    return Transfer.objects.filter(case=found).order_by("-at", "-id").first()


def clock_of(found: Case) -> rules.Clock | None:
    """The door-to-accept clock of an emergency; None for other cases, before it runs, and for what was entered afterwards."""
    if not found.emergency:
        return None
    return rules.clock(found.offered_at, found.door_at, found.accepted_at, late=found.happened_at is not None)


def clocks(numbers: Collection[str]) -> dict[str, rules.Clock]:
    """The running clocks among some cases, by number, in one statement."""
    fields = ("number", "emergency", "happened_at", "offered_at", "door_at", "accepted_at")
    found = Case.objects.filter(number__in=numbers, emergency=True, accepted_at=None).only(*fields) if numbers else ()
    return {c.number: running for c in found if (running := clock_of(c)) is not None}


def belonging(found: Case) -> tuple[Case | None, Case | None]:
    """The case this emergency ended, and the emergency that ended this one, as far as the scope sees them."""
    before = Case.objects.filter(pk=found.supersedes_id).first() if found.supersedes_id else None
    # the reference points backwards, and has no index: looked for among the few cases of the same resident
    after = Case.objects.filter(resident_id=found.resident_id, supersedes_id=found.pk) if found.state == rules.SUPERSEDED else None
    return before, after.first() if after is not None else None


@prepared
def _open(resident_id: UUID, group: str) -> QuerySet[Case]:
    found = Case.objects.filter(resident_id=resident_id, direction=rules.UP, disease_group=group, state__in=rules.OPEN_STATES)
    return found.order_by("created_at", "id")[:1]


def open_here(resident_id: UUID, group: str) -> Case | None:
    """The resident's open up-referral of a disease group that the scope sees."""
    return next(iter(_open(resident_id, group)), None)


def open_elsewhere(visit_id: UUID, group: str) -> int | None:
    """With which institution an open case of a visit's resident lies that this scope does not see; None: there is none.

    Nothing else of it is told.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT referral_open_elsewhere(%s, %s)", [visit_id, group])
        found = cursor.fetchone()[0]
    return None if found is None else int(found)


@prepared
def _ended(resident_id: UUID, *, limit: int) -> QuerySet[Case]:
    ended = Case.objects.filter(resident_id=resident_id, direction=rules.UP, state__in=rules.ENDS)
    return ended.select_related("receiver").order_by("-created_at", "-id")[:limit]


def ended_of(resident_id: UUID, limit: int) -> list[Case]:
    """Ended up-referrals of a resident that the scope sees, newest first: what a new one may be copied from."""
    return _ended(resident_id, limit=limit)


def doctors_of(org_id: int, at: datetime) -> dict[UUID, str]:
    """Doctors of an institution by account, with their names."""
    return names_of(holders_of(org_id, DOCTOR, at))
