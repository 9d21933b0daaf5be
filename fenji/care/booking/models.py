"""Clinic sessions, their slots, bookings, the wait list, and when hospitals' own systems were last heard; wards, beds and holds."""

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


class Person(Keyed):
    """Abstract: for whom something is booked or held, as far as a hospital must know it before the patient comes."""

    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+", db_index=False)
    origin_id = models.IntegerField()
    subject = CText()
    url = CText()
    viewer_ids = org_array()
    who = models.TextField()
    sex = CText()
    age = models.SmallIntegerField()
    topic = models.TextField()
    state = CText()

    class Meta:
        abstract = True


class Particulars(Person):
    """Abstract: a booking or a wish: how urgent, and for what."""

    priority = CText()
    kind = CText()
    item = CText(default="")

    class Meta:
        abstract = True


_PERSON = {
    **_internal("id", "version", "org", "origin_id", "subject", "url", "viewer_ids", "state"),
    **dict.fromkeys(("who", "sex", "age", "topic"), "patient"),
}
_PARTICULARS = {**_PERSON, **_internal("kind"), **dict.fromkeys(("priority", "item"), "patient")}


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
    """Somebody who waits for a slot or a bed at a hospital. `why`: nothing free, or nobody knows; `offered`: the slot or bed last
    kept for them. Of a bed: `item` is the kind of ward, `ward` the one that is waited for, none when any of that kind will do.
    """

    ward = models.ForeignKey("Ward", null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    isolation = models.BooleanField(default=False, db_default=False)
    department = models.ForeignKey(Department, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    why = CText()
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    offered = models.UUIDField(null=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = CText(default="")

    privacy: ClassVar = {
        **_PARTICULARS,
        **_internal("department", "ward", "why", "asked_at", "due_at", "offered", "ended_at", "end_reason"),
        "isolation": "patient",
    }
    shape: ClassVar = rls.viewers("booking_waitentry")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=rules.WAIT_STATES), name="waitentry_state"),
            models.CheckConstraint(condition=Q(priority__in=rules.PRIORITIES), name="waitentry_priority"),
            models.CheckConstraint(condition=Q(sex__in=SEXES), name="waitentry_sex"),
            models.CheckConstraint(condition=Q(why__in=rules.WHYS), name="waitentry_why"),
            models.CheckConstraint(condition=Q(ward=None, isolation=False) | Q(kind=rules.BED), name="waitentry_ward_of_a_bed"),
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


class Ward(Keyed):
    """A ward of a department. `partner`: the institution that shares it, with its own department (a joint rehabilitation ward):
    each of the two names a responsible doctor. `source_id`: what the institution's own list calls it. Days half-open: [start, end).
    """

    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+", db_index=False)
    path = CText()
    department = models.ForeignKey(Department, on_delete=models.PROTECT, related_name="+")
    name = CText()
    kind = CText()
    doctor_id = models.UUIDField(null=True)
    doctor_name = CText(default="")
    partner = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    partner_department = models.ForeignKey(Department, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    partner_doctor_id = models.UUIDField(null=True)
    partner_doctor_name = CText(default="")
    start = models.DateField()
    end = models.DateField(null=True)
    source_id = CText(default="", db_default="")

    privacy: ClassVar = {
        **_internal("id", "version", "org", "path", "department", "name", "kind", "partner", "partner_department", "start", "end"),
        **_internal("source_id"),
        **dict.fromkeys(("doctor_id", "doctor_name", "partner_doctor_id", "partner_doctor_name"), "person"),
    }
    shape: ClassVar = kept_by_desk("booking_ward", (MANAGER,))

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=rules.WARD_KINDS), name="ward_kind"),
            models.CheckConstraint(
                condition=Q(partner=None, partner_department=None, partner_doctor_id=None)
                | Q(
                    partner__isnull=False,
                    partner_department__isnull=False,
                    partner_doctor_id__isnull=False,
                    doctor_id__isnull=False,
                    kind=rules.REHABILITATION,
                )
                & ~Q(partner=F("org")),
                name="ward_of_two",
            ),
            models.CheckConstraint(condition=Q(end=None) | Q(end__gte=F("start")), name="ward_days"),
            models.UniqueConstraint(fields=["org", "name"], condition=Q(end=None), name="ward_name_once"),
            models.UniqueConstraint(fields=["org", "source_id"], condition=Q(end=None) & ~Q(source_id=""), name="ward_source_once"),
            models.UniqueConstraint(
                fields=["partner_department"], condition=Q(end=None, partner_department__isnull=False), name="ward_shared_once"
            ),
        ]


