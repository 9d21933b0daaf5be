"""Clinic sessions, their slots, bookings, the wait list, and when hospitals' own systems were last heard."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from fenji.care.booking import rules
from fenji.care.registry.rules import SEXES
from fenji.ground.access.rules import DESK, MACHINE, MANAGER
from fenji.ground.common import rls
from fenji.ground.common.models import CText, House, Keyed, org_array
from fenji.ground.network.models import Department, Organisation, Practitioner

_READ = "(SELECT access_scope_account()) IS NOT NULL"


def kept_by_desk(table: str, roles: tuple[str, ...] = (DESK, MANAGER)) -> rls.Shape:
    """Rows about nobody's health: everybody signed in reads them; the hospital's desk and head change them, and its own system."""
    own = f"{table}.org_id = ANY ((SELECT access_scope_orgs())::int[])"
    named = ", ".join(f"'{role}'" for role in roles)
    people = f"({own} AND (SELECT access_scope_role()) = ANY (ARRAY[{named}])) OR " if roles else ""
    return rls.Shape("desk", f"{people}({rls.within(table, {MACHINE})})", read=_READ)


def _internal(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "internal")


class ClinicSession(Keyed):
    """A clinic or an examination on one day, with places. `release_at`: from then on the public may take what was reserved.

    `source_id`: what the hospital's own system, or its list, calls it. A session whose time changes is cancelled and opened anew.
    """

    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    path = CText()
    department = models.ForeignKey(Department, null=True, on_delete=models.PROTECT, db_index=False)
    kind = CText()
    name = CText()
    item = CText(default="")
    specialty = CText(default="")
    expert = models.BooleanField(default=False)
    practitioner = models.ForeignKey(Practitioner, null=True, on_delete=models.PROTECT, related_name="+")
    doctor_name = CText(default="")
    start_at = models.DateTimeField()
    end_at = models.DateTimeField()
    release_at = models.DateTimeField()
    source = CText()
    source_id = CText(default="")
    state = CText(default=rules.OPEN)
    reason = models.TextField(default="")

    privacy: ClassVar = {
        **_internal("id", "version", "org", "path", "department", "kind", "name", "item", "specialty", "expert", "start_at"),
        **_internal("end_at", "release_at", "source", "source_id", "state"),
        **dict.fromkeys(("practitioner", "doctor_name", "reason"), "person"),
    }
    shape: ClassVar = kept_by_desk("booking_clinicsession")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=rules.KINDS), name="clinicsession_kind"),
            models.CheckConstraint(condition=Q(source__in=rules.SOURCES), name="clinicsession_source"),
            models.CheckConstraint(condition=Q(state__in=rules.SESSION_STATES), name="clinicsession_state"),
            models.CheckConstraint(condition=Q(end_at__gt=F("start_at")), name="clinicsession_times"),
            models.CheckConstraint(condition=Q(release_at__lte=F("start_at")), name="clinicsession_release"),
            models.CheckConstraint(condition=Q(kind=rules.CLINIC) | ~Q(item=""), name="clinicsession_item"),
            models.UniqueConstraint(
                fields=["org", "source_id"], condition=~Q(source_id="") & Q(state=rules.OPEN), name="clinicsession_source_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["org", "start_at"], name="clinicsession_week"),
            # free slots are looked for among the sessions that have not ended, not among those of all years
            models.Index(fields=["org", "specialty", "end_at"], condition=Q(state=rules.OPEN), name="clinicsession_ahead"),
            models.Index(fields=["department", "end_at"], condition=Q(state=rules.OPEN), name="clinicsession_ahead_there"),
        ]


class Slot(Keyed):
    """One place in a session. `reserved`: for patients whom primary care refers, until the session's release.

    `taken` is kept by the database alone: true while a booking has it. `outside`: what the hospital's own system calls its booking,
    of whom nothing is known here. `kept_*`: for the first of those who wait, for a time.
    """

    session = models.ForeignKey(ClinicSession, on_delete=models.PROTECT)
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    path = CText()
    start_at = models.DateTimeField()
    position = models.SmallIntegerField()
    reserved = models.BooleanField()
    taken = models.BooleanField(default=False)
    outside = CText(default="")
    voided_at = models.DateTimeField(null=True)
    kept_until = models.DateTimeField(null=True)
    kept_rank = models.SmallIntegerField(default=0)
    kept_for = models.UUIDField(null=True)

    privacy: ClassVar = _internal(
        *("id", "version", "session", "org", "path", "start_at", "position", "reserved", "taken", "outside", "voided_at"),
        *("kept_until", "kept_rank", "kept_for"),
    )
    shape: ClassVar = kept_by_desk("booking_slot")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["session", "position"], name="slot_position"),
            models.CheckConstraint(condition=Q(taken=False) | Q(outside="", voided_at=None), name="slot_one_taker"),
            models.CheckConstraint(condition=Q(outside="") | Q(voided_at=None), name="slot_outside_there"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["org", "start_at"], condition=Q(taken=False, outside="", voided_at=None), name="slot_free"),
        ]


class Particulars(Keyed):
    """Abstract: of whom a booking or a wish is, as far as a hospital's desk must know it before the patient comes."""

    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+", db_index=False)
    origin_id = models.IntegerField()
    subject = CText()
    url = CText()
    viewer_ids = org_array()
    who = models.TextField()
    sex = CText()
    age = models.SmallIntegerField()
    topic = models.TextField()
    priority = CText()
    kind = CText()
    item = CText(default="")
    state = CText()

    class Meta:
        abstract = True


