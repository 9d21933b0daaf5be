"""What goes down with a patient: what was done in hospital, and what is to follow (SM-3-6c). Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from fenji.care.continuity.rules.plan import Item
from fenji.ground.common.refusal import Refused

SUMMARY, PLAN = PACKAGES = ("summary", "plan")
"""The two packages without which nobody is sent down."""

DRAFT, HANDED_OVER, OVER = STATES = ("draft", "handed_over", "ended")
"""Where a package stands: written by the hospital, followed by the team, over."""


class IncompletePackage(Refused):
    """The package lacks something. detail: parts, as `parts_missing` names them."""

    code = "incomplete_package"


@dataclass(frozen=True, slots=True)
class Summary:
    """What the hospital says of the stay, in words: why admitted, what was found and done, how the patient leaves, with which
    medicines (`no_medicine` where there are none, so that an empty line is never a guess)."""

    admitted_for: str = ""
    course: str = ""
    condition: str = ""
    medicines: str = ""
    no_medicine: bool = False


def parts_missing(summary: Summary | None, items: Collection[Item], warning_signs: str) -> tuple[str, ...]:
    """What is missing, in the order of the form: "summary" and "plan" for a package that is not there at all, else its part as
    "summary.course". A plan says what to do and when the patient must come back up."""
    found: list[str] = []
    if summary is None or summary == Summary():
        found.append(SUMMARY)
    else:
        words = ("admitted_for", "course", "condition")
        found += [f"{SUMMARY}.{name}" for name in words if not getattr(summary, name).strip()]
        if not summary.medicines.strip() and not summary.no_medicine:
            found.append(f"{SUMMARY}.medicines")
    if not items and not warning_signs.strip():
        found.append(PLAN)
    else:
        found += [f"{PLAN}.items"] if not items else []
        found += [f"{PLAN}.warning_signs"] if not warning_signs.strip() else []
    return tuple(found)


def check_package(summary: Summary | None, items: Collection[Item], warning_signs: str) -> None:
    """Raises IncompletePackage."""
    if missing := parts_missing(summary, items, warning_signs):
        raise IncompletePackage(parts=missing)
