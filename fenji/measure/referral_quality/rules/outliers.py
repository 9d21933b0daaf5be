"""What becomes of something that has to be explained: cause and correction, a second person, and then it may be closed. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from fenji.ground.common.clock import DutyCalendar, deadline, local_day
from fenji.measure.referral_quality.rules.policy import QualityPolicy

OPENED, EXPLAINED, CONFIRMED, CLOSED = STATES = ("opened", "explained", "confirmed", "closed")
EXPLAIN, SEND_BACK, CONFIRM, CLOSE = ACTIONS = ("explain", "send_back", "confirm", "close")

TABLE = {
    (OPENED, EXPLAIN): EXPLAINED,
    (EXPLAINED, EXPLAIN): EXPLAINED,
    (EXPLAINED, SEND_BACK): OPENED,
    (EXPLAINED, CONFIRM): CONFIRMED,
    (CONFIRMED, CLOSE): CLOSED,
}
"""(state, action) → state. Nothing else leads from one state to another, least of all to the end without the steps between."""

NO_SUCH_STEP, SAME_PERSON = "no_such_step", "same_person"
CAUSE_MISSING, CORRECTION_MISSING, DUE_MISSING, DUE_PAST, DUE_FAR = (
    "cause_missing", "correction_missing", "due_missing", "due_past", "due_far",
)  # fmt: skip
NOTE_MISSING = "note_missing"


@dataclass(frozen=True, slots=True)
class Outlier:
    """An outlier, or a case that has to be put right (SM-3-5g, SM-3-5h). `correct_by`: last day of the correction;
    `explained_by`: who wrote cause and correction."""

    state: str = OPENED
    cause: str = ""
    correction: str = ""
    correct_by: date | None = None
    explained_by: UUID | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody wants to do with it. Cause, correction and its last day come with `explain`, a note with `send_back`."""

    action: str
    by: UUID
    on: date
    cause: str = ""
    correction: str = ""
    correct_by: date | None = None
    note: str = ""


def fault(outlier: Outlier, act: Act, policy: QualityPolicy) -> str:
    """What stands against it, as a code; empty when nothing does. The correction is done within `correct_days`, not before
    today."""
    if (outlier.state, act.action) not in TABLE:
        return NO_SUCH_STEP
    if act.action == EXPLAIN:
        return _gap(act.cause, act.correction, act.correct_by) or _day_fault(act, policy)
    if act.action == SEND_BACK and not act.note.strip():
        return NOTE_MISSING
    if act.action in (SEND_BACK, CONFIRM) and act.by == outlier.explained_by:
        return SAME_PERSON
    return "" if act.action == SEND_BACK else _gap(outlier.cause, outlier.correction, outlier.correct_by)


def _gap(cause: str, correction: str, correct_by: date | None) -> str:
    if not cause.strip():
        return CAUSE_MISSING
    if not correction.strip():
        return CORRECTION_MISSING
    return DUE_MISSING if correct_by is None else ""


def _day_fault(act: Act, policy: QualityPolicy) -> str:
    if act.correct_by is None or act.correct_by < act.on:
        return DUE_PAST
    return DUE_FAR if act.correct_by > act.on + timedelta(days=policy.correct_days) else ""


def after(outlier: Outlier, act: Act, policy: QualityPolicy) -> Outlier:
    """As it stands afterwards. Raises ValueError with the code of `fault`."""
    if code := fault(outlier, act, policy):
        raise ValueError(code)
    state = TABLE[outlier.state, act.action]
    if act.action != EXPLAIN:
        return replace(outlier, state=state)
    return Outlier(state, act.cause, act.correction, act.correct_by, act.by)


def explain_due(opened_at: datetime, policy: QualityPolicy, calendar: DutyCalendar) -> datetime:
    """Until when cause and correction are to be written."""
    return deadline(opened_at, policy.explain_within, calendar)


def overdue(outlier: Outlier, opened_at: datetime, at: datetime, policy: QualityPolicy, calendar: DutyCalendar) -> bool:
    """True when the explanation, or the correction that was promised, is not there in time. A closed one is never late."""
    if outlier.state == OPENED:
        return at > explain_due(opened_at, policy, calendar)
    return outlier.state != CLOSED and outlier.correct_by is not None and local_day(at) > outlier.correct_by
