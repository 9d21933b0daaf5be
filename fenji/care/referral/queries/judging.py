"""The verdict, and the receivers it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from fenji.care.booking.queries import Earliest, SlotView, earliest, free_slots
from fenji.care.booking.rules import NONE, UP_REFERRED
from fenji.care.catalogue.queries import Listing, listing, on_their_lists, specialties_of
from fenji.care.referral import rules
from fenji.care.referral.rules import receivers
from fenji.ground.common.clock import local_day
from fenji.ground.common.decision import Decision
from fenji.ground.common.identity import age_on
from fenji.ground.network.models import Department, Organisation
from fenji.ground.network.queries import Place, higher_care, place
from fenji.ground.network.queries.receiving import allied, departments_by, distance_km, takes
from fenji.ground.network.rules import PRIMARY
from fenji.ground.policy.queries import pack_hash, resolve, sources

NO_SLOT = Earliest(None, NONE)


def grounds(where: Place, on: date) -> rules.Grounds:
    """The referral policy that binds at a place on a day, with its clauses."""
    path = where.policy_path
    policy = resolve(rules.ReferralPolicy, path, on)
    read = sources(rules.ReferralPolicy, path, on)
    clauses = {name: parameter.clause_id for name, parameter in read.items()}
    changes = {name: parameter.change for name, parameter in read.items() if parameter.change}
    return rules.Grounds(policy, clauses, pack_hash(), changes)


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is to go up, and with what. `override`: a reason in words has been given; `returned`: back to where they were sent down
    from."""

    diagnosis_code: str
    disease_group: str
    sex: str
    birth_date: date
    emergency: bool
    override: bool
    returned: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible receiver with the verdict of sending there. Those with something against them stay visible, with the reason."""

    place: Place
    decision: Decision
    questions: tuple[rules.Question, ...]
    obstacles: tuple[str, ...]
    department: Department | None
    distance_km: Decimal | None = None
    allied: bool = False
    earliest: Earliest = NO_SLOT

    @property
    def blocked(self) -> bool:
        """True when the policy does not allow it as things stand."""
        return self.decision.outcome == rules.NOT_ALLOWED

    @property
    def excluded(self) -> bool:
        """True when it is not proposed: the policy is against it, or it cannot take this patient as far as is known."""
        return self.blocked or bool(self.obstacles)


@dataclass(frozen=True, slots=True)
class Judge:
    """The verdict on sending one patient from one place on one day; asked for each possible receiver."""

    origin: Place
    listing: Listing
    grounds: rules.Grounds
    subject: Subject
    patient: rules.Patient
    wanted: tuple[str, ...]
    on: date

    def of(self, orgs: Sequence[Organisation]) -> list[Candidate]:
        """One candidate for each institution, in their order; three reads whatever their number."""
        ids = [o.id for o in orgs]
        lists = on_their_lists(self.subject.disease_group, ids, self.on)
        departments = departments_by(ids, self.on)
        return [self._judged(org, lists.get(org.id), departments.get(org.id, [])) for org in orgs]

    def _judged(self, org: Organisation, listed: bool | None, departments: list[Department]) -> Candidate:
        there = place(org)
        limits = takes(org.ws218)
        held = {d.specialty: d for d in reversed(departments)}
        able = rules.Able(listed, frozenset(held) if departments else None, limits.women, limits.children)
        against = receivers.obstacles(able, self.wanted, self.patient) if self.grounds.policy.receiver_fit else ()
        facts = rules.Facts(
            emergency=self.subject.emergency,
            in_catalogue=self.listing.in_catalogue,
            treatable_here=self.listing.treatable_here,
            origin_is_primary=self.origin.tier in PRIMARY,
            origin_level=self.origin.level,
            receiver_level=there.level,
            override=self.subject.override,
            treatable_nearby=self.listing.treatable_nearby,
            obstacles=against,
            returned=self.subject.returned,
        )
        best = receivers.best_specialty(self.wanted, held)
        return Candidate(
            there, rules.judge(facts, self.grounds), rules.questions(facts, self.grounds), against, held.get(best) if best else None
        )


def judge_at(origin: Place, subject: Subject, on: date) -> Judge:
    """Read what the verdict needs to know of a place, a patient and a day."""
    held = grounds(origin, on)
    age = age_on(subject.birth_date, on)
    patient = rules.Patient(subject.sex, age, age < held.policy.child_below_years)
    wanted = receivers.wanted_specialties(specialties_of(subject.diagnosis_code), patient)
    return Judge(origin, listing(subject.disease_group, origin.id, on), held, subject, patient, wanted, on)


def candidates(origin: Organisation, subject: Subject, at: datetime) -> list[Candidate]:
    """Institutions above the origin: feasible ones first, then by the policy's keys."""
    here, on = place(origin), local_day(at)
    judge = judge_at(here, subject, on)
    orgs = higher_care(here)
    friends = allied(origin.id, on)
    judged = judge.of(orgs)
    # an emergency goes without a slot
    first = {} if subject.emergency else _earliest(judged, at)
    found = {
        c.place.id: replace(
            c,
            distance_km=distance_km(origin, org),
            allied=c.place.id in friends,
            earliest=first.get(c.place.id, NO_SLOT),
        )
        for c, org in zip(judged, orgs, strict=True)
    }
    ordered = receivers.order(map(_standing, found.values()), judge.grounds.policy.receiver_keys)
    return [found[s.org_id] for s in ordered]


def _earliest(judged: Sequence[Candidate], at: datetime) -> dict[int, Earliest]:
    """The first slot of each, in the department that sees the disease; one read for each specialty."""
    alike: dict[str, list[int]] = {}
    for c in judged:
        alike.setdefault(c.department.specialty if c.department else "", []).append(c.place.id)
    found: dict[int, Earliest] = {}
    for specialty, ids in alike.items():
        found |= earliest(ids, specialty=specialty, priority=UP_REFERRED, at=at)
    return found


def _standing(c: Candidate) -> receivers.Standing:
    slot = c.earliest.slot if c.earliest.state == receivers.FREE else None
    when = slot.start_at if slot else None
    return receivers.Standing(c.place.id, not c.excluded, c.place.level, c.allied, c.earliest.state, when, c.distance_km)


SLOTS_SHOWN = 6
_DAYS_AHEAD = 14


def slots_at(candidate: Candidate, emergency: bool, at: datetime) -> list[SlotView]:
    """The next slots of a receiver in the department that sees the disease, as far as a form offers them; none for an emergency."""
    if emergency or candidate.blocked:
        return []
    department = candidate.department.id if candidate.department else None
    until = at + timedelta(days=_DAYS_AHEAD)
    return free_slots(candidate.place.id, department_id=department, priority=UP_REFERRED, since=at, until=until, limit=SLOTS_SHOWN)