_PARTICULARS = {
    **_internal("id", "version", "org", "origin_id", "subject", "url", "viewer_ids", "kind", "state"),
    **dict.fromkeys(("who", "sex", "age", "topic", "priority", "item"), "patient"),
}


class Booking(Particulars):
    """A slot for one patient: held until `held_until`, then confirmed, used, missed, released, or to be moved elsewhere."""

    slot = models.ForeignKey(Slot, on_delete=models.PROTECT)
    start_at = models.DateTimeField()
    made_at = models.DateTimeField()
    held_until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = CText(default="")
    moved_from = models.UUIDField(null=True)

    privacy: ClassVar = {
        **_PARTICULARS,
        **_internal("slot", "start_at", "made_at", "held_until", "ended_at", "end_reason", "moved_from"),
    }
    shape: ClassVar = rls.viewers("booking_booking")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=rules.STATES), name="booking_state"),
            models.CheckConstraint(condition=Q(priority__in=rules.PRIORITIES), name="booking_priority"),
            models.CheckConstraint(condition=Q(sex__in=SEXES), name="booking_sex"),
            models.CheckConstraint(
                condition=Q(state=rules.HELD, held_until__isnull=False) | (~Q(state=rules.HELD) & Q(held_until=None)),
                name="booking_a_hold_ends",
            ),
            models.CheckConstraint(
                condition=Q(state__in=rules.UNSETTLED, ended_at=None) | (~Q(state__in=rules.UNSETTLED) & Q(ended_at__isnull=False)),
                name="booking_ended",
            ),
            models.UniqueConstraint(fields=["slot"], condition=Q(state__in=rules.TAKING), name="booking_one_on_a_slot"),
            models.UniqueConstraint(
                fields=["subject", "kind", "item"], condition=Q(state__in=rules.UNSETTLED), name="booking_one_of_a_kind"
            ),
        ]
        indexes: ClassVar = [
            GinIndex(fields=["viewer_ids"], name="booking_viewers"),
            models.Index(fields=["org", "start_at"], name="booking_day"),
            models.Index(fields=["subject"], name="booking_subject"),
            models.Index(fields=["held_until"], condition=Q(state=rules.HELD), name="booking_holds"),
        ]


class WaitEntry(Particulars):
    """Somebody who waits for a slot at a hospital. `why`: nothing free, or nobody knows; `offered`: the slot last kept for them."""

    department = models.ForeignKey(Department, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    why = CText()
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    offered = models.UUIDField(null=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = CText(default="")

    privacy: ClassVar = {
        **_PARTICULARS,
        **_internal("department", "why", "asked_at", "due_at", "offered", "ended_at", "end_reason"),
    }
    shape: ClassVar = rls.viewers("booking_waitentry")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=rules.WAIT_STATES), name="waitentry_state"),
            models.CheckConstraint(condition=Q(priority__in=rules.PRIORITIES), name="waitentry_priority"),
            models.CheckConstraint(condition=Q(sex__in=SEXES), name="waitentry_sex"),
            models.CheckConstraint(condition=Q(why__in=rules.WHYS), name="waitentry_why"),
            models.CheckConstraint(
                condition=Q(state=rules.WAITING, ended_at=None) | (~Q(state=rules.WAITING) & Q(ended_at__isnull=False)),
                name="waitentry_ended",
            ),
            models.UniqueConstraint(
                fields=["subject", "kind", "item"], condition=Q(state=rules.WAITING), name="waitentry_one_of_a_kind"
            ),
        ]
        indexes: ClassVar = [
            GinIndex(fields=["viewer_ids"], name="waitentry_viewers"),
            models.Index(fields=["subject"], name="waitentry_subject"),
            models.Index(fields=["org", "asked_at"], condition=Q(state=rules.WAITING), name="waitentry_queue"),
        ]


class Feed(House):
    """When a hospital's own system last said anything."""

    org = models.OneToOneField(Organisation, primary_key=True, on_delete=models.PROTECT, related_name="+")
    path = CText()
    heard_at = models.DateTimeField()

    privacy: ClassVar = _internal("org", "path", "heard_at")
    shape: ClassVar = kept_by_desk("booking_feed", ())
