"""Staff: entering, titles, where they work, duty."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F

from fenji.ground.access.actions import audit
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.refusal import Refused, Stale, Unknown
from fenji.ground.network.actions.reach import require_reach
from fenji.ground.network.models import DutyShift, ForceMember, Organisation, Practitioner, PractitionerRole, TitleHeld


class BadShift(Refused):
    """A duty shift that cannot be. detail: why."""

    code = "bad_shift"


class NumberTaken(Refused):
    """Somebody else of the institution has, or had, this staff number."""

    code = "number_taken"


class SecondHead(Refused):
    """A group has one head, and one leader of the three medical sectors (F64-1-1a)."""

    code = "second_head"


def _org(org_id: int, by: Actor, using: str) -> Organisation:
    org = Organisation.objects.using(using).filter(pk=org_id, end=None).first()
    if org is None:
        raise Unknown(what="organisation")
    if by.org_id != org_id:
        require_reach(by, org.path)
    return org


def enter_practitioner(
    org_id: int, facts: Mapping[str, Any], *, on: date, by: Actor, at: datetime, using: str = "default"
) -> Practitioner:
    """Enter somebody at their employer, with their title and their work there. Raises Unknown, OutOfReach, NumberTaken."""
    with transaction.atomic(using=using):
        org = _org(org_id, by, using)
        person = Practitioner(org=org, path=org.path, start=on, **facts)
        try:
            with transaction.atomic(using=using):
                person.save(using=using, force_insert=True)
        except IntegrityError as error:
            raise NumberTaken from error
        title = TitleHeld(practitioner=person, org=org, path=org.path, title=person.title, start=person.titled_on or on)
        title.save(using=using, force_insert=True)
        work = PractitionerRole(practitioner=person, org=org, path=org.path, kind="employed", start=on)
        work.save(using=using, force_insert=True)
        audit(by=by, at=at, action="staff.enter", subject=f"practitioner:{person.id}", using=using, org=org_id)
    return person


def change_practitioner(
    practitioner_id: UUID, version: int, facts: Mapping[str, Any], *, on: date, by: Actor, at: datetime, using: str = "default"
) -> Practitioner:
    """Change what is known of somebody; a new title counts from its day. Raises Unknown, Stale, OutOfReach."""
    with transaction.atomic(using=using):
        person = Practitioner.objects.using(using).select_for_update().filter(pk=practitioner_id).first()
        if person is None:
            raise Unknown(what="practitioner")
        org = _org(person.org_id, by, using)
        if person.version != version:
            raise Stale
        former = person.title
        for name, value in facts.items():
            setattr(person, name, value)
        person.version += 1
        person.save(using=using, update_fields=[*facts, "version"])
        if person.title != former:
            day = facts.get("titled_on") or on
            TitleHeld.objects.using(using).update_or_create(
                practitioner=person, start=day, defaults={"org": org, "path": org.path, "title": person.title}
            )
        audit(by=by, at=at, action="staff.change", subject=f"practitioner:{person.id}", after=",".join(sorted(facts)), using=using)
    return person


def assign(
    practitioner_id: UUID,
    org_id: int,
    kind: str,
    *,
    start: date,
    end: date | None = None,
    department_id: int | None = None,
    by: Actor,
    at: datetime,
    using: str = "default",
) -> PractitionerRole:
    """Have somebody work at an institution: sent down, or at several sites. Who administers the receiving place decides.

    Raises Unknown, OutOfReach, BadShift.
    """
    with transaction.atomic(using=using):
        org = _org(org_id, by, using)
        person = Practitioner.objects.using(using).filter(pk=practitioner_id).first()
        if person is None:
            raise Unknown(what="practitioner")
        row = PractitionerRole(
            practitioner=person, org=org, path=org.path, kind=kind, department_id=department_id, start=start, end=end
        )
        try:
            with transaction.atomic(using=using):
                row.save(using=using, force_insert=True)
        except IntegrityError as error:
            raise BadShift(why="dates" if "dates" in str(error) else "twice") from error
        audit(by=by, at=at, action="staff.assign", subject=f"practitioner:{person.id}", after=kind, using=using, org=org_id)
    return row


def end_work(role_id: UUID, version: int, *, on: date, by: Actor, at: datetime) -> PractitionerRole:
    """Somebody no longer works at a place from a day on; at their employer: they leave it, once they work nowhere else.

    Who enters the staff of that place decides. Raises Unknown, Stale, OutOfReach, BadShift.
    """
    with transaction.atomic():
        row = PractitionerRole.objects.select_for_update().filter(pk=role_id).first()
        if row is None:
            raise Unknown(what="work")
        _org(row.org_id, by, "default")
        if row.version != version or (row.end is not None and row.end <= on):
            raise Stale
        if on <= row.start:
            raise BadShift(why="dates")
        if row.kind == "employed":
            others = PractitionerRole.objects.filter(practitioner_id=row.practitioner_id).exclude(pk=row.pk).exclude(end__lte=on)
            if others.exists():
                raise BadShift(why="elsewhere")
            Practitioner.objects.filter(pk=row.practitioner_id).update(end=on, version=F("version") + 1)
        row.end, row.version = on, row.version + 1
        row.save(update_fields=["end", "version"])
        audit(by=by, at=at, action="staff.leave", subject=f"practitioner:{row.practitioner_id}", before=row.kind, org=row.org_id)
    return row


def put_on_duty(
    practitioner_id: UUID,
    org_id: int,
    duty: str,
    start: datetime,
    end: datetime,
    *,
    department_id: int | None = None,
    by: Actor,
    at: datetime,
) -> DutyShift:
    """Put somebody who works at an institution on its duty list. Raises Unknown, OutOfReach, BadShift."""
    with transaction.atomic():
        org = _org(org_id, by, "default")
        day = local_day(start)
        works = PractitionerRole.objects.filter(practitioner_id=practitioner_id, org=org, start__lte=day)
        if not works.exclude(end__lte=day).exists():
            raise BadShift(why="not_here")
        row = DutyShift(
            org=org, path=org.path, practitioner_id=practitioner_id, department_id=department_id, duty=duty, start=start, end=end
        )
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as error:
            raise BadShift(why="times" if "times" in str(error) else "twice") from error
        audit(by=by, at=at, action="duty.add", subject=f"duty:{row.id}", after=duty, org=org_id)
    return row


def take_off_duty(shift_id: UUID, version: int, *, by: Actor, at: datetime) -> DutyShift:
    """Take a shift off the list; it stays, struck out. Raises Unknown, Stale, OutOfReach."""
    with transaction.atomic():
        row = DutyShift.objects.select_for_update().filter(pk=shift_id).first()
        if row is None:
            raise Unknown(what="shift")
        _org(row.org_id, by, "default")
        if row.version != version or row.voided_at is not None:
            raise Stale
        row.voided_at, row.version = at, row.version + 1
        row.save(update_fields=["voided_at", "version"])
        audit(by=by, at=at, action="duty.void", subject=f"duty:{row.id}", org=row.org_id)
    return row


def seat_in_force(
    org_id: int, name: str, role: str, *, position: str = "", on: date, by: Actor, at: datetime, using: str = "default"
) -> ForceMember:
    """Give somebody a seat in a leading group, secretariat or task force. Raises Unknown, OutOfReach, SecondHead."""
    with transaction.atomic(using=using):
        org = _org(org_id, by, using)
        row = ForceMember(org=org, path=org.path, name=name, position=position, role=role, start=on)
        try:
            with transaction.atomic(using=using):
                row.save(using=using, force_insert=True)
        except IntegrityError as error:
            raise SecondHead from error
        audit(by=by, at=at, action="force.seat", subject=f"org:{org_id}", after=role, using=using)
    return row


def end_seat(member_id: UUID, version: int, *, on: date, by: Actor, at: datetime) -> ForceMember:
    """End a seat in a leading group, secretariat or task force on a day. Raises Unknown, Stale, OutOfReach, BadShift."""
    with transaction.atomic():
        row = ForceMember.objects.select_for_update().filter(pk=member_id).first()
        if row is None:
            raise Unknown(what="seat")
        _org(row.org_id, by, "default")
        if row.version != version or row.end is not None:
            raise Stale
        if on <= row.start:
            raise BadShift(why="dates")
        row.end, row.version = on, row.version + 1
        row.save(update_fields=["end", "version"])
        audit(by=by, at=at, action="force.leave", subject=f"org:{row.org_id}", before=row.role)
    return row