class Bed(Keyed):
    """A bed of a ward. `name`: as the census calls it, so that a stay names its bed; `sex`: whom it is for, or
    that the room decides; `source`, `source_id`: as of a session."""

    ward = models.ForeignKey(Ward, on_delete=models.PROTECT)
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+", db_index=False)
    path = CText()
    department = models.ForeignKey(Department, on_delete=models.PROTECT, related_name="+", db_index=False)
    room = CText()
    name = CText()
    isolation = models.BooleanField(default=False)
    sex = CText(default=rules.ANY)
    state = CText(default=rules.IN_USE)
    source = CText(default=rules.TYPED, db_default=rules.TYPED)
    source_id = CText(default="", db_default="")

    privacy: ClassVar = _internal(
        *("id", "version", "ward", "org", "path", "department", "room", "name", "isolation", "sex", "state", "source", "source_id")
    )
    shape: ClassVar = kept_by_desk("booking_bed", (MANAGER,))

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(sex__in=rules.BED_SEXES), name="bed_sex"),
            models.CheckConstraint(condition=Q(state__in=rules.BED_STATES), name="bed_state"),
            models.CheckConstraint(condition=~Q(name="") & ~Q(room=""), name="bed_named"),
            models.CheckConstraint(condition=Q(source__in=rules.SOURCES), name="bed_source"),
            models.UniqueConstraint(fields=["org", "source_id"], condition=~Q(source_id=""), name="bed_source_once"),
            models.UniqueConstraint(fields=["department", "name"], condition=Q(state=rules.IN_USE), name="bed_name_once"),
        ]


class BedHold(Person):
    """A bed for one patient of another or the same institution: held, confirmed by the ward, then used, released or expired.

    Until it ends it has an end, `held_until`. `origin_id`: the institution that holds.
    """

    bed = models.ForeignKey(Bed, on_delete=models.PROTECT, db_index=False)
    isolation = models.BooleanField(default=False)
    made_at = models.DateTimeField()
    held_until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = CText(default="")

    privacy: ClassVar = {
        **_PERSON,
        **_internal("bed", "made_at", "held_until", "ended_at", "end_reason"),
        "isolation": "patient",
    }
    shape: ClassVar = rls.viewers("booking_bedhold")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=rules.HOLD_STATES), name="bedhold_state"),
            models.CheckConstraint(condition=Q(sex__in=SEXES), name="bedhold_sex"),
            models.CheckConstraint(
                condition=Q(state__in=rules.LIVE, held_until__isnull=False, ended_at=None)
                | (~Q(state__in=rules.LIVE) & Q(held_until=None, ended_at__isnull=False)),
                name="bedhold_ends",
            ),
            models.UniqueConstraint(fields=["bed"], condition=Q(state__in=rules.LIVE), name="bedhold_one_on_a_bed"),
            models.UniqueConstraint(fields=["subject"], condition=Q(state__in=rules.LIVE), name="bedhold_one_of_a_subject"),
        ]
        indexes: ClassVar = [
            GinIndex(fields=["viewer_ids"], name="bedhold_viewers"),
            models.Index(fields=["subject"], name="bedhold_subject"),
            models.Index(fields=["held_until"], condition=Q(state__in=rules.LIVE), name="bedhold_holds"),
        ]
