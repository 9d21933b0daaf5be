"""What the way of a patient through several institutions shows. Pure; nothing here knows which system a row comes from.

Two rows belong together when they are of the same person and the same disease group. All spans run in natural time, and a limit
that is reached exactly still counts as within (以内). Whoever calls gives rows of one policy area (one city), and from as long
before the period asked about as the longest span of the policy: what lies before the first row is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from heapq import heappop, heappush
from itertools import groupby
from typing import TypeVar

from fenji.care.referral.rules import Grounds as ReferralGrounds
from fenji.ground.common.clock import Span, local_day
from fenji.ground.common.decision import Reason
from fenji.ground.common.units import COUNTY_CODE_LENGTH
from fenji.ground.network.rules import PRIMARY, level

VISIT, STAY = KINDS = ("visit", "stay")
HOME, TRANSFERRED, DOWN, AGAINST_ADVICE, DIED, OTHER = "home", "transferred", "down", "against_advice", "died", "other"
ENDINGS = (HOME, TRANSFERRED, DOWN, AGAINST_ADVICE, DIED, OTHER)
"""Ways of leaving (离院方式) as the front page of a record knows them: 1 to 5 and 9."""
UNSTATED = "unstated"
"""A visit that was closed without saying how it ended, and was not handed over either."""
UP = "up"

DISCHARGE_INSTEAD, BYPASS, EASILY_TREATED, TURNED_AWAY = "discharge_instead", "bypass", "easily_treated", "turned_away"
CODES = (DISCHARGE_INSTEAD, BYPASS, EASILY_TREATED, TURNED_AWAY)

AT_PRIMARY, COUNTS, REFERRED, BYPASSED = "at_primary", "counts", "referred", "bypassed"
EMERGENCY, NOT_LISTED, NO_CATALOGUE = "emergency", "not_listed", "no_catalogue"
VERDICTS = (AT_PRIMARY, COUNTS, REFERRED, BYPASSED, EMERGENCY, NOT_LISTED, NO_CATALOGUE)
"""What a first contact was. The last three are not judged; of the others the first two are first contacts in primary care."""

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class JourneysPolicy:
    """What is watched on the way of a patient, and how far apart two events may lie. All spans in natural time."""

    discharge_watched: bool
    discharge_window: Span
    discharge_overlap: Span
    discharge_endings: tuple[str, ...]
    case_late: Span
    episode_gap: Span
    emergency_before: Span
    easy_watched: bool
    refusal_watched: bool

    def __post_init__(self) -> None:
        """Duty hours have no meaning for a patient at home; endings are of those there are."""
        spans = (self.discharge_window, self.discharge_overlap, self.case_late, self.episode_gap, self.emergency_before)
        if any(s.counted != "natural" for s in spans):
            raise ValueError("spans between two events of a patient run in natural time")
        if not set(self.discharge_endings) <= set(ENDINGS) - {DIED} or len(set(self.discharge_endings)) < len(
            self.discharge_endings
        ):
            raise ValueError(f"not ways of leaving alive: {self.discharge_endings}")

    @property
    def look_back(self) -> timedelta:
        """From how long before a period rows are needed to judge it: the longest span that joins two of them."""
        return max(
            _length(self.discharge_window) + _length(self.discharge_overlap),
            _length(self.episode_gap),
            _length(self.emergency_before),
        )


@dataclass(frozen=True, slots=True)
class Grounds:
    """A policy with the clause each of its fields was read from, and the hash of the packs."""

    policy: JourneysPolicy
    clauses: Mapping[str, str]
    pack_hash: str
    changes: Mapping[str, str] = field(default_factory=dict)

    def reason(self, code: str, name: str) -> Reason:
        """A reason that rests on one parameter."""
        value = str(getattr(self.policy, name))
        return Reason(code, self.clauses[name], f"journeys.{name}", value, self.changes.get(name, ""))


@dataclass(frozen=True, slots=True)
class Place:
    """An institution as rules see it. `county`: its six digits; `county_general`: a county general hospital (县级总医院)."""

    org: str
    tier: str
    county: str
    county_general: bool = False

    @property
    def level(self) -> int:
        """Rank of the tier, 0 for village."""
        return level(self.tier)


@dataclass(frozen=True, slots=True)
class Contact:
    """A visit or a stay. `key`: names the row in its source; `end`: None while it lasts; `ending`: a way of leaving, UNSTATED or
    ""; `home`: division code of where the person lives, "" when not known."""

    key: str
    person: str
    place: Place
    group: str
    kind: str
    start: datetime
    end: datetime | None = None
    ending: str = ""
    emergency: bool = False
    home: str = ""


@dataclass(frozen=True, slots=True)
class Referral:
    """A case on file. `written_at`: when it was sent off or, of one entered afterwards, entered; `sent_at`: when the patient was
    sent; `ended_at`: None while it is open; `clinical_reason`: why the patient goes up all the same, in words."""

    number: str
    person: str
    group: str
    direction: str
    origin: Place
    receiver: Place
    written_at: datetime
    sent_at: datetime
    ended_at: datetime | None = None
    emergency: bool = False
    clinical_reason: str = ""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What binds where a person lives: the groups of the community's first-contact catalogue, and those that some public primary
    institution of the place treats."""

    groups: Collection[str]
    treated_nearby: Collection[str]


