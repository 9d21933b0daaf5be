"""Who of a ward may go down, and to which branch."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection

from fenji.care.booking.queries import Capacity, capacity
from fenji.care.referral import rules
from fenji.care.referral.models import Case
from fenji.care.referral.queries.judging import grounds
from fenji.care.referral.rules import receivers
from fenji.care.visits import queries as visits
from fenji.care.visits.models import Stay
from fenji.ground.access.rules import DESK, DOCTOR, Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.decision import Decision
from fenji.ground.common.identity import age_on
from fenji.ground.common.rows import one
from fenji.ground.network.models import Organisation
from fenji.ground.network.queries import Place, holders_of, place
from fenji.ground.network.queries.receiving import allied, distance_km, lower_care, takes


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch that may receive an in-patient, with the verdict of sending there. `home`: it keeps the resident's record;
    `open`: down-referrals that are on their way to it, from anywhere; `beds`: what its wards have for this patient now, None when
    it keeps none."""

    place: Place
    decision: Decision
    obstacles: tuple[str, ...]
    home: bool
    allied: bool
    distance_km: Decimal | None
    open: int
    beds: Capacity | None


def receiving_role(org_id: int, at: datetime) -> str:
    """On whose desk a patient who is sent down waits: the referral desk's, at a branch without one the doctors'."""
    return DESK if holders_of(org_id, DESK, at) else DOCTOR


def below(origin: Place, on: date) -> list[Organisation]:
    """The institutions that a hospital may send down to on a day."""
    return lower_care(origin, grounds(origin, on).policy.down_receivers)


def branches(stay: Stay, at: datetime, orgs: Sequence[Organisation] | None = None) -> list[Branch]:
    """The branches below a stay's hospital, or some of them: feasible ones first, as `rules.order_down` says."""
    origin, on = place(stay.org), local_day(at)
    held = grounds(origin, on)
    asked = below(origin, on) if orgs is None else orgs
    (judged,), clauses = visits.judged([stay], origin, on), visits.down_clauses(origin, on)
    friends, waiting = allied(origin.id, on), _open_at([o.id for o in asked])
    beds = capacity([o.id for o in asked], sex=stay.resident.sex, at=at)
    age = age_on(stay.resident.birth_date, on)
    patient = rules.Patient(stay.resident.sex, age, age < held.policy.child_below_years)
    found = {}
    for org in asked:
        limits = takes(org.ws218)
        able = rules.Able(None, None, limits.women, limits.children)
        against = receivers.obstacles(able, (), patient) if held.policy.receiver_fit else ()
        reasons = [held.reason(code, "receiver_fit") for code in against]
        found[org.id] = Branch(
            place(org),
            rules.judge_down(judged.reasons, clauses, reasons, held.pack_hash),
            against,
            home=org.id == stay.resident.home_org_id,
            allied=org.id in friends,
            distance_km=distance_km(stay.org, org),
            open=waiting.get(org.id, 0),
            beds=beds.get(org.id),
        )
    ordered = rules.order_down(
        rules.Branch(b.place.id, not b.obstacles, b.home, b.allied, b.place.level, b.open, b.distance_km) for b in found.values()
    )
    return [found[b.org_id] for b in ordered]


def _open_at(org_ids: Collection[int]) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM referral_down_open(%s)", [list(org_ids)])
        return dict(cursor.fetchall())


def on_their_way(actor: Actor, stays: Collection[Stay]) -> dict[object, Case]:
    """The open down-referral of each of some stays of the actor's institution, by stay."""
    found = Case.objects.filter(origin_id=actor.org_id, direction=rules.DOWN, state__in=rules.DOWN_STATES, ended_at=None)
    return {c.stay_id: c for c in found.filter(stay_id__in=[s.pk for s in stays])}


def down_case_of(stay_id: UUID) -> str:
    """The number of the open case that sends a stay down, as far as the scope sees it; "" when there is none."""
    numbers = Case.objects.filter(stay_id=stay_id, direction=rules.DOWN, ended_at=None).values_list("number", flat=True)
    return next(iter(numbers[:1]), "")


def returned(found: Case) -> Case | None:
    """The up-referral with which a patient went back after a down-referral, the last one, as far as the scope sees it."""
    back = Case.objects.filter(resident_id=found.resident_id, returns_id=found.pk) if found.door_at is not None else None
    return back.order_by("-created_at").first() if back is not None else None


def came_down(found: Case) -> Case | None:
    """The down-referral after which a patient goes back up, as far as the scope sees it."""
    return one(Case.objects.filter(pk=found.returns_id)) if found.returns_id else None
