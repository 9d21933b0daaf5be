"""Wards and beds: which are free for whom, who has one, whose days a shared ward's were."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID

from django.db import connection
from django.db.models import Q

from fenji.care.booking import rules
from fenji.care.booking.models import Bed, BedHold, Feed, WaitEntry, Ward
from fenji.care.booking.queries.desk import want_of
from fenji.care.booking.queries.slots import WaitView, policy_at, wait_view
from fenji.care.visits.models import Stay
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.refusal import Unknown
from fenji.ground.common.rows import one
from fenji.ground.network.queries import Place, in_force, place, place_of
from fenji.ground.policy.queries import resolve


@dataclass(frozen=True, slots=True)
class WardBeds:
    """The beds of a ward that somebody may have now: how many, and the first by room and name. `next_at`: where there is none, when
    the first hold of a bed that would fit runs out. `unplaced`: how many lie in the ward of whom nobody knows in which bed;
    `unknown`: of how many beds nobody knows whether they are free, because the hospital's system is silent."""

    ward: Ward
    free: int
    first: Bed | None
    next_at: datetime | None
    unplaced: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """The beds of an institution as one patient needs them: free ones that suit now, those that are held for somebody, and those
    of which nobody knows because the institution's system is silent."""

    free: int
    held: int
    unknown: int


@dataclass(frozen=True, slots=True)
class HoldView:
    """How a hold stands, as its parties see it. `held_until`: while it lasts."""

    id: UUID
    subject: str
    state: str
    held_until: datetime | None
    end_reason: str
    org_id: int
    ward_id: UUID
    ward: str
    room: str
    bed: str


@dataclass(frozen=True, slots=True)
class BoardBed:
    """A bed on the board. `stay`, `hold`: as far as the open scope reaches; `facts` says what there is besides."""

    bed: Bed
    facts: rules.BedFacts
    stays: tuple[Stay, ...]
    hold: BedHold | None


@dataclass(frozen=True, slots=True)
class Board:
    """A ward with its beds by room. `lost`: stays in it, as far as the scope reaches, whose bed it does not know; `unplaced`: how
    many there are of these. `days`: in a shared ward, the bed days of this month so far by responsible institution."""

    ward: Ward
    beds: tuple[BoardBed, ...]
    lost: tuple[Stay, ...]
    unplaced: int
    free: int
    days: dict[int, int]


def bed_policy_at(where: Place, on: date) -> rules.BedPolicy:
    """The policy on beds that binds at a hospital on a day."""
    return resolve(rules.BedPolicy, where.policy_path, on)


def ward(ward_id: UUID) -> Ward:
    """A ward. Raises Unknown."""
    found = one(Ward.objects.filter(pk=ward_id).select_related("org", "department", "partner", "partner_department"))
    if found is None:
        raise Unknown(what="ward")
    return found


def bed(bed_id: UUID) -> Bed:
    """A bed with its ward. Raises Unknown."""
    found = one(Bed.objects.filter(pk=bed_id).select_related("ward__org", "ward__partner", "org"))
    if found is None:
        raise Unknown(what="bed")
    return found


def wards_of(org_ids: Iterable[int], on: date, kind: str | None = None) -> list[Ward]:
    """The wards of some institutions on a day, those too that they share with another, by institution and name."""
    ids = list(org_ids)
    found = Ward.objects.filter(in_force(on)).filter(Q(org_id__in=ids) | Q(partner_id__in=ids))
    if kind is not None:
        found = found.filter(kind=kind)
    return list(found.select_related("org", "department", "partner", "partner_department").order_by("org_id", "name", "id"))


def hospitals_with_wards(on: date) -> dict[int, str]:
    """Institutions that keep or share a ward on a day: id \u2192 name, by name."""
    rows = Ward.objects.filter(in_force(on)).values_list("org_id", "org__name", "partner_id", "partner__name")
    found = {org: name for a, first, b, second in rows for org, name in ((a, first), (b, second)) if org is not None}
    return dict(sorted(found.items(), key=lambda pair: pair[1]))


