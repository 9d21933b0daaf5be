"""What the lists of this room share: reading institutions by code, faults, and the shape of a judgement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_lazy as _

from fenji.ground.access.rules import HOUSE_ACCOUNT, Actor
from fenji.ground.common.imports import Fault, Judgement, Row
from fenji.ground.network.models import Organisation

FAULTS = {
    "no_region": _("There is no region with the code %(given)s. Give the 6, 9 or 12 digits of the statistical division code."),
    "no_org": _("No institution has the code %(given)s. Import the institutions first."),
    "not_yours": _("This institution or region is not one that you administer."),
    "needs_tier": _("An institution of care needs its tier: village, township, county, city or province."),
    "no_tier": _("Only institutions of care have a tier, a grade or an ownership."),
    "ws218": _("The WS 218 class is a letter and three digits, as in C220."),
    "coordinates": _("Give both longitude and latitude (degrees, longitude 73-136, latitude 3-54), or neither."),
    "no_coordinates": _("Coordinates unknown: distances cannot be shown."),
    "uscc": _("The check character of the unified social credit code does not fit; compare it with the certificate."),
    "village_only": _("Only a village clinic can be under integrated management."),
    "private_only": _("A type of development is given for private institutions only."),
    "agency_only": _("Only an agency has a kind of agency."),
    "force_only": _("Only a task force has a kind of task force."),
    "not_force": _("This organisation is no task force, group or committee."),
    "seat_taken": _("The group has a head, or a leader of the three medical sectors, already."),
    "org_or_region": _("Name an institution or a region, one of the two."),
    "moved": _("An institution that moves to another region is moved on its page, not by import."),
    "no_specialty": _("There is no specialty %(given)s. See the notes of the template for the codes."),
    "alliance": _("The institution cannot join the alliance: %(why)s."),
    "no_lead": _("The alliance is new: the file must name its lead too."),
    "other_kind": _("An alliance of this name exists and is of another kind."),
    "no_time": _("%(given)s is no time of day. Write hours and minutes, as in 08:00."),
    "no_staff": _("Nobody with the number %(given)s works there on that day, or two sent there share it. See its staff list."),
    "shift_twice": _("Line %(line)s has the same shift."),
    "no_account": _("No account has the user name %(name)s. Import the accounts first."),
    "username_taken": _("Another person has this user name. Choose another one, for instance with a digit behind it."),
    "bad_username": _(
        "A user name has 2 to 60 small letters, digits, dots, dashes or underscores, and begins with a letter or digit."
    ),
    "bad_name": _("A name has up to 60 characters, none of them invisible."),
    "roles": _("One person must not hold these roles together."),
    "dates": _("The end must lie after the start."),
}


@dataclass
class Findings:
    """A judgement in the making."""

    outcomes: dict[int, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)

    def fault(self, row: Row, column: str, code: str, **detail: str) -> None:
        """A row that cannot be taken."""
        self.faults.append(Fault(row.line, column, code, detail))

    def note(self, row: Row, column: str, code: str, **detail: str) -> None:
        """Something to look at that refuses nothing."""
        self.notes.append(Fault(row.line, column, code, detail))

    def done(self) -> Judgement:
        """The judgement."""
        wrong = {f.line for f in self.faults}
        kept = {line: outcome for line, outcome in self.outcomes.items() if line not in wrong}
        return Judgement(kept, tuple(self.faults), tuple(self.notes))


def governs(by: Actor, path: str) -> bool:
    """Whether somebody administers a place."""
    return by.account_id == HOUSE_ACCOUNT or bool(by.reach and path.startswith(by.reach))


def by_code(codes: Iterable[str]) -> dict[str, Organisation]:
    """Present organisations by their codes."""
    wanted = {c for c in codes if c}
    return {o.code: o for o in Organisation.objects.using("load").filter(code__in=wanted, end=None)}


def differs(row: Any, facts: Mapping[str, Any]) -> bool:
    """Whether a row stands otherwise than the facts say."""
    return any(getattr(row, name) != value for name, value in facts.items())


def in_batches(rows: Sequence[Row], size: int, progress: Callable[[int], None]) -> Iterable[Sequence[Row]]:
    """Rows a batch at a time; progress is told after each."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
        progress(min(start + size, len(rows)))


BATCH = 1000
