"""What a visit may become, who answers for it, what a notifiable disease asks of it; and who of a ward may go down. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fenji.care.catalogue.rules import PHASES as DOWN_PHASES
from fenji.ground.common.clock import DutyCalendar, Span, deadline
from fenji.ground.common.refusal import Refused

TREATED = "treated"
OBSERVE = "observe"
REFERRED_UP = "referred_up"
UNSTATED = "unstated"
OPEN = ""
DISPOSITIONS = (TREATED, OBSERVE, REFERRED_UP)
"""How a visit ends. An open visit has none yet; nobody can close one without (SM-3-4c)."""
FED_DISPOSITIONS = (*DISPOSITIONS, UNSTATED)
"""A record that another system closed may state none: that raises the alert of refusal (推诿)."""

PROPOSED, ACCEPTED, DECLINED, WITHDRAWN = HANDOVERS = ("proposed", "accepted", "declined", "withdrawn")

MEASURES, REPORT, ENTRY = PARTS = ("measures", "report", "entry")
"""What the doctor who finds a notifiable disease, or suspects one, owes before the visit can be closed (SM-3-4d)."""
GRADES = ("A", "BA", "B", "C")
"""Classes of the national list; BA: class B that is handled as class A."""

ACUTE, CHRONIC = "acute", "chronic"
PHASES = (ACUTE, *DOWN_PHASES, CHRONIC)
"""In which phase of the illness an in-patient is (SM-1-2b, QZ-2-11i); empty while nobody has said."""
HOME, TRANSFERRED, AGAINST_ADVICE, DEAD = WAYS_OUT = ("home", "transferred", "against_advice", "died")
"""How a stay ends."""
FED_WAYS_OUT = (*WAYS_OUT, UNSTATED)
"""A record that another system ended may not say how."""


class IncompleteInfection(Refused):
    """A visit for a notifiable disease cannot be closed before measures, report and register entry exist."""

    code = "incomplete_infection"


class NotResponsible(Refused):
    """Somebody else answers for this visit (SM-3-4c). detail: who."""

    code = "not_responsible"


class HandoverOpen(Refused):
    """A hand-over of this visit waits for an answer already."""

    code = "handover_open"


class NotForYou(Refused):
    """This hand-over was proposed to somebody else, or has been answered."""

    code = "handover_not_for_you"


class NothingToSettle(Refused):
    """There is no open alert on this visit, or the reason is missing."""

    code = "nothing_to_settle"


class AlreadyIn(Refused):
    """The resident is in hospital here already."""

    code = "already_in"


@dataclass(frozen=True, slots=True)
class VisitsPolicy:
    """Times of visits, and who of a ward goes down. The texts give no times for the report of infections: the defaults follow the
    national rules on reporting."""

    handover_within: Span
    settle_within: Span
    report_a_within: Span
    report_b_within: Span
    report_c_within: Span
    phases_down: tuple[str, ...]

    def __post_init__(self) -> None:
        if not set(self.phases_down) <= set(PHASES) - {ACUTE}:
            raise ValueError(f"phases in which patients go down are among {PHASES}, and never {ACUTE}")


KEPT_HERE = (TREATED, OBSERVE)
"""How a visit may end after all when what was referred up came back: treated where the patient is."""


def may_close(present: str, wanted: str) -> bool:
    """An open visit may be closed with a disposition; a closed one stays as it is, except that observation may end otherwise."""
    return wanted in DISPOSITIONS and (present in (OPEN, OBSERVE))


def ends(disposition: str, *, parts_missing: bool) -> bool:
    """Whether a disposition closes the visit now. Observation does not; going up does as soon as no part is missing.

    Raises IncompleteInfection for a patient who would go home: who is sent up must not wait for paperwork.
    """
    if disposition == OBSERVE:
        return False
    if parts_missing and disposition != REFERRED_UP:
        raise IncompleteInfection
    return not parts_missing


def report_due(grade: str, found_at: datetime, policy: VisitsPolicy, calendar: DutyCalendar) -> datetime:
    """Until when a notifiable disease of a class, found or suspected at an instant, is to be reported."""
    span = {"A": policy.report_a_within, "BA": policy.report_a_within, "B": policy.report_b_within, "C": policy.report_c_within}
    return deadline(found_at, span[grade], calendar)


def missing_parts(*, measures: str, reported_at: datetime | None, report_number: str, registered_at: datetime | None) -> list[str]:
    """The parts still owed: measures in words, a report with its card number, an entry in the register."""
    there = {MEASURES: bool(measures), REPORT: reported_at is not None and bool(report_number), ENTRY: registered_at is not None}
    return [part for part in PARTS if not there[part]]


@dataclass(frozen=True, slots=True)
class HandoverView:
    """What decides who may answer a proposal. `to_id`: the doctor asked; None: any doctor of the department or institution."""

    state: str
    from_id: UUID
    to_id: UUID | None


def check_answer(handover: HandoverView, actor_id: UUID) -> None:
    """Raises NotForYou: only the doctor asked answers, or, where a department was asked, any doctor but the one who proposed it."""
    if handover.state != PROPOSED or actor_id == handover.from_id or handover.to_id not in (None, actor_id):
        raise NotForYou


BY_PHASE, BY_LIST = "phase", "list"


def reasons_to_go_down(phase: str, on_list: Collection[str], policy: VisitsPolicy) -> tuple[str, ...]:
    """Why an in-patient may go down today; empty: not today.

    `on_list`: the phases in which the recommended list takes the disease, with criteria and guide (SM-3-6a, SM-3-6b). An acute
    phase never goes down, whatever the list says; where nobody has said the phase, the list alone is a reason to look (SM-1-2b).
    """
    found = [BY_PHASE] if phase in policy.phases_down else []
    if phase != ACUTE and on_list and (not phase or phase == CHRONIC or phase in on_list):
        found.append(BY_LIST)
    return tuple(found)