CatalogueOf = Callable[[str, date], Catalogue | None]
"""(division code, day) → the catalogue in force there, None when there is none."""
TreatableOf = Callable[[str, date], Collection[str]]
"""(institution, day) → the groups on its own list of what it treats."""


@dataclass(frozen=True, slots=True)
class Found:
    """Something to look into. `org`: who is asked; `rows`: the rows it rests on, in order of time; `reason`: with the clause."""

    code: str
    org: str
    person: str
    group: str
    at: datetime
    rows: tuple[Contact | Referral, ...]
    reason: Reason


@dataclass(frozen=True, slots=True)
class FirstContact:
    """The first contact of an episode, and what it was; one of VERDICTS, with the clause."""

    contact: Contact
    verdict: str
    reason: Reason


# --- rows of one person and disease, in order of time -------------------------------------------------------------------------

R = TypeVar("R", Contact, Referral)


def _length(span: Span) -> timedelta:
    return timedelta(minutes=span.minutes)


def _whose(row: Contact | Referral) -> tuple[str, str]:
    return row.person, row.group


def _together(rows: Iterable[R]) -> dict[tuple[str, str], list[R]]:
    ordered = sorted(rows, key=_whose)
    return {whose: list(those) for whose, those in groupby(ordered, _whose)}


def admitted_as_emergency(contacts: Iterable[Contact], policy: JourneysPolicy) -> list[Contact]:
    """The same contacts, with a stay marked as an emergency when the person was seen as one at the same institution up to
    `emergency_before` before, for whatever disease: wards do not say how somebody was admitted, emergency departments do."""
    rows = list(contacts)
    seen: dict[tuple[str, str], list[datetime]] = {}
    for row in rows:
        if row.kind == VISIT and row.emergency:
            seen.setdefault((row.person, row.place.org), []).append(row.start)
    span = _length(policy.emergency_before)

    def urgent(stay: Contact) -> bool:
        return any(stay.start - span <= at <= stay.start for at in seen.get((stay.person, stay.place.org), ()))

    return [replace(r, emergency=True) if r.kind == STAY and not r.emergency and urgent(r) else r for r in rows]


class _OnFile:
    """The up-referrals of one person and disease, read forwards in time."""

    def __init__(self, cases: Iterable[Referral]) -> None:
        up = (c for c in cases if c.direction == UP)
        self._cases = sorted(up, key=lambda c: c.written_at)
        self._next = 0
        self._ends: dict[int, datetime] = {}

    def covers(self, above: int, since: datetime, until: datetime) -> bool:
        """Whether a case to a level higher than `above` was written by `until` and not over before `since`. `until` never falls."""
        while self._next < len(self._cases) and self._cases[self._next].written_at <= until:
            case = self._cases[self._next]
            to = case.receiver.level
            self._ends[to] = max(self._ends.get(to, case.ended_at or _NEVER), case.ended_at or _NEVER)
            self._next += 1
        return any(to > above and end >= since for to, end in self._ends.items())


# --- SM-3-5k ------------------------------------------------------------------------------------------------------------------


