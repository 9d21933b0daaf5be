"""Visits."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from fenji.care.registry.models import Resident
from fenji.care.visits.rules import DISPOSITIONS, OPEN
from fenji.ground.common import rls
from fenji.ground.common.models import CText, Keyed
from fenji.ground.network.models import Organisation


class Visit(Keyed):
    """One resident seen by one responsible doctor at one institution."""

    resident = models.ForeignKey(Resident, on_delete=models.PROTECT)
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    path = CText()
    doctor_id = models.UUIDField()
    doctor_name = CText()
    diagnosis_code = CText()
    diagnosis_name = CText()
    disease_group = CText()
    group_version = CText()
    complaint = models.TextField()
    emergency = models.BooleanField(default=False)
    disposition = CText(default=OPEN)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    privacy: ClassVar = {
        "id": "internal",
        "version": "internal",
        "resident": "patient",
        "org": "internal",
        "path": "internal",
        "doctor_id": "person",
        "doctor_name": "person",
        "diagnosis_code": "patient",
        "diagnosis_name": "patient",
        "disease_group": "patient",
        "group_version": "internal",
        "complaint": "patient",
        "emergency": "patient",
        "disposition": "patient",
        "opened_at": "patient",
        "closed_at": "patient",
    }
    shape: ClassVar = rls.owned("visits_visit")
    readers: ClassVar = (rls.under_glass("visits_visit"),)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(disposition__in=(OPEN, *DISPOSITIONS)), name="visit_disposition"),
            models.CheckConstraint(
                condition=Q(closed_at=None, disposition__in=(OPEN, "observe"))
                | (Q(closed_at__isnull=False) & ~Q(disposition=OPEN)),
                name="visit_closed_with_disposition",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["path", "id"], name="visit_path"),
            models.Index(fields=["org", "id"], name="visit_org"),
        ]
