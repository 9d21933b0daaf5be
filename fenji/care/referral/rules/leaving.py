"""Consent to a transfer, and the check before a critical patient leaves. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from fenji.care.referral.rules.green import check_past
from fenji.ground.common.clock import Span
from fenji.ground.common.refusal import Refused

PATIENT, GUARDIAN, NOBODY = CONSENTERS = ("patient", "guardian", "nobody")
"""Who consented; nobody: the patient is unable and nobody could be asked, which only an emergency allows."""
WAYS = ("oral", "written", "phone")
GIVEN, REFUSED = ANSWERS = ("given", "refused")

CONSCIOUSNESS = ("alert", "voice", "pain", "unresponsive")
AIRWAY = ("free", "helped", "intubated")
OXYGEN = ("none", "nasal", "mask", "ventilator")
ESCORTS = ("doctor", "nurse", "both", "family")
VEHICLES = ("ambulance", "own", "other")
CODES = {"consciousness": CONSCIOUSNESS, "airway": AIRWAY, "oxygen": OXYGEN, "escort": ESCORTS, "vehicle": VEHICLES}
VITALS = ("pulse", "breaths", "systolic", "diastolic", "saturation", "temperature")


class ConsentMissing(Refused):
    """Nobody is transferred without the patient's consent, or the guardian's, or an emergency that leaves nobody to ask."""

    code = "consent_missing"


class ImplausibleCheck(Refused):
    """The transfer check does not hold together. detail: fields, codes of what is wrong."""

    code = "implausible_check"


@dataclass(frozen=True, slots=True)
class ConsentGiven:
    """Who consented, or refused, how and when. `guardian`: a name. `proposed_id`: the institution the doctor had proposed when the
    patient chose another one."""

    who: str
    how: str = "oral"
    at: datetime | None = None
    guardian: str = ""
    proposed_id: int | None = None


@dataclass(frozen=True, slots=True)
class TransferPolicy:
    """Between which bounds a vital sign is plausible (inclusive, as pairs), and how long a transfer may take at most.

    Pulse and breaths per minute, pressures in mmHg, saturation in %, temperature in °C.
    """

    pulse: tuple[int, ...]
    breaths: tuple[int, ...]
    systolic: tuple[int, ...]
    diastolic: tuple[int, ...]
    saturation: tuple[int, ...]
    temperature: tuple[int, ...]
    way_within: Span
    entered_within: Span


@dataclass(frozen=True, slots=True)
class Check:
    """The patient's state on leaving, who goes along, with what, and when they will be there."""

    pulse: int
    breaths: int
    systolic: int
    diastolic: int
    saturation: int
    temperature: Decimal
    consciousness: str
    airway: str
    oxygen: str
    lines: str
    escort: str
    escort_name: str
    vehicle: str
    plate: str
    left_at: datetime
    eta_at: datetime


def check_consent(given: ConsentGiven | None, *, emergency: bool, required: bool) -> None:
    """Raises ConsentMissing. A guardian has a name; nobody at all is enough in an emergency alone."""
    if given is None:
        if required:
            raise ConsentMissing
        return
    if given.who not in CONSENTERS or given.how not in WAYS:
        raise ConsentMissing
    if (given.who == GUARDIAN and not given.guardian) or (given.who == NOBODY and not emergency):
        raise ConsentMissing


def faults(check: Check, policy: TransferPolicy) -> tuple[str, ...]:
    """Fields of a check that cannot be right, in the order of the form."""
    wrong = [name for name in VITALS if not _between(getattr(check, name), getattr(policy, name))]
    if check.diastolic >= check.systolic and not {"systolic", "diastolic"} & set(wrong):
        wrong.append("diastolic")
    wrong += [name for name, known in CODES.items() if getattr(check, name) not in known]
    wrong += [] if check.escort_name else ["escort_name"]
    if not check.left_at < check.eta_at <= check.left_at + timedelta(minutes=policy.way_within.minutes):
        wrong.append("eta_at")
    return tuple(wrong)


def _between(value: Decimal | int, bounds: Iterable[int]) -> bool:
    low, high = bounds
    return low <= value <= high


def accept_check(check: Check, policy: TransferPolicy, at: datetime) -> None:
    """Raises ImplausibleCheck, and TooLate when they left in the future or too long ago."""
    wrong = faults(check, policy)
    if wrong:
        raise ImplausibleCheck(fields=", ".join(wrong))
    check_past(check.left_at, at, policy.entered_within)
