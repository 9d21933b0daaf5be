"""Alerts on the way of a patient: what is found in a period, what is new or no longer so, and what becomes of one. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from fenji.care.referral.rules import Grounds as ReferralGrounds
from fenji.ground.common.clock import DutyCalendar, deadline
from fenji.measure.journeys import rules as journeys
from fenji.measure.journeys.rules import Contact, Found, Grounds, Referral
from fenji.measure.referral_quality.rules.policy import QualityPolicy

KINDS = journeys.CODES
OPEN, ANSWERED, JUSTIFIED, TO_CORRECT, COUNTED, WITHDRAWN = STATES = (
    "open", "answered", "justified", "to_correct", "counted", "withdrawn",
)  # fmt: skip
"""`counted`: somebody is asked elsewhere already (a visit without a disposition, by the room visits). `withdrawn`: the rows no
longer show it."""
JUDGED = (JUSTIFIED, TO_CORRECT)
WAITING = (OPEN, ANSWERED)
ANSWER, JUSTIFY, CORRECT = ACTIONS = ("answer", "justify", "correct")
WITHDRAW = "withdraw"
"""What the house does by itself, each night."""

TABLE = {
    (OPEN, ANSWER): ANSWERED,
    (OPEN, CORRECT): TO_CORRECT,
    (ANSWERED, JUSTIFY): JUSTIFIED,
    (ANSWERED, CORRECT): TO_CORRECT,
    (OPEN, WITHDRAW): WITHDRAWN,
    (ANSWERED, WITHDRAW): WITHDRAWN,
    (COUNTED, WITHDRAW): WITHDRAWN,
}
"""(state, action) → state. What was judged stays so; from WITHDRAWN `state_again` leads back."""

NO_SUCH_STEP, SAME_PERSON, NOT_OVERDUE = "no_such_alert_step", "judged_own_answer", "answer_not_due"
CAUSE_MISSING, NOTE_MISSING = "alert_cause_missing", "alert_note_missing"

COVERED, CHANGED = WITHDRAWALS = ("covered", "changed")
"""Why an alert is withdrawn: a referral on file covers it by now, or the rows that showed it have changed."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days that one policy held: alerts of [since, until) are judged by it."""

    since: datetime
    until: datetime
    grounds: Grounds
    referral: ReferralGrounds


@dataclass(frozen=True, slots=True)
class Way:
    """Rows of one policy area: contacts and up-referrals, and what its lists say. See `journeys.rules`."""

    contacts: Sequence[Contact]
    cases: Sequence[Referral]
    catalogue_of: journeys.CatalogueOf
    treatable_of: journeys.TreatableOf


def found(way: Way, periods: Iterable[Period]) -> list[tuple[Found, str]]:
    """All that the rules find in some periods, each with the hash of the policy that it was found under; in order of time."""
    both: list[tuple[Found, str]] = []
    for period in periods:
        seen = [f for f in _found(way, period) if period.since <= f.at < period.until]
        both += [(f, period.grounds.pack_hash) for f in seen]
    return sorted(both, key=lambda pair: (pair[0].at, pair[0].code, key_of(pair[0])))


def _found(way: Way, period: Period) -> list[Found]:
    held = period.grounds
    contacts = journeys.admitted_as_emergency(way.contacts, held.policy)
    each = [
        *(journeys.turned_away(c, held) for c in contacts),
        *(journeys.easily_treated(c, way.treatable_of, held) for c in way.cases),
    ]
    return [
        *journeys.discharge_instead(contacts, way.cases, held),
        *journeys.bypass(contacts, way.cases, way.catalogue_of, held, period.referral),
        *(f for f in each if f is not None),
    ]


def name_of(row: Contact | Referral) -> tuple[str, str]:
    """(kind, key) of a row that an alert rests on: a visit or a stay by its id, a case by its number."""
    return ("case", row.number) if isinstance(row, Referral) else (row.kind, row.key)


def key_of(alert: Found) -> str:
    """By what an alert is known again: what it is, and the rows it rests on. Names none of them to whoever reads it."""
    names = "\n".join(f"{kind} {key}" for kind, key in map(name_of, alert.rows))
    return sha256(f"{alert.code}\n{names}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Changes:
    """What a night changes, as keys: alerts to open, to open again, to withdraw. The others stay as they are."""

    fresh: frozenset[str]
    again: frozenset[str]
    gone: frozenset[str]


def changes(now_found: Collection[str], known: Mapping[str, str]) -> Changes:
    """What is found now against what is known, key → state. What was judged is not taken back."""
    held = frozenset(now_found)
    gone = {key for key, state in known.items() if key not in held and (state, WITHDRAW) in TABLE}
    again = {key for key in held if known.get(key) == WITHDRAWN}
    return Changes(held - known.keys(), frozenset(again), frozenset(gone))


def first_state(alert: Found) -> str:
    """Where an alert begins: a visit without a disposition is asked about by its own room, and counted here."""
    asked_elsewhere = alert.code == journeys.TURNED_AWAY and name_of(alert.rows[0])[0] == journeys.VISIT
    return COUNTED if asked_elsewhere else OPEN


def state_again(alert: Found, cause: str) -> str:
    """Where an alert goes on that was withdrawn and is found again: what was answered stays answered."""
    return ANSWERED if cause else first_state(alert)


def withdrawal(person: str, group: str, opened_at: datetime, cases: Iterable[Referral]) -> str:
    """Why an alert is no longer found: COVERED when a referral of the person for this disease was written or sent off since it was
    opened."""
    late = any((c.person, c.group) == (person, group) and max(c.written_at, c.sent_at) >= opened_at for c in cases)
    return COVERED if late else CHANGED


# --- what becomes of one ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as the rules see it. `cause`: what the institution asked says; `answered_by`: who wrote it; `note`: what whoever
    judged it says."""

    state: str = OPEN
    due_at: datetime | None = None
    cause: str = ""
    answered_by: UUID | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to do with it; `words`: the cause, or what is to be corrected."""

    action: str
    by: UUID
    at: datetime
    words: str = ""


def fault(alert: Alert, wanted: Wanted) -> str:
    """What stands against it, as a code; empty when nothing does.

    An answer says a cause. Nobody judges their own answer. What is to be corrected is said in words; without an answer it is so
    judged only when the answer is overdue.
    """
    if wanted.action not in ACTIONS or (alert.state, wanted.action) not in TABLE:
        return NO_SUCH_STEP
    if wanted.action == ANSWER:
        return "" if wanted.words.strip() else CAUSE_MISSING
    if wanted.by == alert.answered_by:
        return SAME_PERSON
    if alert.state == OPEN and not overdue(alert, wanted.at):
        return NOT_OVERDUE
    return NOTE_MISSING if wanted.action == CORRECT and not wanted.words.strip() else ""


def after(alert: Alert, wanted: Wanted) -> Alert:
    """As it stands afterwards. Raises ValueError with the code of `fault`."""
    if code := fault(alert, wanted):
        raise ValueError(code)
    state = TABLE[alert.state, wanted.action]
    if wanted.action == ANSWER:
        return replace(alert, state=state, cause=wanted.words, answered_by=wanted.by)
    return replace(alert, state=state, note=wanted.words)


def overdue(alert: Alert, at: datetime) -> bool:
    """True when the answer is not there in time."""
    return alert.state == OPEN and alert.due_at is not None and at > alert.due_at


def answer_due(at: datetime, policy: QualityPolicy, calendar: DutyCalendar) -> datetime:
    """Until when an alert of this instant is to be answered, or an answer of this instant judged."""
    return deadline(at, policy.alert_answer_within, calendar)
