"""Cases that the open scope reaches."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from fenji.care.referral import rules
from fenji.care.referral.models import Case, CaseEvent
from fenji.ground.access.queries import has_glass
from fenji.ground.access.rules import Actor
from fenji.ground.common.refusal import Unknown


def case(number: str) -> Case:
    """A case that the open scope reaches. Raises Unknown, alike for none and for somebody else's."""
    # the visit is not joined: it is the origin's alone, and the join would hide the case from the receiver
    related = (
        "origin",
        "receiver",
        "holder",
        "duty",
        "review_org",
        "review_upper",
        "department",
        "catalogue_version",
        "treatable_version",
    )
    found = Case.objects.filter(number=number).select_related(*related).first()
    if found is None:
        raise Unknown(what="case")
    return found


def view_of(found: Case) -> rules.CaseView:
    """What the table of the case looks at."""
    return rules.CaseView(
        found.state, found.origin_id, found.receiver_id, found.requester_id, found.review_org_id, found.review_upper_id
    )


def phone_of(found: Case) -> str:
    """The patient's phone, decrypted for one page."""
    return str(settings.DATABASE_KEYS.open(bytes(found.patient_phone), f"case.phone:{found.number}"))


def timeline(found: Case) -> list[CaseEvent]:
    """Events, oldest first."""
    return list(CaseEvent.objects.filter(case=found).order_by("at", "id"))


def cases_of(resident_id: UUID, limit: int) -> list[Case]:
    """A resident's cases that the open scope reaches, newest first; one more than `limit` means: there are more."""
    return list(Case.objects.filter(resident_id=resident_id).order_by("-created_at", "-id")[: limit + 1])


def cases_of_institution(actor: Actor) -> QuerySet[Case]:
    """Cases the actor's institution sends or receives, newest first; without those that are only read in an emergency."""
    found = Case.objects.select_related("origin", "receiver").order_by("-number")
    # asked for only then: beside the policy, which says the same, the condition makes the planner leave the number's index
    return found.filter(viewer_ids__overlap=list(actor.orgs)) if has_glass(actor) else found
