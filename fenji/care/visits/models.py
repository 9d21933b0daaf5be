"""Visits, their hand-overs and events, the register of notifiable diseases, and stays in hospital."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from fenji.care.registry.models import Resident
from fenji.care.visits import rules
from fenji.care.visits.rules import FED_DISPOSITIONS, OPEN
from fenji.ground.common import rls
from fenji.ground.common.models import CText, Keyed
from fenji.ground.network.models import Department, Organisation


class Visit(Keyed):
    """One resident seen by one responsible doctor at one institution.

    `source_id`: the record's name in the system that feeds it, empty for one that was typed; `source_at`: which version of it this
    is. `grade`: class of the notifiable disease, empty for any other; `suspected`: not confirmed, which counts alike. `alert_at`:
    closed elsewhere without a disposition; `settled_at`: when the head of the institution answered for it.
    """

    resident = models.ForeignKey(Resident, on_delete=models.PROTECT)
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    path = CText()
    department = models.ForeignKey(Department, null=True, on_delete=models.PROTECT, db_index=False)
    doctor_id = models.UUIDField()
    doctor_name = CText()
    diagnosis_code = CText()
    diagnosis_name = CText()
    disease_group = CText()
    group_version = CText()
    suspected = models.BooleanField(default=False, db_default=False)
    grade = CText(default="", db_default="")
    complaint = models.TextField()
    emergency = models.BooleanField(default=False)
    disposition = CText(default=OPEN)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    source_id = CText(default="", db_default="")
    source_at = models.DateTimeField(null=True)
    alert_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)

    privacy: ClassVar = {
        "id": "internal",
        "version": "internal",
        "resident": "patient",
        "org": "internal",
        "path": "internal",
        "department": "internal",
        "doctor_id": "person",
        "doctor_name": "person",
        "diagnosis_code": "patient",
        "diagnosis_name": "patient",
        "disease_group": "patient",
        "group_version": "internal",
        "suspected": "patient",
        "grade": "patient",
        "complaint": "patient",
        "emergency": "patient",
        "disposition": "patient",
        "opened_at": "patient",
        "closed_at": "patient",
        "source_id": "patient",
        "source_at": "internal",
        "alert_at": "internal",
        "settled_at": "internal",
    }
    shape: ClassVar = rls.owned("visits_visit")
    readers: ClassVar = (rls.under_glass("visits_visit"),)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(disposition__in=(OPEN, *FED_DISPOSITIONS)), name="visit_disposition"),
            # who is sent up is sent up at once; the visit closes when the parts that a notifiable disease asks for are there
            models.CheckConstraint(
                condition=Q(closed_at=None, disposition__in=(OPEN, "observe"))
                | Q(closed_at=None, disposition="referred_up") & ~Q(grade="")
                | (Q(closed_at__isnull=False) & ~Q(disposition=OPEN)),
                name="visit_closed_with_disposition",
            ),
            models.CheckConstraint(condition=Q(grade__in=("", *rules.GRADES)), name="visit_grade"),
            models.CheckConstraint(condition=~Q(disposition="unstated") | Q(alert_at__isnull=False), name="visit_alert"),
            models.UniqueConstraint(fields=["org", "source_id"], condition=~Q(source_id=""), name="visit_source_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["path", "id"], name="visit_path"),
            models.Index(fields=["org", "id"], name="visit_org"),
            models.Index(fields=["org", "-opened_at", "-id"], name="visit_days"),
        ]


# others who read a visit under an emergency opening write nothing on it
_WRITABLE = f"({rls.owned('parent').using})"


class Handover(Keyed):
    """A proposal to hand a visit over: to a doctor, or to a department, where any doctor may accept."""

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT)
    from_id = models.UUIDField()
    from_name = CText()
    to_id = models.UUIDField(null=True)
    to_name = CText(default="")
    department = models.ForeignKey(Department, null=True, on_delete=models.PROTECT, db_index=False)
    note = models.TextField(default="")
    state = CText(default=rules.PROPOSED)
    proposed_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    answered_by = CText(default="")
    answer = models.TextField(default="")

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "department", "state", "proposed_at", "answered_at"), "internal"),
        **dict.fromkeys(("from_id", "from_name", "to_id", "to_name", "answered_by"), "person"),
        **dict.fromkeys(("visit", "note", "answer"), "patient"),
    }
    shape: ClassVar = rls.through("visits_handover", "visits_visit", "visit_id", _WRITABLE)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["visit"], condition=Q(state="proposed"), name="handover_one_open"),
            models.CheckConstraint(condition=Q(state__in=rules.HANDOVERS), name="handover_state"),
            models.CheckConstraint(condition=Q(to_id__isnull=False) | Q(department__isnull=False), name="handover_to"),
        ]


class Infection(Keyed):
    """An entry of the register of notifiable diseases (传染病登记), begun with the visit and owed in three parts (SM-3-4d).

    `due_at`: until when it is to be reported. Who did each part, and when, stands beside it.
    """

    visit = models.OneToOneField(Visit, on_delete=models.PROTECT)
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    path = CText()
    grade = CText()
    disease = CText()
    found_at = models.DateTimeField()
    due_at = models.DateTimeField()
    measures = models.TextField(default="")
    measures_by = CText(default="")
    measures_at = models.DateTimeField(null=True)
    report_number = CText(default="")
    reported_by = CText(default="")
    reported_at = models.DateTimeField(null=True)
    onset_on = models.DateField(null=True)
    contacts = models.TextField(default="")
    registered_by = CText(default="")
    registered_at = models.DateTimeField(null=True)
    voided_at = models.DateTimeField(null=True)

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "org", "path", "due_at", "voided_at"), "internal"),
        **dict.fromkeys(("visit", "grade", "disease", "found_at", "measures", "measures_at", "report_number"), "patient"),
        **dict.fromkeys(("reported_at", "onset_on", "contacts", "registered_at"), "patient"),
        **dict.fromkeys(("measures_by", "reported_by", "registered_by"), "person"),
    }
    shape: ClassVar = rls.owned("visits_infection")

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(grade__in=rules.GRADES), name="infection_grade")]
        indexes: ClassVar = [models.Index(fields=["org", "-found_at", "-id"], name="infection_days")]


class VisitEvent(Keyed):
    """What happened to a visit: who did what, with what was said."""

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT)
    at = models.DateTimeField()
    actor_id = models.UUIDField()
    actor_name = CText()
    action = CText()
    note = models.TextField(default="")

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "at", "action"), "internal"),
        **dict.fromkeys(("actor_id", "actor_name"), "person"),
        **dict.fromkeys(("visit", "note"), "patient"),
    }
    shape: ClassVar = rls.through("visits_visitevent", "visits_visit", "visit_id", _WRITABLE)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["visit", "at"], name="visitevent_of")]


class Stay(Keyed):
    """One resident in hospital at one institution, from admission to discharge (住院).

    `phase`: where the illness stands, empty while nobody has said; it decides who may go down (SM-1-2b). `bed`: as the ward calls
    it. `way_out`: how the stay ended, empty while it lasts. `source_id`, `source_at`: as of a visit.
    """

    resident = models.ForeignKey(Resident, on_delete=models.PROTECT)
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    path = CText()
    department = models.ForeignKey(Department, null=True, on_delete=models.PROTECT, db_index=False)
    bed = CText(default="")
    doctor_id = models.UUIDField()
    doctor_name = CText()
    diagnosis_code = CText()
    diagnosis_name = CText()
    disease_group = CText()
    group_version = CText()
    phase = CText(default="")
    phase_at = models.DateTimeField(null=True)
    admitted_at = models.DateTimeField()
    discharged_at = models.DateTimeField(null=True)
    way_out = CText(default="")
    source_id = CText(default="", db_default="")
    source_at = models.DateTimeField(null=True)

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "org", "path", "department", "group_version", "phase_at", "source_at"), "internal"),
        **dict.fromkeys(("doctor_id", "doctor_name"), "person"),
        **dict.fromkeys(("resident", "bed", "diagnosis_code", "diagnosis_name", "disease_group", "phase"), "patient"),
        **dict.fromkeys(("admitted_at", "discharged_at", "way_out", "source_id"), "patient"),
    }
    shape: ClassVar = rls.of_org("visits_stay")
    readers: ClassVar = (rls.under_glass("visits_stay"),)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(phase__in=("", *rules.PHASES)), name="stay_phase"),
            models.CheckConstraint(
                condition=Q(discharged_at=None, way_out="") | Q(discharged_at__isnull=False, way_out__in=rules.FED_WAYS_OUT),
                name="stay_ended_with_a_way",
            ),
            models.CheckConstraint(condition=Q(discharged_at=None) | Q(discharged_at__gte=F("admitted_at")), name="stay_times"),
            models.UniqueConstraint(fields=["org", "resident"], condition=Q(discharged_at=None), name="stay_one_open"),
            models.UniqueConstraint(fields=["org", "source_id"], condition=~Q(source_id=""), name="stay_source_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["path", "id"], name="stay_path"),
            models.Index(fields=["org", "-admitted_at", "-id"], name="stay_days"),
        ]


class StayEvent(Keyed):
    """What happened in a stay: who did what, with what was said."""

    stay = models.ForeignKey(Stay, on_delete=models.PROTECT)
    at = models.DateTimeField()
    actor_id = models.UUIDField()
    actor_name = CText()
    action = CText()
    before = CText(default="")
    after = CText(default="")

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "at", "action"), "internal"),
        **dict.fromkeys(("actor_id", "actor_name"), "person"),
        **dict.fromkeys(("stay", "before", "after"), "patient"),
    }
    shape: ClassVar = rls.through("visits_stayevent", "visits_stay", "stay_id", f"({rls.of_org('parent').using})")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["stay", "at"], name="stayevent_of")]
