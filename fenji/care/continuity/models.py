"""Packages that go down with a patient, the lines of their plans, the follow-ups that come of them, what happened, and files."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from fenji.care.continuity import rules
from fenji.care.registry.models import Resident
from fenji.care.registry.rules import SEXES
from fenji.care.visits.models import Stay
from fenji.ground.common import rls
from fenji.ground.common.models import CText, Keyed, org_array
from fenji.ground.documents.models import StoredFile
from fenji.ground.network.models import Organisation


class Package(Keyed):
    """What a hospital (`origin`) gives with a patient who goes down: summary and plan (SM-3-6c). The patient's particulars are
    copied, because the receiver has no access to the sender's registry, nor to the stay.

    `subject`: the number of the case. `receiver`: whose team follows, known from the hand-over on. `stage_from`, `stage`: the link
    of the chain of care that ends here and the one that begins (QZ-2-11j). `discharged_on`: the day the plan counts from.
    """

    subject = CText()
    stay = models.ForeignKey(Stay, on_delete=models.PROTECT, db_index=False)
    resident = models.ForeignKey(Resident, on_delete=models.PROTECT)
    patient_name = models.TextField()
    patient_sex = CText()
    patient_birth_date = models.DateField()
    patient_phone = models.BinaryField()
    diagnosis_code = CText()
    diagnosis_name = CText()
    origin = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+", db_index=False)
    receiver = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    viewer_ids = org_array()
    admitted_for = models.TextField(default="")
    course = models.TextField(default="")
    condition = models.TextField(default="")
    medicines = models.TextField(default="")
    no_medicine = models.BooleanField(default=False)
    warning_signs = models.TextField(default="")
    stage_from = CText()
    stage = CText()
    stage_reason = models.TextField(default="")
    written_by_id = models.UUIDField()
    written_by_name = CText()
    written_at = models.DateTimeField()
    state = CText(default=rules.DRAFT)
    discharged_on = models.DateField(null=True)
    handed_over_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = CText(default="")

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "subject", "origin", "receiver", "viewer_ids", "state", "written_at"), "internal"),
        **dict.fromkeys(("handed_over_at", "ended_at"), "internal"),
        **dict.fromkeys(("written_by_id", "written_by_name"), "person"),
        **dict.fromkeys(("stay", "resident", "patient_name", "patient_sex", "patient_birth_date", "patient_phone"), "patient"),
        **dict.fromkeys(("diagnosis_code", "diagnosis_name", "admitted_for", "course", "condition", "medicines"), "patient"),
        **dict.fromkeys(("no_medicine", "warning_signs", "stage_from", "stage", "stage_reason", "discharged_on"), "patient"),
        "end_reason": "patient",
    }
    shape: ClassVar = rls.viewers("continuity_package")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subject"], condition=~Q(state=rules.OVER), name="package_one_live"),
            models.CheckConstraint(condition=Q(patient_sex__in=SEXES), name="package_sex"),
            models.CheckConstraint(condition=Q(stage__in=rules.STAGES, stage_from__in=rules.STAGES), name="package_stage"),
            models.CheckConstraint(
                condition=Q(state=rules.DRAFT, handed_over_at=None, ended_at=None, end_reason="")
                | Q(state=rules.HANDED_OVER, handed_over_at__isnull=False, ended_at=None, end_reason="")
                | Q(state=rules.OVER, ended_at__isnull=False, end_reason__in=rules.END_REASONS),
                name="package_state",
            ),
            models.CheckConstraint(
                condition=Q(handed_over_at=None, receiver=None, discharged_on=None)
                | Q(handed_over_at__isnull=False, receiver__isnull=False, discharged_on__isnull=False),
                name="package_handed_over_to_somebody",
            ),
        ]
        indexes: ClassVar = [
            GinIndex(fields=["viewer_ids"], name="package_viewers"),
            models.Index(fields=["subject"], name="package_subject"),
            models.Index(fields=["origin", "-written_at"], name="package_written"),
        ]


class PlanItem(Keyed):
    """One line of a plan. `first`, `last`: days after discharge; `every`: days between two dates. `ended_at`: the hospital has
    written the plan anew."""

    package = models.ForeignKey(Package, on_delete=models.PROTECT, related_name="items", db_index=False)
    number = models.SmallIntegerField()
    kind = CText()
    service = CText()
    what = models.TextField()
    measure = CText(default="")
    first = models.SmallIntegerField()
    last = models.SmallIntegerField()
    every = models.SmallIntegerField()
    low = models.DecimalField(null=True, max_digits=7, decimal_places=2)
    high = models.DecimalField(null=True, max_digits=7, decimal_places=2)
    ended_at = models.DateTimeField(null=True)

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "number", "ended_at"), "internal"),
        **dict.fromkeys(("package", "kind", "service", "what", "measure", "first", "last", "every", "low", "high"), "patient"),
    }
    shape: ClassVar = rls.through("continuity_planitem", "continuity_package", "package_id")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=rules.KINDS), name="planitem_kind"),
            models.CheckConstraint(condition=Q(service__in=rules.SERVICES), name="planitem_service"),
            models.CheckConstraint(
                condition=Q(kind=rules.MEASUREMENT) & ~Q(measure="") | ~Q(kind=rules.MEASUREMENT) & Q(measure=""),
                name="planitem_measure",
            ),
            models.UniqueConstraint(fields=["package", "number"], condition=Q(ended_at=None), name="planitem_number"),
        ]


class FollowUp(Keyed):
    """One day of a plan, for the team at `org`. `items`: numbers of the lines that are due; `planned_on`: the day of the plan,
    `due_on`: the day it is to be done now, later where nobody was reached. `assigned_*`: one of the team, else all of it.

    `values`: what was measured, with the number of the line, the measure, the numbers as text and how they stand.
    """

    package = models.ForeignKey(Package, on_delete=models.PROTECT, related_name="follow_ups", db_index=False)
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+", db_index=False)
    viewer_ids = org_array()
    planned_on = models.DateField()
    due_on = models.DateField()
    items = ArrayField(models.SmallIntegerField())
    assigned_id = models.UUIDField(null=True)
    assigned_name = CText(default="")
    state = CText(default=rules.OPEN)
    tries = models.SmallIntegerField(default=0)
    outcome = CText(default="")
    values = models.JSONField(default=list)
    note = models.TextField(default="")
    at = models.DateTimeField(null=True)
    by_id = models.UUIDField(null=True)
    by_name = CText(default="")

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "org", "viewer_ids", "state", "tries", "at"), "internal"),
        **dict.fromkeys(("assigned_id", "assigned_name", "by_id", "by_name"), "person"),
        **dict.fromkeys(("package", "planned_on", "due_on", "items", "outcome", "values", "note"), "patient"),
    }
    shape: ClassVar = rls.viewers("continuity_followup")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["package", "planned_on"], name="followup_one_a_day"),
            models.CheckConstraint(condition=Q(state__in=rules.FOLLOW_UP_STATES), name="followup_state"),
            models.CheckConstraint(condition=Q(outcome__in=("", *rules.OUTCOMES)), name="followup_outcome"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["org", "due_on", "id"], condition=Q(state=rules.OPEN), name="followup_list"),
        ]


class PackageEvent(Keyed):
    """What happened to a package and its plan: who did what, with what was said. `day`: of the follow-up it is about."""

    package = models.ForeignKey(Package, on_delete=models.PROTECT, related_name="events", db_index=False)
    at = models.DateTimeField()
    actor_id = models.UUIDField()
    actor_name = CText()
    org_name = CText()
    action = CText()
    day = models.DateField(null=True)
    outcome = CText(default="")
    note = models.TextField(default="")

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "at", "org_name", "action"), "internal"),
        **dict.fromkeys(("actor_id", "actor_name"), "person"),
        **dict.fromkeys(("package", "day", "outcome", "note"), "patient"),
    }
    shape: ClassVar = rls.through("continuity_packageevent", "continuity_package", "package_id")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["package", "at"], name="packageevent_of")]


class Attachment(Keyed):
    """A file that goes with a package: a report, a picture. Taken out while the package is a draft, and kept from then on."""

    package = models.ForeignKey(Package, on_delete=models.PROTECT, related_name="attachments")
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+", db_index=False)
    what = models.TextField()
    at = models.DateTimeField()
    by_name = CText()
    voided_at = models.DateTimeField(null=True)

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "file", "at", "voided_at"), "internal"),
        **dict.fromkeys(("package", "what"), "patient"),
        "by_name": "person",
    }
    shape: ClassVar = rls.through("continuity_attachment", "continuity_package", "package_id")
