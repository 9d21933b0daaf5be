"""Alliances of four kinds, and their dated members."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from fenji.ground.access.rules import SYSTEM_ADMIN
from fenji.ground.common import rls
from fenji.ground.common.models import CText, House
from fenji.ground.network import rules
from fenji.ground.network.models.organisations import Organisation, apart, dates
from fenji.ground.network.models.regions import public


class Alliance(House):
    """A county community, city group, specialty alliance or tele-network, dated.

    `unified`: which of people, money and goods are under one management (F64-1-3a).
    """

    id = models.IntegerField(primary_key=True)
    kind = CText()
    name = CText()
    specialty = CText(default="")
    unified = ArrayField(CText(), default=list)
    pilot = models.BooleanField(default=False)
    start = models.DateField(null=True)
    end = models.DateField(null=True)
    version = models.IntegerField(default=1)

    privacy: ClassVar = public("id", "kind", "name", "specialty", "unified", "pilot", "start", "end", "version")
    shape: ClassVar = rls.governed("network_alliance", {SYSTEM_ADMIN}, path="")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=rules.ALLIANCE_KINDS), name="alliance_kind"),
            models.CheckConstraint(condition=Q(unified__contained_by=list(rules.RESOURCES)), name="alliance_unified"),
            models.UniqueConstraint(fields=["name"], condition=Q(end=None), name="alliance_name"),
            dates("alliance_dates"),
        ]


class Membership(House):
    """An organisation in an alliance, dated; several alliances at once are usual.

    `kind` repeats the alliance's, so that the database can hold what may be only once: one county community, one city group.
    """

    id = models.BigAutoField(primary_key=True)
    alliance = models.ForeignKey(Alliance, on_delete=models.PROTECT)
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    kind = CText(default="county_community")
    role = CText()
    start = models.DateField()
    end = models.DateField(null=True)
    document = models.TextField(default="")

    privacy: ClassVar = public("id", "alliance", "org", "kind", "role", "start", "end", "document")
    shape: ClassVar = rls.governed("network_membership", {SYSTEM_ADMIN}, path="")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(role__in=rules.MEMBER_ROLES), name="membership_role"),
            models.UniqueConstraint(fields=["alliance", "org"], condition=Q(end=None), name="membership_once"),
            models.UniqueConstraint(fields=["alliance"], condition=Q(end=None, role="lead"), name="membership_one_lead"),
            apart("membership_apart", "alliance", "org"),
            apart("membership_lead_apart", "alliance", condition=Q(role="lead")),
            apart("membership_one_community", "org", condition=Q(kind="county_community")),
            apart("membership_one_group", "org", condition=Q(kind="city_group")),
            dates("membership_dates"),
        ]
