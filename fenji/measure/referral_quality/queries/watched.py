"""What the worker reads of one city to look for alerts: contacts, up-referrals and lists, without a name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models.functions import Left

from fenji.care.catalogue.rules import FIRST_CONTACT, TREATABLE
from fenji.care.referral.queries import grounds as referral_grounds
from fenji.ground.common.clock import local_day
from fenji.ground.common.units import COUNTY_CODE_LENGTH, REGION_PREFIXES
from fenji.ground.network import queries as network
from fenji.ground.network.models import Membership, Organisation
from fenji.measure.journeys.queries import grounds
from fenji.measure.journeys.rules import UP, Catalogue, Contact, Place, Referral
from fenji.measure.referral_quality.queries.counted import branch_of, day_start, policy_at, rows_of
from fenji.measure.referral_quality.rules import alerts

_CITY, _TOWN = REGION_PREFIXES["city"], REGION_PREFIXES["township"]
_GIVEN = "given"
"""Stands for a clinical reason: its words stay where they are."""


@dataclass(frozen=True, slots=True)
class Watched:
    """The rows of a city with the days they are judged over. `residents`: row → whose record it is; `branches`: clinic → the centre
    that answers for it."""

    since: datetime
    periods: list[alerts.Period]
    way: alerts.Way
    residents: dict[tuple[str, str], UUID]
    branches: dict[int, int]


def cities(using: str = "job") -> list[str]:
    """The cities with an institution of care: the first digits of their codes."""
    found = Organisation.objects.using(using).filter(kind="care").annotate(city=Left("path", _CITY))
    return sorted(set(found.order_by().values_list("city", flat=True)))


def watched(city: str, at: datetime, using: str = "job") -> Watched:
    """Everything that the rules need to know of a city at an instant."""
    today, here = local_day(at), _anywhere(city, using)
    first = today - timedelta(days=policy_at(here, today).alert_days)
    periods = _periods(here, first, at)
    since = day_start(first)
    reach = max(p.grounds.policy.look_back for p in periods)
    places = _places(city, at, using)
    rows = rows_of("SELECT * FROM referral_quality_contacts(%s, %s, %s, %s)", [city, since - reach, since, at], using)
    residents: dict[tuple[str, str], UUID] = {}
    contacts = []
    for key, resident, person, org, kind, group, started, ended, ending, emergency, home in rows:
        residents[kind, str(key)] = resident
        where = _place(org, places, using)
        contacts.append(Contact(str(key), str(person), where, group, kind, started, ended, ending, emergency, _home(home)))
    # a case may have been open for as long as the longest stay
    earliest = min((c.start for c in contacts), default=since) - reach
    cases = []
    for number, resident, person, group, origin, receiver, written, sent, ended, emergency, reasoned in rows_of(
        "SELECT * FROM referral_quality_cases(%s, %s, %s)", [city, earliest, at], using
    ):
        residents["case", number] = resident
        ends = _place(origin, places, using), _place(receiver, places, using)
        reason = _GIVEN if reasoned else ""
        cases.append(Referral(number, str(person), group, UP, *ends, written, sent, ended, emergency, reason))
    lists = _Lists(rows_of("SELECT * FROM referral_quality_lists(%s, %s, %s)", [city, local_day(since - reach), today], using))
    return Watched(since, periods, alerts.Way(contacts, cases, lists.catalogue, lists.treatable), residents, branch_of(using))


def _anywhere(city: str, using: str) -> network.Place:
    """The policy area of a city, as a place."""
    org = Organisation.objects.using(using).filter(kind="care", path__starts=city).order_by("path")[0]
    found = network.place(org)
    return replace(found, policy_path=(found.policy_path[0], f"{city:0<{COUNTY_CODE_LENGTH}}"))


def _periods(here: network.Place, first: date, at: datetime) -> list[alerts.Period]:
    """The days from `first` to the instant, by what binds on them."""
    found: list[alerts.Period] = []
    for n in range((local_day(at) - first).days + 1):
        day = first + timedelta(days=n)
        held = grounds(here.policy_path, day), referral_grounds(here, day)
        if found and (found[-1].grounds, found[-1].referral) == held:
            found[-1] = replace(found[-1], until=day_start(day + timedelta(days=1)))
        else:
            found.append(alerts.Period(day_start(day), day_start(day + timedelta(days=1)), *held))
    return found


def _places(city: str, at: datetime, using: str) -> dict[int, Place]:
    """The institutions of a city as rules see them; a county general hospital is one that leads its county's community."""
    led = Membership.objects.using(using).filter(network.in_force(local_day(at)), role="lead", kind="county_community")
    leads = set(led.values_list("org_id", flat=True))
    orgs = Organisation.objects.using(using).filter(kind="care", path__starts=city)
    return {o.pk: _as_rules(o, o.pk in leads) for o in orgs}


def _as_rules(org: Organisation, leads: bool) -> Place:
    here = network.place(org)
    return Place(str(org.pk), here.tier, here.county, county_general=leads and here.tier == "county")


def _place(org_id: int, places: dict[int, Place], using: str) -> Place:
    """An institution, also one that lies in another city: a receiver may."""
    if org_id not in places:
        places[org_id] = _as_rules(Organisation.objects.using(using).get(pk=org_id), leads=False)
    return places[org_id]


def _home(path: str) -> str:
    """The place where a record is kept as the place where the person lives; a hospital above the counties says nothing of that."""
    return "" if path[_CITY:COUNTY_CODE_LENGTH].strip("0") == "" else path


@dataclass(frozen=True, slots=True)
class _List:
    path: str
    near: bool
    start: date
    end: date | None
    groups: frozenset[str]

    def holds(self, day: date) -> bool:
        return self.start <= day and (self.end is None or self.end > day)


class _Lists:
    """The lists of a city, day by day."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self._catalogues: dict[str, list[_List]] = {}
        self._own: dict[str, list[_List]] = {}
        self._known: dict[tuple[str, date], Catalogue | None] = {}
        for kind, org, path, near, start, end, groups in rows:
            one = _List(path, near, start, end, frozenset(groups))
            if kind == FIRST_CONTACT:
                self._catalogues.setdefault(path[:COUNTY_CODE_LENGTH], []).append(one)
            elif kind == TREATABLE:
                self._own.setdefault(str(org), []).append(one)

    def catalogue(self, home: str, day: date) -> Catalogue | None:
        """What binds where somebody lives, by the division's code: the catalogue of the county's community, and what the public
        primary institutions of the town treat; of the county where the town is not known."""
        town = home[:_TOWN] if home[COUNTY_CODE_LENGTH:_TOWN].strip("0") else home[:COUNTY_CODE_LENGTH]
        if (town, day) not in self._known:
            self._known[town, day] = self._catalogue(town, day)
        return self._known[town, day]

    def _catalogue(self, town: str, day: date) -> Catalogue | None:
        held = [one.groups for one in self._catalogues.get(town[:COUNTY_CODE_LENGTH], ()) if one.holds(day)]
        near = (one.groups for one in self._all_own() if one.near and one.path.startswith(town) and one.holds(day))
        return Catalogue(frozenset().union(*held), frozenset[str]().union(*near)) if held else None

    def _all_own(self) -> Iterator[_List]:
        return (one for many in self._own.values() for one in many)

    def treatable(self, org: str, day: date) -> Collection[str]:
        """The groups on an institution's own list."""
        return frozenset[str]().union(*(one.groups for one in self._own.get(org, ()) if one.holds(day)))
