"""Sessions as a list: from the hospital's plan in Excel, or an export of its own system."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, time
from typing import Any

from django.utils.translation import gettext_lazy as _

from fenji.care.booking import rules, texts
from fenji.care.booking.actions.sessions import NewSession, amend, write
from fenji.care.booking.models import ClinicSession, Slot
from fenji.care.booking.queries import policy_at
from fenji.ground.access.rules import MACHINE, Actor
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.imports import Column, Fault, Judgement, Row
from fenji.ground.network.models import Department, Specialty
from fenji.ground.network.queries import place_of

_USING = "load"
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::00)?")

FAULTS = {
    "session_clock": _("Give the time as hour:minute, for example 08:00."),
    "session_department": _("Your institution has no department of this name at present."),
    "session_specialty": _("There is no specialty with this code."),
    "session_item": _("An examination needs the code of its item."),
    "session_refused": _("This session cannot be: %(why)s."),
    "session_moved": _(
        "This session is there at another time or as another kind. Cancel it on its page, and send it with a new number."
    ),
    "session_over": _("This session was cancelled. Give the new one another number."),
}


class Sessions:
    """Sessions of the sender's own institution, told apart by its numbers for them."""

    code = "clinic_sessions"
    title = _("Clinics and examinations")
    permission = "booking.write"
    key = ("number",)
    columns = (
        Column("number", _("Session number"), "code", required=True, longest=60, sample="2026-0001"),
        Column("kind", _("Kind"), "choice", required=True, choices=tuple(texts.KINDS.items()), sample="clinic"),
        Column("name", _("Name of the session"), required=True, longest=60, sample="心血管内科专家门诊"),
        Column(
            "department", _("Department"), longest=60, sample="心血管内科", note=_("As it is called in the list of departments.")
        ),
        Column("specialty", _("Specialty"), "code", longest=40, sample="cardiology", note=_("Its code.")),
        Column("item", _("Item code"), "code", longest=40, note=_("Of the examination.")),
        Column("expert", _("Expert clinic"), "yes_no", sample="yes"),
        Column("doctor", _("Doctor"), longest=60, sample="郑某某"),
        Column("day", _("Day"), "date", required=True, sample="2026-12-01"),
        Column("begins", _("Begins at"), required=True, longest=8, sample="08:00"),
        Column("ends", _("Ends at"), required=True, longest=8, sample="11:30"),
        Column("places", _("Places"), "whole", required=True, sample="20"),
        Column("reserved", _("Reserved places"), "whole", sample="6", note=_("Empty: the share that the policy sets.")),
    )

    def judge(self, rows: Sequence[Row], *, by: Actor, at: datetime) -> Judgement:
        """See Listing."""
        known = _Known(by, rows, at)
        outcomes: dict[int, str] = {}
        faults: list[Fault] = []
        for row in rows:
            wrong = _fault(row, known, by, at)
            if wrong is None:
                outcomes[row.line] = known.outcome(row)
            else:
                faults.append(wrong)
        return Judgement(outcomes, tuple(faults))

    def write(self, rows: Sequence[Row], *, by: Actor, at: datetime, progress: Callable[[int], None]) -> list[dict[str, str]]:
        """See Listing."""
        known, source = _Known(by, rows, at), rules.FED if by.role == MACHINE else rules.TYPED
        where = place_of(by.org_id, _USING)
        for done, row in enumerate(rows, 1):
            new, old = known.session(row), known.held.get(row.values["number"])
            if old is None:
                write(where, new, source, by=by, at=at, using=_USING)
            else:
                amend(old, new, source, by=by, at=at, using=_USING)
            progress(done)
        return []


def _clock(text: str) -> time | None:
    found = _CLOCK.fullmatch(text.replace("：", ":"))
    return time(int(found[1]), int(found[2])) if found else None


class _Known:
    """What stands: departments, specialties, sessions of these numbers."""

    def __init__(self, by: Actor, rows: Sequence[Row], at: datetime) -> None:
        self.rooms = {d.name_zh: d for d in Department.objects.using(_USING).filter(org_id=by.org_id, end=None)}
        self.specialties = set(Specialty.objects.using(_USING).values_list("code", flat=True))
        numbers = [r.values["number"] for r in rows]
        # cancelled before open: the open one of a number comes last and counts
        found = ClinicSession.objects.using(_USING).filter(org_id=by.org_id, source_id__in=numbers).order_by("-state", "id")
        self.held = {s.source_id: s for s in found}
        slots = Slot.objects.using(_USING).filter(session__in=[s.pk for s in self.held.values()], voided_at=None)
        self.marks: dict[Any, list[bool]] = {}
        for session_id, reserved in slots.order_by("position").values_list("session_id", "reserved"):
            self.marks.setdefault(session_id, []).append(reserved)
        self.policy = policy_at(place_of(by.org_id, _USING), local_day(at))

    def session(self, row: Row) -> NewSession:
        """A row whose cells are in order, as a session."""
        v: Mapping[str, Any] = row.values
        room = self.rooms.get(v.get("department") or "")
        begins, ends = _clock(v["begins"]) or time(), _clock(v["ends"]) or time()  # judged before
        return NewSession(
            kind=v["kind"],
            name=v["name"],
            start_at=datetime.combine(v["day"], begins, SHANGHAI),
            end_at=datetime.combine(v["day"], ends, SHANGHAI),
            places=v["places"],
            department_id=room.id if room else None,
            specialty=v.get("specialty") or (room.specialty if room else ""),
            item=v.get("item") or "",
            expert=bool(v.get("expert")),
            doctor_name=v.get("doctor") or "",
            reserved=v.get("reserved"),
            source_id=v["number"],
        )

    def outcome(self, row: Row) -> str:
        """new, changed or same."""
        old = self.held.get(row.values["number"])
        if old is None:
            return "new"
        new = self.session(row)
        names = ("name", "department_id", "specialty", "expert", "doctor_name")
        reserved = rules.reserved_of(new.places, self.policy) if new.reserved is None else new.reserved
        marks = tuple(self.marks.get(old.pk, ())) == rules.quota(new.places, reserved)
        return "same" if marks and all(getattr(old, n) == getattr(new, n) for n in names) else "changed"


def _fault(row: Row, known: _Known, by: Actor, at: datetime) -> Fault | None:
    v = row.values
    for column in ("begins", "ends"):
        if _clock(v[column]) is None:
            return Fault(row.line, column, "session_clock")
    if v.get("department") and v["department"] not in known.rooms:
        return Fault(row.line, "department", "session_department")
    if v.get("specialty") and v["specialty"] not in known.specialties:
        return Fault(row.line, "specialty", "session_specialty")
    if v["kind"] == rules.EXAMINATION and not v.get("item"):
        return Fault(row.line, "item", "session_item")
    new, old = known.session(row), known.held.get(v["number"])
    if old is not None:
        if old.state != rules.OPEN:
            return Fault(row.line, "number", "session_over")
        if (old.start_at, old.end_at, old.kind, old.item) != (new.start_at, new.end_at, new.kind, new.item):
            return Fault(row.line, "number", "session_moved")
        if old.start_at <= at:
            return None
    reserved = rules.reserved_of(new.places, known.policy) if new.reserved is None else new.reserved
    try:
        rules.checked(new.start_at, new.end_at, new.places, reserved, known.policy, at)
    except rules.BadSession as refusal:
        return Fault(row.line, "", "session_refused", {"why": str(texts.WORDS[str(refusal.detail["why"])])})
    return None