def _last_before(stays: Sequence[Contact], overlap: timedelta) -> Iterator[tuple[Contact, Contact]]:
    """Each stay with the one that ended last before it; see `discharge_instead`."""
    waiting: list[tuple[datetime, datetime, str, int]] = []
    last: tuple[datetime, datetime, str, int] | None = None
    begun = 0
    for stay in stays:
        while stays[begun].start < stay.start:
            earlier = stays[begun]
            if earlier.end is not None:
                heappush(waiting, (earlier.end, earlier.start, earlier.key, begun))
            begun += 1
        while waiting and waiting[0][0] <= stay.start + overlap:
            ended = heappop(waiting)
            last = ended if last is None else max(last, ended)
        if last is not None:
            yield stays[last[-1]], stay


def discharge_instead(stays: Iterable[Contact], cases: Iterable[Referral], grounds: Grounds) -> list[Found]:
    """Discharges in place of a referral (SM-3-5k): discharged, then admitted at a higher tier within the window, for the same
    disease group, without an up-referral on file that covers it, and not as an emergency. In order of the admissions.

    - The window runs from the end of the first stay to the start of the second. Its last instant counts; so does admission in the
      instant of discharge.
    - Stays that overlap: discharges are often written hours after the patient left. An admission that began up to
      `discharge_overlap` before the first stay ended counts as following it; with more overlap the two are not one after the other.
      Of two stays that began in the same instant neither is before the other.
    - An admission answers to one stay: the one that ended last before it (then the one that began last, then by key). So after a
      stay at a third place the third place is asked, not the first; and when that stay was at the same or a higher tier, or ended
      otherwise than by a discharge (`discharge_endings`), nobody is. A discharge is found once, with the first admission.
    - A case covers it when it goes to a tier above the first stay's, from whichever institution and to whichever (the patient may
      have chosen another), was written no later than `case_late` after the admission (a transfer in a hurry is written up
      afterwards), and was not over before the first stay began.
    - Whether the first stay began as an emergency does not matter; whether the second did, does.
    - Visits and stays that last do not count as discharges.
    """
    policy = grounds.policy
    if not policy.discharge_watched:
        return []
    on_file = _together(cases)
    found: list[Found] = []
    for whose, rows in _together(s for s in stays if s.kind == STAY).items():
        ordered = sorted(rows, key=lambda s: (s.start, s.key))
        file, asked = _OnFile(on_file.get(whose, [])), set[str]()
        for first, second in _last_before(ordered, _length(policy.discharge_overlap)):
            if not _follows(first, second, policy) or first.key in asked:
                continue
            asked.add(first.key)
            if second.emergency or file.covers(first.place.level, first.start, second.start + _length(policy.case_late)):
                continue
            reason = grounds.reason(DISCHARGE_INSTEAD, "discharge_window")
            found.append(Found(DISCHARGE_INSTEAD, first.place.org, *whose, second.start, (first, second), reason))
    return sorted(found, key=lambda f: (f.at, f.person, f.group))


def _follows(first: Contact, second: Contact, policy: JourneysPolicy) -> bool:
    if first.end is None or first.ending not in policy.discharge_endings:
        return False
    return second.place.level > first.place.level and second.start - first.end <= _length(policy.discharge_window)


# --- SM-3-4a, SM-3-4b ---------------------------------------------------------------------------------------------------------


def _firsts(rows: Iterable[Contact], gap: timedelta) -> Iterator[Contact]:
    seen_until: datetime | None = None
    for row in sorted(rows, key=lambda c: (c.start, c.place.level, c.key)):
        if seen_until is None or row.start - seen_until > gap:
            yield row
        until = row.end or row.start
        seen_until = until if seen_until is None else max(seen_until, until)


