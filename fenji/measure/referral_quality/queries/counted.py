"""Counts over many institutions: which referrals a group sent, and how often branches, diseases and doctors refer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from django.db import connections

from fenji.care.catalogue.queries import group_names
from fenji.ground.common.clock import SHANGHAI
from fenji.ground.common.units import REGION_PREFIXES
from fenji.ground.network import queries as network
from fenji.ground.network.models import Organisation
from fenji.ground.network.rules import TIERS
from fenji.ground.policy.queries import resolve
from fenji.measure.referral_quality import rules

_VILLAGE, _TOWNSHIP = TIERS[0], TIERS[1]


@dataclass(frozen=True, slots=True)
class Sent:
    """A referral that may be drawn. `involved`: accounts that asked for it, wrote it or decided it."""

    number: str
    origin_id: int
    requester_id: UUID
    requester_name: str
    involved: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Rates:
    """How often units refer in a period, from one side: without and with adjustment. `spread`: how much units differ anyway."""

    plain: list[rules.Judged]
    adjusted: list[rules.Judged]
    spread: rules.Dispersion


def policy_at(place: network.Place, on: date) -> rules.QualityPolicy:
    """What binds at an institution on a day."""
    return resolve(rules.QualityPolicy, place.policy_path, on)


def day_start(day: date) -> datetime:
    """The first instant of a day in Fujian."""
    return datetime.combine(day, time(), SHANGHAI)


def branch_of(using: str = "default") -> dict[int, int]:
    """Village clinic → the public township institution in whose town it lies, of which it is a part (see `centre_of`)."""
    rows = Organisation.objects.using(using).filter(kind="care", care_tier__in=(_VILLAGE, _TOWNSHIP), end=None).order_by("path")
    width, centres, clinics = REGION_PREFIXES["township"], {}, {}
    for org, tier, ownership, path in rows.values_list("id", "care_tier", "ownership", "path"):
        if tier == _TOWNSHIP and ownership != "private":
            centres.setdefault(path[:width], org)
        elif tier == _VILLAGE:
            clinics[org] = path[:width]
    return {org: centres[stem] for org, stem in clinics.items() if stem in centres}


def community(lead_id: int, on: date, using: str = "default") -> list[int]:
    """All institutions of the county community that an institution leads, itself and village clinics included."""
    alliance = network.community_of(lead_id, on, using)
    members = {m.org_id for m in network.members(alliance, on, using)} if alliance else {lead_id}
    return sorted(members | {clinic for clinic, centre in branch_of(using).items() if centre in members})


def rows_of(statement: str, values: list[Any], using: str) -> list[tuple[Any, ...]]:
    """What one of the database's functions answers."""
    with connections[using].cursor() as cursor:
        cursor.execute(statement, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def first_sent(using: str = "job") -> dict[int, datetime]:
    """Review group → when the first referral that it answers for was sent."""
    return dict(rows_of("SELECT org_id, first FROM referral_quality_first()", [], using))


def sent_by(org_id: int, since: date, until: date, using: str = "job") -> list[Sent]:
    """The referrals that a group answers for, because it decided them or because they needed no review, sent in [since, until)."""
    rows = rows_of("SELECT * FROM referral_quality_sent(%s, %s, %s)", [[org_id], day_start(since), day_start(until)], using)
    return [Sent(number, origin, who, name, tuple(involved)) for number, origin, who, name, involved in rows]


@dataclass(frozen=True, slots=True)
class Counts:
    """Contacts and up-referrals of a period. `doctors`: account → (name, branch where most of the contacts were)."""

    tallies: list[rules.Tally]
    doctors: dict[str, tuple[str, int]]


def _counts(rows: Iterable[tuple[Any, ...]], branches: Mapping[int, int]) -> Counts:
    """Rows of the database's counts as the rules take them, clinics counted to their branch."""
    found, names, seen = [], {}, Counter[tuple[str, int]]()
    for org, group, doctor, name, band, sex, contacts, referred in rows:
        branch, key = branches.get(org, org), str(doctor or "")
        found.append(rules.Tally(str(branch), group, key, (str(band), sex), contacts, referred))
        names[key] = name
        seen[key, branch] += contacts
    # the last one written for a doctor is the branch with most contacts
    at = {key: branch for (key, branch), _ in reversed(seen.most_common())}
    return Counts(found, {key: (name, at[key]) for key, name in names.items()})


def counted(orgs: list[int], since: date, until: date, using: str = "job") -> Counts:
    """Contacts and up-referrals of some institutions in [since, until), for the worker that judges them."""
    values = [orgs, day_start(since), day_start(until)]
    return _counts(rows_of("SELECT * FROM referral_quality_tallies(%s, %s, %s)", values, using), branch_of(using))


def counted_here(since: date, until: date) -> Counts:
    """The same for people: of the communities that their institution leads, of their own, or of an officer's region.

    The database refuses every other role, and gives officers no doctors.
    """
    rows = rows_of("SELECT * FROM referral_quality_own(%s, %s)", [day_start(since), day_start(until)], "default")
    return _counts(rows, branch_of())


def rates(found: Counts, side: str, policy: rules.QualityPolicy) -> Rates:
    """Counts as rates, from one side."""
    cells = rules.cells(found.tallies, side)
    adjusted, spread = rules.adjusted(cells, policy)
    return Rates(rules.funnel(cells, policy), adjusted, spread)


def unit_names(found: Counts, side: str, *, english: bool = False) -> dict[str, str]:
    """What the units of one side are called on the page: institutions, diseases, doctors."""
    if side == rules.DOCTOR:
        return {key: name for key, (name, _) in found.doctors.items()}
    if side == rules.DISEASE:
        return dict(group_names({t.disease for t in found.tallies}, english=english))
    return {str(org): name for org, name in network.names_of({int(t.branch) for t in found.tallies}).items()}