def beds_of(ward_ids: Iterable[UUID], using: str = "default") -> dict[UUID, list[Bed]]:
    """The beds of some wards, closed ones too, by room and name, 2 before 10."""
    found: dict[UUID, list[Bed]] = defaultdict(list)
    rows = Bed.objects.using(using).filter(ward_id__in=list(ward_ids))
    for row in sorted(rows, key=lambda b: (len(b.room), b.room, len(b.name), b.name, b.id)):
        found[row.ward_id].append(row)
    return found


def _takings(ward_ids: Iterable[UUID]) -> dict[UUID, list[rules.Taking]]:
    found: dict[UUID, list[rules.Taking]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute("SELECT ward_id, bed_id, how, sex, until FROM booking_taken(%s)", [list(ward_ids)])
        for ward_id, bed_id, how, sex, until in cursor.fetchall():
            found[ward_id].append(rules.Taking(bed_id, how, sex, until))
    return found


def _looked_up(wards: Iterable[Ward], beds: Mapping[UUID, list[Bed]], using: str) -> dict[UUID, list[rules.Taking]]:
    """What `booking_taken` says, for a role that reads all rows and has no scope; without those who lie in no bed of the ward."""
    rows = list(wards)
    found: dict[UUID, list[rules.Taking]] = defaultdict(list)
    lie: dict[tuple[int, str], list[str]] = defaultdict(list)
    stays = Stay.objects.using(using).filter(discharged_at=None, department_id__in=[d for w in rows for d in _departments(w)])
    for department_id, name, sex in stays.values_list("department_id", "bed", "resident__sex"):
        lie[department_id, name].append(sex)
    for ward_row in rows:
        for b in beds[ward_row.id]:
            if b.state == rules.IN_USE:
                sexes = (sex for d in _departments(ward_row) for sex in lie[d, b.name])
                found[ward_row.id] += [rules.Taking(b.id, rules.LIES, sex) for sex in sexes]
    live = BedHold.objects.using(using).filter(bed__ward__in=rows, state__in=rules.LIVE)
    for ward_id, *taking in live.values_list("bed__ward_id", "bed_id", "state", "sex", "held_until"):
        found[ward_id].append(rules.Taking(*taking))
    return found


def _silent(wards: Mapping[UUID, Ward], beds: Mapping[UUID, list[Bed]], at: datetime, using: str) -> set[int]:
    """The institutions whose own system feeds beds and has not been heard for too long."""
    fed = {wards[b.ward_id].org_id for many in beds.values() for b in many if b.source == rules.FED}
    last = dict(Feed.objects.using(using).filter(pk__in=fed).values_list("org_id", "heard_at")) if fed else {}
    policies = {org_id: policy_at(place_of(org_id, using), local_day(at)) for org_id in fed}
    return {org_id for org_id in fed if rules.is_stale(last.get(org_id), at, policies[org_id])}


Occupied = tuple[list[Bed], dict[UUID, rules.BedFacts], list[rules.Taking]]
"""A ward's beds, those with who has them, and those who lie in none that it knows."""


def _occupied(wards: Iterable[Ward], at: datetime, using: str = "default") -> dict[UUID, Occupied]:
    """How each ward is occupied; in three statements, however many wards, and one more where a system feeds beds."""
    rows = {w.id: w for w in wards}
    beds, on = beds_of(rows, using), local_day(at)
    takings = _takings(rows) if using == "default" else _looked_up(rows.values(), beds, using)
    silent = _silent(rows, beds, at, using)
    found = {}
    for ward_id, row in rows.items():
        lasts = row.end is None or row.end > on
        places = [
            rules.BedPlace(
                *(b.id, b.room, b.name, b.sex, b.isolation, lasts and b.state == rules.IN_USE),
                known=b.source != rules.FED or row.org_id not in silent,
            )
            for b in beds[ward_id]
        ]
        found[ward_id] = (beds[ward_id], *rules.occupancy(places, takings[ward_id]))
    return found


def bed_facts(row: Bed, at: datetime, using: str = "default") -> rules.BedFacts:
    """A bed with who has it, and who has the other beds of its room. The bed comes with its ward."""
    return ward_facts(row.ward, at, using)[row.id]


def ward_facts(row: Ward, at: datetime, using: str = "default") -> dict[UUID, rules.BedFacts]:
    """The same of all beds of a ward, by room and name."""
    return _occupied([row], at, using)[row.id][1]


def free_beds(
    org_ids: Iterable[int], *, kind: str | None = None, sex: str, isolation: bool = False, at: datetime
) -> list[WardBeds]:
    """For each ward of some institutions, the beds that a patient may have now: how many, and the first (SM-1-2a, QZ-2-11j).

    `kind`: of the wards, all when None; `sex`: code of GB/T 2261.1; `isolation`: whether the patient needs it.
    """
    on, need = local_day(at), rules.Need(sex, isolation)
    wards = wards_of(org_ids, on, kind)
    occupied = _occupied(wards, at)
    return [_ward_beds(row, *occupied[row.id], need, bed_policy_at(place(row.org), on)) for row in wards]


def capacity(org_ids: Collection[int], *, sex: str, at: datetime) -> dict[int, Capacity]:
    """What institutions have for a patient, by id, wards that they share with another among them; one without wards is not in it.

    `sex`: code of GB/T 2261.1.
    """
    on, need = local_day(at), rules.Need(sex)
    wards = wards_of(org_ids, on)
    occupied = _occupied(wards, at) if wards else {}
    sums: dict[int, list[int]] = {}
    for row in wards:
        policy = bed_policy_at(place(row.org), on)
        facts = occupied[row.id][1].values()
        counts = (
            sum(rules.fits_bed(f, need, policy) for f in facts),
            sum(any(t.how in rules.LIVE for t in f.takings) for f in facts),
            _unknown(facts),
        )
        for org_id in {row.org_id, row.partner_id} & set(org_ids):
            sums[org_id] = [a + b for a, b in zip(sums.get(org_id, [0, 0, 0]), counts, strict=True)]
    return {org_id: Capacity(*found) for org_id, found in sums.items()}


def _unknown(facts: Iterable[rules.BedFacts]) -> int:
    return sum(f.place.open and not f.place.known and not f.takings for f in facts)


def _ward_beds(
    row: Ward,
    beds: list[Bed],
    facts: dict[UUID, rules.BedFacts],
    unplaced: list[rules.Taking],
    need: rules.Need,
    policy: rules.BedPolicy,
) -> WardBeds:
    fitting = [f for f in rules.free(facts) if rules.fits_bed(f, need, policy)]
    first = next((b for b in beds if fitting and b.id == fitting[0].place.id), None)
    next_at = None if fitting else rules.next_free(facts, need, policy)
    return WardBeds(row, len(fitting), first, next_at, len(unplaced), _unknown(facts.values()))


def hold(hold_id: UUID) -> BedHold:
    """A hold that the open scope reaches. Raises Unknown."""
    found = one(BedHold.objects.filter(pk=hold_id).select_related("bed__ward", "org"))
    if found is None:
        raise Unknown(what="hold")
    return found


def bed_hold_of(subject: str) -> HoldView | None:
    """The latest hold of a bed for a subject that the open scope reaches: the live one, else the one that ended last."""
    rows = BedHold.objects.filter(subject=subject).select_related("bed__ward").order_by("-made_at", "-id")
    row = min(rows, key=lambda h: h.ended_at is not None, default=None)
    if row is None:
        return None
    there = row.bed
    return HoldView(
        *(row.id, row.subject, row.state, row.held_until, row.end_reason, row.org_id),
        *(there.ward_id, there.ward.name, there.room, there.name),
    )


def bed_wait_of(subject: str) -> WaitView | None:
    """The bed that a subject waits for, as far as the open scope reaches."""
    row = one(WaitEntry.objects.filter(subject=subject, kind=rules.BED, state=rules.WAITING))
    return wait_view(row) if row is not None else None


def waiting_for_beds(org_id: int, policy: rules.BookingPolicy) -> list[WaitEntry]:
    """Who waits for a bed in the wards of an institution, in the order of the queue (SM-1-2c); those too who wait for one that it
    shares with another."""
    found = WaitEntry.objects.filter(Q(org_id=org_id) | Q(ward__partner_id=org_id), kind=rules.BED, state=rules.WAITING)
    rows = {w.id: w for w in found.select_related("ward")}
    return [rows[w.id] for w in rules.queue(want_of(w, policy) for w in rows.values())]


def _departments(row: Ward) -> list[int]:
    return [d for d in (row.department_id, row.partner_department_id) if d is not None]


def ward_board(row: Ward, at: datetime) -> Board:
    """A ward's beds now: who lies there and who holds, as far as the open scope reaches, and what is free."""
    (board,) = ward_boards([row], at)
    return board


def ward_boards(wards: Iterable[Ward], at: datetime) -> list[Board]:
    """The boards of several wards, in as many statements as of one, but for the days of shared ones."""
    rows = list(wards)
    occupied = _occupied(rows, at)
    inside: dict[tuple[int | None, str], list[Stay]] = defaultdict(list)
    departments = [d for row in rows for d in _departments(row)]
    stays = Stay.objects.filter(department_id__in=departments, discharged_at=None).select_related("resident", "org")
    for stay in stays.order_by("admitted_at", "id"):
        inside[stay.department_id, stay.bed].append(stay)
    named = Bed.objects.filter(department_id__in=departments, state=rules.IN_USE)
    known = set(named.values_list("department_id", "name"))
    live = BedHold.objects.filter(bed__ward__in=rows, state__in=rules.LIVE)
    holds = {h.bed_id: h for h in live}
    return [_board(row, occupied[row.id], inside, known, holds, at) for row in rows]


def _board(
    row: Ward,
    occupied: tuple[list[Bed], dict[UUID, rules.BedFacts], list[rules.Taking]],
    inside: dict[tuple[int | None, str], list[Stay]],
    known: set[tuple[int, str]],
    holds: dict[UUID, BedHold],
    at: datetime,
) -> Board:
    beds, facts, unplaced = occupied
    own = _departments(row)
    shown = []
    for b in beds:
        stays = tuple(s for d in own for s in inside.get((d, b.name), ())) if b.state == rules.IN_USE else ()
        shown.append(BoardBed(b, facts[b.id], stays, holds.get(b.id)))
    here = {b.name for b in beds if b.state == rules.IN_USE}
    lost = tuple(s for (d, name), many in inside.items() if d in own and name not in here and (d, name) not in known for s in many)
    days = split_of(row, at) if row.partner_id is not None else {}
    return Board(row, tuple(shown), lost, len(unplaced), len(rules.free(facts)), days)


def split_of(row: Ward, at: datetime) -> dict[int, int]:
    """Bed days of a shared ward from the first of this month up to and including today, by responsible institution; to others than
    the two institutions nothing."""
    today = local_day(at)
    first = today.replace(day=1)
    since = datetime.combine(first, time(), SHANGHAI)
    with connection.cursor() as cursor:
        cursor.execute("SELECT person, org_id, admitted_at, discharged_at FROM booking_ward_days(%s, %s, %s)", [row.id, since, at])
        stays = [rules.WardStay(*r) for r in cursor.fetchall()]
    return rules.split_days(stays, first, rules.day_after(today))
