"""Regions with dated codes, names and parents, and what became of them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from fenji.ground.access.rules import SYSTEM_ADMIN
from fenji.ground.common import rls
from fenji.ground.common.models import CText, House
from fenji.ground.network.rules import REGION_KINDS, SUCCESSIONS


def public(*names: str) -> dict[str, str]:
    """Field names → the class of what anybody may know."""
    return dict.fromkeys(names, "public")


class Region(House):
    """An administrative or functional region. The id is permanent; code, name and parent are dated.

    `reporting_parent`: whom a functional region (a development zone, 平潭) reports to beside its administrative parent.
    """

    id = models.IntegerField(primary_key=True)
    kind = CText()
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT)
    reporting_parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+", db_index=False)

    privacy: ClassVar = public("id", "kind", "parent", "reporting_parent")
    shape: ClassVar = rls.governed("network_region", {SYSTEM_ADMIN}, path="")

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(kind__in=REGION_KINDS), name="region_kind")]


class RegionName(House):
    """Code, name and parent of a region from one day (to another)."""

    id = models.BigAutoField(primary_key=True)
    region = models.ForeignKey(Region, on_delete=models.PROTECT)
    code = CText()
    name = CText()
    parent = models.ForeignKey(Region, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    start = models.DateField()
    end = models.DateField(null=True)

    privacy: ClassVar = public("id", "region", "code", "name", "parent", "start", "end")
    shape: ClassVar = rls.governed("network_regionname", {SYSTEM_ADMIN}, path="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["region"], condition=Q(end=None), name="region_one_present_name"),
            models.UniqueConstraint(fields=["code"], condition=Q(end=None), name="region_one_present_code"),
            models.CheckConstraint(condition=Q(end=None) | Q(end__gt=F("start")), name="region_name_dates"),
        ]
        indexes: ClassVar = [models.Index(fields=["code"], name="region_code")]


class RegionSuccession(House):
    """A region that was merged into or split from another."""

    id = models.BigAutoField(primary_key=True)
    predecessor = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="+")
    successor = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="+")
    kind = CText()
    on = models.DateField()

    privacy: ClassVar = public("id", "predecessor", "successor", "kind", "on")
    shape: ClassVar = rls.governed("network_regionsuccession", {SYSTEM_ADMIN}, path="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["predecessor", "successor"], name="region_succession_once"),
            models.CheckConstraint(condition=Q(kind__in=SUCCESSIONS), name="region_succession_kind"),
            models.CheckConstraint(condition=~Q(predecessor=F("successor")), name="region_succession_two"),
        ]
