"""The verdict, and the receivers it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from fenji.care.catalogue.queries import Listing, listing
from fenji.care.referral import rules
from fenji.ground.common.decision import Decision
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