def first_contacts(
    contacts: Iterable[Contact],
    cases: Iterable[Referral],
    catalogue_of: CatalogueOf,
    grounds: Grounds,
    referral: ReferralGrounds,
) -> list[FirstContact]:
    """The first contact of each episode and what it was, in order of time; none where no clause asks for first contact.

    An episode begins with a contact, visit or stay, that starts more than `episode_gap` after the last one before it ended (or,
    of one still open, started). Of several that start in the same instant the one at the lowest tier is first. `referral`:
    whether first contact is asked for, and whether the county general hospital counts, are the referral room's parameters.

    Judged in this order: an emergency is free (SM-3-4a; QZ-2-11b in Quanzhou), and so is a disease that the catalogue does not
    hold; where no catalogue is in force nothing is judged. Then: at a primary institution; with a case on file (written no later
    than `case_late` after the start, not over before the episode could begin); at the county general hospital of the person's own
    county for a disease that no public primary institution of the place treats (SM-3-4b); else bypassed. Where the person lives
    is not known, the institution's county stands for it. The texts name no other exceptions.
    """
    if not referral.policy.first_contact:
        return []
    on_file = _together(cases)
    found: list[FirstContact] = []
    late, gap = _length(grounds.policy.case_late), _length(grounds.policy.episode_gap)
    for whose, rows in _together(contacts).items():
        file = _OnFile(on_file.get(whose, []))
        for first in _firsts(rows, gap):
            covered = file.covers(level(PRIMARY[-1]), first.start - gap, first.start + late)
            catalogue = catalogue_of(first.home or first.place.county, local_day(first.start))
            found.append(FirstContact(first, *_judged(first, catalogue, covered, referral)))
    return sorted(found, key=lambda f: (f.contact.start, f.contact.person, f.contact.group))


def _judged(first: Contact, catalogue: Catalogue | None, covered: bool, referral: ReferralGrounds) -> tuple[str, Reason]:
    policy, place = referral.policy, first.place
    if first.emergency:
        return EMERGENCY, referral.reason(EMERGENCY, "emergency_skips" if policy.emergency_skips else "first_contact")
    own_county = first.home[:COUNTY_CODE_LENGTH] in ("", place.county)
    if catalogue is None:
        verdict = NO_CATALOGUE
    elif first.group not in catalogue.groups:
        verdict = NOT_LISTED
    elif place.tier in PRIMARY:
        verdict = AT_PRIMARY
    elif covered:
        verdict = REFERRED
    elif policy.county_counts_when_unable and place.county_general and own_county and first.group not in catalogue.treated_nearby:
        return COUNTS, referral.reason(COUNTS, "county_counts_when_unable")
    else:
        verdict = BYPASSED
    return verdict, referral.reason(verdict, "first_contact")


def bypass(
    contacts: Iterable[Contact],
    cases: Iterable[Referral],
    catalogue_of: CatalogueOf,
    grounds: Grounds,
    referral: ReferralGrounds,
) -> list[Found]:
    """First contacts above primary care for which nothing speaks (SM-3-4a, 非首诊直达); see `first_contacts`."""
    judged = first_contacts(contacts, cases, catalogue_of, grounds, referral)
    return [
        Found(BYPASS, f.contact.place.org, f.contact.person, f.contact.group, f.contact.start, (f.contact,), f.reason)
        for f in judged
        if f.verdict == BYPASSED
    ]


# --- SM-3-5h, SM-3-4c ---------------------------------------------------------------------------------------------------------


def easily_treated(case: Referral, treatable_of: TreatableOf, grounds: Grounds) -> Found | None:
    """小病上转 (SM-3-5h): sent up for a disease that stands on the sender's own list of what it treats on that day, without a
    clinical reason, and not as an emergency. Whether a reason that is given is a good one, the review says, not this."""
    upwards = case.direction == UP and case.receiver.level > case.origin.level
    if not grounds.policy.easy_watched or not upwards or case.emergency or case.clinical_reason.strip():
        return None
    if case.group not in treatable_of(case.origin.org, local_day(case.sent_at)):
        return None
    reason = grounds.reason(EASILY_TREATED, "easy_watched")
    return Found(EASILY_TREATED, case.origin.org, case.person, case.group, case.sent_at, (case,), reason)


def turned_away(contact: Contact, grounds: Grounds) -> Found | None:
    """推诿 (SM-3-4c): a visit or stay that is over without saying how it ended. The room visits asks its head about it; here it is
    counted."""
    if not grounds.policy.refusal_watched or contact.end is None or contact.ending != UNSTATED:
        return None
    reason = grounds.reason(TURNED_AWAY, "refusal_watched")
    return Found(TURNED_AWAY, contact.place.org, contact.person, contact.group, contact.end, (contact,), reason)
