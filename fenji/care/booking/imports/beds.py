"""Wards and beds as lists: from the institution's own plan in Excel, or an export of its own system."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fenji.care.booking import queries, rules, texts
from fenji.care.booking.actions.bedfeed import FedBed, FedWard, feed_bed, feed_ward, takes_away
from fenji.care.booking.models import Bed, Ward
from fenji.ground.access.rules import DOCTOR, MACHINE, Actor
from fenji.ground.common.imports import Column, Fault, Judgement, Row
from fenji.ground.common.refusal import Stale
from fenji.ground.network.models import Department, Post

_USING = "load"
_AS_LISTED = _("As it is called in the list of departments.")

FAULTS = {
    "ward_doctor": _("No doctor of this institution has the user name %(given)s."),
    "ward_moved": _("The ward belongs to another department. Close it on its page, and send it with a new number."),
    "ward_named": _("Your institution has another ward of this name, or the list names two so."),
    "ward_of_two": _("This department is part of a ward that another institution shares with yours."),
    "ward_shared": _("Another institution shares this ward: it stays a rehabilitation ward, and keeps a responsible doctor."),
    "bed_ward": _("Your institution has no ward of this name or number. Send the list of wards first."),
    "bed_moved": _("The bed stands in another ward. Send it as closed, then in its new ward with a new number."),
    "bed_named": _("The department has another bed of this name in use, or the list names two so."),
    "bed_kept": _(
        "Somebody lies in this bed, or it is held for somebody. Move or discharge the patient, or give the bed back, then send the"
        " row again."
    ),
}

Fed = FedWard | FedBed
F = TypeVar("F", FedWard, FedBed)


class _Wrong(Exception):
    """A cell that cannot be taken."""

    def __init__(self, column: str, code: str, given: str = "") -> None:
        super().__init__(column, code)
        self.column, self.code, self.given = column, code, given


Reader = Callable[[Row], F]


def _read(rows: Sequence[Row], read: Reader[F]) -> Iterator[tuple[Row, F | _Wrong]]:
    for row in rows:
        try:
            yield row, read(row)
        except _Wrong as wrong:
            yield row, wrong


def _judged(rows: Sequence[Row], read: Reader[F]) -> Judgement:
    outcomes: dict[int, str] = {}
    faults: list[Fault] = []
    for row, found in _read(rows, read):
        if isinstance(found, _Wrong):
            faults.append(Fault(row.line, found.column, found.code, {"given": found.given}))
        else:
            outcomes[row.line] = _outcome(found)
    return Judgement(outcomes, tuple(faults))


def _written(
    rows: Sequence[Row], read: Reader[F], feed: Callable[[F], object], progress: Callable[[int], None]
) -> list[dict[str, str]]:
    """Write rows that were judged. Raises Stale where somebody typed meanwhile what makes one wrong."""
    for done, (_row, found) in enumerate(_read(rows, read), 1):
        if isinstance(found, _Wrong):
            raise Stale
        feed(found)
        progress(done)
    return []


def _outcome(fed: Fed) -> str:
    """new, changed or same."""
    old = fed.ward if isinstance(fed, FedWard) else fed.bed
    if old is None:
        return "new"
    return "same" if all(getattr(old, name) == value for name, value in fed.facts.items()) else "changed"


class Wards:
    """Wards of the sender's own institution, told apart by its numbers for them. One that was typed becomes the list's, by name."""

    code = "wards"
    title = _("Wards")
    permission = "bed.write"
    key = ("number",)
    columns = (
        Column("number", _("Ward number"), "code", required=True, longest=60, sample="BQ-01"),
        Column("name", _("Name of the ward"), required=True, longest=40, sample="神经康复一病区"),
        Column(
            "kind", _("Kind"), "choice", required=True, choices=tuple(texts.WARD_KINDS.items()), sample="rehabilitation"
        ),
        Column("department", _("Department"), required=True, longest=60, sample="康复科", note=_AS_LISTED),
        Column("doctor", _("Responsible doctor's user name"), "code", longest=60, sample="chenyisheng"),
    )  # fmt: skip

    def judge(self, rows: Sequence[Row], *, by: Actor, at: datetime) -> Judgement:
        """See Listing."""
        return _judged(rows, _KnownWards(by, rows, at).fed)

    def write(self, rows: Sequence[Row], *, by: Actor, at: datetime, progress: Callable[[int], None]) -> list[dict[str, str]]:
        """See Listing."""
        return _written(rows, _KnownWards(by, rows, at).fed, lambda fed: feed_ward(fed, by=by, at=at), progress)


class _KnownWards:
    """What stands: departments, doctors, the wards of the institution."""

    def __init__(self, by: Actor, rows: Sequence[Row], at: datetime) -> None:
        self.rooms = dict(Department.objects.using(_USING).filter(org_id=by.org_id, end=None).values_list("name_zh", "id"))
        held = Post.objects.using(_USING).filter(Q(end=None) | Q(end__gt=at), org_id=by.org_id, role=DOCTOR, start__lte=at)
        people = held.values_list("account__username", "account_id", "account__name")
        self.doctors: dict[str, tuple[UUID, str]] = {username: (account, name) for username, account, name in people}
        wards = list(Ward.objects.using(_USING).filter(org_id=by.org_id, end=None))
        self.numbers = {w.source_id: w for w in wards if w.source_id}
        self.names = {w.name: w for w in wards}
        there = Ward.objects.using(_USING).filter(partner_id=by.org_id, end=None)
        self.shared = set(there.values_list("partner_department_id", flat=True))
        self.named = Counter(row.values["name"] for row in rows)

    def fed(self, row: Row) -> FedWard:
        """A row as a ward. Raises _Wrong."""
        v = row.values
        room, alike = self.rooms.get(v["department"]), self.names.get(v["name"])
        if room is None:
            raise _Wrong("department", "session_department")
        if room in self.shared:
            raise _Wrong("department", "ward_of_two")
        old = self.numbers.get(v["number"]) or (alike if alike is not None and not alike.source_id else None)
        if old is not None and old.department_id != room:
            raise _Wrong("department", "ward_moved")
        if self.named[v["name"]] > 1 or (alike is not None and alike != old):
            raise _Wrong("name", "ward_named")
        facts: dict[str, Any] = {"source_id": v["number"], "name": v["name"], "kind": v["kind"], **self._doctor(row)}
        shared = old is not None and old.partner_id is not None
        if old and shared and (v["kind"] != rules.REHABILITATION or facts.get("doctor_id", old.doctor_id) is None):
            raise _Wrong("kind", "ward_shared")
        return FedWard(room, facts, old)

    def _doctor(self, row: Row) -> dict[str, Any]:
        """What a row says of the responsible doctor; nothing where the list has no such column. Raises _Wrong."""
        if "doctor" not in row.values:
            return {}
        given = row.values["doctor"]
        found = self.doctors.get(given.lower()) if given else (None, "")
        if found is None:
            raise _Wrong("doctor", "ward_doctor", given)
        return {"doctor_id": found[0], "doctor_name": found[1]}


class Beds:
    """Beds of the sender's own institution, told apart by its numbers for them. One that was typed becomes the list's, by name.

    A bed that somebody lies in or that is held is neither closed nor called otherwise. What a machine sends counts as its system's.
    """

    code = "beds"
    title = _("Beds")
    permission = "bed.write"
    key = ("number",)
    columns = (
        Column("number", _("Bed number"), "code", required=True, longest=60, sample="CW-0101"),
        Column("ward", _("Ward"), required=True, longest=60, sample="神经康复一病区", note=_("Its name or its number.")),
        Column("room", _("Sickroom"), required=True, longest=20, sample="101"),
        Column("bed", _("Bed"), required=True, longest=20, sample="1床", note=_("As the census calls it.")),
        Column("sex", _("Bed for"), "choice", choices=tuple(texts.BED_SEXES.items()), sample=rules.ANY),
        Column("isolation", _("Isolation bed"), "yes_no", sample="no"),
        Column("state", _("State"), "choice", choices=tuple(texts.BED_STATES.items()), sample=rules.IN_USE),
    )

    def judge(self, rows: Sequence[Row], *, by: Actor, at: datetime) -> Judgement:
        """See Listing."""
        return _judged(rows, _KnownBeds(by, rows, at).fed)

    def write(self, rows: Sequence[Row], *, by: Actor, at: datetime, progress: Callable[[int], None]) -> list[dict[str, str]]:
        """See Listing."""
        return _written(rows, _KnownBeds(by, rows, at).fed, lambda fed: feed_bed(fed, by=by, at=at), progress)


class _KnownBeds:
    """What stands: the wards and beds of the institution, and who has one."""

    def __init__(self, by: Actor, rows: Sequence[Row], at: datetime) -> None:
        self.at, self.source = at, rules.FED if by.role == MACHINE else rules.TYPED
        found = list(Ward.objects.using(_USING).filter(org_id=by.org_id, end=None))
        self.wards = {**{w.name: w for w in found}, **{w.source_id: w for w in found if w.source_id}}
        self.rows = rows
        beds = list(Bed.objects.using(_USING).filter(org_id=by.org_id))
        self.numbers = {b.source_id: b for b in beds if b.source_id}
        self.names = {(b.department_id, b.name): b for b in beds if b.state == rules.IN_USE}
        self.taken: dict[UUID, set[UUID]] = {}

    @cached_property
    def named(self) -> Counter[tuple[int, str]]:
        """How often the list names a bed of a department as in use."""
        said = (r.values for r in self.rows if r.values["state"] != rules.CLOSED and r.values["ward"] in self.wards)
        return Counter((self.wards[v["ward"]].department_id, v["bed"]) for v in said)

    def fed(self, row: Row) -> FedBed:
        """A row as a bed. Raises _Wrong."""
        v = row.values
        ward = self.wards.get(v["ward"])
        if ward is None:
            raise _Wrong("ward", "bed_ward")
        place = (ward.department_id, v["bed"])
        alike = self.names.get(place)
        typed = alike if alike is not None and not alike.source_id and alike.ward_id == ward.pk else None
        old = self.numbers.get(v["number"]) or typed
        if old is not None and old.ward_id != ward.pk:
            raise _Wrong("ward", "bed_moved")
        fed = FedBed(ward, self._facts(row), old)
        in_use = fed.facts.get("state", old.state if old else rules.IN_USE) == rules.IN_USE
        if in_use and (self.named[place] > 1 or (alike is not None and alike != old)):
            raise _Wrong("bed", "bed_named")
        if takes_away(fed) and old is not None and old.pk in self._taken(ward):
            raise _Wrong("state" if v["state"] == rules.CLOSED else "bed", "bed_kept")
        return fed

    def _facts(self, row: Row) -> dict[str, Any]:
        """The columns of the bed; what the list has no column for stays as it stands."""
        v = row.values
        facts = {"source_id": v["number"], "source": self.source, "room": v["room"], "name": v["bed"]}
        said = {"sex": v["sex"] or rules.ANY, "isolation": bool(v["isolation"]), "state": v["state"] or rules.IN_USE}
        return facts | {name: value for name, value in said.items() if name in v}

    def _taken(self, ward: Ward) -> set[UUID]:
        """The beds of a ward that somebody has."""
        if ward.pk not in self.taken:
            facts = queries.ward_facts(ward, self.at, _USING)
            self.taken[ward.pk] = {bed_id for bed_id, f in facts.items() if f.takings}
        return self.taken[ward.pk]


WARDS, BEDS = Wards(), Beds()
