"""Duty lists: who is on duty at an institution, from when to when. What a file does not name stays; taking off is a page's work."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from uuid import UUID

from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from fenji.ground.access.actions import audit_all
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import SHANGHAI
from fenji.ground.common.imports import Column, Judgement, Row
from fenji.ground.network import rules, texts
from fenji.ground.network.imports.base import BATCH, Findings, by_code, governs, in_batches
from fenji.ground.network.models import DutyShift, Organisation, PractitionerRole

_TIME = re.compile(r"([01]?\d|2[0-3])[:：]([0-5]\d)", re.ASCII)
_Shift = tuple[UUID, str, datetime]


class Duty:
    """Shifts of people who work at an institution, by its number for them."""

    code = "duty"
    title = _("Duty list")
    permission = "network.write"
    key = ("org", "number", "duty", "day", "begins")
    columns = (
        Column("org", _("Institution code"), required=True, longest=40, sample="PDY00001X350405"),
        Column("number", _("Staff number"), required=True, longest=30, sample="0001"),
        Column("duty", _("Kind of duty"), "choice", required=True, choices=tuple(texts.DUTIES.items()), sample="emergency"),
        Column("day", _("Day"), "date", required=True, sample="2026-10-01"),
        Column("begins", _("Begins at"), required=True, longest=5, sample="08:00"),
        Column(
            "ends",
            _("Ends at"),
            required=True,
            longest=5,
            sample="17:30",
            note=_("At or before the hour it begins: it ends on the next day."),
        ),
    )

    def judge(self, rows: Sequence[Row], *, by: Actor, at: datetime) -> Judgement:
        """See Listing."""
        found = Findings()
        orgs = by_code(r.values["org"] for r in rows)
        staff, days = _staff(orgs), [r.values["day"] for r in rows]
        there = _there(orgs, days)
        seen: dict[_Shift, int] = {}
        for row in rows:
            v, org = row.values, orgs.get(row.values["org"])
            if org is None:
                found.fault(row, "org", "no_org", given=v["org"])
                continue
            if not governs(by, org.path):
                found.fault(row, "org", "not_yours")
                continue
            for column in ("begins", "ends"):
                if not _TIME.fullmatch(v[column]):
                    found.fault(row, column, "no_time", given=v[column])
            person = _who(staff, org, v["number"], v["day"])
            if person is None:
                found.fault(row, "number", "no_staff", given=v["number"])
            elif _TIME.fullmatch(v["begins"]) and _TIME.fullmatch(v["ends"]):
                start, end = _span(row)
                shift = (person, v["duty"], start)
                if seen.setdefault(shift, row.line) != row.line:
                    found.fault(row, "begins", "shift_twice", line=str(seen[shift]))
                old = there.get(shift)
                found.outcomes[row.line] = "new" if old is None else "same" if old.end == end else "changed"
        return found.done()

    def write(self, rows: Sequence[Row], *, by: Actor, at: datetime, progress: Callable[[int], None]) -> list[dict[str, str]]:
        """See Listing."""
        orgs = by_code(r.values["org"] for r in rows)
        staff, there = _staff(orgs), _there(orgs, [r.values["day"] for r in rows])
        for batch in in_batches(rows, BATCH, progress):
            fresh, moved = [], []
            for row in batch:
                org, duty = orgs[row.values["org"]], row.values["duty"]
                person = _who(staff, org, row.values["number"], row.values["day"])
                if person is None:
                    raise LookupError("a shift of nobody was judged good")
                start, end = _span(row)
                old = there.get((person, duty, start))
                if old is None:
                    fresh.append(DutyShift(org=org, path=org.path, practitioner_id=person, duty=duty, start=start, end=end))
                else:
                    DutyShift.objects.using("load").filter(pk=old.pk).update(end=end, version=F("version") + 1)
                    moved.append(f"duty:{old.pk}")
            DutyShift.objects.using("load").bulk_create(fresh)
            audit_all([f"duty:{s.pk}" for s in fresh], by=by, at=at, action="duty.add", using="load")
            audit_all(moved, by=by, at=at, action="duty.change", using="load")
        return []


def _clock(text: str) -> time:
    hour, minute = _TIME.fullmatch(text).groups()  # type: ignore[union-attr]
    return time(int(hour), int(minute))


def _span(row: Row) -> tuple[datetime, datetime]:
    return rules.shift(row.values["day"], _clock(row.values["begins"]), _clock(row.values["ends"]))


def _staff(orgs: Mapping[str, Organisation]) -> dict[tuple[int, str], list[PractitionerRole]]:
    """Where people work or worked, by institution and by their employer's number for them."""
    work = PractitionerRole.objects.using("load").filter(org__in=[o.id for o in orgs.values()]).select_related("practitioner")
    found: dict[tuple[int, str], list[PractitionerRole]] = {}
    for role in work.order_by("start", "id"):
        found.setdefault((role.org_id, role.practitioner.number), []).append(role)
    return found


def _who(staff: Mapping[tuple[int, str], list[PractitionerRole]], org: Organisation, number: str, day: date) -> UUID | None:
    """Who works there under this number on a day; the institution's own staff before others', nobody when two of those share it,
    and nobody on the last day that a calendar knows: no other follows on which a shift could end."""
    if day == date.max:
        return None
    work = [r for r in staff.get((org.id, number), ()) if r.start <= day and (r.end is None or r.end > day)]
    people = {r.practitioner_id for r in work if r.practitioner.org_id == org.id} or {r.practitioner_id for r in work}
    return people.pop() if len(people) == 1 else None


def _there(orgs: Mapping[str, Organisation], days: Sequence[date]) -> dict[_Shift, DutyShift]:
    if not days:
        return {}
    first, last = (datetime.combine(day, at, SHANGHAI) for day, at in ((min(days), time.min), (max(days), time.max)))
    shifts = DutyShift.objects.using("load").filter(Q(voided_at=None), org__in=[o.id for o in orgs.values()])
    return {(s.practitioner_id, s.duty, s.start): s for s in shifts.filter(start__gte=first, start__lte=last)}
