"""The only reads of this room offered to others: a case, its timeline, the verdict, the receivers; facts without persons."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from fenji.care.catalogue.queries import Listing, listing
from fenji.care.referral import rules
from fenji.care.referral.models import Case, CaseEvent
from fenji.care.registry.queries import linked
from fenji.ground.access.queries import has_glass
from fenji.ground.access.rules import Actor
from fenji.ground.common.decision import Decision
from fenji.ground.common.refusal import Unknown
from fenji.ground.network.models import Organisation, RegionName
from fenji.ground.network.queries import Place, higher_care, place
from fenji.ground.network.rules import PRIMARY
from fenji.ground.policy.queries import pack_hash, resolve, sources


def grounds(where: Place, on: date) -> rules.Grounds:
    """The referral policy that binds at a place on a day, with its clauses."""
    path = where.policy_path
    policy = resolve(rules.ReferralPolicy, path, on)
    read = sources(rules.ReferralPolicy, path, on)
    clauses = {name: parameter.clause_id for name, parameter in read.items()}
    changes = {name: parameter.change for name, parameter in read.items() if parameter.change}
    return rules.Grounds(policy, clauses, pack_hash(), changes)


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
            treatable_nearby=self.listing.treatable_nearby,
        )
        return rules.judge(facts, self.grounds)


def judge_at(origin: Place, group: str, on: date) -> Judge:
    """Read what the verdict needs to know of a place, a disease group and a day."""
    return Judge(origin, listing(group, origin.id, on), grounds(origin, on))


def case(number: str) -> Case:
    """A case that the open scope reaches. Raises Unknown, alike for none and for somebody else's."""
    # the visit is not joined: it is the origin's alone, and the join would hide the case from the receiver
    related = ("origin", "receiver", "holder", "duty", "department", "catalogue_version", "treatable_version")
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
    """A resident's cases that the open scope reaches, on all records linked with theirs, newest first; one more than `limit` means:
    there are more."""
    return list(Case.objects.filter(resident_id__in=linked(resident_id)).order_by("-created_at", "-id")[: limit + 1])


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


@dataclass(frozen=True, slots=True)
class Fact:
    """What an officer sees of one referral. `age_band`: first year of a five-year band, 90 for 90 and older."""

    number: str
    origin_id: int
    receiver_id: int
    disease_group: str
    age_band: int
    sex: str
    emergency: bool
    state: str
    verdict: str
    written_at: datetime
    offered_at: datetime | None
    accepted_at: datetime | None
    arrived_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which facts: written in [since, until), sent or received at `place` (beginning of a path; "" anywhere in reach), in a state,
    of a disease group; `before`: after which row the page goes on, as (written, number)."""

    since: datetime
    until: datetime
    place: str = ""
    state: str = ""
    group: str = ""
    number: str = ""
    before: tuple[datetime, str] | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is behind a referral, handed out once."""

    name: str
    sex: str
    birth_date: date
    phone: str


def _called(statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def facts(wanted: Wanted, most: int) -> list[Fact]:
    """Referrals within the officer's reach, newest first, at most `most`. The database refuses every other role."""
    at, number = wanted.before or (wanted.until, "")
    values = [wanted.since, wanted.until, wanted.place, wanted.state, wanted.group, wanted.number, at, number, most]
    rows = _called("SELECT * FROM referral_facts(%s, %s, %s, %s, %s, %s, %s, %s, %s)", values)
    return [Fact(*row) for row in rows]


def fact(number: str) -> Fact:
    """One referral within the officer's reach. Raises Unknown, alike for none and for one elsewhere."""
    found = facts(Wanted(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), number=number), 1)
    if not found:
        raise Unknown(what="case")
    return found[0]


def fact_steps(number: str) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    """The reasons of a referral's verdict, and its steps: at, action, role, org. Raises Unknown."""
    rows = _called("SELECT reasons, steps FROM referral_fact_steps(%s)", [number])
    if not rows:
        raise Unknown(what="case")
    reasons, steps = (json.loads(v) if isinstance(v, str) else v for v in rows[0])
    return reasons, [{**step, "at": datetime.fromisoformat(step["at"])} for step in steps]


def counties_within(reach: str) -> dict[str, str]:
    """Counties with institutions within an officer's reach: the code's first six digits → present name."""
    found = Organisation.objects.filter(path__starts=reach).values_list("path", flat=True)
    codes = sorted({path[:6] for path in found})
    names = dict(RegionName.objects.filter(code__in=codes, end=None).values_list("code", "name"))
    return {code: names.get(code, code) for code in codes}
