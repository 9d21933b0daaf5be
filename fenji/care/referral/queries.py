"""The only reads of this room offered to others: a case, its timeline, the verdict, the receivers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from fenji.care.catalogue.queries import Listing, listing
from fenji.care.referral import rules
from fenji.care.referral.models import Case, CaseEvent
from fenji.ground.access.queries import has_glass
from fenji.ground.access.rules import Actor
from fenji.ground.common.decision import Decision
from fenji.ground.common.refusal import Unknown
from fenji.ground.network.queries import Place, higher_care, place
from fenji.ground.network.rules import PRIMARY
from fenji.ground.policy.queries import pack_hash, resolve, sources


def grounds(where: Place, on: date) -> rules.Grounds:
    """The referral policy that binds at a place on a day, with its clauses."""
    path = where.policy_path
    policy = resolve(rules.ReferralPolicy, path, on)
    clauses = {name: parameter.clause_id for name, parameter in sources(rules.ReferralPolicy, path, on).items()}
    return rules.Grounds(policy, clauses, pack_hash())


@dataclass(frozen=True, slots=True)
class Judge:
    """The verdict on sending one disease from one place on one day; asked once for each possible receiver."""

    origin: Place
    listing: Listing
    grounds: rules.Grounds

    def __call__(self, receiver: Place, *, emergency: bool, override: bool) -> Decision:
        facts = rules.Facts(
            emergency=emergency,
            in_catalogue=self.listing.in_catalogue,
            treatable_here=self.listing.treatable_here,
            origin_is_primary=self.origin.tier in PRIMARY,
            origin_level=self.origin.level,
            receiver_level=receiver.level,
            override=override,
        )
        return rules.judge(facts, self.grounds)


def judge_at(origin: Place, group: str, on: date) -> Judge:
    """Read what the verdict needs to know of a place, a disease group and a day."""
    return Judge(origin, listing(group, origin.id, on), grounds(origin, on))


def case(number: str) -> Case:
    """A case that the open scope reaches. Raises Unknown, alike for none and for somebody else's."""
    # the visit is not joined: it is the origin's alone, and the join would hide the case from the receiver
    related = ("origin", "receiver", "holder", "duty", "department")
    found = Case.objects.filter(number=number).select_related(*related).first()
    if found is None:
        raise Unknown(what="case")
    return found


def view_of(found: Case) -> rules.CaseView:
    """What the table of the case looks at."""
    return rules.CaseView(found.state, found.origin_id, found.receiver_id, found.requester_id)


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


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible receiver with the verdict of sending there. Blocked ones stay visible with their reason."""

    place: Place
    distance_km: object
    decision: Decision

    @property
    def blocked(self) -> bool:
        """True when the policy does not allow it as things stand."""
        return self.decision.outcome == rules.NOT_ALLOWED


def candidates(origin: Place, *, group: str, emergency: bool, override: bool, on: date) -> Sequence[Candidate]:
    """Institutions above the origin, allowed ones first, then by tier and distance."""
    judge = judge_at(origin, group, on)
    places = [(place(org), org.distance_km) for org in higher_care(origin)]
    found = [Candidate(there, km, judge(there, emergency=emergency, override=override)) for there, km in places]
    return sorted(found, key=lambda c: c.blocked)
